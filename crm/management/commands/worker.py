from typing import Any

from django.core.management.base import BaseCommand

from crm.lib import jobs


class Command(BaseCommand):
    help = "Do what waits to be done in the background, until stopped."

    def handle(self, *args: Any, **options: Any) -> None:
        jobs.work()
