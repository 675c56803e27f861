"""The present and the past of an opportunity (docs/definitions.md). Only `lifecycle` writes here."""

import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Case, Count, Exists, F, OuterRef, Q, Subquery, Sum, Value, When
from django.db.models.functions import Cast, Coalesce, Now, Round
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from collaboration.models import Attachment
from contacts.models import Contact
from crm.lib.listing.keyset import OneOf
from crm.lib.priority import Priority
from crm.lib.search import searched
from opportunities.sight import Sight, seen_by, sight_of
from opportunities.stalling import allowed_days, is_stalled, last_step
from quotes.models import Quote
from salescycles.models import CloseCode, Competitor, PercentField, SalesCycle, Source, Stage
from salespeople.models import CodeField, Salesperson
from tasks.models import Task

if TYPE_CHECKING:
    from salespeople.models import User


class Status(models.TextChoices):
    NOT_STARTED = "not_started", _("Not started")
    IN_PROGRESS = "in_progress", _("In progress")
    WON = "won", _("Won")
    LOST = "lost", _("Lost")


OPEN = (Status.NOT_STARTED, Status.IN_PROGRESS)
CLOSED = (Status.WON, Status.LOST)


class Action(models.TextChoices):
    """How an entry came about."""

    CREATED = "created", _("Created")
    STARTED = "started", _("Started")
    NEXT = "next", _("Next")
    PREVIOUS = "previous", _("Previous")
    SKIP = "skip", _("Skip")
    JUMP = "jump", _("Jump back")
    REVISED = "revised", _("Revised")
    EDITED = "edited", _("Edited")
    REASSIGNED = "reassigned", _("Reassigned")
    CYCLE_CHANGED = "cycle_changed", _("Sales cycle changed")
    WON = "won", _("Won")
    LOST = "lost", _("Lost")
    REOPENED = "reopened", _("Reopened")
    UNDONE = "undone", _("Undone")
    ARCHIVED = "archived", _("Archived")
    RESTORED = "restored", _("Restored")


class Door(models.TextChoices):
    """Which way a change came in."""

    SCREEN = "screen", _("Screen")
    BULK = "bulk", _("Bulk action")
    ADMIN = "admin", _("Admin pages")
    IMPORT = "import", _("Import")
    API = "api", _("API")
    COMMAND = "command", _("Command")


class MoneyField(models.DecimalField):
    """An amount in the company's currency, two decimals."""

    def __init__(self, *args: object, **options: object) -> None:
        options |= {"max_digits": 14, "decimal_places": 2}
        super().__init__(*args, **options)  # type: ignore[arg-type]


def between_0_and_100(field: str) -> Q:
    return Q(**{f"{field}__isnull": True}) | Q(**{f"{field}__range": (0, 100)})


CALCULATED = models.DecimalField(max_digits=14, decimal_places=2)
SUM = models.DecimalField(max_digits=24, decimal_places=2)
CALCULATED_VALUE = Case(
    When(status="won", then=F("sales_value")),
    When(status__in=["lost", "not_started"], then=Value(0)),
    default=Round(
        models.ExpressionWrapper(F("estimated_value") * F("probability") / 100, output_field=CALCULATED), precision=2
    ),
    output_field=CALCULATED,
)


