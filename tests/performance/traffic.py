"""Servers to ask, and asking them."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from urllib.parse import urlencode

from crm.serve import WORKERS

HOST = "127.0.0.1"
ENOUGH = 160  # different requests for each person, who begins again after them; even, as moves come in pairs
KEPT = 1.5  # seconds; gunicorn keeps a connection for two
CSRF = "b" * 32  # a token of our own, sent as cookie and as header


@dataclass(frozen=True)
class Ask:
    """One request. `ok` are the answers that count as done."""

    path: str
    data: dict[str, str] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    ok: tuple[int, ...] = (200,)


class Browser:
    """One kept connection of a signed-in person."""

    def __init__(self, port: int, session: str, timeout: int = 60) -> None:
        self.connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
        self.asked = time.perf_counter()
        self.headers = {"Cookie": f"sessionid={session}; csrftoken={CSRF}", "Accept-Language": "en"}

    def ask(self, ask: Ask) -> tuple[int, int, float]:
        """Status, size of the body and milliseconds until its last byte."""
        headers, body = self.headers | ask.headers, None
        if ask.data is not None:
            headers |= {"X-CSRFToken": CSRF, "Content-Type": "application/x-www-form-urlencoded"}
            body = urlencode(ask.data)
        if time.perf_counter() - self.asked > KEPT:  # the server closes what nobody used for so long
            self.connection.close()
        began = time.perf_counter()
        self.connection.request("GET" if body is None else "POST", ask.path, body, headers)
        answer = self.connection.getresponse()
        size = len(answer.read())
        self.asked = time.perf_counter()
        return answer.status, size, (time.perf_counter() - began) * 1000


@contextmanager
def server(module: str, settings: str, database: str) -> Iterator[tuple[int, int]]:
    """gunicorn as the product runs it; gives port and process."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    options = [f"--{name.replace('_', '-')}={value}" for name, value in WORKERS.items()]
    command = [sys.executable, "-m", "gunicorn", *options, f"--bind={HOST}:{port}", "--no-control-socket", module]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": settings, "BENCH_DATABASE": database, "LOG_LEVEL": "ERROR"}
    with subprocess.Popen([*command, "--log-level=error"], env=environment) as process:
        try:
            wait_for(port)
            yield port, process.pid
        finally:
            process.terminate()


def wait_for(port: int) -> None:
    """Raises TimeoutError."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if not probe.connect_ex((HOST, port)):
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens on port {port}")


def rate(asks: Iterator[Ask], browser: Callable[[], Browser], *, clients: int, seconds: float) -> tuple[float, int]:
    """Requests a second with so many people asking at once, and how many of them failed."""

    def one_person(mine: list[Ask]) -> tuple[int, int]:
        person, done, failed = browser(), 0, 0
        while time.monotonic() < end:
            ask = mine[done % len(mine)]
            failed += person.ask(ask)[0] not in ask.ok
            done += 1
        return done, failed

    shares = shared(list(islice(asks, ENOUGH * clients)), clients)
    began = time.monotonic()
    end = began + seconds
    with ThreadPoolExecutor(clients) as people:
        counts = list(people.map(one_person, shares))
    return sum(done for done, _ in counts) / (time.monotonic() - began), sum(failed for _, failed in counts)


def shared(asks: list[Ask], clients: int) -> list[list[Ask]]:
    """An equal and even number for each person: moves come in pairs. Raises ValueError where there are too few."""
    each = len(asks) // clients // 2 * 2
    if not each:
        raise ValueError(f"{len(asks)} requests are too few for {clients} people: measure more opportunities")
    return [asks[at * each : (at + 1) * each] for at in range(clients)]


def memory_of_workers(pid: int) -> float:
    """Resident memory of the server's workers, in MiB."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    statuses = [Path(f"/proc/{child}/status").read_text() for child in children]
    return sum(int(status.split("VmRSS:")[1].split()[0]) for status in statuses) / 1024
