"""Stage gates at every verb that enters a stage: met, not met, filled in with the move, passed over."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from collaboration import lifecycle as collaboration
from collaboration.models import Attachment
from opportunities import filling, lifecycle
from opportunities.models import Action, OpportunityEntry
from quotes.models import Quote
from salescycles.models import Competitor
from salespeople.models import User
from salespeople.roles import SALES_MANAGER, SALES_REP
from tests.factories import QuoteFactory, SourceFactory, fresh, make_cycle
from tests.models.lifecycle_words import change, day, refuses

pytestmark = pytest.mark.usefixtures("sound_ledger")


@pytest.fixture
def gate(cycle):
    """Sets the gate of the stage with that number."""

    def set_up(number, **values):
        cycle.stages.filter(number=number).update(**values)
        return cycle.stages.get(number=number)

    return set_up


@pytest.fixture
def files(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    return tmp_path


def stage(opportunity, number):
    return fresh(opportunity).sales_cycle.stages.get(number=number)


def move(opportunity, number, by, verb=lifecycle.move, **values):
    now = fresh(opportunity)
    return verb(now, **{"version": now.version, "to": stage(now, number), "on": day(2), "by": by} | values)


def start(opportunity, by, verb=lifecycle.start, **values):
    now = fresh(opportunity)
    return verb(now, **{"version": now.version, "on": day(2), "by": by} | values)


def attach(opportunity, by, name="offer.pdf"):
    file = SimpleUploadedFile(name, b"%PDF")
    return collaboration.attach("opportunity", opportunity.pk, files=[file], by=by)[0]


def role(name):
    return Group.objects.get(name=name).pk


def again(user):
    return User.objects.get(pk=user.pk)


def meet(opportunity, what, by, ann):
    """Meet one condition before the move."""
    now = fresh(opportunity)
    step = {"version": now.version, "on": day(2), "by": by}
    if what == "source":
        lifecycle.edit(now, source=SourceFactory(), **step)
    elif what == "competitor":
        lifecycle.edit(now, competitor=Competitor.objects.create(code="RIVAL"), **step)
    elif what == "contact":
        lifecycle.reassign(now, contact=ann, **step)
    elif what == "value":
        lifecycle.revise(now, estimated_value=Decimal(5000), **step)
    elif what == "quote":
        QuoteFactory(opportunity=now)
    else:
        attach(now, by)


GATES = {
    "source": ({"required_fields": ["source"]}, {"source": "gate_field"}),
    "competitor": ({"required_fields": ["competitor"]}, {"competitor": "gate_field"}),
    "contact": ({"required_fields": ["contact"]}, {"contact": "gate_field"}),
    "value": ({"minimum_value": Decimal(5000)}, {"estimated_value": "gate_value"}),
    "quote": ({"quote_required": True}, {"to": "E16"}),
    "document": ({"document_required": True}, {"to": "gate_document"}),
}


@pytest.mark.parametrize("what", GATES)
@pytest.mark.parametrize(("here", "there", "action"), [(1, 2, Action.NEXT), (1, 3, Action.SKIP)])
def test_a_way_ahead_asks_the_stage_entered_or_passed_over(at_stage, gate, rep, ann, files, what, here, there, action):
    values, codes = GATES[what]
    gate(2, allow_skip=True, **values)
    opportunity = at_stage(here)
    with refuses(**codes):
        move(opportunity, there, rep)
    assert fresh(opportunity).version == 2
    meet(opportunity, what, rep, ann)
    entry = move(opportunity, there, rep)
    assert (entry.action, entry.overrode) == (action, None)


@pytest.mark.parametrize("what", [what for what in GATES if what != "quote"])
def test_a_start_asks_the_first_stage(at_stage, gate, rep, ann, files, what):
    values, codes = GATES[what]
    gate(1, **values)
    opportunity = at_stage(0)
    with refuses(**codes):
        start(opportunity, rep)
    meet(opportunity, what, rep, ann)
    assert start(opportunity, rep).action == Action.STARTED


def test_a_start_needs_no_quote(at_stage, gate, rep):
    gate(1, quote_required=True)
    assert start(at_stage(0), rep).action == Action.STARTED


@pytest.mark.parametrize("what", GATES)
def test_going_back_asks_for_nothing_that_was_met_before(at_stage, gate, rep, what):
    opportunity = at_stage(3)  # the gates came later
    gate(1, **GATES[what][0])
    gate(2, **GATES[what][0])
    assert move(opportunity, 2, rep).action == Action.PREVIOUS
    assert move(opportunity, 1, rep).action == Action.PREVIOUS


def test_no_way_back(at_stage, gate, rep):
    opportunity = at_stage(3)
    gate(2, allow_back=False)
    gate(1, allow_back=False)
    with refuses(to="gate_back"):
        move(opportunity, 2, rep)
    with refuses(to="gate_back"):
        move(opportunity, 1, rep)
    gate(1, allow_back=True)
    assert move(opportunity, 1, rep).action == Action.JUMP  # over a stage that nobody may come back to


def test_roles(at_stage, gate, rep, manager):
    gate(1, roles=[role(SALES_MANAGER)])
    gate(2, roles=[role(SALES_MANAGER)], allow_skip=True)
    waiting = at_stage(0)
    with refuses(to="gate_role"):
        start(waiting, again(rep))
    start(waiting, again(manager))
    with refuses(to="gate_role"):
        move(waiting, 2, again(rep))
    with refuses(to="gate_role"):
        move(waiting, 3, again(rep))  # over it
    move(waiting, 3, again(manager))
    with refuses(to="gate_role"):
        move(waiting, 2, again(rep))  # back
    gate(2, roles=[role(SALES_MANAGER), role(SALES_REP)])
    assert move(waiting, 2, again(rep)).action == Action.PREVIOUS
    waiting = at_stage(0)
    assert start(waiting, None).action == Action.STARTED  # the system has no role
    waiting = at_stage(0)
    User.objects.filter(pk=rep.pk).update(is_superuser=True)
    assert start(waiting, again(rep)).action == Action.STARTED


def test_chances_of_one_s_own(at_stage, gate, cycle, rep):
    gate(2, required_fields=["chances"])
    opportunity = at_stage(1)
    with refuses(chances="gate_field"):
        move(opportunity, 2, rep)
    with refuses(chances="gate_field"):
        move(opportunity, 2, rep, chances=None)
    assert move(opportunity, 2, rep, chances=Decimal(0)).chances == 0
    opportunity = at_stage(1)
    now = fresh(opportunity)
    lifecycle.revise(now, version=2, on=day(2), by=rep, chances=Decimal(33))
    with refuses(chances="gate_field"):  # the stage's would count
        move(opportunity, 2, rep)
    cycle.stage_decides = False
    cycle.save()
    assert move(opportunity, 2, rep).chances == 33


def test_the_value_is_that_of_the_move(at_stage, gate, rep):
    gate(2, minimum_value=Decimal(5000))
    opportunity = at_stage(1, value=9000)
    with refuses(estimated_value="gate_value"):
        move(opportunity, 2, rep, estimated_value=Decimal("4999.99"))
    assert move(opportunity, 2, rep, estimated_value=Decimal("4999.995")).estimated_value == 5000  # as it is stored


def test_a_refusal_lists_everything(at_stage, gate, rep):
    gate(2, required_fields=["source", "competitor"], quote_required=True, roles=[role(SALES_MANAGER)])
    gate(3, minimum_value=Decimal(2000), document_required=True)
    with refuses(to="E15 gate_role E16 gate_document", source="gate_field", competitor="gate_field",
                 estimated_value="gate_value"):  # fmt: skip
        move(at_stage(1), 3, again(rep))


def test_reopening_asks_the_chosen_stage(at_stage, gate, rep, price_l, files):
    opportunity = at_stage(2)
    lifecycle.close(fresh(opportunity), version=3, outcome="lost", close_code=price_l, on=day(2), by=rep)
    stage = gate(2, required_fields=["competitor"], document_required=True, allow_back=False)
    how = {"version": 4, "to": stage, "reason": "Again", "on": day(2), "by": rep, "closing_on": day(20)}
    with refuses(competitor="gate_field", to="gate_document"):
        lifecycle.reopen(fresh(opportunity), **how)
    attach(opportunity, rep)
    lifecycle.edit(fresh(opportunity), version=4, competitor=Competitor.objects.create(code="R"), on=day(2), by=rep)
    assert lifecycle.reopen(fresh(opportunity), **how | {"version": 5}).action == Action.REOPENED


def test_another_cycle_asks_the_chosen_stage(at_stage, rep, manager):
    other = make_cycle("OTHER")
    other.stages.filter(number=2).update(minimum_value=Decimal(5000))
    stage = other.stages.get(number=2)
    opportunity = at_stage(1)
    how = {"version": 2, "sales_cycle": other, "to": stage, "on": day(2), "reason": "Better"}
    with refuses(estimated_value="gate_value"):
        lifecycle.change_cycle(fresh(opportunity), by=rep, **how)
    entry = lifecycle.change_cycle(fresh(opportunity), by=manager, override=True, **how)
    assert entry.overrode == [f"{stage.pk}.value"]


# ── filled in with the move ──────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_missing_is_filled_in_with_the_move(at_stage, gate, rep, ann, files):
    gate(2, required_fields=["source", "contact"], quote_required=True, document_required=True,
         minimum_value=Decimal(2000))  # fmt: skip
    opportunity, source = at_stage(1), SourceFactory()
    entry = move(
        opportunity, 2, rep, verb=filling.move, source=source, contact=ann, quote_amount=Decimal(1900),
        document=SimpleUploadedFile("offer.pdf", b"%PDF"), estimated_value=Decimal(2000),
    )  # fmt: skip
    assert list(opportunity.entries.order_by("step").values_list("action", flat=True)) == [
        *("created", "started", "edited", "reassigned", "next")
    ]
    now = fresh(opportunity)
    assert (now.version, now.source, now.contact, now.estimated_value) == (5, source, ann, 2000)
    assert (entry.step, Quote.objects.get().net_amount, Attachment.objects.get().name) == (5, 1900, "offer.pdf")


def test_nothing_of_it_stays_where_the_move_is_refused(at_stage, gate, rep, files):
    gate(2, required_fields=["source", "competitor"], quote_required=True, document_required=True)
    opportunity = at_stage(1)
    with refuses(competitor="gate_field"):
        move(
            opportunity, 2, rep, verb=filling.move, source=SourceFactory(), quote_amount=Decimal(1900),
            document=SimpleUploadedFile("offer.pdf", b"%PDF"),
        )  # fmt: skip
    assert (fresh(opportunity).version, Quote.objects.count(), Attachment.objects.count()) == (2, 0, 0)
    assert [path for path in files.rglob("*") if path.is_file()] == []


def test_a_refusal_of_what_is_filled_in_stands_at_its_field(at_stage, gate, rep, files):
    gate(2, quote_required=True, document_required=True)
    opportunity = at_stage(1)
    with refuses(quote_amount="E10"):
        move(opportunity, 2, rep, verb=filling.move, quote_amount=Decimal(0))
    with refuses(document="file"):
        move(opportunity, 2, rep, verb=filling.move, document=SimpleUploadedFile("virus.exe", b"MZ"))


def test_a_start_is_filled_in_too(at_stage, gate, rep):
    gate(1, required_fields=["source"])
    opportunity, source = at_stage(0), SourceFactory()
    start(opportunity, rep, verb=filling.start, source=source)
    assert (fresh(opportunity).source, fresh(opportunity).version) == (source, 3)


# ── passed over ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_manager_passes_over_with_a_reason(at_stage, gate, rep, manager):
    second, third = gate(2, required_fields=["source"]), gate(3, quote_required=True)
    opportunity = at_stage(1)
    with refuses(override="gate_override"):
        move(opportunity, 3, rep, override=True, reason="They insist")
    with refuses(reason="E08"):
        move(opportunity, 3, manager, override=True, reason=" ")
    with refuses(override="gate_override"):
        move(opportunity, 3, None, override=True, reason="System")
    move(opportunity, 3, manager, override=True, reason="They insist")
    changed = change(opportunity)
    assert changed["overrode"] == [f"{second.pk}.skip", f"{second.pk}.source", f"{third.pk}.quote"]
    assert (changed["action"], changed["by_id"], changed["reason"]) == (Action.SKIP, manager.pk, "They insist")


def test_the_rules_of_a_step_are_no_gate(at_stage, gate, manager):
    gate(2, required_fields=["source"])
    with refuses(estimated_value="E10"):
        move(at_stage(1), 2, manager, override=True, reason="So", estimated_value=Decimal(0))
    with refuses(to="E15"):
        move(at_stage(0), 2, manager, override=True, reason="So")


def test_nothing_to_pass_over_is_no_override(at_stage, manager):
    assert move(at_stage(1), 2, manager, override=True).overrode is None


def test_an_undo_asks_no_gate(at_stage, gate, rep):
    opportunity = at_stage(2)
    gate(1, allow_back=False, required_fields=["source"], roles=[role(SALES_MANAGER)])
    lifecycle.undo(fresh(opportunity), version=3, by=again(rep))
    assert fresh(opportunity).stage.number == 1


def test_a_corrected_date_counts_no_second_override(at_stage, gate, manager):
    gate(2, required_fields=["source"])
    opportunity = at_stage(1, on=day(1), closing_on=day(20))
    move(opportunity, 2, manager, override=True, reason="So", on=day(1))
    lifecycle.correct(fresh(opportunity), version=3, on=day(2), by=manager)
    assert OpportunityEntry.objects.overriding().count() == 1


def test_the_database_asks_for_the_reason(at_stage, gate, manager):
    gate(2, required_fields=["source"])
    opportunity = at_stage(1)
    move(opportunity, 2, manager, override=True, reason="So")
    with pytest.raises(IntegrityError, match="who_overrides_says_why"), transaction.atomic():
        OpportunityEntry.objects.overriding().update(reason=" ")


@pytest.mark.parametrize("values", [{"minimum_value": 0}, {"required_fields": ["source", "shoe_size"]}])
def test_the_database_refuses_other_gates(cycle, values):
    with pytest.raises(IntegrityError), transaction.atomic():
        cycle.stages.update(**values)


# ── two at once, and what it costs ───────────────────────────────────────────────────────────────────────────────────


def test_what_was_taken_away_since_it_was_read(at_stage, gate, rep, files):
    gate(2, document_required=True, quote_required=True)
    opportunity = at_stage(1)
    attachment, quote = attach(opportunity, rep), QuoteFactory(opportunity=opportunity)
    found = type(opportunity).objects.with_quote().with_document().get(pk=opportunity.pk)
    collaboration.remove(attachment, by=rep)
    quote.delete()
    with refuses(to="E16 gate_document"):
        lifecycle.move(found, version=2, to=stage(opportunity, 2), on=day(2), by=rep)
    assert fresh(opportunity).version == 2


def test_statements(at_stage, gate, rep, files):
    """Only quotes and documents cost one more, where the way leads to such a stage."""
    gate(2, required_fields=["source"], minimum_value=Decimal(5))
    for number, values, more in ((2, {}, 0), (3, {"document_required": True}, 2)):
        gate(number, **values)
        opportunity = at_stage(1, source=SourceFactory())
        if number == 3:
            move(opportunity, 2, rep)
            attach(opportunity, rep)
        now, to = fresh(opportunity), stage(opportunity, number)
        assert to.sales_cycle
        with CaptureQueriesContext(connection) as seen:
            lifecycle.move(now, version=now.version, to=to, on=day(2), by=rep)
        asked = [query["sql"] for query in seen if "SAVEPOINT" not in query["sql"]]
        assert sum("attachment" in sql for sql in asked) == more
