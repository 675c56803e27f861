"""What contacts are sorted by: short tables that managers keep (domain A.10.2), and the one row of rules (A.14)."""

from operator import itemgetter
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from salespeople.models import CodeField, Salesperson


class ContactCode(models.Model):
    """A short code and what it means. What contacts use is not deleted."""

    code = CodeField(_("code"), max_length=10, unique=True)
    description = models.CharField(_("description"), max_length=100, blank=True)

    class Meta:
        abstract = True
        ordering: ClassVar = ["code"]
        constraints: ClassVar = [
            models.CheckConstraint(name="%(class)s_code_is_upper_case", condition=Q(code=Upper("code")) & ~Q(code=""))
        ]

    def __str__(self) -> str:
        return self.description or self.code


class Territory(ContactCode):
    """A part of the world that salespeople cover: several may share one, and one may cover several."""

    salespeople = models.ManyToManyField(
        Salesperson, blank=True, related_name="territories", verbose_name=_("salespeople who cover it")
    )

    class Meta(ContactCode.Meta):
        verbose_name = _("territory")
        verbose_name_plural = _("territories")

    def usual_salesperson(self) -> Salesperson | None:
        """Whose its new contacts are: the one who covers it, where it is one alone who may be picked."""
        found = list(self.salespeople.usable()[:2])
        return found[0] if len(found) == 1 else None


class Salutation(ContactCode):
    """How somebody is addressed in letters."""

    class Meta(ContactCode.Meta):
        verbose_name = _("salutation")
        verbose_name_plural = _("salutations")


class OrganizationalLevel(ContactCode):
    """Where in its company a person stands."""

    class Meta(ContactCode.Meta):
        verbose_name = _("organizational level")
        verbose_name_plural = _("organizational levels")


class JobResponsibility(ContactCode):
    """What a person decides about."""

    class Meta(ContactCode.Meta):
        verbose_name = _("job responsibility")
        verbose_name_plural = _("job responsibilities")


class IndustryGroup(ContactCode):
    """What a company lives from."""

    class Meta(ContactCode.Meta):
        verbose_name = _("industry group")
        verbose_name_plural = _("industry groups")


class MailingGroup(ContactCode):
    """Who gets the same letters."""

    class Meta(ContactCode.Meta):
        verbose_name = _("mailing group")
        verbose_name_plural = _("mailing groups")


class BusinessRelation(ContactCode):
    """What a contact is to us elsewhere: a customer in accounting, a vendor, the press. One code at most stands for each kind
    of account; every other one says *other* of a contact."""

    class Account(models.TextChoices):
        CUSTOMER = "customer", _("Customer")
        VENDOR = "vendor", _("Vendor")
        BANK_ACCOUNT = "bank_account", _("Bank account")
        EMPLOYEE = "employee", _("Employee")

    account = models.CharField(
        _("linked with"),
        max_length=12,
        choices=Account,
        blank=True,
        default="",
        help_text=_("What its number is the number of, in the accounting system. Blank: nothing of these."),
    )

    class Meta(ContactCode.Meta):
        verbose_name = _("business relation")
        verbose_name_plural = _("business relations")
        constraints: ClassVar = [
            *ContactCode.Meta.constraints,
            models.CheckConstraint(
                name="account_of_a_relation_is_known",
                condition=Q(account__in=["", "customer", "vendor", "bank_account", "employee"]),
            ),
            models.UniqueConstraint(
                fields=["account"],
                condition=~Q(account=""),
                name="one_relation_for_each_account",
                violation_error_message=_("Another business relation is linked with this already."),
            ),
        ]


class Relation(models.TextChoices):
    """The business relations of a contact in one word: none, what the only one is linked with, else other; or several."""

    NONE = "none", _("None")
    CUSTOMER = "customer", _("Customer")
    VENDOR = "vendor", _("Vendor")
    BANK_ACCOUNT = "bank_account", _("Bank account")
    EMPLOYEE = "employee", _("Employee")
    OTHER = "other", _("Other")
    MULTIPLE = "multiple", _("Multiple")


TABLES: tuple[type[ContactCode], ...] = (
    *(Territory, Salutation, OrganizationalLevel),
    *(JobResponsibility, IndustryGroup, MailingGroup, BusinessRelation),
)


def every_code() -> dict[type[ContactCode], list[ContactCode]]:
    """The rows of every table by their codes: one query, since a form offers all of them."""
    tables: dict[str | None, Any] = {model._meta.model_name: model for model in TABLES}
    parts = [
        model._default_manager.order_by().values_list(Value(name, models.CharField()), "id", "code", "description")
        for name, model in tables.items()
    ]
    found: dict[type[ContactCode], list[ContactCode]] = {model: [] for model in TABLES}
    for name, pk, code, description in sorted(parts[0].union(*parts[1:], all=True), key=itemgetter(2)):
        found[tables[name]].append(tables[name](id=pk, code=code, description=description))
    return found


class Correspondence(models.TextChoices):
    HARD_COPY = "hard_copy", _("Hard copy")
    EMAIL = "email", _("E-mail")


class ContactSetup(models.Model):
    """One row: what a new contact begins with, and what people share with their company (R-CON-DEF, -INH, -PROP)."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    salesperson = models.ForeignKey(
        Salesperson, models.PROTECT, null=True, blank=True, verbose_name=_("salesperson"), related_name="+"
    )
    territory = models.ForeignKey(
        Territory, models.PROTECT, null=True, blank=True, verbose_name=_("territory"), related_name="+"
    )
    country = models.CharField(_("country"), max_length=2, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    correspondence = models.CharField(_("correspondence"), max_length=9, choices=Correspondence, blank=True, default="")
    company_salutation = models.ForeignKey(
        Salutation, models.PROTECT, null=True, blank=True, verbose_name=_("salutation of companies"), related_name="+"
    )
    person_salutation = models.ForeignKey(
        Salutation, models.PROTECT, null=True, blank=True, verbose_name=_("salutation of people"), related_name="+"
    )
    shares_salesperson = models.BooleanField(_("salesperson"), default=True)
    shares_territory = models.BooleanField(_("territory"), default=True)
    shares_country = models.BooleanField(_("country"), default=True)
    shares_language = models.BooleanField(_("language"), default=True)
    shares_address = models.BooleanField(_("address"), default=True)
    shares_communication = models.BooleanField(
        _("communication"),
        default=True,
        help_text=_("Phone, mobile phone, extension, e-mail, home page and correspondence."),
    )

    class Meta:
        verbose_name = _("rules of contacts")
        verbose_name_plural = _("rules of contacts")
        constraints: ClassVar = [models.CheckConstraint(name="contact_setup_is_one_row", condition=Q(id=1))]

    def __str__(self) -> str:
        return str(_("Rules of contacts"))

    @classmethod
    def current(cls) -> "ContactSetup":
        """The one row, or its defaults before set-up."""
        return cls.objects.select_related("salesperson").first() or cls(id=1)

    def shares(self, switch: str) -> bool:
        """Whether people share `switch` (salesperson, territory, … communication) with their company."""
        shared: Any = getattr(self, f"shares_{switch}")
        return bool(shared)
