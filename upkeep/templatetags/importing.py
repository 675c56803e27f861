from typing import Any

from django import template

from upkeep.importing.models import ImportKind
from upkeep.importing.running import may_run
from upkeep.importing.tables import TABLES

register = template.Library()


@register.simple_tag(takes_context=True)
def tables_of(context: Any, opts: Any) -> list[dict[str, str]]:
    """What of the set-up page of a model, whose `_meta` it is handed, goes out and comes in as a file, for who may bring files: kind
    and label of each table."""
    user = getattr(context.get("request"), "user", None)
    if user is None or not user.has_perm("upkeep.add_importrun"):
        return []
    return [
        {"kind": kind, "label": str(ImportKind(kind).label)}
        for kind, table in TABLES.items()
        if opts.model in (table.model, table.within and table.model._meta.get_field(table.within).related_model)
        and may_run(user, kind)
    ]
