"""The pages of salespeople: page, fragment, refused, invalid, stale, exact query counts."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from contacts.codes import Territory
from contacts.models import Contact
from opportunities import lifecycle
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, Grant, Salesperson, User
from tests.factories import SalespersonFactory, TeamFactory, make_opportunity

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
HX = {"HX-Request": "true"}
HUGE = "99999999999999999999"


def typed(**values: Any) -> dict[str, Any]:
    return {"name": "Nina Nord", "code": "nn", "commission": "5,5"} | values


def version(client: Client, salesperson: Salesperson) -> str:
    return str(client.get(f"/salespeople/{salesperson.pk}/edit/").context["form"].version)


def test_list_page_and_fragment_are_the_same_text(client_for: Sign, rep: User, company: Company) -> None:
    client = client_for(rep)
    page, fragment = client.get("/salespeople/"), client.get("/salespeople/", headers=HX)
    assert page.status_code == fragment.status_code == 200
    assert fragment.content.decode().strip() in page.content.decode()
    assert "HX-Request" in page["Vary"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["HR", "JO", "OF"]),
        ("order=-code", ["OF", "JO", "HR"]),
        ("q=ray+hel", ["HR"]),
        ("q=jo%40example", ["JO"]),
        ("q=%25", []),
        ("state=blocked", ["HR"]),
        ("state=usable", ["JO", "OF"]),
    ],
)
def test_list_filters_and_sorts(
    client_for: Sign, rep: User, of: Salesperson, hr: Salesperson, query: str, found: list[str]
) -> None:
    Salesperson.objects.filter(pk=hr.pk).update(blocked=True)
    answer = client_for(rep).get(f"/salespeople/?{query}")
    assert [salesperson["code"] for salesperson in answer.context["page"]] == found


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("page=2", 200, "left them out: page"),
        (f"before={HUGE}", 200, f"before={HUGE}"),
        ("order=evil", 200, "order=evil"),
        ("colour=red", 200, "colour"),
        ("state=gone", 422, "gone is not one of the available choices"),
        ("q=%00", 422, "Null characters are not allowed"),
    ],
)
def test_hand_made_addresses_are_answered_in_words(
    client_for: Sign, rep: User, query: str, status: int, said: str
) -> None:
    answer = client_for(rep).get(f"/salespeople/?{query}")
    assert answer.status_code == status
    assert said in answer.content.decode()


def test_detail_says_the_teams_and_the_territories(
    client_for: Sign, rep: User, jo: Salesperson, of: Salesperson
) -> None:
    south = TeamFactory(name="South", members=[jo], manager=of)
    north = TeamFactory(name="North: cold", members=[jo])
    Territory.objects.create(code="N", description="The north").salespeople.add(jo)
    Territory.objects.create(code="S").salespeople.add(jo, of)
    page = client_for(rep).get(f"/salespeople/{jo.pk}/").content.decode()
    links = (
        f'<a href="/salespeople/teams/{north.pk}/">North: cold</a>, <a href="/salespeople/teams/{south.pk}/">South</a>'
    )
    assert f"<dt>Teams</dt><dd>{links}</dd>" in page and "Manager of" not in page
    assert "<dt>Territories</dt><dd>The north, S</dd>" in page
    page = client_for(rep).get(f"/salespeople/{of.pk}/").content.decode()
    assert "<dt>Teams</dt><dd>–</dd>" in page
    assert f'<dt>Manager of</dt><dd><a href="/salespeople/teams/{south.pk}/">South</a></dd>' in page


def test_teams_stand_below_the_team_they_belong_to(
    client_for: Sign, rep: User, outsider: User, jo: Salesperson, of: Salesperson, company: Company
) -> None:
    top = TeamFactory(name="Zenith", manager=of)
    low = TeamFactory(name="Below", parent=top, members=[jo, of])
    TeamFactory(name="Deeper", parent=low)
    TeamFactory(name="Apart")
    page = client_for(rep).get("/salespeople/teams/")
    told = [(team.name, team.depth, team.size) for team in page.context["teams"]]
    assert told == [("Apart", 0, 0), ("Zenith", 0, 0), ("Below", 1, 2), ("Deeper", 2, 0)]
    page = client_for(rep).get(f"/salespeople/teams/{low.pk}/").content.decode()
    for words in (
        f'<dt>Belongs to</dt><dd><a href="/salespeople/teams/{top.pk}/">Zenith</a>',
        "Deeper</a>",
        "Jim Olive</a>",
        "Otis Falls</a>",
        f'hx-get="/opportunities/?team={low.pk}&amp;embedded=1"',
    ):
        assert words in page
    assert "/admin/" not in page
    for address in ("/salespeople/teams/", f"/salespeople/teams/{low.pk}/"):
        assert client_for(outsider).get(address).status_code == 403
    assert client_for(rep).get("/salespeople/teams/987654/").status_code == 404


@pytest.mark.parametrize("rows", [1, 20])
def test_queries_of_teams(
    client_for: Sign, rep: User, company: Company, django_assert_num_queries: DjangoAssertNumQueries, rows: int
) -> None:
    team = TeamFactory(members=SalespersonFactory.create_batch(rows), manager=SalespersonFactory())
    TeamFactory.create_batch(rows, parent=team)
    client = client_for(rep)
    client.get("/")
    with django_assert_num_queries(3):  # session, user, teams
        client.get("/salespeople/teams/")
    with django_assert_num_queries(5):  # session, user; team, teams below, members
        client.get(f"/salespeople/teams/{team.pk}/")


@pytest.mark.parametrize("whose", ["salesperson", "team"])
def test_figures_of_a_salesperson_and_of_a_team(
    client_for: Sign,
    manager: User,
    rep2: User,
    jo: Salesperson,
    of: Salesperson,
    acme: Contact,
    cycle: SalesCycle,
    price_w: CloseCode,
    company: Company,
    whose: str,
) -> None:
    """E.2: one in progress at 240 of 1 000, one not started worth 500, one won for 700; another person's is in none."""
    today = company.today()
    given = {"contact": acme, "salesperson": jo, "cycle": cycle, "on": today}
    make_opportunity(stage=2, value=1000, **given)
    make_opportunity(value=500, **given)
    won = make_opportunity(stage=1, value=1200, **given)
    lifecycle.close(won, version=won.version, outcome="won", close_code=price_w, sales_value=700, on=today, by=None)
    make_opportunity(stage=1, **given | {"salesperson": of})
    key = jo.pk if whose == "salesperson" else TeamFactory(members=[jo], manager=of).pk
    answer = client_for(manager).get(f"/opportunities/?{whose}={key}&embedded=1", headers=HX)
    page = " ".join(re.sub("<[^>]+>", " ", answer.content.decode()).split())
    for words in (
        "Open opportunities 2 Estimated value €1,500.00 open ones Calculated value €240.00 open ones",
        "All opportunities 3 won and lost ones too Estimated value €2,700.00",
        "Average estimated value €750.00 open ones Average calculated value €120.00 open ones",
        "Average estimated value €900.00 won and lost ones too Average calculated value €313.33 won and lost ones too",
    ):
        assert words in page
    answer = client_for(rep2).get(f"/opportunities/?{whose}={key}&embedded=1", headers=HX)
    assert "€1,500.00" not in answer.content.decode()


