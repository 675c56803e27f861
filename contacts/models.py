import datetime
from typing import TYPE_CHECKING, Any, ClassVar

import pghistory
from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Case, F, Func, OuterRef, Q, Value, When
from django.db.models.functions import Coalesce, NullIf, Upper
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from contacts.addresses import Addressed
from contacts.codes import (
    BusinessRelation,
    Correspondence,
    IndustryGroup,
    JobResponsibility,
    MailingGroup,
    OrganizationalLevel,
    Relation,
    Salutation,
    Territory,
)
from contacts.duplicate_models import (  # noqa: F401 - Django finds models here
    ContactSign,
    DuplicateRule,
    LikelyPair,
    RulePart,
    SeparateContacts,
)
from contacts.names import Parts, validate_visible
from crm.lib.listing.keyset import OneOf
from crm.lib.search import beginning, beginning_with, search_column, searched
from salespeople.models import CodeField, Salesperson
from salespeople.reach import whose

MANY = ("job_responsibilities", "industry_groups", "mailing_groups", "business_relations")
RELATIONS = "business_relations"  # of which each has a number

if TYPE_CHECKING:
    from salespeople.models import User


def contacts_of(user: "User") -> tuple[int, ...]:
    """The salespeople whose contacts the person sees by own right, team or subtree."""
    return whose(user, "contacts", "contact")


# the one that stands for a contact: the survivor, where it was merged
STANDS = Coalesce("merged_into", "pk", output_field=models.BigIntegerField())


def _filled(words: Any, **paths: str) -> Any:
    """A sentence with the values that the paths lead to."""
    said: Any = Value(words, models.TextField())
    for name, path in paths.items():
        said = Func(said, Value(f"%({name})s"), F(path), function="replace", output_field=models.TextField())
    return said


LABEL = Case(
    When(merged_into__isnull=True, then=F("name")),
    default=_filled(_("%(contact)s, merged into %(survivor)s"), contact="name", survivor="merged_into__name"),
    output_field=models.TextField(),
)


