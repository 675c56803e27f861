"""Set-up in the admin pages: cycles with their stages, close codes, sources, company, users, salespeople, contacts."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape
from django.utils.text import capfirst

from collaboration.models import ContactRole
from contacts.codes import ContactSetup, IndustryGroup, Territory
from contacts.duplicate_models import DuplicateRule
from contacts.models import Contact
from crm.lib.admin import SeenAdmin
from opportunities import lifecycle
from salescycles.models import Activity, ActivityStep, CloseCode, Competitor, SalesCycle, Source, Stage
from salespeople.models import COMPANY_CACHE_KEY, Company, Salesperson, Team, User
from salespeople.roles import ADMINISTRATOR, CODES_OF_CONTACTS, SALES_MANAGER
from tests.factories import WORK_DATE, SourceFactory, TeamFactory, fresh, make_cycle, make_opportunity, make_user

pytestmark = pytest.mark.django_db

SignIn = Callable[[User], Client]


def url(model: str, page: str, *args: Any) -> str:
    return reverse(f"admin:{model}_{page}", args=args)


def cycle_data(cycle: SalesCycle | None, stages: list[dict[str, Any]] | None = None, **values: Any) -> dict[str, Any]:
    """What the browser sends for a cycle and its stages; `stages` changes or adds to them, in their order."""
    own = list(cycle.stages.order_by("number")) if cycle else []
    data: dict[str, Any] = {
        "code": cycle.code if cycle else "NEW",
        "description": cycle.description if cycle else "",
        "probability_method": "multiply",
        "stage_decides": "on",
        "stages-INITIAL_FORMS": len(own),
        "stages-MIN_NUM_FORMS": 0,
        "stages-MAX_NUM_FORMS": 1000,
    }
    rows: list[dict[str, Any]] = [
        {
            "id": stage.pk,
            "sales_cycle": stage.sales_cycle_id,
            "number": stage.number,
            "description": stage.description,
            "completed": stage.completed,
            "chances": stage.chances,
            **{name: "on" for name in ("quote_required", "allow_skip", "allow_back") if getattr(stage, name)},
        }
        for stage in own
    ]
    for at, change in enumerate(stages or []):
        if at < len(rows):
            rows[at] |= change
        else:
            rows.append({"completed": 0, "chances": 0} | change)
    for at, row in enumerate(rows):
        data |= {f"stages-{at}-{name}": value for name, value in row.items() if value is not None}
    return data | {"stages-TOTAL_FORMS": len(rows)} | values


def numbers(cycle: SalesCycle) -> list[tuple[int, str]]:
    return list(cycle.stages.order_by("number").values_list("number", "description"))


def text(response: Any) -> str:
    return str(response.content.decode())


def save(client: Client, page: str, data: dict[str, Any], **how: Any) -> Any:
    """As the browser sends it: with what the page said that was looked at. What is asked first is confirmed."""
    response = client.post(page, versions(client, page) | data, **how)
    return confirm(client, page, response, **how) if "carried" in (response.context or {}) else response


def confirm(client: Client, page: str, asked: Any, **how: Any) -> Any:
    """What the page that asks sends: all that was typed, and that it is meant so."""
    return client.post(page, dict(asked.context["carried"]) | {"_confirmed": asked.context["token"]}, **how)


def versions(client: Client, page: str) -> dict[str, str]:
    return shown(client.get(page))


def shown(response: Any) -> dict[str, str]:
    return dict(re.findall(r'name="([\w-]*version)" value="(\w+)"', text(response)))


def flush_deferred() -> None:
    """What is checked at the end of a transaction is checked now."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


# ── sales cycles ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_manager_defines_a_cycle_with_its_stages(manager: User, client_for: SignIn) -> None:
    stages = [
        {"number": 1, "description": "Talk", "completed": 10, "chances": 20, "date_formula": "2w"},
        {
            "number": 5,
            "description": "Offer",
            "completed": 50,
            "chances": 60,
            "quote_required": "on",
            "allow_skip": "on",
        },
    ]
    data = cycle_data(None, stages, code="short", description="Short", is_default="on")
    response = client_for(manager).post(url("salescycles_salescycle", "add"), data)
    assert response.status_code == 302
    cycle = SalesCycle.objects.get(code="SHORT")
    assert numbers(cycle) == [(1, "Talk"), (5, "Offer")]
    assert (cycle.stages.get(number=1).date_formula, cycle.stages.get(number=5).quote_required) == ("2W", True)


def test_two_stages_swap_their_numbers_in_one_save(manager: User, client_for: SignIn, cycle: SalesCycle) -> None:
    data = cycle_data(cycle, [{"number": 2}, {"number": 1}])
    assert save(client_for(manager), url("salescycles_salescycle", "change", cycle.pk), data).status_code == 302
    flush_deferred()
    assert numbers(cycle) == [(1, "Present"), (2, "Initial"), (3, "Offer"), (4, "Sign")]


def test_a_number_given_twice_is_said_at_the_field(manager: User, client_for: SignIn, cycle: SalesCycle) -> None:
    data = cycle_data(cycle, [{"number": 2, "description": "Typed"}])
    response = save(client_for(manager), url("salescycles_salescycle", "change", cycle.pk), data)
    forms = response.context["inline_admin_formsets"][0].formset.forms
    assert [form.errors for form in forms] == [{"number": ["Another stage has this number."]}] * 2 + [{}] * 2
    assert "Typed" in text(response)
    assert numbers(cycle)[0] == (1, "Initial")


def test_a_number_that_somebody_just_gave_is_said_at_the_field(
    manager: User, client_for: SignIn, cycle: SalesCycle
) -> None:
    data = cycle_data(cycle, [{}, {}, {}, {}, {"number": 5, "description": "Mine"}])
    Stage.objects.create(sales_cycle=cycle, number=5, description="Theirs")
    response = save(client_for(manager), url("salescycles_salescycle", "change", cycle.pk), data)
    assert response.context["inline_admin_formsets"][0].formset.forms[4].errors == {
        "number": ["Another stage has this number."]
    }


