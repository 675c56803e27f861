import datetime
import zoneinfo
from typing import Any, ClassVar

import pghistory
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.expressions import ArraySubquery
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Case, F, OuterRef, Q, TextField, Value, When
from django.db.models.functions import Cast, Coalesce, Concat, Lower, NullIf, Upper
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from crm.lib.search import WithTokens, search_vector, searched
from salespeople import reach
from salespeople.reach import NOBODY, Reach

COMPANY_CACHE_KEY = "salespeople.company"
COMPANY_CACHE_SECONDS = 30

validate_code = RegexValidator(r"^\S+(?: \S+)*$", _("Use no blanks at the beginning or end."))
validate_phone = RegexValidator(r"^[^A-Za-z]*$", _("A phone number has no letters."))


def validate_time_zone(name: str) -> None:
    """Refuse a name that is no IANA time zone, such as Europe/Helsinki. Raises ValidationError."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(_("“%(name)s” is not a time zone; write it like Europe/Helsinki."), params={"name": name})


class CodeField(models.CharField):
    """A short upper-case code that people type and read, such as EX-LARGE."""

    default_validators = [validate_code]

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        return value.strip().upper() if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return value.strip().upper() if isinstance(value, str) else value


class Company(models.Model):
    """Our own company: one row. Money is in its currency, business days are days in its time zone."""

    class Unassigned(models.TextChoices):
        """Who sees opportunities without salesperson, beside whoever may see and assign them by a right."""

        MANAGERS = "managers", _("Only who may assign them")
        EVERYBODY = "everybody", _("Everybody who may see opportunities")
        TEAM = "team", _("The team of the contact's salesperson")

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    name = models.CharField(_("name"), max_length=100)
    currency = models.CharField(
        _("currency code"),
        max_length=3,
        default="EUR",
        validators=[RegexValidator(r"^[A-Z]{3}$", _("Write the ISO 4217 code of three capitals, like EUR."))],
    )
    time_zone = models.CharField(
        _("time zone"), max_length=64, default="Europe/Helsinki", validators=[validate_time_zone]
    )
    fiscal_year_start = models.PositiveSmallIntegerField(
        _("first month of the fiscal year"), default=1, validators=[MinValueValidator(1), MaxValueValidator(12)]
    )
    unassigned_seen_by = models.CharField(
        _("who sees opportunities without salesperson"), max_length=9, choices=Unassigned, default=Unassigned.MANAGERS
    )

    class Meta:
        verbose_name = _("our company")
        verbose_name_plural = _("our company")
        constraints: ClassVar = [
            models.CheckConstraint(name="company_is_one_row", condition=Q(id=1)),
            models.CheckConstraint(
                name="company_fiscal_year_starts_in_a_month", condition=Q(fiscal_year_start__range=(1, 12))
            ),
            models.CheckConstraint(
                name="company_knows_who_sees_unassigned",
                condition=Q(unassigned_seen_by__in=["managers", "everybody", "team"]),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def current(cls) -> "Company":
        """The one row, or its defaults before set-up. Kept per process for half a minute."""
        company = cache.get(COMPANY_CACHE_KEY)
        if company is None:
            company = cls.objects.first() or cls(id=1, name="CRM")
            cache.set(COMPANY_CACHE_KEY, company, COMPANY_CACHE_SECONDS)
        return company

    def today(self) -> datetime.date:
        """The business date: the calendar day in the company's time zone."""
        return timezone.localdate(timezone=zoneinfo.ZoneInfo(self.time_zone))


SALESPERSON_WORDS = search_vector("name", "code", "job_title", "email", "email_2")


