"""The pages of contacts: page, fragment, refused, invalid, stale, exact query counts."""

import datetime
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import translation
from pytest_django import DjangoAssertNumQueries

from contacts.codes import TABLES, BusinessRelation, IndustryGroup, MailingGroup, Territory
from contacts.models import AddressPeriod, AlternativeAddress, Contact
from contacts.places import countries
from salespeople.models import Company, Salesperson, User
from tests.factories import ContactFactory, SalespersonFactory

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
HX = {"HX-Request": "true"}
UPDATE = 'UPDATE "contacts_contact"'
HUGE = "99999999999999999999"


def typed(**values: Any) -> dict[str, Any]:
    return {"kind": "company", "name": "Nova", "number": ""} | values


def shown_version(client: Client, contact: Contact) -> str:
    return str(client.get(f"/contacts/{contact.pk}/edit/").context["form"].version)


def kept(client: Client, contact: Contact, **values: Any) -> dict[str, Any]:
    """What the edit form would send now, with `values` typed over it."""
    form = client.get(f"/contacts/{contact.pk}/edit/").context["form"]
    sent = {name: form[name].value() for name in form.fields}
    return (
        {name: value for name, value in sent.items() if value not in (None, False)} | {"version": form.version} | values
    )


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_list_page_and_fragment_are_the_same_text(client_for: Sign, rep: User, ann: Contact, company: Company) -> None:
    client = client_for(rep)
    page, fragment = client.get("/contacts/"), client.get("/contacts/", headers=HX)
    assert page.status_code == fragment.status_code == 200
    assert fragment.content.decode().strip() in page.content.decode()
    assert "HX-Request" in page["Vary"]
    assert "<html" not in fragment.content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=ann", ["Ann Lee"]),
        ("q=ANN+le", ["Ann Lee"]),
        ("q=CT3", ["BETA"]),
        ("q=%21%21", []),
        ("kind=person", ["Ann Lee", "Bo Ek", "Pia"]),
        ("kind=company&order=-name", ["BETA", "ACME"]),
        ("salesperson=me", ["ACME"]),
        ("salesperson=none", ["Ann Lee", "Bo Ek", "Pia"]),
        ("country=FI", ["Pia"]),
        ("business_relation=customer", ["ACME", "Ann Lee"]),
        ("business_relation=none&kind=company", ["BETA"]),
        ("archived=true", ["Gone"]),
        ("q=gone", []),
        ("q=gone&archived=true", ["Gone"]),
        ("order=company", ["Ann Lee", "Bo Ek", "ACME", "BETA", "Pia"]),
        ("order=-salesperson", ["BETA", "ACME", "Pia", "Bo Ek", "Ann Lee"]),
    ],
)
def test_list_filters_and_sorts(
    client_for: Sign, rep: User, ann: Contact, bo: Contact, pia: Contact, query: str, found: list[str]
) -> None:
    Contact.objects.filter(pk=pia.pk).update(country="FI")
    acme = Contact.objects.get(name="ACME")
    acme.business_relations.add(BusinessRelation.objects.create(code="CUST", account="customer"))
    ContactFactory(name="Gone", archived=True)
    told = client_for(rep).get(f"/contacts/?{query}").context
    assert [contact["name"] for contact in told["page"]] == found
    assert told["totals"].count == len(found)


def test_what_is_archived_is_named_so_and_the_export_leaves_it_out_too(
    client_for: Sign, rep: User, acme: Contact, company: Company
) -> None:
    ContactFactory(name="Gone", archived=True)
    client = client_for(rep)
    page = client.get("/contacts/?archived=true").content.decode()
    assert "Archived: yes" in page and page.count("Archived</span>") == 1
    assert "Archived" in client.get("/contacts/filter/").content.decode()
    for query, names in (("", ["ACME"]), ("&archived=true", ["Gone"])):
        told = client.get(f"/contacts/export/?as=csv&columns=name{query}").getvalue().decode("utf-8-sig").split()
        assert told == ["Name", *names]


def test_lists_group_the_digits_of_telephone_numbers(client_for: Sign, rep: User, acme: Contact, ann: Contact) -> None:
    Contact.objects.filter(pk=acme.pk).update(phone="+35895550100", mobile="+46701740605")
    Contact.objects.filter(pk=ann.pk).update(mobile="+46701740606")
    page = client_for(rep).get("/contacts/?columns=name,phone,mobile").content.decode()
    assert '<a href="tel:+35895550100">+358 9 5550100</a>' in page
    assert '<a href="tel:+46701740605">+46 70 174 06 05</a>' in page
    assert page.count('<a href="tel:+46701740606">+46 70 174 06 06</a>') == 2  # instead of the phone, too


def test_list_of_a_companys_people(client_for: Sign, rep: User, ann: Contact, bo: Contact) -> None:
    answer = client_for(rep).get(f"/contacts/?company={ann.company_id}")
    assert [contact["name"] for contact in answer.context["page"]] == ["Ann Lee"]
    assert "Company: ACME" in answer.content.decode()


