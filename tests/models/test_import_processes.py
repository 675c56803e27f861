"""Imports by workers in processes of their own: two runs at once, and a worker that is killed in the middle."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as ours
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from procrastinate.contrib.django.models import ProcrastinateWorker

from contacts.models import Contact
from crm.lib.jobs import later
from salespeople.models import Company, User
from tests.models.test_races import at_once
from tests.worker import work
from upkeep.importing import running, undoing
from upkeep.importing.files import bring
from upkeep.importing.models import ExternalKey, ImportRow, ImportRun

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 60  # seconds; some of them are enough where nobody else is at work


@pytest.fixture(autouse=True)
def own_files(settings: Any, tmp_path: Path, company: Company) -> None:
    settings.MEDIA_ROOT = tmp_path


@contextmanager
def worker() -> Iterator[subprocess.Popen[bytes]]:
    named = {name: str(connection.settings_dict[name]) for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
    database = {"ENGINE": "django.db.backends.postgresql", **named}
    environment = {
        "DJANGO_SETTINGS_MODULE": "tests.worker_settings",
        "DATABASE_OF_THE_TEST": json.dumps(database),
        "MEDIA_ROOT": str(ours.MEDIA_ROOT),
    }
    command = [sys.executable, "manage.py", "worker"]
    process = subprocess.Popen(command, cwd=ours.BASE_DIR, env=os.environ | environment, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.02)


def checked(by: User, rows: int, key: str) -> ImportRun:
    """Tried, with `key` to find by; a key of the other system is in the file for that alone."""
    text = "Id,Name,E-mail,City\n" + "".join(f"K{at},Firm {at},f{at}@example.com,Åbo\n" for at in range(rows))
    run = bring(by, "contacts", "", SimpleUploadedFile("rows.csv", text.encode()))
    run.options |= {"key": key}
    if key != "external_key":
        run.options["columns"].pop("0", None)
    run.save()
    running.check(run)
    work()
    return ImportRun.objects.get(pk=run.pk)


def has(run: ImportRun, state: str) -> bool:
    return ImportRun.objects.filter(pk=run.pk, state=state).exists()


@pytest.mark.parametrize("key", ["name", "external_key"])
def test_two_runs_at_once_make_each_row_once(manager: User, key: str) -> None:
    """Whatever the key: of a name and an e-mail address the database itself may have several."""
    runs = [checked(manager, 250, key) for _ in range(2)]
    for run in runs:
        assert running.start(run)
    with worker(), worker():
        until(lambda: all(has(run, "done") for run in runs))
    assert Contact.objects.count() == Contact.objects.values("name").distinct().count() == 250
    assert ExternalKey.objects.count() == (250 if key == "external_key" else 0)
    verdicts = [running.verdicts(run, dry=False) for run in runs]
    assert [sum(one.values()) for one in verdicts] == [250, 250]
    assert sum(one.get("created", 0) for one in verdicts) == sum(one.get("unchanged", 0) for one in verdicts) == 250


@pytest.mark.parametrize("key", ["name", "email", "external_key"])
def test_two_slices_at_the_same_moment(manager: User, key: str) -> None:
    """The one that comes second finds what the first one made."""
    runs = [checked(manager, 100, key) for _ in range(2)]
    for run in runs:
        assert running.start(run)
    assert at_once(*(partial(running.take_slice, run.pk) for run in runs)) == [None, None]
    verdicts = [running.verdicts(run, dry=False) for run in runs]
    assert sorted(verdicts, key=str) == [{"created": 100}, {"unchanged": 100}]
    assert Contact.objects.count() == 100


def test_a_killed_worker_leaves_whole_slices(manager: User) -> None:
    """Another one goes on behind them, and the undo leaves nothing."""
    run = checked(manager, 600, "name")
    assert running.start(run)
    with worker() as killed:
        until(lambda: ImportRun.objects.get(pk=run.pk).done >= 100)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    until(lambda: not others())
    done = ImportRun.objects.get(pk=run.pk).done
    assert 100 <= done < 600
    taken = ImportRow.objects.filter(run=run, dry=False)
    assert Contact.objects.count() == taken.filter(verdict="created").count() == taken.count() == done
    assert has(run, "running")
    ProcrastinateWorker.objects.all().delete()  # as if it had been silent for long
    later("crm.take_up_again", timestamp=0)
    with worker():
        until(lambda: has(run, "done"))
        assert Contact.objects.count() == Contact.objects.values("name").distinct().count() == 600
        assert taken.filter(verdict="created").count() == taken.values("line").distinct().count() == 600
        assert undoing.start(run)
        until(lambda: has(run, "undone"))
    assert not Contact.objects.exists() and not ExternalKey.objects.exists()


def others() -> int:
    """How many of the database's connections are not this one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])
