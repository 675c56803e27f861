"""Tasks and interactions out of a file: what becomes of each row, by which rules, and what an undo leaves."""

import csv
import datetime
import random
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile

from contacts.models import Contact
from interactions import lifecycle as logs
from interactions.models import Interaction
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tasks import lifecycle
from tasks.models import Attendee, Task
from tests.factories import ContactFactory, TeamFactory, make_opportunity
from tests.worker import work
from upkeep.importing import running, undoing
from upkeep.importing.fields import OF
from upkeep.importing.files import bring
from upkeep.importing.linking import World
from upkeep.importing.models import ExternalKey, ImportRun

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_files(settings: Any, tmp_path: Path, company: Company) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def today(company: Company) -> datetime.date:
    return company.today()


def brought(user: User, kind: str, text: str, system: str = "", **options: Any) -> ImportRun:
    run = bring(user, kind, system, SimpleUploadedFile("rows.csv", text.encode()))
    run.options |= options
    run.save()
    return run


def taken(run: ImportRun, *, same: bool = True) -> list[tuple[str, str]]:
    """The verdicts; those of the trial are the same ones."""
    assert running.check(run)
    work()
    assert running.start(ImportRun.objects.get(pk=run.pk))
    work()
    assert ImportRun.objects.get(pk=run.pk).state == "done"
    found: list[list[tuple[str, str]]] = [
        list(run.rows.filter(dry=dry).order_by("line").values_list("verdict", "why")) for dry in (True, False)
    ]
    assert found[0] == found[1] or not same
    return found[1]


def taken_back(run: ImportRun) -> list[str]:
    assert undoing.start(ImportRun.objects.get(pk=run.pk))
    work()
    assert ImportRun.objects.get(pk=run.pk).state == "undone"
    return list(run.rows.filter(dry=False).order_by("line").values_list("verdict", flat=True))


def deal_of(contact: Contact, by: User, cycle: SalesCycle, description: str = "Machines") -> Opportunity:
    return make_opportunity(
        description=description, contact=contact, salesperson=contact.salesperson, cycle=cycle, by=by
    )


# ── tasks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_tasks_of_another_system(
    manager: User, acme: Contact, ann: Contact, jo: Salesperson, of: Salesperson, cycle: SalesCycle
) -> None:
    """By its headings and words, with the owner that a task usually has where the file names none."""
    deal = deal_of(acme, manager, cycle)
    file = (
        "Activity ID,Subject,Type,Due date,Due time,Duration,Assigned to user,Contact person,Organization,Deal,Done,"
        "Priority,Note,Marked as done time\n"
        "1,Ring,Call,2026-03-02,,,Otis Falls,Ann Lee,,,To do,Medium,,\n"
        "2,Meet,Lunch,2026-03-03,09:30,1:30,Jim Olive,,ACME,,To do,High,,\n"
        "3,Write,E-mail,2026-03-04,,,,,,Machines,Done,,Sent it,2026-03-05 16:00\n"
        "4,Ask,To-do,2026-03-06,,,JO,Ann Lee,ACME,,Done,,,\n"
    )
    run = brought(manager, "tasks", file)
    assert run.options["columns"] == {
        "0": "external_key",
        "1": "description",
        "2": "kind",
        "3": "due_on",
        "4": "starts_at",
        "5": "duration",
        "6": "salesperson",
        "7": "contact",
        "8": "company",
        "9": "opportunity",
        "10": "status",
        "11": "priority",
        "12": "outcome",
        "13": "closed_on",
    }
    assert taken(run) == [("created", "")] * 4
    ring, meet, write, ask = Task.objects.order_by("pk")
    assert (ring.kind, ring.due_on, ring.salesperson, ring.contact, ring.company, ring.status, ring.priority) == (
        *("call", datetime.date(2026, 3, 2), of, ann, acme, "not_started", "normal"),
    )
    assert (meet.kind, meet.starts_at, meet.duration, meet.contact, meet.priority) == (
        *("meeting", datetime.time(9, 30), 90, acme, "high"),
    )
    assert list(meet.attendees.values_list("salesperson", "role")) == [(jo.pk, Attendee.Role.ORGANIZER)]
    assert (write.kind, write.opportunity, write.contact, write.salesperson, write.status, write.outcome) == (
        *("task", deal, acme, jo, "completed", "Sent it"),
    )
    assert (write.closed_on, write.completed_by, write.version) == (datetime.date(2026, 3, 5), jo, 1)
    assert (ask.closed_on, ask.completed_by, ask.contact, ask.company) == (datetime.date(2026, 3, 6), jo, ann, acme)
    keys = ExternalKey.objects.filter(kind="tasks").order_by("key")
    assert list(keys.values_list("system", "key", "task")) == [
        ("file", str(at), task.pk) for at, task in enumerate((ring, meet, write, ask), start=1)
    ]
    events: Any = ring.events
    assert events.get().pgh_context.metadata["user"] == manager.pk


