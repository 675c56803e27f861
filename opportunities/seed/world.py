"""What seeded opportunities refer to, made where it is missing, and the dice they are thrown with."""

import datetime
import zoneinfo
from functools import cache
from itertools import accumulate
from random import Random
from typing import Any, NamedTuple

from django.core.management import CommandError
from django.db import connection
from django.utils import timezone

from contacts.models import Contact
from contacts.names import split
from crm.lib.numbers import next_numbers
from opportunities.demo import customers, setup
from opportunities.estimates import figures
from opportunities.gates import Facts
from opportunities.models import Action, Batch, Door, Status
from opportunities.moves import moves
from opportunities.seed import words
from opportunities.seed.copying import copy, draw_keys
from salescycles.models import CloseCode, SalesCycle, Source, Stage
from salespeople.models import Company, Salesperson, User

SALESPEOPLE = 50
DAYS = 548  # so far back goes what happened
DEALS_OF_A_CONTACT = 5
COMPANIES, LONERS = 0.3, 0.05  # of all contacts


class Way(NamedTuple):
    """From one stage to another: `moves` says what it is called and whether it is open, with or without a quote."""

    action: Action
    is_open: bool
    needs_quote: bool


class Path:
    """A cycle as seeded opportunities walk it; stages are counted from 0."""

    def __init__(self, cycle: SalesCycle) -> None:
        self.cycle, self.stages = cycle, list(cycle.stages.all())
        self.at = {stage.pk: at for at, stage in enumerate(self.stages)}
        self.ways = {
            (here, self.at[bare.stage.pk]): Way(quoted.action, quoted.is_open, not bare.is_open)
            for here in range(len(self.stages))
            for bare, quoted in zip(self._moves(here, False), self._moves(here, True), strict=True)
        }
        self.figures = cache(self._figures)

    def _moves(self, here: int, has_quote: bool) -> list[Any]:
        at = self.stages[here].pk
        return moves(status=Status.IN_PROGRESS, stage_id=at, stages=self.stages, facts=Facts(quote=has_quote))

    def _figures(self, at: int, chances: Any) -> dict[str, Any]:
        return figures(self.cycle, self.stages[at], chances=chances, manual=chances is not None)


class Account(NamedTuple):
    """A company or a single person, everybody to talk to there, and whose customer it is."""

    key: int
    contacts: list[int]
    salesperson: int


