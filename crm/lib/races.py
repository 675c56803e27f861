"""What the database says of a write: somebody was faster, or a rule refused it. And who goes first where two would begin."""

from django.db import OperationalError, connection

BUSY_STATES = ("55P03", "40P01")  # lock not available, deadlock


def is_busy(error: BaseException) -> bool:
    """A lock was not to be had in time, or two waited for each other: who asks again may be luckier."""
    return getattr(error.__cause__, "sqlstate", "") in BUSY_STATES


def refused_by(error: BaseException) -> str:
    """The name of the constraint or trigger that refused a row; blank where none did."""
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""


class Busy(Exception):
    """Somebody is at work on some of the rows, for longer than a run waits. Nothing was written."""


def take_turns(kind: int, key: int) -> None:
    """The same, after whoever has it in hand. Raises Busy where that takes too long."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [kind, key % 2**31])
    except OperationalError as error:
        if is_busy(error):
            raise Busy from error
        raise


def go_first(kind: int, key: int) -> None:
    """Until the end of the transaction nobody else has the thing of that kind in hand. Raises Busy."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [kind, key % 2**31])
        if not cursor.fetchone()[0]:
            raise Busy
