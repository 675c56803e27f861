"""Opportunities out of a file: by the verbs, with their history, updated by key and taken back."""

import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile

from contacts.models import Contact
from opportunities import lifecycle
from opportunities.ledger import faults
from opportunities.models import Opportunity, OpportunityEntry
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.factories import fresh
from tests.worker import work
from upkeep.importing import running, undoing
from upkeep.importing.files import bring
from upkeep.importing.linking import Unknown, World
from upkeep.importing.models import ExternalKey, ImportRun

pytestmark = pytest.mark.django_db
DAY = datetime.date


@pytest.fixture(autouse=True)
def given(
    settings: Any,
    tmp_path: Path,
    company: Company,
    cycle: SalesCycle,
    price_w: CloseCode,
    price_l: CloseCode,
    acme: Contact,
) -> Any:
    settings.MEDIA_ROOT = tmp_path
    yield
    assert [str(fault) for fault in faults()] == []


def taken(user: User, text: str, system: str = "", name: str = "deals.csv", **options: Any) -> ImportRun:
    run = bring(user, "opportunities", system, SimpleUploadedFile(name, text.encode()))
    run.options |= options
    run.save()
    running.check(run)
    work()
    dry = told(run, dry=True)
    running.start(ImportRun.objects.get(pk=run.pk))
    work()
    run.refresh_from_db()
    assert run.state == "done" and told(run) == dry
    return run


def told(run: ImportRun, *, dry: bool = False) -> list[tuple[int, str, str]]:
    return list(run.rows.filter(dry=dry).order_by("line").values_list("line", "verdict", "why"))


def history(opportunity: Opportunity) -> list[tuple[str, str, DAY]]:
    entries = opportunity.entries.order_by("step").select_related("stage")
    return [(entry.action, str(entry.stage or ""), entry.happened_on) for entry in entries]


def test_history_by_a_column_for_each_stage(manager: User, jo: Salesperson) -> None:
    text = (
        "Deal Id,Title,Customer,Owner,Created,Date entered Initial,Date entered Offer,Stage,Amount,Closed date\n"
        "D1,Chairs,ACME,JO,2025-01-07,2025-01-10,2025-02-01,Won,1500,2025-03-01\n"
        "D2,Tables,ACME,JO,2025-01-07,2025-01-10,,Initial,,\n"
    )
    run = taken(manager, text)
    assert told(run) == [(2, "created", ""), (3, "created", "")]
    chairs, tables = Opportunity.objects.order_by("pk")
    assert history(chairs) == [
        ("created", "", DAY(2025, 1, 7)),
        ("started", "Initial", DAY(2025, 1, 10)),
        ("next", "Present", DAY(2025, 2, 1)),
        ("next", "Offer", DAY(2025, 2, 1)),
        ("won", "", DAY(2025, 3, 1)),
    ]
    assert (chairs.sales_value, chairs.closed_on, chairs.close_code and chairs.close_code.code) == (
        Decimal(1500),
        DAY(2025, 3, 1),
        "PRICE_W",
    )
    assert (tables.status, tables.estimated_value) == ("in_progress", None)
    entries = chairs.entries.order_by("step")
    assert {entry.door for entry in entries} == {"import"}
    assert all(entry.imported_at and entry.batch_id == run.batch_id for entry in entries)
    recorded = [entry.recorded_at for entry in entries]
    assert recorded == sorted(set(recorded)) and recorded[0].date() == DAY(2025, 1, 7)


def test_history_by_a_row_for_each_change(manager: User, jo: Salesperson) -> None:
    rows = (
        "D1,Chairs,ACME,JO,Initial,100,2025-01-10\n"
        "D1,Chairs,ACME,JO,Present,100,2025-02-10\n"
        "D1,Chairs,ACME,JO,Present,250,2025-03-10\n"
        "D1,Chairs,ACME,JO,Initial,250,2025-02-28\n"
        "D1,Chairs,ACME,JO,Lost,250,2025-04-10\n"
    )
    run = taken(manager, "Deal Id,Title,Customer,Owner,Stage,Amount,Date of change\n" + rows)
    assert [verdict for _line, verdict, _why in told(run)] == ["created", "updated", "updated", "refused", "updated"]
    assert told(run)[3][2] == "Date of change: The date cannot lie before the last step of 2025-03-10."
    assert history(Opportunity.objects.get()) == [
        ("created", "", DAY(2025, 1, 10)),
        ("started", "Initial", DAY(2025, 1, 10)),
        ("next", "Present", DAY(2025, 2, 10)),
        ("revised", "Present", DAY(2025, 3, 10)),
        ("lost", "", DAY(2025, 4, 10)),
    ]


def test_rows_out_of_the_order_of_their_recording_are_refused(manager: User, jo: Salesperson) -> None:
    rows = (
        "D1,Chairs,ACME,JO,Initial,2025-01-10,2025-01-12T10:00:00Z\n"
        "D1,Chairs,ACME,JO,Present,2025-01-20,2025-01-11T10:00:00Z\n"
        "D2,Tables,ACME,JO,Initial,2025-01-20,2999-01-11T10:00:00Z\n"
    )
    run = taken(manager, "Deal Id,Title,Customer,Owner,Stage,Date of change,Recorded at\n" + rows)
    assert told(run)[0] == (2, "created", "")
    assert told(run)[1:] == [
        (
            3,
            "refused",
            "Recorded at: It was recorded before the last step. Sort the file by when its rows were recorded.",
        ),
        (4, "refused", "Recorded at: It cannot have been recorded in the future."),
    ]
    assert {str(entry.recorded_at) for entry in OpportunityEntry.objects.all()} == {"2025-01-12 10:00:00+00:00"}


