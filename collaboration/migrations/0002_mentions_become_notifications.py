import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Mentions become what tells people of other things too."""

    dependencies = [
        ("collaboration", "0001_initial"),
        ("contacts", "0008_levels_of_sight"),
        ("opportunities", "0009_indexes_that_serve"),
        ("tasks", "0001_tasks"),
    ]

    operations = [
        migrations.RemoveConstraint("mention", "a_comment_mentions_somebody_once"),
        migrations.RemoveIndex("mention", "unread_mentions"),
        migrations.RenameModel("Mention", "Notification"),
        migrations.AddField(
            "notification",
            "kind",
            models.CharField(default="mentioned", max_length=9, verbose_name="why"),
            preserve_default=False,
        ),
        migrations.AddField(
            "notification",
            "by",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="by whom",
            ),
        ),
        migrations.AddField(
            "notification",
            "made_at",
            models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="at"),
        ),
        migrations.RunSQL(
            "UPDATE collaboration_notification told SET by_id = said.author_id, made_at = said.written_at "
            "FROM collaboration_comment said WHERE said.id = told.comment_id; SET CONSTRAINTS ALL IMMEDIATE",
            migrations.RunSQL.noop,
        ),
    ]
