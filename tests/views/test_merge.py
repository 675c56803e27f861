"""The pages of merging contacts: choose, preview, run, take back; refusals; where a merged contact leads."""

import pytest
from django.contrib.auth.models import Permission

from contacts.models import Contact
from opportunities import lifecycle
from opportunities.ledger import faults
from tasks import lifecycle as tasks
from tests.factories import WORK_DATE, ContactFactory, fresh, make_opportunity
from upkeep import merge as merging
from upkeep.merging_models import Merge

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company")]
HX = {"HX-Request": "true"}
MERGE = "/upkeep/merge/"


@pytest.fixture
def twin(of):
    return ContactFactory(number="CT9", name="Acme Oy", salesperson=of, city="Oulu", email="info@acme.example")


@pytest.fixture
def client(client_for, manager):
    return client_for(manager)


@pytest.fixture
def running(twin, jo, cycle, company):
    return make_opportunity(contact=twin, salesperson=jo, cycle=cycle, stage=1, on=company.today())


def form_of(client, *contacts):
    page = client.get(MERGE, {"key": [contact.pk for contact in contacts]})
    assert page.status_code == 200
    picks = {f"take_{choice}": key for choice, key in page.context["picks"].items()}
    keys = [contact.pk for contact in contacts]
    return {"key": keys, "seen": page.context["seen"], "survivor": page.context["survivor"]} | picks


def merged(survivor, other, by, company):
    seen = merging.fingerprint(Contact.objects.filter(pk__in=[survivor.pk, other.pk]))
    how = {"picks": {}, "seen": seen, "by": by, "on": company.today()}
    return merging.merge([survivor.pk, other.pk], survivor=survivor.pk, **how)[0].merge


def test_what_differs_is_offered_side_by_side(client, acme, twin):
    page = client.get(MERGE, {"key": [acme.pk, twin.pk]})
    rows = {row["name"]: [(text, picked) for _contact, text, picked in row["values"]] for row in page.context["rows"]}
    assert rows == {
        "take_name": [("ACME", True), ("Acme Oy", False)],
        "take_address": [("", False), ("Oulu", True)],
        "take_email": [("", False), ("info@acme.example", True)],
        "take_salesperson": [("Jim Olive", True), ("Otis Falls", False)],
    }
    assert page.context["survivor"] == acme.pk


def test_the_form_costs_the_same_whatever_is_chosen(client, acme, twin, beta, django_assert_num_queries):
    client.get(MERGE)  # the company is known then
    for contacts in ((acme, twin), (acme, twin, beta)):
        with django_assert_num_queries(3):
            client.get(MERGE, {"key": [contact.pk for contact in contacts]})


def test_preview_and_run(client, acme, twin, running):
    data = form_of(client, acme, twin) | {"take_name": twin.pk}
    preview = client.post(MERGE, data | {"do": "preview"})
    (told,) = preview.context["outcome"]
    assert (preview.status_code, told["followed"], told["hidden"], told["closed"]) == (200, [running], 0, 0)
    assert told["changed"] == ["Name", "Address", "E-mail"]
    assert Merge.objects.count() == 0
    answer = client.post(MERGE, data | {"do": "run"})
    assert (answer.status_code, answer["Location"]) == (302, f"/contacts/{acme.pk}/")
    acme.refresh_from_db()
    assert (acme.name, acme.city, fresh(running).contact) == ("Acme Oy", "Oulu", acme)
    assert list(faults()) == []


def test_tasks_are_told(client, manager, acme, twin, jo):
    tasks.create(by=manager, on=WORK_DATE, description="Call", salesperson=jo, contact=twin)
    client.post(MERGE, form_of(client, acme, twin) | {"do": "run"})
    page = client.get(Merge.objects.get().get_absolute_url())
    assert page.context["moved"] == [("tasks", 1)]


def test_as_a_fragment(client, acme, twin):
    data = form_of(client, acme, twin)
    preview = client.post(MERGE, data | {"do": "preview"}, headers=HX)
    assert "<html" not in preview.content.decode() and "Nothing is written yet." in preview.content.decode()
    answer = client.post(MERGE, data | {"do": "run"}, headers=HX)
    assert answer["HX-Redirect"] == f"/contacts/{acme.pk}/"


def test_from_the_list_it_is_a_page_of_its_own(client, acme, twin):
    query = f"?key={acme.pk}&key={twin.pk}"
    assert client.get(MERGE + query, headers=HX)["HX-Redirect"] == MERGE + query
    page = client.get("/contacts/").content.decode()
    assert f'formaction="{MERGE}"' in page


def test_change_the_choice_keeps_it(client, acme, twin):
    data = form_of(client, acme, twin) | {"survivor": twin.pk, "take_email": acme.pk}
    page = client.post(MERGE, data | {"do": "form"})
    assert (page.context["survivor"], page.context["picks"]["email"]) == (twin.pk, acme.pk)


