"""The embedded PostgreSQL, with real servers and real kills, in a data folder of its own."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from crm.lib import environment
from crm.lib.postgres import DATABASE, PORT, SUPERUSER, Server, data_folder, embedded_database
from tests.slots import take_slot

USE_UNTIL_TOLD = """
import sys
from pathlib import Path
from crm.lib.postgres import Server
Server(Path(sys.argv[1]), durable=False).start()
print("started", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(data_folder(tmp_path_factory.mktemp("pg") / ".local", "p"), durable=False)
    yield server
    assert not server.is_running()
    shutil.rmtree(server.data.parent, ignore_errors=True)


@pytest.fixture
def use(server: Server) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Start a process that uses the server until its input is closed."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", USE_UNTIL_TOLD, str(server.data)]
        process = subprocess.Popen(
            command, cwd=environment.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "started\n"
        return process

    yield start
    for process in started:
        process.communicate()


def postmaster(server: Server) -> int:
    return int((server.data / "postmaster.pid").read_text().split()[0])


def test_the_entry_names_the_server_without_starting_it(tmp_path: Path) -> None:
    entry = embedded_database(tmp_path / ".local")
    assert (entry["NAME"], entry["USER"]) == ("crm", "postgres")
    assert entry["HOST"] == str(entry["EMBEDDED"].socket_folder)
    assert not entry["EMBEDDED"].data.exists()


def test_a_path_too_long_for_a_socket_gets_a_short_one(tmp_path: Path) -> None:
    server = Server(tmp_path / ("long" * 30))
    assert len(str(server.socket_folder)) < 80


def test_the_first_user_makes_the_database(server: Server, use: Callable[[], subprocess.Popen[str]]) -> None:
    use()
    with psycopg.connect(host=str(server.socket_folder), port=PORT, user=SUPERUSER, dbname=DATABASE) as connection:
        assert connection.execute("SELECT lower('ÄÖÅ'), 'zebra' < 'äiti'").fetchone() == ("äöå", True)
        assert connection.info.encoding == "utf-8"


def test_the_last_user_stops_the_server(server: Server, use: Callable[[], subprocess.Popen[str]]) -> None:
    first, second = use(), use()
    pid = postmaster(server)
    first.communicate()
    assert server.is_running()
    assert postmaster(server) == pid
    second.communicate()
    assert not server.is_running()


def test_a_killed_user_leaves_nothing_that_the_next_does_not_clean_up(
    server: Server, use: Callable[[], subprocess.Popen[str]]
) -> None:
    killed = use()
    killed.kill()
    killed.wait()
    assert server.is_running()
    use().communicate()
    assert not server.is_running()


def test_a_killed_server_starts_again(server: Server, use: Callable[[], subprocess.Popen[str]]) -> None:
    use()
    pid = postmaster(server)
    os.kill(pid, signal.SIGKILL)
    use()
    assert server.is_running()
    assert postmaster(server) != pid


def test_a_half_made_data_folder_is_made_anew(server: Server, use: Callable[[], subprocess.Popen[str]]) -> None:
    shutil.rmtree(server.data, ignore_errors=True)
    half = server.data.with_name(f"{server.data.name}.new")
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18")
    use()
    assert server.is_running()


def test_with_a_database_url_nothing_embedded_is_used() -> None:
    script = "from django.conf import settings as s; print(s.DATABASES['default']['ENGINE'], 'EMBEDDED' in s.DATABASES['default'])"
    values = os.environ | {
        "DATABASE_URL": "postgresql://someone@db.example/crm",
        "DJANGO_SETTINGS_MODULE": "crm.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=environment.ROOT, env=values, capture_output=True, text=True
    )
    assert done.stdout == "django.db.backends.postgresql False\n"


def test_test_runs_side_by_side_have_a_database_each(tmp_path: Path) -> None:
    assert [take_slot(tmp_path), take_slot(tmp_path)] == [1, 2]
