"""What a list gives as a file goes in again and is the same."""

import datetime
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from contacts import lifecycle
from contacts.models import Contact
from opportunities import lifecycle as journey
from opportunities.models import Opportunity
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.factories import make_opportunity
from tests.worker import work
from upkeep.importing import running
from upkeep.importing.files import bring
from upkeep.importing.models import ImportRun

pytestmark = pytest.mark.django_db
KEPT = (
    *("number", "kind", "name", "first_name", "last_name", "job_title", "address", "address_2", "post_code", "city"),
    *("county", "country", "phone", "mobile", "email", "email_2", "home_page", "vat_number", "registration_number"),
)


@pytest.fixture(autouse=True)
def own_files(settings: Any, tmp_path: Path, company: Company) -> None:
    settings.MEDIA_ROOT = tmp_path


def state() -> list[Any]:
    return list(Contact.objects.order_by("number").values_list(*KEPT, "company__name", "salesperson__code"))


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_contacts_go_out_and_come_in_again(
    kind: str, client_for: Callable[[User], Client], manager: User, jo: Salesperson
) -> None:
    place = {"address": 'Ring 1; back, "B"', "post_code": "00100", "city": "Åbo", "country": "FI", "county": "Uusimaa"}
    told = {"phone": "+358405551234", "email": "info@oy.example", "home_page": "https://oy.example", "salesperson": jo}
    firm = lifecycle.create(
        by=manager, kind="company", name="=Oy “Quoted”, Ab", registration_number="007", **place, **told
    )
    lifecycle.create(
        by=manager, kind="person", first_name="Émile", last_name="O'Neil", company=firm.contact, job_title="+1 boss"
    )
    before = state()
    words = ",".join([*KEPT, "company", "salesperson"])
    answer: Any = client_for(manager).get(f"/contacts/export/?columns={words}&as={kind}")
    assert answer.status_code == 200
    content = answer.getvalue()
    Contact.objects.filter(kind="person").delete()
    Contact.objects.all().delete()
    run = bring(manager, "contacts", "", SimpleUploadedFile(f"contacts.{kind}", content))
    running.check(run)
    work()
    running.start(ImportRun.objects.get(pk=run.pk))
    work()
    assert list(run.rows.filter(dry=False).values_list("verdict", "why")) == [("created", ""), ("created", "")]
    assert state() == before


SAID = (
    *("description", "contact__name", "salesperson__code", "stage__description", "status", "estimated_value"),
    *("closing_on", "sales_value", "closed_on", "close_code__code", "created_on", "priority", "calculated_value"),
)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_opportunities_go_out_and_come_in_again(
    kind: str,
    client_for: Callable[[User], Client],
    manager: User,
    acme: Contact,
    jo: Salesperson,
    cycle: SalesCycle,
    price_w: CloseCode,
    price_l: CloseCode,
    company: Company,
) -> None:
    """Beside the ones that are there, so without their numbers. One not started, one under way, one won, one lost."""
    begun = company.today() - datetime.timedelta(days=40)
    made: dict[str, Any] = {"contact": acme, "salesperson": jo, "cycle": cycle, "by": manager, "on": begun}
    made["closing_on"] = company.today() + datetime.timedelta(days=30)
    make_opportunity(description="Waits", priority="high", **made)
    for name, stage in (("Runs", 2), ("Is won", 3), ("Is lost", 1)):
        deal = make_opportunity(description=name, stage=stage, value=Decimal("1234.5"), **made)
        how: dict[str, Any] = {
            "version": deal.version,
            "on": company.today() - datetime.timedelta(days=3),
            "by": manager,
        }
        if name == "Is won":
            journey.close(deal, outcome="won", close_code=price_w, sales_value=Decimal(1300), **how)
        if name == "Is lost":
            journey.close(deal, outcome="lost", close_code=price_l, **how)
    known = [*Opportunity.objects.order_by("pk")]
    words = "description,contact,salesperson,stage,status,estimated_value,closing_on,sales_value,closed_on,close_code"
    query = f"columns={words},created_on,priority&order=created_on&as={kind}"
    answer: Any = client_for(manager).get(f"/opportunities/export/?{query}")
    assert answer.status_code == 200
    run = bring(manager, "opportunities", "", SimpleUploadedFile(f"deals.{kind}", answer.getvalue()))
    run.options |= {"cycle": cycle.pk, "won_code": price_w.pk, "lost_code": price_l.pk}
    run.save()
    running.check(run)
    work()
    running.start(ImportRun.objects.get(pk=run.pk))
    work()
    assert list(run.rows.filter(dry=False).values_list("verdict", "why")) == [("created", "")] * 4
    old = Opportunity.objects.filter(pk__in=[deal.pk for deal in known]).order_by("description")
    new = Opportunity.objects.exclude(pk__in=[deal.pk for deal in known]).order_by("description")
    assert list(new.values_list(*SAID)) == list(old.values_list(*SAID))
