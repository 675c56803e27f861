import zoneinfo
from functools import lru_cache
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group, Permission
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, ManyToManyField, Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from crm.lib.admin import SeenAdmin, SeenForm, SeenInline
from salespeople.models import COMPANY_CACHE_KEY, Company, Membership, Salesperson, Team, User


@lru_cache(maxsize=1)
def time_zones() -> list[tuple[str, str]]:
    return [(name, name) for name in sorted(zoneinfo.available_timezones())]


class TimeZoneField(forms.ChoiceField):
    """One of the IANA time zones."""

    def __init__(self, **options: Any) -> None:
        blank = [] if options.get("required", True) else [("", "–")]
        super().__init__(choices=lambda: blank + time_zones(), label=capfirst(_("time zone")), **options)


def language_field() -> forms.ChoiceField:
    return forms.ChoiceField(
        choices=lambda: [("", "–"), *settings.LANGUAGES],
        required=False,
        label=capfirst(_("language")),
        help_text=_("Blank: the browser's."),
    )


class CompanyForm(SeenForm):
    time_zone = TimeZoneField()


@admin.register(Company)
class CompanyAdmin(SeenAdmin):
    """One row: made once, changed, never deleted."""

    purpose = _("Currency, time zone, fiscal year, and who sees what belongs to nobody")
    form = CompanyForm
    list_display = ("name", "currency", "time_zone", "fiscal_year_start")
    fields = ("name", "currency", "time_zone", "fiscal_year_start", "unassigned_seen_by")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not Company.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Company, form: Any, change: bool) -> None:
        obj.pk = 1
        super().save_model(request, obj, form, change)
        transaction.on_commit(lambda: cache.delete(COMPANY_CACHE_KEY))


@admin.register(Salesperson)
class SalespersonAdmin(SeenAdmin):
    purpose = _("To whom opportunities, contacts and tasks belong")
    list_display = ("name", "code", "job_title", "email", "phone", "blocked")
    list_filter = ("blocked", "privacy_blocked")
    search_fields = ("name", "code", "email")
    ordering = ("name", "pk")


class Members(SeenInline):
    """Who is in a team: whoever may change the team decides."""

    model = Membership
    autocomplete_fields = ("salesperson",)
    extra = 3

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("salespeople.view_team")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("salespeople.change_team")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perms(["salespeople.change_team"] if obj else ["salespeople.add_team"])

    has_delete_permission = has_change_permission


@admin.register(Team)
class TeamAdmin(SeenAdmin):
    purpose = _("Who sells together, and who leads them")
    inlines = (Members,)
    list_display = ("name", "code", "parent", "manager", "how_many")
    list_select_related = ("parent", "manager")
    search_fields = ("name", "code")
    ordering = ("name", "pk")
    autocomplete_fields = ("parent", "manager")
    fields = (("code", "name"), "parent", "manager")

    @admin.display(description=_("members"))
    def how_many(self, team: Any) -> int:
        return int(team.how_many)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        counted: QuerySet[Team] = super().get_queryset(request).annotate(how_many=Count("memberships"))
        return counted


def permissions_of(user: User) -> QuerySet[Permission]:
    """What a user may do, or could do once active again."""
    return Permission.objects.filter(Q(group__user=user) | Q(user=user))


def may_manage(editor: Any, user: User) -> bool:
    """Whoever could do more than the editor is out of the editor's reach: no other e-mail, no new password."""
    if editor.is_superuser:
        return True
    return not user.is_superuser and not permissions_of(user).difference(permissions_of(editor)).exists()


def groups_to_give(editor: Any) -> QuerySet[Group]:
    """Nobody gives away what they may not do themselves."""
    if editor.is_superuser:
        return Group.objects.order_by("name")
    beyond = Permission.objects.exclude(pk__in=permissions_of(editor).values("pk"))
    return Group.objects.exclude(permissions__in=beyond).order_by("name")


class UniqueEmail(forms.ModelForm):
    """One user for each e-mail, whatever its case; said at the field."""

    def clean_email(self) -> str:
        email = User.objects.normalize_email(self.cleaned_data["email"])
        if User.objects.filter(email__iexact=email).exclude(pk=self.instance.pk).exists():
            raise ValidationError(_("There is a user with this e-mail already."))
        return email


class NewUserForm(UniqueEmail, AdminUserCreationForm):
    language = language_field()
    time_zone = TimeZoneField(required=False, help_text=_("Blank: the company's."))

    class Meta:
        model = User
        fields = ("email", "name")


class UserForm(UniqueEmail, SeenForm, UserChangeForm):
    language = language_field()
    time_zone = TimeZoneField(required=False, help_text=_("Blank: the company's."))

    class Meta:
        model = User
        fields = "__all__"  # noqa: DJ007  the pages of `UserAdmin` name them


WHO = ("email", "name", "salesperson", "language", "time_zone")
SUPERUSERS_ONLY = ("is_superuser", "user_permissions")
NOT_ONES_OWN = ("is_active", "is_staff", "groups")


@admin.register(User)
class UserAdmin(SeenAdmin, StockUserAdmin):
    """Administrators add users and give them roles, but nothing that they do not hold themselves."""

    purpose = _("Who signs in, and in which role")
    form = UserForm
    add_form = NewUserForm
    list_display = ("name", "email", "salesperson", "roles", "is_staff", "is_active", "last_login")
    list_filter = ("groups", "is_staff", "is_active")
    list_select_related = ("salesperson",)
    search_fields = ("name", "email")
    ordering = ("name", "pk")
    autocomplete_fields = ("salesperson",)
    filter_horizontal = ("groups", "user_permissions")
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": (*WHO, "password")}),
        (_("Rights"), {"fields": ("is_active", "is_staff", "groups", *SUPERUSERS_ONLY)}),
        (_("Important dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"fields": (*WHO, "usable_password", "password1", "password2")}),
        (_("Rights"), {"fields": ("is_staff", "groups")}),
    )

    @admin.display(description=_("roles"))
    def roles(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all())

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if request.user.is_superuser:
            return self.readonly_fields
        own = NOT_ONES_OWN if obj is not None and obj.pk == request.user.pk else ()
        return (*self.readonly_fields, *SUPERUSERS_ONLY, *own)

    def formfield_for_manytomany(self, db_field: ManyToManyField, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "groups":
            kwargs["queryset"] = groups_to_give(request.user)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or may_manage(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_delete_permission(request, obj)
        return allowed and (obj is None or (obj.pk != request.user.pk and may_manage(request.user, obj)))
