"""What the database itself refuses, tried by raw SQL past the ORM."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import CheckConstraint

from opportunities import lifecycle
from opportunities.ledger import faults
from opportunities.models import Opportunity, OpportunityEntry
from tests.factories import WORK_DATE, CloseCodeFactory, fresh, make_cycle, make_opportunity
from tests.models.row_rules import (
    ALLOWED,
    LEDGER,
    LEDGER_ONLY,
    PRESENT,
    SHARED,
    check_deferred,
    drop_rules,
    execute,
    insert_copy,
    other_value,
)


@contextmanager
def refused_by(name: str) -> Iterator[None]:
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        yield
    assert refused.value.__cause__.diag.constraint_name == name


@pytest.fixture
def rows(acme, jo, cycle, rep, price_w, price_l):
    """One sound opportunity of each status; won and lost ones were started before."""
    made = {}
    for status in ("not_started", "in_progress", "won", "lost"):
        stage = None if status == "not_started" else 2
        made[status] = make_opportunity(contact=acme, salesperson=jo, cycle=cycle, by=rep, stage=stage)
    for status, code, value in (("won", price_w, 900), ("lost", price_l, None)):
        lifecycle.close(
            made[status], version=3, outcome=status, close_code=code, on=WORK_DATE, by=rep, sales_value=value
        )
    yield {status: fresh(opportunity) for status, opportunity in made.items()}
    assert list(faults()) == []


@pytest.fixture
def keys(cycle, jo, price_w):
    return {"stage_1": str(cycle.stages.get(number=1).pk), "jo": str(jo.pk), "won_code": str(price_w.pk)}


@pytest.fixture
def running(rows):
    return rows["in_progress"]


def copy_present(opportunity, **but):
    insert_copy(Opportunity, opportunity.pk, {"number": "'COPY'", "version": "1"} | but)


def add_entry(opportunity, **but):
    """A further step as a verb would write it, but for the columns given."""
    current = opportunity.entries.current().get()
    execute(f"UPDATE {LEDGER} SET until = happened_on, replaced_at = statement_timestamp() WHERE id = %s", current.pk)
    insert_copy(
        OpportunityEntry,
        current.pk,
        {"step": "step + 1", "until": "NULL", "replaced_at": "NULL", "recorded_at": "replaced_at"} | but,
    )


def named(but, keys):
    return {column: keys.get(value, value) for column, value in but.items()}


@pytest.mark.parametrize("row", SHARED, ids=str)
def test_a_row_that_must_not_exist(row, rows, keys):
    with refused_by(f"opportunity_{row.refused_by}"):
        copy_present(rows[row.of], **named(row.but, keys))
    with refused_by(f"opportunityentry_{row.refused_by}"):
        add_entry(rows[row.of], **named(row.but, keys))


@pytest.mark.parametrize("row", LEDGER_ONLY, ids=str)
def test_an_entry_that_must_not_exist(row, rows, keys):
    with refused_by(row.refused_by):
        add_entry(rows[row.of], **named(row.but, keys))


@pytest.mark.parametrize("row", ALLOWED, ids=str)
def test_a_row_that_may_exist(row, rows):
    with transaction.atomic():
        copy_present(rows[row.of], **row.but)
        add_entry(rows[row.of], **row.but)
        transaction.set_rollback(True)


def test_every_row_rule_is_tried():
    def rules(model):
        return {rule.name for rule in model._meta.constraints if isinstance(rule, CheckConstraint)}

    assert rules(Opportunity) == {f"opportunity_{row.refused_by}" for row in SHARED}
    shared = {f"opportunityentry_{row.refused_by}" for row in SHARED}
    assert rules(OpportunityEntry) == shared | {row.refused_by for row in LEDGER_ONLY}


@pytest.mark.parametrize("column", ["status", "priority", "contact_id", "company_id", "description", "archived"])
def test_what_is_never_blank(column, rows):
    for model, copy in ((Opportunity, copy_present), (OpportunityEntry, add_entry)):
        with pytest.raises(IntegrityError, match="violates not-null") as refused, transaction.atomic():
            copy(rows["not_started"], **{column: "NULL"})
        assert refused.value.__cause__.diag.table_name == model._meta.db_table


def test_a_stage_of_another_cycle(running):
    stage = str(make_cycle("OTHER").stages.get(number=1).pk)
    with refused_by("opportunity_stage_of_its_cycle"):
        copy_present(running, stage_id=stage)
    with refused_by("entry_stage_of_its_cycle"):
        add_entry(running, stage_id=stage)


def test_a_close_code_of_the_other_kind(rows, price_l, price_w):
    with refused_by("opportunity_code_of_its_outcome"):
        copy_present(rows["won"], close_code_id=str(price_l.pk))
    with refused_by("entry_code_of_its_outcome"):
        add_entry(rows["lost"], close_code_id=str(price_w.pk))


def test_a_stage_and_a_code_that_do_not_exist(rows):
    with refused_by("opportunity_stage_of_its_cycle"):
        copy_present(rows["in_progress"], stage_id="-1")
    with refused_by("opportunity_code_of_its_outcome"):
        copy_present(rows["won"], close_code_id="-1")


def test_a_stage_in_use_cannot_leave_its_cycle(running):
    other = make_cycle("OTHER")
    with refused_by("opportunity_stage_of_its_cycle"):
        execute(
            "UPDATE salescycles_stage SET sales_cycle_id = %s, number = 9 WHERE id = %s", other.pk, running.stage_id
        )


def test_a_code_in_use_cannot_change_its_kind(rows, price_w):
    with refused_by("opportunity_code_of_its_outcome"):
        execute("UPDATE salescycles_closecode SET outcome = 'lost' WHERE id = %s", price_w.pk)


@transaction.atomic
def delete_and_commit(table, pk):
    execute(f"DELETE FROM {table} WHERE id = %s", pk)
    check_deferred()


def test_what_the_ledger_names_cannot_be_deleted(rows, running):
    unused = CloseCodeFactory(code="UNUSED")
    assert execute("DELETE FROM salescycles_closecode WHERE id = %s", unused.pk) == 1
    for table, pk in (
        ("salescycles_stage", running.stage_id),
        ("salescycles_closecode", rows["won"].close_code_id),
        ("contacts_contact", running.contact_id),
        ("salespeople_salesperson", running.salesperson_id),
        (PRESENT, running.pk),
    ):
        with pytest.raises(IntegrityError, match="violates foreign key"):
            delete_and_commit(table, pk)


def test_two_entries_with_one_step(running):
    with refused_by("one_entry_for_each_step"):
        add_entry(running, step="step", until="happened_on", replaced_at="statement_timestamp()")


def test_two_current_entries(running):
    current = running.entries.current().get()
    with refused_by("one_current_entry"):
        insert_copy(OpportunityEntry, current.pk, {"step": "step + 1"})


def test_two_opportunities_with_one_number(running):
    with refused_by("opportunities_opportunity_number_key"):
        insert_copy(Opportunity, running.pk, {})


def test_an_entry_that_leaves_out_a_step(running):
    with refused_by("ledger_is_a_chain"):
        add_entry(running, step="step + 2")


def test_an_entry_after_one_that_has_not_ended(running):
    """It would not be the current one, so no unique index refuses it."""
    current = running.entries.current().get()
    ended = {"step": "step + 1", "until": "happened_on", "replaced_at": "statement_timestamp()"}
    with refused_by("ledger_is_a_chain"):
        insert_copy(OpportunityEntry, current.pk, ended)


@pytest.mark.parametrize("days", ["- 1", "+ 1"])
def test_an_entry_that_does_not_begin_where_the_live_one_before_ends(running, days):
    with refused_by("ledger_is_a_chain"):
        add_entry(running, happened_on=f"happened_on {days}")


def test_a_voided_entry_does_not_bind_the_next(running, rep):
    """The chain is that of the live entries: here step 2 ends where the restated step 3 begins."""
    lifecycle.undo(running, version=3, by=rep)
    assert [entry.voided_at is None for entry in running.entries.all()] == [True, False, False, True]


def test_an_entry_dated_one_day_ahead_is_allowed(running):
    """Somewhere on earth it is that day already."""
    tomorrow = "(statement_timestamp() AT TIME ZONE 'UTC')::date + 1"
    with transaction.atomic():
        current = running.entries.current().get()
        execute(
            f"UPDATE {LEDGER} SET until = {tomorrow}, replaced_at = statement_timestamp() WHERE id = %s", current.pk
        )
        changed = {"step": "step + 1", "until": "NULL", "replaced_at": "NULL", "recorded_at": "replaced_at"}
        insert_copy(OpportunityEntry, current.pk, changed | {"happened_on": tomorrow})
        transaction.set_rollback(True)


def test_a_present_that_no_entry_backs(running):
    with refused_by("present_is_backed_by_the_ledger"):
        copy_present(running)
        check_deferred()
    with refused_by("present_is_backed_by_the_ledger"):
        execute(f"UPDATE {PRESENT} SET description = 'x', version = version + 1 WHERE id = %s", running.pk)
        check_deferred()


@pytest.mark.django_db(transaction=True)
def test_a_present_that_no_entry_backs_is_not_committed(acme, jo, cycle, rep):
    opportunity = make_opportunity(contact=acme, salesperson=jo, cycle=cycle, by=rep)
    with refused_by("present_is_backed_by_the_ledger"):
        execute(f"UPDATE {PRESENT} SET version = version + 1 WHERE id = %s", opportunity.pk)
    assert fresh(opportunity).version == 1


@pytest.mark.parametrize("version", ["version", "version + 2", "version - 1", "1"])
def test_a_present_that_changes_without_raising_its_version_by_one(running, version):
    with refused_by("version_rises_by_one"):
        execute(f"UPDATE {PRESENT} SET description = 'x', version = {version} WHERE id = %s", running.pk)


def test_any_save_past_the_verbs(running):
    running.description = "Tables"
    with refused_by("version_rises_by_one"):
        running.save()


FILLED_ONCE = ("until", "replaced_at", "voided_at")
FIXED = [
    field for field in OpportunityEntry._meta.local_fields if not field.generated and field.name not in FILLED_ONCE
]


@pytest.mark.parametrize("column", FIXED, ids=lambda field: field.column)
def test_no_column_of_an_entry_changes(running, column):
    """Not even where no check or key minds."""
    with refused_by("ledger_is_append_only"):
        drop_rules(PRESENT, triggers=False)
        drop_rules(LEDGER, triggers=False)
        execute(
            f'UPDATE {LEDGER} SET "{column.column}" = {other_value(column)} WHERE opportunity_id = %s AND step = 2',
            running.pk,
        )


def test_no_entry_is_deleted(running):
    with refused_by("ledger_is_append_only"):
        execute(f"DELETE FROM {LEDGER} WHERE opportunity_id = %s AND step = 1", running.pk)


def test_a_blank_of_an_entry_is_filled_once(running):
    first, current = running.entries.get(step=1), running.entries.current().get()
    fill = f"UPDATE {LEDGER} SET until = happened_on, replaced_at = statement_timestamp() WHERE id = %s"
    void = f"UPDATE {LEDGER} SET voided_at = statement_timestamp() WHERE id = %s"
    with transaction.atomic():
        assert execute(fill, current.pk) == 1
        assert execute(void, current.pk) == 1
        transaction.set_rollback(True)
    with refused_by("ledger_is_append_only"):
        execute(fill, first.pk)


@pytest.mark.parametrize("column", ["until", "replaced_at", "voided_at"])
def test_what_is_filled_stays(running, rep, column):
    """Neither emptied nor filled otherwise. Step 2 is voided, replaced and ended."""
    lifecycle.undo(running, version=3, by=rep)
    step_2 = running.entries.get(step=2)
    day_later = f"{column} + interval '1 day'"
    for value in ("NULL", f"({day_later})::date" if column == "until" else day_later):
        with pytest.raises(IntegrityError) as refused, transaction.atomic():
            execute(f"UPDATE {LEDGER} SET {column} = {value} WHERE id = %s", step_2.pk)
        name = refused.value.__cause__.diag.constraint_name
        assert name in ("ledger_is_append_only", "one_current_entry", "voided_entries_are_replaced")


def test_a_blank_is_not_filled_along_with_another_change(running):
    current = running.entries.current().get()
    with refused_by("ledger_is_append_only"):
        execute(
            f"UPDATE {LEDGER} SET until = happened_on, replaced_at = statement_timestamp(), reason = 'x' WHERE id = %s",
            current.pk,
        )


def test_erasing_is_allowed_under_its_setting(running):
    """Only the upkeep's erase sets it, and only for its own transaction."""
    with transaction.atomic():
        execute("SET LOCAL crm.erase = 'on'")
        assert execute(f"UPDATE {PRESENT} SET description = 'erased' WHERE id = %s", running.pk) == 1
        assert execute(f"UPDATE {LEDGER} SET description = 'erased' WHERE opportunity_id = %s", running.pk) == 3
        assert execute(f"DELETE FROM {LEDGER} WHERE opportunity_id = %s AND step = 1", running.pk) == 1
        transaction.set_rollback(True)
    with refused_by("ledger_is_append_only"):
        execute(f"DELETE FROM {LEDGER} WHERE opportunity_id = %s AND step = 1", running.pk)


