"""What somebody asked for and may not have is written to the log, under the name of the app whose row it is: keys and the
path, no word that a person wrote."""

import logging
import re
from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse

SECRET_ADDRESS = re.compile(r"(/feed/)[^/\s.]+")


class Discreet(logging.Formatter):
    """Leaves out of every line what makes an address a secret one."""

    def format(self, record: logging.LogRecord) -> str:
        return SECRET_ADDRESS.sub(r"\1…", super().format(record))


def log_hidden(request: HttpRequest, model: type[Model], key: Any) -> None:
    """A row that the person does not find: logged where it is there nevertheless."""
    try:
        is_there = model._base_manager.filter(pk=key).exists()
    except (ValueError, ValidationError):
        return
    if is_there:
        what = f"{model._meta.model_name} {key}"
        _log(request, model._meta.app_label, 404, what)


def one_or_404(request: HttpRequest, visible: QuerySet[Any], pk: int) -> Any:
    """The row of that key among those that the person may see. Raises Http404."""
    row = visible.filter(pk=pk).first()
    if row is None:
        log_hidden(request, visible.model, pk)
        raise Http404
    return row


class RefusalsMiddleware:
    """Logs what is refused with 403."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        if isinstance(exception, PermissionDenied):
            match = request.resolver_match
            _log(request, (match and match.app_name) or "crm", 403, (match and match.url_name) or "page")


def _log(request: HttpRequest, app: str, status: int, what: str) -> None:
    user: Any = request.user
    path = request.path.encode("unicode_escape").decode()  # one line, whatever was put into the address
    logging.getLogger(app).warning("refused %s: %s to user %s, %s %s", status, what, user.pk, request.method, path)
