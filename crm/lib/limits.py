"""The time that a statement may take (settings.DATABASES) is a page's: a migration of a big table takes what it takes."""

from typing import Any

from django.db import connections


def lift(using: str, **_: Any) -> None:
    """Let statements of this connection take as long as they need; a receiver of pre_migrate."""
    with connections[using].cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")


def restore(using: str, **_: Any) -> None:
    """Have the usual limit again; a receiver of post_migrate."""
    with connections[using].cursor() as cursor:
        cursor.execute("RESET statement_timeout")