class SalespersonQuerySet(models.QuerySet["Salesperson"]):
    def visible_to(self, user: "User") -> "SalespersonQuerySet":
        """Everybody who works here may see who sells."""
        return self if user.has_perm("salespeople.view_salesperson") else self.none()

    def usable(self) -> "SalespersonQuerySet":
        """Those who may be picked for new work."""
        return self.filter(blocked=False, privacy_blocked=False)

    def search(self, text: str) -> "SalespersonQuerySet":
        """Those with a word in name, code, job title or e-mail that begins with each typed word."""
        return searched(self.alias(words=WithTokens(SALESPERSON_WORDS, "email", "email_2")), text, "words")

    def with_teams(self) -> "SalespersonQuerySet":
        """Adds `belongs_to` and `leads`, key and name of each team, and `covers`, the names of territories."""
        teams = Team.objects.order_by("name", "pk").values_list(
            Concat(Cast("pk", TextField()), Value(":"), "name", output_field=TextField())
        )
        territories: Any = Salesperson._meta.get_field("territories").related_model
        told = Coalesce(NullIf("description", Value("")), "code", output_field=TextField())
        return self.annotate(
            belongs_to=ArraySubquery(teams.filter(members=OuterRef("pk"))),
            leads=ArraySubquery(teams.filter(manager=OuterRef("pk"))),
            covers=ArraySubquery(
                territories.objects.filter(salespeople=OuterRef("pk")).order_by("code").values_list(told)
            ),
        )


class Salesperson(models.Model):
    """Who sells (domain A.8). Commission in percent, 0 to 100."""

    code = CodeField(_("code"), max_length=20, unique=True)
    name = models.CharField(_("name"), max_length=100)
    job_title = models.CharField(_("job title"), max_length=100, blank=True)
    commission = models.DecimalField(
        _("commission %"),
        max_digits=5,
        decimal_places=2,
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    email = models.EmailField(_("e-mail"), blank=True)
    email_2 = models.EmailField(_("e-mail 2"), blank=True)
    phone = models.CharField(_("phone"), max_length=30, blank=True, validators=[validate_phone])
    blocked = models.BooleanField(_("blocked"), default=False, help_text=_("Cannot be picked; existing work stays."))
    privacy_blocked = models.BooleanField(_("privacy blocked"), default=False)

    objects = SalespersonQuerySet.as_manager()

    class Meta:
        verbose_name = _("salesperson")
        verbose_name_plural = _("salespeople")
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="commission_is_a_percentage",
                condition=Q(commission__range=(0, 100)),
                violation_error_message=_("Commission lies between 0 and 100 %%."),
            ),
            models.CheckConstraint(name="salesperson_code_is_upper_case", condition=Q(code=Upper("code"))),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("salespeople:detail", args=[self.pk])

    @property
    def is_usable(self) -> bool:
        return not (self.blocked or self.privacy_blocked)

    @property
    def initials(self) -> str:
        return "".join(word[0] for word in self.name.split()[:2]).upper()


