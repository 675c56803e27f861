from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CollaborationConfig(AppConfig):
    name = "collaboration"
    verbose_name = _("Working together")

    def ready(self) -> None:
        """How many notifications are unread, and what a new task proposes, comes with the person who signed in: no page asks for it."""
        from collaboration.mentions import UNREAD, USUAL_REMINDER  # noqa: PLC0415 - needs the models, which are not there earlier
        from salespeople.auth import ALONG  # noqa: PLC0415

        ALONG["unread"] = UNREAD
        ALONG["usual_reminder"] = USUAL_REMINDER
