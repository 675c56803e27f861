"""Who may not see an opportunity finds it nowhere: every address of the product has its line here, and a new address
without one fails. Four people try: another rep, who has every right but on this opportunity; a colleague of another team in a
company where opportunities and contacts are seen by teams; a viewer who does not see everybody's; and one without any role.
Who sees contacts by level finds the opportunity's contact as little. A viewer who sees all of it changes nothing."""

import datetime
import re
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from openpyxl import load_workbook

from collaboration.models import Attachment, Comment, ContactRole, Involvement, Notification, Tag, Tagging
from contacts.duplicate_models import LikelyPair, SeparateContacts
from contacts.models import AlternativeAddress, Contact
from interactions import lifecycle as interactions
from interactions.models import Interaction
from opportunities import bulk
from opportunities.ledger import faults
from opportunities.models import Batch, Opportunity, OpportunityEntry
from quotes.models import Quote
from salescycles.models import CloseCode, SalesCycle, Source, Stage
from salespeople.models import Company, Grant, Membership, Salesperson, SavedView, Team, User
from salespeople.roles import READ, SELL
from tasks import lifecycle as tasks
from tasks.models import Task
from tests.factories import ContactFactory, QuoteFactory, SourceFactory, TeamFactory, make_opportunity
from tests.views.waiting import waiting
from upkeep import merge as merging
from upkeep.merging_models import Merge

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
HX = {"HX-Request": "true"}

# What must be read nowhere: number, description and reason of the opportunity, number of its quote; its figures.
# Of its contact where contacts are seen by level: number, name, city.
CONTACT_SECRETS = ("CTHIDDEN", "Gilded swan", "Umbra")
SECRETS = (
    "OPHIDDEN",
    "Velvet thrones",
    "whispered reason",
    "QUHIDDEN",
    "7,654,321",
    "7654321",
    "2,345,678",
    "2345678",
    "Hushed call",
    "Hushed words",
)

as_page_and_fragment = pytest.mark.parametrize("headers", [{}, HX], ids=["page", "fragment"])

VERBS = (
    *("start", "move", "revise", "edit", "reassign", "change-cycle", "close", "reopen", "undo", "correct", "archive"),
    "restore",
)
GONE, LACKS, ADMIN = "404", "lacks it", "to the sign-in of the admin pages"
BY_LEVEL = "404 for who sees contacts by level"

