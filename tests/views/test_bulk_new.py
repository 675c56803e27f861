"""New opportunities for many contacts: chosen in their list, filled in, previewed, made, taken back."""

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from opportunities.ledger import faults
from opportunities.models import Batch, Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.factories import ContactFactory, SalespersonFactory

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
NEW = "/opportunities/new/many/"


@pytest.fixture(autouse=True)
def sound(db: None, company: Company) -> Iterator[None]:
    yield
    assert [str(fault) for fault in faults()] == []


@pytest.fixture
def client(client_for: SignIn, rep: User, cycle: SalesCycle) -> Client:
    SalesCycle.objects.update(is_default=True)
    return client_for(rep)


def hidden(answer: Any) -> dict[str, Any]:
    """What the form of a preview sends on."""
    forms = re.findall(r"<form.*?</form>", answer.content.decode(), re.DOTALL)
    (form,) = [form for form in forms if 'name="token"' in form]
    sent: dict[str, Any] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form):
        sent.setdefault(name, []).append(html.unescape(value))
    return sent


def preview(client: Client, contacts: list[Contact], **values: Any) -> Any:
    sent = {"key": [contact.pk for contact in contacts], "do": "preview", "description": "Chairs"}
    return client.post(NEW, sent | values)


def run(client: Client, seen: Any, **values: Any) -> Any:
    return client.post(NEW, hidden(seen) | {"do": "run"} | values)


def test_the_list_of_contacts_leads_there(client: Client, client_for: SignIn, viewer: User, acme: Contact) -> None:
    page = client.get("/contacts/?kind=company").content.decode()
    assert (
        f'action="{NEW}" hx-get="{NEW}" hx-target="#list-dialog" data-bulk' in page
        and f'name="key" value="{acme.pk}" form="bulk"' in page
    )
    assert "New opportunities for the selected ones …" in page and "For all that match …" in page
    assert "data-bulk" not in client_for(viewer).get("/contacts/").content.decode()


def test_one_for_each_contact(
    client: Client, acme: Contact, ann: Contact, beta: Contact, pia: Contact, jo: Salesperson, of: Salesperson
) -> None:
    """With the contact's own salesperson, else with one's own; not started."""
    blocked = SalespersonFactory(blocked=True)
    Contact.objects.filter(pk=ann.pk).update(salesperson=blocked)
    chosen = [acme, ann, beta, pia]
    asked = client.get(NEW, {"key": [contact.pk for contact in chosen], "query": "kind=company"})
    assert "4 contacts chosen" in asked.content.decode() and not Opportunity.objects.exists()
    values = {"estimated_value": "1,000", "priority": "high", "query": "kind=company"}
    seen = preview(client, chosen, **values)
    assert [(line.contact, line.made.salesperson) for line in seen.context["outcome"].made] == [
        (acme, jo),
        (ann, jo),
        (beta, of),
        (pia, jo),
    ]
    assert (Opportunity.objects.count(), Batch.objects.count()) == (0, 0)
    done = run(client, seen)
    batch = Batch.objects.get()
    assert (done.status_code, done["Location"]) == (302, f"{batch.get_absolute_url()}?query=kind%3Dcompany")
    made = list(Opportunity.objects.order_by("pk"))
    assert [(one.contact, one.company, one.salesperson) for one in made] == [
        (acme, acme, jo),
        (ann, acme, jo),
        (beta, beta, of),
        (pia, pia, jo),
    ]
    assert {(one.description, one.status, one.priority, one.estimated_value) for one in made} == {
        ("Chairs", "not_started", "high", 1000)
    }
    assert {entry.batch for one in made for entry in one.entries.all()} == {batch}
    page = client.get(done["Location"]).content.decode()
    assert "New opportunities" in page and "4 opportunities were created." in page
    assert 'href="/contacts/?kind=company"' in page and "Changed (3)" in page  # the fourth is a colleague's


def test_a_preview_draws_no_number(client: Client, acme: Contact) -> None:
    preview(client, [acme])
    assert run(client, preview(client, [acme])).status_code == 302
    first = Opportunity.objects.get().number
    run(client, preview(client, [acme]))
    second = Opportunity.objects.latest("pk").number
    assert int(second.removeprefix("OP")) - int(first.removeprefix("OP")) == 1


def test_refused_ones_leave_the_others_alone(client: Client, acme: Contact, ann: Contact, pia: Contact) -> None:
    Contact.objects.filter(pk=ann.pk).update(privacy_blocked=True)
    Contact.objects.filter(pk=pia.pk).update(archived=True)
    seen = preview(client, [acme, ann, pia], key=[acme.pk, ann.pk, pia.pk, 999999, "x"])
    outcome = seen.context["outcome"]
    assert [(why, [line.contact for line in lines]) for why, lines in outcome.reasons] == [
        ("Ann Lee is blocked for privacy.", [ann]),
        ("Pia is archived.", [pia]),
    ]
    assert "2 are not there any more or not yours to see." in seen.content.decode()
    page = client.get(run(client, seen)["Location"]).content.decode()
    assert "2 contacts were left out." in page
    assert "Ann Lee is blocked for privacy. (1)" in page and f'href="/contacts/{ann.pk}/"' in page
    assert [one.contact for one in Opportunity.objects.all()] == [acme]


