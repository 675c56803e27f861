"""Quick add: a new opportunity in a column of the board, without leaving it."""

import datetime
import html
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from contacts.models import Contact
from opportunities.ledger import faults
from opportunities.models import Opportunity, OpportunityEntry
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.factories import make_cycle

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
HX = {"HX-Request": "true"}
BOARD, QUICK = "/opportunities/board/", "/opportunities/board/new/"
both_ways = pytest.mark.parametrize("headers", [{}, HX], ids=["page", "fragment"])


@pytest.fixture
def stages(cycle: SalesCycle, company: Company) -> dict[int, str]:
    """Keys by number."""
    return {stage.number: str(stage.pk) for stage in cycle.stages.all()}


@pytest.fixture
def client(client_for: Sign, rep: User) -> Client:
    return client_for(rep)


def add(client: Client, contact: Any, column: str = "", headers: Any = HX, **values: Any) -> Any:
    data = {"description": "Desks", "contact": getattr(contact, "pk", contact), "estimated_value": "1,200"}
    data |= {"board": "", "column": column} if column else {"board": ""}
    return client.post(QUICK, data | values, headers=headers)


def steps(opportunity: Opportunity) -> list[tuple[str, int, Any]]:
    """Of the ledger: action, step, number of the stage."""
    return list(opportunity.entries.order_by("step").values_list("action", "step", "stage__number"))


def count() -> tuple[int, int, int]:
    assert [str(fault) for fault in faults()] == []
    return Opportunity.objects.count(), OpportunityEntry.objects.count(), Contact.objects.count()


