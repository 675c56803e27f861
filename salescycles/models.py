import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import ClassVar

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from crm.lib import date_formula
from crm.lib.in_use import in_use
from crm.lib.priority import Priority
from salespeople.models import CodeField


def keep_history() -> Callable[[type[models.Model]], type[models.Model]]:
    """Every version of a row stays readable, so that old entries stay explainable."""
    return pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())


class DateFormulaField(models.CharField):
    """An offset such as 2W+1D, CM or WD1; blank means the same day. Stored upper-case without blanks."""

    default_validators = [date_formula.validate]

    def to_python(self, value: object) -> str | None:
        text = super().to_python(value)
        return date_formula.normalise(text) if text else text


class PercentField(models.DecimalField):
    """0 to 100, two decimals."""

    default_validators = [MinValueValidator(0), MaxValueValidator(100)]

    def __init__(self, *args: object, **options: object) -> None:
        options |= {"max_digits": 5, "decimal_places": 2}
        super().__init__(*args, **options)  # type: ignore[arg-type]


class SalesCycleQuerySet(models.QuerySet["SalesCycle"]):
    def usable(self) -> "SalesCycleQuerySet":
        """Those that may be chosen for an opportunity (R-CYCLE-BLOCKED)."""
        return self.filter(blocked=False)

    def default(self) -> "SalesCycle | None":
        """The default cycle, if there is one and it may be chosen (R-DEF-CYC)."""
        return self.usable().filter(is_default=True).first()


@keep_history()
class SalesCycle(models.Model):
    """The map an opportunity walks (domain A.3)."""

    class ProbabilityMethod(models.TextChoices):
        """How probability comes from chances and completed (C.1)."""

        MULTIPLY = "multiply", _("Multiply: chances × completed")
        AVERAGE = "average", _("Average of chances and completed")
        CHANCES = "chances", _("Chances of success %")
        COMPLETED = "completed", _("Completed %")

    code = CodeField(_("code"), max_length=20, unique=True)
    description = models.CharField(_("description"), max_length=100, blank=True)
    probability_method = models.CharField(
        _("probability calculation"), max_length=9, choices=ProbabilityMethod, default=ProbabilityMethod.MULTIPLY
    )
    blocked = models.BooleanField(
        _("blocked"), default=False, help_text=_("Cannot be chosen for an opportunity; running ones go on.")
    )
    is_default = models.BooleanField(_("default"), default=False, help_text=_("Proposed for every new opportunity."))
    stage_decides = models.BooleanField(
        _("stage decides the chances"),
        default=True,
        help_text=_("A move without typed chances takes the stage's. Off: a manual chance is kept."),
    )

    objects = SalesCycleQuerySet.as_manager()

    class Meta:
        verbose_name = _("sales cycle")
        verbose_name_plural = _("sales cycles")
        ordering: ClassVar = ["code"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=Q(is_default=True),
                name="at_most_one_default_cycle",
                violation_error_message=_("Another sales cycle is the default already."),
            ),
            models.CheckConstraint(
                name="a_default_cycle_is_not_blocked",
                condition=Q(is_default=False) | Q(blocked=False),
                violation_error_message=_("The default sales cycle cannot be blocked."),
            ),
            models.CheckConstraint(name="cycle_code_is_upper_case", condition=Q(code=Upper("code"))),
        ]

    def __str__(self) -> str:
        return self.description or self.code

    def probability(self, *, chances: Decimal, completed: Decimal) -> Decimal:
        """Probability in percent (C.1), not rounded: whoever stores it rounds."""
        match self.probability_method:
            case self.ProbabilityMethod.MULTIPLY:
                return chances * completed / 100
            case self.ProbabilityMethod.AVERAGE:
                return (chances + completed) / 2
            case self.ProbabilityMethod.CHANCES:
                return chances
            case _:
                return completed


class TaskKind(models.TextChoices):
    TASK = "task", _("Task")
    CALL = "call", _("Phone call")
    MEETING = "meeting", _("Meeting")