def test_one_alone_asks_for_another(client, acme, twin, beta):
    page = client.get(MERGE, {"key": acme.pk})
    assert (page.status_code, page.context["offered"]) == (200, [twin])
    page = client.get(MERGE, {"key": acme.pk, "q": "bet"})
    assert page.context["offered"] == [beta]
    assert client.get(MERGE).status_code == 200


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("acme", "acme"), "A contact cannot be merged with itself."),
        (("acme", "ann"), "Ann Lee is a person of ACME: they cannot be one contact."),
        (("acme", "bo"), "A company and a person cannot be one contact."),
        (("acme", "nothing"), "A chosen contact is not there any more, or not yours to see."),
    ],
)
@pytest.mark.parametrize("do", ["", "preview", "run"])
def test_refusals_in_words(client, acme, ann, bo, names, said, do):
    known = {"acme": acme.pk, "ann": ann.pk, "bo": bo.pk, "nothing": "9" * 30}
    keys = [known[name] for name in names]
    answer = client.post(MERGE, {"key": keys, "do": do}) if do else client.get(MERGE, {"key": keys})
    assert answer.status_code == 422
    assert said in answer.content.decode()


def test_too_many(client, acme):
    keys = [acme.pk, *(ContactFactory().pk for _ in range(5))]
    answer = client.get(MERGE, {"key": keys})
    assert answer.status_code == 422
    assert "At most 5 contacts" in answer.content.decode()


def test_who_was_slower_reads_who_was_faster(client, acme, twin, beta, administrator, company):
    data = form_of(client, acme, twin)
    merged(beta, twin, administrator, company)
    answer = client.post(MERGE, data | {"do": "run"})
    assert answer.status_code == 422
    assert "Acme Oy was merged with BETA already, by Administrator." in answer.content.decode()


def test_what_changed_meanwhile_is_shown(client, acme, twin):
    data = form_of(client, acme, twin)
    Contact.objects.filter(pk=twin.pk).update(city="Turku")
    answer = client.post(MERGE, data | {"do": "run"})
    assert (answer.status_code, Merge.objects.count()) == (409, 0)
    assert "Somebody changed one of these contacts meanwhile." in answer.content.decode()
    assert "Turku" in answer.content.decode()
    again = {"seen": answer.context["seen"], "do": "run"}
    assert client.post(MERGE, data | again).status_code == 302


def test_only_who_may_merge(client_for, rep, viewer, acme, twin):
    for user in (rep, viewer):
        client = client_for(user)
        assert client.get(MERGE).status_code == 403
        assert client.post(MERGE, {"key": [acme.pk, twin.pk], "do": "run"}).status_code == 403
        assert MERGE not in client.get(f"/contacts/{acme.pk}/").content.decode()


# ── a merged contact ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_its_address_leads_to_the_survivor(client, client_for, outsider, acme, twin, manager, company):
    merged(acme, twin, manager, company)
    for page in ("", "edit/", "sharing/"):
        answer = client.get(f"/contacts/{twin.pk}/{page}")
        assert (answer.status_code, answer["Location"]) == (302, f"/contacts/{acme.pk}/")
    assert client.get(f"/contacts/{twin.pk}/", headers=HX)["HX-Redirect"] == f"/contacts/{acme.pk}/"
    assert client.get("/contacts/987654/").status_code == 404


def test_it_is_in_no_list_picker_or_search(client, acme, twin, running, manager, company):
    merged(acme, twin, manager, company)
    for place in (
        "/contacts/",
        "/contacts/?archived=true",
        "/search/?q=oulu",
        "/opportunities/new/?contact_search=oulu",
    ):
        assert "Acme Oy" not in client.get(place).content.decode(), place
    answer = client.post("/opportunities/new/", {"description": "Mine", "contact": twin.pk})
    assert answer.status_code == 422


def test_the_survivors_opportunities_are_those_of_both(client, acme, twin, running, manager, company, price_l):
    today = company.today()
    lifecycle.close(running, version=2, outcome="lost", close_code=price_l, on=today, by=manager)
    merged(acme, twin, manager, company)
    for query in (f"contact={acme.pk}", f"company={acme.pk}&embedded=1", f"where=1:contact:is:{acme.pk}", "q=acme"):
        page = client.get(f"/opportunities/?{query}")
        assert (page.context["totals"].count, page.context["totals"]["estimated_value"]) == (1, 1000), query
    assert client.get(f"/opportunities/?where=1:contact:is_not:{acme.pk}").context["totals"].count == 0
    found = client.get("/search/?q=acme").content.decode()
    assert running.number in found


