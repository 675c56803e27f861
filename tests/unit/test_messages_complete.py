"""The catalogues: complete, up to date with the source, with the source's placeholders, and in the agreed terms."""

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from django.conf import settings

from crm.lib.messages import LOCALE, ROOT, update_catalogues

LANGUAGES = [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|\{\w*\}")
each_language = pytest.mark.parametrize("language", LANGUAGES)

# The binding words, in the order of LANGUAGES: fi, nb, de, nl, it.
TERMS = {
    # navigation
    "Home": "Aloitussivu|Startside|Startseite|Startpagina|Pagina iniziale",
    "Opportunities": "Myyntimahdollisuudet|Salgsmuligheter|Verkaufschancen|Opportunities|Opportunità",
    "Contacts": "Kontaktit|Kontakter|Kontakte|Contacten|Contatti",
    "Quotes": "Myyntitarjoukset|Tilbud|Verkaufsangebote|Verkoopoffertes|Offerte di vendita",
    "Salespeople": "Myyjät|Selgere|Verkäufer|Verkopers|Agenti",
    "Sales cycles": "Myyntisyklit|Salgssykluser|Verkaufsprozesse|Verkoopcycli|Cicli di vendita",
    # statuses, which agree with the word for opportunity
    "Not started": "Ei aloitettu|Ikke startet|Nicht begonnen|Niet gestart|Non iniziata",
    "In progress": "Käynnissä|Pågår|In Bearbeitung|In behandeling|In corso",
    "Won": "Voitettu|Vunnet|Gewonnen|Gewonnen|Vinta",
    "Lost": "Menetetty|Tapt|Verloren|Verloren|Persa",
    "Open": "Avoin|Åpen|Offen|Open|Aperta",
    "Closed": "Suljettu|Lukket|Abgeschlossen|Gesloten|Chiusa",
    "Overdue": "Myöhässä|Forfalt|Überfällig|Achterstallig|Scaduta",
    # verbs and moves
    "Next": "Seuraava|Neste|Nächste|Volgende|Successiva",
    "Previous": "Edellinen|Forrige|Vorherige|Vorige|Precedente",
    "Skip": "Ohita|Hopp over|Überspringen|Overslaan|Salta",
    "Jump back": "Hyppää takaisin|Hopp tilbake|Zurückspringen|Terugspringen|Torna indietro",
    "Move": "Siirrä|Flytt|Verschieben|Verplaatsen|Sposta",
    "Close": "Sulje|Lukk|Abschließen|Sluiten|Chiudi",
    "Close the opportunity": "Sulje mahdollisuus|Lukk salgsmulighet|Verkaufschance abschließen|Opportunity afsluiten"
    "|Chiudi opportunità",
    "Reopen": "Avaa uudelleen|Gjenåpne|Wieder öffnen|Heropenen|Riapri",
    "Start at the first stage": "Aktivoi ensimmäinen vaihe|Aktiver første fase|Erste Stufe aktivieren"
    "|Eerste fase activeren|Attiva prima fase",
    "Create": "Luo|Opprett|Erstellen|Maken|Crea",
    # field labels
    "Opportunity": "Mahdollisuus|Salgsmulighet|Verkaufschance|Opportunity|Opportunità",
    "opportunity entry": "mahdollisuustapahtuma|salgsmulighetspost|Verkaufschancenposten|opportuniteitpost"
    "|movimento opportunità",
    "Description": "Kuvaus|Beskrivelse|Beschreibung|Omschrijving|Descrizione",
    "Contact": "Kontakti|Kontakt|Kontakt|Contact|Contatto",
    "Company": "Yritys|Selskap|Unternehmen|Bedrijf|Società",
    "Person": "Henkilö|Person|Person|Persoon|Persona",
    "Salesperson": "Myyjä|Selger|Verkäufer|Verkoper|Agente",
    "Sales cycle": "Myyntisykli|Salgssyklus|Verkaufsprozess|Verkoopcyclus|Ciclo di vendita",
    "Stage": "Vaihe|Fase|Stufe|Fase|Fase",
    "Status": "Tila|Status|Status|Status|Stato",
    "Priority": "Prioriteetti|Prioritet|Priorität|Prioriteit|Priorità",
    "Low": "Matala|Lav|Niedrig|Laag|Bassa",
    "Normal": "Normaali|Normal|Normal|Normaal|Normale",
    "High": "Korkea|Høy|Hoch|Hoog|Alta",
    "Estimated value": "Arvioitu arvo|Anslått verdi|Geschätzter Wert|Geschatte waarde|Valore previsto",
    "Sales value": "Myyntiarvo|Salgsverdi|Verkaufswert|Verkoopwaarde|Valore di vendita",
    "Chances of success %": "Onnistumis-%|Salgsutsiktsprosent|Erfolgschance in %|Slagingskans %|% possibilità di successo",
    "Completed %": "Valmistumis-%|Fullført i prosent|Abgeschlossen %|Voltooid %|% completamento",
    "Probability %": "Todennäköisyys-%|Sannsynlighetsprosent|Wahrscheinlichkeit in %|Kans %|% probabilità",
    "Estimated closing date": "Arvioitu sulkemispäivä|Anslått avslutningsdato|Erwartetes Abschlussdatum"
    "|Geschatte sluitdatum|Data di chiusura prevista",
    "Creation date": "Luontipäivä|Opprettingsdato|Erstellungsdatum|Aanmaakdatum|Data di creazione",
    "Date of change": "Muutospäivä|Endringsdato|Änderungsdatum|Wijzigingsdatum|Data di modifica",
    "Date closed": "Pvm suljettu|Lukket den|Abschlussdatum|Datum afgesloten|Data di chiusura",
    "Date": "Päivämäärä|Dato|Datum|Datum|Data",
    "Code": "Koodi|Kode|Code|Code|Codice",
    "Type": "Tyyppi|Type|Art|Soort|Tipo",
    "Close code": "Sulkemisen syykoodi|Kode for lukking av salgsmulighet|Verkaufschancenabschlusscode|Sluitingscode"
    "|Codice opportunità chiuse",
    "quote required": "tarjous vaaditaan|tilbud kreves|Angebot erforderlich|offerte vereist|offerta obbligatoria",
    "allow skip": "salli ohittaminen|tillat hopp over|Überspringen zulassen|overslaan toestaan|consenti salto",
    "date formula": "päivämääräkaava|datoformel|Datumsformel|datumformule|formula di date",
    "probability calculation": "todennäköisyyden laskenta|sannsynlighetsberegning|Wahrscheinlichkeitsberechnung"
    "|kansberekening|calcolo della probabilità",
    "Blocked": "Estetty|Sperret|Gesperrt|Geblokkeerd|Bloccato",
    "Filter": "Suodatin|Filter|Filter|Filter|Filtro",
    # lists and their views
    "Board": "Taulu|Tavle|Board|Bord|Bacheca",
    "Weighted": "Painotettu|Vektet|Gewichtet|Gewogen|Ponderato",
    "Weighted value": "Painotettu arvo|Vektet verdi|Gewichteter Wert|Gewogen waarde|Valore ponderato",
    "View": "Näkymä|Visning|Ansicht|Weergave|Visualizzazione",
    "Saved views": "Tallennetut näkymät|Lagrede visninger|Gespeicherte Ansichten|Opgeslagen weergaven"
    "|Visualizzazioni salvate",
    "Filters": "Suodattimet|Filtre|Filter|Filters|Filtri",
    "Conditions": "Ehdot|Betingelser|Bedingungen|Voorwaarden|Condizioni",
    "Condition %(number)s": "Ehto %(number)s|Betingelse %(number)s|Bedingung %(number)s|Voorwaarde %(number)s"
    "|Condizione %(number)s",
    "Group %(number)s": "Ryhmä %(number)s|Gruppe %(number)s|Gruppe %(number)s|Groep %(number)s|Gruppo %(number)s",
    "Group by": "Ryhmittele|Grupper etter|Gruppieren nach|Groeperen op|Raggruppa per",
    # bulk actions and commands
    "Bulk action": "Joukkotoiminto|Massehandling|Sammelaktion|Bulkactie|Azione in blocco",
    "Batch": "Erä|Parti|Stapel|Batch|Lotto",
    "Command": "Komento|Kommando|Befehl|Opdracht|Comando",
    "Search and commands": "Haku ja komennot|Søk og kommandoer|Suche und Befehle|Zoeken en opdrachten|Ricerca e comandi",
}


@cache
def catalogue(language: str) -> Catalog:
    with (LOCALE / language / "LC_MESSAGES" / "django.po").open("rb") as file:
        return read_po(file, locale=language)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The texts of the source, extracted without touching a catalogue."""
    return update_catalogues(ROOT, tmp_path_factory.mktemp("locale"))


def messages(catalog: Catalog) -> list[Message]:
    return [message for message in catalog if message.id]


def forms(text: object) -> tuple[str, ...]:
    return tuple(text) if isinstance(text, (list, tuple)) else (str(text),)


def names(catalog: Catalog) -> set[tuple[str | None, tuple[str, ...]]]:
    return {(message.context, forms(message.id)) for message in messages(catalog)}


def placeholders(text: str) -> Counter[str]:
    return Counter(PLACEHOLDER.findall(text))


def breaks(original: str, translated: str) -> bool:
    """Whether a text that is filled with values would fail: there a percent sign is written twice."""
    filled = "%%" in original or "%(" in original
    return filled and "%" in PLACEHOLDER.sub("", translated).replace("%%", "")


def test_there_is_a_catalogue_for_every_language() -> None:
    assert sorted(LANGUAGES) == sorted(path.name for path in Path(LOCALE).iterdir() if path.is_dir())


@each_language
def test_every_text_is_translated(language: str) -> None:
    catalog = catalogue(language)
    assert [
        m.id for m in messages(catalog) if not (all(forms(m.string)) and len(forms(m.string)) == len(forms(m.id)))
    ] == []
    assert [m.id for m in messages(catalog) if m.fuzzy] == []
    assert not catalog.obsolete


@each_language
def test_the_catalogue_is_up_to_date_with_the_source(language: str, source: Catalog) -> None:
    assert names(catalogue(language)) == names(source), "run `make messages` and translate what is new"


@each_language
def test_placeholders_and_ends_are_those_of_the_source(language: str) -> None:
    pairs = [pair for m in messages(catalogue(language)) for pair in zip(forms(m.id), forms(m.string), strict=True)]
    assert [pair for pair in pairs if placeholders(pair[0]) != placeholders(pair[1])] == []
    assert [pair for pair in pairs if breaks(*pair)] == []
    assert [pair for pair in pairs if pair[0][-1] in ".:" and pair[0][-1] != pair[1][-1]] == []
    assert [pair for pair in pairs if pair[1] != pair[1].strip()] == []


@each_language
@pytest.mark.parametrize("english", TERMS)
def test_the_agreed_terms(language: str, english: str) -> None:
    message = catalogue(language).get(english)
    assert message, f"“{english}” is no longer a text of the interface"
    assert message.string == TERMS[english].split("|")[LANGUAGES.index(language)]
