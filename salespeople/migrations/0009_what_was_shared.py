"""`reach_of` says as well what was shared with somebody."""

from importlib import import_module
from typing import ClassVar

from django.db import migrations

BEFORE = import_module("salespeople.migrations.0006_whom_somebody_reaches").REACH.replace("CREATE", "CREATE OR REPLACE")


def shared(kind: str) -> str:
    return f"""coalesce((
            SELECT jsonb_object_agg(shared.id, shared.may_edit)
              FROM (SELECT {kind}_id AS id, bool_or(may_edit) AS may_edit FROM salespeople_grant
                     WHERE {kind}_id IS NOT NULL AND (salesperson_id = who OR team_id = ANY (mine || led))
                     GROUP BY {kind}_id) AS shared), '{{}}')"""


REACH = BEFORE.replace(
    "'mates'", f"'opportunities', {shared('opportunity')},\n        'contacts', {shared('contact')},\n        'mates'"
)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("salespeople", "0008_grants")]

    operations: ClassVar = [migrations.RunSQL(REACH, BEFORE)]
