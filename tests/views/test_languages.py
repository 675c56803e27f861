"""Every page in six languages: the switch, the words, dates and figures, and no text that escapes translation."""

import datetime
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.dates import get_day_names, get_month_names
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.utils.translation import trans_real
from django_countries import countries
from pytest_django import Settings

from contacts.listing import CONTACTS
from contacts.models import Contact
from crm.lib.messages import ROOT, update_catalogues
from interactions.listing import INTERACTIONS
from opportunities import bulk, lifecycle
from opportunities.listing import OPPORTUNITIES
from opportunities.models import Opportunity
from quotes.listing import QUOTES
from quotes.models import Quote
from salescycles.models import CloseCode, SalesCycle, Source
from salespeople.listing import SALESPEOPLE
from salespeople.models import Company, Salesperson, SavedView, User
from tasks.listing import TASKS
from tests.factories import WORK_DATE, QuoteFactory, SourceFactory, fresh, make_opportunity

pytestmark = pytest.mark.django_db
Sign = Callable[[User], Client]

LANGUAGES = ("en", "fi", "nb", "de", "nl", "it")
each_language = pytest.mark.parametrize("language", LANGUAGES)

# What each page says, in the order of LANGUAGES.
WORDS = {
    "/": "My open opportunities|Avoimet mahdollisuuteni|Mine åpne salgsmuligheter|Meine offenen Verkaufschancen"
    "|Mijn open opportunities|Le mie opportunità aperte",
    "/opportunities/": "Opportunities|Myyntimahdollisuudet|Salgsmuligheter|Verkaufschancen|Opportunities|Opportunità",
    "/opportunities/new/": "New opportunity|Uusi mahdollisuus|Ny salgsmulighet|Neue Verkaufschance|Nieuwe opportunity"
    "|Nuova opportunità",
    "/contacts/": "Contacts|Kontaktit|Kontakter|Kontakte|Contacten|Contatti",
    "/salespeople/": "Salespeople|Myyjät|Selgere|Verkäufer|Verkopers|Agenti",
    "/quotes/": "Quotes|Myyntitarjoukset|Tilbud|Verkaufsangebote|Verkoopoffertes|Offerte di vendita",
}
STATUS = "In progress|Käynnissä|Pågår|In Bearbeitung|In behandeling|In corso"
CHANCES = (
    "Chances of success %|Onnistumis-%|Salgsutsiktsprosent|Erfolgschance in %|Slagingskans %|% possibilità di successo"
)
SIGN_IN = "Sign in|Kirjaudu sisään|Logg på|Anmelden|Aanmelden|Accedi"
DATES = "2026-03-02|2.3.2026|02.03.2026|02.03.2026|2/03/2026|02/03/2026"
FIGURES = "1,234.50|1 234,50|1 234,50|1.234,50|1.234,50|1.234,50"
QUOTED = "250.00|250,00|250,00|250,00|250,00|250,00"
BLANKS = re.compile(r"[\s\u00a0\u202f]+")


def of(language: str, words: str) -> str:
    return words.split("|")[LANGUAGES.index(language)]


def in_language(client: Client, language: str) -> Client:
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    return client


def lang(page: str) -> str:
    found = re.search(r'<html lang="([^"]*)"', page)
    return found[1] if found else ""


@pytest.fixture
def deal(acme: Contact, jo: Salesperson, cycle: SalesCycle, rep: User, company: Company) -> Opportunity:
    made = make_opportunity(
        contact=acme,
        salesperson=jo,
        cycle=cycle,
        stage=2,
        by=rep,
        value=Decimal("1234.50"),
        closing_on=company.today() + datetime.timedelta(days=30),
    )
    QuoteFactory(number="QU1", opportunity=made)
    return fresh(made)


