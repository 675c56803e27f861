"""The row "export": a whole list as CSV, measured by what PostgreSQL itself needs to write the same rows (COPY), not by V;
and what it does to the workers' memory. XLSX beside it, for orientation."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from threading import Event, Thread

from django.db import connection
from django.http import QueryDict

from crm.lib.listing.selection import Selection
from opportunities.listing import OPPORTUNITIES
from salespeople.models import User
from tests.performance.figures import ratio
from tests.performance.traffic import Ask, Browser, memory_of_workers

NAME, WHO, LIST = "export", "manager@demo.example", "/opportunities/export/"
GOAL_STATEMENTS, GOAL_OF_COPY, GOAL_MEMORY = 3, 3, 15
TIMES = 7
MOST_FOR_XLSX = 200_000  # its time grows with the rows like CSV's, and is fifteen times as long


def lines(browser: Browser, pid: int, count: int, statements: Callable[[Ask, str], int]) -> Iterator[str]:
    """One for each kind of file."""
    for _warm_up in range(4):
        browser.ask(Ask("/opportunities/"))
    for kind, times in (("csv", TIMES), ("xlsx", 1 if count <= MOST_FOR_XLSX else 0)):
        if not times:
            continue
        ask, ours, copies, size = Ask(f"{LIST}?as={kind}"), [], [], 0
        idle = memory_of_workers(pid)
        with most_memory(pid) as peak:
            for _time in range(times):
                copies.append(copy())
                browser.connection.close()  # the server lets go of one that was quiet for so long
                answer, size, taken = browser.ask(ask)
                assert answer == 200
                ours.append(taken)
        yield (
            f"{NAME} {kind}: {median(ours):.0f} ms, COPY {median(copies):.0f} ms, "
            f"{ratio(median(ours), median(copies)):.2f} x COPY (goal for CSV {GOAL_OF_COPY}), {size / 1024:.0f} KiB, "
            f"{statements(ask, WHO)} statements (goal for CSV {GOAL_STATEMENTS}), "
            f"workers' memory +{max(peak) - idle:.1f} MiB (goal {GOAL_MEMORY})"
        )


def copy() -> float:
    """Milliseconds until PostgreSQL has sent the same columns of the same rows in the same order."""
    selection = Selection(OPPORTUNITIES, User.objects.get(email=WHO), QueryDict())
    rows = selection.ordered.values_list(*(column.path for column in selection.address.columns))
    statement = connection.ops.compose_sql(*rows.query.sql_with_params())
    began = time.perf_counter()
    with connection.cursor() as cursor, cursor.copy(f"COPY ({statement}) TO STDOUT (FORMAT csv)") as found:
        for _line in found:
            pass
    return (time.perf_counter() - began) * 1000


@contextmanager
def most_memory(pid: int) -> Iterator[list[float]]:
    """What the workers were seen to use meanwhile."""
    seen, over = [memory_of_workers(pid)], Event()

    def look() -> None:
        while not over.wait(0.05):
            seen.append(memory_of_workers(pid))

    watch = Thread(target=look)
    watch.start()
    try:
        yield seen
    finally:
        over.set()
        watch.join()
