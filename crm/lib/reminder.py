"""When somebody is reminded of what is due on a day: in the morning of a day before, or minutes before it begins."""

import datetime
import zoneinfo

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Reminder(TextChoices):
    ON_THE_DAY = "0d", _("On the day")
    DAY_BEFORE = "1d", _("A day before")
    TWO_DAYS_BEFORE = "2d", _("Two days before")
    WEEK_BEFORE = "7d", _("A week before")
    AT_THE_START = "0m", _("At the start")
    QUARTER_BEFORE = "15m", _("15 minutes before")
    HOUR_BEFORE = "60m", _("An hour before")
    TWO_HOURS_BEFORE = "120m", _("Two hours before")


BY_DAYS = tuple((one.value, one.label) for one in Reminder if one.value.endswith("d"))


def moment(
    reminder: str,
    day: datetime.date,
    starts_at: datetime.time | None,
    *,
    morning: datetime.time,
    zone: zoneinfo.ZoneInfo,
    business: zoneinfo.ZoneInfo,
) -> datetime.datetime | None:
    """Days are counted on the calendar: at `morning`, in the zone of who is reminded. Minutes are counted on the clock, from a
    start in the zone of the business. None where nothing begins. A time that the spring leaves out is an hour later, one that
    comes twice in autumn is the first."""
    count = int(reminder[:-1])
    if reminder.endswith("d"):
        local = datetime.datetime.combine(day - datetime.timedelta(days=count), morning, zone)
        return local.astimezone(datetime.UTC)
    if starts_at is None:
        return None
    begins = datetime.datetime.combine(day, starts_at, business).astimezone(datetime.UTC)
    return begins - datetime.timedelta(minutes=count)