@pytest.mark.parametrize(
    "stage", [{"number": 0}, {"completed": 101}, {"chances": -1}, {"date_formula": "soon"}, {"description": ""}]
)
def test_a_wrong_stage_is_refused_at_the_field(
    stage: dict[str, Any], manager: User, client_for: SignIn, cycle: SalesCycle
) -> None:
    response = save(client_for(manager), url("salescycles_salescycle", "change", cycle.pk), cycle_data(cycle, [stage]))
    assert list(response.context["inline_admin_formsets"][0].formset.forms[0].errors) == list(stage)


def test_a_stage_of_another_cycle_cannot_be_drawn_in(manager: User, client_for: SignIn, cycle: SalesCycle) -> None:
    other = make_cycle("OTHER")
    foreign = other.stages.get(number=1)
    for change in ({"id": foreign.pk}, {"sales_cycle": other.pk}):
        response = save(
            client_for(manager), url("salescycles_salescycle", "change", cycle.pk), cycle_data(cycle, [change])
        )
        assert response.status_code == 200
    foreign.refresh_from_db()
    assert foreign.sales_cycle_id == other.pk
    assert set(cycle.stages.values_list("sales_cycle", flat=True)) == {cycle.pk}


def test_a_new_default_takes_over(manager: User, client_for: SignIn, cycle: SalesCycle) -> None:
    old = make_cycle("OLD", is_default=True)
    response = save(
        client_for(manager),
        url("salescycles_salescycle", "change", cycle.pk),
        cycle_data(cycle, is_default="on"),
        follow=True,
    )
    assert "is no longer the default sales cycle" in text(response)
    assert [*SalesCycle.objects.filter(is_default=True)] == [cycle]
    old.refresh_from_db()
    assert not old.is_default


def test_a_blocked_default_is_refused_and_the_old_one_stays(
    manager: User, client_for: SignIn, cycle: SalesCycle
) -> None:
    old = make_cycle("OLD", is_default=True)
    data = cycle_data(cycle, is_default="on", blocked="on")
    response = save(client_for(manager), url("salescycles_salescycle", "change", cycle.pk), data)
    assert response.context["adminform"].form.errors == {"blocked": ["The default sales cycle cannot be blocked."]}
    assert SalesCycle.objects.get(is_default=True) == old


def test_the_list_of_cycles_says_what_stands_where(
    manager: User, client_for: SignIn, cycle: SalesCycle, acme: Contact, jo: Salesperson, django_assert_num_queries: Any
) -> None:
    empty = make_cycle("EMPTY")
    for value in (1000, 500):
        make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=2, value=value)
    make_opportunity(contact=acme, salesperson=jo, cycle=cycle)  # not started: stands nowhere
    client = client_for(manager)
    client.get(url("salescycles_salescycle", "changelist"))
    with django_assert_num_queries(4):  # session, user, count, rows
        response = client.get(url("salescycles_salescycle", "changelist"))
    rows = {row.pk: (row.standing, row.estimated, row.calculated) for row in response.context["cl"].result_list}
    assert rows == {cycle.pk: (2, 1500, 360), empty.pk: (0, None, None)}
    page = client.get(url("salescycles_salescycle", "change", cycle.pk))
    stages = page.context["inline_admin_formsets"][0].formset.queryset
    assert [(stage.number, stage.standing, stage.estimated) for stage in stages] == [
        (1, 0, None),
        (2, 2, 1500),
        (3, 0, None),
        (4, 0, None),
    ]


# ── what is in use stays ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def used(cycle: SalesCycle, acme: Contact, jo: Salesperson, price_w: CloseCode, price_l: CloseCode) -> dict[str, Any]:
    """Three opportunities: not started, running at stage 2, won; the won one came from the source FAIR."""
    waiting = make_opportunity(contact=acme, salesperson=jo, cycle=cycle, description="Waiting")
    running = make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=2, description="Running")
    fair = SourceFactory(code="FAIR")
    won = make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, description="Gained", source=fair)
    lifecycle.close(won, version=won.version, outcome="won", close_code=price_w, sales_value=100, on=WORK_DATE, by=None)
    return {"waiting": waiting, "running": running, "won": fresh(won), "fair": fair}


def refused_deletion(client: Client, page: str, row: Any) -> str:
    """Both ways to delete say who uses it, and the row is still there afterwards."""
    model, name = type(row), f"{page}"
    shown = client.get(url(name, "delete", row.pk))
    posted = client.post(url(name, "delete", row.pk), {"post": "yes"})
    many = client.post(
        url(name, "changelist"), {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}
    )
    assert (shown.status_code, posted.status_code, many.status_code) == (200, 200, 200)
    lists = [[str(line) for line in response.context["protected"]] for response in (shown, posted, many)]
    assert lists[0] == lists[1] == lists[2] != []
    assert model.objects.filter(pk=row.pk).exists()
    assert all("OpportunityEntry" not in line and "ntry:" not in line for line in lists[0])
    return "\n".join(lists[0])


def test_a_cycle_in_use_is_not_deleted(
    manager: User, client_for: SignIn, used: dict[str, Any], cycle: SalesCycle
) -> None:
    listed = refused_deletion(client_for(manager), "salescycles_salescycle", cycle)
    for words in ("Waiting (Not started)", "Running (In progress)", "Gained (Won)"):
        assert listed.count(words) == 1
    assert url("opportunities_opportunity", "change", used["won"].pk) in listed


def test_a_close_code_in_use_is_not_deleted(manager: User, client_for: SignIn, used: Any, price_w: CloseCode) -> None:
    listed = refused_deletion(client_for(manager), "salescycles_closecode", price_w)
    assert "Gained (Won)" in listed
    assert "Waiting" not in listed