# Every address by its name, and what it answers. An address of the admin pages needs no line: all of them are `ADMIN`.
MATRIX = {
    "home": LACKS,
    "login": LACKS,
    "logout": LACKS,
    "set_language": LACKS,
    "set_theme": LACKS,
    "keyboard": LACKS,
    "favicon": LACKS,
    "healthz": LACKS,
    "opportunities:list": LACKS,
    "opportunities:filter": LACKS,
    "opportunities:columns": LACKS,
    "opportunities:export": LACKS,
    "opportunities:new": LACKS,
    "opportunities:new-for-many": LACKS,
    "opportunities:board": LACKS,
    "opportunities:board-attention": LACKS,
    "opportunities:board-changes": LACKS,
    "opportunities:quick": LACKS,
    "opportunities:bulk": LACKS,
    "opportunities:batches": LACKS,
    "opportunities:overrides": LACKS,
    "opportunities:batch": GONE,
    "opportunities:batch-undo": GONE,
    "opportunities:batch-progress": GONE,
    "opportunities:batch-cancel": GONE,
    "opportunities:card": LACKS,
    "opportunities:detail": GONE,
    "opportunities:sharing": GONE,
    "opportunities:report": GONE,
    "reports": LACKS,
    **{
        f"{space}:print": LACKS
        for space in ("opportunities", "contacts", "tasks", "salespeople", "quotes", "interactions")
    },
    "opportunities:comment": GONE,
    "opportunities:tags": GONE,
    "opportunities:people": GONE,
    "opportunities:involving": BY_LEVEL,
    "collaboration:inbox": LACKS,
    "collaboration:read": LACKS,
    "collaboration:people": LACKS,
    "account:preferences": LACKS,
    "account:calendar-key": LACKS,
    "tasks:feed": LACKS,
    "collaboration:comment-edit": GONE,
    "collaboration:comment-delete": GONE,
    "collaboration:files": GONE,
    "collaboration:file": GONE,
    "collaboration:file-remove": GONE,
    **{f"opportunities:{verb}": GONE for verb in VERBS},
    "contacts:list": LACKS,
    "contacts:filter": LACKS,
    "contacts:columns": LACKS,
    "contacts:export": LACKS,
    "contacts:new": LACKS,
    "contacts:duplicates": LACKS,
    "contacts:duplicates-decide": LACKS,
    "contacts:detail": BY_LEVEL,
    "contacts:edit": BY_LEVEL,
    "contacts:sharing": BY_LEVEL,
    "contacts:comment": BY_LEVEL,
    "contacts:tags": BY_LEVEL,
    "contacts:address-new": BY_LEVEL,
    "contacts:address-edit": BY_LEVEL,
    "contacts:address-delete": BY_LEVEL,
    "salespeople:list": LACKS,
    "salespeople:filter": LACKS,
    "salespeople:columns": LACKS,
    "salespeople:export": LACKS,
    "salespeople:new": LACKS,
    "salespeople:detail": LACKS,
    "salespeople:edit": LACKS,
    "salespeople:teams": LACKS,
    "salespeople:team": LACKS,
    "quotes:list": LACKS,
    "quotes:filter": LACKS,
    "quotes:columns": LACKS,
    "quotes:export": LACKS,
    "quotes:new": LACKS,
    "quotes:detail": GONE,
    "quotes:make-current": GONE,
    "upkeep:merge": LACKS,
    "upkeep:merges": BY_LEVEL,
    "upkeep:merge-detail": BY_LEVEL,
    "upkeep:merge-undo": BY_LEVEL,
    **{
        f"tasks:{page}": LACKS
        for page in ("list", "filter", "columns", "export", "new", "assign", "agenda", "calendar", "events", "matrix")
    },
    "tasks:card": GONE,
    **{
        f"tasks:{verb}": GONE
        for verb in ("detail", "complete", "postpone", "reschedule", "reassign", "cancel", "reopen")
    },
    **{f"interactions:{page}": LACKS for page in ("list", "filter", "columns", "export", "new")},
    **{f"interactions:{page}": GONE for page in ("card", "detail", "cancel", "restore")},
    "search": LACKS,
    "import:list": LACKS,
    "import:table": LACKS,
    **{
        f"import:{page}": LACKS
        for page in ("run", "columns", "read", "words", "start", "stop", "undo", "progress", "result")
    },
    "upkeep:handovers": LACKS,
    "upkeep:handover": LACKS,
    "upkeep:hand-over": LACKS,
    "upkeep:hand-over-finish": LACKS,
    "upkeep:hand-over-undo": LACKS,
    "saved_views:list": LACKS,
    "saved_views:new": LACKS,
    **{f"saved_views:{act}": GONE for act in ("detail", "save", "default", "order", "delete")},
}

ONES_OWN = (
    *("login", "logout", "set_language", "set_theme", "keyboard"),
    *("account:preferences", "account:calendar-key"),
)
NOT_READ = (
    "opportunities:batch-cancel",
    "collaboration:read",
    "account:calendar-key",
    "upkeep:hand-over-finish",
    "upkeep:hand-over-undo",
    *(f"import:{verb}" for verb in ("read", "words", "start", "stop")),
    "contacts:duplicates-decide",
    "quotes:make-current",
    "saved_views:save",
    "saved_views:default",
    "saved_views:order",
    "interactions:cancel",
    "interactions:restore",
)
NOT_WRITTEN = (
    "opportunities:detail",
    "opportunities:report",
    "opportunities:batch",
    "opportunities:batch-progress",
    "tasks:card",
    "interactions:card",
    "collaboration:file",
)  # by GET; by POST: answered before any look
OF_THE_DEAL = ("tasks:card", "interactions:card", "collaboration:files")  # which the address names behind the "?"


@pytest.fixture
def swan(jo: Salesperson) -> Contact:
    """The rep's, with a person of whom nobody else knows."""
    company: Any = ContactFactory(number="CTHIDDEN", name="Gilded swan", city="Umbra", salesperson=jo)
    ContactFactory(number="CTHIDDEN2", name="Person of the Gilded swan", kind="person", company=company, salesperson=jo)
    AlternativeAddress.objects.create(contact=company, code="SUMMER", city="Umbra")
    return company


@pytest.fixture(autouse=True)
def merge(swan: Contact, manager: User, company: Company) -> Merge:
    """Of the contact with one that looked like it; another one looks like it still."""
    twin, other = (ContactFactory(name=f"Gilded swan {form}", city="Umbra") for form in ("Oy", "Ab"))
    both = Contact.objects.filter(pk__in=[swan.pk, twin.pk])
    (done,) = merging.merge(
        [swan.pk, twin.pk],
        survivor=swan.pk,
        picks={},
        seen=merging.fingerprint(both),
        by=manager,
        on=company.today(),
    )
    assert LikelyPair.objects.filter(one=swan, other=other).exists()
    return done.merge


