"""Comments, mentions, tags, people of an opportunity and co-owners: what the database refuses, and what the verbs do."""

from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, transaction

from collaboration import lifecycle as collaboration
from collaboration.mentions import called, offered, who_sees
from collaboration.models import Comment, ContactRole, Involvement, Notification, Tag, Tagging
from collaboration.told import OF_CONTACT, events, read
from contacts import lifecycle as contacts
from contacts.models import Contact
from opportunities import lifecycle
from opportunities.beside import beside
from opportunities.ledger import faults
from opportunities.models import Opportunity
from salescycles.models import Competitor, SalesCycle
from salespeople.models import Grant, Salesperson, User
from tests.factories import TeamFactory, fresh, make_opportunity, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def deal(acme: Contact, jo: Salesperson, cycle: SalesCycle, rep: User) -> Opportunity:
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, by=rep)


@pytest.fixture
def decides(db: None) -> ContactRole:
    return ContactRole.objects.create(code="DECIDES", description="Decision maker")


def refused_by(name: str, error: Any) -> bool:
    return bool(error.value.__cause__.diag.constraint_name == name)


# ── rows that must not exist ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_comment_is_of_exactly_one_record(deal: Opportunity, rep: User) -> None:
    for records in ({}, {"opportunity": deal, "contact": deal.contact}):
        with pytest.raises(IntegrityError) as error, transaction.atomic():
            Comment.objects.create(author=rep, text="x", **records)
        assert refused_by("comment_is_of_one_record", error)


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_a_comment_says_something(deal: Opportunity, rep: User, text: str) -> None:
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        Comment.objects.create(author=rep, text=text, opportunity=deal)
    assert refused_by("comment_says_something", error)


def test_a_comment_has_room_for_ten_thousand_characters(deal: Opportunity, rep: User) -> None:
    assert len(Comment.objects.create(author=rep, text="x" * 10_000, opportunity=deal).text) == 10_000
    with pytest.raises(DataError), transaction.atomic():
        Comment.objects.create(author=rep, text="x" * 10_001, opportunity=deal)


def test_a_tag_has_one_name_whatever_its_case_a_known_colour_and_is_for_something() -> None:
    Tag.objects.create(name="Tender")
    wrong: tuple[tuple[str, dict[str, Any]], ...] = (
        ("one_tag_for_each_name", {"name": "TENDER"}),
        ("tag_is_for_something", {"name": "a", "for_opportunity": False, "for_contact": False}),
        ("tag_has_a_known_colour", {"name": "b", "colour": "pink"}),
        ("tag_is_not_nameless", {"name": " "}),
    )
    for name, values in wrong:
        with pytest.raises(IntegrityError) as error, transaction.atomic():
            Tag.objects.create(**values)
        assert refused_by(name, error)


def test_a_record_has_a_tag_once(deal: Opportunity) -> None:
    tag = Tag.objects.create(name="Tender")
    for record in ({"opportunity": deal}, {"contact": deal.contact}):
        Tagging.objects.create(tag=tag, **record)
        with pytest.raises(IntegrityError) as error, transaction.atomic():
            Tagging.objects.create(tag=tag, **record)
        assert refused_by("a_tag_once_for_a_record", error)


def test_a_co_owner_is_a_person_who_edits_an_opportunity(deal: Opportunity, of: Salesperson) -> None:
    wrong: tuple[dict[str, Any], ...] = (
        {"opportunity": deal, "salesperson": of, "may_edit": False},
        {"opportunity": deal, "team": TeamFactory(), "may_edit": True},
        {"contact": deal.contact, "salesperson": of, "may_edit": True},
    )
    for values in wrong:
        with pytest.raises(IntegrityError) as error, transaction.atomic():
            Grant.objects.create(is_co_owner=True, **values)
        assert refused_by("a_co_owner_is_a_person_who_edits_an_opportunity", error)


# ── comments and whom they call ──────────────────────────────────────────────────────────────────────────────────────


def test_who_is_called(rep: User, rep2: User, manager: User) -> None:
    """By name or e-mail, whatever the case, the longest name that fits; not within a word, nor by an address of mail."""
    User.objects.filter(pk=rep.pk).update(name="Ann")
    User.objects.filter(pk=rep2.pk).update(name="Ann Lee")
    told = {
        "@Ann": ["Ann"],
        "(@ann lee), and @ANN.": ["Ann", "Ann Lee"],
        "@Annabel": [],
        "write to x@Ann": [],
        "@manager@example.com please": ["Manager"],
        "@Nobody Known @": [],
        "no call": [],
    }
    for text, names in told.items():
        people, several = called(text)
        assert (sorted(map(str, people)), several) == (names, []), text
    User.objects.filter(pk=manager.pk).update(name="Ann Lee")
    people, several = called("@Ann Lee")
    assert (people, [name.lower() for name in several]) == ([], ["ann lee"])


