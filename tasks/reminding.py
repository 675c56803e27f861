"""Reminders of single tasks, and the agenda of the day by mail. Who is told, and whether by mail, says `collaboration`."""

import datetime
import zoneinfo
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from collaboration.models import Kind, Preferences
from collaboration.notify import tell
from crm.lib import jobs, mail
from crm.lib.reminder import moment
from salespeople.auth import with_rights
from salespeople.models import Company, Membership, User
from tasks.models import AgendaMail, Attendee, Task

AT_ONCE = 500
SHOWN = 30  # tasks of each part of a mail
LATE = datetime.timedelta(hours=6)  # an agenda that could not be sent by then is yesterday's news


# ── reminders ────────────────────────────────────────────────────────────────────────────────────────────────────────


def remind_at(task: Task) -> datetime.datetime | None:
    """When the task's reminder is due: by the clock of its salesperson, of a team's by the company's. None for what is past
    already. Costs no query without a reminder."""
    if not task.reminder or not task.is_open:
        return None
    business = zoneinfo.ZoneInfo(Company.current().time_zone)
    person = User.objects.filter(salesperson=task.salesperson_id or 0).select_related("preferences").first()
    wants: Preferences = getattr(person, "preferences", None) or Preferences()
    due = moment(
        task.reminder,
        task.due_on,
        task.starts_at,
        morning=wants.morning,
        zone=person.zone if person else business,
        business=business,
    )
    return due if due is not None and due > timezone.now() else None


def remind_due() -> int:
    """Tell of every task whose reminder is due; how many. Each once: it is marked in the same transaction, and two at once do not
    take the same."""
    with transaction.atomic():
        rows = Task.objects.open().filter(remind_at__lte=timezone.now()).order_by("pk")
        due = list(rows.select_for_update(no_key=True, skip_locked=True)[:AT_ONCE])
        guests: dict[int, list[int]] = {}
        attending = Attendee.objects.filter(task__in=due, salesperson__isnull=False)
        for key, salesperson in attending.values_list("task", "salesperson") if due else ():
            guests.setdefault(key, []).append(salesperson)
        for task in due:
            people = [*guests.get(task.pk, ()), *([task.salesperson_id] if task.salesperson_id else [])]
            tell(Kind.REMINDER, "task", task.pk, by=None, salespeople=people, team=task.team_id)
        Task.objects.filter(pk__in=[task.pk for task in due]).update(remind_at=None)
    return len(due)


def follow_clock(user: User) -> None:
    """The person's clock or morning is another one: reminders that are still to come move along."""
    if user.salesperson_id is None:
        return
    waiting = Task.objects.open().filter(salesperson=user.salesperson_id, remind_at__isnull=False)
    tasks = list(waiting.order_by("pk").select_for_update(no_key=True))
    for task in tasks:
        task.remind_at = remind_at(task)
    if tasks:
        Task.objects.bulk_update(tasks, ["remind_at"])


# ── the agenda of the day ────────────────────────────────────────────────────────────────────────────────────────────

CLAIM = """
INSERT INTO tasks_agendamail (user_id, day) SELECT * FROM unnest(%s::bigint[], %s::date[])
ON CONFLICT DO NOTHING RETURNING id"""


def queue_agendas() -> int:
    """A job for each agenda that is to be mailed by now; how many. A day's mail is a row, so there is one, however often and by
    how many this is asked."""
    now = timezone.now()
    sellers = User.objects.filter(is_active=True, salesperson__isnull=False).select_related("preferences")
    wanted = [(person.pk, day) for person in sellers.order_by("pk") if (day := _day_to_tell(person, now))]
    if not wanted:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(CLAIM, [list(column) for column in zip(*wanted, strict=True)])
        made = [key for (key,) in cursor.fetchall()]
        jobs.later_all("tasks.mail_agenda", [{"mail": key} for key in made])
    return len(made)


def _day_to_tell(person: User, now: datetime.datetime) -> datetime.date | None:
    """The person's day, from the hour on at which its agenda is to come."""
    wants: Preferences = getattr(person, "preferences", None) or Preferences()
    local = now.astimezone(person.zone).replace(tzinfo=None)
    begins = datetime.datetime.combine(local.date(), wants.morning)
    if not wants.agenda or not begins <= local < begins + LATE:
        return None
    return None if wants.weekdays_only and local.isoweekday() > 5 else local.date()


def send_agenda(key: int) -> bool:
    """Whether there was something to say, to somebody who still works here, and it was not said before."""
    with mail.mailbox() as box:
        if not AgendaMail.objects.filter(pk=key, sent_at__isnull=True).update(sent_at=timezone.now()):
            return False
        claimed = AgendaMail.objects.get(pk=key)
        person: User | None = with_rights(User.objects.filter(is_active=True)).filter(pk=claimed.user_id).first()
        parts = agenda(person, claimed.day) if person else {}
        if person is None or not any(parts.values()):
            return False
        context = {"person": person, "day": claimed.day, **parts}
        mail.send(box, person.email, "agenda", context, language=person.language, zone=person.zone)
    return True


def own(user: User) -> Q:
    """Whose tasks stand in a person's agenda: the own ones, those of own teams, meetings one takes part in."""
    me = user.salesperson_id or 0
    teams = Membership.objects.filter(salesperson=me).values("team")
    return Q(salesperson=me) | Q(team__in=teams) | Q(pk__in=Attendee.objects.filter(salesperson=me).values("task"))


def agenda(user: User, day: datetime.date) -> dict[str, Any]:
    """What is overdue, for today, and for the rest of the week."""
    sunday = day + datetime.timedelta(days=7 - day.isoweekday())
    rows = Task.objects.visible_to(user).open().filter(own(user), due_on__lte=sunday)
    tasks = list(rows.select_related("opportunity", "contact", "salesperson", "team").in_order())
    return {
        "overdue": [task for task in tasks if task.due_on < day],
        "today": [task for task in tasks if task.due_on == day],
        "week": [task for task in tasks if task.due_on > day],
    }