class Tracked(models.Model):
    """What the present and every entry of the ledger hold. Money in the company's currency, percentages 0 to 100."""

    description = models.CharField(_("description"), max_length=100)
    priority = models.CharField(_("priority"), max_length=6, choices=Priority, default=Priority.NORMAL)
    source = models.ForeignKey(Source, models.PROTECT, null=True, blank=True, verbose_name=_("source"))
    # db_index: where_a_competitor_is, without the many rows that have none
    competitor = models.ForeignKey(
        Competitor, models.PROTECT, null=True, blank=True, db_index=False, verbose_name=_("competitor")
    )
    contact = models.ForeignKey(Contact, models.PROTECT, verbose_name=_("contact"))
    company = models.ForeignKey(
        Contact,
        models.PROTECT,
        related_name="company_%(class)s_set",
        verbose_name=_("company"),
        help_text=_("The contact's company, or the contact itself."),
    )
    salesperson = models.ForeignKey(Salesperson, models.PROTECT, null=True, blank=True, verbose_name=_("salesperson"))
    sales_cycle = models.ForeignKey(SalesCycle, models.PROTECT, null=True, blank=True, verbose_name=_("sales cycle"))
    status = models.CharField(_("status"), max_length=11, choices=Status, default=Status.NOT_STARTED)
    # stage and close_code: the composite keys of migration 0002 cover the single columns
    stage = models.ForeignKey(
        Stage, models.PROTECT, null=True, blank=True, db_constraint=False, verbose_name=_("stage")
    )
    stage_before = models.ForeignKey(
        Stage, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("stage before")
    )
    stage_entered_on = models.DateField(_("at the stage since"), null=True, blank=True)
    estimated_value = MoneyField(_("estimated value"), null=True, blank=True, help_text=_("Blank: unknown."))
    chances = PercentField(_("chances of success %"), null=True, blank=True)
    chances_are_manual = models.BooleanField(_("manual chances"), default=False)
    completed = PercentField(_("completed %"), null=True, blank=True)
    probability = PercentField(_("probability %"), null=True, blank=True)
    closing_on = models.DateField(_("estimated closing date"), null=True, blank=True)
    closed_on = models.DateField(_("date closed"), null=True, blank=True)
    close_code = models.ForeignKey(
        CloseCode, models.PROTECT, null=True, blank=True, db_constraint=False, verbose_name=_("close code")
    )
    sales_value = MoneyField(_("sales value"), null=True, blank=True)
    archived = models.BooleanField(_("archived"), default=False)
    calculated_value = models.GeneratedField(
        verbose_name=_("calculated value"),
        expression=CALCULATED_VALUE,
        output_field=CALCULATED,
        db_persist=True,
    )

    class Meta:
        abstract = True
        constraints: ClassVar = [
            models.CheckConstraint(
                name="%(class)s_percentages",
                condition=between_0_and_100("chances")
                & between_0_and_100("completed")
                & between_0_and_100("probability"),
                violation_error_message=_("A percentage lies between 0 and 100."),
            ),
            models.CheckConstraint(
                name="%(class)s_values_not_negative",
                condition=(Q(estimated_value__isnull=True) | Q(estimated_value__gte=0))
                & (Q(sales_value__isnull=True) | Q(sales_value__gte=0)),
                violation_error_message=_("A value cannot be negative."),
            ),
            models.CheckConstraint(
                name="%(class)s_known_status_and_priority",
                condition=Q(status__in=["not_started", "in_progress", "won", "lost"])
                & Q(priority__in=["low", "normal", "high"]),
            ),
            models.CheckConstraint(
                name="%(class)s_stage_while_in_progress",
                condition=Q(
                    status="in_progress",
                    stage__isnull=False,
                    stage_entered_on__isnull=False,
                    sales_cycle__isnull=False,
                    chances__isnull=False,
                    completed__isnull=False,
                    probability__isnull=False,
                )
                | (~Q(status="in_progress") & Q(stage__isnull=True, stage_entered_on__isnull=True)),
                violation_error_message=_("There is a stage exactly while the opportunity is in progress."),
            ),
            models.CheckConstraint(
                name="%(class)s_closed_with_date_and_code",
                condition=Q(status="won", closed_on__isnull=False, close_code__isnull=False, sales_value__isnull=False)
                | Q(status="lost", closed_on__isnull=False, close_code__isnull=False, sales_value__isnull=True)
                | Q(
                    status__in=["not_started", "in_progress"],
                    closed_on__isnull=True,
                    close_code__isnull=True,
                    sales_value__isnull=True,
                ),
                violation_error_message=_("A closed opportunity has a date, a code and, if won, a sales value."),
            ),
            models.CheckConstraint(
                name="%(class)s_salesperson_once_started",
                condition=Q(status="not_started") | Q(salesperson__isnull=False),
                violation_error_message=_("Only an opportunity not started may have no salesperson."),
            ),
            models.CheckConstraint(
                name="%(class)s_cycle_once_started",
                condition=Q(sales_cycle__isnull=False)
                | Q(status="not_started")
                | Q(status__in=["won", "lost"], stage_before__isnull=True),
                violation_error_message=_("Only an opportunity that never started may have no sales cycle."),
            ),
            models.CheckConstraint(
                name="%(class)s_not_archived_in_progress",
                condition=Q(archived=False) | ~Q(status="in_progress"),
                violation_error_message=_("An opportunity in progress cannot be archived."),
            ),
            models.CheckConstraint(
                name="%(class)s_manual_chances_exist",
                condition=Q(chances_are_manual=False) | Q(chances__isnull=False),
            ),
            models.CheckConstraint(name="%(class)s_is_described", condition=~Q(description="")),
        ]

    @property
    def is_closed(self) -> bool:
        return self.status in CLOSED

    @property
    def is_in_progress(self) -> bool:
        return self.status == Status.IN_PROGRESS

    @property
    def is_not_started(self) -> bool:
        return self.status == Status.NOT_STARTED