def test_a_task_that_the_rules_refuse(manager: User, acme: Contact, jo: Salesperson, cycle: SalesCycle) -> None:
    """Each beside its field; and nothing is there."""
    deal_of(acme, manager, cycle)
    stranger = ContactFactory(number="CT9", name="Stranger")
    Contact.objects.filter(pk=acme.pk).update(salesperson=None)
    blocked = Salesperson.objects.create(code="BL", name="Bea Locked", blocked=True)
    file = (
        "Description,Due,Type,Contact,Opportunity,Salesperson,Status,Date closed,Start time,Repeated after,Counted from\n"
        ",2026-03-02,Call,,,JO,,,,,\n"
        "No date,,Call,,,JO,,,,,\n"
        "Bad date,2026-02-31,Call,,,JO,,,,,\n"
        "No owner,2026-03-02,Call,ACME,,,,,,,\n"
        "Unknown,2026-03-02,Call,ACNE,,JO,,,,,\n"
        "No deal,2026-03-02,Call,ACME,Machine,JO,,,,,\n"
        f"Other firm,2026-03-02,Call,{stranger.number},Machines,JO,,,,,\n"
        f"Blocked,2026-03-02,Call,,,{blocked.code},,,,,\n"
        "Odd word,2026-03-02,Knock,,,JO,,,,,\n"
        "No meeting,2026-03-02,Call,,,JO,,,09:00,,\n"
        "No time,2026-03-02,Meeting,,,JO,,,25:00,,\n"
        "Tomorrow,2026-03-02,Call,,,JO,Completed,2999-01-01,,,\n"
        "Neither,2026-03-02,Call,,,JO,Waiting,2026-03-02,,,\n"
        "Formula,2026-03-02,Call,,,JO,,,,1X,the due date\n"
        f"{'Long ' * 25},2026-03-02,Call,,,JO,,,,,\n"
    )
    run = brought(manager, "tasks", file)
    verdicts = taken(run)
    assert {verdict for verdict, _why in verdicts} == {"refused"}
    assert [why for _verdict, why in verdicts] == [
        "Description: Enter a description.",
        "Date: Enter the date.",
        "“2026-02-31” is no date in the format that was chosen.",
        "Salesperson: Choose a salesperson or a team.",
        "There is no “ACNE”.",
        "There is no “Machine”.",
        "Contact: The contact does not belong to the opportunity's company.",
        "Salesperson: Bea Locked is blocked and cannot be chosen.",
        "There is no “Knock”.",
        "Start time: Only a meeting has this.",
        "“25:00” is no time of day.",
        "Date closed: The date cannot lie in the future.",
        "Date closed: It says when the task was closed, but not whether it was completed or cancelled.",
        "Repeated after: “1X” is not a date formula. Examples: 2W+1D, -1W, CM+10D, WD1.",
        "Description: At most 100 characters.",
    ]
    assert not Task.objects.exists()
    world = World(run, manager, dry=True)
    assert world.suggestions("contact", "ACNE") == ["ACME"]
    assert world.suggestions("opportunity", "Machine") == ["Machines"]
    assert world.suggestions("task_type", "Meetings") == ["Meeting"]


def test_what_is_over_may_be_of_somebody_who_left(
    manager: User, acme: Contact, ann: Contact, beta: Contact, jo: Salesperson, cycle: SalesCycle
) -> None:
    """And about a contact that is archived, or in another company by now; but not about who is blocked for privacy."""
    deal_of(acme, manager, cycle)
    Contact.objects.filter(pk=ann.pk).update(company=beta, archived=True)
    Salesperson.objects.filter(pk=jo.pk).update(blocked=True)
    ContactFactory(name="Secret", privacy_blocked=True)
    heading = "Description,Date,Salesperson,Contact,Company,Opportunity,Status,Date closed\n"
    rows = "Ring,2026-03-02,JO,Ann Lee,ACME,Machines,{0}\nAsk,2026-03-02,JO,Secret,,,{0}\n"
    over = heading + rows.format("Completed,2026-03-03")
    assert taken(brought(manager, "tasks", over)) == [
        *[("created", ""), ("refused", "Contact: Secret is blocked for privacy.")],
    ]
    ring = Task.objects.get()
    assert (ring.contact, ring.company, ring.completed_by, ring.due_on) == (ann, acme, jo, datetime.date(2026, 3, 2))
    verdicts = taken(brought(manager, "tasks", heading + rows.format("Waiting,")))
    assert verdicts[0] == ("refused", "Company: Ann Lee does not belong to this company.")