def test_pages_of_50(client_for: Sign, rep: User) -> None:
    for name in range(51):
        ContactFactory(name=f"{name:03}")
    client = client_for(rep)
    first = client.get("/contacts/")
    assert len(first.context["page"]) == 50
    assert "51 contacts" in first.content.decode() and "1–50 of 51" in first.content.decode()
    last = client.get("/contacts/?before=end&order=name")
    assert [contact["name"] for contact in last.context["page"]] == ["050"]
    assert "51–51 of 51" in last.content.decode()
    assert last.context["pages"][0]["url"] == "?order=name"


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("page=2", 200, "left them out: page"),
        ("after=abc", 200, "after=abc"),
        ("after=%00", 200, "after="),
        ("after=" + "9" * 5000, 200, "after=999"),
        ("order=evil;drop", 200, "order=evil;drop"),
        ("order=-", 200, "order=-"),
        ("order=search", 200, "order=search"),
        ("colour=red", 200, "colour"),
        ("%00=1", 200, "does not know"),
        ("kind=alien", 422, "alien is not one of the available choices"),
        (f"salesperson={HUGE}", 422, "not one of the available choices"),
        ("salesperson=%00", 422, "not one of the available choices"),
        ("country=ZZ", 422, "not one of the available choices"),
        (f"company={HUGE}", 422, "less than or equal to"),
        ("company=%00", 422, "Enter a whole number"),
        ("company=abc", 422, "Enter a whole number"),
        ("q=%00", 422, "Null characters are not allowed"),
        ("q=" + "a" * 201, 422, "at most 200 characters"),
        ("q='; drop table--", 200, "No contact fits this filter"),
    ],
)
def test_hand_made_addresses_are_answered_in_words(
    client_for: Sign, rep: User, ann: Contact, query: str, status: int, said: str
) -> None:
    answer = client_for(rep).get(f"/contacts/?{query}")
    assert answer.status_code == status
    assert said in answer.content.decode()


@pytest.mark.parametrize("address", [f"/contacts/{HUGE}/", f"/contacts/{HUGE}/edit/", "/contacts/0/", "/contacts/%00/"])
def test_what_does_not_exist_is_404(client_for: Sign, rep: User, address: str) -> None:
    assert client_for(rep).get(address).status_code == 404


def test_detail_of_a_company(client_for: Sign, rep: User, acme: Contact, ann: Contact, company: Company) -> None:
    Contact.objects.filter(pk=acme.pk).update(country="FI", city="Espoo", home_page="https://acme.example")
    page = client_for(rep).get(f"/contacts/{acme.pk}/").content.decode()
    for words in ("ACME", "CT1", "Jim Olive", "Finland", "Espoo", "https://acme.example", "Ann Lee"):
        assert words in page
    assert f'href="/opportunities/?company={acme.pk}"' in page
    assert f'hx-get="/opportunities/?company={acme.pk}&amp;embedded=1"' in page
    assert f'href="/opportunities/new/?contact={acme.pk}"' in page
    assert f'href="/contacts/new/?company={acme.pk}"' in page
    assert f'href="/contacts/{acme.pk}/edit/"' in page


def test_detail_of_a_person_asks_for_its_own_opportunities(client_for: Sign, rep: User, ann: Contact) -> None:
    page = client_for(rep).get(f"/contacts/{ann.pk}/").content.decode()
    assert f'href="/opportunities/?contact={ann.pk}"' in page
    assert f'href="/contacts/{ann.company_id}/"' in page
    assert ">People<" not in page


def test_detail_tells_privacy_and_offers_no_new_work(client_for: Sign, rep: User, acme: Contact) -> None:
    Contact.objects.filter(pk=acme.pk).update(privacy_blocked=True)
    page = client_for(rep).get(f"/contacts/{acme.pk}/").content.decode()
    assert "blocked for privacy" in page
    assert "/opportunities/new/" not in page


def test_a_viewer_reads_and_is_offered_nothing(client_for: Sign, viewer: User, acme: Contact) -> None:
    client = client_for(viewer)
    for address in ("/contacts/", f"/contacts/{acme.pk}/"):
        page = client.get(address).content.decode()
        assert "/new/" not in page and "/edit/" not in page


def test_text_is_escaped(client_for: Sign, rep: User) -> None:
    evil = ContactFactory(name="<script>alert(1)</script>", home_page="", city='"><b>')
    for address in ("/contacts/", f"/contacts/{evil.pk}/", f"/contacts/{evil.pk}/edit/"):
        page = client_for(rep).get(address).content.decode()
        assert "<script>alert" not in page and '"><b>' not in page


def test_countries_are_named_in_the_readers_language(client_for: Sign, rep: User, acme: Contact) -> None:
    Contact.objects.filter(pk=acme.pk).update(country="DE")
    client = client_for(rep)
    client.cookies["django_language"] = "fi"
    assert "Saksa" in client.get(f"/contacts/{acme.pk}/").content.decode()
    with translation.override("de"):
        assert countries()["DE"] == "Deutschland"
        assert next(iter(countries())) == "AF"
        assert "EU" not in countries()


# ── who may ──────────────────────────────────────────────────────────────────────────────────────────────────────────

ADDRESSES = ["/contacts/", "/contacts/{pk}/", "/contacts/new/", "/contacts/{pk}/edit/"]
MAY = {
    "rep": [200, 200, 200, 200],
    "rep2": [200, 200, 200, 200],
    "manager": [200, 200, 200, 200],
    "administrator": [200, 200, 200, 200],
    "viewer": [200, 200, 403, 403],
    "outsider": [403, 403, 403, 403],
}


