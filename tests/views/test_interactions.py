"""The pages of interactions."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from collaboration.models import Comment
from contacts.models import Contact
from interactions import lifecycle
from interactions.models import Interaction, InteractionTemplate
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Grant, Salesperson, User
from tasks import lifecycle as tasks
from tests.factories import make_opportunity

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
Log = Callable[..., Interaction]
HX = {"HX-Request": "true"}


@pytest.fixture
def today(company: Company) -> datetime.date:
    return company.today()


@pytest.fixture
def deal(acme: Contact, jo: Salesperson, cycle: SalesCycle, today: datetime.date) -> Opportunity:
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, on=today)


@pytest.fixture
def log(acme: Contact, rep: User, today: datetime.date) -> Log:
    def made(**values: Any) -> Interaction:
        about = {} if {"opportunity", "contact"} & set(values) else {"contact": acme}
        return lifecycle.log(by=rep, on=today, **{"description": "Asked about chairs"} | about | values)

    return made


@pytest.fixture
def typed(today: datetime.date) -> dict[str, Any]:
    return {"kind": "call", "description": "Rang them", "happened_on": today.isoformat()}


def again(talk: Interaction) -> Interaction:
    return Interaction.objects.get(pk=talk.pk)


def text(response: Any) -> str:
    return str(response.content.decode())


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_list_page_and_fragment_are_the_same_text(client_for: Sign, rep: User, log: Log, deal: Opportunity) -> None:
    log(opportunity=deal, duration=15, failed=True)
    client = client_for(rep)
    page, fragment = client.get("/interactions/"), client.get("/interactions/", headers=HX)
    assert page.status_code == fragment.status_code == 200
    assert text(fragment).strip() in text(page)
    for words in ("Asked about chairs", "Chairs", "ACME", "Jim Olive", "Attempt failed", "1 interaction"):
        assert words in text(page)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["New", "Mail", "Old"]),
        ("cancelled=true", ["Off"]),
        ("kind=email", ["Mail"]),
        ("direction=out", ["Old"]),
        ("evaluation=negative", ["Old"]),
        ("q=ma", ["Mail"]),
        ("salesperson=me", ["Mail"]),
        ("happened_to={yesterday}", ["Mail", "Old"]),
        ("happened_from={yesterday}", ["New", "Mail"]),
        ("contact={ann}", ["New"]),
        ("company={acme}", ["New", "Mail", "Old"]),
        ("order=description", ["Mail", "New", "Old"]),
        ("where=1:duration:min:30", ["Old"]),
    ],
)
def test_list_filters_and_sorts(
    client_for: Sign,
    rep: User,
    log: Log,
    today: datetime.date,
    acme: Contact,
    ann: Contact,
    query: str,
    found: list[str],
) -> None:
    day = datetime.timedelta(days=1)
    log(description="Old", happened_on=today - 3 * day, direction="out", evaluation="negative", duration=30)
    log(description="Mail", happened_on=today - day, kind="email", salesperson=rep.salesperson)
    log(description="New", contact=ann)
    lifecycle.cancel(log(description="Off"), version=1, by=rep)
    words = query.format(yesterday=today - day, ann=ann.pk, acme=acme.pk)
    answer = client_for(rep).get(f"/interactions/?{words}")
    assert [shown["description"] for shown in answer.context["page"]] == found


@pytest.mark.parametrize("rows", [1, 20])
def test_queries_of_the_list(
    client_for: Sign, rep: User, log: Log, deal: Opportunity, django_assert_num_queries: Any, rows: int
) -> None:
    for _ in range(rows):
        log(opportunity=deal)
    client = client_for(rep)
    client.get("/interactions/")
    with django_assert_num_queries(5):  # session, user, saved views, count, rows
        client.get("/interactions/")


def test_the_file_says_what_the_list_says(client_for: Sign, rep: User, log: Log) -> None:
    log(cost=8, duration=90, evaluation="very_positive")
    columns = "description,kind,evaluation,duration,cost"
    answer = client_for(rep).get(f"/interactions/export/?as=csv&columns={columns}")
    told = b"".join(answer.streaming_content).decode()
    assert "Asked about chairs" in told and "Very positive" in told and "90" in told and "8.00" in told


# ── who may do what ──────────────────────────────────────────────────────────────────────────────────────────────────

ADDRESSES = ("", "cancel/", "restore/")
MAY = {
    "rep": (200, [200, 302, 302]),
    "rep2": (404, [404, 404, 404]),
    "manager": (200, [200, 302, 302]),
    "viewer": (200, [403, 403, 403]),
    "outsider": (404, [404, 404, 404]),
}


@pytest.mark.parametrize("who", MAY)
def test_addresses_of_one(
    request: pytest.FixtureRequest, client_for: Sign, log: Log, deal: Opportunity, typed: dict[str, Any], who: str
) -> None:
    made, client = log(opportunity=deal), client_for(request.getfixturevalue(who))
    read, written = MAY[who]
    assert client.get(f"/interactions/{made.pk}/").status_code == read
    told = [client.post(f"/interactions/{made.pk}/{verb}", {"version": 1}).status_code for verb in ADDRESSES]
    assert [422 if status == 200 else status for status in written] == told
    assert client.get(f"/interactions/{made.pk}/cancel/").status_code == 405


@pytest.mark.parametrize(("who", "status"), [("rep", 200), ("manager", 200), ("viewer", 403), ("outsider", 403)])
def test_who_may_log(request: pytest.FixtureRequest, client_for: Sign, who: str, status: int, company: Company) -> None:
    assert client_for(request.getfixturevalue(who)).get("/interactions/new/").status_code == status


def test_nothing_is_logged_where_one_only_sees(
    client_for: Sign, rep2: User, deal: Opportunity, typed: dict[str, Any]
) -> None:
    client, url = client_for(rep2), f"/interactions/new/?opportunity={deal.pk}"
    assert client.post(url, typed | {"contact": deal.contact_id}).status_code == 404
    Grant.objects.create(opportunity=deal, salesperson=rep2.salesperson, may_edit=False)
    assert client.post(url, typed | {"contact": deal.contact_id}).status_code == 403
    assert Interaction.objects.count() == 0


# ── logging ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_on_the_page_of_a_deal(client_for: Sign, rep: User, deal: Opportunity, typed: dict[str, Any]) -> None:
    client, url = client_for(rep), f"/interactions/new/?opportunity={deal.pk}"
    page = text(client.get(deal.get_absolute_url()))
    for kind in ("call", "email", "meeting", "note"):
        assert f'hx-get="{url}&amp;kind={kind}"' in page
    assert 'data-key="l"' in page
    form = text(client.get(f"{url}&kind=email", headers=HX))
    assert "<html" not in form and '<option value="email" selected>' in form
    refused = client.post(url, typed | {"description": "", "contact": deal.contact_id}, headers=HX)
    assert (refused.status_code, list(refused.context["form"].errors)) == (422, ["description"])
    answer = client.post(url, typed | {"contact": deal.contact_id, "text": "<b>Yes</b>"}, headers=HX)
    assert (answer.status_code, answer["HX-Trigger"]) == (200, "interaction-logged")
    made = Interaction.objects.get()
    assert (made.opportunity, made.contact, made.description) == (deal, deal.contact, "Rang them")
    shown = text(client.get(deal.get_absolute_url(), headers=HX | {"HX-Target": "timeline"}))
    assert "Rang them" in shown and "&lt;b&gt;Yes&lt;/b&gt;" in shown and "Phone call" in shown
    assert "1 interaction: €0.00, 0 minutes" in shown


def test_without_scripts_it_leads_back(client_for: Sign, rep: User, deal: Opportunity, typed: dict[str, Any]) -> None:
    url = f"/interactions/new/?opportunity={deal.pk}"
    answer = client_for(rep).post(url, typed | {"contact": deal.contact_id})
    assert (answer.status_code, answer["Location"]) == (302, deal.get_absolute_url())


def test_the_timeline_is_narrowed_to_them(client_for: Sign, rep: User, log: Log, deal: Opportunity) -> None:
    log(opportunity=deal, cost=8, duration=30, evaluation="positive", direction="in")
    lifecycle.cancel(log(opportunity=deal, description="Not so", cost=5), version=1, by=rep)
    shown = text(client_for(rep).get(f"{deal.get_absolute_url()}?show=talks", headers=HX | {"HX-Target": "timeline"}))
    assert shown.count('class="timeline-item') == 2
    assert "Asked about chairs" in shown and "Not so" in shown and "Cancelled" in shown and "Positive" in shown
    assert "1 interaction: €8.00, 30 minutes" in shown


@pytest.mark.parametrize("many", [1, 20])
def test_the_deal_page_costs_no_more(
    client_for: Sign, rep: User, log: Log, deal: Opportunity, django_assert_num_queries: Any, many: int
) -> None:
    for _ in range(many):
        log(opportunity=deal)
    client = client_for(rep)
    client.get(deal.get_absolute_url())
    with django_assert_num_queries(7):  # session, user, opportunity, stages, entries, what is beside them, quotes
        client.get(deal.get_absolute_url())


def test_a_contact_that_one_may_not_see_is_not_named(
    client_for: Sign, rep: User, log: Log, deal: Opportunity, ann: Contact, of: Salesperson
) -> None:
    log(opportunity=deal, contact=ann)
    Contact.objects.filter(pk=ann.pk).update(salesperson=of)
    rep.groups.get().permissions.remove(*rep.groups.get().permissions.filter(codename="view_every_contact"))
    shown = text(client_for(rep).get(f"{deal.get_absolute_url()}?show=talks", headers=HX | {"HX-Target": "timeline"}))
    assert "Asked about chairs" in shown and "Ann Lee" not in shown


def test_on_the_page_of_a_contact(
    client_for: Sign, rep: User, log: Log, acme: Contact, ann: Contact, typed: dict[str, Any]
) -> None:
    client, query = client_for(rep), f"company={acme.pk}"
    page = text(client.get(acme.get_absolute_url()))
    assert f'hx-get="/interactions/card/?{query}"' in page and f'href="/interactions/new/?contact={acme.pk}"' in page
    assert "Nothing was logged yet." in text(client.get(f"/interactions/card/?{query}", headers=HX))
    log(contact=ann, cost=8, duration=90, happened_on=datetime.date(2026, 3, 2), initiated_by="us")
    url = f"/interactions/new/?contact={acme.pk}"
    answer = client.post(url, typed | {"contact": acme.pk, "cost": "1", "card": query}, headers=HX)
    assert (answer.status_code, answer["HX-Retarget"]) == (200, "#interactions")
    for told in ("€9.00", "€4.50 on average", "90 minutes", "45 on average", "Ann Lee"):
        assert told in text(answer)
    person = text(client.get(f"/interactions/card/?contact={ann.pk}", headers=HX))
    assert "€8.00" in person and "Rang them" not in person
    plain = client.post(url, typed | {"contact": acme.pk, "card": query})
    assert (plain.status_code, plain["Location"]) == (302, acme.get_absolute_url())


def test_the_card_of_a_salesperson_has_the_averages(
    client_for: Sign, rep: User, log: Log, jo: Salesperson, of: Salesperson
) -> None:
    log(salesperson=jo, cost=3, duration=20)
    log(salesperson=jo, cost=0, duration=0)
    log(salesperson=of, cost=99)
    client = client_for(rep)
    assert f'hx-get="/interactions/card/?salesperson={jo.pk}"' in text(client.get(jo.get_absolute_url()))
    figures = client.get(f"/interactions/card/?salesperson={jo.pk}").context["figures"]
    told = {name: figures[name] for name in ("count", "cost", "average_cost", "duration", "average_duration")}
    assert told == {"count": 2, "cost": 3, "average_cost": 1.5, "duration": 20, "average_duration": 10}


@pytest.mark.parametrize("query", ["", "company=987654321", "company=x", "contact=99999999999999999999", "task=1"])
def test_a_card_of_nothing_is_not_there(client_for: Sign, rep: User, query: str) -> None:
    assert client_for(rep).get(f"/interactions/card/?{query}", headers=HX).status_code == 404


def test_the_card_costs_the_same_for_one_and_for_ten(client_for: Sign, rep: User, log: Log, acme: Contact) -> None:
    client, counted = client_for(rep), []
    client.get("/interactions/")
    for many in (1, 9):
        for _ in range(many):
            log()
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/interactions/card/?company={acme.pk}", headers=HX)
        counted.append(len(queries))
    assert counted == [5, 5]  # session, user, company, the latest, figures


def test_what_others_see_of_a_contact(client_for: Sign, rep2: User, log: Log, deal: Opportunity, acme: Contact) -> None:
    log(opportunity=deal, description="Secret", cost=500)
    log(description="Open", cost=1)
    shown = client_for(rep2).get(f"/interactions/card/?company={acme.pk}")
    assert "Open" in text(shown) and "Secret" not in text(shown)
    assert (shown.context["figures"]["count"], shown.context["figures"]["cost"]) == (1, 1)


def test_a_template_fills_in_the_form(client_for: Sign, rep: User, acme: Contact, typed: dict[str, Any]) -> None:
    template = InteractionTemplate.objects.create(
        code="ONSITE", description="Visit", kind="meeting", direction="out", initiated_by="us", cost=45, duration=180
    )
    client, url = client_for(rep), f"/interactions/new/?contact={acme.pk}"
    sent = typed | {"template": template.pk, "description": "", "text": "kept", "contact": acme.pk}
    answer = client.post(url, sent | {"apply": "1"})
    form = answer.context["form"]
    assert (answer.status_code, form.errors, Interaction.objects.count()) == (200, {}, 0)
    told = {name: str(form[name].value()) for name in ("kind", "direction", "initiated_by", "duration", "description")}
    assert told == {
        "kind": "meeting",
        "direction": "out",
        "initiated_by": "us",
        "duration": "180",
        "description": "Visit",
    }
    assert (form["cost"].value(), form["text"].value(), str(form["contact"].value())) == (45, "kept", str(acme.pk))
    kept = client.post(url, sent | {"apply": "1", "description": "Mine"}).context["form"]
    assert kept["description"].value() == "Mine"
    for odd in ("x", "99999999999999999999", ""):
        assert client.post(url, sent | {"apply": "1", "template": odd}).context["form"]["kind"].value() == "call"
    values = {"template": template.pk, "kind": "meeting", "duration": "180", "cost": "45"}
    assert client.post(url, sent | values | {"description": "Visit"}).status_code == 302
    made = Interaction.objects.get()
    assert (made.template, made.duration, made.cost) == (template, 180, 45)


def test_a_contact_is_found_by_words(client_for: Sign, rep: User, acme: Contact, beta: Contact) -> None:
    answer = client_for(rep).post("/interactions/new/", {"find": "1", "contact_search": "bet", "text": "typed"})
    assert answer.status_code == 200 and answer.context["form"].errors == {}
    assert "BETA" in text(answer) and "ACME" not in text(answer) and "typed" in text(answer)


@pytest.mark.parametrize(
    "bad",
    [
        {"description": "x\0y"},
        {"happened_on": "2999-01-01"},
        {"happened_on": "soon"},
        {"started_at": "25:00"},
        {"cost": "lots"},
        {"cost": "-1"},
        {"duration": "-1"},
        {"duration": "99999999999999999999"},
        {"kind": "fax"},
        {"contact": "0"},
        {"contact": "x"},
        {"salesperson": "99999999999999999999"},
        {"opportunity": "1"},
        {"template": "-1"},
        {"text": "x" * 10_001},
    ],
)
def test_bad_input_is_refused(
    client_for: Sign, rep: User, acme: Contact, typed: dict[str, Any], bad: dict[str, str]
) -> None:
    InteractionTemplate.objects.create(code="ONE")
    answer = client_for(rep).post("/interactions/new/", typed | {"contact": acme.pk} | bad)
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, list(bad))
    assert Interaction.objects.count() == 0


# ── changing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_change_and_the_faster_change(
    client_for: Sign, rep: User, log: Log, acme: Contact, typed: dict[str, Any], today: datetime.date
) -> None:
    made, client = log(), client_for(rep)
    url, sent = f"/interactions/{made.pk}/", typed | {"contact": acme.pk, "evaluation": "neutral", "version": 1}
    answer = client.post(url, sent)
    assert (answer.status_code, again(made).description, again(made).evaluation) == (302, "Rang them", "neutral")
    stale = client.post(url, sent | {"description": "Mine"}, headers=HX)
    assert stale.status_code == 409 and 'value="Mine"' in text(stale) and 'name="version" value="2"' in text(stale)
    assert again(made).description == "Rang them"
    assert client.post(url, sent | {"description": "Mine", "version": 2}).status_code == 302
    assert again(made).description == "Mine"


def test_cancel_and_restore(client_for: Sign, rep: User, log: Log) -> None:
    made, client = log(), client_for(rep)
    answer = client.post(f"/interactions/{made.pk}/cancel/", {"version": 1}, follow=True)
    assert "counts no more" in text(answer) and "Restore" in text(answer)
    assert "Change the interaction" not in text(answer)
    assert "Nothing was done" in text(client.post(f"/interactions/{made.pk}/restore/", {"version": 1}, follow=True))
    assert "counts again" in text(client.post(f"/interactions/{made.pk}/restore/", {"version": 2}, follow=True))
    assert again(made).cancelled is False


# ── from a task, to an opportunity ───────────────────────────────────────────────────────────────────────────────────


def test_a_completed_call_can_be_logged(
    client_for: Sign, rep: User, deal: Opportunity, jo: Salesperson, today: datetime.date, typed: dict[str, Any]
) -> None:
    task = tasks.create(kind="call", description="Ring", opportunity=deal, salesperson=jo, on=today, by=rep)
    client = client_for(rep)
    done = client.post(f"/tasks/{task.pk}/complete/", {"version": 1, "outcome": "They agree"}, follow=True)
    assert text(done).count(f'href="/interactions/new/?task={task.pk}"') == 2  # in the message and on the page
    form = client.get(f"/interactions/new/?task={task.pk}").context["form"]
    told = [form[name].value() for name in ("kind", "description", "text", "contact", "salesperson")]
    assert told == ["call", "Ring", "They agree", deal.contact_id, jo.pk]
    sent = typed | {"contact": deal.contact_id, "salesperson": jo.pk}
    assert client.post(f"/interactions/new/?task={task.pk}", sent)["Location"] == task.get_absolute_url()
    made = Interaction.objects.get()
    assert (made.task, made.opportunity) == (task, deal)
    plain = tasks.create(description="Write", opportunity=deal, salesperson=jo, on=today, by=rep)
    done = client.post(f"/tasks/{plain.pk}/complete/", {"version": 1}, follow=True)
    assert "Log it as an interaction" not in text(done)


def test_an_opportunity_out_of_one(client_for: Sign, rep: User, log: Log, ann: Contact, of: Salesperson) -> None:
    made, client = log(contact=ann, salesperson=rep.salesperson, text="needs 12 chairs"), client_for(rep)
    page = text(client.get(made.get_absolute_url()))
    url = f"/opportunities/new/?interaction={made.pk}"
    assert f'href="{url}"' in page
    form = client.get(url).context["form"]
    told = [form[name].value() for name in ("description", "contact", "salesperson", "start")]
    assert told == ["Asked about chairs", ann.pk, rep.salesperson_id, False]
    sent = {"description": "Chairs", "contact": ann.pk, "salesperson": rep.salesperson_id, "interaction": made.pk}
    answer = client.post("/opportunities/new/", sent)
    deal = Opportunity.objects.get()
    assert (answer.status_code, again(made).opportunity, deal.status) == (302, deal, "not_started")
    assert [*Comment.objects.values_list("opportunity", "text", "author")] == [(deal.pk, "needs 12 chairs", rep.pk)]
    twice = client.post("/opportunities/new/", sent)
    assert (twice.status_code, Opportunity.objects.count()) == (422, 1)
    assert url not in text(client.get(made.get_absolute_url()))


def test_no_opportunity_out_of_what_one_does_not_see_or_change(
    client_for: Sign, rep: User, rep2: User, viewer: User, log: Log, deal: Opportunity
) -> None:
    made = log(opportunity=deal)
    url = f"/opportunities/new/?interaction={made.pk}"
    assert client_for(rep2).get(url).status_code == 404
    assert client_for(viewer).get(url).status_code == 403
    assert client_for(rep).get("/opportunities/new/?interaction=x").status_code == 404


def test_who_logged_without_a_deal_is_offered_one(
    client_for: Sign, rep: User, acme: Contact, typed: dict[str, Any]
) -> None:
    answer = client_for(rep).post(f"/interactions/new/?contact={acme.pk}", typed | {"contact": acme.pk}, follow=True)
    made = Interaction.objects.get()
    assert f'href="/opportunities/new/?interaction={made.pk}"' in text(answer)
