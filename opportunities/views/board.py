"""The board of one sales cycle, and what a verb answers when it was asked from there."""

import datetime
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

from django.db.models import QuerySet, Subquery
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from crm.lib.fragments import is_fragment, render_page
from crm.lib.listing import words
from crm.lib.listing.address import carried, with_query
from crm.lib.prepared import Prepared
from opportunities.board import DEFAULT_ORDER, ORDERS, RECENT, STEP, Board, Column, month_of, newest_entry
from opportunities.filters import OpportunityFilter
from opportunities.gates import Mover
from opportunities.listing import OPPORTUNITIES
from opportunities.models import NextStep, Opportunity, OpportunityEntry, Status
from opportunities.sight import sight_of
from opportunities.stalling import Stalled, with_limits
from opportunities.views.access import ADD, CHANGE
from salescycles.models import SalesCycle, Stage
from salespeople import saved_views
from salespeople.models import Company, SavedView, User, pages_open_to
from salespeople.requests import SignedIn

TEMPLATE = "opportunities/board.html"
COMPACT = "compact"
SHAPES = ("order", "cards", "more", "new")  # what the form of the board's looks says anew, or what it makes pointless
STRIPPED = ("open", Status.NOT_STARTED, Status.IN_PROGRESS)  # statuses of which the strip can speak
OWN_ENTRIES = 500  # so many changes made on a page that stays open are told from other people's


def _stages(shape: tuple[str, tuple[str, ...]], user: int) -> QuerySet[Stage]:
    page, pages = shape
    newest = Subquery(newest_entry(OpportunityEntry.objects.all()))
    stages = with_limits(Stage.objects.select_related("sales_cycle").annotate(newest_entry=newest))
    stages = stages.order_by("sales_cycle__code", "number")
    return saved_views.beside(stages, page, pages, user) if page else stages


STAGES = Prepared(_stages)


class BoardFilter(OpportunityFilter):
    """`page`: where `tabs` are wanted, the name of its address."""

    def __init__(self, data: Any, *, page: str = "", **options: Any) -> None:
        super().__init__(data, **options)
        self.page = page

    @cached_property
    def stages(self) -> list[Stage]:
        """With the key of the newest entry, read before any card is, and the saved views."""
        return STAGES.rows((self.page, pages_open_to(self.user)), self.user.pk)

    @cached_property
    def tabs(self) -> saved_views.Tabs:
        """The page's saved views, which come with the stages: no query of their own where there are stages."""
        return saved_views.tabs(self.user, self.page, self.data, saved_views.brought(self.stages))


@dataclass
class Seen:
    """What an address of the board means for a person."""

    query: QueryDict
    filters: BoardFilter
    board: Board | None
    unknown: list[str]
    understood: bool


def read(user: User, query: QueryDict, page: str = "") -> Seen:
    """The board of the cycle that the address names, else of the default one, limited to what the person may see.
    `page` where its tabs are wanted as well."""
    filters = BoardFilter(query, queryset=Opportunity.objects.visible_to(user), user=user, page=page)
    filters.form.auto_id = "filter_%s"  # beside the forms of cards and of the panel
    understood = filters.is_valid()
    rows = filters.qs if understood else Opportunity.objects.none()
    totals = OPPORTUNITIES.totals
    known = totals and understood and totals.beside(user) is None  # else every row is counted
    kept = totals.left_by(filters) if totals and known else None
    today = Company.current().today()
    order, more, unknown = _order(query), _more(query), []
    unknown += [name[:50] for name in query if name not in {*filters.filters, *words.OF_BOARD}]
    unknown += [f"order={query['order'][:50]}"] if query.get("order") and order != query["order"] else []
    cycle = _cycle(filters.stages, query.get("sales_cycle", ""))
    board = None
    if cycle is not None:
        stages = [stage for stage in filters.stages if stage.sales_cycle_id == cycle.pk]
        board = Board(
            cycle=cycle,
            stages=stages,
            rows=rows.filter(sales_cycle=cycle),
            today=today,
            order=order,
            shown=more,
            kept=None if kept is None else kept.filter(sales_cycle=cycle),
            shape=(
                understood,
                sight_of(user),
                filters.asker.clock,
                tuple((word, *values) for word, values in query.lists()),
            ),
            mover=Mover.of(user, stages),
            closed_since=None if _names_closing(query, filters) else today - datetime.timedelta(days=RECENT),
        )
    return Seen(query, filters, board, [word.replace("\0", "") for word in unknown], understood)


