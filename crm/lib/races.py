"""What the database says of a write: somebody was faster, or a rule refused it."""

BUSY_STATES = ("55P03", "40P01")  # lock not available, deadlock


def is_busy(error: BaseException) -> bool:
    """A lock was not to be had in time, or two waited for each other: who asks again may be luckier."""
    return getattr(error.__cause__, "sqlstate", "") in BUSY_STATES


def refused_by(error: BaseException) -> str:
    """The name of the constraint or trigger that refused a row; blank where none did."""
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""
