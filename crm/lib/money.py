"""Rounding and showing amounts, percentages and numbers.

Rule for all money and percentages: two decimals, half away from zero, rounded when stored. Showing follows the reader's
language by Babel's patterns; each pattern is read once per language and currency and then applied with plain string
formatting, because a list shows hundreds of values (Babel itself takes 40 µs for each, this 1 to 2 µs).
"""

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

from babel import numbers

BLANK = "–"
NO_BREAK_SPACE = "\xa0"

# Our language codes name a country only where Babel's default for the language is not the one we mean.
LOCALES = {"nl": "nl_BE"}

Value = Decimal | int | float | None
Formatter = Callable[[Value], str]

_ROUNDING = Context(prec=60, rounding=ROUND_HALF_UP)  # ROUND_HALF_UP is decimal's name for half away from zero


def locale_of(language: str) -> str:
    """Babel's name of the locale that a language code of ours stands for."""
    return LOCALES.get(language) or language.replace("-", "_")


def round_half_up(value: Decimal | float, places: int = 2) -> Decimal:
    """Rounded to so many decimals, half away from zero: 0.125 → 0.13, -0.125 → -0.13. Zero never has a sign."""
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    rounded = exact.quantize(Decimal((0, (1,), -places)), context=_ROUNDING)
    return rounded or rounded.copy_abs()


def format_money(value: Value, currency: str, language: str) -> str:
    """`1.234,50 €` in the reader's way of writing; a dash where there is no value."""
    return money_formatter(currency, language)(value)


def format_percent(value: Value, language: str) -> str:
    """A percentage stored as 0–100, without trailing zeros: `35 %`, `12,5 %`."""
    return percent_formatter(language)(value)


def format_number(value: Value, language: str, places: int | None = None) -> str:
    """Grouped as the reader writes it; `places` fixes the decimals, else at most two without trailing zeros."""
    return number_formatter(language, places)(value)


@lru_cache(maxsize=128)
def money_formatter(currency: str, language: str) -> Formatter:
    """The function to call in a loop; it has read the pattern already."""
    locale = locale_of(language)
    places = numbers.get_currency_precision(currency)
    plus, minus = (numbers.format_currency(sign, currency, locale=locale) for sign in (1, -1))
    return _formatter(locale, _frame(plus, places, locale), _frame(minus, places, locale), places)


@lru_cache(maxsize=32)
def percent_formatter(language: str) -> Formatter:
    """As money_formatter, for percentages stored as 0–100."""
    locale = locale_of(language)
    plus, minus = (numbers.format_percent(Decimal(sign) / 100, locale=locale) for sign in (1, -1))
    return _formatter(locale, _frame(plus, 0, locale), _frame(minus, 0, locale), None)


@lru_cache(maxsize=64)
def number_formatter(language: str, places: int | None = None) -> Formatter:
    """As money_formatter, for plain numbers."""
    locale = locale_of(language)
    minus = numbers.format_decimal(-1, locale=locale)
    return _formatter(locale, ("", ""), _frame(minus, 0, locale), places)


def _formatter(locale: str, plus: tuple[str, str], minus: tuple[str, str], places: int | None) -> Formatter:
    """`places` None means: at most two decimals, without trailing zeros."""
    marks = str.maketrans(",.", numbers.get_group_symbol(locale) + numbers.get_decimal_symbol(locale))

    def formatted(value: Value) -> str:
        if value is None:
            return BLANK
        rounded = round_half_up(value, 2 if places is None else places)
        digits = f"{abs(rounded):,f}"
        if places is None:
            digits = digits.rstrip("0").rstrip(".")
        before, after = minus if rounded < 0 else plus
        return f"{before}{digits.translate(marks)}{after}"

    return formatted


def _frame(one: str, places: int, locale: str) -> tuple[str, str]:
    """What stands before and after the digits, read off a formatted 1; a letter never touches a digit."""
    digits = "1" + (numbers.get_decimal_symbol(locale) + "0" * places if places else "")
    before, after = one.split(digits)
    return (before + NO_BREAK_SPACE if before[-1:].isalpha() else before), after
