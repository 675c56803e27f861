import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, ClassVar

import phonenumbers
from django.db import migrations
from django.db.models import Q

PLAIN = re.compile(r"\+?[0-9][0-9 ().\u00a0-]+|\([0-9 ().\u00a0-]+")  # one number and nothing else
BATCH = 2000
SAVE = """
    UPDATE contacts_contact AS contact SET phone = said.phone, mobile = said.mobile, other_numbers = said.unread
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[]) AS said (id, phone, mobile, unread)
    WHERE contact.id = said.id
"""

# a single word is a first name; otherwise the last one is the surname and, of more than two, the one before it the middle name
NAMES_IN_PARTS = """
    WITH named AS (
        SELECT id, regexp_split_to_array(btrim(name, E' \\t\\n\\r\\u00a0'), '\\s+') AS words
        FROM contacts_contact WHERE kind = 'person' AND first_name = '' AND last_name = ''
    ), counted AS (SELECT id, words, cardinality(words) AS many FROM named WHERE words[1] <> '')
    UPDATE contacts_contact AS person
    SET name = array_to_string(words, ' '),
        first_name = array_to_string(words[1:CASE WHEN many = 1 THEN 1 WHEN many = 2 THEN 1 ELSE many - 2 END], ' '),
        middle_name = CASE WHEN many > 2 THEN words[many - 1] ELSE '' END,
        last_name = CASE WHEN many > 1 THEN words[many] ELSE '' END
    FROM counted WHERE person.id = counted.id
"""


def e164(text: str, country: str) -> str:
    """The number, or blank where `text` is not plainly one of `country` or of the country it names."""
    if not PLAIN.fullmatch(text.strip()):
        return ""
    try:
        number = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException:
        return ""
    valid = phonenumbers.is_valid_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if valid else ""


def read_numbers(apps: Any, schema_editor: Any) -> None:
    """What cannot be read stays as it was typed, among the other numbers."""
    contacts = apps.get_model("contacts", "Contact").objects
    typed = contacts.filter(~Q(phone="") | ~Q(mobile="")).values_list("pk", "country", "phone", "mobile")
    with schema_editor.connection.cursor() as cursor:
        for rows in batched(typed.iterator(chunk_size=BATCH)):
            cursor.execute(SAVE, [list(column) for column in zip(*map(read, rows), strict=True)])


def read(row: tuple[int, str, str, str]) -> tuple[int, str, str, str]:
    """Key, phone, mobile phone, and what of them could not be read."""
    key, country, *typed = row
    numbers = [e164(text, country) for text in typed]
    unread = [text.strip() for text, number in zip(typed, numbers, strict=True) if text.strip() and not number]
    return (key, *numbers, "; ".join(unread))


def batched(rows: Iterator[Any]) -> Iterator[list[Any]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


class Migration(migrations.Migration):
    dependencies: ClassVar = [("contacts", "0004_names_codes_and_addresses")]

    operations: ClassVar = [
        migrations.RunSQL(NAMES_IN_PARTS, migrations.RunSQL.noop),
        migrations.RunPython(read_numbers, migrations.RunPython.noop),
    ]
