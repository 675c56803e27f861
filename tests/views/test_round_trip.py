"""What a list gives as a file goes in again and is the same."""

import datetime
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from collaboration.models import ContactRole, Tag, Tagging
from contacts import lifecycle
from contacts.codes import (
    BusinessRelation,
    IndustryGroup,
    JobResponsibility,
    MailingGroup,
    OrganizationalLevel,
    Salutation,
    Territory,
)
from contacts.listing import CONTACTS
from contacts.models import Contact
from crm.lib.listing.address import MOST_COLUMNS
from interactions import lifecycle as logs
from interactions.listing import INTERACTIONS as LOGS
from interactions.models import Interaction, InteractionGroup, InteractionTemplate
from opportunities import lifecycle as journey
from opportunities.listing import OPPORTUNITIES
from opportunities.models import Opportunity
from salescycles.models import Activity, ActivityStep, CloseCode, Competitor, SalesCycle, Source
from salespeople.listing import SALESPEOPLE
from salespeople.models import Company, Membership, Salesperson, Team, User
from tasks import lifecycle as task_verbs
from tasks.lifecycle import Taking
from tasks.listing import TASKS
from tasks.models import Attendee, Task
from tests.factories import TeamFactory, make_cycle, make_opportunity
from tests.worker import work
from upkeep.importing import running, undoing
from upkeep.importing.fields import LISTS
from upkeep.importing.files import bring
from upkeep.importing.models import ImportRun
from upkeep.importing.tables import TABLES, Table, field_of

pytestmark = pytest.mark.django_db
KEPT = (
    *("number", "kind", "name", "first_name", "last_name", "job_title", "address", "address_2", "post_code", "city"),
    *("county", "country", "phone", "mobile", "email", "email_2", "home_page", "vat_number", "registration_number"),
    *("phone_extension", "other_numbers", "language", "correspondence", "minor", "parental_consent", "privacy_blocked"),
)
LINKS = ("company", "salesperson", "territory", "salutation", "organizational_level")
SEVERAL = ("industry_groups", "job_responsibilities", "mailing_groups", "tags")


@pytest.fixture(autouse=True)
def own_files(settings: Any, tmp_path: Path, company: Company) -> None:
    settings.MEDIA_ROOT = tmp_path


def brought(by: User, kind: str, name: str, content: bytes, **options: Any) -> list[tuple[str, str]]:
    """What becomes of each row of a file that is taken as it is guessed to be."""
    run = bring(by, kind, "", SimpleUploadedFile(name, content))
    run.options |= options
    run.save()
    running.check(run)
    work()
    running.start(ImportRun.objects.get(pk=run.pk))
    work()
    assert ImportRun.objects.get(pk=run.pk).state == "done"
    return list(run.rows.filter(dry=False).order_by("line").values_list("verdict", "why"))


def downloaded(client: Client, url: str) -> bytes:
    answer: Any = client.get(url)
    assert answer.status_code == 200
    content: bytes = answer.getvalue()
    return content


def taken_back(by: User) -> None:
    undoing.start(ImportRun.objects.filter(by=by).latest("pk"))
    work()
    assert ImportRun.objects.filter(by=by).latest("pk").state == "undone"


def state() -> list[Any]:
    links = ("company__name", *(f"{name}__code" for name in LINKS[1:]))
    several = ("industry_groups__code", "job_responsibilities__code", "mailing_groups__code", "taggings__tag__name")
    rows: Any = Contact.objects.order_by("number")
    return [*rows.values_list(*KEPT, *links), *(set(rows.values_list("number", name)) for name in several)]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("language", ["en", "fi"])
