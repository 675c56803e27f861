"""Which contacts look alike, by which rule; the pairs that PostgreSQL keeps."""

import threading

import pytest
from django.db import connection, transaction

from contacts import duplicates
from contacts import lifecycle as contacts
from contacts.duplicate_models import ContactSign, DuplicateRule, LikelyPair, RulePart
from contacts.models import Contact
from tests.factories import ContactFactory
from tests.models.lifecycle_words import day

pytestmark = pytest.mark.django_db


def asked(question, *values):
    with connection.cursor() as cursor:
        cursor.execute(question, values)
        return cursor.fetchone()[0]


def pairs():
    return [
        (pair.one_id, pair.other_id, str(pair.rule)) for pair in LikelyPair.objects.order_by("rule", "one", "other")
    ]


def found(user, **values):
    return [(hit.contact.pk, hit.reasons, hit.field) for hit in duplicates.alike(user, Contact(**values))]


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("ACME GmbH & Co. KG", "acme"),
        ("Oy Foo Ab", "foo"),
        ("A.P. Møller A/S", "ap moller"),
        ("Fiat S.p.A.", "fiat"),
        ("Philips N.V.", "philips"),
        ("Shell B.V.", "shell"),
        ("L'Oréal SA", "loreal"),
        ("Söderström, Ltd.", "soderstrom"),
        ("Siemens AG", "siemens"),
        ("Equinor ASA", "equinor"),
        ("Acme, Inc.", "acme"),
        ("AG", "ag"),
        ("Sasquatch Tours", "sasquatch tours"),
    ],
)
def test_a_companys_name_is_compared_without_its_legal_form(said, key):
    assert asked("SELECT contact_name_key('company', %s)", said) == key


def test_a_persons_name_keeps_all_its_words():
    assert asked("SELECT contact_name_key('person', %s)", "Inga As") == "inga as"


def test_the_usual_rules():
    assert [(rule.applies_to, rule.hit, str(rule)) for rule in DuplicateRule.objects.all()] == [
        ("both", 100, "E-mail"),
        ("both", 100, "Phone or mobile phone"),
        ("both", 100, "Name, company"),
        ("both", 100, "VAT number"),
        ("company", 60, "60 % of name, address, city, phone, VAT number, post code, e-mail, mobile phone"),
    ]


def test_the_same_email_whatever_its_case_and_its_tag():
    one, other = ContactFactory(email="Info@Acme.example"), ContactFactory(email_2="info+sales@acme.example")
    assert pairs() == [(one.pk, other.pk, "E-mail")]


def test_a_number_is_the_same_as_phone_or_as_mobile_phone():
    one, other = ContactFactory(phone="+35895550100"), ContactFactory(mobile="+35895550100")
    assert pairs() == [(one.pk, other.pk, "Phone or mobile phone")]


def test_the_same_name_at_companies_of_the_same_name():
    one, other = ContactFactory(name="Acmé Oy"), ContactFactory(name="ACME GmbH")
    ann = ContactFactory(kind="person", name="Ann Lee", company=one)
    again = ContactFactory(kind="person", name="ann  lée", company=other)
    ContactFactory(kind="person", name="Ann Lee")
    assert pairs() == [(one.pk, other.pk, "Name, company"), (ann.pk, again.pk, "Name, company")]


def test_a_company_and_a_person_are_no_pair():
    ContactFactory(email="info@acme.example")
    ContactFactory(email="info@acme.example", kind="person")
    assert pairs() == []


def test_what_a_person_has_of_the_company_tells_nobody_apart():
    company = ContactFactory(phone="+35895550100", email="info@acme.example")
    for name in ("Ann Lee", "Bo Ek"):
        ContactFactory(kind="person", name=name, company=company, phone=company.phone, email=company.email)
    assert pairs() == []
    company.phone = "+35895550111"
    company.save(update_fields=["phone"])
    assert [rule for *_keys, rule in pairs()] == ["Phone or mobile phone"]  # now it is theirs


LIKE = {
    "name": "Nordwind Möbel GmbH",
    "address": "Hafenstrasse 12",
    "city": "Hamburg",
    "phone": "+494012345678",
    "post_code": "20457",
    "email": "kontakt@nordwind.example",
}


def test_parts_of_fields_of_which_enough_are_the_same():
    """10 of 16 parts: six fields make twelve; what differs at one end leaves eleven, then ten, then nine."""
    one = ContactFactory(**LIKE)
    other = ContactFactory(**LIKE | {"name": "Nordwind Stühle", "email": "kontakt@nordwind.test"})
    rule = "60 % of name, address, city, phone, VAT number, post code, e-mail, mobile phone"
    assert [pair for pair in pairs() if pair[2] == rule] == [(one.pk, other.pk, rule)]
    Contact.objects.filter(pk=other.pk).update(address="Hafenstrasse 21 b")
    assert [pair for pair in pairs() if pair[2] == rule] == []


