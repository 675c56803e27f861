import fcntl
import itertools
import os
from pathlib import Path


def take_slot(folder: Path) -> int:
    """Return a number that no other test run of this checkout has while this process lives.

    Runs side by side so have a database each, and a run that was killed gives its number back.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        lock = os.open(folder / f"test-run-{number}", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            return number
    raise AssertionError