def test_contacts_go_out_and_come_in_again(
    kind: str, language: str, client_for: Callable[[User], Client], manager: User, jo: Salesperson
) -> None:
    """Whatever language the file is in."""
    industries = [IndustryGroup.objects.create(code=code) for code in ("FOOD", "STEEL, RAW")]
    place_of = {"territory": Territory.objects.create(code="N", description="North, Arctic")}
    of_person: Any = {
        "salutation": Salutation.objects.create(code="MR"),
        "organizational_level": OrganizationalLevel.objects.create(code="CEO"),
        "job_responsibilities": [JobResponsibility.objects.create(code="BUYS")],
        "mailing_groups": [MailingGroup.objects.create(code=code) for code in ("XMAS", "NEWS")],
    }
    place = {"address": 'Ring 1; back, "B"', "post_code": "00100", "city": "Åbo", "country": "FI", "county": "Uusimaa"}
    told = {"phone": "+358405551234", "email": "info@oy.example", "home_page": "https://oy.example", "salesperson": jo}
    how = {"language": "nb", "correspondence": "hard_copy", "phone_extension": "12", "other_numbers": "ask reception"}
    firm = lifecycle.create(
        by=manager,
        kind="company",
        name="=Oy “Quoted”, Ab",
        registration_number="007",
        industry_groups=industries,
        **place,
        **place_of,
        **told,
        **how,
    )
    person = lifecycle.create(
        by=manager,
        kind="person",
        first_name="Émile",
        last_name="O'Neil",
        company=firm.contact,
        job_title="+1 boss",
        minor=True,
        **of_person,
    )
    for name in ("key account", "fair, spring"):
        lifecycle.tag(person.contact, tag=Tag.objects.create(name=name), by=manager)
    before = state()
    words = ",".join([*KEPT, *LINKS, *SEVERAL])
    client = client_for(manager)
    client.cookies["django_language"] = language
    content = downloaded(client, f"/contacts/export/?columns={words}&order=kind&as={kind}")
    assert brought(manager, "contacts", f"contacts.{kind}", content) == [("unchanged", "")] * 2
    assert state() == before
    Contact.objects.filter(kind="person").delete()
    Contact.objects.all().delete()
    assert brought(manager, "contacts", f"contacts.{kind}", content) == [("created", "")] * 2
    assert state() == before
    taken_back(manager)
    assert not Contact.objects.exists() and Tag.objects.count() == 2


def test_tags_that_a_file_gives_go_again_alone(manager: User, acme: Contact, beta: Contact) -> None:
    """What somebody else gave stays, and keeps the contact."""
    tags = {name: Tag.objects.create(name=name) for name in ("hot", "old", "own")}
    Tag.objects.create(name="deals", for_contact=False)
    lifecycle.tag(acme, tag=tags["old"], by=manager)
    file = b'Name,Tags\nACME,"hot, old"\nBETA,\nNEW,hot\nOTHER,hot\nNOT,deals\nNOR,nobody\n'
    assert [verdict for verdict, _why in brought(manager, "contacts", "c.csv", file)] == [
        *("updated", "unchanged", "created", "created", "refused", "refused"),
    ]
    assert set(Tagging.objects.values_list("contact__name", "tag__name")) == {
        *(("ACME", "hot"), ("ACME", "old"), ("NEW", "hot"), ("OTHER", "hot")),
    }
    lifecycle.tag(Contact.objects.get(name="OTHER"), tag=tags["own"], by=manager)
    taken_back(manager)
    assert set(Tagging.objects.values_list("contact__name", "tag__name")) == {
        *(("ACME", "old"), ("OTHER", "hot"), ("OTHER", "own")),
    }
    assert set(Contact.objects.values_list("name", flat=True)) == {"ACME", "BETA", "OTHER"}


