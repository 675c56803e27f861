"""Bulk actions page by page: choose, fill in, preview, run, batch, undo; and what is refused on the way."""

import datetime
import html
import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from collaboration.models import Tag, Tagging
from contacts.models import Contact
from opportunities import bulk as runs
from opportunities import lifecycle
from opportunities.effects import WORD_JOINER
from opportunities.ledger import faults
from opportunities.models import Batch, Opportunity, OpportunityEntry
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.factories import fresh, make_cycle, make_opportunity

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
HX = {"HX-Request": "true"}
BULK = "/opportunities/bulk/"


@pytest.fixture(autouse=True)
def sound(db: None) -> Iterator[None]:
    yield
    assert [str(fault) for fault in faults()] == []


@pytest.fixture
def make(
    acme: Contact, jo: Salesperson, cycle: SalesCycle, rep: User, company: Company
) -> Callable[..., list[Opportunity]]:
    """So many of JO's at stage 1 (20 % × 10 %), worth 1 000 each, closing in 30 days."""

    def some(count: int, stage: int | None = 1, **values: Any) -> list[Opportunity]:
        given: dict[str, Any] = {"contact": acme, "salesperson": jo, "cycle": cycle, "stage": stage, "by": rep}
        given |= {"on": company.today(), "closing_on": company.today() + datetime.timedelta(days=30)}
        return [make_opportunity(**given | {"description": f"Chairs {at}"} | values) for at in range(1, count + 1)]

    return some


@pytest.fixture
def client(client_for: SignIn, rep: User) -> Client:
    return client_for(rep)


def keys(rows: list[Opportunity]) -> list[int]:
    return [row.pk for row in rows]


def text(answer: Any) -> str:
    """What a person reads, in one line."""
    said = answer.content.decode().split('id="main"')[-1]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", said)).replace(WORD_JOINER, "").split())


def hidden(answer: Any) -> dict[str, Any]:
    """What the form of a preview sends on."""
    forms = re.findall(r"<form.*?</form>", answer.content.decode(), re.DOTALL)
    (form,) = [form for form in forms if 'name="token"' in form]
    found = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
    return {name: html.unescape(value) for name, value in found.items() if name != "csrfmiddlewaretoken"}


def preview(client: Client, rows: list[Opportunity], action: str, **values: Any) -> Any:
    return client.post(f"{BULK}?action={action}", {"key": keys(rows), "do": "preview", **values})


def run(client: Client, seen: Any, action: str, **headers: Any) -> Any:
    return client.post(f"{BULK}?action={action}", hidden(seen) | {"do": "run"}, **headers)


def numbers(answer: Any) -> tuple[int, int, int, int]:
    outcome = answer.context["outcome"]
    return len(outcome.changed), len(outcome.refused), len(outcome.unchanged), outcome.gone


# ── choosing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_from_keys_to_the_actions(client: Client, make: Any) -> None:
    rows = make(3)
    for answer in (client.get(BULK, {"key": keys(rows)}), client.post(BULK, {"key": keys(rows)})):
        assert answer.status_code == 200
        assert "3 opportunities chosen" in text(answer)
        assert re.findall(r'name="action" value="(\w+)"', answer.content.decode()) == [
            *("move", "revise", "edit", "reassign", "close", "reopen", "archive", "restore"),
            *("tag", "untag"),
        ]
        assert re.findall(r'name="key" value="(\d+)"', answer.content.decode()) == [str(key) for key in keys(rows)]


def test_everything_that_a_list_selects(client: Client, make: Any) -> None:
    rows = make(3)
    make(2, value=5)
    for query in (
        "value_from=1000&order=-number&group=stage",
        "/opportunities/?value_from=1000",
        "?value_from=1000#top",
    ):
        answer = client.get(BULK, {"all": "1", "query": query, "action": "archive"})
        assert [row.pk for row in answer.context["chosen"].rows] == keys(rows), query
        assert answer.context["back"].startswith("/opportunities/?value_from=1000")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("value_from=much", "value_from"),
        ("vale_from=1000", "vale_from"),
        ("where=(a", "where"),
        ("http://[::x", "http://[::x"),
    ],
)
def test_an_address_that_is_not_understood_chooses_nothing(client: Client, make: Any, query: str, said: str) -> None:
    """Words that the filters do not know may have left rows out of the list."""
    make(1)
    answer = client.get(BULK, {"all": "1", "query": query})
    assert answer.status_code == 422
    assert f"so nothing is chosen: {said}" in text(answer)


