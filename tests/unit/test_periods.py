"""Relative periods against tables written by hand: ends of years, week 53, leap days, fiscal years, clock changes."""

import datetime
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.lib.listing.periods import DAY, PERIODS, Clock, days_of, in_words, is_period, offered

TABLE = [
    # today, first month of the fiscal year, period, first day, last day
    ("2026-03-31", 1, "today", "2026-03-31", "2026-03-31"),
    ("2026-03-01", 1, "yesterday", "2026-02-28", "2026-02-28"),
    ("2024-03-01", 1, "yesterday", "2024-02-29", "2024-02-29"),
    ("2026-12-31", 1, "tomorrow", "2027-01-01", "2027-01-01"),
    # 2026-12-28 … 2027-01-03 is week 53
    ("2026-12-31", 1, "this_week", "2026-12-28", "2027-01-03"),
    ("2027-01-03", 1, "this_week", "2026-12-28", "2027-01-03"),
    ("2027-01-04", 1, "last_week", "2026-12-28", "2027-01-03"),
    ("2026-12-27", 1, "next_week", "2026-12-28", "2027-01-03"),
    ("2026-03-02", 1, "this_week", "2026-03-02", "2026-03-08"),
    ("2026-03-31", 1, "this_month", "2026-03-01", "2026-03-31"),
    ("2026-03-31", 1, "last_month", "2026-02-01", "2026-02-28"),
    ("2024-03-31", 1, "last_month", "2024-02-01", "2024-02-29"),
    ("2026-01-31", 1, "next_month", "2026-02-01", "2026-02-28"),
    ("2026-12-15", 1, "next_month", "2027-01-01", "2027-01-31"),
    ("2026-01-15", 1, "last_month", "2025-12-01", "2025-12-31"),
    ("2026-03-31", 1, "this_quarter", "2026-01-01", "2026-03-31"),
    ("2026-04-01", 1, "this_quarter", "2026-04-01", "2026-06-30"),
    ("2026-02-28", 1, "last_quarter", "2025-10-01", "2025-12-31"),
    ("2026-11-30", 1, "next_quarter", "2027-01-01", "2027-03-31"),
    ("2026-12-31", 1, "this_year", "2026-01-01", "2026-12-31"),
    ("2026-01-01", 1, "last_year", "2025-01-01", "2025-12-31"),
    ("2026-06-30", 1, "next_year", "2027-01-01", "2027-12-31"),
    ("2026-03-31", 4, "this_fiscal_year", "2025-04-01", "2026-03-31"),
    ("2026-04-01", 4, "this_fiscal_year", "2026-04-01", "2027-03-31"),
    ("2026-04-01", 4, "last_fiscal_year", "2025-04-01", "2026-03-31"),
    ("2026-03-31", 4, "next_fiscal_year", "2026-04-01", "2027-03-31"),
    ("2024-02-29", 3, "this_fiscal_year", "2023-03-01", "2024-02-29"),
    ("2026-12-31", 12, "this_fiscal_year", "2026-12-01", "2027-11-30"),
    ("2026-07-01", 1, "this_fiscal_year", "2026-01-01", "2026-12-31"),
    ("2026-03-31", 4, "this_year", "2026-01-01", "2026-12-31"),
    ("2026-03-02", 1, "last_7_days", "2026-02-23", "2026-03-02"),
    ("2026-03-02", 1, "next_30_days", "2026-03-02", "2026-04-01"),
    ("2026-03-02", 1, "next_0_days", "2026-03-02", "2026-03-02"),
    ("2026-03-02", 1, "last_365_days", "2025-03-02", "2026-03-02"),
]


@pytest.mark.parametrize(("today", "fiscal", "word", "first", "last"), TABLE)
def test_periods(today: str, fiscal: int, word: str, first: str, last: str) -> None:
    clock = Clock(today=datetime.date.fromisoformat(today), fiscal_month=fiscal)
    assert [day.isoformat() for day in days_of(word, clock)] == [first, last]


DAYS = st.dates(datetime.date(1950, 1, 1), datetime.date(2900, 12, 31))


@given(DAYS, st.integers(1, 12), st.sampled_from(["week", "month", "quarter", "year", "fiscal_year"]))
def test_last_this_and_next_follow_one_another(today: datetime.date, fiscal: int, unit: str) -> None:
    clock = Clock(today=today, fiscal_month=fiscal)
    last, this, following = (days_of(f"{step}_{unit}", clock) for step in ("last", "this", "next"))
    assert this[0] <= today <= this[1]
    assert last[1] + DAY == this[0] and this[1] + DAY == following[0]
    assert last == days_of(f"this_{unit}", Clock(today=last[1], fiscal_month=fiscal))
    assert following == days_of(f"this_{unit}", Clock(today=following[0], fiscal_month=fiscal))


@pytest.mark.parametrize(
    "word", ["", "this", "this_decade", "last_days", "last_10000_days", "next_-1_days", "last_٣_days"]
)
def test_other_words_are_no_periods(word: str) -> None:
    assert not is_period(word)


def test_the_fiscal_year_is_offered_where_it_is_not_the_calendars() -> None:
    today = datetime.date(2026, 3, 2)
    usual = [word for word, _ in offered(Clock(today))]
    assert not [word for word in usual if "fiscal" in word]
    assert [word for word, _ in offered(Clock(today, fiscal_month=4))][: len(PERIODS)] == list(PERIODS)
    assert offered(Clock(today), beside="last_45_days")[-1] == ("last_45_days", "the last 45 days")
    assert str(in_words("next_1_days")) == "the next 1 day"


MIDNIGHTS = [
    # the day whose first instant is asked for, the zone, that instant in UTC
    ("2026-03-29", "Europe/Helsinki", "2026-03-28T22:00"),
    ("2026-03-30", "Europe/Helsinki", "2026-03-29T21:00"),  # after 23 hours
    ("2026-10-26", "Europe/Helsinki", "2026-10-25T22:00"),  # after 25
    ("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00"),  # the day began at one o'clock
    ("2018-02-18", "America/Sao_Paulo", "2018-02-18T03:00"),  # the hour before midnight came twice
    ("2026-11-01", "America/Havana", "2026-11-01T04:00"),  # midnight came twice: the first one
]


@pytest.mark.parametrize(("day", "zone", "instant"), MIDNIGHTS)
def test_a_day_begins_with_its_first_instant(day: str, zone: str, instant: str) -> None:
    clock = Clock(datetime.date(2026, 1, 1), zone=zoneinfo.ZoneInfo(zone))
    begins = clock.starts(datetime.date.fromisoformat(day)).astimezone(datetime.UTC)
    assert begins.strftime("%Y-%m-%dT%H:%M") == instant
    before = (begins - datetime.timedelta(microseconds=1)).astimezone(clock.zone)
    assert (before.date(), begins.astimezone(clock.zone).date().isoformat()) == (
        datetime.date.fromisoformat(day) - DAY,
        day,
    )
