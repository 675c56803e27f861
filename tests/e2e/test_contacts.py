"""A company and its person: made, changed, reached elsewhere for a while; with scripts and without."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from contacts.codes import BusinessRelation
from contacts.models import Contact
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Salesperson, User
from tests.e2e.hands import Hand, Keyboard, Mouse, labelled

pytestmark = pytest.mark.django_db(transaction=True)
SignIn = Callable[..., None]
NO_PHONE = "This is no phone number of Finland. Write one of another country with its code, like +46 8 465 004 14."
NO_VAT = "This is no VAT number of Finland: its check digits do not fit; look for a digit typed wrong."


@pytest.mark.slow
def test_with_a_mouse(page: Page, sign_in: SignIn, rep: User, company: Company) -> None:
    sign_in(page, rep)
    walk(page, Mouse(page), company)


def test_with_scripts_off(plain_page: Page, sign_in: SignIn, rep: User, company: Company) -> None:
    sign_in(plain_page, rep)
    walk(plain_page, Mouse(plain_page), company)


def test_by_keyboard_only(page: Page, sign_in: SignIn, rep: User, of: Salesperson, company: Company) -> None:
    """A company and two people; another salesperson of the company is the people's too."""
    sign_in(page, rep)
    hand = Keyboard(page)
    page.goto("/contacts/new/")
    hand.pick("Company")
    hand.write("Name", "Nova Oy")
    hand.press("button", "Create")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nova Oy")
    for first, last in (("Ann", "Lee"), ("Bo", "Ek")):
        hand.press("link", "New person")
        expect(page.get_by_role("radio", name="Person", exact=True)).to_be_checked()
        hand.write("First name", first)
        hand.write("Last name", last)
        hand.press("button", "Create")
        expect(page.get_by_role("heading", level=1)).to_have_text(f"{first} {last}")
        expect(fact(page, "Salesperson")).to_have_text("Jim Olive")
        hand.press("link", "Nova Oy")
        expect(page.get_by_role("heading", level=1)).to_have_text("Nova Oy")
    hand.press("link", "Edit")
    hand.go_to(labelled(page, "Salesperson"))
    page.keyboard.type("Otis")
    hand.press("button", "Save")
    expect(page.locator("#messages")).to_contain_text("2 people of the company took it over.")
    hand.press("link", "Bo Ek")
    expect(fact(page, "Salesperson")).to_have_text("Otis Falls")
    assert set(Contact.objects.values_list("name", "salesperson")) == {
        (name, of.pk) for name in ("Nova Oy", "Ann Lee", "Bo Ek")
    }


def test_a_relation_has_a_number_once_it_is_chosen(
    page: Page, sign_in: SignIn, check_accessibility: Callable[[Page], None], rep: User, acme: Contact
) -> None:
    """By keyboard: the box, then its number."""
    for code, description, account in (("CUST", "Customer", "customer"), ("VEND", "Vendor", "vendor")):
        BusinessRelation.objects.create(code=code, description=description, account=account)
    sign_in(page, rep)
    page.goto(f"/contacts/{acme.pk}/edit/")
    box, number = page.get_by_role("checkbox", name="Customer"), page.get_by_role("textbox", name="Number: Customer")
    expect(number).to_be_hidden()
    box.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    expect(number).to_be_focused()
    page.keyboard.type("10000")
    expect(page.get_by_role("textbox", name="Number: Vendor")).to_be_hidden()
    check_accessibility(page)
    page.keyboard.press("Enter")
    expect(fact(page, "Business relation")).to_have_text("Customer")
    expect(fact(page, "Business relations")).to_have_text("Customer 10000")


def test_numbers_are_understood_as_one_goes_on(page: Page, sign_in: SignIn, rep: User, company: Company) -> None:
    sign_in(page, rep)
    page.goto("/contacts/new/")
    labelled(page, "Country").select_option(label="Finland")
    labelled(page, "Phone").fill("095550100")
    labelled(page, "Mobile phone").fill("call")
    labelled(page, "VAT number").fill("SE556703748501")
    labelled(page, "Registration number").fill("1")
    expect(labelled(page, "Phone")).to_have_value("+358 9 5550100")
    expect(described(page, "Phone")).to_have_text("A number of Finland.")
    expect(described(page, "Mobile phone")).to_have_text(NO_PHONE)
    expect(described(page, "VAT number")).to_have_text("This is a VAT number of Sweden, but the country is Finland.")
    expect(labelled(page, "Mobile phone")).to_have_value("call")
    assert not Contact.objects.exists()


def walk(page: Page, hand: Hand, company: Company) -> None:
    makes_a_company(page, hand)
    adds_a_person(page, hand)
    moves_the_company(page, hand)
    adds_an_address(page, hand, company)


def makes_a_company(page: Page, hand: Hand) -> None:
    """What is wrong is said beside its field, and everything typed stays."""
    page.goto("/contacts/new/")
    hand.pick("Company")
    for label, text in (("Name", "Nova Oy"), ("Address", "Street 1"), ("City", "Espoo")):
        hand.write(label, text)
    labelled(page, "Country").select_option(label="Finland")
    hand.write("Phone", "09 12")
    hand.write("VAT number", "2077 4741")
    hand.press("button", "Create")
    expect(page.get_by_text("This could not be saved yet.").first).to_be_visible()
    expect(described(page, "Phone")).to_contain_text(NO_PHONE)
    expect(described(page, "VAT number")).to_contain_text(NO_VAT)
    kept = {"Name": "Nova Oy", "Address": "Street 1", "City": "Espoo", "Phone": "09 12", "VAT number": "2077 4741"}
    for label, text in kept.items():
        expect(labelled(page, label)).to_have_value(text)
    hand.write("Phone", "09 555 0100")
    hand.write("VAT number", "2077 4740")
    hand.press("button", "Create")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nova Oy")
    expect(fact(page, "Phone")).to_have_text("+358 9 5550100")
    expect(fact(page, "VAT number")).to_have_text("FI20774740")
    expect(fact(page, "Address")).to_have_text("Street 1EspooFinland")


