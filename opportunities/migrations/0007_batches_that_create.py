from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("opportunities", "0006_running_totals"),
    ]

    operations = [
        migrations.AlterField(
            model_name="batch",
            name="verb",
            field=models.CharField(
                blank=True,
                choices=[
                    ("move", "Move"),
                    ("revise", "Revise the estimate"),
                    ("edit", "Edit the facts"),
                    ("reassign", "Reassign"),
                    ("close", "Close"),
                    ("archive", "Archive"),
                    ("restore", "Restore"),
                    ("undo", "Undo"),
                    ("create", "New opportunities"),
                ],
                max_length=8,
                verbose_name="bulk action",
            ),
        ),
    ]