class ContactQuerySet(models.QuerySet["Contact"]):
    def visible_to(self, user: "User") -> "ContactQuerySet":
        """The one door: every contact by that right, else own ones, those of team and subtree by rights, what was shared,
        the companies of all these, and contacts and companies of the opportunities that the person sees. Merged ones are
        seen by nobody: so lists, pickers, search and pages lack them, and whoever saw one by an opportunity sees the one
        that it was merged into. What names a merged contact (a ledger, a closed opportunity) goes on naming it."""
        if not user.has_perm("contacts.view_contact"):
            return self.none()
        unmerged = self.filter(merged_into__isnull=True)
        if user.has_perm("contacts.view_every_contact"):
            return unmerged
        every, opportunities = Contact.objects.order_by(), Contact._meta.get_field("opportunity")
        own = every.filter(Q(salesperson__in=contacts_of(user)) | Q(pk__in=sorted(user.reach.contacts)))
        deals: Any = opportunities.related_model
        seen = deals._default_manager.order_by().visible_to(user)
        companies = own.filter(company__isnull=False).values("company")
        named = [seen.values(who) for who in ("contact", "company")]
        merged = every.filter(
            merged_into__isnull=False
        )  # few; for every one that is named to be asked would cost a join with all
        stand = [merged.filter(pk__in=keys).values("merged_into") for keys in named]
        return unmerged.filter(pk__in=own.values("pk").union(companies, *named, *stand))

    def standing_for(self, keys: Any) -> "ContactQuerySet":
        """Those of that key, or of one of these keys, and what was merged into them: whom opportunities name that are theirs. A
        key of one that was merged means the one that it was merged into."""
        keys = keys if isinstance(keys, list | tuple) else [keys]
        stand = ArraySubquery(Contact.objects.order_by().filter(pk__in=keys).values_list(STANDS))
        return self.order_by().filter(Q(OneOf(F("pk"), stand)) | Q(OneOf(F("merged_into"), stand)))

    def standing_for_outer(self) -> ArraySubquery:
        """Keys of the contact around and of what was merged into it, for a subquery within another."""
        around = OuterRef(OuterRef("pk"))
        return ArraySubquery(self.order_by().filter(Q(pk=around) | Q(merged_into=around)).values("pk"))

    def known_to(self, user: "User") -> "ContactQuerySet":
        """Those the person sees, and what was merged into them. Adds `label`, the name, which says that."""
        seen = Contact.objects.order_by().visible_to(user).values("pk")
        return self.annotate(stands=STANDS).filter(stands__in=seen).annotate(label=LABEL)

    def companies(self) -> "ContactQuerySet":
        return self.filter(kind=Contact.Kind.COMPANY)

    def usable(self) -> "ContactQuerySet":
        """Those that may be used for new work (R-PRIV)."""
        return self.filter(privacy_blocked=False, archived=False, merged_into__isnull=True)

    def with_codes(self) -> "ContactQuerySet":
        """Adds the keys of what each is sorted by: `job_responsibilities_keys` …, and `relation_numbers` in the same order."""
        many: list[Any] = [Contact._meta.get_field(name) for name in MANY]
        ties = {
            field: field.remote_field.through.objects.filter(contact=OuterRef("pk")).order_by(
                field.m2m_reverse_field_name()
            )
            for field in many
        }
        chosen: Any = {
            f"{field.name}_keys": ArraySubquery(rows.values(field.m2m_reverse_name())) for field, rows in ties.items()
        }
        numbers = ArraySubquery(ties[Contact._meta.get_field(RELATIONS)].values("number"))
        return self.annotate(**chosen, relation_numbers=numbers)

    def search(self, text: str) -> "ContactQuerySet":
        """Those with a word in name, number, e-mail or city, or a telephone number, that begins with each typed word; of a
        telephone number the last digits too."""
        return searched(self, text, "search")

    def beginning_with(self, text: str) -> list["ContactQuerySet"]:
        """Those that the search finds by how their name begins, one after the other along an index."""
        return beginning_with(self, text, "name")


