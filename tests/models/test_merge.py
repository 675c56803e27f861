"""Merging contacts and taking it back: what moves, what stays, what is refused."""

import datetime

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from pghistory.models import Event

from collaboration.models import Tag
from collaboration.told import OF_CONTACT, events, read
from contacts import lifecycle as contacts
from contacts.codes import BusinessRelation, IndustryGroup, MailingGroup
from contacts.duplicate_models import LikelyPair
from contacts.models import (
    AddressPeriod,
    AlternativeAddress,
    CompanysIndustry,
    Contact,
    ContactsMailing,
    ContactsRelation,
)
from opportunities import lifecycle
from opportunities.models import Opportunity
from salespeople.models import Grant
from tasks import lifecycle as tasks
from tasks.models import Task
from tests.factories import ContactFactory, QuoteFactory, fresh, make_opportunity
from tests.models.lifecycle_words import day
from upkeep import merge as merging
from upkeep.merging_models import Merge, MergedRow

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sound_ledger", "company")]


@pytest.fixture
def twin(of):
    return ContactFactory(number="CT9", name="Acme Oy", salesperson=of, city="Oulu", email="info@acme.example")


def merge(survivor, *others, by, picks=None, seen=None):
    both = list(Contact.objects.filter(pk__in=[survivor.pk, *(other.pk for other in others)]))
    return merging.merge(
        [one.pk for one in both],
        survivor=survivor.pk,
        picks=picks or {},
        seen=seen or merging.fingerprint(both),
        by=by,
        on=day(9),
    )


def code_of(raised):
    error = raised.value
    return next(iter(error.error_dict.values()))[0].code if hasattr(error, "error_dict") else error.code


# ── what moves ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_key_to_a_contact_is_told():
    """A model that gains one says in `OWNED` or `NOT_MOVED` what becomes of its rows in a merge."""
    relations = [field for field in Contact._meta.get_fields(include_hidden=True) if field.auto_created]
    keys = {
        (field.related_model._meta.label, field.field.name)
        for field in relations
        if not field.concrete and not issubclass(field.related_model, Event)
    }
    assert keys == {(owned.model, owned.field) for owned in merging.OWNED} | set(merging.NOT_MOVED)


def test_every_field_is_chosen_or_the_survivors_own():
    chosen = {name for names in merging.CHOICES.values() for name in names}
    fields = {field.name for field in Contact._meta.concrete_fields if not field.generated}
    assert fields - chosen == {"id", "number", "kind", "archived", "merged_into", "created_at", "relation"}


def test_the_merged_one_stays_as_a_row_and_is_seen_no_more(acme, twin, manager):
    (done,) = merge(acme, twin, by=manager)
    twin.refresh_from_db()
    assert (twin.merged_into, twin.name, twin.is_usable) == (acme, "Acme Oy", False)
    assert list(Contact.objects.visible_to(manager)) == [acme]
    assert twin not in Contact.objects.usable()
    assert not LikelyPair.objects.exists()
    assert (done.merge.survivor, done.merge.merged, done.merge.by, done.merge.batch) == (acme, twin, manager, None)


def test_chosen_values_go_to_the_survivor(acme, twin, manager, of):
    (done,) = merge(acme, twin, by=manager, picks={"address": twin.pk, "email": twin.pk, "salesperson": acme.pk})
    acme.refresh_from_db()
    assert (acme.name, acme.city, acme.email, acme.salesperson.code) == ("ACME", "Oulu", "info@acme.example", "JO")
    assert done.changed == ["address", "email"]
    row = MergedRow.objects.get()
    assert (row.before, row.after) == (
        {"city": "", "email": ""},
        {"city": "Oulu", "email": "info@acme.example"},
    )


def test_a_persons_name_goes_whole(ann, acme, manager):
    again = contacts.create(by=manager, kind="person", name="Anna Maria Lee", company=acme).contact
    merge(ann, again, by=manager, picks={"name": again.pk})
    ann.refresh_from_db()
    assert (ann.name, ann.parts) == ("Anna Maria Lee", ("Anna", "Maria", "Lee"))


