"""What a step did to the totals, said in words (docs/definitions.md, “The figures of one opportunity”)."""

from decimal import Decimal
from typing import NamedTuple

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from crm.lib.dates import day_short
from crm.lib.money import format_money
from opportunities.models import Opportunity, Status
from salespeople.models import Company

NONE = Decimal(0)
WORD_JOINER = "\u2060"  # no line ends between a minus and its amount


class Share(NamedTuple):
    """What one opportunity adds to the totals: of the open ones value and weighted value, of the won ones sales value."""

    open_value: Decimal = NONE
    weighted: Decimal = NONE
    won: Decimal = NONE


def share(opportunity: Opportunity) -> Share:
    """Nothing while archived. Ask of a row that was just read: the calculated value is the database's."""
    if opportunity.archived:
        return Share()
    if opportunity.is_closed:
        return Share(won=opportunity.sales_value or NONE if opportunity.status == Status.WON else NONE)
    return Share(opportunity.estimated_value or NONE, opportunity.calculated_value or NONE)


def effect(before: Share, after: Share) -> str:
    """“Open value +€1,200.00, weighted value −€300.00.”; what did not change is left out, and so may be everything."""
    texts = (_("open value %(change)s"), _("weighted value %(change)s"), _("won value %(change)s"))
    changes = [now - then for then, now in zip(before, after, strict=True)]
    told = [text % {"change": signed(change)} for text, change in zip(texts, changes, strict=True) if change]
    sentence = ", ".join(told)
    return f"{sentence[:1].upper()}{sentence[1:]}." if told else ""


def signed(change: Decimal) -> str:
    """An amount with its sign; none where nothing changed."""
    amount = format_money(abs(change), Company.current().currency, get_language() or "en")
    return f"{'+' if change > 0 else '−'}{WORD_JOINER}{amount}" if change else amount


def outside_campaign(opportunity: Opportunity) -> str:
    """That the opportunity came when its campaign did not run; blank where it did. Only said: leads come late, too."""
    source = opportunity.source
    if source is None or source.runs_on(opportunity.created_on):
        return ""
    language = get_language() or "en"
    said = _("The opportunity came on %(day)s, but “%(source)s” runs from %(start)s to %(end)s.")
    return said % {
        "day": day_short(opportunity.created_on, language),
        "source": source,
        "start": day_short(source.starts_on, language),
        "end": day_short(source.ends_on, language),
    }