class Joined(Func):
    """Texts with a blank between them; what is NULL is left out."""

    function = "concat_ws"
    template = "%(function)s(' ', %(expressions)s)"
    output_field = models.CharField()


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(),
    pghistory.DeleteEvent(),
    exclude=["company_kind", "search", "relation"],
)
class Contact(Addressed):
    """Whom we sell to: a company or a person (domain A.10)."""

    class Kind(models.TextChoices):
        COMPANY = "company", _("Company")
        PERSON = "person", _("Person")

    number = CodeField(_("number"), max_length=20, unique=True, blank=True, help_text=_("Blank: the next one."))
    kind = models.CharField(_("type"), max_length=7, choices=Kind, default=Kind.COMPANY)
    name = models.CharField(_("name"), max_length=100, validators=[validate_visible])
    first_name = models.CharField(_("first name"), max_length=100, blank=True, validators=[validate_visible])
    middle_name = models.CharField(_("middle name"), max_length=100, blank=True, validators=[validate_visible])
    last_name = models.CharField(_("last name"), max_length=100, blank=True, validators=[validate_visible])
    initials = models.CharField(_("initials"), max_length=30, blank=True)
    company = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="people",
        limit_choices_to={"kind": "company"},
        db_constraint=False,  # the composite key (company, company_kind) covers it
        verbose_name=_("company"),
    )
    company_kind = models.GeneratedField(
        expression=Case(When(company__isnull=False, then=Value("company"))),
        output_field=models.CharField(max_length=7),
        db_persist=True,
        editable=False,
    )
    job_title = models.CharField(_("job title"), max_length=100, blank=True)
    other_numbers = models.CharField(
        _("other numbers"),
        max_length=200,
        blank=True,
        help_text=_("As typed: numbers that are not dialled from here."),
    )
    email_2 = models.EmailField(_("e-mail 2"), blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    correspondence = models.CharField(_("correspondence"), max_length=9, choices=Correspondence, blank=True, default="")
    salutation = models.ForeignKey(
        Salutation, models.PROTECT, null=True, blank=True, verbose_name=_("salutation"), related_name="contacts"
    )
    territory = models.ForeignKey(
        Territory, models.PROTECT, null=True, blank=True, verbose_name=_("territory"), related_name="contacts"
    )
    organizational_level = models.ForeignKey(
        OrganizationalLevel,
        models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("organizational level"),
        related_name="contacts",
    )
    vat_number = models.CharField(_("VAT number"), max_length=20, blank=True)
    registration_number = models.CharField(_("registration number"), max_length=50, blank=True)
    job_responsibilities: models.ManyToManyField = models.ManyToManyField(
        JobResponsibility, through="PersonsResponsibility", blank=True, verbose_name=_("job responsibilities")
    )
    industry_groups: models.ManyToManyField = models.ManyToManyField(
        IndustryGroup, through="CompanysIndustry", blank=True, verbose_name=_("industry groups")
    )
    mailing_groups: models.ManyToManyField = models.ManyToManyField(
        MailingGroup, through="ContactsMailing", blank=True, verbose_name=_("mailing groups")
    )
    business_relations: models.ManyToManyField = models.ManyToManyField(
        BusinessRelation, through="ContactsRelation", blank=True, verbose_name=_("business relations")
    )
    # of these, or of those of its company; kept by PostgreSQL
    relation = models.CharField(
        _("business relation"),
        max_length=12,
        choices=Relation,
        default=Relation.NONE,
        db_default=Relation.NONE,
        editable=False,
    )
    salesperson = models.ForeignKey(
        Salesperson, models.PROTECT, null=True, blank=True, verbose_name=_("salesperson"), related_name="contacts"
    )
    privacy_blocked = models.BooleanField(
        _("privacy blocked"), default=False, help_text=_("May not be used for new opportunities and quotes.")
    )
    minor = models.BooleanField(_("minor"), default=False, help_text=_("Blocked for privacy until a parent consents."))
    parental_consent = models.BooleanField(_("parental consent received"), default=False)
    archived = models.BooleanField(_("archived"), default=False, help_text=_("Kept with its history, but not offered."))
    # always the one that stands now, never a merged one; db_constraint: the composite key (merged_into, kind) covers it
    merged_into = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        db_index=False,
        db_constraint=False,
        related_name="merged",
        verbose_name=_("merged into"),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    search = search_column(
        *("name", "number", "email", "email_2", "city", "other_numbers"),
        phones=("phone", "mobile"),
        emails=("email", "email_2"),
    )

    objects = ContactQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        ordering: ClassVar = ["name", "id"]
        permissions: ClassVar = [
            ("view_team_contact", _("Can see the contacts of the own teams")),
            ("view_subtree_contact", _("Can see the contacts of the teams led, and of all below them")),
            ("view_every_contact", _("Can see every contact")),
            ("merge_contact", _("Can merge contacts")),
        ]
        constraints: ClassVar = [
            *Addressed.Meta.constraints,
            models.UniqueConstraint(fields=["id", "kind"], name="contact_and_kind"),
            models.CheckConstraint(
                name="a_company_has_no_company",
                condition=Q(company__isnull=True) | Q(kind="person"),
                violation_error_message=_("Only a person can belong to a company."),
            ),
            models.CheckConstraint(
                name="a_contact_is_not_merged_into_itself",
                condition=Q(merged_into__isnull=True) | ~Q(merged_into=F("id")),
                violation_error_message=_("A contact cannot be merged with itself."),
            ),
            models.CheckConstraint(name="contact_kind_is_known", condition=Q(kind__in=["company", "person"])),
            models.CheckConstraint(
                name="contact_is_not_nameless",
                condition=~Q(name=""),
                violation_error_message=_("A contact needs a name."),
            ),
            models.CheckConstraint(
                name="a_persons_name_is_its_parts",
                condition=Q(first_name="", middle_name="", last_name="")
                | Q(
                    kind="person",
                    name=Joined(
                        *(NullIf(F(part), Value(""), output_field=models.CharField()) for part in Parts._fields)
                    ),
                ),
                violation_error_message=_("The name of a person is put together from its parts."),
            ),
            models.CheckConstraint(
                name="only_a_person_has_a_level",
                condition=Q(kind="person") | Q(organizational_level__isnull=True, initials=""),
                violation_error_message=_("Only a person has initials and an organizational level."),
            ),
            models.CheckConstraint(
                name="only_a_person_is_a_minor",
                condition=Q(kind="person") | Q(minor=False, parental_consent=False),
                violation_error_message=_("Only a person can be a minor."),
            ),
            models.CheckConstraint(
                name="a_minor_is_blocked_until_a_parent_consents",
                condition=Q(minor=False) | Q(parental_consent=True) | Q(privacy_blocked=True),
                violation_error_message=_("A minor stays blocked for privacy until a parent consents."),
            ),
            models.CheckConstraint(
                name="contact_correspondence_is_known",
                condition=Q(correspondence__in=["", *Correspondence.values]),
            ),
            models.CheckConstraint(name="contact_relation_is_known", condition=Q(relation__in=Relation.values)),
            models.CheckConstraint(
                name="vat_number_is_compact",
                condition=Q(vat_number__regex=r"^[A-Z0-9]*$"),
                violation_error_message=_("A VAT number has only letters and digits."),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["name", "id"], name="contacts_by_name"),  # the contact list and its pages
            GinIndex(fields=["search"], name="contacts_by_word"),  # search and pickers
            models.Index(beginning("name"), name="contacts_by_beginning"),  # what very many are found by
            # whom a contact stands for; few rows are in it
            models.Index(fields=["merged_into"], condition=Q(merged_into__isnull=False), name="merged_contacts"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("contacts:detail", args=[self.pk])

    def is_held_by(self, user: "User") -> bool:
        """Of one that is seen: by a right, not only by an opportunity or because it was shared."""
        return user.has_perm("contacts.view_every_contact") or self.salesperson_id in contacts_of(user)

    def may_be_changed_by(self, user: "User") -> bool:
        """Of one that is seen: not by who sees it only by an opportunity, or because it was shared to see."""
        may_edit = self.is_held_by(user) or user.reach.contacts.get(self.pk, False)
        return may_edit and user.has_perm("contacts.change_contact")

    @property
    def is_company(self) -> bool:
        return self.kind == self.Kind.COMPANY

    @property
    def account_id(self) -> int:
        """Key of the company behind the contact: its company, or the contact itself."""
        return self.company_id or self.pk

    @property
    def parts(self) -> Parts:
        return Parts(self.first_name, self.middle_name, self.last_name)

    def place_on(self, day: datetime.date) -> "Contact | AlternativeAddress":
        """Where it is reached on `day`: the address whose period began last and has not ended, else its own (A.10.2)."""
        begun = AddressPeriod.objects.filter(contact=self, starts_on__lte=day)
        holding = begun.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=day)).select_related("alternative_address")
        latest = holding.order_by("-starts_on").first()
        return latest.alternative_address if latest else self

    @property
    def is_usable(self) -> bool:
        """Whether it may be used for new work (R-PRIV)."""
        return not (self.privacy_blocked or self.archived or self.merged_into_id)


def kind_column(kind: str) -> models.GeneratedField:
    """Always `kind`: half of the composite key by which the database refuses the other kind of contact."""
    return models.GeneratedField(
        expression=Value(kind), output_field=models.CharField(max_length=7), db_persist=True, editable=False
    )


class PersonsResponsibility(models.Model):
    contact = models.ForeignKey(Contact, models.CASCADE, db_constraint=False, related_name="+")  # see contact_kind
    job_responsibility = models.ForeignKey(JobResponsibility, models.PROTECT, related_name="used")
    contact_kind = kind_column("person")

    class Meta:
        verbose_name = _("job responsibility of a person")
        verbose_name_plural = _("job responsibilities of people")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["contact", "job_responsibility"], name="a_responsibility_once_for_a_person")
        ]

    def __str__(self) -> str:
        return f"{self.contact}: {self.job_responsibility}"