def test_more_than_200_are_refused_in_words(client: Client, make: Any, settings: Any) -> None:
    """As far as a preview counted them; what goes on in the background has a limit of its own."""
    said = "You chose 201. At most 200 can be changed in one run: choose fewer."
    sent: dict[str, Any] = {"seen": ",".join(f"{key}:1" for key in range(1, 202))}
    answer = client.post(BULK, sent | {"action": "archive", "do": "run"})
    assert (answer.status_code, said in text(answer)) == (422, True)
    settings.BULK_LIMIT = 2
    make(4)
    for sent in ({"all": "1", "query": "status=open"}, {"key": [1, 2, 3, 4]}):
        answer = client.post(BULK, sent, headers=HX)
        assert answer.status_code == 422
        assert "You chose 4. At most 2 can be changed in one run: choose fewer." in text(answer)


def test_what_is_not_yours_is_only_counted(client: Client, make: Any, of: Salesperson, beta: Contact) -> None:
    (foreign,) = make(1, salesperson=of, contact=beta, description="Velvet")
    rows = make(2)
    sent = {"key": [*keys(rows), foreign.pk, "99999999999", "x", "9" * 40]}
    for data in (sent, sent | {"action": "revise"}, sent | {"action": "archive", "do": "preview"}):
        answer = client.post(BULK, data)
        assert "4 are not there any more or not yours to see." in text(answer)
        assert "Velvet" not in answer.content.decode()
    only = client.post(BULK, {"key": foreign.pk, "action": "archive", "do": "run", "token": uuid4()})
    assert "1 is not there any more or not yours to see." in text(only)
    assert fresh(foreign).version == 2


def test_nothing_chosen(client: Client) -> None:
    answer = client.get(BULK)
    assert (answer.status_code, "Choose opportunities in the list first." in text(answer)) == (200, True)


def test_a_viewer_changes_nothing(client_for: SignIn, viewer: User, make: Any) -> None:
    rows = make(1)
    for answer in (
        client_for(viewer).get(BULK, {"key": keys(rows)}),
        preview(client_for(viewer), rows, "archive"),
        client_for(viewer).get("/opportunities/batches/999/undo/"),
    ):
        assert answer.status_code in (403, 404)


# ── the forms ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_fields_carry_the_verbs_names(client: Client, make: Any, price_w: CloseCode) -> None:
    rows = make(1)
    fields = {
        "move": ["to", "closing_on", "cancel_tasks"],
        "revise": ["closing_on", "shift", "estimated_value", "chances"],
        "edit": ["priority", "source"],
        "reassign": ["salesperson", "tasks_too"],
        "close": ["outcome", "close_code", "cancel_tasks"],
        "reopen": ["closing_on"],
        "archive": [],
        "restore": [],
    }
    for action, names in fields.items():
        form = client.get(BULK, {"key": keys(rows), "action": action}).context["form"]
        assert list(form.fields) == [*names, "on", "reason"]


def test_stages_of_the_chosen_ones_cycles_are_offered(client: Client, make: Any, cycle: SalesCycle) -> None:
    make_cycle("ELSE")
    form = client.get(BULK, {"key": keys(make(1)), "action": "move"}).context["form"]
    assert [stage.sales_cycle for stage in form.fields["to"].queryset] == [cycle] * 4


