"""The board and its totals are read from indexes alone, which only works for pages that were vacuumed: sooner than at 20 %."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("opportunities", "0018_reopened_by_many")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE opportunities_opportunity SET "
            "(autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02)",
            "ALTER TABLE opportunities_opportunity RESET "
            "(autovacuum_vacuum_scale_factor, autovacuum_vacuum_insert_scale_factor)",
        )
    ]
