"""When the next one of a recurring task is due."""

import datetime
from functools import lru_cache

from crm.lib import date_formula

FOUR_YEARS = [datetime.date(2024, 1, 1) + datetime.timedelta(days=day) for day in range(1461)]
LAST_YEAR = 2999


@lru_cache(maxsize=256)
def goes_forward(interval: str) -> bool:
    """Whether the formula leads to a later day from every day, leap years included: else a task would follow on itself."""
    return all(date_formula.apply(interval, day) > day for day in FOUR_YEARS)


def next_day(interval: str, day: datetime.date) -> datetime.date | None:
    """None where it would lie in a year that nobody means."""
    try:
        found = date_formula.apply(interval, day)
    except date_formula.DateFormulaError:
        return None
    return found if found.year <= LAST_YEAR else None
