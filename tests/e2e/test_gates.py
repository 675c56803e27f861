"""A manager makes a cycle with gates from nothing; a rep meets them on the board and on the page; the manager passes over one."""

import datetime
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from contacts.models import Contact
from opportunities.ledger import faults
from opportunities.models import Opportunity
from salescycles.models import Competitor, SalesCycle
from salespeople.models import Company, User
from tests.e2e.hands import Mouse, labelled
from tests.e2e.test_board import card, cards_of, column, drag
from tests.factories import fresh, make_opportunity

pytestmark = pytest.mark.django_db(transaction=True)
NEEDS_COMPETITOR = "The stage “Offer” needs a competitor."
NEEDS_VALUE = "The stage “Offer” needs an estimated value of at least €5,000.00."
ASKS = "asks for: Competitor, Minimum value €5,000.00"
NOT_YOURS = "Your role may not move opportunities to the stage “Sign”."


@pytest.fixture
def rival(company: Company) -> Competitor:
    return Competitor.objects.create(code="RIVAL", name="Rival")


def deal(name: str, rep: User, contact: Contact, company: Company) -> Opportunity:
    today = company.today()
    return make_opportunity(
        contact=contact,
        salesperson=rep.salesperson,
        cycle=SalesCycle.objects.get(),
        stage=1,
        by=rep,
        on=today,
        description=name,
        closing_on=today + datetime.timedelta(days=9),
    )


def make_the_cycle(page: Page) -> None:
    """Talk; Offer, which needs a competitor and 5,000; Sign, which only managers enter."""
    page.goto("/admin/salescycles/salescycle/add/")
    page.get_by_label("Code:").fill("GATED")
    page.locator("#id_description").fill("With gates")
    page.get_by_label("Default", exact=True).check()
    for at, name in enumerate(("Talk", "Offer", "Sign")):
        row = page.locator(f"#stages-{at}")
        row.locator("[name$=number]").fill(str(at + 1))
        row.locator("[name$=description]").fill(name)
        row.locator("[name$=completed]").fill("50")
        row.locator("[name$=chances]").fill("50")
    page.locator("#stages-1 .fieldBox.field-required_fields summary").click()
    page.locator("#stages-1").get_by_label("Competitor", exact=True).check()
    expect(page.locator("#stages-1 .fieldBox.field-required_fields summary")).to_have_text(
        "Required fields: Competitor"
    )
    page.locator("#stages-1 [name$=minimum_value]").fill("5000")
    page.locator("#stages-2 .fieldBox.field-roles summary").click()
    page.locator("#stages-2").get_by_label("sales manager", exact=True).check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    stages = SalesCycle.objects.get().stages.order_by("number")
    assert [(stage.required_fields, stage.minimum_value, len(stage.roles)) for stage in stages] == [
        *(([], None, 0), (["competitor"], Decimal(5000), 0), ([], None, 1))
    ]


def meet_it_on_the_board(page: Page, chairs: Opportunity) -> None:
    page.goto("/opportunities/board/")
    one = card(page, "Chairs")
    where = one.locator(".deal-who").bounding_box()
    assert where
    page.mouse.move(where["x"] + 10, where["y"] + 5)
    page.mouse.down()
    page.mouse.move(where["x"] + 40, where["y"] + 25, steps=4)
    sign, offer = column(page, "Sign"), column(page, "Offer")
    expect(page.locator(".column-shut")).to_have_count(2)  # there is no way to “Not started” either
    expect(sign).to_have_attribute("data-why", f"The stage “Offer” cannot be skipped. {NOT_YOURS} {ASKS}")
    expect(offer).to_have_attribute("data-effect", ASKS)
    page.mouse.up()
    drag(page, one, cards_of(page, "Offer"))
    ask = card(page, "Chairs").locator("[data-ask]")
    expect(ask).to_contain_text(NEEDS_COMPETITOR)
    expect(ask).to_contain_text(NEEDS_VALUE)
    expect(column(page, "Talk").locator(".deal")).to_contain_text(["Chairs"])
    ask.get_by_label("Competitor").select_option("Rival")
    ask.get_by_label("Estimated value").fill("6,000")
    ask.get_by_role("button", name="Save").click()
    expect(cards_of(page, "Offer").get_by_role("link", name="Chairs", exact=True)).to_be_visible()
    assert fresh(chairs).estimated_value == 6000 and str(fresh(chairs).competitor) == "Rival"
    assert ledger(chairs) == ["created", "started", "edited", "next"]


