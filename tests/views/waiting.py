"""What the board's strip is told after the page: how many wait for somebody."""

import re
from html import unescape
from typing import Any

from django.test import Client

FIGURE = re.compile(
    r'<li><a(?: class="strip-(\w+)")? href="([^"]+)"><span>([^<]+)</span> <strong>([\d,]*)</strong></a></li>'
)


def waiting(client: Client, query: str = "") -> list[dict[str, Any]]:
    """Each figure as its label, link, count and tone."""
    response = client.get("/opportunities/board/attention/", {"board": query}, headers={"HX-Request": "true"})
    assert response.status_code == 200
    text = response.content.decode().strip()
    found = FIGURE.findall(text)
    assert text.count("<li>") == len(found)
    return [
        {"label": unescape(label), "url": unescape(url), "count": int(count.replace(",", "")), "tone": tone}
        for tone, url, label, count in found
    ]