@pytest.fixture
def hidden(swan: Contact, jo: Salesperson, cycle: SalesCycle, rep: User, company: Company) -> Opportunity:
    """The rep's: at stage 2, due tomorrow, worth more than all others, with a quote."""
    today = company.today()
    return make_opportunity(
        contact=swan,
        salesperson=jo,
        cycle=cycle,
        stage=2,
        by=rep,
        on=today,
        number="OPHIDDEN",
        description="Velvet thrones",
        value=7654321,
        closing_on=today + datetime.timedelta(days=1),
    )


@pytest.fixture(autouse=True)
def quote(hidden: Opportunity) -> Quote:
    return QuoteFactory(opportunity=hidden, number="QUHIDDEN", net_amount=2345678)


@pytest.fixture(autouse=True)
def task(hidden: Opportunity, rep: User, company: Company) -> Task:
    today = company.today()
    return tasks.create(description="Hushed call", salesperson=rep.salesperson, opportunity=hidden, on=today, by=rep)


@pytest.fixture(autouse=True)
def talk(hidden: Opportunity, rep: User, company: Company) -> Interaction:
    return interactions.log(description="Hushed words", opportunity=hidden, on=company.today(), by=rep)


@pytest.fixture(autouse=True)
def view(hidden: Opportunity, rep: User) -> SavedView:
    """The rep's own, whose name and search tell of the opportunity."""
    given = {
        "owner": rep,
        "page": SavedView.Page.OPPORTUNITIES,
        "name": "whispered reason",
        "query": "q=Velvet thrones",
    }
    return SavedView.objects.create(**given)


@pytest.fixture(autouse=True)
def batch(hidden: Opportunity, rep: User, company: Company) -> Batch:
    """The rep's, of the hidden opportunity alone."""
    values = {"priority": "high", "on": company.today(), "reason": "whispered reason"}
    asked = [("reason", "whispered reason")]
    made = bulk.run(rep, {hidden.pk: hidden.version}, "edit", values, asked=asked).batch
    assert made is not None
    hidden.refresh_from_db()
    return made


@pytest.fixture(autouse=True)
def hung(hidden: Opportunity, acme: Contact, rep: User) -> None:
    """What hangs on the opportunity: a comment, which calls everybody, a file, a tag, and a contact who takes part."""
    Comment.objects.create(opportunity=hidden, author=rep, text="Velvet thrones, a whispered reason")
    file = {"file": "nowhere", "name": "Velvet thrones.pdf", "size": 7654321, "content_type": "application/pdf"}
    Attachment.objects.create(opportunity=hidden, uploaded_by=rep, **file)
    Tagging.objects.create(opportunity=hidden, tag=Tag.objects.create(name="Tender"))
    role = ContactRole.objects.create(code="DECIDES")
    for contact in (acme, hidden.contact):
        Involvement.objects.create(opportunity=hidden, contact=contact, role=role)


@pytest.fixture
def called(stranger: User, hung: None) -> None:
    Notification.objects.create(kind="mentioned", comment=Comment.objects.get(), user=stranger)


def granted(user: User, *names: str) -> User:
    """All of these and no others."""
    user.groups.clear()
    wanted = [Permission.objects.get(content_type__app_label=app, codename=code) for app, code in map(split, names)]
    user.user_permissions.add(*wanted)
    return user


def split(name: str) -> list[str]:
    return name.split(".")


@pytest.fixture
def colleague(rep2: User, of: Salesperson, hr: Salesperson, jo: Salesperson) -> User:
    """Has a team, and leads it; another team than the rep's. Sees opportunities and contacts by teams."""
    TeamFactory(members=[of, hr], manager=of)
    TeamFactory(members=[jo])
    levels = [
        f"{app}.view_{level}_{model}"
        for app, model in (("opportunities", "opportunity"), ("contacts", "contact"))
        for level in ("team", "subtree")
    ]
    return granted(rep2, *(name for name in READ + SELL if "view_every" not in name), *levels)


@pytest.fixture
def onlooker(viewer: User) -> User:
    """A viewer who does not see everybody's."""
    return granted(viewer, *(name for name in READ if "view_every" not in name))


@pytest.fixture(params=["rep2", "colleague", "onlooker", "outsider"])
def stranger(request: pytest.FixtureRequest) -> User:
    user: User = request.getfixturevalue(request.param)
    return user


@pytest.fixture
def client(client_for: SignIn, stranger: User) -> Client:
    return client_for(stranger)


