"""Statements that are put together once: the answer is what the QuerySet itself would give."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.lib.prepared import Prepared
from salespeople.models import Salesperson, User
from tests.factories import SalespersonFactory, make_user

pytestmark = pytest.mark.django_db


def users(shape: str, key: int, least: int) -> Any:
    rows = User.objects.select_related("salesperson").filter(pk=key, salesperson__commission__gte=0, pk__gte=least)
    return rows.none() if shape == "nobody" else rows.filter(name=shape)


@pytest.fixture
def two() -> tuple[User, User]:
    return (
        make_user("anna@one.example", salesperson=SalespersonFactory(name="Anna of Sales")),
        make_user("anna@two.example"),
    )


def test_each_value_finds_its_own_row_with_its_relations(two: tuple[User, User]) -> None:
    first, second = two
    second.salesperson = SalespersonFactory(name="Second of Sales")
    second.save()
    prepared = Prepared(users)
    for user in (first, second, first):
        with CaptureQueriesContext(connection) as queries:
            (found,) = prepared.rows("Anna", user.pk, 0)
            assert (found, str(found.salesperson)) == (user, str(user.salesperson))
        assert len(queries) == 1


def test_a_value_that_excludes_the_row_is_honoured(two: tuple[User, User]) -> None:
    prepared = Prepared(users)
    assert prepared.rows("Anna", two[0].pk, two[0].pk) == [two[0]]
    assert prepared.rows("Anna", two[0].pk, two[0].pk + 1) == []


def test_each_shape_has_a_statement_of_its_own(two: tuple[User, User]) -> None:
    prepared = Prepared(users)
    assert prepared.rows("Bert", two[0].pk, 0) == []
    assert prepared.rows("Anna", two[0].pk, 0) == [two[0]]
    assert prepared.rows("nobody", two[0].pk, 0) == []
    assert sorted(map(str, prepared.made)) == ["Anna", "Bert", "nobody"]


def test_what_is_read_is_not_kept(two: tuple[User, User]) -> None:
    prepared = Prepared(users)
    assert prepared.rows("Anna", two[0].pk, 0)[0].salesperson.name == "Anna of Sales"
    Salesperson.objects.filter(pk=two[0].salesperson_id).update(name="Renamed")
    assert prepared.rows("Anna", two[0].pk, 0)[0].salesperson.name == "Renamed"


def test_prefetches_come_along(two: tuple[User, User]) -> None:
    prepared = Prepared(lambda shape, key: User.objects.filter(pk=key).prefetch_related("groups"))
    (found,) = prepared.rows(None, two[0].pk)
    with CaptureQueriesContext(connection) as queries:
        assert list(found.groups.all()) == list(two[0].groups.all())
    assert len(queries) == 1  # only that of the second


def plans() -> dict[str, int]:
    """What Postgres keeps planned for this connection, and how often each was used."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement, generic_plans + custom_plans FROM pg_prepared_statements")
        return dict(cursor.fetchall())


def test_a_planned_statement_is_planned_once_for_the_connection(two: tuple[User, User]) -> None:
    prepared = Prepared(lambda shape, key: User.objects.filter(pk=key, email__endswith=shape), planned=True)
    before = plans()
    asked = [
        ("%one.example", two[0].pk),
        ("one.example", two[0].pk),
        ("one.example", two[1].pk),
        ("two.example", two[1].pk),
    ]
    with CaptureQueriesContext(connection) as queries:
        assert [prepared.rows(*each) for each in asked] == [[], [two[0]], [], [two[1]]]
    assert len(queries) == 4 and all("salespeople_user" in query["sql"] for query in queries.captured_queries)
    assert sorted(used for statement, used in plans().items() if statement not in before) == [1, 1, 2]
