"""What people say about a record, whom they call to it, and how they mark it. A record is an opportunity or a contact, which
the keys name by string: the apps of both stand above this one. Who sees the record sees what hangs on it."""

import datetime
from typing import TYPE_CHECKING, Any, ClassVar

import pghistory
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce, Length, Lower, Now
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from crm.lib.reminder import BY_DAYS
from salespeople.models import CodeField

if TYPE_CHECKING:
    from salespeople.models import User

models.CharField.register_lookup(Length)  # for constraints
LONGEST = 10_000  # characters of a comment
LONGEST_NAME = 200  # characters of a file's name


class OfRecordQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: "User") -> "OfRecordQuerySet":
        """What hangs on records that the person sees."""
        seen = Q(pk__in=[])
        for field in self.model.records():
            seen |= Q(**{f"{field}__in": records(field).visible_to(user).order_by().values("pk")})
        return self.filter(seen)


def records(field: str) -> Any:
    """All opportunities, or all contacts."""
    model: Any = Comment._meta.get_field(field).related_model
    return model.objects


class OfRecord(models.Model):
    """Hangs on one opportunity or one contact."""

    opportunity = models.ForeignKey(
        "opportunities.Opportunity",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="%(class)ss",
        verbose_name=_("opportunity"),
    )
    contact = models.ForeignKey(
        "contacts.Contact",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="%(class)ss",
        verbose_name=_("contact"),
    )

    objects = OfRecordQuerySet.as_manager()

    class Meta:
        abstract = True
        constraints: ClassVar = [
            models.CheckConstraint(
                name="%(class)s_is_of_one_record", condition=Q(opportunity__isnull=True) ^ Q(contact__isnull=True)
            )
        ]

    @staticmethod
    def records() -> tuple[str, ...]:
        return ("opportunity", "contact")

    @property
    def record(self) -> Any:
        return self.opportunity if self.opportunity_id else self.contact


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent(), exclude=["token"])
class Comment(OfRecord):
    """What somebody says about a record: plain text. `token` is that of the form it was typed into."""

    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="comments", verbose_name=_("author")
    )
    text = models.CharField(_("comment"), max_length=LONGEST)
    written_at = models.DateTimeField(_("written at"), db_default=Now())
    edited_at = models.DateTimeField(_("edited at"), null=True, blank=True)
    token = models.UUIDField(null=True, blank=True, unique=True, editable=False)

    class Meta(OfRecord.Meta):
        verbose_name = _("comment")
        verbose_name_plural = _("comments")
        default_permissions = ("add", "change", "delete")
        ordering: ClassVar = ["-written_at", "-id"]
        constraints: ClassVar = [
            *OfRecord.Meta.constraints,
            models.CheckConstraint(name="comment_says_something", condition=~Q(text__regex=r"^\s*$")),
        ]

    def __str__(self) -> str:
        return self.text[:50]

    def get_absolute_url(self) -> str:
        """Where it stands on the page of its record."""
        return f"{self.record.get_absolute_url()}#comment-{self.pk}"

    def may_be_edited_by(self, user: "User") -> bool:
        """Of one that is seen: by its author, and by who may edit everybody's."""
        own = self.author_id == user.pk and user.has_perm("collaboration.add_comment")
        return own or user.has_perm("collaboration.change_comment")

    def may_be_deleted_by(self, user: "User") -> bool:
        own = self.author_id == user.pk and user.has_perm("collaboration.add_comment")
        return own or user.has_perm("collaboration.delete_comment")


class AttachmentQuerySet(OfRecordQuerySet):
    def standing(self) -> "AttachmentQuerySet":
        """Those that were not removed."""
        return self.filter(removed_at__isnull=True)