SAID = (
    *("description", "contact__name", "salesperson__code", "stage__description", "status", "estimated_value"),
    *("competitor__code", "source__code", "chances", "chances_are_manual", "stage_entered_on"),
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
    rival, fair = Competitor.objects.create(code="RIVAL"), Source.objects.create(code="FAIR")
    tag = Tag.objects.create(name="spring, fair")
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
        if name == "Runs":
            journey.edit(deal, competitor=rival, source=fair, **how)
            journey.tag(deal, tag=tag, by=manager)
            deal.refresh_from_db()
            journey.revise(deal, chances=Decimal("37.5"), **how | {"version": deal.version})
        if name == "Is won":
            journey.close(deal, outcome="won", close_code=price_w, sales_value=Decimal(1300), **how)
        if name == "Is lost":
            journey.close(deal, outcome="lost", close_code=price_l, **how)
    known = [*Opportunity.objects.order_by("pk")]
    words = "description,contact,salesperson,stage,status,estimated_value,closing_on,sales_value,closed_on,close_code"
    more = "created_on,priority,sales_cycle,competitor,source,tags,chances,chances_are_manual,stage_entered_on"
    query = f"columns={words},{more}&order=created_on&as={kind}"
    content = downloaded(client_for(manager), f"/opportunities/export/?{query}")
    options = {"cycle": cycle.pk, "won_code": price_w.pk, "lost_code": price_l.pk}
    verdicts = brought(manager, "opportunities", f"deals.{kind}", content, **options)
    assert verdicts == [("created", "")] * 4
    old = Opportunity.objects.filter(pk__in=[deal.pk for deal in known]).order_by("description")
    new = Opportunity.objects.exclude(pk__in=[deal.pk for deal in known]).order_by("description")
    assert list(new.values_list(*SAID)) == list(old.values_list(*SAID))
    assert list(new.filter(taggings__tag=tag).values_list("description", flat=True)) == ["Runs"]
    taken_back(manager)
    assert Opportunity.objects.count() == 4 and Tagging.objects.count() == 1
    other = make_cycle(code="OTHER")
    verdicts = brought(manager, "opportunities", f"deals.{kind}", content, **options | {"cycle": other.pk})
    said = "Sales cycle: The row is of another sales cycle than the one that was chosen for the file."
    assert verdicts == [("refused", said)] * 4


TASK = (
    *("description", "due_on", "kind", "status", "priority", "closed_on", "cancelled", "outcome", "location"),
    *("all_day", "starts_at", "duration", "interval", "recurs_from", "reminder", "salesperson__code", "team__code"),
    *("contact__number", "company__number", "opportunity__number", "completed_by__code"),
)


def tasks_of_every_kind(manager: User, jo: Salesperson, of: Salesperson, deal: Opportunity, ann: Contact) -> None:
    """Under way, completed, cancelled, a team's, recurring, meetings; and of somebody who went elsewhere and is blocked."""
    today = deal.created_on
    team = TeamFactory(code="N", name="North, Arctic", members=[of])
    how: dict[str, Any] = {"by": manager, "on": today}
    usual = {"salesperson": jo, **how}
    task_verbs.create(description="=Ring", due_on=today, kind="call", priority="high", contact=ann, **usual)
    later = today + datetime.timedelta(days=9)
    task_verbs.create(
        description="Write; “now”", due_on=later, status="waiting", opportunity=deal, reminder="1d", **usual
    )
    meets: dict[str, Any] = {"kind": "meeting", "due_on": later, **usual}
    guests = [Taking(of, "organizer"), Taking(jo), Taking(ann, "optional"), Taking(deal.contact)]
    at = {"starts_at": datetime.time(9, 30), "duration": 90, "location": "Åbo", "reminder": "15m"}
    task_verbs.create(description="Meet", attendees=guests, opportunity=deal, **at, **meets)
    task_verbs.create(description="Exactly", starts_at=datetime.time(9, 30, 15), duration=1, **meets)
    task_verbs.create(description="Fair", all_day=True, **meets)
    weekly = task_verbs.create(description="Weekly", due_on=later, interval="1W", recurs_from="closing", **usual)
    task_verbs.complete(weekly, version=1, outcome="Two\nlines, “said”", **how)
    ours = task_verbs.create(description="Ours", due_on=today, team=team, **how)
    task_verbs.complete(ours, version=1, completed_by=of, **how)
    task_verbs.create(description="Ours too", due_on=today, team=team, **how)
    gone = task_verbs.create(
        description="Not", due_on=today, status="postponed", opportunity=deal, contact=ann, **usual
    )
    task_verbs.cancel(gone, version=1, outcome="-", **how)
    again = task_verbs.create(description="Again", due_on=today, **usual)
    task_verbs.complete(again, version=1, outcome="Not quite", **how)
    task_verbs.reopen(again, version=2, **how)
    done = task_verbs.create(description="Blocked", due_on=today, salesperson=of, **how)
    task_verbs.complete(done, version=1, **how)


def told_of(model: Any, names: tuple[str, ...]) -> list[Any]:
    return list(model.objects.order_by("pk").values_list(*names))


def attendances() -> set[Any]:
    return set(Attendee.objects.values_list("task__description", "salesperson__code", "contact__number", "role"))


def every_column(listing: Any) -> str:
    return ",".join(column.name for column in listing.columns)


ALL = pytest.mark.parametrize(
    ("kind", "language"),
    [("csv", "en"), ("xlsx", "en"), ("csv", "fi"), ("csv", "nb"), ("csv", "de"), ("xlsx", "nl"), ("csv", "it")],
)


@ALL
def test_tasks_go_out_and_come_in_again(
    kind: str,
    language: str,
    client_for: Callable[[User], Client],
    manager: User,
    jo: Salesperson,
    of: Salesperson,
    acme: Contact,
    beta: Contact,
    ann: Contact,
    cycle: SalesCycle,
) -> None:
    """All that the list tells of a task; not what it follows, nor what step made it."""
    deal = make_opportunity(contact=acme, salesperson=jo, cycle=cycle, by=manager)
    tasks_of_every_kind(manager, jo, of, deal, ann)
    lifecycle.change(ann, by=manager, on=deal.created_on, company=beta)
    Salesperson.objects.filter(pk=of.pk).update(blocked=True)
    before, taking = told_of(Task, TASK), attendances()
    assert len(before) == 12
    client = client_for(manager)
    client.cookies["django_language"] = language
    content = downloaded(client, f"/tasks/export/?columns={every_column(TASKS)}&order=description&as={kind}")
    Task.objects.update(follows=None)
    Task.objects.all().delete()
    verdicts = brought(manager, "tasks", f"tasks.{kind}", content)
    assert verdicts == [("created", "")] * len(before)
    assert sorted(told_of(Task, TASK), key=str) == sorted(before, key=str)
    assert attendances() == taking
    assert left_out(manager) == {"source"}
    taken_back(manager)
    assert not Task.objects.exists()


def left_out(by: User) -> set[str]:
    """The columns of the last file of all columns of a list that become nothing."""
    run = ImportRun.objects.filter(by=by).latest("pk")
    names = [column.name for column in LISTS[run.kind].columns]
    return {name for at, name in enumerate(names) if str(at) not in run.options["columns"]}


INTERACTION = (
    *("kind", "direction", "initiated_by", "happened_on", "started_at", "description", "text", "failed", "evaluation"),
    *("cost", "duration", "contact__number", "company__number", "opportunity__number", "salesperson__code"),
    *("template__code", "cancelled"),
)


@ALL
def test_interactions_go_out_and_come_in_again(
    kind: str,
    language: str,
    client_for: Callable[[User], Client],
    manager: User,
    jo: Salesperson,
    acme: Contact,
    beta: Contact,
    ann: Contact,
    cycle: SalesCycle,
) -> None:
    """All that the list tells of one, when it was logged by the clock of who takes it out and in; not of what task it came. The list has
    cancelled ones apart."""
    manager.time_zone = "America/New_York"
    manager.save()
    deal = make_opportunity(contact=acme, salesperson=jo, cycle=cycle, by=manager)
    on = deal.created_on
    how: dict[str, Any] = {"by": manager, "on": on}
    template = InteractionTemplate.objects.create(code="T", kind="email")
    told: dict[str, Any] = {"direction": "in", "initiated_by": "them", "evaluation": "very_positive", "salesperson": jo}
    took: dict[str, Any] = {"started_at": datetime.time(23, 59), "cost": Decimal("1234.5"), "duration": 30}
    logs.log(description="+Rang", kind="call", contact=ann, opportunity=deal, **told, **took, **how)
    text = "Two\nlines; “said”, twice"
    logs.log(description="Wrote", kind="email", contact=acme, text=text, template=template, **how)
    logs.log(description="Tried", kind="call", contact=beta, failed=True, salesperson=None, **how)
    logs.log(description="Deal", kind="note", opportunity=deal, salesperson=None, **how)
    wrong = logs.log(description="Wrong", kind="meeting", contact=beta, happened_on=on - datetime.timedelta(1), **how)
    logs.cancel(wrong, version=1, by=manager)
    Interaction.objects.filter(pk=wrong.pk).update(
        logged_at=datetime.datetime(2026, 3, 2, 9, 30, 15, tzinfo=datetime.UTC)
    )
    Contact.objects.filter(pk=ann.pk).update(company=beta, archived=True)
    Salesperson.objects.filter(pk=jo.pk).update(blocked=True)
    InteractionTemplate.objects.update(blocked=True)
    before, logged = told_of(Interaction, INTERACTION), told_of(Interaction, ("logged_at",))
    client = client_for(manager)
    client.cookies["django_language"] = language
    address = f"/interactions/export/?columns={every_column(LOGS)}&order=description&as={kind}"
    standing, cancelled = downloaded(client, address), downloaded(client, f"{address}&cancelled=true")
    Interaction.objects.all().delete()
    assert brought(manager, "interactions", f"cancelled.{kind}", cancelled) == [("created", "")]
    assert brought(manager, "interactions", f"logs.{kind}", standing) == [("created", "")] * 4
    assert sorted(told_of(Interaction, INTERACTION), key=str) == sorted(before, key=str)
    again = sorted(told_of(Interaction, ("logged_at",)))
    assert again == sorted((moment.replace(microsecond=0),) for (moment,) in logged)
    assert left_out(manager) == set()
    taken_back(manager)
    assert Interaction.objects.get().cancelled


PERSON = (
    *("code", "name", "job_title", "email", "email_2", "phone", "commission"),
    *("blocked", "privacy_blocked"),
)


def people() -> list[Any]:
    rows = Salesperson.objects.order_by("code")
    return [*rows.values_list(*PERSON), set(rows.values_list("code", "teams__name"))]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_salespeople_go_out_and_come_in_again(
    kind: str, client_for: Callable[[User], Client], manager: User, jo: Salesperson, of: Salesperson
) -> None:
    more = {
        "job_title": "=boss",
        "commission": "12.5",
        "email_2": "o@example.com",
        "phone": "+358 40 1",
        "blocked": True,
    }
    Salesperson.objects.filter(pk=of.pk).update(privacy_blocked=True, **more)
    for at, name in enumerate(("North", "South, West")):
        TeamFactory(code=f"T{at}", name=name).members.add(jo)
    before = people()
    query = f"columns={','.join([*PERSON, 'team'])}&as={kind}"
    content = downloaded(client_for(manager), f"/salespeople/export/?{query}")
    assert brought(manager, "salespeople", f"people.{kind}", content) == [("unchanged", "")] * 2
    Salesperson.objects.update(name="Somebody", commission=0, privacy_blocked=False)
    Membership.objects.filter(team__code="T1").delete()
    assert brought(manager, "salespeople", f"people.{kind}", content) == [("updated", "")] * 2
    assert people() == before
    taken_back(manager)
    assert {*Salesperson.objects.values_list("name", "commission")} == {("Somebody", 0)}
    assert Membership.objects.count() == 1
    Salesperson.objects.all().delete()
    assert brought(manager, "salespeople", f"people.{kind}", content) == [("created", "")] * 2
    assert people() == before
    taken_back(manager)
    assert not Salesperson.objects.exists()


def set_up(jo: Salesperson, of: Salesperson) -> None:
    """Something of every short table, where a name begins like a formula and words have capitals, commas and accents."""
    north = Team.objects.create(code="N", name="North", manager=jo)
    Team.objects.create(code="A", name="Above", parent=None)
    Team.objects.create(code="B", name="=Below", parent=north)
    CloseCode.objects.create(code="DEAR", description="-5 % too dear; “said”", outcome="lost")
    CloseCode.objects.create(code="GOOD", outcome="won", blocked=True)
    Source.objects.create(code="FAIR", description="Fair, Åbo", starts_on=datetime.date(2026, 1, 31))
    Competitor.objects.create(code="RIVAL", name="Rival Oy", blocked=True)
    first = Activity.objects.create(code="FIRST", description="First")
    second = Activity.objects.create(code="2", description="Second")
    for number, activity in enumerate((first, first, second), start=1):
        steps = {"kind": "call", "priority": "high", "date_formula": "2W+1D"} if number == 2 else {}
        ActivityStep.objects.create(activity=activity, number=number, description="Ask", **steps)
    Territory.objects.create(code="FI", description="Suomi").salespeople.add(jo, of)
    for model in (Salutation, OrganizationalLevel, JobResponsibility, IndustryGroup, MailingGroup, ContactRole):
        model._default_manager.create(code="007", description="Bond")
        model._default_manager.create(code="A-B", description="Line\nof two")
        model._default_manager.create(code="AB")
    BusinessRelation.objects.create(code="CUSTOMER", description="Customer", account="customer")
    BusinessRelation.objects.create(code="PRESS")
    Tag.objects.create(name="Hot", colour="red", for_contact=False)
    Tag.objects.create(name="old, cold", archived=True)
    group = InteractionGroup.objects.create(code="G", description="Group")
    InteractionTemplate.objects.create(code="T", group=group, kind="email", direction="in", cost="1234.5", duration=30)
    InteractionTemplate.objects.create(code="U", initiated_by="them", blocked=True)


def rows_of(table: Table) -> list[Any]:
    links = {name: f"{name}__code" for name in table.fields if field_of(table, name).related_model}
    rows: Any = table.model._default_manager.order_by(
        *filter(None, (table.within and f"{table.within}__code", table.key))
    )
    several = (set(rows.values_list(table.key, f"{hangs}__code")) for hangs in table.several.values())
    return [*rows.values_list(*(links.get(name, name) for name in table.fields)), *several]


@pytest.mark.parametrize(("file", "language"), [("csv", "en"), ("xlsx", "en"), ("csv", "it")])
def test_set_up_goes_out_and_comes_in_again(
    file: str, language: str, client_for: Callable[[User], Client], manager: User, jo: Salesperson, of: Salesperson
) -> None:
    """Everything into what has nothing, in an order in which each finds what it names; then once more, which changes nothing."""
    set_up(jo, of)
    before = {kind: rows_of(table) for kind, table in TABLES.items()}
    client = client_for(manager)
    client.cookies["django_language"] = language
    files: dict[str, bytes] = {}
    for kind in TABLES:
        files[kind] = downloaded(client, f"/import/table/?of={kind}&as={file}")
        assert before[kind], kind
    gone: Any
    for gone in (Territory, ActivityStep, Activity, InteractionTemplate, Membership):
        gone.objects.all().delete()
    Team.objects.update(parent=None)
    Team.objects.update(manager=None)
    for table in TABLES.values():
        table.model._default_manager.all().delete()
    for kind in sorted(TABLES, key=[*("salespeople", "team"), *TABLES].index):
        verdicts = brought(manager, kind, f"rows.{file}", files[kind])
        assert verdicts == [("created", "")] * len(verdicts) and verdicts, (kind, verdicts)
    assert {kind: rows_of(table) for kind, table in TABLES.items()} == before
    for kind, content in files.items():
        verdicts = brought(manager, kind, f"rows.{file}", content)
        assert verdicts == [("unchanged", "")] * len(verdicts), (kind, verdicts)
    assert {kind: rows_of(table) for kind, table in TABLES.items()} == before


def test_set_up_that_came_in_is_taken_back(manager: User, jo: Salesperson) -> None:
    """What was changed since stays, and so does what is used."""
    CloseCode.objects.create(code="OLD", description="Old", outcome="lost")
    CloseCode.objects.create(code="STAYS", description="Stays", outcome="lost")
    file = b"Code,Description,Type\nOLD,New,Lost\nSTAYS,New,Lost\nMADE,Made,Voitettu\nODD,,Perhaps\n"
    assert brought(manager, "closecode", "codes.csv", file) == [
        *[("updated", "")] * 2,
        *[("created", ""), ("refused", "There is no “Perhaps”.")],
    ]
    assert CloseCode.objects.get(code="MADE").outcome == "won"
    CloseCode.objects.filter(code="STAYS").update(description="Newer")
    taken_back(manager)
    assert list(CloseCode.objects.order_by("code").values_list("code", "description")) == [
        *[("OLD", "Old"), ("STAYS", "Newer")],
    ]
    brought(manager, "industrygroup", "g.csv", b"Code,Description\nUSED,Used\nFREE,Free\n")
    company = lifecycle.create(
        by=manager, kind="company", name="ACME", industry_groups=[IndustryGroup.objects.get(code="USED")]
    )
    taken_back(manager)
    assert company.contact and list(IndustryGroup.objects.values_list("code", flat=True)) == ["USED"]


def test_a_code_that_is_used_keeps_its_type(
    manager: User, acme: Contact, jo: Salesperson, cycle: SalesCycle, price_l: CloseCode
) -> None:
    deal = make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, by=manager)
    journey.close(deal, version=deal.version, on=deal.created_on, by=manager, outcome="lost", close_code=price_l)
    file = b"Code,Type\nPRICE_L,Won\n"
    said = "Type: Opportunities were closed with this code, so its type stays. Make a new code."
    assert brought(manager, "closecode", "codes.csv", file) == [("refused", said)]


