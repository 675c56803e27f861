"""Believable deals of the last four months: sixty in progress, some that wait, some closed. The same ones every time.

Who sells, how soon it closes and what happens on the way go round in cycles of different lengths, so that everybody
meets everything; days and figures are drawn with a fixed seed.
"""

import datetime
import unicodedata
from collections.abc import Iterator
from itertools import cycle
from random import Random
from typing import Any

from contacts.models import Contact
from contacts.names import Parts, split
from crm.lib.priority import Priority
from opportunities import lifecycle
from opportunities.demo import customers
from opportunities.demo.course import Course, Plan, price
from opportunities.demo.journey import Journey, World, make_contact
from salespeople.models import User

SEED = 2026
RUNNING = {"NEW": (9, 8, 7, 5, 3), "EXISTING": (9, 8, 7, 4)}  # how many stand at each stage
WHO = (
    "HR", "BC", "JO", "HR", "LT", "BC", "OF", "HR", "BC", "EH",
    "JO", "HR", "BC", "LT", "RB", "HR", "BC", "JO", "OF", "EH",
)  # fmt: skip
DUE = ("later", "overdue", "later", "this_week", "later", "later", "far")
TWISTS = (
    "plain", "revised", "plain", "postponed", "skipped", "went_back", "handed_over", "edited", "plain", "jumped",
    "undone", "reopened", "cycle_changed",
)  # fmt: skip
# days ago, salesperson (None: nobody yet), is the value known already?
WAITING = (
    (3, "HR", True),
    (5, None, True),
    (8, "BC", False),
    (11, "JO", True),
    (14, None, False),
    (20, "HR", False),
    (26, "BC", True),
    (33, None, False),
)
# salesperson, cycle, stage reached, close code, days ago
CLOSED = (
    ("HR", "NEW", 5, "PRODUCT_W", 6),
    ("BC", "EXISTING", 4, "PRICE_W", 12),
    ("JO", "EXISTING", 4, "RELATION_W", 19),
    ("HR", "EXISTING", 3, "SALESREP_W", 33),
    ("LT", "NEW", 4, "CONSULT_W", 41),
    ("BC", "NEW", 5, "PRES_W", 52),
    ("OF", "EXISTING", 4, "BUSINESS_W", 64),
    ("HR", "EXISTING", 4, "PRICE_W", 78),
    ("HR", "NEW", 3, "PRICE_L", 9),
    ("BC", "EXISTING", 2, "PRODUCT_L", 16),
    ("JO", "NEW", 2, "TIMEWST_L", 27),
    ("LT", "EXISTING", 1, "POSTPND_L", 38),
    ("HR", "NEW", 1, "WALKED_L", 55),
    ("BC", "NEW", 4, "PRICE_L", 70),
    ("EH", "EXISTING", 2, "PRES_L", 83),
)


def make_believable(world: World) -> None:
    """Enter the companies, their people and their deals."""
    Deals(world).make()