class TestSwitch:
    @each_language
    def test_the_switch_sets_the_cookie_and_the_page_follows(self, language: str) -> None:
        client = Client()
        answer = client.post("/i18n/setlang/", {"language": language, "next": "/login/"})
        assert (answer.status_code, answer["Location"]) == (302, "/login/")
        assert answer.cookies[settings.LANGUAGE_COOKIE_NAME].value == language
        answer = client.get("/login/")
        page = answer.content.decode()
        assert lang(page) == answer["Content-Language"] == language
        assert of(language, SIGN_IN) in page

    def test_the_switch_names_each_language_by_its_own_name(self, client_for: Sign, rep: User) -> None:
        page = in_language(client_for(rep), "fi").get("/").content.decode()
        for code, name in settings.LANGUAGES:
            assert re.search(rf'value="{code}" lang="{code}" aria-pressed="{str(code == "fi").lower()}">{name}<', page)

    def test_an_unknown_language_changes_nothing(self, client_for: Sign, rep: User) -> None:
        client = client_for(rep)
        client.post("/i18n/setlang/", {"language": "xx"})
        assert settings.LANGUAGE_COOKIE_NAME not in client.cookies
        assert lang(in_language(client, "xx").get("/").content.decode()) == "en"

    def test_a_user_reads_in_their_own_language_until_they_switch(self, client_for: Sign, rep: User) -> None:
        User.objects.filter(pk=rep.pk).update(language="it")
        client = client_for(rep)
        assert lang(client.get("/", headers={"Accept-Language": "fi"}).content.decode()) == "it"
        client.post("/i18n/setlang/", {"language": "nb"})
        assert lang(client.get("/").content.decode()) == "nb"

    @pytest.mark.parametrize(
        ("accepted", "language"),
        [("nl-BE,nl;q=0.9,en;q=0.8", "nl"), ("nb-NO", "nb"), ("de-AT", "de"), ("sv,fi;q=0.5", "fi"), ("ja", "en")],
    )
    def test_without_either_the_browser_decides(self, accepted: str, language: str) -> None:
        assert lang(Client().get("/login/", headers={"Accept-Language": accepted}).content.decode()) == language


class TestWords:
    @each_language
    @pytest.mark.parametrize("address", WORDS)
    def test_every_page_and_its_navigation(
        self, client_for: Sign, rep: User, deal: Opportunity, address: str, language: str
    ) -> None:
        page = in_language(client_for(rep), language).get(address).content.decode()
        assert lang(page) == language
        assert f"<h1>{of(language, WORDS[address])}</h1>" in page
        for entry in ("/opportunities/", "/contacts/", "/quotes/", "/salespeople/"):
            assert f"<span>{of(language, WORDS[entry])}</span>" in page

    @each_language
    def test_an_opportunity_with_its_labels_dates_and_figures(
        self, client_for: Sign, rep: User, deal: Opportunity, language: str
    ) -> None:
        page = in_language(client_for(rep), language).get(f"/opportunities/{deal.pk}/").content.decode()
        said = BLANKS.sub(" ", page)
        for words in (STATUS, CHANCES, DATES, FIGURES):
            assert of(language, words) in said

    @each_language
    def test_figures_and_dates_of_a_list(self, client_for: Sign, rep: User, deal: Opportunity, language: str) -> None:
        page = in_language(client_for(rep), language).get("/quotes/").content.decode()
        said = BLANKS.sub(" ", page)
        assert of(language, DATES) in said
        assert of(language, QUOTED) in said


# The pseudo language stands in the place of this one.
STOOD_FOR = "de"
PLACEHOLDER = re.compile(r"(%\(\w+\)[a-z]|%%|\{\w*\})")
ACCENTS = str.maketrans("aeiouyAEIOU", "áéíóúýÁÉÍÓÚ")
WRAPPED = re.compile(r"⟦[^⟦⟧]*⟧")
LETTERS = re.compile(r"[^\W\d_]+")


def pseudo(text: str) -> str:
    """`%(count)s days` → `⟦%(count)s dáýs⟧`"""
    parts = PLACEHOLDER.split(text)
    return "⟦" + "".join(part if at % 2 else part.translate(ACCENTS) for at, part in enumerate(parts)) + "⟧"