def test_detail_links_to_opportunities_and_contacts(client_for: Sign, manager: User, jo: Salesperson) -> None:
    page = client_for(manager).get(f"/salespeople/{jo.pk}/").content.decode()
    for words in (
        "Jim Olive",
        "jo@example.com",
        f'href="/opportunities/?salesperson={jo.pk}"',
        f'hx-get="/opportunities/?salesperson={jo.pk}&amp;embedded=1"',
        f'href="/opportunities/new/?salesperson={jo.pk}"',
        f'href="/contacts/?salesperson={jo.pk}"',
        f'href="/salespeople/{jo.pk}/edit/"',
    ):
        assert words in page


def test_a_blocked_one_is_marked_and_offered_no_new_work(client_for: Sign, manager: User, jo: Salesperson) -> None:
    Salesperson.objects.filter(pk=jo.pk).update(blocked=True)
    page = client_for(manager).get(f"/salespeople/{jo.pk}/").content.decode()
    assert "Blocked" in page and "/opportunities/new/" not in page


def test_what_does_not_exist_is_404(client_for: Sign, manager: User) -> None:
    for address in (f"/salespeople/{HUGE}/", f"/salespeople/{HUGE}/edit/", "/salespeople/0/"):
        assert client_for(manager).get(address).status_code == 404


