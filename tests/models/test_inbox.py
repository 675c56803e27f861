"""Who is told of what: in the transaction of the cause, in one statement, and as each one wants it."""

import datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from collaboration import lifecycle as collaboration
from collaboration.models import Kind, Notification, Preferences
from collaboration.notify import assigned, shared, tell
from contacts import lifecycle as contacts
from contacts.models import Contact
from opportunities import bulk, lifecycle
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Grant, Salesperson, User
from tasks import lifecycle as tasks
from tests.factories import SalespersonFactory, TeamFactory, fresh, make_opportunity, make_user

pytestmark = pytest.mark.django_db
TODAY = datetime.date(2026, 3, 2)


@pytest.fixture
def deal(acme: Contact, jo: Salesperson, cycle: SalesCycle, rep: User, company: Company) -> Opportunity:
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, by=rep, on=company.today())


def told() -> list[tuple[Any, ...]]:
    """Who, why, by whom, of what, of how many."""
    rows = Notification.objects.with_records().select_related("user").order_by("pk")
    return [(one.user.email, one.kind, one.by and one.by.email, one.record, one.count) for one in rows]


def test_who_gets_an_opportunity_is_told(deal: Opportunity, of: Salesperson, rep: User, rep2: User) -> None:
    lifecycle.reassign(deal, version=deal.version, salesperson=of, on=deal.created_on, by=rep)
    assert told() == [(rep2.email, "assigned", rep.email, deal, 1)]


def test_what_one_takes_oneself_tells_nobody(
    deal: Opportunity, jo: Salesperson, of: Salesperson, rep2: User, rep: User
) -> None:
    lifecycle.reassign(deal, version=deal.version, salesperson=of, on=deal.created_on, by=rep2)
    lifecycle.reassign(fresh(deal), version=fresh(deal).version, salesperson=jo, on=deal.created_on, by=None)
    lifecycle.create(description="Own", contact=deal.contact, salesperson=jo, on=deal.created_on, by=rep)
    assert told() == []
    lifecycle.create(description="For another", contact=deal.contact, salesperson=of, on=deal.created_on, by=rep)
    assert [row[:3] for row in told()] == [(rep2.email, "assigned", rep.email)]


def test_a_run_tells_each_person_once(
    deal: Opportunity, acme: Contact, jo: Salesperson, of: Salesperson, manager: User, rep2: User
) -> None:
    other = make_opportunity(contact=acme, salesperson=jo, on=deal.created_on)
    values = {"salesperson": of, "on": deal.created_on, "reason": ""}
    bulk.run(manager, {deal.pk: None, other.pk: None}, "reassign", values)
    assert told() == [(rep2.email, "assigned", manager.email, deal, 2)]


def test_who_gets_a_task_is_told(
    acme: Contact, jo: Salesperson, of: Salesperson, rep: User, rep2: User, manager: User
) -> None:
    task = tasks.create(description="Call", salesperson=jo, on=TODAY, by=rep)
    assert told() == []
    task = tasks.reassign(task, version=1, salesperson=of, on=TODAY, by=rep)
    team = TeamFactory(members=[jo, of])
    task = tasks.change(task, version=2, team=team, salesperson=None, on=TODAY, by=rep)
    assert told() == [
        (rep2.email, "assigned", rep.email, task, 1),
        (rep2.email, "assigned", rep.email, task, 1),
    ]
    tasks.change(task, version=3, description="Call again", on=TODAY, by=manager)
    assert len(told()) == 2


def test_sharing_tells_a_team_and_its_manager_once(
    deal: Opportunity, jo: Salesperson, of: Salesperson, hr: Salesperson, rep: User, rep2: User
) -> None:
    head = make_user("head@example.com", salesperson=hr)
    team = TeamFactory(members=[jo, of], manager=hr)
    lifecycle.share(deal, by=rep, may_edit=False, team_id=team.pk)
    lifecycle.share(deal, by=rep, may_edit=True, team_id=team.pk)
    assert sorted(told(), key=str) == sorted(
        [(person.email, "shared", rep.email, deal, 1) for person in (rep2, head)], key=str
    )
    contacts.share(deal.contact, by=rep, may_edit=True, salesperson_id=of.pk)
    assert told()[-1] == (rep2.email, "shared", rep.email, deal.contact, 1)


