"""Contacts, their people and codes, salespeople and rights, by the reference's numbers."""

import pytest
from django.db.models import ProtectedError

from collaboration import lifecycle as collaboration
from collaboration.models import Comment
from contacts import duplicates
from contacts import lifecycle as contacts
from contacts.codes import (
    BusinessRelation,
    ContactSetup,
    IndustryGroup,
    JobResponsibility,
    MailingGroup,
    Salutation,
    Territory,
)
from contacts.duplicate_models import ContactSign, DuplicateRule, LikelyPair
from contacts.models import AddressPeriod, AlternativeAddress, Contact
from opportunities import lifecycle
from salespeople.models import Salesperson, Team
from tasks import lifecycle as tasks
from tests.factories import ContactFactory, TeamFactory, fresh

SWITCHES = ("salesperson", "territory", "country", "language", "address", "communication")
SHARED = ("salesperson", "territory", "country", "language", "address", "phone")


@pytest.fixture
def north(db):
    return Territory.objects.create(code="NORTH")


@pytest.fixture
def known(acme, north):
    """ACME as the scenarios know it: salesperson JO, territory, country, language, address, phone."""
    Contact.objects.filter(pk=acme.pk).update(
        territory=north, country="FI", language="fi", address="Satamakatu 1", phone="+358401234567"
    )
    acme.refresh_from_db()
    return acme


def shared(contact):
    return [getattr(contact, name) for name in SHARED]


def test_s089_a_contact_gets_the_next_number(db):
    """No set-up is needed for it (docs/decisions.md, “Numbers need no set-up.”)."""
    first, second = (contacts.create(by=None, name=name).contact for name in ("One", "Two"))
    assert first.number.startswith("CT") and int(second.number[2:]) == int(first.number[2:]) + 1


def test_s092_without_inheritance_a_person_keeps_its_own(known, pia, day):
    ContactSetup.objects.create(id=1, **{f"shares_{name}": False for name in SWITCHES})
    contacts.change(pia, by=None, on=day(2), company=known)
    pia.refresh_from_db()
    assert (pia.company, shared(pia)) == (known, [None, None, "", "", "", ""])


@pytest.mark.parametrize("kind", ["company", "person"])
def test_s093_a_new_contact_begins_with_what_is_set_up(jo, north, kind):
    salutations = {name: Salutation.objects.create(code=name) for name in ("COMPANY", "PERSON")}
    given = {"salesperson": jo, "territory": north, "country": "FI", "language": "fi"}
    ContactSetup.objects.create(
        id=1, **given, company_salutation=salutations["COMPANY"], person_salutation=salutations["PERSON"]
    )
    made = contacts.create(by=None, kind=kind, **({"last_name": "Ek"} if kind == "person" else {"name": "Ek"})).contact
    assert {name: getattr(made, name) for name in given} == given
    assert made.salutation == salutations[kind.upper()]


@pytest.mark.parametrize("kind", ["company", "person"])
def test_s094_and_with_nothing_where_nothing_is(db, kind):
    made = contacts.create(by=None, kind=kind, **({"last_name": "Ek"} if kind == "person" else {"name": "Ek"})).contact
    assert [made.salesperson, made.territory, made.country, made.language, made.salutation] == [
        None,
        None,
        "",
        "",
        None,
    ]


def test_s095_the_salesperson_is_who_makes_it(jo, rep2, of):
    ContactSetup.objects.create(id=1, salesperson=jo)
    assert contacts.create(by=rep2, name="New").contact.salesperson == of


def test_s100_a_person_takes_over_what_the_company_says(known, pia, day):
    contacts.change(pia, by=None, on=day(2), company=known)
    pia.refresh_from_db()
    assert shared(pia) == shared(known) and None not in shared(known) and "" not in shared(known)


def test_s101_the_parts_of_a_name_make_the_name(pia, day):
    contacts.change(pia, by=None, on=day(2), first_name="Ann", middle_name="B", last_name="Lee")
    pia.refresh_from_db()
    assert pia.name == "Ann B Lee"


def test_s103_a_new_contact_is_a_company(client_for, rep, company):
    form = client_for(rep).get("/contacts/new/").context["form"]
    assert (form["kind"].value(), form["company"].value()) == ("company", None)


