"""Form fields that read what people type in their own language."""

import datetime
from typing import Any

from django import forms
from django.utils.formats import get_format

BLANKS = str.maketrans("", "", " \u00a0\u202f\u2009'’")


def plain_number(text: str, decimal_separator: str) -> str:
    """`1.234,50`, `1 234,50`, `1,234.50` and `1234.5` as a number for Decimal.

    Of two kinds of separators the last is the decimal one. A single one is decimal if it is the language's own, or if it
    does not stand before exactly three digits.
    """
    text = text.translate(BLANKS)
    last = max(text.rfind(","), text.rfind("."))
    if last < 0:
        return text
    mark, head, tail = text[last], text[:last], text[last + 1 :]
    both = "," in text and "." in text
    grouped = head.count(mark) > 0 or (
        not both and mark != decimal_separator and len(tail) == 3 and head not in ("", "0")
    )
    head = head.replace(",", "").replace(".", "")
    return head + tail if grouped else f"{head}.{tail}"


class NumberField(forms.DecimalField):
    """A decimal typed as people write it; shown again exactly as typed."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("widget", forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}))
        super().__init__(**options)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str):
            value = plain_number(value, get_format("DECIMAL_SEPARATOR"))
        return super().to_python(value)


class AmountField(NumberField):
    """Money: up to 999 999 999 999.99, two decimals."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_digits": 14, "decimal_places": 2} | options)


class PercentageField(NumberField):
    """0 to 100, two decimals."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_digits": 5, "decimal_places": 2, "min_value": 0, "max_value": 100} | options)


class DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%d")


class DayField(forms.DateField):
    """A calendar day; years 1900 to 2999 as everywhere in the product."""

    widget = DayInput

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.widget.attrs |= {"min": "1900-01-01", "max": "2999-12-31"}

    def validate(self, value: datetime.date | None) -> None:
        super().validate(value)
        if value and not 1900 <= value.year <= 2999:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