def test_open_opportunities_go_by_a_step_and_closed_ones_stay(acme, twin, manager, jo, cycle, price_l):
    running = make_opportunity(contact=twin, salesperson=jo, cycle=cycle, stage=2)
    waiting = make_opportunity(contact=twin)
    lost = make_opportunity(contact=twin, salesperson=jo, cycle=cycle, stage=1)
    lifecycle.close(lost, version=2, outcome="lost", close_code=price_l, on=day(3), by=manager)
    QuoteFactory(opportunity=running)
    (done,) = merge(acme, twin, by=manager)
    assert done.followed == [running.pk, waiting.pk]
    for opportunity in map(fresh, (running, waiting)):
        entry = opportunity.entries.current().get()
        assert (opportunity.contact, opportunity.company, opportunity.is_open) == (acme, acme, True)
        assert (entry.action, entry.by, entry.batch, entry.reason) == (
            "reassigned",
            manager,
            done.merge.batch,
            "Acme Oy was merged with ACME",
        )
        assert {(one.contact, one.company) for one in opportunity.entries.exclude(pk=entry.pk)} == {(twin, twin)}
    assert (fresh(lost).contact, fresh(lost).version) == (twin, 3)
    assert set(Opportunity.objects.of_contact(acme)) == {running, waiting, lost}
    assert set(Opportunity.objects.search("oy")) == {lost}
    assert set(Opportunity.objects.search("acme")) == {running, waiting, lost}


def test_people_and_their_opportunities_go_to_the_survivor(acme, twin, manager, jo, cycle):
    person = ContactFactory(kind="person", name="Bo Ek", company=twin)
    running = make_opportunity(contact=person, salesperson=jo, cycle=cycle, stage=1)
    (done,) = merge(acme, twin, by=manager)
    person.refresh_from_db()
    opportunity = fresh(running)
    assert (person.company, opportunity.contact, opportunity.company) == (acme, person, acme)
    assert opportunity.entries.get(step=1).company == twin
    assert done.moved == [(merging.OWNED[0].words, 1)]


def test_a_person_of_another_company_brings_the_opportunities_along(ann, bo, acme, manager, of, cycle):
    running = make_opportunity(contact=bo, salesperson=of, cycle=cycle, stage=1)
    merge(ann, bo, by=manager)
    assert (fresh(running).contact, fresh(running).company) == (ann, acme)


def test_own_opportunities_follow_a_company_that_is_taken_over(ann, bo, beta, manager, jo, cycle):
    running = make_opportunity(contact=ann, salesperson=jo, cycle=cycle, stage=1)
    merge(ann, bo, by=manager, picks={"company": bo.pk})
    ann.refresh_from_db()
    assert (ann.company, fresh(running).contact, fresh(running).company) == (beta, ann, beta)


