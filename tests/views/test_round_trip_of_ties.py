"""What hangs on contacts and opportunities goes out as files, comes in again and is the same."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.test import Client

from collaboration.models import ContactRole, Involvement, Notification
from contacts import lifecycle
from contacts.codes import BusinessRelation
from contacts.models import AddressPeriod, AlternativeAddress, Contact, ContactsRelation
from crm.lib.listing import files
from opportunities import lifecycle as journey
from opportunities.models import Opportunity
from salespeople.models import Company, Grant, Salesperson, User
from salespeople.roles import SALES_REP
from tests import factories
from tests.factories import make_opportunity
from tests.views.test_round_trip import brought, downloaded, taken_back
from tests.worker import work
from upkeep.importing import ties, undoing
from upkeep.importing.models import ImportRun
from upkeep.importing.ties import TIES

pytestmark = pytest.mark.django_db
SUMMER, SITE = datetime.date(2026, 6, 1), datetime.date(2026, 9, 1)
END = datetime.date(2026, 8, 31)
PLACE = {
    "name": "=Oy “Summer”, Ab",
    "address": 'Quay 1; "B"',
    "address_2": "2nd",
    "post_code": "00100",
    "city": "Åbo",
    "county": "Uusimaa",
    "country": "FI",
    "phone": "+35895550100",
    "phone_extension": "12",
    "mobile": "+358405551234",
    "email": "quay@acme.example",
    "home_page": "https://acme.example/quay",
}


@pytest.fixture(autouse=True)
def own_files(settings: Any, tmp_path: Any, company: Company) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def deal(acme: Contact, jo: Salesperson) -> Opportunity:
    return make_opportunity(contact=acme, salesperson=jo, description="-Chairs")


@pytest.fixture
def hanging(
    acme: Contact,
    ann: Contact,
    beta: Contact,
    deal: Opportunity,
    jo: Salesperson,
    of: Salesperson,
    hr: Salesperson,
    manager: User,
) -> None:
    """Something of each: an address with two periods, one with one and one with none; relations with a number and without."""
    Contact.objects.filter(pk=ann.pk).update(salesperson=jo)
    periods = {SUMMER: END, datetime.date(2027, 6, 1): None}
    lifecycle.write_address(acme, code="SUMMER", by=manager, periods=periods, **PLACE)
    lifecycle.write_address(acme, code="SITE", by=manager, periods={SITE: None}, address="Road  2")
    lifecycle.write_address(beta, code="SUMMER", by=manager, address="+1")
    customer = BusinessRelation.objects.create(code="CUSTOMER", description="Customer", account="customer")
    press = BusinessRelation.objects.create(code="PRESS")
    day = datetime.date(2026, 3, 2)
    for contact, numbers in ((acme, {customer.pk: "=1", press.pk: ""}), (beta, {customer.pk: "2, B"})):
        lifecycle.change(contact, by=manager, on=day, business_relations=numbers)
    decides, uses = (ContactRole.objects.create(code=code, description=code.title()) for code in ("DECIDES", "USES"))
    ContactRole.objects.create(code="DE-CIDES")
    for contact, role in ((ann, decides), (ann, uses), (beta, uses)):
        journey.involve(deal, contact=contact, role=role, by=manager)
    for person in (of, hr):
        journey.share(deal, by=manager, may_edit=True, is_co_owner=True, salesperson_id=person.pk)
    Notification.objects.all().delete()


def state() -> dict[str, list[Any]]:
    of_address = ("contact__number", "code", *PLACE)
    periods = AddressPeriod.objects.order_by("starts_on")
    return {
        "alternativeaddress": [
            *AlternativeAddress.objects.order_by("contact__number", "code").values_list(*of_address),
            *periods.values_list("contact__number", "alternative_address__code", "starts_on", "ends_on"),
        ],
        "contactsrelation": sorted(
            ContactsRelation.objects.values_list("contact__number", "business_relation__code", "number")
        ),
        "involvement": sorted(Involvement.objects.values_list("opportunity", "contact__number", "role__code")),
        "coowner": sorted(
            Grant.objects.filter(contact=None).values_list(
                "opportunity", "salesperson__code", "may_edit", "is_co_owner"
            )
        ),
    }


MODELS: dict[str, Any] = {kind: tie.model for kind, tie in TIES.items()}
ROWS = {"alternativeaddress": 4, "contactsrelation": 3, "involvement": 3, "coowner": 2}
MADE = {"alternativeaddress": ["created", "created", "updated", "created"]}  # a row for each period


@pytest.mark.parametrize(("file", "language"), [("csv", "en"), ("xlsx", "en"), ("csv", "it"), ("xlsx", "fi")])
@pytest.mark.parametrize("kind", TIES)
def test_what_hangs_on_records_goes_out_and_comes_in_again(
    kind: str, file: str, language: str, client_for: Callable[[User], Client], manager: User, hanging: None
) -> None:
    """It is unchanged where it stands, made anew where it is gone, and gone again when that is taken back."""
    before = state()
    client = client_for(manager)
    client.cookies["django_language"] = language
    content = downloaded(client, f"/import/table/?of={kind}&as={file}")
    assert brought(manager, kind, f"rows.{file}", content) == [("unchanged", "")] * ROWS[kind]
    assert state() == before
    MODELS[kind].objects.all().delete()
    verdicts = brought(manager, kind, f"rows.{file}", content)
    assert verdicts == [(verdict, "") for verdict in MADE.get(kind, ["created"] * ROWS[kind])]
    assert state() == before
    assert not Notification.objects.exists()
    taken_back(manager)
    assert not MODELS[kind].objects.exists() and not AddressPeriod.objects.exclude(
        alternative_address__in=AlternativeAddress.objects.all()
    )
    assert Contact.objects.count() == 3 and Opportunity.objects.count() == 1


def test_addresses_are_made_changed_and_given_back(manager: User, acme: Contact, beta: Contact) -> None:
    """What a row leaves blank stays; a period is found by the day on which it begins."""
    lifecycle.write_address(acme, code="OLD", by=manager, periods={SUMMER: END}, **PLACE)
    lifecycle.write_address(acme, code="KEPT", by=manager, city="Oulu")
    before = state()
    file = (
        "Contact,Contact name,Code,City,Country,Phone,From,Until\n"
        "CT1,Whoever,old,Turku,suomi,,2026-06-01,\n"
        "ct1,,OLD,,,040 555 9999,2027-06-01,2027-08-31\n"
        "acme,,KEPT,Espoo,,,,\n"
        "CT1,,NEW,Vaasa,DE,030 901820 ext. 7,2026-10-01,\n"
        f"{beta.name},,NEW,,,,2026-06-01,\n"
    )
    assert brought(manager, "alternativeaddress", "a.csv", file.encode()) == [
        *[("updated", ""), ("updated", ""), ("updated", "")],
        *[("created", ""), ("created", "")],
    ]
    old = AlternativeAddress.objects.get(code="OLD")
    assert (old.city, old.phone, old.address) == ("Turku", "+358405559999", 'Quay 1; "B"')
    assert list(old.periods.values_list("starts_on", "ends_on")) == [
        *[(SUMMER, END), (datetime.date(2027, 6, 1), datetime.date(2027, 8, 31))],
    ]
    new = AlternativeAddress.objects.get(contact=acme, code="NEW")
    assert (new.phone, new.phone_extension) == ("+4930901820", "7")
    lifecycle.write_address(acme, code="KEPT", by=manager, city="Kuopio")
    events: Any = apps.get_model("contacts", "AlternativeAddressEvent").objects
    assert {event.pgh_context.metadata["user"] for event in events.select_related("pgh_context")} == {manager.pk}
    taken_back(manager)
    kept = AlternativeAddress.objects.get(code="KEPT")
    assert kept.city == "Kuopio"
    lifecycle.write_address(acme, code="KEPT", by=manager, city="Oulu")
    assert state() == before
    assert {event.pgh_context.metadata["user"] for event in events.select_related("pgh_context")} == {manager.pk}


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("CT9,X,,,,", "There is no “CT9”."),
        (",X,,,,", "Contact: This field is required."),
        ("CT1,,,,,", "Code: This field is required."),
        ("CT1,ELEVEN-SIGNS,,,,", "Code: Ensure this value has at most 10 characters (it has 12)."),
        ("CT1,X,,,,2026-06-02", "From: This field is required."),
        ("CT1,X,,,2026-06-02,2026-06-01", "Until: A period does not end before it begins."),
        ("CT1,X,,,2026-06-01,", "From: Another address of this contact begins on this day."),
        ("CT1,X,call me,,,", "Phone: Write the number with its country code, like +358 9 5550100."),
        ("CT1,X,,nobody,,", "E-mail: Enter a valid email address."),
        ("CT1,X,,,31.31.2026,", "“31.31.2026” is no date in the format that was chosen."),
        ("CT1,OLD,,,2027-01-01,", "From: An address has at most 1 periods."),
    ],
)
def test_addresses_that_are_refused(
    row: str, why: str, manager: User, acme: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    lifecycle.write_address(acme, code="OLD", by=manager, periods={SUMMER: None})
    monkeypatch.setattr(lifecycle, "MOST_PERIODS", 1)
    before = state()
    file = f"Contact,Code,Phone,E-mail,From,Until\n{row}\n".encode()
    assert brought(manager, "alternativeaddress", "a.csv", file) == [("refused", why)]
    assert state() == before


def test_relations_are_made_changed_refused_and_given_back(
    manager: User, acme: Contact, ann: Contact, beta: Contact
) -> None:
    customer = BusinessRelation.objects.create(code="CUSTOMER", description="Customer", account="customer")
    press = BusinessRelation.objects.create(code="PRESS", description="Press")
    day = datetime.date(2026, 3, 2)
    lifecycle.change(acme, by=manager, on=day, business_relations={customer.pk: "1", press.pk: "7"})
    before = state()
    file = (
        "Contact,Business relation,Number there\n"
        "CT1,CUSTOMER,K1\n"
        "CT1,press,\n"
        f"{beta.number},Press,8\n"
        f"{beta.number},CUSTOMER,K1\n"
        "CT2,CUSTOMER,9\n"
        "CT1,CUSTOMR,1\n"
        f"{beta.number},CUSTOMER,{'9' * 21}\n"
    )
    assert brought(manager, "contactsrelation", "r.csv", file.encode()) == [
        ("updated", ""),
        ("unchanged", ""),
        ("created", ""),
        ("refused", "Business relation: Customer K1 is the number of another contact already."),
        (
            "refused",
            "Business relation: A person of a company has the business relations of the company: write them there.",
        ),
        ("refused", "There is no “CUSTOMR”."),
        ("refused", "Number there: Ensure this value has at most 20 characters (it has 21)."),
    ]
    run = ImportRun.objects.latest("pk")
    assert list(run.rows.filter(dry=False, field="relation").values_list("said", flat=True)) == ["CUSTOMR"]
    taken_back(manager)
    assert state() == before


def test_people_and_co_owners_are_made_refused_and_given_back(
    manager: User, acme: Contact, ann: Contact, deal: Opportunity, of: Salesperson, hr: Salesperson, jo: Salesperson
) -> None:
    """Nobody is told of it."""
    ContactRole.objects.create(code="DECIDES")
    ContactRole.objects.create(code="GONE", blocked=True)
    journey.share(deal, by=manager, may_edit=False, salesperson_id=of.pk)
    Notification.objects.all().delete()
    before = state()
    people = f"Opportunity,Contact,Role\n{deal.number},CT2,decides\n{deal.number},CT2,GONE\nOP?,CT2,DECIDES\n"
    assert brought(manager, "involvement", "p.csv", people.encode()) == [
        ("created", ""),
        ("refused", "Role: The role “GONE” is blocked and cannot be chosen."),
        ("refused", "There is no “OP?”."),
    ]
    taken_back(manager)
    assert state() == before
    owners = f"Opportunity,Co-owner\n{deal.number},OF\n{deal.number},hr\n{deal.number},JO\n"
    assert brought(manager, "coowner", "o.csv", owners.encode()) == [
        *[("updated", ""), ("created", "")],
        ("refused", "Co-owner: Jim Olive is the salesperson already."),
    ]
    assert set(Grant.objects.values_list("salesperson__code", "is_co_owner")) == {("OF", True), ("HR", True)}
    assert not Notification.objects.exists()
    taken_back(manager)
    assert state() == before


@pytest.fixture
def narrow(jo: Salesperson) -> User:
    """A sales rep who sees own contacts and opportunities alone, and may import."""
    user = factories.make_user("narrow@example.com", role=SALES_REP, salesperson=jo)
    group = user.groups.get()
    group.permissions.remove(Permission.objects.get(codename="view_every_contact"))
    user.user_permissions.add(Permission.objects.get(codename="add_importrun"))
    return User.objects.get(pk=user.pk)


def test_what_one_does_not_see_neither_goes_out_nor_comes_in(
    client_for: Callable[[User], Client],
    narrow: User,
    manager: User,
    hanging: None,
    beta: Contact,
    hr: Salesperson,
    of: Salesperson,
) -> None:
    other = make_opportunity(contact=beta, salesperson=hr)
    role = ContactRole.objects.get(code="USES")
    journey.involve(other, contact=beta, role=role, by=manager)
    journey.share(other, by=manager, may_edit=True, is_co_owner=True, salesperson_id=of.pk)
    client = client_for(narrow)
    told = {kind: downloaded(client, f"/import/table/?of={kind}&as=csv").decode() for kind in TIES}
    assert all(beta.number not in content and other.number not in content for content in told.values())
    assert [len(content.splitlines()) for content in told.values()] == [4, 3, 3, 3]
    before = state()
    rows = {
        "alternativeaddress": f"Contact,Code,City\n{beta.number},SUMMER,Oulu\n",
        "contactsrelation": f"Contact,Business relation,Number there\n{beta.number},CUSTOMER,9\n",
        "involvement": f"Opportunity,Contact,Role\n{other.number},CT2,USES\n",
        "coowner": f"Opportunity,Co-owner\n{other.number},OF\n",
    }
    for kind, content in rows.items():
        said = other.number if other.number in content else beta.number
        assert brought(narrow, kind, "x.csv", content.encode()) == [("refused", f"There is no “{said}”.")]
    assert state() == before


def test_what_one_sees_and_may_not_change_stays(
    narrow: User, manager: User, hanging: None, beta: Contact, hr: Salesperson, jo: Salesperson
) -> None:
    other = make_opportunity(contact=beta, salesperson=hr)
    lifecycle.share(beta, by=manager, may_edit=False, salesperson_id=jo.pk)
    journey.share(other, by=manager, may_edit=False, salesperson_id=jo.pk)
    before = state()
    rows = {
        "alternativeaddress": f"Contact,Code,City\n{beta.number},SUMMER,Oulu\n",
        "contactsrelation": f"Contact,Business relation,Number there\n{beta.number},CUSTOMER,9\n",
        "involvement": f"Opportunity,Contact,Role\n{other.number},CT2,USES\n",
        "coowner": f"Opportunity,Co-owner\n{other.number},OF\n",
    }
    for kind, content in rows.items():
        field, record = ("Opportunity", other) if other.number in content else ("Contact", beta)
        said = f"{field}: You may see, but not change: {record}."
        assert brought(narrow, kind, "x.csv", content.encode()) == [("refused", said)]
    journey.share(other, by=manager, may_edit=True, salesperson_id=jo.pk)
    said = f"Opportunity: You may see, but not change: {other}."
    assert brought(narrow, "coowner", "x.csv", rows["coowner"].encode()) == [("refused", said)]
    assert brought(narrow, "involvement", "x.csv", rows["involvement"].encode()) == [("created", "")]
    assert {kind: told for kind, told in state().items() if kind not in ("involvement", "coowner")} == {
        kind: told for kind, told in before.items() if kind not in ("involvement", "coowner")
    }


def test_what_was_changed_since_stays_and_is_listed(
    client_for: Callable[[User], Client], manager: User, acme: Contact, deal: Opportunity, ann: Contact, of: Salesperson
) -> None:
    ContactRole.objects.create(code="USES")
    relation = BusinessRelation.objects.create(code="PRESS")
    rows = {
        "alternativeaddress": "Contact,Code\nCT1,NEW\n",
        "contactsrelation": "Contact,Business relation\nCT1,PRESS\n",
        "involvement": f"Opportunity,Contact,Role\n{deal.number},CT2,USES\n",
        "coowner": f"Opportunity,Co-owner\n{deal.number},OF\n",
    }
    runs = []
    for kind, content in rows.items():
        assert brought(manager, kind, "x.csv", content.encode()) == [("created", "")]
        runs.append(ImportRun.objects.latest("pk"))
    lifecycle.write_address(acme, code="NEW", by=manager, city="Oulu")
    lifecycle.change(acme, by=manager, on=datetime.date(2026, 3, 2), business_relations={relation.pk: "1"})
    journey.share(deal, by=manager, may_edit=True, salesperson_id=of.pk)
    journey.archive(deal, version=deal.version, on=datetime.date(2026, 3, 3), by=manager)
    before = state()
    client = client_for(manager)
    for run in runs:
        taken_back_run(run)
        page = client.get(f"/import/{run.pk}/").content.decode()
        record = deal if run.kind in ("involvement", "coowner") else acme
        assert f'<a href="{record.get_absolute_url()}">' in page
    assert state() == before


def taken_back_run(run: ImportRun) -> None:
    undoing.start(run)
    work()
    assert list(run.rows.filter(dry=False).values_list("verdict", flat=True)) == ["touched"]


def test_who_may_take_these_tables_out_and_bring_them(
    client_for: Callable[[User], Client], rep: User, viewer: User, manager: User, hanging: None
) -> None:
    for kind in TIES:
        assert client_for(rep).get(f"/import/table/?of={kind}&as=csv").status_code == 403
        page = client_for(manager).get(f"/import/?of={kind}").content.decode()
        assert f"/import/table/?of={kind}&amp;as=xlsx" in page and f'value="{kind}"' in page
    viewer.user_permissions.add(Permission.objects.get(codename="add_importrun"))
    page = client_for(viewer).get("/import/?of=coowner").content.decode()
    assert "/import/table/?of=coowner&amp;as=xlsx" in page and 'value="coowner"' not in page


def test_a_sheet_that_has_no_room_is_said(
    client_for: Callable[[User], Client], manager: User, hanging: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST_ROWS", 3)
    client = client_for(manager)
    answer = client.get("/import/table/?of=alternativeaddress&as=xlsx", follow=True)
    assert "CSV has no such limit." in answer.content.decode()
    assert downloaded(client, "/import/table/?of=contactsrelation&as=xlsx")
    assert downloaded(client, "/import/table/?of=alternativeaddress&as=csv")


def test_a_column_of_each_target_goes_out(manager: User) -> None:
    for kind, tie in TIES.items():
        sheet = ties.sheet_of(kind, manager)
        assert len(sheet.fields) == len(tie.paths)
