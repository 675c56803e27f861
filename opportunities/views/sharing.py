from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from crm.lib.fragments import redirect_to
from opportunities import lifecycle
from opportunities.views.access import require_change, visible_or_404
from salespeople import sharing as page
from salespeople.models import Grant
from salespeople.requests import SignedIn


@require_http_methods(["GET", "HEAD", "POST"])
def sharing(request: SignedIn, pk: int) -> HttpResponse:
    """With whom an opportunity is shared: for who may change it by a right. A grant is not passed on."""
    opportunity = visible_or_404(request, pk)
    require_change(request, opportunity)
    if not opportunity.is_held_by(request.user):
        raise PermissionDenied
    by = request.user

    def give(*, opportunity_id: int, **given: Any) -> Grant:
        return lifecycle.share(opportunity, by=by, **given)

    def withdraw(grant: Grant) -> None:
        lifecycle.withdraw(opportunity, grant=grant, by=by)

    try:
        return page.show(request, opportunity, "opportunity", give=give, withdraw=withdraw)
    except lifecycle.Stale:
        messages.error(request, _("Somebody is changing this just now. Please send it again."))
        return redirect_to(request, request.path)
