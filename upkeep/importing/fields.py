"""What a column of a file can become, and what columns are usually called: by our own labels in every language, and by the words
of other systems."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from django.conf import settings
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from collaboration.models import Involvement
from contacts.codes import BusinessRelation
from contacts.listing import CONTACTS as CONTACT_LIST
from contacts.models import AddressPeriod, AlternativeAddress, Contact, ContactsRelation
from interactions.listing import INTERACTIONS as INTERACTION_LIST
from interactions.models import Interaction
from opportunities.listing import OPPORTUNITIES as OPPORTUNITY_LIST
from opportunities.models import Opportunity
from salescycles.models import Stage
from salespeople.listing import SALESPEOPLE as SALESPERSON_LIST
from salespeople.models import Grant, Salesperson
from tasks.listing import TASKS as TASK_LIST
from tasks.models import Task
from upkeep.importing.models import ImportKind
from upkeep.importing.tables import TABLES, Table, kind_of, label_of

Label = str | Promise


class Target(NamedTuple):
    """`kind`: text, day, moment, money, percent, flag, or what is looked up by a name or a word. `words`: what else such a column is
    called."""

    name: str
    label: Label
    kind: str = "text"
    words: tuple[str, ...] = ()


def _of(model: Any, name: str, kind: str = "text", *words: str) -> Target:
    return Target(name, model._meta.get_field(name).verbose_name, kind, words)


KEY = Target("external_key", _("key in the other system"), "text", ("id", "key", "record id", "external id"))
TAGS = Target("tags", _("tags"), "tag", ("tag", "labels", "label"))
CONTACTS = (
    KEY,
    _of(Contact, "number", "text", "no", "no.", "customer no", "kundennummer", "klantnummer"),
    _of(Contact, "kind", "kind", "contact type", "art"),
    _of(
        *(Contact, "name", "text", "full name", "display name", "company name", "account", "account name"),
        *("organization name", "koko nimi", "fullt navn", "vollständiger name", "volledige naam", "nome completo"),
    ),
    _of(Contact, "first_name", "text", "given name", "voornaam", "fornavn", "vorname", "nome", "etunimi"),
    _of(Contact, "middle_name"),
    _of(Contact, "last_name", "text", "surname", "family name", "achternaam", "etternavn", "cognome", "sukunimi"),
    _of(
        *(Contact, "company", "company", "organization", "organisation", "employer", "associated company", "firma"),
        *("works at", "yritys", "bedrijf", "azienda", "unternehmen", "selskap", "parent account"),
    ),
    _of(Contact, "job_title", "text", "title", "position", "tehtävänimike", "stilling", "functie", "ruolo"),
    _of(
        *(Contact, "address", "text", "street", "street address", "address line 1", "billing street", "katuosoite"),
        *("gateadresse", "straße", "straat", "indirizzo", "via"),
    ),
    _of(Contact, "address_2", "text", "address line 2", "street 2"),
    _of(
        *(Contact, "post_code", "text", "zip", "zip code", "postal code", "postcode", "plz", "cap", "postinumero"),
        "postnummer",
    ),
    _of(Contact, "city", "text", "town", "kaupunki", "by", "sted", "ort", "stad", "plaats", "città"),
    _of(Contact, "county", "text", "state", "region", "province", "state/region", "state/province"),
    _of(
        *(Contact, "country", "country", "country/region", "country code", "office location", "billing country", "maa"),
        *("land", "paese"),
    ),
    _of(
        *(Contact, "phone", "phone", "telephone", "phone number", "tel", "puhelin", "telefon", "telefoon", "telefono"),
        "work phone",
    ),
    _of(Contact, "mobile", "phone", "mobile", "mobile phone", "cell", "gsm", "matkapuhelin", "mobil", "cellulare"),
    _of(Contact, "other_numbers"),
    _of(Contact, "email", "email", "email", "e-mail address", "email address", "sähköposti", "e-post", "mail"),
    _of(Contact, "email_2", "email"),
    _of(
        *(Contact, "home_page", "url", "website", "web site", "url", "company domain name", "domain", "kotisivu"),
        *("nettside", "webseite", "sito web"),
    ),
    _of(Contact, "language", "language"),
    _of(
        Contact,
        "vat_number",
        "text",
        "vat",
        "vat no",
        "tax registration number",
        "ust-idnr",
        "btw-nummer",
        "partita iva",
    ),
    _of(Contact, "registration_number", "text", "business id", "y-tunnus", "organisasjonsnummer", "kvk"),
    _of(
        *(Contact, "salesperson", "salesperson", "owner", "contact owner", "company owner", "account owner"),
        *("salesperson code", "myyjä", "selger", "verkäufer", "verkoper", "venditore", "sales agent"),
    ),
    _of(Contact, "territory", "territory"),
    _of(Contact, "industry_groups", "industry", "industry", "sector", "toimiala", "bransje", "branche", "settore"),
    _of(Contact, "job_responsibilities", "responsibility"),
    _of(Contact, "mailing_groups", "mailing"),
    _of(Contact, "salutation", "salutation"),
    _of(Contact, "organizational_level", "level"),
    _of(Contact, "correspondence", "correspondence"),
    _of(Contact, "privacy_blocked", "flag"),
    _of(Contact, "minor", "flag"),
    _of(Contact, "parental_consent", "flag"),
    _of(Contact, "phone_extension"),
    TAGS,
)
OPPORTUNITIES = (
    KEY._replace(words=(*KEY.words, "opportunity id", "deal id")),
    _of(Opportunity, "number", "text", "no", "no.", "opportunity number", "deal number"),
    _of(
        *(
            Opportunity,
            "description",
            "text",
            "deal name",
            "opportunity name",
            "title",
            "deal title",
            "subject",
            "opportunity",
            "deal",
            "verkaufschance",
            "salgsmulighet",
            "myyntimahdollisuus",
            "opportunità",
            "name",
        ),
        *("product", "otsikko", "beschreibung", "omschrijving", "descrizione"),
    ),
    _of(
        *(Opportunity, "contact", "contact", "contact number", "contact no", "contact name", "account", "account name"),
        *("organization", "associated company", "associated contact", "customer", "company", "client", "asiakas"),
        *("kunde", "klant", "cliente", "contact person"),
    ),
    _of(
        *(Opportunity, "salesperson", "salesperson", "owner", "deal owner", "opportunity owner", "salesperson code"),
        *("sales agent", "sales rep", "myyjä", "selger", "verkäufer", "verkoper", "venditore"),
    ),
    _of(Opportunity, "sales_cycle", "cycle"),
    _of(Opportunity, "stage", "stage", "deal stage", "pipeline stage", "sales stage", "vaihe", "fase", "phase"),
    _of(Opportunity, "status", "status", "state", "outcome", "tila", "stato"),
    _of(
        *(Opportunity, "created_on", "day", "created", "create date", "created date", "deal created", "created on"),
        "creation date",
    ),
    Target("started_on", _("started on"), "day", ("start date", "engage date", "aloitettu", "startdato", "beginn")),
    _of(Opportunity, "stage_entered_on", "day"),
    Target("happened_on", _("date of change"), "day", ("changed on", "date of change", "happened on", "stage date")),
    _of(
        *(Opportunity, "closed_on", "day", "closed", "date closed", "won time", "lost time", "deal closed on"),
        "closed date",
    ),
    _of(
        *(Opportunity, "closing_on", "day", "expected close date", "estimated closing date", "close date"),
        *("estimated close date",),
    ),
    _of(
        *(Opportunity, "estimated_value", "money", "amount", "value", "deal value", "arvo", "verdi", "wert", "waarde"),
        *("valore", "expected revenue", "estimated value"),
    ),
    _of(Opportunity, "sales_value", "money", "won value", "close value", "revenue", "sales amount"),
    _of(
        *(Opportunity, "chances", "percent", "probability", "chances of success", "probability (%)"),
        "deal probability",
    ),
    _of(Opportunity, "chances_are_manual", "flag"),
    _of(Opportunity, "priority", "priority"),
    _of(Opportunity, "competitor", "competitor"),
    TAGS,
    _of(Opportunity, "source", "source", "lead source", "original source", "lähde", "kilde", "quelle", "bron", "fonte"),
    _of(
        *(Opportunity, "close_code", "close_code", "lost reason", "close reason", "closed lost reason"),
        *("won reason", "loss reason"),
    ),
    Target("reason", _("reason"), "text", ("note", "comment")),
    Target("recorded_at", _("recorded at"), "moment", ("last modified", "modified at", "recorded at")),
)
ABOUT = (  # what tasks and interactions are about
    Target(
        *("contact", _("contact"), "contact"),
        (
            *("contact name", "contact person", "associated contact", "associated contacts", "person", "customer"),
            *("client", "name", "who", "asiakas", "kunde", "klant", "cliente"),
        ),
    ),
    Target("contact_number", _("Contact's number"), "contact", ("contact no", "contact id", "customer no")),
    Target(
        *("company", _("company"), "company"),
        (
            *("organization", "organisation", "account", "account name", "company name", "company / account"),
            *("associated company", "associated companies", "yritys", "bedrijf", "azienda", "unternehmen", "firma"),
        ),
    ),
    Target(
        *("opportunity", _("opportunity"), "opportunity"),
        ("opportunity name", "deal", "deal name", "deal title", "associated deal", "associated deals", "related to"),
    ),
    Target("opportunity_number", _("Opportunity's number"), "opportunity", ("opportunity no", "deal number")),
)
OWNER = (
    *("assigned to", "assignee", "assigned to user", "owner", "activity assigned to", "responsible", "user"),
    *("task owner", "activity owner", "salesperson code", "sales rep", "myyjä", "selger", "verkäufer", "verkoper"),
    *("venditore", "logged by"),
)
SUBJECT = (
    *("subject", "title", "name", "task", "task name", "task title", "activity", "activity title", "activity name"),
    *("call title", "meeting name", "email subject", "aihe", "otsikko", "betreff", "onderwerp", "oggetto", "emne"),
    "what",
)
NOTE = ("note", "notes", "body", "comment", "comments", "full comments", "content", "message", "details", "result")
TASKS = (
    KEY._replace(words=(*KEY.words, "task id", "activity id")),
    _of(Task, "description", "text", *SUBJECT),
    _of(Task, "due_on", "when", "due date", "due", "deadline", "start date", "määräpäivä", "forfallsdato", "frist"),
    _of(Task, "kind", "task_type", "task type", "activity type", "task subtype"),
    *ABOUT,
    _of(Task, "salesperson", "salesperson", *OWNER),
    _of(Task, "team", "team"),
    _of(Task, "status", "task_status", "done", "task status", "state", "completed"),
    _of(Task, "priority", "task_priority"),
    _of(
        *(Task, "closed_on", "when", "completed on", "completed at", "completed date", "date completed"),
        *("completed date/time", "marked as done time", "done on", "closed"),
    ),
    _of(Task, "cancelled", "flag"),
    _of(Task, "completed_by", "salesperson"),
    _of(Task, "outcome", "text", *NOTE),
    _of(Task, "location", "text", "where", "venue"),
    _of(Task, "all_day", "flag", "all day event"),
    Target("starts_at", _("Start time"), "clock", ("time", "due time", "start")),
    _of(Task, "duration", "minutes", "duration", "minutes"),
    Target("organizer", _("Organizer"), "salesperson", ("host",)),
    Target("people", _("Our people"), "salesperson"),
    Target("guests", _("Their people"), "contact", ("guests", "invitees", "attendees", "participants")),
    Target("optional", _("Optional attendees"), "contact"),
    _of(Task, "interval", "text", "repeat", "recurrence"),
    _of(Task, "recurs_from", "recurs_from"),
    _of(Task, "reminder", "reminder"),
)
INTERACTIONS = (
    KEY._replace(words=(*KEY.words, "activity id", "call id", "engagement id")),
    _of(Interaction, "description", "text", *SUBJECT),
    _of(
        *(Interaction, "happened_on", "when", "activity date", "due date", "happened on", "call date", "start date"),
        *("meeting start time", "sent on"),
    ),
    _of(Interaction, "kind", "interaction_type", "activity type", "interaction type", "channel"),
    *ABOUT,
    _of(Interaction, "salesperson", "salesperson", *OWNER),
    _of(Interaction, "evaluation", "evaluation"),
    _of(Interaction, "duration", "minutes", "duration", "minutes", "call duration"),
    _of(Interaction, "cost", "money"),
    _of(Interaction, "direction", "direction", "call direction", "email direction"),
    _of(Interaction, "initiated_by", "initiated_by"),
    _of(Interaction, "failed", "flag"),
    _of(Interaction, "template", "template"),
    _of(Interaction, "text", "text", *NOTE, "call notes", "outcome"),
    Target("started_at", _("Time"), "clock", ("start time", "due time", "start")),
    _of(Interaction, "logged_at", "moment", "create date", "created", "created at", "created date", "add time"),
    _of(Interaction, "cancelled", "flag"),
)
SALESPEOPLE = (
    KEY,
    _of(Salesperson, "code", "text", "initials"),
    _of(Salesperson, "name", "text", "sales agent", "full name", "salesperson", "agent", "owner"),
    _of(Salesperson, "email", "email", "email", "e-mail"),
    _of(Salesperson, "email_2", "email"),
    _of(Salesperson, "phone"),
    _of(Salesperson, "job_title", "text", "title"),
    _of(Salesperson, "commission", "percent"),
    _of(Salesperson, "blocked", "flag"),
    _of(Salesperson, "privacy_blocked", "flag"),
    Target("team", _("team"), "team", ("regional office", "group", "department", "tiimi", "equipe", "lag")),
)
# what hangs on contacts and opportunities
WHOSE = _of(Involvement, "contact", "contact", "contact number", "contact no", "contact no.", "customer no")
WHICH = _of(Involvement, "opportunity", "opportunity", "opportunity number", "opportunity no", "deal number")
ADDRESSES = (
    WHOSE,
    *(
        _of(AlternativeAddress, name)
        for name in ("code", "name", "address", "address_2", "post_code", "city", "county")
    ),
    _of(AlternativeAddress, "country", "country"),
    _of(AlternativeAddress, "phone", "phone"),
    _of(AlternativeAddress, "phone_extension"),
    _of(AlternativeAddress, "mobile", "phone"),
    _of(AlternativeAddress, "email", "email"),
    _of(AlternativeAddress, "home_page", "url"),
    _of(AddressPeriod, "starts_on", "day"),
    _of(AddressPeriod, "ends_on", "day"),
)
RELATED = (
    WHOSE,
    Target("business_relations", BusinessRelation._meta.verbose_name or "", "relation", ("relation", "relation code")),
    _of(ContactsRelation, "number"),
)
PEOPLE = (WHICH, WHOSE, _of(Involvement, "role", "role"))
CO_OWNERS = (WHICH, Target("salesperson", Grant._meta.get_field("is_co_owner").verbose_name, "salesperson"))


def _of_table(table: Table) -> tuple[Target, ...]:
    return tuple(Target(name, label_of(table, name), kind_of(table, name)) for name in (*table.fields, *table.several))


OF: dict[str, tuple[Target, ...]] = {kind: _of_table(table) for kind, table in TABLES.items()} | {
    ImportKind.CONTACTS: CONTACTS,
    ImportKind.OPPORTUNITIES: OPPORTUNITIES,
    ImportKind.SALESPEOPLE: SALESPEOPLE,
    ImportKind.ADDRESSES: ADDRESSES,
    ImportKind.RELATED: RELATED,
    ImportKind.PEOPLE: PEOPLE,
    ImportKind.CO_OWNERS: CO_OWNERS,
    ImportKind.TASKS: TASKS,
    ImportKind.INTERACTIONS: INTERACTIONS,
}
LISTS: dict[str, Any] = {
    ImportKind.CONTACTS: CONTACT_LIST,
    ImportKind.OPPORTUNITIES: OPPORTUNITY_LIST,
    ImportKind.SALESPEOPLE: SALESPERSON_LIST,
    ImportKind.TASKS: TASK_LIST,
    ImportKind.INTERACTIONS: INTERACTION_LIST,
}
# how a row may find what is there already, the surest first; where nothing is to be chosen, it says that in full
KEYS: dict[str, tuple[str, ...]] = {kind: (table.key,) for kind, table in TABLES.items()} | {
    ImportKind.CONTACTS: ("external_key", "number", "email", "name"),
    ImportKind.OPPORTUNITIES: ("external_key", "number"),
    ImportKind.SALESPEOPLE: ("external_key", "code", "email", "name"),
    ImportKind.TASKS: ("external_key",),
    ImportKind.INTERACTIONS: ("external_key",),
    **dict.fromkeys((ImportKind.ADDRESSES, ImportKind.RELATED, ImportKind.PEOPLE, ImportKind.CO_OWNERS), ()),
}
ENTERED = "entered:"  # and the key of a stage: when it was entered


def targets(kind: str, stages: Iterable[Stage] = ()) -> list[Target]:
    """With a day for each stage of the cycle, by which a file tells its history."""
    found = list(OF[ImportKind(kind)])
    for stage in stages:
        label = _("entered “%(stage)s” on") % {"stage": stage.description}
        names = (f"date entered {stage.description}", f"entered {stage.description}", f"{stage.description} date")
        found.append(Target(f"{ENTERED}{stage.pk}", label, "day", names))
    return found


def plain(text: str) -> str:
    """To compare names: small letters and digits alone, without accents."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    return re.sub(r"[^a-z0-9а-яα-ω]", "", "".join(sign for sign in folded if not unicodedata.combining(sign)))


