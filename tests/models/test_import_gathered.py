"""What rows make is written together: the same as one by one, refusals included, in few statements."""

import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.db.models import F, Sum
from django.test.utils import CaptureQueriesContext

from contacts import lifecycle as contacts
from contacts.codes import ContactSetup, IndustryGroup, Territory
from contacts.models import Contact, ContactSign, LikelyPair
from crm.lib.numbers import next_number
from opportunities import lifecycle
from opportunities.ledger import faults
from opportunities.models import TRACKED, Opportunity, OpportunityEntry, OpportunityWords, RunningTotal
from salescycles.models import Activity, ActivityStep, CloseCode, SalesCycle
from salespeople.models import Company, Salesperson, User
from tasks.models import Attendee, Task
from tests.worker import work
from upkeep.importing import running, undoing
from upkeep.importing.files import bring
from upkeep.importing.models import ExternalKey, ImportRun

pytestmark = pytest.mark.django_db
TOLD = ("dry", "line", "verdict", "why", "field", "said", "label")
CONTACTS = """\
Id,Name,First name,Last name,Company,E-mail,Phone,City,Country,VAT number,No.,Industry
1,Acme Oy,,,,info@acme.example,040 123 4567,Oulu,FI,,,Steel
2,,Ann,Lee,Acme Oy,ann@acme.example,,,,,,
3,,Bo,Ek,New Oy,bo@new.example,,Turku,,,,
4,,Cy,Day,New Oy,,,,,,,
5,,Di,Fox,Gone Oy,,,,FI,FI123,,
6,,Ed,Gum,Gone Oy,,,,,,,
7,Seven,,,,,,,,,X7,Wood; Steel
8,Eight,,,,,,,,,X7,
1,Acme Oy,,,,info@acme.example,,Vaasa,,,,
77,Known,,,,,,Kuopio,,,,
9,,Fay,Hill,Known,,,,,,,
10,,Gus,Ives,Nobody there; really,,,,ZZ,,,
11,Eleven,,,,bad mail,,,,,,
12,Acme,,,,info@acme.example,,Oulu,,,,
"""
DEALS = """\
Id,Title,Customer,Owner,Number,Created,Date entered Initial,Date entered Offer,Stage,Amount,Closed date,Close code
1,Chairs,ACME,JO,,2025-01-07,2025-01-10,2025-02-01,Won,1500,2025-03-01,
2,Tables,ACME,JO,,2025-01-07,2025-01-10,,Lost,,2025-02-10,
3,Shelves,ACME,,X3,,,,Not started,10,,
4,Lamps,ACME,JO,,,,,Offer,20,,
5,Beds,ACME,JO,,,,,Won,30,,
6,Desks,Fresh Oy,JO,,,,,Initial,40,,
7,Stools,Fresh Oy,JO,,2025-01-07,,,Initial,-5,,
8,Doors,Lost Oy,JO,,,,,Initial,-5,,
9,Walls,Lost Oy,JO,,,,,Present,50,,
10,Floors,ACME,JO,X3,,,,Initial,60,,
11,Roofs,ACME,NOBODY,,,,,Initial,60,,
4,Lamps,ACME,JO,,,,,Present,25,,
4,Lights,ACME,JO,,,,,Lost,25,,
77,Known,ACME,JO,,,,,Present,99,,
12,Gates,ACME,JO,,,2025-02-10,2025-01-10,Offer,5,,
13,Fences,ACME,JO,,2025-01-07,2025-01-10,,Initial,,,
13,Hedges,Lost Oy,JO,,,,,Present,-1,,
13,Fences,ACME,JO,,,,2025-02-01,Offer,,,
13,Hurdles,ACME,JO,,,,,Won,80,2025-03-01,
13,Hurdles,ACME,JO,,,,,Present,80,,
14,Posts,ACME,JO,,,,,Won,80,,
14,Posts,ACME,JO,,,,,Won,80,,
14,Posts,ACME,JO,,,,,Present,80,,
16,Pipes,ACME,JO,,2025-01-07,2025-01-10,,Won,80,2025-03-01,
16,Pipes,ACME,JO,,,,,Present,80,,
"""


