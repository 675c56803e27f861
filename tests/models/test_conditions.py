"""Every condition leaves the rows that a plain look at each of them finds, whatever is blank; and "is not" is the rest."""

import datetime
import random
import zoneinfo
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collaboration.models import Tag, Tagging
from contacts.codes import (
    IndustryGroup,
    JobResponsibility,
    MailingGroup,
    OrganizationalLevel,
    Salutation,
    Territory,
)
from contacts.columns import COLUMNS as CONTACT_COLUMNS
from contacts.models import CompanysIndustry, Contact, ContactsMailing, PersonsResponsibility
from crm.lib.listing.columns import Column, Kind
from crm.lib.listing.conditions import Where, read_condition, read_conditions
from crm.lib.listing.operators import operators_of
from crm.lib.listing.periods import Clock, days_of, is_period
from crm.lib.listing.values import Asker
from opportunities import lifecycle
from opportunities.columns import COLUMNS
from opportunities.models import Opportunity
from quotes.columns import COLUMNS as QUOTE_COLUMNS
from quotes.models import Quote
from salescycles.models import CloseCode, Competitor, SalesCycle
from salespeople.columns import COLUMNS as SALESPERSON_COLUMNS
from salespeople.models import Grant, Salesperson, User
from tests.factories import (
    ContactFactory,
    QuoteFactory,
    SalespersonFactory,
    SourceFactory,
    TeamFactory,
    fresh,
    make_opportunity,
)

pytestmark = pytest.mark.django_db
TODAY = datetime.date(2026, 3, 31)
HELSINKI = zoneinfo.ZoneInfo("Europe/Helsinki")
TEXTS = ("", "Oulu", "oulu", "OULU port", r"50% _off\ ", "_", "%", "a'b", "Turku", "Tur")
TIES: dict[str, Any] = {  # those that no row knows by a name of its own
    "industry_groups": CompanysIndustry,
    "job_responsibilities": PersonsResponsibility,
    "mailing_groups": ContactsMailing,
}
NAMES = {
    CompanysIndustry: "industry_group",
    PersonsResponsibility: "job_responsibility",
    ContactsMailing: "mailing_group",
}
MODELS: dict[Any, tuple[Column, ...]] = {
    Opportunity: COLUMNS,
    Contact: CONTACT_COLUMNS,
    Quote: QUOTE_COLUMNS,
    Salesperson: SALESPERSON_COLUMNS,
}


@pytest.fixture
def asker(manager: User, jo: Salesperson) -> Asker:
    manager.salesperson = jo
    return Asker(manager, Clock(TODAY, zone=HELSINKI, fiscal_month=4, me=jo.pk))


def tie(people: list[Contact], chance: random.Random) -> None:
    """Each to some of what it may have several of."""
    for model in (IndustryGroup, JobResponsibility, MailingGroup):
        for code in "AB":
            model._default_manager.create(code=code)
    for contact in people:
        of_kind = "job_responsibilities" if contact.company else "industry_groups"
        for ties in (TIES[of_kind], ContactsMailing):
            field = ties._meta.get_field(NAMES[ties])
            for code in chance.sample([*field.related_model.objects.all()], chance.choice([0, 1, 2])):
                ties.objects.create(contact=contact, **{field.name: code})


