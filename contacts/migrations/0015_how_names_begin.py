"""An index of how names begin: of what very many contacts have, the first ones are found along it."""

from typing import ClassVar

import django.db.models.functions.comparison
from django.db import migrations, models

import crm.lib.search


class Migration(migrations.Migration):
    dependencies: ClassVar = [("contacts", "0014_pairs_of_the_same_moment")]

    operations: ClassVar = [
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(
                django.db.models.functions.comparison.Collate(crm.lib.search.Fold("name"), "C"),
                name="contacts_by_beginning",
            ),
        ),
    ]