def test_nobody_writes_to_what_is_not_seen(
    rep: User, manager: User, acme: Contact, beta: Contact, of: Salesperson, cycle: SalesCycle
) -> None:
    """Neither a task about an opportunity of others, nor by a key that leads to a task of others; the same of interactions."""
    rep.user_permissions.add(Permission.objects.get(codename="add_importrun"))
    rep = User.objects.get(pk=rep.pk)
    deal = deal_of(beta, manager, cycle)
    assert running.may_run(rep, "tasks") and running.may_run(rep, "interactions")
    hidden = Task.objects.create(description="Theirs", due_on=deal.created_on, salesperson=of)
    log = Interaction.objects.create(
        description="Theirs", happened_on=deal.created_on, contact=beta, company=beta, opportunity=deal
    )
    ExternalKey.objects.create(system="file", kind="tasks", key="1", task=hidden)
    ExternalKey.objects.create(system="file", kind="interactions", key="1", interaction=log)
    there = "It is there already, and you may not change it."
    for kind in ("tasks", "interactions"):
        file = (
            f"Id,Description,Date,Salesperson,Opportunity\n1,Mine,2026-03-02,JO,\n2,Mine,2026-03-02,JO,{deal.number}\n"
        )
        assert taken(brought(rep, kind, file)) == [
            *[("refused", there), ("refused", f"There is no “{deal.number}”.")],
        ]
    assert Task.objects.get() == hidden and Interaction.objects.get() == log


def test_a_key_finds_the_task_and_changes_it(
    manager: User, acme: Contact, jo: Salesperson, of: Salesperson, today: datetime.date
) -> None:
    """Blank cells change nothing; what is over here stays as it is. All of it goes back."""
    first = f"Id,Subject,Due date,Assigned to,Contact,Status,Note\n1,Ring,{today},JO,ACME,Open,\n2,Write,{today},JO,,Open,\n"
    made = brought(manager, "tasks", first)
    assert taken(made) == [("created", "")] * 2
    ring, write = Task.objects.order_by("pk")
    assert taken(brought(manager, "tasks", first)) == [("unchanged", "")] * 2
    again = (
        "Id,Subject,Due date,Assigned to,Contact,Status,Note\n"
        f"1,Ring twice,{today},OF,,Waiting,\n2,Write,{today},,,Done,Answered\n3,New,{today},JO,,Open,\n"
    )
    update = brought(manager, "tasks", again)
    assert taken(update) == [("updated", ""), ("updated", ""), ("created", "")]
    ring, write, _new = Task.objects.order_by("pk")
    assert (ring.description, ring.salesperson, ring.contact, ring.status) == ("Ring twice", of, acme, "waiting")
    assert (write.status, write.closed_on, write.completed_by, write.outcome) == ("completed", today, jo, "Answered")
    assert taken(brought(manager, "tasks", again)) == [("unchanged", "")] * 3
    said = "The task is closed. Reopen it first."
    assert taken(brought(manager, "tasks", "Id,Subject,Status\n2,Write,Open\n2,Other,Done\n")) == [
        *[("refused", said), ("refused", said)],
    ]
    assert taken_back(update) == ["undone", "undone", "undone"]
    ring, write = Task.objects.order_by("pk")
    assert (ring.description, ring.salesperson, ring.contact, ring.status) == ("Ring", jo, acme, "not_started")
    assert (write.status, write.closed_on, write.completed_by, write.outcome) == ("not_started", None, None, "")
    assert ExternalKey.objects.count() == 2


