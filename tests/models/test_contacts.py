"""The verbs of contacts, and the rows that the database refuses."""

import datetime
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from contacts import lifecycle
from contacts.codes import (
    BusinessRelation,
    ContactSetup,
    IndustryGroup,
    JobResponsibility,
    OrganizationalLevel,
    Salutation,
    Territory,
)
from contacts.models import AddressPeriod, AlternativeAddress, Contact, ContactsRelation
from opportunities.ledger import faults
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.factories import SalespersonFactory, fresh, make_opportunity

pytestmark = pytest.mark.django_db
DAY = datetime.date(2026, 3, 2)


def change(contact: Contact, **values: Any) -> lifecycle.Saved:
    return lifecycle.change(contact, by=None, on=DAY, **values)


def refused(act: Any, *args: Any, **values: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        act(*args, **values)
    return caught.value.message_dict


# ── what a new contact begins with ───────────────────────────────────────────────────────────────────────────────────


def test_a_new_contact_begins_as_the_rules_say(jo: Salesperson, of: Salesperson, rep2: User) -> None:
    north, dear, firm = Territory(code="N"), Salutation(code="D"), Salutation(code="F")
    for code in (north, dear, firm):
        code.save()
    ContactSetup.objects.create(
        salesperson=jo, territory=north, country="FI", language="fi", company_salutation=firm, person_salutation=dear
    )
    made = lifecycle.create(by=None, name="Nova").contact
    assert (made.salesperson, made.territory, made.country, made.language) == (jo, north, "FI", "fi")
    assert (made.salutation, made.number[:2]) == (firm, "CT")
    person = lifecycle.create(by=rep2, kind="person", name="Ann Lee", country="").contact
    assert (person.salesperson, person.salutation, person.country) == (of, dear, "")
    assert person.parts == ("Ann", "", "Lee")


def test_a_new_person_shares_with_its_company_what_was_not_said(acme: Contact, jo: Salesperson, rep2: User) -> None:
    change(acme, country="FI", city="Espoo", address="Street 1", phone="+35895550100", phone_extension="1")
    made = lifecycle.create(by=rep2, kind="person", name="Bo", company=acme).contact
    assert (made.salesperson, made.country, made.city, made.phone_extension) == (jo, "FI", "Espoo", "1")
    other = lifecycle.create(by=rep2, kind="person", name="Cy", company=acme, city="Oulu", phone="+35885550100").contact
    assert (other.address, other.city, other.phone, other.phone_extension) == ("", "Oulu", "+35885550100", "")


def test_a_switch_that_is_off_shares_nothing(acme: Contact, jo: Salesperson) -> None:
    ContactSetup.objects.create(shares_salesperson=False)
    made = lifecycle.create(by=None, kind="person", name="Bo", company=acme).contact
    assert made.salesperson is None
    assert change(acme, salesperson=None).people == 0


# ── what goes on to a company's people ───────────────────────────────────────────────────────────────────────────────


def test_a_company_passes_on_to_whoever_still_had_the_same(acme: Contact, jo: Salesperson, of: Salesperson) -> None:
    same = lifecycle.create(by=None, kind="person", name="Same", company=acme).contact
    own = lifecycle.create(by=None, kind="person", name="Own", company=acme).contact
    change(own, salesperson=None, city="Oulu")
    saved = change(acme, salesperson=of, city="Espoo", post_code="02100", email="info@acme.example")
    assert saved.people == 2
    same.refresh_from_db()
    own.refresh_from_db()
    assert (same.salesperson, same.city, same.post_code, same.email) == (of, "Espoo", "02100", "info@acme.example")
    assert (own.salesperson, own.city, own.post_code, own.email) == (None, "Oulu", "", "info@acme.example")


# ── moving to another company ────────────────────────────────────────────────────────────────────────────────────────


def test_a_person_who_moves_leaves_open_opportunities_behind(
    acme: Contact,
    ann: Contact,
    beta: Contact,
    jo: Salesperson,
    of: Salesperson,
    rep: User,
    cycle: SalesCycle,
    company: Company,
) -> None:
    running = make_opportunity(contact=ann, salesperson=jo, cycle=cycle, stage=1, by=rep)
    change(acme, city="Espoo")
    change(beta, city="Turku", country="SE")
    saved = lifecycle.change(ann, by=rep, on=company.today(), company=beta)
    assert (saved.opportunities, saved.contact.company) == (1, beta)
    assert (saved.contact.salesperson, saved.contact.country, saved.contact.city) == (of, "SE", "Turku")
    now = fresh(running)
    assert (now.contact, now.company) == (acme, acme)
    told = list(now.entries.order_by("step").values_list("action", "contact", "company"))
    assert told[0][1:] == (ann.pk, acme.pk) and told[-1] == ("reassigned", acme.pk, acme.pk)
    assert [str(fault) for fault in faults()] == []


# ── type, privacy, archive ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_type_changes_only_while_nothing_hangs_on_it(
    acme: Contact, ann: Contact, pia: Contact, beta: Contact
) -> None:
    assert "kind" in refused(change, acme, kind="person")
    make_opportunity(contact=beta)
    assert refused(change, beta, kind="person") == {
        "kind": ["A contact with opportunities, tasks or interactions keeps its type."]
    }
    change(pia, job_title="Buyer", organizational_level=OrganizationalLevel.objects.create(code="TOP"))
    assert refused(change, pia, kind="company") == {
        "kind": ["First take away what the other type cannot have: job title, organizational level."]
    }
    change(pia, job_title="", organizational_level=None)
    made = change(pia, kind="company").contact
    assert (made.kind, made.name, made.parts) == ("company", "Pia", ("", "", ""))


