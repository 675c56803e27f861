from typing import ClassVar

from django.db import migrations

from crm.lib.numbers import number_sequence


class Migration(migrations.Migration):
    dependencies: ClassVar = [("quotes", "0001_initial")]

    operations: ClassVar = [number_sequence("quotes_quote")]
