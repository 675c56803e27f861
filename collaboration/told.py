"""What hangs on a record and what was said and done beside it, in one statement: its parts, which an app above may add to,
all have the columns of `Line`."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection
from django.utils.translation import gettext as _

from collaboration.models import Comment, Tag
from crm.lib.prepared import planned
from salespeople.models import User

WHO = "coalesce(nullif(who.name, ''), who.email)"
BY = """LEFT JOIN pghistory_context context ON context.id = event.pgh_context_id
        LEFT JOIN salespeople_user who ON who.id = (context.metadata ->> 'user')::bigint"""

COMMENTS = """
SELECT 'comment' AS kind, comment.id AS key, comment.written_at AS at, who.id AS by_id, {WHO} AS by, '' AS label,
       comment.text AS name, NULL::bigint AS about, comment.edited_at, NULL::text[] AS more
  FROM collaboration_comment comment JOIN salespeople_user who ON who.id = comment.author_id
 WHERE comment.{field}_id = %(key)s"""
TAGGED = """
SELECT 'tagged', event.pgh_id, event.pgh_created_at, who.id, {WHO},
       CASE WHEN event.pgh_label = 'update' AND event.tag_id = (
                SELECT past.tag_id FROM collaboration_taggingevent past
                 WHERE past.pgh_obj_id = event.pgh_obj_id AND past.pgh_id < event.pgh_id ORDER BY past.pgh_id DESC LIMIT 1)
            THEN 'moved' ELSE event.pgh_label END,
       coalesce(tag.name, (SELECT past.name FROM collaboration_tagevent past
                            WHERE past.pgh_obj_id = event.tag_id ORDER BY past.pgh_id DESC LIMIT 1)),
       event.tag_id, NULL, NULL
  FROM collaboration_taggingevent event {BY}
  LEFT JOIN collaboration_tag tag ON tag.id = event.tag_id
 WHERE event.{field}_id = %(key)s"""
TAGS = """
SELECT 'tag', tag.id, NULL, NULL, NULL, tag.colour, tag.name, tag.id, NULL, NULL
  FROM collaboration_tagging tagging JOIN collaboration_tag tag ON tag.id = tagging.tag_id
 WHERE tagging.{field}_id = %(key)s"""

FILES = """
SELECT 'file', file.id, told.at, who.id, {WHO}, told.label, file.name, NULL::bigint, NULL, NULL
  FROM collaboration_attachment file
 CROSS JOIN LATERAL (VALUES ('attached', file.uploaded_at, file.uploaded_by_id), ('removed', file.removed_at, file.removed_by_id))
       AS told (label, at, by_id)
  JOIN salespeople_user who ON who.id = told.by_id
 WHERE file.{field}_id = %(key)s"""


class Line(NamedTuple):
    kind: str
    key: int
    at: datetime.datetime
    by_id: int | None
    by: str | None
    label: str
    name: str
    about: int | None
    edited_at: datetime.datetime | None
    more: list[str | None] | None


def statement(field: str, *more: str) -> str:
    """Of a record that is called so in the keys."""
    parts = "\nUNION ALL".join(
        part.format(field=field, WHO=WHO, BY=BY) for part in (COMMENTS, TAGGED, TAGS, FILES, *more)
    )
    return parts.replace("%(key)s", "%(key)s::bigint").lstrip()


def read(sql: str, key: int) -> list[Line]:
    return [Line(*row) for row in planned(connection, sql, {"key": key})]


OF_CONTACT = statement("contact")


@dataclass(frozen=True, slots=True)
class Event:
    """What happened beside the ledger, or was said. `line.name` is the text of a comment, else what the event is about."""

    line: Line
    may_edit: bool = False
    may_delete: bool = False

    @property
    def is_talk(self) -> bool:
        return self.line.kind == "talk"

    @property
    def is_comment(self) -> bool:
        return self.line.kind == "comment"

    @property
    def kind(self) -> str:
        """What the timeline can be narrowed to."""
        return {"comment": "comments", "talk": "talks", "task": "tasks"}.get(self.line.kind, "facts")

    @property
    def at(self) -> datetime.datetime:
        return self.line.at

    @property
    def symbol(self) -> str:
        return {"comment": "comment", "tagged": "tag", "task": "check", "file": "clip"}.get(self.line.kind, "people")

    @property
    def is_task(self) -> bool:
        return self.line.kind == "task"

    @property
    def outcome(self) -> str:
        """What came of a task, where somebody said it."""
        return (self.line.more or [""])[0] or "" if self.is_task else ""

    @property
    def words(self) -> str:
        name = {"name": self.line.name or "–", "role": (self.line.more or [""])[0]}
        return SENTENCES[self.line.kind, self.line.label]() % name


SENTENCES: dict[tuple[str, str], Any] = {
    ("tagged", "insert"): lambda: _("Tag “%(name)s” added"),
    ("tagged", "update"): lambda: _("Tag “%(name)s” replaces another one"),
    ("tagged", "moved"): lambda: _("Tag “%(name)s” moved with a merge of contacts"),
    ("tagged", "delete"): lambda: _("Tag “%(name)s” taken away"),
    ("file", "attached"): lambda: _("File “%(name)s” attached"),
    ("file", "removed"): lambda: _("File “%(name)s” removed"),
    ("involved", "insert"): lambda: _("%(name)s takes part: %(role)s"),
    ("involved", "update"): lambda: _("%(name)s takes part: %(role)s"),
    ("involved", "delete"): lambda: _("%(name)s takes part no longer: %(role)s"),
    ("task", "completed"): lambda: _("Task “%(name)s” completed"),
    ("task", "cancelled"): lambda: _("Task “%(name)s” cancelled"),
    ("task", "reopened"): lambda: _("Task “%(name)s” opened again"),
    ("owned", "insert"): lambda: _("%(name)s is a co-owner"),
    ("owned", "delete"): lambda: _("%(name)s is a co-owner no longer"),
}
TOLD = {kind for kind, _label in SENTENCES} | {"comment", "talk"}


def events(lines: Iterable[Line], user: User) -> list[Event]:
    """What of it is told, the latest first."""
    found = [_event(line, user) for line in lines if line.kind in TOLD]
    return sorted(found, key=lambda event: (event.at, event.line.key), reverse=True)


def _event(line: Line, user: User) -> Event:
    if line.kind != "comment":
        return Event(line)
    comment = Comment(pk=line.key, author_id=line.by_id or 0)
    return Event(line, comment.may_be_edited_by(user), comment.may_be_deleted_by(user))


def tags(lines: Iterable[Line]) -> list[Tag]:
    found = (Tag(pk=line.key, name=line.name, colour=line.label) for line in lines if line.kind == "tag")
    return sorted(found, key=lambda tag: tag.name.lower())
