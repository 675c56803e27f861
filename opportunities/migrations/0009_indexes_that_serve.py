"""A filter by salesperson and stage walks one index, which serves for the salesperson alone too."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0008_levels_of_sight"),
        ("opportunities", "0008_levels_of_sight"),
        ("salescycles", "0001_initial"),
        ("salespeople", "0009_what_was_shared"),
    ]

    operations = [
        migrations.AlterField(
            model_name="opportunity",
            name="salesperson",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="salespeople.salesperson",
                verbose_name="salesperson",
            ),
        ),
        migrations.AddIndex(
            model_name="opportunity",
            index=models.Index(fields=["salesperson", "stage", "id"], name="by_salesperson_and_stage"),
        ),
    ]
