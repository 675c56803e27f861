"""One field of an opportunity edited where it stands; the facts at hand; how often the closing date was postponed."""

import datetime
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from contacts.models import Contact
from opportunities import lifecycle
from opportunities.models import Opportunity
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.factories import SourceFactory, fresh, make_opportunity

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
HX = {"HX-Request": "true"}
FIELDS = {
    "estimated_value": "revise",
    "chances": "revise",
    "closing_on": "revise",
    "description": "edit",
    "priority": "edit",
    "source": "edit",
    "salesperson": "reassign",
    "contact": "reassign",
}
each_field = pytest.mark.parametrize(("field", "verb"), FIELDS.items(), ids=FIELDS)


@pytest.fixture
def today(company: Company) -> datetime.date:
    return company.today()


@pytest.fixture
def deal(acme: Contact, ann: Contact, jo: Salesperson, cycle: SalesCycle, rep: User, today: Any) -> Opportunity:
    closing = today + datetime.timedelta(days=30)
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, by=rep, closing_on=closing)


@pytest.fixture
def client(client_for: Sign, manager: User) -> Client:
    return client_for(manager)


def address(deal: Opportunity, field: str) -> str:
    return f"/opportunities/{deal.pk}/{FIELDS[field]}/?field={field}"


def names(page: str) -> list[str]:
    """What the form sends, beside the token."""
    form = next(part for part in page.split("<form") if 'name="version"' in part).split("</form>")[0]
    return re.findall(r'<(?:input|select|textarea)[^>]* ?name="(\w+)"', form)[1:]


def openers(page: str) -> list[str]:
    return re.findall(r'data-edit-opener="edit-(\w+)"', page)


@each_field
def test_a_form_of_one_field_in_place_and_as_a_page(client: Client, deal: Opportunity, field: str, verb: str) -> None:
    for headers in ({}, HX):
        page = client.get(address(deal, field), headers=headers).content.decode()
        assert ("<html" in page) is (headers == {})
        beside = ["tasks_too"] if verb == "reassign" else []
        assert sorted(names(page)) == sorted(["version", field, *beside, "reason"])
        assert f'action="{address(deal, field)}"' in page


@each_field
def test_it_changes_this_field_alone(
    client: Client, deal: Opportunity, ann: Contact, of: Salesperson, today: datetime.date, field: str, verb: str
) -> None:
    source = SourceFactory()
    later = today + datetime.timedelta(days=90)
    typed = {
        "estimated_value": ("2,500", 2500),
        "chances": ("77", 77),
        "closing_on": (later, later),
        "description": ("Tables", "Tables"),
        "priority": ("high", "high"),
        "source": (source.pk, source),
        "salesperson": (of.pk, of),
        "contact": (ann.pk, ann),
    }
    before = fresh(deal)
    data = {name: typed[name][0] for name in FIELDS} | {"version": 2, "reason": "they said so"}
    answer = client.post(address(deal, field), data, headers=HX)
    assert answer.status_code == 200 and answer["HX-Retarget"] == "#state"
    after = fresh(deal)
    changed = {name for name in FIELDS if getattr(after, name) != getattr(before, name)}
    assert changed == {field} and getattr(after, field) == typed[field][1]
    assert (after.version, after.entries.get(step=3).reason) == (3, "they said so")
    opener = re.search(r"<a[^>]*data-focus[^>]*>", answer.content.decode()).group()
    assert f'data-edit-opener="edit-{field}"' in opener, "the focus returns to its button"
    assert answer.content.decode().count("data-focus") == 1


def test_errors_stand_at_the_field(client: Client, deal: Opportunity) -> None:
    for field, typed, said in (
        ("chances", "175", "Ensure this value is less than or equal to 100."),
        ("estimated_value", "0", "Enter an estimated value above zero."),
        ("closing_on", "2020-01-01", "The closing date cannot lie before the date of this change."),
        ("description", "", "This field is required."),
    ):
        answer = client.post(address(deal, field), {"version": 2, field: typed}, headers=HX)
        page = answer.content.decode()
        assert answer.status_code == 422 and "HX-Retarget" not in answer
        assert page.count(said) == 1 and 'aria-invalid="true"' in page and f'value="{typed}"' in page + 'value=""'
    assert fresh(deal).version == 2


def test_a_conflict_shows_this_field(client: Client, deal: Opportunity, rep: User, today: datetime.date) -> None:
    lifecycle.revise(fresh(deal), version=2, estimated_value=2000, chances=44, on=today, by=rep)
    answer = client.post(address(deal, "estimated_value"), {"version": 2, "estimated_value": "3000"}, headers=HX)
    page = answer.content.decode()
    assert answer.status_code == 409 and sorted(names(page)) == ["estimated_value", "reason", "version"]
    assert "€2,000.00" in page and 'value="3000"' in page and 'name="version" value="3"' in page
    answer = client.post(address(deal, "closing_on"), {"version": 2, "closing_on": today}, headers=HX)
    assert answer.status_code == 200, "nobody else touched the closing date"
    assert (fresh(deal).closing_on, fresh(deal).estimated_value, fresh(deal).chances) == (today, 2000, 44)