@pytest.mark.parametrize("who", MAY)
def test_who_may_open_what(client_for: Sign, request: pytest.FixtureRequest, acme: Contact, who: str) -> None:
    client = client_for(request.getfixturevalue(who))
    assert [client.get(address.format(pk=acme.pk)).status_code for address in ADDRESSES] == MAY[who]


@pytest.mark.parametrize("who", ["viewer", "outsider"])
def test_who_may_not_changes_nothing(client_for: Sign, request: pytest.FixtureRequest, acme: Contact, who: str) -> None:
    client = client_for(request.getfixturevalue(who))
    assert client.post("/contacts/new/", typed()).status_code == 403
    assert client.post(f"/contacts/{acme.pk}/edit/", typed(version="x")).status_code == 403
    assert list(Contact.objects.values_list("name", flat=True)) == ["ACME"]


def test_nobody_gets_in_without_signing_in(client: Client, acme: Contact) -> None:
    for address in ADDRESSES:
        assert client.get(address.format(pk=acme.pk)).status_code == 302


def test_only_get_and_post(client_for: Sign, rep: User, acme: Contact) -> None:
    assert client_for(rep).post("/contacts/").status_code == 405
    assert client_for(rep).delete(f"/contacts/{acme.pk}/edit/").status_code == 405


# ── making ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_contact_gets_the_next_number(client_for: Sign, rep: User, jo: Salesperson) -> None:
    client = client_for(rep)
    assert client.get("/contacts/new/").context["form"]["salesperson"].value() == jo.pk
    answer = client.post("/contacts/new/", typed(home_page="nova.example", country="FI", salesperson=jo.pk))
    made = Contact.objects.get()
    assert answer["Location"] == f"/contacts/{made.pk}/"
    assert (made.name, made.home_page, made.country, made.salesperson) == ("Nova", "https://nova.example", "FI", jo)
    assert re.fullmatch(r"CT\d{6}", made.number)


def test_a_new_contact_by_htmx_is_told_where_to_go(client_for: Sign, rep: User) -> None:
    answer = client_for(rep).post("/contacts/new/", typed(), headers=HX)
    assert answer["HX-Redirect"] == Contact.objects.get().get_absolute_url()


def test_a_number_can_be_given_but_not_twice(client_for: Sign, rep: User, acme: Contact) -> None:
    client = client_for(rep)
    client.post("/contacts/new/", typed(number="a-7"))
    assert Contact.objects.get(number="A-7").name == "Nova"
    answer = client.post("/contacts/new/", typed(name="Twice", number="a-7"))
    assert answer.status_code == 422
    assert answer.context["form"].errors == {"number": ["There is a contact with this number already."]}
    assert 'value="Twice"' in answer.content.decode()


def test_a_person_from_a_company_keeps_the_context(
    client_for: Sign, rep2: User, acme: Contact, jo: Salesperson
) -> None:
    Contact.objects.filter(pk=acme.pk).update(country="FI", language="fi")
    client = client_for(rep2)
    form = client.get(f"/contacts/new/?company={acme.pk}").context["form"]
    proposed = {name: form[name].value() for name in ("kind", "company", "salesperson", "country", "language")}
    assert proposed == {"kind": "person", "company": acme.pk, "salesperson": jo.pk, "country": "FI", "language": "fi"}
    client.post(f"/contacts/new/?company={acme.pk}", typed(kind="person", company=acme.pk))
    assert acme.people.get().name == "Nova"


@pytest.mark.parametrize("asked", [HUGE, "abc", "%00", "0", "{person}"])
def test_an_unknown_company_in_the_address_is_said(client_for: Sign, rep: User, pia: Contact, asked: str) -> None:
    answer = client_for(rep).get(f"/contacts/new/?company={asked.format(person=pia.pk)}")
    assert answer.status_code == 200
    assert "There is no such company" in answer.content.decode()


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({"name": ""}, "name", "A contact needs a name."),
        ({"name": "   "}, "name", "A contact needs a name."),
        ({"name": "No\0va"}, "name", "Null characters are not allowed."),
        ({"name": "x" * 101}, "name", "at most 100 characters"),
        ({"number": "A\0"}, "number", "Null characters are not allowed."),
        ({"kind": "alien"}, "kind", "Select a valid choice"),
        ({"kind": ""}, "kind", "This field is required."),
        ({"email": "nova"}, "email", "valid email"),
        ({"phone": "CALL ME"}, "phone", "with its country code"),
        ({"country": "XX"}, "country", "Select a valid choice"),
        ({"language": "tlh"}, "language", "Select a valid choice"),
        ({"home_page": "javascript:alert(1)"}, "home_page", "valid URL"),
        ({"salesperson": HUGE}, "salesperson", "Select a valid choice"),
        ({"salesperson": "\0"}, "salesperson", "Null characters are not allowed."),
        ({"kind": "person", "company": HUGE}, "company", "Choose a company of the list."),
        ({"kind": "person", "company_search": "zzz"}, "company", "Choose one of the companies found"),
    ],
)
def test_invalid_input_is_422_at_the_field(
    client_for: Sign, rep: User, values: dict[str, str], field: str, said: str
) -> None:
    answer = client_for(rep).post("/contacts/new/", typed(city="Oulu") | values)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert said in answer.context["form"].errors[field][0]
    assert 'value="Oulu"' in answer.content.decode()
    assert not Contact.objects.exists()


