"""What the database says where two write at once."""

BUSY_STATES = ("55P03", "40P01")  # lock not available, deadlock


def is_busy(error: BaseException) -> bool:
    """A lock was not to be had in time, or two waited for each other: who asks again may be luckier."""
    return getattr(error.__cause__, "sqlstate", "") in BUSY_STATES