# Columns that an entry copies from the present: all of Tracked but what Postgres computes.
TRACKED = [field.attname for field in Tracked._meta.local_fields if not field.generated]


def is_overdue(on: datetime.date) -> Q:
    return Q(status="in_progress", closing_on__lt=on)


def is_due(on: datetime.date, *, days: int = 7) -> Q:
    return Q(status="in_progress", closing_on__range=(on, on + datetime.timedelta(days=days)))


class NextStep(models.TextChoices):
    """What is to be done next about an opportunity (docs/definitions.md)."""

    NONE = "none", _("None")
    OVERDUE = "overdue", _("Overdue")
    TODAY = "today", _("Today")
    PLANNED = "planned", _("Later")


def _open_tasks(**when: datetime.date) -> models.QuerySet[Task]:
    """Of the opportunity around; by an index of its own."""
    return Task.objects.open().filter(opportunity=OuterRef("pk"), **when)


def coming_tasks(on: datetime.date) -> models.QuerySet[Task]:
    """The open tasks of the opportunity around from that day on, the next step first."""
    return _open_tasks(due_on__gte=on).order_by("due_on", "pk")


NAMED = ("contact", "company", "salesperson", "sales_cycle", "stage", "source", "competitor", "close_code")


def _of_one(rows: Any, figure: Any, kind: models.Field) -> Cast:
    """A figure of rows that have one salesperson; of none it is 0."""
    return Cast(Coalesce(Subquery(rows.order_by().values("salesperson").values_list(figure)), Value(0)), kind)


