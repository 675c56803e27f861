"""The admin as the place where managers set up: what is set up first stands first, and each page says what it is for."""

from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _


class SetUp(AdminSite):
    """`purpose` of a ModelAdmin is a line below its name."""

    site_header = site_title = _("Set-up")
    index_title = _("What can be set up")

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        order = {label: at for at, label in enumerate(settings.SET_UP_ORDER)}
        found = super().get_app_list(request, app_label)
        for app in found:
            for model in app["models"]:
                model["purpose"] = getattr(self.get_model_admin(model["model"]), "purpose", "")
        return sorted(found, key=lambda app: order.get(app["app_label"], len(order)))


class SetUpConfig(AdminConfig):
    default_site = "crm.lib.set_up.SetUp"