@pytest.fixture
def pseudo_language(monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path) -> Iterator[str]:
    """Django's own texts and all that our source contains, and nothing else, put into brackets."""
    settings.LOCALE_PATHS = []
    made = trans_real.DjangoTranslation(STOOD_FOR)
    texts: dict[object, str] = {}
    for known in made._catalog._catalogs:
        texts |= {key: pseudo(key[0] if isinstance(key, tuple) else key.split("\x04")[-1]) for key in known if key}
    for ours in _our_keys(tmp_path):
        texts[ours] = pseudo(ours[0] if isinstance(ours, tuple) else ours.split("\x04")[-1])
    made._catalog._catalogs = [texts]
    made._catalog._plurals = [lambda number: int(number != 1)]
    monkeypatch.setitem(trans_real._translations, STOOD_FOR, made)
    cache.clear()
    vars(countries).pop("_iter_cache", None)
    yield STOOD_FOR
    trans_real.deactivate_all()
    vars(countries).pop("_iter_cache", None)


def _our_keys(empty: Path) -> Iterator[object]:
    for message in update_catalogues(ROOT, empty):
        context = f"{message.context}\x04" if message.context else ""
        if isinstance(message.id, (list, tuple)):
            yield from ((context + message.id[0], at) for at in (0, 1))
        elif message.id:
            yield context + message.id


