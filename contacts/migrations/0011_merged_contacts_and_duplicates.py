import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0010_who_covers_a_territory"),
        ("salespeople", "0009_what_was_shared"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ContactSign",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sign", models.TextField()),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="DuplicateRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "applies_to",
                    models.CharField(
                        choices=[("both", "companies and people"), ("company", "companies"), ("person", "people")],
                        default="both",
                        max_length=7,
                        verbose_name="for",
                    ),
                ),
                (
                    "hit",
                    models.PositiveSmallIntegerField(
                        default=100,
                        help_text="So much of the parts must be the same; 100: all of them.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="hit %",
                    ),
                ),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                (
                    "warns",
                    models.BooleanField(
                        default=True,
                        help_text="Said while a contact is typed; otherwise only in the list of duplicates.",
                        verbose_name="warns",
                    ),
                ),
            ],
            options={
                "verbose_name": "rule of duplicates",
                "verbose_name_plural": "rules of duplicates",
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="LikelyPair",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ],
            options={
                "verbose_name": "likely duplicate",
                "verbose_name_plural": "likely duplicates",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="RulePart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "field",
                    models.CharField(
                        choices=[
                            ("name", "name"),
                            ("company", "company"),
                            ("email", "e-mail"),
                            ("number", "phone or mobile phone"),
                            ("phone", "phone"),
                            ("mobile", "mobile phone"),
                            ("vat_number", "VAT number"),
                            ("registration_number", "registration number"),
                            ("address", "address"),
                            ("post_code", "post code"),
                            ("city", "city"),
                            ("home_page", "home page"),
                        ],
                        max_length=19,
                        verbose_name="field",
                    ),
                ),
                (
                    "piece",
                    models.CharField(
                        choices=[("whole", "all of it"), ("first", "the first letters"), ("last", "the last letters")],
                        default="whole",
                        max_length=5,
                        verbose_name="part",
                    ),
                ),
                (
                    "letters",
                    models.PositiveSmallIntegerField(
                        default=5,
                        validators=[
                            django.core.validators.MinValueValidator(2),
                            django.core.validators.MaxValueValidator(10),
                        ],
                        verbose_name="letters",
                    ),
                ),
            ],
            options={
                "verbose_name": "part of a rule",
                "verbose_name_plural": "parts of a rule",
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="SeparateContacts",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "made_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="at"),
                ),
            ],
            options={
                "verbose_name": "no duplicate",
                "verbose_name_plural": "no duplicates",
                "default_permissions": (),
            },
        ),
        migrations.AlterModelOptions(
            name="contact",
            options={
                "ordering": ["name", "id"],
                "permissions": [
                    ("view_team_contact", "Can see the contacts of the own teams"),
                    ("view_subtree_contact", "Can see the contacts of the teams led, and of all below them"),
                    ("view_every_contact", "Can see every contact"),
                    ("merge_contact", "Can merge contacts"),
                ],
                "verbose_name": "contact",
                "verbose_name_plural": "contacts",
            },
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="contact",
            name="insert_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="contact",
            name="update_update",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="contact",
            name="delete_delete",
        ),
        migrations.AddField(
            model_name="contact",
            name="merged_into",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="merged",
                to="contacts.contact",
                verbose_name="merged into",
            ),
        ),
        migrations.AddField(
            model_name="contactevent",
            name="merged_into",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="contacts.contact",
                verbose_name="merged into",
            ),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(
                condition=models.Q(("merged_into__isnull", False)), fields=["merged_into"], name="merged_contacts"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contact",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "contacts_contactevent" ("address", "address_2", "archived", "city", "company_id", "correspondence", "country", "county", "created_at", "email", "email_2", "first_name", "home_page", "id", "initials", "job_title", "kind", "language", "last_name", "merged_into_id", "middle_name", "minor", "mobile", "name", "number", "organizational_level_id", "other_numbers", "parental_consent", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "phone_extension", "post_code", "privacy_blocked", "registration_number", "salesperson_id", "salutation_id", "territory_id", "vat_number") VALUES (NEW."address", NEW."address_2", NEW."archived", NEW."city", NEW."company_id", NEW."correspondence", NEW."country", NEW."county", NEW."created_at", NEW."email", NEW."email_2", NEW."first_name", NEW."home_page", NEW."id", NEW."initials", NEW."job_title", NEW."kind", NEW."language", NEW."last_name", NEW."merged_into_id", NEW."middle_name", NEW."minor", NEW."mobile", NEW."name", NEW."number", NEW."organizational_level_id", NEW."other_numbers", NEW."parental_consent", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."phone", NEW."phone_extension", NEW."post_code", NEW."privacy_blocked", NEW."registration_number", NEW."salesperson_id", NEW."salutation_id", NEW."territory_id", NEW."vat_number"); RETURN NULL;',
                    hash="ca0bf531bc5e189da72d9abf0e952ec1ed467645",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_60225",
                    table="contacts_contact",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contact",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."address" IS DISTINCT FROM (NEW."address") OR OLD."address_2" IS DISTINCT FROM (NEW."address_2") OR OLD."archived" IS DISTINCT FROM (NEW."archived") OR OLD."city" IS DISTINCT FROM (NEW."city") OR OLD."company_id" IS DISTINCT FROM (NEW."company_id") OR OLD."correspondence" IS DISTINCT FROM (NEW."correspondence") OR OLD."country" IS DISTINCT FROM (NEW."country") OR OLD."county" IS DISTINCT FROM (NEW."county") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."email" IS DISTINCT FROM (NEW."email") OR OLD."email_2" IS DISTINCT FROM (NEW."email_2") OR OLD."first_name" IS DISTINCT FROM (NEW."first_name") OR OLD."home_page" IS DISTINCT FROM (NEW."home_page") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."initials" IS DISTINCT FROM (NEW."initials") OR OLD."job_title" IS DISTINCT FROM (NEW."job_title") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."language" IS DISTINCT FROM (NEW."language") OR OLD."last_name" IS DISTINCT FROM (NEW."last_name") OR OLD."merged_into_id" IS DISTINCT FROM (NEW."merged_into_id") OR OLD."middle_name" IS DISTINCT FROM (NEW."middle_name") OR OLD."minor" IS DISTINCT FROM (NEW."minor") OR OLD."mobile" IS DISTINCT FROM (NEW."mobile") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."number" IS DISTINCT FROM (NEW."number") OR OLD."organizational_level_id" IS DISTINCT FROM (NEW."organizational_level_id") OR OLD."other_numbers" IS DISTINCT FROM (NEW."other_numbers") OR OLD."parental_consent" IS DISTINCT FROM (NEW."parental_consent") OR OLD."phone" IS DISTINCT FROM (NEW."phone") OR OLD."phone_extension" IS DISTINCT FROM (NEW."phone_extension") OR OLD."post_code" IS DISTINCT FROM (NEW."post_code") OR OLD."privacy_blocked" IS DISTINCT FROM (NEW."privacy_blocked") OR OLD."registration_number" IS DISTINCT FROM (NEW."registration_number") OR OLD."salesperson_id" IS DISTINCT FROM (NEW."salesperson_id") OR OLD."salutation_id" IS DISTINCT FROM (NEW."salutation_id") OR OLD."territory_id" IS DISTINCT FROM (NEW."territory_id") OR OLD."vat_number" IS DISTINCT FROM (NEW."vat_number"))',
                    func='INSERT INTO "contacts_contactevent" ("address", "address_2", "archived", "city", "company_id", "correspondence", "country", "county", "created_at", "email", "email_2", "first_name", "home_page", "id", "initials", "job_title", "kind", "language", "last_name", "merged_into_id", "middle_name", "minor", "mobile", "name", "number", "organizational_level_id", "other_numbers", "parental_consent", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "phone_extension", "post_code", "privacy_blocked", "registration_number", "salesperson_id", "salutation_id", "territory_id", "vat_number") VALUES (NEW."address", NEW."address_2", NEW."archived", NEW."city", NEW."company_id", NEW."correspondence", NEW."country", NEW."county", NEW."created_at", NEW."email", NEW."email_2", NEW."first_name", NEW."home_page", NEW."id", NEW."initials", NEW."job_title", NEW."kind", NEW."language", NEW."last_name", NEW."merged_into_id", NEW."middle_name", NEW."minor", NEW."mobile", NEW."name", NEW."number", NEW."organizational_level_id", NEW."other_numbers", NEW."parental_consent", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."phone", NEW."phone_extension", NEW."post_code", NEW."privacy_blocked", NEW."registration_number", NEW."salesperson_id", NEW."salutation_id", NEW."territory_id", NEW."vat_number"); RETURN NULL;',
                    hash="95821d969bd2c2c46649cffa68a0f9a5a7ff9e84",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_7498c",
                    table="contacts_contact",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contact",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "contacts_contactevent" ("address", "address_2", "archived", "city", "company_id", "correspondence", "country", "county", "created_at", "email", "email_2", "first_name", "home_page", "id", "initials", "job_title", "kind", "language", "last_name", "merged_into_id", "middle_name", "minor", "mobile", "name", "number", "organizational_level_id", "other_numbers", "parental_consent", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "phone_extension", "post_code", "privacy_blocked", "registration_number", "salesperson_id", "salutation_id", "territory_id", "vat_number") VALUES (OLD."address", OLD."address_2", OLD."archived", OLD."city", OLD."company_id", OLD."correspondence", OLD."country", OLD."county", OLD."created_at", OLD."email", OLD."email_2", OLD."first_name", OLD."home_page", OLD."id", OLD."initials", OLD."job_title", OLD."kind", OLD."language", OLD."last_name", OLD."merged_into_id", OLD."middle_name", OLD."minor", OLD."mobile", OLD."name", OLD."number", OLD."organizational_level_id", OLD."other_numbers", OLD."parental_consent", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."phone", OLD."phone_extension", OLD."post_code", OLD."privacy_blocked", OLD."registration_number", OLD."salesperson_id", OLD."salutation_id", OLD."territory_id", OLD."vat_number"); RETURN NULL;',
                    hash="02fb4e15063d14c9c70f8b9bdca41f835745fb86",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_e2e36",
                    table="contacts_contact",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="contact",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("merged_into__isnull", True),
                    models.Q(("merged_into", models.F("id")), _negated=True),
                    _connector="OR",
                ),
                name="a_contact_is_not_merged_into_itself",
                violation_error_message="A contact cannot be merged with itself.",
            ),
        ),
        migrations.AddField(
            model_name="contactsign",
            name="contact",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="contacts.contact",
            ),
        ),
        migrations.AddConstraint(
            model_name="duplicaterule",
            constraint=models.CheckConstraint(condition=models.Q(("hit__range", (1, 100))), name="hit_is_a_percentage"),
        ),
        migrations.AddConstraint(
            model_name="duplicaterule",
            constraint=models.CheckConstraint(
                condition=models.Q(("applies_to__in", ["both", "company", "person"])), name="rule_is_for_known_types"
            ),
        ),
        migrations.AddField(
            model_name="contactsign",
            name="rule",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="contacts.duplicaterule",
            ),
        ),
        migrations.AddField(
            model_name="likelypair",
            name="one",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="contacts.contact",
            ),
        ),
        migrations.AddField(
            model_name="likelypair",
            name="other",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="contacts.contact",
            ),
        ),
        migrations.AddField(
            model_name="likelypair",
            name="rule",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="contacts.duplicaterule",
            ),
        ),
        migrations.AddField(
            model_name="rulepart",
            name="rule",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="parts",
                to="contacts.duplicaterule",
                verbose_name="rule of duplicates",
            ),
        ),
        migrations.AddField(
            model_name="separatecontacts",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="by",
            ),
        ),
        migrations.AddField(
            model_name="separatecontacts",
            name="one",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="contacts.contact"
            ),
        ),
        migrations.AddField(
            model_name="separatecontacts",
            name="other",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="contacts.contact"
            ),
        ),
        migrations.AddIndex(
            model_name="contactsign",
            index=models.Index(fields=["contact", "rule", "sign"], name="signs_of_a_contact"),
        ),
        migrations.AddIndex(
            model_name="contactsign",
            index=models.Index(fields=["rule", "sign", "contact"], name="contacts_by_sign"),
        ),
        migrations.AddConstraint(
            model_name="likelypair",
            constraint=models.UniqueConstraint(fields=("other", "one", "rule"), name="a_pair_once_by_a_rule"),
        ),
        migrations.AddConstraint(
            model_name="likelypair",
            constraint=models.CheckConstraint(
                condition=models.Q(("one__lt", models.F("other"))), name="a_pair_in_order"
            ),
        ),
        migrations.AddConstraint(
            model_name="rulepart",
            constraint=models.UniqueConstraint(
                fields=("rule", "field", "piece"),
                name="a_part_once_in_a_rule",
                violation_error_message="This part is in the rule already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="rulepart",
            constraint=models.CheckConstraint(
                condition=models.Q(("piece__in", ["whole", "first", "last"])), name="part_piece_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="rulepart",
            constraint=models.CheckConstraint(
                condition=models.Q(("letters__range", (2, 10))), name="part_has_two_to_ten_letters"
            ),
        ),
        migrations.AddConstraint(
            model_name="separatecontacts",
            constraint=models.UniqueConstraint(fields=("one", "other"), name="separate_once"),
        ),
        migrations.AddConstraint(
            model_name="separatecontacts",
            constraint=models.CheckConstraint(
                condition=models.Q(("one__lt", models.F("other"))), name="separate_in_order"
            ),
        ),
    ]