def test_a_minor_is_blocked_until_a_parent_consents_and_somebody_unblocks(pia: Contact) -> None:
    saved = change(pia, minor=True)
    assert (saved.is_blocked, saved.contact.privacy_blocked) == (True, True)
    assert list(refused(change, pia, privacy_blocked=False)) == ["privacy_blocked"]
    saved = change(pia, parental_consent=True, privacy_blocked=False)
    assert (saved.is_blocked, saved.contact.privacy_blocked) == (True, True)
    assert not change(pia, privacy_blocked=False).contact.privacy_blocked


def test_archiving_waits_for_what_is_open_and_takes_the_people_along(
    acme: Contact, ann: Contact, beta: Contact
) -> None:
    make_opportunity(contact=beta)
    assert list(refused(change, beta, archived=True)) == ["archived"]
    change(acme, archived=True)
    ann.refresh_from_db()
    assert ann.archived and not Contact.objects.usable().filter(pk__in=[acme.pk, ann.pk]).exists()
    assert list(refused(make_opportunity, contact=ann)) == ["contact"]


def test_what_is_refused_is_refused_at_its_field(acme: Contact, ann: Contact, bo: Contact) -> None:
    blocked = SalespersonFactory(privacy_blocked=True)
    group = IndustryGroup.objects.create(code="X")
    assert list(refused(change, ann, salesperson=blocked)) == ["salesperson"]
    assert list(refused(change, ann, company=bo)) == ["company"]
    assert list(refused(change, ann, industry_groups=[group])) == ["industry_groups"]
    assert list(refused(change, acme, minor=True)) == ["minor"]
    assert list(refused(change, acme, number="CT3")) == ["number"]


# ── business relations ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def relations(db: None) -> dict[str, BusinessRelation]:
    linked = {"CUST": "customer", "VEND": "vendor", "PRESS": ""}
    return {code: BusinessRelation.objects.create(code=code, account=account) for code, account in linked.items()}


def said(*contacts: Contact) -> list[str]:
    for contact in contacts:
        contact.refresh_from_db()
    return [contact.relation for contact in contacts]


