"""Rows that must not exist: what is wrong with each, and the constraint that refuses it. Values are SQL."""

from dataclasses import dataclass, field

from django.db import connection
from django.db.models import Field

from opportunities.models import Opportunity, OpportunityEntry

PRESENT, LEDGER = Opportunity._meta.db_table, OpportunityEntry._meta.db_table


@dataclass(frozen=True)
class Row:
    """A copy of a sound row (`of`: not_started, in_progress, won, lost) but for the columns in `but`."""

    refused_by: str
    of: str
    but: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        changed = ",".join(f"{name}={value}" for name, value in self.but.items())
        return f"{self.refused_by}:{self.of}:{changed}".replace(" ", "")


# On both tables; the constraint's name begins with `opportunity_` on the present, with `opportunityentry_` on the ledger.
SHARED = [
    Row("percentages", "in_progress", {"chances": "100.01"}),
    Row("percentages", "in_progress", {"chances": "-0.01"}),
    Row("percentages", "in_progress", {"completed": "-1"}),
    Row("percentages", "in_progress", {"probability": "101"}),
    Row("values_not_negative", "in_progress", {"estimated_value": "-0.01"}),
    Row("values_not_negative", "won", {"sales_value": "-0.01"}),
    Row("known_status_and_priority", "in_progress", {"priority": "'urgent'"}),
    Row("closed_with_date_and_code", "not_started", {"status": "'paused'"}),
    Row("stage_while_in_progress", "in_progress", {"stage_id": "NULL"}),
    Row("stage_while_in_progress", "in_progress", {"stage_entered_on": "NULL"}),
    Row("stage_while_in_progress", "in_progress", {"chances": "NULL"}),
    Row("stage_while_in_progress", "in_progress", {"completed": "NULL"}),
    Row("stage_while_in_progress", "in_progress", {"probability": "NULL"}),
    Row("stage_while_in_progress", "not_started", {"stage_id": "stage_1"}),
    Row("stage_while_in_progress", "not_started", {"stage_entered_on": "'2026-03-02'"}),
    Row("stage_while_in_progress", "won", {"stage_id": "stage_1"}),
    Row("stage_while_in_progress", "not_started", {"status": "'in_progress'", "salesperson_id": "jo"}),
    Row("closed_with_date_and_code", "won", {"closed_on": "NULL"}),
    Row("closed_with_date_and_code", "won", {"close_code_id": "NULL"}),
    Row("closed_with_date_and_code", "won", {"sales_value": "NULL"}),
    Row("closed_with_date_and_code", "lost", {"closed_on": "NULL"}),
    Row("closed_with_date_and_code", "lost", {"close_code_id": "NULL"}),
    Row("closed_with_date_and_code", "lost", {"sales_value": "0"}),
    Row("closed_with_date_and_code", "in_progress", {"closed_on": "'2026-03-02'"}),
    Row("closed_with_date_and_code", "in_progress", {"close_code_id": "won_code"}),
    Row("closed_with_date_and_code", "in_progress", {"sales_value": "1"}),
    Row("closed_with_date_and_code", "not_started", {"closed_on": "'2026-03-02'"}),
    Row("salesperson_once_started", "in_progress", {"salesperson_id": "NULL"}),
    Row("salesperson_once_started", "won", {"salesperson_id": "NULL"}),
    Row("salesperson_once_started", "lost", {"salesperson_id": "NULL"}),
    Row("cycle_once_started", "in_progress", {"sales_cycle_id": "NULL"}),
    Row("cycle_once_started", "won", {"sales_cycle_id": "NULL"}),
    Row("cycle_once_started", "lost", {"sales_cycle_id": "NULL"}),
    Row("not_archived_in_progress", "in_progress", {"archived": "true"}),
    Row("manual_chances_exist", "not_started", {"chances": "NULL", "chances_are_manual": "true"}),
    Row("is_described", "in_progress", {"description": "''"}),
]