@pytest.fixture
def own(stranger: User, beta: Contact, cycle: SalesCycle, company: Company) -> Opportunity:
    """The stranger's own, by which pickers are asked."""
    today = company.today()
    seller, stage = stranger.salesperson, 1 if stranger.salesperson else None
    return make_opportunity(contact=beta, salesperson=seller, cycle=cycle, stage=stage, on=today, value=1)


@pytest.fixture(autouse=True)
def nothing_changed(
    request: pytest.FixtureRequest, hidden: Opportunity, quote: Quote, batch: Batch, task: Task, talk: Interaction
) -> Iterator[None]:
    for name in {"stranger", "own", "viewer", "called"} & set(request.fixturenames):
        request.getfixturevalue(name)
    before = everything()
    yield
    assert everything() == before
    assert [str(fault) for fault in faults()] == []


def everything() -> list[Any]:
    kinds: tuple[Any, ...] = (Opportunity, OpportunityEntry, Quote, Batch, Contact, Salesperson)
    kinds += (
        Task,
        Interaction,
        Merge,
        SeparateContacts,
        Comment,
        Attachment,
        Notification,
        Tag,
        Tagging,
        Involvement,
        Team,
        Membership,
        Grant,
        Company,
        SalesCycle,
        Stage,
        AlternativeAddress,
    )
    return [list(kind.objects.order_by("pk").values()) for kind in kinds]


def addresses(found: Any = None, space: str = "") -> Iterator[tuple[str, str]]:
    """Every address of the product as (name, route), the admin pages' own under "admin:…"."""
    for each in get_resolver().url_patterns if found is None else found:
        if isinstance(each, URLResolver):
            yield from addresses(each.url_patterns, f"{space}{each.namespace}:" if each.namespace else space)
        elif isinstance(each, URLPattern):
            yield f"{space}{each.name}" if each.name else f"{space}{each.pattern}", str(each.pattern)


def url_of(name: str, hidden: Opportunity, quote: Quote) -> str:
    """The address that comes nearest to the hidden opportunity."""
    app = name.partition(":")[0]
    keys = {
        "opportunities": hidden.pk,
        "contacts": hidden.contact_id,
        "salespeople": hidden.salesperson_id,
        "quotes": quote.pk,
        "tasks": Task.objects.get().pk,
        "interactions": Interaction.objects.get().pk,
        "saved_views": SavedView.objects.get().pk,
        "import": 1,
        "upkeep": hidden.contact_id
        if name == "upkeep:merges"
        else Merge.objects.get().pk
        if "merge" in name
        else hidden.salesperson_id,
    }
    if name in ("contacts:address-edit", "contacts:address-delete"):
        keys[app] = AlternativeAddress.objects.get().pk
    hangs: Any = Attachment if name.startswith("collaboration:file") else Comment
    keys["collaboration"] = hangs.objects.get().pk
    if name == "opportunities:involving":
        keys[app] = hidden.contact_id
    if name.startswith("opportunities:batch"):
        keys[app] = Batch.objects.get().pk
    if name == "salespeople:team":
        keys[app] = Team.objects.order_by("pk").values_list("pk", flat=True).first() or 1
    if name == "tasks:feed":
        return reverse(name, args=["a-key-that-nobody-has"])
    takes_a_key = "<int:pk>" in dict(addresses())[name]
    of_the_deal = f"?opportunity={hidden.pk}" if name in OF_THE_DEAL else ""
    return reverse(name, args=[keys[app]] if takes_a_key else []) + of_the_deal


def by_level(user: User) -> bool:
    return not user.has_perm("contacts.view_every_contact")


def secrets(user: User) -> tuple[str, ...]:
    return SECRETS + CONTACT_SECRETS if by_level(user) else SECRETS


def lacks(response: Any, typed: str = "") -> None:
    """Neither the body nor the headers say anything of it, but for what was `typed` in the address."""
    told = response.content.decode() + str(response.headers)
    user = getattr(response.wsgi_request, "user", None)
    unknown = secrets(user) if user and user.is_authenticated else SECRETS + CONTACT_SECRETS
    found = [secret for secret in unknown if secret in told and secret not in typed]
    assert not found, f"{response.request['PATH_INFO']}: {found}"
    assert response.status_code < 500


def test_every_address_has_its_line() -> None:
    known = {name for name, _ in addresses() if not name.startswith("admin:")}
    assert known - {"healthz"} == set(MATRIX) - {"healthz"}


