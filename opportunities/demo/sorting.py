"""What the contacts of the demo are sorted by, and VAT numbers: made up, with check digits that fit."""

from typing import Any

from contacts.codes import (
    BusinessRelation,
    ContactCode,
    ContactSetup,
    IndustryGroup,
    JobResponsibility,
    MailingGroup,
    OrganizationalLevel,
    Salutation,
    Territory,
)

CODES: dict[type[ContactCode], dict[str, str]] = {
    Territory: {
        "NORDIC": "Nordic and Baltic countries",
        "CENTRAL": "Central Europe",
        "SOUTH": "Southern Europe",
        "ISLES": "Britain and Ireland",
        "AMERICA": "North America",
    },
    IndustryGroup: {
        "HOTELS": "Hotels and travel",
        "HEALTH": "Hospitals and doctors",
        "LEARNING": "Schools, museums, foundations",
        "INDUSTRY": "Manufacturing and energy",
        "MEDIA": "Media and design",
        "PROPERTY": "Building and property",
        "SERVICES": "Advice, insurance, software",
        "TRANSPORT": "Transport and logistics",
    },
    JobResponsibility: {"BUDGET": "Budget", "PREMISES": "Premises and offices", "PURCHASE": "Purchasing"},
    OrganizationalLevel: {"TOP": "Top management", "SENIOR": "Head of a department", "STAFF": "Specialist"},
    MailingGroup: {"NEWS": "Newsletter", "SEASON": "Season's greetings", "SHOWROOM": "Invitations to the showroom"},
    BusinessRelation: {"CUST": "Customer", "VEND": "Vendor", "BANK": "Bank", "EMP": "Employee", "PRESS": "Press"},
    Salutation: {"COMPANY": "Dear Sir or Madam", "PERSON": "By first and last name"},
}
COUNTRIES = {
    "NORDIC": "FI SE NO DK EE",
    "CENTRAL": "DE AT NL",
    "SOUTH": "FR IT ES",
    "ISLES": "GB IE",
    "AMERICA": "US CA",
}
# words of a company's name; who has none of them is in services
INDUSTRIES = {
    "HOTELS": ("Hotel", "Hôtel", "Viaggi", "Bergbahnen", "Ski House"),
    "HEALTH": ("Klini", "Dental"),
    "LEARNING": ("Foundation", "Museum", "College", "School"),
    "INDUSTRY": ("Foods", "Brewing", "Maschinenbau", "Tessuti", "Energie"),
    "MEDIA": ("Medi", "Diseño"),
    "PROPERTY": ("Fastigheter", "Ehitus"),
    "TRANSPORT": ("Logistics", "Shipping"),
}
# words of a job title; the first level that has one of them counts, and every responsibility
LEVELS = {
    "TOP": ("managing", "owner", "founder", "partner", "chief"),
    "SENIOR": ("head", "director", "manager"),
}
RESPONSIBILITIES = {
    "BUDGET": ("managing", "owner", "founder", "partner", "chief", "administrative"),
    "PREMISES": ("office", "property", "facility", "campus", "plant", "operations"),
    "PURCHASE": ("purchas", "procurement", "buyer"),
}
# what companies are linked with in accounting
ACCOUNTS = {"CUST": "customer", "VEND": "vendor", "BANK": "bank_account", "EMP": "employee"}
RELATIONS = {
    "Havukka Logistics Oy": {"CUST": "10000", "VEND": "40010"},
    "Lillsund Fastigheter AB": {"CUST": "10020"},
    "Fjellvik Shipping AS": {"VEND": "40030"},
    "Talbrück Maschinenbau GmbH": {"CUST": "10040"},
    "Vallonbleu Hôtels SARL": {"CUST": "10050"},
    "Almendral Diseño S.L.": {"PRESS": ""},
}
VAT_NUMBERS = {
    "Havukka Logistics Oy": "FI99000018",
    "Lillsund Fastigheter AB": "SE999900000401",
    "Fjellvik Shipping AS": "990000018MVA",
    "Strandkær Foods ApS": "DK99000007",
    "Talbrück Maschinenbau GmbH": "DE990000002",
    "Duinvoort Advies B.V.": "NL999900006B01",
    "Vallonbleu Hôtels SARL": "FR00999000086",
    "Montelago Tessuti S.p.A.": "IT99000090011",
    "Almendral Diseño S.L.": "ESB99000002",
    "Hochtann Bergbahnen AG": "ATU99000008",
    "Merikivi Ehitus OÜ": "EE109000008",
}


def make_sorting() -> None:
    for model, codes in CODES.items():
        model._default_manager.bulk_create(
            model(code=code, description=description) for code, description in codes.items()
        )
    for code, account in ACCOUNTS.items():
        BusinessRelation.objects.filter(code=code).update(account=account)
    company, person = Salutation.objects.get(code="COMPANY"), Salutation.objects.get(code="PERSON")
    ContactSetup.objects.create(company_salutation=company, person_salutation=person)


class Sorting:
    """What a contact is sorted by, as the verb `create` takes it."""

    def __init__(self) -> None:
        self.codes: dict[Any, dict[str, Any]] = {
            model: {row.code: row for row in model._default_manager.all()} for model in CODES
        }

    def company(self, name: str, country: str) -> dict[str, Any]:
        industry = next((code for code, words in INDUSTRIES.items() if any(word in name for word in words)), "SERVICES")
        mailings = ["NEWS", "SHOWROOM"] if country == "FI" else ["NEWS"]
        return {
            "territory": self._territory(country),
            "industry_groups": [self.codes[IndustryGroup][industry]],
            "mailing_groups": [self.codes[MailingGroup][code] for code in mailings],
            "business_relations": {
                self.codes[BusinessRelation][code].pk: number for code, number in RELATIONS.get(name, {}).items()
            },
            "vat_number": VAT_NUMBERS.get(name, ""),
        }

    def person(self, job_title: str, country: str) -> dict[str, Any]:
        level = next((code for code, words in LEVELS.items() if speaks_of(job_title, words)), "STAFF")
        duties = [code for code, words in RESPONSIBILITIES.items() if speaks_of(job_title, words)]
        mailings = ["NEWS", "SEASON"] if level == "TOP" else ["NEWS"]
        return {
            "territory": self._territory(country),
            "organizational_level": self.codes[OrganizationalLevel][level],
            "job_responsibilities": [self.codes[JobResponsibility][code] for code in duties],
            "mailing_groups": [self.codes[MailingGroup][code] for code in mailings],
        }

    def _territory(self, country: str) -> Any:
        return next(self.codes[Territory][code] for code, among in COUNTRIES.items() if country in among.split())


def speaks_of(job_title: str, words: tuple[str, ...]) -> bool:
    return any(word in job_title.lower() for word in words)
