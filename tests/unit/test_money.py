"""Rounding is half away from zero; showing agrees with Babel, at a fraction of its cost."""

from decimal import Decimal

import pytest
from babel import numbers
from hypothesis import given
from hypothesis import strategies as st

from crm.lib import money

LANGUAGES = ["en", "fi", "nb", "de", "nl", "it"]
amounts = st.decimals(-(10**12), 10**12, places=2)


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        ("0.125", "0.13"), ("-0.125", "-0.13"), ("0.135", "0.14"), ("2.345", "2.35"), ("-2.345", "-2.35"),
        ("0.004", "0.00"), ("-0.004", "0.00"), ("0.005", "0.01"), ("-0.005", "-0.01"), ("7", "7.00"),
        ("99999999999999999999999999.995", "100000000000000000000000000.00"),
    ],
)  # fmt: skip
def test_half_goes_away_from_zero(value: str, rounded: str) -> None:
    assert str(money.round_half_up(Decimal(value))) == rounded


def test_a_whole_number_and_a_float_are_rounded_as_they_read() -> None:
    assert str(money.round_half_up(3)) == "3.00"
    assert str(money.round_half_up(1.005)) == "1.01"
    assert str(money.round_half_up(Decimal("2.5"), 0)) == "3"


@given(st.decimals(-(10**15), 10**15, allow_nan=False))
def test_rounding_is_symmetric_and_close(value: Decimal) -> None:
    rounded = money.round_half_up(value)
    assert money.round_half_up(-value) == -rounded
    assert abs(rounded - value) <= Decimal("0.005")
    assert money.round_half_up(rounded) == rounded


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", "€1,234.50"), ("fi", "1 234,50 €"), ("nb", "1 234,50 €"), ("de", "1.234,50 €"), ("nl", "€ 1.234,50"),
        ("it", "1.234,50 €"),
    ],
)  # fmt: skip
def test_money_as_each_language_writes_it(language: str, shown: str) -> None:
    assert money.format_money(Decimal("1234.5"), "EUR", language).replace("\xa0", " ") == shown


@pytest.mark.parametrize("language", LANGUAGES)
@given(value=amounts)
def test_money_agrees_with_babel(language: str, value: Decimal) -> None:
    expected = numbers.format_currency(value or Decimal(0), "EUR", locale=money.locale_of(language))
    assert money.format_money(value, "EUR", language) == expected


@pytest.mark.parametrize("language", LANGUAGES)
@given(value=amounts)
def test_numbers_agree_with_babel(language: str, value: Decimal) -> None:
    expected = numbers.format_decimal(value or 0, "#,##0.##", locale=money.locale_of(language))
    assert money.format_number(value, language) == expected


@pytest.mark.parametrize("language", LANGUAGES)
@given(value=st.decimals(-100, 100, places=0))
def test_percentages_agree_with_babel(language: str, value: Decimal) -> None:
    expected = numbers.format_percent((value or Decimal(0)) / 100, locale=money.locale_of(language))
    assert money.format_percent(value, language) == expected


def test_percentages_keep_what_counts() -> None:
    assert money.format_percent(Decimal("12.50"), "en") == "12.5%"
    assert money.format_percent(Decimal("12.50"), "fi") == "12,5\xa0%"
    assert money.format_percent(Decimal("100.00"), "de") == "100\xa0%"
    assert money.format_percent(0, "it") == "0%"


def test_a_currency_of_letters_stands_apart_from_its_figure() -> None:
    assert money.format_money(Decimal(5), "CHF", "en") == "CHF\xa05.00"
    assert money.format_money(Decimal(-5), "CHF", "en") == "-CHF\xa05.00"


def test_a_currency_without_cents_is_rounded_once() -> None:
    assert money.format_money(Decimal("0.495"), "JPY", "en") == "¥0"
    assert money.format_money(Decimal("1234.50"), "JPY", "en") == "¥1,235"


def test_what_rounds_to_nothing_has_no_sign() -> None:
    assert money.format_money(Decimal("-0.004"), "EUR", "en") == "€0.00"


def test_blank_is_a_dash() -> None:
    assert money.format_money(None, "EUR", "fi") == "–"
    assert money.format_percent(None, "fi") == "–"
    assert money.format_number(None, "fi") == "–"


def test_fixed_decimals() -> None:
    assert money.format_number(Decimal(3), "fi", 1) == "3,0"
    assert money.format_number(1234567, "de") == "1.234.567"
    assert money.format_number(-1234, "en") == "-1,234"