def test_an_empty_post_is_invalid_too(client_for: Sign, rep: User) -> None:
    assert client_for(rep).post("/contacts/new/", {}).status_code == 422


def test_who_belongs_to_whom(client_for: Sign, rep: User, acme: Contact, pia: Contact) -> None:
    client = client_for(rep)
    errors = client.post("/contacts/new/", typed(company=acme.pk)).context["form"].errors
    assert errors == {"company": ["Only a person can belong to a company."]}
    errors = client.post("/contacts/new/", typed(kind="person", company=pia.pk)).context["form"].errors
    assert errors == {"company": ["Choose a company of the list."]}


def test_a_blocked_salesperson_is_not_offered_but_stays(client_for: Sign, rep: User, acme: Contact) -> None:
    blocked = SalespersonFactory(blocked=True)
    client = client_for(rep)
    assert "salesperson" in client.post("/contacts/new/", typed(salesperson=blocked.pk)).context["form"].errors
    Contact.objects.filter(pk=acme.pk).update(salesperson=blocked)
    assert client.post(f"/contacts/{acme.pk}/edit/", kept(client, acme, city="Espoo")).status_code == 302
    acme.refresh_from_db()
    assert (acme.salesperson, acme.city) == (blocked, "Espoo")


def test_find_offers_companies_and_saves_nothing(client_for: Sign, rep: User, acme: Contact, beta: Contact) -> None:
    asked = {
        "kind": "person",
        "name": "",
        "city": "Oulu",
        "company_search": "bet",
        "find": "1",
        "privacy_blocked": "on",
    }
    answer = client_for(rep).post("/contacts/new/", asked)
    form = answer.context["form"]
    assert answer.status_code == 200
    assert [label for _key, label in form.fields["company"].widget.choices] == ["– none –", "BETA"]
    assert [form[name].value() for name in ("kind", "city", "privacy_blocked")] == ["person", "Oulu", True]
    assert "This could not be saved yet" not in answer.content.decode()
    assert Contact.objects.count() == 2


def test_find_keeps_the_company_already_chosen(client_for: Sign, rep: User, ann: Contact, beta: Contact) -> None:
    client = client_for(rep)
    answer = client.post(f"/contacts/{ann.pk}/edit/", kept(client, ann, company_search="bet\0", find="1"))
    choices = answer.context["form"].fields["company"].widget.choices
    assert [label for _key, label in choices] == ["– none –", "BETA", "ACME"]


def test_the_picker_stays_short(client_for: Sign, rep: User) -> None:
    for name in range(60):
        ContactFactory(name=f"Firm {name:02}")
    answer = client_for(rep).get("/contacts/new/")
    assert len(answer.context["form"].fields["company"].widget.choices) == 51
    assert "The first 50 companies are offered" in answer.content.decode()


# ── editing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_edit_saves_only_what_changed(
    client_for: Sign, rep: User, acme: Contact, django_assert_num_queries: DjangoAssertNumQueries, company: Company
) -> None:
    client = client_for(rep)
    sent = kept(client, acme, city="Espoo")
    with django_assert_num_queries(18) as seen:
        assert client.post(f"/contacts/{acme.pk}/edit/", sent).status_code == 302
    [update] = [query["sql"] for query in seen.captured_queries if UPDATE in query["sql"]]
    assert '"city"' in update and '"name"' not in update
    acme.refresh_from_db()
    assert acme.city == "Espoo"


def test_edit_needs_a_number_and_keeps_unknown_codes(client_for: Sign, rep: User, acme: Contact) -> None:
    Contact.objects.filter(pk=acme.pk).update(country="XX", language="tlh")
    client = client_for(rep)
    assert client.post(f"/contacts/{acme.pk}/edit/", kept(client, acme, number="")).status_code == 422
    client.post(f"/contacts/{acme.pk}/edit/", kept(client, acme, name="Acme Oy"))
    acme.refresh_from_db()
    assert (acme.name, acme.number, acme.country, acme.language) == ("Acme Oy", "CT1", "XX", "tlh")


def test_a_company_with_people_stays_a_company(client_for: Sign, rep: User, ann: Contact) -> None:
    client, acme = client_for(rep), ann.company
    assert acme
    answer = client.post(f"/contacts/{acme.pk}/edit/", kept(client, acme, kind="person"))
    assert answer.status_code == 422
    assert answer.context["form"].errors == {"kind": ["A company that people belong to stays a company."]}
    ann.delete()
    assert client.post(f"/contacts/{acme.pk}/edit/", kept(client, acme, kind="person")).status_code == 302


def test_a_person_becomes_a_company_only_without_one(client_for: Sign, rep: User, ann: Contact) -> None:
    client = client_for(rep)
    answer = client.post(f"/contacts/{ann.pk}/edit/", kept(client, ann, kind="company"))
    assert answer.context["form"].errors == {"company": ["Only a person can belong to a company."]}
    assert client.post(f"/contacts/{ann.pk}/edit/", kept(client, ann, kind="company", company="")).status_code == 302