ADDRESSES = ["/salespeople/", "/salespeople/{pk}/", "/salespeople/new/", "/salespeople/{pk}/edit/"]
MAY = {
    "rep": [200, 200, 403, 403],
    "rep2": [200, 200, 403, 403],
    "manager": [200, 200, 200, 200],
    "administrator": [200, 200, 200, 200],
    "viewer": [200, 200, 403, 403],
    "outsider": [403, 403, 403, 403],
}


@pytest.mark.parametrize("who", MAY)
def test_who_may_open_what(client_for: Sign, request: pytest.FixtureRequest, hr: Salesperson, who: str) -> None:
    client = client_for(request.getfixturevalue(who))
    assert [client.get(address.format(pk=hr.pk)).status_code for address in ADDRESSES] == MAY[who]


@pytest.mark.parametrize("who", ["rep", "viewer", "outsider"])
def test_who_may_not_changes_nothing_and_is_offered_nothing(
    client_for: Sign, request: pytest.FixtureRequest, hr: Salesperson, who: str
) -> None:
    client = client_for(request.getfixturevalue(who))
    assert client.post("/salespeople/new/", typed()).status_code == 403
    assert client.post(f"/salespeople/{hr.pk}/edit/", typed()).status_code == 403
    assert not Salesperson.objects.filter(name="Nina Nord").exists()
    for address in ADDRESSES[:2]:
        page = client.get(address.format(pk=hr.pk)).content.decode()
        assert "/salespeople/new/" not in page and "/edit/" not in page


def test_a_manager_makes_one(client_for: Sign, manager: User) -> None:
    answer = client_for(manager).post("/salespeople/new/", typed())
    made = Salesperson.objects.get(code="NN")
    assert answer["Location"] == f"/salespeople/{made.pk}/"
    assert (made.name, str(made.commission)) == ("Nina Nord", "5.50")


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({"name": ""}, "name", "required"),
        ({"name": "N\0"}, "name", "Null characters are not allowed."),
        ({"code": ""}, "code", "required"),
        ({"code": "jo"}, "code", "There is a salesperson with this code already."),
        ({"commission": "101"}, "commission", "100"),
        ({"commission": "-1"}, "commission", "0"),
        ({"commission": "much"}, "commission", "number"),
        ({"commission": "NaN"}, "commission", "number"),
        ({"email": "nn"}, "email", "valid email"),
        ({"phone": "CALL"}, "phone", "no letters"),
    ],
)
def test_invalid_input_is_422_at_the_field(
    client_for: Sign, manager: User, jo: Salesperson, values: dict[str, str], field: str, said: str
) -> None:
    answer = client_for(manager).post("/salespeople/new/", typed(job_title="Closer") | values)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert said in answer.context["form"].errors[field][0]
    assert 'value="Closer"' in answer.content.decode()
    assert Salesperson.objects.count() == 1


def test_edit_and_the_second_of_two_tabs(client_for: Sign, manager: User, administrator: User, jo: Salesperson) -> None:
    first, second = client_for(manager), client_for(administrator)
    seen = version(first, jo)
    assert first.post(f"/salespeople/{jo.pk}/edit/", typed(blocked="on", version=seen)).status_code == 302
    answer = second.post(f"/salespeople/{jo.pk}/edit/", typed(name="Jim Green", version=seen))
    assert answer.status_code == 409
    differences = {(row.saved, row.typed) for row in answer.context["form"].meanwhile}
    assert differences == {("Nina Nord", "Jim Green"), ("Yes", "No")}
    jo.refresh_from_db()
    assert (jo.name, jo.blocked) == ("Nina Nord", True)
    again = typed(name="Jim Green", version=answer.context["form"].version)
    assert second.post(f"/salespeople/{jo.pk}/edit/", again).status_code == 302
    jo.refresh_from_db()
    assert (jo.name, jo.blocked) == ("Jim Green", False)


SHOWN = {  # of Jim Olive and of Otis Falls: as far as each person may see
    "manager": [("2", "€1,500.00"), ("1", "€400.00")],
    "rep": [("2", "€1,500.00"), ("0", "€0.00")],
    "rep2": [("1", "€500.00"), ("1", "€400.00")],
    "no_opportunities": [("0", "€0.00"), ("0", "€0.00")],
}