def test_who_left_is_not_called(rep: User) -> None:
    User.objects.filter(pk=rep.pk).update(is_active=False)
    assert called("@Rep") == ([], [])


def test_only_who_sees_the_record_is_told(deal: Opportunity, rep: User, rep2: User, manager: User) -> None:
    written = collaboration.write("opportunity", deal.pk, text="@Manager @Rep2 @Manager", by=rep)
    assert list(Notification.objects.values_list("comment", "user")) == [(written.comment.pk, manager.pk)]
    assert (written.unseeing, written.several, written.is_repeated) == ([rep2], [], False)
    written = collaboration.write("contact", deal.contact_id, text="@Rep2", by=rep)
    assert written.unseeing == []
    assert list(Notification.objects.to(rep2)) == [Notification.objects.get(user=rep2)]


def test_an_edit_tells_who_is_new_and_forgets_who_is_not_called(deal: Opportunity, rep: User, manager: User) -> None:
    comment = collaboration.write("opportunity", deal.pk, text="@Manager", by=rep).comment
    known = Notification.objects.get()
    assert collaboration.edit(comment, text="@Manager and @Rep", by=rep).unseeing == []
    assert set(Notification.objects.values_list("pk", "user")) >= {(known.pk, manager.pk)}
    assert set(Notification.objects.values_list("user", flat=True)) == {manager.pk, rep.pk}
    collaboration.edit(comment, text="nobody", by=rep)
    assert not Notification.objects.exists()
    assert Comment.objects.get().edited_at is not None


def test_a_mention_is_gone_with_the_sight(deal: Opportunity, rep: User, rep2: User, of: Salesperson) -> None:
    grant = Grant.objects.create(opportunity=deal, salesperson=of)
    collaboration.write("opportunity", deal.pk, text="@Rep2", by=rep)
    assert Notification.objects.to(User.objects.get(pk=rep2.pk)).count() == 1
    grant.delete()
    assert Notification.objects.to(User.objects.get(pk=rep2.pk)).count() == 0


def test_the_same_form_twice_is_one_comment(deal: Opportunity, rep: User, manager: User) -> None:
    token = uuid4()
    first = collaboration.write("opportunity", deal.pk, text="@Manager", by=rep, token=token)
    again = collaboration.write("opportunity", deal.pk, text="@Manager", by=rep, token=token)
    assert (again.comment, again.is_repeated) == (first.comment, True)
    other = collaboration.write("opportunity", deal.pk, text="other words", by=rep, token=token)
    assert other.comment != first.comment and not other.is_repeated
    assert (Comment.objects.count(), Notification.objects.count()) == (2, 1)


def test_a_comment_is_kept_after_it_is_gone(deal: Opportunity, rep: User, manager: User) -> None:
    comment = collaboration.write("opportunity", deal.pk, text="first", by=rep).comment
    collaboration.edit(comment, text="second", by=rep)
    collaboration.delete(comment, by=manager)
    past: Any = Comment._meta.get_field("events").related_model
    rows = past.objects.order_by("pgh_id").values_list("pgh_label", "text", "pgh_context__metadata__user")
    assert list(rows) == [("insert", "first", rep.pk), ("update", "second", rep.pk), ("delete", "second", manager.pk)]


def test_whom_a_comment_is_offered(deal: Opportunity, rep: User, rep2: User, manager: User, outsider: User) -> None:
    """Who sees the record, by the beginning of a word of the name or of the e-mail address; namesakes by their address."""
    User.objects.filter(pk=manager.pk).update(name="Maria Rehn")
    assert [str(one) for one in offered("re", "opportunity", deal.pk)] == ["Maria Rehn", "Rep"]
    assert [str(one) for one in offered("re", "contact", deal.contact_id)] == ["Maria Rehn", "Rep", "Rep2"]
    assert offered("r", "contact", deal.contact_id) == []
    make_user("twin@example.com", role="sales manager")
    User.objects.filter(email="twin@example.com").update(name="Maria Rehn")
    words = [one.word for one in offered("maria", "opportunity", deal.pk)]
    assert words == ["manager@example.com", "twin@example.com"]


