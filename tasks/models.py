"""What is to be done next, by whom (docs/definitions.md). Only `lifecycle` writes here."""

import datetime
from typing import TYPE_CHECKING, Any, ClassVar

import pghistory
from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Least
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact
from crm.lib.priority import Priority
from crm.lib.reminder import Reminder
from crm.lib.search import search_column, searched
from salescycles.models import ActivityStep, DateFormulaField, TaskKind
from salespeople.models import Membership, Salesperson, Team
from salespeople.reach import whose

if TYPE_CHECKING:
    from salespeople.models import User

MOST_MINUTES = 10 * 366 * 24 * 60  # a meeting lasts at most ten years


class Status(models.TextChoices):
    NOT_STARTED = "not_started", _("Not started")
    IN_PROGRESS = "in_progress", _("In progress")
    WAITING = "waiting", _("Waiting")
    POSTPONED = "postponed", _("Postponed")
    COMPLETED = "completed", _("Completed")


UNDER_WAY = tuple(choice for choice in Status.choices if choice[0] != Status.COMPLETED)


class Base(models.TextChoices):
    """What the date of the next one counts from."""

    DUE = "due", _("the due date")
    CLOSING = "closing", _("the day it is closed")


class When(models.TextChoices):
    """The parts of an agenda."""

    OVERDUE = "overdue", _("Overdue")
    TODAY = "today", _("Today")
    WEEK = "week", _("This week")
    LATER = "later", _("Later")


def parts(today: datetime.date) -> dict[When, Q]:
    """Which days each part has. On a Sunday this week has none."""
    sunday = today + datetime.timedelta(days=6 - today.weekday())
    return {
        When.OVERDUE: Q(due_on__lt=today),
        When.TODAY: Q(due_on=today),
        When.WEEK: Q(due_on__gt=today, due_on__lte=sunday),
        When.LATER: Q(due_on__gt=sunday),
    }


class TaskQuerySet(models.QuerySet["Task"]):
    def visible_to(self, user: "User") -> "TaskQuerySet":
        """The one door: own ones and those of own teams, by level those of others, meetings one is invited to, and whatever
        belongs to an opportunity that one sees (docs/definitions.md, "Who sees what")."""
        if not user.has_perm("tasks.view_task"):
            return self.none()
        if user.has_perm("tasks.view_every_task"):
            return self
        opportunities: Any = self.model._meta.get_field("opportunity").related_model
        seen = held_by(user) | Q(opportunity__in=opportunities.objects.visible_to(user).order_by().values("pk"))
        if user.salesperson_id:
            seen |= Q(pk__in=Attendee.objects.filter(salesperson=user.salesperson_id).values("task"))
        return self.filter(seen)

    def open(self) -> "TaskQuerySet":
        """Neither completed nor cancelled."""
        return self.filter(closed_on__isnull=True)

    def due(self, when: str, today: datetime.date) -> "TaskQuerySet":
        """Open ones of one part of the agenda; a week ends on Sunday. Every open task is in exactly one part."""
        return self.open().filter(parts(today)[When(when)])

    def of_person(self, salesperson: int) -> "TaskQuerySet":
        """What a salesperson has to do: own tasks, those of own teams, meetings to take part in."""
        teams = Membership.objects.filter(salesperson=salesperson).values("team")
        meetings = Attendee.objects.filter(salesperson=salesperson).values("task")
        return self.filter(Q(salesperson=salesperson) | Q(team__in=teams) | Q(pk__in=meetings))

    def of_team(self, team: int) -> "TaskQuerySet":
        """What a team has to do: its tasks, and those of its members."""
        members = Membership.objects.filter(team=team).values("salesperson")
        return self.filter(Q(team=team) | Q(salesperson__in=members))

    def of_contact(self, contact: Contact) -> "TaskQuerySet":
        """A company's include its people's; a person's only the person's own."""
        return self.filter(company=contact) if contact.is_company else self.filter(contact=contact)

    def involving(self, contacts: Any) -> "TaskQuerySet":
        """About one of these contacts, of these companies and their people, or meetings that one of them takes part in."""
        attend = Attendee.objects.filter(Q(contact__in=contacts) | Q(contact__company__in=contacts)).values("task")
        return self.filter(Q(contact__in=contacts) | Q(company__in=contacts) | Q(pk__in=attend))

    def next_date_about(self) -> Least:
        """The day of the first open one of these with the contact around: about it, or in whose meeting it takes part; of a
        company also its people's."""
        around = OuterRef("pk")
        own = self.open().filter(Q(contact=around) | Q(company=around))
        meetings = self.open().filter(Q(attendees__contact=around) | Q(attendees__contact__company=around))
        first = [Subquery(rows.order_by("due_on").values("due_on")[:1]) for rows in (own, meetings)]
        return Least(*first, output_field=models.DateField())

    def in_order(self) -> "TaskQuerySet":
        """What comes first, first."""
        return self.order_by("due_on", F("starts_at").asc(nulls_first=True), "pk")

    def search(self, text: str) -> "TaskQuerySet":
        """Words of description or place, each matched by its beginning."""
        return searched(self, text, "search")


