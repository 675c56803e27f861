"""The roles are there after every migrate, made once."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management.sql import emit_post_migrate_signal
from django.db import connection
from django.test.utils import CaptureQueriesContext

from salespeople.roles import PERMISSIONS


def of_every_role() -> dict[str, set[str]]:
    return {
        group.name: {
            f"{app}.{name}" for app, name in group.permissions.values_list("content_type__app_label", "codename")
        }
        for group in Group.objects.all()
    }


WANTED = {role: set(names) for role, names in PERMISSIONS.items()}


@pytest.mark.django_db
def test_they_are_in_a_new_database() -> None:
    assert of_every_role() == WANTED


@pytest.mark.django_db
def test_migrating_makes_them_once_when_every_permission_is_there() -> None:
    Group.objects.all().delete()
    Permission.objects.all().delete()
    with CaptureQueriesContext(connection) as queries:
        emit_post_migrate_signal(verbosity=0, interactive=False, db="default")
    assert of_every_role() == WANTED
    asked = [query["sql"] for query in queries if query["sql"].startswith('SELECT "auth_group"."id"')]
    assert len(asked) == len(WANTED)


@pytest.mark.django_db(transaction=True)
def test_first_of_two_that_flush() -> None:
    assert of_every_role() == WANTED


@pytest.mark.django_db(transaction=True)
def test_second_of_two_that_flush() -> None:
    assert of_every_role() == WANTED
