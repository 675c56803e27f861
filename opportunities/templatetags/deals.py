"""Pieces of the page of an opportunity that stand on it many times."""

from collections.abc import Sequence
from functools import lru_cache
from html import escape as escaped  # of plain text, a third of the time that Django's takes to look for more
from typing import Any

from django import template
from django.template import Context
from django.template.defaultfilters import linebreaksbr
from django.template.loader import get_template
from django.urls import reverse
from django.utils.html import conditional_escape, escape, format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from collaboration.columns import tag_badges
from collaboration.told import Event
from crm.lib.dates import day_long, day_short
from crm.lib.icons import ICONS
from crm.lib.money import money_formatter
from crm.templatetags.crm import NOTHING, badge, initials, moment, number, shown
from interactions.models import SYMBOLS, Direction, Evaluation, Kind
from opportunities.beside import Talk
from opportunities.board import Card, Column
from opportunities.gates import Amount, Gate, Unmet
from opportunities.listing import step_badges
from opportunities.models import NextStep, OpportunityEntry
from opportunities.moves import Move
from opportunities.stalling import stall_badge
from opportunities.timeline import Change, Told

register = template.Library()
MOST_MARKS = 3  # of warnings on a card, the most urgent ones first


@register.simple_tag(takes_context=True)
def edit_here(context: Context, verb: str, field: str, name: Any) -> SafeString:
    """The button that edits one field of the opportunity (at `here`) where it stands, by the form of `verb`; `name` says
    what. `edited` had the focus. The form comes into `<div id="edit-{{ field }}" class="edit-place">`."""
    url = f"{context['here']}{verb}/?field={field}"
    return format_html(
        '<a class="edit-here" href="{}" hx-get="{}" hx-target="#edit-{}" data-edit-opener="edit-{}"{}>{}'
        '<span class="visually-hidden">{}</span></a>',
        url,
        url,
        field,
        field,
        SafeString(" data-focus") if context.get("edited") == field else NOTHING,
        ICONS["edit"],
        _("Edit: %(name)s") % {"name": name},
    )


@register.simple_tag(takes_context=True)
def told_step(context: Context, told: Told) -> SafeString:
    """A step on the timeline. Put together without a template, which took a third of the time of a move's answer."""
    entry, language = told.entry, get_language() or "en"
    void, colour = " timeline-void" if entry.voided_at else "", f" timeline-mark-{told.colour}" if told.colour else ""
    action = f"{told.action}: {told.stage_name}" if told.stage_name else str(told.action)
    # no text within an f-string: what collects texts for translation does not look there
    marks = " " + badge(_("taken back"), "grey", "undo") if entry.voided_at else ""
    marks += " " + badge(_("date corrected"), "grey", "calendar") if told.is_correction else ""
    marks += (
        " " + badge(_("passed over: %(gates)s") % {"gates": _passed_over(entry)}, "amber", "flag")
        if entry.overrode
        else ""
    )
    notes = [escaped(str(entry.by or _("the system"))), escaped(str(told.door)), moment(entry.recorded_at)]
    if entry.undoes:
        notes.append(escape(_("takes back step %(step)s") % {"step": entry.undoes}))
    if entry.days is not None:
        notes.append(ngettext("%(days)s day", "%(days)s days", entry.days) % {"days": number(entry.days)})
    reason = f'<p class="timeline-reason">{linebreaksbr(entry.reason)}</p>' if entry.reason else ""
    return SafeString(
        f'<li class="timeline-item{void}"><span class="timeline-mark{colour}">{ICONS[told.symbol]}</span>'
        f'<div class="timeline-head"><strong>{escaped(action)}</strong> '
        f'<time datetime="{entry.happened_on.isoformat()}">{day_long(entry.happened_on, language)}</time>{marks}</div>'
        f'<p class="timeline-by">{" · ".join(notes)}</p>{reason}{_changes(context, told.changes)}{_takes_back(context, entry)}</li>'
    )


def _passed_over(entry: OpportunityEntry) -> str:
    gates = dict.fromkeys(name.partition(".")[2] for name in entry.overrode or ())
    return ", ".join(str(Gate(gate).label) for gate in gates)


@register.simple_tag
def told_talk(event: Event) -> SafeString:
    """An interaction on the timeline, where it stands by when it was logged."""
    line, talk, language = event.line, Talk.of(event.line), get_language() or "en"
    kind = Kind(line.label)
    marks = " " + badge(_("Cancelled"), "grey", "x") if talk.cancelled else ""
    marks += " " + badge(_("Attempt failed"), "amber", "alert") if talk.failed else ""
    marks += " " + badge(Evaluation(talk.evaluation).label) if talk.evaluation else ""
    direction = [Direction(talk.direction).label] if talk.direction else []
    notes = [kind.label, *direction, talk.contact, talk.salesperson]
    if talk.duration:
        notes.append(ngettext("%(minutes)s minute", "%(minutes)s minutes", talk.duration) % {"minutes": talk.duration})
    by = _("logged by %(who)s") % {"who": line.by or _("the system")}
    told = " · ".join(escaped(str(note)) for note in [*notes, by] if note)
    text = f'<div class="comment-text" dir="auto">{linebreaksbr(talk.text, autoescape=True)}</div>' if talk.text else ""
    url = reverse("interactions:detail", args=[line.key])
    return SafeString(
        f'<li class="timeline-item{" timeline-void" if talk.cancelled else ""}" id="interaction-{line.key}">'
        f'<span class="timeline-mark timeline-mark-blue">{ICONS[SYMBOLS[kind]]}</span>'
        f'<div class="timeline-head"><strong><a href="{url}">{escaped(line.name)}</a></strong> '
        f'<time datetime="{talk.happened_on.isoformat()}">{day_long(talk.happened_on, language)}</time>{marks}</div>'
        f'{text}<p class="timeline-by">{told} · {moment(event.at)}</p></li>'
    )


