"""The pages of a handover: what there is, preview, run, going on, undo, the end; refused, sent twice."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from contacts.models import Contact
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tasks import lifecycle as tasks
from tasks.models import Task
from tests.factories import WORK_DATE, ContactFactory, TeamFactory, fresh, make_opportunity
from upkeep.handover_models import Handover, HandoverRun

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]


@pytest.fixture
def deal(company: Company, jo: Salesperson, acme: Contact, cycle: SalesCycle) -> Opportunity:
    return make_opportunity(
        contact=acme, salesperson=jo, cycle=cycle, stage=2, on=company.today(), description="Velvet thrones"
    )


def page_of(leaver: Salesperson) -> str:
    return f"/upkeep/handovers/of/{leaver.pk}/"


def asked(to: Salesperson, **more: Any) -> dict[str, Any]:
    return {
        "rule": "one",
        "to": [to.pk],
        "what": ["opportunities", "tasks", "contacts", "territories"],
        "reason": "",
    } | more


def sent(preview: Any) -> dict[str, Any]:
    """What the form of the preview sends."""
    page = preview.content.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="(token|seen|at|to-[^"]*)" value="([^"]*)"', page))
    chosen = {
        name: (re.findall(r'<option value="(\w+)" selected>', options) or ["none"])[0]
        for name, options in re.findall(r'<select class="form-select" name="(to-[^"]*)".*?>(.*?)</select>', page)
    }
    return hidden | chosen


def words(response: Any) -> str:
    return " ".join(re.sub("<[^>]+>", " ", response.content.decode()).split())


def test_from_what_there_is_to_the_end(
    client_for: Sign, administrator: User, jo: Salesperson, of: Salesperson, rep: User, acme: Contact, deal: Opportunity
) -> None:
    TeamFactory(name="South", members=[jo])
    task = tasks.create(by=administrator, on=WORK_DATE, description="Call", salesperson=jo, contact=acme)
    client = client_for(administrator)
    assert f'href="{page_of(jo)}"' in client.get(jo.get_absolute_url()).content.decode()
    page = words(client.get(page_of(jo)))
    assert (
        "Open opportunities 1 Open tasks 1 Contacts 1 Territories 0 Teams 1 Estimated value €1,000.00 Weighted value €240.00"
        in page
    )
    preview = client.post(page_of(jo), asked(of, do="preview"))
    assert "Nothing is written yet." in words(preview)
    assert "Otis Falls 1 €1,000.00 €240.00 1 1 0" in words(preview)
    assert "Call Task · 2026-03-02 · ACME" in words(preview)
    assert fresh(deal).salesperson_id == jo.pk
    answer = client.post(page_of(jo), asked(of, do="run", reason="left us") | sent(preview))
    made = Handover.objects.get()
    assert answer["Location"] == made.get_absolute_url() == f"/upkeep/handovers/{made.pk}/"
    told = client.get(answer["Location"])
    assert (
        "3 were handed over." in words(told)
        and "Call Otis Falls" in words(told)
        and "Velvet thrones Otis Falls" in words(told)
    )
    assert Contact.objects.get(pk=acme.pk).salesperson_id == fresh(deal).salesperson_id == of.pk
    assert Task.objects.get(pk=task.pk).salesperson_id == of.pk
    assert "Nothing is left to hand over" in words(client.get(page_of(jo)))
    client.post(f"{page_of(jo)}finish/", {"block": "on", "deactivate": "on"})
    jo.refresh_from_db()
    rep.refresh_from_db()
    assert (jo.blocked, rep.is_active) == (True, False)
    assert client.get("/upkeep/handovers/").status_code == 200


def test_a_choice_of_a_row_counts_before_the_rule(
    client_for: Sign, manager: User, jo: Salesperson, of: Salesperson, hr: Salesperson, acme: Contact, deal: Opportunity
) -> None:
    client = client_for(manager)
    own = {f"to-opportunities-{deal.pk}": hr.pk, f"to-contacts-{acme.pk}": "none"}
    preview = client.post(page_of(jo), asked(of, do="preview") | own)
    assert sent(preview) == sent(preview) | {
        f"to-opportunities-{deal.pk}": str(hr.pk),
        f"to-contacts-{acme.pk}": "none",
    }
    client.post(page_of(jo), asked(of, do="run") | sent(preview))
    assert (fresh(deal).salesperson_id, Contact.objects.get(pk=acme.pk).salesperson_id) == (hr.pk, jo.pk)


def test_sent_twice_it_runs_once(
    client_for: Sign, manager: User, jo: Salesperson, of: Salesperson, deal: Opportunity
) -> None:
    client = client_for(manager)
    data = asked(of, do="run") | sent(client.post(page_of(jo), asked(of, do="preview")))
    first, second = client.post(page_of(jo), data), client.post(page_of(jo), data)
    assert first["Location"] == second["Location"]
    assert HandoverRun.objects.count() == 1 and fresh(deal).version == deal.version + 1


def test_another_manager_was_faster(
    client_for: Sign,
    manager: User,
    administrator: User,
    jo: Salesperson,
    of: Salesperson,
    hr: Salesperson,
    deal: Opportunity,
) -> None:
    first, second = client_for(manager), client_for(administrator)
    late = asked(hr, do="run") | sent(second.post(page_of(jo), asked(hr, do="preview")))
    first.post(page_of(jo), asked(of, do="run") | sent(first.post(page_of(jo), asked(of, do="preview"))))
    answer = second.post(page_of(jo), late)
    assert answer.status_code == 409
    assert "Nothing was changed. This is how it stands now." in words(answer)
    assert fresh(deal).salesperson_id == of.pk and Handover.objects.count() == 1


def test_it_goes_on_with_what_is_left(
    client_for: Sign,
    manager: User,
    jo: Salesperson,
    of: Salesperson,
    deal: Opportunity,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("upkeep.handover.AT_ONCE", 1)
    client = client_for(manager)
    preview = client.post(page_of(jo), asked(of, do="preview"))
    assert "After this run 1 more is left." in words(preview)
    made = client.post(page_of(jo), asked(of, do="run") | sent(preview))["Location"]
    assert "1 left: go on" in words(client.get(made))
    begun = {"handover": Handover.objects.get().pk}
    preview = client.post(page_of(jo), asked(of, do="preview") | begun)
    assert client.post(page_of(jo), asked(of, do="run") | begun | sent(preview))["Location"] == made
    assert HandoverRun.objects.count() == 2 and "left: go on" not in words(client.get(made))


def test_undo(
    client_for: Sign, manager: User, jo: Salesperson, of: Salesperson, acme: Contact, deal: Opportunity
) -> None:
    client = client_for(manager)
    preview = client.post(page_of(jo), asked(of, do="preview"))
    client.post(page_of(jo), asked(of, do="run") | sent(preview))
    made = HandoverRun.objects.get()
    address = f"/upkeep/handovers/runs/{made.pk}/undo/"
    page = client.get(made.handover.get_absolute_url()).content.decode()
    assert f'action="{address}"' in page
    for said in ("2 went back.", "This run cannot be taken back (any more)."):
        answer = client.post(address, follow=True)
        assert said in words(answer)
    assert Contact.objects.get(pk=acme.pk).salesperson_id == fresh(deal).salesperson_id == jo.pk
    assert client.get(address).status_code == 405


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"to": []}, "to"),
        ({"rule": "turns", "to": []}, "to"),
        ({"rule": "luck"}, "rule"),
        ({"what": []}, "what"),
        ({"to": ["999999"]}, "to"),
        ({"reason": "x" * 201}, "reason"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(
    client_for: Sign, manager: User, jo: Salesperson, of: Salesperson, deal: Opportunity, values: Any, field: str
) -> None:
    for do in ("preview", "run"):
        answer = client_for(manager).post(page_of(jo), asked(of, do=do) | values)
        assert answer.status_code == 422 and field in answer.context["form"].errors
    assert fresh(deal).salesperson_id == jo.pk


@pytest.mark.parametrize(
    "seen", ["", "x", "opportunities:1", "opportunities:99999999999999999999:1", "memberships:1:1"]
)
def test_a_run_without_a_preview_shows_one(
    client_for: Sign, manager: User, jo: Salesperson, of: Salesperson, deal: Opportunity, seen: str
) -> None:
    answer = client_for(manager).post(page_of(jo), asked(of, do="run", seen=seen, token="no"))
    assert answer.status_code == 422 and "Nothing is written yet." in words(answer)
    assert fresh(deal).salesperson_id == jo.pk


@pytest.mark.parametrize("who", ["rep", "rep2", "viewer", "outsider"])
def test_who_may_not(
    request: pytest.FixtureRequest,
    client_for: Sign,
    manager: User,
    jo: Salesperson,
    of: Salesperson,
    deal: Opportunity,
    who: str,
) -> None:
    first = client_for(manager)
    first.post(page_of(jo), asked(of, do="run") | sent(first.post(page_of(jo), asked(of, do="preview"))))
    made = HandoverRun.objects.get()
    client = client_for(request.getfixturevalue(who))
    for address in (page_of(jo), "/upkeep/handovers/", made.handover.get_absolute_url()):
        assert client.get(address).status_code == 403
    for address in (page_of(jo), f"{page_of(jo)}finish/", f"/upkeep/handovers/runs/{made.pk}/undo/"):
        assert client.post(address, {"block": "on"}).status_code == 403
    assert "/upkeep/" not in client.get(f"/salespeople/{jo.pk}/").content.decode()


def test_a_manager_blocks_but_deactivates_nobody(
    client_for: Sign, manager: User, rep: User, jo: Salesperson, company: Company
) -> None:
    client = client_for(manager)
    assert 'name="block"' in (page := client.get(page_of(jo)).content.decode()) and 'name="deactivate"' not in page
    assert client.post(f"{page_of(jo)}finish/", {"deactivate": "on"}).status_code == 403
    rep.refresh_from_db()
    assert rep.is_active


@pytest.mark.parametrize("rows", [1, 20])
def test_queries(
    client_for: Sign,
    manager: User,
    jo: Salesperson,
    of: Salesperson,
    deal: Opportunity,
    django_assert_num_queries: DjangoAssertNumQueries,
    rows: int,
) -> None:
    ContactFactory.create_batch(rows, salesperson=jo)
    for _row in range(rows):
        tasks.create(by=manager, on=WORK_DATE, description="Call", salesperson=jo)
    client = client_for(manager)
    client.get("/")
    with django_assert_num_queries(
        12
    ):  # session, user, salesperson; five kinds, values, account, teams, who can be chosen
        client.get(page_of(jo))
    preview = client.post(page_of(jo), asked(of, do="preview"))
    made = client.post(page_of(jo), asked(of, do="run") | sent(preview))["Location"]
    client.get(made)
    with django_assert_num_queries(
        12
    ):  # session, user, handover, runs; what went: three kinds, tasks and contacts; four left
        client.get(made)


def shown(response: Any) -> list[str]:
    return re.findall(r'<select class="form-select" name="to-contacts-(\d+)"', response.content.decode())


def test_one_by_one_in_pages_keeps_every_choice(
    client_for: Sign,
    manager: User,
    jo: Salesperson,
    of: Salesperson,
    hr: Salesperson,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("upkeep.handover_views.ROWS", 2)
    one, two, three, four, five = (ContactFactory(salesperson=jo) for _number in range(5))
    client, given = client_for(manager), asked(of, rule="each", what=["contacts"]) | {"to": []}
    first = client.post(page_of(jo), given | {"do": "preview"})
    assert shown(first) == [str(one.pk), str(two.pk)]
    assert "1–2 of 5; what is chosen on the other pages is kept." in words(first)
    own = {f"to-contacts-{one.pk}": of.pk}
    second = client.post(page_of(jo), given | sent(first) | own | {"page": "2"})
    assert shown(second) == [str(three.pk), str(four.pk)] and "3–4 of 5" in words(second)
    own = {f"to-contacts-{four.pk}": hr.pk}
    third = client.post(page_of(jo), given | sent(second) | own | {"page": "3"})
    assert shown(third) == [str(five.pk)]
    assert "Otis Falls 0 €0.00 €0.00 0 1 0" in words(third) and f"{hr.name} 0 €0.00 €0.00 0 1 0" in words(third)
    own = {f"to-contacts-{five.pk}": of.pk}
    again = client.post(page_of(jo), given | sent(third) | own | {"do": "preview"})
    assert shown(again) == [str(five.pk)] and "Otis Falls 0 €0.00 €0.00 0 2 0" in words(again)
    back = client.post(page_of(jo), given | sent(again) | {"page": "2"})
    assert sent(back)[f"to-contacts-{four.pk}"] == str(hr.pk)
    assert client.post(page_of(jo), given | sent(back) | {"do": "run"}).status_code == 302
    whose = [contact.salesperson for contact in Contact.objects.order_by("pk").select_related("salesperson")]
    assert whose == [of, jo, jo, hr, of]


@pytest.mark.parametrize("page", ["0", "99", "x", "99999999999999999999"])
def test_a_page_that_there_is_not(client_for: Sign, manager: User, jo: Salesperson, of: Salesperson, page: str) -> None:
    contact = ContactFactory(salesperson=jo)
    answer = client_for(manager).post(page_of(jo), asked(of, page=page))
    assert answer.status_code == 200 and shown(answer) == [str(contact.pk)]


def test_a_rule_chooses_for_every_page(
    client_for: Sign, manager: User, jo: Salesperson, of: Salesperson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("upkeep.handover_views.ROWS", 1)
    for _number in range(3):
        ContactFactory(salesperson=jo)
    client = client_for(manager)
    preview = client.post(page_of(jo), asked(of, do="preview"))
    client.post(page_of(jo), asked(of, do="run") | sent(preview))
    assert Contact.objects.filter(salesperson=of).count() == 3
