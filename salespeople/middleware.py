from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation


class PersonalMiddleware:
    """Each person reads in their own language and time zone.

    The language is the cookie that the language switch sets, else the user's own, else the browser's.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        language = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        if not translation.check_for_language(language) or language not in dict(settings.LANGUAGES):
            own = user.language if user.is_authenticated else ""
            language = own or translation.get_language_from_request(request)
        with translation.override(language):
            request.LANGUAGE_CODE = language
            if user.is_authenticated:
                timezone.activate(user.zone)
            try:
                response = self.get_response(request)
            finally:
                timezone.deactivate()
        response.headers.setdefault("Content-Language", language)
        return response
