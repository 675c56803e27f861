from django import template
from django.conf import settings

from contacts import places

register = template.Library()


@register.filter
def country_name(code: str) -> str:
    """`{{ contact.country|country_name }}`: in the reader's language; the code itself where it is unknown."""
    return places.countries().get(code, code)


@register.filter
def language_name(code: str) -> str:
    """`{{ contact.language|language_name }}`: as the language calls itself; the code where we do not speak it."""
    return dict(settings.LANGUAGES).get(code, code)
