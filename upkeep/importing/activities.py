"""What rows of tasks and interactions have in common: whom and what they are about."""

import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact
from opportunities.models import Opportunity
from upkeep.importing.linking import Coming, World
from upkeep.importing.rows import external_key

CONTACTS = ("contact", "contact_number", "company")
DEALS = ("opportunity", "opportunity_number")


def look_up(world: World, found: list[dict[str, Any]]) -> None:
    world.look_up([one.get(name, "") for one in found for name in CONTACTS])
    world.read_found()
    world.know_deals([one.get(name, "") for one in found for name in DEALS])
    keys = {external_key(one) for one in found} - {""}
    world.know_keys(keys)
    world.know_coming(keys)


def about(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """`contact`, `company` and `opportunity`, as far as the row names them; a number counts before a name. Raises
    ValidationError."""
    found: dict[str, Any] = {}
    said = given.get("contact_number") or given.get("contact")
    if "company" in given:
        company = contact(world, "company", given["company"])
        found["company"] = company.company or company
        found["contact"] = company
    if said:
        found["contact"] = contact(world, "contact", said)
    named = given.get("opportunity_number") or given.get("opportunity")
    if named:
        found["opportunity"] = _opportunity(world, named, found.get("contact"))
    return found


def contact(world: World, field: str, said: str) -> Contact:
    """Raises Unknown."""
    found = world.contact(field, said)
    assert not isinstance(found, Coming)  # of a file of contacts alone
    return found


def _opportunity(world: World, said: str, whom: Contact | None) -> Opportunity:
    found = world.deal(said, whom)
    if found.is_fixed_for(world.user):
        text = _("It was shared with you to see, not to change.")
        raise ValidationError({"opportunity": ValidationError(text, code="hidden")})
    return found


def day_of(said: datetime.date | None) -> datetime.date | None:
    return said.date() if isinstance(said, datetime.datetime) else said


def time_of(said: datetime.date | None) -> datetime.time | None:
    return said.time() if isinstance(said, datetime.datetime) else None
