import os
import secrets
from pathlib import Path


def made_once(path: Path) -> str:
    """Return the secret kept in `path`; make it, readable by its owner only (0600), when it is not there yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(50))
    return path.read_text()
