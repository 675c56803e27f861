"""Opportunities in the admin pages: facts by `edit`, salesperson by `reassign`, and no other door that opens."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import reverse

from contacts.models import Contact
from opportunities import lifecycle
from opportunities.models import TRACKED, Batch, Door, Opportunity, OpportunityEntry, Status
from quotes.models import Quote
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Salesperson, User
from tasks import lifecycle as tasks
from tests.factories import WORK_DATE, QuoteFactory, SourceFactory, fresh, make_opportunity

pytestmark = pytest.mark.django_db

SignIn = Callable[[User], Client]
LIST = "opportunities_opportunity"


def url(page: str, *args: Any, model: str = LIST) -> str:
    return reverse(f"admin:{model}_{page}", args=args)


def text(response: Any) -> str:
    return str(response.content.decode())


def state(opportunity: Opportunity) -> dict[str, Any]:
    return Opportunity.objects.values(*TRACKED, "version", "number", "created_on").get(pk=opportunity.pk)


def steps(opportunity: Opportunity) -> list[str]:
    return list(opportunity.entries.order_by("step").values_list("action", flat=True))


@pytest.fixture
def running(cycle: SalesCycle, acme: Contact, jo: Salesperson) -> Opportunity:
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, description="Running chairs")


@pytest.fixture
def foreign(cycle: SalesCycle, beta: Contact, of: Salesperson) -> Opportunity:
    return make_opportunity(contact=beta, salesperson=of, cycle=cycle, stage=1, description="Secret desks")


@pytest.fixture
def unassigned(cycle: SalesCycle, beta: Contact) -> Opportunity:
    return make_opportunity(contact=beta, cycle=cycle, description="Nobodys lamps")


@pytest.fixture
def staff_rep(rep: User) -> User:
    """A rep whom somebody let into the admin pages: still sees own opportunities only."""
    rep.is_staff = True
    rep.save(update_fields=["is_staff"])
    return rep


@pytest.fixture
def staff_viewer(viewer: User) -> User:
    viewer.is_staff = True
    viewer.save(update_fields=["is_staff"])
    return viewer


def facts(opportunity: Opportunity, **values: Any) -> dict[str, Any]:
    return {
        "description": opportunity.description,
        "priority": "normal",
        "source": "",
        "version": opportunity.version,
    } | values


# ── facts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_facts_are_changed_by_the_verb(manager: User, client_for: SignIn, running: Opportunity) -> None:
    fair = SourceFactory(code="FAIR")
    client = client_for(manager)
    data = facts(running, description="Tables", priority="high", source=fair.pk)
    response = client.post(url("change", running.pk), data, follow=True)
    assert response.redirect_chain == [(url("changelist"), 302)]
    entry = OpportunityEntry.objects.current().get(opportunity=running)
    assert (entry.action, entry.door, entry.by) == ("edited", Door.ADMIN, manager)
    assert (entry.description, entry.priority, entry.source) == ("Tables", "high", fair)
    assert fresh(running).version == entry.step
    assert "Tables" in text(response)


def test_forged_fields_change_nothing(
    manager: User, client_for: SignIn, running: Opportunity, of: Salesperson, price_w: CloseCode
) -> None:
    before = state(running)
    assert running.sales_cycle is not None
    last = running.sales_cycle.stages.get(number=4)
    forged = {
        "status": "won",
        "stage": last.pk,
        "estimated_value": "9999",
        "sales_value": "9999",
        "calculated_value": "9999",
        "chances": "100",
        "salesperson": of.pk,
        "close_code": price_w.pk,
        "closed_on": "2026-03-02",
        "archived": "on",
        "number": "MINE",
        "created_on": "2020-01-01",
        "_saveasnew": "1",
        "entries-TOTAL_FORMS": "1",
        "entries-INITIAL_FORMS": "1",
        "entries-0-id": running.entries.order_by("-step")[0].pk,
        "entries-0-opportunity": running.pk,
        "entries-0-reason": "Forged",
        "entries-0-DELETE": "on",
    }
    client = client_for(manager)
    assert client.post(url("change", running.pk), facts(running, **forged)).status_code == 403  # save as new is adding
    del forged["_saveasnew"]
    response = client.post(url("change", running.pk), facts(running, description="Only this", **forged))
    assert response.status_code == 302
    assert state(running) == before | {"description": "Only this", "version": before["version"] + 1}
    assert steps(running) == ["created", "started", "edited"]
    assert not OpportunityEntry.objects.filter(reason="Forged").exists()


def test_a_stale_save_says_so_and_keeps_what_was_typed(
    manager: User, administrator: User, client_for: SignIn, running: Opportunity
) -> None:
    lifecycle.edit(running, version=running.version, on=WORK_DATE, by=administrator, description="Faster")
    now = fresh(running)
    client = client_for(manager)
    typed = facts(running, description="Typed for an hour", priority="high", version=now.version - 1)
    response = client.post(url("change", running.pk), typed)
    page = text(response)
    assert response.status_code == 409
    for words in ("Somebody changed this opportunity", "Edited (Administrator)", "Faster", "Typed for an hour"):
        assert words in page
    assert steps(running) == ["created", "started", "edited"]
    form = response.context["adminform"].form
    assert (form["version"].value(), form["priority"].value()) == (str(now.version), "high")
    again = client.post(url("change", running.pk), {name: form[name].value() or "" for name in form.fields})
    assert again.status_code == 302
    assert fresh(running).description == "Typed for an hour"


def test_refusals_stand_at_their_fields(
    manager: User, client_for: SignIn, running: Opportunity, price_l: CloseCode
) -> None:
    client = client_for(manager)
    unchanged = client.post(url("change", running.pk), facts(running))
    assert (unchanged.status_code, unchanged.context["adminform"].form.errors) == (
        422,
        {"__all__": ["Nothing was changed."]},
    )
    blank = client.post(url("change", running.pk), facts(running, description="  "))
    assert list(blank.context["adminform"].form.errors) == ["description"]
    timeline = blank.context["inline_admin_formsets"][0].formset.forms
    assert [form.instance.step for form in timeline] == [2, 1]  # the ledger is still shown
    bad = client.post(url("change", running.pk), facts(running, version="x", priority="urgent", source="999"))
    assert set(bad.context["adminform"].form.errors) == {"version", "priority", "source"}
    lifecycle.close(running, version=running.version, outcome="lost", close_code=price_l, on=WORK_DATE, by=None)
    closed = client.post(url("change", running.pk), facts(fresh(running), description="Kept", priority="low"))
    assert list(closed.context["adminform"].form.errors) == ["priority"]
    assert closed.context["adminform"].form["description"].value() == "Kept"
    assert client.post(url("change", running.pk), facts(fresh(running), description="Kept")).status_code == 302


def test_the_ledger_is_the_log(manager: User, client_for: SignIn, running: Opportunity) -> None:
    client = client_for(manager)
    client.post(url("change", running.pk), facts(running, description="Tables"))
    assert not LogEntry.objects.exists()
    assert client.get(url("history", running.pk)).url == url("change", running.pk)
    page = client.get(url("change", running.pk))
    entries = page.context["inline_admin_formsets"][0].formset.queryset
    assert [entry.step for entry in entries] == [3, 2, 1]
    assert all(words in text(page) for words in ("Edited", "Admin pages", "Tables"))


# ── reassign ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def ask(client: Client, *chosen: Opportunity, **data: Any) -> Any:
    keys = [opportunity.pk for opportunity in chosen]
    return client.post(url("changelist"), {"action": "reassign", "_selected_action": keys} | data)


def answer(client: Client, seen: str, salesperson: Any, **data: Any) -> Any:
    values = {
        "action": "reassign",
        "select_across": "1",
        "_selected_action": "0",
        "seen": seen,
        "salesperson": salesperson,
        "reason": "",
    }
    return client.post(url("changelist"), values | data, follow=True)


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def test_many_are_reassigned_as_one_batch(
    manager: User,
    client_for: SignIn,
    running: Opportunity,
    foreign: Opportunity,
    unassigned: Opportunity,
    hr: Salesperson,
) -> None:
    client = client_for(manager)
    asked = ask(client, foreign, running, unassigned)
    assert all(name in text(asked) for name in ("Running chairs", "Secret desks", "Nobodys lamps", "Helena Ray"))
    seen = asked.context["form"]["seen"].value()
    response = answer(client, seen, hr.pk, reason="Leaves us")
    assert messages_of(response) == ["3 opportunities were reassigned."]
    batch = Batch.objects.get()
    entries = OpportunityEntry.objects.filter(batch=batch).order_by("pk")
    assert [entry.opportunity_id for entry in entries] == sorted([running.pk, foreign.pk, unassigned.pk])
    assert {(e.action, e.door, e.by, e.reason, e.salesperson) for e in entries} == {
        ("reassigned", Door.BULK, manager, "Leaves us", hr)
    }


@pytest.mark.parametrize("ticked", [{"tasks_too": "on"}, {}])
def test_the_open_tasks_go_along_when_asked(
    manager: User, client_for: SignIn, running: Opportunity, jo: Salesperson, hr: Salesperson, ticked: dict[str, str]
) -> None:
    client = client_for(manager)
    task = tasks.create(description="Call", opportunity=running, salesperson=jo, on=WORK_DATE, by=None)
    asked = ask(client, running)
    assert (asked.context["form"]["tasks_too"].value(), 'name="tasks_too"' in text(asked)) == (True, True)
    answer(client, asked.context["form"]["seen"].value(), hr.pk, **ticked)
    task.refresh_from_db()
    assert (fresh(running).salesperson, task.salesperson) == (hr, hr if ticked else jo)


def test_a_refused_row_leaves_the_others_alone(
    manager: User, client_for: SignIn, running: Opportunity, foreign: Opportunity, unassigned: Opportunity,
    hr: Salesperson, price_l: CloseCode,
) -> None:  # fmt: skip
    client = client_for(manager)
    lifecycle.close(running, version=running.version, outcome="lost", close_code=price_l, on=WORK_DATE, by=None)
    seen = ask(client, running, foreign, unassigned).context["form"]["seen"].value()
    lifecycle.edit(foreign, version=foreign.version, on=WORK_DATE, by=None, description="Faster")
    response = answer(client, f"{seen},999999:1", hr.pk)
    assert messages_of(response) == [
        "1 opportunity was reassigned.",
        "3 were refused:",
        f"{running}: The opportunity is closed. Reopen it first.",
        f"{fresh(foreign)}: Changed meanwhile by the system: Edited.",
        "1 cannot be found any more.",
    ]
    assert [fresh(row).salesperson_id == hr.pk for row in (running, foreign, unassigned)] == [False, False, True]


def test_no_batch_is_left_when_all_are_refused(
    manager: User, client_for: SignIn, running: Opportunity, jo: Salesperson
) -> None:
    response = answer(client_for(manager), f"{running.pk}:{running.version}", jo.pk)
    assert messages_of(response) == ["1 was refused:", f"{running}: Nothing was changed."]
    assert not Batch.objects.exists()


def test_a_reassignment_not_filled_in_asks_again(
    manager: User, client_for: SignIn, running: Opportunity, of: Salesperson
) -> None:
    of.blocked = True
    of.save()
    client = client_for(manager)
    for salesperson in ("", of.pk, "x"):
        response = answer(client, f"{running.pk}:{running.version}", salesperson, reason="Typed")
        assert (response.status_code, list(response.context["form"].errors)) == (422, ["salesperson"])
        assert "Typed" in text(response)
        assert "Running chairs" in text(response)
    forged = answer(client, "1:1;DROP", of.pk)
    assert forged.status_code == 422
    assert steps(running) == ["created", "started"]


def test_too_many_at_once_are_refused(
    manager: User, client_for: SignIn, running: Opportunity, foreign: Opportunity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opportunities.admin_reassign.AT_ONCE", 1)
    response = client_for(manager).post(
        url("changelist"), {"action": "reassign", "_selected_action": [running.pk, foreign.pk]}, follow=True
    )
    assert messages_of(response) == ["At most 1 opportunities can be reassigned at once. Choose fewer."]


# ── no other door ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("who", ["manager", "administrator", "staff_rep", "staff_viewer"])
def test_nothing_is_added_or_deleted(
    who: str, request: pytest.FixtureRequest, client_for: SignIn, running: Opportunity
) -> None:
    client = client_for(request.getfixturevalue(who))
    quote = QuoteFactory(opportunity=running)
    entry = running.entries.order_by("step")[0]
    batch = Batch.objects.create(door=Door.BULK)
    before, ledger = state(running), list(OpportunityEntry.objects.order_by("pk").values())
    for model, row in (
        (LIST, running),
        ("opportunities_opportunityentry", entry),
        ("opportunities_batch", batch),
        ("quotes_quote", quote),
    ):
        for data in ({}, {"_popup": "1", "_to_field": "id"}):
            assert client.get(url("add", model=model), data).status_code == 403
            assert client.post(url("add", model=model), facts(running) | data).status_code == 403
            assert client.get(url("delete", row.pk, model=model), data).status_code == 403
            assert client.post(url("delete", row.pk, model=model), {"post": "yes"} | data).status_code == 403
        many = {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}
        client.post(url("changelist", model=model), many)
        edited = {
            "form-TOTAL_FORMS": 1,
            "form-INITIAL_FORMS": 1,
            "form-0-id": row.pk,
            "form-0-status": "won",
            "_save": "1",
        }
        client.post(url("changelist", model=model), edited)
        if model != LIST:
            assert client.post(
                url("change", row.pk, model=model), {"reason": "Forged", "net_amount": 1}
            ).status_code in {403, 404}
    assert state(running) == before
    assert list(OpportunityEntry.objects.order_by("pk").values()) == ledger
    assert Quote.objects.get().net_amount == quote.net_amount
    assert (Opportunity.objects.count(), Batch.objects.count()) == (1, 1)


HIDDEN = ("Secret", "Nobodys", "BETA")


def row_is_batch(rows: list[Any]) -> bool:
    return isinstance(rows[0], Batch)


def test_a_rep_let_in_sees_and_changes_own_opportunities_only(
    staff_rep: User, client_for: SignIn, running: Opportunity, foreign: Opportunity, unassigned: Opportunity,
    hr: Salesperson, jo: Salesperson,
) -> None:  # fmt: skip
    client = client_for(staff_rep)
    batch = Batch.objects.create(door=Door.BULK)
    secrets = [
        (LIST, [foreign, unassigned]),
        ("opportunities_opportunityentry", [*foreign.entries.all(), *unassigned.entries.all()]),
        ("quotes_quote", [QuoteFactory(opportunity=foreign), QuoteFactory(opportunity=unassigned)]),
        ("opportunities_batch", [batch]),
    ]
    before = [state(foreign), state(unassigned)]
    for model, rows in secrets:
        for query in ({}, {"q": "secret"}, {"o": "1"}, {"_popup": "1"}, {"all": ""}):
            page = client.get(url("changelist", model=model), query)
            assert page.status_code in ({403} if row_is_batch(rows) else {200, 302})
            assert not any(
                f">{row}<" in text(page) or "Secret" in text(page) or "Nobodys" in text(page) for row in rows
            )
        for row in rows:
            for data in ({}, {"_popup": "1", "_to_field": "id"}):
                shown = client.get(url("change", row.pk, model=model), data)
                assert shown.status_code == (403 if row_is_batch(rows) else 404)
            assert client.get(url("history", row.pk, model=model)).status_code == 404
            posted = client.post(url("change", row.pk, model=model), facts(foreign, description="Mine now"))
            assert posted.status_code in {403, 404}
    asked = ask(client, foreign, unassigned, running)
    assert [row.pk for row in asked.context["rows"]] == [running.pk]
    every = client.post(url("changelist"), {"action": "reassign", "select_across": "1", "_selected_action": foreign.pk})
    assert [row.pk for row in every.context["rows"]] == [running.pk]
    seen = ",".join(f"{row.pk}:{row.version}" for row in (foreign, unassigned))
    refused = answer(client, seen, jo.pk)
    assert messages_of(refused) == ["2 were refused:", "2 cannot be found any more."]
    assert [state(foreign), state(unassigned)] == before


def look_up(client: Client, app_label: str, model_name: str, field_name: str, term: str = "") -> Any:
    query = {"app_label": app_label, "model_name": model_name, "field_name": field_name, "term": term}
    return client.get(reverse("admin:autocomplete"), query)


def test_pickers_offer_only_what_may_be_seen(
    staff_rep: User,
    manager: User,
    client_for: SignIn,
    running: Opportunity,
    foreign: Opportunity,
    unassigned: Opportunity,
) -> None:
    for user, expected in ((staff_rep, [running]), (manager, [unassigned, foreign, running])):
        for app_label, model_name in (("quotes", "quote"), ("opportunities", "opportunityentry")):
            found = look_up(client_for(user), app_label, model_name, "opportunity").json()["results"]
            assert {row["id"] for row in found} == {str(row.pk) for row in expected}
    assert look_up(client_for(staff_rep), "quotes", "quote", "opportunity", "secret").json()["results"] == []
    assert look_up(client_for(staff_rep), "opportunities", "opportunityentry", "by").status_code == 403


def test_figures_of_the_cycles_count_only_what_may_be_seen(
    staff_rep: User, client_for: SignIn, running: Opportunity, foreign: Opportunity
) -> None:
    page = client_for(staff_rep).get(url("changelist", model="salescycles_salescycle"))
    assert [row.standing for row in page.context["cl"].result_list] == [1]


def test_a_batch_shows_only_entries_that_may_be_seen(
    staff_rep: User, manager: User, client_for: SignIn, running: Opportunity, foreign: Opportunity,
    jo: Salesperson, of: Salesperson, hr: Salesperson,
) -> None:  # fmt: skip
    seen = f"{running.pk}:{running.version},{foreign.pk}:{foreign.version}"
    answer(client_for(manager), seen, hr.pk)
    answer(client_for(manager), f"{running.pk}:{fresh(running).version}", jo.pk)
    first = Batch.objects.order_by("pk")[0]
    staff_rep.user_permissions.add(Permission.objects.get(codename="view_batch"))
    page = client_for(staff_rep).get(url("change", first.pk, model="opportunities_batch"))
    assert "Running chairs" in text(page)
    assert "Secret" not in text(page)


def test_a_staff_viewer_reads_without_a_form(staff_viewer: User, client_for: SignIn, running: Opportunity) -> None:
    client = client_for(staff_viewer)
    page = client.get(url("change", running.pk))
    assert "Running chairs" in text(page)
    assert 'name="description"' not in text(page)
    before = state(running)
    assert client.post(url("change", running.pk), facts(running, description="Mine")).status_code == 403
    assert "reassign" not in text(client.get(url("changelist")))
    ask(client, running)
    answer(client, f"{running.pk}:{running.version}", running.salesperson_id)
    assert state(running) == before


@pytest.mark.parametrize("who", ["rep", "viewer", "outsider", None])
def test_who_is_not_staff_is_sent_to_sign_in(
    who: str | None, request: pytest.FixtureRequest, client_for: SignIn, running: Opportunity
) -> None:
    client = client_for(request.getfixturevalue(who)) if who else Client()
    doors = [
        reverse("admin:index"),
        url("changelist"),
        url("change", running.pk),
        url("history", running.pk),
        url("add", model="salescycles_salescycle"),
        reverse("admin:autocomplete"),
        reverse("admin:view_on_site", args=[ContentType.objects.get_for_model(Opportunity).pk, running.pk]),
    ]
    before = state(running)
    for door in doors:
        for response in (client.get(door), client.post(door, facts(running, description="Mine"))):
            assert response.status_code == 302
            assert "login" in response.url
    assert state(running) == before


def test_other_tables_are_not_reached_by_lookups(manager: User, client_for: SignIn, running: Opportunity) -> None:
    for query in ({"salesperson__user__password__startswith": "x"}, {"entries__by__email": "x"}):
        assert client_for(manager).get(url("changelist"), query).status_code in {302, 400}


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_list_takes_as_many_queries_for_20_rows_as_for_1(
    manager: User, client_for: SignIn, running: Opportunity, acme: Contact, jo: Salesperson, cycle: SalesCycle,
    django_assert_num_queries: Any,
) -> None:  # fmt: skip
    client = client_for(manager)
    client.get(url("changelist"))
    with django_assert_num_queries(9):  # session, user, count, rows, and five filters
        client.get(url("changelist"))
    for number in range(19):
        make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, description=f"Chair {number}")
    with django_assert_num_queries(9):
        page = client.get(url("changelist"))
    assert len(page.context["cl"].result_list) == 20


def test_the_page_takes_as_many_queries_for_20_steps_as_for_2(
    manager: User, client_for: SignIn, running: Opportunity, django_assert_num_queries: Any
) -> None:
    client = client_for(manager)
    client.get(url("change", running.pk))
    with django_assert_num_queries(11):
        client.get(url("change", running.pk))
    for number in range(18):
        now = fresh(running)
        lifecycle.edit(now, version=now.version, on=WORK_DATE, by=manager, description=f"Chairs {number}")
    with django_assert_num_queries(11):
        client.get(url("change", running.pk))


def test_the_list_searches_and_filters(
    manager: User, client_for: SignIn, running: Opportunity, foreign: Opportunity, unassigned: Opportunity
) -> None:
    client = client_for(manager)
    for query, expected in (
        ({"q": "acme"}, [running]),
        ({"q": "secr desk"}, [foreign]),
        ({"status__exact": Status.NOT_STARTED}, [unassigned]),
        ({"o": "2"}, [unassigned, running, foreign]),
    ):
        assert [*client.get(url("changelist"), query).context["cl"].result_list] == expected
