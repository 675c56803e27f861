"""The whole company in one file and back: a ZIP of JSON lines per table, a manifest and the attached files (docs/archive.md).

Rows go in as they stood, derived ones and histories too, so no trigger of ours works meanwhile. Foreign keys are taken off
before and put on again after, which checks them all at once. Everything or nothing.
"""

import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import SuspiciousFileOperation
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from psycopg import sql

from contacts.models import Contact
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Salesperson, User

FORMAT = 1
MANIFEST, TABLES, FILES = "manifest.json", "tables/", "files/"
# Of the moment or of the program: who is signed in, what waits for the worker, which migrations were made.
LEFT_OUT = re.compile(r"^(django_session|django_migrations|procrastinate_\w+)$")
FILLED_BY_WORK = (Opportunity, Contact, SalesCycle, Salesperson, User)
AT_ONCE = 1000  # rows of one statement
LARGEST_MANIFEST = 10_000_000  # bytes; one of ours has a few thousand


class ArchiveError(Exception):
    """One line for people: why it cannot be restored."""


# ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def write(path: Path) -> dict[str, int]:
    """Write the archive, as of one instant, readable by its owner only. Returns the rows of each table. An archive cut short
    is no file at `path`. Raises FileExistsError."""
    if path.exists():
        raise FileExistsError(path)
    unfinished = path.with_name(f"{path.name}.unfinished")
    with (
        os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive,
        _one_instant(),
    ):
        rows = {table: _write_table(archive, table) for table in tables()}
        files = [_write_file(archive, name) for name in _stored_files()]
        archive.writestr(MANIFEST, json.dumps(_manifest(rows, files), indent=1, ensure_ascii=False))
    unfinished.replace(path)
    return rows


@contextmanager
def _one_instant() -> Iterator[None]:
    """A transaction that sees what was there when it began, for as long as it takes."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = 0")
        yield


def tables() -> list[str]:
    """The archived tables of this database, by name."""
    return sorted(name for name in connection.introspection.table_names() if not LEFT_OUT.match(name))


def _columns(table: str) -> sql.Composed:
    """What is stored; what the database works out by itself is left out."""
    with connection.cursor() as cursor:
        cursor.execute(_STORED_COLUMNS, [table])
        return sql.SQL(", ").join(sql.Identifier(name) for (name,) in cursor.fetchall())


_STORED_COLUMNS = """
SELECT attname FROM pg_attribute
 WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
"""


def _write_table(archive: zipfile.ZipFile, table: str) -> int:
    rows = 0
    with archive.open(f"{TABLES}{table}.jsonl", "w", force_zip64=True) as stream:
        for line in _lines(table):
            stream.write(f"{line}\n".encode())
            rows += 1
    return rows


def _lines(table: str) -> Iterator[str]:
    shape = sql.SQL("SELECT row_to_json(one)::text FROM (SELECT {} FROM {} ORDER BY 1) AS one")
    statement = shape.format(_columns(table), sql.Identifier(table))
    with connection.connection.cursor(name=f"archive_{table}"[:60]) as cursor:
        cursor.itersize = AT_ONCE
        for (line,) in cursor.execute(statement):
            yield line


def _stored_files() -> list[str]:
    """Names of files that rows speak of and that are there, once each."""
    names: set[str] = set()
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if isinstance(field, models.FileField):
                names.update(model._default_manager.exclude(**{field.name: ""}).values_list(field.name, flat=True))
    return sorted(name for name in names if name and default_storage.exists(name))


def _write_file(archive: zipfile.ZipFile, name: str) -> str:
    with default_storage.open(name) as source, archive.open(f"{FILES}{name}", "w", force_zip64=True) as stream:
        shutil.copyfileobj(source, stream)
    return name


def _manifest(rows: dict[str, int], files: list[str]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "made_at": timezone.now().isoformat(),
        "migrations": _migrations(),
        "tables": rows,
        "files": files,
        "sequences": _sequences(),
    }


def _migrations() -> list[str]:
    return sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())


def _sequences() -> dict[str, int]:
    """The last number each sequence gave."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'")
        return {name: last for name, last in cursor.fetchall() if last is not None and not LEFT_OUT.match(name)}


# ── in ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


def restore(path: Path) -> dict[str, int]:
    """Fill the database, which nobody has worked in, with what the archive holds. Returns the rows of each table. Raises
    ArchiveError, and then nothing has changed."""
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _read_manifest(archive)
            return _restore(archive, manifest)
    except (zipfile.BadZipFile, EOFError, OSError) as trouble:
        raise ArchiveError(f"{path} cannot be read as an archive: {trouble}") from trouble


def _read_manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        if archive.getinfo(MANIFEST).file_size > LARGEST_MANIFEST:
            raise ValueError
        manifest: dict[str, Any] = json.loads(archive.read(MANIFEST))
        if manifest["format"] != FORMAT or not all(isinstance(manifest[part], kind) for part, kind in PARTS.items()):
            raise ValueError
    except (KeyError, ValueError, TypeError) as trouble:
        raise ArchiveError("There is no manifest of this format in the file.") from trouble
    return manifest


