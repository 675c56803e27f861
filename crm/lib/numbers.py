from django.db import connection, migrations, models


def next_number(model: type[models.Model], prefix: str) -> str:
    """The next free number of a database sequence, such as OP000123. Numbers given by hand are passed over.

    The sequence is named `<table>_number`; make it in the model's migration by `number_sequence`.
    """
    table = model._meta.db_table
    with connection.cursor() as cursor:
        while True:
            cursor.execute(  # the table's name is the model's own
                f"SELECT candidate, EXISTS (SELECT 1 FROM {table} WHERE number = candidate) FROM (SELECT %s || "  # noqa: S608
                f"to_char(nextval('{table}_number'), 'FM999999999000000') AS candidate) AS drawn",
                [prefix],
            )
            candidate, taken = cursor.fetchone()
            if not taken:
                return str(candidate)


def number_sequence(table: str) -> migrations.RunSQL:
    """The migration step that makes the sequence behind `next_number`."""
    return migrations.RunSQL(f"CREATE SEQUENCE {table}_number", f"DROP SEQUENCE {table}_number")
