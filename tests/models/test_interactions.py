"""The verbs of interactions, who sees them, and what they add up to."""

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from contacts import lifecycle as contacts
from contacts.models import Contact
from interactions import lifecycle
from interactions.models import Interaction, InteractionGroup, InteractionTemplate
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Grant, Salesperson, User
from tasks import lifecycle as tasks
from tests.factories import WORK_DATE, make_opportunity
from upkeep import handover
from upkeep import merge as merging

pytestmark = pytest.mark.django_db
DAY = datetime.timedelta(days=1)
Log = Callable[..., Interaction]


@pytest.fixture(autouse=True)
def our_company(company: Company) -> None:
    """Dates are judged by its calendar."""


@pytest.fixture
def log(acme: Contact, rep: User) -> Log:
    def made(**values: Any) -> Interaction:
        about = {} if {"opportunity", "task", "contact"} & set(values) else {"contact": acme}
        return lifecycle.log(by=rep, on=WORK_DATE, **{"description": "Asked about chairs"} | about | values)

    return made


@pytest.fixture
def deal(acme: Contact, jo: Salesperson, cycle: SalesCycle) -> Opportunity:
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1)


def again(talk: Interaction) -> Interaction:
    return Interaction.objects.get(pk=talk.pk)


def refused(verb: Callable[..., Any], *args: Any, **values: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        verb(*args, **values)
    return {field: [str(error.code) for error in errors] for field, errors in caught.value.error_dict.items()}


# ── logging ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_not_said_is_usual(log: Log, ann: Contact, acme: Contact, rep: User) -> None:
    made = again(log(contact=ann))
    assert (made.kind, made.happened_on, made.contact, made.company) == ("call", WORK_DATE, ann, acme)
    assert (made.cost, made.duration, made.failed, made.cancelled) == (0, 0, False, False)
    assert (made.salesperson, made.logged_by, made.version) == (None, rep, 1)


def test_everything_that_is_said_is_kept(log: Log, deal: Opportunity, of: Salesperson, ann: Contact) -> None:
    template = InteractionTemplate.objects.create(code="OUT", group=InteractionGroup.objects.create(code="PHONE"))
    values: dict[str, Any] = {
        "kind": "meeting",
        "direction": "in",
        "initiated_by": "them",
        "happened_on": WORK_DATE - DAY,
        "started_at": datetime.time(10, 30),
        "description": "Visit",
        "text": "They liked it\nand want twelve",
        "failed": True,
        "evaluation": "very_positive",
        "cost": Decimal("12.345"),
        "duration": 90,
        "contact": ann,
        "opportunity": deal,
        "salesperson": of,
        "template": template,
    }
    made = again(log(**values))
    assert {name: getattr(made, name) for name in values} == values | {"cost": Decimal("12.35")}


def test_the_opportunity_gives_contact_and_salesperson(log: Log, deal: Opportunity, jo: Salesperson) -> None:
    made = log(opportunity=deal)
    assert (made.contact, made.company, made.salesperson) == (deal.contact, deal.company, jo)


def test_the_task_gives_them_and_the_opportunity(log: Log, deal: Opportunity, of: Salesperson, rep: User) -> None:
    task = tasks.create(description="Call", opportunity=deal, salesperson=of, on=WORK_DATE, by=rep)
    made = again(log(task=task))
    assert (made.task, made.opportunity, made.contact, made.salesperson) == (task, deal, deal.contact, of)


@pytest.mark.parametrize(
    ("values", "errors"),
    [
        ({"description": "  "}, {"description": ["E08"]}),
        ({"description": "x" * 101}, {"description": ["too_long"]}),
        ({"text": "x" * 10_001}, {"text": ["too_long"]}),
        ({"kind": "fax"}, {"kind": ["choice"]}),
        ({"kind": ""}, {"kind": ["choice"]}),
        (
            {"direction": "up", "initiated_by": "all", "evaluation": "meh"},
            {key: ["choice"] for key in ("direction", "initiated_by", "evaluation")},
        ),
        ({"happened_on": None}, {"happened_on": ["E08"]}),
        ({"happened_on": WORK_DATE + DAY}, {"happened_on": ["E14"]}),
        ({"happened_on": datetime.date(1899, 12, 31)}, {"happened_on": ["E08"]}),
        ({"cost": Decimal("-0.01")}, {"cost": ["value"]}),
        ({"cost": Decimal(10) ** 12}, {"cost": ["value"]}),
        ({"duration": -1}, {"duration": ["value"]}),
        ({"duration": 31 * 24 * 60 + 1}, {"duration": ["value"]}),
        ({"contact": None}, {"contact": ["E08"]}),
    ],
)
def test_what_is_refused(log: Log, values: dict[str, Any], errors: dict[str, list[str]]) -> None:
    assert refused(log, **values) == errors
    assert Interaction.objects.count() == 0


@pytest.mark.parametrize(
    ("values", "code"),
    [({"privacy_blocked": True}, "privacy"), ({"archived": True}, "archived"), ({"merged": True}, "merged")],
)
def test_contacts_that_are_not_used(log: Log, acme: Contact, beta: Contact, values: dict[str, Any], code: str) -> None:
    if values.pop("merged", False):
        values["merged_into"] = beta
    Contact.objects.filter(pk=acme.pk).update(**values)
    assert refused(log) == {"contact": [code]}


def test_contact_and_opportunity_belong_together(log: Log, deal: Opportunity, ann: Contact, bo: Contact) -> None:
    assert refused(log, opportunity=deal, contact=bo) == {"contact": ["R-TASK-LINK"]}
    assert log(opportunity=deal, contact=ann).company == deal.company


def test_the_blocked_are_not_chosen_but_kept(log: Log, of: Salesperson, rep: User) -> None:
    template = InteractionTemplate.objects.create(code="OLD")
    made = log(salesperson=of, template=template)
    Salesperson.objects.filter(pk=of.pk).update(blocked=True)
    InteractionTemplate.objects.update(blocked=True)
    of.refresh_from_db()
    template.refresh_from_db()
    assert refused(log, salesperson=of, template=template) == {"salesperson": ["blocked"], "template": ["blocked"]}
    lifecycle.change(made, version=1, description="Other", salesperson=of, template=template, on=WORK_DATE, by=rep)
    assert again(made).description == "Other"


def test_the_database_refuses_too(log: Log) -> None:
    made = log()
    for values in (
        {"description": ""},
        {"kind": "fax"},
        {"cost": -1},
        {"duration": 999_999},
        {"happened_on": "3000-01-01"},
        {"evaluation": "meh"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Interaction.objects.filter(pk=made.pk).update(**values)


# ── changing, cancelling ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_change_writes_what_it_was_told(log: Log, ann: Contact, bo: Contact, beta: Contact, rep: User) -> None:
    made = log(contact=ann, cost=5)
    lifecycle.change(made, version=1, contact=bo, evaluation="neutral", on=WORK_DATE, by=rep)
    now = again(made)
    assert (now.contact, now.company, now.evaluation, now.cost, now.version) == (bo, beta, "neutral", 5, 2)
    with pytest.raises(lifecycle.Stale):
        lifecycle.change(made, version=1, text="late", on=WORK_DATE, by=rep)
    assert again(made).text == ""


def test_who_moved_on_does_not_forbid_a_change(
    log: Log, deal: Opportunity, ann: Contact, beta: Contact, rep: User
) -> None:
    made = log(opportunity=deal, contact=ann)
    contacts.change(ann, company=beta, by=rep, on=WORK_DATE)
    ann.refresh_from_db()
    lifecycle.change(made, version=1, text="As I said", contact=ann, opportunity=deal, on=WORK_DATE, by=rep)
    now = again(made)
    assert (now.text, now.company) == ("As I said", deal.company)  # of that time


def test_cancelled_it_stays_and_counts_no_more(log: Log, acme: Contact, rep: User) -> None:
    made = log(cost=8, duration=30)
    log(cost=4, duration=15)
    lifecycle.cancel(made, version=1, by=rep)
    assert Interaction.objects.of_contact(acme).figures()["count"] == 1
    how: dict[str, Any] = {"on": WORK_DATE, "by": rep}
    assert refused(lifecycle.change, made, version=2, text="x", **how) == {"__all__": ["cancelled"]}
    assert refused(lifecycle.cancel, made, version=2, by=rep) == {"__all__": ["unchanged"]}
    with pytest.raises(lifecycle.Stale):
        lifecycle.restore(made, version=1, by=rep)
    lifecycle.restore(made, version=2, by=rep)
    assert Interaction.objects.of_contact(acme).figures()["cost"] == 12


def test_who_changed_what_is_kept(log: Log, rep: User, manager: User) -> None:
    made = log()
    lifecycle.change(made, version=1, text="More", on=WORK_DATE, by=manager)
    events = made.events.order_by("pgh_id").values_list("pgh_label", "text", "pgh_context__metadata__user")
    assert [*events] == [("insert", "", rep.pk), ("update", "More", manager.pk)]


# ── figures ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_figures(log: Log, acme: Contact, ann: Contact, rep: User) -> None:
    log(contact=acme, cost=8, duration=30, happened_on=WORK_DATE - 3 * DAY, initiated_by="them")
    log(contact=ann, cost=1, duration=15, happened_on=WORK_DATE - 2 * DAY, initiated_by="us", failed=True)
    log(contact=ann, cost=Decimal("0.5"), duration=0, happened_on=WORK_DATE - 4 * DAY, initiated_by="us")
    lifecycle.cancel(log(contact=ann, cost=100), version=1, by=rep)
    assert Interaction.objects.of_contact(acme).figures() == {
        "count": 3,
        "cost": Decimal("9.5"),
        "duration": 45,
        "last_on": WORK_DATE - 3 * DAY,
        "tried_on": WORK_DATE - 2 * DAY,
        "average_cost": Decimal("9.5") / 3,
        "average_duration": 15,
    }
    assert Interaction.objects.of_contact(ann).figures()["count"] == 2
    nothing = Interaction.objects.none().figures()
    assert (nothing["count"], nothing["cost"], nothing["average_cost"], nothing["last_on"]) == (0, 0, 0, None)


def test_search(log: Log) -> None:
    made = log(description="Trade fair", text="wants twelve chairs")
    assert [*Interaction.objects.search("fai")] == [*Interaction.objects.search("twel cha")] == [made]
    assert [*Interaction.objects.search("sofa")] == []


# ── who sees them ────────────────────────────────────────────────────────────────────────────────────────────────────


def seen_by(user: User) -> set[str]:
    return set(Interaction.objects.visible_to(User.objects.get(pk=user.pk)).values_list("description", flat=True))


def test_who_sees_the_record_sees_them(
    log: Log, deal: Opportunity, beta: Contact, rep: User, rep2: User, viewer: User, outsider: User
) -> None:
    log(opportunity=deal, description="of the deal")
    log(description="with ACME")
    log(contact=beta, description="with BETA")
    everything = {"of the deal", "with ACME", "with BETA"}
    assert seen_by(rep) == seen_by(viewer) == everything
    assert seen_by(rep2) == {"with ACME", "with BETA"}
    assert seen_by(outsider) == set()
    group = rep2.groups.get()
    group.permissions.remove(Permission.objects.get(codename="view_every_contact"))
    assert seen_by(rep2) == {"with BETA"}
    Grant.objects.create(opportunity=deal, salesperson=rep2.salesperson, may_edit=False)
    assert seen_by(rep2) == everything  # the contact comes with the opportunity


def test_what_was_shared_to_see_is_not_changed(
    log: Log, deal: Opportunity, rep: User, rep2: User, viewer: User
) -> None:
    made = again(log(opportunity=deal))
    grant = Grant.objects.create(opportunity=deal, salesperson=rep2.salesperson, may_edit=False)

    def may(user: User) -> bool:
        return made.may_be_changed_by(User.objects.get(pk=user.pk))

    assert (may(rep), may(rep2), may(viewer)) == (True, False, False)
    Grant.objects.filter(pk=grant.pk).update(may_edit=True)
    assert may(rep2)


# ── what becomes of them ─────────────────────────────────────────────────────────────────────────────────────────────


def test_an_opportunity_made_of_one(log: Log, acme: Contact, beta: Contact, deal: Opportunity, rep: User) -> None:
    made, other = log(), log(contact=beta)
    lifecycle.become(made, version=1, opportunity=deal, by=rep)
    assert (again(made).opportunity, again(made).version) == (deal, 2)
    how: dict[str, Any] = {"opportunity": deal, "by": rep}
    assert refused(lifecycle.become, made, version=2, **how) == {"__all__": ["R-FROM-LOG"]}
    assert refused(lifecycle.become, other, version=1, **how) == {"contact": ["R-TASK-LINK"]}
    lifecycle.cancel(other, version=1, by=rep)
    assert "__all__" in refused(lifecycle.become, other, version=2, **how)


def test_a_merge_takes_them_along_and_back(log: Log, acme: Contact, beta: Contact, ann: Contact, manager: User) -> None:
    company, person = log(), log(contact=ann)
    keys = [acme.pk, beta.pk]
    seen = merging.fingerprint(Contact.objects.filter(pk__in=keys))
    (done,) = merging.merge(keys, survivor=beta.pk, picks={}, seen=seen, by=manager, on=WORK_DATE)
    assert [(again(talk).contact, again(talk).company) for talk in (company, person)] == [(beta, beta), (ann, beta)]
    moved = {str(words): count for words, count in done.moved}
    assert (moved["interactions"], moved["interactions of the company"]) == (1, 2)
    undone = merging.undo(done.merge.pk, by=manager, on=WORK_DATE)
    assert undone.stayed == []
    assert [(again(talk).contact, again(talk).company) for talk in (company, person)] == [(acme, acme), (ann, acme)]


def test_a_handover_leaves_them(log: Log, jo: Salesperson, of: Salesperson, manager: User) -> None:
    """They say who talked with whom."""
    made = log(salesperson=jo)
    rows = handover.next_rows(jo, manager, [kind.name for kind in handover.KINDS])
    assert all(not isinstance(row, Interaction) for _kind, row in rows)
    assert again(made).salesperson == jo


def test_a_company_with_interactions_stays_a_company(log: Log, acme: Contact, rep: User) -> None:
    log()
    assert refused(contacts.change, acme, kind="person", by=rep, on=WORK_DATE) == {"kind": ["history"]}


def test_statements_of_the_verbs(log: Log, rep: User, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(4):  # savepoint, the contact held, the row, savepoint
        made = log()

    with django_assert_num_queries(4):
        lifecycle.cancel(made, version=1, by=rep)