class Deals:
    def __init__(self, world: World) -> None:
        self.world = world
        self.random = Random(SEED)  # noqa: S311 - nothing here is secret
        self.manager = User.objects.get(email="manager@demo.example")
        self.contacts = make_contacts(world)
        wants = [line.rsplit(" | ", 1) for line in customers.WANTS.strip().splitlines()]
        self.random.shuffle(wants)
        self.wants: Iterator[tuple[str, int]] = ((text, int(worth)) for text, worth in wants)

    def make(self) -> None:
        for plan in running_plans():
            self.run(plan)
        for days, who, known in WAITING:
            self.wait(days, who, known=known)
        for who, cycle_code, stage, code, days in CLOSED:
            self.close(who, cycle_code, stage, code, days)
        self.archive()

    def run(self, plan: Plan) -> None:
        description, worth = next(self.wants)
        course = Course(self.world, self.random, plan, self.manager, worth)
        course.run(description=description, **self.facts(plan.who))

    def wait(self, days: int, who: str | None, *, known: bool) -> None:
        """One that has not started; without salesperson it waits for a manager to give it to somebody."""
        description, worth = next(self.wants)
        day = self.ago(days)
        estimates: dict[str, Any] = {}
        if known:
            closing_on = self.world.today + datetime.timedelta(self.random.randint(20, 80))
            estimates = {"estimated_value": price(worth), "closing_on": closing_on}
        Journey(
            self.world,
            on=day,
            by=self.world.users.get(who or "", self.manager),
            description=description,
            salesperson=self.world.salespeople[who] if who else None,
            **self.facts(who or self.random.choice(WHO)),
            **estimates,
        )

    def close(self, who: str, cycle_code: str, stage: int, code: str, days: int) -> None:
        """One that ran its course and was won at its quote's amount, or lost, some days ago."""
        description, worth = next(self.wants)
        plan = Plan(who, cycle_code, stage, "this_week", "plain")
        course = Course(self.world, self.random, plan, self.manager, worth, days_ago=days)
        journey = course.run(description=description, **self.facts(who))
        close_code = self.world.close_codes[code]
        journey.step(lifecycle.close, on=self.ago(days), outcome=close_code.outcome, close_code=close_code)

    def archive(self) -> None:
        """One that was entered twice: lost at once and put out of the lists."""
        journey = Journey(
            self.world,
            on=self.ago(47),
            by=self.world.users["HR"],
            description="Desks for the new team (entered twice)",
            salesperson=self.world.salespeople["HR"],
            **self.facts("HR"),
        )
        close_code = self.world.close_codes["WALKED_L"]
        journey.step(lifecycle.close, on=self.ago(46), outcome=close_code.outcome, close_code=close_code)
        journey.step(lifecycle.archive, on=self.ago(46), reason="Entered twice")

    def ago(self, days: int) -> datetime.date:
        return self.world.today - datetime.timedelta(days)

    def facts(self, who: str) -> dict[str, Any]:
        """A contact, mostly of the salesperson's own, a priority and, mostly, a source."""
        own = self.contacts[who]
        anybody = [contact for contacts in self.contacts.values() for contact in contacts]
        return {
            "contact": self.random.choice(own if self.random.random() < 0.75 else anybody),
            "priority": self.random.choices(Priority.values, weights=(15, 60, 25))[0],
            "source": self.random.choice([*self.world.sources, None]),
        }


def running_plans() -> Iterator[Plan]:
    """The sixty, stage by stage, with everything else going round."""
    rounds = zip(cycle(WHO), cycle(DUE), cycle(TWISTS), strict=False)
    for cycle_code, counts in RUNNING.items():
        for stage, count in enumerate(counts, start=1):
            for _ in range(count):
                who, due, twist = next(rounds)
                yield Plan(who, cycle_code, stage, due, twist)


def make_contacts(world: World) -> dict[str, list[Contact]]:
    """The companies and their people by salesperson. Deals are rather with people than with companies as such."""
    made: dict[str, list[Contact]] = {code: [] for code in world.salespeople}
    lines = customers.COMPANIES.strip().splitlines()
    for line, code in zip(lines, cycle(dict.fromkeys(WHO)), strict=False):
        company, people = make_company(line, world.salespeople[code], world)
        made[code] += [*people, *people, company]
    return made


def make_company(line: str, salesperson: Any, world: World) -> tuple[Contact, list[Contact]]:
    name, domain, country, post_code, city, address, phone, language, people = map(str.strip, line.split(" | "))
    shared = {
        "country": country,
        "post_code": post_code,
        "city": city,
        "address": address,
        "phone": phone,
        "language": language,
        "salesperson": salesperson,
    }
    home = f"{domain}.example"
    company = make_contact(
        name=name,
        email=f"info@{home}",
        home_page=f"https://www.{home}",
        **shared,
        **world.sorting.company(name, country),
    )
    made = []
    for person in people.split("; "):
        person_name, job_title = person.split(", ", 1)
        email = f"{address_of(person_name)}@{home}"
        made.append(
            make_contact(
                kind=Contact.Kind.PERSON,
                **parts_of(person_name)._asdict(),
                job_title=job_title,
                company=company,
                email=email,
                **shared,
                **world.sorting.person(job_title, country),
            )
        )
    return company, made


def parts_of(name: str) -> Parts:
    """A title is no name, and stands before the first one."""
    title = "Dr. " if name.startswith("Dr. ") else ""
    parts = split(name.removeprefix(title))
    return parts._replace(first_name=title + parts.first_name)


def address_of(name: str) -> str:
    """The part of an e-mail address before the @: pirjo.havukka."""
    plain = unicodedata.normalize("NFKD", name.replace("Dr. ", "").replace("æ", "ae").replace("ø", "o"))
    return "".join(c for c in plain if c.isascii()).lower().replace(" ", ".")
