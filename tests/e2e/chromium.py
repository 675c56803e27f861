"""The browser of the tests: Debian's Chromium where it is, the lean one if it can be had, else Playwright's own.

`python -m tests.e2e.chromium` has one installed, or fails with one line: browser tests are never skipped in silence.
"""

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Error, sync_playwright

from crm.lib import environment

LEAN = "chromium-headless-shell"  # the same pages for half of the processor's time
NAMES = (LEAN, "chromium", "chromium-browser", "google-chrome")
INSTALL = "apt-get install -y --no-install-recommends"
PATIENCE = 180  # seconds
FROM_DEBIAN = f"apt-get update && {{ {INSTALL} {LEAN} || {INSTALL} chromium; }}"
OPTIONS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def of_the_machine() -> str | None:
    """Return the path of the machine's own Chromium, if it has one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def launch_options() -> dict[str, Any]:
    """Return what Playwright needs to know to start the browser."""
    options: dict[str, Any] = {"args": OPTIONS + (["--no-sandbox"] if os.geteuid() == 0 else [])}
    if found := of_the_machine():
        options["executable_path"] = found
    return options


def ensure() -> None:
    """Have a Chromium that starts, from Debian the lean one; exit with one line if none can be had."""
    debian, starts = os.geteuid() == 0 and shutil.which("apt-get"), _starts()
    if starts and (shutil.which(LEAN) or not debian):
        return
    print("Installing Chromium for the browser tests (once) …", flush=True)
    playwright = [sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"]
    command: list[str | Path] = ["sh", "-c", FROM_DEBIAN] if debian else [*playwright]
    if starts:  # the tests run without the lean one too
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE)
    else:
        environment.attempt("Chromium, which the browser tests need", command)
    if not _starts():
        sys.exit("Chromium is installed but does not start; the browser tests need it (try: chromium --headless)")


def _starts() -> bool:
    with sync_playwright() as playwright:
        try:
            playwright.chromium.launch(**launch_options()).close()
        except Error:
            return False
    return True


if __name__ == "__main__":
    ensure()