@pytest.mark.parametrize("field", ["nonsense", "version", "on", "reason", "", "%00", "description"])
def test_a_field_that_the_form_has_not_is_ignored(client: Client, deal: Opportunity, field: str) -> None:
    for headers in ({}, HX):
        answer = client.get(f"/opportunities/{deal.pk}/revise/?field={field}", headers=headers)
        page = answer.content.decode()
        assert answer.status_code == 200
        assert sorted(names(page)) == ["chances", "closing_on", "estimated_value", "on", "reason", "version"]


@pytest.mark.parametrize("field", ["", "contact"])
def test_find_searches_contacts_and_saves_nothing(
    client: Client, acme: Contact, ann: Contact, beta: Contact, jo: Salesperson, field: str
) -> None:
    waiting = make_opportunity(contact=acme, salesperson=jo)
    url = f"/opportunities/{waiting.pk}/reassign/?field={field}"
    assert 'name="find"' in client.get(url).content.decode()
    typed = {"version": 1, "contact": acme.pk, "contact_search": "ann", "reason": "moved", "find": "1"}
    for headers in ({}, HX):
        answer = client.post(url, typed, headers=headers)
        page = answer.content.decode()
        assert answer.status_code == 200 and "Ann Lee (ACME)" in page and "moved" in page
        assert "BETA" not in page
    assert fresh(waiting).version == 1
    found = {"version": 1, "contact": ann.pk, "contact_search": "ann"}
    assert client.post(url, found).status_code == 302
    assert fresh(waiting).contact == ann


def test_what_can_be_edited_has_a_button(
    client_for: Sign, client: Client, viewer: User, deal: Opportunity, price_l: CloseCode, today: datetime.date
) -> None:
    assert sorted(openers(client.get(deal.get_absolute_url()).content.decode())) == sorted(FIELDS)
    assert openers(client_for(viewer).get(deal.get_absolute_url()).content.decode()) == []
    lifecycle.close(fresh(deal), version=2, outcome="lost", close_code=price_l, on=today, by=None)
    assert openers(client.get(deal.get_absolute_url()).content.decode()) == ["description"]
    lifecycle.archive(fresh(deal), version=3, on=today, by=None)
    assert openers(client.get(deal.get_absolute_url()).content.decode()) == []


def test_every_button_has_its_place(client: Client, deal: Opportunity) -> None:
    page = client.get(deal.get_absolute_url()).content.decode()
    for field in FIELDS:
        assert page.count(f'id="edit-{field}"') == 1


# ── the facts at hand ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_contact_is_at_hand(
    client: Client, acme: Contact, ann: Contact, jo: Salesperson, cycle: SalesCycle
) -> None:
    Contact.objects.filter(pk=ann.pk).update(
        email="ann@example.com",
        phone="+35895550101",
        mobile="+358501234567",
        address="Street 1",
        post_code="00100",
        city="Town",
        country="FI",
    )
    page = client.get(make_opportunity(contact=ann, salesperson=jo).get_absolute_url()).content.decode()
    for words in (
        "mailto:ann@example.com",
        "tel:+35895550101",
        "tel:+358501234567",
        "Street 1<br>00100 Town<br>Finland",
        ">ACME</a>",
    ):
        assert words in page
    assert f"/opportunities/?status=open&amp;contact={ann.pk}" in page
    page = client.get(make_opportunity(contact=acme, salesperson=jo).get_absolute_url()).content.decode()
    assert f"/opportunities/?status=open&amp;company={acme.pk}" in page


def test_days_at_the_stage(client: Client, acme: Contact, jo: Salesperson, cycle: SalesCycle, today: Any) -> None:
    on = today - datetime.timedelta(days=12)
    deal = make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, on=on, closing_on=today)
    assert f"{on}, for 12 days" in client.get(deal.get_absolute_url()).content.decode()


def test_postponements(
    client: Client, deal: Opportunity, cycle: SalesCycle, price_l: CloseCode, today: datetime.date
) -> None:
    def postponed(verb: Any, **values: Any) -> str:
        present = fresh(deal)
        on = {} if verb is lifecycle.undo else {"on": today}
        verb(present, version=present.version, by=None, **on, **values)
        found = re.search(r"postponed[^<]*", client.get(deal.get_absolute_url()).content.decode())
        return found.group() if found else ""

    def day(days: int) -> datetime.date:
        return today + datetime.timedelta(days=days)

    assert postponed(lifecycle.revise, closing_on=day(20)) == "", "earlier"
    assert postponed(lifecycle.revise, closing_on=day(25)) == "postponed once"
    assert postponed(lifecycle.undo) == "", "taken back"
    assert postponed(lifecycle.revise, closing_on=day(21)) == "postponed once"
    assert postponed(lifecycle.edit, description="Tables") == "postponed once"
    assert postponed(lifecycle.move, to=cycle.stages.get(number=2), closing_on=day(40)) == "postponed 2 times"
    assert postponed(lifecycle.close, outcome="lost", close_code=price_l) == "postponed 2 times"
    back = {"to": cycle.stages.get(number=2), "reason": "again", "closing_on": day(99)}
    assert postponed(lifecycle.reopen, **back) == "postponed 2 times", "while it was closed nothing was postponed"
