from typing import Any

from django.core.management.base import BaseCommand

from opportunities.stalling import learn_anew
from salespeople.models import Company


class Command(BaseCommand):
    help = "Learn from the ledger how long deals stand at each stage, as the board does once a day when it is opened."

    def handle(self, *args: Any, **options: Any) -> None:
        known = learn_anew(Company.current().today())
        self.stdout.write(f"{known} stages with a limit of their own.")
