import uuid
import zoneinfo
from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from collaboration import lifecycle
from collaboration.files import KINDS
from collaboration.models import LONGEST, Comment, Kind, Preferences, Tag
from crm.lib.editing import EditForm
from crm.lib.reminder import BY_DAYS
from crm.lib.uploads import AT_ONCE
from salespeople.models import Company, User


class TextField(forms.CharField):
    """Plain text, which keeps its lines. A browser sends each line's end as two characters."""

    widget = forms.Textarea

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=LONGEST, error_messages={"required": _("Write something first.")}, **options)

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n").replace("\r", "\n")


class CommentForm(forms.Form):
    """`token` tells the same form sent twice from the same words written twice."""

    text = TextField(label=_("Comment"))
    token = forms.UUIDField(required=False, widget=forms.HiddenInput)

    @property
    def own_token(self) -> Any:
        return self.data.get("token", "") if self.is_bound else uuid.uuid4()


class FilesInput(forms.FileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files. What is wrong with one of them, the verb says."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> Any:
        if not data:
            raise ValidationError(self.error_messages["required"], code="required")
        return data


class AttachForm(forms.Form):
    file = FilesField(label=_("Files"), error_messages={"required": _("Choose a file first.")})

    def __init__(self, data: Any = None, files: Any = None) -> None:
        super().__init__(data, files, auto_id="attach-%s")
        kinds = ",".join(f".{ending}" for ending in KINDS)
        self.fields["file"].widget.attrs |= {"class": "form-control", "accept": kinds}
        said = _("At most %(many)s at once, each of at most %(most)s MB.")
        self.fields["file"].help_text = said % {"many": AT_ONCE, "most": settings.ATTACHMENT_MOST_MB}


class CommentEditForm(EditForm):
    text = TextField(label=_("Comment"))

    class Meta:
        model = Comment
        fields = ("text",)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, auto_id=f"comment-{options['instance'].pk}-%s", **options)
        record = "opportunity" if self.instance.opportunity_id else "contact"
        people = f"{reverse('collaboration:people')}?{record}={self.instance.record.pk}"
        self.fields["text"].widget.attrs |= {"rows": 4, "dir": "auto", "autofocus": True, "autocomplete": "off"}
        self.fields["text"].widget.attrs |= {"data-mentions": people, "data-say-offered": _("People to mention:")}


class TagsForm(forms.Form):
    """What a record is to be marked by. `seen` are the tags that it had when the form was opened: what others gave or took
    meanwhile stays so."""

    tags = forms.MultipleChoiceField(label=_("Tags"), required=False, widget=forms.CheckboxSelectMultiple)
    new = forms.CharField(
        label=_("New tag"), required=False, max_length=30, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    seen = forms.RegexField(r"^[0-9,]{0,2000}$", required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any, *, field: str, has: Iterable[Tag], user: User) -> None:
        self.has, self.field = {str(tag.pk): tag for tag in has}, field
        super().__init__(data, initial={"tags": list(self.has), "seen": ",".join(self.has)}, auto_id="tags-%s")
        usable = {str(tag.pk): tag for tag in Tag.objects.visible_to(user).usable(field)}
        self.known = usable | self.has
        offered = sorted(self.known.items(), key=lambda pair: pair[1].name.lower())
        self.fields["tags"].choices = [(key, tag.name) for key, tag in offered]  # type: ignore[attr-defined]
        if not user.has_perm("collaboration.add_tag"):
            del self.fields["new"]

    def clean_new(self) -> Tag | None:
        """The tag of that name, whatever its case, else a new one, not saved yet."""
        name = " ".join(self.cleaned_data["new"].split())
        if not name:
            return None
        known = Tag.objects.filter(name__iexact=name).first()
        tag = known or Tag(name=name, **{f"for_{other}": other == self.field for other in ("opportunity", "contact")})
        if known is None:
            tag.full_clean()
        elif known.archived or not getattr(known, f"for_{self.field}"):
            raise ValidationError(_("There is a tag of this name, which cannot be given here."))
        return tag

    @property
    def given(self) -> list[Tag]:
        seen = set(self.cleaned_data["seen"].split(","))
        given = [self.known[key] for key in self.cleaned_data["tags"] if key not in seen]
        return [*given, *([new] if (new := self.cleaned_data.get("new")) else [])]

    @property
    def taken(self) -> list[Tag]:
        seen = set(self.cleaned_data["seen"].split(",")) - set(self.cleaned_data["tags"])
        return [tag for key, tag in self.has.items() if key in seen]


class PreferencesForm(forms.ModelForm):
    """What a person is told and how; and language and time zone, which are the user's."""

    language = forms.ChoiceField(
        label=_("Language"), required=False, help_text=_("Mails are in English where none is chosen.")
    )
    time_zone = forms.ChoiceField(label=_("Time zone"), required=False)
    inbox = forms.MultipleChoiceField(
        label=_("In the inbox"), choices=Kind.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    mail = forms.MultipleChoiceField(
        label=_("By mail, too"), choices=Kind.choices, required=False, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = Preferences
        fields = ("inbox", "mail", "agenda", "morning", "weekdays_only", "reminder")
        widgets = {"morning": forms.TimeInput(attrs={"type": "time"}, format="%H:%M")}

    field_order = ["language", "time_zone", "reminder", "morning", "agenda", "weekdays_only", "inbox", "mail"]

    def __init__(self, data: Any, *, user: User) -> None:
        self.user, self.preferences = user, Preferences.of(user)
        known = {"language": user.language, "time_zone": user.time_zone}
        super().__init__(data, instance=self.preferences, initial=known)
        self.fields["reminder"].choices = [("", _("– none –")), *BY_DAYS]  # type: ignore[attr-defined]
        company = Company.current().time_zone
        self.fields["time_zone"].choices = [  # type: ignore[attr-defined]
            ("", _("The company's: %(zone)s") % {"zone": company}),
            *((name, name.replace("_", " ")) for name in sorted(zoneinfo.available_timezones())),
        ]
        self.fields["language"].choices = [("", _("– the browser's –")), *settings.LANGUAGES]  # type: ignore[attr-defined]

    def write(self) -> None:
        chosen = {name: self.cleaned_data[name] for name in self.Meta.fields}
        lifecycle.prefer(self.user, chosen, {name: self.cleaned_data[name] for name in ("language", "time_zone")})
