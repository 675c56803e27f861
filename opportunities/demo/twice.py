"""A customer who is there twice: a colleague met her at a fair and entered her anew, from the business card."""

import datetime

from collaboration import lifecycle as collaboration
from collaboration.models import Tag
from contacts import lifecycle as contacts
from contacts.models import Contact
from opportunities.demo.journey import World, make_contact

KNOWN, MET = "Thornwick & Vale LLP", "Thornwick and Vale"
SAID = "Met Imogen at the fair in Birmingham. She wants to see the meeting pods before the summer."


def enter_twice(world: World) -> None:
    """The company with the same e-mail and nearly the same name, and its senior partner; last, so that nothing is drawn otherwise."""
    company = Contact.objects.get(name=KNOWN)
    person = Contact.objects.get(company=company)
    by = next(user for code, user in sorted(world.users.items()) if user.salesperson != company.salesperson)
    given = {"country": company.country, "city": company.city, "language": "en", "salesperson": by.salesperson}
    met = make_contact(
        name=MET,
        email=company.email,
        phone="+44 113 496 0177",
        post_code=company.post_code,
        **given,
        **world.sorting.company(MET, company.country),
    )
    partner = make_contact(
        kind=Contact.Kind.PERSON,
        first_name="Imogen",
        last_name="Thornwick-Hale",
        job_title="Partner",
        company=met,
        email=person.email,
        phone="+44 113 496 0178",
        **given,
        **world.sorting.person("Partner", company.country),
    )
    at = world.now - datetime.timedelta(days=2)
    collaboration.write("contact", met.pk, text=SAID, by=by, written_at=at)
    contacts.tag(partner, tag=Tag.objects.get(name="Newsletter reader"), by=by)
