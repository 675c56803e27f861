from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404

from opportunities.models import Opportunity, OpportunityQuerySet
from salespeople.requests import SignedIn

CHANGE, ADD = "opportunities.change_opportunity", "opportunities.add_opportunity"


def visible(request: SignedIn) -> OpportunityQuerySet:
    """What the signed-in person may see, with everything the page of an opportunity names."""
    return Opportunity.objects.visible_to(request.user).with_names().with_last_date().with_quote()


def visible_or_404(request: SignedIn, pk: int) -> Opportunity:
    """404 where it is not visible: then it does not exist."""
    return get_object_or_404(visible(request).prefetch_related("sales_cycle__stages"), pk=pk)


def require(request: SignedIn, permission: str) -> None:
    """403 for what one may see but not do. Raises PermissionDenied."""
    if not request.user.has_perm(permission):
        raise PermissionDenied
