from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from crm.lib import jobs


class Command(BaseCommand):
    help = "Do what waits to be done in the background, until stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="stop when nothing is left to be done")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        jobs.work(wait=not once)