@as_page_and_fragment
def test_by_every_address(
    client: Client, stranger: User, hidden: Opportunity, quote: Quote, headers: dict[str, str]
) -> None:
    for name in MATRIX:
        response = client.get(url_of(name, hidden, quote), headers=headers)
        lacks(response)
        if name in NOT_READ:
            assert response.status_code == 405, name
        elif MATRIX[name] == GONE:
            assert response.status_code == 404, name
        elif MATRIX[name] == BY_LEVEL and by_level(stranger):
            assert response.status_code in (403, 404), name


@as_page_and_fragment
def test_by_every_post(
    client: Client, stranger: User, hidden: Opportunity, quote: Quote, headers: dict[str, str], price_w: CloseCode
) -> None:
    """Whoever knows key and version and sends all a verb could want is answered as if it did not exist."""
    for name in (name for name, answer in MATRIX.items() if answer == BY_LEVEL and by_level(stranger)):
        response = client.post(url_of(name, hidden, quote), wanted(hidden, price_w), headers=headers)
        assert response.status_code in (403, 404, 405), name
        lacks(response)
    for name in (name for name, answer in MATRIX.items() if answer == GONE):
        response = client.post(url_of(name, hidden, quote), wanted(hidden, price_w), headers=headers)
        assert response.status_code == (405 if name in NOT_WRITTEN else 404), name
        lacks(response)


def wanted(hidden: Opportunity, code: CloseCode) -> dict[str, Any]:
    assert hidden.sales_cycle
    return {
        "version": hidden.version,
        "to": hidden.sales_cycle.stages.get(number=3).pk,
        "outcome": "won",
        "close_code": code.pk,
        "sales_value": "5",
        "estimated_value": "5",
        "chances": "5",
        "closing_on": "2030-01-01",
        "description": "Mine",
        "reason": "because",
        "number": "Q1",
        "quoted_on": "2026-03-02",
        "net_amount": "5",
    }


def test_a_key_of_nothing_answers_alike(client: Client, hidden: Opportunity, quote: Quote) -> None:
    """From the answer nobody learns whether there is such an opportunity."""
    for name in (name for name, answer in MATRIX.items() if answer == GONE and name not in NOT_READ):
        there = url_of(name, hidden, quote)
        nowhere = re.sub(r"/\d+/", "/987654/", there)
        assert client.get(there).status_code == client.get(nowhere).status_code
        assert len(client.get(there, headers=HX).content) == len(client.get(nowhere, headers=HX).content)


def test_no_quote_is_added_to_it(client: Client, hidden: Opportunity, price_w: CloseCode) -> None:
    data = wanted(hidden, price_w) | {"opportunity": hidden.pk}
    for response in (
        client.get(f"/quotes/new/?opportunity={hidden.pk}"),
        client.post(f"/quotes/new/?opportunity={hidden.pk}", data),
        client.post("/quotes/new/", data, headers=HX),
    ):
        assert response.status_code in (403, 404)
        lacks(response)


def test_no_bulk_action_touches_it(client: Client, hidden: Opportunity, price_w: CloseCode) -> None:
    """By its key, as seen, or by an address that would select it."""
    data = wanted(hidden, price_w) | {"priority": "low", "token": uuid4()}
    chosen: tuple[dict[str, Any], ...] = (
        {"key": hidden.pk},
        {"seen": f"{hidden.pk}:{hidden.version}"},
        {"all": "1", "query": f"contact={hidden.contact_id}"},
    )
    for action in ("", *(verb for verb in bulk.Verb if verb != "undo")):
        for do in ("", "preview", "run"):
            for rows in chosen:
                answer = client.post("/opportunities/bulk/", data | rows | {"action": action, "do": do})
                assert answer.status_code in (200, 403, 422)
                lacks(answer)
    lacks(client.get("/opportunities/batches/?all=1"))


@as_page_and_fragment
def test_nothing_that_hangs_on_it_is_told(
    client: Client, stranger: User, hidden: Opportunity, acme: Contact, called: None, headers: dict[str, str]
) -> None:
    """Neither on the page of mentions, nor in the count of unread ones, nor where the contact takes part."""
    page = client.get("/collaboration/inbox/", headers=headers)
    lacks(page)
    assert page.status_code == 200 and "Nothing here" in page.content.decode()
    assert "inbox-count" not in client.get("/collaboration/inbox/").content.decode()
    assert client.post("/collaboration/inbox/read/", {"open": Notification.objects.get().pk}).status_code == 404
    client.post("/collaboration/inbox/read/", {"all": "1"})
    lacks(client.get(f"/opportunities/involving/{acme.pk}/", headers=headers))
    answer = client.get(f"/collaboration/people/?q=rep&opportunity={hidden.pk}", headers=headers)
    assert answer.status_code in (403, 404)
    lacks(answer)


