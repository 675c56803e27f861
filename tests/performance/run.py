"""One run of the benchmark, in a process that has loaded Django."""

import argparse
import sys
from collections.abc import Iterator
from itertools import cycle
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.serve import WORKERS
from opportunities.demo.setup import make_setup
from opportunities.models import Opportunity
from opportunities.stalling import learn
from salespeople.models import Company, User
from tests.performance import export
from tests.performance.figures import HEADINGS, Taken, aligned, cells
from tests.performance.scenes import Scene, scenes
from tests.performance.traffic import Ask, Browser, memory_of_workers, rate, server

BARE_BACKEND = "django.contrib.auth.backends.ModelBackend"
WARM_UP = 8
TURNS = 6  # of V and ours, so that a machine that is slow for a while is slow for both


def fill(count: int, *, fresh: bool) -> None:
    """Have the database with so many seeded opportunities and the demo's users."""
    name = settings.DATABASES["default"]["NAME"]
    if "EMBEDDED" not in settings.DATABASES["default"]:
        sys.exit("The benchmark makes a database of its own on the embedded server: unset DATABASE_URL.")
    settings.DATABASES["default"]["EMBEDDED"].start()
    with connection._nodb_cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        there = cursor.fetchone() is not None
        if there and fresh:
            cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        if fresh or not there:
            cursor.execute(f'CREATE DATABASE "{name}"')
    call_command("migrate", interactive=False, verbosity=0)
    if not User.objects.exists():
        make_setup()
    missing = count - Opportunity.objects.count()
    if missing > 0:
        call_command("seed", missing)
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("VACUUM ANALYZE")
    learn(Company.current().today())  # as a worker does each day


def session(email: str, backend: str) -> str:
    """The key of a new session of that person."""
    client = Client()
    client.force_login(User.objects.get(email=email), backend)
    return client.cookies["sessionid"].value


def statements(ask: Ask, who: str) -> int:
    """SQL statements of one request, in this process, the second time."""
    client = Client(headers={"host": "localhost", **ask.headers})
    client.force_login(User.objects.get(email=who), settings.AUTHENTICATION_BACKENDS[0])
    with CaptureQueriesContext(connection) as queries:
        client.get(ask.path) if ask.data is None else client.post(ask.path, ask.data)
    return len(queries)


def run(chosen: argparse.Namespace) -> None:
    fill(chosen.count, fresh=chosen.fresh)
    database = settings.DATABASES["default"]["NAME"]
    bare = server("django.core.wsgi:get_wsgi_application()", "tests.performance.bare_settings", database)
    with bare as (bare_port, bare_pid), server("crm.wsgi", "tests.performance.settings", database) as (port, pid):
        compare(chosen, (bare_port, bare_pid), (port, pid))


def compare(chosen: argparse.Namespace, bare: tuple[int, int], ours: tuple[int, int]) -> None:

    print(
        f"{chosen.count:,} opportunities; gunicorn {WORKERS}; times in ms at c=1, requests a second at c=8", flush=True
    )
    rows = [HEADINGS]
    for scene in scenes():
        if scene.name.startswith(chosen.only):
            taken = measure(scene, chosen, bare[0], ours[0])
            if taken is None:
                print(f"{scene.name}: not there (404), passed over", flush=True)
            else:
                rows.append(tuple(cells(taken, chosen.count)))
    print(aligned(rows))
    if export.NAME.startswith(chosen.only):
        asking = Browser(ours[0], session(export.WHO, settings.AUTHENTICATION_BACKENDS[0]), timeout=600)
        for line in export.lines(asking, ours[1], chosen.count, statements):
            print(line, flush=True)
    print(f"workers' memory, MiB: {memory_of_workers(ours[1]):.0f}; V {memory_of_workers(bare[1]):.0f}")


def measure(scene: Scene, chosen: argparse.Namespace, bare_port: int, port: int) -> Taken | None:
    """Ask V and ours in turn, count statements, then let eight people ask each. None where there is no such page."""

    bare_session = session(scene.who, BARE_BACKEND)
    our_session = session(scene.who, settings.AUTHENTICATION_BACKENDS[0])
    bare_asks: Iterator[Ask] = cycle([Ask("/")])
    asks, taken = scene.asks(), Taken(scene.name, scene.goal)
    bare, ours = Browser(bare_port, bare_session), Browser(port, our_session)
    for nth in range(chosen.repeat + WARM_UP):
        ask = next(asks)
        status, _, bare_time = bare.ask(next(bare_asks))
        answer, taken.size, time = ours.ask(ask)
        if answer == 404:
            return None
        taken.errors += (status != 200) + (answer not in ask.ok)
        if nth >= WARM_UP:
            taken.times.append(time)
            taken.bare_times.append(bare_time)
    statements(next(asks), scene.who)
    taken.statements = statements(next(asks), scene.who)
    eight: dict[str, Any] = {"clients": 8, "seconds": chosen.seconds / TURNS}
    for _ in range(TURNS):
        taken.bare_rates.append(rate(bare_asks, lambda: Browser(bare_port, bare_session), **eight)[0])
        each, failed = rate(asks, lambda: Browser(port, our_session), **eight)
        taken.rates.append(each)
        taken.errors += failed
    return taken