def test_where_nothing_can_be_made_there_is_no_batch(client: Client, ann: Contact) -> None:
    seen = preview(client, [ann])
    Contact.objects.filter(pk=ann.pk).update(archived=True)
    again = run(client, seen)
    assert again.status_code == 422 and "Nothing was changed." in again.content.decode()
    assert (Opportunity.objects.count(), Batch.objects.count()) == (0, 0)


def test_sent_twice_it_runs_once(client: Client, acme: Contact) -> None:
    seen = preview(client, [acme])
    first, second = run(client, seen), run(client, seen)
    assert first["Location"] == second["Location"]
    assert Opportunity.objects.count() == 1


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"description": ""}, "description"),
        ({"description": "x" * 10_000}, "description"),
        ({"description": "a\0b"}, "description"),
        ({"salesperson": "999999"}, "salesperson"),
        ({"sales_cycle": "x"}, "sales_cycle"),
        ({"estimated_value": "much"}, "estimated_value"),
        ({"closing_on": "soon"}, "closing_on"),
        ({"priority": "urgent"}, "priority"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(client: Client, acme: Contact, values: dict[str, Any], field: str) -> None:
    for do in ("preview", "run"):
        answer = preview(client, [acme], reason="Fair", **values | {"do": do, "token": "x"})
        assert answer.status_code == 422 and [*answer.context["form"].errors] == [field]
        assert re.search(r"<textarea[^>]*>\s*Fair</textarea>", answer.content.decode())
    assert not Opportunity.objects.exists()


def test_what_no_contact_allows_is_refused_for_all(client: Client, acme: Contact, ann: Contact) -> None:
    seen = preview(client, [acme, ann], closing_on="2000-01-01")
    assert [why for why, _lines in seen.context["outcome"].reasons] == [
        "The closing date cannot lie before the creation date."
    ]
    assert seen.context["outcome"].made == []


def test_everything_that_a_list_matches(client: Client, acme: Contact, ann: Contact, beta: Contact) -> None:
    """Archived ones are not in the list; a word that the list does not know chooses nothing."""
    ContactFactory(name="Gone", archived=True)
    for address in ("kind=company&order=-name&after=x", "/contacts/?kind=company"):
        asked = client.get(NEW, {"all": "1", "query": address})
        assert [contact.name for contact in asked.context["contacts"]] == ["ACME", "BETA"]
    for address, word in (("luck=1", "luck"), ("kind=alien", "kind")):
        refused = client.get(NEW, {"all": "1", "query": address})
        assert refused.status_code == 422 and f"nothing is chosen: {word}" in refused.content.decode()


def test_at_most_200(client: Client) -> None:
    made = [ContactFactory() for _each in range(201)]
    for sent in ({"all": "1"}, {"key": [contact.pk for contact in made]}):
        answer = client.post(NEW, sent)
        assert answer.status_code == 422 and "You chose 201. At most 200" in answer.content.decode()
    assert "200 contacts chosen" in client.post(NEW, {"key": [contact.pk for contact in made[:200]]}).content.decode()


def test_nothing_chosen(client: Client) -> None:
    assert "Choose contacts in the list first." in client.get(NEW).content.decode()


def test_a_batch_that_created_is_taken_back_by_archiving(client: Client, acme: Contact, ann: Contact) -> None:
    """What somebody went on with stays."""
    run(client, preview(client, [acme, ann]))
    batch, (first, second) = Batch.objects.get(), Opportunity.objects.order_by("pk")
    client.post(f"/opportunities/{second.pk}/edit/", {"version": 1, "description": "Mine", "priority": "normal"})
    page = client.get(f"/opportunities/batches/{batch.pk}/undo/").content.decode()
    assert "Put 1 opportunity back" in page
    client.post(f"/opportunities/batches/{batch.pk}/undo/")
    assert [one.archived for one in Opportunity.objects.order_by("pk")] == [True, False]
    assert Opportunity.objects.get(pk=second.pk).description == "Mine"
    assert first.entries.count() == 2


def test_who_may_not_create_is_refused(client_for: SignIn, viewer: User, acme: Contact) -> None:
    for method in (client_for(viewer).get, client_for(viewer).post):
        assert method(NEW, {"key": acme.pk, "do": "run", "description": "X"}).status_code == 403


@pytest.mark.parametrize("rows", [1, 20])
def test_queries(client: Client, rows: int) -> None:
    """The form asks the same for any number; each opportunity costs its own."""
    made = [ContactFactory() for _each in range(rows)]
    client.get(NEW)
    with CaptureQueriesContext(connection) as seen:
        client.get(NEW, {"key": [contact.pk for contact in made]})
    assert len(seen) == 7  # session, user, contacts, default cycle, cycles, salespeople, sources
