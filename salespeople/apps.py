from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext_lazy as _

from crm.lib import limits


class SalespeopleConfig(AppConfig):
    name = "salespeople"
    verbose_name = _("Salespeople")

    def ready(self) -> None:
        from salespeople.roles import make_roles  # noqa: PLC0415 - needs the models, which are not there earlier

        # once, after the last app: all permissions are there
        last = apps.get_app_config("upkeep")
        post_migrate.connect(make_roles, sender=last, dispatch_uid="salespeople.make_roles")
        pre_migrate.connect(limits.lift, sender=self, dispatch_uid="limits.lift")
        post_migrate.connect(limits.restore, sender=last, dispatch_uid="limits.restore")