def test_what_many_have_in_common_is_not_followed():
    for _number in range(20):
        ContactFactory(email="info@acme.example")
    assert LikelyPair.objects.count() == 190
    last = ContactFactory(email="info@acme.example")
    assert not LikelyPair.objects.filter(other=last).exists()


def test_pairs_follow_every_change(manager):
    one, other = ContactFactory(email="a@acme.example"), ContactFactory(email="b@acme.example")
    assert pairs() == []
    Contact.objects.update(email="a@acme.example")
    assert pairs() == [(one.pk, other.pk, "E-mail")]
    contacts.change(other, by=manager, on=day(2), email="b@acme.example")
    assert pairs() == []
    Contact.objects.update(email="a@acme.example")
    other.delete()
    assert (pairs(), ContactSign.objects.exclude(contact=one).count()) == ([], 0)


def test_pairs_follow_the_rules():
    one, other = ContactFactory(registration_number="HRB 123"), ContactFactory(registration_number="hrb-123")
    rule = DuplicateRule.objects.create(applies_to="company")
    RulePart.objects.create(rule=rule, field="registration_number")
    assert pairs() == []
    duplicates.find_again([rule.pk])
    assert pairs() == [(one.pk, other.pk, "Registration number")]
    before = set(LikelyPair.objects.values_list("rule", "one", "other"))
    duplicates.find_again(DuplicateRule.objects.values_list("pk", flat=True))
    assert set(LikelyPair.objects.values_list("rule", "one", "other")) == before
    DuplicateRule.objects.filter(pk=rule.pk).update(active=False)
    duplicates.find_again([rule.pk])
    assert pairs() == []


def test_everything_anew_finds_what_the_triggers_found():
    for number in range(4):
        ContactFactory(**LIKE | {"email": f"kontakt{number % 2}@nordwind.example", "name": f"Nordwind {number % 3}"})
    before = pairs()
    assert len(before) > 6
    duplicates.find_again(DuplicateRule.objects.values_list("pk", flat=True))
    assert pairs() == before


def test_looking_costs_one_statement_and_two_where_something_is_found(manager, acme, django_assert_num_queries):
    manager.has_perm("contacts.view_contact")
    with django_assert_num_queries(1):
        assert found(manager, kind="company", name="Beta") == []
    with django_assert_num_queries(2):
        assert found(manager, kind="company", name="Acme Oy") == [(acme.pk, ["Name, company"], "name")]


def test_a_hit_says_every_reason(manager):
    one = ContactFactory(name="Acme", email="info@acme.example", phone="+35895550100")
    assert found(manager, kind="company", name="ACME AB", email="INFO@acme.example", mobile="+35895550100") == [
        (one.pk, ["E-mail", "Phone or mobile phone", "Name, company"], "email")
    ]


def test_only_what_is_seen_is_said(outsider, acme):
    assert found(outsider, kind="company", name="ACME") == []


def test_a_rule_that_does_not_warn_is_for_the_list_alone(manager, acme):
    DuplicateRule.objects.update(warns=False)
    assert found(manager, kind="company", name="ACME") == []


def test_no_duplicate_is_remembered_and_taken_back(manager, acme):
    twin = ContactFactory(name="ACME Oy")
    duplicates.set_apart(twin.pk, acme.pk, manager)
    duplicates.set_apart(acme.pk, twin.pk, manager)
    assert list(LikelyPair.objects.visible_to(manager).undecided()) == []
    assert duplicates.alike(manager, twin) == []
    duplicates.take_back(acme.pk, twin.pk)
    assert LikelyPair.objects.visible_to(manager).undecided().count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_that_are_saved_at_the_same_moment_become_a_pair():
    """The second one waits for the end of the first, whose sign it shares; a third one, which is not alike, waits for nobody."""
    duplicates.make_rules()
    done: list[str] = []

    def save(name, email):
        try:
            ContactFactory(name=name, email=email)
            done.append(name)
        finally:
            connection.close()

    alike = threading.Thread(target=save, args=("Acme Oy", "info@acme.example"))
    other = threading.Thread(target=save, args=("Beta", "b@b.fi"))
    with transaction.atomic():
        ContactFactory(name="ACME", email="INFO@acme.example")
        alike.start()
        other.start()
        other.join(timeout=20)
        alike.join(timeout=1)
        assert done == ["Beta"]
    alike.join(timeout=20)
    assert done == ["Beta", "Acme Oy"]
    found = LikelyPair.objects.select_related("one", "other")
    assert {frozenset((pair.one.name, pair.other.name)) for pair in found} == {frozenset(("ACME", "Acme Oy"))}
