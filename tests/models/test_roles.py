"""The roles are there after every migrate, made once; a page reads permissions in one query."""

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import connection
from django.test.utils import CaptureQueriesContext

from salespeople.auth import EmailBackend
from salespeople.models import User
from salespeople.roles import ADMINISTRATOR, PERMISSIONS, SALES_REP, VIEWER, make_roles
from tests.factories import make_user


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


@pytest.mark.django_db
def test_a_migration_may_take_longer_than_a_page() -> None:
    def limit() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            return str(cursor.fetchone()[0])

    usual = limit()
    emit_pre_migrate_signal(verbosity=0, interactive=False, db="default")
    lifted = limit()
    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")
    assert (usual, lifted, limit()) == ("30s", "0", "30s")


@pytest.mark.django_db
def test_what_a_company_took_away_or_added_stays() -> None:
    contact, every = (Permission.objects.get(codename=name) for name in ("view_contact", "view_every_contact"))
    rep = Group.objects.get(name=SALES_REP)
    rep.permissions.remove(every)
    rep.permissions.add(Permission.objects.get(codename="delete_stage"))
    Group.objects.create(name="partners").permissions.add(contact)
    make_roles()
    changed = WANTED[SALES_REP] - {"contacts.view_every_contact"} | {"salescycles.delete_stage"}
    assert of_every_role() == WANTED | {SALES_REP: changed, "partners": {"contacts.view_contact"}}


@pytest.mark.django_db
def test_who_saw_contacts_goes_on_seeing_all_of_them() -> None:
    """In a database from before there were levels."""
    contact, every = (Permission.objects.get(codename=name) for name in ("view_contact", "view_every_contact"))
    for group in Group.objects.all():
        group.permissions.remove(every)
    Group.objects.create(name="partners").permissions.add(contact)
    Group.objects.create(name="others")
    make_roles()
    both = {"contacts.view_contact", "contacts.view_every_contact"}
    assert of_every_role() == WANTED | {"partners": both, "others": set()}


@pytest.mark.django_db(transaction=True)
def test_first_of_two_that_flush() -> None:
    assert of_every_role() == WANTED


@pytest.mark.django_db(transaction=True)
def test_second_of_two_that_flush() -> None:
    assert of_every_role() == WANTED


@pytest.mark.django_db
def test_the_one_query_grants_what_django_would() -> None:
    """By roles, by the person's own permissions, both the same one twice; nobody else's."""
    user = make_user("two@example.com", role=SALES_REP)
    user.groups.add(Group.objects.get(name=VIEWER))
    user.user_permissions.add(
        Permission.objects.get(codename="delete_stage"), Permission.objects.get(codename="view_contact")
    )
    make_user("other@example.com", role=ADMINISTRATOR)
    in_one = EmailBackend().get_user(user.pk)
    assert in_one is not None
    with CaptureQueriesContext(connection) as queries:
        granted = in_one.get_all_permissions()
    assert len(queries) == 0
    assert granted == ModelBackend().get_all_permissions(User.objects.get(pk=user.pk))
    assert granted == WANTED[SALES_REP] | WANTED[VIEWER] | {"salescycles.delete_stage"}


@pytest.mark.django_db
def test_who_is_not_active_is_nobody() -> None:
    user = make_user("gone@example.com", is_active=False)
    assert EmailBackend().get_user(user.pk) is None
    assert EmailBackend().get_user(0) is None
