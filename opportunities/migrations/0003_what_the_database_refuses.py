"""Composite keys and triggers: what no CHECK of one row can refuse (docs/definitions.md, "The ledger")."""

from typing import ClassVar

from django.db import migrations

from crm.lib.numbers import number_sequence


def key(table: str, name: str, columns: str, target: str, more: str = "") -> migrations.RunSQL:
    """A composite foreign key on the present or the ledger."""
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({columns}) REFERENCES {target} {more}",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


PRESENT, LEDGER = "opportunities_opportunity", "opportunities_opportunityentry"

VERSION_RISES = f"""
CREATE FUNCTION opportunity_version_rises_by_one() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'opportunity % changes without raising its version by one', OLD.id
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'version_rises_by_one', TABLE = '{PRESENT}';
END $$;
CREATE TRIGGER version_rises_by_one BEFORE UPDATE ON {PRESENT} FOR EACH ROW
    WHEN (NEW.version IS DISTINCT FROM OLD.version + 1 AND current_setting('crm.erase', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION opportunity_version_rises_by_one();
"""

APPEND_ONLY = f"""
CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('crm.erase', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        -- a blank may be filled once; everything else has to be equal
        IF OLD.until IS NULL THEN OLD.until := NEW.until; END IF;
        IF OLD.replaced_at IS NULL THEN OLD.replaced_at := NEW.replaced_at; END IF;
        IF OLD.voided_at IS NULL THEN OLD.voided_at := NEW.voided_at; END IF;
        IF OLD IS NOT DISTINCT FROM NEW THEN
            RETURN NULL;
        END IF;
    END IF;
    RAISE EXCEPTION 'entry % of the ledger cannot be changed or deleted', OLD.id
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'ledger_is_append_only', TABLE = '{LEDGER}';
END $$;
CREATE TRIGGER ledger_is_append_only AFTER UPDATE OR DELETE ON {LEDGER} FOR EACH ROW
    EXECUTE FUNCTION ledger_is_append_only();
"""

CHAIN = f"""
CREATE FUNCTION ledger_is_a_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ended date;
BEGIN
    IF NEW.step > 1 AND NOT EXISTS (
        SELECT FROM {LEDGER} WHERE opportunity_id = NEW.opportunity_id AND step = NEW.step - 1 AND replaced_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'step % of opportunity % follows no ended step', NEW.step, NEW.opportunity_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'ledger_is_a_chain', TABLE = '{LEDGER}';
    END IF;
    SELECT until INTO ended FROM {LEDGER}
        WHERE opportunity_id = NEW.opportunity_id AND step < NEW.step AND voided_at IS NULL
        ORDER BY step DESC LIMIT 1;
    IF FOUND AND ended IS DISTINCT FROM NEW.happened_on THEN
        RAISE EXCEPTION 'step % of opportunity % does not begin where the one before ends', NEW.step, NEW.opportunity_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'ledger_is_a_chain', TABLE = '{LEDGER}';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_is_a_chain AFTER INSERT ON {LEDGER} FOR EACH ROW EXECUTE FUNCTION ledger_is_a_chain();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("opportunities", "0002_initial"),
        ("salescycles", "0001_initial"),
    ]

    operations: ClassVar = [
        number_sequence(PRESENT),
        key(
            PRESENT,
            "opportunity_stage_of_its_cycle",
            "sales_cycle_id, stage_id",
            "salescycles_stage (sales_cycle_id, id)",
        ),
        key(LEDGER, "entry_stage_of_its_cycle", "sales_cycle_id, stage_id", "salescycles_stage (sales_cycle_id, id)"),
        key(PRESENT, "opportunity_code_of_its_outcome", "close_code_id, status", "salescycles_closecode (id, outcome)"),
        key(LEDGER, "entry_code_of_its_outcome", "close_code_id, status", "salescycles_closecode (id, outcome)"),
        key(
            PRESENT,
            "present_is_backed_by_the_ledger",
            "id, version",
            f"{LEDGER} (opportunity_id, step)",
            "DEFERRABLE INITIALLY DEFERRED",
        ),
        migrations.RunSQL(
            VERSION_RISES,
            f"DROP TRIGGER version_rises_by_one ON {PRESENT}; DROP FUNCTION opportunity_version_rises_by_one()",
        ),
        migrations.RunSQL(
            APPEND_ONLY, f"DROP TRIGGER ledger_is_append_only ON {LEDGER}; DROP FUNCTION ledger_is_append_only()"
        ),
        migrations.RunSQL(CHAIN, f"DROP TRIGGER ledger_is_a_chain ON {LEDGER}; DROP FUNCTION ledger_is_a_chain()"),
    ]
