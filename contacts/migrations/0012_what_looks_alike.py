"""PostgreSQL keeps the signs by which contacts look alike, and the pairs, in the transaction of each change: by trigger for
each statement, so that many rows at once cost one. Nothing here rewrites the table of contacts or locks it for longer than
its definition takes: signs stand in a table of their own."""

from typing import ClassVar

from django.db import migrations

from crm.lib.search import FOLDED

# at the end of a company's name or before it, as words: of forms that are written with dots or a slash the marks are gone
FORMS = (
    "gmbh|mbh|ag|kg|ohg|ug|eg|ev|oy|oyj|ab|abp|publ|hb|kb|tmi|ky|as|asa|aps|a s|ks|is|da|spa|srl|srls|snc|sas|sapa|"
    "bv|nv|vof|cv|sa|sarl|sasu|eurl|sci|sl|slu|slne|lda|se|scop|plc|ltd|limited|llp|llc|lp|inc|incorporated|corp|"
    "corporation|co|company|cie|and|und|et|y|e|kft|zrt|nyrt|sro|zoo|sp z oo|sp zoo|doo|dd|ad|ood|eood|ou|uab|sia|pty"
)

FUNCTIONS = rf"""
CREATE FUNCTION contact_folded(said text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT btrim({FOLDED % "translate(said, '.''’', '')"})
$$;

-- a company's name without its legal form; where nothing else is left, with it
CREATE FUNCTION contact_name_key(kind text, said text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN kind = 'company' THEN coalesce(nullif(regexp_replace(regexp_replace(
        contact_folded(regexp_replace(said, '\m([AaKkIi])/([Ss])\M', '\1\2')),
        '( ({FORMS}))+$', ''), '^((oy|ab|as|sa|ag|pt) )+', ''), ''), contact_folded(said)) ELSE contact_folded(said) END
$$;

CREATE FUNCTION contact_email_key(said text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT regexp_replace(lower(btrim(said)), '\+[^@]*@', '@')
$$;

-- what can be compared of a contact. What a person took over from the company says nothing of the person.
CREATE FUNCTION contact_values(c contacts_contact) RETURNS TABLE (field text, value text, at int) LANGUAGE sql STABLE AS $$
    SELECT v.field, v.value, v.at
      FROM (SELECT contact_name_key(c.kind, c.name) AS name OFFSET 0) AS own  -- once
     CROSS JOIN LATERAL (VALUES ('name', own.name, 1), ('company', CASE WHEN c.kind = 'company' THEN own.name END, 1),
                   ('email', contact_email_key(c.email), 1),
                   ('email', nullif(contact_email_key(c.email_2), contact_email_key(c.email)), 2),
                   ('number', c.phone, 1), ('number', nullif(c.mobile, c.phone), 2),
                   ('phone', c.phone, 1), ('mobile', c.mobile, 1), ('vat_number', c.vat_number, 1),
                   ('registration_number', contact_folded(c.registration_number), 1),
                   ('address', contact_folded(c.address), 1), ('post_code', contact_folded(c.post_code), 1),
                   ('city', contact_folded(c.city), 1),
                   ('home_page', regexp_replace(lower(c.home_page), '^https?://(www\.)?|/+$', '', 'g'), 1)
           ) AS v (field, value, at)
     WHERE c.company_id IS NULL AND v.value <> ''
    UNION ALL
    SELECT v.field, v.value, v.at
      FROM contacts_contact b
     CROSS JOIN LATERAL (VALUES ('name', contact_name_key(c.kind, c.name), 1),
                   ('company', contact_name_key(b.kind, b.name), 1),
                   ('email', nullif(contact_email_key(c.email), contact_email_key(b.email)), 1),
                   ('email', nullif(nullif(contact_email_key(c.email_2), contact_email_key(c.email)),
                                    contact_email_key(b.email)), 2),
                   ('number', nullif(nullif(c.phone, b.phone), b.mobile), 1),
                   ('number', nullif(nullif(nullif(c.mobile, c.phone), b.phone), b.mobile), 2),
                   ('phone', nullif(c.phone, b.phone), 1), ('mobile', nullif(c.mobile, b.mobile), 1),
                   ('vat_number', nullif(c.vat_number, b.vat_number), 1),
                   ('registration_number', nullif(contact_folded(c.registration_number), contact_folded(b.registration_number)), 1),
                   ('address', contact_folded(c.address), 1), ('post_code', contact_folded(c.post_code), 1),
                   ('city', contact_folded(c.city), 1),
                   ('home_page', nullif(regexp_replace(lower(c.home_page), '^https?://(www\.)?|/+$', '', 'g'),
                                        regexp_replace(lower(b.home_page), '^https?://(www\.)?|/+$', '', 'g')), 1)
           ) AS v (field, value, at)
     WHERE b.id = c.company_id AND v.value <> ''
$$;

-- one sign for each rule that asks for all of its parts, else one for each part; c: or p: for the type.
-- Of two e-mails or numbers the first counts, but for a rule of one part alone.
CREATE FUNCTION contact_signs(c contacts_contact) RETURNS TABLE (rule_id bigint, sign text) LANGUAGE sql STABLE AS $$
    SELECT said.rule_id, left(min(said.kind), 1) || ':' || CASE WHEN said.hit < 100 THEN min(said.place) || ':' ELSE '' END
           || string_agg(said.value, '|' ORDER BY said.place)
      FROM (SELECT r.id AS rule_id, c.kind, r.hit, p.place, p.many, v.at,
                   CASE p.piece WHEN 'first' THEN left(replace(v.value, ' ', ''), p.letters)
                                WHEN 'last' THEN right(replace(v.value, ' ', ''), p.letters) ELSE v.value END AS value
              FROM contacts_duplicaterule r
              JOIN (SELECT part.rule_id, field, piece, letters, row_number() OVER rule AS place, count(*) OVER (PARTITION BY part.rule_id) AS many
                      FROM contacts_rulepart part WINDOW rule AS (PARTITION BY part.rule_id ORDER BY part.id)) AS p ON p.rule_id = r.id
              JOIN contact_values(c) v ON v.field = p.field
             WHERE r.active AND r.applies_to IN ('both', c.kind) AND (v.at = 1 OR p.many = 1)) AS said
     GROUP BY said.rule_id, said.hit, said.many,
              CASE WHEN said.hit < 100 THEN said.place WHEN said.many = 1 THEN said.at ELSE 0 END
    HAVING said.hit < 100 OR count(*) = said.many
$$;

CREATE FUNCTION signs_needed(rule bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN hit < 100 THEN (SELECT ceil(count(*) * r.hit / 100.0)::bigint FROM contacts_rulepart p WHERE p.rule_id = r.id)
                ELSE 1 END
      FROM contacts_duplicaterule r WHERE r.id = rule
$$;

-- Who looks like a contact, saved or only typed. What more than 20 have in common tells nobody apart, so it is not followed:
-- whatever the rules and however many contacts, few rows are looked at.
CREATE FUNCTION contacts_like(c contacts_contact) RETURNS TABLE (rule_id bigint, contact_id bigint) LANGUAGE sql STABLE AS $$
    WITH mine AS MATERIALIZED (SELECT * FROM contact_signs(c)),
    near AS (
        SELECT DISTINCT mine.rule_id, unnest(others.keys) AS contact_id
          FROM mine
         CROSS JOIN LATERAL (SELECT array_agg(o.contact_id) AS keys
                               FROM (SELECT s.contact_id FROM contacts_contactsign s
                                      WHERE s.rule_id = mine.rule_id AND s.sign = mine.sign LIMIT 21) AS o) AS others
         WHERE cardinality(others.keys) <= 20)
    SELECT near.rule_id, near.contact_id
      FROM near
     WHERE near.contact_id IS DISTINCT FROM c.id
       AND (SELECT count(*) FROM mine JOIN contacts_contactsign s ON s.rule_id = mine.rule_id AND s.sign = mine.sign
             WHERE s.contact_id = near.contact_id AND mine.rule_id = near.rule_id) >= signs_needed(near.rule_id)
$$;

-- The same for many at once: each sign is read once.
-- Nothing is known yet of rows that were just written, so the plan is told: hash, never a loop over them.
CREATE FUNCTION pair_many(rules bigint[], keys bigint[]) RETURNS void LANGUAGE sql
SET enable_nestloop TO off SET enable_mergejoin TO off SET work_mem TO '64MB' AS $$
    INSERT INTO contacts_likelypair (rule_id, one_id, other_id)
         WITH mine AS MATERIALIZED (
             SELECT DISTINCT rule_id, sign FROM contacts_contactsign
              WHERE (rules IS NULL OR rule_id = ANY(rules)) AND (keys IS NULL OR contact_id IN (SELECT unnest(keys)))),
         telling AS MATERIALIZED (
             SELECT s.rule_id, array_agg(s.contact_id ORDER BY s.contact_id) AS few
               FROM contacts_contactsign s JOIN mine ON mine.rule_id = s.rule_id AND mine.sign = s.sign
              GROUP BY s.rule_id, s.sign HAVING count(*) BETWEEN 2 AND 20),
         near AS MATERIALIZED (
             SELECT DISTINCT t.rule_id, one, other FROM telling t
              CROSS JOIN LATERAL unnest(t.few) AS one CROSS JOIN LATERAL unnest(t.few) AS other WHERE one < other),
         needed AS MATERIALIZED (SELECT id, signs_needed(id) AS least FROM contacts_duplicaterule)
         SELECT near.rule_id, one, other
           FROM near
           JOIN needed ON needed.id = near.rule_id
           JOIN contacts_contactsign a ON a.rule_id = near.rule_id AND a.contact_id = one
           JOIN contacts_contactsign b ON b.rule_id = a.rule_id AND b.sign = a.sign AND b.contact_id = other
          GROUP BY near.rule_id, one, other, needed.least
         HAVING count(*) >= needed.least
    ON CONFLICT DO NOTHING
$$;

CREATE FUNCTION compare_contacts(keys bigint[]) RETURNS void LANGUAGE plpgsql AS $$
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
    END IF;
    INSERT INTO contacts_likelypair (rule_id, one_id, other_id)
         SELECT DISTINCT l.rule_id, least(c.id, l.contact_id), greatest(c.id, l.contact_id)
           FROM contacts_contact c CROSS JOIN LATERAL contacts_like(c) l
          WHERE c.id = ANY(keys) AND c.merged_into_id IS NULL
    ON CONFLICT DO NOTHING;
END $$;

-- Everything anew: after a change of the rules, or where two were saved at the same moment. Contacts are only read.
CREATE FUNCTION compare_every_contact(rules bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM contacts_contactsign WHERE rule_id = ANY(rules);
    DELETE FROM contacts_likelypair WHERE rule_id = ANY(rules);
    INSERT INTO contacts_contactsign (rule_id, contact_id, sign)
         SELECT s.rule_id, c.id, s.sign FROM contacts_contact c CROSS JOIN LATERAL contact_signs(c) s
          WHERE s.rule_id = ANY(rules) AND c.merged_into_id IS NULL;
    PERFORM pair_many(rules, NULL);
END $$;

CREATE FUNCTION contacts_came() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM compare_contacts(array_agg(id)) FROM came HAVING count(*) > 0;
    RETURN NULL;
END $$;

CREATE FUNCTION contacts_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    keys bigint[];
BEGIN
    SELECT array_agg(now.id) INTO keys FROM now JOIN before ON before.id = now.id
     WHERE (now.kind, now.name, now.company_id, now.email, now.email_2, now.phone, now.mobile, now.vat_number, now.registration_number,
            now.address, now.post_code, now.city, now.home_page, now.merged_into_id) IS DISTINCT FROM
           (before.kind, before.name, before.company_id, before.email, before.email_2, before.phone, before.mobile, before.vat_number,
            before.registration_number, before.address, before.post_code, before.city, before.home_page, before.merged_into_id);
    IF keys IS NOT NULL THEN  -- what people share with their company says nothing of them, so theirs are read anew too
        PERFORM compare_contacts(keys || (SELECT array_agg(id) FROM contacts_contact WHERE company_id = ANY(keys)));
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION contacts_went() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM contacts_contactsign WHERE contact_id IN (SELECT id FROM gone);
    DELETE FROM contacts_likelypair WHERE one_id IN (SELECT id FROM gone) OR other_id IN (SELECT id FROM gone);
    RETURN NULL;
END $$;

CREATE TRIGGER contacts_came AFTER INSERT ON contacts_contact REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_came();
CREATE TRIGGER contacts_changed AFTER UPDATE ON contacts_contact REFERENCING OLD TABLE AS before NEW TABLE AS now
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_changed();
CREATE TRIGGER contacts_went AFTER DELETE ON contacts_contact REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_went();
"""

DROPPED = """
DROP TRIGGER contacts_came ON contacts_contact;
DROP TRIGGER contacts_changed ON contacts_contact;
DROP TRIGGER contacts_went ON contacts_contact;
DROP FUNCTION contacts_came, contacts_changed, contacts_went, compare_every_contact, compare_contacts, pair_many, contacts_like,
    signs_needed, contact_signs, contact_values, contact_email_key, contact_name_key, contact_folded;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("contacts", "0011_merged_contacts_and_duplicates")]

    operations: ClassVar = [
        # of the same type; existing rows have none, so the check of them costs a scan of no rows
        migrations.RunSQL(
            "ALTER TABLE contacts_contact ADD CONSTRAINT merged_into_one_of_its_type FOREIGN KEY (merged_into_id, kind) "
            "REFERENCES contacts_contact (id, kind) DEFERRABLE INITIALLY DEFERRED",
            "ALTER TABLE contacts_contact DROP CONSTRAINT merged_into_one_of_its_type",
        ),
        migrations.RunSQL(FUNCTIONS, DROPPED),
    ]
