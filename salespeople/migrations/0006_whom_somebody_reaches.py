"""`reach_of`: whom a salesperson reaches by teams. A function, since its plan is kept and it is asked on every page."""

from typing import ClassVar

from django.db import migrations

REACH = """
CREATE FUNCTION reach_of(who bigint) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    mine bigint[] := ARRAY(SELECT team_id FROM salespeople_membership WHERE salesperson_id = who);
    led bigint[] := ARRAY(
        WITH RECURSIVE below AS (
            SELECT id FROM salespeople_team WHERE manager_id = who
             UNION SELECT team.id FROM salespeople_team team JOIN below ON team.parent_id = below.id
        )
        SELECT id FROM below);
BEGIN
    RETURN jsonb_build_object(
        'mates', ARRAY(SELECT DISTINCT salesperson_id FROM salespeople_membership WHERE team_id = ANY (mine)),
        'led', ARRAY(
            SELECT salesperson_id FROM salespeople_membership WHERE team_id = ANY (led)
             UNION SELECT manager_id FROM salespeople_team WHERE id = ANY (led) AND manager_id IS NOT NULL));
END $$;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("salespeople", "0005_teams_form_trees")]

    operations: ClassVar = [migrations.RunSQL(REACH, "DROP FUNCTION reach_of")]