@register.simple_tag(takes_context=True)
def told_change(context: Context, change: Change) -> SafeString:
    """What a step changed: from what to what."""
    after = conditional_escape(shown(context, change.after, change.kind))
    if change.before is None or change.before == "":
        return SafeString(after)
    before = conditional_escape(shown(context, change.before, change.kind))
    word = escape(_("before:"))
    return SafeString(f'<del><span class="visually-hidden">{word} </span>{before}</del> → {after}')


def _changes(context: Context, changes: Sequence[Change]) -> str:
    lines = [f"<dt>{escaped(capfirst(str(one.label)))}</dt><dd>{told_change(context, one)}</dd>" for one in changes]
    return f'<dl class="changes">{"".join(lines)}</dl>' if lines else ""


def _takes_back(context: Context, entry: OpportunityEntry) -> str:
    """The button on the last step, while it can be taken back."""
    if entry.replaced_at or not context["can_undo"]:
        return ""
    url, label = f"{context['here']}undo/", escape(_("Undo this step"))
    return (
        f'<form class="timeline-undo" method="post" action="{url}" hx-post="{url}" hx-target="#verb" data-busy>'
        f'<input type="hidden" name="csrfmiddlewaretoken" value="{context["csrf_token"]}">'
        f'<input type="hidden" name="version" value="{context["opportunity"].version}">'
        f'<button class="btn btn-sm">{ICONS["undo"]}{label}</button></form>'
    )


@register.simple_tag(takes_context=True)
def deal_cards(context: Context, cards: Sequence[Card]) -> SafeString:
    """Cards of the board, where each stands now. Put together without a template: there are hundreds on a page."""
    if not cards:
        return NOTHING
    language, root, opens, board_word = get_language() or "en", context["root"], context["opens"], context["board_word"]
    as_money = money_formatter(str(context["currency"]), language)
    may_change_any, shows_owner, sight = context["may_change"], context["shows_owner"], context["sight"]
    overdue, manual, high = (
        badge(_("overdue"), "red", "alert"),
        badge(_("manual chance"), "amber", "edit"),
        badge(_("high priority"), "amber", "flag"),
    )
    steps = step_badges() | {"": NOTHING}
    move, archive, form = escape(_("Move to")), escape(_("Archive")), context.get("ask")
    edit_value = _edited(board_word, "estimated_value", _("Estimated value"))
    edit_day = _edited(board_word, "closing_on", _("Closing date"))
    lines = []
    for card in cards:
        pk, title = card["pk"], escaped(card["description"])
        may_change = may_change_any and sight.may_change(int(pk), card["salesperson_id"])
        warnings = (
            steps[card.step],
            steps[NextStep.NONE] if card.is_stepless and card.step == NextStep.OVERDUE else "",
            stall_badge(stall, language) if (stall := card.stall) else "",
            overdue if card.is_overdue else "",
            manual if card["chances_are_manual"] else "",
            high if card["priority"] == "high" else "",
        )
        marks = "".join(list(filter(None, warnings))[:MOST_MARKS]) + _beside(card, shows_owner)
        value, day = f'<strong class="number">{as_money(card.value)}</strong>', day_short(card.day, language)
        if may_change and card["closed_on"]:
            marks += (
                f'<a class="deal-move" href="{root}{pk}/archive{board_word}" data-archive>{archive}'
                f'<span class="visually-hidden">: {title}</span></a>'
            )
        elif may_change:
            value = f'<a class="deal-edit" href="{root}{pk}{edit_value[0]}{value}{edit_value[1]}{title}</span></a>'
            day = f'<a class="deal-edit" href="{root}{pk}{edit_day[0]}{day}{edit_day[1]}{title}</span></a>'
            marks += (
                f'<a class="deal-move" href="{root}{pk}/{card.verb}{board_word}" data-move>{move}'
                f'<span class="visually-hidden">: {title}</span></a>'
            )
        lines.append(
            f'<li class="deal" id="card-{pk}" data-pk="{pk}" data-version="{card["version"]}" data-at="{card.column}" '
            f'data-rank="{card.rank}"{_lacks(card)}{_worth(card) if may_change else " data-fixed"}>\n'
            f'  <a class="deal-title" href="{root}{pk}{opens}" data-open>{title}</a>\n'
            f'  <span class="deal-who">{escaped(card.who)}</span>\n'
            f'  <span class="deal-line">{value}<span class="deal-date">{day}</span></span>\n'
            f"{_next_step(card, language)}"
            f'  <span class="deal-foot">{marks}</span>\n'
            f"{_asked(context, card) if form else ''}</li>\n"
        )
    return SafeString("".join(lines))


