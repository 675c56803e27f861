from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from opportunities.models import Opportunity

CHANGE, ADD = "opportunities.change_opportunity", "opportunities.add_opportunity"


def visible_or_404(request: HttpRequest, pk: int) -> Opportunity:
    """The opportunity with everything its page names, or 404 where it is not visible: then it does not exist."""
    rows = Opportunity.objects.visible_to(request.user).with_names().with_last_date()
    return get_object_or_404(rows, pk=pk)


def require(request: HttpRequest, permission: str) -> None:
    """403 for what one may see but not do. Raises PermissionDenied."""
    if not request.user.has_perm(permission):
        raise PermissionDenied
