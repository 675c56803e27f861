from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from opportunities.views.access import require_change, visible_or_404
from salespeople import sharing as page
from salespeople.requests import SignedIn


@require_http_methods(["GET", "HEAD", "POST"])
def sharing(request: SignedIn, pk: int) -> HttpResponse:
    """With whom an opportunity is shared: for who may change it by a right. A grant is not passed on."""
    opportunity = visible_or_404(request, pk)
    require_change(request, opportunity)
    if not opportunity.is_held_by(request.user):
        raise PermissionDenied
    return page.show(request, opportunity, "opportunity")