class TeamQuerySet(models.QuerySet["Team"]):
    def visible_to(self, user: "User") -> "TeamQuerySet":
        """Everybody who works here may see who belongs together."""
        return self if user.has_perm("salespeople.view_team") else self.none()

    def search(self, text: str) -> "TeamQuerySet":
        """Those with a word in name or code that begins with each typed word."""
        return searched(self.alias(words=search_vector("name", "code")), text, "words")


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
class Team(models.Model):
    """Salespeople who work together (domain A.9). Teams form trees: what a manager leads, and all that is below it. A tree
    without cycles is what the database keeps (`team_tree_has_no_cycle`)."""

    code = CodeField(_("code"), max_length=10, unique=True)
    name = models.CharField(_("name"), max_length=50)
    manager = models.ForeignKey(
        Salesperson, models.PROTECT, null=True, blank=True, related_name="led_teams", verbose_name=_("manager")
    )
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="below", verbose_name=_("belongs to")
    )
    members = models.ManyToManyField(Salesperson, through="Membership", related_name="teams", verbose_name=_("members"))

    objects = TeamQuerySet.as_manager()

    class Meta:
        verbose_name = _("team")
        verbose_name_plural = _("teams")
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(name="team_code_is_upper_case", condition=Q(code=Upper("code"))),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("salespeople:team", args=[self.pk])

    def clean(self) -> None:
        """Refuse a place below itself. Raises ValidationError."""
        above, known = self.parent, set[int]()
        while above is not None and above.pk not in known:
            if above.pk == self.pk:
                raise ValidationError({"parent": _("A team cannot stand below itself.")})
            known.add(above.pk)
            above = above.parent


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
class Membership(models.Model):
    """A salesperson in a team; a person can be in several."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="memberships", verbose_name=_("team"))
    salesperson = models.ForeignKey(
        Salesperson, models.CASCADE, related_name="memberships", verbose_name=_("salesperson")
    )

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["team", "salesperson"],
                name="a_member_once",
                violation_error_message=_("This salesperson is in the team already."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.salesperson}"


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
class Grant(models.Model):
    """An opportunity or a contact that is shared with a salesperson or with a team: its members, its manager and who leads
    above it. `salespeople.sharing` gives and withdraws it. A co-owner is a salesperson to whom an opportunity is given to edit,
    and who is named beside its own salesperson."""

    opportunity = models.ForeignKey(
        "opportunities.Opportunity",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="grants",
        verbose_name=_("opportunity"),
    )
    contact = models.ForeignKey(
        "contacts.Contact", models.CASCADE, null=True, blank=True, related_name="grants", verbose_name=_("contact")
    )
    salesperson = models.ForeignKey(
        Salesperson, models.CASCADE, null=True, blank=True, related_name="grants", verbose_name=_("salesperson")
    )
    team = models.ForeignKey(Team, models.CASCADE, null=True, blank=True, related_name="grants", verbose_name=_("team"))
    may_edit = models.BooleanField(_("to edit"), default=False)
    is_co_owner = models.BooleanField(_("co-owner"), default=False)

    class Meta:
        verbose_name = _("grant")
        verbose_name_plural = _("grants")
        default_permissions = ()
        constraints: ClassVar = [
            models.CheckConstraint(
                name="grant_is_of_one_record", condition=Q(opportunity__isnull=True) ^ Q(contact__isnull=True)
            ),
            models.CheckConstraint(
                name="grant_is_to_a_person_or_a_team", condition=Q(salesperson__isnull=True) ^ Q(team__isnull=True)
            ),
            models.CheckConstraint(
                name="a_co_owner_is_a_person_who_edits_an_opportunity",
                condition=Q(is_co_owner=False) | Q(may_edit=True, salesperson__isnull=False, opportunity__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["opportunity", "contact", "salesperson", "team"],
                name="one_grant_for_each_to_whom",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return str(self.salesperson or self.team)


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **values: Any) -> "User":
        """Make a user who signs in with `email`; a blank password means that none works. Raises ValueError."""
        if not email:
            raise ValueError("A user signs in by e-mail: it cannot be blank.")
        user = self.model(email=self.normalize_email(email), **values)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **values: Any) -> "User":
        return self.create_user(email, password, **{"is_staff": True, "is_superuser": True} | values)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """Who signs in. A user may be a salesperson (domain A.15); roles are Django groups (`salespeople.roles`)."""

    email = models.EmailField(_("e-mail"))
    name = models.CharField(_("name"), max_length=100)
    language = models.CharField(_("language"), max_length=10, blank=True, help_text=_("Blank: the browser's."))
    time_zone = models.CharField(
        _("time zone"), max_length=64, blank=True, validators=[validate_time_zone], help_text=_("Blank: the company's.")
    )
    shortcuts = models.BooleanField(
        _("keyboard shortcuts"), default=True, help_text=_("Whether single letters work as keys.")
    )
    salesperson = models.OneToOneField(
        Salesperson, models.PROTECT, null=True, blank=True, related_name="user", verbose_name=_("salesperson")
    )
    is_staff = models.BooleanField(_("may open the admin pages"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    date_joined = models.DateTimeField(_("joined"), default=timezone.now, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar = ["name"]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                Lower("email"),
                name="one_user_for_each_email",
                violation_error_message=_("There is a user with this e-mail already."),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return str(self)

    @cached_property
    def reach(self) -> Reach:
        """Whom the person reaches by teams: brought along where somebody signed in, else asked here."""
        if self.salesperson_id is None:
            return NOBODY
        brought = self.__dict__.get("brought")
        return reach.ask(self.salesperson_id) if brought is None else reach.read(brought)

    @cached_property
    def roles(self) -> frozenset[int]:
        """Keys of the person's roles: brought along where somebody signed in, else asked here."""
        brought = self.__dict__.get("member_of")
        return frozenset(self.groups.values_list("pk", flat=True) if brought is None else brought)

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone or Company.current().time_zone)


