"""What opportunities do when their contact goes to another company (R-CON-MOVE)."""

import datetime

from django.utils.translation import gettext as _

from contacts.models import Contact
from opportunities import lifecycle
from opportunities.models import Opportunity
from salespeople.models import User


def stay_with_company(person: Contact, company: Contact, *, on: datetime.date, by: User | None) -> int:
    """The person's open opportunities with `company` are the company's own from now on, by a step each; nothing that was
    recorded changes. Where the company may not be used any more they keep the person. Returns how many there were."""
    if not company.is_usable:
        return 0
    held = Opportunity.objects.select_for_update(no_key=True, of=("self",)).order_by("pk")
    left = held.open().filter(contact=person, company=company)
    for opportunity in left:
        lifecycle.reassign(
            opportunity,
            version=opportunity.version,
            contact=company,
            tasks_too=True,
            on=on,
            by=by,
            reason=_("%(person)s went to another company") % {"person": person.name},
        )
    return len(left)