def test_s104_a_contact_without_work_is_deleted(client_for, administrator, beta):
    answer = client_for(administrator).post(f"/admin/contacts/contact/{beta.pk}/delete/", {"post": "yes"})
    assert answer.status_code == 302 and not Contact.objects.filter(pk=beta.pk).exists()


def test_s104_one_with_work_is_kept(at_stage, acme):
    at_stage(1)
    with pytest.raises(ProtectedError):
        acme.delete()


def test_s105_a_comment_is_found_on_its_contact(acme, rep):
    assert not Comment.objects.filter(contact=acme).exists()
    collaboration.write("contact", acme.pk, text="Prefers to be called", by=rep)
    assert Comment.objects.get(contact=acme).text == "Prefers to be called"


@pytest.mark.parametrize(
    ("kind", "model", "field"),
    [
        ("company", IndustryGroup, "industry_groups"),
        ("company", MailingGroup, "mailing_groups"),
        ("person", JobResponsibility, "job_responsibilities"),
    ],
)
def test_s106_what_a_contact_is_sorted_by_is_counted(acme, ann, day, kind, model, field):
    contact, code = ({"company": acme, "person": ann}[kind], model.objects.create(code="X"))
    assert getattr(contact, field).count() == 0
    contacts.change(contact, by=None, on=day(2), **{field: [code]})
    assert getattr(contact, field).count() == 1


def linked(*accounts):
    """Business relations that are linked with these, by their accounts."""
    return [BusinessRelation.objects.get_or_create(code=one[:4].upper() or "BANK2", account=one)[0] for one in accounts]


def relation_of(contact):
    contact.refresh_from_db()
    return contact.get_relation_display()


def test_s106_business_relations_are_counted(acme, day):
    [customer] = linked("customer")
    assert acme.business_relations.count() == 0
    contacts.change(acme, by=None, on=day(2), business_relations={customer.pk: "10000"})
    assert acme.business_relations.count() == 1
    assert acme.relations.get().number == "10000"


@pytest.mark.parametrize(
    ("accounts", "summary"),
    [
        ([], "None"),
        (["customer"], "Customer"),
        (["vendor"], "Vendor"),
        (["bank_account"], "Bank account"),
        (["customer", "vendor"], "Multiple"),
        ([""], "Other"),
    ],
)
def test_s108_business_relations_come_to_one_word(acme, day, accounts, summary):
    """A code that is not the usual one of bank accounts says *other* (docs/definitions.md, “Business relations”)."""
    contacts.change(acme, by=None, on=day(2), business_relations={one.pk: "1" for one in linked(*accounts)})
    assert relation_of(acme) == summary


def test_s109_a_person_has_those_of_its_company(acme, ann, pia, day):
    [customer] = linked("customer")
    contacts.change(acme, by=None, on=day(2), business_relations={customer.pk: "10000"})
    assert [relation_of(one) for one in (acme, ann, pia)] == ["Customer", "Customer", "None"]
    contacts.change(pia, by=None, on=day(2), company=acme)
    assert relation_of(pia) == "Customer"
    contacts.change(acme, by=None, on=day(3), business_relations={})
    assert {relation_of(one) for one in (acme, ann, pia)} == {"None"}


def test_s113_a_company_linked_with_a_customer_stays_a_company(client_for, manager, company, day):
    made, [customer] = ContactFactory(name="Linked"), linked("customer")
    contacts.change(made, by=None, on=day(2), business_relations={customer.pk: "10000"})
    client = client_for(manager)
    form = client.get(f"/contacts/{made.pk}/edit/").context["form"]
    typed = {"kind": "person", "first_name": "Linked", "number": made.number, "version": form.version}
    typed |= {"business_relations": [customer.pk], f"business_relations_{customer.pk}": "10000"}
    answer = client.post(f"/contacts/{made.pk}/edit/", typed)
    assert answer.status_code == 422 and relation_of(made) == "Customer" and made.is_company
    said = "A company with business relations stays a company: take them away first, and save."
    assert answer.context["form"].errors == {"kind": [said]}


