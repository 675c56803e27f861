"""`{% kept user.pk theme %}…{% endkept %}`: a part of a page that is the same for a person from page to page.

Rendered once per process for the language and for each combination of the values named, so name all that it depends on.
Forms inside are fine: every page puts in a CSRF token of its own. While developing (DEBUG) nothing is kept.
"""

from itertools import count
from typing import Any

from django import template
from django.conf import settings
from django.template import Context, Node, NodeList
from django.template.base import FilterExpression, Parser, Token
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = template.Library()

PLACES = count()
KEPT: dict[tuple[Any, ...], str] = {}
MOST = 5000  # places and combinations; beyond that it starts anew
MASK = "kept-token-0000000000000000000000000000000000000000000000000000"


class KeptNode(Node):
    def __init__(self, nodes: NodeList, values: list[FilterExpression]) -> None:
        self.nodelist, self.values, self.place = nodes, values, next(PLACES)

    def render(self, context: Context) -> SafeString:
        token = str(context.get("csrf_token", ""))
        key = (
            self.place,
            get_language(),
            *(str(value.resolve(context, ignore_failures=True)) for value in self.values),
        )
        text = KEPT.get(key)
        if text is None:
            with context.push(csrf_token=MASK):
                text = self.nodelist.render(context)
            if len(KEPT) >= MOST:
                KEPT.clear()
            if not settings.DEBUG:
                KEPT[key] = text
        return SafeString(text.replace(MASK, token))


@register.tag
def kept(parser: Parser, token: Token) -> KeptNode:
    values = [parser.compile_filter(word) for word in token.split_contents()[1:]]
    nodes = parser.parse(("endkept",))
    parser.delete_first_token()
    return KeptNode(nodes, values)
