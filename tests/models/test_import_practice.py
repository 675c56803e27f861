"""The practice data set (`CRM_SALES_DATA`): every row goes in, and the sums are those of the files."""

import csv
import datetime
import os
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Sum

from contacts.models import Contact
from opportunities.ledger import faults
from opportunities.models import Opportunity, OpportunityEntry
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, User
from tests.worker import work
from upkeep.importing import running, undoing
from upkeep.importing.files import bring
from upkeep.importing.models import ImportRun

DATA = os.environ.get("CRM_SALES_DATA", "")
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.slow,
    pytest.mark.skipif(not DATA, reason="CRM_SALES_DATA does not say where the practice data are"),
]


@pytest.fixture(autouse=True)
def own_files(settings: Any, tmp_path: Path, company: Company) -> None:
    settings.MEDIA_ROOT = tmp_path
    return


def rows_of(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((Path(DATA) / name).read_text(encoding="utf-8").splitlines()))


def taken(user: User, kind: str, name: str, **options: Any) -> ImportRun:
    run = bring(user, kind, "crm-sales", SimpleUploadedFile(name, (Path(DATA) / name).read_bytes()))
    run.options |= options
    run.save()
    running.check(run)
    running.spool(run.pk)  # tried are the rows in other tests, with fewer of them
    ImportRun.objects.filter(pk=run.pk).update(state="checked")
    work()
    running.start(run)
    work()
    run.refresh_from_db()
    assert run.state == "done"
    return run


def day(text: str) -> datetime.date:
    month, day_, year = (int(part) for part in text.split("/"))
    return datetime.date(year, month, day_)


def test_every_row_goes_in(manager: User, cycle: SalesCycle, price_w: CloseCode, price_l: CloseCode) -> None:
    people = taken(manager, "salespeople", "sales_teams.csv")
    assert running.verdicts(people, dry=False) == {"created": 35}
    accounts = taken(manager, "contacts", "accounts.csv")
    assert running.verdicts(accounts, dry=False) == {"created": 85}
    assert Contact.objects.filter(industry_groups__description="technology").count() == 12
    assert Contact.objects.get(name="Cancity").country == "US"
    rows = rows_of("sales_pipeline.csv")
    count = len(rows)
    stand_in = Contact.objects.create(number="STANDIN", name="Without account")
    deals = taken(manager, "opportunities", "sales_pipeline.csv", stand_in=stand_in.pk)
    assert running.verdicts(deals, dry=False) == {"created": count}
    _compare()
    assert Opportunity.objects.filter(contact=stand_in).count() == sum(not row["account"] for row in rows)
    entries = OpportunityEntry.objects.order_by()
    assert set(entries.values_list("door", "batch").distinct()) == {("import", deals.batch_id)}
    assert not entries.filter(imported_at=None).exists()
    assert list(faults()) == []
    undoing.start(deals)
    work(most=100_000)
    assert running.verdicts(deals, dry=False) == {"undone": count}
    assert (Opportunity.objects.count(), OpportunityEntry.objects.count()) == (0, 0)
    assert list(faults()) == []


def test_the_files_are_the_ones_that_are_meant() -> None:
    rows = rows_of("sales_pipeline.csv")
    is_open = [row for row in rows if row["deal_stage"] in ("Engaging", "Prospecting")]
    assert (len(rows), len(is_open), sum(not row["account"] for row in rows)) == (8800, 2089, 1425)
    assert not any(row["close_value"] for row in is_open)


def _compare() -> None:
    rows = rows_of("sales_pipeline.csv")
    statuses = {"Won": "won", "Lost": "lost", "Engaging": "in_progress", "Prospecting": "not_started"}
    expected = Counter(statuses[row["deal_stage"]] for row in rows)
    assert Counter(Opportunity.objects.values_list("status", flat=True)) == expected
    by_agent: dict[str, Decimal] = defaultdict(Decimal)
    by_quarter: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    for row in rows:
        if row["deal_stage"] == "Won":
            closed = day(row["close_date"])
            by_agent[row["sales_agent"]] += Decimal(row["close_value"])
            by_quarter[closed.year, (closed.month + 2) // 3] += Decimal(row["close_value"])
    won = Opportunity.objects.filter(status="won").order_by()
    assert dict(won.values_list("salesperson__name").annotate(sum=Sum("sales_value"))) == by_agent
    quarters = won.values_list("closed_on__year", "closed_on__quarter").annotate(sum=Sum("sales_value"))
    assert {(year, quarter): total for year, quarter, total in quarters} == by_quarter
    assert (
        Opportunity.objects.filter(closed_on=None, estimated_value=None).count()
        == expected["in_progress"] + expected["not_started"]
    )
    products = Counter(row["product"].replace("GTXPro", "GTX Pro") for row in rows)
    assert Counter(Opportunity.objects.values_list("description", flat=True)) == products
    started = Counter(day(row["engage_date"]) for row in rows if row["engage_date"])
    assert Counter(OpportunityEntry.objects.filter(action="started").values_list("happened_on", flat=True)) == started