@pytest.fixture(autouse=True)
def given(
    settings: Any, tmp_path: Path, company: Company, cycle: SalesCycle, price_w: CloseCode, price_l: CloseCode
) -> Any:
    settings.MEDIA_ROOT = tmp_path
    yield
    assert [str(fault) for fault in faults()] == []


def taken(user: User, kind: str, text: str, **options: Any) -> ImportRun:
    run = bring(user, kind, "", SimpleUploadedFile("rows.csv", text.encode()))
    run.options |= options
    run.save()
    running.check(run)
    work()
    running.start(ImportRun.objects.get(pk=run.pk))
    work()
    run.refresh_from_db()
    assert run.state == "done"
    return run


def rows_of_contacts(run: ImportRun) -> dict[str, Any]:
    """By names: keys and drawn numbers differ."""
    drawn = [*Contact.objects.filter(number__startswith="CT").order_by("number").values_list("name", flat=True)]
    left = ("id", "number", "company", "merged_into", "created_at", "search", "company_kind")
    names = [field.attname for field in Contact._meta.concrete_fields if field.name not in left]
    links = ("company__name", "industry_groups__code")
    return {
        "told": list(run.rows.order_by("dry", "line").values_list(*TOLD)),
        "drawn": drawn,
        "rows": sorted(map(str, Contact.objects.values_list(*names, *links))),
        "signs": sorted(ContactSign.objects.values_list("rule", "contact__name", "sign")),
        "pairs": sorted(LikelyPair.objects.values_list("rule", "one__name", "other__name")),
        "events": sorted(run_events()),
        "keys": sorted(ExternalKey.objects.values_list("system", "key", "contact__name")),
        "industries": sorted(IndustryGroup.objects.values_list("code", "description")),
        "made": [[Contact.objects.get(pk=key).name for key in row.made] for row in run.rows.order_by("dry", "line")],
    }


def run_events() -> list[tuple[str, str, str]]:
    events: Any = Contact._meta.apps.get_model("contacts", "ContactEvent")
    return list(events.objects.values_list("pgh_label", "name", "city"))


def rows_of_deals(run: ImportRun) -> dict[str, Any]:
    today = Company.current().today()
    named = [name for name in TRACKED if name not in ("contact_id", "company_id")] + ["contact__name", "company__name"]
    steps = ("step", "action", "by", "door", "reason", "undoes", "overrode", "happened_on", "until", "calculated_value")
    keys = dict(ExternalKey.objects.filter(kind="opportunities").values_list("opportunity", "key"))
    entries = OpportunityEntry.objects.order_by("opportunity", "step")
    tasks = Task.objects.values_list("opportunity", "entry__step", "description", "due_on", "cancelled", "cancelled_in")
    steps_of = dict(entries.values_list("pk", "step"))
    return {
        "told": list(run.rows.order_by("dry", "line").values_list(*TOLD)),
        "present": sorted(
            (keys[deal], rest)
            for deal, *rest in Opportunity.objects.values_list("pk", "version", "created_on", *named, "calculated_value")
        ),
        "drawn": [keys[deal] for deal in Opportunity.objects.filter(number__startswith="OP").order_by("number").values_list("pk", flat=True)],
        "given": sorted(Opportunity.objects.exclude(number__startswith="OP").values_list("number", "description")),
        "ledger": [
            (keys[deal], *rest) for deal, *rest in entries.values_list("opportunity", *named, *steps, "batch")
        ],
        "recorded": [
            (keys[deal], *times)
            for deal, day, *times in entries.values_list("opportunity", "until", "recorded_at", "replaced_at")
            if day and day < today
        ],
        "without gap": entries.filter(replaced_at=None).count(),
        "in order": [later.recorded_at > earlier.recorded_at for earlier, later in pairs(entries)],
        "imported": sorted(keys[deal] for deal in entries.filter(imported_at=None).values_list("opportunity", flat=True)),
        "tasks": sorted(str((keys[deal], *rest, steps_of.get(by))) for deal, *rest, by in tasks),
        "organizers": Attendee.objects.count(),
        "words": sorted((keys[deal], len(words.split())) for deal, words in OpportunityWords.objects.values_list("opportunity", "words")),
        "totals": sorted(totals()),
        "contacts": sorted(Contact.objects.values_list("name", "salesperson__code")),
    }  # fmt: skip


