"""What a list gives as a file goes in again and is the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from contacts import lifecycle
from contacts.models import Contact
from salespeople.models import Company, Salesperson, User
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
