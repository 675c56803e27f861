"""Comments, mentions, tags, people, co-owners and the competitor on the pages: page and fragment, refused, invalid, sent twice."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from collaboration import lifecycle as collaboration
from collaboration.models import Comment, ContactRole, Involvement, Notification, Tag, Tagging
from contacts import lifecycle as contacts
from contacts.models import Contact
from opportunities import lifecycle
from opportunities.models import Opportunity
from salescycles.models import Competitor, SalesCycle
from salespeople.models import Company, Grant, Salesperson, User
from tests.factories import TeamFactory, fresh, make_opportunity

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]
HX = {"HX-Request": "true"}
TOKEN = "6f0c8f6e-0000-4000-8000-000000000001"


@pytest.fixture
def deal(acme: Contact, jo: Salesperson, cycle: SalesCycle, rep: User, company: Company) -> Opportunity:
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, by=rep, on=company.today())


@pytest.fixture
def client(client_for: Sign, rep: User) -> Client:
    return client_for(rep)


@pytest.fixture(params=["opportunities", "contacts"])
def record(request: pytest.FixtureRequest, deal: Opportunity) -> Any:
    return deal if request.param == "opportunities" else deal.contact


def commented(record: Any) -> str:
    return f"{record.get_absolute_url()}comment/"


# ── comments ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_comment_as_a_page_and_in_place(client: Client, record: Any) -> None:
    answer = client.post(commented(record), {"text": "First\r\nsecond <b>line</b> see https://example.com/a?b=1"})
    comment = Comment.objects.get()
    assert answer["Location"] == f"{record.get_absolute_url()}#comment-{comment.pk}"
    assert comment.text == "First\nsecond <b>line</b> see https://example.com/a?b=1" and comment.record == record
    answer = client.post(commented(record), {"text": "Third"}, headers=HX)
    shown = answer.content.decode()
    assert (answer.status_code, answer["HX-Retarget"], answer["HX-Reswap"]) == (200, "#timeline", "outerHTML")
    assert shown.index("Third") < shown.index("First<br>second &lt;b&gt;line&lt;/b&gt; see")
    assert '<a href="https://example.com/a?b=1" rel="nofollow">https://example.com/a?b=1</a>' in shown
    assert shown.count('id="comment-text"') == 1 and "data-focus" in shown


@pytest.mark.parametrize(
    ("text", "status"),
    [("", 422), (" \r\n ", 422), ("x\0y", 422), ("x" * 10_001, 422), ("\r\n".join(["x" * 99] * 100), 302)],
)
def test_what_is_no_comment_is_said_at_the_field(client: Client, record: Any, text: str, status: int) -> None:
    """Ten thousand characters fit, where a line's end is one."""
    answer = client.post(commented(record), {"text": text})
    assert (answer.status_code, Comment.objects.count()) == (status, int(status == 302))
    if status == 422:
        again = client.post(commented(record), {"text": text}, headers=HX).content.decode()
        for page in (answer.content.decode(), again):
            assert 'aria-invalid="true"' in page and 'id="comment-error"' in page
        assert "<html" not in again


def test_marks_of_direction_and_scripts_do_no_harm(client: Client, record: Any) -> None:
    client.post(commented(record), {"text": "\u202eevil\u2066 javascript:alert(1) <script>x</script> www.example.com"})
    page = client.get(record.get_absolute_url()).content.decode()
    assert "<script>x" not in page and 'href="javascript' not in page and 'dir="auto"' in page
    assert '<a href="http' in page.split("comment-text")[-1]


def test_sent_twice_is_one_comment(client: Client, record: Any) -> None:
    for headers in ({}, HX):
        answer = client.post(commented(record), {"text": "Once", "token": TOKEN}, headers=headers)
        assert Comment.objects.count() == 1
    assert "This was done already." in answer.content.decode()