def _next_step(card: Card, language: str) -> str:
    if card["closed_on"] or card["next_on"] is None:
        return ""
    day = day_short(card["next_on"], language)
    return f'  <span class="deal-step">{ICONS["check"]}{day} {escaped(card["next_what"])}</span>\n'


def _edited(board_word: str, field: str, name: str) -> tuple[str, str]:
    """The link that a value on a card is, which edits it: from the card's key to the value, and from there to its title."""
    label = escape(_("Edit: %(name)s") % {"name": name})
    before = f'/revise{board_word}&amp;field={field}" data-column="{field}">'
    return before, f'<span class="visually-hidden"> {label}, '


def _lacks(card: Card) -> str:
    return f' data-lacks="{card.lacks}"' if card.lacks else ""


def _worth(card: Card) -> str:
    """What a move changes of the totals: value, weighted value now, and chances that are one's own."""
    if card["estimated_value"] is None or card["closed_on"]:
        return ""
    own = f' data-chances="{card["chances"]}"' if card["chances_are_manual"] else ""
    return f' data-value="{card["estimated_value"]}" data-weighted="{card["calculated_value"]}"{own}'


@register.simple_tag
def move_menus(column: Column) -> SafeString:
    """What “Move to” offers on the cards of this column; a card says itself what it lacks (`data-lacks`)."""
    if column.is_closed:
        return NOTHING
    ends = "".join(
        f'<li><button type="button" data-to="{word}"><kbd>{key}</kbd>{ICONS[icon]}{escape(label)} …</button></li>'
        for word, key, icon, label in (("won", "W", "check", _("Won")), ("lost", "L", "x", _("Lost")))
    )
    if column.stage is None:
        ends += f'<li><button type="button" data-to="archive"><kbd>A</kbd>{ICONS["archive"]}{escape(_("Archive"))}</button></li>'
    items = "".join(_way(way, nth) for nth, way in enumerate(column.moves, 1))
    return SafeString(f'<template data-ways="{column.key}"><ul class="ways">{items}{ends}</ul></template>')


def _way(way: Move, nth: int) -> str:
    """A way that is barred whatever the card says, or with the conditions that count where the card lacks them."""
    gaps = dict.fromkeys(_gap(one, way) for one in way.unmet)
    told = "".join(gap for gap in gaps if "data-ask-for" not in gap)
    asked = "".join(gap for gap in gaps if "data-ask-for" in gap)
    asked = f'<span class="reason" data-asks>{escape(_("asks for:"))}</span>{asked}' if asked else ""
    label = escape(way.why_not if way.barred else way.action.label)
    shut = ' aria-disabled="true"' if way.barred else ""
    return (
        f'<li><button type="button" data-to="{way.stage.pk}"{shut}><kbd>{nth}</kbd>{escape(str(way.stage))} '
        f'<span class="reason">{label}</span>{told}{asked}</button></li>'
    )


def _gap(one: Unmet, way: Move) -> str:
    """In short where it can be filled in; else as a sentence, which is `shut` for who cannot pass over it."""
    least = f' data-least="{one.stage.minimum_value}"' if one.gate == Gate.VALUE else ""
    if one.gate in way.mover.fills:
        amount = f" {escape(str(Amount(one.stage.minimum_value)))}" if one.stage.minimum_value and least else ""
        said = f"{escape(one.gate.label)}{amount}"
        return f'<span class="reason" data-gap="{one.gate.value}" data-ask-for{least}>{said}</span>'
    shut = "" if way.mover.overrides else " data-shut"
    return f'<span class="reason" data-gap="{one.gate.value}"{least}{shut}>{escape(one.error.messages[0])}</span>'


def _asked(context: Context, card: Card) -> str:
    """The form that asks on the card for what a move lacks."""
    with context.push(card=card):
        return get_template("opportunities/ask.html").template.render(context)  # type: ignore[attr-defined]


def _beside(card: Card, shows_owner: bool) -> str:
    """Its tags, its salesperson and the co-owners."""
    marks = tag_badges(card["card_tags"])
    owner = card["salesperson__name"]
    if shows_owner and owner:
        marks += _initialled("initials", owner, owner)
    for name in card["card_co_owners"]:
        if name != owner:
            marks += _initialled("initials initials-beside", name, _("Co-owner: %(name)s") % {"name": name})
    return marks


@lru_cache(maxsize=512)
def _initialled(css: str, name: str, said: str) -> str:
    return format_html(
        '<span class="{}" title="{}"><span aria-hidden="true">{}</span><span class="visually-hidden">{}</span></span>',
        css,
        said,
        initials(name),
        said,
    )
