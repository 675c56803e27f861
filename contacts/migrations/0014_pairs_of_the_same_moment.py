"""Two that are alike and saved at the same moment become a pair: who writes a sign holds it until the end of the transaction, so
the later one waits there and sees the earlier one. What many have in common pairs nobody, so it is not held; nor is anything of
more than 200 contacts at once, which would take too many locks."""

from typing import ClassVar

from django.db import migrations

COMPARED = """
CREATE OR REPLACE FUNCTION compare_contacts(keys bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM contacts_contactsign WHERE contact_id IN (SELECT unnest(keys));
    DELETE FROM contacts_likelypair WHERE one_id IN (SELECT unnest(keys));
    DELETE FROM contacts_likelypair WHERE other_id IN (SELECT unnest(keys));
    INSERT INTO contacts_contactsign (rule_id, contact_id, sign)
         SELECT s.rule_id, c.id, s.sign FROM contacts_contact c CROSS JOIN LATERAL contact_signs(c) s
          WHERE c.id IN (SELECT unnest(keys)) AND c.merged_into_id IS NULL;
    IF cardinality(keys) > 200 THEN
        PERFORM pair_many(NULL, keys);
        RETURN;
    END IF;%s
    INSERT INTO contacts_likelypair (rule_id, one_id, other_id)
         SELECT DISTINCT l.rule_id, least(c.id, l.contact_id), greatest(c.id, l.contact_id)
           FROM contacts_contact c CROSS JOIN LATERAL contacts_like(c) l
          WHERE c.id = ANY(keys) AND c.merged_into_id IS NULL
    ON CONFLICT DO NOTHING;
END $$;
"""
HELD = """
    -- in one order, so that two never wait for each other here
    PERFORM pg_advisory_xact_lock(5150014, held.sign)
       FROM (SELECT DISTINCT hashtext(s.rule_id || ' ' || s.sign) AS sign
               FROM contacts_contactsign s
              WHERE s.contact_id = ANY(keys)
                AND (SELECT count(*) FROM (SELECT FROM contacts_contactsign o
                                            WHERE o.rule_id = s.rule_id AND o.sign = s.sign LIMIT 21) AS few) <= 20
              ORDER BY 1) AS held;"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("contacts", "0013_rules_of_duplicates")]

    operations: ClassVar = [migrations.RunSQL(COMPARED % HELD, COMPARED % "")]
