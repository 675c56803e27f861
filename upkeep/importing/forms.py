"""What a person says of a file: what it holds, how it is read, what its columns become."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact
from salescycles.models import CloseCode, SalesCycle, Stage
from salespeople.models import User
from upkeep.importing.fields import KEYS, OF, targets
from upkeep.importing.models import RECORDS, ImportKind, ImportRun
from upkeep.importing.reading import DELIMITERS, ENCODINGS, sample_of
from upkeep.importing.running import may_run, path_of
from upkeep.importing.systems import SYSTEMS
from upkeep.importing.values import MARKS, ORDERS

MAKES_MISSING = (ImportKind.CONTACTS, ImportKind.OPPORTUNITIES, ImportKind.SALESPEOPLE)
STAGES_SHOWN = 40  # different words of a column of stages
LOOKED_THROUGH = 2000  # rows, for these words


class BringForm(forms.Form):
    kind = forms.ChoiceField(label=_("What the rows are"), widget=forms.RadioSelect)
    system = forms.ChoiceField(
        label=_("Written by"), required=False, choices=[(name, system.label) for name, system in SYSTEMS.items()]
    )
    file = forms.FileField(
        label=_("File"),
        help_text=_("CSV, XLSX or JSON. The first row names the columns."),
        error_messages={"required": _("Choose a file first."), "empty": _("The file is empty.")},
    )

    def __init__(self, data: Any = None, files: Any = None, *, user: User, of: str = "") -> None:
        """`of`: a kind that is offered beside records."""
        super().__init__(data, files)
        field: Any = self.fields["kind"]
        field.choices = [
            (kind, capfirst(label))
            for kind, label in ImportKind.choices
            if (kind in RECORDS or kind == of) and may_run(user, kind)
        ]
        offered = [kind for kind, _label in field.choices]
        if offered:
            field.initial = of if of in offered else offered[0]


class ReadForm(forms.Form):
    """How a CSV file is read, or which sheet of a spreadsheet."""

    encoding = forms.ChoiceField(label=_("Encoding"), choices=ENCODINGS)
    delimiter = forms.ChoiceField(label=_("Delimiter"), choices=DELIMITERS)

    def __init__(self, data: Any, *, run: ImportRun) -> None:
        super().__init__(data, initial=run.reading)
        if run.reading["format"] != "csv":
            self.fields.clear()


class MapForm(forms.Form):
    """`column-<at>` for each column of the file, and what is chosen once for all rows."""

    key = forms.ChoiceField(
        label=_("Find what is there already by"),
        required=False,
        help_text=_("A row that is found changes what it finds; blank cells change nothing. Any other row is new."),
    )
    date = forms.ChoiceField(label=_("Order of dates"), choices=ORDERS)
    decimal = forms.ChoiceField(label=_("Decimal mark"), choices=MARKS)
    missing = forms.BooleanField(
        label=_("Make companies, industry groups and teams that are named and not there"), required=False
    )
    cycle = forms.ModelChoiceField(SalesCycle.objects.usable(), label=_("Sales cycle"))
    won_code = forms.ModelChoiceField(
        CloseCode.objects.usable().filter(outcome="won"), label=_("Usual close code of won ones"), required=False
    )
    lost_code = forms.ModelChoiceField(
        CloseCode.objects.usable().filter(outcome="lost"), label=_("Usual close code of lost ones"), required=False
    )
    stand_in = forms.CharField(
        label=_("Stand-in for rows without contact"),
        required=False,
        max_length=100,
        help_text=_("Number or name of a contact. Blank: such rows are refused."),
    )

    def __init__(self, data: Any, *, run: ImportRun, user: User) -> None:
        self.run, self.user = run, user
        options = run.options
        stand_in = Contact.objects.filter(pk=options.get("stand_in") or 0).first()
        super().__init__(data, initial=options | {"stand_in": stand_in.number if stand_in else ""})
        names = {target.name: target.label for target in OF[ImportKind(run.kind)]}
        key: Any = self.fields["key"]
        key.choices = [("", _("nothing: every row is new")), *((one, names[one]) for one in KEYS[ImportKind(run.kind)])]
        if not KEYS[ImportKind(run.kind)]:
            del self.fields["key"]
        if run.kind != ImportKind.OPPORTUNITIES:
            for name in ("cycle", "won_code", "lost_code", "stand_in"):
                del self.fields[name]
        if run.kind not in MAKES_MISSING:
            del self.fields["missing"]
        if run.kind == ImportKind.INTERACTIONS:
            key.help_text = _("A row that is found stays as it is: interactions are a log. Any other row is new.")
        self.choices = [("", _("– left out –")), *self._targets()]
        for at, header in enumerate(run.headers):
            self.fields[f"column-{at}"] = forms.ChoiceField(
                label=header or str(at + 1),
                choices=self.choices,
                required=False,
                initial=options["columns"].get(str(at)),
            )
        self.stage_words = self._stage_words()
        for at, said in enumerate(self.stage_words):
            self.fields[f"stage-{at}"] = forms.ChoiceField(
                label=said, choices=self._stage_choices(), required=False, initial=self._stage_meant(said)
            )

    def _targets(self) -> list[tuple[str, str]]:
        return [(target.name, capfirst(str(target.label))) for target in targets(self.run.kind, self._stages())]

    def _stages(self) -> list[Stage]:
        if self.run.kind != ImportKind.OPPORTUNITIES:
            return []
        chosen = self.data.get("cycle") if self.is_bound else self.run.options.get("cycle")
        return list(Stage.objects.filter(sales_cycle=chosen)) if str(chosen or "").isdecimal() else []

    def _stage_choices(self) -> list[tuple[str, Any]]:
        ends = [("not_started", _("Not started")), ("won", _("Won")), ("lost", _("Lost"))]
        return [
            ("", _("– by its name –")),
            *((f"stage:{stage.pk}", stage.description) for stage in self._stages()),
            *ends,
        ]

    def _stage_meant(self, said: str) -> str:
        meant: str = self.run.options.get("words", {}).get("stage", {}).get(said, "")
        stages = self._stages()
        return f"stage:{stages[0].pk}" if meant == "first" and stages else meant

    def _stage_words(self) -> list[str]:
        """What the column of stages says, as far as the beginning of the file tells."""
        at = next((int(at) for at, name in self.run.options["columns"].items() if name == "stage"), None)
        if at is None:
            return []
        rows = sample_of(path_of(str(self.run.file)), self.run.reading, LOOKED_THROUGH)
        said = dict.fromkeys(str(row.cells[at]) for row in rows if at < len(row.cells) and row.cells[at])
        return list(said)[:STAGES_SHOWN]

    @property
    def column_fields(self) -> list[Any]:
        return [self[f"column-{at}"] for at in range(len(self.run.headers))]

    @property
    def stage_fields(self) -> list[Any]:
        return [self[f"stage-{at}"] for at in range(len(self.stage_words))]

    @property
    def general_fields(self) -> list[Any]:
        return [self[name] for name in self.fields if "-" not in name]

    def clean_stand_in(self) -> int | None:
        said = str(self.cleaned_data["stand_in"]).strip()
        if not said:
            return None
        visible = Contact.objects.visible_to(self.user).usable()
        found = list(visible.filter(number=said.upper())[:1]) or list(visible.filter(name__iexact=said)[:2])
        if len(found) != 1:
            raise ValidationError(_("There is no single contact of this number or name."))
        return found[0].pk

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        chosen: dict[str, str] = {}
        names = dict(self.choices)
        for at, header in enumerate(self.run.headers):
            target = given.get(f"column-{at}")
            if target and target in chosen:
                said = _("“%(target)s” is chosen for “%(first)s” already: a column each.")
                params = {"target": names[target], "first": chosen[target]}
                self.add_error(f"column-{at}", ValidationError(said, params=params, code="twice"))
            elif target:
                chosen[target] = header
        if not chosen:
            self.add_error(None, _("Choose what at least one column becomes."))
        key = given.get("key")
        if key and key not in chosen:
            self.add_error("key", _("No column of the file becomes this."))
        return given

    def options(self) -> dict[str, Any]:
        """What was chosen, as the run keeps it."""
        given = self.cleaned_data
        words = dict(self.run.options.get("words", {}))
        stages = {said: given.get(f"stage-{at}", "") for at, said in enumerate(self.stage_words)}
        words["stage"] = words.get("stage", {}) | {said: meant for said, meant in stages.items() if meant}
        plain = {name: given[name] for name in ("key", "date", "decimal", "missing", "stand_in") if name in given}
        keys = {
            name: given[name].pk if given[name] else None
            for name in ("cycle", "won_code", "lost_code")
            if name in given
        }
        columns = {str(at): given[f"column-{at}"] for at in range(len(self.run.headers)) if given.get(f"column-{at}")}
        return {**self.run.options, **plain, **keys, "columns": columns, "words": words}
