"""Many new contacts cost half: their pairs are found by the signs that were just written instead of working these out again, and each
sign is held once. Rows that are only tried, which are rolled back, are compared with nobody."""

from importlib import import_module
from typing import ClassVar

from django.db import migrations

before = import_module("contacts.migrations.0014_pairs_of_the_same_moment")

COMPARED = """
CREATE OR REPLACE FUNCTION compare_contacts(keys bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('crm.only_tried', true) = 'on' THEN
        RETURN;
    END IF;
    DELETE FROM contacts_contactsign WHERE contact_id IN (SELECT unnest(keys));
    DELETE FROM contacts_likelypair WHERE one_id IN (SELECT unnest(keys));
    DELETE FROM contacts_likelypair WHERE other_id IN (SELECT unnest(keys));
    INSERT INTO contacts_contactsign (rule_id, contact_id, sign)
         SELECT s.rule_id, c.id, s.sign FROM contacts_contact c CROSS JOIN LATERAL contact_signs(c) s
          WHERE c.id IN (SELECT unnest(keys)) AND c.merged_into_id IS NULL;
    IF cardinality(keys) > 200 THEN
        PERFORM pair_many(NULL, keys);
        RETURN;
    END IF;
    -- in one order, so that two never wait for each other here
    PERFORM pg_advisory_xact_lock(5150014, held.sign)
       FROM (SELECT DISTINCT hashtext(mine.rule_id || ' ' || mine.sign) AS sign
               FROM (SELECT DISTINCT s.rule_id, s.sign FROM contacts_contactsign s WHERE s.contact_id = ANY(keys)) AS mine
              WHERE (SELECT count(*) FROM (SELECT FROM contacts_contactsign o
                                            WHERE o.rule_id = mine.rule_id AND o.sign = mine.sign LIMIT 21) AS few) <= 20
              ORDER BY 1) AS held;
    -- as contacts_like finds them for one
    INSERT INTO contacts_likelypair (rule_id, one_id, other_id)
         WITH mine AS MATERIALIZED (
             SELECT s.rule_id, s.sign, array_agg(s.contact_id) AS ours FROM contacts_contactsign s
              WHERE s.contact_id = ANY(keys) GROUP BY s.rule_id, s.sign),
         near AS MATERIALIZED (
             SELECT DISTINCT mine.rule_id, least(a.key, b.key) AS one, greatest(a.key, b.key) AS other
               FROM mine
              CROSS JOIN LATERAL (SELECT array_agg(o.contact_id) AS keys
                                    FROM (SELECT s.contact_id FROM contacts_contactsign s
                                           WHERE s.rule_id = mine.rule_id AND s.sign = mine.sign LIMIT 21) AS o) AS few
              CROSS JOIN LATERAL unnest(mine.ours) AS a (key) CROSS JOIN LATERAL unnest(few.keys) AS b (key)
              WHERE cardinality(few.keys) BETWEEN 2 AND 20 AND a.key <> b.key)
         SELECT near.rule_id, near.one, near.other
           FROM near
          WHERE (SELECT count(*) FROM contacts_contactsign a
                   JOIN contacts_contactsign b ON b.rule_id = a.rule_id AND b.sign = a.sign
                  WHERE a.rule_id = near.rule_id AND a.contact_id = near.one AND b.contact_id = near.other)
                >= signs_needed(near.rule_id)
    ON CONFLICT DO NOTHING;
END $$;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("contacts", "0016_business_relations")]

    operations: ClassVar = [migrations.RunSQL(COMPARED, before.COMPARED % before.HELD)]