@pytest.mark.parametrize("value", ["off", "", "true", "ON"])
def test_no_other_value_of_the_setting_allows_erasing(running, value):
    with refused_by("ledger_is_append_only"):
        execute("SELECT set_config('crm.erase', %s, true)", value)
        execute(f"DELETE FROM {LEDGER} WHERE opportunity_id = %s AND step = 1", running.pk)


@pytest.mark.django_db(transaction=True)
def test_the_setting_ends_with_its_transaction(acme, rep):
    opportunity = make_opportunity(contact=acme, by=rep)
    with transaction.atomic():
        execute("SET LOCAL crm.erase = 'on'")
    with refused_by("version_rises_by_one"):
        execute(f"UPDATE {PRESENT} SET description = 'x' WHERE id = %s", opportunity.pk)


def test_half_a_cent_is_rounded_away_from_zero(acme, jo, cycle, rep):
    """The calculated value is Postgres's own: 10 000.10 × 33.5 % = 3 350.0335."""
    for value, chances, expected in (("10000.10", "33.5", "3350.03"), ("0.10", "25", "0.03"), ("15.99", "50", "8.00")):
        cycle.stages.filter(number=1).update(completed=100)
        opportunity = make_opportunity(
            contact=acme, salesperson=jo, cycle=cycle, by=rep, stage=1, value=Decimal(value), chances=Decimal(chances)
        )
        assert str(opportunity.calculated_value) == expected


def test_the_verbs_refuse_first(running, rep):
    """A person never meets these names: the verb says it in words."""
    with pytest.raises(ValidationError):
        lifecycle.archive(running, version=3, on=WORK_DATE, by=rep)
