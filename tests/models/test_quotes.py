"""The verbs of quotes: what they refuse, which quote is current, and races."""

import datetime
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from contacts.models import Contact
from opportunities import lifecycle as journey
from opportunities.models import Opportunity
from quotes import lifecycle
from quotes.models import Quote
from salescycles.models import CloseCode, SalesCycle
from salespeople.models import Company, Salesperson
from tests.factories import WORK_DATE, fresh, make_opportunity

pytestmark = pytest.mark.django_db


@pytest.fixture
def deal(acme: Contact, jo: Salesperson, cycle: SalesCycle, company: Company) -> Opportunity:
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1)


def add(deal: Opportunity, **values: Any) -> Quote:
    return lifecycle.add(**({"opportunity": deal, "quoted_on": WORK_DATE, "net_amount": Decimal(250)} | values))


def refused(act: Callable[[], Any]) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        act()
    return {field: [str(error.code) for error in errors] for field, errors in caught.value.error_dict.items()}


def current(deal: Opportunity) -> list[str]:
    return list(deal.quotes.current().values_list("number", flat=True))


def close(deal: Opportunity, code: CloseCode) -> Opportunity:
    journey.close(
        deal, version=deal.version, outcome="won", close_code=code, sales_value=Decimal(9), on=WORK_DATE, by=None
    )
    return fresh(deal)


def test_the_newest_quote_is_the_current_one(deal: Opportunity) -> None:
    first = add(deal)
    assert first.number.startswith("QU") and current(deal) == [first.number]
    add(deal, number="q-2")
    assert current(deal) == ["Q-2"]
    assert deal.quotes.count() == 2


def test_quotes_of_other_opportunities_stay_as_they_are(deal: Opportunity, acme: Contact, jo: Salesperson) -> None:
    assert deal.sales_cycle
    other = make_opportunity(contact=acme, salesperson=jo, cycle=deal.sales_cycle, stage=1)
    add(deal, number="A"), add(other, number="B")
    assert (current(deal), current(other)) == (["A"], ["B"])


def test_only_an_opportunity_in_progress_gets_a_quote(
    deal: Opportunity, acme: Contact, jo: Salesperson, price_w: CloseCode
) -> None:
    not_started = make_opportunity(contact=acme, salesperson=jo)
    assert refused(lambda: add(not_started)) == {"opportunity": ["E27"]}
    won = close(deal, price_w)
    assert refused(lambda: add(won)) == {"opportunity": ["E27"]}
    assert not Quote.objects.exists()


def test_the_state_counts_that_stands_in_the_database(deal: Opportunity, price_w: CloseCode) -> None:
    seen = fresh(deal)
    close(deal, price_w)
    assert seen.is_in_progress
    assert refused(lambda: add(seen)) == {"opportunity": ["E27"]}


@pytest.mark.parametrize("amount", [None, 0, -1])
def test_the_amount_is_above_zero(deal: Opportunity, amount: int | None) -> None:
    value = None if amount is None else Decimal(amount)
    assert refused(lambda: add(deal, net_amount=value)) == {"net_amount": ["E10"]}


def test_the_date_is_known_and_not_in_the_future(deal: Opportunity, company: Company) -> None:
    assert refused(lambda: add(deal, quoted_on=None)) == {"quoted_on": ["E08"]}
    tomorrow = company.today() + datetime.timedelta(days=1)
    assert refused(lambda: add(deal, quoted_on=tomorrow)) == {"quoted_on": ["E14"]}
    assert add(deal, quoted_on=company.today()).is_current


def test_a_number_is_given_once(deal: Opportunity) -> None:
    add(deal, number="Q1")
    assert refused(lambda: add(deal, number=" q1 ")) == {"number": ["unique"]}
    assert current(deal) == ["Q1"]


def test_all_refusals_come_at_once(deal: Opportunity, acme: Contact, jo: Salesperson) -> None:
    not_started = make_opportunity(contact=acme, salesperson=jo)
    errors = refused(lambda: add(not_started, quoted_on=None, net_amount=None))
    assert set(errors) == {"opportunity", "quoted_on", "net_amount"}


def test_a_contact_blocked_for_privacy_gets_no_quote(deal: Opportunity, acme: Contact) -> None:
    Contact.objects.filter(pk=acme.pk).update(privacy_blocked=True)
    assert refused(lambda: add(deal)) == {"opportunity": ["privacy"]}


def test_change(deal: Opportunity, price_w: CloseCode) -> None:
    quote = add(deal, number="Q1")
    lifecycle.change(quote, number="", quoted_on=WORK_DATE, net_amount=Decimal("300.50"))
    assert Quote.objects.values_list("number", "net_amount", "is_current").get() == ("Q1", Decimal("300.50"), True)
    lifecycle.change(quote, number="q9", quoted_on=WORK_DATE, net_amount=Decimal(1))
    add(deal, number="Q1")
    again = {"quoted_on": WORK_DATE, "net_amount": Decimal(1)}
    assert refused(lambda: lifecycle.change(quote, number="Q1", **again)) == {"number": ["unique"]}
    close(deal, price_w)
    assert refused(lambda: lifecycle.change(quote, number="Q9", **again)) == {"opportunity": ["E20"]}


def test_make_current(deal: Opportunity, price_w: CloseCode) -> None:
    first = add(deal, number="Q1")
    add(deal, number="Q2")
    assert lifecycle.make_current(first).is_current
    assert current(deal) == ["Q1"]
    lifecycle.make_current(first)
    assert current(deal) == ["Q1"]
    second = Quote.objects.get(number="Q2")
    close(deal, price_w)
    assert refused(lambda: lifecycle.make_current(second)) == {"opportunity": ["E27"]}
    assert current(deal) == ["Q1"]


def at_once(acts: list[Callable[[], Any]]) -> list[Any]:
    """Each act in a thread with a connection of its own; a refusal is an answer."""

    def run(act: Callable[[], Any]) -> Any:
        try:
            return act()
        except ValidationError as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


@pytest.mark.django_db(transaction=True)
def test_race_of_new_quotes_leaves_one_current(deal: Opportunity) -> None:
    answers = at_once([lambda: add(deal) for _each in range(8)])
    assert all(isinstance(answer, Quote) for answer in answers)
    assert deal.quotes.count() == 8
    assert deal.quotes.current().count() == 1


@pytest.mark.django_db(transaction=True)
def test_race_for_a_number_makes_one_quote(deal: Opportunity, acme: Contact, jo: Salesperson) -> None:
    assert deal.sales_cycle
    others = [make_opportunity(contact=acme, salesperson=jo, cycle=deal.sales_cycle, stage=1) for _each in range(5)]
    answers = at_once([lambda other=other: add(other, number="Q1") for other in others])
    assert sum(isinstance(answer, Quote) for answer in answers) == 1
    assert Quote.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_race_of_making_current_and_adding(deal: Opportunity) -> None:
    quotes = [add(deal) for _each in range(4)]
    acts: list[Callable[[], Any]] = [lambda quote=quote: lifecycle.make_current(quote) for quote in quotes]
    at_once([*acts, lambda: add(deal), lambda: add(deal)])
    assert deal.quotes.current().count() == 1
