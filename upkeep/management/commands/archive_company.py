import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from upkeep import company_archive


class Command(BaseCommand):
    help = "Write everything that is stored into one file, to be kept or restored (docs/archive.md). It holds secrets."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a new file")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            rows = company_archive.write(file)
        except OSError as trouble:
            raise CommandError(f"{file} cannot be written: {trouble.strerror or 'it is there already'}.") from trouble
        self.stdout.write(f"{sum(rows.values()):,} rows of {len(rows)} tables written to {file}.")
