from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TasksConfig(AppConfig):
    name = "tasks"
    verbose_name = _("Tasks")

    def ready(self) -> None:
        from collaboration.lifecycle import followers  # noqa: PLC0415 - needs the models, which are not there earlier
        from contacts import lifecycle  # noqa: PLC0415 - needs the models, which are not there earlier
        from tasks.lifecycle import stay_with_company  # noqa: PLC0415
        from tasks.reminding import follow_clock  # noqa: PLC0415

        lifecycle.movers.append(stay_with_company)
        followers.append(follow_clock)
