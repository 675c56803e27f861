"""What somebody can go to or do by typing: opportunities, contacts, saved views, pages and actions. Each by its own door:
nothing is found that the person may not see. A query for each kind of row, which brings the first rows and how many
there are."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Case, F, Func, IntegerField, Q, QuerySet, Subquery, Value, When
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from contacts.models import Contact
from crm.lib.listing.keyset import OneOf
from crm.lib.search import MOST_WORDS, prefix_query, words
from opportunities.board import Joined
from opportunities.models import Opportunity
from salespeople.models import SavedView, User

LONGEST = 200  # as much as the lists' own search takes
STAFF = "staff"
FREE = ""


class Place(NamedTuple):
    """A page or an action: `needs` is a permission. An action that changes something presses a button of the form `form`,
    which stands in the menu of every page."""

    label: str | Promise
    address: str
    icon: str
    needs: str = FREE
    form: str = ""
    name: str = ""
    value: str = ""

    @property
    def url(self) -> str:
        return reverse(self.address)


PAGES = (
    Place(gettext_lazy("Home"), "home", "home"),
    Place(gettext_lazy("Board"), "opportunities:board", "board"),
    Place(gettext_lazy("Opportunities"), "opportunities:list", "target"),
    Place(gettext_lazy("Contacts"), "contacts:list", "contact", "contacts.view_contact"),
    Place(gettext_lazy("Tasks"), "tasks:list", "check", "tasks.view_task"),
    Place(gettext_lazy("Quotes"), "quotes:list", "quote", "quotes.view_quote"),
    Place(gettext_lazy("Salespeople"), "salespeople:list", "people", "salespeople.view_salesperson"),
    Place(gettext_lazy("Saved views"), "saved_views:list", "list"),
    Place(gettext_lazy("Keyboard shortcuts"), "keyboard", "keyboard"),
    Place(gettext_lazy("Set-up"), "admin:index", "admin", STAFF),
)
ACTIONS = (
    Place(gettext_lazy("New opportunity"), "opportunities:new", "plus", "opportunities.add_opportunity"),
    Place(gettext_lazy("New task"), "tasks:new", "plus", "tasks.add_task"),
    Place(gettext_lazy("New contact"), "contacts:new", "plus", "contacts.add_contact"),
    Place(gettext_lazy("New salesperson"), "salespeople:new", "plus", "salespeople.add_salesperson"),
    Place(gettext_lazy("Appearance: as the system"), "set_theme", "system", form="theme-switch", name="theme"),
    Place(gettext_lazy("Appearance: light"), "set_theme", "sun", form="theme-switch", name="theme", value="light"),
    Place(gettext_lazy("Appearance: dark"), "set_theme", "moon", form="theme-switch", name="theme", value="dark"),
    Place(gettext_lazy("Sign out"), "logout", "logout", form="sign-out"),
)


class Hit(NamedTuple):
    label: str | Promise
    note: str
    url: str
    icon: str
    place: Place | None = None


@dataclass(frozen=True)
class Group:
    """What was found of one kind: the first `hits` of `count`; `all_url` has them all."""

    key: str
    title: str
    hits: list[Hit]
    count: int
    all_url: str = ""
    all_label: str = ""

    @property
    def has_more(self) -> bool:
        return self.count > len(self.hits)


@dataclass
class Results:
    groups: list[Group] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(group.count for group in self.groups)


def find(user: User, text: str, *, most: int, rows: bool) -> Results:
    """Everything that the words of `text` begin; at most `most` rows of each kind, none where `rows` are not asked for."""
    typed = words(text)
    groups = [_opportunities, _contacts, _views] if rows and typed else []
    found = [group(user, text, most) for group in groups]
    if typed or not text.strip():
        found += [
            _places("pages", _("Pages"), PAGES, user, typed),
            _places("actions", _("Actions"), ACTIONS, user, typed),
        ]
    return Results([group for group in found if group.hits])


def _places(key: str, title: str, places: Iterable[Place], user: User, typed: list[str]) -> Group:
    hits = [
        Hit(place.label, "", place.url, place.icon, place)
        for place in places
        if _may(user, place.needs) and _begins(words(str(place.label)), typed)
    ]
    return Group(key, title, hits, len(hits))


def _may(user: User, needs: str) -> bool:
    return user.is_staff if needs == STAFF else not needs or user.has_perm(needs)


def _begins(told: list[str], typed: list[str]) -> bool:
    return all(any(one.startswith(word) for one in told) for word in typed)


def _first(rows: QuerySet[Any], text: str, most: int, *order: Any) -> Any:
    """The first rows, one of exactly that number before all others, and `found`: how many there are. Keys first, so that
    only the rows that are shown are joined with what they name."""
    exact = Case(When(number=text.strip(), then=0), default=1, output_field=IntegerField())
    count = rows.order_by().annotate(found=Func(F("pk"), function="COUNT")).values("found")
    keys = rows.order_by(exact, *order).values("pk")[:most]
    shown = rows.model.objects.filter(OneOf(F("pk"), Joined(ArraySubquery(keys))))
    return shown.annotate(found=Subquery(count)).order_by(exact, *order)


def _opportunities(user: User, text: str, most: int) -> Group:
    """Open ones first, then what was closed last."""
    visible = Opportunity.objects.visible_to(user).listed()
    rows = list(
        _first(
            visible.filter(pk__in=_matching(text)), text, most, F("closed_on").desc(nulls_first=True), "-pk"
        ).with_names()
    )
    hits = [Hit(row.description, _about(row), row.get_absolute_url(), "target") for row in rows]
    count = rows[0].found if rows else 0
    label = ngettext("All %(count)s opportunities", "All %(count)s opportunities", count) % {"count": count}
    return Group("opportunities", _("Opportunities"), hits, count, _with("opportunities:list", text), label)


def _matching(text: str) -> QuerySet[Any, Any]:
    """Keys of what `Opportunity.objects.search` finds, each part by its own index instead of row after row."""
    query, every = prefix_query(text), Opportunity.objects.order_by()
    contacts = Contact.objects.order_by().filter(search=query).values("pk")
    of_contacts, of_companies = every.filter(contact__in=contacts), every.filter(company__in=contacts)
    return every.filter(search=query).values("pk").union(of_contacts.values("pk"), of_companies.values("pk"))


def _about(row: Opportunity) -> str:
    company = [row.company.name] if row.company_id != row.contact_id else []
    return " · ".join([row.number, *company, row.contact.name, str(row.stage or row.get_status_display())])


def _contacts(user: User, text: str, most: int) -> Group:
    visible = Contact.objects.visible_to(user).search(text)
    rows = list(_first(visible, text, most, "name", "pk").select_related("company"))
    hits = []
    for row in rows:
        told = (row.number, row.company.name if row.company else "", row.job_title, row.city)
        icon = "building" if row.is_company else "person"
        hits.append(Hit(row.name, " · ".join(filter(None, told)), row.get_absolute_url(), icon))
    count = rows[0].found if rows else 0
    label = ngettext("All %(count)s contacts", "All %(count)s contacts", count) % {"count": count}
    return Group("contacts", _("Contacts"), hits, count, _with("contacts:list", text), label)


def _views(user: User, text: str, most: int) -> Group:
    """By their names, each word anywhere in it."""
    named = Q(Value(True))
    for word in text.split()[:MOST_WORDS]:
        named &= Q(name__icontains=word)
    visible = SavedView.objects.visible_to(user).filter(named)
    count = visible.order_by().annotate(found=Func(F("pk"), function="COUNT")).values("found")
    rows = list(visible.select_related("owner").annotate(found=Subquery(count)).order_by("name", "pk")[:most])
    hits = []
    for row in rows:
        shared = [] if row.owner_id == user.pk else [_("shared by %(owner)s") % {"owner": row.owner}]
        hits.append(Hit(row.name, " · ".join([str(row.get_page_display()), *shared]), row.url, "list"))
    return Group("views", _("Saved views"), hits, rows[0].found if rows else 0, reverse("saved_views:list"))


def _with(address: str, text: str) -> str:
    return f"{reverse(address)}?{urlencode({'q': text})}"
