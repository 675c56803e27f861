"""Which tasks went along when a step of their opportunity changed salesperson or contact, and how often steps changed a task: so
that taking a step back knows what to do with them."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("opportunities", "0013_words_of_opportunities"),
        ("tasks", "0002_open_ones_name_no_merged_contact"),
    ]

    operations = [
        migrations.AddField(
            model_name="task",
            name="by_steps",
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.CreateModel(
            name="Along",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("salesperson", "To another salesperson"), ("contact", "To another contact")],
                        max_length=11,
                        verbose_name="kind",
                    ),
                ),
                (
                    "entry",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tasks_along",
                        to="opportunities.opportunityentry",
                        verbose_name="with the step",
                    ),
                ),
                (
                    "task",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="went_along",
                        to="tasks.task",
                        verbose_name="task",
                    ),
                ),
            ],
            options={
                "verbose_name": "task that went along",
                "verbose_name_plural": "tasks that went along",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("entry", "task", "kind"), name="a_task_goes_along_once_each_way"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["salesperson", "contact"])), name="goes_along_in_a_known_way"
                    ),
                ],
            },
        ),
    ]
