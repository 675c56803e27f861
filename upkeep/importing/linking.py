"""What a file calls by a name, a number, an e-mail address or the key of another system, and which record it means. What is not
found is said by a question: did you mean …?"""

import datetime
import difflib
import zoneinfo
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DatabaseError, OperationalError
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from collaboration.lifecycle import tag_all
from collaboration.models import ContactRole, Tag
from contacts import lifecycle as contacts
from contacts.codes import (
    BusinessRelation,
    ContactSetup,
    IndustryGroup,
    JobResponsibility,
    MailingGroup,
    OrganizationalLevel,
    Salutation,
    Territory,
)
from contacts.models import Contact
from contacts.places import countries
from interactions.models import Interaction, InteractionGroup, InteractionTemplate
from opportunities import lifecycle as opportunities
from opportunities.models import Opportunity
from opportunities.sight import sight_of
from salescycles.models import Activity, CloseCode, Competitor, SalesCycle, Source, Stage
from salespeople.models import Company, Salesperson, Team, User
from tasks.models import Task
from upkeep.importing.fields import plain, words_of
from upkeep.importing.models import OWNERS, ExternalKey, ImportKind, ImportRow, ImportRun

SUGGESTED = 3
NEAR = 0.72  # of 1, how alike a name must be to be proposed
CODED: dict[str, Any] = {
    "responsibility": JobResponsibility,
    "mailing": MailingGroup,
    "salutation": Salutation,
    "level": OrganizationalLevel,
    "activity": Activity,
    "group": InteractionGroup,
    "relation": BusinessRelation,
    "role": ContactRole,
    "template": InteractionTemplate,
}
# words that are stored, by the kind of their column
WORDED: dict[str, tuple[Any, str]] = {
    "task_type": (Task, "kind"),
    "task_status": (Task, "status"),
    "task_priority": (Task, "priority"),
    "recurs_from": (Task, "recurs_from"),
    "reminder": (Task, "reminder"),
    "interaction_type": (Interaction, "kind"),
    "direction": (Interaction, "direction"),
    "initiated_by": (Interaction, "initiated_by"),
    "evaluation": (Interaction, "evaluation"),
}
# what other systems say
OTHER_WORDS: dict[str, dict[str, str]] = {
    "task_type": {
        **dict.fromkeys(("todo", "email", "other", "deadline", "reminder", "follow", "followup"), "task"),
        **dict.fromkeys(("phonecall", "callback"), "call"),
        **dict.fromkeys(("appointment", "event", "lunch", "visit", "demo"), "meeting"),
    },
    "task_status": {
        **dict.fromkeys(("open", "todo", "new", "planned", "scheduled", "pending", "no", "false", "0"), "not_started"),
        **dict.fromkeys(("started", "active", "ongoing"), "in_progress"),
        **dict.fromkeys(("waitingonsomeoneelse", "onhold", "blocked"), "waiting"),
        **dict.fromkeys(("deferred",), "postponed"),
        **dict.fromkeys(("done", "closed", "finished", "complete", "held", "yes", "true", "x", "1"), "completed"),
        **dict.fromkeys(("cancelled", "canceled", "abgebrochen", "peruttu", "avlyst", "geannuleerd"), "cancelled"),
    },
    "task_priority": {"medium": "normal", "none": "normal", "urgent": "high", "highest": "high", "lowest": "low"},
    "interaction_type": {
        **dict.fromkeys(("call", "loggedcall", "phone", "sms"), "call"),
        **dict.fromkeys(("mail", "emailsent", "loggedemail", "incomingemail", "forwardedemail", "letter"), "email"),
        **dict.fromkeys(("appointment", "event", "lunch", "visit", "demo"), "meeting"),
        **dict.fromkeys(("comment", "task", "todo", "other"), "note"),
    },
    "direction": {
        **dict.fromkeys(("inbound", "incoming", "received"), "in"),
        **dict.fromkeys(("outbound", "outgoing", "sent"), "out"),
    },
}


class Unknown(ValidationError):
    """A name that leads nowhere."""

    def __init__(self, field: str, said: str, *, ambiguous: bool = False) -> None:
        text = _("There are several “%(said)s”.") if ambiguous else _("There is no “%(said)s”.")
        super().__init__(text, code="several" if ambiguous else "unknown", params={"said": said})
        self.field, self.said = field, said[:200]


