"""Stage gates on the screens: board, page, admin, bulk preview, and the report of those passed over."""

import datetime
import html
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from collaboration.models import Attachment
from contacts.models import Contact
from opportunities import bulk, lifecycle
from opportunities.models import Opportunity, OpportunityEntry
from salescycles.models import Competitor, SalesCycle
from salespeople.models import Company, Salesperson, User
from salespeople.roles import SALES_MANAGER
from tests.factories import SourceFactory, fresh, make_opportunity
from tests.views.test_admin_set_up import cycle_data, save, url

pytestmark = pytest.mark.django_db
HX = {"HX-Request": "true"}
BOARD, REPORT = "/opportunities/board/", "/opportunities/overrides/"
Sign = Callable[[User], Client]
both_ways = pytest.mark.parametrize("headers", [{}, HX], ids=["page", "fragment"])


@pytest.fixture
def deal(acme: Contact, jo: Salesperson, cycle: SalesCycle, rep: User, company: Company) -> Callable[..., Opportunity]:
    today = company.today()

    def make(**values: Any) -> Opportunity:
        known = {"contact": acme, "salesperson": jo, "cycle": cycle, "by": rep, "on": today, "stage": 1}
        return make_opportunity(**known | {"closing_on": today + datetime.timedelta(days=9)} | values)

    return make


def gate(cycle: SalesCycle, number: int, **values: Any) -> Any:
    cycle.stages.filter(number=number).update(**values)
    return cycle.stages.get(number=number)


def move(client: Client, deal: Opportunity, stage: Any, headers: Any = HX, **values: Any) -> Any:
    data = {"version": fresh(deal).version, "to": stage.pk} | values
    return client.post(f"{deal.get_absolute_url()}move/", data, headers=headers)


def words(response: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


# ── the board ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_cards_say_what_they_lack_and_menus_what_is_asked(
    client_for: Sign, cycle: SalesCycle, deal: Any, rep: User, manager: User
) -> None:
    offer = gate(cycle, 2, required_fields=["source", "competitor"], minimum_value=5000, allow_skip=True)
    gate(cycle, 3, roles=[Group.objects.get(name=SALES_MANAGER).pk])
    bare, known = deal(), deal(source=SourceFactory())
    page = client_for(rep).get(BOARD).content.decode()
    assert dict(re.findall(r'id="card-(\d+)"[^>]*data-lacks="([^"]*)"', page)) == {
        str(bare.pk): "source competitor",
        str(known.pk): "competitor",
    }
    ways = re.search(rf'<template data-ways="{bare.stage_id}">.*?data-to="{offer.pk}"(.*?)</li>', page)
    assert ways and re.findall(r'data-gap="(\w+)" data-ask-for(?: data-least="([\d.]+)")?>([^<]*)', ways.group(1)) == [
        *(("source", "", "Source"), ("competitor", "", "Competitor"), ("value", "5000.00", "Minimum value €5,000.00"))
    ]
    role = r'data-gap="role"( data-shut)?>Your role may not move opportunities to the stage “Offer”.'
    assert re.findall(role, page) and all(re.findall(role, page))
    assert not any(re.findall(role, client_for(manager).get(BOARD).content.decode()))


def test_a_board_without_gates_says_nothing(client_for: Sign, deal: Any, rep: User) -> None:
    deal()
    page = client_for(rep).get(BOARD).content.decode()
    assert "data-lacks" not in page and page.count("data-gap") == page.count('data-gap="skip"')


@pytest.mark.parametrize("rows", [1, 20])
def test_queries_of_the_board_with_every_gate(
    client_for: Sign, cycle: SalesCycle, deal: Any, rep: User, rows: int
) -> None:
    gate(cycle, 2, required_fields=["source", "competitor", "contact", "chances"], minimum_value=5000,
         quote_required=True, document_required=True, roles=[1], allow_back=False)  # fmt: skip
    for _ in range(rows):
        deal()
    client = client_for(rep)
    client.get(BOARD)
    with CaptureQueriesContext(connection) as seen:
        client.get(BOARD)
    assert len(seen) == 5