# ── lists, totals, filters ───────────────────────────────────────────────────────────────────────────────────────────


QUERIES = (
    "",
    "q=Velvet",
    "q=OPHIDDEN",
    "q=Gilded",
    "group=salesperson",
    "group=stage&columns=description,estimated_value",
    "status=in_progress",
    "status=open",
    "salesperson={salesperson}",
    "salesperson=none",
    "salesperson=me",
    "contact={contact}",
    "company={contact}",
    "contact={contact}&embedded=1",
    "company={contact}&embedded=1",
    "salesperson={salesperson}&embedded=1",
    "sales_cycle={cycle}",
    "stage={stage}",
    "value_from=7000000",
    "closing_from=2020-01-01&closing_to=2999-01-01",
    "archived=true",
    "order=-estimated_value",
    "where=1:estimated_value:between:7000000..8000000",
    "where=1:description:contains:Velvet&where=2:number:is:OPHIDDEN",
    "where=1:salesperson:is:{salesperson}&where=2:salesperson:is_not:{salesperson}",
    "where=1:contact:is:{contact}&where=2:stage:is:{stage}",
    "where=1:tags:one_of:{tag}&where=2:tags:not_blank&columns=description,tags,co_owners",
    "whose=me",
    "where=1:closing_on:is:tomorrow&where=2:closing_on:blank&where=3:closing_on:not_blank",
    "group=contact&columns=description,sales_value",
    "before=end",
)


@as_page_and_fragment
def test_lists_and_their_totals_lack_it(client: Client, hidden: Opportunity, headers: dict[str, str]) -> None:
    words = {
        "salesperson": hidden.salesperson_id,
        "contact": hidden.contact_id,
        "cycle": hidden.sales_cycle_id,
        "stage": hidden.stage_id,
        "tag": Tag.objects.get().pk,
    }
    for query in QUERIES:
        response = client.get(f"/opportunities/?{query.format(**words)}", headers=headers)
        assert response.status_code in (200, 422), query
        if not headers:
            told = response.context
            assert (told["totals"].count, list(told["page"])) == (0, []), query
        lacks(response, typed=query)


def test_no_file_has_it(client: Client, stranger: User, hidden: Opportunity) -> None:
    """Neither of opportunities nor of quotes, whatever columns and filters are asked for; nor of contacts by level."""
    unknown = secrets(stranger)
    if by_level(stranger):
        for query in ("", "q=Gilded", f"company={hidden.contact_id}", "columns=name,number,company_city,company"):
            for kind in ("csv", "xlsx"):
                answer = client.get(f"/contacts/export/?{query}&as={kind}")
                assert answer.status_code in (200, 403, 422)
                if answer.status_code == 200:
                    sheet = answer.getvalue()
                    rows = sheet.decode("utf-8-sig") if kind == "csv" else " ".join(texts(sheet))
                    assert not [secret for secret in unknown if secret in rows]
    words = {
        "salesperson": hidden.salesperson_id,
        "contact": hidden.contact_id,
        "cycle": hidden.sales_cycle_id,
        "stage": hidden.stage_id,
        "tag": Tag.objects.get().pk,
    }
    places = [f"/opportunities/export/?{query.format(**words)}" for query in QUERIES]
    for place in (*places, "/quotes/export/?", "/quotes/export/?q=QUHIDDEN&columns=number,opportunity,net_amount"):
        answer = client.get(f"{place}&as=csv")
        told = answer.getvalue().decode("utf-8-sig")
        assert answer.status_code in (403, 422) or told.count("\r\n") == 1, place
        assert not [secret for secret in unknown if secret in told and secret not in place], place
    for place in (places[0], places[-1], "/quotes/export/?"):
        answer = client.get(f"{place}&as=xlsx")
        if answer.status_code == 200:
            rows = texts(answer.getvalue())
            assert len(rows) == 1 and not [secret for secret in unknown if secret in str(rows)], place


def texts(sheet: bytes) -> list[str]:
    return [str(row) for row in load_workbook(BytesIO(sheet)).active.iter_rows(values_only=True)]


