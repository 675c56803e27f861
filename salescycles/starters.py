"""Cycles to begin with, by trade: for a company that has none yet. Only a beginning; everything of them can be changed."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from salescycles.copying import free_code
from salescycles.models import CloseCode, SalesCycle, Stage

Colour = Stage.Colour


@dataclass(frozen=True)
class Step:
    """A stage: percentages completed and of success, how many days it usually takes, what has to be true at its end."""

    name: Any
    completed: int
    chances: int
    days: int
    until: Any
    formula: str = ""
    quote: bool = False
    skip: bool = False
    colour: str = ""


@dataclass(frozen=True)
class Starter:
    code: str
    name: Any
    hint: Any
    steps: tuple[Step, ...]


STARTERS = (
    Starter(
        "PROJECTS",
        _("Projects and consulting"),
        _("Few and large: understand, propose, negotiate."),
        (
            Step(_("First talk"), 5, 10, 14, _("They have a need, and we can meet it."), "3M", colour=Colour.BLUE),
            Step(_("Needs analysis"), 25, 30, 21, _("Scope, budget and who decides are written down."), "2M"),
            Step(_("Proposal"), 50, 50, 21, _("The proposal was presented to who decides."), "6W", quote=True),
            Step(_("Negotiation"), 75, 75, 21, _("Price and terms are agreed."), "1M", quote=True, colour=Colour.AMBER),
            Step(_("Contract"), 95, 90, 14, _("Both have signed."), "2W", quote=True, colour=Colour.GREEN),
        ),
    ),
    Starter(
        "MACHINES",
        _("Machines and equipment"),
        _("Technical questions first, then a trial, then the order."),
        (
            Step(_("Inquiry"), 5, 15, 7, _("We know what it is to do, and where."), "4M", colour=Colour.BLUE),
            Step(_("Technical solution"), 30, 35, 30, _("Their engineers have approved the solution."), "3M"),
            Step(_("Offer"), 50, 50, 30, _("The offer has been read and asked about."), "2M", quote=True),
            Step(
                _("Trial or reference visit"),
                70,
                70,
                45,
                _("They have seen it at work."),
                "6W",
                skip=True,
                colour=Colour.VIOLET,
            ),
            Step(
                _("Order"), 95, 90, 21, _("The order is confirmed in writing."), "1M", quote=True, colour=Colour.GREEN
            ),
        ),
    ),
    Starter(
        "SOFTWARE",
        _("Software by subscription"),
        _("Show, let them try, sign."),
        (
            Step(
                _("Qualified"),
                10,
                15,
                7,
                _("Somebody wants to see it, for a reason we know."),
                "2M",
                colour=Colour.BLUE,
            ),
            Step(_("Demonstration"), 35, 35, 14, _("They have named what speaks for it and what against."), "6W"),
            Step(_("Trial"), 60, 55, 30, _("They use it, and what they wanted to see is there."), "1M", skip=True),
            Step(
                _("Security and purchasing"), 80, 80, 21, _("Nobody has an open question."), "3W", colour=Colour.AMBER
            ),
            Step(_("Signature"), 95, 95, 7, _("The subscription is signed."), "1W", quote=True, colour=Colour.GREEN),
        ),
    ),
    Starter(
        "TRADE",
        _("Wholesale and repeat orders"),
        _("Short: ask, offer, deliver."),
        (
            Step(_("Inquiry"), 20, 30, 3, _("Goods, quantity and date are known."), "2W", colour=Colour.BLUE),
            Step(_("Offer"), 60, 60, 7, _("The offer was followed up by phone."), "1W", quote=True),
            Step(
                _("Order"),
                95,
                95,
                3,
                _("Stock and delivery date are confirmed."),
                "3D",
                quote=True,
                colour=Colour.GREEN,
            ),
        ),
    ),
    Starter(
        "BUILDING",
        _("Building and installation"),
        _("From the site visit to the award, with tenders."),
        (
            Step(_("Request"), 5, 15, 10, _("We want to bid, and have said so."), "4M", colour=Colour.BLUE),
            Step(_("Site visit"), 20, 25, 21, _("Measures and conditions are recorded."), "3M"),
            Step(_("Calculation"), 40, 35, 21, _("The costs are checked by a second person."), "2M"),
            Step(_("Bid"), 60, 50, 30, _("The bid was handed in on time."), "6W", quote=True),
            Step(
                _("Clarification"),
                80,
                70,
                21,
                _("Questions of the client are answered."),
                "1M",
                quote=True,
                colour=Colour.AMBER,
            ),
            Step(_("Award"), 95, 90, 14, _("The award is there in writing."), "2W", quote=True, colour=Colour.GREEN),
        ),
    ),
)

CLOSE_CODES = (
    ("PRICE_W", _("Our price was right"), "won"),
    ("SOLUTION_W", _("Our solution suited them best"), "won"),
    ("RELATION_W", _("They know and trust us"), "won"),
    ("PRICE_L", _("We were too expensive"), "lost"),
    ("SOLUTION_L", _("Another solution suited them better"), "lost"),
    ("NOTHING_L", _("They bought nothing at all"), "lost"),
)


@transaction.atomic
def begin_with(starter: Starter) -> SalesCycle:
    """The cycle in the language of who asks; the default where there is none. Without any close code nothing could be
    closed, so the usual ones come along then."""
    first = not SalesCycle.objects.filter(is_default=True).exists()
    taken = SalesCycle.objects.filter(code=starter.code).exists()
    code = free_code(starter.code) if taken else starter.code
    cycle = SalesCycle.objects.create(code=code, description=str(starter.name), is_default=first)
    Stage.objects.bulk_create(
        Stage(
            sales_cycle=cycle,
            number=10 * at,
            description=str(step.name),
            completed=Decimal(step.completed),
            chances=Decimal(step.chances),
            expected_days=step.days,
            exit_criteria=str(step.until),
            date_formula=step.formula,
            quote_required=step.quote,
            allow_skip=step.skip,
            colour=step.colour,
        )
        for at, step in enumerate(starter.steps, start=1)
    )
    if not CloseCode.objects.exists():
        CloseCode.objects.bulk_create(
            CloseCode(code=code, description=str(name), outcome=outcome) for code, name, outcome in CLOSE_CODES
        )
    return cycle