def test_who_sees_is_one_query(deal: Opportunity, rep: User, rep2: User, manager: User) -> None:
    people = called("@Rep @Rep2 @Manager")[0]
    assert who_sees(people, "opportunity", deal.pk) == {rep.pk, manager.pk}
    assert who_sees([], "opportunity", deal.pk) == set()


# ── tags ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_tag_is_given_once_and_told(deal: Opportunity, rep: User, manager: User) -> None:
    tag = Tag.objects.create(name="Tender")
    lifecycle.tag(deal, tag=tag, by=rep)
    lifecycle.tag(deal, tag=tag, by=manager)
    assert Tagging.objects.count() == 1
    lifecycle.untag(deal, tag=tag, by=manager)
    lifecycle.untag(deal, tag=tag, by=rep)
    told = [(event.words, event.line.by) for event in beside(deal, rep).events]
    assert told == [("Tag “Tender” taken away", "Manager"), ("Tag “Tender” added", "Rep")]
    assert fresh(deal).version == deal.version and list(faults()) == []


def test_what_is_archived_blocked_or_of_the_other_kind_is_refused(
    deal: Opportunity, acme: Contact, jo: Salesperson, rep: User
) -> None:
    for values in ({"archived": True}, {"for_opportunity": False}):
        tag = Tag.objects.create(name=str(values)[:20].strip(), **values)
        with pytest.raises(ValidationError, match="cannot be given here"):
            lifecycle.tag(deal, tag=tag, by=rep)
    tag = Tag.objects.create(name="Tender")
    waiting = make_opportunity(contact=acme, salesperson=jo, by=rep)
    lifecycle.archive(waiting, version=1, on=waiting.created_on, by=rep)
    with pytest.raises(ValidationError, match="archived"):
        lifecycle.tag(waiting, tag=tag, by=rep)
    gone = Tag.objects.create(name="Gone")
    Tag.objects.filter(pk=gone.pk).delete()
    with pytest.raises(ValidationError, match="cannot be given here"):
        contacts.tag(acme, tag=gone, by=rep)
    assert not Tagging.objects.exists()


def test_merged_tags_are_one(deal: Opportunity, acme: Contact, ann: Contact, rep: User, manager: User) -> None:
    one, other = Tag.objects.create(name="Tender"), Tag.objects.create(name="Tenders", for_contact=False)
    contacts.tag(acme, tag=one, by=rep)
    lifecycle.tag(deal, tag=one, by=rep)
    lifecycle.tag(deal, tag=other, by=rep)
    contacts.tag(ann, tag=one, by=rep)
    assert collaboration.merge(one, other, by=manager) == 2
    assert set(Tagging.objects.values_list("opportunity", "contact", "tag")) == {
        (deal.pk, None, other.pk),
        (None, acme.pk, other.pk),
        (None, ann.pk, other.pk),
    }
    assert list(Tag.objects.values_list("name", "for_contact")) == [("Tenders", True)]
    told = [event.words for event in events(read(OF_CONTACT, acme.pk), rep)]
    assert told == ["Tag “Tenders” replaces another one", "Tag “Tender” added"]


# ── people and co-owners ─────────────────────────────────────────────────────────────────────────────────────────────


def test_people_take_part(
    deal: Opportunity, ann: Contact, bo: Contact, decides: ContactRole, rep: User, manager: User
) -> None:
    Contact.objects.filter(pk=ann.pk).update(phone="+35895550100", email="ann@acme.example")
    lifecycle.involve(deal, contact=ann, role=decides, by=rep)
    lifecycle.involve(deal, contact=ann, role=decides, by=rep)
    lifecycle.involve(deal, contact=bo, role=decides, by=rep)
    people = beside(deal, rep).people
    assert [(one.name, one.role, one.company, one.phone, one.email) for one in people] == [
        ("Ann Lee", "Decision maker", "", "+35895550100", "ann@acme.example"),
        ("Bo Ek", "Decision maker", "BETA", "", ""),
    ]
    lifecycle.release(deal, involvement=people[1].key, by=manager)
    assert [event.words for event in beside(deal, rep).events] == [
        "Bo Ek takes part no longer: Decision maker",
        "Bo Ek takes part: Decision maker",
        "Ann Lee takes part: Decision maker",
    ]


