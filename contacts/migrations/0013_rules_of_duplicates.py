"""The usual rules, and what is found by them in contacts that are there already: they are only read, a third of a
millisecond and more for each."""

from typing import Any, ClassVar

from django.db import migrations

from contacts.duplicates import make_rules


def find(apps: Any, schema_editor: Any) -> None:
    make_rules(apps.get_model("contacts", "DuplicateRule"), apps.get_model("contacts", "RulePart"))


class Migration(migrations.Migration):
    dependencies: ClassVar = [("contacts", "0012_what_looks_alike")]

    operations: ClassVar = [
        migrations.RunPython(find, migrations.RunPython.noop),
    ]
