"""Filters and tags: what a reader sees in each language, and that nothing typed becomes markup."""

from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django import forms
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone, translation

from crm.lib.icons import ICONS


def shown(source: str, request: Any = None, **context: Any) -> str:
    return Template(source).render(Context(context | {"request": request})).replace("\xa0", " ")


@pytest.mark.parametrize(
    ("language", "money", "percent", "day", "moment"),
    [
        ("en", "€1,234.50", "12.5%", "2026-03-02", "2026-03-02 15:07"),
        ("fi", "1 234,50 €", "12,5 %", "2.3.2026", "2.3.2026 15.07"),
        ("nb", "1 234,50 €", "12,5 %", "02.03.2026", "02.03.2026 15:07"),
        ("de", "1.234,50 €", "12,5 %", "02.03.2026", "02.03.2026 15:07"),
        ("nl", "€ 1.234,50", "12,5%", "2/03/2026", "2/03/2026 15:07"),
        ("it", "1.234,50 €", "12,5%", "02/03/2026", "02/03/2026 15:07"),
    ],
)
def test_values_as_each_language_writes_them(language: str, money: str, percent: str, day: str, moment: str) -> None:
    with translation.override(language), timezone.override("Europe/Helsinki"):
        assert shown("{{ v|money:currency }}", v=Decimal("1234.5"), currency="EUR") == money
        assert shown("{{ v|percent }}", v=Decimal("12.50")) == percent
        assert shown("{{ v|day_short }}", v=date(2026, 3, 2)) == day
        assert shown("{{ v|moment }}", v=datetime(2026, 3, 2, 13, 7, tzinfo=UTC)) == moment


@pytest.mark.parametrize(
    ("language", "day"),
    [
        ("en", "2 March 2026"), ("fi", "2. maaliskuuta 2026"), ("nb", "2. mars 2026"), ("de", "2. März 2026"),
        ("nl", "2 maart 2026"), ("it", "2 marzo 2026"),
    ],
)  # fmt: skip
def test_a_day_with_its_month_in_words(language: str, day: str) -> None:
    with translation.override(language):
        assert shown("{{ v|day }}", v=date(2026, 3, 2)) == day


@pytest.mark.parametrize("expression", ["money:'EUR'", "percent", "number", "number:1", "day", "day_short", "moment"])
def test_blank_and_missing_are_a_dash(expression: str) -> None:
    assert shown(f"{{{{ v|{expression} }}}}{{{{ missing|{expression} }}}}", v=None) == "––"


def test_counts_are_grouped() -> None:
    assert shown("{{ v|number }} {{ w|number:1 }}", v=12345, w=Decimal("2.25")) == "12,345 2.3"


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Helena Ray", "HR"), ("jo", "J"), ("Anna van den Berg", "AB"), ("", ""), ("rep@x.example", "R")],
)
def test_initials(name: str, letters: str) -> None:
    assert shown("{{ name|initials }}", name=name) == letters


@pytest.mark.parametrize("name", ICONS)
def test_an_icon_is_an_ornament_without_style(name: str) -> None:
    svg = shown("{% icon name %}", name=name)
    assert svg.startswith("<svg")
    assert 'aria-hidden="true"' in svg
    assert "style=" not in svg


def test_an_icon_with_a_label_says_so() -> None:
    assert '<span class="visually-hidden">Over &lt;due&gt;</span>' in shown(
        "{% icon 'alert' label %}", label="Over <due>"
    )


@pytest.mark.parametrize(
    ("status", "tone"),
    [("not_started", "grey"), ("in_progress", "blue"), ("won", "green"), ("lost", "red"), ("?", "grey")],
)
def test_a_status_has_colour_and_words(status: str, tone: str) -> None:
    markup = shown("{% status_badge status 'So <it> is' %}", status=status)
    assert f'class="mark mark-{tone}"' in markup
    assert "So &lt;it&gt; is" in shown("{% status_badge status label %}", status=status, label="So <it> is")


def test_a_meter_shows_bar_and_figure() -> None:
    markup = shown("{% meter v 'Chances' %}", v=Decimal("35.00"))
    assert '<rect width="35.00"' in markup
    assert '<span class="visually-hidden">Chances: </span><span>35%</span>' in markup
    assert shown("{% meter v %}", v=None) == "–"


def test_the_theme_is_read_from_its_cookie_and_nothing_else_believed() -> None:
    request = RequestFactory().get("/")
    assert shown("{% theme as t %}[{{ t }}]", request) == "[]"
    request.COOKIES["theme"] = "dark"
    assert shown("{% theme as t %}[{{ t }}]", request) == "[dark]"
    request.COOKIES["theme"] = '"><script>'
    assert shown("{% theme as t %}[{{ t }}]", request) == "[]"


def at(view_name: str) -> Any:
    request = RequestFactory().get("/")
    app, _, name = view_name.rpartition(":")
    request.resolver_match = SimpleNamespace(view_name=view_name, app_name=app, url_name=name)
    return request


@pytest.mark.parametrize(
    ("view", "section", "mark"),
    [
        ("home", "home", 'aria-current="page"'),
        ("contacts:list", "contacts", 'aria-current="page"'),
        ("contacts:detail", "contacts", 'aria-current="true"'),
        ("contacts:detail", "home", ""),
        ("opportunities:list", "contacts", ""),
    ],
)
def test_the_navigation_knows_where_we_are(view: str, section: str, mark: str) -> None:
    assert shown("{% current section %}", at(view), section=section) == mark


class Sample(forms.Form):
    name = forms.CharField(help_text="As on the invoice.")
    size = forms.ChoiceField(choices=[("s", "Small")], widget=forms.RadioSelect)
    kind = forms.ChoiceField(choices=[("a", "A")], required=False)
    note = forms.CharField(widget=forms.Textarea(attrs={"class": "tall"}), required=False)
    agreed = forms.BooleanField(required=False)
    version = forms.IntegerField(widget=forms.HiddenInput)


def test_a_field_has_label_control_help_and_mark() -> None:
    markup = str(Sample()["name"].as_field_group())
    assert '<label class="form-label" for="id_name">Name' in markup
    assert 'class="required-mark"' in markup
    assert 'class="form-control"' in markup
    assert 'aria-describedby="id_name_helptext"' in markup
    assert '<div class="form-hint" id="id_name_helptext">As on the invoice.</div>' in markup


def test_a_field_is_linked_with_its_error() -> None:
    markup = str(Sample({})["name"].as_field_group())
    assert 'aria-invalid="true"' in markup
    assert 'aria-describedby="id_name_helptext id_name_error"' in markup
    assert '<ul class="errorlist" id="id_name_error"><li>This field is required.</li></ul>' in markup


def test_each_kind_of_control_has_its_class() -> None:
    form = Sample()
    assert 'class="form-select"' in str(form["kind"])
    assert 'class="form-control tall"' in str(form["note"])
    assert 'class="form-check-input"' in str(form["agreed"])
    assert 'class="form-check-input"' in str(form["size"])
    assert "class" not in str(form["version"])
    assert "<legend" in str(form["size"].as_field_group())


def test_a_form_begins_with_what_is_wrong_and_links_to_it() -> None:
    form = Sample({"name": "x", "version": "1"})
    form.add_error(None, "Somebody was faster.")
    markup = str(form)
    assert markup.count('role="alert"') == 1
    assert "<li>Somebody was faster.</li>" in markup
    assert '<a href="#id_size">Size</a>: This field is required.' in markup
    assert 'tabindex="-1" autofocus' in markup


def test_a_form_without_errors_has_no_alert() -> None:
    assert "alert" not in str(Sample())