# On the ledger alone.
LEDGER_ONLY = [
    Row("steps_count_from_1", "in_progress", {"step": "0"}),
    Row(
        "entry_ends_after_it_begins",
        "in_progress",
        {"until": "happened_on - 1", "replaced_at": "statement_timestamp()"},
    ),
    Row(
        "entry_ends_after_it_begins",
        "in_progress",
        {"until": "happened_on", "replaced_at": "recorded_at - interval '1 second'"},
    ),
    Row("entry_ends_when_replaced", "in_progress", {"until": "happened_on"}),
    Row("entry_ends_when_replaced", "in_progress", {"replaced_at": "statement_timestamp()"}),
    Row("voided_entries_are_replaced", "in_progress", {"voided_at": "recorded_at"}),
    Row("entry_not_from_the_future", "in_progress", {"happened_on": "(recorded_at AT TIME ZONE 'UTC')::date + 2"}),
    Row("entry_undoes_an_earlier_step", "in_progress", {"undoes": "step + 1"}),
    Row("who_overrides_says_why", "in_progress", {"overrode": "'{1.value}'", "reason": "' '"}),
]

# What is allowed, so that the rules are not too strict.
ALLOWED = [
    Row("", "not_started", {"salesperson_id": "NULL", "sales_cycle_id": "NULL"}),
    Row("", "not_started", {"archived": "true", "estimated_value": "NULL", "chances": "NULL", "closing_on": "NULL"}),
    Row("", "in_progress", {"estimated_value": "NULL", "closing_on": "NULL", "chances": "0", "probability": "0"}),
    Row("", "in_progress", {"estimated_value": "0", "chances": "100"}),
    Row("", "won", {"archived": "true", "stage_before_id": "NULL", "sales_cycle_id": "NULL"}),
    Row("", "lost", {"stage_before_id": "NULL", "sales_cycle_id": "NULL", "closing_on": "NULL"}),
]


def insert_copy(model: type[Opportunity] | type[OpportunityEntry], pk: int, but: dict[str, str]) -> None:
    """Insert a copy of a row but for the columns of `but`, past the ORM."""
    fields = [field for field in model._meta.local_fields if not field.generated and not field.primary_key]
    columns = [str(field.column) for field in fields]
    values = [but.get(column, f'"{column}"') for column in columns]
    names = ", ".join(f'"{column}"' for column in columns)
    with connection.cursor() as cursor:
        table = model._meta.db_table
        cursor.execute(f"INSERT INTO {table} ({names}) SELECT {', '.join(values)} FROM {table} WHERE id = %s", [pk])


def execute(sql: str, *values: object) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.rowcount


def check_deferred() -> None:
    """What a commit would check."""
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute("SET CONSTRAINTS ALL DEFERRED")


def drop_rules(table: str, *, triggers: bool) -> None:
    """Drop, for this transaction only, what refuses bad rows: checks, foreign keys, unique keys; and our triggers."""
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('c', 'f')", [table]
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        if triggers:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")


def other_value(column: Field) -> str:
    """Some other value of the column, as SQL."""
    name = f'"{column.column}"'
    match column.get_internal_type():
        case "BooleanField":
            return f"NOT {name}"
        case "DateField":
            return f"coalesce({name}, '2026-01-01') + 1"
        case "DateTimeField":
            return f"coalesce({name}, '2026-01-01') + interval '1 second'"
        case "CharField" | "TextField" if column.choices:
            known = [value for value, _ in column.choices]
            return f"CASE {name} WHEN '{known[0]}' THEN '{known[1]}' ELSE '{known[0]}' END"
        case "CharField" | "TextField":
            return f"{name} || 'x'"
        case "ArrayField":
            return f"coalesce({name}, '{{}}') || 'x'::varchar"
        case "DecimalField":
            return f"coalesce({name}, 1) + 1"
        case _:
            return f"coalesce({name}, 1) + 100000"
