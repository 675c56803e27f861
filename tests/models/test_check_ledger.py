"""`check_ledger` finds every kind of damage, names row and fault, and nothing else. Planted with the guards off."""

import datetime
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from opportunities import lifecycle
from opportunities.ledger import faults
from opportunities.models import TRACKED, Opportunity
from tests.factories import fresh, make_cycle, make_opportunity
from tests.models.row_rules import LEDGER, LEDGER_ONLY, PRESENT, SHARED, drop_rules, execute, other_value

DAY = datetime.date(2026, 3, 2)


def day(later: int) -> datetime.date:
    return DAY + datetime.timedelta(days=later)


@pytest.fixture
def opportunity(acme, jo, cycle, rep):
    """Steps 1 created, 2 started, 3 next and 4 next (both voided), 5 undone (3 again), 6 revised. On days 0, 1, 2, 4, 2, 7."""
    made = make_opportunity(contact=acme, salesperson=jo, cycle=cycle, by=rep, number="OP1", closing_on=day(60))
    second, third = cycle.stages.filter(number__in=(2, 3))
    lifecycle.start(made, version=1, on=day(1), by=rep)
    lifecycle.move(fresh(made), version=2, to=second, on=day(2), by=rep)
    lifecycle.move(fresh(made), version=3, to=third, on=day(4), by=rep)
    lifecycle.undo(fresh(made), version=4, by=rep)
    lifecycle.revise(fresh(made), version=5, on=day(7), by=rep, estimated_value=Decimal(1200))
    return fresh(made)


@pytest.fixture
def bystander(acme, jo, cycle, rep, price_w):
    """A sound one beside it, closed and corrected."""
    made = make_opportunity(contact=acme, salesperson=jo, cycle=cycle, by=rep, stage=2, number="OP2")
    lifecycle.close(made, version=3, outcome="won", close_code=price_w, on=day(3), by=rep, sales_value=Decimal(900))
    lifecycle.correct(fresh(made), version=4, on=day(2), by=rep)
    return fresh(made)


@pytest.fixture
def guards_off(opportunity, bystander):
    for table in (PRESENT, LEDGER):
        drop_rules(table, triggers=True)
    execute("DROP INDEX one_current_entry")
    execute(f"ALTER TABLE {LEDGER} DROP CONSTRAINT one_entry_for_each_step")


def found(number: str = "OP1") -> set[tuple[str, int | None]]:
    """Codes and steps of what is wrong; all of it with this opportunity."""
    wrong = [fault for fault in faults() if fault.code != "totals_differ"]  # follows from others; has a test of its own
    assert {fault.number for fault in wrong} <= {number}
    return {(fault.code, fault.step) for fault in wrong}


def present(change: str) -> None:
    assert execute(f"UPDATE {PRESENT} SET {change} WHERE number = 'OP1'") == 1


WHERE = f"WHERE opportunity_id = (SELECT id FROM {PRESENT} WHERE number = 'OP1') AND step = %s"


def entry(step: int, change: str) -> None:
    assert execute(f"UPDATE {LEDGER} SET {change} {WHERE}", step) == 1


def delete_entry(step: int) -> None:
    assert execute(f"DELETE FROM {LEDGER} {WHERE}", step) == 1


def test_nothing_is_found_where_nothing_is_wrong(opportunity, bystander, guards_off):
    assert found() == set()


@pytest.mark.parametrize("column", [f for f in Opportunity._meta.local_fields if f.attname in TRACKED], ids=str)
def test_a_present_that_differs_from_its_entry(guards_off, column):
    present(f'"{column.column}" = {other_value(column)}')
    wrong = [fault for fault in faults() if fault.code == "present_differs"]
    assert [(fault.number, fault.step) for fault in wrong] == [("OP1", 6)]
    assert wrong[0].what == f"the present differs in {column.attname}"


def test_all_differing_columns_are_named(guards_off):
    present("description = 'Tables', priority = 'high'")
    (fault,) = faults()
    assert str(fault) == "OP1 step 6: the present differs in description, priority [present_differs]"


def test_an_entry_that_differs_from_its_present(guards_off):
    entry(6, "description = 'Tables'")
    assert found() == {("present_differs", 6)}


