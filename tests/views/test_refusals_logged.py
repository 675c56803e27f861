"""What somebody may not have is written to the log of its app, by keys alone; what is nowhere is not."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from contacts.models import Contact
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, SavedView, User
from tests.factories import QuoteFactory, make_opportunity

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
APPS = ("crm", "salespeople", "contacts", "salescycles", "quotes", "opportunities", "admin")


@pytest.fixture
def hidden(acme: Contact, jo: Any, cycle: SalesCycle, rep: User, company: Company) -> Opportunity:
    today = company.today()
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=2, by=rep, on=today, description="Secret")


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, str]]:
    lines = [(record.name, record.levelname, record.getMessage()) for record in caplog.records if record.name in APPS]
    caplog.clear()
    return lines


def test_what_is_there_but_hidden_is_logged(
    client_for: SignIn, hidden: Opportunity, rep: User, rep2: User, caplog: pytest.LogCaptureFixture
) -> None:
    client, pk = client_for(rep2), hidden.pk
    quote: Any = QuoteFactory(opportunity=hidden)
    view = SavedView.objects.create(owner=rep, page=SavedView.Page.OPPORTUNITIES, name="Secret", query="q=Secret")
    told(caplog)
    for url, app, what in (
        (f"/opportunities/{pk}/", "opportunities", f"opportunity {pk}"),
        (f"/opportunities/{pk}/move/", "opportunities", f"opportunity {pk}"),
        (f"/opportunities/{pk}/sharing/", "opportunities", f"opportunity {pk}"),
        (f"/quotes/{quote.pk}/", "quotes", f"quote {quote.pk}"),
        (f"/views/{view.pk}/", "salespeople", f"savedview {view.pk}"),
    ):
        assert client.get(f"{url}?q=Secret").status_code == 404
        assert told(caplog) == [(app, "WARNING", f"refused 404: {what} to user {rep2.pk}, GET {url}")]
        assert client.get(url.replace(str(what.split()[1]), "987654")).status_code == 404
        assert told(caplog) == []
    board = {"board": "", "version": 1}
    assert client.post(f"/opportunities/{pk}/move/", board, headers={"HX-Request": "true"}).status_code == 404
    said = f"refused 404: opportunity {pk} to user {rep2.pk}, POST /opportunities/{pk}/move/"
    assert told(caplog) == [("opportunities", "WARNING", said)]


def test_what_one_may_not_do_is_logged(
    client_for: SignIn, hidden: Opportunity, viewer: User, outsider: User, caplog: pytest.LogCaptureFixture
) -> None:
    pk = hidden.pk
    for user, url, app, what in (
        (viewer, f"/opportunities/{pk}/edit/", "opportunities", "edit"),
        (viewer, f"/contacts/{hidden.contact_id}/edit/", "contacts", "edit"),
        (viewer, "/salespeople/new/", "salespeople", "new"),
        (outsider, f"/contacts/{hidden.contact_id}/", "contacts", "detail"),
    ):
        assert client_for(user).get(url).status_code == 403
        assert told(caplog) == [(app, "WARNING", f"refused 403: {what} to user {user.pk}, GET {url}")]


def test_the_admin_pages_log_too(
    client_for: SignIn, hidden: Opportunity, rep2: User, caplog: pytest.LogCaptureFixture
) -> None:
    User.objects.filter(pk=rep2.pk).update(is_staff=True)
    url = f"/admin/opportunities/opportunity/{hidden.pk}/change/"
    assert client_for(rep2).get(url).status_code == 404
    said = f"refused 404: opportunity {hidden.pk} to user {rep2.pk}, GET {url}"
    assert told(caplog) == [("opportunities", "WARNING", said)]


def test_an_address_makes_no_second_line(
    client_for: SignIn, rep: User, hidden: Opportunity, caplog: pytest.LogCaptureFixture
) -> None:
    User.objects.filter(pk=rep.pk).update(is_staff=True)
    client_for(rep).get("/admin/salespeople/user/1%0Drefused/delete/")
    (line,) = told(caplog)
    assert line[2].endswith("GET /admin/salespeople/user/1\\rrefused/delete/")
