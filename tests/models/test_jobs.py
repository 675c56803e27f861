"""A job is a row of the transaction that asks for it; a worker that is killed, or was never there, loses none."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob
from pytest_django import DjangoAssertNumQueries

from crm import keep
from crm.lib import jobs
from tests.worker import waiting, work, working

done: list[int] = []


@jobs.job("tests.note")
def note(number: int) -> None:
    done.append(number)


@jobs.job("tests.note_and_ask")
def note_and_ask(number: int) -> None:
    """Within a job too, what is asked for is of the same transaction."""
    done.append(number)
    with transaction.atomic():
        jobs.later("tests.note", number=number + 1)
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    done.clear()


@pytest.mark.django_db
def test_a_job_is_asked_for_and_done(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        jobs.later_all("tests.note", [{"number": 1}, {"number": 2}])
    jobs.later("tests.note", number=3, after=60)
    assert done == []
    assert work() == ["tests.note", "tests.note"]
    assert done == [1, 2]
    assert waiting() == [("tests.note", {"number": 3})]


@pytest.mark.django_db
def test_a_job_of_an_unknown_name_is_refused_where_it_is_asked_for() -> None:
    with pytest.raises(LookupError):
        jobs.later("tests.nothing")
    jobs.later_all("tests.note", [])
    assert waiting() == []


@pytest.mark.django_db(transaction=True)
def test_what_rolls_back_asked_for_nothing() -> None:
    with transaction.atomic():
        jobs.later("tests.note", number=1)
        transaction.set_rollback(True)
    jobs.later("tests.note_and_ask", number=5)
    with working():
        wait_until(lambda: done == [5])
        time.sleep(0.5)
    assert done == [5]


@pytest.mark.django_db(transaction=True)
def test_what_a_killed_worker_had_begun_is_taken_up_again() -> None:
    jobs.later("tests.note", number=7)
    with connection.cursor() as cursor:  # fetched by a worker that gave its last sign of life long ago
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 minute') RETURNING id"
        )
        (worker,) = cursor.fetchone()
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s", [worker])
    with working():
        wait_until(lambda: done == [7])
    assert not ProcrastinateJob.objects.filter(task_name="tests.note").exists()


@pytest.mark.django_db
def test_health_says_whether_a_worker_is_there(client: Client) -> None:
    assert client.get("/healthz").content == b"ok, but no worker is at work"
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '10 seconds')")
    assert client.get("/healthz").content == b"ok"


def wait_until(is_so: object, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)


# ── the one that keeps it running ────────────────────────────────────────────────────────────────────────────────────

STAYS = "import os,sys,time; open(sys.argv[1], 'a').write(f'{os.getpid()} '); time.sleep(60)"


def started(path: Path) -> list[int]:
    return [int(key) for key in path.read_text().split()] if path.exists() else []


def is_there(key: int) -> bool:
    try:
        return Path(f"/proc/{key}/stat").read_text().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # it may end while it is read
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux")
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_what_it_keeps_is_started_again_and_ends_with_it(tmp_path: Path, end: signal.Signals) -> None:
    path = tmp_path / "started"
    command = [sys.executable, "-m", "crm.keep", sys.executable, "-c", STAYS, str(path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as keeper:
        wait_until(lambda: len(started(path)) == 1)
        began = time.monotonic()
        os.kill(started(path)[0], signal.SIGKILL)
        wait_until(lambda: len(started(path)) == 2)
        assert time.monotonic() - began >= keep.SHORTEST
        first, second = started(path)
        assert (is_there(first), is_there(second)) == (False, True)
        keeper.send_signal(end)
        wait_until(lambda: not is_there(second))
        assert keeper.stderr and b"started again" in keeper.stderr.read()
