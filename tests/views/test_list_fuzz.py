"""Random and hostile addresses of every list: never a failure, never a row of somebody else, never a wrong total."""

import csv
import datetime
import io
import random
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.http import QueryDict
from django.test import RequestFactory

from contacts.listing import CONTACTS
from contacts.models import Contact
from crm.lib.listing.export import export
from crm.lib.listing.listing import Listing
from crm.lib.listing.selection import Selection
from crm.lib.listing.views import column_form, filter_form, list_context, show_list
from opportunities.listing import OPPORTUNITIES
from opportunities.models import Opportunity
from quotes.listing import QUOTES
from salescycles.models import SalesCycle
from salespeople.listing import SALESPEOPLE, reader
from salespeople.models import Company, Salesperson, User
from tasks import lifecycle as tasks
from tasks.listing import TASKS
from tests.factories import QuoteFactory, make_opportunity

pytestmark = pytest.mark.django_db
LISTINGS = {listing.space: listing for listing in (OPPORTUNITIES, CONTACTS, SALESPEOPLE, QUOTES, TASKS)}
TRIES, PAGES, FILES = 250, 20, 8  # addresses of each list; of these so many as whole pages and as files

HOSTILE = (
    *("", "0", "-1", "1", "9" * 18, "9" * 25, "1e400", "NaN", "-0", "1.5", "\0", "%", "'", '"><script>', "\ud800x"),
    *("true", "null", "none", "me", "open", "won", "[]", "{}", "-", ",", ",,,", "\u202e", "Ä" * 300, "a" * 2500, "🙂"),
    *("2026-02-30", "2026-01-01", "0001-01-01", "9999-12-31", "end", "__proto__", "pk", "search", "contact__name"),
)
CURSORS = (
    *("[]", "[1]", "[null]", "[null,1]", "[null,null]", "[[1],1]", '[{"a":1},2]', "[1,2,3,4,5,6,7]", "1", "null"),
    *('["x",1]', '["2026-01-01",1]', '["2026-13-01",1]', '["0001-01-01",1]', "[true,1]", "[1e999,1]", '["NaN",1]'),
    *(
        '["1e11",1]',
        '["999999999999.99",1]',
        '["1e12",1]',
        '["-5",3]',
        '["1e-400",1]',
        '["\\u0000",1]',
        f'["{"x" * 900}",1]',
    ),
    *(f"[1,{2**63}]", f"[1,{2**63 - 1}]", "[1,-1]", "[1,1.0]", "[0,5]", "[" * 500, '["1",5]', "[9999999999,1]"),
    *('["2026-01-01T00:00:00",1]', '["2026-01-01T00:00:00+00:00",1]', '["9999-12-31T23:59:59-14:00",1]', "[false,2]"),
)


@pytest.fixture
def crowd(
    company: Company, acme: Contact, ann: Contact, beta: Contact, jo: Salesperson, of: Salesperson, cycle: SalesCycle
) -> None:
    today = company.today()
    for number in range(12):
        stage = (None, 1, 2)[number % 3]
        deal = make_opportunity(
            contact=(acme, ann, beta)[number % 3],
            salesperson=(jo, of)[number % 2] if stage or number % 4 else None,
            cycle=cycle if stage else None,
            stage=stage,
            estimated_value=(5, None, 70)[number % 3] if not stage else number,
            closing_on=today + datetime.timedelta(days=number % 4) if stage else None,
            priority=("high", "low")[number % 2],
            on=today,
        )
        if stage:
            QuoteFactory(opportunity=deal, net_amount=number)
            tasks.create(
                description=f"Call {number % 3}", opportunity=deal, salesperson=deal.salesperson, on=today, by=None
            )


def address(chance: random.Random, listing: Listing) -> str:
    """Up to eight words, known and unknown, with values that fit, nearly fit, and do not."""
    words = [*listing.filters.base_filters, "columns", "order", "group", "after", "before", "embedded", "page", "where"]
    pairs = []
    for _ in range(chance.randint(0, 8)):
        word = chance.choice(words) if chance.random() < 0.95 else chance.choice(HOSTILE)
        pairs.append((word, value(chance, listing, word)))
    return urlencode(pairs, quote_via=quote, errors="replace") + chance.choice(["", "", "&", "&=", "&%FF=%FE", ";a=b"])


def value(chance: random.Random, listing: Listing, word: str) -> str:
    names = [column.name for column in listing.columns]
    if chance.random() < 0.2:
        return chance.choice(HOSTILE)
    if word in ("columns", "order", "group"):
        many = 1 if word == "group" else chance.randint(1, 7)
        return ",".join(chance.choice(["", "-"]) * (word == "order") + chance.choice(names) for _ in range(many))
    if word in ("after", "before"):
        text = chance.choice(CURSORS)
        return "end" if chance.random() < 0.1 else urlsafe_b64encode(text.encode()).decode().rstrip("=")
    if word in ("status", "state", "which", "kind", "priority"):
        return chance.choice(["open", "won", "usable", "current", "company", "high", "not_started"])
    return chance.choice(["1", "2", str(chance.randint(1, 40)), "me", "none", "a", "FI", "2026-06-01", "true"])