def pairs(entries: Any) -> list[tuple[Any, Any]]:
    rows = list(entries)
    return [(one, two) for one, two in pairwise(rows) if one.opportunity_id == two.opportunity_id]


def totals() -> list[Any]:
    kind = ("archived", "status", "sales_cycle", "stage", "salesperson")
    summed = RunningTotal.objects.order_by().values_list(*kind).annotate(n=Sum("count"), of=Sum("estimated_value"))
    return [str(row) for row in summed if row[5]]


def both(user: User, kind: str, text: str, told: Any, monkeypatch: pytest.MonkeyPatch, **options: Any) -> list[Any]:
    """What the file leaves one by one, and together."""
    found = []
    for gathered in ((), running.GATHERED):
        with transaction.atomic(), monkeypatch.context() as patch:
            patch.setattr(running, "GATHERED", gathered)
            found.append(told(taken(user, kind, text, **options)))
            transaction.set_rollback(True)
    return found


def test_contacts_are_the_same_one_by_one_and_together(
    manager: User, jo: Salesperson, monkeypatch: pytest.MonkeyPatch
) -> None:
    territory = Territory.objects.create(code="NORTH")
    territory.salespeople.add(jo)
    ContactSetup.objects.update_or_create({"territory": territory, "country": "FI"}, id=1)
    known = contacts.create(by=manager, name="Known", kind="company", city="Oulu").contact
    ExternalKey.objects.create(system="file", kind="contacts", key="77", contact=known)
    options: dict[str, Any] = {"missing": True, "key": "external_key"}
    one_by_one, together = both(manager, "contacts", CONTACTS, rows_of_contacts, monkeypatch, **options)
    for name, rows in one_by_one.items():
        assert together[name] == rows, name
    told = [(line, verdict) for dry, line, verdict, *_rest in together["told"] if not dry]
    assert [verdict for _line, verdict in told] == [
        *["created"] * 4, "refused", *["created"] * 2, "refused", *["updated"] * 2, "created", *["refused"] * 2, "created",
    ]  # fmt: skip
    assert ("Acme", "Acme Oy") in {(two, one) for _rule, one, two in together["pairs"]}
    assert {code for code, _said in together["industries"]} == {"STEEL", "WOOD"}
    assert [made for made in together["made"] if made] == [["New Oy"], ["Gone Oy"]]


def test_deals_are_the_same_one_by_one_and_together(
    manager: User, jo: Salesperson, acme: Contact, cycle: SalesCycle, monkeypatch: pytest.MonkeyPatch
) -> None:
    activity = Activity.objects.create(code="MEET", description="Meet")
    for number, kind in enumerate(("call", "meeting"), 1):
        ActivityStep.objects.create(activity=activity, number=number, description=kind, date_formula="1W", kind=kind)
    cycle.stages.filter(number__in=(1, 3)).update(activity=activity)
    today = Company.current().today()
    entry = lifecycle.create(
        description="Known", contact=acme, salesperson=jo, sales_cycle=cycle, on=today, by=manager, start=True,
        estimated_value=1, closing_on=today,
    )  # fmt: skip
    ExternalKey.objects.create(system="file", kind="opportunities", key="77", opportunity=entry.opportunity)
    options: dict[str, Any] = {"missing": True, "key": "external_key"}
    deals = f"{DEALS}15,Sheds,ACME,JO,,{today},{today},,Won,70,{today},\n"
    one_by_one, together = both(manager, "opportunities", deals, rows_of_deals, monkeypatch, **options)
    for name, rows in one_by_one.items():
        if name != "ledger":
            assert together[name] == rows, name
    assert [row[:-1] for row in together["ledger"]] == [row[:-1] for row in one_by_one["ledger"]]
    assert together["in order"] and all(together["in order"])
    told = [verdict for dry, _line, verdict, *_rest in together["told"] if not dry]
    assert " ".join(told[:11]) == f"{'created ' * 6}refused refused created refused refused"
    assert " ".join(told[11:17]) == "updated updated updated created created refused"
    assert " ".join(told[17:]) == "updated refused updated created unchanged refused created updated created"
    counts = (len(together["ledger"]), len(together["tasks"]), together["organizers"])
    assert counts == (48, 12, 6)
    assert [task for task in together["tasks"] if task.startswith("('15'")] == [
        f"('15', 2, '{what}', {today + datetime.timedelta(7)!r}, True, 3)" for what in ("call", "meeting")
    ]


