"""What was said and written between us and them (docs/definitions.md). Only `lifecycle` writes interactions."""

import datetime
from typing import TYPE_CHECKING, Any, ClassVar

import pghistory
from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Count, F, Max, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Cast, Coalesce, Now, Upper
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact
from crm.lib.search import search_column, searched
from salescycles.models import keep_history
from salespeople.models import CodeField, Salesperson
from tasks.models import Task

if TYPE_CHECKING:
    from salespeople.models import User

LONGEST = 10_000  # characters of what was said
MOST_MINUTES = 31 * 24 * 60
MONEY = models.DecimalField(max_digits=14, decimal_places=2)
SUM = models.DecimalField(max_digits=24, decimal_places=2)


class Kind(models.TextChoices):
    CALL = "call", _("Phone call")
    EMAIL = "email", _("E-mail")
    MEETING = "meeting", _("Meeting")
    NOTE = "note", _("Note")


SYMBOLS = {Kind.CALL: "phone", Kind.EMAIL: "mail", Kind.MEETING: "people", Kind.NOTE: "comment"}


class Direction(models.TextChoices):
    IN = "in", _("In")
    OUT = "out", _("Out")


class Side(models.TextChoices):
    US = "us", _("Us")
    THEM = "them", _("Them")


class Evaluation(models.TextChoices):
    VERY_POSITIVE = "very_positive", _("Very positive")
    POSITIVE = "positive", _("Positive")
    NEUTRAL = "neutral", _("Neutral")
    NEGATIVE = "negative", _("Negative")
    VERY_NEGATIVE = "very_negative", _("Very negative")


def cost_field() -> models.DecimalField:
    return models.DecimalField(_("cost"), max_digits=14, decimal_places=2, default=0)


def duration_field() -> models.PositiveIntegerField:
    return models.PositiveIntegerField(_("duration in minutes"), default=0)