def _cycle(stages: list[Stage], wanted: str) -> SalesCycle | None:
    cycles = {str(stage.sales_cycle_id): stage.sales_cycle for stage in stages}
    usual = sorted(cycles.values(), key=lambda cycle: (not cycle.is_default, cycle.blocked))
    return cycles.get(wanted) or next(iter(usual), None)


def _order(query: QueryDict) -> str:
    return query.get("order", "") if query.get("order", "") in ORDERS else DEFAULT_ORDER


def _more(query: QueryDict) -> dict[str, int]:
    """`more=12.50`: the column of stage 12 shows 50 cards. What cannot be read counts for nothing."""
    pairs = (word.partition(".") for word in query.getlist("more"))
    return {key: int(many) for key, dot, many in pairs if many.isascii() and many.isdecimal() and len(many) < 6}


def _names_closing(query: QueryDict, filters: BoardFilter) -> bool:
    where = filters.conditions
    return bool(query.get("closed_from") or query.get("closed_to") or (where and where.names("closed_on")))


@require_safe
def board(request: SignedIn) -> HttpResponse:
    """A column for every stage; everything that shapes it is in the address, which the list reads as well."""
    seen = read(request.user, request.GET, SavedView.Page.BOARD)
    tabs = seen.filters.tabs
    if tabs.landing:
        return HttpResponseRedirect(tabs.landing)
    context = _context(request, seen) | {"chips": seen.filters.chips if seen.understood else [], "tabs": tabs}
    return render_page(request, TEMPLATE, context, partial="board", status=200 if seen.understood else 422)


@require_safe
def card(request: SignedIn, pk: int) -> HttpResponse:
    """One card again, with every header and the strip: after its opportunity was changed beside the board."""
    query = board_of(request)
    return answer(request, QueryDict() if query is None else query, pk)


@require_safe
def changes(request: SignedIn) -> HttpResponse:
    """How many opportunities of the board others have changed since it was read; cards stay where they are."""
    query = board_of(request) or QueryDict()
    since, own = request.GET.get("since", ""), request.GET.get("own", "").split(",")
    count = 0
    seen = read(request.user, query)
    if seen.board and _is_key(since):
        entries = OpportunityEntry.objects.filter(pk__gt=int(since), sales_cycle=seen.board.cycle)
        entries = entries.exclude(pk__in=[int(key) for key in own[:OWN_ENTRIES] if _is_key(key)])
        visible = Opportunity.objects.visible_to(request.user)
        count = entries.filter(opportunity__in=visible).values("opportunity").distinct().count()
    context = {"changed": count, "query": query.urlencode()}
    return render_page(request, TEMPLATE, context, partial="changes")


@require_safe
def attention(request: SignedIn) -> HttpResponse:
    """What the strip says once the page is there: how many wait for somebody. Each count asks more of every row than the page
    itself does, so it never waits for them."""
    query = board_of(request) or QueryDict()
    if not is_fragment(request):
        return HttpResponseRedirect(address(query))
    seen = read(request.user, query)
    figures = _attention(seen, counted=True)
    stages = seen.board.stages if seen.board and figures else []
    stalled = {stage.pk: seen.board.waiting[str(stage.pk)]["stalled"] for stage in stages if seen.board}
    return render_page(request, TEMPLATE, {"attention": figures, "stalled": stalled}, partial="waiting")


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