def test_the_board_and_its_feed_lack_it(client: Client, hidden: Opportunity) -> None:
    """Headers, strip, cards, and the count of what others changed."""
    query = f"sales_cycle={hidden.sales_cycle_id}"
    for words in ("", "q=Velvet", f"contact={hidden.contact_id}", "more=won.25"):
        response = client.get(f"/opportunities/board/?{query}&{words}")
        lacks(response, typed=words)
        counts = {column.totals.count for column in response.context["columns"]}
        assert counts <= {0} and not [card for column in response.context["columns"] for card in column.cards]
    feed = client.get("/opportunities/board/changes/", {"board": query, "since": 0}, headers=HX)
    assert (feed.status_code, feed.content.strip()) == (200, b"")
    assert [figure["count"] for figure in waiting(client, query)] == [0, 0]
    card = client.get(f"/opportunities/{hidden.pk}/card/?board={query}", headers=HX)
    lacks(card)
    assert "data-version" not in card.content.decode()


def test_no_picker_offers_its_contact(client: Client, stranger: User, hidden: Opportunity, own: Opportunity) -> None:
    """In forms, in place, on the board, in conditions; for who sees contacts by level."""
    if not by_level(stranger):
        return
    here, contact = own.get_absolute_url(), hidden.contact_id
    for place in (
        f"/opportunities/new/?contact={contact}",
        f"/contacts/new/?company={contact}",
        "/contacts/new/?company_search=Gilded",
        f"{here}reassign/",
        f"{here}reassign/?field=contact",
        f"/opportunities/filter/?contact={contact}&company={contact}",
        "/opportunities/filter/?w1-group=1&w1-column=contact&w1-operator=is&w1-find=Gilded",
        "/contacts/filter/?w1-group=1&w1-column=company&w1-operator=is&w1-find=Gilded",
        f"/contacts/?where=1:company:is:{contact}",
        f"/contacts/?company={contact}",
        "/contacts/?q=Gilded",
        "/contacts/?q=Umbra&group=company",
    ):
        lacks(client.get(place), typed=place)
    for place, data in (
        ("/opportunities/new/", {"find": "1", "contact_search": "Gilded", "contact": contact}),
        ("/contacts/new/", {"name": "New", "kind": "person", "company_search": "Gilded", "company": contact}),
        (f"{here}reassign/", {"find": "1", "contact_search": "Gilded", "contact": contact}),
        (f"{here}reassign/", {"version": own.version, "contact": contact}),
        ("/opportunities/board/new/", {"find": "1", "contact_search": "Gilded", "contact": contact}),
        ("/opportunities/new/", {"description": "Mine", "contact": contact}),
    ):
        answer = client.post(place, data)
        assert answer.status_code in (200, 403, 404, 422), place
        lacks(answer)


def test_a_viewer_changes_nothing(
    client_for: SignIn, viewer: User, hidden: Opportunity, quote: Quote, price_w: CloseCode
) -> None:
    """Who sees all of it, but has no right to change: every form is refused, and every page reads without a way to send."""
    client = client_for(viewer)
    assert client.get(hidden.get_absolute_url()).status_code == 200
    for name in MATRIX:
        if name.startswith("saved_views:") or name in ONES_OWN:
            continue
        url = url_of(name, hidden, quote)
        data = wanted(hidden, price_w) | {"opportunity": hidden.pk, "key": hidden.pk, "action": "archive", "do": "run"}
        for headers in ({}, HX):
            answer = client.post(url, data, headers=headers)
            assert answer.status_code in (403, 404, 405), (name, answer.status_code)


def test_no_filter_that_is_put_together_finds_it(client: Client, hidden: Opportunity) -> None:
    """Neither by what a picker of opportunities finds, nor by a key that it is asked for."""
    for find in ("Velvet", "OPHIDDEN", "thrones"):
        words = f"w1-group=1&w1-column=opportunity&w1-operator=is&w1-find={find}&apply=1"
        lacks(client.get(f"/quotes/filter/?{words}"), typed=find)
    for word in ("is", "is_not", "one_of"):
        for page in ("/quotes/", "/quotes/filter/"):
            response = client.get(f"{page}?where=1:opportunity:{word}:{hidden.pk}")
            assert response.status_code in (403, 422)
            lacks(response)


def test_the_home_page_counts_without_it(client: Client, hidden: Opportunity) -> None:
    told = client.get("/").context
    assert {told["figures"][name] or 0 for name in ("count", "estimated_value", "calculated_value", "due")} == {0}
    assert (list(told["by_closing"]), list(told["top"])) == ([], [])


def test_the_list_of_quotes_lacks_it(client: Client) -> None:
    for query in ("", "q=QUHIDDEN", "q=Velvet", "which=current", "order=-net_amount"):
        response = client.get(f"/quotes/?{query}")
        assert response.status_code == 403 or response.context["totals"].count == 0
        lacks(response, typed=query)


