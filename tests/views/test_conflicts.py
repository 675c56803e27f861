"""Somebody was faster: what touches nothing of theirs is saved beside it, the rest is asked, and nothing typed is lost."""

import datetime
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from contacts.models import Contact
from opportunities import lifecycle
from opportunities.ledger import faults
from opportunities.models import Opportunity
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.factories import SourceFactory, fresh, make_opportunity

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
HX = {"HX-Request": "true"}
both_ways = pytest.mark.parametrize("headers", [{}, HX], ids=["page", "fragment"])


@pytest.fixture
def today(company: Company) -> datetime.date:
    return company.today()


@pytest.fixture
def deal(acme: Contact, jo: Salesperson, cycle: SalesCycle, rep: User, today: datetime.date) -> Opportunity:
    """At stage 1 of CY, worth 1 000, closing in 30 days, seen as version 2."""
    closing = today + datetime.timedelta(days=30)
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, by=rep, closing_on=closing)


@pytest.fixture
def client(client_for: Sign, rep: User) -> Client:
    return client_for(rep)


@pytest.fixture
def they(deal: Opportunity, manager: User, today: datetime.date) -> Callable[..., Any]:
    """`they(lifecycle.revise, chances=44)`: the manager is faster."""

    def act(verb: Callable[..., Any], **values: Any) -> None:
        present = fresh(deal)
        verb(present, version=present.version, by=manager, on=today, **values)

    return act


def address(deal: Opportunity, verb: str) -> str:
    return f"/opportunities/{deal.pk}/{verb}/"


def estimate(deal: Opportunity, **typed: Any) -> dict[str, Any]:
    """The whole form as it was opened at version 2, with what was typed over it."""
    return {
        "version": 2,
        "estimated_value": "1000.00",
        "chances": "",
        "closing_on": deal.closing_on,
        "reason": "",
    } | typed


def facts(**typed: Any) -> dict[str, Any]:
    return {"version": 2, "description": "Chairs", "priority": "normal", "source": "", "reason": ""} | typed


def table(page: str) -> list[list[str]]:
    """The rows of the table of clashes."""
    rows = re.findall(r"<tr>(.*?)</tr>", page.split('class="clashes"')[1].split("</table>")[0], re.DOTALL)[1:]
    return [re.findall(r">([^<>]+)</t[hd]>", row) for row in rows]


def field(page: str, name: str) -> str:
    return re.search(rf'name="{name}" value="([^"]*)"', page).group(1)


def actions(deal: Opportunity) -> list[str]:
    assert [str(fault) for fault in faults()] == []
    return list(deal.entries.order_by("step").values_list("action", flat=True))


def test_fields_that_nobody_else_changed_are_saved_at_once(client: Client, deal: Opportunity, they: Any) -> None:
    they(lifecycle.revise, chances=44)
    data = estimate(deal, estimated_value="4,321", reason="they want more")
    page = client.post(address(deal, "revise"), data, follow=True)
    assert "What Manager changed in between was kept." in page.content.decode()
    now = fresh(deal)
    assert (now.estimated_value, now.chances, now.chances_are_manual, now.version) == (4321, 44, True, 4)
    assert now.entries.get(step=4).reason == "they want more"
    assert actions(deal) == ["created", "started", "revised", "revised"]


def test_the_facts_are_merged_too(client: Client, deal: Opportunity, they: Any) -> None:
    fair = SourceFactory(code="FAIR")
    they(lifecycle.edit, description="Tables")
    they(lifecycle.revise, estimated_value=2000)
    answer = client.post(address(deal, "edit"), facts(priority="high", source=fair.pk), headers=HX)
    assert answer.status_code == 200 and answer["HX-Retarget"] == "#state"
    assert "What Manager changed in between was kept." in answer.content.decode()
    now = fresh(deal)
    assert (now.description, now.priority, now.source, now.version) == ("Tables", "high", fair, 5)