def words(response: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


@both_ways
def test_not_started(client: Client, acme: Contact, stages: dict[int, str], rep: User, headers: dict[str, str]) -> None:
    response = add(client, acme, headers=headers, closing_on="2999-01-31")
    made = Opportunity.objects.get()
    assert (made.description, made.contact, made.company, made.salesperson, made.estimated_value, made.closing_on) == (
        *("Desks", acme, acme, rep.salesperson, 1200),
        datetime.date(2999, 1, 31),
    )
    assert made.sales_cycle and str(made.sales_cycle.code) == "CY"
    assert steps(made) == [("created", 1, None)]
    assert made.entries.get().by == rep
    assert count() == (1, 1, 1)
    if headers:
        text = response.content.decode()
        assert response.status_code == 200 and response["HX-Reswap"] == "innerHTML"
        assert f'id="card-{made.pk}" data-pk="{made.pk}" data-version="1" data-at="not_started"' in text
        assert f'<li data-own="{made.entries.get().pk}"></li>' in text
        assert 'value="Desks"' not in text and text.lstrip().startswith("<form") and text.count("data-quick ") == 1
        assert text.count(f"Created: {made.number} Desks.") == 1, "said once"
        assert f'<div id="head-{stages[1]}" hx-swap-oob="innerHTML">' in text
        ids = re.findall(r' id="([^"]+)"', text)
        assert len(ids) == len(set(ids))
    else:
        assert (response.status_code, response["Location"]) == (302, f"{BOARD}#card-{made.pk}")
        assert words(client.get(BOARD)).count(f"Created: {made.number} Desks.") == 1


def test_at_the_first_stage(client: Client, acme: Contact, stages: dict[int, str]) -> None:
    response = add(client, acme, stages[1])
    made = Opportunity.objects.get()
    assert steps(made) == [("created", 1, None), ("started", 2, 1)]
    assert f'data-version="2" data-at="{stages[1]}"' in response.content.decode()
    assert (made.closing_on, made.chances_are_manual) == (Company.current().today(), False)


def test_at_the_second_stage(client: Client, acme: Contact, stages: dict[int, str]) -> None:
    """Nothing is passed over on the way from the first to the next one."""
    add(client, acme, stages[2], closing_on="2999-01-31")
    made = Opportunity.objects.get()
    assert steps(made) == [("created", 1, None), ("started", 2, 1), ("next", 3, 2)]
    assert (made.closing_on, made.chances) == (datetime.date(2999, 1, 31), 60)


@both_ways
def test_at_a_later_stage_where_skipping_is_allowed(
    client: Client, acme: Contact, cycle: SalesCycle, stages: dict[int, str], headers: dict[str, str]
) -> None:
    assert add(client, acme, stages[3]).status_code == 404
    assert client.get(f"{QUICK}?column={stages[3]}&board=").status_code == 404
    assert count() == (0, 0, 1)
    cycle.stages.filter(number=2).update(allow_skip=True)
    assert client.get(f"{QUICK}?column={stages[3]}&board=").status_code == 200
    response = add(client, acme, stages[3], headers=headers)
    made = Opportunity.objects.get()
    assert response.status_code == (200 if headers else 302)
    assert steps(made) == [("created", 1, None), ("started", 2, 1), ("skip", 3, 3)]
    assert made.stage_before and made.stage_before.number == 1
    assert count() == (1, 3, 1)


@pytest.mark.parametrize("column", ["won", "lost", "0", "99999999999999999999", "\0", "x", "٣", ""])
def test_no_such_column(client: Client, acme: Contact, stages: dict[int, str], column: str) -> None:
    assert add(client, acme, column or " ").status_code == 404
    assert client.get(QUICK, {"column": column, "board": ""}, headers=HX).status_code == 404
    assert count() == (0, 0, 1)


def test_a_stage_that_needs_a_quote_takes_nothing_new(
    client: Client, acme: Contact, cycle: SalesCycle, stages: dict[int, str]
) -> None:
    cycle.stages.filter(number=2).update(quote_required=True)
    assert add(client, acme, stages[2]).status_code == 404
    offered = re.findall(r"new/\?column=(\w+)", client.get(BOARD).content.decode())
    assert offered == ["not_started", stages[1]]


def test_a_stage_of_the_cycle_that_the_board_shows(client: Client, acme: Contact, stages: dict[int, str]) -> None:
    other = make_cycle("OTHER")
    first = str(other.stages.get(number=1).pk)
    assert add(client, acme, first).status_code == 404
    assert add(client, acme, first, board=f"sales_cycle={other.pk}").status_code == 200
    assert Opportunity.objects.get().sales_cycle == other


def test_a_blocked_cycle_takes_nothing_new(
    client: Client, acme: Contact, cycle: SalesCycle, stages: dict[int, str]
) -> None:
    SalesCycle.objects.update(blocked=True)
    assert add(client, acme, stages[1]).status_code == 404
    assert "data-quick-open" not in client.get(BOARD).content.decode()


@both_ways
def test_errors_keep_what_was_typed(
    client: Client, acme: Contact, stages: dict[int, str], headers: dict[str, str]
) -> None:
    typed = {"description": "", "estimated_value": "many", "closing_on": "2026-13-45", "board": "q=Desks"}
    response = add(client, acme, stages[1], headers, **typed)
    text = response.content.decode()
    assert response.status_code == 422 and text.count('aria-invalid="true"') == 3
    for kept in ("many", "2026-13-45", "q=Desks", stages[1]):
        assert f'value="{kept}"' in text
    assert f'<option value="{acme.pk}" selected>ACME</option>' in text
    assert ("<html" in text) is not bool(headers)
    assert count() == (0, 0, 1)


def test_the_verbs_refusal_stands_at_the_field(client: Client, acme: Contact, stages: dict[int, str]) -> None:
    response = add(client, acme, stages[1], closing_on="2020-01-01", description="Velvet")
    text = response.content.decode()
    assert response.status_code == 422 and "The closing date cannot lie before the creation date." in text
    assert 'value="Velvet"' in text and 'value="1,200"' in text
    assert count() == (0, 0, 1)
    response = add(client, acme, stages[1], estimated_value="")
    assert response.status_code == 422 and "Enter an estimated value above zero." in words(response)
    assert count() == (0, 0, 1)


@pytest.mark.parametrize("kind", ["company", "person"])
def test_a_new_contact_is_made_with_it(client: Client, stages: dict[int, str], rep: User, kind: str) -> None:
    found = add(client, "", contact_search="Nova <b>", find="1", description="")
    assert found.status_code == 200 and count() == (0, 0, 0)
    assert f'<option value="{kind}">New {kind} “Nova &lt;b&gt;”</option>' in found.content.decode()
    assert "aria-invalid" not in found.content.decode(), "a search asks for nothing"
    response = add(client, kind, stages[1], contact_search=" Nova ")
    assert response.status_code == 200
    made, contact = Opportunity.objects.get(), Contact.objects.get()
    assert (contact.name, contact.kind, contact.salesperson) == ("Nova", kind, rep.salesperson)
    assert contact.number.startswith("CT")
    assert (made.contact, made.company_id, made.salesperson) == (contact, contact.account_id, rep.salesperson)
    assert steps(made) == [("created", 1, None), ("started", 2, 1)]


@pytest.mark.parametrize(
    "wrong", [{"closing_on": "2020-01-01"}, {"estimated_value": "0"}, {"description": ""}, {"estimated_value": "x"}]
)
@both_ways
def test_no_contact_is_left_where_the_opportunity_is_refused(
    client: Client, stages: dict[int, str], wrong: dict[str, str], headers: dict[str, str]
) -> None:
    response = add(client, "company", stages[2], headers, contact_search="Nova", **wrong)
    assert response.status_code == 422
    assert count() == (0, 0, 0)
    text = response.content.decode()
    assert '<option value="company" selected>New company “Nova”</option>' in text and 'value="Nova"' in text


@pytest.mark.parametrize("contact", ["company", "person", "other", "", "0", "-1", "9" * 30, "\0", "٣", "1e3"])
def test_no_such_contact(client: Client, stages: dict[int, str], contact: str) -> None:
    """Without a name none is made."""
    response = add(client, contact, contact_search="  ")
    assert response.status_code == 422 and "New company" not in words(response)
    assert count() == (0, 0, 0)


def test_who_may_not_make_contacts_is_not_offered_one(
    client_for: Sign, rep: User, stages: dict[int, str], acme: Contact
) -> None:
    for group in rep.groups.all():
        group.permissions.remove(*group.permissions.filter(codename="add_contact"))
    client = client_for(rep)
    assert "New company" not in words(add(client, "", contact_search="Nova", find="1"))
    assert add(client, "company", contact_search="Nova").status_code == 422
    assert count() == (0, 0, 1)
    assert add(client, acme).status_code == 200


@pytest.mark.parametrize(("who", "status"), [("viewer", 403), ("outsider", 403), ("rep2", 200), ("manager", 200)])
def test_who_may(
    request: pytest.FixtureRequest,
    client_for: Sign,
    acme: Contact,
    jo: Salesperson,
    of: Salesperson,
    stages: dict[int, str],
    who: str,
    status: int,
) -> None:
    """The own salesperson comes first, else the contact's."""
    client = client_for(request.getfixturevalue(who))
    assert client.get(f"{QUICK}?board=", headers=HX).status_code == status
    assert add(client, acme, stages[1]).status_code == status
    whose = [opportunity.salesperson for opportunity in Opportunity.objects.all()]
    assert whose == {"rep2": [of], "manager": [jo]}.get(who, [])


def test_nobodys_contact_cannot_be_started_at_once(
    client_for: Sign, manager: User, pia: Contact, stages: dict[int, str]
) -> None:
    client = client_for(manager)
    response = add(client, pia, stages[1])
    assert response.status_code == 422 and "Assign a salesperson first." in words(response)
    assert count() == (0, 0, 1)
    assert add(client, pia).status_code == 200
    assert Opportunity.objects.get().salesperson is None


def test_a_stage_with_a_date_formula_proposes_the_closing_date(
    client: Client, cycle: SalesCycle, stages: dict[int, str]
) -> None:
    cycle.stages.filter(number=1).update(date_formula="2W")
    proposed = Company.current().today() + datetime.timedelta(days=14)
    field = re.compile(rf'name="closing_on"[^>]*value="{proposed}"|value="{proposed}"[^>]*name="closing_on"')
    assert field.search(client.get(f"{QUICK}?column={stages[1]}&board=").content.decode())
    assert not field.search(client.get(f"{QUICK}?column=not_started&board=").content.decode())


def test_without_scripts(client: Client, acme: Contact, stages: dict[int, str]) -> None:
    """From the board's link over the page to the board again, with the token of each page."""
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    board = strict.get(f"{BOARD}?q=Desks&order=-created_on").content.decode()
    link = re.search(rf'href="({QUICK}\?column={stages[1]}&amp;board=[^"]*)" data-quick-open', board)
    assert link
    page = strict.get(html.unescape(link.group(1))).content.decode()
    form = page.partition('<form class="quick"')[2].partition("</form>")[0]
    data = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
    data = {name: html.unescape(value) for name, value in data.items()}
    assert (data["board"], data["column"]) == ("q=Desks&order=-created_on", stages[1])
    data |= {"description": "Desks", "contact": str(acme.pk), "estimated_value": "12.50", "closing_on": ""}
    response = strict.post(QUICK, data, follow=True)
    made = Opportunity.objects.get()
    assert response.redirect_chain == [(f"{BOARD}?q=Desks&order=-created_on#card-{made.pk}", 302)]
    assert f'id="card-{made.pk}"' in response.content.decode()
    assert made.estimated_value == Decimal("12.50")


def test_one_that_the_filter_leaves_out_is_made_all_the_same(
    client: Client, acme: Contact, stages: dict[int, str]
) -> None:
    response = add(client, acme, board="q=Elsewhere")
    made = Opportunity.objects.get()
    assert f'<li data-gone="{made.pk}"></li>' in response.content.decode()
    assert f"Created: {made.number} Desks." in words(response)
