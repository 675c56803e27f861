"""No team stands below itself. Two changes at once, each fine alone, are judged one after the other."""

from typing import ClassVar

from django.db import migrations

LOCK = 5_150_007  # of an advisory lock: any number that nothing else uses

REFUSE = f"""
CREATE FUNCTION team_tree_has_no_cycle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock({LOCK});
    IF EXISTS (
        WITH RECURSIVE above AS (
            SELECT NEW.parent_id AS id
             UNION SELECT team.parent_id FROM salespeople_team team JOIN above ON team.id = above.id
        )
        SELECT FROM above WHERE id = NEW.id
    ) THEN
        RAISE EXCEPTION 'team % cannot stand below itself', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'team_tree_has_no_cycle', TABLE = 'salespeople_team';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER team_tree_has_no_cycle AFTER INSERT OR UPDATE OF parent_id ON salespeople_team FOR EACH ROW
    WHEN (NEW.parent_id IS NOT NULL) EXECUTE FUNCTION team_tree_has_no_cycle();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("salespeople", "0004_teams")]

    operations: ClassVar = [
        migrations.RunSQL(
            REFUSE, "DROP TRIGGER team_tree_has_no_cycle ON salespeople_team; DROP FUNCTION team_tree_has_no_cycle()"
        ),
    ]