def test_a_task_that_somebody_touched_stays(
    manager: User, acme: Contact, jo: Salesperson, today: datetime.date
) -> None:
    file = f"Id,Subject,Due date,Assigned to,Type,Contact\n1,Free,{today},JO,,\n2,Changed,{today},JO,,\n3,Logged,{today},JO,Call,ACME\n"
    run = brought(manager, "tasks", file)
    taken(run)
    free, changed, logged = Task.objects.order_by("pk")
    lifecycle.postpone(changed, version=1, to=today + datetime.timedelta(days=1), on=today, by=manager)
    logs.log(by=manager, on=today, task=logged, description="Rang", contact=acme)
    assert taken_back(run) == ["undone", "touched", "touched"]
    assert set(Task.objects.values_list("pk", flat=True)) == {changed.pk, logged.pk}
    assert not ExternalKey.objects.filter(task=free.pk).exists()


def test_a_task_by_hand_keeps_an_imported_opportunity(
    manager: User, acme: Contact, jo: Salesperson, cycle: SalesCycle, today: datetime.date
) -> None:
    """Only tasks that its own stages made go with it."""
    run = brought(manager, "opportunities", "Id,Description,Contact,Salesperson\n1,Machines,ACME,JO\n", cycle=cycle.pk)
    assert taken(run) == [("created", "")]
    deal = Opportunity.objects.get()
    lifecycle.create(by=manager, on=today, description="Ring", salesperson=jo, opportunity=deal)
    assert taken_back(run) == ["touched"]
    assert Task.objects.get().opportunity == deal


def test_a_recurring_task_that_is_over_makes_no_next_one(manager: User, jo: Salesperson) -> None:
    """The file has it. An update that completes one makes none either."""
    heading = "Id,Description,Date,Salesperson,Repeated after,Counted from,Status\n"
    assert taken(brought(manager, "tasks", heading + "1,Back up,2026-03-02,JO,1W,the due date,Completed\n")) == [
        ("created", "")
    ]
    assert taken(brought(manager, "tasks", heading + "2,Back up,2026-03-09,JO,1W,the due date,Waiting\n")) == [
        ("created", "")
    ]
    assert taken(brought(manager, "tasks", heading + "2,Back up,2026-03-09,JO,1W,the due date,Done\n")) == [
        ("updated", "")
    ]
    assert list(Task.objects.values_list("due_on", "status")) == [
        *[(datetime.date(2026, 3, 2), "completed"), (datetime.date(2026, 3, 9), "completed")],
    ]


def test_tasks_of_a_team(manager: User, jo: Salesperson) -> None:
    TeamFactory(code="N", name="North", members=[jo])
    file = (
        "Description,Date,Team,Salesperson,Status,Completed by\n"
        "One,2026-03-02,North,,,\nTwo,2026-03-02,North,,Completed,JO\nThree,2026-03-02,North,,Completed,\n"
        "Four,2026-03-02,North,JO,,\n"
    )
    assert taken(brought(manager, "tasks", file)) == [
        *[("created", ""), ("created", "")],
        ("refused", "Completed by: Say who completed the team's task."),
        ("refused", "Team: A task belongs to a salesperson or to a team, not to both."),
    ]


def test_who_takes_part_is_added(
    manager: User, acme: Contact, ann: Contact, jo: Salesperson, of: Salesperson, hr: Salesperson
) -> None:
    """Blank cells take nobody away; another organizer takes part as before."""
    heading = "Id,Description,Date,Type,Start time,Duration,Salesperson,Organizer,Our people,Their people,Optional attendees\n"
    row = "1,Meet,2026-03-02,Meeting,14:00,60,JO"
    made = brought(manager, "tasks", f"{heading}{row},,Otis Falls,ACME,\n2,Ring,2026-03-02,Call,,,JO,OF,,,\n")
    assert taken(made) == [("created", ""), ("refused", "Only a meeting has this.")]
    meet = Task.objects.get()
    taking = meet.attendees.values_list("salesperson__code", "contact__name", "role")
    first = {("JO", None, "organizer"), ("OF", None, "required"), (None, "ACME", "required")}
    assert set(taking.all()) == first
    assert taken(brought(manager, "tasks", f"{heading}{row},,,ACME,\n")) == [("unchanged", "")]
    update = brought(manager, "tasks", f"{heading}{row},HR,,Ann Lee; ACME,Ann Lee\n")
    assert taken(update) == [("updated", "")]
    assert set(taking.all()) == {
        *[("JO", None, "required"), ("HR", None, "organizer"), ("OF", None, "required")],
        *[(None, "ACME", "required"), (None, "Ann Lee", "optional")],
    }
    assert taken(brought(manager, "tasks", f"{heading}{row},,,Nobody,\n")) == [
        ("refused", "There is no “Nobody”."),
    ]
    assert taken_back(update) == ["undone"]
    assert set(taking.all()) == first