PARTS = {"migrations": list, "tables": dict, "files": list, "sequences": dict}


def _restore(archive: zipfile.ZipFile, manifest: dict[str, Any]) -> dict[str, int]:
    _refuse_unlike(manifest)
    stored: list[str] = []
    try:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            here = tables()
            cursor.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(_names(here)))
            _refuse_filled()
            with _without_guards(here):
                cursor.execute(sql.SQL("TRUNCATE {}").format(_names([*here, "django_session"])))
                rows = {table: _read_table(archive, table) for table in here}
            for name, last in manifest["sequences"].items():
                cursor.execute("SELECT setval(quote_ident(%s)::regclass, %s)", [name, last])
            _compare(rows, manifest["tables"])
            stored.extend(_read_file(archive, name) for name in manifest["files"])
    except BaseException:
        for name in stored:
            default_storage.delete(name)
        raise
    finally:
        ContentType.objects.clear_cache()
    return rows


def _refuse_unlike(manifest: dict[str, Any]) -> None:
    """An archive fits the same migrations only: rows of another shape would be guessed at."""
    theirs, ours = set(manifest["migrations"]), set(_migrations())
    if theirs != ours:
        missing, more = sorted(theirs - ours), sorted(ours - theirs)
        raise ArchiveError(
            "The archive was made by another version. Install that version, restore, and migrate then. "
            f"Migrations only it has: {', '.join(missing) or 'none'}; only here: {', '.join(more) or 'none'}."
        )
    if set(manifest["tables"]) != set(tables()):
        raise ArchiveError("The archive holds other tables than this database.")


def _refuse_filled() -> None:
    filled = [model._meta.label for model in FILLED_BY_WORK if model._default_manager.exists()]
    if filled:
        raise ArchiveError(f"The database is not empty: there are rows of {', '.join(filled)}.")


@contextmanager
def _without_guards(here: list[str]) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(_FOREIGN_KEYS, [here])
        keys = cursor.fetchall()
        for table, name, _ in keys:
            _alter(table, sql.SQL("DROP CONSTRAINT {}").format(sql.Identifier(name)))
        for table in here:
            _alter(table, sql.SQL("DISABLE TRIGGER USER"))
        yield
        for table in here:
            _alter(table, sql.SQL("ENABLE TRIGGER USER"))
        for table, name, definition in keys:
            try:
                _alter(table, sql.SQL("ADD CONSTRAINT {} {}").format(sql.Identifier(name), sql.SQL(definition)))
            except IntegrityError as trouble:
                raise ArchiveError(f"Rows of the archive do not fit together: {_first_line(trouble)}") from trouble


def _alter(table: str, change: sql.Composable) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("ALTER TABLE {} {}").format(sql.Identifier(table), change))


def _names(some: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, some))


_FOREIGN_KEYS = """
SELECT relname, conname, pg_get_constraintdef(pg_constraint.oid) FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
 WHERE contype = 'f' AND confrelid = ANY (%s::regclass[]) ORDER BY 1, 2
"""


def _read_table(archive: zipfile.ZipFile, table: str) -> int:
    columns, rows = _columns(table), 0
    insert = sql.SQL(
        "INSERT INTO {0} ({1}) OVERRIDING SYSTEM VALUE SELECT {1} FROM json_populate_recordset(NULL::{0}, %s::json)"
    ).format(sql.Identifier(table), columns)
    try:
        with archive.open(f"{TABLES}{table}.jsonl") as stream, connection.cursor() as cursor:
            lines = TextIOWrapper(stream, encoding="utf-8", newline="\n")
            while some := list(islice(lines, AT_ONCE)):
                cursor.execute(insert, [f"[{','.join(some)}]"])
                rows += cursor.rowcount
    except KeyError as trouble:
        raise ArchiveError(f"The archive lacks the table {table}.") from trouble
    except (DatabaseError, UnicodeDecodeError) as trouble:
        raise ArchiveError(f"Rows of {table} cannot be read: {_first_line(trouble)}") from trouble
    return rows


def _first_line(trouble: Exception) -> str:
    return str(trouble).splitlines()[0]


def _compare(rows: dict[str, int], said: dict[str, int]) -> None:
    for table, count in rows.items():
        if count != said[table]:
            raise ArchiveError(f"The archive says {said[table]} rows of {table} and holds {count}.")


def _read_file(archive: zipfile.ZipFile, name: str) -> str:
    try:
        with archive.open(f"{FILES}{name}") as stream:
            stored = default_storage.save(name, File(stream))
    except (KeyError, SuspiciousFileOperation) as trouble:
        raise ArchiveError(f"The archive lacks the file {name}.") from trouble
    if stored != name:
        default_storage.delete(stored)
        raise ArchiveError(f"There is a file {name} already.")
    return stored