def meet_it_on_the_page(page: Page, desks: Opportunity) -> None:
    hand = Mouse(page)
    page.goto(desks.get_absolute_url())
    hand.press("button", "Next: Offer")
    for said in (NEEDS_COMPETITOR, NEEDS_VALUE):
        expect(page.get_by_text(said).first).to_be_visible()
    expect(labelled(page, "Go on although this is not met")).to_have_count(0)
    labelled(page, "Competitor").select_option("Rival")
    hand.write("Estimated value", "7,000")
    page.locator("form.card-body").get_by_role("button", name="Move", exact=True).click()
    expect(page.locator("[aria-current=step]")).to_contain_text("Offer")
    assert ledger(desks) == ["created", "started", "edited", "next"]


def pass_over_it(page: Page, lamps: Opportunity) -> None:
    hand = Mouse(page)
    page.goto(lamps.get_absolute_url())
    hand.press("button", "Next: Offer")
    hand.toggle("Go on although this is not met")
    move = page.locator("form.card-body").get_by_role("button", name="Move", exact=True)
    move.click()
    expect(page.get_by_text("Say why.", exact=True).first).to_be_visible()
    hand.write("Reason", "They asked for it today")
    move.click()
    expect(page.locator("[aria-current=step]")).to_contain_text("Offer")
    expect(page.get_by_text("passed over: Competitor, Minimum value")).to_be_visible()
    page.goto("/opportunities/board/")
    hand.press("link", "Gates passed over")
    row = page.get_by_role("row", name="Lamps")
    for said in ("Offer: Competitor, Minimum value", "They asked for it today", "Manager"):
        expect(row).to_contain_text(said)
    expect(page.get_by_text("1 move passed over a gate.")).to_be_visible()


def ledger(opportunity: Opportunity) -> list[str]:
    return list(opportunity.entries.order_by("step").values_list("action", flat=True))


def test_gates(page: Page, sign_in, manager: User, rep: User, acme: Contact, company: Company, rival: Competitor):
    sign_in(page, manager)
    make_the_cycle(page)
    chairs, desks, lamps = (deal(name, rep, acme, company) for name in ("Chairs", "Desks", "Lamps"))
    sign_in(page, rep)
    meet_it_on_the_board(page, chairs)
    meet_it_on_the_page(page, desks)
    sign_in(page, manager)
    pass_over_it(page, lamps)
    assert list(faults()) == []


def test_with_scripts_off(
    plain_page: Page, sign_in, rep: User, manager: User, cycle: SalesCycle, acme: Contact, company: Company,
    rival: Competitor,
):  # fmt: skip
    cycle.stages.filter(number=2).update(
        required_fields=["competitor"], minimum_value=5000, description="Offer", quote_required=True
    )
    desks, lamps = (deal(name, rep, acme, company) for name in ("Desks", "Lamps"))
    sign_in(plain_page, rep)
    hand = Mouse(plain_page)
    plain_page.goto(desks.get_absolute_url())
    hand.press("button", "Next: Offer")
    for said in (NEEDS_COMPETITOR, NEEDS_VALUE, "The stage “Offer” needs a quote."):
        expect(plain_page.get_by_text(said).first).to_be_visible()
    labelled(plain_page, "Competitor").select_option("Rival")
    hand.write("Estimated value", "7,000")
    hand.write("Net amount of the quote", "6,800")
    hand.press("button", "Move")
    expect(plain_page.locator("[aria-current=step]")).to_contain_text("Offer")
    assert desks.quotes.get().net_amount == 6800
    sign_in(plain_page, manager)
    plain_page.goto(lamps.get_absolute_url())
    hand.press("button", "Next: Offer")
    hand.toggle("Go on although this is not met")
    hand.write("Reason", "Urgent")
    hand.press("button", "Move")
    expect(plain_page.locator("[aria-current=step]")).to_contain_text("Offer")
    assert ledger(lamps) == ["created", "started", "next"]
