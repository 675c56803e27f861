"""Contacts are found by telephone numbers, by every e-mail and by other numbers too; what is generated is made anew."""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.functions.text
from django.db import migrations, models

import crm.lib.search

FIELDS = ("name", "number", "email", "email_2", "city", "other_numbers")
TEXT = [part for field in FIELDS for part in (models.F(field), models.Value(" "))]


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0008_levels_of_sight"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="contact", name="contacts_by_word"),
        migrations.RemoveField(model_name="contact", name="search"),
        migrations.AddField(
            model_name="contact",
            name="search",
            field=models.GeneratedField(
                db_persist=True,
                expression=crm.lib.search.WithTokens(
                    crm.lib.search.SimpleVector(
                        crm.lib.search.Fold(
                            django.db.models.functions.text.Concat(*TEXT, output_field=models.TextField())
                        )
                    ),
                    "phone",
                    "mobile",
                    "email",
                    "email_2",
                    phones=2,
                ),
                output_field=django.contrib.postgres.search.SearchVectorField(),
            ),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=django.contrib.postgres.indexes.GinIndex(fields=["search"], name="contacts_by_word"),
        ),
    ]