def test_who_may_not_write(client_for: Sign, viewer: User, outsider: User, rep2: User, deal: Opportunity) -> None:
    assert client_for(viewer).post(commented(deal), {"text": "x"}).status_code == 403
    assert "comment-text" not in client_for(viewer).get(deal.get_absolute_url()).content.decode()
    assert client_for(outsider).post(commented(deal.contact), {"text": "x"}).status_code == 403
    assert client_for(rep2).post(commented(deal), {"text": "x"}).status_code == 404
    assert not Comment.objects.exists()


def test_taken_from_sight_meanwhile_keeps_what_was_typed(client: Client, deal: Opportunity, of: Salesperson) -> None:
    lifecycle.reassign(deal, version=deal.version, salesperson=of, on=deal.created_on, by=None)
    answer = client.post(commented(deal), {"text": "too late"}, headers=HX)
    assert (answer.status_code, answer["HX-Reswap"]) == (404, "afterbegin")
    assert "no longer yours to see" in answer.content.decode() and not Comment.objects.exists()


def test_what_is_archived_can_be_talked_about(
    client: Client, deal: Opportunity, jo: Salesperson, acme: Contact
) -> None:
    waiting = make_opportunity(contact=acme, salesperson=jo, on=deal.created_on)
    lifecycle.archive(waiting, version=1, on=deal.created_on, by=None)
    assert client.post(commented(waiting), {"text": "why?"}).status_code == 302
    assert "why?" in client.get(waiting.get_absolute_url()).content.decode()


def test_comments_stand_among_the_steps(client: Client, deal: Opportunity, rep: User) -> None:
    collaboration.write("opportunity", deal.pk, text="Before the edit", by=rep)
    lifecycle.edit(fresh(deal), version=fresh(deal).version, priority="high", on=deal.created_on, by=rep)
    collaboration.write("opportunity", deal.pk, text="After the edit", by=rep)
    page = client.get(deal.get_absolute_url()).content.decode()
    places = [page.index(words) for words in ("After the edit", "<dt>Priority</dt><dd>", "Before the edit")]
    assert places == sorted(places)
    told = client.get(f"{deal.get_absolute_url()}?show=comments").context["timeline"]
    assert [one.line.name for one in told] == ["After the edit", "Before the edit"]
    assert "Before the edit" not in client.get(f"{deal.get_absolute_url()}?show=facts").content.decode()


def test_a_company_does_not_tell_what_is_said_of_its_people_and_opportunities(
    client: Client, deal: Opportunity, ann: Contact, rep: User
) -> None:
    collaboration.write("contact", ann.pk, text="of Ann", by=rep)
    collaboration.write("opportunity", deal.pk, text="of chairs", by=rep)
    assert client.get(deal.contact.get_absolute_url()).context["events"] == []


def test_its_author_edits_and_deletes_it(
    client: Client, client_for: Sign, rep: User, manager: User, record: Any
) -> None:
    client.post(commented(record), {"text": "First"})
    comment = Comment.objects.get()
    edit, delete = (f"/collaboration/comments/{comment.pk}/{act}/" for act in ("edit", "delete"))
    form = client.get(edit, headers=HX)
    seen = form.context["form"].version
    answer = client.post(edit, {"text": "Second", "version": seen}, headers=HX)
    assert answer["HX-Retarget"] == f"#comment-{comment.pk}"
    assert "Second" in answer.content.decode() and "edited" in answer.content.decode()
    late = client.post(edit, {"text": "Third", "version": seen}, headers=HX)
    assert late.status_code == 409 and "Third" in late.content.decode() and "Second" in late.content.decode()
    assert client.post(edit, {"text": " ", "version": late.context["form"].version}).status_code == 422
    assert client_for(manager).get(edit).status_code == 200
    assert client.get(delete).status_code == 200 and Comment.objects.count() == 1
    assert client_for(manager).post(delete)["Location"] == record.get_absolute_url()
    assert client.post(delete).status_code == 404