@lru_cache(maxsize=64)
def words_of(model: Any, name: str) -> dict[str, str]:
    """The words that may be stored in a field, and their labels in every language → what is stored."""
    found: dict[str, str] = {}
    field = model._meta.get_field(name)
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            found |= {plain(str(label)): word for word, label in field.flatchoices if word}
    return found | {plain(word): word for word, _label in field.flatchoices if word}


@lru_cache(maxsize=32)
def _known(kind: str) -> dict[str, str]:
    """What columns are called → target; what is said earlier counts before what is said later."""
    found: dict[str, str] = {}
    for target in OF[ImportKind(kind)]:
        found.setdefault(plain(target.name), target.name)
    names = set(found.values())
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            for target in OF[ImportKind(kind)]:
                found.setdefault(plain(str(target.label)), target.name)
            for column in LISTS[kind].columns if kind in LISTS else ():  # what a file of ours says
                if column.name in names:
                    found.setdefault(plain(str(column.label)), column.name)
    for target in OF[ImportKind(kind)]:
        for word in target.words:
            found.setdefault(plain(word), target.name)
    return found


def guessed(kind: str, headers: list[str], known: dict[str, str], stages: Iterable[Stage] = ()) -> dict[str, str]:
    """By the place of each column: what it seems to be. `known` are the words of the system that the file is from. A target is
    given once."""
    own = {plain(word): target for word, target in known.items()}
    of_stages = {
        plain(word): target.name for target in targets(kind, stages) for word in target.words if ":" in target.name
    }
    found: dict[str, str] = {}
    for words in (own, {**of_stages, **_known(kind), **own}):
        for at, header in enumerate(headers):
            name = words.get(plain(header), "")
            if name and name not in found.values() and str(at) not in found:
                found[str(at)] = name
    named = {name: at for at, name in found.items()}
    if "name" in named and "company" not in named and {"first_name", "last_name"} & set(named):
        found[named["name"]] = "company"  # of a person the name is in its parts, so this is whose
    return found