@keep_history()
class Activity(models.Model):
    """What is to be done: a plan of tasks, made when a stage is entered or by hand (domain A.6)."""

    code = CodeField(_("code"), max_length=20, unique=True)
    description = models.CharField(_("description"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("activity")
        verbose_name_plural = _("activities")
        ordering: ClassVar = ["code"]
        constraints: ClassVar = [
            models.CheckConstraint(name="activity_code_is_upper_case", condition=Q(code=Upper("code"))),
        ]

    def __str__(self) -> str:
        return self.description or self.code


@keep_history()
class ActivityStep(models.Model):
    """A task to be made. Its date counts from the day on which the activity begins, not from the step before."""

    activity = models.ForeignKey(Activity, models.CASCADE, related_name="steps", verbose_name=_("activity"))
    number = models.PositiveSmallIntegerField(_("order"), validators=[MinValueValidator(1)])
    kind = models.CharField(_("type"), max_length=7, choices=TaskKind, default=TaskKind.TASK)
    description = models.CharField(_("description"), max_length=100)
    priority = models.CharField(_("priority"), max_length=6, choices=Priority, default=Priority.NORMAL)
    date_formula = DateFormulaField(
        _("date formula"),
        max_length=40,
        blank=True,
        help_text=_("From the day on which the activity begins, e.g. 3D, 2W+1D or WD1. Blank: the same day."),
    )

    class Meta:
        verbose_name = _("step")
        verbose_name_plural = _("steps")
        ordering: ClassVar = ["activity", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["activity", "number"],
                name="one_step_for_each_number",
                deferrable=models.Deferrable.DEFERRED,
                violation_error_message=_("Another step has this number."),
            ),
            models.CheckConstraint(name="steps_are_numbered_from_1", condition=Q(number__gte=1)),
            models.CheckConstraint(
                name="step_of_known_type_and_priority",
                condition=Q(kind__in=["task", "call", "meeting"], priority__in=["low", "normal", "high"]),
            ),
        ]

    def __str__(self) -> str:
        return self.description


@keep_history()
class Stage(models.Model):
    """A step of a cycle (domain A.4). Chances and completed in percent; gaps between numbers are allowed. What has to be met
    to enter it, or to pass over it, is its gate; `opportunities.gates` judges it."""

    class Fact(models.TextChoices):
        """What may be unknown of an opportunity, so that a stage can require it."""

        SOURCE = "source", _("Source")
        COMPETITOR = "competitor", _("Competitor")
        PERSON = "contact", _("A person as contact")
        CHANCES = "chances", _("Own chances of success")

    class Colour(models.TextChoices):
        """Each stands out on light and on dark (static/crm/crm.css, `.stage-colour`)."""

        BLUE = "blue", _("Blue")
        TEAL = "teal", _("Teal")
        GREEN = "green", _("Green")
        AMBER = "amber", _("Amber")
        RED = "red", _("Red")
        VIOLET = "violet", _("Violet")

    sales_cycle = models.ForeignKey(SalesCycle, models.CASCADE, related_name="stages", verbose_name=_("sales cycle"))
    number = models.PositiveSmallIntegerField(_("order"), validators=[MinValueValidator(1)])
    description = models.CharField(_("description"), max_length=100)
    completed = PercentField(_("completed %"), default=0)
    chances = PercentField(_("chances of success %"), default=0)
    quote_required = models.BooleanField(
        _("quote required"),
        default=False,
        help_text=_("Entering the stage, or passing over it, needs a current quote."),
    )
    allow_skip = models.BooleanField(_("allow skip"), default=False)
    required_fields = ArrayField(
        models.CharField(max_length=10, choices=Fact),
        verbose_name=_("required fields"),
        default=list,
        blank=True,
        help_text=_(
            "Entering the stage, or passing over it, needs these. Value and closing date are always asked for."
        ),
    )
    minimum_value = models.DecimalField(
        _("minimum value"),
        max_digits=14,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.01"))],
        help_text=_("Entering the stage, or passing over it, needs an estimated value of at least this. Blank: none."),
    )
    document_required = models.BooleanField(
        _("document required"),
        default=False,
        help_text=_("Entering the stage, or passing over it, needs an attached file."),
    )
    allow_back = models.BooleanField(
        _("allow back"), default=True, help_text=_("An opportunity may come back to it from a later stage.")
    )
    roles = ArrayField(
        models.IntegerField(),
        verbose_name=_("roles that may enter"),
        default=list,
        blank=True,
        help_text=_("Only they move opportunities to the stage, or over it. None: everybody who may change them."),
    )
    activity = models.ForeignKey(
        Activity,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="stages",
        verbose_name=_("activity"),
        help_text=_("Entering the stage makes its tasks."),
    )
    expected_days = models.PositiveSmallIntegerField(
        _("expected days"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
        help_text=_("After so many a deal is stalled, until the stage's own history says better. Blank: never."),
    )
    date_formula = DateFormulaField(
        _("date formula"),
        max_length=40,
        blank=True,
        help_text=_("Proposes the closing date from the day of entering, e.g. 2W or CM+10D. Blank: none."),
    )
    # how the stage looks, and what it says to who stands there: nothing that counts
    colour = models.CharField(
        _("colour"),
        max_length=6,
        choices=Colour,
        blank=True,
        help_text=_("Of its column on the board and its mark on the path."),
    )
    exit_criteria = models.TextField(
        _("exit criteria"),
        max_length=500,
        blank=True,
        help_text=_("What has to be true before a deal goes on; shown on the deal while it stands here."),
    )

    class Meta:
        verbose_name = _("stage")
        verbose_name_plural = _("stages")
        ordering: ClassVar = ["sales_cycle", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["sales_cycle", "id"], name="stage_of_its_cycle"),
            models.UniqueConstraint(
                fields=["sales_cycle", "number"],
                name="one_stage_for_each_number",
                deferrable=models.Deferrable.DEFERRED,
                violation_error_message=_("Another stage has this number."),
            ),
            models.CheckConstraint(name="stages_are_numbered_from_1", condition=Q(number__gte=1)),
            models.CheckConstraint(
                name="stage_expects_a_day_to_ten_years",
                condition=Q(expected_days__isnull=True) | Q(expected_days__range=(1, 3650)),
            ),
            models.CheckConstraint(
                name="stage_minimum_value_is_above_zero",
                condition=Q(minimum_value__isnull=True) | Q(minimum_value__gt=0),
            ),
            models.CheckConstraint(
                name="stage_requires_known_fields",
                condition=Q(required_fields__contained_by=["source", "competitor", "contact", "chances"]),
            ),
            models.CheckConstraint(
                name="stage_percentages_are_percentages",
                condition=Q(completed__range=(0, 100), chances__range=(0, 100)),
            ),
            models.CheckConstraint(
                name="stage_has_a_known_colour",
                condition=Q(colour__in=["", "blue", "teal", "green", "amber", "red", "violet"]),
            ),
        ]

    def __str__(self) -> str:
        return self.description


class CloseCodeQuerySet(models.QuerySet["CloseCode"]):
    def usable(self) -> "CloseCodeQuerySet":
        return self.filter(blocked=False)


@keep_history()
class CloseCode(models.Model):
    """Why an opportunity was won or lost (domain A.5)."""

    class Outcome(models.TextChoices):
        WON = "won", _("Won")
        LOST = "lost", _("Lost")

    code = CodeField(_("code"), max_length=20, unique=True)
    description = models.CharField(_("description"), max_length=100, blank=True)
    outcome = models.CharField(_("type"), max_length=4, choices=Outcome)
    blocked = models.BooleanField(_("blocked"), default=False, help_text=_("Cannot be chosen any more; history stays."))

    objects = CloseCodeQuerySet.as_manager()

    class Meta:
        verbose_name = _("close code")
        verbose_name_plural = _("close codes")
        ordering: ClassVar = ["-outcome", "code"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["id", "outcome"], name="close_code_and_outcome"),
            models.CheckConstraint(name="close_code_is_won_or_lost", condition=Q(outcome__in=["won", "lost"])),
        ]

    def __str__(self) -> str:
        return self.description or self.code

    def clean(self) -> None:
        """Refuse another type of what was used. Raises ValidationError."""
        same = CloseCode.objects.filter(pk=self.pk, outcome=self.outcome)
        if self.pk and not same.exists() and in_use(self):
            said = _("Opportunities were closed with this code, so its type stays. Make a new code.")
            raise ValidationError({"outcome": said})