def test_a_close_code_of_the_past_is_not_deleted(
    manager: User, client_for: SignIn, used: dict[str, Any], price_w: CloseCode
) -> None:
    """Reopened, the opportunity has no code any more; its ledger still names it."""
    won = used["won"]
    first = won.sales_cycle.stages.get(number=1)
    lifecycle.reopen(won, version=won.version, reason="Not yet", to=first, on=WORK_DATE, by=None, closing_on=WORK_DATE)
    listed = refused_deletion(client_for(manager), "salescycles_closecode", price_w)
    assert "Gained (In progress), in its history" in listed


def test_a_source_in_use_is_not_deleted(manager: User, client_for: SignIn, used: dict[str, Any]) -> None:
    assert "Gained (Won)" in refused_deletion(client_for(manager), "salescycles_source", used["fair"])


def test_a_contact_and_a_salesperson_in_use_are_not_deleted(
    administrator: User, client_for: SignIn, used: dict[str, Any], acme: Contact, ann: Contact, jo: Salesperson
) -> None:
    client = client_for(administrator)
    listed = refused_deletion(client, "contacts_contact", acme)
    assert "Contact: " in listed
    assert "Ann Lee" in listed
    assert "Running (In progress)" in listed
    assert "ACME" in refused_deletion(client, "salespeople_salesperson", jo)


def test_a_user_who_took_a_step_is_not_deleted(
    administrator: User, rep: User, client_for: SignIn, acme: Contact, jo: Salesperson
) -> None:
    make_opportunity(contact=acme, salesperson=jo, by=rep, description="Mine")
    listed = refused_deletion(client_for(administrator), "salespeople_user", rep)
    assert "Mine (Not started), in its history" in listed


def test_many_users_of_a_row_are_counted_not_poured_out(
    manager: User, client_for: SignIn, acme: Contact, jo: Salesperson, cycle: SalesCycle, django_assert_num_queries: Any
) -> None:
    for _ in range(25):
        make_opportunity(contact=acme, salesperson=jo, cycle=cycle)
    client = client_for(manager)
    listed = refused_deletion(client, "salescycles_salescycle", cycle).split("\n")
    assert (len(listed), listed[-1]) == (21, "… and 5 more")
    with django_assert_num_queries(7):
        client.get(url("salescycles_salescycle", "delete", cycle.pk))


def test_what_one_may_not_see_is_counted_not_named(
    rep: User, client_for: SignIn, acme: Contact, jo: Salesperson, of: Salesperson, cycle: SalesCycle
) -> None:
    """A rep whom a company lets delete cycles sees own opportunities by name and only the number of the others."""
    User.objects.filter(pk=rep.pk).update(is_staff=True)
    rep.user_permissions.add(Permission.objects.get(codename="delete_salescycle"))
    make_opportunity(contact=acme, salesperson=jo, cycle=cycle, description="Mine")
    make_opportunity(contact=acme, salesperson=of, cycle=cycle, description="Secret")
    make_opportunity(contact=acme, cycle=cycle, description="Secret too")
    listed = refused_deletion(client_for(rep), "salescycles_salescycle", cycle)
    assert "Mine" in listed
    assert "Secret" not in listed
    assert "2 that you may not see (opportunities)" in listed


def delete_stage(client: Client, cycle: SalesCycle, number: int) -> Any:
    rows: list[dict[str, Any]] = [{} for _ in range(number - 1)] + [{"DELETE": "on"}]
    return save(client, url("salescycles_salescycle", "change", cycle.pk), cycle_data(cycle, rows))


def test_an_unused_stage_is_deleted_inline(manager: User, client_for: SignIn, used: Any, cycle: SalesCycle) -> None:
    assert delete_stage(client_for(manager), cycle, 4).status_code == 302
    assert [number for number, _ in numbers(cycle)] == [1, 2, 3]


@pytest.mark.parametrize(("number", "named"), [(2, "Running (In progress)"), (1, "Gained (Won)")])
def test_a_stage_in_use_is_not_deleted_inline(
    number: int, named: str, manager: User, client_for: SignIn, used: Any, cycle: SalesCycle
) -> None:
    response = delete_stage(client_for(manager), cycle, number)
    errors = response.context["inline_admin_formsets"][0].formset.non_form_errors()
    assert "cannot be deleted, it is in use" in errors[0]
    assert named in errors[0]
    assert len(numbers(cycle)) == 4


def test_inline_deletion_names_nothing_unseen(
    rep: User, client_for: SignIn, acme: Contact, of: Salesperson, cycle: SalesCycle
) -> None:
    User.objects.filter(pk=rep.pk).update(is_staff=True)
    rep.user_permissions.add(*Permission.objects.filter(content_type__app_label="salescycles"))
    make_opportunity(contact=acme, salesperson=of, cycle=cycle, stage=1, description="Secret")
    page = text(delete_stage(client_for(rep), cycle, 1))
    assert "1 that you may not see" in page
    assert "Secret" not in page


def test_what_is_not_in_use_is_deleted(
    manager: User, client_for: SignIn, cycle: SalesCycle, price_w: CloseCode
) -> None:
    client = client_for(manager)
    for page, row in (("salescycles_salescycle", cycle), ("salescycles_closecode", price_w)):
        assert client.get(url(page, "delete", row.pk)).context["protected"] == []
        assert client.post(url(page, "delete", row.pk), {"post": "yes"}).status_code == 302
    assert (SalesCycle.objects.count(), Stage.objects.count(), CloseCode.objects.count()) == (0, 0, 0)


def test_the_type_of_a_close_code_in_use_stays(
    manager: User, client_for: SignIn, used: Any, price_w: CloseCode
) -> None:
    response = save(
        client_for(manager),
        url("salescycles_closecode", "change", price_w.pk),
        {"code": "PRICE_W", "description": "", "outcome": "lost"},
    )
    assert list(response.context["adminform"].form.errors) == ["outcome"]
    assert CloseCode.objects.get(pk=price_w.pk).outcome == "won"


def test_the_type_of_an_unused_close_code_changes(manager: User, client_for: SignIn, price_w: CloseCode) -> None:
    data = {"code": "PRICE_W", "description": "Cheap", "outcome": "lost"}
    assert save(client_for(manager), url("salescycles_closecode", "change", price_w.pk), data).status_code == 302
    assert CloseCode.objects.get(pk=price_w.pk).outcome == "lost"


