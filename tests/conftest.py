"""The cast: two salespeople, a manager, an administrator, a viewer and an outsider; `client_for(user)` signs in."""

import gc
from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client, TransactionTestCase
from hypothesis import settings as hypothesis_settings
from pytest_django import DjangoDbBlocker

from contacts.models import Contact
from crm.templatetags.kept import KEPT
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, Salesperson, User
from salespeople.roles import ADMINISTRATOR, SALES_MANAGER, SALES_REP, VIEWER
from tests import factories
from tests.database import migrated
from tests.emptying import empty_tables

gc.set_threshold(100_000, 50, 100)  # the collector need not look through all of Django at every turn
hypothesis_settings.register_profile("laws", deadline=None)  # a law holds on a busy machine too
hypothesis_settings.load_profile("laws")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of tests in any order the slow ones begin first: for one that begins last everybody waits."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.unblock():
        connection.settings_dict["TEST"]["TEMPLATE"] = migrated()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Before the test database goes: a thread of a race or of the browser's server may still hold a connection."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(scope="session", autouse=True)
def emptied_quickly() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _test: empty_tables())
        yield


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    cache.clear()
    KEPT.clear()
    yield
    cache.clear()
    KEPT.clear()


@pytest.fixture
def company(db: None) -> Company:
    return Company.objects.create(id=1, name="Our Company", currency="EUR", time_zone="Europe/Helsinki")


@pytest.fixture
def jo(db: None) -> Salesperson:
    return factories.SalespersonFactory(code="JO", name="Jim Olive", email="jo@example.com")


@pytest.fixture
def of(db: None) -> Salesperson:
    return factories.SalespersonFactory(code="OF", name="Otis Falls", email="of@example.com")


@pytest.fixture
def hr(db: None) -> Salesperson:
    return factories.SalespersonFactory(code="HR", name="Helena Ray")


@pytest.fixture
def rep(jo: Salesperson) -> User:
    """A sales rep who is salesperson JO."""
    return factories.make_user("rep@example.com", role=SALES_REP, salesperson=jo)


@pytest.fixture
def rep2(of: Salesperson) -> User:
    """A sales rep who is salesperson OF."""
    return factories.make_user("rep2@example.com", role=SALES_REP, salesperson=of)


@pytest.fixture
def manager(db: None) -> User:
    return factories.make_user("manager@example.com", role=SALES_MANAGER)


@pytest.fixture
def administrator(db: None) -> User:
    return factories.make_user("administrator@example.com", role=ADMINISTRATOR)


@pytest.fixture
def viewer(db: None) -> User:
    return factories.make_user("viewer@example.com", role=VIEWER)


@pytest.fixture
def outsider(db: None) -> User:
    """Signs in, but has no role."""
    return factories.make_user("outsider@example.com")


@pytest.fixture
def client_for() -> Callable[[User], Client]:
    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def acme(jo: Salesperson) -> Contact:
    return factories.ContactFactory(number="CT1", name="ACME", salesperson=jo)


@pytest.fixture
def ann(acme: Contact) -> Contact:
    return factories.ContactFactory(number="CT2", name="Ann Lee", kind="person", company=acme)


@pytest.fixture
def beta(of: Salesperson) -> Contact:
    return factories.ContactFactory(number="CT3", name="BETA", salesperson=of)


@pytest.fixture
def bo(beta: Contact) -> Contact:
    return factories.ContactFactory(number="CT4", name="Bo Ek", kind="person", company=beta)


@pytest.fixture
def pia(db: None) -> Contact:
    return factories.ContactFactory(number="CT5", name="Pia", kind="person")


@pytest.fixture
def cycle(db: None) -> SalesCycle:
    """CY of the scenarios: Multiply; Initial 10/20, Present 40/60, Offer 80/80, Sign 95/100 (completed/chances)."""
    return factories.make_cycle()


@pytest.fixture
def price_w(db: None) -> CloseCode:
    return factories.CloseCodeFactory(code="PRICE_W", outcome="won")


@pytest.fixture
def price_l(db: None) -> CloseCode:
    return factories.CloseCodeFactory(code="PRICE_L", outcome="lost")
