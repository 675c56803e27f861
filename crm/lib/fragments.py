"""One page, two sizes: the whole of it, or the named partial that an HTMX request asked for.

    return render_page(request, "opportunities/list.html", {"page": page}, partial="results")

answers a browser with the page and HTMX with `opportunities/list.html#results`, plus any messages out of band. A partial
is part of the page's own template, so the two cannot drift apart.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

MESSAGES = "partials/messages.html"


def is_fragment(request: HttpRequest) -> bool:
    """HTMX wants a piece of the page: not a boosted link, not a page restored from its history."""
    htmx = HtmxDetails(request)
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def render_page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    partial: str | None = None,
    status: int = 200,
) -> HttpResponse:
    """The whole page, or `template#partial` for a fragment request where the page has such a part."""
    as_fragment = partial is not None and is_fragment(request)
    name = f"{template}#{partial}" if as_fragment else template
    response = render(request, name, context, status=status)
    if as_fragment:
        response.write(_messages(request))
    patch_vary_headers(response, ["HX-Request"])
    return response


def redirect_to(request: HttpRequest, to: Any, *args: Any, **kwargs: Any) -> HttpResponse:
    """To another page after a POST: HTMX is told to load it whole, a browser is redirected. Arguments as `redirect`."""
    url = resolve_url(to, *args, **kwargs)
    return HttpResponseClientRedirect(url) if is_fragment(request) else HttpResponseRedirect(url)


def _messages(request: HttpRequest) -> str:
    """Messages of this request, to be swapped into the page's live region; nothing where there are none."""
    messages = get_messages(request)
    return render_to_string(MESSAGES, {"messages": messages, "out_of_band": True}, request) if len(messages) else ""