def test_a_contact_is_never_offered_as_its_own_company(client_for: Sign, rep: User, acme: Contact) -> None:
    choices = client_for(rep).get(f"/contacts/{acme.pk}/edit/").context["form"].fields["company"].widget.choices
    assert [label for _key, label in choices] == ["– none –"]


def test_codes_are_chosen_kept_and_taken_away(client_for: Sign, rep: User, acme: Contact, ann: Contact) -> None:
    client = client_for(rep)
    north, food, news = Territory(code="N"), IndustryGroup(code="FOOD"), MailingGroup(code="NEWS")
    for code in (north, food, news, MailingGroup(code="AUTUMN")):
        code.save()
    chosen = {"territory": north.pk, "industry_groups": [food.pk], "mailing_groups": [news.pk]}
    assert client.post(f"/contacts/{acme.pk}/edit/", kept(client, acme, **chosen)).status_code == 302
    acme.refresh_from_db()
    assert (acme.territory, [*acme.industry_groups.all()], [*acme.mailing_groups.all()]) == (north, [food], [news])
    client.post(f"/contacts/{acme.pk}/edit/", kept(client, acme, city="Espoo"))
    assert [*acme.mailing_groups.all()] == [news]
    client.post(f"/contacts/{acme.pk}/edit/", kept(client, acme, mailing_groups=[], territory=""))
    acme.refresh_from_db()
    assert (acme.territory, [*acme.mailing_groups.all()], [*acme.industry_groups.all()]) == (None, [], [food])
    for field, value in (("territory", 0), ("territory", "\0"), ("mailing_groups", [HUGE]), ("industry_groups", ["x"])):
        answer = client.post(f"/contacts/{acme.pk}/edit/", kept(client, acme, **{field: value}, city="Oulu"))
        assert answer.status_code == 422 and list(answer.context["form"].errors) == [field]
        assert 'value="Oulu"' in answer.content.decode()


def test_the_second_is_told_which_codes_the_first_chose(client_for: Sign, rep: User, acme: Contact) -> None:
    client = client_for(rep)
    news, fair = (MailingGroup.objects.create(code=code, description=f"All of {code}") for code in ("NEWS", "FAIR"))
    sent = kept(client, acme, mailing_groups=[fair.pk])
    acme.mailing_groups.add(news)
    answer = client.post(f"/contacts/{acme.pk}/edit/", sent)
    assert answer.status_code == 409
    [told] = answer.context["form"].meanwhile
    assert (str(told.label), told.saved, told.typed) == ("Mailing groups", "All of NEWS", "All of FAIR")
    assert [*acme.mailing_groups.all()] == [news]


def test_the_second_of_two_tabs_is_told_and_loses_nothing(
    client_for: Sign, rep: User, rep2: User, acme: Contact
) -> None:
    first, second = client_for(rep), client_for(rep2)
    one, two = kept(first, acme, city="Espoo"), kept(second, acme, name="Acme Oy", city="Turku")
    assert first.post(f"/contacts/{acme.pk}/edit/", one).status_code == 302
    answer = second.post(f"/contacts/{acme.pk}/edit/", two)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert [(row.saved, row.typed) for row in answer.context["form"].meanwhile] == [
        ("ACME", "Acme Oy"),
        ("Espoo", "Turku"),
    ]
    assert 'value="Acme Oy"' in page and 'value="Turku"' in page and "Somebody else saved this" in page
    acme.refresh_from_db()
    assert (acme.name, acme.city) == ("ACME", "Espoo")
    again = two | {"version": answer.context["form"].version}
    assert second.post(f"/contacts/{acme.pk}/edit/", again).status_code == 302
    acme.refresh_from_db()
    assert (acme.name, acme.city) == ("Acme Oy", "Turku")


def test_stale_stays_stale_after_an_invalid_try_and_a_search(client_for: Sign, rep: User, acme: Contact) -> None:
    client = client_for(rep)
    sent = kept(client, acme, name="")
    version = client.post(f"/contacts/{acme.pk}/edit/", sent).context["form"].version
    Contact.objects.filter(pk=acme.pk).update(city="Espoo")
    searched = client.post(f"/contacts/{acme.pk}/edit/", sent | {"find": "1"}).context["form"].version
    assert searched == version == sent["version"]
    answer = client.post(f"/contacts/{acme.pk}/edit/", sent | {"name": "Acme Oy", "version": version})
    assert answer.status_code == 409


def test_a_post_without_version_is_stale(client_for: Sign, rep: User, acme: Contact) -> None:
    answer = client_for(rep).post(f"/contacts/{acme.pk}/edit/", typed(number="CT1"))
    assert answer.status_code == 409
    acme.refresh_from_db()
    assert acme.name == "ACME"


def test_sending_the_same_twice_is_no_conflict(client_for: Sign, rep: User, acme: Contact) -> None:
    client = client_for(rep)
    sent = kept(client, acme, city="Espoo")
    for _time in range(2):
        assert client.post(f"/contacts/{acme.pk}/edit/", sent).status_code == 302