@pytest.fixture
def rows(cycle: SalesCycle, jo: Salesperson, of: Salesperson, price_w: CloseCode) -> None:
    """Of every model some, with values that are equal, near, extreme and missing."""
    chance = random.Random(4)
    Salesperson.objects.filter(pk=of.pk).update(job_title="Tur", blocked=True, commission=Decimal("12.5"))
    TeamFactory(members=[jo, of]), TeamFactory(members=[of]), TeamFactory()
    SalespersonFactory(code="ALONE")
    people: list[Contact] = []
    coded = [(model(code="A"), model(code="B")) for model in (Territory, Salutation, OrganizationalLevel)]
    for both in coded:
        type(both[0])._default_manager.bulk_create(both)
    territories, salutations, levels = coded
    for number in range(14):
        contact = ContactFactory(
            name=f"Oy {number} {chance.choice(TEXTS[1:])}",
            kind="person" if number % 2 and people else "company",
            company=people[0] if number % 2 and people else None,
            city=chance.choice(TEXTS),
            job_title=chance.choice(TEXTS),
            country=chance.choice(["", "FI", "NO"]),
            salesperson=chance.choice([None, jo, of]),
            privacy_blocked=False,
            territory=chance.choice([None, *territories]),
            salutation=chance.choice([None, *salutations]),
            organizational_level=levels[0] if number % 4 == 1 and people else None,
            vat_number=chance.choice(["", "FI20774740"]),
            correspondence=chance.choice(["", "email", "hard_copy"]),
        )
        near = datetime.datetime(2026, 3, 31, 22, tzinfo=HELSINKI) + datetime.timedelta(hours=chance.randint(-60, 60))
        Contact.objects.filter(pk=contact.pk).update(created_at=near)
        people.append(contact)
    tie(people, chance)
    source = SourceFactory()
    tags = [Tag.objects.create(name=name) for name in ("One", "Two", "Three")]
    nordwerk = Competitor.objects.create(code="NORDWERK")
    for number in range(14):
        stage = chance.choice([None, 1, 2])
        deal = make_opportunity(
            contact=people[number],
            salesperson=chance.choice([jo, of]) if stage else chance.choice([None, jo]),
            cycle=cycle if stage else None,
            stage=stage,
            on=TODAY - datetime.timedelta(days=chance.choice([1, 7, 8, 40])),
            value=chance.choice([1, 1000, 1000, "999999999999.99", "0.01"]),
            closing_on=chance.choice([TODAY, TODAY + datetime.timedelta(days=1), TODAY + datetime.timedelta(days=93)])
            if stage
            else None,
            source=chance.choice([None, source]),
            priority=chance.choice(["low", "high"]),
            description=f"x{chance.choice(TEXTS)}",
        )
        if number % 2 and not deal.is_closed:
            seen = fresh(deal)
            lifecycle.edit(seen, version=seen.version, competitor=nordwerk, on=TODAY, by=None)
        for tag in chance.sample(tags, chance.choice([0, 1, 2])):
            Tagging.objects.create(tag=tag, opportunity=deal)
            Tagging.objects.create(tag=tag, contact=people[number])
        if number % 4 == 0:
            Grant.objects.create(opportunity=deal, salesperson=of, may_edit=True, is_co_owner=number % 8 == 0)
        if number % 3 == 0:
            QuoteFactory(opportunity=fresh(deal), net_amount=number, quoted_on=TODAY)


def value_of(row: Any, path: str) -> Any:
    for name in path.split("__"):
        row = getattr(row, name, None)
    return row


def holds(row: Any, column: Column, word: str, text: str, clock: Clock) -> bool:
    """The same by a plain look at one row."""
    if word in ("is_not", "not_blank"):
        return not holds(row, column, word.replace("is_not", "is").replace("not_", ""), text, clock)
    return (ties_hold if column.links else value_holds)(row, column, word, text, clock)


def value_holds(row: Any, column: Column, word: str, text: str, clock: Clock) -> bool:
    value = value_of(row, column.key or column.path)
    if word == "blank":
        return value is None or value == ""
    if word in ("contains", "begins") or column.kind is Kind.TEXT:
        shown = value_of(row, column.path)
        if shown is None:
            return False
        shown, text = shown.lower(), text.strip().lower()
        return {"contains": text in shown, "begins": shown.startswith(text), "is": shown == text}[word]
    if value is None:
        return False
    if column.kind in (Kind.DAY, Kind.MOMENT):
        return day_holds(value, word, text, clock)
    if column.kind in (Kind.CHOICE, Kind.FLAG, Kind.RELATION):
        asked = [str(clock.me) if one == "me" else one for one in text.split(",")]
        return (
            {True: "yes", False: "no"}.get(value, str(value)) in asked
            if column.kind is Kind.FLAG
            else str(value) in asked
        )
    ends = [Decimal(one) for one in text.split("..")]
    return {
        "is": value == ends[0],
        "min": value >= ends[0],
        "max": value <= ends[0],
        "between": ends[0] <= value <= ends[-1],
    }[word]