def board_of(request: SignedIn) -> QueryDict | None:
    """The address of the board from which a form was sent; None where it was not sent from a board."""
    return carried(request, "board")


def address(query: QueryDict) -> str:
    return with_query(reverse("opportunities:board"), query)


def answer(
    request: SignedIn,
    query: QueryDict,
    pk: int,
    *,
    status: int = 200,
    ask: Any = None,
    entry: int | None = None,
    seen: Seen | None = None,
    opportunity: Opportunity | None = None,
) -> HttpResponse:
    """The card where it stands now, every header and the strip, all out of band; `ask` is a form to show on the card. Who
    has read the board's address and its marked opportunity already hands them in."""
    if not is_fragment(request):
        return HttpResponseRedirect(f"{address(query)}#card-{pk}")
    seen = seen or read(request.user, query)
    card = None
    if seen.board:
        card = seen.board.card_of(opportunity) if opportunity else seen.board.card(pk)
    context = _context(request, seen, cards=False) | {
        "cards": [card] if card else [],
        "pk": pk,
        "ask": ask,
        "entry": entry,
    }
    response = render_page(request, TEMPLATE, context, partial="answer", status=status)
    response["HX-Reswap"] = "none"
    return response


def _context(request: SignedIn, seen: Seen, *, cards: bool = True) -> dict[str, Any]:
    board, user = seen.board, request.user
    columns = [] if board is None else board.columns if cards else board.headers
    for column in columns:
        column.more_url = _show_more(seen.query, column)
    return {
        "filters": seen.filters,
        "understood": seen.understood,
        "unknown": seen.unknown,
        "board": board,
        "columns": columns,
        "cycles": _cycles(seen),
        "orders": [(word, label) for word, (label, by) in ORDERS.items()],
        "order": board.order if board else DEFAULT_ORDER,
        "compact": seen.query.get("cards") == COMPACT,
        "query": seen.query.urlencode(),
        "filter_url": f"{reverse('opportunities:filter')}?{_with(seen.query, next='board').urlencode()}",
        "kept": [(name, value) for name in seen.query if name not in SHAPES for value in seen.query.getlist(name)],
        "root": reverse("opportunities:list"),
        "opens": escape(f"/?{_list_query(seen)}{_way_back(seen)}&from=board"),
        "board_word": escape(f"/?board={quote(seen.query.urlencode())}"),
        "list_query": _list_query(seen),
        "strip": _strip(seen) if board else [],
        "attention": _attention(seen),
        "closed_days": None if _names_closing(seen.query, seen.filters) else RECENT,
        "newest": board.stages[0].newest_entry or 0 if board and hasattr(board.stages[0], "newest_entry") else 0,
        "may_change": user.has_perm(CHANGE),
        "sight": sight_of(user),
        "may_add": user.has_perm(ADD),
        "may_see": user.has_perm("opportunities.view_opportunity"),
        "may_set_up": user.has_perm("salescycles.add_salescycle"),
        "shows_owner": _shows_owner(user, seen.query),
    }


def _shows_owner(user: User, query: QueryDict) -> bool:
    """Not where the view fixes who it is."""
    chosen = query.get("salesperson", "")
    return sight_of(user).others and not chosen


def _with(query: QueryDict, **words: str) -> QueryDict:
    changed = query.copy()
    for name, value in words.items():
        changed[name] = value
    return changed


def _show_more(query: QueryDict, column: Column) -> str:
    """The address with more cards of this column, or with none where it is a closed one that shows some."""
    changed = query.copy()
    others = [word for word in query.getlist("more") if word.partition(".")[0] != column.key]
    changed.setlist("more", [*others, f"{column.key}.{column.shown + STEP}"])
    return address(changed)