# ── query counts ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("rows", [1, 20])
def test_queries_of_the_list(
    client_for: Sign,
    rep: User,
    acme: Contact,
    company: Company,
    django_assert_num_queries: DjangoAssertNumQueries,
    rows: int,
) -> None:
    for _row in range(rows):
        ContactFactory(kind="person", company=acme, salesperson=SalespersonFactory())
    client = client_for(rep)
    client.get("/contacts/")
    with django_assert_num_queries(5):  # session, user, saved views, totals, page
        client.get("/contacts/?kind=person")


def test_business_relations_are_chosen_with_their_numbers(
    client_for: Sign, rep: User, acme: Contact, ann: Contact, beta: Contact
) -> None:
    client = client_for(rep)
    customer = BusinessRelation.objects.create(code="CUST", description="Customer of ours", account="customer")
    press = BusinessRelation.objects.create(code="PRESS")

    def send(contact: Contact, chosen: list[Any], **more: Any) -> Any:
        number = {f"business_relations_{customer.pk}": "10000"}
        return client.post(
            f"/contacts/{contact.pk}/edit/", kept(client, contact, business_relations=chosen) | number | more
        )

    assert send(acme, [customer.pk, press.pk]).status_code == 302
    page = client.get(f"/contacts/{acme.pk}/").content.decode()
    assert "<dd>Multiple</dd>" in page and "<dd>Customer of ours 10000, PRESS</dd>" in page
    page = client.get(f"/contacts/{ann.pk}/").content.decode()
    assert "<dd>Multiple</dd>" in page and "10000" not in page
    form = client.get(f"/contacts/{acme.pk}/edit/").content.decode()
    assert form.count('name="business_relations"') == 2 and 'value="10000"' in form
    assert send(acme, [customer.pk]).status_code == 302  # a number beside what is not chosen counts for nothing
    assert [str(one) for one in acme.relations.all()] == ["Customer of ours 10000"]
    for contact, chosen, more in (
        (beta, [customer.pk], {}),
        (ann, [press.pk], {}),
        (acme, [HUGE], {}),
        (acme, ["x\0"], {}),
        (acme, [customer.pk], {f"business_relations_{customer.pk}": "9" * 21}),
        (acme, [customer.pk], {f"business_relations_{customer.pk}": "a\0"}),
        (acme, [customer.pk], {f"business_relations_{customer.pk}": "a\u202e"}),
    ):
        answer = send(contact, chosen, city="Oulu", **more)
        assert answer.status_code == 422 and list(answer.context["form"].errors) == ["business_relations"], chosen
        assert 'value="Oulu"' in answer.content.decode()
    looked = client.post(
        f"/contacts/{acme.pk}/edit/",
        kept(client, acme, business_relations=[press.pk], look="1") | {f"business_relations_{press.pk}": "77"},
    )
    assert 'value="77"' in looked.content.decode()
    assert send(acme, []).status_code == 302
    assert (
        not acme.relations.exists() and "Business relation" not in client.get(f"/contacts/{acme.pk}/").content.decode()
    )


def test_the_second_is_told_which_relations_the_first_chose(client_for: Sign, rep: User, acme: Contact) -> None:
    client = client_for(rep)
    customer = BusinessRelation.objects.create(code="CUST", account="customer")
    number = f"business_relations_{customer.pk}"
    sent = kept(client, acme, business_relations=[customer.pk], **{number: "20000"})
    acme.relations.create(business_relation=customer, number="10000")
    answer = client.post(f"/contacts/{acme.pk}/edit/", sent)
    assert answer.status_code == 409
    [told] = answer.context["form"].meanwhile
    assert (str(told.label), told.saved, told.typed) == ("Business relations", "CUST 10000", "CUST 20000")


def test_the_business_relation_is_a_column_and_goes_into_files(
    client_for: Sign, rep: User, acme: Contact, ann: Contact, company: Company
) -> None:
    acme.business_relations.add(BusinessRelation.objects.create(code="VEND", account="vendor"))
    client = client_for(rep)
    told = client.get("/contacts/export/?as=csv&columns=name,business_relation").getvalue().decode("utf-8-sig")
    assert told.split("\r\n")[:3] == ["Name,Business relation", "ACME,Vendor", "Ann Lee,Vendor"]
    page = client.get("/contacts/?columns=name,business_relation&group=business_relation").content.decode()
    assert "Vendor" in page


@pytest.mark.parametrize("rows", [1, 20])
def test_queries_of_the_form(
    client_for: Sign,
    rep: User,
    acme: Contact,
    company: Company,
    django_assert_num_queries: DjangoAssertNumQueries,
    rows: int,
) -> None:
    for row in range(rows):
        SalespersonFactory()
        for table in TABLES:
            table._default_manager.create(code=f"X{row}")
        acme.mailing_groups.add(MailingGroup.objects.get(code=f"X{row}"))
        acme.industry_groups.add(IndustryGroup.objects.get(code=f"X{row}"))
    client = client_for(rep)
    client.get("/contacts/")
    with django_assert_num_queries(6):  # session, user, contact, codes, companies, salespeople
        client.get(f"/contacts/{acme.pk}/edit/")
    with django_assert_num_queries(6):  # the rules instead of the contact
        client.get("/contacts/new/")