class World:
    def __init__(self, *, count: int, seed: int, today: datetime.date) -> None:
        self.random = Random(seed)  # noqa: S311 - nothing here is secret
        self.today, self.now = today, timezone.now()
        self.zone = zoneinfo.ZoneInfo(Company.current().time_zone)
        self.morning = cache(self._morning)
        self.batch = Batch.objects.create(door=Door.COMMAND)
        self._have_codes()
        self.paths = {path.cycle.pk: path for path in usable_paths()}
        self._have_salespeople()
        self._make_contacts(max(count // DEALS_OF_A_CONTACT, 1))
        wants = [line.rsplit(" | ", 1) for line in customers.WANTS.strip().splitlines()]
        self.wants = [(text, int(worth)) for text, worth in wants]

    def _morning(self, day: datetime.date) -> datetime.datetime:
        """Eight o'clock of that day."""
        eight = datetime.datetime.combine(day, datetime.time(8), tzinfo=self.zone)
        return eight.astimezone(datetime.UTC)

    def _have_codes(self) -> None:
        for code, description in setup.CLOSE_CODES.items():
            outcome = CloseCode.Outcome.WON if code.endswith("_W") else CloseCode.Outcome.LOST
            CloseCode.objects.get_or_create(code=code, defaults={"description": description, "outcome": outcome})
        for code, description in setup.SOURCES.items():
            Source.objects.get_or_create(code=code, defaults={"description": description})
        usable = CloseCode.objects.usable().order_by("code")
        self.codes = {
            outcome: list(usable.filter(outcome=outcome).values_list("pk", flat=True))
            for outcome in CloseCode.Outcome.values
        }
        self.sources = [*Source.objects.usable().order_by("code").values_list("pk", flat=True), None]

    def _have_salespeople(self) -> None:
        """At least fifty. Who signs in comes first and sells most; the tenth sells about a fifth as much as the first."""
        taken = set(Salesperson.objects.values_list("code", flat=True))
        missing = SALESPEOPLE - Salesperson.objects.usable().count()
        free = (code for at in range(1, 1000) if (code := f"SP{at:02}") not in taken)
        Salesperson.objects.bulk_create(
            Salesperson(code=next(free), name=self.person(), job_title="Sales representative") for _ in range(missing)
        )
        self.users = dict(User.objects.exclude(salesperson=None).values_list("salesperson_id", "pk"))
        usable = Salesperson.objects.usable().order_by("user__pk", "pk").values_list("pk", flat=True)
        self.salespeople = list(usable)
        self.shares = shares(len(self.salespeople), 0.7)

    def _make_contacts(self, count: int) -> None:
        keys = draw_keys(Contact, count)
        numbers = next_numbers(Contact, "CT", count)
        companies = max(int(count * COMPANIES), 1)
        rows: list[dict[str, Any]] = []
        self.accounts: list[Account] = []
        for at, (key, number) in enumerate(zip(keys, numbers, strict=True)):
            if at < companies:
                rows.append(self._company(key))
            elif self.random.random() < LONERS:
                rows.append(self._loner(key))
            else:
                rows.append(self._employee(key, self.random.randrange(companies), rows))
            rows[-1] |= {"id": key, "number": number, "created_at": self._made_at()}
        blank = {field.attname: field.get_default() for field in Contact._meta.concrete_fields if not field.generated}
        copy(Contact, list(blank), [tuple((blank | row).values()) for row in rows])
        self.weights = shares(len(self.accounts), 0.8)
        self.random.shuffle(self.accounts)

    def _made_at(self) -> datetime.datetime:
        return self.morning(self.today - datetime.timedelta(DAYS + self.random.randint(10, 700)))

    def _company(self, key: int) -> dict[str, Any]:
        pick, name = self.random.choice, f"{self.random.choice(words.HEADS)}{self.random.choice(words.TAILS)}"
        country, city, post_code, form, phone, language = pick(words.PLACES)
        domain = f"{name.lower()}.example"
        salesperson = self.salesperson()
        self.accounts.append(Account(key, [key], salesperson))
        return {
            "kind": Contact.Kind.COMPANY,
            "name": f"{name} {pick(words.TRADES)} {form}",
            "country": country,
            "city": city,
            "post_code": post_code,
            "phone": f"{phone}{self.random.randint(1000, 9999)}".replace(" ", ""),
            "language": language,
            "email": f"info@{domain}",
            "home_page": f"https://www.{domain}",
            "salesperson_id": salesperson,
        }

    def _loner(self, key: int) -> dict[str, Any]:
        name = self.person()
        self.accounts.append(Account(key, [key], self.salesperson()))
        return {
            "kind": Contact.Kind.PERSON,
            "name": name,
            **split(name)._asdict(),
            "email": f"{address(name)}@{address(name)}.example",
            "salesperson_id": self.accounts[-1].salesperson,
        }

    def _employee(self, key: int, at: int, companies: list[dict[str, Any]]) -> dict[str, Any]:
        name = self.person()
        company = companies[at]
        self.accounts[at].contacts.append(key)
        shared = ("country", "city", "post_code", "phone", "language", "salesperson_id")
        return {name: company[name] for name in shared} | {
            "kind": Contact.Kind.PERSON,
            "name": name,
            **split(name)._asdict(),
            "company_id": company["id"],
            "job_title": self.random.choice(words.JOBS),
            "email": f"{address(name)}@{company['email'].removeprefix('info@')}",
        }

    def person(self) -> str:
        return f"{self.random.choice(words.FIRST_NAMES)} {self.random.choice(words.LAST_NAMES)}"

    def salesperson(self) -> int:
        return self.random.choices(self.salespeople, cum_weights=self.shares)[0]

    def account(self) -> Account:
        return self.random.choices(self.accounts, cum_weights=self.weights)[0]


def usable_paths() -> list[Path]:
    """The cycles that can be started and ask for nothing but quotes; where none can be started, the two of the demo."""
    if not SalesCycle.objects.usable().filter(stages__isnull=False).exists():
        taken = SalesCycle.objects.filter(is_default=True).exists()
        methods = SalesCycle.ProbabilityMethod
        setup.make_activities()
        setup.make_cycle("EXISTING", "Existing customer", methods.COMPLETED, setup.EXISTING)
        setup.make_cycle("NEW", "New customer", methods.CHANCES, setup.NEW, is_default=not taken)
    cycles = SalesCycle.objects.usable().order_by("code").prefetch_related("stages")
    found = [Path(cycle) for cycle in cycles if cycle.stages.all() and not any(map(asks_for_more, cycle.stages.all()))]
    if not found:
        raise CommandError("Every sales cycle has stages that ask for more than a quote. Add one that does not.")
    return found


def asks_for_more(stage: Stage) -> bool:
    """Whether its gate asks for what made-up opportunities may lack, quotes aside."""
    facts = stage.required_fields or stage.minimum_value is not None or stage.document_required
    return bool(facts or stage.roles or not stage.allow_back)


def shares(count: int, steepness: float) -> list[float]:
    """Cumulative weights: the first gets most, the k-th 1/k to the power of `steepness` of that (Zipf)."""
    return list(accumulate(1 / rank**steepness for rank in range(1, count + 1)))


def address(name: str) -> str:
    return name.lower().replace(" ", ".").replace("ö", "o")


def relax_limits() -> None:
    """For this transaction: keys checked after each statement, as millions of them waiting for its end take memory; only
    the present waits for its entry. And no limit of time, which a page needs and a big table does not."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS present_is_backed_by_the_ledger DEFERRED")