def test_an_update_by_number_is_taken_back_step_by_step(manager: User, jo: Salesperson, cycle: SalesCycle) -> None:
    today = Company.current().today()
    entry = lifecycle.create(
        description="Chairs", contact=Contact.objects.get(name="ACME"), salesperson=jo, sales_cycle=cycle, on=today,
        by=manager, estimated_value=Decimal(10), closing_on=today, start=True, number="OP7",
    )  # fmt: skip
    other = lifecycle.create(
        description="Tables", contact=entry.opportunity.contact, on=today, by=manager, number="OP8"
    )
    text = "Number,Title,Amount,Stage\nOP7,Stools,99,Present\nOP8,Desks,,\n"
    run = taken(manager, text, key="number")
    assert told(run) == [(2, "updated", ""), (3, "updated", "")]
    assert [action for action, _stage, _on in history(entry.opportunity)] == ["created", "started", "edited", "next"]
    lifecycle.edit(fresh(other.opportunity), version=2, on=today, by=manager, description="Shelves")
    undoing.start(run)
    work()
    assert told(run) == [(2, "undone", ""), (3, "touched", "")]
    back = fresh(entry.opportunity)
    assert (back.description, back.estimated_value, str(back.stage)) == ("Chairs", Decimal(10), "Initial")
    assert fresh(other.opportunity).description == "Shelves"


def test_rows_without_contact_need_a_stand_in(manager: User, acme: Contact) -> None:
    text = "Id,Title,Customer\n1,Chairs,\n2,Tables,Akme\n"
    run = taken(manager, text)
    assert told(run) == [
        (2, "refused", "Contact: It names no contact, and there is no stand-in for that."),
        (3, "refused", "There is no “Akme”."),
    ]
    again = taken(manager, text, stand_in=acme.pk, missing=True)
    assert told(again) == [(2, "created", ""), (3, "created", "")]
    assert Opportunity.objects.get(description="Tables").contact.name == "Akme"


SYSTEMS = {
    "hubspot": (
        "Record ID,Deal Name,Deal Stage,Amount,Close Date,Create Date,Deal owner,Associated Company\n"
        "55,Chairs,Closed Won,1500,2025-03-01 10:15,2025-01-07 08:00,Jim Olive,ACME\n"
    ),
    "pipedrive": (
        "Deal - ID,Deal - Title,Deal - Organization,Deal - Owner,Deal - Stage,Deal - Status,Deal - Value,"
        "Deal - Deal created,Deal - Deal closed on\n"
        "55,Chairs,ACME,Jim Olive,Offer,Won,1500,2025-01-07 08:00:00,2025-03-01 10:15:00\n"
    ),
    "salesforce": (
        "Opportunity ID,Opportunity Name,Account Name,Stage,Amount,Close Date,Created Date,Opportunity Owner\n"
        "55,Chairs,ACME,Closed Won,1500.00,3/1/2025,1/17/2025,Jim Olive\n"
    ),
    "business-central": json.dumps(
        {
            "value": [
                {
                    "id": "55",
                    "number": "OP55",
                    "contactNumber": "CT1",
                    "salespersonCode": "JO",
                    "description": "Chairs",
                    "status": "Won",
                    "creationDate": "2025-01-07",
                    "dateClosed": "2025-03-01",
                    "estimatedValue": 1500,
                    "calculatedCurrentValue": 1500,
                    "estimatedClosingDate": "0001-01-01",
                    "chancesOfSuccessPrc": 100,
                }
            ]
        }
    ),
}


@pytest.mark.parametrize("system", SYSTEMS)
def test_other_systems_come_in_as_they_are(manager: User, jo: Salesperson, system: str) -> None:
    name = "deals.json" if system == "business-central" else "deals.csv"
    run = taken(manager, SYSTEMS[system], system=system, name=name)
    assert told(run) == [(2, "created", "")]
    deal = Opportunity.objects.get(external_keys__system=system, external_keys__key="55")
    assert (deal.description, deal.status, deal.sales_value, deal.closed_on, deal.salesperson) == (
        "Chairs",
        "won",
        Decimal(1500),
        DAY(2025, 3, 1),
        jo,
    )
    assert deal.created_on in (DAY(2025, 1, 7), DAY(2025, 1, 17))


def test_a_key_leads_to_nobody_whom_the_person_may_not_see(manager: User, outsider: User, acme: Contact) -> None:
    run = bring(manager, "opportunities", "", SimpleUploadedFile("deals.csv", b"Name,Contact\nDesks,77\n"))
    ExternalKey.objects.create(system="file", kind="contacts", key="77", contact=acme)
    outsider.user_permissions.add(Permission.objects.get(codename="view_contact"))
    assert World(run, manager, dry=True).contact("contact", "77") == acme
    with pytest.raises(Unknown):
        World(run, outsider, dry=True).contact("contact", "77")