def test_what_nobody_wants_is_not_written(deal: Opportunity, of: Salesperson, rep: User, rep2: User) -> None:
    wants = Preferences.objects.create(user=rep2, inbox=["shared"], mail=[])
    how: dict[str, Any] = {"by": rep, "salesperson": of.pk}
    assigned("opportunity", deal.pk, **how)
    assert told() == []
    shared("opportunity", deal.pk, **how, team=None)
    wants.inbox, wants.mail = [], ["assigned"]
    wants.save()
    assigned("opportunity", deal.pk, **how)
    rows = Notification.objects.order_by("pk").values_list("kind", "in_inbox", "by_mail")
    assert list(rows) == [("shared", True, False), ("assigned", False, True)]
    Grant.objects.create(opportunity=deal, salesperson=of)
    own = User.objects.get(pk=rep2.pk)
    assert [one.kind for one in Notification.objects.to(own)] == ["shared"]
    assert [one.kind for one in Notification.objects.seen_by(own).order_by("pk")] == ["shared", "assigned"]


def test_one_statement_for_many_and_none_for_oneself(deal: Opportunity, rep: User, jo: Salesperson) -> None:
    people = [make_user(f"p{at}@example.com", salesperson=SalespersonFactory()) for at in range(5)]
    with CaptureQueriesContext(connection) as asked:
        tell(Kind.SHARED, "opportunity", deal.pk, by=rep, users=[person.pk for person in people])
        assigned("opportunity", deal.pk, by=rep, salesperson=jo.pk)
    assert (len(asked), Notification.objects.count()) == (1, 5)


def test_it_rolls_back_with_its_cause(deal: Opportunity, of: Salesperson, rep: User, rep2: User) -> None:
    with transaction.atomic():
        lifecycle.reassign(deal, version=deal.version, salesperson=of, on=deal.created_on, by=rep)
        assert len(told()) == 1
        transaction.set_rollback(True)
    assert told() == []


def test_who_may_not_sign_in_is_told_nothing(deal: Opportunity, of: Salesperson, rep: User, rep2: User) -> None:
    User.objects.filter(pk=rep2.pk).update(is_active=False)
    lifecycle.reassign(deal, version=deal.version, salesperson=of, on=deal.created_on, by=rep)
    assert told() == []


def test_own_words_to_oneself(deal: Opportunity, rep: User) -> None:
    collaboration.write("opportunity", deal.pk, text="@Rep remember", by=rep)
    assert [row[:2] for row in told()] == [(rep.email, "mentioned")]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("notification_is_about_one_thing", {"kind": "shared"}),
        ("notification_for_a_known_reason", {"kind": "mentioned", "opportunity": True}),
        ("notification_for_a_known_reason", {"kind": "gossip", "opportunity": True}),
        ("notification_is_about_one_thing", {"kind": "shared", "opportunity": True, "contact": True}),
    ],
)
def test_the_database_refuses(deal: Opportunity, rep: User, name: str, values: dict[str, Any]) -> None:
    keys = {"opportunity": deal, "contact": deal.contact}
    given = {field: keys[field] if value is True else value for field, value in values.items()}
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        Notification.objects.create(user=rep, **given)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("preferences_name_known_kinds", {"mail": ["gossip"]}),
        ("preferred_reminder_is_known", {"reminder": "15m"}),
        ("calendar_key_cannot_be_guessed", {"calendar_key": "me"}),
    ],
)
def test_the_database_refuses_preferences(rep: User, name: str, values: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        Preferences.objects.create(user=rep, **values)
