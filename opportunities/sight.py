"""What somebody may see of opportunities, and the condition on rows that comes of it (docs/definitions.md)."""

from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Q, QuerySet

from contacts.models import Contact
from salespeople.models import Company, Salesperson
from salespeople.reach import team_of, whose

if TYPE_CHECKING:
    from salespeople.models import User


class Sight(NamedTuple):
    """What somebody may see: opportunities at all, every salesperson's, unassigned ones, those of these `people`, and
    unassigned ones of contacts of the people by whom they are `adopted`."""

    any: bool
    every: bool = False
    unassigned: bool = False
    people: tuple[int, ...] = ()
    adopted: tuple[int, ...] = ()

    @property
    def others(self) -> bool:
        """Whether it goes beyond the person's own."""
        return self.every or len(self.people) > 1

    @property
    def is_by_salesperson(self) -> bool:
        """Whether the salesperson of an opportunity says all about who sees it: so running totals can tell."""
        return not self.adopted


def sight_of(user: "User") -> Sight:
    allowed = [f"opportunities.view_{which}opportunity" for which in ("", "every_", "unassigned_")]
    any_, every, unassigned = map(user.has_perm, allowed)
    people = () if every else whose(user, "opportunities", "opportunity")
    if unassigned:
        return Sight(any_, every, unassigned, people)
    setting = Company.current().unassigned_seen_by
    adopted = team_of(user) if setting == Company.Unassigned.TEAM else ()
    return Sight(any_, every, setting == Company.Unassigned.EVERYBODY, people, adopted)


def seen_by(sight: Sight) -> Q:
    if sight.every and sight.unassigned:
        return Q()
    seen = Q(pk__in=[])
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
    return Salesperson.objects.visible_to(user) if sight.every else Salesperson.objects.filter(pk__in=sight.people)
