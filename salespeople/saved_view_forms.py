"""Text from a browser becomes a saved view."""

from typing import Any, ClassVar

from django import forms
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from crm.lib.editing import EditForm
from salespeople import saved_views
from salespeople.models import DefaultView, SavedView, User

TOO_LONG = _("This address has too many filters to be saved: take some away.")


class SavedViewForm(EditForm):
    """Name and sharing of a view, and whether it is what its owner sees first."""

    is_default = forms.BooleanField(
        label=_("Open first"), required=False, help_text=_("What you see first when you open this page.")
    )

    refusals: ClassVar = {
        "one_view_of_a_name_for_each_owner_and_page": ("name", _("You have a view of this name here already.")),
    }

    class Meta:
        model = SavedView
        fields: tuple[str, ...] = ("name", "shared")
        help_texts: ClassVar = {"shared": _("Everybody else sees under it what they may see, and may only copy it.")}

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        super().__init__(*args, **options)
        self.user = user
        if self.instance.pk:
            mine = DefaultView.objects.filter(user=user, view=self.instance)
            self.fields["is_default"].initial = mine.exists()

    def write(self) -> None:
        if not self.instance.pk:
            mine = SavedView.objects.filter(owner=self.user, page=self.instance.page)
            self.instance.position = (mine.aggregate(last=Max("position"))["last"] or 0) + 1
        super().write()
        saved_views.set_default(self.instance, self.user, self.cleaned_data["is_default"])


class NewViewForm(SavedViewForm):
    """With the address that the view is to keep."""

    class Meta(SavedViewForm.Meta):
        fields = ("name", "shared", "query")
        widgets: ClassVar = {"query": forms.HiddenInput}
        error_messages: ClassVar = {"query": {"max_length": TOO_LONG}}

    def clean_query(self) -> str:
        return saved_views.canonical_text(self.cleaned_data["query"])
