from django.db import models
from django.utils.translation import gettext_lazy as _


class Priority(models.TextChoices):
    """How urgent something is, of opportunities and tasks alike."""

    LOW = "low", _("Low")
    NORMAL = "normal", _("Normal")
    HIGH = "high", _("High")
