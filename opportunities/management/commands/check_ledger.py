from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from opportunities.ledger import faults
from opportunities.models import Opportunity, OpportunityEntry


class Command(BaseCommand):
    help = (
        "Compare each opportunity with its current ledger entry and each ledger with itself. "
        "Prints every fault and exits with 1 when there is any. Changes nothing."
    )

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")  # a big ledger takes longer than a page may
        found = 0
        for fault in faults():
            self.stdout.write(str(fault))
            found += 1
        checked = f"{Opportunity.objects.count()} opportunities with {OpportunityEntry.objects.count()} entries checked"
        if found:
            raise CommandError(f"{checked}: {found} faults.")
        self.stdout.write(f"{checked}: no fault.")
