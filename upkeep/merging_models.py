"""What a merge of contacts did, so that it can be told and taken back."""

from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact
from opportunities.models import Batch

if TYPE_CHECKING:
    from salespeople.models import User


class MergeQuerySet(models.QuerySet["Merge"]):
    def visible_to(self, user: "User") -> "MergeQuerySet":
        """By who sees the contact that stands."""
        return self.filter(survivor__in=Contact.objects.order_by().visible_to(user).values("pk"))


class Merge(models.Model):
    """One contact went into another. `batch`: the steps of opportunities; `undo_batch`: those that took them back."""

    survivor = models.ForeignKey(Contact, models.PROTECT, related_name="merges", verbose_name=_("survivor"))
    merged = models.ForeignKey(Contact, models.PROTECT, related_name="+", verbose_name=_("merged contact"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by"))
    made_at = models.DateTimeField(_("at"), db_default=Now())
    batch = models.ForeignKey(Batch, models.PROTECT, null=True, related_name="+")
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("taken back by")
    )
    undone_at = models.DateTimeField(_("taken back at"), null=True)
    undo_batch = models.ForeignKey(Batch, models.PROTECT, null=True, related_name="+")
    stayed = models.JSONField(_("what stayed"), default=list, help_text=_("Words, when it was taken back."))

    objects = MergeQuerySet.as_manager()

    class Meta:
        verbose_name = _("merge")
        verbose_name_plural = _("merges")
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merged"], condition=Q(undone_at__isnull=True), name="a_contact_is_merged_once"
            ),
            models.CheckConstraint(name="a_merge_is_of_two", condition=~Q(survivor=F("merged"))),
            models.CheckConstraint(
                name="taken_back_by_somebody_at_a_time",
                condition=Q(undone_at__isnull=True, undone_by__isnull=True)
                | Q(undone_at__isnull=False, undone_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.merged} → {self.survivor}"

    def get_absolute_url(self) -> str:
        return reverse("upkeep:merge-detail", args=[self.pk])


class MergedRow(models.Model):
    """One row that a merge changed: columns before and after. Of an opportunity with the version that its step made."""

    merge = models.ForeignKey(Merge, models.CASCADE, related_name="rows")
    model = models.CharField(max_length=60)  # contacts.AlternativeAddress
    key = models.BigIntegerField()
    before = models.JSONField()
    after = models.JSONField()

    class Meta:
        default_permissions = ()
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.model} {self.key}"