def test_a_card_asks_for_what_is_missing(client_for: Sign, cycle: SalesCycle, deal: Any, rep: User) -> None:
    stage, one = gate(cycle, 2, required_fields=["competitor"], minimum_value=5000), deal()
    answer = move(client_for(rep), one, stage, board="")
    page = answer.content.decode()
    _token, *asked = re.findall(r'name="(\w+)"', page[page.index("data-ask") :].split("</form>")[0])
    assert (answer.status_code, asked) == (422, ["board", "version", "to", "competitor", "estimated_value"])
    rival = Competitor.objects.create(code="RIVAL")
    answer = move(client_for(rep), one, stage, board="", competitor=rival.pk, estimated_value="5000")
    assert (answer.status_code, fresh(one).stage, fresh(one).competitor) == (200, stage, rival)


def test_what_nobody_can_fill_in_is_said_in_a_line(client_for: Sign, cycle: SalesCycle, deal: Any, rep: User) -> None:
    stage = gate(cycle, 2, roles=[Group.objects.get(name=SALES_MANAGER).pk], required_fields=["competitor"])
    answer = move(client_for(rep), deal(), stage, board="")
    assert answer.status_code == 422 and "data-ask" not in answer.content.decode()
    assert "Your role may not move opportunities to the stage “Present”." in words(answer)


# ── the page of an opportunity ───────────────────────────────────────────────────────────────────────────────────────