@pytest.mark.parametrize(
    ("action", "values", "field", "said"),
    [
        ("move", {}, "to", "This field is required."),
        ("move", {"to": "999999"}, "to", "This stage is not part of the sales cycle (any more). Choose another one."),
        ("revise", {}, "__all__", "Fill in what is to be changed."),
        ("revise", {"shift": "soon"}, "shift", "“SOON” is not a date formula. Examples: 2W+1D, -1W, CM+10D, WD1."),
        ("revise", {"shift": "1W", "closing_on": "2030-01-01"}, "shift", "Give a date or a shift, not both."),
        ("revise", {"chances": "101"}, "chances", "Ensure this value is less than or equal to 100."),
        ("edit", {"reason": "why"}, "__all__", "Fill in what is to be changed."),
        ("reassign", {}, "salesperson", "This field is required."),
        ("close", {"outcome": "won"}, "close_code", "Choose a close code."),
        ("archive", {"on": "yesterday"}, "on", "Enter a valid date."),
    ],
)
def test_what_cannot_be_read_is_said_and_kept(
    client: Client, make: Any, action: str, values: dict[str, str], field: str, said: str
) -> None:
    rows = make(2)
    for headers in ({}, HX):
        answer = client.post(
            f"{BULK}?action={action}",
            {"key": keys(rows), "do": "preview", "reason": "Kept words", **values},
            headers=headers,
        )
        assert answer.status_code == 422
        assert list(answer.context["form"].errors[field]) == [said]
        assert ("<html" in answer.content.decode()) == (not headers)
        kept = {"reason": "Kept words"} | values
        assert all(answer.context["form"][name].value() == value for name, value in kept.items())
        assert "2 opportunities chosen" in text(answer)


def test_the_only_close_code_of_its_kind_is_taken(client: Client, make: Any, price_l: CloseCode) -> None:
    answer = preview(client, make(1), "close", outcome="lost")
    assert numbers(answer) == (1, 0, 0, 0)
    assert answer.context["asked"] == [("Outcome", "Lost"), ("Close code", "Lost: PRICE_L")]
    wrong = preview(client, make(1), "close", outcome="won", close_code=price_l.pk)
    assert wrong.context["form"].errors == {"close_code": ["This close code is of the other kind."]}


# ── preview and run ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_preview_run_batch_undo(client: Client, make: Any, cycle: SalesCycle, rep: User) -> None:
    """The four steps, as plain pages."""
    rows = make(3)
    waiting = make(1, stage=None, description="Lamps", closing_on=None)[0]
    present = cycle.stages.get(number=2)
    ask = client.post(BULK, {"key": keys([*rows, waiting]), "action": "move", "query": "status=open"})
    assert "Move: 4 opportunities chosen" in text(ask)
    seen = preview(client, [*rows, waiting], "move", to=present.pk, reason="Fair", query="status=open")
    assert (seen.status_code, numbers(seen)) == (200, (3, 1, 0, 0))
    said = text(seen)
    assert "Open value €4,000.00 €4,000.00 €0.00" in said
    assert "Weighted value €60.00 €720.00 +€660.00" in said
    assert "It has not started yet; it starts at the stage “Initial”. (1)" in said
    assert "Stage before: Initial → Present" in said and "Change 3 opportunities" in said
    assert [fresh(row).version for row in rows] == [2, 2, 2]
    done = run(client, seen, "move")
    batch = Batch.objects.get()
    assert (done.status_code, done["Location"]) == (302, f"/opportunities/batches/{batch.pk}/?query=status%3Dopen")
    assert (batch.by, batch.verb, batch.asked) == (rep, "move", [["to", "Cycle CY: Present"], ["reason", "Fair"]])
    page = client.get(done["Location"])
    said = text(page)
    assert "3 opportunities were changed. Weighted value +€660.00." in said
    assert "1 was left as it is." in said
    assert f'action="/opportunities/batches/{batch.pk}/undo/"' in page.content.decode()
    assert 'href="/opportunities/?status=open"' in page.content.decode()
    assert "To stage Cycle CY: Present Reason Fair" in said
    assert "It has not started yet; it starts at the stage “Initial”. (1)" in said
    assert "Changed (3)" in said and said.count("Next: Stage before: Initial → Present") == 3
    lifecycle.edit(fresh(rows[1]), version=3, priority="high", on=Company.current().today(), by=None)
    assert text(client.get(batch.get_absolute_url())).count("Changed since") == 1
    before = client.get(f"/opportunities/batches/{batch.pk}/undo/")
    assert numbers(before) == (2, 1, 0, 0)
    assert "Changed meanwhile by the system: Edited. (1)" in text(before)
    assert [fresh(row).version for row in rows] == [3, 4, 3]
    undone = client.post(f"/opportunities/batches/{batch.pk}/undo/", {"version": "0"}, follow=True)
    said = text(undone)
    assert "2 opportunities were put back. Weighted value −€440.00." in said
    assert "Takes back Move" in said and "Changed meanwhile by the system: Edited. (1)" in said
    assert [fresh(row).stage.number for row in rows] == [1, 2, 1]
    assert "data-undo" not in undone.content.decode()