@pytest.mark.parametrize("rows", [1, 20])
def test_queries_of_a_page_with_addresses(
    client_for: Sign,
    rep: User,
    acme: Contact,
    company: Company,
    django_assert_num_queries: DjangoAssertNumQueries,
    rows: int,
) -> None:
    for row in range(rows):
        place = AlternativeAddress.objects.create(contact=acme, code=f"X{row}")
        AddressPeriod.objects.create(
            contact=acme, alternative_address=place, starts_on=company.today() - datetime.timedelta(row)
        )
    client = client_for(rep)
    client.get("/contacts/")
    with django_assert_num_queries(9):  # the periods of all addresses are one more
        client.get(f"/contacts/{acme.pk}/")


@pytest.mark.parametrize("rows", [1, 20])
def test_queries_of_the_page(
    client_for: Sign,
    rep: User,
    acme: Contact,
    company: Company,
    django_assert_num_queries: DjangoAssertNumQueries,
    rows: int,
) -> None:
    for _row in range(rows):
        ContactFactory(kind="person", company=acme)
    client = client_for(rep)
    client.get("/contacts/")
    with django_assert_num_queries(
        8
    ):  # session, user, contact, people, addresses, what is beside, industry and mailing groups
        client.get(f"/contacts/{acme.pk}/")


# ── races ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def at_once(acts: list[Callable[[], Any]]) -> list[Any]:
    """Each act in a thread with a connection of its own."""

    def run(act: Callable[[], Any]) -> Any:
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


@pytest.mark.django_db(transaction=True)
def test_race_for_a_number_makes_one_contact(client_for: Sign, rep: User) -> None:
    clients = [client_for(rep) for _each in range(6)]
    answers = at_once([lambda client=client: client.post("/contacts/new/", typed(number="X1")) for client in clients])
    assert sorted(answer.status_code for answer in answers) == [302] + [422] * 5
    assert Contact.objects.filter(number="X1").count() == 1


@pytest.mark.django_db(transaction=True)
def test_race_of_two_edits_has_one_winner(client_for: Sign, rep: User, acme: Contact) -> None:
    clients = [client_for(rep) for _each in range(4)]
    sent = [kept(client, acme, city=f"City {place}") for place, client in enumerate(clients)]
    acts = [
        lambda client=client, values=values: client.post(f"/contacts/{acme.pk}/edit/", values)
        for client, values in zip(clients, sent, strict=True)
    ]
    assert sorted(answer.status_code for answer in at_once(acts)) == [302, 409, 409, 409]


@pytest.mark.django_db(transaction=True)
def test_race_of_a_new_person_with_a_change_of_type(client_for: Sign, rep: User, acme: Contact) -> None:
    for _time in range(5):
        Contact.objects.exclude(pk=acme.pk).delete()
        Contact.objects.filter(pk=acme.pk).update(kind="company", first_name="")
        client, other = client_for(rep), client_for(rep)
        turned = kept(client, acme, kind="person")
        person = typed(kind="person", company=acme.pk)
        answers = at_once(
            [
                lambda client=client, turned=turned: client.post(f"/contacts/{acme.pk}/edit/", turned),
                lambda other=other, person=person: other.post("/contacts/new/", person),
            ]
        )
        acme.refresh_from_db()
        assert {answer.status_code for answer in answers} <= {302, 409, 422}
        assert acme.is_company or not acme.people.exists()


# ── names, numbers, privacy ──────────────────────────────────────────────────────────────────────────────────────────


def test_numbers_are_stored_as_e164_and_shown_grouped(client_for: Sign, rep: User, company: Company) -> None:
    client = client_for(rep)
    sent = typed(country="FI", phone="09 555 0100 ext. 12", mobile="+46 70 174 06 05", vat_number="2077 4740")
    client.post("/contacts/new/", sent)
    made = Contact.objects.get()
    assert (made.phone, made.phone_extension, made.mobile) == ("+35895550100", "12", "+46701740605")
    assert made.vat_number == "FI20774740"
    page = client.get(f"/contacts/{made.pk}/").content.decode()
    assert '<a href="tel:+35895550100">+358 9 5550100</a>' in page and "ext. 12" in page
    assert client.get(f"/contacts/{made.pk}/edit/").context["form"]["phone"].value() == "+358 9 5550100"
    assert client.post(f"/contacts/{made.pk}/edit/", kept(client, made, city="Oulu")).status_code == 302
    made.refresh_from_db()
    assert (made.phone, made.phone_extension, made.city) == ("+35895550100", "12", "Oulu")


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({"country": "FI", "phone": "031-390 06 13 99 99"}, "phone", "This is no phone number of Finland."),
        ({"phone": "9" * 10000}, "phone", "with its country code"),
        ({"country": "FI", "vat_number": "FI20774741"}, "vat_number", "check digits do not fit"),
        (
            {"country": "FI", "vat_number": "SE556703748501"},
            "vat_number",
            "VAT number of Sweden, but the country is Finland",
        ),
        ({"vat_number": "x" * 10000}, "vat_number", "at most 40 characters"),
        ({"name": "No\u202eva"}, "name", "invisible marks"),
        ({"kind": "person", "name": "", "first_name": "a" * 60, "last_name": "b" * 60}, "first_name", "121 characters"),
        ({"kind": "person", "name": "", "last_name": "x" * 10000}, "last_name", "at most 100 characters"),
        ({"kind": "person", "name": ""}, "first_name", "A contact needs a name."),
        ({"territory": HUGE}, "territory", "Select a valid choice"),
        ({"mailing_groups": ["1", "x"]}, "mailing_groups", "Select a valid choice"),
        ({"phone_extension": "12a"}, "phone_extension", "Only digits"),
    ],
)
def test_bad_input_is_said_at_the_field_and_kept(
    client_for: Sign, rep: User, values: dict[str, Any], field: str, said: str
) -> None:
    answer = client_for(rep).post("/contacts/new/", typed(city="Oulu") | values)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert said in answer.context["form"].errors[field][0]
    assert 'value="Oulu"' in answer.content.decode()
    assert not Contact.objects.exists()