@pytest.mark.parametrize(
    ("system", "file"),
    [
        (
            "hubspot",
            "Record ID,Task Title,Task Type,Task Status,Priority,Due date,Assigned to,Associated Company,Notes\n"
            "1,Ring,CALL,NOT_STARTED,MEDIUM,2026-03-02 09:00,Jim Olive,ACME,Twice\n",
        ),
        (
            "pipedrive",
            "Activity - ID,Activity - Subject,Activity - Type,Activity - Done,Activity - Priority,Activity - Due date,"
            "Activity - Assigned to user,Activity - Organization,Activity - Note\n"
            "1,Ring,Call,To do,Medium,2026-03-02,Jim Olive,ACME,Twice\n",
        ),
        (
            "salesforce",
            "Activity ID,Subject,Task Subtype,Status,Priority,Due Date,Assigned To,Company / Account,Full Comments\n"
            "1,Ring,Call,Not Started,Normal,3/2/2026,Jim Olive,ACME,Twice\n",
        ),
    ],
)
def test_a_task_of_each_system(manager: User, acme: Contact, jo: Salesperson, system: str, file: str) -> None:
    run = brought(manager, "tasks", file, system, date="mdy" if system == "salesforce" else "ymd")
    assert run.options["key"] == "external_key" and len(run.options["columns"]) == file.split("\n")[0].count(",") + 1
    assert taken(run) == [("created", "")]
    task = Task.objects.get()
    assert (task.description, task.kind, task.status, task.priority, task.due_on, task.salesperson, task.contact) == (
        *("Ring", "call", "not_started", "normal", datetime.date(2026, 3, 2), jo, acme),
    )
    assert task.outcome == "Twice" and ExternalKey.objects.get().system == system


# ── interactions ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_interactions_of_another_system(
    manager: User, acme: Contact, ann: Contact, jo: Salesperson, cycle: SalesCycle
) -> None:
    deal = deal_of(acme, manager, cycle)
    file = (
        "Record ID,Activity date,Type,Direction,Assigned to,Associated contact,Associated company,Associated deal,"
        "Duration,Notes\n"
        '7,2026-03-02T09:30:00+02:00,Logged call,Inbound,Jim Olive,Ann Lee,ACME,Machines,12,"Asked for a price.\nWants two."\n'
        f"8,2026-03-03,Note,,,,ACME,,,{'x' * 120}\n"
    )
    run = brought(manager, "interactions", file)
    assert taken(run) == [("created", "")] * 2
    call, note = Interaction.objects.order_by("pk")
    assert (call.kind, call.happened_on, call.started_at, call.direction, call.duration, call.text) == (
        *("call", datetime.date(2026, 3, 2), datetime.time(9, 30), "in", 12, "Asked for a price.\nWants two."),
    )
    assert (call.description, call.contact, call.company, call.opportunity, call.salesperson, call.logged_by) == (
        *("Asked for a price.", ann, acme, deal, jo, manager),
    )
    assert (note.kind, note.contact, note.started_at, note.salesperson, note.description) == (
        *("note", acme, None, None, "x" * 99 + "…"),
    )
    again = brought(manager, "interactions", file.replace("Wants two", "Wants three"))
    assert taken(again) == [("unchanged", "")] * 2
    assert Interaction.objects.count() == 2
    logs.cancel(note, version=1, by=manager)
    assert taken_back(run) == ["undone", "touched"]
    assert Interaction.objects.get() == note


