import argparse
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from contacts.models import Contact
from opportunities.demo.believable import make_believable
from opportunities.demo.chores import do_tasks, log_talks
from opportunities.demo.journey import World
from opportunities.demo.reference import make_reference
from opportunities.demo.setup import PASSWORD, USERS, make_setup, share_one
from opportunities.demo.together import make_words, work_together
from opportunities.demo.twice import enter_twice
from opportunities.management.asked import refuse_unasked
from opportunities.models import Opportunity, OpportunityEntry
from opportunities.stalling import learn_anew
from quotes.models import Quote
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson

FILLED_BY_WORK = (Opportunity, Contact, SalesCycle, Salesperson)


class Command(BaseCommand):
    help = "Fill an empty database with demo data: set-up, contacts, deals of the last months, and people who sign in."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--users",
            action="store_true",
            help=f"make them where DATABASE_URL is set, too, with users whose password is “{PASSWORD}” (or set DEMO=1)",
        )

    def handle(self, *args: Any, users: bool = False, verbosity: int = 1, **options: Any) -> None:
        if any(model._default_manager.exists() for model in FILLED_BY_WORK):
            self.say("The database is not empty: no demo data made.", verbosity)
            return
        refuse_unasked(users, f"demo data bring users whose password is “{PASSWORD}”: ask for them by --users.")
        with transaction.atomic():
            make_setup()
            world = World()
            make_reference(world)
            make_believable(world)
            do_tasks(world)
            log_talks(world)
            share_one()
            make_words()
            work_together(world)
            enter_twice(world)
            learn_anew(Company.current().today())
        self.say(summary(), verbosity)

    def say(self, text: str, verbosity: int) -> None:
        if verbosity:
            self.stdout.write(text)


def summary() -> str:
    """What there is now, and who can sign in."""
    return (
        f"Demo data: {Opportunity.objects.count()} opportunities ({Opportunity.objects.open().count()} open) with "
        f"{OpportunityEntry.objects.count()} entries, {Contact.objects.count()} contacts, "
        f"{Quote.objects.count()} quotes.\n"
        f"Sign in as {', '.join(USERS)} with the password {PASSWORD}"
    )
