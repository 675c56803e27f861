"""Interactions leading to opportunities."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from collaboration.models import Comment
from interactions import lifecycle
from interactions.forms import InteractionForm, open_deals
from interactions.models import Interaction, InteractionGroup, InteractionTemplate
from opportunities import lifecycle as journey
from opportunities.models import Opportunity
from salespeople.models import Company
from tasks import lifecycle as tasks
from tests.factories import make_opportunity

pytestmark = pytest.mark.django_db
Day = Callable[[int], datetime.date]


@pytest.fixture(autouse=True)
def our_company(company: Company) -> None:
    """Dates are judged by its calendar."""


@pytest.fixture
def log(acme, rep, day) -> Callable[..., Interaction]:
    return lambda **values: lifecycle.log(by=rep, on=day(10), **{"description": "Trade fair talk"} | values)


@pytest.fixture
def open_ones(acme, ann, beta, bo, jo, of, cycle) -> dict[str, Opportunity]:
    """JO has open opportunities with Ann, ACME, Bo; OF has open ones with Ann, Bo, BETA."""
    contacts = {"Ann": ann, "ACME": acme, "Bo": bo, "BETA": beta}
    whose = {"JO": (jo, ("Ann", "ACME", "Bo")), "OF": (of, ("Ann", "Bo", "BETA"))}
    return {
        f"{name} ({code})": make_opportunity(contact=contacts[name], salesperson=who, cycle=cycle, stage=1)
        for code, (who, names) in whose.items()
        for name in names
    }


def names(rows: Any, known: dict[str, Opportunity]) -> list[str]:
    by_key = {deal.pk: name for name, deal in known.items()}
    return sorted(by_key[deal.pk] for deal in rows)


def create_from(client_for, user, talk: Interaction) -> Opportunity:
    client, url = client_for(user), f"/opportunities/new/?interaction={talk.pk}"
    form = client.get(url).context["form"]
    sent = {name: form[name].value() for name in ("description", "contact", "salesperson", "sales_cycle")}
    client.post(url, {name: value for name, value in sent.items() if value is not None})
    return Opportunity.objects.get(interactions=talk)


def test_s025_an_opportunity_counts_its_own_interactions(at_stage, log, acme, rep, client_for):
    deal = at_stage(1)
    log(opportunity=deal, cost=8)
    log(contact=acme, cost=100)
    lifecycle.cancel(log(opportunity=deal, cost=50), version=1, by=rep)
    page = client_for(rep).get(deal.get_absolute_url())
    assert page.context["talks"] == {"count": 1, "cost": 8, "duration": 0}


def test_s041_s042_a_notice_names_the_new_opportunity_and_its_page_opens(log, acme, manager, client_for):
    client, url = client_for(manager), f"/opportunities/new/?interaction={log(contact=acme).pk}"
    form = client.get(url).context["form"]
    answer = client.post(url, {name: form[name].value() or "" for name in ("description", "contact")}, follow=True)
    deal = Opportunity.objects.get()
    assert answer.redirect_chain == [(deal.get_absolute_url(), 302)]
    assert f"Created: {deal.number}" in answer.content.decode()


def test_s120_what_was_said_goes_along(log, acme, manager, client_for):
    deal = create_from(client_for, manager, log(contact=acme, text="needs 12 chairs"))
    assert [*Comment.objects.filter(opportunity=deal).values_list("text", flat=True)] == ["needs 12 chairs"]


def test_s121_an_opportunity_out_of_an_interaction(log, acme, jo, manager, client_for):
    talk = log(contact=acme, salesperson=jo)
    deal = create_from(client_for, manager, talk)
    assert (deal.description, deal.contact, deal.salesperson) == ("Trade fair talk", acme, jo)
    assert deal.status == "not_started"


def test_s123_closed_ones_are_not_offered(open_ones, ann, manager, price_l, day):
    deal = open_ones["Ann (JO)"]
    journey.close(deal, version=deal.version, outcome="lost", close_code=price_l, on=day(3), by=manager)
    assert names(open_deals(manager, ann), open_ones) == ["ACME (JO)", "Ann (OF)"]


def test_s125_those_of_the_salesperson_and_the_whole_company(open_ones, ann, jo, manager):
    assert names(open_deals(manager, ann, jo), open_ones) == ["ACME (JO)", "Ann (JO)"]
    form = InteractionForm(None, user=manager, initial={"contact": ann, "salesperson": jo})
    offered = [key for key, _label in form.fields["opportunity"].widget.choices if key]
    assert offered == sorted(open_ones[name].pk for name in ("Ann (JO)", "ACME (JO)"))


def test_s126_without_a_salesperson_everybody_s(open_ones, ann, manager):
    assert names(open_deals(manager, ann), open_ones) == ["ACME (JO)", "Ann (JO)", "Ann (OF)"]


def test_s127_who_logged_is_offered_to_create_one(log, ann, jo, manager, client_for, day):
    sent = {"kind": "call", "description": "Rang", "happened_on": day(2), "contact": ann.pk, "salesperson": jo.pk}
    answer = client_for(manager).post(f"/interactions/new/?contact={ann.pk}", sent, follow=True)
    talk = Interaction.objects.get()
    assert f'href="/opportunities/new/?interaction={talk.pk}"' in answer.content.decode()
    deal = create_from(client_for, manager, talk)
    assert (deal.contact, deal.salesperson) == (ann, jo)


def test_s130_what_was_said_about_a_task_is_kept(at_stage, log, jo, rep, day):
    task = tasks.create(description="Ring", opportunity=at_stage(1), salesperson=jo, on=day(2), by=rep)
    done = tasks.complete(task, version=1, on=day(2), by=rep).task
    assert Interaction.objects.get(pk=log(task=done, text="One\nTwo\nThree").pk).text.splitlines() == [
        "One",
        "Two",
        "Three",
    ]


def test_s131_an_evaluation_is_kept(at_stage, log):
    deal = at_stage(1)
    talk = Interaction.objects.get(pk=log(opportunity=deal, evaluation="very_positive").pk)
    assert (talk.evaluation, talk.failed, talk.opportunity) == ("very_positive", False, deal)


def test_s133_a_template_says_cost_and_duration(acme, manager, client_for, day):
    group = InteractionGroup.objects.create(code="PHONE")
    template = InteractionTemplate.objects.create(code="CALL", group=group, cost=8, duration=15)
    client, url = client_for(manager), f"/interactions/new/?contact={acme.pk}"
    sent = {"template": template.pk, "kind": "call", "happened_on": day(2).isoformat(), "contact": acme.pk}
    form = client.post(url, sent | {"apply": "1"}).context["form"]
    filled = {name: form[name].value() for name in ("cost", "duration", "description")}
    client.post(url, sent | filled)
    talk = Interaction.objects.get()
    assert (talk.cost, talk.duration, talk.template) == (8, 15, template)


def completed_and_logged(at_stage, client_for, jo, rep, day, kind):
    values = {"kind": kind, "all_day": kind == "meeting"}
    task = tasks.create(description="Meet", opportunity=at_stage(1), salesperson=jo, on=day(2), by=rep, **values)
    client = client_for(rep)
    answer = client.post(f"/tasks/{task.pk}/complete/", {"version": 1}, follow=True)
    url = f"/interactions/new/?task={task.pk}"
    assert f'href="{url}"' in answer.content.decode()
    form = client.get(url).context["form"]
    assert form["salesperson"].value() == jo.pk
    names = ("kind", "description", "happened_on", "contact", "salesperson")
    client.post(url, {name: form[name].value() for name in names})
    assert [*Interaction.objects.values_list("task", "kind", "salesperson")] == [(task.pk, kind, jo.pk)]


def test_s151_a_call_made_for_a_task_is_its_salesperson_s(at_stage, client_for, jo, rep, day):
    task = tasks.create(
        description="Ring", kind="call", opportunity=at_stage(1), salesperson=jo, contact=None, on=day(2), by=rep
    )
    form = client_for(rep).get(f"/interactions/new/?task={task.pk}").context["form"]
    assert (form["salesperson"].value(), form["kind"].value()) == (jo.pk, "call")


def test_s152_a_completed_call_is_logged(at_stage, client_for, jo, rep, day):
    completed_and_logged(at_stage, client_for, jo, rep, day, "call")


def test_s154_a_completed_meeting_is_logged(at_stage, client_for, jo, rep, day):
    completed_and_logged(at_stage, client_for, jo, rep, day, "meeting")


def test_s159_another_date_and_time(log, acme, day):
    talk = Interaction.objects.get(pk=log(contact=acme, happened_on=day(5), started_at=datetime.time(10, 30)).pk)
    assert (talk.happened_on, talk.started_at) == (day(5), datetime.time(10, 30))
