"""Opportunities in the admin pages: facts by `edit`, salesperson by `reassign`, and no other door that opens."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import reverse

from collaboration.models import Notification
from contacts.models import Contact
from opportunities import lifecycle
from opportunities.bulk_forms import FORMS
from opportunities.models import TRACKED, Batch, Door, Opportunity, OpportunityEntry, Status
from quotes.models import Quote
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Salesperson, User
from salespeople.roles import SALES_REP
from tests.factories import WORK_DATE, QuoteFactory, SourceFactory, fresh, make_opportunity, make_user
from tests.worker import work

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


# ── in the list ──────────────────────────────────────────────────────────────────────────────────────────────────────


def row_names(response: Any) -> dict[int, str]:
    """The prefix of each row's fields by the key of its opportunity."""
    return {form.instance.pk: form.prefix for form in response.context["cl"].formset.forms}


def sent(response: Any) -> dict[str, Any]:
    """Everything that the list would send as it is."""
    found = dict(re.findall(r'<input type="hidden" name="(form-[\w-]+)" value="([^"]*)"', text(response)))
    found |= dict(re.findall(r'<input type="hidden" name="(initial-form-[\w-]+)" value="([^"]*)"', text(response)))
    for form in response.context["cl"].formset.forms:
        found |= {form.add_prefix(name): form[name].value() or "" for name in ("description", "priority", "source")}
        found |= {
            form.add_initial_prefix(name): found[form.add_prefix(name)]
            for name in ("description", "priority", "source")
        }
    return found | {"_save": "Save"}


def test_facts_are_edited_in_the_list_by_the_verb(
    manager: User, client_for: SignIn, running: Opportunity, foreign: Opportunity, unassigned: Opportunity
) -> None:
    client = client_for(manager)
    fair = SourceFactory(code="FAIR")
    page = client.get(url("changelist"))
    rows = row_names(page)
    typed = {f"{rows[running.pk]}-description": "Tables", f"{rows[foreign.pk]}-source": fair.pk}
    response = client.post(url("changelist"), sent(page) | typed)
    assert response.status_code == 302
    assert (fresh(running).description, fresh(foreign).source) == ("Tables", fair)
    assert (steps(running), steps(unassigned)) == (["created", "started", "edited"], ["created"])
    entry = OpportunityEntry.objects.current().get(opportunity=foreign)
    assert (entry.action, entry.door, entry.by, entry.batch) == ("edited", Door.ADMIN, manager, None)


def test_an_old_list_overwrites_nothing_that_nobody_typed(
    manager: User, client_for: SignIn, running: Opportunity, foreign: Opportunity
) -> None:
    client = client_for(manager)
    page = client.get(url("changelist"))
    lifecycle.edit(foreign, version=foreign.version, on=WORK_DATE, by=None, description="Faster")
    typed = {f"{row_names(page)[running.pk]}-priority": "high"}
    assert client.post(url("changelist"), sent(page) | typed).status_code == 302
    assert (fresh(running).priority, fresh(foreign).description) == ("high", "Faster")
    assert steps(foreign) == ["created", "started", "edited"]


def test_the_later_of_two_lists_is_told_and_keeps_what_was_typed(
    manager: User, client_for: SignIn, running: Opportunity, foreign: Opportunity
) -> None:
    client = client_for(manager)
    page = client.get(url("changelist"))
    rows = row_names(page)
    lifecycle.edit(running, version=running.version, on=WORK_DATE, by=None, description="Faster")
    typed = {f"{rows[running.pk]}-description": "Typed", f"{rows[foreign.pk]}-priority": "low"}
    told = client.post(url("changelist"), sent(page) | typed)
    assert told.status_code == 200
    for words in ("Somebody changed this opportunity", "Faster", 'value="Typed"'):
        assert words in text(told)
    assert (fresh(running).description, fresh(foreign).priority) == ("Faster", "normal")
    again = sent(told)
    assert again[f"{rows[foreign.pk]}-priority"] == "low"
    first_shown = {name: value for name, value in sent(page).items() if name.startswith("initial-")}
    assert client.post(url("changelist"), again | first_shown).status_code == 302
    assert (fresh(running).description, fresh(foreign).priority) == ("Typed", "low")


def test_what_the_verb_refuses_in_the_list_saves_no_row(
    manager: User, client_for: SignIn, running: Opportunity, foreign: Opportunity, price_l: CloseCode
) -> None:
    lifecycle.close(running, version=running.version, outcome="lost", close_code=price_l, on=WORK_DATE, by=None)
    client = client_for(manager)
    page = client.get(url("changelist"))
    rows = row_names(page)
    typed = {f"{rows[running.pk]}-priority": "high", f"{rows[foreign.pk]}-description": "Kept"}
    told = client.post(url("changelist"), sent(page) | typed)
    assert told.context["cl"].formset.forms[int(rows[running.pk].split("-")[1])].errors.keys() == {"priority"}
    assert 'value="Kept"' in text(told)
    assert fresh(foreign).description == "Secret desks"
    without = client.post(url("changelist"), {**sent(page), f"{rows[running.pk]}-version": ""})
    assert "Open the list anew" in text(without)