def test_codes_that_differ_in_marks_alone_are_two(manager: User) -> None:
    """And two people of one name are not told apart by it."""
    IndustryGroup.objects.create(code="A-B", description="Old")
    assert brought(manager, "industrygroup", "g.csv", b"Code,Description\nAB,New\na-b,Newer\n") == [
        *[("created", ""), ("updated", "")],
    ]
    assert dict(IndustryGroup.objects.values_list("code", "description")) == {"A-B": "Newer", "AB": "New"}
    for code in ("X", "Y"):
        Salesperson.objects.create(code=code, name="Twin")
    assert brought(manager, "salespeople", "p.csv", b"Name,Phone\nTwin,1\n", key="name") == [
        ("refused", "There are several “Twin”."),
    ]


def test_every_list_can_be_a_file_of_all_its_columns() -> None:
    for listing in (CONTACTS, OPPORTUNITIES, SALESPEOPLE, TASKS, LOGS):
        assert len(listing.columns) <= MOST_COLUMNS


@pytest.mark.parametrize("query", ["", "of=source", "of=nobody&as=csv", "of=source&as=pdf", "of=contacts&as=csv"])
def test_a_table_that_is_none(query: str, client_for: Callable[[User], Client], manager: User) -> None:
    assert client_for(manager).get(f"/import/table/?{query}").status_code == 404


def test_who_may_not_take_tables_out(
    client_for: Callable[[User], Client], rep: User, manager: User, administrator: User
) -> None:
    query = "/import/table/?of=source&as=csv"
    assert client_for(rep).get(query).status_code == 403
    assert downloaded(client_for(administrator), query)
    page = client_for(manager).get("/import/?of=source").content.decode()
    assert re.search(r'value="source"[^>]* checked', page)
    page = client_for(manager).get("/admin/salescycles/activity/").content.decode()
    assert "/import/table/?of=activitystep&amp;as=xlsx" in page and "/import/?of=activity" in page