UNTOUCHED = Q(version=F("by_steps") + 1, closed_on__isnull=True)


def held_by(user: "User") -> Q:
    """Whose tasks a person has by the levels own, team and subtree. A team's are those of each of its members."""
    people = whose(user, "tasks", "task")
    if not people:
        return Q(pk__in=[])
    teams = Membership.objects.filter(salesperson__in=people).values("team")
    return Q(salesperson__in=people) | Q(team__in=teams)


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(),
    pghistory.DeleteEvent(),
    exclude=["search", "by_steps", "remind_at"],
)
class Task(models.Model):
    """One thing to do, of a salesperson or of a team, on a day. `version` counts its changes; what nobody but steps of its
    opportunity changed is untouched."""

    kind = models.CharField(_("type"), max_length=7, choices=TaskKind, default=TaskKind.TASK)
    description = models.CharField(_("description"), max_length=100)
    due_on = models.DateField(_("date"))
    all_day = models.BooleanField(_("all day"), default=False)
    starts_at = models.TimeField(_("start"), null=True, blank=True)
    duration = models.PositiveIntegerField(_("duration in minutes"), null=True, blank=True)
    location = models.CharField(_("place"), max_length=100, blank=True)
    status = models.CharField(_("status"), max_length=11, choices=Status, default=Status.NOT_STARTED)
    priority = models.CharField(_("priority"), max_length=6, choices=Priority, default=Priority.NORMAL)
    closed_on = models.DateField(_("date closed"), null=True, blank=True)
    cancelled = models.BooleanField(_("cancelled"), default=False)
    completed_by = models.ForeignKey(
        Salesperson,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="completed_tasks",
        verbose_name=_("completed by"),
    )
    outcome = models.TextField(_("outcome"), blank=True)
    salesperson = models.ForeignKey(
        Salesperson, models.PROTECT, null=True, blank=True, related_name="tasks", verbose_name=_("salesperson")
    )
    team = models.ForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="tasks", verbose_name=_("team"))
    contact = models.ForeignKey(
        Contact, models.PROTECT, null=True, blank=True, related_name="tasks", verbose_name=_("contact")
    )
    company = models.ForeignKey(
        Contact,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="company_tasks",
        verbose_name=_("company"),
        help_text=_("The contact's company, or the contact itself."),
    )
    opportunity = models.ForeignKey(
        "opportunities.Opportunity",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="tasks",
        verbose_name=_("opportunity"),
    )
    entry = models.ForeignKey(
        "opportunities.OpportunityEntry",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="tasks",
        verbose_name=_("made by the step"),
    )
    cancelled_in = models.ForeignKey(
        "opportunities.OpportunityEntry",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="cancelled_tasks",
        verbose_name=_("cancelled by the step"),
    )
    activity_step = models.ForeignKey(
        ActivityStep,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="tasks",
        verbose_name=_("step of the activity"),
    )
    follows = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="followers", verbose_name=_("follows")
    )
    interval = DateFormulaField(
        _("repeated after"),
        max_length=32,
        blank=True,
        help_text=_("A date formula, e.g. 1W or 1M. Blank: not repeated."),
    )
    recurs_from = models.CharField(_("counted from"), max_length=7, choices=Base, blank=True)
    reminder = models.CharField(_("reminder"), max_length=4, blank=True, choices=Reminder)
    remind_at = models.DateTimeField(_("remind at"), null=True, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    by_steps = models.PositiveIntegerField(default=0, db_default=0, editable=False)  # so many of its changes steps made
    search = search_column("description", "location")

    objects = TaskQuerySet.as_manager()

    class Meta:
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        ordering: ClassVar = ["due_on", "id"]
        default_permissions = ("add", "change", "view")
        permissions: ClassVar = [
            ("view_team_task", _("Can see the tasks of the own teams")),
            ("view_subtree_task", _("Can see the tasks of the teams led, and of all below them")),
            ("view_every_task", _("Can see every salesperson's tasks")),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="task_is_a_persons_or_a_teams",
                condition=Q(salesperson__isnull=True) ^ Q(team__isnull=True),
                violation_error_message=_("A task belongs to a salesperson or to a team."),
            ),
            models.CheckConstraint(name="task_is_described", condition=~Q(description="")),
            models.CheckConstraint(
                name="task_of_known_words",
                condition=Q(kind__in=["task", "call", "meeting"], priority__in=["low", "normal", "high"])
                & Q(status__in=["not_started", "in_progress", "waiting", "postponed", "completed"])
                & Q(recurs_from__in=["", "due", "closing"]),
            ),
            models.CheckConstraint(
                name="task_is_closed_when_completed_or_cancelled",
                condition=Q(closed_on__isnull=True, cancelled=False) & ~Q(status="completed")
                | Q(closed_on__isnull=False, cancelled=True) & ~Q(status="completed")
                | Q(closed_on__isnull=False, cancelled=False, status="completed"),
            ),
            models.CheckConstraint(
                name="task_done_by_somebody_once_completed",
                condition=Q(completed_by__isnull=True) & (Q(team__isnull=True) | ~Q(status="completed"))
                | Q(completed_by__isnull=False, status="completed"),
                violation_error_message=_("Say who completed the team's task."),
            ),
            models.CheckConstraint(
                name="meeting_at_a_time_or_all_day",
                condition=Q(kind="meeting", all_day=True, starts_at__isnull=True)
                | Q(kind="meeting", all_day=False, starts_at__isnull=False, duration__isnull=False)
                | Q(all_day=False, starts_at__isnull=True, duration__isnull=True) & ~Q(kind="meeting"),
                violation_error_message=_("A meeting has a start and a duration, or takes all day."),
            ),
            models.CheckConstraint(
                name="task_lasts_a_minute_to_ten_years",
                condition=Q(duration__isnull=True) | Q(duration__range=(1, MOST_MINUTES)),
            ),
            models.CheckConstraint(
                name="task_in_years_that_a_person_means",
                condition=Q(due_on__range=(datetime.date(1900, 1, 1), datetime.date(2999, 12, 31))),
            ),
            models.CheckConstraint(
                name="task_recurs_from_something",
                condition=Q(interval="", recurs_from="") | ~Q(interval="") & ~Q(recurs_from=""),
            ),
            models.CheckConstraint(
                name="task_with_contact_has_company",
                condition=Q(contact__isnull=True, company__isnull=True)
                | Q(contact__isnull=False, company__isnull=False),
            ),
            models.CheckConstraint(
                name="task_of_a_step_has_its_opportunity",
                condition=Q(opportunity__isnull=False) | Q(entry__isnull=True, cancelled_in__isnull=True),
            ),
            models.CheckConstraint(name="task_with_a_known_reminder", condition=Q(reminder__in=["", *Reminder.values])),
            models.CheckConstraint(
                name="task_reminds_while_it_is_open",
                condition=Q(remind_at__isnull=True) | Q(closed_on__isnull=True) & ~Q(reminder=""),
            ),
            models.CheckConstraint(
                name="task_cancelled_in_a_step_is_so",
                condition=Q(cancelled_in__isnull=True) | Q(cancelled=True),
            ),
        ]
        indexes: ClassVar = [
            # what is to be done next about an opportunity: its cards, its page, the mark of the next step
            models.Index(
                fields=["opportunity", "due_on", "id"],
                condition=Q(closed_on__isnull=True),
                include=["description"],
                name="open_tasks_of_opportunity",
            ),
            # a person's or a team's own, by date
            models.Index(
                fields=["salesperson", "due_on", "id"], condition=Q(closed_on__isnull=True), name="open_tasks_by_person"
            ),
            models.Index(
                fields=["team", "due_on", "id"], condition=Q(closed_on__isnull=True), name="open_tasks_by_team"
            ),
            models.Index(fields=["due_on", "id"], condition=Q(closed_on__isnull=True), name="open_tasks_by_date"),
            # whose reminder is due
            models.Index(fields=["remind_at"], condition=Q(remind_at__isnull=False), name="reminders_by_time"),
            GinIndex(fields=["search"], name="tasks_by_word"),
        ]

    def __str__(self) -> str:
        return self.description

    def get_absolute_url(self) -> str:
        return reverse("tasks:detail", args=[self.pk])

    @property
    def is_open(self) -> bool:
        return self.closed_on is None

    @property
    def is_meeting(self) -> bool:
        return self.kind == TaskKind.MEETING

    @property
    def can_be_logged(self) -> bool:
        """A call or a meeting with somebody that was completed (R-TASK-LOG)."""
        met = self.kind in (TaskKind.CALL, TaskKind.MEETING) and self.contact_id is not None
        return met and self.status == Status.COMPLETED

    @property
    def recurs(self) -> bool:
        return bool(self.interval)

    @property
    def owner(self) -> Salesperson | Team | None:
        return self.salesperson or self.team

    def is_fixed_for(self, user: "User") -> bool:
        """Of one that is seen: only because its opportunity was shared to see, so nothing of it may be changed."""
        if self.opportunity is None or not self.opportunity.is_fixed_for(user):
            return False
        return not Task.objects.filter(held_by(user), pk=self.pk).exists()


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
class Attendee(models.Model):
    """Who takes part in a meeting: a salesperson or a contact, each once. At most one organizes it, a salesperson."""

    class Role(models.TextChoices):
        ORGANIZER = "organizer", _("Organizer")
        REQUIRED = "required", _("Required")
        OPTIONAL = "optional", _("Optional")

    task = models.ForeignKey(Task, models.CASCADE, related_name="attendees", verbose_name=_("task"))
    salesperson = models.ForeignKey(
        Salesperson, models.PROTECT, null=True, blank=True, related_name="attendances", verbose_name=_("salesperson")
    )
    contact = models.ForeignKey(
        Contact, models.PROTECT, null=True, blank=True, related_name="attendances", verbose_name=_("contact")
    )
    role = models.CharField(_("attendance"), max_length=9, choices=Role, default=Role.REQUIRED)

    class Meta:
        verbose_name = _("attendee")
        verbose_name_plural = _("attendees")
        default_permissions = ()
        ordering: ClassVar = ["task", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="attendee_is_a_salesperson_or_a_contact",
                condition=Q(salesperson__isnull=True) ^ Q(contact__isnull=True),
            ),
            models.CheckConstraint(
                name="attendee_of_known_role", condition=Q(role__in=["organizer", "required", "optional"])
            ),
            models.CheckConstraint(
                name="organizer_is_a_salesperson", condition=~Q(role="organizer") | Q(salesperson__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["task", "salesperson", "contact"], name="an_attendee_once", nulls_distinct=False
            ),
            models.UniqueConstraint(fields=["task"], condition=Q(role="organizer"), name="at_most_one_organizer"),
        ]

    def __str__(self) -> str:
        return str(self.salesperson or self.contact)


