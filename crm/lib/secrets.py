import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path


def made_once(path: Path) -> str:
    """Return the secret kept in `path`; make it, readable by its owner only (0600), when it is not there yet.

    It is written aside and linked into place whole: of several first starts one wins, and none reads half of it.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f"{path.name}.") as file:  # 0600 by itself
            file.write(secrets.token_urlsafe(50))
            file.flush()
            with suppress(FileExistsError):
                os.link(file.name, path)
    return path.read_text()
