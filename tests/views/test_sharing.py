"""Sharing an opportunity or a contact: to see, to edit, with a person or a team; withdrawn; and what follows everywhere."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from opportunities import bulk
from opportunities.models import Opportunity
from quotes.models import Quote
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, Grant, Salesperson, Team, User
from tests.factories import QuoteFactory, TeamFactory, fresh, make_opportunity, make_user

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
HX = {"HX-Request": "true"}


@pytest.fixture
def deal(acme: Contact, jo: Salesperson, cycle: SalesCycle, rep: User, company: Company) -> Opportunity:
    """The rep's, at stage 2."""
    return make_opportunity(
        contact=acme,
        salesperson=jo,
        cycle=cycle,
        stage=2,
        by=rep,
        on=company.today(),
        value=1000,
        description="Thrones",
    )


@pytest.fixture
def quote(deal: Opportunity) -> Quote:
    return QuoteFactory(opportunity=deal, number="Q7", net_amount=900)


def share(record: Any, whom: Salesperson | Team, *, edit: bool = False) -> Grant:
    of = "contact" if isinstance(record, Contact) else "opportunity"
    to = "team" if isinstance(whom, Team) else "salesperson"
    return Grant.objects.create(**{of: record, to: whom, "may_edit": edit})


def test_the_page_shares_changes_and_withdraws(
    client_for: Sign, deal: Opportunity, rep: User, of: Salesperson, caplog: pytest.LogCaptureFixture
) -> None:
    team: Any = TeamFactory(name="North")
    client, page = client_for(rep), f"/opportunities/{deal.pk}/sharing/"
    caplog.set_level(logging.INFO, "salespeople")
    assert f'href="{page}"' in client.get(deal.get_absolute_url()).content.decode()
    for to, right in ((f"person-{of.pk}", "see"), (f"team-{team.pk}", "edit"), (f"person-{of.pk}", "edit")):
        assert client.post(page, {"to": to, "right": right}).status_code == 302
    assert set(Grant.objects.values_list("salesperson", "team", "may_edit")) == {
        (of.pk, None, True),
        (None, team.pk, True),
    }
    for key in ("0", "x", *Grant.objects.filter(team=None).values_list("pk", flat=True)):
        assert client.post(page, {"withdraw": key}).status_code == 302
    assert Grant.objects.get().team == team
    told = client.get(page).context["told"]
    assert [(str(one["what"]), str(one["whom"]), one["may_edit"], one["by"]) for one in told] == [
        ("Withdrawn from", "Otis Falls", True, rep),
        ("Changed for", "Otis Falls", True, rep),
        ("Shared with", "North", True, rep),
        ("Shared with", "Otis Falls", False, rep),
    ]
    said = f"opportunity {deal.pk}, salesperson {of.pk}"
    assert [record.getMessage() for record in caplog.records if record.name == "salespeople"] == [
        f"granted: {said}, to see, by user {rep.pk}",
        f"granted: opportunity {deal.pk}, team {team.pk}, to edit, by user {rep.pk}",
        f"granted: {said}, to edit, by user {rep.pk}",
        f"withdrawn: {said}, to edit, by user {rep.pk}",
    ]


@pytest.mark.parametrize("to", ["", "person-0", "team-0", "person-x", "person-{own}", "person-{blocked}", "\0"])
def test_whom_nobody_can_share_with(
    client_for: Sign, deal: Opportunity, rep: User, hr: Salesperson, jo: Salesperson, to: str
) -> None:
    """Neither the one it belongs to, nor who is blocked."""
    Salesperson.objects.filter(pk=hr.pk).update(blocked=True)
    data = {"to": to.format(own=jo.pk, blocked=hr.pk), "right": "see"}
    response = client_for(rep).post(f"/opportunities/{deal.pk}/sharing/", data)
    assert response.status_code == 422 and list(response.context["form"].errors) == ["to"]
    assert not Grant.objects.exists()


def test_what_is_shared_twice_at_once_is_one_grant(deal: Opportunity, of: Salesperson, acme: Contact) -> None:
    share(deal, of)
    for wrong, name in (
        ({"opportunity": deal, "salesperson": of}, "one_grant_for_each_to_whom"),
        ({"opportunity": deal, "contact": acme, "salesperson": of}, "grant_is_of_one_record"),
        ({"salesperson": of}, "grant_is_of_one_record"),
        ({"opportunity": deal}, "grant_is_to_a_person_or_a_team"),
    ):
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            Grant.objects.create(**wrong)


