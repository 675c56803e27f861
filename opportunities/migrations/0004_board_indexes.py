from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # a big table goes on being written meanwhile

    dependencies = [
        ("contacts", "0003_numbers_and_company_link"),
        ("opportunities", "0003_what_the_database_refuses"),
        ("salescycles", "0001_initial"),
        ("salespeople", "0002_user_shortcuts"),
    ]

    operations = [
        RemoveIndexConcurrently(
            model_name="opportunity",
            name="board_totals",
        ),
        AddIndexConcurrently(
            model_name="opportunity",
            index=models.Index(
                models.F("sales_cycle"),
                models.F("status"),
                models.F("stage"),
                models.F("closing_on"),
                models.OrderBy(models.F("estimated_value"), descending=True, nulls_last=True),
                models.F("id"),
                condition=models.Q(("archived", False), ("closed_on__isnull", True)),
                include=("calculated_value", "salesperson"),
                name="board_columns",
            ),
        ),
        AddIndexConcurrently(
            model_name="opportunity",
            index=models.Index(
                condition=models.Q(("archived", False), ("closed_on__isnull", False)),
                fields=["sales_cycle", "status", "closed_on", "id"],
                include=("estimated_value", "sales_value", "calculated_value", "salesperson"),
                name="board_closed_lately",
            ),
        ),
    ]