class Coming(NamedTuple):
    """What an earlier row of the same file will have made: known in a dry run alone."""

    label: str


@lru_cache(maxsize=1)
def country_codes() -> dict[str, str]:
    """Names of countries in every language, and their codes → code."""
    found: dict[str, str] = {}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            found |= {plain(name): code for code, name in countries().items()}
    codes = {plain(code): code for code in countries()}
    return found | codes | {"usa": "US", "unitedstates": "US", "uk": "GB", "greatbritain": "GB"}


class Alone(Exception):
    """The row changes what is there already, or asks for what this very row made: it has to be taken by itself."""


class NotTogether(Exception):
    """The database refuses what was gathered: the rows have to be taken one by one, so that each has its own reason."""


class World:
    """What the rows of one slice lead to, read once; and what they make, where that is gathered."""

    def __init__(self, run: ImportRun, user: User, *, dry: bool, gathers: bool = False) -> None:
        self.run, self.user, self.dry = run, user, dry
        self.options: dict[str, Any] = run.options
        company = Company.current()
        self.today: datetime.date = company.today()
        self.zone = zoneinfo.ZoneInfo(company.time_zone)
        self.clock = user.zone  # of the person, as lists and their files show moments
        self.now = timezone.now()
        self.past = self.now - datetime.timedelta(minutes=1)  # the database's clock may be a little behind
        self.system: str = run.options.get("system") or "file"
        self.found: dict[str, int | Coming] = {}  # contacts by what they are called
        self.read: dict[int, Contact] = {}
        self.numbered: dict[str, Opportunity] = {}  # by their numbers
        self.new_keys: list[ExternalKey] = []
        self.learnt: list[tuple[dict[Any, Any], Any]] = []  # within the row under way
        self._drawn = 0
        self.deals_called: dict[str, list[Opportunity]] = {}  # by number, key of another system or description
        self.keys: dict[str, int] = {}  # records of this kind by the key of the other system
        self.asked: set[str] = set()  # names that led nowhere when they were looked up, and nothing was written since
        self.coming: set[str] = set()  # keys of what an earlier slice of a dry run would have made
        numbers = self._stand_ins if dry else None
        self.contacts = contacts.Gathered(numbers) if gathers else None
        self.deals = opportunities.Gathered(numbers) if gathers else None
        self.tagged: list[tuple[ImportRow, int, list[Tag]]] = []  # what is to be hung on the record of a row
        self.words: set[str] = set()  # by which something may be called that waits to be written
        self.known = (0, 0)  # so much waited when the row under way began
        self.is_gathering = False

    def drawn(self) -> int:
        """What stands for a number in a dry run."""
        self._drawn += 1
        return self._drawn

    def _stand_ins(self, count: int) -> list[str]:
        return [f"?{self.drawn()}" for _at in range(count)]

    # ── rows whose records are written together ──────────────────────────────────────────────────────────────────────

    @property
    def waiting(self) -> tuple[int, int]:
        return (len(self.contacts.waiting) if self.contacts else 0, len(self.deals.waiting) if self.deals else 0)

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """A row whose records are to wait. One that is refused leaves none."""
        assert self.contacts and self.deals
        told = contacts.gathering.set(self.contacts), opportunities.gathering.set(self.deals)
        self.known, self.is_gathering = self.waiting, True
        self.contacts.begin()
        self.deals.begin()
        try:
            yield
        except BaseException:
            self.contacts.forget()
            self.deals.forget()
            raise
        finally:
            self.is_gathering = False
            contacts.gathering.reset(told[0])
            opportunities.gathering.reset(told[1])

    def alone(self) -> None:
        """Said before a row changes what is there. Raises Alone."""
        if self.is_gathering:
            raise Alone

    def resumed(self, key: int) -> Opportunity | None:
        """One that a row before made and that still waits, for who sees every one; who does not is asked by the database."""
        if not self.is_gathering or not self.deals or key not in self.deals.waiting:
            return None
        sight = sight_of(self.user)
        return self.deals.resume(key) if sight.any and sight.every and sight.unassigned else None

    def settle(self, said: str) -> None:
        """Said before it is asked for what is called so, which may still wait. Raises Alone."""
        if self.is_gathering and plain(said) in self.words:
            if self.waiting != self.known or (self.deals and self.deals.resumed):
                raise Alone
            self.write()
            self.known = self.waiting

    def write(self) -> None:
        """What waits. Raises NotTogether; OperationalError where somebody else is at work."""
        try:
            if self.contacts and self.contacts.waiting:
                self.contacts.write()
            if self.deals and self.deals.waiting:
                self.deals.write()
        except OperationalError:
            raise
        except DatabaseError as error:
            raise NotTogether from error
        self.words, self.asked = set(), set()

    def changed(self) -> None:
        """A row that was taken alone changed a contact: what was read of contacts is read anew."""
        self.read, self.asked = {}, set()
        if self.contacts:
            self.contacts.held = {}

    def made(self, contact: Contact) -> None:
        """Of a contact that the row under way made."""
        if not self.is_gathering:
            self.asked = set()
            return
        self.words |= {plain(contact.name), plain(contact.email), plain(contact.number)} - {""}
        self.learn(self.read, contact.pk, contact)

    @property
    def order(self) -> str:
        return self.options.get("date") or "ymd"

    @property
    def mark(self) -> str:
        return self.options.get("decimal") or "."

    def meant(self, target: str, said: str) -> str:
        """By the words that somebody gave for what the file says."""
        return self.options.get("words", {}).get(target, {}).get(said, said)

    # ── short tables ─────────────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def salespeople(self) -> dict[str, Any]:
        rows = Salesperson.objects.all()
        return _by_names(rows, ("code", "email", "name")) | self._by_external(ImportKind.SALESPEOPLE, rows)

    def _by_external(self, kind: str, rows: Iterable[Any]) -> dict[str, Any]:
        by_key = {row.pk: row for row in rows}
        known = ExternalKey.objects.filter(system=self.system, kind=kind)
        return {plain(one.key): by_key[one.record_id] for one in known if one.record_id in by_key}

    @cached_property
    def usual_country(self) -> str:
        return ContactSetup.current().country

    @cached_property
    def teams(self) -> dict[str, Any]:
        return _by_names(Team.objects.all(), ("code", "name"))

    @cached_property
    def territories(self) -> dict[str, Any]:
        return _by_names(Territory.objects.all(), ("code", "description"))

    @cached_property
    def industries(self) -> dict[str, Any]:
        return _by_names(IndustryGroup.objects.all(), ("code", "description"))

    @cached_property
    def tags(self) -> dict[str, Any]:
        return _by_names(Tag.objects.all(), ("name",))

    @cached_property
    def competitors(self) -> dict[str, Any]:
        return _by_names(Competitor.objects.all(), ("code", "name"))

    @cached_property
    def cycles(self) -> dict[str, Any]:
        return _by_names(SalesCycle.objects.all(), ("code", "description"))

    @cached_property
    def coded(self) -> dict[str, dict[str, Any]]:
        """Filled in table by table, as they are asked for."""
        return {}

    @cached_property
    def sources(self) -> dict[str, Any]:
        return _by_names(Source.objects.all(), ("code", "description"))

    @cached_property
    def close_codes(self) -> dict[str, dict[str, Any]]:
        """By their outcome."""
        rows = list(CloseCode.objects.usable())
        return {
            outcome: _by_names([row for row in rows if row.outcome == outcome], ("code", "description"))
            for outcome in ("won", "lost")
        }

    @cached_property
    def codes(self) -> dict[int, CloseCode]:
        return CloseCode.objects.in_bulk()

    @cached_property
    def cycle(self) -> SalesCycle | None:
        """With its stages, each of which knows it."""
        chosen = SalesCycle.objects.prefetch_related("stages").filter(pk=self.options.get("cycle") or 0).first()
        if chosen is not None:
            for stage in chosen.stages.all():
                stage.sales_cycle = chosen
        return chosen

    @cached_property
    def stages(self) -> list[Stage]:
        return list(self.cycle.stages.all()) if self.cycle else []

    @cached_property
    def stand_in(self) -> Contact | None:
        return Contact.objects.visible_to(self.user).filter(pk=self.options.get("stand_in") or 0).first()

    def short(self, field: str) -> dict[str, Any]:
        """What can be meant by a name in a short table."""
        if field in CODED and field not in self.coded:
            self.coded[field] = _by_names(CODED[field].objects.all(), ("code", "description"))
        if field in CODED:
            return self.coded[field]
        return {
            "salesperson": lambda: self.salespeople,
            "territory": lambda: self.territories,
            "industry": lambda: self.industries,
            "source": lambda: self.sources,
            "team": lambda: self.teams,
            "tag": lambda: self.tags,
            "competitor": lambda: self.competitors,
            "cycle": lambda: self.cycles,
            "close_code": lambda: self.close_codes["won"] | self.close_codes["lost"],
        }.get(field, dict)()

    def one(self, field: str, said: str) -> Any:
        """What differs from another one in marks alone is meant by its exact name. Raises Unknown."""
        known = self.short(field)
        found = known.get(plain(said))
        if found is None or found is AMBIGUOUS:
            found = known.get(EXACT + said, found)
        if found is None or found is AMBIGUOUS:
            raise Unknown(field, said, ambiguous=found is AMBIGUOUS)
        return found

    def several(self, field: str, said: str) -> list[Any]:
        """Raises Unknown."""
        return [self.one(field, one) for one in parts(said, lambda some: plain(some) in self.short(field))]

    def word(self, model: Any, field: str, said: str) -> str:
        """What is stored where the file has a word or its label in any language. Raises Unknown."""
        found = words_of(model, field).get(plain(said))
        if not found:
            raise Unknown(field, said)
        return found

    def worded(self, kind: str, said: str) -> str:
        """The same for the words of tasks and interactions, and those that other systems have for them. Raises Unknown."""
        found = words_of(*WORDED[kind]).get(plain(said)) or OTHER_WORDS.get(kind, {}).get(plain(said))
        if not found:
            raise Unknown(kind, said)
        return found

    def tags_of(self, given: dict[str, Any]) -> list[Tag]:
        """Raises ValidationError."""
        found = self.several("tag", given["tags"]) if "tags" in given else []
        field = "contact" if self.run.kind == ImportKind.CONTACTS else "opportunity"
        for tag in found:
            if not getattr(tag, f"for_{field}"):
                text = _("The tag “%(tag)s” cannot be given here.")
                raise ValidationError({"tags": ValidationError(text, code="blocked", params={"tag": tag})})
        return found

    def hang(self) -> None:
        """Tags on the records of this slice, once these are written."""
        field = "contact" if self.run.kind == ImportKind.CONTACTS else "opportunity"
        given: dict[int, list[Tag]] = {}
        for _row, key, tags in self.tagged:
            given.setdefault(key, []).extend(tags)
        new = tag_all(field, given, by=self.user) if given else {}
        for row, key, tags in self.tagged:
            mine = [tag.pk for tag in tags if tag.pk in new[key]]
            new[key] = [tag for tag in new[key] if tag not in mine]
            if mine and row.verdict == ImportRow.Verdict.UNCHANGED:
                row.verdict = ImportRow.Verdict.UPDATED
            if mine and not self.dry:
                row.before = {**row.before, "tags": mine}

    def language(self, said: str) -> str:
        found = {plain(name): code for code, name in settings.LANGUAGES} | {
            plain(code): code for code, _name in settings.LANGUAGES
        }
        return found.get(plain(said), said)

    def country(self, said: str) -> str:
        found = country_codes().get(plain(said))
        if not found:
            raise Unknown("country", said)
        return found

    # ── contacts, of which there are many ────────────────────────────────────────────────────────────────────────────

    def look_up(self, names: Iterable[str]) -> None:
        """Find the contacts that these call by number, key or name, in a few queries; what is found none of these ways is asked
        one by one when its row comes."""
        wanted = {name for name in names if name and name not in self.found}
        if not wanted:
            return
        visible = Contact.objects.visible_to(self.user).order_by("-pk")
        self._note(visible.filter(name__in=wanted).values_list("name", "pk"))
        known = ExternalKey.objects.filter(
            system=self.system, kind=ImportKind.CONTACTS, key__in=wanted, contact__in=visible
        )
        self.found |= dict(known.values_list("key", "contact"))
        by_number = {name.strip().upper(): name for name in wanted}
        self.found |= {by_number[no]: pk for no, pk in visible.filter(number__in=by_number).values_list("number", "pk")}
        missing = wanted - set(self.found)
        self.asked |= missing
        if self.dry and missing and self.run.kind == ImportKind.CONTACTS:
            coming = self.run.rows.filter(dry=True, verdict=ImportRow.Verdict.CREATED, label__in=missing)
            self.found |= {label: Coming(label) for label in coming.values_list("label", flat=True)}

    def _note(self, rows: Iterable[tuple[str, int]]) -> None:
        """Of several of one name none is meant."""
        for name, pk in rows:
            self.found[name] = pk if self.found.get(name, pk) == pk else SEVERAL

    def contact(self, field: str, said: str) -> Contact | Coming:
        """Raises Unknown."""
        if said not in self.found:
            self.settle(said)
            if said not in self.asked:
                self.look_up([said])
        if said not in self.found:
            self._note((said, pk) for pk in self._by_words(said))
        found = self.found.get(said)
        if found is None or found == SEVERAL:
            raise Unknown(field, said, ambiguous=found == SEVERAL)
        if isinstance(found, Coming):
            return found
        if found not in self.read:
            self.read[found] = Contact.objects.select_related("company").get(pk=found)
        return self.read[found]

    def read_found(self) -> None:
        """Those that names led to, in one query."""
        wanted = {key for key in self.found.values() if isinstance(key, int) and key != SEVERAL} - set(self.read)
        self.read |= Contact.objects.select_related("company").in_bulk(list(wanted))

    def _by_words(self, said: str) -> list[int]:
        """E-mail addresses, and names that differ in capitals, accents and marks alone."""
        rows = Contact.objects.visible_to(self.user).search(said)[:50]
        names = [(pk, {plain(name), plain(email)}) for pk, name, email in rows.values_list("pk", "name", "email")]
        return [pk for pk, known in names if plain(said) in known]

    def look_up_opportunities(self, numbers: Iterable[str]) -> None:
        """Those that the person sees."""
        found = Opportunity.objects.visible_to(self.user).filter(number__in={said.strip().upper() for said in numbers})
        self.numbered |= {opportunity.number: opportunity for opportunity in found}

    def opportunity(self, said: str) -> Opportunity:
        """Of those that were looked up. Raises Unknown."""
        found = self.numbered.get(said.strip().upper())
        if found is None:
            raise Unknown("opportunity", said)
        return found

    def by_email(self, said: str) -> int | None:
        """Raises Unknown where several have it."""
        self.settle(said)
        found = self._by_words(said) if said else []
        if len(found) > 1:
            raise Unknown("email", said, ambiguous=True)
        return found[0] if found else None

    def know_keys(self, keys: Iterable[str]) -> None:
        known = ExternalKey.objects.filter(system=self.system, kind=self.run.kind, key__in=list(keys))
        self.keys |= {one.key: one.record_id for one in known}

    def know_coming(self, keys: set[str]) -> None:
        """What an earlier slice of a dry run would have made, of a kind whose rows are labelled by their keys."""
        if self.dry and self.options.get("key") == "external_key":
            rows = self.run.rows.filter(dry=True, verdict=ImportRow.Verdict.CREATED, label__in=keys - set(self.keys))
            self.coming = set(rows.values_list("label", flat=True))

    # ── opportunities, by those that are about them ──────────────────────────────────────────────────────────────────

    def know_deals(self, names: Iterable[str]) -> None:
        """Find the opportunities that these call by number, key or description, in a few queries."""
        wanted = {name for name in names if name} - set(self.deals_called)
        if not wanted:
            return
        visible = Opportunity.objects.visible_to(self.user).select_related("contact", "company", "salesperson")
        found: dict[str, list[Opportunity]] = {name: [] for name in wanted}
        for deal in visible.filter(description__in=wanted).order_by("pk"):
            found[deal.description].append(deal)
        for key in ExternalKey.objects.filter(system=self.system, kind=ImportKind.OPPORTUNITIES, key__in=wanted):
            found[key.key] = list(visible.filter(pk=key.record_id)) or found[key.key]
        by_number = {deal.number: [deal] for deal in visible.filter(number__in=[name.upper() for name in wanted])}
        self.deals_called |= {name: by_number.get(name.upper(), deals) for name, deals in found.items()}

    def deal(self, said: str, contact: Contact | None) -> Opportunity:
        """Of several of one description the one of the contact's company. Raises Unknown."""
        self.know_deals([said])
        found = self.deals_called[said]
        if len(found) > 1 and contact is not None:
            found = [deal for deal in found if deal.company_id == contact.account_id]
        if len(found) != 1:
            raise Unknown("opportunity", said, ambiguous=len(self.deals_called[said]) > 1)
        return found[0]

    def learn(self, known: dict[Any, Any], name: Any, what: Any) -> None:
        """Of something that the row under way makes; forgotten if that row is refused after all."""
        known[name] = what
        self.learnt.append((known, name))

    def forget(self) -> None:
        for known, name in self.learnt:
            known.pop(name, None)
        self.learnt = []

    def name(self, key: str, record: int) -> None:
        """What the other system calls a record; written with the slice."""
        if key and key not in self.keys:
            owner = f"{OWNERS[ImportKind(self.run.kind)]}_id"
            said = ExternalKey(system=self.system, kind=self.run.kind, key=key, **{owner: record})
            self.new_keys.append(said)
            self.keys[key] = record

    # ── did you mean … ───────────────────────────────────────────────────────────────────────────────────────────────

    def suggestions(self, field: str, said: str) -> list[str]:
        """What is most like it, the likeliest first; written into the words as it stands here."""
        if field in ("company", "contact"):
            return self._contacts_like(said)
        if field == "opportunity":
            return self._deals_like(said)
        if field == "country":
            names = list(countries().values())
        elif field in WORDED:
            model, name = WORDED[field]
            names = [str(label) for word, label in model._meta.get_field(name).flatchoices if word]
        else:
            names = list(dict.fromkeys(str(one) for one in self.short(field).values() if one is not AMBIGUOUS))
        return near(said, names)

    def _contacts_like(self, said: str) -> list[str]:
        visible = Contact.objects.visible_to(self.user).order_by("name")
        names = list(visible.filter(name__istartswith=said[:2]).values_list("name", flat=True)[:1000])
        return near(said, list(dict.fromkeys(names)))

    def _deals_like(self, said: str) -> list[str]:
        visible = Opportunity.objects.visible_to(self.user).order_by("description")
        names = list(visible.filter(description__istartswith=said[:2]).values_list("description", flat=True)[:1000])
        return near(said, list(dict.fromkeys(names)))


