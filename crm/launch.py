"""From a bare checkout to the running product: `python3 -m crm.launch run` (or `dev`), which the Makefile calls.

Standard library only: it runs on the machine's own Python, before anything is installed. When the virtual environment and
the browser assets are there it becomes crm.serve, on the virtual environment's Python.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys

from crm.lib import environment

LOCKS = {"run": "requirements.txt", "dev": "requirements-dev.txt"}
HOST = "127.0.0.1"
SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux


def port() -> int:
    """Return the port to serve on, PORT or 8000; exit with one line if it is no port."""
    text = os.environ.get("PORT") or "8000"
    if not text.isdecimal() or not 0 < int(text) < 65536:
        sys.exit(f"PORT={text} is not a port number")
    return int(text)


def refuse_taken_port(number: int) -> None:
    """Exit with one line if nobody can listen on port `number`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, number))
        except OSError as error:
            sys.exit(
                f"Port {number} cannot be used ({str(error.strerror).lower()}); choose another: make run PORT={number + 1}"
            )


def end_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends, however that happens (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)


def main(command: str) -> None:
    """Set everything up, then serve. Every step does nothing when it was done before."""
    refuse_taken_port(port())
    environment.install(environment.ROOT / LOCKS[command])
    python = str(environment.python())
    assets = subprocess.run([python, "-m", "crm.lib.assets"], cwd=environment.ROOT, check=False)
    if assets.returncode:
        sys.exit(assets.returncode)
    os.chdir(environment.ROOT)
    os.execv(python, [python, "-m", "crm.serve", command])


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        sys.exit(130)