class Along(models.Model):
    """An open task that went along when a step of its opportunity changed salesperson or contact: it comes back when the step is
    taken back."""

    class Kind(models.TextChoices):
        SALESPERSON = "salesperson", _("To another salesperson")
        CONTACT = "contact", _("To another contact")

    entry = models.ForeignKey(
        "opportunities.OpportunityEntry", models.PROTECT, related_name="tasks_along", verbose_name=_("with the step")
    )
    task = models.ForeignKey(Task, models.PROTECT, related_name="went_along", verbose_name=_("task"))
    kind = models.CharField(_("kind"), max_length=11, choices=Kind)

    class Meta:
        verbose_name = _("task that went along")
        verbose_name_plural = _("tasks that went along")
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entry", "task", "kind"], name="a_task_goes_along_once_each_way"),
            models.CheckConstraint(name="goes_along_in_a_known_way", condition=Q(kind__in=["salesperson", "contact"])),
        ]

    def __str__(self) -> str:
        return f"{self.task}: {self.get_kind_display()}"


class AgendaMail(models.Model):
    """The mail that tells somebody of a day's tasks. It is marked as sent before it is sent."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="agenda_mails", verbose_name=_("user")
    )
    day = models.DateField(_("day"))
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)

    class Meta:
        verbose_name = _("agenda by mail")
        verbose_name_plural = _("agendas by mail")
        default_permissions = ()
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "day"], name="one_agenda_mail_a_day")]

    def __str__(self) -> str:
        return f"{self.user}, {self.day}"