def adds_a_person(page: Page, hand: Hand) -> None:
    """What the company has is proposed; what is typed counts."""
    hand.press("link", "New person")
    expect(page.get_by_role("radio", name="Person", exact=True)).to_be_checked()
    expect(labelled(page, "City")).to_have_value("Espoo")
    expect(labelled(page, "Phone")).to_have_value("+358 9 5550100")
    hand.write("First name", "Ann")
    hand.write("Last name", "Lee")
    hand.write("E-mail", "ann@nova.example")
    hand.press("button", "Create")
    expect(page.get_by_role("heading", level=1)).to_have_text("Ann Lee")
    expect(fact(page, "Company")).to_have_text("Nova Oy")
    expect(fact(page, "Salesperson")).to_have_text("Jim Olive")
    expect(fact(page, "Address")).to_have_text("Street 1EspooFinland")


def moves_the_company(page: Page, hand: Hand) -> None:
    """The person who had the company's address goes along, and it is said."""
    fact(page, "Company").get_by_role("link").click()
    hand.press("link", "Edit")
    hand.write("City", "Turku")
    hand.write("Post code", "20100")
    hand.press("button", "Save")
    expect(page.locator("#messages")).to_contain_text("1 person of the company took it over.")
    page.get_by_role("link", name="Ann Lee").click()
    expect(fact(page, "Address")).to_have_text("Street 120100 TurkuFinland")
    ann = Contact.objects.get(kind="person")
    assert (ann.city, ann.post_code, ann.email) == ("Turku", "20100", "ann@nova.example")


def adds_an_address(page: Page, hand: Hand, company: Company) -> None:
    """It holds from today on; a wrong telephone number loses nothing."""
    hand.press("link", "New address")
    period = page.get_by_role("group", name="Period 1")
    hand.write("Code", "summer")
    period.get_by_label("From").fill(str(company.today()))
    hand.write("City", "Hanko")
    hand.write("Phone", "call us")
    hand.press("button", "Create")
    expect(described(page, "Phone")).to_contain_text(NO_PHONE)
    expect(labelled(page, "Code")).to_have_value("summer")
    expect(period.get_by_label("From")).to_have_value(str(company.today()))
    hand.write("Phone", "019 555 0100")
    hand.press("button", "Create")
    expect(page.get_by_text("Today at SUMMER, see below.").first).to_be_visible()
    row = page.get_by_role("row", name="SUMMER")
    expect(row).to_contain_text("Hanko")
    expect(row).to_contain_text("+358 19 5550100")
    hand.press("link", "SUMMER")
    hand.press("link", "Delete")
    hand.press("button", "Delete")
    expect(page.get_by_text("Only the main address is known.").first).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_an_opportunity_for_each_of_many(
    page: Page,
    plain_page: Page,
    sign_in: SignIn,
    rep: User,
    acme: Contact,
    ann: Contact,
    pia: Contact,
    cycle: SalesCycle,
    company: Company,
    scripts: bool,
) -> None:
    """Picked in the list, previewed, changed, made, taken back."""
    page = page if scripts else plain_page
    hand = Mouse(page)
    sign_in(page, rep)
    page.goto("/contacts/?salesperson=none")
    hand.toggle("Select: Ann Lee")
    hand.toggle("Select: Pia")
    if scripts:
        expect(page.get_by_text("selected: 2").first).to_be_visible()
    hand.press("button", "New opportunities for the selected ones …")
    title = page.locator("#list-dialog-title")
    expect(title).to_have_text("2 contacts chosen")
    hand.press("button", "Preview")
    expect(page.get_by_text("This field is required.", exact=True).first).to_be_visible()
    hand.write("Description", "Chairs")
    labelled(page, "Sales cycle").select_option(label="Cycle CY")
    hand.press("button", "Preview")
    expect(title).to_have_text("New opportunities: preview")
    hand.press("button", "Change the form")
    expect(labelled(page, "Description")).to_have_value("Chairs")
    hand.press("button", "Preview")
    expect(page.get_by_role("listitem").filter(has_text="Ann Lee (ACME)")).to_be_visible()
    hand.press("button", "Create 2 opportunities")
    expect(page.locator("#messages")).to_contain_text("2 opportunities were created.")
    made = Opportunity.objects.order_by("pk")
    assert [(one.contact, one.description, one.sales_cycle) for one in made] == [
        (ann, "Chairs", cycle),
        (pia, "Chairs", cycle),
    ]
    hand.press("link", "Undo the batch")
    hand.press("button", "Put 2 opportunities back")
    expect(page.locator("#messages")).to_contain_text("2 opportunities were put back.")
    assert [one.archived for one in made.all()] == [True, True]


def fact(page: Page, label: str) -> Locator:
    return page.locator("dl.facts > div").filter(has=page.get_by_text(label, exact=True)).locator("dd")


def described(page: Page, label: str) -> Locator:
    """What is said beside the field, as a screen reader finds it."""
    expect(labelled(page, label)).to_have_attribute("aria-describedby", re.compile("."))
    keys = labelled(page, label).get_attribute("aria-describedby") or ""
    return page.locator(",".join(f"#{key}" for key in keys.split()))
