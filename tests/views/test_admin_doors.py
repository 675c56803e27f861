"""Every door of the admin pages, tried by everybody: none breaks, and none writes to an opportunity but through the verbs."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.db import transaction
from django.db.models import Model, Sum
from django.test import Client
from django.urls import reverse

from opportunities.demo.setup import make_setup
from opportunities.ledger import faults
from opportunities.models import Batch, Door, Opportunity, OpportunityEntry
from salespeople.models import User
from tests.factories import ContactFactory, QuoteFactory, SourceFactory, make_cycle, make_opportunity

pytestmark = pytest.mark.django_db

SignIn = Callable[[User], Client]
Answer = tuple[str, Any]
FORGED = {"status": "won", "estimated_value": "9999", "sales_value": "9999", "archived": "on", "post": "yes"}


@pytest.fixture
def world(db: None) -> Opportunity:
    """A row of nearly everything: the set-up of the demo, two opportunities, a quote, a batch."""
    make_setup()
    jo, cycle = signed_up("rep").salesperson, make_cycle("DOORS")
    contact, batch = ContactFactory(salesperson=jo), Batch.objects.create(door=Door.BULK)
    running = make_opportunity(
        contact=contact, salesperson=jo, cycle=cycle, stage=2, source=SourceFactory(code="DOOR"), batch=batch
    )
    make_opportunity(contact=contact, salesperson=jo, cycle=cycle)
    QuoteFactory(opportunity=running)
    return running


def signed_up(who: str) -> User:
    return User.objects.get(email=f"{who}@demo.example")


def state_of_opportunities() -> tuple[Any, ...]:
    versions = Opportunity.objects.aggregate(Sum("version"))["version__sum"]
    return versions, OpportunityEntry.objects.count(), list(Opportunity.objects.order_by("pk").values())


def doors(client: Client, model: type[Model], page: Any) -> Iterator[Answer]:
    """Name and answer of each; whoever asks for the next one has looked at the last one."""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    row = model._default_manager.order_by("pk").first()
    yield from of_list(client, reverse(f"{name}_changelist"))
    yield "add", client.get(reverse(f"{name}_add"))
    for data in ({}, FORGED):
        yield f"add {bool(data)}", client.post(reverse(f"{name}_add"), data)
    if row is not None:
        yield from of_row(client, name, row)
        yield from of_actions(client, reverse(f"{name}_changelist"), row, page)


def of_list(client: Client, listed: str) -> Iterator[Answer]:
    for query in ({}, {"q": "a"}, {"o": "-1"}, {"e": "1"}):
        yield f"list {query}", client.get(listed, query)
    for data in ({}, FORGED):
        yield f"list save {bool(data)}", client.post(listed, {"_save": "Save"} | data)


def of_row(client: Client, name: str, row: Model) -> Iterator[Answer]:
    for door in ("change", "history", "delete"):
        url = reverse(f"{name}_{door}", args=[row.pk])
        yield door, client.get(url)
        for data in ({}, FORGED):
            yield f"{door} {bool(data)}", client.post(url, data)
    yield "nothing there", client.get(reverse(f"{name}_change", args=[0]))


def of_actions(client: Client, listed: str, row: Model, page: Any) -> Iterator[Answer]:
    many = {f"form-{which}_FORMS": count for which, count in (("TOTAL", 1), ("INITIAL", 1), ("MIN_NUM", 0))}
    edited = {f"form-0-{field}": value for field, value in ({"id": row.pk, "description": "X"} | FORGED).items()}
    yield "list save forged", client.post(listed, many | edited | {"_save": "Save"})
    for action in ("delete_selected", *(getattr(made, "__name__", made) for made in page.actions or ())):
        for across in ("0", "1"):
            chosen = {"action": action, "_selected_action": row.pk, "select_across": across}
            yield f"action {action} {across}", client.post(listed, chosen)
        yield f"action {action} forged", client.post(listed, chosen | FORGED)


def of_its_own(client: Client, world: Opportunity) -> Iterator[Answer]:
    copy = reverse("admin:salescycles_salescycle_copy", args=[world.sales_cycle_id])
    for url in (copy, reverse("admin:salescycles_salescycle_begin"), reverse("admin:index"), "/admin/autocomplete/"):
        yield f"{url} asked", client.get(url)
        yield f"{url} sent", client.post(url, FORGED)


@pytest.mark.slow
@pytest.mark.parametrize("who", ["admin", "manager", "staff rep", "rep", "anonymous"])
def test_no_door_breaks_and_none_writes_past_the_verbs(who: str, client_for: SignIn, world: Opportunity) -> None:
    client = Client()
    if who != "anonymous":
        user = signed_up(who.removeprefix("staff "))
        User.objects.filter(pk=user.pk).update(is_staff=who != "rep")
        client = client_for(user)
    before, tried = state_of_opportunities(), 0
    for model, page in admin.site._registry.items():
        for door, answer in rolled_back(doors(client, model, page)):
            tried += 1
            said = f"{who}: {model._meta.label} {door} {answer.status_code}"
            assert answer.status_code < 500, said
            assert who not in ("rep", "anonymous") or answer.status_code in (302, 404), said
            assert state_of_opportunities() == before, said
    for door, answer in rolled_back(of_its_own(client, world)):
        assert answer.status_code < 500, door
        assert state_of_opportunities() == before, door
    assert tried > 12 * len(admin.site._registry)
    assert list(faults()) == []


def rolled_back(answers: Iterator[Answer]) -> Iterator[Answer]:
    """What one door did is undone before the next is tried."""
    while True:
        with transaction.atomic():
            found = next(answers, None)
            if found is None:
                return
            yield found
            transaction.set_rollback(True)


def test_the_doors_that_do_write_write_a_ledger(client_for: SignIn, world: Opportunity) -> None:
    """The facts on the page and in the list, and a verb for many: each present agrees with its ledger afterwards."""
    client = client_for(signed_up("manager"))
    listed = reverse("admin:opportunities_opportunity_changelist")
    facts = {"description": "One", "priority": "high", "source": "", "version": world.version}
    client.post(reverse("admin:opportunities_opportunity_change", args=[world.pk]), facts)
    row = {"id": world.pk, "version": world.version + 1, "description": "Two", "priority": "high", "source": ""}
    sent = {f"form-0-{name}": value for name, value in row.items()}
    shown = {"initial-form-0-description": "One", "initial-form-0-priority": "high", "initial-form-0-source": ""}
    many = {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "_save": "Save"}
    assert client.post(f"{listed}?id={world.pk}", sent | shown | many).status_code == 302
    entries = world.entries.order_by("step").values_list("action", "door", "description")
    assert list(entries)[-2:] == [("edited", "admin", "One"), ("edited", "admin", "Two")]
    assert list(faults()) == []
