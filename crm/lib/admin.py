"""What every admin page of ours does: show only what the person may see, say who uses what cannot be deleted, and
answer a lost race with a message. `SeenAdmin` also says what somebody else saved meanwhile."""

import logging
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import Model, ProtectedError, QuerySet
from django.db.models.fields.related import RelatedField
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from crm.lib.editing import EditForm
from crm.lib.in_use import uses, visible
from crm.lib.races import is_busy
from crm.lib.refusals import log_hidden

logger = logging.getLogger(__name__)


class CarefulAdmin(admin.ModelAdmin):
    """The parent of every admin page. Rows that the person may not see do not exist here (404)."""

    show_full_result_count = False
    listed_as: str | None = None  # a key: in lists of who uses something a row appears as what the key points to

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = visible(self.model, request)
        ordering = self.get_ordering(request)
        return rows.order_by(*ordering) if ordering else rows

    def get_field_queryset(
        self, db: str | None, db_field: "RelatedField[Any, Any]", request: HttpRequest
    ) -> QuerySet[Any] | None:
        choices = super().get_field_queryset(db, db_field, request)
        target: Any = db_field.remote_field
        allowed = visible(target.model, request)
        return allowed if choices is None else allowed.order_by(*choices.query.order_by)

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        log_hidden(request, self.model, object_id)
        raise Http404

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[Any, int], set[Any], list[Any]]:
        protected = uses(objs, request, self.admin_site)
        if protected:  # the collector would load, and name, every row that protects
            return [], {}, set(), list(protected)
        return super().get_deleted_objects(objs, request)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        view = super().changeform_view
        return self._unless_lost(request, lambda: view(request, object_id, form_url, extra_context))

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        view = super().delete_view
        return self._unless_lost(request, lambda: view(request, object_id, extra_context))

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any], *more: Any) -> Any:
        def act() -> Any:
            with transaction.atomic():
                return respond(request, queryset, *more)

        respond = super().response_action
        return self._unless_lost(request, act)

    def _unless_lost(self, request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
        """What was checked a moment ago, the database may refuse now, because somebody was faster."""
        try:
            return view()
        except (IntegrityError, ProtectedError) as error:
            logger.warning("admin change refused by the database: %s", error)
        except OperationalError as error:
            if not is_busy(error):
                raise
        messages.error(
            request, _("Somebody else changed something at the same time. Nothing was saved: look at it again.")
        )
        return HttpResponseRedirect(request.get_full_path())


class VersionField(forms.CharField):
    """What its user looked at: nothing that is typed, so a row that is left blank stays blank."""

    widget = forms.HiddenInput

    def has_changed(self, initial: Any, data: Any) -> bool:
        return False


class SeenForm(EditForm):
    """A row's form in the admin pages, alone or among the rows below another one. What somebody else saved since it was opened
    is said, and what was typed stays; saving again is then on purpose."""

    version = VersionField(required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        self._names: list[str] | None = None
        super().__init__(*args, **options)
        self._names = self._model_fields()  # a set of forms adds key and parent later
        self.initial["version"] = self.present

    def _model_fields(self) -> list[str]:
        return super()._model_fields() if self._names is None else self._names

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if not self.instance._state.adding and self._is_stale() and self.meanwhile:
            data: Any = self.data
            self.data = sent = data.copy()
            sent[self.add_prefix("version")] = self.version
            self.add_error(None, self._news())
        return cleaned

    def _news(self) -> SafeString:
        said = (f"{capfirst(str(label))}: {saved}" for label, saved, _typed in self.meanwhile)
        return format_html(
            "{} {}",
            _("Somebody else saved this in the meantime; what you typed is kept. Saved now, save again to replace it:"),
            format_html_join("; ", "{}", ((line,) for line in said)),
        )


class SeenAdmin(CarefulAdmin):
    """Rows that two people may edit at once. A form of its own is a `SeenForm`, one of rows below a `SeenInline`."""

    form = SeenForm

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = list(super().get_fieldsets(request, obj))
        if obj is None or not self.has_change_permission(request, obj):
            return fieldsets
        return [*fieldsets, (None, {"fields": ("version",)})]


class SeenInline(admin.TabularInline):
    """Rows below another one, each compared for itself: what somebody else added meanwhile stays."""

    form = SeenForm

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = [name for name in super().get_fields(request, obj) if name != "version"]
        return [*fields, "version"] if obj is not None and self.has_change_permission(request, obj) else fields


class ReadOnly:
    """Nothing can be added, changed or deleted here."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
