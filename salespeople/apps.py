from django.apps import AppConfig
from django.db.models.signals import post_migrate


class SalespeopleConfig(AppConfig):
    name = "salespeople"

    def ready(self) -> None:
        from salespeople.roles import make_roles

        post_migrate.connect(make_roles, dispatch_uid="salespeople.make_roles")
