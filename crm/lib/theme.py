"""Light, dark, or as the system says: a cookie the server reads, so that the first paint is right and no script is needed."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

COOKIE = "theme"
THEMES = ("light", "dark")
YEAR = 60 * 60 * 24 * 365


def theme_of(request: HttpRequest) -> str:
    """The chosen theme, or "" where the system decides."""
    chosen = request.COOKIES.get(COOKIE, "")
    return chosen if chosen in THEMES else ""


@login_not_required
@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Remember `theme` (light or dark; anything else forgets the choice) and go back to where the user was."""
    response = HttpResponseRedirect(page_before(request))
    chosen = request.POST.get("theme", "")
    if chosen in THEMES:
        response.set_cookie(COOKIE, chosen, max_age=YEAR, samesite="Lax", secure=request.is_secure())
    else:
        response.delete_cookie(COOKIE)
    return response


def page_before(request: HttpRequest) -> str:
    """The page that a switch (theme, keys) was on: `next` of its form, else the Referer, else the home page."""
    for url in (request.POST.get("next", ""), request.headers.get("Referer", "")):
        if url_has_allowed_host_and_scheme(url, {request.get_host()}, request.is_secure()):
            return url
    return "/"
