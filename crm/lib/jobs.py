"""What a worker does later. A job is a row of the transaction that asks for it: rolled back with it, seen once it commits.

    @job("opportunities.take_slice")
    def take_slice(batch: int) -> None:
        background.take_slice(batch)

    later("opportunities.take_slice", batch=3)

This file alone knows the library, so that another one can take its place: a job is the call of a verb, by keys. A job that was
under way in a killed worker is done again, so its verb must see what is done already.
"""

import datetime
import logging
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.db import DatabaseError, connection, transaction
from django.db.models import Max
from django.utils import timezone
from procrastinate import RetryStrategy
from procrastinate.builtin_tasks import remove_old_jobs
from procrastinate.contrib.django import app, utils
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.contrib.django.models import ProcrastinateWorker
from procrastinate.manager import JobManager
from procrastinate.psycopg_connector import PsycopgConnector
from procrastinate.tasks import configure_task

from crm.lib.races import Busy

logger = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., None])
PAUSE = 5  # seconds, before a slice that met somebody at work is tried again
MOST_ASKED = 20
AT_A_TIME = 4  # jobs of one worker; each may hold a connection of the pool
HEARTBEAT, SILENT = 5, 20  # seconds between signs of life; so long without one and a worker counts as gone
KEPT_HOURS = 30 * 24  # of jobs that failed; those that succeeded go at once


def job(name: str, *, every: str = "", tries: int = 1) -> Callable[[F], F]:
    """Register a function by a name that outlives it in the queue. `every` is a cron line in UTC: such a job has no arguments,
    and waits once however long no worker was there. One that raises is tried again up to `tries` times in all."""
    retry = RetryStrategy(max_attempts=tries, linear_wait=10) if tries > 1 else False

    def register(function: F) -> F:
        if every:

            def at(timestamp: int) -> None:
                function()

            app.periodic(cron=every)(app.task(name=name, queueing_lock=name, retry=retry)(at))
        else:
            app.task(name=name, retry=retry)(function)
        return function

    return register


def later(name: str, *, after: int = 0, **arguments: Any) -> None:
    """Have the job done once the transaction commits, `after` so many seconds."""
    later_all(name, [arguments], after=after)


def later_all(name: str, all_arguments: Iterable[dict[str, Any]], *, after: int = 0) -> None:
    """The same for many, in one statement."""
    if name not in app.tasks:
        raise LookupError(name)
    wanted = list(all_arguments)
    if wanted:
        at = timezone.now() + datetime.timedelta(seconds=after) if after else None
        # within a job the library's own way of asking for another one is a connection of its own, so not this transaction
        configure_task(name=name, job_manager=JobManager(DjangoConnector()), schedule_at=at).batch_defer(*wanted)


def take_slice(
    name: str,
    take: Callable[[], bool],
    stop: Callable[[], object],
    broken: Callable[[], object] | None = None,
    **arguments: Any,
) -> None:
    """A slice of a long run as the job `name`: `take`, in one transaction, writes it with the request for the next one and says
    whether the person may still do it; else `stop`. Who meets somebody at work tries again later. A fault of ours stops the run,
    by `broken` where it has more to say, and says so in the log; one of the database has the job done again, since nothing
    was written."""
    try:
        with transaction.atomic():
            go_on = take()
    except Busy:
        later(name, after=PAUSE, **arguments)
    except DatabaseError:
        raise
    except Exception:
        told = ", ".join(f"{what} {key}" for what, key in arguments.items())
        logger.exception("%s: %s was stopped", name, told)
        (broken or stop)()
    else:
        if not go_on:
            stop()


def watching(asked: int, *, under_way: bool, first: float) -> dict[str, Any]:
    """For a page that asks by itself how far a run is, for the time `asked`: after `first` seconds, then each time after half as
    long again, up to half a minute."""
    asked = min(asked, MOST_ASKED)
    return {
        "under_way": under_way,
        "worker": not under_way or worker_is_there(),
        "asked_again": asked + 1,
        "pause": min(round(first * 1.5**asked), 30),
    }


def worker_seen() -> datetime.datetime | None:
    """When a worker last gave a sign of life."""
    seen: datetime.datetime | None = ProcrastinateWorker.objects.aggregate(seen=Max("last_heartbeat"))["seen"]
    return seen


def worker_is_there() -> bool:
    seen = worker_seen()
    return seen is not None and timezone.now() - seen < datetime.timedelta(seconds=2 * SILENT)


def work(**options: Any) -> None:
    """Work until told to stop by SIGTERM or SIGINT; without `wait` only what is due at this moment."""
    connection.ensure_connection()  # which starts the embedded server
    connection.close()
    connector = PsycopgConnector(kwargs=utils.connector_params(), min_size=1, max_size=AT_A_TIME)
    usual = {
        "concurrency": AT_A_TIME,
        "delete_jobs": "successful",
        "update_heartbeat_interval": HEARTBEAT,
        "stalled_worker_timeout": SILENT,
    }
    with app.replace_connector(connector):
        app.run_worker(**usual | options)


@app.periodic(cron="* * * * *")
@app.task(name="crm.take_up_again", queueing_lock="crm.take_up_again")
async def take_up_again(timestamp: int) -> None:
    """Jobs of workers that are gone."""
    for stalled in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=SILENT):
        await app.job_manager.retry_job(stalled)


@app.periodic(cron="17 3 * * *")
@app.task(name="crm.forget_failed", queueing_lock="crm.forget_failed", pass_context=True)
async def forget_failed(context: Any, timestamp: int) -> None:
    await remove_old_jobs(context, max_hours=KEPT_HOURS, remove_failed=True)