def ties_hold(row: Any, column: Column, word: str, text: str, clock: Clock) -> bool:
    assert column.links
    every = TIES[column.name].objects.filter(contact=row) if column.name in TIES else getattr(row, column.path).all()
    ties = [tie for tie in every if getattr(tie, "is_co_owner", True)]
    keys = {str(getattr(tie, f"{column.links.key}_id")) for tie in ties}
    return (
        not keys if word == "blank" else bool(keys & {str(clock.me) if one == "me" else one for one in text.split(",")})
    )


def day_holds(value: Any, word: str, text: str, clock: Clock) -> bool:
    day = value.astimezone(clock.zone).date() if isinstance(value, datetime.datetime) else value
    if word in ("more_ago", "less_ago", "more_ahead", "less_ahead"):
        ahead = (day - clock.today).days * (1 if "ahead" in word else -1)
        return ahead > int(text) if "more" in word else 0 <= ahead < int(text)
    if is_period(text):
        first, last = days_of(text, clock)
    else:
        first, *_, last = [datetime.date.fromisoformat(one) for one in text.split("..") * 2][:2]
    return {"is": first <= day <= last, "between": first <= day <= last, "before": day < first, "after": day > last}[
        word
    ]


def a_value(column: Column, word: str, asker: Asker, pick: random.Random) -> str:
    """Something that this operator understands, mostly near what the rows hold."""
    if word in ("blank", "not_blank"):
        return ""
    if column.kind is Kind.TEXT or word in ("contains", "begins"):
        return pick.choice([text for text in TEXTS if text.strip()])
    if column.kind in (Kind.DAY, Kind.MOMENT):
        days = sorted(TODAY + datetime.timedelta(days=pick.choice([-40, -7, -1, 0, 1, 93])) for _ in range(2))
        if word == "between":
            return f"{days[0]}..{days[1]}"
        if word in ("more_ago", "less_ago", "more_ahead", "less_ahead"):
            return str(pick.choice([0, 1, 2, 7, 8, 40, 9999]))
        return pick.choice([str(days[0]), "today", "this_week", "last_quarter", "this_fiscal_year", "next_93_days"])
    if column.kind in (Kind.NUMBER, Kind.MONEY, Kind.PERCENT):
        numbers = sorted(Decimal(pick.choice(["-1", "0", "0.01", "1", "60", "1000", "1000.005"])) for _ in range(2))
        return f"{numbers[0]}..{numbers[1]}" if word == "between" else str(numbers[0])
    keys = list(asker.choices(column)) or [str(row.pk) for row in column.rows(asker.user)]
    return ",".join(pick.sample(keys, min(len(keys), 3 if word == "one_of" else 1)))


@pytest.mark.slow
@pytest.mark.parametrize(("model", "columns"), MODELS.items(), ids=[model.__name__ for model in MODELS])
def test_a_condition_leaves_what_a_look_at_each_row_finds(
    model: Any, columns: tuple[Column, ...], asker: Asker, rows: None, subtests: pytest.Subtests
) -> None:
    every = list(model.objects.all())
    for column in columns:
        pick = random.Random(column.name)
        with subtests.test(column.name):
            for word in operators_of(column):
                for _ in range(6):
                    text = a_value(column, word, asker, pick)
                    if column.kind is Kind.RELATION and column.choices is None and not text and word != "blank":
                        continue
                    leaves_what_holds(model, column, f"1:{column.name}:{word}:{text}", asker, every)


def leaves_what_holds(model: Any, column: Column, address: str, asker: Asker, every: list[Any]) -> None:
    _group, _name, word, text = address.split(":", 3)
    condition = read_condition(address, MODELS[model], asker)
    found = set(model.objects.filter(condition.holds(asker)).values_list("pk", flat=True))
    expected = {row.pk for row in every if holds(row, column, word, text, asker.clock)}
    assert found == expected, address
    again = read_condition(condition.address, MODELS[model], asker)
    assert again == condition and str(column.label) in condition.words


