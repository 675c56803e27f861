"""The browser of the tests: Debian's Chromium where it is, else Playwright's own.

`python -m tests.e2e.chromium` has one installed, or fails with one line: browser tests are never skipped in silence.
"""

import os
import shutil
import sys
from typing import Any

from playwright.sync_api import Error, sync_playwright

from crm.lib import environment

NAMES = ("chromium", "chromium-browser", "google-chrome")
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
    """Have a Chromium that starts; exit with one line if none can be had."""
    if _starts():
        return
    print("Installing Chromium for the browser tests (once) …", flush=True)
    if os.geteuid() == 0 and shutil.which("apt-get"):
        commands = [["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]]
    else:
        commands = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    for command in commands:
        environment.attempt("Chromium, which the browser tests need", list(command))
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
