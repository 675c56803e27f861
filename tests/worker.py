"""The worker of a test. `work()` does in this thread what is due, on the connection of the test, and raises what a job raises;
`working()` is a real worker beside the test, for tests whose transactions are real."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.jobs import Status
from procrastinate.manager import JobManager

from crm.lib import jobs


class HereConnector(DjangoConnector):
    """Asks in the thread that it is asked in."""

    async def execute_query_async(self, query: Any, **arguments: Any) -> None:
        self.execute_query(query, **arguments)

    async def execute_query_one_async(self, query: Any, **arguments: Any) -> dict[str, Any]:
        return self.execute_query_one(query, **arguments)

    async def execute_query_all_async(self, query: Any, **arguments: Any) -> list[dict[str, Any]]:
        return list(self.execute_query_all(query, **arguments))


def now(waiting: Any) -> Any:
    """What comes of something asynchronous that never waits."""
    try:
        waiting.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


def work(most: int = 1000) -> list[str]:
    """The names of the jobs that were done."""
    manager = JobManager(HereConnector())
    done: list[str] = []
    worker = now(manager.register_worker())
    while len(done) < most and (job := now(manager.fetch_job(queues=None, worker_id=worker))):
        app.tasks[job.task_name].func(**json.loads(job.task_kwargs))  # Django leaves JSON as it comes
        now(manager.finish_job(job=job, status=Status.SUCCEEDED, delete_job=True))
        done.append(job.task_name)
    now(manager.unregister_worker(worker))
    return done


def waiting() -> list[tuple[str, dict[str, Any]]]:
    return list(ProcrastinateJob.objects.filter(status="todo").order_by("pk").values_list("task_name", "args"))


@contextmanager
def working() -> Iterator[None]:
    over = threading.Event()

    def until_over() -> None:
        while not over.wait(0.1):
            jobs.work(wait=False, install_signal_handlers=False, listen_notify=False)
        connections.close_all()

    thread = threading.Thread(target=until_over)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