def test_what_has_no_salesperson_has_another_code_beside_a_condition_on_the_salesperson(
    asker: Asker, rows: None
) -> None:
    mine = ["2:salesperson:is:me", "2:contact_country:not_blank:"]
    where = read_conditions(["1:status:is:won", *mine, "3:salesperson_code:is_not:QQ"], COLUMNS, asker)
    assert Opportunity.objects.filter(salesperson=None).exists()
    assert Opportunity.objects.filter(where.holds).count() == Opportunity.objects.count()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers())
def test_and_within_a_group_or_between_groups(asker: Asker, rows: None, seed: int) -> None:
    pick = random.Random(seed)
    texts: list[str] = []
    groups: dict[int, list[tuple[Column, str, str]]] = {}
    for _ in range(pick.randint(1, 6)):
        column = pick.choice([each for each in COLUMNS if each.rows is None and operators_of(each)])
        word = pick.choice(list(operators_of(column)))
        text = a_value(column, word, asker, pick)
        if not text and word not in ("blank", "not_blank"):
            continue
        group = pick.randint(1, 3)
        groups.setdefault(group, []).append((column, word, text))
        texts.append(f"{group}:{column.name}:{word}:{text}")
    where = read_conditions(texts, COLUMNS, asker)
    expected = {
        row.pk
        for row in Opportunity.objects.all()
        if not groups
        or any(
            all(holds(row, column, word, text, asker.clock) for column, word, text in group)
            for group in groups.values()
        )
    }
    assert set(Opportunity.objects.filter(where.holds).values_list("pk", flat=True)) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "“nonsense” is not a condition."),
        ("٣:city:is:x", "“٣:city:is:x” is not a condition."),
        ("1:password:is:x", "“1:password:is:x”: this list has no such column."),
        ("1:description:exact:x", "Description cannot be compared like this: “1:description:exact:x”."),
        ("1:description:is", "Description is …: Say what to compare with."),
        ("1:description:is:\0", "Description is …: A character in it cannot be searched for."),
        ("1:description:is:" + "x" * 201, "Description is …: That is too long: at most 200 characters."),
        ("1:estimated_value:min:1e5", "Estimated value is at least …: “1e5” is not a number."),
        ("1:estimated_value:min:NaN", "Estimated value is at least …: “NaN” is not a number."),
        ("1:estimated_value:between:5", "Estimated value is between …: Say both ends."),
        ("1:estimated_value:between:5..1", "Estimated value is between …: The first is after the second."),
        ("1:closing_on:is:2026-02-30", "Closing date is …: “2026-02-30” is not a day, such as 2026-03-31."),
        ("1:closing_on:is:0001-01-01", "Closing date is …: “0001-01-01” is not a day, such as 2026-03-31."),
        ("1:closing_on:is:20260301", "Closing date is …: “20260301” is not a day, such as 2026-03-31."),
        (
            "1:closing_on:more_ago:-1",
            "Closing date is more than so many days ago …: Write a number of days, 0 to 9999.",
        ),
        ("1:status:is:done", "Status is …: “done” is not one of the choices."),
        ("1:status:one_of:won,done,gone", "Status is one of …: “done”, “gone” is not one of the choices."),
        ("1:status:is:won,lost", "Status is …: “won,lost” is not one of the choices."),
        ("1:status:one_of:,", "Status is one of …: Say what to compare with."),
        ("1:contact:is:999999", "Contact is …: “999999” is not one of the choices."),
        ("1:contact:is:" + "9" * 30, f"Contact is …: “{'9' * 30}” is not one of the choices."),
        ("1:stage:is:x", "Stage is …: “x” is not one of the choices."),
        ("1:chances_are_manual:is:1", "Manual chances is …: “1” is not one of the choices."),
    ],
)
def test_what_is_not_understood_is_named(text: str, said: str, asker: Asker, cycle: SalesCycle) -> None:
    with pytest.raises(ValidationError) as refusal:
        read_conditions([text, "1:number:not_blank"], COLUMNS, asker)
    assert refusal.value.messages == [said]