class Attachment(OfRecord):
    """A file of a record. It is kept under a random name; `name` is what people call it. Once it is removed the row stays."""

    # deleted with its contact, the row would leave the file behind
    contact = models.ForeignKey(
        "contacts.Contact",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="attachments",
        verbose_name=_("contact"),
    )
    file = models.FileField(_("file"), max_length=100)
    name = models.CharField(_("name"), max_length=LONGEST_NAME)
    size = models.PositiveBigIntegerField(_("size"))
    content_type = models.CharField(_("kind"), max_length=100)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("attached by")
    )
    uploaded_at = models.DateTimeField(_("attached at"), db_default=Now())
    removed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("removed by")
    )
    removed_at = models.DateTimeField(_("removed at"), null=True, blank=True)

    objects = AttachmentQuerySet.as_manager()  # type: ignore[misc]

    class Meta(OfRecord.Meta):
        verbose_name = _("file")
        verbose_name_plural = _("files")
        default_permissions = ("add",)
        ordering: ClassVar = ["-uploaded_at", "-id"]
        constraints: ClassVar = [
            *OfRecord.Meta.constraints,
            models.UniqueConstraint(fields=["file"], name="attachment_has_a_file_of_its_own"),
            models.CheckConstraint(name="attachment_is_not_empty", condition=Q(size__gt=0)),
            models.CheckConstraint(name="attachment_is_not_nameless", condition=~Q(name__regex=r"^\s*$")),
            models.CheckConstraint(
                name="attachment_is_removed_by_somebody",
                condition=Q(removed_at__isnull=True, removed_by__isnull=True)
                | Q(removed_at__isnull=False, removed_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("collaboration:file", args=[self.pk])

    def may_be_removed_by(self, user: "User") -> bool:
        """Of one that is seen: by who attached it, and by who may change the record."""
        own = self.uploaded_by_id == user.pk and user.has_perm("collaboration.add_attachment")
        return own or bool(self.record.may_be_changed_by(user))


class Kind(models.TextChoices):
    """Why somebody is told."""

    MENTIONED = "mentioned", _("Mentions")
    ASSIGNED = "assigned", _("Assigned to me")
    SHARED = "shared", _("Shared with me")
    REMINDER = "reminder", _("Reminders")


ABOUT = ("comment", "opportunity", "contact", "task")


def about_one() -> Q:
    """Exactly one of the keys is filled in."""
    one = Q(pk__in=[])
    for name in ABOUT:
        one |= Q(**{f"{other}__isnull": other != name for other in ABOUT})
    return one


class NotificationQuerySet(models.QuerySet["Notification"]):
    def to(self, user: "User") -> "NotificationQuerySet":
        """What stands in the person's inbox."""
        return self.seen_by(user).filter(in_inbox=True)

    def seen_by(self, user: "User") -> "NotificationQuerySet":
        """What the person is told, of records that the person still sees."""
        seen = Q(pk__in=[])
        for name in ABOUT[1:]:  # asked of each row: it is few of what is visible
            model: Any = self.model._meta.get_field(name).related_model
            key: Any = OuterRef(name) if name == "task" else Coalesce(OuterRef(name), OuterRef(f"comment__{name}"))
            seen |= Q(Exists(model.objects.visible_to(user).order_by().filter(pk=key)))
        return self.filter(seen, user=user)

    def unread(self) -> "NotificationQuerySet":
        return self.filter(read_at__isnull=True, in_inbox=True)

    def with_records(self) -> "NotificationQuerySet":
        named = ("by", "comment__opportunity", "comment__contact", "comment__author", *ABOUT[1:])
        return self.select_related(*named)


class Notification(models.Model):
    """Somebody is told of something, once: by a comment, or of a record. `collaboration.notify` alone writes it, in the
    transaction of what it tells of. `count` is of how many records, where one run did the same to several."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="notifications", verbose_name=_("who is told")
    )
    kind = models.CharField(_("why"), max_length=9, choices=Kind)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("by whom")
    )
    made_at = models.DateTimeField(_("at"), db_default=Now())
    read_at = models.DateTimeField(_("read at"), null=True, blank=True)
    count = models.PositiveIntegerField(_("of how many"), default=1)
    comment = models.ForeignKey(
        Comment, models.CASCADE, null=True, related_name="notifications", verbose_name=_("comment")
    )
    opportunity = models.ForeignKey(
        "opportunities.Opportunity", models.CASCADE, null=True, related_name="+", verbose_name=_("opportunity")
    )
    contact = models.ForeignKey(
        "contacts.Contact", models.CASCADE, null=True, related_name="+", verbose_name=_("contact")
    )
    task = models.ForeignKey("tasks.Task", models.CASCADE, null=True, related_name="+", verbose_name=_("task"))
    in_inbox = models.BooleanField(_("in the inbox"), default=True)
    by_mail = models.BooleanField(_("by mail"), default=False)
    queued_at = models.DateTimeField(_("mail asked for at"), null=True, blank=True)
    mailed_at = models.DateTimeField(_("mailed at"), null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        default_permissions = ()
        constraints: ClassVar = [
            models.CheckConstraint(name="notification_is_about_one_thing", condition=about_one()),
            models.CheckConstraint(
                name="notification_for_a_known_reason",
                condition=Q(kind="mentioned", comment__isnull=False)
                | Q(kind__in=["assigned", "shared", "reminder"], comment__isnull=True),
            ),
            models.UniqueConstraint(fields=["comment", "user"], name="a_comment_mentions_somebody_once"),
        ]
        indexes: ClassVar = [
            # how many are unread, with every page
            models.Index(
                fields=["user"], condition=Q(read_at__isnull=True, in_inbox=True), name="unread_notifications"
            ),
            models.Index(fields=["user", "-id"], name="inbox_in_order"),
            # what waits to be mailed
            models.Index(
                fields=["id"], condition=Q(by_mail=True, queued_at__isnull=True), name="notifications_to_be_mailed"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.record}"

    def get_absolute_url(self) -> str:
        url: str = (self.comment or self.record).get_absolute_url()
        return url

    @property
    def record(self) -> Any:
        return self.comment.record if self.comment else self.opportunity or self.contact or self.task

    @property
    def others(self) -> int:
        return self.count - 1


def every_kind() -> list[str]:
    return [kind.value for kind in Kind]


def kinds_by_mail() -> list[str]:
    return [Kind.MENTIONED.value, Kind.REMINDER.value]


class Preferences(models.Model):
    """What a person is told, and how. Whoever has no row has what is usual."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="preferences", verbose_name=_("user")
    )
    inbox = ArrayField(models.CharField(max_length=9), default=every_kind, verbose_name=_("in the inbox"))
    mail = ArrayField(models.CharField(max_length=9), default=kinds_by_mail, verbose_name=_("by mail"))
    agenda = models.BooleanField(_("agenda of the day by mail"), default=True)
    weekdays_only = models.BooleanField(_("from Monday to Friday only"), default=True)
    morning = models.TimeField(
        _("time of day"),
        default=datetime.time(7),
        help_text=_("When the agenda and the reminders of a day come, in your time zone."),
    )
    reminder = models.CharField(
        _("reminder of new tasks"), max_length=4, blank=True, choices=BY_DAYS, help_text=_("What a new task proposes.")
    )
    calendar_key = models.CharField(max_length=43, null=True, unique=True, editable=False)

    class Meta:
        verbose_name = _("preferences")
        verbose_name_plural = _("preferences")
        default_permissions = ()
        constraints: ClassVar = [
            models.CheckConstraint(
                name="preferences_name_known_kinds",
                condition=Q(inbox__contained_by=[kind.value for kind in Kind])
                & Q(mail__contained_by=[kind.value for kind in Kind]),
            ),
            models.CheckConstraint(
                name="preferred_reminder_is_known", condition=Q(reminder__in=["", *(key for key, _label in BY_DAYS)])
            ),
            models.CheckConstraint(
                name="calendar_key_cannot_be_guessed",
                condition=Q(calendar_key__isnull=True) | Q(calendar_key__length=43),
            ),
        ]

    def __str__(self) -> str:
        return str(self.user)

    @classmethod
    def of(cls, user: "User") -> "Preferences":
        return cls.objects.filter(pk=user.pk).first() or cls(user=user)


validate_visible = RegexValidator(r"^\S+(?: \S+)*$", _("Use no blanks at the beginning or end, and one between words."))


class TagQuerySet(models.QuerySet["Tag"]):
    def visible_to(self, user: "User") -> "TagQuerySet":
        """Everybody who works here may know the tags."""
        return self if user.has_perm("collaboration.view_tag") else self.none()

    def usable(self, field: str) -> "TagQuerySet":
        """Those that an opportunity, or a contact, may get."""
        return self.filter(archived=False, **{f"for_{field}": True})


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
class Tag(models.Model):
    """A word by which records are marked."""

    class Colour(models.TextChoices):
        """Each is legible on light and on dark (static/crm/crm.css, `.mark`)."""

        GREY = "grey", _("Grey")
        BLUE = "blue", _("Blue")
        GREEN = "green", _("Green")
        AMBER = "amber", _("Amber")
        RED = "red", _("Red")

    name = models.CharField(_("name"), max_length=30, validators=[validate_visible])
    colour = models.CharField(_("colour"), max_length=5, choices=Colour, default=Colour.GREY)
    for_opportunity = models.BooleanField(_("for opportunities"), default=True)
    for_contact = models.BooleanField(_("for contacts"), default=True)
    archived = models.BooleanField(
        _("archived"), default=False, help_text=_("Cannot be given any more; it stays where it is.")
    )

    objects = TagQuerySet.as_manager()

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                Lower("name"),
                name="one_tag_for_each_name",
                violation_error_message=_("There is a tag of this name already."),
            ),
            models.CheckConstraint(
                name="tag_is_for_something",
                condition=Q(for_opportunity=True) | Q(for_contact=True),
                violation_error_message=_("A tag is for opportunities, for contacts or for both."),
            ),
            models.CheckConstraint(
                name="tag_has_a_known_colour", condition=Q(colour__in=["grey", "blue", "green", "amber", "red"])
            ),
            models.CheckConstraint(name="tag_is_not_nameless", condition=~Q(name__regex=r"^\s*$")),
        ]

    def __str__(self) -> str:
        return self.name


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
class Tagging(OfRecord):
    """A record has a tag."""

    tag = models.ForeignKey(Tag, models.PROTECT, related_name="taggings", verbose_name=_("tag"))

    class Meta(OfRecord.Meta):
        verbose_name = _("tagging")
        verbose_name_plural = _("taggings")
        default_permissions = ()
        constraints: ClassVar = [
            *OfRecord.Meta.constraints,
            models.UniqueConstraint(
                fields=["opportunity", "contact", "tag"], name="a_tag_once_for_a_record", nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return f"{self.record}"


class ContactRoleQuerySet(models.QuerySet["ContactRole"]):
    def usable(self) -> "ContactRoleQuerySet":
        return self.filter(blocked=False)


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
class ContactRole(models.Model):
    """What somebody is to an opportunity, such as who decides."""

    code = CodeField(_("code"), max_length=20, unique=True)
    description = models.CharField(_("description"), max_length=100, blank=True)
    blocked = models.BooleanField(_("blocked"), default=False, help_text=_("Cannot be chosen any more; history stays."))

    objects = ContactRoleQuerySet.as_manager()

    class Meta:
        verbose_name = _("role of a contact")
        verbose_name_plural = _("roles of contacts")
        ordering: ClassVar = ["code"]

    def __str__(self) -> str:
        return self.description or self.code


class InvolvementQuerySet(OfRecordQuerySet):
    def of_contact(self, contact: Any, user: "User") -> "InvolvementQuerySet":
        """Where the contact takes part, as far as the person sees the opportunities."""
        return self.filter(contact=contact).visible_to(user)  # type: ignore[return-value]


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
class Involvement(models.Model):
    """A contact takes part in an opportunity, beside its main contact."""

    opportunity = models.ForeignKey(
        "opportunities.Opportunity", models.CASCADE, related_name="involvements", verbose_name=_("opportunity")
    )
    contact = models.ForeignKey(
        "contacts.Contact", models.PROTECT, related_name="involvements", verbose_name=_("contact")
    )
    role = models.ForeignKey(ContactRole, models.PROTECT, related_name="involvements", verbose_name=_("role"))

    objects = InvolvementQuerySet.as_manager()

    class Meta:
        verbose_name = _("person of an opportunity")
        verbose_name_plural = _("people of opportunities")
        default_permissions = ()
        ordering: ClassVar = ["role__code", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["opportunity", "contact", "role"], name="a_role_once_for_a_contact")
        ]

    def __str__(self) -> str:
        return f"{self.contact}: {self.role}"

    @staticmethod
    def records() -> tuple[str, ...]:
        return ("opportunity",)
