"""Bring the database up to date and serve: `python -m crm.serve run` (or `dev`, the reloading server).

Ends with everything it started: the workers die with it, even when it is killed, and the embedded PostgreSQL is stopped
by its last user (see crm.lib.postgres).
"""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import django
import psycopg
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import get_finders
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import connection
from environs import EnvError
from gunicorn.app.base import BaseApplication

from crm.keep import GRACE
from crm.launch import HOST, end_with_parent, port
from crm.lib.messages import compile_catalogues
from crm.lib.postgres import ServerFailed

OLDEST_POSTGRES = 15
DEMO_PEOPLE = ("rep", "rep2", "manager", "admin", "viewer")
WORKERS = {"workers": 2, "worker_class": "gthread", "threads": 8}  # as many as the pool has connections
LONGEST_ADDRESS = 8190  # everything that shapes a page is in its address, many conditions too


def main(command: str) -> None:
    """Prepare, then serve until told to stop."""
    end_with_parent()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    load_settings()
    refuse_silent_database()
    prepare()
    if command != "dev":
        collect_static_files()
    with worker():
        serve_reloading() if command == "dev" else Server().run()


def load_settings() -> None:
    """Load Django; exit with one line about a variable it cannot make sense of."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")
    try:
        django.setup()
    except (EnvError, ImproperlyConfigured, ValueError) as error:
        sys.exit(f"The settings are not right: {_one_line(error)}")


def refuse_silent_database() -> None:
    """Exit with one line if the database does not answer, or is older than we can use."""
    what = "The PostgreSQL of DATABASE_URL" if is_external() else "The embedded PostgreSQL"
    try:
        if not is_external():
            settings.DATABASES["default"]["EMBEDDED"].start()
        parameters = connection.get_connection_params() | {"connect_timeout": 5}
        with psycopg.connect(**parameters) as probe:
            version = probe.info.server_version // 10000
    except (psycopg.Error, ServerFailed) as error:
        sys.exit(f"{what} does not answer: {_one_line(error)}")
    if version < OLDEST_POSTGRES:
        sys.exit(f"{what} is version {version}; {OLDEST_POSTGRES} or newer is needed")


def is_external() -> bool:
    """Say whether DATABASE_URL names the database."""
    return "EMBEDDED" not in settings.DATABASES["default"]


def prepare() -> None:
    """Migrate, enter the demo data where they are wanted, compile the translations."""
    compile_catalogues()
    call_command("migrate", interactive=False, verbosity=0)
    wants_demo = os.environ.get("DEMO") == "1" if is_external() else os.environ.get("DEMO") != "0"
    if wants_demo and not get_user_model().objects.exists():
        print("Entering the demo data …", flush=True)
        call_command("demo_data", verbosity=0)


def collect_static_files() -> None:
    """Gather the static files for serving, unless they are the same as last time."""
    stamp = settings.LOCAL_DIR / "static_files"
    state = _state_of_static_files()
    if stamp.exists() and stamp.read_text() == state and settings.STATIC_ROOT.exists():
        return
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(state)


def _state_of_static_files() -> str:
    digest = hashlib.sha256(str(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            status = Path(storage.path(path)).stat()
            digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def announce() -> None:
    """Print where the product is and, when the demo data are there, who can sign in."""
    print(f"\nThe CRM is at http://{HOST}:{port()}/   (Ctrl-C stops it)", flush=True)
    addresses = [f"{person}@demo.example" for person in DEMO_PEOPLE]
    there = set(get_user_model().objects.filter(email__in=addresses).values_list("email", flat=True))
    if there:
        print("Sign in as", ", ".join(a for a in addresses if a in there), "with the password demo", flush=True)
    elif not get_user_model().objects.exists():
        print("Nobody can sign in yet; make the first user: .venv/bin/python manage.py createsuperuser", flush=True)


def forget_connections() -> None:
    """Close every connection and the pool, which the processes about to be forked must not share."""
    connection.close()
    if settings.DATABASES["default"]["OPTIONS"].get("pool"):
        connection.close_pool()  # type: ignore[attr-defined]


class Server(BaseApplication):
    """gunicorn in this very process, so that there is one process to stop and nothing left behind."""

    def load_config(self) -> None:
        options = WORKERS | {
            "bind": f"{HOST}:{port()}",
            "limit_request_line": LONGEST_ADDRESS,
            "proc_name": "crm",
            "preload_app": True,
            "graceful_timeout": 5,
            "loglevel": "warning",
            "control_socket_disable": True,
            "when_ready": lambda _master: announce(),
            "pre_fork": lambda _master, _worker: forget_connections(),
            "post_fork": lambda _master, _worker: end_with_parent(),
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return get_wsgi_application()


@contextmanager
def worker() -> Iterator[None]:
    """Have what works in the background running beside the server: it is started again when it ends, and ends with us."""
    forget_connections()
    owner = os.getpid()
    keeper = subprocess.Popen(
        [sys.executable, "-m", "crm.keep", sys.executable, "manage.py", "worker"], preexec_fn=end_with_parent
    )
    try:
        yield
    finally:
        if os.getpid() == owner:  # the server's forked processes leave through here too
            keeper.terminate()
            with suppress(subprocess.TimeoutExpired):
                keeper.wait(2 * GRACE)


def serve_reloading() -> None:
    """Run Django's own server, which reloads when the source changes, and wait for its end."""
    announce()
    forget_connections()
    command = [sys.executable, "manage.py", "runserver", "--skip-checks", f"{HOST}:{port()}"]
    with subprocess.Popen(command, preexec_fn=end_with_parent) as server:
        try:
            server.wait()
        except KeyboardInterrupt:
            server.wait()
        finally:
            server.terminate()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        sys.exit(130)
