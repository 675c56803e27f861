"""Text from a browser becomes values for a verb; the rules are asked in `lifecycle`."""

from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.utils.translation import gettext_lazy as _

from crm.lib.editing import EditForm
from crm.lib.fields import AmountField, DayField
from quotes import lifecycle
from quotes.models import Quote


class QuoteForm(EditForm):
    number = forms.CharField(label=_("Number"), max_length=20, required=False)
    quoted_on = DayField(label=_("Date"))
    net_amount = AmountField(label=_("Net amount"))

    class Meta:
        model = Quote
        fields = ("quoted_on", "net_amount", "number")

    def __init__(self, *args: Any, opportunity: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.opportunity = opportunity
        self.fields["number"].help_text = "" if self.instance.pk else _("Blank: the next one.")

    def lock(self) -> Quote:
        """The opportunity first, as every verb does, then the quote."""
        lifecycle.lock(self.instance.opportunity_id)
        return Quote.objects.select_for_update(no_key=True).get(pk=self.instance.pk)

    def _post_clean(self) -> None:
        """The instance stays as it was read: the verb writes it."""

    def write(self) -> None:
        """Hand the values to the verb, and its refusals to their fields."""
        values = {name: self.cleaned_data[name] for name in self._meta.fields or ()}
        try:
            if self.instance.pk:
                lifecycle.change(self.instance, **values)
            else:
                self.instance = lifecycle.add(opportunity=self.opportunity, **values)
        except ValidationError as refusal:
            for field, errors in refusal.error_dict.items():
                self.add_error(field if field in self.fields else NON_FIELD_ERRORS, errors)