def test_nobody_else_edits_it(client_for: Sign, deal: Opportunity, rep: User, rep2: User, viewer: User) -> None:
    comment = collaboration.write("contact", deal.contact_id, text="mine", by=rep).comment
    for user in (rep2, viewer):
        page = client_for(user).get(deal.contact.get_absolute_url()).content.decode()
        assert "mine" in page and f"/comments/{comment.pk}/" not in page
        for act in ("edit", "delete"):
            assert (
                client_for(user).post(f"/collaboration/comments/{comment.pk}/{act}/", {"text": "x"}).status_code == 403
            )
    assert Comment.objects.get().text == "mine"


# ── mentions ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_may_not_see_it_is_named_and_not_told(client: Client, deal: Opportunity, rep2: User, manager: User) -> None:
    said = "Rep2 may not see this and is not told of the comment."
    answer = client.post(commented(deal), {"text": "@Rep2 @Manager @Nobody"}, headers=HX)
    assert said in answer.content.decode()
    assert list(Notification.objects.values_list("user", flat=True)) == [manager.pk]
    assert said in client.post(commented(deal), {"text": "@Rep2"}, follow=True).content.decode()


def test_the_page_of_mentions(client: Client, client_for: Sign, deal: Opportunity, manager: User) -> None:
    for text in ("one @Manager", "two @Manager", "none"):
        client.post(commented(deal), {"text": text})
    own = client_for(manager)
    assert own.get("/").content.decode().count("inbox-count") == 1
    first, second = Notification.objects.order_by("pk")
    assert own.get("/collaboration/inbox/").context["notifications"] == [second, first]
    answer = own.post("/collaboration/inbox/read/", {"open": second.pk})
    assert answer["Location"] == second.comment.get_absolute_url()
    assert own.get("/collaboration/inbox/").context["notifications"] == [second, first]
    assert own.get("/collaboration/inbox/?which=unread").context["notifications"] == [first]
    assert own.get("/collaboration/inbox/?kind=shared").context["notifications"] == []
    read_at = Notification.objects.get(pk=second.pk).read_at
    own.post("/collaboration/inbox/read/", {"notification": first.pk})
    own.post("/collaboration/inbox/read/", {"notification": second.pk})
    assert Notification.objects.get(pk=second.pk).read_at == read_at is not None
    assert not Notification.objects.unread().exists() and "inbox-count" not in own.get("/").content.decode()
    assert client.post("/collaboration/inbox/read/", {"notification": first.pk}).status_code == 404
    for wrong in ("x", "", "9" * 30):
        assert own.post("/collaboration/inbox/read/", {"open": wrong}).status_code == 404
    assert own.get("/collaboration/inbox/read/").status_code == 405


