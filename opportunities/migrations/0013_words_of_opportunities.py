"""By which words an opportunity is found: its own with those of contact and company, and of those that these were merged into,
kept by triggers in a table of their own."""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
from django.db import migrations, models

from crm.lib.search import FOLDED

PRESENT, WORDS, CONTACT = "opportunities_opportunity", "opportunities_opportunitywords", "contacts_contact"
OWN = f"""to_tsvector('simple'::regconfig, {FOLDED % "deal.number || ' ' || deal.description"})"""
# A contact that is just being renamed is waited for: else its opportunities would keep the words of its old name.
KEEP = f"""
CREATE FUNCTION write_opportunity_words(keys bigint[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO {WORDS} AS known (opportunity_id, words)
    SELECT deal.id, strip({OWN}) || contact.search || company.search
           || COALESCE(survivor.search, '') || COALESCE(surviving_company.search, '')
      FROM {PRESENT} AS deal
      JOIN {CONTACT} AS contact ON contact.id = deal.contact_id
      JOIN {CONTACT} AS company ON company.id = deal.company_id
      LEFT JOIN {CONTACT} AS survivor ON survivor.id = contact.merged_into_id
      LEFT JOIN {CONTACT} AS surviving_company ON surviving_company.id = company.merged_into_id
     WHERE deal.id = ANY (keys)
        ON CONFLICT (opportunity_id) DO UPDATE SET words = excluded.words WHERE known.words <> excluded.words
$$;
CREATE FUNCTION opportunity_words_of_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM {CONTACT} WHERE id IN (SELECT contact_id FROM coming UNION SELECT company_id FROM coming)
      ORDER BY id FOR SHARE;
    PERFORM write_opportunity_words(ARRAY(SELECT id FROM coming));
    RETURN NULL;
END $$;
CREATE FUNCTION opportunity_words_of_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM {CONTACT} WHERE id IN (NEW.contact_id, NEW.company_id) ORDER BY id FOR SHARE;
    PERFORM write_opportunity_words(ARRAY[NEW.id]);
    RETURN NULL;
END $$;
CREATE FUNCTION opportunity_words_of_contact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM write_opportunity_words(ARRAY(
        WITH known AS (SELECT NEW.id UNION ALL SELECT id FROM {CONTACT} WHERE merged_into_id = NEW.id)
        SELECT id FROM {PRESENT} WHERE contact_id IN (SELECT id FROM known)
         UNION SELECT id FROM {PRESENT} WHERE company_id IN (SELECT id FROM known)
    ));
    RETURN NULL;
END $$;
CREATE TRIGGER opportunity_words_of_new AFTER INSERT ON {PRESENT}
    REFERENCING NEW TABLE AS coming FOR EACH STATEMENT EXECUTE FUNCTION opportunity_words_of_new();
CREATE TRIGGER opportunity_words_of_changed AFTER UPDATE OF number, description, contact_id, company_id ON {PRESENT}
    FOR EACH ROW WHEN (
        (OLD.number, OLD.description, OLD.contact_id, OLD.company_id)
        IS DISTINCT FROM (NEW.number, NEW.description, NEW.contact_id, NEW.company_id)
    ) EXECUTE FUNCTION opportunity_words_of_changed();
CREATE TRIGGER opportunity_words_of_contact AFTER UPDATE ON {CONTACT}
    FOR EACH ROW WHEN ((OLD.search, OLD.merged_into_id) IS DISTINCT FROM (NEW.search, NEW.merged_into_id))
    EXECUTE FUNCTION opportunity_words_of_contact();
SELECT write_opportunity_words(ARRAY(SELECT id FROM {PRESENT}));
"""
FORGET = f"""
DROP TRIGGER opportunity_words_of_new ON {PRESENT};
DROP TRIGGER opportunity_words_of_changed ON {PRESENT};
DROP TRIGGER opportunity_words_of_contact ON {CONTACT};
DROP FUNCTION opportunity_words_of_new();
DROP FUNCTION opportunity_words_of_changed();
DROP FUNCTION opportunity_words_of_contact();
DROP FUNCTION write_opportunity_words(bigint[]);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0013_rules_of_duplicates"),
        ("opportunities", "0012_open_ones_name_no_merged_contact"),
    ]

    operations = [
        migrations.CreateModel(
            name="OpportunityWords",
            fields=[
                (
                    "opportunity",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="words",
                        serialize=False,
                        to="opportunities.opportunity",
                    ),
                ),
                ("words", django.contrib.postgres.search.SearchVectorField()),
            ],
            options={
                "verbose_name": "words of an opportunity",
                "verbose_name_plural": "words of opportunities",
                "default_permissions": (),
            },
        ),
        migrations.RemoveIndex(model_name="opportunity", name="opportunities_by_word"),
        migrations.RemoveField(model_name="opportunity", name="search"),
        migrations.RunSQL(KEEP, FORGET),
        migrations.AddIndex(
            model_name="opportunitywords",
            index=django.contrib.postgres.indexes.GinIndex(fields=["words"], name="opportunities_by_words"),
        ),
    ]