def test_an_interaction_that_the_rules_refuse(manager: User, acme: Contact, jo: Salesperson) -> None:
    file = (
        "Description,Date,Type,Contact,Duration,Cost,Evaluation,Time,Logged at\n"
        "Nobody,2026-03-02,Call,,,,,,\n"
        "No date,,Call,ACME,,,,,\n"
        "To come,2999-01-01,Call,ACME,,,,,\n"
        ",2026-03-02,Call,ACME,,,,,\n"
        "Too long,2026-03-02,Call,ACME,99999,,,,\n"
        "No minutes,2026-03-02,Call,ACME,soon,,,,\n"
        "Half,2026-03-02,Call,ACME,1.5,,,,\n"
        "Negative,2026-03-02,Call,ACME,,-1,,,\n"
        "Odd,2026-03-02,Call,ACME,,,Fine,,\n"
        "No time,2026-03-02,Call,ACME,,,,noon,\n"
        "Logged,2026-03-02,Call,ACME,,,,,2999-01-01 10:00\n"
    )
    verdicts = taken(brought(manager, "interactions", file))
    assert {verdict for verdict, _why in verdicts} == {"refused"}
    assert [why for _verdict, why in verdicts] == [
        "Contact: Choose a contact.",
        "Date: Enter the date.",
        "Date: It has not happened yet. What is to come is a task.",
        "Description: Enter a description.",
        "Duration in minutes: Enter 0 minutes or more, at most a month.",
        "“soon” is no number in the format that was chosen.",
        "“1.5” is no number of minutes.",
        "Cost: Enter 0 or more, with two decimals.",
        "There is no “Fine”.",
        "“noon” is no time of day.",
        "Logged at: It cannot have been recorded in the future.",
    ]
    assert not Interaction.objects.exists()


def test_a_key_twice_in_one_file(manager: User, acme: Contact, jo: Salesperson) -> None:
    """Also where another slice has the second one."""
    filler = "".join(f"f{at},Filler,2026-03-02,ACME,JO\n" for at in range(120))
    file = f"Id,Description,Date,Contact,Salesperson\n1,First,2026-03-02,ACME,JO\n{filler}1,Second,2026-03-02,ACME,JO\n"
    assert taken(brought(manager, "interactions", file))[-1] == ("unchanged", "")
    assert taken(brought(manager, "tasks", file))[-1] == ("updated", "")
    assert Interaction.objects.filter(description="First").exists() and Task.objects.filter(description="Second")


def test_several_opportunities_of_one_name(
    manager: User, acme: Contact, beta: Contact, jo: Salesperson, cycle: SalesCycle
) -> None:
    """The contact's is meant; without contact nobody knows."""
    one, other = deal_of(acme, manager, cycle), deal_of(beta, manager, cycle)
    file = (
        "Description,Date,Contact,Opportunity\n"
        f"A,2026-03-02,ACME,Machines\nB,2026-03-02,BETA,Machines\nC,2026-03-02,,Machines\nD,2026-03-02,,{one.number.lower()}\n"
    )
    assert taken(brought(manager, "interactions", file)) == [
        *[("created", ""), ("created", ""), ("refused", "There are several “Machines”."), ("created", "")],
    ]
    assert list(Interaction.objects.order_by("pk").values_list("opportunity", flat=True)) == [one.pk, other.pk, one.pk]


ODD = (
    *("", "x", "=1", "-5", "1e400", "9" * 23, "2026-02-31", "2026-03-02", "0001-01-01", "9999-12-31", "NaN", "1,5"),
    *("2026-03-02T25:00:00", "2026-03-02 10:00", "24:00", "9:61", "12:30 pm", "13 pm", "yes", "no", "Ann Lee", "JO"),
    *("ACME; Ann Lee", "CT1", "Call", "Meeting", "Completed", "Cancelled", "Waiting", "1W", "CM-1D", "ü" * 300),
    *("2999-12-31 23:59:59+14:00", "1900-01-01T00:30:00-12:00", "1:99", "1d", "a\nb", "\u0663", "\u202e", "#REF!"),
)


@pytest.mark.parametrize("kind", ["tasks", "interactions"])
def test_no_cell_stops_a_run(kind: str, manager: User, acme: Contact, ann: Contact, jo: Salesperson) -> None:
    """However odd it is: each row is taken or refused."""
    usual = {"description": "Ring", "due_on": "2026-03-02", "happened_on": "2026-03-02", "contact": "ACME"}
    names = [target.name for target in OF[kind]]
    pick = random.Random(kind)
    odd = [
        {name: pick.choice(ODD) if pick.random() < 0.1 else usual.get(name, "") for name in names} for _at in range(300)
    ]
    file = StringIO()
    writer = csv.DictWriter(file, names)
    writer.writeheader()
    writer.writerows(odd)
    verdicts = taken(brought(manager, kind, file.getvalue(), key="external_key", date="ymd", decimal="."), same=False)
    assert len(verdicts) == 300 and {"created", "refused"} <= {verdict for verdict, _why in verdicts}
    assert all(why for verdict, why in verdicts if verdict == "refused")
