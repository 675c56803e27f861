"""The verbs of comments, files and tags. Whether somebody may see, or change, the record is asked before. A refusal is a
`ValidationError` keyed by field. `field` is what a record is called in the keys: opportunity or contact."""

import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple
from uuid import UUID

import pghistory
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from collaboration.files import cleaned, kind_of, stored_name
from collaboration.mentions import called, who_sees
from collaboration.models import Attachment, Comment, Kind, Preferences, Tag, Tagging, records
from collaboration.notify import tell
from crm.lib.uploads import AT_ONCE, most_bytes
from salespeople.models import User

MOST_FILES = 100  # of one record


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


def attach(field: str, key: int, *, files: Sequence[UploadedFile], by: User) -> list[Attachment]:
    """All of them, or none. Not within a transaction of somebody else, whose end this could not see: for that there is
    `stored`. Raises ValidationError."""
    with stored(field, key, files=files, by=by) as rows, transaction.atomic(durable=True):
        return hang(field, key, rows)


@contextmanager
def stored(field: str, key: int, *, files: Sequence[UploadedFile], by: User) -> Iterator[list[Attachment]]:
    """The files are written first, and taken away again if what is done within fails: so the transaction that hangs their rows
    on the record ends within. Raises ValidationError."""
    rows = _checked(field, key, files, by)
    try:
        for row, file in zip(rows, files, strict=True):
            default_storage.save(str(row.file), file)
        yield rows
    except BaseException:
        for row in rows:
            _drop(str(row.file))
        raise


def hang(field: str, key: int, rows: list[Attachment]) -> list[Attachment]:
    """Raises ValidationError."""
    _need_room(field, key, len(rows))
    return Attachment.objects.bulk_create(rows)


def _checked(field: str, key: int, files: Sequence[UploadedFile], by: User) -> list[Attachment]:
    """A refusal names every file that is not taken."""
    refused, rows = [], []
    if len(files) > AT_ONCE:
        refused.append(ValidationError(_("At most %(most)s files at once.") % {"most": AT_ONCE}, code="many"))
    for file in files if not refused else ():
        name, size = cleaned(file.name or ""), file.size or 0
        row = Attachment(name=name, size=size, content_type=kind_of(name), file=stored_name(), uploaded_by=by)
        setattr(row, f"{field}_id", key)
        rows.append(row)
        if text := _refusal(row):
            refused.append(ValidationError(text, code="file"))
    if refused:
        raise ValidationError({"file": refused})
    return rows


def _refusal(row: Attachment) -> str:
    said = {"name": row.name, "most": settings.ATTACHMENT_MOST_MB}
    if not row.content_type:
        return _("“%(name)s” is of a kind that is not taken.") % said
    if not row.size:
        return _("“%(name)s” is empty.") % said
    return _("“%(name)s” is larger than %(most)s MB.") % said if row.size > most_bytes() else ""


def _need_room(field: str, key: int, more: int) -> None:
    """The record is locked, so that two who attach at once do not both take the last place."""
    _lock(field, key)
    if Attachment.objects.standing().filter(**{field: key}).count() + more > MOST_FILES:
        text = _("At most %(most)s files hang on one record.") % {"most": MOST_FILES}
        raise ValidationError({"file": ValidationError(text, code="full")})


def _lock(field: str, key: int) -> None:
    records(field).select_for_update(of=("self",), no_key=True).filter(pk=key).values_list("pk").first()


def _drop(name: str) -> None:
    try:
        default_storage.delete(name)
    except OSError:
        logging.getLogger(__name__).exception("a file stays behind: %s", name)


def remove(attachment: Attachment, *, by: User) -> bool:
    """The file goes once it is committed, the row stays. Whether it was still there."""
    with transaction.atomic():
        if attachment.opportunity_id:  # a stage may require it: who moves at the same moment sees it, or waits
            _lock("opportunity", attachment.opportunity_id)
        standing = Attachment.objects.standing().filter(pk=attachment.pk)
        gone = standing.update(removed_by=by, removed_at=timezone.now())
        if gone:
            transaction.on_commit(lambda: _drop(str(attachment.file)))
    return bool(gone)


def tag(field: str, key: int, tag: Tag, *, by: User | None) -> bool:
    """Give it; whether it is new there. The record is locked before. Raises ValidationError."""
    with history(by), transaction.atomic():
        locked = Tag.objects.select_for_update(no_key=True).filter(pk=tag.pk).first()
        if locked is None or locked.archived or not getattr(locked, f"for_{field}"):
            text = _("The tag “%(tag)s” cannot be given here.")
            raise ValidationError({"tag": ValidationError(text, code="blocked", params={"tag": tag})})
        what: dict[str, Any] = {f"{field}_id": key, "tag": tag}
        return Tagging.objects.get_or_create(**what)[1]


def tag_all(field: str, given: dict[int, list[Tag]], *, by: User | None) -> dict[int, list[int]]:
    """What a file says of many records, of which each was made or locked in this transaction; archived tags too, since that was so.
    Returns for each the keys of the tags that are new to it."""
    named = {tag.pk for tags in given.values() for tag in tags}
    locked = Tag.objects.select_for_update(no_key=True).filter(pk__in=named).order_by("pk").values_list("pk", flat=True)
    there = set(locked)
    known = set(Tagging.objects.filter(**{f"{field}__in": given}).values_list(field, "tag"))
    new = {
        key: [tag.pk for tag in dict.fromkeys(tags) if tag.pk in there and (key, tag.pk) not in known]
        for key, tags in given.items()
    }
    with history(by):
        Tagging.objects.bulk_create(
            (Tagging(**{f"{field}_id": key, "tag_id": tag}) for key, tags in new.items() for tag in tags),
            ignore_conflicts=True,
        )
    return new


def untag(field: str, key: int, tag: Tag, *, by: User | None) -> bool:
    """Whether it was there."""
    with history(by):
        given = list(Tagging.objects.filter(**{f"{field}_id": key, "tag": tag}))
        for tagging in given:
            tagging.delete()
    return bool(given)


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