def test_to_see_shows_everything_and_changes_nothing(
    client_for: Sign,
    deal: Opportunity,
    quote: Quote,
    rep2: User,
    of: Salesperson,
    price_w: CloseCode,
    cycle: SalesCycle,
) -> None:
    client = client_for(rep2)
    here = deal.get_absolute_url()
    assert client.get(here).status_code == 404
    share(deal, of)
    page = client.get(here)
    assert page.status_code == 200 and "shared with you to see" in page.content.decode()
    for verb in ("move", "close", "edit", "reassign", "undo", "sharing"):
        assert f"{here}{verb}/" not in page.content.decode()
    before = list(Opportunity.objects.values()), list(Quote.objects.values())
    data = {"version": deal.version, "description": "Mine", "to": cycle.stages.get(number=3).pk, "estimated_value": 5}
    for verb in (
        "move",
        "revise",
        "edit",
        "reassign",
        "change-cycle",
        "close",
        "undo",
        "correct",
        "archive",
        "sharing",
    ):
        for headers in ({}, HX):
            assert client.get(f"{here}{verb}/", headers=headers).status_code == 403
            assert client.post(f"{here}{verb}/", data, headers=headers).status_code == 403
    assert client.get(quote.get_absolute_url()).context["may_change"] is False
    assert client.post(quote.get_absolute_url(), {"number": "MINE", "net_amount": 1}).status_code == 403
    assert client.post(f"{quote.get_absolute_url()}make-current/").status_code == 403
    assert client.get(f"/quotes/new/?opportunity={deal.pk}").status_code == 403
    outcome = bulk.preview(rep2, {deal.pk: None}, "edit", {"priority": "high", "on": None})
    assert [row.why for row in outcome.rows] == ["It was shared with you to see, not to change."]
    assert (list(Opportunity.objects.values()), list(Quote.objects.values())) == before


def test_lists_totals_and_board_count_it_and_do_not_offer_to_change_it(
    client_for: Sign, deal: Opportunity, quote: Quote, rep2: User, of: Salesperson, acme: Contact, jo: Salesperson,
    cycle: SalesCycle,
) -> None:  # fmt: skip
    own = make_opportunity(contact=acme, salesperson=of, cycle=cycle, stage=2, by=rep2, value=50)
    make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=2, value=7)
    share(deal, of)
    client = client_for(rep2)
    listed = client.get("/opportunities/")
    assert (listed.context["totals"].count, listed.context["totals"].sums["estimated_value"]) == (2, 1050)
    rows = {key: row for key in (own.pk, deal.pk) for row in [listed.content.decode().split(f'id="row-{key}"')[1]]}
    assert "edit-here" in rows[own.pk].split("</tr>")[0] and "edit-here" not in rows[deal.pk].split("</tr>")[0]
    groups = client.get("/opportunities/?group=salesperson&columns=description,estimated_value").content.decode()
    assert "Jim Olive" in groups and "Otis Falls" in groups
    for whose, count, value in ((jo, 1, 1000), (of, 1, 50)):
        told = client.get(f"/opportunities/?salesperson={whose.pk}").context["totals"]
        assert (told.count, told.sums["estimated_value"]) == (count, value)
    assert client.get("/quotes/").context["totals"].count == 1
    response = client.get("/opportunities/board/")
    assert [column.totals.value for column in response.context["columns"] if column.totals.count] == [1050]
    board = response.content.decode()
    cards = {key: board.split(f'id="card-{key}"')[1].split("</li>")[0] for key in (own.pk, deal.pk)}
    assert "data-fixed" in cards[deal.pk] and "data-move" not in cards[deal.pk] and "deal-edit" not in cards[deal.pk]
    assert "data-fixed" not in cards[own.pk] and "data-move" in cards[own.pk]
    assert 'title="Jim Olive"' in cards[deal.pk]
    assert client.get("/search/?q=Thrones").context["results"].count == 1
    assert client.get("/opportunities/export/?as=csv").getvalue().count(b"\r\n") == 3


def test_to_edit_changes_but_does_not_pass_on(
    client_for: Sign, deal: Opportunity, rep2: User, of: Salesperson, cycle: SalesCycle
) -> None:
    share(deal, of, edit=True)
    client, here = client_for(rep2), deal.get_absolute_url()
    page = client.get(here).content.decode()
    assert "shared with you" in page and f"{here}move/" in page and f"{here}sharing/" not in page
    assert client.get(f"{here}sharing/").status_code == 403
    data = {"version": deal.version, "to": cycle.stages.get(number=3).pk}
    assert client.post(f"{here}move/", data).status_code == 302
    assert fresh(deal).stage == cycle.stages.get(number=3)
    listed = client.get("/opportunities/").content.decode().split(f'id="row-{deal.pk}"')[1].split("</tr>")[0]
    assert "edit-here" in listed