@both_ways
def test_a_refused_move_lists_each_condition_with_its_field(
    client_for: Sign, cycle: SalesCycle, deal: Any, rep: User, ann: Contact, headers: Any, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    facts = ["source", "competitor", "contact", "chances"]
    stage = gate(cycle, 2, required_fields=facts, minimum_value=5000, quote_required=True, document_required=True)
    one, client = deal(), client_for(rep)
    answer = move(client, one, stage, headers)
    form = answer.context["form"]
    assert answer.status_code == 422
    assert {field.name for field in form if field.errors} == {*facts, "estimated_value", "quote_amount", "document"}
    assert 'enctype="multipart/form-data"' in answer.content.decode() and "override" not in form.fields
    given = {
        "source": SourceFactory().pk,
        "competitor": Competitor.objects.create(code="RIVAL").pk,
        "contact": ann.pk,
        "chances": "35",
        "estimated_value": "6000",
        "quote_amount": "5900",
        "document": SimpleUploadedFile("offer.pdf", b"%PDF"),
    }
    answer = move(client, one, stage, headers, **given)
    assert answer.status_code == (200 if headers else 302)
    now = fresh(one)
    assert (now.stage, now.chances, now.contact, now.quotes.get().net_amount) == (stage, 35, ann, 5900)
    assert Attachment.objects.get().name == "offer.pdf"


def test_the_form_asks_before_anything_is_refused(client_for: Sign, cycle: SalesCycle, deal: Any, rep: User) -> None:
    stage, one = gate(cycle, 2, required_fields=["source"]), deal()
    answer = client_for(rep).get(f"{one.get_absolute_url()}move/?to={stage.pk}")
    assert "The stage “Present” needs a source." in words(answer) and "source" in answer.context["form"].fields
    page = words(client_for(rep).get(one.get_absolute_url()))
    assert "asks for: Source" in page


def test_a_quote_is_asked_of_who_may_add_one(client_for: Sign, cycle: SalesCycle, deal: Any, rep: User) -> None:
    Group.objects.get(name="sales rep").permissions.remove(*rep.groups.get().permissions.filter(codename="add_quote"))
    stage, one = gate(cycle, 2, quote_required=True), deal()
    answer = move(client_for(rep), one, stage)
    assert answer.status_code == 422 and "quote_amount" not in answer.context["form"].fields


@both_ways
def test_passing_over(client_for: Sign, cycle: SalesCycle, deal: Any, rep: User, manager: User, headers: Any) -> None:
    stage, one = gate(cycle, 2, required_fields=["source"]), deal()
    answer = move(client_for(rep), one, stage, headers, override="on", reason="So")
    assert answer.status_code == 422, "a rep has no such field"
    answer = move(client_for(manager), one, stage, headers, override="on")
    assert answer.status_code == 422 and answer.context["form"].errors["reason"] == ["Say why."]
    answer = move(client_for(manager), one, stage, headers, override="on", reason="So")
    assert answer.status_code == (200 if headers else 302)
    assert one.entries.get(step=3).overrode == [f"{stage.pk}.source"]
    assert "passed over: Source" in words(client_for(rep).get(one.get_absolute_url()))


def test_sent_twice_with_what_was_filled_in(client_for: Sign, cycle: SalesCycle, deal: Any, rep: User) -> None:
    stage, one, client = gate(cycle, 2, required_fields=["source"]), deal(), client_for(rep)
    data = {"version": 2, "source": SourceFactory().pk}
    assert [move(client, one, stage, **data).status_code for _ in range(2)] == [200, 200]
    assert fresh(one).version == 4


def test_a_reopening_can_be_passed_over(
    client_for: Sign, cycle: SalesCycle, deal: Any, manager: User, price_l: Any, company: Company
) -> None:
    one = deal()
    lifecycle.close(one, version=2, outcome="lost", close_code=price_l, on=company.today(), by=None)
    stage = gate(cycle, 1, required_fields=["source"])
    data = {"version": 3, "to": stage.pk, "reason": "Again"}
    client, address = client_for(manager), f"{one.get_absolute_url()}reopen/"
    answer = client.post(address, data, headers=HX)
    assert answer.status_code == 422 and "needs a source" in words(answer)
    assert client.post(address, data | {"override": "on"}, headers=HX).status_code == 200
    assert one.entries.get(step=4).overrode == [f"{stage.pk}.source"]


@both_ways
def test_a_reopening_asks_for_what_may_be_given_while_it_is_closed(
    client_for: Sign, cycle: SalesCycle, deal: Any, rep: User, price_l: Any, company: Company, headers: Any
) -> None:
    rival, one = Competitor.objects.create(code="R", name="Rival"), deal(value=1000)
    lifecycle.close(one, version=2, outcome="lost", close_code=price_l, on=company.today(), by=None)
    stage = gate(cycle, 1, required_fields=["competitor"], document_required=True, minimum_value=5000)
    data: dict[str, Any] = {"version": 3, "to": stage.pk, "estimated_value": "1000", "reason": "Again"}
    client, address = client_for(rep), f"{one.get_absolute_url()}reopen/"
    answer = client.post(address, data, headers=headers)
    assert answer.status_code == 422 and fresh(one).is_closed
    assert set(answer.context["form"].errors) == {"competitor", "document", "estimated_value"}
    data |= {"competitor": rival.pk, "estimated_value": "6000", "document": SimpleUploadedFile("offer.pdf", b"%PDF")}
    assert client.post(address, data, headers=headers).status_code == (200 if headers else 302)
    assert [entry.action for entry in one.entries.order_by("step")[3:]] == ["edited", "reopened"]
    now = fresh(one)
    assert (now.competitor, now.estimated_value, now.stage) == (rival, 6000, stage) and Attachment.objects.count() == 1


# ── many at once, set-up ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_preview_refuses_each_row_with_its_reason(cycle: SalesCycle, deal: Any, rep: User, company: Company) -> None:
    stage = gate(cycle, 2, required_fields=["source"], minimum_value=5000)
    good, poor, bare = deal(source=SourceFactory(), value=5000), deal(source=SourceFactory()), deal()
    seen = {row.pk: row.version for row in (good, poor, bare)}
    outcome = bulk.preview(rep, seen, "move", {"to": stage, "on": company.today()})
    least = "The stage “Present” needs an estimated value of at least €5,000.00."
    assert [row.before for row in outcome.changed] == [good]
    assert {row.before: row.why for row in outcome.refused} == {
        poor: least,
        bare: f"The stage “Present” needs a source. {least}",
    }


def test_a_manager_sets_a_gate(client_for: Sign, cycle: SalesCycle, manager: User) -> None:
    role = Group.objects.get(name=SALES_MANAGER).pk
    rows = [{}, {"required_fields": ["source", "contact"], "minimum_value": "5000", "roles": [role]}]
    answer = save(client_for(manager), url("salescycles_salescycle", "change", cycle.pk), cycle_data(cycle, rows))
    assert answer.status_code == 302
    stage = cycle.stages.get(number=2)
    assert (stage.required_fields, stage.minimum_value, stage.roles) == (["source", "contact"], 5000, [role])
    rows[1]["minimum_value"] = "-1"
    answer = save(client_for(manager), url("salescycles_salescycle", "change", cycle.pk), cycle_data(cycle, rows))
    assert answer.status_code == 200 and "greater than or equal to 0.01" in answer.content.decode()


# ── the report ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def passed(cycle: SalesCycle, deal: Any, manager: User, administrator: User, company: Company) -> list[Opportunity]:
    """The manager twice, once over two conditions; the administrator once."""
    deals = []
    for by, values, number in (
        (manager, {"required_fields": ["source"]}, 2),
        (manager, {"required_fields": ["source"], "minimum_value": Decimal(5000)}, 2),
        (administrator, {"required_fields": ["competitor"]}, 2),
    ):
        one, stage = deal(), gate(cycle, number, **{"minimum_value": None} | values)
        lifecycle.move(one, version=2, to=stage, on=company.today(), by=by, override=True, reason="Urgent")
        deals.append(one)
    return deals


def figures(answer: Any) -> list[dict[str, int]]:
    return [{str(name): many for name, many in table["rows"]} for table in answer.context["tables"]]


def test_the_report_counts(
    client_for: Sign, manager: User, administrator: User, passed: Any, cycle: SalesCycle, company: Company
) -> None:
    client, stage = client_for(manager), cycle.stages.get(number=2)
    answer = client.get(REPORT)
    place = "Cycle CY: Present"
    assert (answer.context["moves"], figures(answer)) == (
        3,
        [{"Source": 2, "Minimum value": 1, "Competitor": 1}, {place: 3}, {"Manager": 2, "Administrator": 1}],
    )
    assert len(answer.context["rows"]) == 3 and "Urgent" in words(answer)
    answer = client.get(f"{REPORT}?by={administrator.pk}")
    assert figures(answer) == [{"Competitor": 1}, {place: 1}, {"Administrator": 1}]
    assert [row.opportunity for row, _passed in answer.context["rows"]] == [passed[2]]
    for query in (f"gate=value&stage={stage.pk}", "gate=value"):
        answer = client.get(f"{REPORT}?{query}")
        assert figures(answer) == [{"Minimum value": 1}, {place: 1}, {"Manager": 1}]
        assert [row.opportunity for row, _passed in answer.context["rows"]] == [passed[1]]
    tomorrow = company.today() + datetime.timedelta(days=1)
    assert client.get(f"{REPORT}?since={tomorrow}").context["moves"] == 0
    assert client.get(f"{REPORT}?until={company.today() - datetime.timedelta(days=1)}").context["moves"] == 0
    assert client.get(f"{REPORT}?since=soon").status_code == 422
    assert client.get(f"{REPORT}?stage=x&by=0&gate=%00").status_code in (200, 422)


def test_the_report_shows_what_one_may_see(
    client_for: Sign, rep: User, rep2: User, manager: User, passed: Any, of: Salesperson, company: Company
) -> None:
    assert client_for(rep).get(REPORT).status_code == 403
    rights = Group.objects.get(name=SALES_MANAGER).permissions.filter(codename="override_gates")
    rep2.user_permissions.add(*rights)
    assert client_for(rep2).get(REPORT).context["moves"] == 0
    lifecycle.reassign(fresh(passed[0]), version=3, salesperson=of, on=company.today(), by=manager)
    answer = client_for(rep2).get(REPORT)
    assert (answer.context["moves"], figures(answer)[0]) == (1, {"Source": 1})


def test_what_was_taken_back_counts_still(client_for: Sign, manager: User, passed: Any) -> None:
    lifecycle.undo(fresh(passed[0]), version=3, by=manager)
    assert client_for(manager).get(REPORT).context["moves"] == 3
    assert OpportunityEntry.objects.overriding().count() == 3


def test_queries_of_the_report(client_for: Sign, manager: User, cycle: SalesCycle, deal: Any, company: Company) -> None:
    """Session, user; counts, stages, people, rows."""
    stage, client = gate(cycle, 2, required_fields=["source"]), client_for(manager)
    for many in (1, 19):
        for _ in range(many):
            lifecycle.move(deal(), version=2, to=stage, on=company.today(), by=manager, override=True, reason="Urgent")
        with CaptureQueriesContext(connection) as seen:
            assert client.get(REPORT).status_code == 200
        assert len(seen) == 6