def test_codes_shares_and_addresses_move_where_the_survivor_has_none_alike(acme, twin, manager, jo, of, hr):
    wood, steel = (IndustryGroup.objects.create(code=code) for code in ("WOOD", "STEEL"))
    news = MailingGroup.objects.create(code="NEWS")
    CompanysIndustry.objects.create(contact=acme, industry_group=wood)
    for group in (wood, steel):
        CompanysIndustry.objects.create(contact=twin, industry_group=group)
    ContactsMailing.objects.create(contact=twin, mailing_group=news)
    Grant.objects.create(contact=acme, salesperson=hr)
    Grant.objects.create(contact=twin, salesperson=hr, may_edit=True)
    Grant.objects.create(contact=twin, salesperson=of)
    for contact, code, on in ((acme, "SUMMER", day(1)), (twin, "SUMMER", day(5)), (twin, "DEPOT", day(1))):
        place = AlternativeAddress.objects.create(contact=contact, code=code)
        AddressPeriod.objects.create(alternative_address=place, contact=contact, starts_on=on)
    (done,) = merge(acme, twin, by=manager)
    assert list(acme.industry_groups.values_list("code", flat=True)) == ["STEEL", "WOOD"]
    assert list(acme.mailing_groups.values_list("code", flat=True)) == ["NEWS"]
    grants = Grant.objects.filter(contact=acme).order_by("salesperson__code")
    assert list(grants.values_list("salesperson__code", "may_edit")) == [("HR", True), ("OF", False)]
    assert list(acme.alternative_addresses.values_list("code", flat=True)) == ["SUMMER", "SUMMER-2"]
    assert list(twin.alternative_addresses.values_list("code", flat=True)) == ["DEPOT"]
    assert AddressPeriod.objects.filter(contact=acme).count() == 2
    told = {str(words): count for words, count in done.moved}
    assert told == {
        "industry groups": 1,
        "mailing groups": 1,
        "with whom it is shared": 1,
        "alternative addresses": 1,
    }
    left = {str(words): count for words, count in done.left}
    assert left == {"industry groups": 1, "with whom it is shared": 1, "alternative addresses": 1}
    merging.undo(done.merge.pk, by=manager, on=day(9))
    assert list(twin.industry_groups.values_list("code", flat=True)) == ["STEEL", "WOOD"]
    assert list(twin.alternative_addresses.values_list("code", flat=True)) == ["DEPOT", "SUMMER"]
    assert list(Grant.objects.filter(contact=acme).values_list("may_edit", flat=True)) == [False]
    assert AddressPeriod.objects.filter(contact=twin).count() == 2


def test_business_relations_move_and_go_back(acme, ann, twin, manager):
    customer, vendor = (
        BusinessRelation.objects.create(code=account[:4], account=account) for account in ("customer", "vendor")
    )
    ContactsRelation.objects.create(contact=acme, business_relation=customer, number="10000")
    for relation in (customer, vendor):
        ContactsRelation.objects.create(contact=twin, business_relation=relation, number="20000")

    def told():
        return [Contact.objects.get(pk=one.pk).relation for one in (acme, ann, twin)]

    assert told() == ["customer", "customer", "multiple"]
    (done,) = merge(acme, twin, by=manager)
    assert told() == ["multiple", "multiple", "customer"]
    assert set(acme.relations.values_list("business_relation__code", "number")) == {
        ("CUST", "10000"),
        ("VEND", "20000"),
    }
    assert [(str(words), count) for words, count in done.moved] == [("business relations", 1)]
    assert [(str(words), count) for words, count in done.left] == [("business relations", 1)]
    merging.undo(done.merge.pk, by=manager, on=day(9))
    assert told() == ["customer", "customer", "multiple"]


def test_a_chain_of_merges_leads_to_the_last_one(acme, twin, beta, manager):
    (first,) = merge(twin, beta, by=manager)
    merge(acme, twin, by=manager)
    beta.refresh_from_db()
    assert beta.merged_into == acme
    with pytest.raises(ValidationError) as raised:
        merging.undo(first.merge.pk, by=manager, on=day(9))
    assert code_of(raised) == "merged"
    merging.undo(Merge.objects.get(merged=twin).pk, by=manager, on=day(9))
    beta.refresh_from_db()
    assert beta.merged_into == twin
    merging.undo(first.merge.pk, by=manager, on=day(9))
    assert Contact.objects.filter(merged_into__isnull=False).count() == 0


def test_several_at_once(acme, twin, beta, manager, cycle, jo, of):
    running = make_opportunity(contact=beta, salesperson=of, cycle=cycle, stage=1)
    merge(acme, twin, beta, by=manager, picks={"email": twin.pk, "salesperson": beta.pk})
    acme.refresh_from_db()
    assert (acme.email, acme.salesperson, fresh(running).contact) == ("info@acme.example", of, acme)
    assert Merge.objects.filter(survivor=acme).count() == 2