def seen_by(listing: Listing, user: User) -> set[int]:
    """Without the door that the list goes through."""
    own = {"salesperson_id": user.salesperson_id} if user.salesperson_id else {}
    deals = Opportunity.objects.filter(**own) if own else Opportunity.objects.all()
    if listing is OPPORTUNITIES:
        return {deal.pk for deal in deals}
    if listing is QUOTES:
        return {quoted.pk for deal in deals for quoted in deal.quotes.all()}
    if listing is TASKS:
        return {task.pk for deal in deals for task in deal.tasks.all()}
    return set(listing.model._default_manager.values_list("pk", flat=True))


@pytest.fixture
def chores(crowd: None, company: Company) -> None:
    """Something to do about every opportunity that somebody sells."""
    for deal in Opportunity.objects.filter(salesperson__isnull=False):
        tasks.create(description="Call", salesperson=deal.salesperson, opportunity=deal, on=company.today(), by=None)


@pytest.mark.parametrize("who", ["rep", "manager"])
@pytest.mark.parametrize("space", LISTINGS)
def test_any_address_is_answered(
    request: pytest.FixtureRequest, chores: None, space: str, who: str, rf: RequestFactory
) -> None:
    listing, user = LISTINGS[space], User.objects.get(pk=request.getfixturevalue(who).pk)
    seen, chance, views = seen_by(listing, user), random.Random(f"{space} {who}"), {200: 0, 422: 0}
    assert seen
    for attempt in range(TRIES):
        query = address(chance, listing)
        selection = Selection(listing, user, QueryDict(query))
        told = list_context(selection, reader())
        check(selection, told, seen, query)
        views[200 if selection.understood else 422] += 1
        if attempt % (TRIES // PAGES) == 0:
            as_pages(rf, listing, user, query)
        if attempt % (TRIES // FILES) == 0:
            as_files(rf, listing, user, query, len(seen))
    assert min(views.values()) > TRIES // 20, "some are understood and some are not"


def check(selection: Selection, told: dict[str, Any], seen: set[int], query: str) -> None:
    found = {row.pk: row for row in selection.rows}
    shown = [row["pk"] for row in selection.page]
    assert set(found) <= seen, query
    assert set(shown) <= set(found) and len(set(shown)) == len(shown), query
    assert selection.totals.count == len(found), query
    for column in selection.summed:
        known = [getattr(row, column.path) for row in found.values() if getattr(row, column.path) is not None]
        assert selection.totals[column.name] == (sum(known) if known else None), query
    if selection.address.group:
        assert sum(group.count for group in selection.groups.values()) == len(found), query
    assert selection.understood or not found
    assert len(told["parts"]) <= max(1, len(shown))


def as_pages(rf: RequestFactory, listing: Listing, user: User, query: str) -> None:
    for view in (show, filter_form, column_form):
        request: Any = rf.get("/", QUERY_STRING=query)
        request.user, request._messages = user, []
        assert view(request, listing).status_code in (200, 422), query


def as_files(rf: RequestFactory, listing: Listing, user: User, query: str, most: int) -> None:
    """What the list passes over is refused; what it understood is a file of all that it counts."""
    place = QueryDict(query).copy()
    for word in ("after", "before", "embedded"):
        place.pop(word, None)
    selection = Selection(listing, user, place)
    clear = selection.understood and not selection.address.unknown
    assert as_file(rf, listing, user, f"{query}&as=csv").streaming is clear, query
    assert as_file(rf, listing, user, query).status_code == 422, query
    if selection.understood:
        again = selection.address.link()
        assert as_file(rf, listing, user, f"{again[1:]}&as=xlsx").status_code == 200, query
        told = as_file(rf, listing, user, f"{again[1:]}&as=csv").getvalue().decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(told, newline="")))
        assert len(rows) - 1 == selection.totals.count <= most, query
        assert {len(row) for row in rows} == {len(selection.address.columns)}, query


def as_file(rf: RequestFactory, listing: Listing, user: User, query: str) -> Any:
    request: Any = rf.get("/", QUERY_STRING=query)
    request.user, request._messages = user, []
    answer: Any = export(request, listing)
    assert answer.status_code in (200, 422), query
    if answer.streaming:
        with answer.file_to_stream as file:
            answer.streaming_content = [file.read()]
    return answer


def show(request: Any, listing: Listing) -> Any:
    return show_list(request, listing, reader())


def test_the_tries_are_the_same_every_time() -> None:
    first, second = (address(random.Random("x"), OPPORTUNITIES) for _ in range(2))
    assert first == second
