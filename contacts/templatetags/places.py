from django import template
from django.conf import settings

from contacts import phones, places

register = template.Library()


@register.filter
def country_name(code: str) -> str:
    """`{{ contact.country|country_name }}`: in the reader's language; the code itself where it is unknown."""
    return places.country_name(code)


@register.filter
def phone(number: str) -> str:
    """`{{ contact.phone|phone }}`: the digits grouped as in the number's country."""
    return phones.shown(number)


@register.filter
def language_name(code: str) -> str:
    """`{{ contact.language|language_name }}`: as the language calls itself; the code where we do not speak it."""
    return dict(settings.LANGUAGES).get(code, code)