def test_who_is_blocked_takes_no_part(deal: Opportunity, ann: Contact, decides: ContactRole, rep: User) -> None:
    Contact.objects.filter(pk=ann.pk).update(privacy_blocked=True)
    ann.refresh_from_db()
    with pytest.raises(ValidationError, match="blocked for privacy"):
        lifecycle.involve(deal, contact=ann, role=decides, by=rep)
    Contact.objects.filter(pk=ann.pk).update(privacy_blocked=False)
    ann.refresh_from_db()
    decides.blocked = True
    with pytest.raises(ValidationError, match="is blocked and cannot be chosen"):
        lifecycle.involve(deal, contact=ann, role=decides, by=rep)
    assert not Involvement.objects.exists()


def test_people_of_another_opportunity_are_not_let_go(
    deal: Opportunity, acme: Contact, ann: Contact, jo: Salesperson, decides: ContactRole, rep: User
) -> None:
    other = make_opportunity(contact=acme, salesperson=jo, by=rep)
    lifecycle.involve(other, contact=ann, role=decides, by=rep)
    lifecycle.release(deal, involvement=Involvement.objects.get().pk, by=rep)
    assert Involvement.objects.count() == 1


def test_a_co_owner_sees_edits_and_is_named(deal: Opportunity, of: Salesperson, rep: User, rep2: User) -> None:
    lifecycle.share(deal, by=rep, may_edit=False, salesperson_id=of.pk)
    lifecycle.share(deal, by=rep, may_edit=True, is_co_owner=True, salesperson_id=of.pk)
    assert list(Grant.objects.values_list("may_edit", "is_co_owner")) == [(True, True)]
    seen = Opportunity.objects.visible_to(User.objects.get(pk=rep2.pk)).get()
    assert not seen.is_fixed_for(User.objects.get(pk=rep2.pk))
    assert [line.name for line in beside(deal, rep).co_owners] == ["Otis Falls"]
    lifecycle.share(deal, by=rep, may_edit=True, salesperson_id=of.pk)
    assert beside(deal, rep).co_owners == []
    lifecycle.share(deal, by=rep, may_edit=True, is_co_owner=True, salesperson_id=of.pk)
    lifecycle.withdraw(deal, grant=Grant.objects.get(), by=rep)
    assert [event.words for event in beside(deal, rep).events] == [
        "Otis Falls is a co-owner no longer",
        "Otis Falls is a co-owner",
        "Otis Falls is a co-owner no longer",
        "Otis Falls is a co-owner",
    ]
    assert list(faults()) == []


def test_who_cannot_be_a_co_owner(deal: Opportunity, of: Salesperson, jo: Salesperson, rep: User) -> None:
    with pytest.raises(ValidationError, match="is the salesperson already"):
        lifecycle.share(deal, by=rep, may_edit=True, is_co_owner=True, salesperson_id=jo.pk)
    with pytest.raises(ValidationError, match="Only a person"):
        lifecycle.share(deal, by=rep, may_edit=True, is_co_owner=True, team_id=TeamFactory().pk)
    Salesperson.objects.filter(pk=of.pk).update(blocked=True)
    with pytest.raises(ValidationError, match="is blocked and cannot be chosen"):
        lifecycle.share(deal, by=rep, may_edit=True, is_co_owner=True, salesperson_id=of.pk)
    assert not Grant.objects.exists()


# ── the competitor is a fact ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_competitor_is_a_step(deal: Opportunity, rep: User) -> None:
    nordwerk = Competitor.objects.create(code="NORDWERK", name="Nordwerk Office")
    entry = lifecycle.edit(deal, version=deal.version, competitor=nordwerk, on=deal.created_on, by=rep)
    assert (entry.action, entry.competitor, fresh(deal).competitor) == ("edited", nordwerk, nordwerk)
    lifecycle.undo(fresh(deal), version=entry.step, by=rep)
    assert fresh(deal).competitor is None
    nordwerk.blocked = True
    with pytest.raises(ValidationError, match="is blocked and cannot be chosen"):
        lifecycle.edit(fresh(deal), version=fresh(deal).version, competitor=nordwerk, on=deal.created_on, by=rep)
    assert list(faults()) == []


def test_a_competitor_that_a_ledger_names_stays(deal: Opportunity, rep: User) -> None:
    nordwerk = Competitor.objects.create(code="NORDWERK")
    lifecycle.edit(deal, version=deal.version, competitor=nordwerk, on=deal.created_on, by=rep)
    lifecycle.edit(fresh(deal), version=fresh(deal).version, competitor=None, on=deal.created_on, by=rep)
    with pytest.raises(IntegrityError):
        nordwerk.delete()
