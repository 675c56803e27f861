import argparse
import datetime
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from contacts.models import Contact
from opportunities.management.asked import refuse_unasked
from opportunities.models import Opportunity, OpportunityEntry
from opportunities.seed.chores import Chores, date_the_past
from opportunities.seed.copying import Writer
from opportunities.seed.course import live, plans
from opportunities.seed.world import World, relax_limits
from opportunities.stalling import learn_anew
from quotes.models import Quote
from salespeople.models import Company
from tasks.models import Task

AT_ONCE = 5_000
SEED = 2026


class Command(BaseCommand):
    help = (
        "Add N believable opportunities of the last eighteen months, with contacts, quotes, tasks and ledgers. "
        "The same N, seed and day give the same ones. All or nothing."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("count", type=int, nargs="?", default=1000, metavar="N")
        parser.add_argument("--seed", type=int, default=SEED, help=f"the dice (default {SEED})")
        parser.add_argument("--open", type=float, default=0.5, metavar="SHARE", help="how many are open, 0 to 1 (0.5)")
        parser.add_argument(
            "--today", type=datetime.date.fromisoformat, metavar="DAY", help="everything happened before it (today)"
        )
        parser.add_argument("--anyway", action="store_true", help="where DATABASE_URL is set, too (or set DEMO=1)")

    def handle(
        self,
        *args: Any,
        count: int,
        seed: int = SEED,
        open: float = 0.5,  # noqa: A002 - the option's name
        today: datetime.date | None = None,
        anyway: bool = False,
        **options: Any,
    ) -> None:
        refuse_unasked(anyway, "this enters made-up opportunities: ask for them by --anyway.")
        last = Company.current().today()
        if count < 1 or not 0 <= open <= 1 or (today or last) > last:
            raise CommandError("N is at least 1, the share from 0 to 1, and the day not in the future.")
        began = time.monotonic()
        with transaction.atomic():
            relax_limits()
            world = World(count=count, seed=seed, today=today or last)
            writer = fill(world, count, open, Chores(seed, today or last))
            analyze()
            learn_anew(last)
        self.stdout.write(
            f"Added {writer.opportunities:,} opportunities with {writer.entries:,} entries, {writer.quotes:,} quotes and "
            f"{writer.chores.count:,} tasks, of {len(world.accounts):,} accounts, in {time.monotonic() - began:.1f} s."
        )


def fill(world: World, count: int, share_open: float, chores: Chores) -> Writer:
    """Make and write the opportunities, so many at once that memory does not grow with their number."""
    writer = Writer(batch_id=world.batch.pk, imported_at=world.now, chores=chores)
    before = Task.objects.order_by("pk").values_list("pk", flat=True).last() or 0
    todo = plans(world, count, share_open)
    for at in range(0, count, AT_ONCE):
        later = todo[at + AT_ONCE : at + AT_ONCE + 1]
        lives = [live(world, plan) for plan in todo[at : at + AT_ONCE]]
        writer.write(lives, until=world.morning(later[0].created_on) if later else None)
    date_the_past(before)
    return writer


def analyze() -> None:
    """Tell the planner what is there now."""
    with connection.cursor() as cursor:
        for model in (Contact, Opportunity, OpportunityEntry, Quote, Task):
            cursor.execute(f'ANALYZE "{model._meta.db_table}"')