@pytest.fixture
def open_ones(
    jo: Salesperson,
    of: Salesperson,
    acme: Contact,
    cycle: SalesCycle,
    price_w: CloseCode,
    company: Company,
) -> None:
    """Of Jim two open ones, of which one is shared with Otis, one archived and one won; of Otis one; one of nobody."""
    today = company.today()
    given = {"contact": acme, "salesperson": jo, "on": today}
    make_opportunity(cycle=cycle, stage=2, value=1000, **given)
    shared = make_opportunity(value=500, **given)
    Grant.objects.create(opportunity=shared, salesperson=of, may_edit=False)
    gone = make_opportunity(value=70, **given)
    lifecycle.archive(gone, version=gone.version, on=today, by=None)
    won = make_opportunity(cycle=cycle, stage=1, value=1200, **given)
    lifecycle.close(won, version=won.version, outcome="won", close_code=price_w, sales_value=700, on=today, by=None)
    make_opportunity(value=400, **given | {"salesperson": of})
    make_opportunity(value=30, **given | {"salesperson": None})


@pytest.fixture
def no_opportunities(db: None) -> User:
    user = User.objects.create_user("clerk@example.com")
    user.user_permissions.add(Permission.objects.get(codename="view_salesperson"))
    return user


@pytest.mark.parametrize("who", SHOWN)
def test_teams_and_open_opportunities_of_each_as_far_as_they_are_seen(
    client_for: Sign, request: pytest.FixtureRequest, jo: Salesperson, of: Salesperson, open_ones: None, who: str
) -> None:
    TeamFactory(name="South", members=[jo, of])
    TeamFactory(name="North", members=[jo])
    client = client_for(request.getfixturevalue(who))
    page = client.get("/salespeople/?columns=name,team,open_count,open_value").content.decode()
    rows = [re.sub("<[^>]+>", "|", page.split(f'id="row-{one.pk}"')[1].split("</tr>")[0]) for one in (jo, of)]
    told = [[word for word in row.split("|") if word.strip() and ">" not in word] for row in rows]
    teams = [["North, South"], ["South"]] if who != "no_opportunities" else [[], []]
    assert told == [
        [one.name, *names, *figures] for one, names, figures in zip((jo, of), teams, SHOWN[who], strict=True)
    ]
    file = client.get("/salespeople/export/?columns=code,team,open_count,open_value&as=csv")
    lines = b"".join(file.streaming_content).decode().splitlines()[1:]
    plain = [f"{count},{value.removeprefix('€').replace(',', '')}" for count, value in SHOWN[who]]
    both, one_alone = ('"North, South"', "South") if who != "no_opportunities" else ("", "")
    assert lines == [f"JO,{both},{plain[0]}", f"OF,{one_alone},{plain[1]}"]


def test_sorted_by_open_value_page_by_page(
    client_for: Sign, manager: User, open_ones: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm.lib.listing.selection.PAGE", 1)
    SalespersonFactory(code="ZZ")
    client, found = client_for(manager), []
    address: str | None = "/salespeople/?order=-open_value,-open_count"
    while address:
        answer = client.get(address)
        found += [row["code"] for row in answer.context["page"]]
        after = [page["url"] for page in answer.context["pages"] if page["word"] == "next"]
        address = f"/salespeople/{after[0]}" if after and after[0] else None
    assert found == ["JO", "OF", "ZZ"]


def test_of_a_team(client_for: Sign, rep: User, jo: Salesperson, of: Salesperson, company: Company) -> None:
    south = TeamFactory(name="South", members=[jo])
    page = client_for(rep).get(f"/salespeople/?where=1:team:is:{south.pk}")
    assert [row["code"] for row in page.context["page"]] == ["JO"]
    page = client_for(rep).get("/salespeople/?where=1:open_count:min:1")
    assert page.status_code == 422
    assert "Open opportunities cannot be compared like this" in page.content.decode()
    assert "Open value" not in client_for(rep).get("/salespeople/filter/").content.decode()


@pytest.mark.parametrize("rows", [1, 20])
def test_queries_of_the_list(
    client_for: Sign, rep: User, company: Company, django_assert_num_queries: DjangoAssertNumQueries, rows: int
) -> None:
    SalespersonFactory.create_batch(rows)
    client = client_for(rep)
    client.get("/salespeople/")
    with django_assert_num_queries(5):  # session, user, saved views, count, rows
        client.get("/salespeople/")


def test_queries_of_the_page(
    client_for: Sign, rep: User, jo: Salesperson, company: Company, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = client_for(rep)
    client.get("/salespeople/")
    with django_assert_num_queries(3):
        client.get(f"/salespeople/{jo.pk}/")
