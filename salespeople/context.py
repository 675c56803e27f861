from typing import Any

from django.http import HttpRequest

from salespeople.models import Company


def company(request: HttpRequest) -> dict[str, Any]:
    """`company` and `currency` for every template: all amounts on screen are in the company's currency."""
    ours = Company.current()
    return {"company": ours, "currency": ours.currency}
