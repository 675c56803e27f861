from typing import TYPE_CHECKING, Any, ClassVar

import pghistory
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Case, Q, Value, When
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from crm.lib.search import prefix_query, search_column
from salespeople.models import CodeField, Salesperson, validate_phone
from salespeople.reach import whose

if TYPE_CHECKING:
    from salespeople.models import User


def contacts_of(user: "User") -> tuple[int, ...]:
    """The salespeople whose contacts the person sees by own right, team or subtree."""
    return whose(user, "contacts", "contact")


class ContactQuerySet(models.QuerySet["Contact"]):
    def visible_to(self, user: "User") -> "ContactQuerySet":
        """The one door: every contact by that right, else own ones, those of team and subtree by rights, what was shared,
        the companies of all these, and contacts and companies of the opportunities that the person sees."""
        if not user.has_perm("contacts.view_contact"):
            return self.none()
        if user.has_perm("contacts.view_every_contact"):
            return self
        every, opportunities = Contact.objects.order_by(), Contact._meta.get_field("opportunity")
        own = every.filter(Q(salesperson__in=contacts_of(user)) | Q(pk__in=sorted(user.reach.contacts)))
        deals: Any = opportunities.related_model
        seen = deals._default_manager.order_by().visible_to(user)
        companies = own.filter(company__isnull=False).values("company")
        return self.filter(pk__in=own.values("pk").union(companies, seen.values("contact"), seen.values("company")))

    def companies(self) -> "ContactQuerySet":
        return self.filter(kind=Contact.Kind.COMPANY)

    def usable(self) -> "ContactQuerySet":
        """Those that may be used for new work (R-PRIV)."""
        return self.filter(privacy_blocked=False)

    def search(self, text: str) -> "ContactQuerySet":
        """Those with a word in name, number, e-mail or city that begins with each typed word."""
        query = prefix_query(text)
        return self.filter(search=query) if query else self.none() if text.strip() else self


@pghistory.track(
    pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent(), exclude=["company_kind", "search"]
)
class Contact(models.Model):
    """Whom we sell to: a company or a person (domain A.10)."""

    class Kind(models.TextChoices):
        COMPANY = "company", _("Company")
        PERSON = "person", _("Person")

    number = CodeField(_("number"), max_length=20, unique=True, blank=True, help_text=_("Blank: the next one."))
    kind = models.CharField(_("type"), max_length=7, choices=Kind, default=Kind.COMPANY)
    name = models.CharField(_("name"), max_length=100)
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
    address = models.CharField(_("address"), max_length=100, blank=True)
    address_2 = models.CharField(_("address 2"), max_length=100, blank=True)
    post_code = models.CharField(_("post code"), max_length=20, blank=True)
    city = models.CharField(_("city"), max_length=50, blank=True)
    county = models.CharField(_("county"), max_length=50, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True)
    phone = models.CharField(_("phone"), max_length=30, blank=True, validators=[validate_phone])
    mobile = models.CharField(_("mobile phone"), max_length=30, blank=True, validators=[validate_phone])
    email = models.EmailField(_("e-mail"), blank=True)
    home_page = models.URLField(_("home page"), max_length=255, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    salesperson = models.ForeignKey(
        Salesperson, models.PROTECT, null=True, blank=True, verbose_name=_("salesperson"), related_name="contacts"
    )
    privacy_blocked = models.BooleanField(
        _("privacy blocked"), default=False, help_text=_("May not be used for new opportunities and quotes.")
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    search = search_column("name", "number", "email", "city")

    objects = ContactQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        ordering: ClassVar = ["name", "id"]
        permissions: ClassVar = [
            ("view_team_contact", _("Can see the contacts of the own teams")),
            ("view_subtree_contact", _("Can see the contacts of the teams led, and of all below them")),
            ("view_every_contact", _("Can see every contact")),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["id", "kind"], name="contact_and_kind"),
            models.CheckConstraint(
                name="a_company_has_no_company",
                condition=Q(company__isnull=True) | Q(kind="person"),
                violation_error_message=_("Only a person can belong to a company."),
            ),
            models.CheckConstraint(name="contact_kind_is_known", condition=Q(kind__in=["company", "person"])),
            models.CheckConstraint(
                name="contact_is_not_nameless",
                condition=~Q(name=""),
                violation_error_message=_("A contact needs a name."),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["name", "id"], name="contacts_by_name"),  # the contact list and its pages
            GinIndex(fields=["search"], name="contacts_by_word"),  # search and pickers
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
