"""Two people edit one row: the second is told what the first one saved, and nothing typed is lost.

The form carries a fingerprint of what its user looked at; saving locks the row and compares first. A row has no version
column of its own for this: what counts is whether the fields of the form still say the same.
"""

import hashlib
from typing import Any, ClassVar, NamedTuple

from django import forms
from django.db import IntegrityError, OperationalError, connection, models, transaction
from django.forms.models import model_to_dict
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from crm.lib.races import is_busy, refused_by

OK, STALE, INVALID = 200, 409, 422
DASH = "–"


def posted(request: HttpRequest) -> QueryDict | None:
    """What a form is given: everything that was sent, however little, or None where nothing was."""
    return request.POST if request.method == "POST" else None


class Difference(NamedTuple):
    label: Any
    saved: str
    typed: str


class EditForm(forms.ModelForm):
    """Makes or edits one row. `submit` says whether it was saved; if not, `status` and the form say why."""

    # name of a database constraint → field and message, for what only the database can refuse (races)
    refusals: ClassVar[dict[str, tuple[str | None, Any]]] = {}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.status = OK
        self.title = str(self.instance) if self.instance.pk else ""
        self.present = self._fingerprint(self.instance)
        self.version = self.data.get(self.add_prefix("version"), "") if self.is_bound else self.present
        self.meanwhile: list[Difference] = []

    def submit(self) -> bool:
        """Compare, validate and save in one transaction. False with `status` 409 (stale, busy) or 422 (invalid)."""
        try:
            with transaction.atomic():
                if self.instance.pk and self._is_stale():
                    return self.status == OK
                if self.is_valid():
                    self.write()
                    connection.check_constraints()
        except IntegrityError as error:
            self._refuse(error)
        except OperationalError as error:
            self._wait(error)
        if self.errors and self.status == OK:
            self.status = INVALID
        return self.status == OK

    def write(self) -> None:
        """Save the row; of an existing one only the columns that changed."""
        names = [name for name in self.changed_data if name in self._model_fields()]
        if not self.instance.pk:
            self.instance.save(force_insert=True)
        elif names:
            self.instance.save(update_fields=names)

    def lock(self) -> models.Model:
        """The row as it stands now, held until the transaction ends."""
        rows = self._meta.model._default_manager.select_for_update(no_key=True)
        locked: models.Model = rows.get(pk=self.instance.pk)
        return locked

    def values_of(self, row: Any) -> dict[str, Any]:
        """What a row says in the fields of the form."""
        return model_to_dict(row, self._model_fields())

    def _is_stale(self) -> bool:
        """Whether the row is no longer what the user looked at. Who typed just what is saved now has nothing to lose."""
        locked = self.lock()
        now = self._fingerprint(locked)
        if self.version == self.present == now:
            return False
        self.meanwhile, self.version = self._differences(locked), now
        self.status = STALE if self.meanwhile else OK
        return True

    def _differences(self, locked: models.Model) -> list[Difference]:
        saved = self.values_of(locked)
        return [
            Difference(field.label, self._in_words(name, saved[name]), self._in_words(name, self[name].data))
            for name, field in self.fields.items()
            if name in saved and self._differs(name, saved[name])
        ]

    def _differs(self, name: str, saved: Any) -> bool:
        """Whether something else was typed than is saved; `nn` typed for the code NN is the same."""
        typed = self[name].data
        if not self.fields[name].has_changed(saved, typed):
            return False
        try:
            return bool(self._meta.model._meta.get_field(name).to_python(typed) != saved)
        except forms.ValidationError:
            return True

    def _in_words(self, name: str, value: Any) -> str:
        if isinstance(self.fields[name], forms.BooleanField):
            return _("Yes") if value and value != "False" else _("No")
        choices = getattr(self.fields[name].widget, "choices", ())
        words = {str(key): str(label) for key, label in choices}
        value = self.fields[name].prepare_value(value)
        several = value if isinstance(value, list) else [value]
        return ", ".join(words.get(str(one), str(one)) for one in several if one not in (None, "")) or DASH

    def _model_fields(self) -> list[str]:
        known = {field.name for field in self._meta.model._meta.get_fields()}
        return [name for name in self.fields if name in known]

    def _fingerprint(self, row: models.Model) -> str:
        values = self.values_of(row)
        return hashlib.sha256(repr(sorted(values.items())).encode()).hexdigest()[:16]

    def _refuse(self, error: IntegrityError) -> None:
        """Say at the field what only the database could know: somebody was faster."""
        name = refused_by(error)
        said = {made.name: (None, made.get_violation_error_message()) for made in self._meta.model._meta.constraints}
        known = said | self.refusals
        if name not in known:
            raise error
        self.add_error(*known[name])

    def _wait(self, error: OperationalError) -> None:
        if not is_busy(error):
            raise error
        self.status = STALE
        self.add_error(None, _("Somebody is changing this just now. Please send it again."))
