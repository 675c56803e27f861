"""What the board's strip is told after the page: how many wait for somebody."""

import re
from html import unescape
from typing import Any

from django.test import Client

FIGURE = re.compile(
    r'<li><a(?: class="strip-(\w+)")? href="([^"]+)"><span>([^<]+)</span> <strong>([\d,]*)</strong></a></li>'
)
STALLED = re.compile(r'<span id="stalled-(\d+)" hx-swap-oob="innerHTML">(?:.*?(\d+) stalled.*?</span>)?</span>')


def waiting(client: Client, query: str = "") -> list[dict[str, Any]]:
    """Each figure as its label, link, count and tone."""
    text = _answer(client, query)
    found = FIGURE.findall(text)
    assert text.count("<li>") == len(found)
    return [
        {"label": unescape(label), "url": unescape(url), "count": int(count.replace(",", "")), "tone": tone}
        for tone, url, label, count in found
    ]


def stalled_by_stage(client: Client, query: str = "") -> dict[str, int]:
    """What the heads of the columns are told, by the stage's key."""
    return {key: int(count or 0) for key, count in STALLED.findall(_answer(client, query))}


def _answer(client: Client, query: str) -> str:
    response = client.get("/opportunities/board/attention/", {"board": query}, headers={"HX-Request": "true"})
    assert response.status_code == 200
    return str(response.content.decode())