class Visible(HTMLParser):
    """Collects what a person sees or hears: text, and the attributes that are shown or read out."""

    SAID = ("aria-label", "title", "placeholder", "alt", "label", "data-label", "aria-description", "aria-valuetext")
    UNSEEN = ("script", "style", "kbd")  # what is printed on a key

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.inside: list[str] = []
        self.places = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in self.UNSEEN:
            self.inside.append(tag)
        if tag == "select":
            self.places = values.get("name") == "country"  # its names come from Babel
        self.texts += [values[name] or "" for name in self.SAID if name in values]
        if tag == "input" and values.get("type") in ("submit", "button", "reset"):
            self.texts.append(values.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()
        if tag == "select":
            self.places = False

    def handle_data(self, data: str) -> None:
        if not self.inside and not (self.places and "⟦" not in data and data.strip(" –")):
            self.texts.append(data)


# What people typed, and what is written the same in every language.
TYPED = (
    *("ACME", "Ann Lee", "Chairs", "Tables", "Jim Olive", "Otis Falls", "Cycle CY", "CY"),
    *("Initial", "Present", "Offer", "Sign", "PRICE_W", "PRICE_L", "SOURCE", "JO", "OF", "CT", "OP", "QU"),
    *("Buyer", "Main Street", "Helsinki", "https://acme.example", "on the phone", "nonsense", "EUR", "CSV", "XLSX"),
    *("Rep", "R", "Manager", "M", "Outsider", "O", "Finnland"),
    *(name for _code, name in settings.LANGUAGES),
)
DATES_IN_WORDS = {*get_month_names(locale=STOOD_FOR).values(), *get_day_names(locale=STOOD_FOR).values()}
DATA = re.compile(
    r"[\w.+-]+@[\w.-]+|"
    + "|".join(
        rf"(?<![^\W\d_]){re.escape(word)}(?![^\W\d_])"
        for word in sorted({*TYPED, *DATES_IN_WORDS}, key=len, reverse=True)
    )
)


def unwrapped(page: str) -> list[str]:
    """Texts with letters that are neither in brackets nor data."""
    found = []
    for text in Visible(page).texts:
        rest, count = WRAPPED.subn("", text)
        while count:
            rest, count = WRAPPED.subn("", rest)
        if LETTERS.search(DATA.sub("", rest)):
            found.append(" ".join(text.split()))
    return found


class TestNothingEscapesTranslation:
    @pytest.fixture
    def everything(
        self, deal: Opportunity, acme: Contact, ann: Contact, jo: Salesperson, of: Salesperson, cycle: SalesCycle,
        manager: User, rep: User, price_w: CloseCode, price_l: CloseCode, company: Company,
    ) -> dict[str, int]:  # fmt: skip
        """Something of every kind to show, by name its key."""
        source: Source = SourceFactory()
        Contact.objects.filter(pk=acme.pk).update(
            address="Main Street 1", city="Helsinki", country="FI", language="fi", phone="+35895550101", mobile="+358501234567",
            email="acme@example.com", home_page="https://acme.example", privacy_blocked=False,
        )  # fmt: skip
        Contact.objects.filter(pk=ann.pk).update(job_title="Buyer", privacy_blocked=True)
        Salesperson.objects.filter(pk=of.pk).update(job_title="Buyer", blocked=True, privacy_blocked=True)
        entry = lifecycle.edit(
            deal,
            version=deal.version,
            by=manager,
            on=company.today(),
            priority="high",
            source=source,
            reason="on the phone",
        )
        late = make_opportunity(
            contact=acme, salesperson=jo, cycle=cycle, stage=1, description="Tables", closing_on=WORK_DATE
        )
        waiting = make_opportunity(contact=acme, description="Tables")
        won = make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, description="Tables")
        lifecycle.close(
            won,
            version=won.version,
            outcome="won",
            close_code=price_w,
            sales_value=Decimal(900),
            on=WORK_DATE,
            by=manager,
        )
        quote = Quote.objects.get(number="QU1")
        values = {"closing_on": company.today(), "on": company.today(), "reason": "on the phone"}
        asked = [("reason", "on the phone")]
        batch = bulk.run(manager, {entry.opportunity.pk: None}, "revise", values, asked=asked).batch
        assert batch
        views = {"page": "opportunities:list", "query": "status=open", "shared": True}
        own = SavedView.objects.create(owner=manager, name="Chairs", **views)
        shared = SavedView.objects.create(owner=rep, name="Tables", **views)
        return {
            "deal": entry.opportunity.pk, "late": late.pk, "waiting": waiting.pk, "won": won.pk,
            "company": acme.pk, "person": ann.pk, "salesperson": jo.pk, "blocked": of.pk, "quote": quote.pk,
            "batch": batch.pk, "own": own.pk, "shared": shared.pk,
        }  # fmt: skip

    @pytest.mark.parametrize("who", ["manager", "rep", "outsider"])
    def test_no_page_shows_an_unwrapped_text(
        self,
        who: str,
        everything: dict[str, int],
        client_for: Sign,
        pseudo_language: str,
        request: pytest.FixtureRequest,
    ) -> None:
        client = in_language(client_for(request.getfixturevalue(who)), pseudo_language)
        wrong: dict[str, str] = {}
        for address in PAGES if who != "outsider" else ("/", "/opportunities/", "/contacts/", "/opportunities/new/"):
            answer = client.get(address.format(**everything))
            wrong |= dict.fromkeys(unwrapped(answer.content.decode()), address)
        assert wrong == {}

    def test_no_refusal_conflict_or_message_is_unwrapped(
        self, everything: dict[str, int], client_for: Sign, manager: User, pseudo_language: str
    ) -> None:
        client = in_language(client_for(manager), pseudo_language)
        wrong: dict[str, str] = {}
        for address, typed in SENT:
            answer = client.post(
                address.format(**everything), {k: v.format(**everything) for k, v in typed.items()}, follow=True
            )
            wrong |= dict.fromkeys(unwrapped(answer.content.decode()), address)
        assert wrong == {}

    def test_who_is_not_signed_in(self, pseudo_language: str) -> None:
        client = in_language(Client(), pseudo_language)
        assert "⟦" in client.get("/login/").content.decode()
        assert unwrapped(client.get("/login/").content.decode()) == []
        assert (
            unwrapped(client.post("/login/", {"username": "rep@example.com", "password": "no"}).content.decode()) == []
        )

    def test_the_test_itself_finds_what_is_unwrapped(self) -> None:
        assert unwrapped('<p title="Close">⟦Clóse⟧ Chairs 12 €</p><b>Open: ⟦x⟧</b><i>⟦Híd ⟦x⟧⟧</i>') == [
            "Close",
            "Open: ⟦x⟧",
        ]