@pytest.mark.parametrize("page", ["salescycles_closecode", "salescycles_source"])
def test_lists_of_codes_filter_search_and_order(
    page: str, manager: User, client_for: SignIn, price_w: CloseCode
) -> None:
    SourceFactory(code="FAIR")
    response = client_for(manager).get(url(page, "changelist"), {"q": "a", "blocked__exact": "0", "o": "-1"})
    assert response.status_code == 200
    assert len(response.context["cl"].result_list) == (1 if page.endswith("source") else 0)


@pytest.mark.django_db(transaction=True)
def test_a_lost_race_is_a_message(
    manager: User, client_for: SignIn, cycle: SalesCycle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The form found the numbers free, but another was faster: the database refuses at the end of the transaction."""
    monkeypatch.setattr("salescycles.admin.StageFormSet._refuse_double_numbers", lambda formset, forms: None)
    page = url("salescycles_salescycle", "change", cycle.pk)
    response = save(client_for(manager), page, cycle_data(cycle, [{"number": 2}]), follow=True)
    assert "Somebody else changed something at the same time" in text(response)
    assert numbers(cycle)[0] == (1, "Initial")


# ── company ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_company_is_one_row_and_changes_at_once(
    administrator: User, client_for: SignIn, company: Company, django_capture_on_commit_callbacks: Any
) -> None:
    client = client_for(administrator)
    assert Company.current().name == "Our Company"
    data = {
        "name": "Renamed",
        "currency": "SEK",
        "time_zone": "Europe/Stockholm",
        "fiscal_year_start": 4,
        "unassigned_seen_by": "team",
    }
    with django_capture_on_commit_callbacks(execute=True):
        response = save(client, url("salespeople_company", "change", company.pk), data)
    assert response.status_code == 302
    assert (Company.current().name, Company.current().currency) == ("Renamed", "SEK")
    assert Company.current().unassigned_seen_by == "team"
    assert client.get(url("salespeople_company", "add")).status_code == 403
    assert client.post(url("salespeople_company", "delete", company.pk), {"post": "yes"}).status_code == 403
    assert Company.objects.count() == 1


def test_a_time_zone_that_is_none_is_refused(administrator: User, client_for: SignIn, company: Company) -> None:
    data = {
        "name": "X",
        "currency": "eur",
        "time_zone": "Mars/North",
        "fiscal_year_start": 13,
        "unassigned_seen_by": "me",
    }
    response = save(client_for(administrator), url("salespeople_company", "change", company.pk), data)
    assert set(response.context["adminform"].form.errors) == set(data) - {"name"}


def test_an_administrator_makes_the_missing_company(
    administrator: User, client_for: SignIn, django_capture_on_commit_callbacks: Any
) -> None:
    Company.objects.all().delete()
    cache.delete(COMPANY_CACHE_KEY)
    data = {
        "name": "First",
        "currency": "EUR",
        "time_zone": "Europe/Helsinki",
        "fiscal_year_start": 1,
        "unassigned_seen_by": "team",
    }
    with django_capture_on_commit_callbacks(execute=True):
        assert client_for(administrator).post(url("salespeople_company", "add"), data).status_code == 302
    assert Company.objects.get().pk == 1


def test_a_manager_reads_the_company(manager: User, client_for: SignIn, company: Company) -> None:
    client = client_for(manager)
    page = url("salespeople_company", "change", company.pk)
    assert client.get(page).status_code == 200
    assert client.post(page, {"name": "Mine"}).status_code == 403


# ── users ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def new_user(**values: Any) -> dict[str, Any]:
    return {
        "email": "New@Example.COM",
        "name": "New",
        "usable_password": "true",
        "password1": "a long and good one",
        "password2": "a long and good one",
    } | values


def user_data(user: User, **values: Any) -> dict[str, Any]:
    return {
        "email": user.email,
        "name": user.name,
        "is_active": "on",
        "groups": list(user.groups.values_list("pk", flat=True)),
    } | values


def test_an_administrator_adds_a_user(administrator: User, client_for: SignIn, jo: Salesperson) -> None:
    manager_role = Group.objects.get(name=SALES_MANAGER)
    data = new_user(
        salesperson=jo.pk,
        language="fi",
        time_zone="Europe/Oslo",
        groups=[manager_role.pk],
        is_staff="on",
        is_superuser="on",
    )
    response = client_for(administrator).post(url("salespeople_user", "add"), data)
    assert response.status_code == 302
    user = User.objects.get(email="New@example.com")
    assert (user.salesperson, user.language, user.time_zone, user.is_staff) == (jo, "fi", "Europe/Oslo", True)
    assert [*user.groups.all()] == [manager_role]
    assert not user.is_superuser
    assert Client().login(username="new@example.com", password="a long and good one")


def test_one_user_for_each_email(administrator: User, manager: User, client_for: SignIn) -> None:
    response = client_for(administrator).post(url("salespeople_user", "add"), new_user(email="MANAGER@example.com"))
    assert list(response.context["adminform"].form.errors) == ["email"]


def test_nobody_makes_a_superuser_of_oneself_or_others(administrator: User, manager: User, client_for: SignIn) -> None:
    every = list(Permission.objects.values_list("pk", flat=True))
    client = client_for(administrator)
    for user in (administrator, manager):
        data = user_data(user, is_superuser="on", user_permissions=every, is_staff="on")
        assert save(client, url("salespeople_user", "change", user.pk), data).status_code == 302
        user.refresh_from_db()
        assert not user.is_superuser
        assert not user.user_permissions.exists()


def test_an_administrator_stays_one_and_stays_active(administrator: User, client_for: SignIn) -> None:
    client = client_for(administrator)
    page = url("salespeople_user", "change", administrator.pk)
    data = {"email": administrator.email, "name": "Me", "groups": []}
    assert save(client, page, data).status_code == 302
    administrator.refresh_from_db()
    assert (administrator.name, administrator.is_active, administrator.is_staff) == ("Me", True, True)
    assert administrator.groups.get().name == ADMINISTRATOR
    assert client.post(url("salespeople_user", "delete", administrator.pk), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("active", [True, False])
def test_who_may_do_more_is_out_of_reach(active: bool, administrator: User, client_for: SignIn) -> None:
    """A new password or e-mail would be a way to become that person."""
    root = User.objects.create_superuser("root@example.com", "demo", name="Root", is_active=active)
    strong = make_user("strong@example.com", is_active=active)
    strong.user_permissions.add(Permission.objects.get(codename="change_group"))
    client = client_for(administrator)
    for user in (root, strong):
        before = User.objects.values().get(pk=user.pk)
        data = user_data(user, email="mine@example.com")
        assert client.get(url("salespeople_user", "change", user.pk)).status_code == 200
        assert save(client, url("salespeople_user", "change", user.pk), data).status_code == 403
        passwords = {"password1": "a long and good one", "password2": "a long and good one", "usable_password": "true"}
        assert client.post(reverse("admin:auth_user_password_change", args=[user.pk]), passwords).status_code == 403
        assert client.post(url("salespeople_user", "delete", user.pk), {"post": "yes"}).status_code == 403
        many = {"action": "delete_selected", "_selected_action": user.pk, "post": "yes"}
        client.post(url("salespeople_user", "changelist"), many)
        assert User.objects.values().get(pk=user.pk) == before


def test_nobody_gives_away_what_they_do_not_hold(administrator: User, manager: User, client_for: SignIn) -> None:
    strong = Group.objects.create(name="strong")
    strong.permissions.add(Permission.objects.get(codename="change_group"))
    data = user_data(manager, groups=[strong.pk], is_staff="on")
    response = save(client_for(administrator), url("salespeople_user", "change", manager.pk), data)
    assert list(response.context["adminform"].form.errors) == ["groups"]
    assert manager.groups.get().name == SALES_MANAGER


def test_an_administrator_gives_a_new_password(administrator: User, rep: User, client_for: SignIn) -> None:
    client = client_for(administrator)
    page = reverse("admin:auth_user_password_change", args=[rep.pk])
    assert client.get(page).status_code == 200
    passwords = {"password1": "a long and good one", "password2": "a long and good one", "usable_password": "true"}
    assert client.post(page, passwords).status_code == 302
    assert Client().login(username="rep@example.com", password="a long and good one")


def test_users_are_for_administrators_only(manager: User, rep: User, client_for: SignIn) -> None:
    client = client_for(manager)
    for page, args in (
        ("changelist", ()),
        ("add", ()),
        ("change", (rep.pk,)),
        ("delete", (rep.pk,)),
    ):
        assert client.get(url("salespeople_user", page, *args)).status_code == 403
    assert client.get(url("salespeople_user", "history", rep.pk)).status_code == 404
    look_up = {"app_label": "opportunities", "model_name": "opportunityentry", "field_name": "by", "term": "r"}
    assert client.get(reverse("admin:autocomplete"), look_up).status_code == 403


def test_passwords_cannot_be_guessed_by_lookups(administrator: User, client_for: SignIn) -> None:
    response = client_for(administrator).get(url("salespeople_user", "changelist"), {"password__startswith": "md5"})
    assert response.status_code == 400


# ── salespeople and contacts ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_manager_adds_and_blocks_a_salesperson(manager: User, client_for: SignIn, jo: Salesperson) -> None:
    client = client_for(manager)
    assert (
        client.post(
            url("salespeople_salesperson", "add"), {"code": "nn", "name": "Nina", "commission": "2.5"}
        ).status_code
        == 302
    )
    assert Salesperson.objects.get(code="NN").name == "Nina"
    data = {"code": "JO", "name": "Jim", "commission": 0, "blocked": "on"}
    assert save(client, url("salespeople_salesperson", "change", jo.pk), data).status_code == 302
    jo.refresh_from_db()
    assert jo.blocked
    assert client.post(url("salespeople_salesperson", "delete", jo.pk), {"post": "yes"}).status_code == 403


def team_data(team: Team | None, *joining: Salesperson, **values: Any) -> dict[str, Any]:
    """What the browser sends for a team and its members; `joining` come to those who are in it."""
    known = list(team.memberships.order_by("pk")) if team else []
    data: dict[str, Any] = {
        "code": team.code if team else "N",
        "name": team.name if team else "North",
        "memberships-TOTAL_FORMS": len(known) + len(joining),
        "memberships-INITIAL_FORMS": len(known),
        "memberships-MIN_NUM_FORMS": 0,
        "memberships-MAX_NUM_FORMS": 1000,
    }
    for at, member in enumerate(known):
        data |= {f"memberships-{at}-id": member.pk, f"memberships-{at}-salesperson": member.salesperson_id}
    for at, person in enumerate(joining, len(known)):
        data[f"memberships-{at}-salesperson"] = person.pk
    return data | values


def test_a_manager_makes_a_team_and_changes_who_is_in_it(
    manager: User, client_for: SignIn, jo: Salesperson, of: Salesperson
) -> None:
    client = client_for(manager)
    assert client.post(url("salespeople_team", "add"), team_data(None, jo, manager=of.pk)).status_code == 302
    team = Team.objects.get(code="N")
    assert (team.name, team.manager, list(team.members.all())) == ("North", of, [jo])
    data = team_data(team, of) | {"memberships-0-DELETE": "on"}
    assert save(client, url("salespeople_team", "change", team.pk), data).status_code == 302
    assert (Team.objects.get().manager, list(team.members.all())) == (None, [of])
    listed = text(client.get(url("salespeople_team", "changelist")))
    assert "North" in listed and '<td class="field-how_many">1</td>' in listed


def test_a_team_below_itself_is_said_at_the_field(manager: User, client_for: SignIn) -> None:
    top = TeamFactory()
    below: Any = TeamFactory(parent=top)
    response = save(client_for(manager), url("salespeople_team", "change", top.pk), team_data(top, parent=below.pk))
    assert response.context["adminform"].form.errors == {"parent": ["A team cannot stand below itself."]}
    assert below.name in refused_deletion(client_for(manager), "salespeople_team", top)


def test_a_member_whom_somebody_just_added_is_said(manager: User, client_for: SignIn, jo: Salesperson) -> None:
    """Both looked at a team without JO: the database refuses the second, and nothing of it is saved."""
    team = TeamFactory()
    data = team_data(team, jo, name="Lost")
    team.members.add(jo)
    response = save(client_for(manager), url("salespeople_team", "change", team.pk), data, follow=True)
    assert "Nothing was saved" in text(response)
    assert (Team.objects.get().name, list(team.members.all())) == (team.name, [jo])


def test_a_rep_changes_no_team(rep: User, client_for: SignIn, jo: Salesperson) -> None:
    User.objects.filter(pk=rep.pk).update(is_staff=True)
    team = TeamFactory()
    client = client_for(rep)
    assert save(client, url("salespeople_team", "change", team.pk), team_data(team, jo, name="Mine")).status_code == 403
    assert client.post(url("salespeople_team", "add"), team_data(None, jo)).status_code == 403
    assert client.post(url("salespeople_team", "delete", team.pk), {"post": "yes"}).status_code == 403
    assert list(Team.objects.values_list("name", "members")) == [(team.name, None)]


def test_a_contact_is_looked_at_and_changed_on_its_own_page(manager: User, client_for: SignIn, acme: Contact) -> None:
    client = client_for(manager)
    assert client.get(url("contacts_contact", "change", acme.pk)).status_code == 200
    for address in (url("contacts_contact", "add"), url("contacts_contact", "change", acme.pk)):
        assert client.post(address, {"number": "X", "kind": "company", "name": "Other"}).status_code == 403
    assert [*Contact.objects.values_list("name", flat=True)] == ["ACME"]


def test_codes_of_contacts_are_kept_by_managers(manager: User, client_for: SignIn, acme: Contact) -> None:
    client = client_for(manager)
    for model in CODES_OF_CONTACTS:
        data = {"code": "ab", "description": "Whatever"}
        assert client.post(url(f"contacts_{model}", "add"), data).status_code == 302
        assert client.post(url(f"contacts_{model}", "add"), data).status_code == 200  # there is one already
    acme.industry_groups.add(IndustryGroup.objects.get(code="AB"))
    page = client.post(url("contacts_industrygroup", "delete", IndustryGroup.objects.get().pk), {"post": "yes"})
    assert "cannot" in text(page).lower() and IndustryGroup.objects.count() == 1


def test_who_saves_a_code_second_is_told_and_loses_nothing(manager: User, client_for: SignIn) -> None:
    client, code = client_for(manager), Territory.objects.create(code="N", description="North")
    page = url("contacts_territory", "change", code.pk)
    seen = client.get(page).context["adminform"].form["version"].value()
    Territory.objects.filter(pk=code.pk).update(description="Far north")
    answer = client.post(page, {"code": "N", "description": "Norden", "version": seen})
    assert "Description: Far north" in str(answer.context["adminform"].form.non_field_errors())
    assert 'value="Norden"' in text(answer)
    assert Territory.objects.get().description == "Far north"
    again = answer.context["adminform"].form["version"].value()
    assert client.post(page, {"code": "N", "description": "Norden", "version": again}).status_code == 302
    assert Territory.objects.get().description == "Norden"
    assert client.post(page, {"code": "N", "description": "Norden", "version": seen}).status_code == 302  # the same


def test_who_saves_the_rules_second_is_told(manager: User, client_for: SignIn, jo: Salesperson) -> None:
    client, setup = client_for(manager), ContactSetup.objects.create(country="SE")
    page = url("contacts_contactsetup", "change", setup.pk)
    seen = client.get(page).context["adminform"].form["version"].value()
    ContactSetup.objects.update(country="FI", salesperson=jo)
    answer = client.post(page, {"country": "NO", "version": seen})
    said = str(answer.context["adminform"].form.non_field_errors())
    assert "Country: Finland" in said and f"Salesperson: {jo}" in said and "Shares" not in said
    assert ContactSetup.current().country == "FI"


def test_the_rules_of_contacts_are_one_row(manager: User, client_for: SignIn, jo: Salesperson) -> None:
    client = client_for(manager)
    data = {"salesperson": jo.pk, "country": "FI", "shares_country": "on"}
    assert client.post(url("contacts_contactsetup", "add"), data).status_code == 302
    setup = ContactSetup.current()
    assert (setup.pk, setup.salesperson, setup.country) == (1, jo, "FI")
    assert (setup.shares("country"), setup.shares("address")) == (True, False)
    assert client.get(url("contacts_contactsetup", "add")).status_code == 403
    assert client.post(url("contacts_contactsetup", "delete", 1), {"post": "yes"}).status_code == 403


def test_the_list_of_contacts(
    manager: User, client_for: SignIn, acme: Contact, ann: Contact, django_assert_num_queries: Any
) -> None:
    client = client_for(manager)
    client.get(url("contacts_contact", "changelist"))  # the company is remembered from here on
    with django_assert_num_queries(5):  # session, user, count, rows, the filter's salespeople
        response = client.get(url("contacts_contact", "changelist"), {"q": "ann"})
    assert [*response.context["cl"].result_list] == [ann]


def test_staff_signs_in_by_email(company: Company, manager: User, rep: User) -> None:
    page = reverse("admin:login")
    assert Client().get(page).status_code == 200
    assert Client().post(page, {"username": "MANAGER@example.com", "password": "demo"}).status_code == 302
    assert Client().post(page, {"username": "rep@example.com", "password": "demo"}).status_code == 200


def test_no_page_needs_what_the_content_security_policy_forbids(
    administrator: User, client_for: SignIn, used: dict[str, Any], company: Company, cycle: SalesCycle, acme: Contact
) -> None:
    """Neither scripts nor styles stand inside a page."""
    client = client_for(administrator)
    pages = [
        reverse("admin:index"),
        reverse("admin:password_change"),
        url("salescycles_salescycle", "add"),
        url("salescycles_salescycle", "change", cycle.pk),
        url("salescycles_salescycle", "delete", cycle.pk),
        url("contacts_contact", "change", acme.pk),
        url("contacts_contact", "changelist"),
        url("salespeople_user", "add"),
        url("salespeople_user", "change", administrator.pk),
        url("opportunities_opportunity", "changelist"),
        url("opportunities_opportunity", "change", used["won"].pk),
        url("opportunities_opportunityentry", "changelist"),
        url("quotes_quote", "changelist"),
    ]
    for page in pages:
        response = client.get(page)
        assert response.status_code == 200
        scripts = re.findall(
            r"<script(?![^>]*(?:src=|application/json))[^>]*>|<style|\s(?:style|on[a-z]+)=", text(response)
        )
        assert (page, scripts) == (page, [])
        assert "'unsafe" not in response["Content-Security-Policy"]


# ── activities ───────────────────────────────────────────────────────────────────────────────────────────────────────


def activity_data(activity: Activity | None, *steps: dict[str, Any], **values: Any) -> dict[str, Any]:
    """What the browser sends for an activity and its steps; `steps` changes or adds to them, in their order."""
    own = list(activity.steps.order_by("number")) if activity else []
    rows: list[dict[str, Any]] = [
        {"id": step.pk, "activity": step.activity_id, "number": step.number, "description": step.description}
        | {"kind": step.kind, "priority": step.priority, "date_formula": step.date_formula}
        for step in own
    ]
    for at, change in enumerate(steps):
        if at < len(rows):
            rows[at] |= change
        else:
            rows.append({"kind": "task", "priority": "normal"} | change)
    data = {f"steps-{at}-{name}": value for at, row in enumerate(rows) for name, value in row.items()}
    data |= {"steps-INITIAL_FORMS": len(own), "steps-TOTAL_FORMS": len(rows)}
    return {"code": activity.code if activity else "call", "description": "Calls"} | data | values


@pytest.fixture
def activity(db: None) -> Activity:
    made = Activity.objects.create(code="CALLS")
    ActivityStep.objects.create(activity=made, number=1, description="First")
    ActivityStep.objects.create(activity=made, number=2, description="Second")
    return made


def test_a_manager_defines_an_activity_with_its_steps(manager: User, client_for: SignIn) -> None:
    steps = (
        {"number": 1, "description": "Write"},
        {"number": 2, "description": "Call", "kind": "call", "priority": "high", "date_formula": "1w + 1d"},
    )
    answer = client_for(manager).post(url("salescycles_activity", "add"), activity_data(None, *steps))
    assert answer.status_code == 302
    made = Activity.objects.get(code="CALL").steps.values_list(
        "number", "kind", "description", "priority", "date_formula"
    )
    assert list(made) == [(1, "task", "Write", "normal", ""), (2, "call", "Call", "high", "1W+1D")]


def test_two_steps_swap_their_numbers_in_one_save(manager: User, client_for: SignIn, activity: Activity) -> None:
    data = activity_data(activity, {"number": 2}, {"number": 1})
    assert save(client_for(manager), url("salescycles_activity", "change", activity.pk), data).status_code == 302
    flush_deferred()
    assert list(activity.steps.values_list("description", flat=True)) == ["Second", "First"]


@pytest.mark.parametrize("step", [{"number": 0}, {"date_formula": "soon"}, {"description": ""}, {"kind": "party"}])
def test_a_wrong_step_is_refused_at_the_field(
    step: dict[str, Any], manager: User, client_for: SignIn, activity: Activity
) -> None:
    data = activity_data(activity, step)
    response = save(client_for(manager), url("salescycles_activity", "change", activity.pk), data)
    assert list(response.context["inline_admin_formsets"][0].formset.forms[0].errors) == list(step)


def test_an_activity_that_a_stage_names_is_not_deleted(
    manager: User, client_for: SignIn, activity: Activity, cycle: SalesCycle
) -> None:
    first = cycle.stages.get(number=1)
    data = cycle_data(cycle, [{"activity": activity.pk}])
    assert save(client_for(manager), url("salescycles_salescycle", "change", cycle.pk), data).status_code == 302
    first.refresh_from_db()
    assert first.activity == activity
    assert "Stage: Initial" in refused_deletion(client_for(manager), "salescycles_activity", activity)
    cycle.stages.update(activity=None)
    answer = client_for(manager).post(url("salescycles_activity", "delete", activity.pk), {"post": "yes"})
    assert (answer.status_code, Activity.objects.count(), ActivityStep.objects.count()) == (302, 0, 0)


def test_more_stages_ask_no_oftener_for_the_activities(
    manager: User, client_for: SignIn, cycle: SalesCycle, activity: Activity
) -> None:
    client = client_for(manager)
    asked = []
    for number in (8, 9):
        with CaptureQueriesContext(connection) as queries:
            client.get(url("salescycles_salescycle", "change", cycle.pk))
        asked.append([query for query in queries if 'FROM "salescycles_activity"' in query["sql"]])
        Stage.objects.create(sales_cycle=cycle, number=number, description="More")
    assert [len(found) for found in asked] == [2, 2]  # however many stages there are


def test_a_rep_defines_no_activity(rep: User, client_for: SignIn, activity: Activity) -> None:
    assert client_for(rep).get(url("salescycles_activity", "change", activity.pk)).status_code == 302
    assert not rep.has_perm("salescycles.change_activity")


# ── two at once ──────────────────────────────────────────────────────────────────────────────────────────────────────

STALE = "Somebody else saved this in the meantime; what you typed is kept."


CODE = {"code": "X", "description": "Old"}
NO_PARTS = {"parts-TOTAL_FORMS": 0, "parts-INITIAL_FORMS": 0}
OUR_COMPANY = ("name", "currency", "time_zone", "fiscal_year_start", "unassigned_seen_by")
MADE: dict[str, Callable[[Any], Any]] = {
    "salescycles_salescycle": lambda of: of("cycle"),
    "salescycles_activity": lambda of: of("activity"),
    "salescycles_closecode": lambda of: CloseCode.objects.create(**CODE, outcome="won"),
    "salescycles_source": lambda of: Source.objects.create(**CODE),
    "salescycles_competitor": lambda of: Competitor.objects.create(code="X", name="Old"),
    "collaboration_contactrole": lambda of: ContactRole.objects.create(**CODE),
    "salespeople_salesperson": lambda of: of("jo"),
    "salespeople_team": lambda of: TeamFactory(name="Old"),
    "salespeople_company": lambda of: of("company"),
    "salespeople_user": lambda of: of("rep"),
    "contacts_duplicaterule": lambda of: DuplicateRule.objects.create(hit=100),
}
# what a browser sends of the row as it is, and the field that two change at once
SENT: dict[str, tuple[Callable[[Any], dict[str, Any]], str]] = {
    "salescycles_salescycle": (cycle_data, "description"),
    "salescycles_activity": (lambda row: activity_data(row), "description"),
    "salescycles_closecode": (lambda row: CODE | {"outcome": "won"}, "description"),
    "salescycles_source": (lambda row: CODE, "description"),
    "salescycles_competitor": (lambda row: {"code": "X", "name": "Old"}, "name"),
    "collaboration_contactrole": (lambda row: CODE, "description"),
    "salespeople_salesperson": (
        lambda row: {name: getattr(row, name) for name in ("code", "name", "email", "commission")},
        "job_title",
    ),
    "salespeople_team": (lambda row: team_data(row), "name"),
    "salespeople_company": (lambda row: {name: getattr(row, name) for name in OUR_COMPANY}, "name"),
    "salespeople_user": (lambda row: user_data(row), "name"),
    "contacts_duplicaterule": (
        lambda row: {"applies_to": "both", "hit": 100, "active": "on", "warns": "on"} | NO_PARTS,
        "hit",
    ),
}


@pytest.mark.parametrize("model", MADE)
def test_who_saves_second_is_told_and_nothing_typed_is_lost(
    model: str, administrator: User, client_for: SignIn, request: pytest.FixtureRequest
) -> None:
    row = MADE[model](request.getfixturevalue)
    read, field = SENT[model]
    data = read(row)
    client, page = client_for(administrator), url(model, "change", row.pk)
    seen, theirs, mine = versions(client, page), *(("90", "80") if field == "hit" else ("Theirs", "Mine"))
    type(row)._default_manager.filter(pk=row.pk).update(**{field: theirs})
    answer = client.post(page, seen | data | {field: mine})
    form = answer.context["adminform"].form
    assert STALE in form.non_field_errors()[0] and f": {theirs}" in form.non_field_errors()[0]
    assert form[field].value() == mine
    row.refresh_from_db()
    assert str(getattr(row, field)) == theirs
    assert client.post(page, shown(answer) | data | {field: mine}).status_code == 302
    row.refresh_from_db()
    assert str(getattr(row, field)) == mine


def test_every_set_up_page_that_can_be_changed_compares() -> None:
    """A page without is one that changes nothing here, or knows versions of its own."""
    without = {
        model._meta.label
        for model, page in admin.site._registry.items()
        if not isinstance(page, SeenAdmin) and model._meta.app_label not in ("auth", "procrastinate")
    }
    assert without == {
        "interactions.Interaction",
        "contacts.Contact",
        "opportunities.Opportunity",
        "opportunities.OpportunityEntry",
        "opportunities.Batch",
        "quotes.Quote",
        "tasks.Task",
    }


def test_a_stage_that_somebody_just_changed_is_told_in_its_row(
    manager: User, client_for: SignIn, cycle: SalesCycle
) -> None:
    client, page = client_for(manager), url("salescycles_salescycle", "change", cycle.pk)
    seen = versions(client, page)
    cycle.stages.filter(number=2).update(description="Theirs")
    Stage.objects.create(sales_cycle=cycle, number=9, description="New")
    data = seen | cycle_data(cycle, [{}, {"description": "Mine"}, {"description": "Third"}])
    data |= {"stages-TOTAL_FORMS": 4, "stages-INITIAL_FORMS": 4}
    answer = client.post(page, data)
    forms = answer.context["inline_admin_formsets"][0].formset.forms
    assert [list(form.errors) for form in forms] == [[], ["__all__"], [], []]
    assert STALE in forms[1].non_field_errors()[0] and "Description: Theirs" in forms[1].non_field_errors()[0]
    assert [form["description"].value() for form in forms[1:3]] == ["Mine", "Third"]
    assert numbers(cycle)[1:3] == [(2, "Theirs"), (3, "Offer")]
    assert client.post(page, data | shown(answer)).status_code == 302
    assert numbers(cycle) == [(1, "Initial"), (2, "Mine"), (3, "Third"), (4, "Sign"), (9, "New")]


def test_a_stage_that_somebody_just_deleted_is_told(manager: User, client_for: SignIn, cycle: SalesCycle) -> None:
    client, page = client_for(manager), url("salescycles_salescycle", "change", cycle.pk)
    data = versions(client, page) | cycle_data(cycle, [{}, {}, {}, {"description": "Mine"}])
    cycle.stages.get(number=4).delete()
    answer = client.post(page, data | {"description": "Typed"})
    assert answer.status_code == 200 and 'value="Typed"' in text(answer)
    assert answer.context["errors"] and len(numbers(cycle)) == 3


def test_the_first_page_says_what_each_page_is_for(client_for: Any, manager: User) -> None:
    page = client_for(manager).get("/admin/")
    apps = page.context["app_list"]
    assert [app["app_label"] for app in apps][:3] == ["salescycles", "salespeople", "contacts"]
    text = page.content.decode()
    for model in (model for app in apps for model in app["models"]):
        assert model["purpose"], model["object_name"]
        assert f"<p>{escape(capfirst(str(model['purpose'])))}</p>" in text