def test_one_word_follows_every_change_of_relations(
    acme: Contact, ann: Contact, beta: Contact, bo: Contact, relations: dict[str, BusinessRelation]
) -> None:
    customer, vendor, press = relations.values()
    change(acme, business_relations={customer.pk: "10000", vendor.pk: ""})
    assert said(acme, ann, beta, bo) == ["multiple", "multiple", "none", "none"]
    change(acme, business_relations={customer.pk: "10001"})
    assert (said(acme, ann), acme.relations.get().number) == (["customer", "customer"], "10001")
    made = lifecycle.create(by=None, kind="person", name="Cy", company=acme).contact
    new = lifecycle.create(by=None, name="Nova", business_relations={press.pk: ""}).contact
    assert said(made, new) == ["customer", "other"]
    BusinessRelation.objects.filter(pk=customer.pk).update(account="")
    assert said(acme, ann, made, new) == ["other", "other", "other", "other"]
    BusinessRelation.objects.filter(pk=press.pk).update(account="employee")
    assert said(acme, new) == ["other", "employee"]
    change(ann, company=beta)
    assert said(ann) == ["none"]
    ContactsRelation.objects.filter(contact=acme).update(contact=beta)
    assert said(acme, made, beta, ann) == ["none", "none", "other", "other"]
    Contact.objects.filter(pk=acme.pk).update(relation="vendor")  # nobody can say it
    assert said(acme) == ["none"]
    ContactsRelation.objects.all().delete()
    assert said(beta, ann, new) == ["none", "none", "none"]


def test_relations_are_no_history_of_the_contact(acme: Contact, relations: dict[str, BusinessRelation]) -> None:
    events = apps.get_model("contacts", "ContactEvent").objects.filter(pgh_obj=acme.pk)
    before = events.count()
    change(acme, business_relations={relations["CUST"].pk: ""})
    assert (said(acme), events.count()) == (["customer"], before)


def test_what_relations_are_refused(
    acme: Contact, ann: Contact, beta: Contact, pia: Contact, relations: dict[str, BusinessRelation]
) -> None:
    customer, vendor, press = (one.pk for one in relations.values())
    assert list(refused(change, ann, business_relations={customer: "1"})) == ["business_relations"]
    change(acme, business_relations={customer: "10000", press: "7"})
    change(acme, business_relations={customer: "10000", press: "8"})
    assert refused(change, beta, business_relations={customer: "10000"}) == {
        "business_relations": ["CUST 10000 is the number of another contact already."]
    }
    change(beta, business_relations={vendor: "10000", press: "8"})
    change(pia, business_relations={customer: ""})
    assert said(acme, beta, pia) == ["multiple", "multiple", "customer"]
    assert list(refused(change, pia, company=acme)) == ["company"]
    change(pia, company=acme, business_relations={})
    assert said(pia) == ["multiple"]


def test_a_person_with_relations_may_become_a_company(pia: Contact, relations: dict[str, BusinessRelation]) -> None:
    """Only of a company they are bound to its type (R-CON-TYPE)."""
    change(pia, business_relations={relations["CUST"].pk: ""})
    change(pia, kind="company")
    assert said(pia) == ["customer"]
    assert list(refused(change, pia, kind="person")) == ["kind"]


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"code": "C2", "account": "customer"}, "one_relation_for_each_account"),
        ({"code": "C2", "account": "friend"}, "account_of_a_relation_is_known"),
    ],
)
def test_one_relation_for_each_account(
    relations: dict[str, BusinessRelation], values: dict[str, str], constraint: str
) -> None:
    with pytest.raises(IntegrityError) as caught:
        BusinessRelation.objects.create(**values)
    assert caught.value.__cause__.diag.constraint_name == constraint