def test_a_team_is_its_members_its_manager_and_who_leads_above(
    client_for: Sign, deal: Opportunity, of: Salesperson, hr: Salesperson
) -> None:
    """Members of the team above, and of one below, are not meant."""
    top = TeamFactory(manager=hr)
    north: Any = TeamFactory(parent=top, members=[of])
    people = {code: Salesperson.objects.create(code=code, name=code) for code in ("ABOVE", "BELOW", "LEADS")}
    top.members.add(people["ABOVE"])
    TeamFactory(parent=north, members=[people["BELOW"]])
    Team.objects.filter(pk=north.pk).update(manager=people["LEADS"])
    grant = share(deal, north)
    people |= {"OF": of, "HR": hr}
    clients = {
        code: client_for(make_user(f"{code.lower()}@example.com", role="sales rep", salesperson=person))
        for code, person in people.items()
    }

    def found() -> set[str]:
        return {code for code, client in clients.items() if client.get(deal.get_absolute_url()).status_code == 200}

    assert found() == {"OF", "HR", "LEADS"}
    north.members.remove(of)
    assert found() == {"HR", "LEADS"}
    grant.delete()
    assert found() == set()


def test_the_wider_of_two_grants_counts(client_for: Sign, deal: Opportunity, rep2: User, of: Salesperson) -> None:
    team: Any = TeamFactory(members=[of])
    share(deal, of)
    assert client_for(rep2).get(f"{deal.get_absolute_url()}edit/").status_code == 403
    share(deal, team, edit=True)
    assert client_for(rep2).get(f"{deal.get_absolute_url()}edit/").status_code == 200


def test_what_one_sees_anyway_is_not_made_less_by_a_grant(
    client_for: Sign, deal: Opportunity, rep: User, jo: Salesperson
) -> None:
    share(deal, jo)
    page = client_for(rep).get(deal.get_absolute_url()).content.decode()
    assert "shared with you" not in page and f"{deal.get_absolute_url()}sharing/" in page


def test_shared_ones_cost_no_statement(
    client_for: Sign, deal: Opportunity, acme: Contact, rep2: User, of: Salesperson, cycle: SalesCycle
) -> None:
    """List, board, page and move ask as often as without."""
    own = make_opportunity(contact=acme, salesperson=of, cycle=cycle, stage=2, by=rep2)
    client = client_for(rep2)

    def asked(of: Opportunity) -> list[int]:
        counts = []
        for place in ("/opportunities/", "/opportunities/board/", of.get_absolute_url()):
            client.get(place)
            with CaptureQueriesContext(connection) as queries:
                assert client.get(place).status_code == 200
            counts.append(len(queries))
        return counts

    before = asked(own)
    share(deal, of, edit=True)
    assert asked(own) == asked(deal) == before == [5, 5, 7]


def test_an_assignment_grants_at_once_and_takes_away_at_once(
    client_for: Sign, deal: Opportunity, rep: User, rep2: User, of: Salesperson, jo: Salesperson
) -> None:
    """In the transaction of the step itself: who gets it may edit, who had it does not find it any more."""
    mine, theirs, here = client_for(rep), client_for(rep2), deal.get_absolute_url()
    with transaction.atomic():
        mine.post(f"{here}reassign/", {"version": deal.version, "salesperson": of.pk})
        assert (mine.get(here).status_code, theirs.get(f"{here}edit/").status_code) == (404, 200)
        transaction.set_rollback(True)
    assert (mine.get(here).status_code, theirs.get(here).status_code) == (200, 404)
    assert mine.post(f"{here}reassign/", {"version": deal.version, "salesperson": of.pk}).status_code == 302
    version = fresh(deal).version
    assert theirs.post(f"{here}edit/", {"version": version, "description": "Ours"}).status_code == 302
    assert mine.post(f"{here}edit/", {"version": version + 1, "description": "Lost"}).status_code == 404
    assert (fresh(deal).description, fresh(deal).salesperson) == ("Ours", of)


def test_who_creates_for_a_colleague_grants_it_to_the_colleague(
    client_for: Sign, acme: Contact, rep: User, rep2: User, of: Salesperson, company: Company
) -> None:
    data = {"description": "New", "contact": acme.pk, "salesperson": of.pk, "estimated_value": "5"}
    client_for(rep).post("/opportunities/new/", data)
    made = Opportunity.objects.get()
    assert client_for(rep).get(made.get_absolute_url()).status_code == 404
    assert client_for(rep2).get(f"{made.get_absolute_url()}edit/").status_code == 200
