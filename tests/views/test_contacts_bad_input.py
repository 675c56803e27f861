"""Whatever is typed into the form of a contact or of an address: said at its field, kept as typed, nothing saved, no 500."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils.html import escape

from contacts.models import AlternativeAddress, Contact
from salespeople.models import Company, User

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
FORM = "application/x-www-form-urlencoded"
LONG = "x" * 10_000
MARKS = "There are invisible marks in it that turn the direction of writing or break the line; type it anew."
NO_NUMBER = "Write the number with its country code, like +358 9 5550100, or choose the country."
TOO_LONG = {
    "home_page": "Enter a valid URL.",
    "email": "Enter a valid email address.",
    "email_2": "Enter a valid email address.",
    "phone": NO_NUMBER,
    "mobile": NO_NUMBER,
}
TEXTS = (
    *("name", "number", "address", "address_2", "post_code", "city", "county", "other_numbers"),
    *("registration_number", "home_page", "email", "email_2", "phone", "mobile", "phone_extension", "vat_number"),
)
OF_PEOPLE = ("first_name", "middle_name", "last_name", "initials", "job_title")
OF_PLACES = (
    "code",
    "name",
    "address",
    "address_2",
    "post_code",
    "city",
    "county",
    "phone",
    "phone_extension",
    "home_page",
)
PERIODS = {"periods-TOTAL_FORMS": 0, "periods-INITIAL_FORMS": 0}


def refused(client: Client, address: str, sent: dict[str, Any], field: str) -> list[str]:
    """What is said at the field; what was typed is there again."""
    before = snapshot()
    answer = client.post(address, sent)
    assert answer.status_code == 422
    form, page = answer.context["form"], answer.content.decode()
    assert field in form.errors
    assert {*form.errors} <= {field, "__all__"}
    for name, text in sent.items():
        if name in form.fields and form.fields[name].widget.input_type == "text":
            assert f'value="{escape(text)}"' in page, name
    assert snapshot() == before
    return [str(error) for error in form.errors[field]]


def snapshot() -> list[Any]:
    return [*Contact.objects.values(), *AlternativeAddress.objects.values()]


@pytest.mark.parametrize("field", TEXTS + OF_PEOPLE)
def test_what_cannot_be_a_text_of_a_contact(client_for: Sign, rep: User, field: str) -> None:
    kind = "person" if field in OF_PEOPLE else "company"
    sent = {"kind": kind, "name": "Nova", "first_name": "Ann", "last_name": "Lee", "city": "Oulu"}
    client = client_for(rep)
    assert TOO_LONG.get(field, "at most") in refused(client, "/contacts/new/", sent | {field: LONG}, field)[0]
    for text in ("a\u202eb", "a\u2066b", "a\tb", "a\x07b"):
        assert refused(client, "/contacts/new/", sent | {field: text}, field)
    said = refused(client, "/contacts/new/", sent | {"city": "Oulu\u202e"}, "city")
    assert said == [MARKS]
    assert refused(client, "/contacts/new/", sent | {field: "a\0b"}, field)


@pytest.mark.parametrize("field", OF_PLACES)
def test_what_cannot_be_a_text_of_an_address(client_for: Sign, rep: User, acme: Contact, field: str) -> None:
    sent = PERIODS | {"code": "S", "city": "Oulu"}
    client, address = client_for(rep), f"/contacts/{acme.pk}/addresses/new/"
    for text in (LONG, "a\u202eb", "a\0b", "a\ufffdb"):
        assert refused(client, address, sent | {field: text}, field)


@pytest.mark.parametrize("name", ["שרה כהן\u200f", "محمد", "Ann‑Marie O’Neill 👩‍💻", "Zoë\u0301", "林 明"])
def test_every_writing_is_a_name(client_for: Sign, rep: User, name: str) -> None:
    """Marks that show the direction of a word are needed in names that mix writings."""
    client = client_for(rep)
    assert client.post("/contacts/new/", {"kind": "company", "name": name}).status_code == 302
    assert Contact.objects.get().name == name
    assert escape(name) in client.get("/contacts/").content.decode()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"kind=company&name=N%ff%feva&city=Oulu", "Some characters did not arrive as they were typed"),
        (b"kind=company&name=N%ed%a0%80va&city=Oulu", "Some characters did not arrive as they were typed"),
        (b"kind=company&name=N%c3%28va&city=Oulu", "Some characters did not arrive as they were typed"),
        (b"kind=company&name=%00&city=Oulu", "Null characters are not allowed."),
    ],
)
def test_broken_encodings(client_for: Sign, rep: User, body: bytes, said: str) -> None:
    answer = client_for(rep).post("/contacts/new/", body, content_type=FORM)
    assert answer.status_code == 422
    assert [*answer.context["form"].errors] == ["name"]
    assert said in answer.context["form"].errors["name"][0]
    assert 'value="Oulu"' in answer.content.decode()
    assert not Contact.objects.exists()


@pytest.mark.parametrize("charset", ["latin-1", "utf-16", "utf-7", "nonsense"])
def test_an_announced_charset_breaks_nothing(client_for: Sign, rep: User, charset: str) -> None:
    body = urlencode({"kind": "company", "name": "Nova"}).encode()
    answer = client_for(rep).generic("POST", "/contacts/new/", body, content_type=f"{FORM}; charset={charset}")
    assert answer.status_code in (302, 400, 415, 422)


@pytest.mark.parametrize(
    ("country", "number", "said"),
    [
        ("FI", "031-390 06 13 99 99", "This is no phone number of Finland."),
        ("SE", "09 555 0100 55 55", "This is no phone number of Sweden."),
        ("", "09 555 0100", "Write the number with its country code"),
        ("FI", "+999 123 4567", "This is no phone number of Finland."),
        ("FI", "1" * 200, "This is no phone number of Finland."),
    ],
)
def test_telephone_numbers_of_the_wrong_country(
    client_for: Sign, rep: User, country: str, number: str, said: str
) -> None:
    sent = {"kind": "company", "name": "Nova", "city": "Oulu", "country": country}
    for field in ("phone", "mobile"):
        assert said in refused(client_for(rep), "/contacts/new/", sent | {field: number}, field)[0]


@pytest.mark.parametrize(
    ("country", "number", "said"),
    [
        ("FI", "DE136695976", "This is a VAT number of Germany, but the country is Finland."),
        ("FI", "136695976", "This is no VAT number of Finland: it has too many or too few characters."),
        ("DE", "136695977", "This is no VAT number of Germany: its check digits do not fit"),
        ("", "SE556703748502", "This is no VAT number of Sweden"),
        ("FI", "2077!4740", "A VAT number has at most 20 letters and digits."),
        ("US", "1" * 21, "A VAT number has at most 20 letters and digits."),
    ],
)
def test_vat_numbers_of_the_wrong_country(client_for: Sign, rep: User, country: str, number: str, said: str) -> None:
    sent = {"kind": "company", "name": "Nova", "city": "Oulu", "country": country, "vat_number": number}
    assert said in refused(client_for(rep), "/contacts/new/", sent, "vat_number")[0]


def test_companies_in_a_circle(client_for: Sign, rep: User, acme: Contact, ann: Contact, company: Company) -> None:
    """Nobody belongs to themselves, to their own person or to one another."""
    client = client_for(rep)

    def tried(contact: Contact, **values: Any) -> dict[str, list[str]]:
        address = f"/contacts/{contact.pk}/edit/"
        version = client.get(address).context["form"].version
        sent = {"number": contact.number, "name": contact.name, "kind": contact.kind, "version": version} | values
        answer = client.post(address, sent | {"first_name": "A", "last_name": "B", "city": "Oulu"})
        assert answer.status_code == 422 and 'value="Oulu"' in answer.content.decode()
        return {field: [str(error) for error in errors] for field, errors in answer.context["form"].errors.items()}

    assert tried(acme, company=ann.pk) == {"company": ["Choose a company of the list."]}
    assert tried(acme, company=acme.pk) == {"company": ["Choose a company of the list."]}
    assert tried(ann, company=ann.pk) == {"company": ["Choose a company of the list."]}
    assert [*tried(acme, kind="person", company=ann.pk)] == ["company"]
    assert tried(acme, kind="person") == {"kind": ["A company that people belong to stays a company."]}
    assert (Contact.objects.get(pk=acme.pk).company_id, Contact.objects.get(pk=ann.pk).company_id) == (None, acme.pk)