def test_a_preview_changes_nothing(acme, twin, manager, cycle, jo):
    running = make_opportunity(contact=twin, salesperson=jo, cycle=cycle, stage=1)
    seen = merging.fingerprint(Contact.objects.all())
    picks = {"email": twin.pk}
    how = {"survivor": acme.pk, "picks": picks, "seen": seen, "by": manager, "on": day(9)}
    (done,) = merging.preview([acme.pk, twin.pk], **how)
    acme.refresh_from_db()
    assert (done.followed, done.changed, acme.email) == ([running.pk], ["email"], "")
    assert (fresh(running).contact, Merge.objects.count()) == (twin, 0)


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (("acme",), "itself"),
        (("acme", "bo"), "kind"),
        (("acme", "ann"), "own_company"),
    ],
)
def test_what_cannot_be_one(names, code, acme, ann, bo, manager):
    known = {"acme": acme, "ann": ann, "bo": bo}
    with pytest.raises(ValidationError) as raised:
        merge(*(known[name] for name in names), by=manager)
    assert code_of(raised) == code
    assert Merge.objects.count() == 0


def test_one_that_is_merged_already_says_with_whom_and_by_whom(acme, twin, beta, manager):
    merge(acme, twin, by=manager)
    with pytest.raises(ValidationError) as raised:
        merge(beta, twin, by=manager)
    assert raised.value.messages == ["Acme Oy was merged with ACME already, by Manager."]


def test_one_that_may_not_be_changed(acme, twin, viewer):
    with pytest.raises(ValidationError) as raised:
        merge(acme, twin, by=viewer)
    assert code_of(raised) == "fixed"


def test_an_archived_one_is_merged_but_does_not_survive(acme, twin, manager):
    Contact.objects.filter(pk=twin.pk).update(archived=True)
    with pytest.raises(ValidationError) as raised:
        merge(twin, acme, by=manager)
    assert code_of(raised) == "survivor"
    merge(acme, twin, by=manager)


def test_what_changed_since_it_was_looked_at(acme, twin, manager):
    seen = merging.fingerprint(Contact.objects.all())
    contacts.change(twin, by=manager, on=day(9), city="Turku")
    with pytest.raises(merging.Changed):
        merge(acme, twin, by=manager, seen=seen)


def test_a_value_that_the_rules_refuse_changes_nothing(acme, twin, manager, jo, cycle):
    running = make_opportunity(contact=twin, salesperson=jo, cycle=cycle, stage=1)
    Contact.objects.filter(pk=acme.pk).update(country="DE")
    Contact.objects.filter(pk=twin.pk).update(vat_number="FI01120389", country="FI")
    with pytest.raises(ValidationError) as raised:
        merge(acme, twin, by=manager, picks={"vat_number": twin.pk})
    assert list(raised.value.error_dict) == ["vat_number"]
    assert (fresh(running).contact, Merge.objects.count()) == (twin, 0)


def test_a_merged_contact_is_for_no_new_work(acme, twin, manager, jo, cycle):
    opportunity = make_opportunity(contact=acme)
    merge(acme, twin, by=manager)
    merged = Contact.objects.get(pk=twin.pk)
    with pytest.raises(ValidationError) as raised:
        make_opportunity(contact=merged)
    assert code_of(raised) == "merged"
    with pytest.raises(ValidationError) as raised:
        lifecycle.reassign(opportunity, version=1, contact=merged, on=day(9), by=manager)
    assert code_of(raised) == "merged"
    with pytest.raises(ValidationError) as raised:
        contacts.change(merged, by=manager, on=day(9), city="Turku")
    assert code_of(raised) == "merged"
    with pytest.raises(ValidationError) as raised:
        contacts.create(by=manager, kind="person", name="New", company=merged)
    assert code_of(raised) == "no_company"


def test_who_read_it_before_the_merge_is_refused_by_the_database(acme, twin, manager):
    """`twin` was read before: the guard passes, the trigger does not."""
    merge(acme, twin, by=manager)
    twin.merged_into = None
    with pytest.raises(ValidationError) as raised:
        make_opportunity(contact=twin)
    assert code_of(raised) == "merged"