def test_in_a_dialog_every_step_is_a_piece_of_the_page(client: Client, make: Any) -> None:
    rows = make(1)
    for data in ({}, {"action": "edit"}, {"action": "edit", "do": "preview", "priority": "low"}):
        answer = client.post(BULK, {"key": keys(rows)} | data, headers=HX)
        piece = answer.content.decode()
        assert piece.strip().startswith('<section class="card bulk-step"')
        assert '<h2 id="list-dialog-title"' in piece and "<html" not in piece
        whole = client.post(BULK, {"key": keys(rows)} | data).content.decode()
        assert without_tokens(piece.split("</section>")[0]) in without_tokens(whole)
    done = run(client, answer, "edit", headers=HX)
    assert done["HX-Redirect"] == Batch.objects.get().get_absolute_url()


def without_tokens(piece: str) -> str:
    return re.sub(r'name="(csrfmiddlewaretoken|token)" value="[^"]*"', "", piece)


def test_sent_twice_it_runs_once(client: Client, make: Any) -> None:
    rows = make(2)
    seen = preview(client, rows, "edit", priority="low")
    first, second = run(client, seen, "edit"), run(client, seen, "edit")
    assert first["Location"] == second["Location"]
    assert (Batch.objects.count(), {fresh(row).version for row in rows}) == (1, {3})


@pytest.mark.parametrize("spoilt", [{"token": ""}, {"token": "x"}, {"token": None}, {"seen": None}])
def test_a_run_without_its_preview_is_a_preview(client: Client, make: Any, spoilt: dict[str, Any]) -> None:
    rows = make(1)
    data = hidden(preview(client, rows, "edit", priority="low")) | {"do": "run", "key": keys(rows)} | spoilt
    answer = client.post(f"{BULK}?action=edit", {name: value for name, value in data.items() if value is not None})
    assert (answer.status_code, numbers(answer)) == (422, (1, 0, 0, 0))
    assert fresh(rows[0]).version == 2


def test_what_changed_since_the_preview_is_left(client: Client, make: Any, manager: User) -> None:
    rows = make(2)
    seen = preview(client, rows, "revise", shift="1W")
    lifecycle.edit(rows[0], version=2, priority="high", on=Company.current().today(), by=manager)
    said = text(client.get(run(client, seen, "revise")["Location"]))
    assert "1 opportunity was changed." in said
    assert "Changed meanwhile by Manager: Edited. (1)" in said
    assert [fresh(row).version for row in rows] == [3, 3]


def test_when_all_changed_since_it_is_shown_anew(client: Client, make: Any, manager: User) -> None:
    rows = make(1)
    seen = preview(client, rows, "revise", shift="1W")
    lifecycle.edit(rows[0], version=2, priority="high", on=Company.current().today(), by=manager)
    answer = run(client, seen, "revise")
    assert (answer.status_code, numbers(answer), Batch.objects.count()) == (409, (1, 0, 0, 0), 0)
    assert "Nothing was changed. This is how it stands now." in text(answer)
    assert run(client, answer, "revise").status_code == 302
    assert fresh(rows[0]).version == 4


def test_nothing_to_change_offers_no_run(client: Client, make: Any) -> None:
    answer = preview(client, make(2), "archive")
    assert numbers(answer) == (0, 2, 0, 0)
    assert 'value="run"' not in answer.content.decode()
    assert run(client, answer, "archive").status_code == 422


