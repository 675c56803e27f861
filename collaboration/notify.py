"""Telling people: a row for each, in the transaction of what they are told of, in one statement. What each one wants to be told,
and how, the statement asks itself."""

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from collaboration.models import ABOUT, Kind, Notification, every_kind, kinds_by_mail
from salespeople.models import User

TELL = """
INSERT INTO collaboration_notification
       (user_id, kind, by_id, count, comment_id, opportunity_id, contact_id, task_id, in_inbox, by_mail)
SELECT told.* FROM (
    SELECT person.id, %(kind)s, %(by)s::bigint, %(count)s::integer,
           %(comment)s::bigint, %(opportunity)s::bigint, %(contact)s::bigint, %(task)s::bigint,
           COALESCE(%(kind)s = ANY(wants.inbox), %(inbox)s) AS in_inbox, COALESCE(%(kind)s = ANY(wants.mail), %(mail)s) AS by_mail
      FROM salespeople_user person LEFT JOIN collaboration_preferences wants ON wants.user_id = person.id
     WHERE person.is_active AND person.id IS DISTINCT FROM %(not_told)s::bigint
       AND (person.id = ANY(%(users)s::bigint[]) OR person.salesperson_id = ANY(%(salespeople)s::bigint[])
            OR person.salesperson_id IN (SELECT member.salesperson_id FROM salespeople_membership member
                                          WHERE member.team_id = %(team)s::bigint)
            OR %(leads)s AND person.salesperson_id = (SELECT manager_id FROM salespeople_team WHERE id = %(team)s::bigint))
) told WHERE told.in_inbox OR told.by_mail
ON CONFLICT DO NOTHING"""


def tell(
    kind: Kind,
    field: str,
    key: int,
    *,
    by: User | None,
    users: Sequence[int] = (),
    salespeople: Sequence[int] = (),
    team: int | None = None,
    leads: bool = False,
    count: int = 1,
) -> None:
    """Tell these users, salespeople and members of a team (and with `leads` its manager) of the record of that key. Who did it is
    not told of it, but by being called in a comment of one's own. One statement."""
    values: dict[str, Any] = dict.fromkeys(ABOUT) | {
        field: key,
        "kind": kind.value,
        "by": by and by.pk,
        "not_told": by.pk if by and kind != Kind.MENTIONED else None,
        "count": count,
        "users": list(users),
        "salespeople": list(salespeople),
        "team": team,
        "leads": leads,
        "inbox": kind.value in every_kind(),
        "mail": kind.value in kinds_by_mail(),
    }
    with connection.cursor() as cursor:
        cursor.execute(TELL, values)


def assigned(
    field: str, key: int, *, by: User | None, salesperson: int | None = None, team: int | None = None, count: int = 1
) -> None:
    """It is theirs now. What nobody did by hand, such as an import, tells nobody; what one gives oneself costs no statement."""
    if by is None or (team is None and salesperson in (None, by.salesperson_id)):
        return
    tell(Kind.ASSIGNED, field, key, by=by, salespeople=[salesperson] if salesperson else [], team=team, count=count)


def shared(field: str, key: int, *, by: User | None, salesperson: int | None, team: int | None) -> None:
    """It was shared with them: a team is its members and its manager."""
    if by is not None and (team is not None or salesperson != by.salesperson_id):
        tell(
            Kind.SHARED,
            field,
            key,
            by=by,
            salespeople=[salesperson] if salesperson else [],
            team=team,
            leads=True,
        )


def reason(told: Notification) -> str:
    """Why somebody is told, in a sentence: who did what."""
    said = {
        Kind.MENTIONED: _("%(who)s mentioned you"),
        Kind.ASSIGNED: _("%(who)s assigned this to you"),
        Kind.SHARED: _("%(who)s shared this with you"),
        Kind.REMINDER: _("A reminder"),
    }
    return said[Kind(told.kind)] % {"who": told.by or _("the system")}