def test_a_creation_date_that_the_ledger_does_not_know(guards_off):
    present("created_on = created_on - 1")
    assert found() == {("created_on_differs", 1)}


def test_a_version_ahead_of_the_ledger(guards_off):
    present("version = 7")
    assert found() == {
        ("present_without_entry", None),
        ("version_is_not_the_last_step", None),
        ("version_is_not_the_current_step", None),
    }


def test_a_version_behind_the_ledger(guards_off):
    present("version = 5")
    assert found() == {("version_is_not_the_last_step", None), ("version_is_not_the_current_step", None)}


def test_a_present_without_any_entry(guards_off):
    for step in range(1, 7):
        delete_entry(step)
    assert found() == {("present_without_entry", None), ("no_current_entry", None)}


def test_a_current_entry_that_is_gone(guards_off):
    delete_entry(6)
    codes = {code for code, _ in found()}
    assert codes >= {"present_without_entry", "no_current_entry", "ended_without_successor"}


def test_no_current_entry(guards_off):
    entry(6, "replaced_at = recorded_at, until = happened_on")
    assert found() == {("no_current_entry", None), ("ended_without_successor", 6), ("dates_broken", 6)}


def test_two_current_entries(guards_off):
    entry(5, "replaced_at = NULL, until = NULL")
    codes = found()
    assert ("two_current_entries", None) in codes
    assert codes >= {("dates_broken", 5), ("recorded_chain_broken", 5)}


def test_a_step_that_is_missing(guards_off):
    delete_entry(2)
    assert ("steps_broken", 3) in found()


def test_a_step_that_is_there_twice(guards_off):
    entry(2, "step = 3")
    assert {("steps_broken", 3)} <= found()


def test_steps_that_do_not_begin_with_1(guards_off):
    delete_entry(1)
    assert {("steps_broken", 2), ("created_on_differs", 2)} <= found()


def test_a_first_entry_that_is_not_the_creation(guards_off):
    entry(1, "action = 'edited'")
    assert found() == {("first_entry_is_not_created", 1)}


@pytest.mark.parametrize("until", ["until + 1", "until - 1", "NULL"])
def test_an_entry_that_does_not_end_where_the_next_live_one_begins(guards_off, until):
    entry(2, f"until = {until}")
    assert ("dates_broken", 2) in found()


def test_voided_entries_do_not_count_in_the_chain_of_dates(guards_off):
    entry(3, "until = until + 20")
    assert found() == set()


def test_a_current_entry_that_has_ended(guards_off):
    entry(6, "until = happened_on")
    assert found() == {("dates_broken", 6), ("entry_ends_when_replaced", 6)}


def test_an_entry_that_ends_before_it_begins(guards_off):
    entry(1, "happened_on = happened_on + 30")
    assert {("until_before_happened_on", 1), ("entry_ends_after_it_begins", 1)} <= found()


@pytest.mark.parametrize(
    "instant", ["replaced_at + interval '1 second'", "replaced_at - interval '1 microsecond'", "NULL"]
)
def test_a_gap_or_an_overlap_in_what_was_known(guards_off, instant):
    entry(4, f"replaced_at = {instant}")
    assert ("recorded_chain_broken", 4) in found()


def test_an_entry_recorded_after_it_was_replaced(guards_off):
    entry(1, "recorded_at = replaced_at + interval '1 second'")
    assert found() == {("entry_ends_after_it_begins", 1)}


def test_a_voided_entry_that_nothing_took_back(guards_off):
    entry(2, "voided_at = replaced_at")
    assert ("voided_without_successor", 2) in found()


def test_a_voided_last_entry(guards_off):
    entry(6, "voided_at = recorded_at, replaced_at = recorded_at")
    assert {("voided_without_successor", 6), ("no_current_entry", None)} <= found()


@pytest.mark.parametrize("undoes", ["NULL", "1", "99"])
def test_a_step_that_takes_back_nothing(guards_off, undoes):
    entry(5, f"undoes = {undoes}")
    assert ("undoes_nothing", 5) in found()


