import django.core.validators
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import salespeople.models


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0006_numbers_and_kinds_hold"),
        ("pghistory", "0007_auto_20250421_0444"),
    ]

    operations = [
        migrations.CreateModel(
            name="AddressPeriodEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("starts_on", models.DateField(verbose_name="from")),
                ("ends_on", models.DateField(blank=True, null=True, verbose_name="until")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="AlternativeAddressEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("address", models.CharField(blank=True, max_length=100, verbose_name="address")),
                ("address_2", models.CharField(blank=True, max_length=100, verbose_name="address 2")),
                ("post_code", models.CharField(blank=True, max_length=20, verbose_name="post code")),
                ("city", models.CharField(blank=True, max_length=50, verbose_name="city")),
                ("county", models.CharField(blank=True, max_length=50, verbose_name="county")),
                ("country", models.CharField(blank=True, max_length=2, verbose_name="country")),
                (
                    "phone",
                    models.CharField(
                        blank=True,
                        max_length=30,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^\\+[1-9][0-9]{4,14}$", "Write the number with its country code, like +358 9 5550100."
                            )
                        ],
                        verbose_name="phone",
                    ),
                ),
                (
                    "phone_extension",
                    models.CharField(
                        blank=True,
                        max_length=10,
                        validators=[django.core.validators.RegexValidator("^[0-9*#]*$", "Only digits, * and #.")],
                        verbose_name="extension",
                    ),
                ),
                (
                    "mobile",
                    models.CharField(
                        blank=True,
                        max_length=30,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^\\+[1-9][0-9]{4,14}$", "Write the number with its country code, like +358 9 5550100."
                            )
                        ],
                        verbose_name="mobile phone",
                    ),
                ),
                ("email", models.EmailField(blank=True, max_length=254, verbose_name="e-mail")),
                ("home_page", models.URLField(blank=True, max_length=255, verbose_name="home page")),
                ("code", salespeople.models.CodeField(max_length=10, verbose_name="code")),
                ("name", models.CharField(blank=True, max_length=100, verbose_name="name at this address")),
            ],
            options={
                "abstract": False,
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="addressperiod",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "contacts_addressperiodevent" ("alternative_address_id", "contact_id", "ends_on", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "starts_on") VALUES (NEW."alternative_address_id", NEW."contact_id", NEW."ends_on", NEW."id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."starts_on"); RETURN NULL;',
                    hash="459bfb3d8a051c5f92b57cc5338f53bfce986dd9",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_6730d",
                    table="contacts_addressperiod",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="addressperiod",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "contacts_addressperiodevent" ("alternative_address_id", "contact_id", "ends_on", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "starts_on") VALUES (NEW."alternative_address_id", NEW."contact_id", NEW."ends_on", NEW."id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."starts_on"); RETURN NULL;',
                    hash="2699b2137a9d134d3885fc56ae062167d0561d3b",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_87839",
                    table="contacts_addressperiod",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="addressperiod",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "contacts_addressperiodevent" ("alternative_address_id", "contact_id", "ends_on", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "starts_on") VALUES (OLD."alternative_address_id", OLD."contact_id", OLD."ends_on", OLD."id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."starts_on"); RETURN NULL;',
                    hash="aba3555fe87f2aa44f49ec7b7d1bf15b9ab6ee7f",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_e6452",
                    table="contacts_addressperiod",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="alternativeaddress",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "contacts_alternativeaddressevent" ("address", "address_2", "city", "code", "contact_id", "country", "county", "email", "home_page", "id", "mobile", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "phone_extension", "post_code") VALUES (NEW."address", NEW."address_2", NEW."city", NEW."code", NEW."contact_id", NEW."country", NEW."county", NEW."email", NEW."home_page", NEW."id", NEW."mobile", NEW."name", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."phone", NEW."phone_extension", NEW."post_code"); RETURN NULL;',
                    hash="8e7ce827842f7fa2d6d12a719c7c6d61d7e79f42",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_311f7",
                    table="contacts_alternativeaddress",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="alternativeaddress",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "contacts_alternativeaddressevent" ("address", "address_2", "city", "code", "contact_id", "country", "county", "email", "home_page", "id", "mobile", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "phone_extension", "post_code") VALUES (NEW."address", NEW."address_2", NEW."city", NEW."code", NEW."contact_id", NEW."country", NEW."county", NEW."email", NEW."home_page", NEW."id", NEW."mobile", NEW."name", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."phone", NEW."phone_extension", NEW."post_code"); RETURN NULL;',
                    hash="7c9006871832836b83f66400037273ad8cb16657",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_b46a3",
                    table="contacts_alternativeaddress",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="alternativeaddress",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "contacts_alternativeaddressevent" ("address", "address_2", "city", "code", "contact_id", "country", "county", "email", "home_page", "id", "mobile", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "phone_extension", "post_code") VALUES (OLD."address", OLD."address_2", OLD."city", OLD."code", OLD."contact_id", OLD."country", OLD."county", OLD."email", OLD."home_page", OLD."id", OLD."mobile", OLD."name", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."phone", OLD."phone_extension", OLD."post_code"); RETURN NULL;',
                    hash="dd58fe0fc653c1358b1ed55ca23abcbcd6e732f9",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_00a3c",
                    table="contacts_alternativeaddress",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="addressperiodevent",
            name="alternative_address",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="contacts.alternativeaddress",
            ),
        ),
        migrations.AddField(
            model_name="addressperiodevent",
            name="contact",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="contacts.contact",
            ),
        ),
        migrations.AddField(
            model_name="addressperiodevent",
            name="pgh_context",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="pghistory.context",
            ),
        ),
        migrations.AddField(
            model_name="addressperiodevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="contacts.addressperiod",
            ),
        ),
        migrations.AddField(
            model_name="alternativeaddressevent",
            name="contact",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="contacts.contact",
                verbose_name="contact",
            ),
        ),
        migrations.AddField(
            model_name="alternativeaddressevent",
            name="pgh_context",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="pghistory.context",
            ),
        ),
        migrations.AddField(
            model_name="alternativeaddressevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="contacts.alternativeaddress",
            ),
        ),
    ]
