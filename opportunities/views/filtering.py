"""Where filters and conditions of the list and the board are put together."""

from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from crm.lib.listing.builder import builder
from opportunities.filters import OpportunityFilter
from opportunities.models import Opportunity
from salespeople.requests import SignedIn


@require_safe
@permission_required("opportunities.view_opportunity", raise_exception=True)
def opportunity_filter(request: SignedIn) -> HttpResponse:
    rows = Opportunity.objects.visible_to(request.user)
    return builder(
        request,
        lambda query: OpportunityFilter(query, queryset=rows, user=request.user),
        back={"": reverse("opportunities:list"), "board": reverse("opportunities:board")},
        heading=_("Opportunities"),
    )
