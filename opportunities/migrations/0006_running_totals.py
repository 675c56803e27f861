"""Totals that triggers keep (RunningTotal): a list of a million rows says exact figures without reading them."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

PRESENT, TOTAL = "opportunities_opportunity", "opportunities_runningtotal"
KIND = "archived, status, sales_cycle_id, stage_id, salesperson_id"
VALUES = ("estimated_value", "calculated_value", "sales_value")
SLOTS, LOCKS = 64, 5_150_006  # LOCKS: the class of the advisory locks, any number that nothing else uses


def summed(rows: str, slot: str) -> str:
    sums = ", ".join(f"sum(sign * coalesce({value}, 0))" for value in VALUES)
    return f"""
        SELECT {slot}, {KIND}, sum(sign), {sums}
          FROM ({rows}) AS moved GROUP BY {KIND}
        HAVING sum(sign) <> 0 {"".join(f" OR sum(sign * coalesce({value}, 0)) <> 0" for value in VALUES)}"""


def signed(sign: int, rows: str) -> str:
    return f"SELECT {sign} AS sign, {KIND}, {', '.join(VALUES)} FROM {rows}"


def written(rows: str) -> str:
    return f"""
        INSERT INTO {TOTAL} AS known (slot, {KIND}, count, {", ".join(VALUES)}) {summed(rows, "free")}
            ON CONFLICT (slot, {KIND}) DO UPDATE SET count = known.count + excluded.count,
               {", ".join(f"{value} = known.{value} + excluded.{value}" for value in VALUES)};"""


# A slot is this transaction's alone until it ends: nobody waits for anybody, and there is no order to lock in.
KEEP = f"""
CREATE FUNCTION running_totals_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE free smallint;
BEGIN
    FOR nth IN 0..{SLOTS - 1} LOOP
        IF pg_try_advisory_xact_lock({LOCKS}, nth) THEN
            free := nth;
            EXIT;
        END IF;
    END LOOP;
    IF free IS NULL THEN
        PERFORM pg_advisory_xact_lock({LOCKS}, 0);
        free := 0;
    END IF;
    IF TG_OP = 'INSERT' THEN {written(signed(1, "coming"))}
    ELSIF TG_OP = 'DELETE' THEN {written(signed(-1, "going"))}
    ELSE {written(f"{signed(-1, 'going')} UNION ALL {signed(1, 'coming')}")}
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER running_totals_of_new AFTER INSERT ON {PRESENT}
    REFERENCING NEW TABLE AS coming FOR EACH STATEMENT EXECUTE FUNCTION running_totals_are_kept();
CREATE TRIGGER running_totals_of_changed AFTER UPDATE ON {PRESENT}
    REFERENCING OLD TABLE AS going NEW TABLE AS coming FOR EACH STATEMENT EXECUTE FUNCTION running_totals_are_kept();
CREATE TRIGGER running_totals_of_gone AFTER DELETE ON {PRESENT}
    REFERENCING OLD TABLE AS going FOR EACH STATEMENT EXECUTE FUNCTION running_totals_are_kept();
ALTER TABLE {TOTAL} SET (fillfactor = 50);
INSERT INTO {TOTAL} (slot, {KIND}, count, {", ".join(VALUES)}) {summed(signed(1, PRESENT), "0")};
"""
FORGET = f"""
DROP TRIGGER running_totals_of_new ON {PRESENT};
DROP TRIGGER running_totals_of_changed ON {PRESENT};
DROP TRIGGER running_totals_of_gone ON {PRESENT};
DROP FUNCTION running_totals_are_kept();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("opportunities", "0005_what_a_bulk_action_did"),
        ("salescycles", "0001_initial"),
        ("salespeople", "0003_saved_views"),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="RunningTotal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slot", models.SmallIntegerField()),
                ("archived", models.BooleanField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("not_started", "Not started"),
                            ("in_progress", "In progress"),
                            ("won", "Won"),
                            ("lost", "Lost"),
                        ],
                        max_length=11,
                    ),
                ),
                ("count", models.IntegerField()),
                ("estimated_value", models.DecimalField(decimal_places=2, max_digits=24)),
                ("calculated_value", models.DecimalField(decimal_places=2, max_digits=24)),
                ("sales_value", models.DecimalField(decimal_places=2, max_digits=24)),
                (
                    "sales_cycle",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="salescycles.salescycle",
                    ),
                ),
                (
                    "salesperson",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="salespeople.salesperson",
                    ),
                ),
                (
                    "stage",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="salescycles.stage",
                    ),
                ),
            ],
            options={
                "verbose_name": "running total",
                "verbose_name_plural": "running totals",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("slot", "archived", "status", "sales_cycle", "stage", "salesperson"),
                        name="one_running_total_of_a_kind",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.RunSQL(f"LOCK TABLE {PRESENT} IN SHARE ROW EXCLUSIVE MODE", migrations.RunSQL.noop),
        migrations.RunSQL(KEEP, FORGET),
    ]