def test_an_undo_leaves_nothing_of_what_was_gathered(manager: User, acme: Contact, jo: Salesperson) -> None:
    before = Contact.objects.count()
    run = taken(manager, "opportunities", DEALS, missing=True)
    assert Opportunity.objects.count() == 12 and Contact.objects.count() == before + 2
    undoing.start(run)
    work()
    assert (Opportunity.objects.count(), OpportunityEntry.objects.count(), Contact.objects.count()) == (0, 0, before)


def test_what_the_database_refuses_of_all_is_taken_one_by_one(manager: User) -> None:
    """A number that is given in the file and drawn for another row of it."""
    drawn = next_number(Contact, "CT")
    following = f"CT{int(drawn[2:]) + 1:0{len(drawn) - 2}}"
    run = taken(manager, "contacts", f"Name,No.\nOne,\nTwo,{following}\nThree,\n" + "x" * 101 + ",\n")
    told = list(run.rows.filter(dry=False).order_by("line").values_list("verdict", flat=True))
    assert told == ["created", "created", "created", "refused"]
    assert Contact.objects.get(name="Two").number == following
    assert Contact.objects.values("number").distinct().count() == 3


def statements(run: ImportRun, rows: int, kind: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setitem(running.AT_ONCE, kind, rows)
    running.start(run)
    with CaptureQueriesContext(connection) as asked:
        running.take_slice(run.pk)
    assert ImportRun.objects.get(pk=run.pk).done == rows
    return len([one for one in asked if "SAVEPOINT" not in one["sql"]])


@pytest.mark.parametrize("rows", [20, 100])
def test_a_slice_asks_the_same_whatever_its_rows(
    manager: User, jo: Salesperson, acme: Contact, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    people = "Id,First name,Last name,Company,E-mail\n" + "".join(f"{at},Ann,Lee{at},ACME,\n" for at in range(rows))
    deals = "Id,Title,Customer,Owner,Created,Date entered Initial,Date entered Offer,Stage,Amount,Closed date\n"
    deals += "".join(f"{at},Chairs,ACME,JO,2025-01-07,2025-01-10,2025-02-01,Won,9,2025-03-01\n" for at in range(rows))
    asked = []
    for kind, text in (("contacts", people), ("opportunities", deals)):
        run = bring(manager, kind, "", SimpleUploadedFile("rows.csv", text.encode()))
        running.check(run)
        work()
        asked.append(statements(ImportRun.objects.get(pk=run.pk), rows, kind, monkeypatch))
        work()
    assert asked == [21, 24]
    assert (Contact.objects.filter(company=acme).count(), OpportunityEntry.objects.count()) == (rows, 5 * rows)


def test_verbs_that_read_the_ledger_have_it_written_first(
    manager: User, jo: Salesperson, acme: Contact, cycle: SalesCycle
) -> None:
    gathered = lifecycle.Gathered()
    told = lifecycle.gathering.set(gathered)
    today = Company.current().today()
    try:
        deal = lifecycle.create(
            description="Chairs", contact=acme, salesperson=jo, sales_cycle=cycle, on=today, by=manager, door="import"
        ).opportunity
        lifecycle.start(deal, version=1, on=today, by=manager, estimated_value=5, closing_on=today, door="import")
        assert Opportunity.objects.count() == 0
        with pytest.raises(ValidationError):
            lifecycle.start(deal, version=2, on=today, by=manager, door="import")
        lifecycle.undo(deal, version=2, by=manager)
    finally:
        lifecycle.gathering.reset(told)
    assert not gathered.waiting
    actions = list(OpportunityEntry.objects.order_by("step").values_list("action", flat=True))
    assert actions == ["created", "started", "undone"]
    assert OpportunityEntry.objects.filter(recorded_at__gt=F("replaced_at")).count() == 0
    assert OpportunityEntry.objects.latest("step").happened_on == today + datetime.timedelta(0)
