"""What is open names a contact that stands. The lock makes it wait for a merge that is under way, and a merge wait for it."""

from typing import ClassVar

from django.db import migrations

NAMES_ONE_THAT_STANDS = """
CREATE FUNCTION task_names_no_merged_contact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM contacts_contact WHERE id IN (NEW.contact_id, NEW.company_id) ORDER BY id FOR KEY SHARE;
    IF EXISTS (SELECT FROM contacts_contact WHERE id IN (NEW.contact_id, NEW.company_id) AND merged_into_id IS NOT NULL) THEN
        RAISE EXCEPTION 'open task % names a merged contact', NEW.id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'an_open_task_names_no_merged_contact',
                  TABLE = 'tasks_task';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER an_open_task_names_no_merged_contact
    BEFORE INSERT OR UPDATE OF contact_id, company_id, closed_on ON tasks_task FOR EACH ROW
    WHEN (NEW.closed_on IS NULL AND NEW.contact_id IS NOT NULL) EXECUTE FUNCTION task_names_no_merged_contact();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("contacts", "0013_rules_of_duplicates"),
        ("tasks", "0001_tasks"),
    ]

    operations: ClassVar = [
        migrations.RunSQL(
            NAMES_ONE_THAT_STANDS,
            "DROP TRIGGER an_open_task_names_no_merged_contact ON tasks_task; "
            "DROP FUNCTION task_names_no_merged_contact()",
        ),
    ]
