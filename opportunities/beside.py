"""What stands beside the ledger of an opportunity: comments, interactions, tags, people and co-owners, now and as they came to be. One
statement brings all of it."""

import datetime
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from collaboration.models import Tag
from collaboration.told import Event, Line, events, read, statement, tags
from contacts.models import Contact
from opportunities.models import Opportunity
from salespeople.models import User

PEOPLE = """
SELECT 'person', involvement.id, NULL, NULL, NULL, '', contact.name, contact.id, NULL,
       ARRAY[coalesce(nullif(role.description, ''), role.code), contact.phone, contact.mobile, contact.email,
             contact.job_title, company.name, CASE WHEN contact.privacy_blocked THEN 'blocked' END]
  FROM collaboration_involvement involvement
  JOIN collaboration_contactrole role ON role.id = involvement.role_id
  JOIN contacts_contact contact ON contact.id = involvement.contact_id
  LEFT JOIN contacts_contact company ON company.id = contact.company_id
 WHERE involvement.opportunity_id = %(key)s"""
INVOLVED = """
SELECT 'involved', event.pgh_id, event.pgh_created_at, who.id, {WHO}, event.pgh_label, contact.name, contact.id, NULL,
       ARRAY[coalesce(nullif(role.description, ''), role.code)]
  FROM collaboration_involvementevent event {BY}
  LEFT JOIN contacts_contact contact ON contact.id = event.contact_id
  LEFT JOIN collaboration_contactrole role ON role.id = event.role_id
 WHERE event.opportunity_id = %(key)s"""
CO_OWNERS = """
SELECT 'co_owner', own.id, NULL, NULL, NULL, '', salesperson.name, salesperson.id, NULL, NULL
  FROM salespeople_grant own JOIN salespeople_salesperson salesperson ON salesperson.id = own.salesperson_id
 WHERE own.opportunity_id = %(key)s AND own.is_co_owner"""
# a grant to see becomes one to own, and the other way round
OWNED = """
SELECT 'owned', event.pgh_id, event.pgh_created_at, who.id, {WHO}, CASE WHEN event.owns THEN 'insert' ELSE 'delete' END,
       salesperson.name, salesperson.id, NULL, NULL
  FROM (SELECT past.*, owns, lag(owns, 1, false) OVER (PARTITION BY past.pgh_obj_id ORDER BY past.pgh_id) AS owned
          FROM salespeople_grantevent past
         CROSS JOIN LATERAL (SELECT past.is_co_owner AND past.pgh_label <> 'delete') AS now (owns)
         WHERE past.opportunity_id = %(key)s) AS event {BY}
  LEFT JOIN salespeople_salesperson salesperson ON salesperson.id = event.salesperson_id
 WHERE event.owns <> event.owned"""
TALKS = """
SELECT 'talk', talk.id, talk.logged_at, who.id, {WHO}, talk.kind, talk.description, talk.contact_id, NULL,
       ARRAY[talk.happened_on::text, contact.name, talk.direction, talk.evaluation, salesperson.name, talk.text,
             talk.duration::text, talk.cost::text, CASE WHEN talk.failed THEN 'failed' END,
             CASE WHEN talk.cancelled THEN 'cancelled' END]
  FROM interactions_interaction talk
  JOIN contacts_contact contact ON contact.id = talk.contact_id
  LEFT JOIN salespeople_salesperson salesperson ON salesperson.id = talk.salesperson_id
  LEFT JOIN salespeople_user who ON who.id = talk.logged_by_id
 WHERE talk.opportunity_id = %(key)s"""
# each time that a task was closed, or opened again; `about` leads to it
TASKS = """
SELECT 'task', event.pgh_id, event.pgh_created_at, who.id, {WHO},
       CASE WHEN event.closed_on IS NULL THEN 'reopened' WHEN event.cancelled THEN 'cancelled' ELSE 'completed' END,
       event.description, event.pgh_obj_id, NULL, ARRAY[event.outcome]
  FROM (SELECT past.*, lag(past.closed_on) OVER (PARTITION BY past.pgh_obj_id ORDER BY past.pgh_id) AS closed_before
          FROM tasks_taskevent past WHERE past.opportunity_id = %(key)s) AS event {BY}
 WHERE (event.closed_on IS NULL) <> (event.closed_before IS NULL)"""
OF_OPPORTUNITY = statement("opportunity", PEOPLE, INVOLVED, CO_OWNERS, OWNED, TALKS, TASKS)


@dataclass(frozen=True)
class Person:
    """A contact in a role, with what it is reached by."""

    key: int
    contact_id: int
    name: str
    role: str
    phone: str
    mobile: str
    email: str
    job_title: str
    company: str
    is_blocked: bool


class Talk(NamedTuple):
    """An interaction, as the timeline tells it."""

    happened_on: datetime.date
    contact: str
    direction: str
    evaluation: str
    salesperson: str
    text: str
    duration: int
    cost: Decimal
    failed: bool
    cancelled: bool

    @classmethod
    def of(cls, line: Line) -> "Talk":
        day, contact, direction, evaluation, salesperson, text, duration, cost, failed, cancelled = (
            word or "" for word in line.more or ()
        )
        said = (contact, direction, evaluation, salesperson, text)
        happened_on = datetime.date.fromisoformat(day)
        return cls(happened_on, *said, int(duration), Decimal(cost), bool(failed), bool(cancelled))


@dataclass(frozen=True)
class Beside:
    events: list[Event]
    tags: list[Tag]
    people: list[Person]
    co_owners: list[Line]
    talks: list[Talk]  # that are not cancelled


def beside(opportunity: Opportunity, user: User) -> Beside:
    """What the person may see of it: a contact that is not to be seen takes no part."""
    lines = _seen(read(OF_OPPORTUNITY, opportunity.pk), user)
    people = [_person(line, opportunity) for line in lines if line.kind == "person"]
    co_owners = [line for line in lines if line.kind == "co_owner" and line.about != opportunity.salesperson_id]
    return Beside(
        events(lines, user),
        tags(lines),
        sorted(people, key=lambda person: (person.role, person.name, person.key)),
        sorted(co_owners, key=lambda line: line.name),
        [talk for talk in map(Talk.of, (line for line in lines if line.kind == "talk")) if not talk.cancelled],
    )


def _seen(lines: list[Line], user: User) -> list[Line]:
    if user.has_perm("contacts.view_every_contact") and user.has_perm("contacts.view_contact"):
        return lines
    named = {line.about for line in lines if line.kind in ("person", "involved", "talk") and line.about}
    if not named:
        return lines
    seen = set(Contact.objects.visible_to(user).filter(pk__in=named).values_list("pk", flat=True))
    shown = [line for line in lines if line.kind not in ("person", "involved") or line.about in seen]
    return [_without_contact(line) if line.kind == "talk" and line.about not in seen else line for line in shown]


def _without_contact(line: Line) -> Line:
    day, _contact, *others = line.more or []
    return line._replace(about=None, more=[day, "", *others])


def _person(line: Line, opportunity: Opportunity) -> Person:
    role, phone, mobile, email, job_title, company, blocked = (word or "" for word in line.more or ())
    assert line.about is not None
    shown: Any = "" if company == opportunity.company.name else company
    return Person(line.key, line.about, line.name, role, phone, mobile, email, job_title, shown, bool(blocked))