# ── what the database refuses ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("who", "wrong", "constraint"),
    [
        ("acme", {"phone": "09 555 0100"}, "contact_numbers_are_e164"),
        ("acme", {"mobile": "+0123456"}, "contact_mobile_numbers_are_e164"),
        ("acme", {"first_name": "A"}, "a_persons_name_is_its_parts"),
        ("ann", {"first_name": "A", "last_name": "B"}, "a_persons_name_is_its_parts"),
        ("acme", {"initials": "A"}, "only_a_person_has_a_level"),
        ("acme", {"minor": True, "privacy_blocked": True}, "only_a_person_is_a_minor"),
        ("ann", {"minor": True}, "a_minor_is_blocked_until_a_parent_consents"),
        ("acme", {"correspondence": "pigeon"}, "contact_correspondence_is_known"),
        ("acme", {"vat_number": "fi 1"}, "vat_number_is_compact"),
    ],
)
def test_a_row_that_must_not_be(request: Any, who: str, wrong: dict[str, Any], constraint: str) -> None:
    contact = request.getfixturevalue(who)
    with pytest.raises(IntegrityError) as caught:
        Contact.objects.filter(pk=contact.pk).update(**wrong)
    assert caught.value.__cause__.diag.constraint_name == constraint


@transaction.atomic
def at_once(act: Any) -> None:
    act()
    connection.check_constraints()


def test_codes_of_the_other_type_and_periods_of_another_contact(acme: Contact, ann: Contact, beta: Contact) -> None:
    group, duty = IndustryGroup.objects.create(code="X"), JobResponsibility.objects.create(code="Y")
    place = AlternativeAddress.objects.create(contact=acme, code="S")
    for act, constraint in (
        (lambda: ann.industry_groups.add(group), "industry_is_of_a_company"),
        (lambda: acme.job_responsibilities.add(duty), "responsibility_is_of_a_person"),
        (
            lambda: AddressPeriod.objects.create(alternative_address=place, contact=beta, starts_on=DAY),
            "period_is_of_the_addresss_contact",
        ),
        (
            lambda: AddressPeriod.objects.create(
                alternative_address=place, contact=acme, starts_on=DAY, ends_on=DAY - datetime.timedelta(1)
            ),
            "address_ends_after_it_begins",
        ),
    ):
        with pytest.raises(IntegrityError) as caught:
            at_once(act)
        assert caught.value.__cause__.diag.constraint_name == constraint


def test_addresses_have_a_history(acme: Contact) -> None:
    place = AlternativeAddress.objects.create(contact=acme, code="S", city="Hanko")
    period = AddressPeriod.objects.create(alternative_address=place, contact=acme, starts_on=DAY)
    AlternativeAddress.objects.update(city="Turku")
    AddressPeriod.objects.update(ends_on=DAY)
    keys = place.pk, period.pk
    place.delete()
    told, held = (apps.get_model("contacts", name) for name in ("alternativeaddressevent", "addressperiodevent"))
    assert list(told.objects.order_by("pgh_id").values_list("pgh_obj", "pgh_label", "contact", "city")) == [
        (keys[0], "insert", acme.pk, "Hanko"),
        (keys[0], "update", acme.pk, "Turku"),
        (keys[0], "delete", acme.pk, "Turku"),
    ]
    assert list(held.objects.order_by("pgh_id").values_list("pgh_obj", "pgh_label", "starts_on", "ends_on")) == [
        (keys[1], "insert", DAY, None),
        (keys[1], "update", DAY, DAY),
        (keys[1], "delete", DAY, DAY),
    ]


def test_the_address_of_a_day_is_the_one_that_began_last(acme: Contact) -> None:
    def day(text: str) -> datetime.date:
        return datetime.date.fromisoformat(text)

    summer = AlternativeAddress.objects.create(contact=acme, code="SUMMER")
    fair = AlternativeAddress.objects.create(contact=acme, code="FAIR")
    for place, begins, ends in ((summer, "2026-06-01", None), (fair, "2026-07-01", "2026-07-03")):
        AddressPeriod.objects.create(
            alternative_address=place, contact=acme, starts_on=day(begins), ends_on=day(ends) if ends else None
        )
    days = ("2026-05-31", "2026-06-01", "2026-07-03", "2026-07-04")
    assert [acme.place_on(day(one)) for one in days] == [acme, summer, fair, summer]