def test_the_database_keeps_what_is_merged(acme, twin, ann, manager):
    for other in (acme, ann):
        with pytest.raises(IntegrityError), transaction.atomic():  # noqa: PT012 - the key is deferred
            Contact.objects.filter(pk=acme.pk).update(merged_into=other)
            connection.check_constraints()


def test_what_opens_again_names_the_survivor(acme, twin, manager, jo, cycle, price_l):
    lost = make_opportunity(contact=twin, salesperson=jo, cycle=cycle, stage=1)
    lifecycle.close(lost, version=2, outcome="lost", close_code=price_l, on=day(3), by=manager)
    away = make_opportunity(contact=twin)
    lifecycle.archive(away, version=1, on=day(3), by=manager)
    merge(acme, twin, by=manager)
    lost, away = fresh(lost), fresh(away)
    first = cycle.stages.get(number=1)
    closing_on = day(9) + datetime.timedelta(days=20)
    lifecycle.reopen(lost, version=3, to=first, reason="again", closing_on=closing_on, on=day(9), by=manager)
    lifecycle.restore(away, version=2, on=day(9), by=manager)
    assert {(one.contact, one.company) for one in map(fresh, (lost, away))} == {(acme, acme)}


def test_an_undo_does_not_lead_back_to_a_merged_contact(acme, twin, manager):
    opportunity = make_opportunity(contact=twin)
    merge(acme, twin, by=manager)
    with pytest.raises(ValidationError) as raised:
        lifecycle.undo(fresh(opportunity), version=2, by=manager)
    assert code_of(raised) == "merged"


# ── taking back ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_taking_back_gives_each_what_it_had(acme, twin, manager, jo, of, cycle, price_l):
    person = ContactFactory(kind="person", name="Bo Ek", company=twin)
    running = make_opportunity(contact=person, salesperson=jo, cycle=cycle, stage=2)
    before = list(Contact.objects.order_by("pk").values())
    (done,) = merge(acme, twin, by=manager, picks={"address": twin.pk, "email": twin.pk, "salesperson": twin.pk})
    assert list(Contact.objects.order_by("pk").values()) != before
    undone = merging.undo(done.merge.pk, by=manager, on=day(9))
    assert list(Contact.objects.order_by("pk").values()) == before
    entry = fresh(running).entries.current().get()
    assert (fresh(running).contact, fresh(running).company) == (person, twin)
    assert (entry.action, entry.batch, entry.reason) == (
        "reassigned",
        undone.undo_batch,
        "The merge of Acme Oy with ACME was taken back",
    )
    assert (undone.undone_by, undone.stayed) == (manager, [])
    merge(acme, twin, by=manager)  # and once more


def test_what_came_later_stays_with_the_survivor(acme, twin, manager, jo, cycle):
    moved = make_opportunity(contact=twin, salesperson=jo, cycle=cycle, stage=1)
    (done,) = merge(acme, twin, by=manager, picks={"email": twin.pk, "address": twin.pk})
    contacts.change(acme, by=manager, on=day(9), email="new@acme.example")
    moved = fresh(moved)
    second = cycle.stages.get(number=2)
    lifecycle.move(moved, version=moved.version, to=second, closing_on=day(20), on=day(9), by=manager)
    later = make_opportunity(contact=acme, on=day(9))
    undone = merging.undo(done.merge.pk, by=manager, on=day(9))
    acme.refresh_from_db()
    assert (acme.email, acme.city) == ("new@acme.example", "")
    assert {fresh(one).contact for one in (moved, later)} == {acme}
    assert undone.stayed == [
        ["field", "email"],
        ["opportunity", moved.pk, "changed"],
        ["opportunity", later.pk, "new"],
    ]


