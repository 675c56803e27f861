from typing import ClassVar

from django.db import migrations, models


def key(table: str, name: str, columns: str, target: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY {columns} REFERENCES {target} "
        "DEFERRABLE INITIALLY DEFERRED",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


class Migration(migrations.Migration):
    dependencies: ClassVar = [("contacts", "0005_names_in_parts_and_numbers_as_e164")]

    operations: ClassVar = [
        migrations.AddConstraint(
            model_name="contact",
            constraint=models.CheckConstraint(
                condition=models.Q(("phone__regex", "^\\+[1-9][0-9]{4,14}$"), ("phone", ""), _connector="OR"),
                name="contact_numbers_are_e164",
                violation_error_message="Write the number with its country code, like +358 9 5550100.",
            ),
        ),
        migrations.AddConstraint(
            model_name="contact",
            constraint=models.CheckConstraint(
                condition=models.Q(("mobile__regex", "^\\+[1-9][0-9]{4,14}$"), ("mobile", ""), _connector="OR"),
                name="contact_mobile_numbers_are_e164",
                violation_error_message="Write the number with its country code, like +358 9 5550100.",
            ),
        ),
        # only people have responsibilities, only companies an industry; a period belongs to the contact of its address
        key(
            "contacts_personsresponsibility",
            "responsibility_is_of_a_person",
            "(contact_id, contact_kind)",
            "contacts_contact (id, kind)",
        ),
        key(
            "contacts_companysindustry",
            "industry_is_of_a_company",
            "(contact_id, contact_kind)",
            "contacts_contact (id, kind)",
        ),
        key(
            "contacts_addressperiod",
            "period_is_of_the_addresss_contact",
            "(alternative_address_id, contact_id)",
            "contacts_alternativeaddress (id, contact_id)",
        ),
    ]
