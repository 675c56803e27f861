"""The rows of the benchmark: what is asked, by whom, and what it may cost (V is the bare view)."""

import datetime
from collections.abc import Callable, Iterator
from itertools import count, cycle
from typing import NamedTuple

from django.db.models import Count

from contacts.models import Contact
from crm.lib.listing.keyset import Order
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson
from tests.performance.figures import Goal
from tests.performance.traffic import Ask

HTMX = {"HX-Request": "true"}


class Scene(NamedTuple):
    name: str
    who: str
    goal: Goal
    asks: Callable[[], Iterator[Ask]]


def scenes() -> list[Scene]:
    today = Company.current().today()
    lists, manager, rep = "/opportunities/", "manager@demo.example", "rep@demo.example"
    deep = Opportunity.objects.listed().order_by("-pk")[Opportunity.objects.listed().count() * 9 // 10]
    cursor = Order(()).cursor({"pk": deep.pk})
    first, filtered, board = Goal(6, 1.5, 1.6), Goal(6, 1.8, 2.5), Goal(6, 2.2, 2.4)
    return [
        Scene("list", manager, first, same(lists)),
        Scene("list, of a rep", rep, first, same(lists)),
        Scene("list, 3 criteria", manager, filtered, same(f"{lists}?{three_criteria(usual_share())}")),
        Scene("list, 3 of the busiest", manager, filtered, same(f"{lists}?{three_criteria(busiest())}")),
        Scene("list, deep page", manager, first, same(f"{lists}?after={cursor}")),
        Scene("list, grouped", manager, filtered, same(f"{lists}?group=stage")),
        Scene("board", manager, board, same(f"{lists}board/")),
        Scene("deal", manager, Goal(9, 1.2, 1.2), lambda: map(Ask, cycle(deals()))),
        Scene("stage move", manager, Goal(10, 1.3, 1.3), lambda: moves(today)),
        Scene("create", manager, Goal(10, 1.5, 1.5), lambda: new_ones(today)),
    ]


def same(path: str) -> Callable[[], Iterator[Ask]]:
    return lambda: cycle([Ask(path)])


def three_criteria(who: tuple[int, int]) -> str:
    """A salesperson, a stage, and a word."""
    return f"salesperson={who[0]}&stage={who[1]}&q=desks"


def usual_share() -> tuple[int, int]:
    """The salesperson and the stage that share nearest to one in three hundred of all rows, as with fifty salespeople and six
    stages of one size, the shape the goals were set for."""
    wanted = Opportunity.objects.listed().count() / (50 * 6)
    shares = Opportunity.objects.listed().filter(stage__isnull=False, salesperson__isnull=False).order_by()
    counted = shares.values_list("salesperson", "stage").annotate(rows=Count("pk"))
    salesperson, stage, _ = min(counted, key=lambda share: (abs(share[2] - wanted), share))
    return salesperson, stage


def busiest() -> tuple[int, int]:
    """The demo's salesperson, who has a seventh of all, and the first stage."""
    return Salesperson.objects.order_by("user__pk", "pk")[0].pk, SalesCycle.objects.order_by("code")[0].stages.all()[
        0
    ].pk


def deals() -> list[str]:
    """Pages of fifty opportunities in progress with five to eight entries."""
    usual = Opportunity.objects.in_progress().filter(version__range=(5, 8), salesperson__isnull=False)
    return [f"/opportunities/{key}/" for key in usual.order_by("pk").values_list("pk", flat=True)[:50]]


seen: dict[int, int] = {}  # versions as this run has left them


def moves(today: datetime.date) -> Iterator[Ask]:
    """On to the second stage and back, an opportunity after the other: each is moved twice, so ledgers stay short."""
    paths = [list(found.stages.all()) for found in SalesCycle.objects.prefetch_related("stages")]
    firsts = {stages[0].pk: stages for stages in paths if len(stages) > 1 and not stages[1].quote_required}
    ready = Opportunity.objects.in_progress().filter(stage__in=firsts, closing_on__gte=today, estimated_value__gt=0)
    for key, version, stage in ready.order_by("version", "pk").values_list("pk", "version", "stage").iterator():
        if key not in seen:
            seen[key] = version + 2
            for nth, to in enumerate((firsts[stage][1], firsts[stage][0])):
                data = {"version": str(version + nth), "to": str(to.pk)}
                yield Ask(f"/opportunities/{key}/move/", data, HTMX)


def new_ones(today: datetime.date) -> Iterator[Ask]:
    contact, salesperson = Contact.objects.order_by("pk")[0], Salesperson.objects.order_by("pk")[0]
    for nth in count(1):
        data = {
            "description": f"Measured {nth}",
            "contact": str(contact.pk),
            "salesperson": str(salesperson.pk),
            "estimated_value": "1000",
            "closing_on": str(today + datetime.timedelta(30)),
            "start": "on",
        }
        yield Ask("/opportunities/new/", data, ok=(302,))