def test_who_saw_it_by_an_opportunity_sees_the_survivor(client_for, rep, twin, running, beta, manager, company):
    rep.groups.clear()
    for name in ("contacts.view_contact", "opportunities.view_opportunity"):
        app, code = name.split(".")
        rep.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=code))
    merged(beta, twin, manager, company)
    answer = client_for(rep).get(f"/contacts/{twin.pk}/")
    assert (answer.status_code, answer["Location"]) == (302, f"/contacts/{beta.pk}/")


@pytest.mark.parametrize("words", ["contact={}", "where=1:contact:is:{}", "where=1:company:one_of:{}"])
def test_a_filter_that_names_it_means_the_survivor(client, acme, twin, running, manager, company, words):
    own = make_opportunity(contact=acme, on=company.today(), description="Own tables")
    merged(acme, twin, manager, company)
    page = client.get(f"/opportunities/?{words.format(twin.pk)}")
    assert (page.status_code, {row["pk"] for row in page.context["page"]}) == (200, {running.pk, own.pk})
    assert "Acme Oy, merged into ACME" in page.content.decode()
    page = client.get(f"/opportunities/?{words.format(acme.pk)}")
    assert {row["pk"] for row in page.context["page"]} == {running.pk, own.pk}
    assert "merged into" not in page.content.decode()


@pytest.mark.parametrize(
    "address",
    [
        "/contacts/?company={}",
        "/contacts/?where=1:company:is:{}",
        "/tasks/?company={}",
        "/tasks/?where=1:company:is:{}",
    ],
)
def test_so_does_one_of_people_or_tasks(client, acme, twin, manager, company, jo, address):
    person = ContactFactory(kind="person", name="Bo Ek", company=twin)
    task = tasks.create(by=manager, on=company.today(), description="Call", salesperson=jo, contact=person)
    merged(acme, twin, manager, company)
    page = client.get(address.format(twin.pk))
    expected = person if "contacts" in address else task
    assert [row["pk"] for row in page.context["page"]] == [expected.pk]
    assert "Acme Oy, merged into ACME" in page.content.decode()


def test_a_filter_names_no_merged_one_whose_survivor_is_hidden(client_for, viewer, acme, twin, manager, company):
    merged(acme, twin, manager, company)
    viewer.groups.clear()
    viewer.user_permissions.set(
        Permission.objects.filter(codename__in=["view_contact", "view_opportunity", "view_every_opportunity"])
    )
    page = client_for(viewer).get(f"/opportunities/?contact={twin.pk}")
    assert "Acme Oy" not in page.content.decode() and "ACME" not in page.content.decode()
    page = client_for(viewer).get(f"/opportunities/?where=1:contact:is:{twin.pk}")
    assert page.status_code == 422 and "Acme Oy" not in page.content.decode()


# ── what was merged, and taking it back ──────────────────────────────────────────────────────────────────────────────


def test_both_are_told_on_the_survivors_page(client, acme, twin, manager, company):
    merge = merged(acme, twin, manager, company)
    page = client.get(f"/contacts/{acme.pk}/").content.decode()
    assert f'hx-get="/upkeep/contacts/{acme.pk}/merges/"' in page
    rows = client.get(f"/upkeep/contacts/{acme.pk}/merges/", headers=HX).content.decode()
    assert "Merged with Acme Oy (CT9) by Manager on" in rows
    assert f"/upkeep/merges/{merge.pk}/undo/" in rows


def test_taking_back(client, acme, twin, running, manager, company):
    merge = merged(acme, twin, manager, company)
    later = make_opportunity(contact=acme, on=company.today(), description="Later tables")
    undo = f"/upkeep/merges/{merge.pk}/undo/"
    page = client.get(undo)
    assert "Later tables: new since the merge" in page.content.decode().replace("</a>", "")
    assert Contact.objects.get(pk=twin.pk).merged_into == acme
    answer = client.post(undo)
    assert (answer.status_code, answer["Location"]) == (302, f"/upkeep/merges/{merge.pk}/")
    assert (fresh(running).contact, fresh(later).contact) == (twin, acme)
    assert client.get(f"/contacts/{twin.pk}/").status_code == 200
    told = client.get(f"/upkeep/merges/{merge.pk}/").content.decode()
    assert "Taken back by Manager on" in told and "Later tables" in told
    again = client.post(undo)
    assert again.status_code == 422
    assert "This merge was taken back by Manager already." in again.content.decode()
    assert list(faults()) == []


def test_only_who_may_merge_takes_back(client_for, rep, acme, twin, manager, company):
    merge = merged(acme, twin, manager, company)
    client = client_for(rep)
    assert client.get(f"/upkeep/merges/{merge.pk}/").status_code == 200
    assert client.get(f"/upkeep/merges/{merge.pk}/undo/").status_code == 403
    assert client.post(f"/upkeep/merges/{merge.pk}/undo/").status_code == 403