def test_a_person_who_went_elsewhere_stays_there(acme, twin, beta, manager):
    person = ContactFactory(kind="person", name="Bo Ek", company=twin)
    (done,) = merge(acme, twin, by=manager)
    contacts.change(person, by=manager, on=day(9), company=beta)
    undone = merging.undo(done.merge.pk, by=manager, on=day(9))
    person.refresh_from_db()
    assert (person.company, undone.stayed) == (beta, [["row", "contacts.Contact", person.pk]])


def test_taking_back_twice(acme, twin, manager):
    (done,) = merge(acme, twin, by=manager)
    merging.preview_undo(done.merge.pk, by=manager, on=day(9))
    assert Contact.objects.get(pk=twin.pk).merged_into == acme
    merging.undo(done.merge.pk, by=manager, on=day(9))
    with pytest.raises(ValidationError) as raised:
        merging.undo(done.merge.pk, by=manager, on=day(9))
    assert code_of(raised) == "undone"


def test_the_tables_name_models_that_are_there():
    for owned in merging.OWNED:
        apps.get_model(owned.model)._meta.get_field(owned.field)


# ── tasks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def to_do(jo, manager):
    def make(contact, **values):
        return tasks.create(by=manager, on=day(2), description="Call", salesperson=jo, contact=contact, **values)

    return make


def told(*made):
    return [(task.contact, task.company, task.version) for task in (Task.objects.get(pk=each.pk) for each in made)]


def test_tasks_go_to_the_survivor_and_back(acme, twin, manager, jo, cycle, price_l, to_do):
    """Open and closed, with an opportunity that follows and with one that is closed; a person's with the company."""
    person = ContactFactory(kind="person", name="Bo Ek", company=twin)
    running = make_opportunity(contact=twin, salesperson=jo, cycle=cycle, stage=2)
    lost = make_opportunity(contact=twin, salesperson=jo, cycle=cycle, stage=1)
    lifecycle.close(lost, version=2, outcome="lost", close_code=price_l, on=day(3), by=manager)
    made = [to_do(twin), to_do(None, opportunity=running), to_do(None, opportunity=lost), to_do(twin), to_do(person)]
    tasks.cancel(made[3], version=1, on=day(3), by=manager)
    own = to_do(acme)
    (done,) = merge(acme, twin, by=manager)
    moved = [(acme, acme, 2), (acme, acme, 2), (acme, acme, 2), (acme, acme, 3), (person, acme, 2)]
    assert told(*made, own) == [*moved, (acme, acme, 1)]
    assert (str(done.moved[-1][0]), done.moved[-1][1]) == ("tasks", 5)
    with pytest.raises(tasks.Stale):
        tasks.change(made[0], version=1, by=manager, on=day(9), description="Write")
    undone = merging.undo(done.merge.pk, by=manager, on=day(9))
    back = [(twin, twin, 3), (twin, twin, 3), (twin, twin, 3), (twin, twin, 4), (person, twin, 3)]
    assert (told(*made, own), undone.stayed) == ([*back, (acme, acme, 1)], [])


def test_a_task_that_changed_since_stays_and_so_does_that_of_an_opportunity_that_stays(
    acme, twin, manager, jo, cycle, to_do
):
    deal = make_opportunity(contact=twin, salesperson=jo, cycle=cycle, stage=1)
    changed, held, free = to_do(twin), to_do(None, opportunity=deal), to_do(twin)
    (done,) = merge(acme, twin, by=manager)
    tasks.change(changed, version=2, by=manager, on=day(9), description="Write")
    lifecycle.edit(fresh(deal), version=fresh(deal).version, description="Other", on=day(9), by=manager)
    undone = merging.undo(done.merge.pk, by=manager, on=day(9))
    assert told(changed, held, free) == [(acme, acme, 3), (acme, acme, 2), (twin, twin, 3)]
    assert undone.stayed == [
        ["opportunity", deal.pk, "changed"],
        ["row", "tasks.Task", changed.pk],
        ["row", "tasks.Task", held.pk],
    ]