def test_there_are_limits(asker: Asker) -> None:
    many = [f"{group}:number:blank" for group in range(1, 12)]
    with pytest.raises(ValidationError, match="At most 10 groups of conditions"):
        read_conditions(many, COLUMNS, asker)
    with pytest.raises(ValidationError, match="At most 30 conditions"):
        read_conditions(["1:number:blank"] * 31, COLUMNS, asker)
    with pytest.raises(ValidationError, match="too long for an address"):
        read_conditions([f"1:number:contains:{'ä' * 200}"] * 5, COLUMNS, asker)
    assert len(read_conditions(["1:number:blank"] * 30, COLUMNS, asker).conditions) == 30


def test_me_is_the_own_salesperson_and_costs_no_query(asker: Asker, rows: None, jo: Salesperson) -> None:
    asker.user.has_perm("opportunities.view_opportunity")  # permissions are read once, by every page
    with CaptureQueriesContext(connection) as asked:
        where = read_conditions(["1:salesperson:is:me"], COLUMNS, asker)
    assert [each["sql"] for each in asked] == []
    assert where.conditions[0].words == "Salesperson is Me"
    own = Opportunity.objects.filter(salesperson=jo)
    assert list(Opportunity.objects.filter(where.holds)) == list(own) and own.exists()


def test_me_means_nobody_to_whom_is_no_salesperson(manager: User) -> None:
    with pytest.raises(ValidationError, match="“me” is not one of the choices"):
        read_conditions(["1:salesperson:is:me"], COLUMNS, Asker(manager, Clock(TODAY)))


def test_a_rep_can_name_no_other_salesperson(rep: User, jo: Salesperson, of: Salesperson) -> None:
    asker = Asker(rep, Clock(TODAY, me=jo.pk))
    assert list(asker.choices(next(each for each in COLUMNS if each.name == "salesperson"))) == ["me", str(jo.pk)]
    with pytest.raises(ValidationError, match="is not one of the choices"):
        read_conditions([f"1:salesperson:is:{of.pk}"], COLUMNS, asker)


def test_words_are_those_of_the_reader(asker: Asker, cycle: SalesCycle) -> None:
    asker.currency = "EUR"
    texts = (
        "1:closing_on:is:this_quarter",
        "1:estimated_value:min:1000",
        "1:estimated_value:between:1..2.5",
        "1:probability:is_not:12.50",
        "1:closing_on:between:2026-03-01..2026-03-31",
        "1:closing_on:less_ago:1",
        "1:description:contains:%",
        "1:status:one_of:won,lost",
        "1:source:blank:ignored",
        f"1:stage:is:{cycle.stages.get(number=2).pk}",
        "1:chances_are_manual:is:no",
    )
    where = read_conditions(texts, COLUMNS, asker)
    assert [each.words for each in where.conditions] == [
        "Closing date is this quarter",
        "Estimated value is at least €1,000.00",
        "Estimated value is from €1.00 to €2.50",
        "Probability % is not 12.5%",
        "Closing date is from 2026-03-01 to 2026-03-31",
        "Closing date is less than 1 day ago",
        "Description contains “%”",
        "Status is one of Won, Lost",
        "Source is blank",
        "Stage is Present (Cycle CY)",
        "Manual chances is no",
    ]
    assert [each.address for each in where.conditions][3:9] == [
        "1:probability:is_not:12.5",
        "1:closing_on:between:2026-03-01..2026-03-31",
        "1:closing_on:less_ago:1",
        "1:description:contains:%",
        "1:status:one_of:won,lost",
        "1:source:blank",
    ]


def test_no_condition_leaves_everything(asker: Asker, rows: None) -> None:
    where: Where = read_conditions([" "], COLUMNS, asker)
    assert Opportunity.objects.filter(where.holds).count() == 14
