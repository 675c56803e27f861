"""Whose opportunities somebody sees: own, team, subtree, all; and that a change of teams counts from the next request on."""

from collections.abc import Callable
from typing import Any

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
from salespeople.models import COMPANY_CACHE_KEY, Company, Grant, Salesperson, Team, User
from tests.factories import WORK_DATE, ContactFactory, SalespersonFactory, TeamFactory, make_opportunity

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


# ── contacts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def contacts(user: User) -> str:
    return " ".join(sorted(contact.number for contact in Contact.objects.visible_to(again(user))))


def by_level(user: User, *names: str) -> None:
    every = Permission.objects.get(codename="view_every_contact")
    user.groups.get().permissions.remove(every)
    allow(user, *names)


@pytest.fixture
def address_book(acme: Contact, ann: Contact, beta: Contact, bo: Contact, pia: Contact) -> None:
    """ACME (JO) with Ann (nobody's), BETA (OF) with Bo (JO), Pia (nobody's), and one of HR."""
    hr = Salesperson.objects.create(code="HR", name="HR")
    ContactFactory(number="CT6", salesperson=hr)
    Contact.objects.filter(pk=bo.pk).update(salesperson=Salesperson.objects.get(code="JO"))


def test_everybody_sees_every_contact_by_default(address_book: None, rep: User, viewer: User, outsider: User) -> None:
    every = "CT1 CT2 CT3 CT4 CT5 CT6"
    assert [contacts(user) for user in (rep, viewer, outsider)] == [every, every, ""]


def test_contacts_by_level(address_book: None, rep: User, of: Salesperson, jo: Salesperson) -> None:
    """Own ones and the companies of own people; those of the team; those of who is led."""
    by_level(rep)
    assert contacts(rep) == "CT1 CT3 CT4"
    hr = Salesperson.objects.get(code="HR")
    team: Any = TeamFactory(members=[jo, hr])
    assert contacts(rep) == "CT1 CT3 CT4"
    allow(rep, "view_team_contact")
    assert contacts(rep) == "CT1 CT3 CT4 CT6"
    rep.user_permissions.clear()
    Team.objects.filter(pk=team.pk).update(manager=jo)
    team.members.remove(jo)
    assert contacts(rep) == "CT1 CT3 CT4"
    allow(rep, "view_subtree_contact")
    assert contacts(rep) == "CT1 CT3 CT4 CT6"


def test_contacts_of_what_one_sees(
    address_book: None, rep2: User, jo: Salesperson, of: Salesperson, acme: Contact, ann: Contact, pia: Contact
) -> None:
    """Of an own or a shared opportunity the contact and its company; a shared contact and its company."""
    by_level(rep2)
    assert contacts(rep2) == "CT3"
    deal = make_opportunity(contact=ann, salesperson=jo)
    grant = Grant.objects.create(opportunity=deal, salesperson=of)
    assert contacts(rep2) == "CT1 CT2 CT3"
    grant.delete()
    make_opportunity(contact=pia, salesperson=of)
    assert contacts(rep2) == "CT3 CT5"
    Grant.objects.create(contact=ann, salesperson=of)
    assert contacts(rep2) == "CT1 CT2 CT3 CT5"


def test_what_is_seen_of_contacts_is_not_always_to_be_changed(
    address_book: None, rep2: User, of: Salesperson, ann: Contact, pia: Contact, beta: Contact,
    client_for: Callable[[User], Client], company: Company,
) -> None:  # fmt: skip
    """Own ones and those shared to edit are; those of an opportunity and those shared to see are not. Only own ones are
    shared on."""
    by_level(rep2)
    acme = ann.company
    assert acme is not None
    make_opportunity(contact=pia, salesperson=of)
    Grant.objects.create(contact=ann, salesperson=of, may_edit=True)
    client = client_for(rep2)
    hidden = Contact.objects.get(number="CT6")
    answers = {
        contact.number: [client.get(f"/contacts/{contact.pk}/{page}").status_code for page in ("", "edit/", "sharing/")]
        for contact in (beta, ann, pia, acme, hidden)
    }
    assert answers == {
        "CT3": [200, 200, 200],
        "CT2": [200, 200, 403],
        "CT5": [200, 403, 403],
        "CT1": [200, 403, 403],
        "CT6": [404, 404, 404],
    }
    assert client.post(f"/contacts/{pia.pk}/edit/", {"name": "Mine", "kind": "person"}).status_code == 403
    page = client.get(f"/contacts/{beta.pk}/sharing/")
    assert page.status_code == 200
    jo = Salesperson.objects.get(code="JO")
    assert client.post(f"/contacts/{beta.pk}/sharing/", {"to": f"person-{jo.pk}", "right": "see"}).status_code == 302
    assert list(Grant.objects.filter(contact=beta).values_list("salesperson", "may_edit")) == [(jo.pk, False)]


def test_the_list_search_and_export_of_contacts_by_level(
    address_book: None, rep: User, client_for: Callable[[User], Client], company: Company
) -> None:
    by_level(rep)
    client = client_for(rep)
    assert client.get("/contacts/").context["totals"].count == 3
    assert client.get("/contacts/export/?as=csv").getvalue().count(b"\r\n") == 4
    assert client.get("/search/?q=Pia").context["results"].count == 0
    assert client.get("/search/?q=Bo").context["results"].groups[0].count == 1
    company_page = client.get(f"/contacts/{Contact.objects.get(number='CT1').pk}/")
    assert company_page.context["people"] == []


def test_who_gives_a_contact_away_is_told(
    address_book: None, rep: User, of: Salesperson, acme: Contact, client_for: Callable[[User], Client]
) -> None:
    by_level(rep)
    client = client_for(rep)
    seen = client.get(f"/contacts/{acme.pk}/edit/").context["form"].version
    data = {"kind": "company", "name": "ACME", "number": "CT1", "salesperson": of.pk, "version": seen}
    response = client.post(f"/contacts/{acme.pk}/edit/", data, follow=True)
    assert response.redirect_chain == [("/contacts/", 302)]
    assert "not yours to see" in response.content.decode()