def test_a_move_in_between_is_kept_as_well(client: Client, deal: Opportunity, cycle: SalesCycle, they: Any) -> None:
    they(lifecycle.move, to=cycle.stages.get(number=2))
    assert client.post(address(deal, "revise"), estimate(deal, estimated_value="4321")).status_code == 302
    now = fresh(deal)
    assert (now.estimated_value, now.stage.number, now.chances, now.version) == (4321, 2, 60, 4)


@both_ways
def test_a_field_that_both_changed_is_asked_and_saving_again_decides(
    client: Client, deal: Opportunity, they: Any, today: datetime.date, headers: dict[str, str]
) -> None:
    later = today + datetime.timedelta(days=60)
    they(lifecycle.revise, estimated_value=2000, chances=44, closing_on=later)
    data = estimate(deal, estimated_value="3,000.50", reason="they want more")
    answer = client.post(address(deal, "revise"), data, headers=headers)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert ("<html" in page) is (headers == {})
    assert table(page) == [["Estimated value", "€1,000.00", "€2,000.00", "€3,000.50"]]
    typed = {name: field(page, name) for name in ("version", "estimated_value", "chances", "closing_on")}
    assert typed == {"version": "3", "estimated_value": "3,000.50", "chances": "44.00", "closing_on": str(later)}
    assert "they want more" in page and "Manager" in page
    assert fresh(deal).estimated_value == 2000
    again = client.post(address(deal, "revise"), typed | {"reason": "they want more"})
    assert again.status_code == 302
    now = fresh(deal)
    assert (str(now.estimated_value), now.chances, now.closing_on, now.version) == ("3000.50", 44, later, 4)


def test_blank_chances_are_the_stage_s_on_every_side(client: Client, deal: Opportunity, they: Any) -> None:
    they(lifecycle.revise, chances=44)
    page = client.post(address(deal, "revise"), estimate(deal, chances="33")).content.decode()
    assert table(page) == [["Chances of success %", "the stage&#x27;s own", "44%", "33%"]]


def test_facts_that_both_changed_are_shown_in_words(client: Client, deal: Opportunity, they: Any) -> None:
    fair, web = SourceFactory(code="FAIR", description="Fair"), SourceFactory(code="WEB", description="Web")
    they(lifecycle.edit, description="Tables", priority="low", source=fair)
    answer = client.post(address(deal, "edit"), facts(description="Desks", priority="high", source=web.pk))
    page = answer.content.decode()
    assert answer.status_code == 409
    assert table(page) == [
        ["Description", "Chairs", "Tables", "Desks"],
        ["Priority", "Normal", "Low", "High"],
        ["Source", "–", "Fair", "Web"],
    ]
    assert '<option value="high" selected>' in page and f'<option value="{web.pk}" selected>' in page
    assert fresh(deal).version == 3


def test_who_typed_what_is_saved_already_is_told_so(client: Client, deal: Opportunity, they: Any) -> None:
    they(lifecycle.revise, estimated_value=2000)
    page = client.post(address(deal, "revise"), estimate(deal, estimated_value="2000"), follow=True).content.decode()
    assert "Manager saved the same already." in page
    assert fresh(deal).version == 3


def test_a_confirmation_of_what_has_changed_is_asked_again(client: Client, deal: Opportunity, they: Any) -> None:
    """A revision that changes nothing confirms what was seen; that is gone."""
    they(lifecycle.revise, estimated_value=2000)
    answer = client.post(address(deal, "revise"), estimate(deal))
    page = answer.content.decode()
    assert answer.status_code == 409 and "clashes" not in page
    assert field(page, "estimated_value") == "2000.00", "only they changed it"
    assert fresh(deal).version == 3


@both_ways
def test_closed_in_between_nothing_typed_is_lost(
    client: Client, deal: Opportunity, they: Any, price_l: CloseCode, headers: dict[str, str]
) -> None:
    they(lifecycle.close, outcome="lost", close_code=price_l)
    answer = client.post(
        address(deal, "revise"), estimate(deal, estimated_value="4,321", reason="more"), headers=headers
    )
    page = answer.content.decode()
    assert answer.status_code == 409
    for words in ("Someone was faster", "Lost", "The opportunity is closed. Reopen it first.", 'value="4,321"', "more"):
        assert words in page
    answer = client.post(address(deal, "edit"), facts(description="Desks", priority="high"), headers=headers)
    page = answer.content.decode()
    assert answer.status_code == 409
    for words in ("Someone was faster", 'value="Desks"', '<option value="high" selected>', "cannot be changed once"):
        assert words in page
    assert actions(deal) == ["created", "started", "lost"]


