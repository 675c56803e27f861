"""What a step did to the totals, and the button that takes it back."""

import datetime
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from contacts.models import Contact
from crm.lib.undo import Offer, offered, undo_offer
from opportunities.effects import WORD_JOINER, Share, effect
from opportunities.ledger import faults
from opportunities.models import Opportunity
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.factories import fresh, make_opportunity

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
HX = {"HX-Request": "true"}


@pytest.fixture
def deal(acme: Contact, jo: Salesperson, cycle: SalesCycle, rep: User, company: Company) -> Opportunity:
    """At stage 1 of CY (20 % × 10 %), worth 1 000, closing in 30 days, seen as version 2."""
    closing = company.today() + datetime.timedelta(days=30)
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, by=rep, closing_on=closing)


@pytest.fixture
def client(client_for: Sign, manager: User) -> Client:
    return client_for(manager)


def post(client: Client, deal: Opportunity, verb: str, **values: Any) -> Any:
    data = {"version": fresh(deal).version} | values
    return client.post(f"/opportunities/{deal.pk}/{verb}/", data, headers=HX)


def told(answer: Any) -> tuple[str, int | None]:
    """The message and the version that its undo names."""
    assert answer.status_code == 200, answer.content.decode()
    said = answer.content.decode().split('hx-swap-oob="beforeend:#messages"')[1]
    text = re.search(r'class="message-text">(.*?)</div>', said, re.DOTALL).group(1)
    undo = re.search(r'data-undo.*name="version" value="(\d+)"', said, re.DOTALL)
    return text.replace(WORD_JOINER, ""), int(undo.group(1)) if undo else None


def test_each_step_says_its_effect_on_the_totals(
    client: Client, deal: Opportunity, cycle: SalesCycle, of: Salesperson, price_w: CloseCode, price_l: CloseCode
) -> None:
    stages = {stage.number: stage.pk for stage in cycle.stages.all()}
    assert told(post(client, deal, "move", to=stages[2])) == ("Next: Present. Weighted value +€220.00.", 3)
    assert told(post(client, deal, "revise", estimated_value="500", chances="100")) == (
        "Revised. Open value −€500.00, weighted value −€40.00.",
        4,
    )
    assert told(post(client, deal, "edit", description="Tables")) == ("Edited.", 5)
    assert told(post(client, deal, "reassign", salesperson=of.pk)) == ("Reassigned.", 6)
    won = post(client, deal, "close", outcome="won", close_code=price_w.pk, sales_value="450")
    assert told(won) == ("Won. Open value −€500.00, weighted value −€200.00, won value +€450.00.", 7)
    closing = fresh(deal).closed_on
    reopened = post(client, deal, "reopen", to=stages[1], reason="again", closing_on=closing)
    assert told(reopened) == ("Reopened: Initial. Open value +€500.00, weighted value +€50.00, won value −€450.00.", 8)
    lost = post(client, deal, "close", outcome="lost", close_code=price_l.pk)
    assert told(lost) == ("Lost. Open value −€500.00, weighted value −€50.00.", 9)
    assert told(post(client, deal, "undo")) == ("Undone. Open value +€500.00, weighted value +€50.00.", None)


def test_start_and_archive(client: Client, acme: Contact, jo: Salesperson, cycle: SalesCycle, company: Company) -> None:
    values = {"contact": acme, "salesperson": jo, "cycle": cycle, "closing_on": company.today()}
    assert told(post(client, make_opportunity(**values), "start")) == ("Started: Initial. Weighted value +€20.00.", 2)
    waiting = make_opportunity(**values)
    assert told(post(client, waiting, "archive")) == ("Archived. Open value −€1,000.00.", 2)
    assert told(post(client, waiting, "restore")) == ("Restored. Open value +€1,000.00.", 3)


def test_a_correction_offers_no_undo_of_its_own(client: Client, deal: Opportunity, company: Company) -> None:
    assert told(post(client, deal, "correct", on=company.today())) == ("The date was corrected.", None)


def test_an_effect_of_nothing_is_not_told() -> None:
    assert effect(Share(), Share()) == ""
    assert effect(Share(won=Decimal(5)), Share(won=Decimal("5.5"))) == f"Won value +{WORD_JOINER}€0.50."


def test_the_offer_travels_with_the_message() -> None:
    assert offered(undo_offer("/opportunities/7/undo/", 12)) == Offer("/opportunities/7/undo/", 12)
    assert (offered(""), offered("undo x y"), offered(None)) == (None, None, None)


def test_without_scripts_the_button_stands_in_the_message_of_the_next_page(
    client: Client, deal: Opportunity, cycle: SalesCycle
) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    page = strict.get(deal.get_absolute_url()).content.decode()
    data = {"version": 2, "to": cycle.stages.get(number=2).pk, "csrfmiddlewaretoken": token(page)}
    page = strict.post(f"/opportunities/{deal.pk}/move/", data, follow=True).content.decode()
    said = page.split('id="messages"')[1].split("</form>")[0]
    assert f'action="/opportunities/{deal.pk}/undo/"' in said and 'data-key="u"' in said
    undo = {"version": 3, "csrfmiddlewaretoken": token(said)}
    page = strict.post(f"/opportunities/{deal.pk}/undo/", undo, follow=True).content.decode()
    assert "Undone. Weighted value −€220.00." in page.replace(WORD_JOINER, "")
    assert "data-undo" not in page
    assert (fresh(deal).stage.number, fresh(deal).version) == (1, 4)
    assert [str(fault) for fault in faults()] == []


def token(page: str) -> str:
    return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page).group(1)


def test_undo_is_offered_for_24_hours(client_for: Sign, client: Client, viewer: User, deal: Opportunity) -> None:
    page = client.get(deal.get_absolute_url()).content.decode()
    assert page.count(f'action="/opportunities/{deal.pk}/undo/"') == 2, "among the actions and in the timeline"
    assert "/undo/" not in client_for(viewer).get(deal.get_absolute_url()).content.decode()
    with time_machine.travel(timezone.now() + datetime.timedelta(hours=25), tick=True):
        assert "/undo/" not in client.get(deal.get_absolute_url()).content.decode()
        answer = post(client, deal, "undo")
        assert answer.status_code == 422
        assert "recorded more than 24 hours ago" in answer.content.decode()
    assert fresh(deal).version == 2


def test_handing_away_offers_no_undo(client_for: Sign, rep: User, deal: Opportunity, of: Salesperson) -> None:
    client = client_for(rep)
    data = {"version": 2, "salesperson": of.pk}
    page = client.post(f"/opportunities/{deal.pk}/reassign/", data, follow=True).content.decode()
    assert "Reassigned." in page and "no longer yours to see" in page
    assert "data-undo" not in page
