"""The virtual environment, made from a lock file: `python3 -m crm.lib.environment requirements.txt`.

Standard library only: it runs before anything is installed. Nothing is done while the lock file is the one that was
installed last.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LOG = ROOT / ".local" / "setup.log"
PIP_OPTIONS = ("--require-hashes", "--disable-pip-version-check", "--no-input", "--retries=2", "--timeout=20")
SIGNS_OF_NO_NETWORK = (
    "NewConnectionError",
    "Max retries exceeded",
    "name resolution",
    "timed out",
    "ENOTFOUND",
    "ECONNREFUSED",
    "EAI_AGAIN",
)


def folder() -> Path:
    """Return the virtual environment's folder: VENV, or .venv in the checkout."""
    return ROOT / os.environ.get("VENV", ".venv")


def python() -> Path:
    """Return the virtual environment's interpreter."""
    return folder() / "bin" / "python"


def install(lock: Path) -> None:
    """Have everything `lock` names installed in the virtual environment; exit with one line if that cannot be done."""
    _make()
    stamp = folder() / f".{lock.name}.installed"
    wanted = f"{hashlib.sha256(lock.read_bytes()).hexdigest()} {sys.version}"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"Installing the packages of {lock.name} (once) …", flush=True)
    attempt("the packages", [python(), "-m", "pip", "install", *PIP_OPTIONS, "-r", lock])
    stamp.write_text(wanted)


def attempt(what: str, command: list[str | Path], cwd: Path = ROOT) -> None:
    """Run a set-up command with its output in a log; exit with one line, naming `what`, if it fails."""
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("w+") as log:
        done = subprocess.run(
            command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, check=False
        )
        log.seek(0)
        output = log.read()
    if done.returncode:
        sys.exit(f"Could not install {what}: {_reason(output)} (everything it said is in {LOG})")


def _make() -> None:
    fits = (
        python().exists() and (folder() / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}").is_dir()
    )
    if fits and (folder() / "bin" / "pip").exists():
        return
    print(f"Making the virtual environment {folder()} …", flush=True)
    if _lacks_venv():
        _install_debian_venv()
    options = [] if fits else ["--clear"]  # one of another Python is of no use
    attempt("the virtual environment", [sys.executable, "-m", "venv", *options, folder()])


def _lacks_venv() -> bool:
    """Debian leaves out the part of the standard library that brings pip."""
    return (
        subprocess.run([sys.executable, "-c", "import ensurepip, venv"], capture_output=True, check=False).returncode
        != 0
    )


def _install_debian_venv() -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit("Python's venv module is missing; install it (on Debian and Ubuntu the package python3-venv)")
    attempt("the list of Debian's packages", ["apt-get", "update"])
    attempt("python3-venv", ["apt-get", "install", "-y", "--no-install-recommends", "python3-venv"])


def _reason(output: str) -> str:
    if any(sign in output for sign in SIGNS_OF_NO_NETWORK):
        return "no network, or the package registry does not answer"
    lines = output.strip().splitlines()
    return lines[-1] if lines else "it said nothing"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        install(ROOT / name)
