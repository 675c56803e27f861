"""What people said about deals, whom they called, how they marked them, and who else takes part."""

import datetime

from collaboration import lifecycle as collaboration
from collaboration.models import ContactRole, Notification, Tag
from contacts import lifecycle as contacts
from contacts.models import Contact
from opportunities import lifecycle
from opportunities.demo.journey import World
from opportunities.models import Door, Opportunity
from salescycles.models import Competitor
from salespeople.models import Salesperson, User

# name, colour, for opportunities, for contacts
TAGS = (
    ("Tender", "blue", True, False),
    ("Framework agreement", "green", True, True),
    ("Urgent delivery", "red", True, False),
    ("Key account", "amber", True, True),
    ("Newsletter reader", "grey", False, True),
)
ROLES = {"DECIDES": "Decision maker", "INFLUENCES": "Influencer", "USES": "User", "BUYS": "Buyer"}
COMPETITORS = {"NORDWERK": "Nordwerk Office", "STUHLHAUS": "Stuhlhaus & Söhne", "PALIKKA": "Palikka Interiors"}

# words, who says them, days ago
SAID = (
    ("They compare us with Nordwerk. @Marketta Vuorela, may we go down by 5 %?", "rep@demo.example", 4),
    ("Yes, if they sign this month. Keep the delivery in two parts.", "manager@demo.example", 3),
    (
        "The drawings are with the customer:\nhttps://example.com/drawings/floor-2\n@Helena Ray, please call on Friday.",
        "manager@demo.example",
        1,
    ),
)


def make_words() -> None:
    """Tags, roles and competitors, as managers define them."""
    Tag.objects.bulk_create(
        Tag(name=name, colour=colour, for_opportunity=deals, for_contact=people) for name, colour, deals, people in TAGS
    )
    ContactRole.objects.bulk_create(ContactRole(code=code, description=words) for code, words in ROLES.items())
    Competitor.objects.bulk_create(Competitor(code=code, name=name) for code, name in COMPETITORS.items())


def work_together(world: World) -> None:
    """On the deals of one rep that close first."""
    users = {user.email: user for user in User.objects.select_related("salesperson")}
    rep = users["rep@demo.example"]
    deals = list(Opportunity.objects.in_progress().filter(salesperson=rep.salesperson).order_by("closing_on", "pk")[:4])
    tags = {tag.name: tag for tag in Tag.objects.all()}
    for deal, names in zip(deals, (("Tender", "Key account"), ("Urgent delivery",), ("Tender",), ()), strict=False):
        for name in names:
            lifecycle.tag(deal, tag=tags[name], by=rep)
    first = deals[0]
    contacts.tag(first.company, tag=tags["Key account"], by=rep)
    for text, email, days in SAID:
        at = world.now - datetime.timedelta(days=days)
        collaboration.write("opportunity", first.pk, text=text, by=users[email], written_at=at)
    collaboration.write("contact", first.company_id, text="Prefers to be called before noon.", by=rep)
    _take_part(first, rep)
    lifecycle.edit(
        first,
        version=first.version,
        competitor=Competitor.objects.get(code="NORDWERK"),
        by=rep,
        on=world.today,
        reason="Heard at the site visit",
        door=Door.COMMAND,
        batch=world.batch,
    )
    colleague = Salesperson.objects.get(code="BC")
    lifecycle.share(first, by=rep, may_edit=True, is_co_owner=True, salesperson_id=colleague.pk)
    Notification.objects.update(by_mail=False)  # of days gone by


def _take_part(deal: Opportunity, by: User) -> None:
    """People of the company, and one of another."""
    roles = list(ContactRole.objects.order_by("code"))
    people = Contact.objects.usable().filter(kind=Contact.Kind.PERSON).exclude(pk=deal.contact_id)
    near = list(people.filter(company=deal.company).order_by("pk")[:2])
    other = list(people.exclude(company=deal.company).order_by("pk")[:1])
    for person, role in zip([*near, *other], roles, strict=False):
        lifecycle.involve(deal, contact=person, role=role, by=by)
