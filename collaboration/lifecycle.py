"""The verbs of comments and tags. Whether somebody may see, or change, the record is asked before. A refusal is a
`ValidationError` keyed by field. `field` is what a record is called in the keys: opportunity or contact."""

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple
from uuid import UUID

import pghistory
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from collaboration.mentions import called, who_sees
from collaboration.models import Comment, Kind, Preferences, Tag, Tagging
from collaboration.notify import tell
from salespeople.models import User


class Written(NamedTuple):
    """What became of a comment: `unseeing` are called but may not see the record, `several` names of more than one."""

    comment: Comment
    unseeing: list[User]
    several: list[str]
    is_repeated: bool = False


def history(by: User | None) -> AbstractContextManager[Any]:
    """What is written within it is kept under this name."""
    return nullcontext() if by is None else pghistory.context(user=by.pk)


def write(field: str, key: int, *, text: str, by: User, token: UUID | None = None, **values: Any) -> Written:
    """A new comment, and who is called by it. The same text out of the same form is the same comment."""
    said = {f"{field}_id": key, "author": by, "text": text}
    try:
        with history(by), transaction.atomic():
            comment = Comment.objects.create(**said, token=token, **values)
            return Written(comment, *_call(comment, field, key, by))
    except IntegrityError:
        known = Comment.objects.filter(token=token).first() if token else None
        if known is None:
            raise
    if (known.author_id, known.text, getattr(known, f"{field}_id")) == (by.pk, text, key):
        return Written(known, [], [], is_repeated=True)
    return write(field, key, text=text, by=by, **values)


def edit(comment: Comment, *, text: str, by: User) -> Written:
    """Another text. Who is called newly is told, who is no longer called is not."""
    field = "opportunity" if comment.opportunity_id else "contact"
    key: int = getattr(comment, f"{field}_id")
    with history(by), transaction.atomic():
        comment.text, comment.edited_at = text, timezone.now()
        comment.save(update_fields=["text", "edited_at"])
        return Written(comment, *_call(comment, field, key, by))


def delete(comment: Comment, *, by: User) -> None:
    with history(by):
        comment.delete()


def _call(comment: Comment, field: str, key: int, by: User) -> tuple[list[User], list[str]]:
    people, several = called(comment.text)
    seeing = who_sees(people, field, key)
    known = set(comment.notifications.values_list("user", flat=True)) if comment.edited_at else set()
    if known - seeing:
        comment.notifications.exclude(user__in=seeing).delete()
    if seeing - known:
        tell(Kind.MENTIONED, "comment", comment.pk, by=by, users=sorted(seeing - known))
    return [person for person in people if person.pk not in seeing], several


def tag(field: str, key: int, tag: Tag, *, by: User | None) -> None:
    """Give it; nothing happens where the record has it already. The record is locked before. Raises ValidationError."""
    with history(by), transaction.atomic():
        locked = Tag.objects.select_for_update(no_key=True).filter(pk=tag.pk).first()
        if locked is None or locked.archived or not getattr(locked, f"for_{field}"):
            text = _("The tag “%(tag)s” cannot be given here.")
            raise ValidationError({"tag": ValidationError(text, code="blocked", params={"tag": tag})})
        what: dict[str, Any] = {f"{field}_id": key, "tag": tag}
        Tagging.objects.get_or_create(**what)


def untag(field: str, key: int, tag: Tag, *, by: User | None) -> None:
    with history(by):
        for tagging in Tagging.objects.filter(**{f"{field}_id": key, "tag": tag}):
            tagging.delete()


def merge(tag: Tag, into: Tag, *, by: User | None) -> int:
    """Everything that has the one has the other instead, and the one is gone. Says how many records got the other."""
    with history(by), transaction.atomic():
        list(Tag.objects.select_for_update().filter(pk__in=[tag.pk, into.pk]).order_by("pk"))
        have = {(one.opportunity_id, one.contact_id) for one in Tagging.objects.filter(tag=into)}
        moved = 0
        for tagging in Tagging.objects.filter(tag=tag):
            if (tagging.opportunity_id, tagging.contact_id) in have:
                tagging.delete()
                continue
            tagging.tag = into
            tagging.save(update_fields=["tag"])
            moved += 1
        kinds = {
            "for_opportunity": tag.for_opportunity or into.for_opportunity,
            "for_contact": tag.for_contact or into.for_contact,
        }
        Tag.objects.filter(pk=into.pk).update(**kinds)
        tag.delete()
    return moved


followers: list[Callable[[User], None]] = []  # apps above say here what follows a person's clock


def prefer(user: User, chosen: dict[str, Any], own: dict[str, str]) -> Preferences:
    """What a person is told and how; `own` are fields of the user. What waits for an hour of the person follows the clock."""
    changed = [name for name, value in own.items() if getattr(user, name) != value]
    with transaction.atomic():
        for name in changed:
            setattr(user, name, own[name])
        if changed:
            user.save(update_fields=changed)
        preferences, _is_new = Preferences.objects.update_or_create(chosen, user=user)
        for follow in followers:
            follow(user)
    return preferences


def renew_calendar(user: User) -> str:
    """A new secret for the address of the person's calendar."""
    key = secrets.token_urlsafe(32)
    Preferences.objects.update_or_create({"calendar_key": key}, user=user)
    return key


def revoke_calendar(user: User) -> None:
    Preferences.objects.filter(user=user).update(calendar_key=None)