def test_pages_around_it_lack_it(client: Client, hidden: Opportunity) -> None:
    """The page of its contact and of its salesperson, and the lists of both."""
    for place, key in (("contacts", hidden.contact_id), ("salespeople", hidden.salesperson_id)):
        for page in ("", f"{key}/", f"{key}/edit/", "?q=Velvet", "?q=OPHIDDEN"):
            lacks(client.get(f"/{place}/{page}"), typed=page)


def test_search_does_not_find_it(client: Client, hidden: Opportunity) -> None:
    for words in ("Velvet", "OPHIDDEN", "QUHIDDEN", "thrones velvet", "whispered", "Gilded", "whispered reason"):
        for headers in ({}, HX):
            response = client.get("/search/", {"q": words}, headers=headers)
            assert response.status_code == 200
            assert hidden.get_absolute_url() not in response.content.decode()
            lacks(response, typed=words)


def test_the_form_of_a_new_opportunity_offers_nothing_of_it(client: Client, hidden: Opportunity) -> None:
    for query in (f"contact={hidden.contact_id}", f"salesperson={hidden.salesperson_id}", "contact_search=Velvet"):
        lacks(client.get(f"/opportunities/new/?{query}"))
    answer = client.post("/opportunities/new/", {"find": "1", "contact_search": "thrones"})
    assert answer.status_code in (200, 403)
    lacks(answer)


# ── the admin pages ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_admin_page_opens(client: Client, hidden: Opportunity, quote: Quote) -> None:
    for address in admin_addresses(hidden, quote):
        response = client.get(address)
        assert response.status_code in (302, 404) or address == "/admin/login/", address
        lacks(response, typed=address)


def test_one_let_into_the_admin_pages_finds_it_nowhere(
    client: Client, stranger: User, hidden: Opportunity, quote: Quote
) -> None:
    """Staff by a slip, with no more rights than before."""
    User.objects.filter(pk=stranger.pk).update(is_staff=True)
    for address in admin_addresses(hidden, quote):
        response = client.get(address)
        assert response.status_code in (200, 302, 403, 404, 405), address
        shown = response.content.decode()
        unknown = [secret for secret in secrets(stranger) if secret not in address]
        assert not [secret for secret in unknown if secret in shown], address
    for kind in ("opportunities_opportunity", "opportunities_opportunityentry", "quotes_quote"):
        shown = client.get(reverse(f"admin:{kind}_changelist"))
        assert shown.status_code == 403 or shown.context["cl"].result_count == 0
    posted = client.post(
        reverse("admin:opportunities_opportunity_changelist"),
        {"action": "reassign", "_selected_action": [hidden.pk], "salesperson": stranger.salesperson_id or ""},
    )
    lacks(posted)
    change = reverse("admin:opportunities_opportunity_change", args=[hidden.pk])
    lacks(client.post(change, {"description": "Mine", "version": hidden.version, "priority": "low"}))


def admin_addresses(hidden: Opportunity, quote: Quote) -> Iterator[str]:
    """Every admin address that can be made, with the keys of the hidden rows; and the pickers' answers."""
    source: Source = SourceFactory()
    assert hidden.sales_cycle
    keys = {
        "opportunities_opportunityentry": hidden.entries.get(step=1).pk,
        "opportunities_opportunity": hidden.pk,
        "quotes_quote": quote.pk,
        "contacts_contact": hidden.contact_id,
        "salespeople_salesperson": hidden.salesperson_id,
        "salescycles_salescycle": hidden.sales_cycle_id,
        "salescycles_source": source.pk,
    }
    for name, route in addresses():
        if not name.startswith("admin:") or name.endswith((":logout", ":view_on_site", "$", "/")):
            continue
        if "app_label" in route:
            yield from (f"/admin/{app}/" for app in ("opportunities", "quotes", "contacts", "salescycles"))
        elif "<path:object_id>" in route:
            kind = name.removeprefix("admin:").rpartition("_")[0]
            yield reverse(name, args=[keys.get(kind, 1)])
        elif "(?P<" not in route and "<" not in route:
            yield reverse(name)
    for app, model, field in (
        ("quotes", "quote", "opportunity"),
        ("opportunities", "opportunityentry", "opportunity"),
        ("opportunities", "opportunity", "contact"),
        ("opportunities", "opportunity", "salesperson"),
        ("contacts", "contact", "company"),
    ):
        for term in ("Velvet", "Gilded"):
            yield f"/admin/autocomplete/?app_label={app}&model_name={model}&field_name={field}&term={term}"
    yield f"/admin/opportunities/opportunity/?q=OPHIDDEN&id={hidden.pk}"
    yield f"/admin/quotes/quote/?q=QUHIDDEN&opportunity__id__exact={hidden.pk}"
