"""Arguments of a verb as JSON, and back."""

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db import models


def packed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a verb as JSON."""
    return {name: _pack(value) for name, value in values.items()}


def _pack(value: Any) -> Any:
    if isinstance(value, models.Model):
        return {"row": value._meta.label, "key": value.pk}
    if isinstance(value, datetime.date):
        return {"day": value.isoformat()}
    return {"number": str(value)} if isinstance(value, Decimal) else value


def unpacked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Raises ObjectDoesNotExist."""
    return {name: _unpack(value) if isinstance(value, dict) else value for name, value in values.items()}


def _unpack(value: dict[str, Any]) -> Any:
    if "row" in value:
        return apps.get_model(value["row"])._default_manager.get(pk=value["key"])
    return datetime.date.fromisoformat(value["day"]) if "day" in value else Decimal(value["number"])
