from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.aggregates import Count
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from collaboration import lifecycle
from collaboration.models import ContactRole, Tag, Tagging
from crm.lib.admin import SeenAdmin


class MergeForm(forms.Form):
    into = forms.ModelChoiceField(Tag.objects.none(), label=_("Into which tag"))

    def __init__(self, chosen: list[Tag], data: Any = None) -> None:
        super().__init__(data)
        field: Any = self.fields["into"]
        field.queryset = Tag.objects.filter(pk__in=[tag.pk for tag in chosen])


@admin.action(description=_("Merge into one tag"), permissions=["delete"])
def merge(page: Any, request: HttpRequest, chosen: QuerySet[Tag]) -> HttpResponse | None:
    """Asks which of them stays; what had another one has it then."""
    tags = list(chosen.order_by("name"))
    if len(tags) < 2:
        messages.warning(request, _("Choose the tags that are to become one: two at least."))
        return None
    form = MergeForm(tags, request.POST if "into" in request.POST else None)
    if form.is_bound and form.is_valid():
        user: Any = request.user
        into = form.cleaned_data["into"]
        count = sum(lifecycle.merge(tag, into, by=user) for tag in tags if tag.pk != into.pk)
        text = ngettext(
            "Merged into “%(tag)s”: %(count)d record got it.", "Merged into “%(tag)s”: %(count)d records got it.", count
        )
        messages.success(request, text % {"tag": into, "count": count})
        return None
    context = page.admin_site.each_context(request) | {
        "title": _("Merge into one tag"),
        "opts": page.opts,
        "form": form,
        "rows": tags,
        "checkbox_name": ACTION_CHECKBOX_NAME,
        "media": page.media,
    }
    status = 422 if form.errors else 200
    return TemplateResponse(request, "admin/collaboration/tag/merge.html", context, status=status)


@admin.register(Tag)
class TagAdmin(SeenAdmin):
    purpose = _("Coloured words on contacts and opportunities")
    list_display = ("name", "colour", "for_opportunity", "for_contact", "archived", "opportunities", "contacts")
    list_filter = ("archived", "for_opportunity", "for_contact", "colour")
    search_fields = ("name",)
    ordering = ("name",)
    fields = ("name", "colour", "for_opportunity", "for_contact", "archived")
    actions = (merge,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With how many records have it that the person may see."""
        seen: Any = Tagging.objects.visible_to(request.user).filter(tag=OuterRef("pk")).order_by().values("tag")  # type: ignore[arg-type]
        counts = {
            f"of_{field}": Coalesce(Subquery(seen.annotate(count=Count(field)).values("count")), 0)
            for field in Tagging.records()
        }
        return super().get_queryset(request).annotate(**counts)

    @admin.display(description=_("opportunities"), ordering="of_opportunity")
    def opportunities(self, tag: Any) -> int:
        return int(tag.of_opportunity)

    @admin.display(description=_("contacts"), ordering="of_contact")
    def contacts(self, tag: Any) -> int:
        return int(tag.of_contact)


@admin.register(ContactRole)
class ContactRoleAdmin(SeenAdmin):
    purpose = _("What somebody does in an opportunity, such as deciding")
    list_display = ("code", "description", "blocked")
    list_filter = ("blocked",)
    search_fields = ("code", "description")
    ordering = ("code",)
    fields = ("code", "description", "blocked")
