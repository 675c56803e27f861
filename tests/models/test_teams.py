"""Teams: people in several of them, trees without cycles, and what is remembered of both."""

import threading
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from salespeople.models import Salesperson, Team
from tests.factories import TeamFactory
from tests.models.row_rules import execute


@pytest.fixture
def tree(db: None) -> list[Team]:
    """A above B above C."""
    a: Any = TeamFactory(code="A")
    b: Any = TeamFactory(code="B", parent=a)
    c: Any = TeamFactory(code="C", parent=b)
    return [a, b, c]


def test_a_person_is_in_several_teams_once_each(jo: Salesperson, of: Salesperson) -> None:
    north, south = TeamFactory(name="North", members=[jo, of], manager=of), TeamFactory(name="South", members=[jo])
    assert list(jo.teams.order_by("name")) == [north, south]
    told = Salesperson.objects.with_teams().order_by("code").values_list("code", "belongs_to", "leads")
    named_north, named_south = f"{north.pk}:North", f"{south.pk}:South"
    assert list(told) == [("JO", [named_north, named_south], []), ("OF", [named_north], [named_north])]
    with pytest.raises(IntegrityError, match="a_member_once"), transaction.atomic():
        south.memberships.create(salesperson=jo)


@pytest.mark.parametrize("top", ["A", "B", "C"])
def test_no_team_stands_below_itself(tree: list[Team], top: str) -> None:
    """Neither for a form nor for the database, at any distance."""
    above, lowest = Team.objects.get(code=top), tree[2]
    above.parent = lowest
    with pytest.raises(ValidationError) as refusal:
        above.full_clean()
    assert refusal.value.message_dict == {"parent": ["A team cannot stand below itself."]}
    with pytest.raises(IntegrityError, match="cannot stand below itself"), transaction.atomic():
        above.save()
    with pytest.raises(IntegrityError, match="cannot stand below itself"), transaction.atomic():
        execute("UPDATE salespeople_team SET parent_id = %s WHERE id = %s", lowest.pk, above.pk)


def test_a_branch_may_move(tree: list[Team]) -> None:
    a, b, c = tree
    other = TeamFactory(code="D")
    c.parent = other
    c.full_clean()
    c.save()
    a.parent = c
    a.full_clean()
    a.save()
    b.refresh_from_db()
    assert [team.parent_id for team in (a, b, c, other)] == [c.pk, a.pk, other.pk, None]


@pytest.mark.django_db(transaction=True)
def test_two_changes_at_once_make_no_cycle() -> None:
    """Each alone is fine: the second one waits for the first, and is refused."""
    one, two = TeamFactory(code="ONE"), TeamFactory(code="TWO")
    begun, refused = threading.Event(), []

    def other() -> None:
        try:
            begun.wait(10)
            Team.objects.filter(pk=two.pk).update(parent=one)
        except IntegrityError as error:
            refused.append(str(error))
        finally:
            connection.close()

    thread = threading.Thread(target=other)
    thread.start()
    with transaction.atomic():
        Team.objects.filter(pk=one.pk).update(parent=two)
        begun.set()
        thread.join(0.5)
        assert thread.is_alive(), "it did not wait"
    thread.join(10)
    assert len(refused) == 1 and "cannot stand below itself" in refused[0]
    assert list(Team.objects.order_by("code").values_list("code", "parent__code")) == [("ONE", "TWO"), ("TWO", None)]


def test_what_was_is_remembered(jo: Salesperson) -> None:
    team: Any = TeamFactory(name="North", members=[jo])
    team.name = "South"
    team.save()
    team.members.clear()
    events = team._meta.get_field("events").related_model.objects.order_by("pgh_id")
    assert list(events.values_list("pgh_label", "name")) == [("insert", "North"), ("update", "South")]
    through: Any = Team.members.through
    kept = through._meta.get_field("events").related_model.objects.order_by("pgh_id")
    assert list(kept.values_list("pgh_label", "salesperson")) == [("insert", jo.pk), ("delete", jo.pk)]


def test_a_team_with_others_below_stays(tree: list[Team]) -> None:
    with pytest.raises(IntegrityError):
        tree[0].delete()
    tree[2].delete()
    assert Team.objects.count() == 2