# Every page that can have saved views, by the name of its address, and who may open it. Who may not sees no views of it
# either: names and searches in them tell of its rows.
PERMISSION_OF_PAGE = {
    "opportunities:list": "opportunities.view_opportunity",
    "opportunities:board": "opportunities.view_opportunity",
    "contacts:list": "contacts.view_contact",
    "quotes:list": "quotes.view_quote",
    "tasks:list": "tasks.view_task",
    "interactions:list": "interactions.view_interaction",
    "salespeople:list": "salespeople.view_salesperson",
}


def pages_open_to(user: User) -> tuple[str, ...]:
    return tuple(page for page, permission in PERMISSION_OF_PAGE.items() if user.has_perm(permission))


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def visible_to(self, user: User) -> "SavedViewQuerySet":
        """The one door: a person's own, and what others share of pages that the person may open."""
        return self.within(pages_open_to(user), user.pk)

    def within(self, pages: tuple[str, ...], owner: int) -> "SavedViewQuerySet":
        """What the user of that key may see, to whom these pages are open."""
        return self.filter(Q(owner=owner) | Q(shared=True, page__in=pages))

    def in_order(self, owner: int) -> "SavedViewQuerySet":
        """The own ones of the user of that key by their position, then what others share by name."""
        mine = Q(owner=owner)
        own_first = Case(When(mine, then=F("position")), default=None)
        return self.order_by(own_first.asc(nulls_last=True), Lower("name"), "pk")


class SavedView(models.Model):
    """A named address of a list or of the board. `query` is canonical (`saved_views.canonical`): what shapes the page,
    without the page number. Relative words such as “me” are stored as such: everybody sees what they may see."""

    class Page(models.TextChoices):
        OPPORTUNITIES = "opportunities:list", _("Opportunities")
        BOARD = "opportunities:board", _("Board")
        CONTACTS = "contacts:list", _("Contacts")
        QUOTES = "quotes:list", _("Quotes")
        TASKS = "tasks:list", _("Tasks")
        INTERACTIONS = "interactions:list", _("Interactions")
        SALESPEOPLE = "salespeople:list", _("Salespeople")

    owner = models.ForeignKey(User, models.CASCADE, related_name="saved_views", verbose_name=_("owner"))
    page = models.CharField(_("page"), max_length=32, choices=Page)
    name = models.CharField(_("name"), max_length=40)
    query = models.CharField(_("filters and order"), max_length=2000, blank=True)
    shared = models.BooleanField(_("shared with everybody"), default=False)
    position = models.PositiveIntegerField(_("position"), default=0, editable=False)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        default_permissions = ("delete",)
        ordering: ClassVar = ["page", "position", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                F("owner"),
                F("page"),
                Lower("name"),
                name="one_view_of_a_name_for_each_owner_and_page",
                violation_error_message=_("You have a view of this name here already."),
            ),
            models.UniqueConstraint(fields=["id", "page"], name="view_and_page"),
            models.CheckConstraint(
                name="saved_view_is_not_nameless",
                condition=~Q(name__regex=r"^\s*$"),
                violation_error_message=_("A view needs a name."),
            ),
            models.CheckConstraint(name="page_of_a_view_is_known", condition=Q(page__in=list(PERMISSION_OF_PAGE))),
        ]
        indexes: ClassVar = [
            models.Index(fields=["page", "id"], condition=Q(shared=True), name="shared_views_of_a_page"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def url(self) -> str:
        """The page as this view shows it; the address says which view it is."""
        return f"{reverse(self.page)}?{self.query}{'&' if self.query else ''}view={self.pk}"


class DefaultView(models.Model):
    """Which view a person sees first on a page: an own one, or one that somebody shares."""

    user = models.ForeignKey(User, models.CASCADE, related_name="default_views", verbose_name=_("user"))
    page = models.CharField(_("page"), max_length=32, choices=SavedView.Page)
    # db_constraint: the composite key (view, page) covers it
    view = models.ForeignKey(
        SavedView, models.CASCADE, related_name="defaults", db_constraint=False, verbose_name=_("saved view")
    )

    class Meta:
        verbose_name = _("default view")
        verbose_name_plural = _("default views")
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "page"], name="one_default_view_for_each_person_and_page"),
        ]

    def __str__(self) -> str:
        return str(self.view)