def costs_and_lasts(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(name=name, condition=Q(cost__gte=0, duration__range=(0, MOST_MINUTES)))


@keep_history()
class InteractionGroup(models.Model):
    """What templates are sorted by."""

    code = CodeField(_("code"), max_length=10, unique=True)
    description = models.CharField(_("description"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("group of interactions")
        verbose_name_plural = _("groups of interactions")
        ordering: ClassVar = ["code"]
        constraints: ClassVar = [
            models.CheckConstraint(name="interaction_group_code_is_upper_case", condition=Q(code=Upper("code"))),
        ]

    def __str__(self) -> str:
        return self.description or self.code


class TemplateQuerySet(models.QuerySet["InteractionTemplate"]):
    def usable(self) -> "TemplateQuerySet":
        return self.filter(blocked=False)


@keep_history()
class InteractionTemplate(models.Model):
    """What an interaction usually is: picking one fills in the form."""

    code = CodeField(_("code"), max_length=10, unique=True)
    description = models.CharField(_("description"), max_length=100, blank=True)
    group = models.ForeignKey(
        InteractionGroup, models.PROTECT, null=True, blank=True, related_name="templates", verbose_name=_("group")
    )
    kind = models.CharField(_("type"), max_length=7, choices=Kind, default=Kind.CALL)
    direction = models.CharField(_("direction"), max_length=3, choices=Direction, blank=True)
    initiated_by = models.CharField(_("initiated by"), max_length=4, choices=Side, blank=True)
    cost = cost_field()
    duration = duration_field()
    blocked = models.BooleanField(_("blocked"), default=False, help_text=_("Cannot be chosen any more; history stays."))

    objects = TemplateQuerySet.as_manager()

    class Meta:
        verbose_name = _("template of interactions")
        verbose_name_plural = _("templates of interactions")
        ordering: ClassVar = ["code"]
        constraints: ClassVar = [
            models.CheckConstraint(name="interaction_template_code_is_upper_case", condition=Q(code=Upper("code"))),
            costs_and_lasts("template_costs_and_lasts_something_or_nothing"),
        ]

    def __str__(self) -> str:
        return self.description or self.code


class InteractionQuerySet(models.QuerySet["Interaction"]):
    def visible_to(self, user: "User") -> "InteractionQuerySet":
        """The one door: who sees the opportunity that it is about, and where it is about none, its contact."""
        if not user.has_perm("interactions.view_interaction"):
            return self.none()
        of_deals = Q(opportunity__in=deals().visible_to(user).order_by().values("pk"))
        if user.has_perm("contacts.view_every_contact") and user.has_perm("contacts.view_contact"):
            return self.filter(of_deals | Q(opportunity__isnull=True))
        contacts = Contact.objects.visible_to(user).order_by().values("pk")
        return self.filter(of_deals | Q(opportunity__isnull=True, contact__in=contacts))

    def standing(self) -> "InteractionQuerySet":
        """Not cancelled: what counts."""
        return self.filter(cancelled=False)

    def of_contact(self, contact: Contact) -> "InteractionQuerySet":
        """A company's include its people's; a person's only the person's own."""
        return self.filter(company=contact) if contact.is_company else self.filter(contact=contact)

    def figure_about(self, name: str, user: "User") -> Any:
        """Of the contact around, and if it is a company of its people too: `cost` or `duration` of those that the user sees and
        that were not cancelled."""
        about = Q(contact=OuterRef("pk")) | Q(company=OuterRef("pk"))
        rows = self.visible_to(user).standing().filter(about).annotate(all=Value(1)).order_by().values("all")
        kind: Any = SUM if name == "cost" else models.IntegerField()
        return Cast(Coalesce(Subquery(rows.values_list(Sum(name))), Value(0)), kind)

    def search(self, text: str) -> "InteractionQuerySet":
        """Words of the description or of what was said, each matched by its beginning."""
        return searched(self, text, "search")

    def figures(self) -> dict[str, Any]:
        """How many, what they cost and how long they took in all and on average, when we last tried and when it last worked,
        cancelled ones left out (domain E.2, A.10)."""
        nothing = Value(0, output_field=MONEY)
        found = (
            self.standing()
            .order_by()
            .aggregate(
                count=Count("pk"),
                cost=Coalesce(Sum("cost"), nothing),
                duration=Coalesce(Sum("duration"), 0),
                last_on=Max("happened_on", filter=Q(failed=False)),
                tried_on=Max("happened_on", filter=Q(initiated_by=Side.US)),
            )
        )
        many = found["count"] or 1
        return found | {"average_cost": found["cost"] / many, "average_duration": found["duration"] / many}


def deals() -> Any:
    """By the relation: this app knows no opportunity by import."""
    model: Any = Interaction._meta.get_field("opportunity").related_model
    return model.objects


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent(), exclude=["search"])
class Interaction(models.Model):
    """A call, an e-mail, a meeting or a note with a contact. It stays when it is cancelled, and counts no more then. `company` is
    the contact's company of that time, or the contact itself; `version` counts its changes."""

    kind = models.CharField(_("type"), max_length=7, choices=Kind, default=Kind.CALL)
    direction = models.CharField(_("direction"), max_length=3, choices=Direction, blank=True)
    initiated_by = models.CharField(_("initiated by"), max_length=4, choices=Side, blank=True)
    happened_on = models.DateField(_("date"))
    started_at = models.TimeField(_("time"), null=True, blank=True)
    description = models.CharField(_("description"), max_length=100)
    text = models.CharField(_("what was said and what came of it"), max_length=LONGEST, blank=True)
    failed = models.BooleanField(_("attempt failed"), default=False)
    evaluation = models.CharField(_("evaluation"), max_length=13, choices=Evaluation, blank=True)
    cost = cost_field()
    duration = duration_field()
    contact = models.ForeignKey(Contact, models.PROTECT, related_name="interactions", verbose_name=_("contact"))
    company = models.ForeignKey(
        Contact,
        models.PROTECT,
        related_name="company_interactions",
        verbose_name=_("company"),
        help_text=_("The contact's company, or the contact itself."),
    )
    opportunity = models.ForeignKey(
        "opportunities.Opportunity",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="interactions",
        verbose_name=_("opportunity"),
    )
    salesperson = models.ForeignKey(
        Salesperson,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="interactions",
        verbose_name=_("salesperson"),
    )
    task = models.ForeignKey(
        Task, models.PROTECT, null=True, blank=True, related_name="interactions", verbose_name=_("task")
    )
    template = models.ForeignKey(
        InteractionTemplate,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="interactions",
        verbose_name=_("template"),
    )
    cancelled = models.BooleanField(_("cancelled"), default=False)
    logged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="interactions", verbose_name=_("logged by")
    )
    logged_at = models.DateTimeField(_("logged at"), db_default=Now())
    version = models.PositiveIntegerField(default=1, editable=False)
    search = search_column("description", "text")

    objects = InteractionQuerySet.as_manager()

    class Meta:
        verbose_name = _("interaction")
        verbose_name_plural = _("interactions")
        ordering: ClassVar = ["-happened_on", "-id"]
        default_permissions = ("add", "change", "view")
        constraints: ClassVar = [
            models.CheckConstraint(name="interaction_is_described", condition=~Q(description="")),
            models.CheckConstraint(
                name="interaction_of_known_words",
                condition=Q(kind__in=["call", "email", "meeting", "note"])
                & Q(direction__in=["", "in", "out"], initiated_by__in=["", "us", "them"])
                & Q(evaluation__in=["", "very_positive", "positive", "neutral", "negative", "very_negative"]),
            ),
            costs_and_lasts("interaction_costs_and_lasts_something_or_nothing"),
            models.CheckConstraint(
                name="interaction_in_years_that_a_person_means",
                condition=Q(happened_on__range=(datetime.date(1900, 1, 1), datetime.date(2999, 12, 31))),
            ),
        ]
        indexes: ClassVar = [
            # with a company and its people, latest first: their pages
            models.Index("company", F("happened_on").desc(), F("id").desc(), name="interactions_of_company"),
            models.Index("contact", F("happened_on").desc(), F("id").desc(), name="interactions_of_contact"),
            models.Index("salesperson", F("happened_on").desc(), F("id").desc(), name="interactions_by_person"),
            GinIndex(fields=["search"], name="interactions_by_word"),
        ]

    def __str__(self) -> str:
        return self.description

    def get_absolute_url(self) -> str:
        return reverse("interactions:detail", args=[self.pk])

    @property
    def symbol(self) -> str:
        return SYMBOLS[Kind(self.kind)]

    @property
    def can_become_opportunity(self) -> bool:
        """R-FROM-LOG: not cancelled, and about none yet."""
        return not self.cancelled and self.opportunity_id is None

    def may_be_changed_by(self, user: "User") -> bool:
        """Of one that is seen: not where its opportunity was only shared to see."""
        may = user.has_perm("interactions.change_interaction")
        return may and not (self.opportunity and self.opportunity.is_fixed_for(user))
