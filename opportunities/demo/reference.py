"""The reference's set: fifteen deals of one January, shifted so that its work date is today.

What was missing is added, and nothing else: a quote before each stage that needs one (docs/decisions.md, "Demo data").
"""

import datetime
from decimal import Decimal
from typing import NamedTuple

from contacts.models import Contact
from opportunities import lifecycle
from opportunities.demo.journey import Journey, World, make_contact
from opportunities.models import Opportunity
from salescycles.models import Stage

WORK_DATE = datetime.date(2026, 1, 26)  # any year: only the distance to today counts


class Entered(NamedTuple):
    """A stage entered (by number) on a day, with value, chances and estimated closing date."""

    stage: int
    on: str
    value: int
    chances: int
    closing_on: str


class Closed(NamedTuple):
    on: str
    code: str


class Deal(NamedTuple):
    number: str
    description: str
    salesperson: str
    customer: str
    cycle: str
    created_on: str
    priority: str
    entered: tuple[Entered, ...] = ()
    closed: Closed | None = None


# company, its person, that person's job, country, post code, city, address, phone, salesperson
CUSTOMERS = {
    "10000": (
        "Adatum Corporation", "Robert Townes", "Purchasing manager",
        "GB", "CB1 2FF", "Cambridge", "27 Quillmaker Road", "+44 113 496 0101", "JO",
    ),
    "20000": (
        "Trey Research", "Helen Ray", "Office manager",
        "GB", "SE1 0AX", "London", "153 Lanternside", "+44 20 7946 0102", "JO",
    ),
    "30000": (
        "School of Fine Art", "Meagan Bond", "Head of facilities",
        "US", "33101", "Miami", "10 Palette Street", "+1 305 555 0103", "HR",
    ),
    "40000": (
        "Alpine Ski House", "Ian Deberry", "Purchasing manager",
        "DE", "80807", "München", "Firnweg 8", "+49 89 99998 104", "HR",
    ),
    "50000": (
        "Relecloud", "Jesse Homer", "Head of operations",
        "GB", "GU2 7XH", "Guildford", "5 Stackhouse Lane", "+44 117 496 0105", "HR",
    ),
}  # fmt: skip

DEALS = (
    Deal(
        "OP100015", "Assembling furniture", "JO", "10000", "EXISTING", "2026-01-04", "low",
        (
            Entered(1, "2026-01-06", 10000, 10, "2026-01-19"),
            Entered(2, "2026-01-07", 10000, 30, "2026-01-19"),
            Entered(3, "2026-01-11", 12000, 55, "2026-01-19"),
            Entered(4, "2026-01-13", 9000, 95, "2026-01-19"),
        ),
        Closed("2026-01-26", "BUSINESS_W"),
    ),
    Deal(
        "OP100016", "Assembling furniture", "JO", "20000", "EXISTING", "2026-01-04", "normal",
        (
            Entered(1, "2026-01-06", 5000, 20, "2026-01-21"),
            Entered(2, "2026-01-08", 5500, 35, "2026-01-21"),
            Entered(3, "2026-01-12", 5500, 65, "2026-01-21"),
            Entered(4, "2026-01-17", 5500, 90, "2026-01-21"),
        ),
        Closed("2026-01-21", "CONSULT_W"),
    ),
    Deal(
        "OP100017", "Assembling furniture", "OF", "30000", "EXISTING", "2026-01-06", "normal",
        (
            Entered(1, "2026-01-06", 8000, 25, "2026-01-17"),
            Entered(2, "2026-01-11", 7000, 50, "2026-01-17"),
            Entered(3, "2026-01-12", 7000, 65, "2026-01-17"),
            Entered(4, "2026-01-14", 6000, 70, "2026-01-17"),
        ),
        Closed("2026-01-20", "RELATION_W"),
    ),
    Deal(
        "OP100018", "Furniture to sales department", "JO", "50000", "NEW", "2026-01-06", "low",
        (
            Entered(1, "2026-01-09", 25000, 30, "2026-01-20"),
            Entered(2, "2026-01-13", 20000, 50, "2026-01-20"),
            Entered(3, "2026-01-14", 21000, 70, "2026-01-20"),
            Entered(4, "2026-01-15", 21000, 95, "2026-01-20"),
        ),
        Closed("2026-01-20", "PRICE_W"),
    ),
    Deal(
        "OP100019", "Furniture for the conference", "JO", "10000", "EXISTING", "2026-01-01", "normal",
        (
            Entered(1, "2026-01-03", 7500, 25, "2026-01-11"),
            Entered(2, "2026-01-05", 8000, 55, "2026-01-11"),
            Entered(3, "2026-01-06", 8000, 80, "2026-01-11"),
            Entered(4, "2026-01-07", 8000, 80, "2026-01-11"),
        ),
        Closed("2026-01-11", "PRODUCT_W"),
    ),
    Deal(
        "OP100022", "Storage facilities", "BC", "10000", "EXISTING", "2026-01-21", "normal",
        (Entered(1, "2026-01-24", 5000, 25, "2026-02-03"),),
    ),
    Deal(
        "OP100023", "Swivel chair", "BC", "20000", "EXISTING", "2025-11-11", "normal",
        (Entered(1, "2025-11-16", 500, 95, "2026-02-16"),),
    ),
    Deal(
        "OP100024", "Table lighting", "HR", "30000", "EXISTING", "2025-12-14", "normal",
        (Entered(1, "2025-12-15", 2000, 30, "2026-03-21"),),
    ),
    Deal(
        "OP100025", "Guest chairs for the reception", "HR", "40000", "EXISTING", "2026-01-24", "low",
        (Entered(1, "2026-01-26", 10000, 20, "2026-02-01"),),
    ),
    Deal(
        "OP100026", "Storage system", "HR", "50000", "EXISTING", "2025-11-26", "high",
        (Entered(1, "2025-11-29", 3000, 10, "2026-03-04"),),
    ),
    Deal("OP100027", "Desks for the service dept.", "JO", "50000", "EXISTING", "2025-11-01", "normal"),
    Deal(
        "OP100037", "Conference table", "OF", "40000", "NEW", "2025-09-26", "normal",
        (Entered(1, "2025-09-28", 450, 10, "2025-10-03"),),
        Closed("2025-10-16", "BUSINESS_L"),
    ),
    Deal(
        "OP100038", "New office system", "OF", "20000", "NEW", "2025-09-22", "high",
        closed=Closed("2025-10-03", "CONSULT_L"),
    ),
    Deal(
        "OP100039", "Complete storage system", "HR", "30000", "NEW", "2026-01-05", "normal",
        closed=Closed("2026-01-16", "RELATION_L"),
    ),
    Deal(
        "OP100040", "30 chairs, blue", "BC", "40000", "EXISTING", "2026-01-09", "high",
        closed=Closed("2026-01-24", "PRICE_L"),
    ),
)  # fmt: skip