def test_archived_in_between(client: Client, deal: Opportunity, they: Any, price_l: CloseCode) -> None:
    they(lifecycle.close, outcome="lost", close_code=price_l)
    they(lifecycle.archive)
    answer = client.post(address(deal, "edit"), facts(description="Desks"))
    page = answer.content.decode()
    assert answer.status_code == 409
    for words in ("Archived", "The opportunity is archived. Restore it first.", 'value="Desks"'):
        assert words in page


def test_a_date_that_the_step_in_between_forbids(
    client: Client, deal: Opportunity, they: Any, today: datetime.date
) -> None:
    they(lifecycle.revise, chances=44)
    yesterday = today - datetime.timedelta(days=1)
    answer = client.post(address(deal, "revise"), estimate(deal, estimated_value="4321", on=yesterday))
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "The date cannot lie before the last step" in page and 'value="4321"' in page


def test_a_move_is_never_made_beside_somebody_s_change(
    client: Client, deal: Opportunity, cycle: SalesCycle, they: Any, price_w: CloseCode
) -> None:
    they(lifecycle.edit, description="Tables")
    to = cycle.stages.get(number=2).pk
    typed: dict[str, dict[str, Any]] = {
        "move": {"to": to},
        "close": {"outcome": "won", "close_code": price_w.pk, "sales_value": "5"},
        "reassign": {"salesperson": deal.salesperson_id},
        "undo": {},
        "correct": {"on": "2026-03-03"},
    }
    for verb, values in typed.items():
        answer = client.post(address(deal, verb), {"version": 2, **values})
        assert answer.status_code == 409, verb
        assert "Tables" in answer.content.decode(), verb
    assert fresh(deal).version == 3


def test_an_undo_that_came_late_says_what_it_would_take_back(client: Client, deal: Opportunity, they: Any) -> None:
    they(lifecycle.edit, description="Tables")
    page = client.post(address(deal, "undo"), {"version": 2}).content.decode()
    assert "Edited" in page
    assert "Undo now takes back the last one of these." in page


@pytest.mark.parametrize("version", ["99", "0"])
def test_a_version_that_never_was_is_merged_with_nothing(client: Client, deal: Opportunity, version: str) -> None:
    answer = client.post(address(deal, "revise"), estimate(deal, estimated_value="5", version=version))
    assert answer.status_code == 409
    assert fresh(deal).version == 2


def test_a_race_inside_the_verb_answers_alike(
    client: Client, deal: Opportunity, they: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything was checked, and then somebody is faster by a hair."""
    revise, raced = lifecycle.revise, list[None]()

    def late(opportunity: Opportunity, **values: Any) -> Any:
        if not raced:
            raced.append(they(revise, chances=44))
        return revise(opportunity, **values)

    monkeypatch.setattr(lifecycle, "revise", late)
    assert client.post(address(deal, "revise"), estimate(deal, estimated_value="4321")).status_code == 302
    now = fresh(deal)
    assert (now.estimated_value, now.chances, now.version) == (4321, 44, 4)


def test_who_loses_twice_is_asked(
    client: Client, deal: Opportunity, they: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    revise, value = lifecycle.revise, iter(range(40, 50))

    def late(opportunity: Opportunity, **values: Any) -> Any:
        they(revise, chances=next(value))
        return revise(opportunity, **values)

    monkeypatch.setattr(lifecycle, "revise", late)
    answer = client.post(address(deal, "revise"), estimate(deal, estimated_value="4321"))
    page = answer.content.decode()
    assert answer.status_code == 409 and 'value="4321"' in page
    assert (fresh(deal).estimated_value, fresh(deal).version) == (1000, 4)
