"""Business relations of contacts. PostgreSQL keeps what they come to in one word: of each contact, and of a company's people."""

from typing import ClassVar

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

import salespeople.models

FUNCTIONS = """
CREATE FUNCTION contact_relation(asked bigint) RETURNS varchar LANGUAGE sql STABLE AS $$
    SELECT CASE count(*) WHEN 0 THEN 'none' WHEN 1 THEN coalesce(nullif(min(b.account), ''), 'other') ELSE 'multiple' END
      FROM contacts_contactsrelation r JOIN contacts_businessrelation b ON b.id = r.business_relation_id
     WHERE r.contact_id = asked
$$;

CREATE FUNCTION contact_related() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.relation := contact_relation(coalesce(NEW.company_id, NEW.id));
    RETURN NEW;
END $$;

CREATE FUNCTION relate_contacts(keys bigint[]) RETURNS void LANGUAGE sql AS $$
    UPDATE contacts_contact SET relation = contact_relation(coalesce(company_id, id))
     WHERE (id = ANY(keys) OR company_id = ANY(keys)) AND relation <> contact_relation(coalesce(company_id, id))
$$;

CREATE FUNCTION relations_came() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM relate_contacts((SELECT array_agg(contact_id) FROM came));
    RETURN NULL;
END $$;

CREATE FUNCTION relations_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM relate_contacts((SELECT array_agg(contact_id) FROM (SELECT contact_id FROM before UNION SELECT contact_id FROM now) AS two));
    RETURN NULL;
END $$;

CREATE FUNCTION relations_went() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM relate_contacts((SELECT array_agg(contact_id) FROM gone));
    RETURN NULL;
END $$;

CREATE FUNCTION relation_linked_anew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM relate_contacts((SELECT array_agg(contact_id) FROM contacts_contactsrelation WHERE business_relation_id = NEW.id));
    RETURN NULL;
END $$;

CREATE TRIGGER contact_related_first BEFORE INSERT ON contacts_contact
    FOR EACH ROW WHEN (NEW.company_id IS NOT NULL OR NEW.relation <> 'none') EXECUTE FUNCTION contact_related();
CREATE TRIGGER contact_related BEFORE UPDATE OF company_id, relation ON contacts_contact
    FOR EACH ROW WHEN (NEW.company_id IS DISTINCT FROM OLD.company_id OR NEW.relation <> OLD.relation)
    EXECUTE FUNCTION contact_related();
CREATE TRIGGER relations_came AFTER INSERT ON contacts_contactsrelation REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION relations_came();
CREATE TRIGGER relations_changed AFTER UPDATE ON contacts_contactsrelation
    REFERENCING OLD TABLE AS before NEW TABLE AS now FOR EACH STATEMENT EXECUTE FUNCTION relations_changed();
CREATE TRIGGER relations_went AFTER DELETE ON contacts_contactsrelation REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION relations_went();
CREATE TRIGGER relation_linked_anew AFTER UPDATE OF account ON contacts_businessrelation
    FOR EACH ROW WHEN (NEW.account <> OLD.account) EXECUTE FUNCTION relation_linked_anew();
"""

DROPPED = """
DROP TRIGGER contact_related_first ON contacts_contact;
DROP TRIGGER contact_related ON contacts_contact;
DROP TRIGGER relations_came ON contacts_contactsrelation;
DROP TRIGGER relations_changed ON contacts_contactsrelation;
DROP TRIGGER relations_went ON contacts_contactsrelation;
DROP TRIGGER relation_linked_anew ON contacts_businessrelation;
DROP FUNCTION relation_linked_anew, relations_came, relations_changed, relations_went, relate_contacts, contact_related,
    contact_relation;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("contacts", "0015_how_names_begin")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="contact",
            name="relation",
            field=models.CharField(
                choices=[
                    ("none", "None"),
                    ("customer", "Customer"),
                    ("vendor", "Vendor"),
                    ("bank_account", "Bank account"),
                    ("employee", "Employee"),
                    ("other", "Other"),
                    ("multiple", "Multiple"),
                ],
                db_default="none",
                default="none",
                editable=False,
                max_length=12,
                verbose_name="business relation",
            ),
        ),
        migrations.CreateModel(
            name="BusinessRelation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", salespeople.models.CodeField(max_length=10, unique=True, verbose_name="code")),
                ("description", models.CharField(blank=True, max_length=100, verbose_name="description")),
                (
                    "account",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("customer", "Customer"),
                            ("vendor", "Vendor"),
                            ("bank_account", "Bank account"),
                            ("employee", "Employee"),
                        ],
                        default="",
                        help_text="What its number is the number of, in the accounting system. Blank: nothing of these.",
                        max_length=12,
                        verbose_name="linked with",
                    ),
                ),
            ],
            options={
                "verbose_name": "business relation",
                "verbose_name_plural": "business relations",
                "ordering": ["code"],
                "abstract": False,
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("code", django.db.models.functions.text.Upper("code")),
                            models.Q(("code", ""), _negated=True),
                        ),
                        name="businessrelation_code_is_upper_case",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("account__in", ["", "customer", "vendor", "bank_account", "employee"])),
                        name="account_of_a_relation_is_known",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("account", ""), _negated=True),
                        fields=("account",),
                        name="one_relation_for_each_account",
                        violation_error_message="Another business relation is linked with this already.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ContactsRelation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "number",
                    models.CharField(
                        blank=True,
                        max_length=20,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[^\\x01-\\x1f\\x7f\\u202a-\\u202e\\u2066-\\u2069]*$",
                                "There are invisible marks in it that turn the direction of writing or break the line; type it anew.",
                            )
                        ],
                        verbose_name="number there",
                    ),
                ),
                (
                    "business_relation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="used", to="contacts.businessrelation"
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="relations", to="contacts.contact"
                    ),
                ),
            ],
            options={
                "verbose_name": "business relation of a contact",
                "verbose_name_plural": "business relations of contacts",
            },
        ),
        migrations.AddField(
            model_name="contact",
            name="business_relations",
            field=models.ManyToManyField(
                blank=True,
                through="contacts.ContactsRelation",
                to="contacts.businessrelation",
                verbose_name="business relations",
            ),
        ),
        migrations.AddConstraint(
            model_name="contact",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("relation__in", ["none", "customer", "vendor", "bank_account", "employee", "other", "multiple"])
                ),
                name="contact_relation_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="contactsrelation",
            constraint=models.UniqueConstraint(
                fields=("contact", "business_relation"), name="a_relation_once_for_a_contact"
            ),
        ),
        migrations.RunSQL(FUNCTIONS, DROPPED),
    ]
