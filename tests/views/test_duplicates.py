"""What looks alike: said while a contact is typed, asked before it is saved, listed in pairs, decided about."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission

from contacts.duplicate_models import DuplicateRule, LikelyPair, RulePart, SeparateContacts
from contacts.models import Contact
from opportunities.models import Opportunity
from tests.factories import ContactFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company")]
HX = {"HX-Request": "true"}
LIST = "/contacts/duplicates/"


def new(**values):
    return {"kind": "company", "name": "Acme Oy"} | values


def hits(answer):
    return [(hit.contact.pk, hit.reasons) for hit in answer.context["form"].hits]


# ── while a contact is typed ─────────────────────────────────────────────────────────────────────────────────────────


def test_while_typing_it_is_said_beside_the_field(client_for, rep, acme):
    other = ContactFactory(name="Beta", phone="+35895550100", email="info@beta.example", country="FI")
    client = client_for(rep)
    answer = client.post("/contacts/new/", new(look="1", phone="09 5550100", country="FI"), headers=HX)
    assert (answer.status_code, Contact.objects.count()) == (200, 2)
    alike = answer.context["form"].alike
    assert {place: [hit.contact for hit in found] for place, found in alike.items()} == {
        "name": [acme],
        "phone": [other],
        "email": [],
        "vat_number": [],
    }
    page = answer.content.decode()
    assert f'<input type="hidden" name="alike" value="{acme.pk}">' in page
    assert "the same: Name, company" in page


@pytest.mark.parametrize(
    "typed", [{"kind": ""}, {"kind": "x" * 50}, {"company": "x"}, {"name": "\0", "phone": "x" * 99}]
)
def test_whatever_is_typed_is_looked_up(client_for, rep, typed):
    assert client_for(rep).post("/contacts/new/", new(look="1") | typed, headers=HX).status_code == 200


def test_a_new_one_that_looks_alike_is_asked_about_once(client_for, rep, acme):
    client = client_for(rep)
    asked = client.post("/contacts/new/", new())
    assert (asked.status_code, hits(asked), Contact.objects.count()) == (422, [(acme.pk, ["Name, company"])], 1)
    page = asked.content.decode()
    assert "This looks like a contact that is there already." in page
    assert "Save anyway" in page
    answer = client.post("/contacts/new/", new(alike=acme.pk))
    assert (answer.status_code, Contact.objects.filter(name="Acme Oy").count()) == (302, 1)


def test_one_that_was_not_shown_is_asked_about_again(client_for, rep, acme):
    client = client_for(rep)
    other = ContactFactory(name="Other", email="info@acme.example")
    data = new(email="info@acme.example", alike=acme.pk)
    asked = client.post("/contacts/new/", data)
    assert (asked.status_code, [key for key, _ in hits(asked)]) == (422, [acme.pk, other.pk])
    assert client.post("/contacts/new/", data | {"alike": [acme.pk, other.pk]}).status_code == 302


def test_a_change_asks_only_where_what_is_compared_changed(client_for, rep, acme):
    twin = ContactFactory(name="ACME Oy")
    client = client_for(rep)
    for typed, status in (({"registration_number": "1", "language": "fi"}, 422), ({"language": "fi"}, 302)):
        data = {"kind": "company", "name": twin.name, "number": twin.number}
        version = client.get(f"/contacts/{twin.pk}/edit/").context["form"].version
        answer = client.post(f"/contacts/{twin.pk}/edit/", data | {"version": version} | typed)
        assert answer.status_code == status, typed


def test_quick_add_on_the_board_asks_and_offers_the_one_that_is_there(client_for, rep, acme, cycle):
    client = client_for(rep)
    data = {
        "description": "Chairs",
        "contact_search": "Acme AB",
        "contact": "company",
        "board": f"sales_cycle={cycle.pk}",
    }
    asked = client.post("/opportunities/board/new/", data)
    form = asked.context["form"]
    assert (asked.status_code, list(form.errors)) == (422, ["contact"])
    assert acme.pk in dict(form.fields["contact"].widget.choices)
    assert "Create anyway" in asked.content.decode()
    assert Opportunity.objects.count() == 0
    assert client.post("/opportunities/board/new/", data | {"contact": acme.pk}).status_code == 302
    assert client.post("/opportunities/board/new/", data | {"alike": acme.pk}).status_code == 302
    assert list(Opportunity.objects.order_by("pk").values_list("contact__name", flat=True)) == ["ACME", "Acme AB"]


# ── the list of pairs ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("count", [1, 20])
def test_the_list_costs_the_same_for_one_pair_and_twenty(client_for, manager, count, django_assert_num_queries):
    for number in range(count):
        for form in ("Oy", "Ab"):
            ContactFactory(name=f"Acme {number} {form}", email=f"info@{number}.example")
    client = client_for(manager)
    with django_assert_num_queries(8):
        answer = client.get(LIST)
    assert (answer.context["count"], len(answer.context["pairs"])) == (count, count)
    assert {tuple(pair["why"]) for pair in answer.context["pairs"]} == {("E-mail", "Name, company")}


def test_pages_and_rules(client_for, manager):
    for number in range(30):
        for form in ("Oy", "Ab"):
            ContactFactory(name=f"Acme {number} {form}", email=f"info@{number // 15 * 100 + number}.example")
    client = client_for(manager)
    first = client.get(LIST)
    second = client.get(LIST + first.context["next"])
    shown = [(pair["other"].pk, pair["one"].pk) for page in (first, second) for pair in page.context["pairs"]]
    assert (len(first.context["pairs"]), len(second.context["pairs"]), second.context["next"]) == (25, 5, "")
    assert shown == sorted(set(shown), reverse=True)
    email = DuplicateRule.objects.get(parts__field="email", parts__piece="whole")
    vat = DuplicateRule.objects.get(parts__field="vat_number", parts__piece="whole")
    assert [client.get(f"{LIST}?rule={rule.pk}").context["count"] for rule in (email, vat)] == [30, 0]
    for odd in ("?rule=x", "?after=x", "?after=1", "?rule=99999999999999999999", "?after=1,1&apart=1"):
        assert client.get(LIST + odd).status_code == 200


def test_of_one_that_is_not_seen_there_is_no_pair(client_for, rep, acme, of):
    """Contacts by level: of the rep's and a colleague's one is seen, of two own ones both."""
    ContactFactory(name="Acme Oy", salesperson=of)
    rep.groups.clear()
    rep.user_permissions.add(Permission.objects.get(codename="view_contact"))
    client = client_for(rep)
    assert client.get(LIST).context["count"] == 0
    ContactFactory(name="ACME AB", salesperson=acme.salesperson)
    answer = client.get(LIST)
    assert (answer.context["count"], LikelyPair.objects.count()) == (1, 3)
    assert "Acme Oy" not in answer.content.decode()


def test_no_duplicate_and_back(client_for, rep, acme, rep2):
    twin = ContactFactory(name="Acme Oy")
    client, data = client_for(rep), {"one": twin.pk, "other": acme.pk, "query": "rule=1"}
    answer = client.post(f"{LIST}decide/", data)
    assert (answer.status_code, answer["Location"]) == (302, "../?rule=1")
    kept = SeparateContacts.objects.get()
    assert (kept.one, kept.other, kept.by) == (acme, twin, rep)
    assert client.get(LIST).context["count"] == 0
    (told,) = client.get(f"{LIST}?apart=1").context["pairs"]
    assert (told["one"], told["other"], told["by__name"]) == (acme, twin, "Rep")
    client.post(f"{LIST}decide/", data | {"back": "1"})
    assert client.get(LIST).context["count"] == 1


def test_who_may_not_decide(client_for, viewer, rep, acme):
    twin = ContactFactory(name="Acme Oy")
    assert client_for(viewer).post(f"{LIST}decide/", {"one": acme.pk, "other": twin.pk}).status_code == 403
    client = client_for(rep)
    assert client.post(f"{LIST}decide/", {"one": acme.pk, "other": acme.pk}).status_code == 403
    assert client.post(f"{LIST}decide/", {"one": acme.pk, "other": "x"}).status_code == 404
    assert SeparateContacts.objects.count() == 0


def test_a_manager_changes_the_rules_and_pairs_follow(client_for, manager):
    for _number in range(2):
        ContactFactory(registration_number="HRB 1")
    client = client_for(manager)
    page = "/admin/contacts/duplicaterule/"
    data: dict[str, Any] = {
        "applies_to": "company",
        "hit": "100",
        "active": "on",
        "warns": "on",
        "parts-TOTAL_FORMS": "1",
        "parts-INITIAL_FORMS": "0",
        "parts-0-field": "registration_number",
        "parts-0-piece": "whole",
        "parts-0-letters": "5",
    }
    assert client.post(f"{page}add/", data).status_code == 302
    rule = DuplicateRule.objects.get(parts__field="registration_number")
    assert LikelyPair.objects.filter(rule=rule).count() == 1
    part = RulePart.objects.get(rule=rule)
    seen = dict(
        re.findall(r'name="([\w-]*version)" value="(\w+)"', client.get(f"{page}{rule.pk}/change/").content.decode())
    )
    data |= seen | {
        "parts-INITIAL_FORMS": "1",
        "parts-0-id": part.pk,
        "parts-0-rule": rule.pk,
        "hit": "50",
        "active": "",
    }
    assert (
        client.post(f"{page}{rule.pk}/change/", {key: value for key, value in data.items() if value}).status_code == 302
    )
    assert LikelyPair.objects.filter(rule=rule).count() == 0
    assert client.get(page).status_code == 200
    assert client.post(f"{page}{rule.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not DuplicateRule.objects.filter(pk=rule.pk).exists()
