"""The database of a test run is a copy of one that all migrations have made: to migrate takes half a minute, to copy a moment.

Each state of the code is migrated once, by the first worker of the first run that needs it, and stays on the server until
another state takes its place.
"""

import hashlib

from django.conf import settings
from django.db import connection

PREFIX = "migrated_"
LOCK = 4004  # of the server: one worker looks for the migrated database and makes it, the others wait


def migrated() -> str:
    """The name of the migrated database, which is made if it is not there."""
    name = PREFIX + fingerprint()
    with connection.creation._nodb_cursor() as cursor:
        cursor.execute(
            "SET lock_timeout = 0; SET statement_timeout = 0"
        )  # of this connection alone: the other one migrates
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        cursor.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [PREFIX])
        found = [old for (old,) in cursor.fetchall()]
        if name not in found:
            for old in found:
                cursor.execute(f"DROP DATABASE {old}")
            migrate(f"being_{name}")
            cursor.execute(f"ALTER DATABASE being_{name} RENAME TO {name}")
        cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    return name


def fingerprint() -> str:
    """Of all that a migration may do: the product's code and the packages it is made of."""
    code = hashlib.sha256()
    packages = settings.BASE_DIR.glob("requirements*.txt")
    modules = (each for app in settings.BASE_DIR.glob("[!.]*/apps.py") for each in app.parent.rglob("*.py"))
    for file in sorted({*packages, *modules, *(settings.BASE_DIR / "crm").rglob("*.py")}):
        code.update(f"{file.relative_to(settings.BASE_DIR)} {file.stat().st_size} ".encode() + file.read_bytes())
    return code.hexdigest()[:16]


def migrate(name: str) -> None:
    """Make the database `name` as Django makes one for tests, and leave it."""
    given, test = connection.settings_dict["NAME"], connection.settings_dict["TEST"]
    shown = test["NAME"]
    test["NAME"] = name
    try:
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    finally:
        connection.close()
        test["NAME"] = shown
        connection.settings_dict["NAME"] = settings.DATABASES[connection.alias]["NAME"] = given
