import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from opportunities.ledger import faults
from upkeep import company_archive


class Command(BaseCommand):
    help = "Fill a migrated database that nobody has worked in with a file of archive_company, and check its ledgers."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            rows = company_archive.restore(file)
        except company_archive.ArchiveError as trouble:
            raise CommandError(str(trouble)) from trouble
        self.stdout.write(f"{sum(rows.values()):,} rows of {len(rows)} tables restored.")
        found = [str(fault) for fault in faults()]
        if found:
            raise CommandError("\n".join(["Restored as archived, where ledgers have faults:", *found]))