def test_busy_rows_answer_409_with_what_was_typed(client: Client, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = make(1)
    seen = preview(client, rows, "edit", priority="low", reason="Kept words")

    def busy(*args: Any, **values: Any) -> None:
        raise runs.Busy

    monkeypatch.setattr("opportunities.bulk._locked", busy)
    for answer in (run(client, seen, "edit"), preview(client, rows, "edit", priority="low", reason="Kept words")):
        assert answer.status_code == 409
        assert "Somebody is at work on some of these just now." in text(answer)
        assert answer.context["form"]["reason"].value() == "Kept words"


def test_back_to_the_form_keeps_what_was_typed(client: Client, make: Any) -> None:
    seen = preview(client, make(2), "revise", shift="1w", reason="Kept words")
    answer = client.post(f"{BULK}?action=revise", hidden(seen) | {"do": "form"})
    assert answer.status_code == 200
    assert (answer.context["form"]["shift"].value(), answer.context["form"]["reason"].value()) == ("1w", "Kept words")
    assert len(re.findall('name="key"', answer.content.decode())) == 4, "in the form and in the way to another action"


def test_the_day_of_the_preview_is_the_day_of_the_run(client: Client, make: Any, company: Company) -> None:
    """Midnight may pass between the two."""
    rows = make(1)
    seen = preview(client, rows, "edit", priority="low", on="")
    with time_machine.travel(timezone.now() + datetime.timedelta(days=1)):
        run(client, seen, "edit")
    assert fresh(rows[0]).entries.get(step=3).happened_on == company.today()


def test_handing_away_offers_no_undo(
    client: Client, client_for: SignIn, manager: User, make: Any, of: Salesperson
) -> None:
    rows = make(2)
    seen = preview(client, rows, "reassign", salesperson=of.pk)
    assert text(seen).count("will no longer be yours to see") == 2
    page = client.get(run(client, seen, "reassign")["Location"])
    assert "2 are not there any more or not yours to see." in text(page)
    assert "undo" not in page.content.decode().split('id="main"')[1].lower()
    batch = Batch.objects.get()
    undone = client_for(manager).post(f"/opportunities/batches/{batch.pk}/undo/", follow=True)
    assert "2 opportunities were put back." in text(undone)


# ── batches ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def ran(client: Client, rows: list[Opportunity], **values: str) -> Batch:
    run(client, preview(client, rows, "edit", **values or {"priority": "low"}), "edit")
    return Batch.objects.latest("pk")


def test_tags_of_many(client: Client, make: Any, rep: User) -> None:
    """Beside the ledger: no step, no version, and yet a batch that can be taken back, once."""
    rows = make(3)
    fair, old = Tag.objects.create(name="Fair"), Tag.objects.create(name="Old", archived=True)
    lifecycle.tag(rows[0], tag=fair, by=rep)
    asked = client.post(f"{BULK}?action=tag", {"key": keys(rows)})
    assert [str(tag) for tag in asked.context["form"].fields["tag"].queryset] == ["Fair"]
    refused = preview(client, rows, "tag", tag=old.pk)
    assert refused.status_code == 422 and list(refused.context["form"].errors) == ["tag"]
    seen = preview(client, rows, "tag", tag=fair.pk)
    assert (numbers(seen), Tagging.objects.count()) == ((2, 0, 1, 0), 1)
    done = run(client, seen, "tag")
    batch = Batch.objects.get()
    assert done["Location"] == batch.get_absolute_url()
    assert {fresh(row).version for row in rows} == {2} and not batch.opportunityentry_set.exists()
    page = client.get(done["Location"])
    assert [row["opportunity"].pk for row in page.context["rows"]] == keys(rows[1:])
    assert "Tag Fair" in text(page) and "Changed (2)" in text(page)
    assert client.get("/opportunities/batches/").context["rows"][0]["count"] == 2

    lifecycle.untag(rows[2], tag=fair, by=rep)
    undo = f"{done['Location']}undo/"
    assert numbers(client.get(undo)) == (1, 0, 1, 0)
    back = client.post(undo)
    assert list(Tagging.objects.values_list("opportunity", flat=True)) == [rows[0].pk]
    taken_back = Batch.objects.get(undoes=batch)
    assert (back["Location"], taken_back.verb) == (taken_back.get_absolute_url(), "untag")
    assert client.get(back["Location"]).context["may_undo"] is False
    assert client.post(undo)["Location"] == taken_back.get_absolute_url()

    assert numbers(preview(client, rows, "untag", tag=fair.pk)) == (1, 0, 2, 0)
    fair.taggings.all().delete()
    fair.delete()
    assert client.get(done["Location"]).context["may_undo"] is False


def test_undo_sent_twice_leads_to_the_first(client: Client, make: Any) -> None:
    batch = ran(client, make(1))
    url = f"{batch.get_absolute_url()}undo/"
    first, second = client.post(url), client.post(url)
    assert first["Location"] == second["Location"] == Batch.objects.latest("pk").get_absolute_url()
    assert Batch.objects.count() == 2


def test_a_batch_is_its_owners_and_the_managers(
    client: Client, client_for: SignIn, rep2: User, manager: User, viewer: User, make: Any
) -> None:
    batch = ran(client, make(1))
    for user, status in ((rep2, 404), (viewer, 404), (manager, 200)):
        for path in ("", "undo/"):
            assert client_for(user).get(f"{batch.get_absolute_url()}{path}").status_code == status
        answer = client_for(user).post(f"{batch.get_absolute_url()}undo/")
        assert answer.status_code == (302 if user == manager else 404)
    assert OpportunityEntry.objects.filter(action="undone").count() == 1


def test_undo_is_open_for_24_hours(client: Client, make: Any) -> None:
    batch = ran(client, make(1))
    assert "Undo the batch" in text(client.get(batch.get_absolute_url()))
    with time_machine.travel(timezone.now() + datetime.timedelta(hours=25), tick=True):
        assert "Undo the batch" not in text(client.get(batch.get_absolute_url()))
        answer = client.post(f"{batch.get_absolute_url()}undo/", follow=True)
        assert "This batch cannot be taken back (any more)." in text(answer)
        assert "Edit the facts" not in text(client.get("/opportunities/batches/?since=24h"))
        assert "Edit the facts" in text(client.get("/opportunities/batches/"))
        Batch.objects.update(made_at=timezone.now() - datetime.timedelta(days=30, minutes=1))
        assert "No bulk actions yet" in text(client.get("/opportunities/batches/?since=luck"))


def test_the_list_counts_what_one_may_see(
    client: Client, client_for: SignIn, manager: User, rep2: User, make: Any, of: Salesperson
) -> None:
    rows = make(3)
    batch = ran(client, rows, priority="high", reason="Fair")
    lifecycle.reassign(fresh(rows[0]), version=3, salesperson=of, on=Company.current().today(), by=None)

    def listed(user_client: Client, query: str = "") -> list[tuple[int, int]]:
        answer = user_client.get(f"/opportunities/batches/{query}")
        return [(row["batch"].pk, row["count"]) for row in answer.context["rows"]]

    assert listed(client) == [(batch.pk, 2)]
    assert "Priority: High · Reason: Fair" in text(client.get("/opportunities/batches/"))
    assert (listed(client_for(rep2)), listed(client_for(rep2), "?all=1")) == ([], [])
    assert (listed(client_for(manager)), listed(client_for(manager), "?all=1")) == ([], [(batch.pk, 3)])
    page = client.get(batch.get_absolute_url())
    assert "Changed (2)" in text(page) and "1 is not there any more or not yours to see." in text(page)
    assert "Chairs 1" not in page.content.decode()


# ── cost ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def statements(act: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as asked:
        assert act().status_code in (200, 302)
    return len(asked)


def test_as_many_queries_for_20_as_for_1(client: Client, make: Any) -> None:
    counted = []
    for count in (1, 20):
        rows = make(count)
        by_page = [
            statements(lambda rows=rows: client.get(BULK, {"key": keys(rows)})),
            statements(lambda rows=rows: client.get(BULK, {"key": keys(rows), "action": "edit"})),
            statements(lambda rows=rows: preview(client, rows, "edit", priority="low")) - 5 * count,
        ]
        batch = ran(client, rows)
        client.get("/opportunities/batches/")
        by_page += [
            statements(lambda batch=batch: client.get(batch.get_absolute_url())),
            statements(lambda: client.get("/opportunities/batches/")),
        ]
        counted.append(by_page)
    assert counted[0] == counted[1]
    assert counted[0] == [4, 5, 14, 8, 4]