def test_what_was_shared_to_see_stays_in_the_list(
    staff_rep: User, client_for: SignIn, foreign: Opportunity, jo: Salesperson
) -> None:
    lifecycle.share(foreign, by=None, may_edit=False, salesperson_id=jo.pk)
    client = client_for(staff_rep)
    page = client.get(url("changelist"))
    typed = {f"{row_names(page)[foreign.pk]}-description": "Mine"}
    assert "shared with you to see" in text(client.post(url("changelist"), sent(page) | typed))
    assert fresh(foreign).description == "Secret desks"


# ── many at once ─────────────────────────────────────────────────────────────────────────────────────────────────────


def pick(client: Client, verb: str, *chosen: Opportunity, query: str = "", **data: Any) -> Any:
    keys = [opportunity.pk for opportunity in chosen]
    return client.post(f"{url('changelist')}{query}", {"action": verb, "_selected_action": keys} | data)


def go_on(client: Client, page: Any, verb: str, **data: Any) -> Any:
    """The next step, with all that the page carries along."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text(page))
    carried: dict[str, Any] = {name: unescape(value) for name, value in found}
    keys = [value for name, value in found if name == "key"]
    carried.pop("csrfmiddlewaretoken", None)
    carried |= {"key": keys} if keys else {}
    return client.post(f"{reverse('opportunities:bulk')}?action={verb}", carried | data)


def test_every_verb_of_lists_is_an_action(manager: User, client_for: SignIn, running: Opportunity) -> None:
    client = client_for(manager)
    page = client.get(url("changelist"))
    offered = [value for value, _ in page.context["action_form"].fields["action"].choices if value]
    assert (
        offered
        == list(FORMS)
        == ["move", "revise", "edit", "reassign", "close", "reopen", "archive", "restore", "tag", "untag"]
    )
    for verb in offered:
        asked = pick(client, verb, running)
        assert (asked.status_code, asked.context["step"], asked.context["verb"]) == (200, "form", verb)


def test_what_is_picked_in_the_admin_pages_goes_to_the_one_machinery(
    manager: User, client_for: SignIn, running: Opportunity, foreign: Opportunity, unassigned: Opportunity,
    hr: Salesperson,
) -> None:  # fmt: skip
    client = client_for(manager)
    asked = pick(client, "reassign", running, foreign, unassigned, query="?archived__exact=0&o=1")
    assert asked.context["back"] == f"{url('changelist')}?archived__exact=0&o=1"
    typed = {"salesperson": hr.pk, "reason": "Leaves us", "tasks_too": "on"}
    shown = go_on(client, asked, "reassign", do="preview", **typed)
    assert (shown.context["step"], len(shown.context["outcome"].changed)) == ("preview", 3)
    done = go_on(client, shown, "reassign", do="run")
    batch = Batch.objects.get()
    assert done["Location"] == f"{batch.get_absolute_url()}?query=archived__exact%3D0%26o%3D1"
    assert (batch.door, batch.verb, batch.by) == (Door.ADMIN, "reassign", manager)
    entries = OpportunityEntry.objects.filter(batch=batch).order_by("pk")
    assert {(e.action, e.door, e.by, e.reason, e.salesperson) for e in entries} == {
        ("reassigned", Door.ADMIN, manager, "Leaves us", hr)
    }
    page = client.get(done["Location"])
    assert page.context["back"] == f"{url('changelist')}?archived__exact=0&o=1"
    assert page.context["may_undo"]
    client.post(reverse("opportunities:batch-undo", args=[batch.pk]))
    assert [fresh(row).salesperson_id for row in (running, foreign, unassigned)] == [
        row.salesperson_id for row in (running, foreign, unassigned)
    ]


def test_a_run_of_the_admin_pages_tells_a_new_owner_once(
    manager: User, client_for: SignIn, running: Opportunity, foreign: Opportunity, hr: Salesperson
) -> None:
    owner = make_user("hr@example.com", role=SALES_REP, salesperson=hr)
    client = client_for(manager)
    shown = go_on(client, pick(client, "reassign", running, foreign), "reassign", do="preview", salesperson=hr.pk)
    go_on(client, shown, "reassign", do="run")
    assert [one.count for one in Notification.objects.filter(user=owner)] == [2]


def test_all_that_the_admin_list_selects_run_in_the_background(
    manager: User, client_for: SignIn, running: Opportunity, foreign: Opportunity, unassigned: Opportunity,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for module in ("bulk", "bulk_selection"):
        monkeypatch.setattr(f"opportunities.{module}.AT_ONCE", 1)
    client = client_for(manager)
    asked = pick(client, "edit", running, query="?status__exact=in_progress", select_across="1")
    assert asked.context["chosen"].keys == sorted([running.pk, foreign.pk])
    shown = go_on(client, asked, "edit", do="preview", priority="high")
    go_on(client, shown, "edit", do="run")
    work()
    batch = Batch.objects.get()
    assert (batch.door, batch.state, batch.total) == (Door.ADMIN, "done", 2)
    assert [fresh(row).priority for row in (running, foreign, unassigned)] == ["high", "high", "normal"]
    assert set(OpportunityEntry.objects.filter(batch=batch).values_list("door", flat=True)) == {"admin"}


def test_who_is_not_staff_cannot_say_that_it_was_the_admin_pages(
    rep: User, client_for: SignIn, running: Opportunity
) -> None:
    client = client_for(rep)
    page = client.post(f"{reverse('opportunities:bulk')}?action=edit", {"key": running.pk, "door": "admin"})
    shown = go_on(client, page, "edit", do="preview", priority="high", door="admin")
    go_on(client, shown, "edit", do="run", door="admin")
    assert Batch.objects.get().door == Door.BULK


def test_a_limit_of_what_one_action_changes(
    manager: User, client_for: SignIn, running: Opportunity, foreign: Opportunity, settings: Any
) -> None:
    settings.BULK_LIMIT = 1
    response = pick(client_for(manager), "archive", running, foreign)
    assert (response.status_code, response.context["back"]) == (422, url("changelist"))
    assert "At most 1 can be changed in one run" in text(response)


def test_many_are_reopened_each_where_it_was_closed(
    manager: User, client_for: SignIn, running: Opportunity, foreign: Opportunity, unassigned: Opportunity,
    price_l: CloseCode, company: Any, hr: Salesperson,
) -> None:  # fmt: skip
    lifecycle.reassign(unassigned, version=unassigned.version, salesperson=hr, on=WORK_DATE, by=None)
    unassigned, stood = fresh(unassigned), running.stage_id
    for row in (running, unassigned):
        lifecycle.close(row, version=row.version, outcome="lost", close_code=price_l, on=WORK_DATE, by=None)
    client = client_for(manager)
    asked = pick(client, "reopen", running, foreign, unassigned)
    assert list(go_on(client, asked, "reopen", do="preview").context["form"].errors) == ["reason"]
    closing = company.today()
    shown = go_on(client, asked, "reopen", do="preview", reason="Not yet", closing_on=closing.isoformat())
    outcome = shown.context["outcome"]
    assert (len(outcome.changed), len(outcome.unchanged)) == (2, 1)
    go_on(client, shown, "reopen", do="run")
    first, last = fresh(running), fresh(unassigned)
    assert (first.status, first.stage_id, first.closing_on) == ("in_progress", stood, closing)
    assert last.status == "not_started"
    assert steps(foreign) == ["created", "started"]
    client.post(reverse("opportunities:batch-undo", args=[Batch.objects.get().pk]))
    assert (fresh(running).status, fresh(unassigned).status) == ("lost", "lost")


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
    asked = pick(client, "reassign", foreign, unassigned, running)
    every = pick(client, "reassign", foreign, select_across="1")
    assert [[row.pk for row in page.context["chosen"].rows] for page in (asked, every)] == [[running.pk]] * 2
    seen = ",".join(f"{row.pk}:{row.version}" for row in (foreign, unassigned))
    refused = go_on(client, asked, "reassign", do="run", seen=seen, salesperson=jo.pk, token=str(uuid4()))
    assert (refused.status_code, refused.context["chosen"].gone) == (422, 2)
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
    client = client_for(manager)
    for rows, to in (((running, foreign), hr), ((running,), jo)):
        shown = go_on(client, pick(client, "reassign", *rows), "reassign", do="preview", salesperson=to.pk)
        go_on(client, shown, "reassign", do="run")
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
    listed = client.get(url("changelist"))
    assert not any(name in text(listed) for name in ("reassign", 'name="form-0-description"', 'name="_save"'))
    pick(client, "reassign", running)
    forged = {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-0-id": running.pk, "form-0-description": "Mine"}
    client.post(url("changelist"), forged | {"form-0-version": running.version, "_save": "Save"})
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
    with django_assert_num_queries(11):  # session, user, count, rows, five filters, and twice the sources for all rows
        client.get(url("changelist"))
    for number in range(19):
        make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, description=f"Chair {number}")
    with django_assert_num_queries(11):
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