class CompanysIndustry(models.Model):
    contact = models.ForeignKey(Contact, models.CASCADE, db_constraint=False, related_name="+")  # see contact_kind
    industry_group = models.ForeignKey(IndustryGroup, models.PROTECT, related_name="used")
    contact_kind = kind_column("company")

    class Meta:
        verbose_name = _("industry group of a company")
        verbose_name_plural = _("industry groups of companies")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["contact", "industry_group"], name="an_industry_once_for_a_company")
        ]

    def __str__(self) -> str:
        return f"{self.contact}: {self.industry_group}"


class ContactsMailing(models.Model):
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="+")
    mailing_group = models.ForeignKey(MailingGroup, models.PROTECT, related_name="used")

    class Meta:
        verbose_name = _("mailing group of a contact")
        verbose_name_plural = _("mailing groups of contacts")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["contact", "mailing_group"], name="a_mailing_group_once_for_a_contact")
        ]

    def __str__(self) -> str:
        return f"{self.contact}: {self.mailing_group}"


class ContactsRelation(models.Model):
    """Of a company, or of a person without one (R-CON-TYPE)."""

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="relations")
    business_relation = models.ForeignKey(BusinessRelation, models.PROTECT, related_name="used")
    number = models.CharField(_("number there"), max_length=20, blank=True, validators=[validate_visible])

    class Meta:
        verbose_name = _("business relation of a contact")
        verbose_name_plural = _("business relations of contacts")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["contact", "business_relation"], name="a_relation_once_for_a_contact")
        ]

    def __str__(self) -> str:
        return f"{self.business_relation} {self.number}".rstrip()


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
class AlternativeAddress(Addressed):
    """Another place where a contact is at times: a summer office, a project site."""

    contact = models.ForeignKey(
        Contact, models.CASCADE, related_name="alternative_addresses", verbose_name=_("contact")
    )
    code = CodeField(_("code"), max_length=10)
    name = models.CharField(_("name at this address"), max_length=100, blank=True)

    lines: list[str]  # on a page, like `is_now`
    is_now: bool

    class Meta:
        verbose_name = _("alternative address")
        verbose_name_plural = _("alternative addresses")
        ordering: ClassVar = ["code"]
        constraints: ClassVar = [
            *Addressed.Meta.constraints,
            models.UniqueConstraint(
                fields=["contact", "code"],
                name="one_address_for_each_code",
                violation_error_message=_("This contact has an address with this code already."),
            ),
            models.UniqueConstraint(fields=["id", "contact"], name="address_and_contact"),
            models.CheckConstraint(name="address_code_is_upper_case", condition=Q(code=Upper("code")) & ~Q(code="")),
        ]

    def __str__(self) -> str:
        return self.code


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
class AddressPeriod(models.Model):
    """From when to when (both days included) an alternative address holds; without an end until another one begins."""

    alternative_address = models.ForeignKey(AlternativeAddress, models.CASCADE, related_name="periods")
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="+", db_constraint=False)  # the address's
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(_("until"), null=True, blank=True)

    class Meta:
        verbose_name = _("period of an address")
        verbose_name_plural = _("periods of addresses")
        ordering: ClassVar = ["starts_on"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["contact", "starts_on"],
                name="one_address_begins_on_a_day",
                violation_error_message=_("Another address of this contact begins on this day."),
            ),
            models.CheckConstraint(
                name="address_ends_after_it_begins",
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                violation_error_message=_("A period does not end before it begins."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.starts_on} – {self.ends_on or ''}"

    def holds_on(self, day: datetime.date) -> bool:
        return self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)