def make_reference(world: World) -> list[Opportunity]:
    """Enter the five customers and the fifteen deals."""
    people = {customer: make_customer(world, *facts) for customer, facts in CUSTOMERS.items()}
    return [make_deal(world, deal, people[deal.customer]) for deal in DEALS]


def make_customer(
    world: World, name: str, person: str, job_title: str, country: str, post_code: str, city: str, address: str,
    phone: str, salesperson: str,
) -> Contact:  # fmt: skip
    """Make a company and its person, and return the person: the deals are theirs."""
    domain = f"{name.lower().replace(' ', '')}.example"
    place = {"country": country, "post_code": post_code, "city": city, "address": address}
    shared = place | {"phone": phone, "salesperson": world.salespeople[salesperson]}
    company = make_contact(
        name=name,
        email=f"info@{domain}",
        home_page=f"https://www.{domain}",
        **shared,
        **world.sorting.company(name, country),
    )
    email = f"{person.lower().replace(' ', '.')}@{domain}"
    return make_contact(
        kind=Contact.Kind.PERSON,
        name=person,
        job_title=job_title,
        company=company,
        email=email,
        **shared,
        **world.sorting.person(job_title, country),
    )


def make_deal(world: World, deal: Deal, person: Contact) -> Opportunity:
    def day(text: str) -> datetime.date:
        return world.today + (datetime.date.fromisoformat(text) - WORK_DATE)

    stages = world.cycles[deal.cycle]
    journey = Journey(
        world,
        on=day(deal.created_on),
        by=world.users.get(deal.salesperson),
        number=deal.number,
        description=deal.description,
        contact=person,
        salesperson=world.salespeople[deal.salesperson],
        sales_cycle=stages[1].sales_cycle,
        priority=deal.priority,
    )
    for step in deal.entered:
        stage = stages[step.stage]
        chances = typed_chances(step, stage)
        value, closing_on = Decimal(step.value), day(step.closing_on)
        journey.enter(stage, on=day(step.on), value=value, chances=chances, closing_on=closing_on)
    if deal.closed:
        close(journey, day(deal.closed.on), world, deal.closed.code)
    return journey.opportunity


def typed_chances(step: Entered, stage: Stage) -> Decimal | None:
    """The chances as a person types them; None where they are the stage's own."""
    return None if step.chances == stage.chances else Decimal(step.chances)


def close(journey: Journey, on: datetime.date, world: World, code: str) -> None:
    """Won at the value last estimated, or lost."""
    close_code = world.close_codes[code]
    won = close_code.outcome == close_code.Outcome.WON
    sales_value = journey.opportunity.estimated_value if won else None
    journey.step(lifecycle.close, on=on, outcome=close_code.outcome, close_code=close_code, sales_value=sales_value)