def parts(said: str, is_known: Callable[[str], bool]) -> list[str]:
    """What a cell lists, between commas or semicolons. A name may have a comma in it, as far as it is known; what is not known is one
    name to its end."""
    found: list[str] = []
    for piece in said.split(";"):
        words = piece.split(",")
        while words:
            most = next((many for many in range(len(words), 0, -1) if is_known(",".join(words[:many]))), len(words))
            found.append(",".join(words[:most]).strip())
            words = words[most:]
    return [one for one in dict.fromkeys(found) if one]


AMBIGUOUS: Any = object()
EXACT = "="  # before a name as it is written
SEVERAL = -1


def _by_names(rows: Iterable[Any], fields: tuple[str, ...]) -> dict[str, Any]:
    """By each field; what the first fields say counts before the later ones."""
    found: dict[str, Any] = {}
    for field in fields:
        own: dict[str, Any] = {}
        for row in rows:
            said = str(getattr(row, field) or "")
            for name in {plain(said), EXACT + said} - {"", EXACT}:
                own[name] = AMBIGUOUS if name in own else row
        found = own | found
    return found


def near(said: str, names: list[str]) -> list[str]:
    by_plain = {plain(name): name for name in names}
    alike = difflib.get_close_matches(plain(said), list(by_plain), n=SUGGESTED, cutoff=NEAR)
    return [by_plain[one] for one in alike]