def test_a_task_that_a_merge_left_with_a_closed_opportunity_can_be_changed(
    acme, twin, manager, jo, cycle, price_l, to_do
):
    """The opportunity goes on naming the merged contact, of which a new task is about the survivor."""
    lost = make_opportunity(contact=twin, salesperson=jo, cycle=cycle, stage=1)
    lifecycle.close(lost, version=2, outcome="lost", close_code=price_l, on=day(3), by=manager)
    task = to_do(None, opportunity=lost)
    merge(acme, twin, by=manager)
    tasks.change(task, version=2, by=manager, on=day(9), description="Write")
    assert told(task, to_do(None, opportunity=fresh(lost))) == [(acme, acme, 3), (acme, acme, 1)]
    with pytest.raises(ValidationError) as raised:
        to_do(Contact.objects.get(pk=twin.pk))
    assert code_of(raised) == "merged"


def test_a_task_of_who_read_the_contact_before_the_merge_is_refused_by_the_database(acme, twin, manager, to_do):
    merge(acme, twin, by=manager)
    twin.merged_into = None
    with pytest.raises(ValidationError) as raised:
        to_do(twin)
    assert code_of(raised) == "merged"


def test_tasks_follow_a_company_that_is_taken_over(ann, bo, acme, beta, manager, of, jo, cycle, to_do):
    """What the survivor still has to do goes along, as its opportunities do; what is done was done for the former company."""
    running = make_opportunity(contact=ann, salesperson=jo, cycle=cycle, stage=1)
    free, bound, done_before, other = to_do(ann), to_do(None, opportunity=running), to_do(ann), to_do(bo)
    tasks.cancel(done_before, version=1, on=day(3), by=manager)
    merge(ann, bo, by=manager, picks={"company": bo.pk})
    ann.refresh_from_db()
    assert told(free, bound, other, done_before) == [(ann, beta, 2), (ann, beta, 2), (ann, beta, 2), (ann, acme, 2)]


def test_who_takes_part_in_a_meeting_does_so_once(acme, twin, manager, to_do):
    meeting = {"kind": "meeting", "all_day": True}
    one = to_do(acme, attendees=[tasks.Taking(twin)], **meeting)
    both = to_do(acme, attendees=[tasks.Taking(twin), tasks.Taking(acme)], **meeting)
    (done,) = merge(acme, twin, by=manager)

    def guests(task):
        return [each.contact for each in task.attendees.filter(contact__isnull=False)]

    assert (guests(one), guests(both)) == ([acme], [twin, acme])
    assert ([count for _words, count in done.moved], [count for _words, count in done.left]) == ([1], [1])
    merging.undo(done.merge.pk, by=manager, on=day(9))
    assert (guests(one), guests(both)) == ([twin], [twin, acme])


@pytest.fixture
def chained(acme, twin, beta, manager, jo, cycle, to_do):
    """What the first of three owns: a running opportunity with a task, a task alone, a person."""
    deal = make_opportunity(contact=beta, salesperson=jo, cycle=cycle, stage=1)
    person = ContactFactory(kind="person", name="Bo Ek", company=beta)
    return deal, person, [to_do(None, opportunity=deal), to_do(beta), to_do(person)]


def owners(chained):
    deal, person, made = chained
    person.refresh_from_db()
    return [fresh(deal).contact, fresh(deal).company, person.company, *[company for _, company, _ in told(*made)]]


def test_a_chain_taken_back_gives_each_what_it_had(acme, twin, beta, manager, chained):
    (first,) = merge(twin, beta, by=manager)
    (second,) = merge(acme, twin, by=manager)
    assert owners(chained) == [acme] * 6
    assert merging.undo(second.merge.pk, by=manager, on=day(9)).stayed == []
    assert owners(chained) == [twin] * 6
    assert merging.undo(first.merge.pk, by=manager, on=day(9)).stayed == []
    assert owners(chained) == [beta] * 6