def test_the_count_costs_a_query_only_where_something_is_unread(
    client: Client,
    client_for: Sign,
    deal: Opportunity,
    manager: User,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    own = client_for(manager)
    own.get("/collaboration/inbox/")
    with django_assert_num_queries(3):  # session, user, what stands there
        own.get("/collaboration/inbox/")
    client.post(commented(deal), {"text": "@Manager"})
    with django_assert_num_queries(4):
        own.get("/collaboration/inbox/")


def test_people_are_offered(client: Client, client_for: Sign, deal: Opportunity, rep2: User, manager: User) -> None:
    url = f"/collaboration/people/?opportunity={deal.pk}"
    assert [str(one) for one in client.get(f"{url}&q=ma").context["people"]] == ["Manager"]
    assert [str(one) for one in client.get(f"{url}&q=re").context["people"]] == ["Rep"]
    for typed in ("m", "", "%00%00", "%25", "x" * 500):
        assert client.get(f"{url}&q={typed}").context["people"] == []
    for wrong in ("/collaboration/people/?q=ma", "/collaboration/people/?q=ma&opportunity=x"):
        assert client.get(wrong).status_code == 404


# ── tags ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_tags_are_given_and_taken(client: Client, record: Any) -> None:
    tender, urgent = (Tag.objects.create(name=name, colour="red") for name in ("Tender", "Urgent"))
    url = f"{record.get_absolute_url()}tags/"
    assert client.get(url).context["form"].initial == {"tags": [], "seen": ""}
    assert client.post(url, {"tags": [tender.pk, urgent.pk], "seen": ""}).status_code == 302
    answer = client.post(url, {"tags": [urgent.pk], "seen": f"{tender.pk},{urgent.pk}"}, headers=HX)
    assert answer.status_code == 200 and list(Tagging.objects.values_list("tag", flat=True)) == [urgent.pk]
    page = client.get(record.get_absolute_url()).content.decode()
    assert f"?where=1:tags:one_of:{urgent.pk}" in page and "Tag “Tender” taken away" in page


def test_two_tabs_do_not_undo_each_other(client: Client, record: Any) -> None:
    tender, urgent = (Tag.objects.create(name=name) for name in ("Tender", "Urgent"))
    url = f"{record.get_absolute_url()}tags/"
    for given in (tender, tender, urgent):
        assert client.post(url, {"tags": [given.pk], "seen": ""}).status_code == 302
    assert Tagging.objects.count() == 2


def test_a_new_tag_while_tagging(client: Client, client_for: Sign, manager: User, record: Any) -> None:
    url = f"{record.get_absolute_url()}tags/"
    client.post(url, {"new": "Tender", "seen": ""})
    assert not Tag.objects.exists() and 'name="new"' not in client.get(url).content.decode()
    for name in ("  Tender   2 ", "TENDER 2"):
        assert client_for(manager).post(url, {"new": name, "seen": ""}).status_code == 302
    assert list(Tag.objects.values_list("name", flat=True)) == ["Tender 2"] and Tagging.objects.count() == 1
    for wrong in ({"new": "x" * 31}, {"new": "a\0b"}, {"tags": ["999"]}, {"tags": ["x"]}, {"seen": "x"}):
        assert client_for(manager).post(url, wrong).status_code == 422, wrong


def test_who_may_not_tag(client_for: Sign, deal: Opportunity, of: Salesperson, rep2: User, viewer: User) -> None:
    tag = Tag.objects.create(name="Tender")
    assert client_for(rep2).post(f"{deal.get_absolute_url()}tags/", {"tags": [tag.pk]}).status_code == 404
    Grant.objects.create(opportunity=deal, salesperson=of)
    assert client_for(rep2).post(f"{deal.get_absolute_url()}tags/", {"tags": [tag.pk]}).status_code == 403
    for record in (deal, deal.contact):
        assert client_for(viewer).post(f"{record.get_absolute_url()}tags/", {"tags": [tag.pk]}).status_code == 403
    assert not Tagging.objects.exists()


def test_lists_and_board_show_and_filter_tags(
    client: Client, deal: Opportunity, acme: Contact, beta: Contact, jo: Salesperson, cycle: SalesCycle, rep: User
) -> None:
    tender, urgent, other = (Tag.objects.create(name=name, colour="red") for name in ("Tender", "Urgent", "=Other"))
    second = make_opportunity(contact=beta, salesperson=jo, cycle=cycle, stage=1, description="Desks")
    make_opportunity(contact=beta, salesperson=jo, cycle=cycle, stage=1, description="Lamps")
    for row, tag in ((deal, tender), (deal, other), (second, urgent)):
        lifecycle.tag(row, tag=tag, by=rep)
    contacts.tag(acme, tag=tender, by=rep)
    any_of = f"where=1:tags:one_of:{tender.pk},{urgent.pk}"
    listed = client.get(f"/opportunities/?{any_of}&columns=description,tags&order=number")
    assert listed.context["totals"].count == 2
    assert [row["tags_told"] for row in listed.context["page"]] == [["red =Other", "red Tender"], ["red Urgent"]]
    assert "Tags is one of Tender, Urgent" in listed.content.decode() and "mark mark-red" in listed.content.decode()
    board = client.get(f"/opportunities/board/?{any_of}").content.decode()
    assert "Chairs" in board and "Desks" in board and "Lamps" not in board and "Tender" in board
    people = client.get(f"/contacts/?{any_of}&columns=name,tags")
    assert [row["name"] for row in people.context["page"]] == ["ACME"]
    file = client.get(f"/opportunities/export/?{any_of}&columns=tags,number&order=number&as=csv").getvalue().decode()
    assert [line.rsplit(",", 1)[0] for line in file.split("\r\n")[1:3]] == ['"\'=Other, Tender"', "Urgent"]
    assert client.get(f"/opportunities/export/?{any_of}&columns=tags&as=xlsx").getvalue()[:2] == b"PK"


def test_tags_cost_no_statement_of_lists_and_board(
    client: Client, deal: Opportunity, rep: User, of: Salesperson, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for name in ("Tender", "Urgent"):
        lifecycle.tag(deal, tag=Tag.objects.create(name=name), by=rep)
    lifecycle.share(deal, by=rep, may_edit=True, is_co_owner=True, salesperson_id=of.pk)
    for address in ("/opportunities/board/", "/opportunities/?columns=description,tags,co_owners"):
        client.get(address)
        with django_assert_num_queries(5):
            assert "Tender" in client.get(address).content.decode()


def test_managers_define_merge_and_delete_tags(client_for: Sign, deal: Opportunity, rep: User, manager: User) -> None:
    one, other = Tag.objects.create(name="Tender"), Tag.objects.create(name="Tenders")
    lifecycle.tag(deal, tag=one, by=rep)
    own, space = client_for(manager), "/admin/collaboration/tag/"
    rows = {tag.name: (tag.of_opportunity, tag.of_contact) for tag in own.get(space).context["cl"].queryset}
    assert rows == {"Tender": (1, 0), "Tenders": (0, 0)}
    page = own.post(f"{space}{one.pk}/delete/", {"post": "yes"}, follow=True).content.decode()
    assert Tag.objects.count() == 2 and deal.number in page
    chosen = {"action": "merge", "_selected_action": [one.pk, other.pk]}
    assert own.post(space, chosen).status_code == 200
    answer = own.post(space, chosen | {"into": other.pk}, follow=True)
    assert "Merged into “Tenders”: 1 record got it." in answer.content.decode()
    assert list(Tagging.objects.values_list("tag__name", flat=True)) == ["Tenders"] and Tag.objects.count() == 1


# ── people, co-owners, the competitor ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def decides(db: None) -> ContactRole:
    return ContactRole.objects.create(code="DECIDES", description="Decision maker")


def test_people_take_part(client: Client, deal: Opportunity, ann: Contact, bo: Contact, decides: ContactRole) -> None:
    Contact.objects.filter(pk=bo.pk).update(phone="+35895550100", email="bo@beta.example")
    url = f"{deal.get_absolute_url()}people/"
    offered = dict(client.get(url).context["form"].fields["contact"].widget.choices)
    assert list(offered.values())[1:] == ["ACME", "Ann Lee"]
    found = client.post(url, {"contact_search": "bo", "find": "1"}, headers=HX)
    assert found.status_code == 200 and "Bo Ek (BETA)" in found.content.decode()
    assert client.post(url, {"contact": bo.pk, "role": decides.pk}).status_code == 302
    page = client.post(url, {"contact": ann.pk, "role": decides.pk}, headers=HX).content.decode()
    assert 'href="tel:+35895550100"' in page and 'href="mailto:bo@beta.example"' in page and "Ann Lee" in page
    there = client.get(f"/opportunities/involving/{bo.pk}/", headers=HX).content.decode()
    assert "Chairs" in there and "Decision maker" in there
    assert f'hx-get="/opportunities/involving/{bo.pk}/"' in client.get(bo.get_absolute_url()).content.decode()
    client.post(url, {"release": Involvement.objects.get(contact=bo).pk})
    assert list(Involvement.objects.values_list("contact", flat=True)) == [ann.pk]
    for wrong in ({}, {"contact": "x", "role": "y"}, {"contact": ann.pk, "role": 999}, {"contact": 999}):
        assert client.post(url, wrong).status_code == 422
    assert client.post(url, {"release": "x\0"}).status_code == 302


def test_a_contact_blocked_for_privacy_takes_no_part(
    client: Client, deal: Opportunity, ann: Contact, decides: ContactRole
) -> None:
    Contact.objects.filter(pk=ann.pk).update(privacy_blocked=True)
    answer = client.post(f"{deal.get_absolute_url()}people/", {"contact": ann.pk, "role": decides.pk})
    assert answer.status_code == 422 and "blocked for privacy" in answer.content.decode()


def test_a_contact_that_is_not_to_be_seen_takes_no_part(
    client_for: Sign, deal: Opportunity, acme: Contact, bo: Contact, decides: ContactRole, rep: User
) -> None:
    lifecycle.involve(deal, contact=bo, role=decides, by=rep)
    for group in rep.groups.all():
        group.permissions.remove(group.permissions.get(codename="view_every_contact"))
    page = client_for(rep).get(deal.get_absolute_url()).content.decode()
    assert "Bo Ek" not in page and acme.name in page


def test_a_co_owner_by_the_page_of_sharing(client: Client, deal: Opportunity, of: Salesperson, rep2: User) -> None:
    url = f"{deal.get_absolute_url()}sharing/"
    assert 'value="owner"' in client.get(url).content.decode()
    assert 'value="owner"' not in client.get(f"{deal.contact.get_absolute_url()}sharing/").content.decode()
    assert client.post(url, {"to": f"person-{of.pk}", "right": "owner"}).status_code == 302
    assert Grant.objects.get().is_co_owner
    page = client.get(deal.get_absolute_url()).content.decode()
    assert "Otis Falls <span" in page and "Otis Falls is a co-owner" in page
    client.post(url, {"withdraw": Grant.objects.get().pk})
    assert not Grant.objects.exists()


def test_a_team_is_no_co_owner(client: Client, deal: Opportunity) -> None:
    answer = client.post(f"{deal.get_absolute_url()}sharing/", {"to": f"team-{TeamFactory().pk}", "right": "owner"})
    assert answer.status_code == 422 and "Only a person can be a co-owner." in answer.content.decode()


def test_mine_or_co_owned(
    client_for: Sign, deal: Opportunity, acme: Contact, of: Salesperson, cycle: SalesCycle, rep: User, rep2: User
) -> None:
    """Figures of a salesperson count what is the salesperson's alone."""
    make_opportunity(contact=acme, salesperson=of, cycle=cycle, stage=1, description="Own")
    lifecycle.share(deal, by=rep, may_edit=True, is_co_owner=True, salesperson_id=of.pk)
    own = client_for(rep2)
    assert own.get("/opportunities/?whose=me").context["totals"].count == 2
    assert own.get("/opportunities/?salesperson=me").context["totals"].count == 1
    board = own.get("/opportunities/board/?whose=me").content.decode()
    assert "Chairs" in board and "Own" in board and "Co-owner: Otis Falls" in board
    columns = own.get(f"/opportunities/?where=1:co_owners:is:{of.pk}&columns=description,co_owners")
    assert [row["co_owners_told"] for row in columns.context["page"]] == [["Otis Falls"]]


def test_the_competitor_is_edited_told_listed_and_filtered(client: Client, deal: Opportunity) -> None:
    nordwerk = Competitor.objects.create(code="NORDWERK", name="Nordwerk Office")
    Competitor.objects.create(code="OLD", blocked=True)
    form = client.get(f"{deal.get_absolute_url()}edit/?field=competitor", headers=HX).content.decode()
    assert "Nordwerk Office" in form and "OLD" not in form
    values = {"competitor": nordwerk.pk, "version": deal.version}
    client.post(f"{deal.get_absolute_url()}edit/?field=competitor", values)
    assert "<dt>Competitor</dt><dd>Nordwerk Office</dd>" in client.get(deal.get_absolute_url()).content.decode()
    listed = client.get(f"/opportunities/?where=1:competitor:is:{nordwerk.pk}&columns=description,competitor")
    assert listed.context["totals"].count == 1 and "NORDWERK" in listed.content.decode()
