from django.core.exceptions import PermissionDenied
from django.db.models import prefetch_related_objects
from django.http import Http404

from crm.lib.prepared import Prepared
from crm.lib.refusals import log_hidden
from opportunities.models import Opportunity, OpportunityQuerySet
from opportunities.sight import Sight, sight_of
from salespeople.requests import SignedIn

CHANGE, ADD = "opportunities.change_opportunity", "opportunities.add_opportunity"
BIGGEST_KEY = 2**63 - 1
EVERYTHING = Sight(any=True, every=True, unassigned=True)  # the key alone says that it may be seen


def visible(request: SignedIn) -> OpportunityQuerySet:
    """What the signed-in person may see, with everything the page of an opportunity names."""
    return _named(sight_of(request.user))


def _named(sight: Sight) -> OpportunityQuerySet:
    return Opportunity.objects.within(sight).with_names().with_last_date().with_quote()


def _one(shape: Sight, pk: int, *keys: int) -> OpportunityQuerySet:
    """The one of that key; `keys` are those of the salespeople of whom the shape says only how many they are."""
    many = len(shape.people)
    return _named(shape._replace(people=keys[:many], adopted=keys[many:])).filter(pk=pk)


ONE = Prepared(_one)


def find(request: SignedIn, pk: int, *, like: Opportunity | None = None) -> Opportunity | None:
    """The opportunity of that key with its cycle's stages, which `like`, read before, may lend; None where it is not
    visible."""
    sight = sight_of(request.user)
    sight = EVERYTHING if sight.any and pk in sight.shared else sight._replace(shared=frozenset(), edits=frozenset())
    shape = sight._replace(people=(0,) * len(sight.people), adopted=(0,) * len(sight.adopted))
    found = ONE.rows(shape, pk, *sight.people, *sight.adopted) if pk <= BIGGEST_KEY else []
    for opportunity in found:
        lend_stages(opportunity, like)
    return found[0] if found else None


def lend_stages(opportunity: Opportunity, like: Opportunity | None) -> None:
    """The stages of its cycle: those that `like` has, else asked of the database."""
    if like and like.sales_cycle_id == opportunity.sales_cycle_id:
        opportunity.sales_cycle = like.sales_cycle
    else:
        prefetch_related_objects([opportunity], "sales_cycle__stages")


def visible_or_404(request: SignedIn, pk: int) -> Opportunity:
    """404 where it is not visible: then it does not exist."""
    opportunity = find(request, pk)
    if opportunity is None:
        log_hidden(request, Opportunity, pk)
        raise Http404
    return opportunity


def require(request: SignedIn, permission: str) -> None:
    """403 for what one may see but not do. Raises PermissionDenied."""
    if not request.user.has_perm(permission):
        raise PermissionDenied


def may_change(request: SignedIn, opportunity: Opportunity) -> bool:
    return request.user.has_perm(CHANGE) and not opportunity.is_fixed_for(request.user)


def require_change(request: SignedIn, opportunity: Opportunity) -> None:
    """403 for what one may see but not change. Raises PermissionDenied."""
    if not may_change(request, opportunity):
        raise PermissionDenied