def test_looking_says_what_is_understood_and_saves_nothing(client_for: Sign, rep: User) -> None:
    sent = typed(country="FI", phone="09 555 0100", mobile="call", vat_number="20774740", look="1")
    answer = client_for(rep).post("/contacts/new/", sent, headers=HX)
    form, page = answer.context["form"], answer.content.decode()
    assert answer.status_code == 200
    assert form["phone"].value() == "+358 9 5550100"
    assert "A number of Finland." in page and "This is no phone number of Finland." in page
    assert "A VAT number of Finland." in page and 'id="understood-phone"' in page
    assert not Contact.objects.exists()


def test_parts_make_the_name_and_what_does_not_fit_the_type_is_left_out(client_for: Sign, rep: User) -> None:
    client = client_for(rep)
    sent = typed(kind="person", name="Left over", first_name=" Anna  Maria ", middle_name="von", last_name="Essen")
    client.post("/contacts/new/", sent)
    anna = Contact.objects.get()
    assert (anna.name, anna.first_name) == ("Anna Maria von Essen", "Anna Maria")
    client.post(f"/contacts/{anna.pk}/edit/", kept(client, anna, last_name="Lee"))
    anna.refresh_from_db()
    assert anna.name == "Anna Maria von Lee"
    client.post("/contacts/new/", typed(name="Firm", first_name="Nobody", job_title="None"))
    firm = Contact.objects.get(name="Firm")
    assert (firm.first_name, firm.job_title) == ("", "")


def test_what_followed_is_told(client_for: Sign, rep: User, ann: Contact, company: Company) -> None:
    client = client_for(rep)
    acme = ann.company
    page = client.post(f"/contacts/{acme.pk}/edit/", kept(client, acme, country="FI"), follow=True).content.decode()
    assert "1 person of the company took it over." in page
    page = client.post(f"/contacts/{ann.pk}/edit/", kept(client, ann, minor="on"), follow=True).content.decode()
    assert "now blocked for privacy" in page
    ann.refresh_from_db()
    assert (ann.country, ann.privacy_blocked) == ("FI", True)


# ── alternative addresses ────────────────────────────────────────────────────────────────────────────────────────────


def periods(*days: tuple[str, str], first: int = 0) -> dict[str, Any]:
    sent: dict[str, Any] = {"periods-TOTAL_FORMS": len(days), "periods-INITIAL_FORMS": first}
    for at, (begins, ends) in enumerate(days):
        sent |= {f"periods-{at}-starts_on": begins, f"periods-{at}-ends_on": ends}
    return sent


def test_an_alternative_address_is_made_shown_changed_and_deleted(
    client_for: Sign, rep: User, acme: Contact, company: Company
) -> None:
    client = client_for(rep)
    today = company.today()
    sent = {"code": "summer", "city": "Hanko", "country": "FI", "phone": "019 555 0100"}
    answer = client.post(f"/contacts/{acme.pk}/addresses/new/", sent | periods((str(today), ""), ("", "")))
    assert answer.status_code == 302
    place = acme.alternative_addresses.get()
    assert (place.code, place.phone, acme.place_on(today)) == ("SUMMER", "+358195550100", place)
    assert acme.place_on(today - datetime.timedelta(days=1)) == acme
    assert "Today at SUMMER" in client.get(f"/contacts/{acme.pk}/").content.decode()
    address = f"/contacts/addresses/{place.pk}/"
    again = client.post(f"/contacts/{acme.pk}/addresses/new/", sent | periods((str(today), "")))
    assert again.status_code == 422
    assert again.context["form"].errors["code"] == ["This contact has an address with this code already."]
    other = sent | {"code": "winter"}
    taken = client.post(f"/contacts/{acme.pk}/addresses/new/", other | periods((str(today), "")))
    assert taken.status_code == 422 and "begins on this day" in taken.content.decode()
    backwards = client.post(f"/contacts/{acme.pk}/addresses/new/", other | periods(("2030-02-01", "2030-01-01")))
    assert backwards.status_code == 422 and "does not end before it begins" in backwards.content.decode()
    assert client.post(address, sent | {"city": "Turku"} | periods()).status_code == 409  # without what was seen
    assert "Delete the address: SUMMER" in client.get(f"{address}delete/").content.decode()
    assert acme.alternative_addresses.exists()
    assert client.post(f"{address}delete/").status_code == 302
    assert not acme.alternative_addresses.exists()
