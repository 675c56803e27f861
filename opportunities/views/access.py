from django.core.exceptions import PermissionDenied
from django.http import Http404

from crm.lib.prepared import Prepared
from crm.lib.refusals import log_hidden
from opportunities.models import NAMED, Opportunity, OpportunityQuerySet
from opportunities.sight import Sight, sight_of
from opportunities.stalling import with_limits
from salescycles.models import Stage
from salespeople.requests import SignedIn

CHANGE, ADD = "opportunities.change_opportunity", "opportunities.add_opportunity"
BIGGEST_KEY = 2**63 - 1
EVERYTHING = Sight(any=True, every=True, unassigned=True)  # the key alone says that it may be seen


def visible(request: SignedIn) -> OpportunityQuerySet:
    """What the signed-in person may see, with everything the page of an opportunity names."""
    return _within(sight_of(request.user)).with_names()


def _within(sight: Sight) -> OpportunityQuerySet:
    return Opportunity.objects.within(sight).with_last_date().with_quote()


def _one(shape: tuple[Sight, bool], pk: int, *keys: int) -> OpportunityQuerySet:
    """The one of that key, with what it names or without; `keys` are those of the salespeople of whom the sight says only how
    many they are."""
    sight, named = shape
    many = len(sight.people)
    rows = _within(sight._replace(people=keys[:many], adopted=keys[many:])).filter(pk=pk).with_last_step()
    return rows.with_names() if named else rows


ONE = Prepared(_one, planned=True)
STAGES = Prepared(lambda _shape, cycle: with_limits(Stage.objects.filter(sales_cycle=cycle)), planned=True)


def find(request: SignedIn, pk: int, *, like: Opportunity | None = None) -> Opportunity | None:
    """The opportunity of that key with its cycle's stages; None where it is not visible. `like`, the same as a verb left it,
    lends what the opportunity names."""
    sight = sight_of(request.user)
    sight = EVERYTHING if sight.any and pk in sight.shared else sight._replace(shared=frozenset(), edits=frozenset())
    shape = sight._replace(people=(0,) * len(sight.people), adopted=(0,) * len(sight.adopted))
    lends = like is not None and _knows_its_names(like)
    found = ONE.rows((shape, not lends), pk, *sight.people, *sight.adopted) if pk <= BIGGEST_KEY else []
    for opportunity in found:
        if like is not None and lends:
            _lend_names(opportunity, like)
        lend_stages(opportunity, like)
    return found[0] if found else None


def _knows_its_names(opportunity: Opportunity) -> bool:
    """Whether it holds everything it names; its stage may be one of its cycle's."""
    if opportunity.stage_id and opportunity.sales_cycle and not _holds(opportunity, "stage"):
        opportunity.stage = next(
            (stage for stage in opportunity.sales_cycle.stages.all() if stage.pk == opportunity.stage_id), None
        )
    return all(_holds(opportunity, name) for name in NAMED)


def _holds(opportunity: Opportunity, name: str) -> bool:
    return getattr(opportunity, f"{name}_id") is None or name in opportunity._state.fields_cache


def _lend_names(opportunity: Opportunity, like: Opportunity) -> None:
    for name in NAMED:
        if (key := getattr(opportunity, f"{name}_id")) and key == getattr(like, f"{name}_id"):
            setattr(opportunity, name, getattr(like, name))


def lend_stages(opportunity: Opportunity, like: Opportunity | None) -> None:
    """The stages of its cycle: those that `like` has, else asked of the database."""
    cycle = opportunity.sales_cycle
    if like and like.sales_cycle_id == opportunity.sales_cycle_id:
        opportunity.sales_cycle = like.sales_cycle
    elif cycle:
        stages = cycle.stages.all()
        stages._result_cache = STAGES.rows(None, cycle.pk)
        for stage in stages:
            stage.sales_cycle = cycle
        cycle._prefetched_objects_cache = {"stages": stages}  # type: ignore[attr-defined]


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
    return opportunity.may_be_changed_by(request.user)


def require_change(request: SignedIn, opportunity: Opportunity) -> None:
    """403 for what one may see but not change. Raises PermissionDenied."""
    if not may_change(request, opportunity):
        raise PermissionDenied
