"""Logging what was talked about: on the page of a deal by mouse, by a key, and with scripts off; on that of a contact."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from contacts.models import Contact
from interactions.models import Interaction, InteractionTemplate
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.e2e.hands import labelled
from tests.factories import make_opportunity

SignIn = Callable[[Page, User], None]


@pytest.fixture
def deal(company: Company, cycle: SalesCycle, acme: Contact, jo: Salesperson, rep: User) -> Opportunity:
    SalesCycle.objects.filter(pk=cycle.pk).update(is_default=True)
    values = {"description": "Visit", "kind": "meeting", "cost": 45, "duration": 180}
    InteractionTemplate.objects.create(code="ONSITE", **values)
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, by=rep, on=company.today())


def test_logged_where_the_deal_stands(page: Page, deal: Opportunity, rep: User, sign_in: SignIn) -> None:
    sign_in(page, rep)
    page.goto(deal.get_absolute_url())
    page.keyboard.press("l")
    place, timeline = page.locator("#log-place"), page.locator("#timeline")
    expect(place.get_by_role("heading", name=re.compile("^Log an interaction"))).to_be_focused()
    labelled(place, "Template").select_option(label="Visit")
    place.get_by_role("button", name="Fill in by the template").click()
    expect(labelled(place, "Description")).to_have_value("Visit")
    expect(labelled(place, "Duration in minutes")).to_have_value("180")
    labelled(place, "Date").fill("")
    place.get_by_role("button", name="Log", exact=True).click()
    expect(place.locator(".form-errors")).to_contain_text("Date")
    labelled(place, "Date").fill("2026-03-02")
    labelled(place, "What was said and what came of it").fill("They want twelve")
    place.get_by_role("button", name="Log", exact=True).click()
    expect(timeline).to_contain_text("They want twelve")
    expect(timeline).to_contain_text("1 interaction: €45.00, 180 minutes")
    expect(place).to_be_empty()
    expect(page).to_have_url(re.compile(rf"/opportunities/{deal.pk}/$"))
    timeline.get_by_role("link", name="Interactions", exact=True).click()
    expect(timeline.locator(".timeline-item")).to_have_count(1)
    assert Interaction.objects.get().opportunity == deal


def test_on_a_contact_and_on_to_an_opportunity(
    page: Page, deal: Opportunity, acme: Contact, rep: User, sign_in: SignIn
) -> None:
    sign_in(page, rep)
    page.goto(acme.get_absolute_url())
    card = page.locator("#interactions")
    expect(card).to_contain_text("Nothing was logged yet.")
    card.get_by_role("link", name="E-mail", exact=True).click()
    labelled(card, "Description").fill("Asked for a second offer")
    card.get_by_role("button", name="Log", exact=True).click()
    expect(card.get_by_role("link", name="Asked for a second offer")).to_be_visible()
    page.get_by_role("link", name="Create an opportunity from it").click()
    expect(labelled(page, "Description")).to_have_value("Asked for a second offer")
    page.get_by_role("button", name=re.compile("^Create")).click()
    expect(page.locator("#timeline")).to_contain_text("Asked for a second offer")
    talk = Interaction.objects.get()
    assert (talk.kind, talk.opportunity, talk.contact) == ("email", Opportunity.objects.latest("pk"), acme)


def test_without_scripts(plain_page: Page, deal: Opportunity, rep: User, sign_in: SignIn) -> None:
    page = plain_page
    sign_in(page, rep)
    page.goto(deal.get_absolute_url())
    page.get_by_role("list", name="Log an interaction").get_by_role("link", name="Note").click()
    labelled(page, "Template").select_option(label="Visit")
    page.get_by_role("button", name="Fill in by the template").click()
    expect(labelled(page, "Type")).to_have_value("meeting")
    page.get_by_role("button", name="Log", exact=True).click()
    page.get_by_role("link", name="Visit", exact=True).click()
    page.get_by_role("button", name="Cancel the interaction").click()
    expect(page.get_by_role("main")).to_contain_text("counts no more")
    page.get_by_role("button", name="Restore").click()
    labelled(page, "Evaluation").select_option(label="Positive")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("main")).to_contain_text("The interaction was saved.")
    assert Interaction.objects.get().evaluation == "positive"