class OpportunityQuerySet(models.QuerySet["Opportunity"]):
    def visible_to(self, user: "User") -> "OpportunityQuerySet":
        """The one door: own, team, subtree or all, by the person's rights (docs/definitions.md, "Who sees what")."""
        return self.within(sight_of(user))

    def within(self, sight: Sight) -> "OpportunityQuerySet":
        """What somebody with these rights may see."""
        return self.filter(seen_by(sight)) if sight.any else self.none()

    def beside_salesperson(self, user: "User") -> "OpportunityQuerySet | None":
        """What the person sees though the salesperson does not say so; None where there is none of it."""
        sight = sight_of(user)
        if not sight.adopted and not sight.shared:
            return None
        return self.within(sight.beside).exclude(seen_by(sight.by_salesperson))

    def open_figure(self, name: str, user: "User", *, salesperson: Any) -> Any:
        """Of the open ones of a salesperson that the user sees: how many (`count`), or the sum of a value. By the running
        totals, and beside them what the salesperson does not say who sees."""
        kind = models.IntegerField() if name == "count" else SUM
        kept = RunningTotal.objects.visible_to(user).filter(archived=False, status__in=OPEN, salesperson=salesperson)
        found = _of_one(kept, Sum(name), kind)
        beside = self.beside_salesperson(user)
        if beside is None:
            return found
        counted = Count("pk") if name == "count" else Sum(name)
        return found + _of_one(beside.open().filter(salesperson=salesperson), counted, kind)

    def figure_about(self, name: str, user: "User") -> Any:
        """Of the contact around, and if it is a company of its people too: how many (`count`) the user sees that are not
        archived, or the sum of a value."""
        theirs = Contact.objects.standing_for_outer()
        about = Q(OneOf(F("contact"), theirs)) | Q(OneOf(F("company"), theirs))
        rows = self.visible_to(user).listed().filter(about).annotate(all=Value(1)).order_by().values("all")
        figure, kind = (Count("pk"), models.IntegerField()) if name == "count" else (Sum(name), SUM)
        return Cast(Coalesce(Subquery(rows.values_list(figure)), Value(0)), kind)

    def listed(self) -> "OpportunityQuerySet":
        """Not archived."""
        return self.filter(archived=False)

    def open(self) -> "OpportunityQuerySet":
        """Not started or in progress, not archived."""
        return self.filter(closed_on__isnull=True, archived=False)

    def in_progress(self) -> "OpportunityQuerySet":
        return self.filter(status=Status.IN_PROGRESS)

    def overdue(self, on: datetime.date) -> "OpportunityQuerySet":
        """In progress with a closing date before `on` (E.9)."""
        return self.filter(is_overdue(on))

    def due_within(self, on: datetime.date, *, days: int = 7) -> "OpportunityQuerySet":
        """In progress with a closing date from `on` to `on` + days, both included (E.9)."""
        return self.filter(is_due(on, days=days))

    def of_contact(self, contact: Contact) -> "OpportunityQuerySet":
        """A company's include its people's; a person's only the person's own (A.10). Those of merged contacts are theirs."""
        theirs = Contact.objects.standing_for(contact.pk).values("pk")
        return self.filter(company__in=theirs) if contact.is_company else self.filter(contact__in=theirs)

    def search(self, text: str) -> "OpportunityQuerySet":
        """Words of description, number, contact or company, each matched by its beginning, wherever each of them stands."""
        return searched(self, text, "words__words")

    def with_names(self) -> "OpportunityQuerySet":
        return self.select_related(*NAMED)

    def with_last_date(self) -> "OpportunityQuerySet":
        """Adds `last_happened_on`, the date of the last step: no later step may be dated before it."""
        current = OpportunityEntry.objects.current().filter(opportunity=models.OuterRef("pk"))
        return self.annotate(last_happened_on=models.Subquery(current.values("happened_on")))

    def with_quote(self) -> "OpportunityQuerySet":
        """Adds `has_current_quote`, which some stages ask for."""
        return self.annotate(has_current_quote=Exists(Quote.objects.current().filter(opportunity=OuterRef("pk"))))

    def with_document(self) -> "OpportunityQuerySet":
        """Adds `has_document`, which some stages ask for."""
        return self.annotate(has_document=Exists(Attachment.objects.standing().filter(opportunity=OuterRef("pk"))))

    def without_next_step(self, on: datetime.date) -> "OpportunityQuerySet":
        """In progress, and nothing is to be done on `on` or later."""
        return self.in_progress().filter(~Exists(_open_tasks(due_on__gte=on)))

    def of_next_step(self, which: str, on: datetime.date) -> "OpportunityQuerySet":
        """Open ones by what is to be done next: nothing (`none`, in progress only), today, later (`planned`); or by something
        that should have been done before (`overdue`)."""
        if which == NextStep.NONE:
            return self.without_next_step(on)
        rows = self.filter(closed_on__isnull=True)
        if which == NextStep.OVERDUE:
            return rows.filter(Exists(_open_tasks(due_on__lt=on)))
        today = Exists(_open_tasks(due_on=on))
        return rows.filter(today if which == NextStep.TODAY else Exists(_open_tasks(due_on__gt=on)) & ~today)

    def stalled(self, which: str, on: datetime.date) -> "OpportunityQuerySet":
        """In progress and too long at the stage: `amber`, `red` or `any` of the two (docs/definitions.md, "Stalled")."""
        return self.in_progress().alias(allowed_days=allowed_days()).filter(is_stalled(which, on))

    def with_last_step(self) -> "OpportunityQuerySet":
        """Adds `last_step_on`, the day of the last open task."""
        return self.annotate(last_step_on=last_step())

    def with_next_step(self, on: datetime.date) -> "OpportunityQuerySet":
        """Adds `next_on` and `next_what` of the next task from `on` on, and `has_late_step`: whether one before is still open."""
        coming = coming_tasks(on)
        return self.annotate(
            next_on=Subquery(coming.values("due_on")[:1]),
            next_what=Subquery(coming.values("description")[:1]),
            has_late_step=Exists(_open_tasks(due_on__lt=on)),
        )

    def totals(self) -> dict[str, object]:
        """Count, estimated value and calculated value of all rows, won and lost included unless filtered out."""
        return self.order_by().aggregate(
            count=Count("pk"), estimated_value=Sum("estimated_value"), calculated_value=Sum("calculated_value")
        )


