"""Who reads a list, and what relative words mean to that person."""

from django.utils import timezone

from crm.lib.listing.periods import Clock
from crm.lib.listing.values import Asker
from salespeople.models import Company, User


def asker_of(user: User) -> Asker:
    company = Company.current()
    clock = Clock(
        today=timezone.localdate(timezone=user.zone),
        zone=user.zone,
        fiscal_month=company.fiscal_year_start,
        me=user.salesperson_id,
    )
    return Asker(user, clock, company.currency)
