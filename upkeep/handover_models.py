"""What was handed over when somebody left: one heading over as many runs as it took."""

from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from opportunities.models import Batch
from salespeople.models import Salesperson

if TYPE_CHECKING:
    from salespeople.models import User


class HandoverQuerySet(models.QuerySet["Handover"]):
    def visible_to(self, user: "User") -> "HandoverQuerySet":
        return self if user.has_perm("upkeep.view_handover") else self.none()


class Handover(models.Model):
    """Of what one salesperson had, begun by one person."""

    salesperson = models.ForeignKey(
        Salesperson, models.PROTECT, related_name="handovers", verbose_name=_("salesperson")
    )
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by"))
    made_at = models.DateTimeField(_("at"), db_default=Now())

    objects = HandoverQuerySet.as_manager()

    class Meta:
        verbose_name = _("handover")
        verbose_name_plural = _("handovers")
        ordering: ClassVar = ["-id"]
        default_permissions = ("add", "view")

    def __str__(self) -> str:
        return f"{self.salesperson}"

    def get_absolute_url(self) -> str:
        return reverse("upkeep:handover", args=[self.pk])


class HandoverRun(models.Model):
    """What went in one transaction: opportunities as a batch, everything else as `Handed`."""

    handover = models.ForeignKey(Handover, models.PROTECT, related_name="runs", verbose_name=_("handover"))
    batch = models.OneToOneField(Batch, models.PROTECT, null=True, blank=True, verbose_name=_("batch"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by"))
    made_at = models.DateTimeField(_("at"), db_default=Now())
    token = models.UUIDField(unique=True, editable=False)  # one preview runs once: a second sending finds its run
    undone_at = models.DateTimeField(_("taken back at"), null=True, blank=True)

    class Meta:
        verbose_name = _("run of a handover")
        verbose_name_plural = _("runs of handovers")
        ordering: ClassVar = ["id"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.handover} {self.made_at}"


class Handed(models.Model):
    """A task, a contact or a territory that went to somebody else. Without `to` who covers the territory already does.
    `version`: the one that the run made of a task."""

    class Kind(models.TextChoices):
        TASK = "tasks", _("Task")
        CONTACT = "contacts", _("Contact")
        TERRITORY = "territories", _("Territory")

    run = models.ForeignKey(HandoverRun, models.PROTECT, related_name="handed", verbose_name=_("run"))
    kind = models.CharField(_("kind"), max_length=11, choices=Kind)
    key = models.BigIntegerField(_("key"))
    to = models.ForeignKey(Salesperson, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("to"))
    version = models.PositiveIntegerField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("what was handed over")
        verbose_name_plural = _("what was handed over")
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "kind", "key"], name="handed_over_once_in_a_run")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
