"""Whose opportunities somebody sees: own, team, subtree, all; and that a change of teams counts from the next request on."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from opportunities import lifecycle
from opportunities.models import Opportunity
from salespeople.auth import EmailBackend
from salespeople.models import COMPANY_CACHE_KEY, Company, Salesperson, Team, User
from tests.factories import WORK_DATE, SalespersonFactory, TeamFactory, make_opportunity

pytestmark = pytest.mark.django_db


def allow(user: User, *names: str) -> None:
    user.user_permissions.add(*Permission.objects.filter(codename__in=names))


def again(user: User) -> User:
    """As the next request has it."""
    signed_in = EmailBackend().get_user(user.pk)
    assert signed_in is not None
    return signed_in


def seen(user: User) -> str:
    """The salespeople whose opportunities the person sees, by both ways that a user is read."""
    found = [
        " ".join(sorted(row.salesperson.code if row.salesperson else "-" for row in rows))
        for who in (again(user), User.objects.get(pk=user.pk))
        for rows in [Opportunity.objects.visible_to(who).select_related("salesperson")]
    ]
    assert found[0] == found[1]
    return found[0]


@pytest.fixture
def sellers(jo: Salesperson, of: Salesperson, hr: Salesperson, acme: Contact) -> dict[str, Salesperson]:
    """One opportunity each, and one without anybody. HEAD leads TOP, in which nobody is; below are NORTH, led by HR with JO
    in it, and EAST below NORTH with OF and LT; SOUTH has JO and BC and stands alone."""
    people: dict[str, Salesperson] = {"JO": jo, "OF": of, "HR": hr}
    for code in ("HEAD", "LT", "BC"):
        person: Salesperson = SalespersonFactory(code=code)
        people[code] = person
    for person in people.values():
        make_opportunity(contact=acme, salesperson=person)
    make_opportunity(contact=acme)
    top = TeamFactory(code="TOP", manager=people["HEAD"])
    north = TeamFactory(code="NORTH", parent=top, manager=hr, members=[jo])
    TeamFactory(code="EAST", parent=north, members=[of, people["LT"]])
    TeamFactory(code="SOUTH", members=[jo, people["BC"]])
    return people


@pytest.mark.parametrize(
    ("code", "own", "team", "subtree", "both"),
    [
        ("JO", "JO", "BC JO", "JO", "BC JO"),
        ("OF", "OF", "LT OF", "OF", "LT OF"),
        ("BC", "BC", "BC JO", "BC", "BC JO"),
        ("HR", "HR", "HR", "HR JO LT OF", "HR JO LT OF"),
        ("HEAD", "HEAD", "HEAD", "HEAD HR JO LT OF", "HEAD HR JO LT OF"),
    ],
)
def test_levels(sellers: dict[str, Salesperson], rep: User, code: str, own: str, team: str, subtree: str, both: str):
    User.objects.filter(pk=rep.pk).update(salesperson=sellers[code])
    assert seen(rep) == own
    allow(rep, "view_team_opportunity")
    assert seen(rep) == team
    rep.user_permissions.clear()
    allow(rep, "view_subtree_opportunity")
    assert seen(rep) == subtree
    allow(rep, "view_team_opportunity")
    assert seen(rep) == both
    allow(rep, "view_every_opportunity")
    assert seen(rep) == "BC HEAD HR JO LT OF"
    allow(rep, "view_unassigned_opportunity")
    assert seen(rep) == "- BC HEAD HR JO LT OF"


def test_levels_are_worth_nothing_without_a_salesperson_or_the_right_to_see(
    sellers: dict[str, Salesperson], outsider: User, viewer: User
) -> None:
    User.objects.filter(pk=outsider.pk).update(salesperson=sellers["JO"])
    allow(outsider, "view_team_opportunity", "view_subtree_opportunity", "view_every_opportunity")
    assert seen(outsider) == ""
    viewer.groups.clear()
    allow(viewer, "view_opportunity", "view_team_opportunity", "view_subtree_opportunity")
    assert seen(viewer) == ""


def test_the_reach_comes_with_the_person(sellers: dict[str, Salesperson], rep: User) -> None:
    allow(rep, "view_team_opportunity")
    Company.current()
    with CaptureQueriesContext(connection) as queries:
        found = list(Opportunity.objects.visible_to(again(rep)))
    assert (len(queries), len(found)) == (2, 2)  # the person, the rows


def test_a_change_of_teams_counts_from_the_next_request_on(
    sellers: dict[str, Salesperson], rep: User, client_for: Callable[[User], Client]
) -> None:
    """Without signing in again: joined, led, put below, put elsewhere."""
    allow(rep, "view_team_opportunity", "view_subtree_opportunity")
    client = client_for(rep)

    def shown() -> str:
        rows = client.get("/opportunities/?columns=salesperson_code,description").context["page"].rows
        return " ".join(sorted(row["salesperson__code"] for row in rows))

    east, south = Team.objects.get(code="EAST"), Team.objects.get(code="SOUTH")
    assert shown() == "BC JO"
    east.members.add(sellers["JO"])
    assert shown() == "BC JO LT OF"
    east.members.remove(sellers["JO"])
    Team.objects.filter(pk=south.pk).update(manager=sellers["JO"])
    Team.objects.filter(pk=east.pk).update(parent=south)
    assert shown() == "BC JO LT OF"
    Team.objects.filter(pk=east.pk).update(parent=None)
    assert shown() == "BC JO"
    south.members.clear()
    assert shown() == "JO"


def test_the_page_of_each_is_found_by_the_same_door(
    sellers: dict[str, Salesperson], rep: User, client_for: Callable[[User], Client]
) -> None:
    """Statements that are put together once know how many people there are, not who."""
    allow(rep, "view_team_opportunity")
    client = client_for(rep)

    def found() -> str:
        keys = Opportunity.objects.exclude(salesperson=None).values_list("pk", "salesperson__code")
        answers = {code: client.get(f"/opportunities/{key}/").status_code for key, code in keys}
        assert set(answers.values()) <= {200, 404}
        return " ".join(sorted(code for code, status in answers.items() if status == 200))

    assert found() == "BC JO"
    Team.objects.get(code="SOUTH").members.set([sellers["JO"], sellers["LT"]])
    assert found() == "JO LT"
    Team.objects.get(code="SOUTH").members.add(sellers["BC"])
    assert found() == "BC JO LT"


def test_only_those_one_sees_are_offered(
    sellers: dict[str, Salesperson], rep: User, client_for: Callable[[User], Client]
) -> None:
    allow(rep, "view_team_opportunity")
    client = client_for(rep)
    for code, status in (("JO", 200), ("BC", 200), ("OF", 422)):
        for word in ("salesperson={}", "where=1:salesperson:is:{}"):
            answer = client.get(f"/opportunities/?{word.format(sellers[code].pk)}")
            assert (answer.status_code, len(answer.context["page"].rows)) == (status, 1 if status == 200 else 0)
    offered = client.get("/opportunities/filter/").context["filters"].form.fields["salesperson"].choices
    assert sorted(str(label) for key, label in offered if key) == ["Jim Olive", "Me", "Salesperson BC"]
    assert client.get("/opportunities/?salesperson=none").status_code == 422


# ── without salesperson ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def waiting(company: Company, acme: Contact, beta: Contact, pia: Contact) -> None:
    """Without salesperson: of a contact of JO, of one of OF, and of one of nobody."""
    for contact in (acme, beta, pia):
        make_opportunity(contact=contact, description=contact.name)


def settle(which: str) -> None:
    Company.objects.update(unassigned_seen_by=which)
    cache.delete(COMPANY_CACHE_KEY)


@pytest.mark.parametrize(
    ("who", "managers", "everybody", "team"),
    [
        ("rep", "", "ACME BETA Pia", "ACME"),
        ("rep2", "", "ACME BETA Pia", "BETA"),
        ("viewer", "", "ACME BETA Pia", ""),
        ("outsider", "", "", ""),
        ("manager", "ACME BETA Pia", "ACME BETA Pia", "ACME BETA Pia"),
    ],
)
def test_who_sees_those_without_salesperson_is_a_setting(
    request: pytest.FixtureRequest,
    waiting: None,
    client_for: Callable[[User], Client],
    who: str,
    managers: str,
    everybody: str,
    team: str,
) -> None:
    user = request.getfixturevalue(who)
    client = client_for(user)
    for which, words in {"managers": managers, "everybody": everybody, "team": team}.items():
        settle(which)
        rows = Opportunity.objects.visible_to(again(user))
        assert " ".join(sorted(row.description for row in rows)) == words
        pages = {row.description: client.get(row.get_absolute_url()).status_code for row in Opportunity.objects.all()}
        assert " ".join(sorted(name for name, status in pages.items() if status == 200)) == words
        told = client.get("/opportunities/").context["totals"]
        assert told.count == len(rows)


def test_the_team_sees_those_of_the_contacts_of_a_mate(
    waiting: None, rep: User, jo: Salesperson, of: Salesperson
) -> None:
    """To take one of them over they need no other right than to change opportunities."""
    settle("team")
    TeamFactory(members=[jo, of])
    found = Opportunity.objects.visible_to(again(rep)).order_by("description")
    assert [row.description for row in found] == ["ACME", "BETA"]
    lifecycle.reassign(found[1], version=1, on=WORK_DATE, by=rep, salesperson=jo)
    settle("managers")
    assert [row.description for row in Opportunity.objects.visible_to(again(rep))] == ["BETA"]


def test_a_setting_that_nobody_knows_is_refused(company: Company) -> None:
    with pytest.raises(IntegrityError, match="company_knows_who_sees_unassigned"), transaction.atomic():
        Company.objects.update(unassigned_seen_by="nobody")