def test_a_chain_made_again_and_taken_back_again(acme, twin, beta, manager, chained):
    (first,) = merge(twin, beta, by=manager)
    for _time in range(2):
        (second,) = merge(acme, twin, by=manager)
        merging.undo(second.merge.pk, by=manager, on=day(9))
    assert merging.undo(first.merge.pk, by=manager, on=day(9)).stayed == []
    assert owners(chained) == [beta] * 6


def test_what_changed_between_the_merges_of_a_chain_stays(acme, twin, beta, manager, chained):
    _deal, _person, made = chained
    (first,) = merge(twin, beta, by=manager)
    tasks.change(made[1], version=2, by=manager, on=day(9), description="Write")
    (second,) = merge(acme, twin, by=manager)
    merging.undo(second.merge.pk, by=manager, on=day(9))
    assert merging.undo(first.merge.pk, by=manager, on=day(9)).stayed == [["row", "tasks.Task", made[1].pk]]
    assert owners(chained) == [beta, beta, beta, beta, twin, beta]


def test_two_merged_into_one_are_taken_back_in_either_order(acme, twin, beta, manager, chained, jo, cycle):
    (first,) = merge(acme, beta, by=manager)
    (second,) = merge(acme, twin, by=manager, picks={"email": twin.pk})
    for done in (first, second):
        assert merging.undo(done.merge.pk, by=manager, on=day(9)).stayed == []
    assert owners(chained) == [beta] * 6
    acme.refresh_from_db()
    assert acme.email == ""


def test_a_merge_is_not_taken_back_under_a_later_one_that_changed_the_same(acme, twin, beta, manager):
    Contact.objects.filter(pk=beta.pk).update(email="beta@beta.example")
    (first,) = merge(acme, beta, by=manager, picks={"email": beta.pk})
    (second,) = merge(acme, twin, by=manager, picks={"email": twin.pk})
    with pytest.raises(ValidationError) as raised:
        merging.undo(first.merge.pk, by=manager, on=day(9))
    assert code_of(raised) == "later"
    assert raised.value.messages == [
        "The merge of Acme Oy with ACME since then changed the same: take that back first."
    ]
    for done in (second, first):
        assert merging.undo(done.merge.pk, by=manager, on=day(9)).stayed == []
    acme.refresh_from_db()
    assert acme.email == ""


def test_a_company_that_merges_and_a_person_who_does_are_taken_back_the_last_one_first(
    acme, twin, manager, jo, cycle, to_do
):
    """The opportunity is changed by both: its company by one, its person by the other."""
    one, other = (ContactFactory(kind="person", name=name, company=twin) for name in ("Bo Ek", "B. Ek"))
    deal = make_opportunity(contact=one, salesperson=jo, cycle=cycle, stage=1)
    task = to_do(one)
    (companies,) = merge(acme, twin, by=manager)
    (people,) = merge(other, one, by=manager)
    with pytest.raises(ValidationError) as raised:
        merging.undo(companies.merge.pk, by=manager, on=day(9))
    assert code_of(raised) == "later"
    for done in (people, companies):
        assert merging.undo(done.merge.pk, by=manager, on=day(9)).stayed == []
    assert (fresh(deal).contact, fresh(deal).company) == (one, twin)
    assert told(task) == [(one, twin, 5)]


def test_a_tag_that_moved_is_told_as_that(acme, twin, manager):
    tag = Tag.objects.create(name="Fair")
    contacts.tag(twin, tag=tag, by=manager)
    (done,) = merge(acme, twin, by=manager)
    assert [event.words for event in events(read(OF_CONTACT, acme.pk), manager)] == [
        "Tag “Fair” moved with a merge of contacts"
    ]
    merging.undo(done.merge.pk, by=manager, on=day(9))
    assert [event.words for event in events(read(OF_CONTACT, twin.pk), manager)] == [
        "Tag “Fair” moved with a merge of contacts",
        "Tag “Fair” added",
    ]
