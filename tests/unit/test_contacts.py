"""Names and their parts, telephone numbers, VAT numbers."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from contacts import phones, vat
from contacts.names import split


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Pia", ("Pia", "", "")),
        ("Ann Lee", ("Ann", "", "Lee")),
        ("Ann Berta Lee", ("Ann", "Berta", "Lee")),
        ("Anna Maria von Essen", ("Anna Maria", "von", "Essen")),
        ("  ", ("", "", "")),
    ],
)
def test_a_name_is_split(name: str, parts: tuple[str, str, str]) -> None:
    assert split(name) == parts


@given(st.text())
def test_no_word_of_a_name_is_lost(name: str) -> None:
    assert split(name).name == " ".join(name.split())


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("09 555 0100", "FI", "+35895550100"),
        ("+46 8 465 004 14", "FI", "+46846500414"),
        ("0113 496 0127", "GB", "+441134960127"),
        ("00358 9 5550100", "FI", "+35895550100"),
    ],
)
def test_a_number_is_read(text: str, country: str, number: str) -> None:
    found = phones.read(text, country)
    assert found and found.number == number


@pytest.mark.parametrize(("text", "country"), [("09 555 0100", ""), ("09 555 0100", "AQ"), ("1", "FI"), ("\0", "FI")])
def test_a_number_that_is_none(text: str, country: str) -> None:
    assert phones.read(text, country) is None


@given(st.text())
def test_whatever_is_typed_is_answered(text: str) -> None:
    phones.hint(text, "FI")
    vat.hint(text, "FI")
    vat.hint(text, "")


def test_a_stored_number_is_shown_grouped() -> None:
    assert [phones.shown(number) for number in ("+35895550100", "+13035550130", "555", "")] == [
        "+358 9 5550100",
        "+1 303-555-0130",
        "555",
        "",
    ]


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("2077 4740", "FI", "FI20774740"),
        ("fi20774740", "", "FI20774740"),
        ("EL094259216", "GR", "EL094259216"),
        ("NO 995 525 828 MVA", "NO", "995525828MVA"),
        ("12-3456", "US", "123456"),
        ("", "FI", ""),
    ],
)
def test_a_vat_number_is_stored_compact(text: str, country: str, number: str) -> None:
    assert vat.checked(text, country) == number


@pytest.mark.parametrize(
    ("text", "country", "said"),
    [
        ("FI20774741", "FI", "check digits do not fit"),
        ("SE556703748501", "FI", "of Sweden, but the country is Finland"),
        ("FI1", "FI", "too many or too few"),
        ("x" * 21, "FI", "at most 20"),
        ("a\u202eb", "FI", "at most 20"),
    ],
)
def test_a_wrong_vat_number_says_why(text: str, country: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        vat.checked(text, country)
