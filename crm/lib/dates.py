"""Dates as each language writes them. The short forms are plain string formats: cheap enough for every row of a list."""

from datetime import date, datetime, time
from functools import lru_cache

from babel.dates import format_date, format_timedelta
from django.utils.translation import gettext as _

from crm.lib.money import BLANK, locale_of

_SHORT = {
    "en": "{0.year:04}-{0.month:02}-{0.day:02}",
    "fi": "{0.day}.{0.month}.{0.year}",
    "nb": "{0.day:02}.{0.month:02}.{0.year}",
    "de": "{0.day:02}.{0.month:02}.{0.year}",
    "nl": "{0.day}/{0.month:02}/{0.year}",
    "it": "{0.day:02}/{0.month:02}/{0.year}",
}
_TIME = {"fi": "{0.hour}.{0.minute:02}"}
_LONG = {"en": "d MMMM y"}  # day first, whatever Babel thinks of "en"


def day_short(day: date | None, language: str) -> str:
    """2026-03-02, 2.3.2026, 02.03.2026 …; a dash for no date."""
    return BLANK if day is None else _SHORT.get(language, _SHORT["en"]).format(day)


@lru_cache(maxsize=2048)
def day_long(day: date | None, language: str) -> str:
    """2 March 2026, 2. maaliskuuta 2026 …; a dash for no date."""
    if day is None:
        return BLANK
    return format_date(day, _LONG.get(language, "long"), locale=locale_of(language))


def day_from(day: date, today: date, language: str) -> str:
    """How far it is: yesterday, today, tomorrow, Friday, in 9 days, 3 weeks ago."""
    days = (day - today).days
    near = {-1: _("Yesterday"), 0: _("Today"), 1: _("Tomorrow")}
    if days in near:
        return near[days]
    if 1 < days < 7:
        return format_date(day, "EEEE", locale=locale_of(language))
    return format_timedelta(day - today, "day", threshold=3, add_direction=True, locale=locale_of(language))


def clock(at: time, language: str) -> str:
    """09:30, 9.30."""
    return _TIME.get(language, "{0.hour:02}:{0.minute:02}").format(at)


def moment(instant: datetime | None, language: str) -> str:
    """Day and time of an instant already in the reader's time zone."""
    if instant is None:
        return BLANK
    return f"{day_short(instant, language)} {clock(instant.time(), language)}"
