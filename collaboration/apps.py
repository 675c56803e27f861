from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CollaborationConfig(AppConfig):
    name = "collaboration"
    verbose_name = _("Working together")

    def ready(self) -> None:
        """How many mentions are unread comes with the person who signed in: no page asks for it."""
        import_module("salespeople.auth").ALONG["unread"] = import_module("collaboration.mentions").UNREAD
