"""What goes wrong before the product serves is said in one line, and what was done once is not done again."""

import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest

from crm import launch
from crm.apps import browser_assets_are_there
from crm.lib import assets, environment, messages
from crm.lib.secrets import made_once


def run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=environment.ROOT, env=os.environ | variables, capture_output=True, text=True, check=False
    )


def test_a_taken_port_is_refused() -> None:
    with socket.socket() as other:
        other.bind((launch.HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SystemExit, match=f"^Port {port} cannot be used .*make run PORT={port + 1}$"):
            launch.refuse_taken_port(port)


@pytest.mark.parametrize("text", ["web", "0", "65536", "-1"])
def test_a_port_that_is_none_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", text)
    with pytest.raises(SystemExit, match=f"^PORT={text} is not a port number$"):
        launch.port()


def test_an_old_python_is_refused(tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo Python 3.9.2\nexit 1\n')
    old.chmod(0o755)
    done = run("make", "run", f"PYTHON={old}")
    assert done.returncode != 0
    assert done.stderr.splitlines()[0].startswith(f"Python 3.11 or newer is needed; {old} is Python 3.9.2")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("DATABASE_URL", "postgresql://crm:secret@127.0.0.1:1/crm", "The PostgreSQL of DATABASE_URL does not answer: "),
        ("DATABASE_URL", "nonsense", "The settings are not right: "),
        ("DEBUG", "perhaps", "The settings are not right: "),
    ],
)
def test_a_variable_that_cannot_be_used_is_one_line(name: str, value: str, message: str) -> None:
    done = run(sys.executable, "-m", "crm.serve", "run", **{name: value})
    assert done.returncode == 1
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


def test_no_network_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "LOG", tmp_path / "setup.log")
    command = ["sh", "-c", "echo 'NewConnectionError: [Errno 101] Network is unreachable'; exit 1"]
    with pytest.raises(SystemExit, match=r"^Could not install the packages: no network, .*setup\.log\)$"):
        environment.attempt("the packages", list(command))


def test_a_lock_file_is_installed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENV", str(tmp_path))
    for name in ("bin/python", "bin/pip", f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    ran: list[str] = []
    monkeypatch.setattr(environment, "attempt", lambda what, _command: ran.append(what))
    lock = tmp_path / "requirements.txt"
    for content in ("a==1", "a==1", "a==2"):
        lock.write_text(content)
        environment.install(lock)
    assert ran == ["the packages", "the packages"]


def test_of_several_first_starts_all_have_the_same_secret_key(tmp_path: Path) -> None:
    for at in range(20):
        with ThreadPoolExecutor(8) as starts:
            keys = set(starts.map(made_once, [tmp_path / f"key-{at}"] * 8))
        assert len(keys) == 1
        assert len(keys.pop()) > 50
    assert len(list(tmp_path.iterdir())) == 20


def test_the_secret_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "deeper" / "secret_key"
    key = made_once(path)
    assert len(key) >= 50
    assert made_once(path) == key
    assert path.stat().st_mode & 0o777 == 0o600


def test_who_forgot_the_browser_assets_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "VENDOR", tmp_path)
    (warning,) = browser_assets_are_there()
    assert warning.id == "crm.W001"
    assert "tabler/tabler.min.css" in warning.msg


def test_the_assets_that_are_there_are_enough() -> None:
    assert browser_assets_are_there() == []
    for name in assets.FILES:
        place = assets.VENDOR / assets._place(name)
        asks_for_a_map = b"sourceMappingURL" in place.read_bytes()
        assert name.endswith(".map") or f"{name}.map" in assets.FILES or not asks_for_a_map


def test_the_texts_of_a_template_are_found() -> None:
    page = '<p>{% translate "Won" %} it\'s <b>\n  {% blocktranslate count n=2 %}One{% plural %}{{ n }} of them{% endblocktranslate %}'
    found = messages.extract_template(BytesIO(page.encode()), messages.KEYWORDS, [], {})
    assert [(function, text) for _line, function, text, _comments in found] == [
        ("gettext", "Won"),
        ("ngettext", ("One", "%(n)s of them", None)),
    ]


def test_catalogues_are_compiled_when_they_changed(tmp_path: Path) -> None:
    po = tmp_path / "fi" / "LC_MESSAGES" / "django.po"
    po.parent.mkdir(parents=True)
    po.write_text(
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "Won"\nmsgstr "Voitettu"\n'
    )
    assert messages.compile_catalogues(tmp_path) == [po]
    assert messages.compile_catalogues(tmp_path) == []
    assert b"Voitettu" in po.with_suffix(".mo").read_bytes()