def test_a_stage_of_another_cycle(guards_off):
    stage = make_cycle("OTHER").stages.get(number=2)
    entry(2, f"stage_id = {stage.pk}")
    assert found() == {("stage_of_another_cycle", 2)}
    present(f"stage_id = {stage.pk}")
    assert {("stage_of_another_cycle", None), ("present_differs", 6)} <= found()


def test_a_close_code_of_the_other_kind(guards_off, price_l):
    execute(f"UPDATE {LEDGER} SET close_code_id = %s WHERE status = 'won'", price_l.pk)
    execute(f"UPDATE {PRESENT} SET close_code_id = %s WHERE status = 'won'", price_l.pk)
    assert found("OP2") == {
        ("close_code_of_other_kind", None),
        ("close_code_of_other_kind", 4),
        ("close_code_of_other_kind", 6),
    }


@pytest.mark.parametrize("value", ["calculated_value + 0.01", "NULL", "estimated_value"])
def test_a_calculated_value_that_is_not_the_formula_s(guards_off, value):
    for table in (PRESENT, LEDGER):
        execute(f"ALTER TABLE {table} ALTER calculated_value DROP EXPRESSION")
    present(f"calculated_value = {value}")
    assert found() == {("calculated_value_wrong", None)}
    entry(2, f"calculated_value = {value}")
    assert found() == {("calculated_value_wrong", None), ("calculated_value_wrong", 2)}


@pytest.mark.parametrize("row", [row for row in SHARED if row.of == "in_progress"], ids=str)
def test_a_row_that_breaks_a_rule_of_its_model(guards_off, row, price_w):
    changes = ", ".join(f"{name} = {value}" for name, value in row.but.items()).replace("won_code", str(price_w.pk))
    present(changes)
    entry(2, changes)
    assert {(f"opportunity_{row.refused_by}", None), (f"opportunityentry_{row.refused_by}", 2)} <= found()


@pytest.mark.parametrize("row", SHARED, ids=str)
def test_every_status_is_looked_at(guards_off, row, jo, cycle, price_w, price_l):
    """The present becomes a row of each status first."""
    closed = f"stage_id = NULL, stage_entered_on = NULL, closed_on = '2026-03-09', stage_before_id = {cycle.stages.first().pk}"
    become = {
        "not_started": "status = 'not_started', stage_id = NULL, stage_entered_on = NULL",
        "in_progress": "description = 'Chairs'",
        "won": f"status = 'won', {closed}, close_code_id = {price_w.pk}, sales_value = 1",
        "lost": f"status = 'lost', {closed}, close_code_id = {price_l.pk}",
    }
    present(become[row.of])
    keys = {"stage_1": str(cycle.stages.get(number=1).pk), "jo": str(jo.pk), "won_code": str(price_w.pk)}
    assert not any(fault.code.startswith("opportunity_") for fault in faults())
    present(", ".join(f"{name} = {keys.get(value, value)}" for name, value in row.but.items()))
    assert (f"opportunity_{row.refused_by}", None) in found()


@pytest.mark.parametrize("row", LEDGER_ONLY, ids=str)
def test_an_entry_that_breaks_a_rule_of_the_ledger(guards_off, row):
    for name, value in row.but.items():
        entry(6, f"{name} = {value}")
    assert row.refused_by in {code for code, _ in found()}


def test_the_command_is_content(opportunity, bystander, capsys):
    call_command("check_ledger")
    assert capsys.readouterr().out == "2 opportunities with 12 entries checked: no fault.\n"


def test_the_command_prints_every_fault_and_fails(guards_off, capsys):
    present("description = 'Tables'")
    entry(5, "undoes = 1")
    with pytest.raises(CommandError, match="2 opportunities with 12 entries checked: 2 faults") as failed:
        call_command("check_ledger")
    assert failed.value.returncode == 1
    assert capsys.readouterr().out.splitlines() == [
        "OP1 step 6: the present differs in description [present_differs]",
        "OP1 step 5: takes back step 1, which is no voided step before it [undoes_nothing]",
    ]


def test_an_empty_database_is_sound(db, capsys):
    call_command("check_ledger")
    assert capsys.readouterr().out == "0 opportunities with 0 entries checked: no fault.\n"
