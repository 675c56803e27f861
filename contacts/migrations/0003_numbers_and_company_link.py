from typing import ClassVar

from django.db import migrations

from crm.lib.numbers import number_sequence


class Migration(migrations.Migration):
    dependencies: ClassVar = [("contacts", "0002_initial")]

    operations: ClassVar = [
        number_sequence("contacts_contact"),
        # who somebody belongs to is a company, and stays one while it has people
        migrations.RunSQL(
            """
            ALTER TABLE contacts_contact ADD CONSTRAINT company_link_names_a_company
                FOREIGN KEY (company_id, company_kind) REFERENCES contacts_contact (id, kind)
                DEFERRABLE INITIALLY DEFERRED
            """,
            "ALTER TABLE contacts_contact DROP CONSTRAINT company_link_names_a_company",
        ),
    ]