class CompetitorQuerySet(models.QuerySet["Competitor"]):
    def usable(self) -> "CompetitorQuerySet":
        return self.filter(blocked=False)


class Competitor(models.Model):
    """Who else would like to sell it."""

    code = CodeField(_("code"), max_length=20, unique=True)
    name = models.CharField(_("name"), max_length=100, blank=True)
    blocked = models.BooleanField(_("blocked"), default=False, help_text=_("Cannot be chosen any more; history stays."))

    objects = CompetitorQuerySet.as_manager()

    class Meta:
        verbose_name = _("competitor")
        verbose_name_plural = _("competitors")
        ordering: ClassVar = ["code"]

    def __str__(self) -> str:
        return self.name or self.code


class SourceQuerySet(models.QuerySet["Source"]):
    def usable(self) -> "SourceQuerySet":
        return self.filter(blocked=False)


class Source(models.Model):
    """Where an opportunity came from, such as a trade fair or the web site. One with dates is a campaign."""

    code = CodeField(_("code"), max_length=20, unique=True)
    description = models.CharField(_("description"), max_length=100, blank=True)
    blocked = models.BooleanField(_("blocked"), default=False, help_text=_("Cannot be chosen any more; history stays."))

    starts_on = models.DateField(_("from"), null=True, blank=True, help_text=_("Of a campaign. Blank: always."))
    ends_on = models.DateField(_("to"), null=True, blank=True, help_text=_("Its last day. Blank: without an end."))

    objects = SourceQuerySet.as_manager()

    class Meta:
        verbose_name = _("source")
        verbose_name_plural = _("sources")
        ordering: ClassVar = ["code"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="source_does_not_end_before_it_starts",
                condition=Q(starts_on__isnull=True) | Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                violation_error_message=_("A campaign does not end before it starts."),
            ),
        ]

    def __str__(self) -> str:
        return self.description or self.code

    def runs_on(self, day: datetime.date) -> bool:
        """Whether the day lies within its dates, both included."""
        return (self.starts_on is None or self.starts_on <= day) and (self.ends_on is None or day <= self.ends_on)