def test_s107_an_alternative_address_counts_in_its_period(acme, day):
    summer = AlternativeAddress.objects.create(contact=acme, code="MARCH", address="Rantatie 2", city="Hanko")
    AddressPeriod.objects.create(alternative_address=summer, contact=acme, starts_on=day(1), ends_on=day(31))
    assert acme.place_on(day(10)) == summer
    assert acme.place_on(day(31)) == summer
    assert acme.place_on(day(31).replace(month=4, day=1)) == acme


def test_s114_a_company_of_the_persons_name_is_found_and_linked(client_for, rep, jo, company):
    stan = ContactFactory(name="Stan", salesperson=jo)
    client = client_for(rep)
    typed = {"kind": "person", "first_name": "", "last_name": "Stan", "company_search": "Stan"}
    found = client.post("/contacts/new/", typed | {"find": "1"})
    assert [one.pk for one in found.context["form"].offered] == [stan.pk]
    assert client.post("/contacts/new/", typed | {"company": stan.pk}).status_code == 302
    assert Contact.objects.get(kind="person").company == stan


def test_s116_who_may_not_change_contacts_only_reads(client_for, viewer, ann, company):
    client = client_for(viewer)
    assert f"/contacts/{ann.pk}/edit/" not in client.get(f"/contacts/{ann.pk}/").content.decode()
    assert client.get(f"/contacts/{ann.pk}/edit/").status_code == 403
    assert client.post(f"/contacts/{ann.pk}/edit/", {"last_name": "Other"}).status_code == 403
    assert Contact.objects.get(pk=ann.pk).name == "Ann Lee"


@pytest.mark.parametrize(("kind", "count"), [("company", 2), ("person", 3)])
def test_s117_companies_and_people_are_counted(client_for, manager, acme, beta, ann, bo, pia, company, kind, count):
    assert client_for(manager).get(f"/contacts/?kind={kind}").context["totals"].count == count


def test_s118_pairs_of_duplicates_are_counted(client_for, manager, company):
    duplicates.make_rules()
    for email in ("a@example.com", "a@example.com", "b@b.fi", "b@b.fi"):
        ContactFactory(email=email)
    page = client_for(manager).get("/contacts/duplicates/")
    assert page.context["count"] == 2 and "2 pairs" in page.content.decode()


def test_s119_what_is_compared_is_made_and_goes_with_the_rules(db):
    """PostgreSQL keeps it (docs/decisions.md, “PostgreSQL keeps what looks alike.”)."""
    duplicates.make_rules()
    DuplicateRule.objects.exclude(parts__field="email", hit=100).delete()
    ContactFactory(email="a@example.com"), ContactFactory(email="a@example.com")
    assert (ContactSign.objects.count(), LikelyPair.objects.count()) == (2, 1)
    keys = list(DuplicateRule.objects.values_list("pk", flat=True))
    DuplicateRule.objects.all().delete()
    duplicates.find_again(keys)
    assert (ContactSign.objects.count(), LikelyPair.objects.count()) == (0, 0)


def test_s140_the_name_of_a_team_has_room_wherever_it_is_shown(client_for, manager, jo, acme, company, day):
    team = TeamFactory(name="T" * 50, members=[jo])
    assert Team._meta.get_field("name").max_length == 50
    task = tasks.create(by=manager, on=day(2), description="Call", team=team, contact=acme)
    client = client_for(manager)
    for address in (f"/salespeople/teams/{team.pk}/", "/tasks/", f"/tasks/{task.pk}/", "/salespeople/"):
        assert team.name in client.get(address).content.decode(), address


def test_s158_a_salesperson_with_closed_opportunities_stays(at_stage, rep, jo, price_l, day):
    """The reference deletes (docs/decisions.md, “A salesperson who sold is not deleted,”)."""
    closed = at_stage(1)
    lifecycle.close(closed, version=closed.version, outcome="lost", close_code=price_l, on=day(3), by=rep)
    Contact.objects.update(salesperson=None)
    rep.salesperson = None
    rep.save()
    with pytest.raises(ProtectedError):
        Salesperson.objects.get(pk=jo.pk).delete()
    assert fresh(closed).salesperson == jo