def _cycles(seen: Seen) -> list[dict[str, Any]]:
    found = {stage.sales_cycle_id: stage.sales_cycle for stage in seen.filters.stages}
    current = seen.board.cycle.pk if seen.board else None
    return [{"key": key, "name": str(cycle), "chosen": key == current} for key, cycle in found.items()]


def _list_query(seen: Seen) -> str:
    """The same definition for the list: what the list cannot honour is left out."""
    query = seen.query.copy()
    for name in words.OF_BOARD:
        query.pop(name, None)
    if seen.board:
        query["sales_cycle"] = str(seen.board.cycle.pk)
    return query.urlencode()


def _way_back(seen: Seen) -> str:
    """The whole address where a view is open, so that the way back to the board leads to that view unchanged."""
    return f"&board={quote(seen.query.urlencode())}" if words.VIEW in seen.query else ""


def _strip(seen: Seen) -> list[dict[str, Any]]:
    """Open opportunities, their value, weighted value, those that close this month, overdue ones; each leads to its rows.
    None of them where the address asks for a status that has no such rows, which no link could say."""
    assert seen.board is not None
    totals, today = seen.board.open_totals, seen.board.today
    asked = seen.filters.form.cleaned_data
    if not seen.understood or asked["status"] not in ("", *STRIPPED):
        return []
    first, last = month_of(today)
    since, until = asked["closing_from"] or first, asked["closing_to"] or last
    listed = QueryDict(_list_query(seen))
    running = _with(listed, status="in_progress")
    rows = reverse("opportunities:list")
    opened = listed if listed.get("status") else _with(listed, status="open")
    month = _with(running, closing_from=str(max(first, since)), closing_to=str(min(last, until)))
    yesterday = today - datetime.timedelta(days=1)
    overdue = _with(running, closing_to=str(min(yesterday, asked["closing_to"] or yesterday)))
    figures: list[dict[str, Any]] = [
        {"label": _("Open"), "count": totals.count, "url": f"{rows}?{opened.urlencode()}"},
        {
            "label": _("Value"),
            "amount": totals.value,
            "url": f"{rows}?{_with(opened, order='-estimated_value').urlencode()}",
        },
        {
            "label": _("Weighted"),
            "amount": totals.weighted,
            "url": f"{rows}?{_with(opened, order='-calculated_value').urlencode()}",
        },
        {"label": _("Closing this month"), "count": totals.this_month, "url": f"{rows}?{month.urlencode()}"},
        {
            "label": _("Overdue"),
            "count": totals.overdue,
            "url": f"{rows}?{overdue.urlencode()}",
            "tone": "red" if totals.overdue else "",
        },
    ]
    return figures[:3] if asked["status"] == Status.NOT_STARTED else figures


def _attention(seen: Seen, *, counted: bool = False) -> list[dict[str, Any]]:
    """Those in progress that stay too long, and those without a next step; links lead to them, counted or not. None where no
    link could say both what the address asks for and this."""
    if seen.board is None or not seen.understood:
        return []
    asked = seen.filters.form.cleaned_data
    if asked["status"] not in ("", "open", Status.IN_PROGRESS):
        return []
    running = _with(QueryDict(_list_query(seen)), status="in_progress")
    wanted: dict[str, tuple[str, QueryDict]] = {
        "stalled": (_("Stalled"), _with(running, stalled=asked["stalled"] or Stalled.ANY.value))
    }
    if asked["next_step"] in ("", NextStep.NONE):
        wanted["stepless"] = (_("No next step"), _with(running, next_step=NextStep.NONE))
    rows, figures = reverse("opportunities:list"), []
    for name, (label, query) in wanted.items():
        figure: dict[str, Any] = {"label": label, "url": f"{rows}?{query.urlencode()}"}
        if counted:
            count = sum(waiting[name] for waiting in seen.board.waiting.values())
            figure |= {"count": count, "tone": "amber" if count else ""}
        figures.append(figure)
    return figures
