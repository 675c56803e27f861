from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, register
from django.core.checks import Warning as CheckWarning

from crm.lib import assets


class CrmConfig(AppConfig):
    name = "crm"

    def ready(self) -> None:
        register(browser_assets_are_there)


def browser_assets_are_there(**_kwargs: Any) -> list[CheckMessage]:
    """Say who forgot the browser assets, before somebody wonders about a page without style."""
    names = assets.missing()
    if not names:
        return []
    hint = "Run: python -m crm.lib.assets"
    return [CheckWarning(f"Browser assets are missing: {', '.join(names)}", hint=hint, id="crm.W001")]
