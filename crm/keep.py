"""Keep one program running: `python -m crm.keep program arguments …`.

A program that ends is started again after a pause, which grows while it keeps on ending at once. It ends with this process,
and this process with its parent, however they end. Standard library only, since it waits all the time.
"""

import os
import signal
import subprocess
import sys
import time
from typing import Any

from crm.launch import end_with_parent

SHORTEST, LONGEST = 2.0, 60.0  # seconds between two starts
LONG_ENOUGH = 30.0  # seconds; what ran so long did not fail at once
GRACE = 8.0  # seconds to finish what is under way
GLANCE = 1.0  # seconds between two looks at the parent


def keep(command: list[str]) -> None:
    parent, pause = os.getppid(), SHORTEST
    while True:
        began = time.monotonic()
        with subprocess.Popen(command, preexec_fn=end_with_parent) as program:
            try:
                wait_for(program, parent)
            finally:
                stop(program)
        pause = SHORTEST if time.monotonic() - began > LONG_ENOUGH else min(2 * pause, LONGEST)
        print(f"The worker ended ({program.returncode}); it is started again.", file=sys.stderr, flush=True)
        time.sleep(pause)


def wait_for(program: subprocess.Popen[Any], parent: int) -> None:
    """Until it ends; exit when the parent is gone, which not every system says by a signal."""
    while True:
        try:
            program.wait(GLANCE)
            return
        except subprocess.TimeoutExpired:
            if os.getppid() != parent:
                sys.exit(0)


def stop(program: subprocess.Popen[Any]) -> None:
    program.terminate()
    try:
        program.wait(GRACE)
    except subprocess.TimeoutExpired:
        program.kill()


if __name__ == "__main__":
    end_with_parent()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    keep(sys.argv[1:])
