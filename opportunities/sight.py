"""What somebody may see of opportunities, and the condition on rows that comes of it (docs/definitions.md)."""

from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Q, QuerySet

from contacts.models import Contact
from salespeople.models import Company, Salesperson
from salespeople.reach import team_of, whose

if TYPE_CHECKING:
    from salespeople.models import User


class Sight(NamedTuple):
    """What somebody may see: opportunities at all, every salesperson's, unassigned ones, those of these `people`, unassigned
    ones of contacts of the people by whom they are `adopted`, and what was `shared`, of which `edits` may be changed."""

    any: bool
    every: bool = False
    unassigned: bool = False
    people: tuple[int, ...] = ()
    adopted: tuple[int, ...] = ()
    shared: frozenset[int] = frozenset()
    edits: frozenset[int] = frozenset()

    @property
    def others(self) -> bool:
        """Whether it goes beyond the person's own."""
        return self.every or len(self.people) > 1 or bool(self.shared)

    @property
    def by_salesperson(self) -> "Sight":
        """As far as the salesperson of an opportunity says who sees it: what running totals can tell."""
        return self._replace(adopted=(), shared=frozenset(), edits=frozenset())

    @property
    def beside(self) -> "Sight":
        """The rest of it: shared ones, and unassigned ones by their contact."""
        return self._replace(every=False, unassigned=False, people=())

    def holds(self, key: Any, salesperson: int | None) -> bool:
        """Of one that is seen: by a right, not only because it was shared."""
        if key not in self.shared:
            return True
        return self.unassigned if salesperson is None else self.every or salesperson in self.people

    def may_change(self, key: Any, salesperson: int | None) -> bool:
        """Of one that is seen: not where it was only shared to see."""
        return key in self.edits or self.holds(key, salesperson)


def sight_of(user: "User") -> Sight:
    allowed = [f"opportunities.view_{which}opportunity" for which in ("", "every_", "unassigned_")]
    any_, every, unassigned = map(user.has_perm, allowed)
    setting = None if unassigned else Company.current().unassigned_seen_by
    unassigned = unassigned or setting == Company.Unassigned.EVERYBODY
    if every and unassigned:
        return Sight(any_, every, unassigned)
    grants = user.reach.opportunities
    return Sight(
        any_,
        every,
        unassigned,
        people=() if every else whose(user, "opportunities", "opportunity"),
        adopted=team_of(user) if setting == Company.Unassigned.TEAM else (),
        shared=frozenset(grants),
        edits=frozenset(key for key, may_edit in grants.items() if may_edit),
    )


def seen_by(sight: Sight) -> Q:
    if sight.every and sight.unassigned:
        return Q()
    seen = Q(pk__in=sorted(sight.shared))
    if sight.every:
        seen |= Q(salesperson__isnull=False)
    elif len(sight.people) == 1:  # one key keeps the order of an index, which a set of keys does not
        seen |= Q(salesperson=sight.people[0])
    else:
        seen |= Q(salesperson__in=sight.people)
    if sight.unassigned:
        seen |= Q(salesperson__isnull=True)
    elif sight.adopted:
        seen |= Q(salesperson__isnull=True, contact__in=Contact.objects.filter(salesperson__in=sight.adopted))
    return seen


def owners(user: "User") -> QuerySet[Salesperson]:
    """Whose opportunities this user may ask for."""
    sight = sight_of(user)
    if sight.every or sight.shared:
        return Salesperson.objects.visible_to(user)
    return Salesperson.objects.filter(pk__in=sight.people)
