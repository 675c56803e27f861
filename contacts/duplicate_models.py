"""By which rules contacts look alike (domain A.10.3), and what was found by them. Signs and pairs are written by PostgreSQL
alone, in the transaction of the change itself (migration 0012); see `contacts.duplicates`."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from salespeople.models import User

SEPARATOR = ", "


class DuplicateRule(models.Model):
    """Two contacts of one type look alike where at least `hit` percent of the parts are the same; blank parts are not."""

    class AppliesTo(models.TextChoices):
        BOTH = "both", _("companies and people")
        COMPANY = "company", _("companies")
        PERSON = "person", _("people")

    applies_to = models.CharField(_("for"), max_length=7, choices=AppliesTo, default=AppliesTo.BOTH)
    hit = models.PositiveSmallIntegerField(
        _("hit %"),
        default=100,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("So much of the parts must be the same; 100: all of them."),
    )
    active = models.BooleanField(_("active"), default=True)
    warns = models.BooleanField(
        _("warns"),
        default=True,
        help_text=_("Said while a contact is typed; otherwise only in the list of duplicates."),
    )

    class Meta:
        verbose_name = _("rule of duplicates")
        verbose_name_plural = _("rules of duplicates")
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.CheckConstraint(name="hit_is_a_percentage", condition=Q(hit__range=(1, 100))),
            models.CheckConstraint(
                name="rule_is_for_known_types", condition=Q(applies_to__in=["both", "company", "person"])
            ),
        ]

    def __str__(self) -> str:
        return (
            in_words(self.hit, [part.field for part in self.parts.all()]) if self.pk else str(_("rule of duplicates"))
        )


class RulePart(models.Model):
    """What is compared: a field, or its first or last letters without blanks and punctuation."""

    class Field(models.TextChoices):
        NAME = "name", _("name")
        COMPANY = "company", _("company")
        EMAIL = "email", _("e-mail")
        NUMBER = "number", _("phone or mobile phone")
        PHONE = "phone", _("phone")
        MOBILE = "mobile", _("mobile phone")
        VAT_NUMBER = "vat_number", _("VAT number")
        REGISTRATION_NUMBER = "registration_number", _("registration number")
        ADDRESS = "address", _("address")
        POST_CODE = "post_code", _("post code")
        CITY = "city", _("city")
        HOME_PAGE = "home_page", _("home page")

    class Piece(models.TextChoices):
        WHOLE = "whole", _("all of it")
        FIRST = "first", _("the first letters")
        LAST = "last", _("the last letters")

    rule = models.ForeignKey(DuplicateRule, models.CASCADE, related_name="parts", verbose_name=_("rule of duplicates"))
    field = models.CharField(_("field"), max_length=19, choices=Field)
    piece = models.CharField(_("part"), max_length=5, choices=Piece, default=Piece.WHOLE)
    letters = models.PositiveSmallIntegerField(
        _("letters"), default=5, validators=[MinValueValidator(2), MaxValueValidator(10)]
    )

    class Meta:
        verbose_name = _("part of a rule")
        verbose_name_plural = _("parts of a rule")
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["rule", "field", "piece"],
                name="a_part_once_in_a_rule",
                violation_error_message=_("This part is in the rule already."),
            ),
            models.CheckConstraint(name="part_piece_is_known", condition=Q(piece__in=["whole", "first", "last"])),
            models.CheckConstraint(name="part_has_two_to_ten_letters", condition=Q(letters__range=(2, 10))),
        ]

    def __str__(self) -> str:
        return f"{self.get_field_display()} ({self.get_piece_display()})"


def in_words(hit: int, fields: list[str]) -> str:
    """Name, Company; or: 60 % of Name, Address, City."""
    labels = dict(RulePart.Field.choices)
    names = SEPARATOR.join(dict.fromkeys(str(labels[field]) for field in fields))
    text = str(_("%(hit)s %% of %(fields)s")) % {"hit": hit, "fields": names} if hit < 100 else names
    return capfirst(text)


class ContactSign(models.Model):
    """What of a contact a rule compares, normalised. Who shares one looks alike, or is looked at more closely."""

    rule = models.ForeignKey(DuplicateRule, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    contact = models.ForeignKey(
        "contacts.Contact", models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    sign = models.TextField()

    class Meta:
        default_permissions = ()
        indexes: ClassVar = [
            models.Index(fields=["rule", "sign", "contact"], name="contacts_by_sign"),
            models.Index(fields=["contact", "rule", "sign"], name="signs_of_a_contact"),
        ]

    def __str__(self) -> str:
        return self.sign


class PairQuerySet(models.QuerySet["LikelyPair"]):
    def visible_to(self, user: "User") -> "PairQuerySet":
        """Where both contacts are seen; of one that is not there is no pair."""
        contacts: Any = self.model._meta.get_field("one").related_model
        seen = contacts.objects.order_by().visible_to(user)
        if user.has_perm("contacts.view_every_contact"):
            return self if user.has_perm("contacts.view_contact") else self.none()  # of merged ones there are no pairs
        return self.filter(one__in=seen.values("pk"), other__in=seen.values("pk"))

    def undecided(self) -> "PairQuerySet":
        """Nobody said that they are two, neither is archived, and the rule holds."""
        decided = SeparateContacts.objects.filter(one=OuterRef("one"), other=OuterRef("other"))
        return self.filter(~Exists(decided), one__archived=False, other__archived=False, rule__active=True)


class LikelyPair(models.Model):
    """Two contacts that look alike by a rule; the one of the smaller key comes first."""

    rule = models.ForeignKey(DuplicateRule, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    one = models.ForeignKey("contacts.Contact", models.DO_NOTHING, db_constraint=False, related_name="+")
    other = models.ForeignKey(
        "contacts.Contact", models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )

    objects = PairQuerySet.as_manager()

    class Meta:
        verbose_name = _("likely duplicate")
        verbose_name_plural = _("likely duplicates")
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["other", "one", "rule"], name="a_pair_once_by_a_rule"),
            models.CheckConstraint(name="a_pair_in_order", condition=Q(one__lt=F("other"))),
        ]

    def __str__(self) -> str:
        return f"{self.one_id} – {self.other_id}"


class SeparateContacts(models.Model):
    """Somebody said that these two are no duplicates."""

    one = models.ForeignKey("contacts.Contact", models.CASCADE, related_name="+")
    other = models.ForeignKey("contacts.Contact", models.CASCADE, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by"))
    made_at = models.DateTimeField(_("at"), db_default=Now())

    class Meta:
        verbose_name = _("no duplicate")
        verbose_name_plural = _("no duplicates")
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["one", "other"], name="separate_once"),
            models.CheckConstraint(name="separate_in_order", condition=Q(one__lt=F("other"))),
        ]

    def __str__(self) -> str:
        return f"{self.one_id} – {self.other_id}"

    @classmethod
    def between(cls, first: Any, second: Any) -> dict[str, int]:
        """The two keys as they are kept."""
        return {"one_id": min(first, second), "other_id": max(first, second)}