class Opportunity(Tracked):
    """The present. `version` is the step of the ledger entry that made it."""

    number = CodeField(_("number"), max_length=20, unique=True)
    created_on = models.DateField(_("creation date"))
    version = models.PositiveIntegerField(default=1, editable=False)
    # db_index: by_salesperson_and_stage begins with it
    salesperson = models.ForeignKey(
        Salesperson, models.PROTECT, null=True, blank=True, db_index=False, verbose_name=_("salesperson")
    )

    objects = OpportunityQuerySet.as_manager()

    class Meta(Tracked.Meta):
        verbose_name = _("opportunity")
        verbose_name_plural = _("opportunities")
        ordering: ClassVar = ["-id"]
        default_permissions = ("add", "change", "view")
        permissions: ClassVar = [
            ("view_team_opportunity", _("Can see the opportunities of the own teams")),
            ("view_subtree_opportunity", _("Can see the opportunities of the teams led, and of all below them")),
            ("view_every_opportunity", _("Can see every salesperson's opportunities")),
            ("view_unassigned_opportunity", _("Can see and assign opportunities without salesperson")),
            ("override_gates", _("Can move opportunities in spite of a stage's conditions, with a reason")),
        ]
        indexes: ClassVar = [
            # a salesperson's open ones by closing date: home, list
            models.Index(
                fields=["salesperson", "closing_on", "id"],
                condition=Q(closed_on__isnull=True, archived=False),
                include=["estimated_value", "calculated_value", "status"],
                name="open_by_salesperson",
            ),
            # a salesperson's at a stage: filters; it covers the salesperson's key
            models.Index(
                fields=["salesperson", "stage", "id"],
                include=["estimated_value", "calculated_value", "archived"],
                name="by_salesperson_and_stage",
            ),
            # everybody's open ones by closing date
            models.Index(
                fields=["closing_on", "id"], condition=Q(closed_on__isnull=True, archived=False), name="open_by_closing"
            ),
            # the board of one cycle: its totals index-only, and a column's cards in the order of the board
            models.Index(
                "sales_cycle",
                "status",
                "stage",
                "closing_on",
                F("estimated_value").desc(nulls_last=True),
                "id",
                include=["calculated_value", "salesperson", "stage_entered_on"],
                condition=Q(closed_on__isnull=True, archived=False),
                name="board_columns",
            ),
            # what was won and lost lately, on the board of one cycle
            models.Index(
                fields=["sales_cycle", "status", "closed_on", "id"],
                condition=Q(closed_on__isnull=False, archived=False),
                include=["estimated_value", "sales_value", "calculated_value", "salesperson"],
                name="board_closed_lately",
            ),
            models.Index(fields=["competitor"], condition=Q(competitor__isnull=False), name="where_a_competitor_is"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.description}"

    def get_absolute_url(self) -> str:
        return reverse("opportunities:detail", args=[self.pk])

    @property
    def is_open(self) -> bool:
        return not self.is_closed

    def is_held_by(self, user: "User") -> bool:
        """Of one that is seen: by a right, not only because it was shared."""
        return sight_of(user).holds(self.pk, self.salesperson_id)

    def is_fixed_for(self, user: "User") -> bool:
        """Of one that is seen: it was only shared to see, so whatever rights there are, nothing of it may be changed."""
        return not sight_of(user).may_change(self.pk, self.salesperson_id)

    def may_be_changed_by(self, user: "User") -> bool:
        """Of one that is seen."""
        return user.has_perm("opportunities.change_opportunity") and not self.is_fixed_for(user)


class OpportunityWords(models.Model):
    """By which words an opportunity is found: its own, its contact's and its company's together, so that words from several
    places find it along one index. Kept by triggers (migration 0013); in a table of its own, since a stage change would
    otherwise write all of them again."""

    opportunity = models.OneToOneField(Opportunity, models.CASCADE, primary_key=True, related_name="words")
    words = SearchVectorField()

    class Meta:
        verbose_name = _("words of an opportunity")
        verbose_name_plural = _("words of opportunities")
        default_permissions = ()
        indexes: ClassVar = [GinIndex(fields=["words"], name="opportunities_by_words")]

    def __str__(self) -> str:
        return f"{self.words}"


class BatchQuerySet(models.QuerySet["Batch"]):
    def visible_to(self, user: "User") -> "BatchQuerySet":
        """Runs of bulk actions, of the admin pages too: one's own, and everybody's for who may see batches."""
        runs = self.filter(door__in=[Door.BULK, Door.ADMIN])
        return runs if user.has_perm("opportunities.view_batch") else runs.filter(by=user)


class RunningTotalQuerySet(models.QuerySet["RunningTotal"]):
    def visible_to(self, user: "User") -> "RunningTotalQuerySet":
        """Totals of what `Opportunity.objects.visible_to` gives, as far as the salesperson says who sees it."""
        sight = sight_of(user).by_salesperson
        return self.filter(seen_by(sight)) if sight.any else self.none()


class RunningTotal(models.Model):
    """How many opportunities stand alike, and the sums of their values: kept by triggers within the transaction of each
    change (migration 0006), so it is exact. Two transactions never write the same row: each has a `slot` of its own, and
    the total of a kind is the sum over its slots, of which one alone may well be negative."""

    slot = models.SmallIntegerField()
    archived = models.BooleanField()
    status = models.CharField(max_length=11, choices=Status)
    sales_cycle = models.ForeignKey(
        SalesCycle, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    stage = models.ForeignKey(
        Stage, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    salesperson = models.ForeignKey(
        Salesperson, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    count = models.IntegerField()
    estimated_value = models.DecimalField(max_digits=24, decimal_places=2)
    calculated_value = models.DecimalField(max_digits=24, decimal_places=2)
    sales_value = models.DecimalField(max_digits=24, decimal_places=2)

    objects = RunningTotalQuerySet.as_manager()

    class Meta:
        verbose_name = _("running total")
        verbose_name_plural = _("running totals")
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["slot", "archived", "status", "sales_cycle", "stage", "salesperson"],
                name="one_running_total_of_a_kind",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.stage_id} {self.salesperson_id}: {self.count}"


class Batch(models.Model):
    """Steps that were made together by one run of a bulk action, an import or a command."""

    class Verb(models.TextChoices):
        """What a bulk action does to every row."""

        MOVE = "move", _("Move")
        REVISE = "revise", _("Revise the estimate")
        EDIT = "edit", _("Edit the facts")
        REASSIGN = "reassign", _("Reassign")
        CLOSE = "close", _("Close")
        REOPEN = "reopen", _("Reopen")
        ARCHIVE = "archive", _("Archive")
        RESTORE = "restore", _("Restore")
        TAG = "tag", _("Add a tag")
        UNTAG = "untag", _("Remove a tag")
        UNDO = "undo", _("Undo")
        CREATE = "create", _("New opportunities")  # to every chosen contact; `refused` names contacts then

    class State(models.TextChoices):
        """Of a run in the background; any other one is done with its request."""

        QUEUED = "queued", _("Waits for its turn")
        RUNNING = "running", _("Under way")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Stopped")

    door = models.CharField(_("through"), max_length=7, choices=Door)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, verbose_name=_("by"))
    made_at = models.DateTimeField(_("at"), db_default=Now())
    verb = models.CharField(_("bulk action"), max_length=8, choices=Verb, blank=True)
    asked = models.JSONField(_("what was asked"), default=list, blank=True, help_text=_("Field and words."))
    refused = models.JSONField(_("what was not done"), default=list, blank=True, help_text=_("Key and reason."))
    # one preview runs once: a second sending finds its batch
    token = models.UUIDField(null=True, blank=True, unique=True, editable=False)
    undoes = models.ForeignKey("self", models.PROTECT, null=True, blank=True, verbose_name=_("takes back"))
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.DONE)
    total = models.PositiveIntegerField(_("rows in the background"), null=True, blank=True)
    values = models.JSONField(default=dict, blank=True, editable=False)  # what the worker asks the verb
    language = models.CharField(max_length=10, blank=True, editable=False)  # of the reasons

    objects = BatchQuerySet.as_manager()

    class Meta:
        verbose_name = _("batch")
        verbose_name_plural = _("batches")
        default_permissions = ("view",)
        constraints: ClassVar = [
            models.CheckConstraint(
                name="batch_in_a_known_state", condition=Q(state__in=["queued", "running", "done", "cancelled"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.get_door_display()}"

    def get_absolute_url(self) -> str:
        return reverse("opportunities:batch", args=[self.pk])

    @property
    def is_under_way(self) -> bool:
        return self.state in (self.State.QUEUED, self.State.RUNNING)


class BatchRow(models.Model):
    """A row of a run in the background: as it was when the run was asked for, and what became of it, blank while it waits. Also
    of any run of tags, which leaves no step on the ledger: what it changed."""

    class Result(models.TextChoices):
        CHANGED = "changed", _("Changed")
        UNCHANGED = "unchanged", _("Stays as it is")
        REFUSED = "refused", _("Refused")
        GONE = "gone", _("Not there any more")

    batch = models.ForeignKey(Batch, models.CASCADE, related_name="rows", verbose_name=_("batch"))
    opportunity = models.ForeignKey(
        "Opportunity", models.CASCADE, related_name="+", verbose_name=_("opportunity"), db_index=False
    )
    version = models.PositiveIntegerField(_("version"))
    result = models.CharField(_("result"), max_length=9, choices=Result, blank=True)
    why = models.TextField(_("why"), blank=True)

    class Meta:
        verbose_name = _("row of a batch")
        verbose_name_plural = _("rows of batches")
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["batch", "opportunity"], name="a_row_once_in_a_batch"),
            models.CheckConstraint(
                name="row_of_a_batch_has_a_known_result",
                condition=Q(result__in=["", "changed", "unchanged", "refused", "gone"]),
            ),
        ]
        indexes: ClassVar = [
            # the next slice
            models.Index(fields=["batch", "opportunity"], condition=Q(result=""), name="waiting_rows_of_a_batch"),
        ]

    def __str__(self) -> str:
        return f"{self.batch_id}: {self.opportunity_id}"


class EntryQuerySet(models.QuerySet["OpportunityEntry"]):
    def live(self) -> "EntryQuerySet":
        """Not voided: what pipeline and statistics read."""
        return self.filter(voided_at__isnull=True)

    def current(self) -> "EntryQuerySet":
        return self.filter(replaced_at__isnull=True)

    def overriding(self) -> "EntryQuerySet":
        """Moves in spite of a stage's conditions, also those that were taken back later."""
        return self.filter(overrode__isnull=False)


class StatementTimestamp(models.Func):
    template = "STATEMENT_TIMESTAMP()"
    output_field = models.DateTimeField()
    arity = 0


class DayAfter(models.Func):
    """The day after an instant in UTC: the latest date anybody on earth can call today."""

    template = "((%(expressions)s AT TIME ZONE 'UTC')::date + 1)"
    output_field = models.DateField()
    arity = 1


class StageLimit(models.Model):
    """How long deals stand at a stage, as its completed visits of the last twelve months say (`stalling`): within `days` three
    quarters of them leave it. Blank where there were too few `visits`."""

    stage = models.OneToOneField(Stage, models.CASCADE, primary_key=True, related_name="limit")
    days = models.PositiveIntegerField(null=True)
    visits = models.PositiveIntegerField()
    learned_on = models.DateField()

    class Meta:
        verbose_name = _("limit of a stage")
        verbose_name_plural = _("limits of stages")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.stage_id}: {self.days}"


class OpportunityEntry(Tracked):
    """What an opportunity was after one step, and how that came about. Never edited, never deleted."""

    opportunity = models.ForeignKey(Opportunity, models.PROTECT, related_name="entries", verbose_name=_("opportunity"))
    step = models.PositiveIntegerField(_("step"))
    action = models.CharField(_("action"), max_length=13, choices=Action)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("by")
    )
    door = models.CharField(_("through"), max_length=7, choices=Door)
    batch = models.ForeignKey(Batch, models.PROTECT, null=True, blank=True, verbose_name=_("batch"))
    reason = models.TextField(_("reason"), blank=True)
    undoes = models.PositiveIntegerField(_("takes back step"), null=True, blank=True)
    overrode = ArrayField(
        models.CharField(max_length=30),
        verbose_name=_("conditions passed over"),
        null=True,
        blank=True,
        help_text=_("The key of the stage, a dot and the gate, for each of them."),
    )
    happened_on = models.DateField(_("date of change"))
    until = models.DateField(_("until"), null=True, blank=True)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=StatementTimestamp())
    replaced_at = models.DateTimeField(_("replaced at"), null=True, blank=True)
    voided_at = models.DateTimeField(_("voided at"), null=True, blank=True)
    imported_at = models.DateTimeField(_("imported at"), null=True, blank=True)

    objects = EntryQuerySet.as_manager()

    class Meta(Tracked.Meta):
        verbose_name = _("opportunity entry")
        verbose_name_plural = _("opportunity entries")
        ordering: ClassVar = ["opportunity", "step"]
        default_permissions = ("view",)
        constraints: ClassVar = [
            *Tracked.Meta.constraints,
            models.UniqueConstraint(fields=["opportunity", "step"], name="one_entry_for_each_step"),
            models.UniqueConstraint(
                fields=["opportunity"], condition=Q(replaced_at__isnull=True), name="one_current_entry"
            ),
            models.CheckConstraint(name="steps_count_from_1", condition=Q(step__gte=1)),
            models.CheckConstraint(
                name="entry_ends_after_it_begins",
                condition=(Q(until__isnull=True) | Q(until__gte=F("happened_on")))
                & (Q(replaced_at__isnull=True) | Q(replaced_at__gte=F("recorded_at"))),
            ),
            models.CheckConstraint(
                name="entry_ends_when_replaced",
                condition=Q(until__isnull=True, replaced_at__isnull=True)
                | Q(until__isnull=False, replaced_at__isnull=False)
                | Q(voided_at__isnull=False),
            ),
            models.CheckConstraint(
                name="voided_entries_are_replaced", condition=Q(voided_at__isnull=True) | Q(replaced_at__isnull=False)
            ),
            models.CheckConstraint(
                name="entry_not_from_the_future",
                condition=Q(happened_on__lte=DayAfter("recorded_at")),
            ),
            models.CheckConstraint(
                name="who_overrides_says_why", condition=Q(overrode__isnull=True) | ~Q(reason__regex=r"^\s*$")
            ),
            models.CheckConstraint(
                name="entry_undoes_an_earlier_step", condition=Q(undoes__isnull=True) | Q(undoes__lt=F("step"))
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["competitor"], condition=Q(competitor__isnull=False), name="where_a_competitor_was"),
            models.Index(
                fields=["recorded_at"], condition=Q(overrode__isnull=False), name="where_gates_were_overridden"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.opportunity_id}/{self.step} {self.get_action_display()}"

    @property
    def days(self) -> int | None:
        """Days from this step to the next; None while it is the last."""
        return (self.until - self.happened_on).days if self.until else None
