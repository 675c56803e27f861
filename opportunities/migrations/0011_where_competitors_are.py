"""Indexes of the few rows that name a competitor, made while work goes on: a big table is read once, and never locked."""

from typing import ClassVar

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

NAMED = models.Q(competitor__isnull=False)


class Migration(migrations.Migration):
    atomic = False

    dependencies: ClassVar = [("opportunities", "0010_competitors")]

    operations: ClassVar = [
        AddIndexConcurrently(
            "opportunity", models.Index(fields=["competitor"], condition=NAMED, name="where_a_competitor_is")
        ),
        AddIndexConcurrently(
            "opportunityentry", models.Index(fields=["competitor"], condition=NAMED, name="where_a_competitor_was")
        ),
    ]
