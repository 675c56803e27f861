"""What somebody can go to or do by typing: opportunities, contacts, quotes, salespeople, teams, saved views, pages and actions.
Each by its own door: nothing is found that the person may not see. A query for each kind of row, which brings the first
rows and how many there are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Case, Count, F, Func, IntegerField, Q, QuerySet, Subquery, Value, When, Window
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from contacts.models import Contact
from crm.lib.listing.keyset import OneOf
from crm.lib.money import format_money
from crm.lib.search import MOST_WORDS, words
from opportunities.board import Joined
from opportunities.models import Opportunity
from quotes.models import Quote
from salespeople.models import Company, Salesperson, SavedView, Team, User

LONGEST = 200  # as much as the lists' own search takes
COUNTED = 200  # of each kind; “more than 200” beyond
SAMPLE, FREQUENT = 1000, 20  # a word that so many of so many rows have is frequent
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
    Place(gettext_lazy("Gates passed over"), "opportunities:overrides", "flag", "opportunities.override_gates"),
    Place(gettext_lazy("Contacts"), "contacts:list", "contact", "contacts.view_contact"),
    Place(gettext_lazy("Likely duplicates"), "contacts:duplicates", "copy", "contacts.view_contact"),
    Place(gettext_lazy("Agenda"), "tasks:agenda", "check", "tasks.view_task"),
    Place(gettext_lazy("Calendar"), "tasks:calendar", "calendar", "tasks.view_task"),
    Place(gettext_lazy("Tasks by period"), "tasks:matrix", "board", "tasks.view_task"),
    Place(gettext_lazy("Tasks"), "tasks:list", "list", "tasks.view_task"),
    Place(gettext_lazy("Interactions"), "interactions:list", "comment", "interactions.view_interaction"),
    Place(gettext_lazy("Quotes"), "quotes:list", "quote", "quotes.view_quote"),
    Place(gettext_lazy("Salespeople"), "salespeople:list", "people", "salespeople.view_salesperson"),
    Place(gettext_lazy("Teams"), "salespeople:teams", "people", "salespeople.view_team"),
    Place(gettext_lazy("Reports"), "reports", "list"),
    Place(gettext_lazy("Saved views"), "saved_views:list", "list"),
    Place(gettext_lazy("Inbox"), "collaboration:inbox", "inbox"),
    Place(gettext_lazy("My settings"), "account:preferences", "admin"),
    Place(gettext_lazy("Keyboard shortcuts"), "keyboard", "keyboard"),
    Place(gettext_lazy("Import"), "import:list", "upload", "upkeep.add_importrun"),
    Place(gettext_lazy("Set-up"), "admin:index", "admin", STAFF),
)
ACTIONS = (
    Place(gettext_lazy("New opportunity"), "opportunities:new", "plus", "opportunities.add_opportunity"),
    Place(gettext_lazy("New task"), "tasks:new", "plus", "tasks.add_task"),
    Place(gettext_lazy("Log an interaction"), "interactions:new", "plus", "interactions.add_interaction"),
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
    """What was found of one kind: the first `hits` of `count`, which is one more than `COUNTED` where there are more; `all_url`
    has them all."""

    key: str
    title: str
    hits: list[Hit]
    count: int
    all_url: str = ""
    all_label: str = ""

    @property
    def has_more(self) -> bool:
        return self.count > len(self.hits)

    @property
    def is_cut(self) -> bool:
        return self.count > COUNTED

    @property
    def said(self) -> int:
        return min(self.count, COUNTED)


@dataclass
class Results:
    groups: list[Group] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(group.said for group in self.groups)

    @property
    def is_cut(self) -> bool:
        return any(group.is_cut for group in self.groups)


def find(user: User, text: str, *, most: int, rows: bool) -> Results:
    """Everything that the words of `text` begin; at most `most` rows of each kind, none where `rows` are not asked for."""
    typed = words(text)
    kinds = (_opportunities, _contacts, _quotes, _salespeople, _teams, _views)
    groups = kinds if rows and typed else ()
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


def _first(
    rows: QuerySet[Any],
    text: str,
    most: int,
    *order: Any,
    sample: QuerySet[Any] | None = None,
    begun: Sequence[QuerySet[Any]] = (),
) -> tuple[Any, int]:
    """The first rows, one of exactly that number before all others; and how many there are, of more than `COUNTED` one more
    than that: then the first ones are those of the first of `begun` that has so many, else of the newest. Keys first, so that
    only what is shown is joined with what it names. `sample` is searched among the newest rows of all: what many of them have
    is met on a walk from the newest on, anything else is fetched by the index of words. Left to itself Postgres takes a rare
    word for a frequent one, and walks."""
    exact = Case(When(number=text.strip(), then=0), default=1, output_field=IntegerField())
    same = ArraySubquery(rows.order_by().filter(number=text.strip()).values("pk"))
    by_words: Any = _keys(rows.order_by(F("pk") * -1))
    if sample is not None:
        walk = _keys(rows.order_by("-pk"))
        known = ArraySubquery(rows.model.objects.order_by("-pk").values("pk")[:SAMPLE])
        count = sample.order_by().filter(OneOf(F("pk"), known)).annotate(found=Func(F("pk"), function="COUNT"))
        frequent = GreaterThanOrEqual(Subquery(count.values("found")), FREQUENT)
        by_words = Case(When(frequent, then=walk), default=by_words, output_field=walk.output_field)
        by_words = Coalesce(*(_Full(_keys(some), least=COUNTED) for some in begun), by_words) if begun else by_words
    every = rows.model.objects.filter(OneOf(F("pk"), Joined(same, by_words)))
    told = every.order_by(exact, *order).values_list("pk", Window(Count("pk")))[:most]
    keys = dict(told)
    shown = rows.model.objects.filter(pk__in=keys).order_by(exact, *order) if keys else rows.model.objects.none()
    return shown, min(max(keys.values(), default=0), COUNTED + 1)


class _Full(Func):
    """An array of more than `least` keys, which is asked for once; else NULL."""

    template = (
        "(SELECT given FROM (SELECT %(expressions)s AS given OFFSET 0) AS once WHERE cardinality(given) > %(least)s)"
    )


def _keys(rows: QuerySet[Any]) -> ArraySubquery:
    return ArraySubquery(rows.values("pk")[: COUNTED + 1])


def _opportunities(user: User, text: str, most: int) -> Group:
    """Open ones first, then what was closed last."""
    visible = Opportunity.objects.visible_to(user).listed().search(text)
    sample = Opportunity.objects.search(text) if user.has_perm("opportunities.view_every_opportunity") else None
    rows, count = _first(visible, text, most, F("closed_on").desc(nulls_first=True), "-pk", sample=sample)
    hits = [Hit(row.description, _about(row), row.get_absolute_url(), "target") for row in rows.with_names()]
    label = ngettext("All %(count)s opportunities", "All %(count)s opportunities", count) % {"count": count}
    return Group(
        "opportunities", _("Opportunities"), hits, count, _with("opportunities:list", text), _unless_cut(label, count)
    )


def _about(row: Opportunity) -> str:
    company = [row.company.name] if row.company_id != row.contact_id else []
    return " · ".join([row.number, *company, row.contact.name, str(row.stage or row.get_status_display())])


def _contacts(user: User, text: str, most: int) -> Group:
    visible = Contact.objects.visible_to(user)
    sample = Contact.objects.search(text) if user.has_perm("contacts.view_every_contact") else None
    begun = visible.beginning_with(text)
    rows, count = _first(visible.search(text), text, most, "name", "pk", sample=sample, begun=begun)
    hits = []
    for row in rows.select_related("company"):
        told = (row.number, row.company.name if row.company else "", row.job_title, row.city)
        icon = "building" if row.is_company else "person"
        hits.append(Hit(row.name, " · ".join(filter(None, told)), row.get_absolute_url(), icon))
    label = ngettext("All %(count)s contacts", "All %(count)s contacts", count) % {"count": count}
    return Group("contacts", _("Contacts"), hits, count, _with("contacts:list", text), _unless_cut(label, count))


def _found(rows: list[Any]) -> int:
    return rows[0].found if rows else 0


def _unless_cut(label: str, count: int) -> str:
    """“All 21 contacts”, where that is how many there are."""
    return label if count <= COUNTED else ""


def _quotes(user: User, text: str, most: int) -> Group:
    """By how their number begins."""
    visible = Quote.objects.visible_to(user).filter(number__startswith=text.strip().upper())
    rows, count = _first(visible, text, most, "-quoted_on", "-pk")
    currency, language = Company.current().currency, get_language() or "en"
    hits = [
        Hit(
            row.number,
            f"{format_money(row.net_amount, currency, language)} · {row.opportunity}",
            row.get_absolute_url(),
            "quote",
        )
        for row in rows.select_related("opportunity")
    ]
    return Group("quotes", _("Quotes"), hits, count, _with("quotes:list", text))


def _salespeople(user: User, text: str, most: int) -> Group:
    rows = _few(Salesperson.objects.visible_to(user).search(text), most)
    hits = [
        Hit(row.name, " · ".join(filter(None, (row.code, row.job_title))), row.get_absolute_url(), "people")
        for row in rows
    ]
    return Group("salespeople", _("Salespeople"), hits, _found(rows), _with("salespeople:list", text))


def _teams(user: User, text: str, most: int) -> Group:
    rows = _few(Team.objects.visible_to(user).search(text), most)
    hits = [Hit(row.name, row.code, row.get_absolute_url(), "people") for row in rows]
    return Group("teams", _("Teams"), hits, _found(rows), reverse("salespeople:teams"))


def _few(rows: QuerySet[Any], most: int) -> list[Any]:
    """Of a kind that a company has some hundreds of."""
    found = Window(Count("pk"))
    return list(rows.annotate(found=found).order_by("name", "pk")[:most])


def _views(user: User, text: str, most: int) -> Group:
    """By their names, each word anywhere in it."""
    named = Q(Value(True))
    for word in text.split()[:MOST_WORDS]:
        named &= Q(name__icontains=word)
    visible = SavedView.objects.visible_to(user).filter(named)
    rows = _few(visible.select_related("owner"), most)
    hits = []
    for row in rows:
        shared = [] if row.owner_id == user.pk else [_("shared by %(owner)s") % {"owner": row.owner}]
        hits.append(Hit(row.name, " · ".join([str(row.get_page_display()), *shared]), row.url, "list"))
    return Group("views", _("Saved views"), hits, _found(rows), reverse("saved_views:list"))


def _with(address: str, text: str) -> str:
    return f"{reverse(address)}?{urlencode({'q': text})}"