VERBS = (
    "start",
    "move",
    "revise",
    "edit",
    "reassign",
    "change-cycle",
    "close",
    "reopen",
    "undo",
    "correct",
    "archive",
    "restore",
)
SPACES = {
    "opportunities": OPPORTUNITIES,
    "contacts": CONTACTS,
    "quotes": QUOTES,
    "salespeople": SALESPEOPLE,
    "tasks": TASKS,
    "interactions": INTERACTIONS,
}
CONDITIONS = (
    *("1:description:is:Chairs", "1:description:is_not:Chairs", "1:description:contains:Chairs"),
    *("1:description:begins:Chairs", "1:description:blank", "1:description:not_blank", "2:stage:blank"),
    *("2:estimated_value:is:1", "2:estimated_value:min:1", "2:estimated_value:max:1"),
    *("2:estimated_value:between:1..2", "3:status:one_of:won,lost", "3:status:is_not:won", "3:salesperson:is:me"),
    *("3:chances_are_manual:is:yes", "4:closing_on:before:today", "4:closing_on:after:this_fiscal_year"),
    *("4:closing_on:between:2026-03-02..2026-03-03", "4:closing_on:more_ago:1", "4:closing_on:less_ago:2"),
    *("4:closing_on:more_ahead:1", "4:closing_on:less_ahead:2", "5:closing_on:is:last_1_days"),
    *("5:closing_on:is:next_7_days", "5:closing_on:is:2026-03-02"),
)
WHERE = "&".join(f"where={each}" for each in CONDITIONS)
NOT_UNDERSTOOD = (
    *("x", "1:nonsense:is:1", "1:description:nonsense:1", "1:description:is", "1:estimated_value:is:nonsense"),
    *("1:estimated_value:between:2..1", "1:estimated_value:between:1", "1:closing_on:is:nonsense"),
    *("1:closing_on:more_ago:nonsense", "1:status:is:nonsense", "1:status:one_of:nonsense,CY", "1:contact:is:0"),
)
CHOSEN = "key={deal}&key={waiting}&key={won}&key=0"
ACTIONS = ("move", "revise", "edit", "reassign", "close", "archive", "restore")
PAGES = (
    *(f"/{space}/{page}/" for space in SPACES for page in ("filter", "columns")),
    *(f"/{space}/?columns={','.join(each.name for each in of.columns[:30])}" for space, of in SPACES.items()),
    *(f"/{space}/?group={each.name}" for space, of in SPACES.items() for each in of.columns if each.is_grouped),
    *(f"/opportunities/{page}?{WHERE}" for page in ("", "filter/", "board/")),
    *(f"/opportunities/{page}?where={each}" for page in ("", "filter/") for each in NOT_UNDERSTOOD),
    *("/opportunities/board/", "/opportunities/board/?priority=high"),
    *(f"/{space}/export/?nonsense=1" for space in SPACES),
    *("/opportunities/bulk/", "/opportunities/bulk/?key=0", f"/opportunities/bulk/?{CHOSEN}"),
    *(f"/opportunities/bulk/?{CHOSEN}&action={action}" for action in ACTIONS),
    *("/opportunities/batches/?all=1", "/opportunities/batches/{batch}/", "/opportunities/batches/{batch}/undo/"),
    *("/search/?q=Tables", "/search/?q=O", "/views/{own}/", "/views/{shared}/", "/views/{own}/delete/"),
    *("/opportunities/?view={own}", "/opportunities/?view={shared}&status=won", "/opportunities/?view=0"),
    *("/", "/keyboard/", "/search/", "/search/?q=nonsense", "/views/", "/views/new/?page=opportunities:list&query=status%3Dwon"),
    *("/opportunities/", "/opportunities/?status=won&q=Chairs&closing_from=2026-01-01", "/opportunities/?q=nonsense"),
    *("/opportunities/?stage=x", "/opportunities/?nonsense=1", "/opportunities/?contact={company}&embedded=1"),
    *("/opportunities/?archived=true&order=-closing_on", "/opportunities/new/", "/opportunities/new/?contact={company}"),
    *("/opportunities/{deal}/", "/opportunities/{late}/", "/opportunities/{waiting}/", "/opportunities/{won}/"),
    *(f"/opportunities/{{{deal}}}/{verb}/" for verb in VERBS for deal in ("deal", "waiting", "won")),
    *("/contacts/", "/contacts/?q=nonsense", "/contacts/?kind=x", "/contacts/?company={company}", "/contacts/new/"),
    *("/contacts/{company}/", "/contacts/{person}/", "/contacts/{company}/edit/", "/contacts/{person}/edit/"),
    *("/salespeople/", "/salespeople/?q=nonsense", "/salespeople/?state=blocked", "/salespeople/new/"),
    *("/salespeople/{salesperson}/", "/salespeople/{blocked}/", "/salespeople/{salesperson}/edit/"),
    *("/quotes/", "/quotes/?q=nonsense", "/quotes/?which=x", "/quotes/new/", "/quotes/new/?opportunity={deal}"),
    *("/quotes/{quote}/", "/nonsense/", "/opportunities/987654321/"),
)  # fmt: skip
DEAL = "/opportunities/{deal}/"
SENT: tuple[tuple[str, dict[str, str]], ...] = (
    ("/opportunities/new/", {}),
    ("/opportunities/new/", {"description": "Chairs", "estimated_value": "-1", "closing_on": "x", "find": "1"}),
    ("/contacts/new/", {"email": "x", "phone": "x", "home_page": "x", "country": "xx"}),
    ("/contacts/new/", {"kind": "company", "name": "ACME"}),
    ("/salespeople/new/", {"commission": "101", "code": "JO"}),
    ("/salespeople/new/", {"commission": "1", "code": "CT", "name": "ACME"}),
    ("/quotes/new/?opportunity={deal}", {"net_amount": "0", "quoted_on": "2026-03-02", "number": "QU1"}),
    ("/quotes/new/?opportunity={deal}", {"net_amount": "10", "quoted_on": "2026-03-02", "number": "QU2"}),
    (DEAL + "move/", {"version": "1", "to": "1"}),
    *((f"{DEAL}{verb}/", {"version": "1"}) for verb in VERBS),
    *((f"{DEAL}{verb}/", {"version": "4"}) for verb in VERBS),
    ("/opportunities/{won}/revise/", {"version": "3", "estimated_value": "5"}),
    (DEAL + "close/", {"version": "5", "outcome": "lost", "reason": "on the phone"}),
    *(("/opportunities/bulk/", {"key": "{won}", "action": action, "do": "preview"}) for action in ACTIONS),
    (
        "/opportunities/bulk/",
        {"key": "{deal}", "action": "revise", "do": "preview", "closing_on": "2026-03-02", "shift": "1D"},
    ),
    ("/opportunities/bulk/", {"key": "{deal}", "action": "edit", "do": "preview", "priority": "low"}),
    ("/opportunities/bulk/", {"key": "{deal}", "action": "edit", "do": "run", "priority": "low"}),
    ("/opportunities/batches/{batch}/undo/", {}),
    ("/opportunities/batches/{batch}/undo/", {}),
    ("/views/new/", {"page": "opportunities:list"}),
    ("/views/new/", {"page": "opportunities:list", "name": "Chairs", "query": "status=won"}),
    ("/views/{own}/save/", {"query": "status=won"}),
    ("/views/{own}/default/", {"default": "on"}),
    ("/views/{own}/default/", {"default": "off"}),
    ("/views/{own}/delete/", {}),
    ("/login/", {}),
)  # fmt: skip
