"""Date formulas: the reference's examples, and laws that hold for any formula and day."""

from calendar import monthrange
from contextlib import suppress
from datetime import date, timedelta

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from crm.lib import date_formula

SATURDAY = date(2026, 1, 31)


def examples(*rows: tuple[str, date]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("formula", "result"), rows)


@examples(
    ("1M", date(2026, 2, 28)),
    ("-1W", date(2026, 1, 24)),
    ("2W+1D", date(2026, 2, 15)),
    ("CM", date(2026, 1, 31)),
    ("CM+10D", date(2026, 2, 10)),
    ("CW", date(2026, 2, 1)),
    ("WD3", date(2026, 2, 4)),
    ("", date(2026, 1, 31)),
)
def test_the_published_examples(formula: str, result: date) -> None:
    assert date_formula.apply(formula, SATURDAY) == result


@examples(
    ("1D", date(2026, 2, 1)),
    ("+1D", date(2026, 2, 1)),
    ("0D", SATURDAY),
    ("1Q", date(2026, 4, 30)),
    ("-1M", date(2025, 12, 31)),
    ("1Y", date(2027, 1, 31)),
    ("25M", date(2028, 2, 29)),
    ("CQ", date(2026, 3, 31)),
    ("CY", date(2026, 12, 31)),
    ("1D+CM", date(2026, 2, 28)),
    ("WD6", date(2026, 2, 7)),
    ("WD7", date(2026, 2, 1)),
    ("1W+WD1", date(2026, 2, 9)),
    ("CM-1D", date(2026, 1, 30)),
    (" 2w + 1d ", date(2026, 2, 15)),
    ("   ", SATURDAY),
)
def test_more_of_the_grammar(formula: str, result: date) -> None:
    assert date_formula.apply(formula, SATURDAY) == result


def test_the_end_of_the_week_of_a_sunday_is_that_sunday() -> None:
    assert date_formula.apply("CW", date(2026, 2, 1)) == date(2026, 2, 1)


@pytest.mark.parametrize(
    "formula",
    [
        "W", "2", "2X", "WD0", "WD8", "CD", "C", "2W1D", "2W++1D", "2W+", "+", "-", "-CM", "1D-WD1", "1.5D", "12345D",
        "soon", "²D", "٣D", "1D;", "WD", "1W+1", "1D" + "+1D" * 20,
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(formula: str) -> None:
    with pytest.raises(ValueError, match=r"date formula|subtracted"):
        date_formula.apply(formula, SATURDAY)
    with pytest.raises(ValidationError) as caught:
        date_formula.validate(formula)
    assert caught.value.code == "date_formula"


@pytest.mark.parametrize(
    ("formula", "day"),
    [
        ("9999Y", SATURDAY), ("-9999Y", SATURDAY), ("9999Q", date(9000, 1, 1)), ("1D", date.max), ("1M", date.max),
        ("-1D", date.min), ("-1M", date.min), ("CW", date.max), ("WD1", date.max), ("9999W", date(9990, 1, 1)),
    ],
)  # fmt: skip
def test_what_leaves_the_calendar_is_a_value_error(formula: str, day: date) -> None:
    with pytest.raises(ValueError, match="outside the years"):
        date_formula.apply(formula, day)


@pytest.mark.parametrize("formula", ["9999Y", "-9999Y", "-1901Y"])
def test_a_formula_that_always_leaves_the_calendar_is_not_valid(formula: str) -> None:
    with pytest.raises(ValidationError):
        date_formula.validate(formula)


@pytest.mark.parametrize("formula", ["", "2W+1D", "cm + 10d", "WD7", "-9999D", "100Y"])
def test_a_valid_formula_is_accepted(formula: str) -> None:
    date_formula.validate(formula)


def test_the_refusal_names_the_formula_but_not_at_any_length() -> None:
    with pytest.raises(ValidationError) as caught:
        date_formula.validate("x" * 10_000)
    assert len(caught.value.messages[0]) < 150


def test_one_way_to_write_it() -> None:
    assert date_formula.normalise(" 2w\t+ 1d\n") == "2W+1D"


days = st.dates(date(1900, 1, 1), date(2999, 12, 31))
shifts = st.builds("{}{}{}".format, st.sampled_from("+-"), st.integers(0, 400), st.sampled_from("DWMQY"))
ends = st.sampled_from(["+CW", "+CM", "+CQ", "+CY"])
weekdays = st.integers(1, 7).map("+WD{}".format)
formulas = st.lists(shifts | ends | weekdays, max_size=4).map("".join)


@given(formulas, formulas, days)
def test_a_sum_is_one_after_the_other(first: str, second: str, day: date) -> None:
    if len(first + second) <= date_formula.MAX_LENGTH:
        after_first = date_formula.apply(first, day)
        assert date_formula.apply(first + second, day) == date_formula.apply(second, after_first)


@given(st.integers(-4999, 4999), days)
def test_days_and_weeks_are_plain_arithmetic(amount: int, day: date) -> None:
    assert date_formula.apply(f"{amount}D", day) == day + timedelta(days=amount)
    assert date_formula.apply(f"{amount}W", day) == day + timedelta(weeks=amount)


@given(st.integers(-400, 400), days)
def test_months_keep_the_day_or_clamp_to_the_last(amount: int, day: date) -> None:
    result = date_formula.apply(f"{amount}M", day)
    assert (result.year - day.year) * 12 + result.month - day.month == amount
    assert result.day == min(day.day, monthrange(result.year, result.month)[1])


@given(st.integers(-100, 100), days)
def test_a_quarter_is_three_months_and_a_year_four_quarters(amount: int, day: date) -> None:
    assert date_formula.apply(f"{amount}Q", day) == date_formula.apply(f"{amount * 3}M", day)
    assert date_formula.apply(f"{amount}Y", day) == date_formula.apply(f"{amount * 4}Q", day)


@given(st.integers(1, 7), days)
def test_a_weekday_lies_within_the_next_seven_days(weekday: int, day: date) -> None:
    result = date_formula.apply(f"WD{weekday}", day)
    assert result.isoweekday() == weekday
    assert day < result <= day + timedelta(days=7)


@given(st.sampled_from("WMQY"), days)
def test_an_end_is_an_end(period: str, day: date) -> None:
    end = date_formula.apply(f"C{period}", day)
    assert end >= day
    assert date_formula.apply(f"C{period}", end) == end
    assert date_formula.apply(f"C{period}", end + timedelta(days=1)) > end


@given(formulas, days)
def test_writing_it_differently_changes_nothing(formula: str, day: date) -> None:
    spaced = " ".join(formula.lower())
    assert date_formula.apply(spaced, day) == date_formula.apply(formula, day)


@given(st.text(max_size=50) | st.text("0123456789DWMQYC+- ", max_size=40), st.dates())
def test_whatever_is_typed_gives_a_day_or_a_value_error(text: str, day: date) -> None:
    with suppress(ValueError):
        assert isinstance(date_formula.apply(text, day), date)


@given(st.text("0123456789DWMQYC+-", max_size=12), days)
def test_what_is_valid_works_on_every_usual_day(text: str, day: date) -> None:
    try:
        date_formula.validate(text)
    except ValidationError:
        return
    date_formula.apply(text, day)
