import os

from django.core.management.base import CommandError


def refuse_unasked(asked: bool, why: str) -> None:
    """Raise CommandError where DATABASE_URL names the database and made-up data were not asked for, by option or DEMO=1."""
    if os.environ.get("DATABASE_URL") and not asked and os.environ.get("DEMO") != "1":
        raise CommandError(f"DATABASE_URL is set, and {why}")
