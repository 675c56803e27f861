"""How files of other systems are called and written: the names of their columns, formats and words. What a person chooses counts
before any of it."""

from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from upkeep.importing.models import ImportKind

C, O, S = ImportKind.CONTACTS, ImportKind.OPPORTUNITIES, ImportKind.SALESPEOPLE  # noqa: E741 - as in the tables below
T, I = ImportKind.TASKS, ImportKind.INTERACTIONS  # noqa: E741


class System(NamedTuple):
    """`columns`: for each kind, header → target. `options`: what else is usual there. `words`: target → what is said → meant."""

    label: Any
    columns: dict[str, dict[str, str]]
    options: dict[str, Any]
    words: dict[str, dict[str, str]]
    name: str = ""


STATUSES = {
    "open": "open",
    "won": "won",
    "lost": "lost",
    "Not Started": "not_started",
    "Not started": "not_started",
    "In Progress": "open",
    "In progress": "open",
    "Closed Won": "won",
    "Closed Lost": "lost",
}
PIPEDRIVE_ACTIVITY = {
    "Activity - ID": "external_key",
    "Activity - Subject": "description",
    "Activity - Type": "kind",
    "Activity - Duration": "duration",
    "Activity - Assigned to user": "salesperson",
    "Activity - Contact person": "contact",
    "Activity - Organization": "company",
    "Activity - Deal": "opportunity",
}
SALESFORCE_ACTIVITY = {
    "Activity ID": "external_key",
    "Subject": "description",
    "Type": "kind",
    "Task Subtype": "kind",
    "Assigned": "salesperson",
    "Assigned To": "salesperson",
    "Contact": "contact",
    "Name": "contact",
    "Company / Account": "company",
    "Opportunity": "opportunity",
}
SYSTEMS: dict[str, System] = {
    "": System(_("Any other file"), {}, {}, {"status": STATUSES}),
    "business-central": System(
        _("Business Central (JSON of its public API)"),
        {
            C: {
                "id": "external_key",
                "number": "number",
                "type": "kind",
                "displayName": "name",
                "jobTitle": "job_title",
                "companyName": "company",
                "addressLine1": "address",
                "addressLine2": "address_2",
                "city": "city",
                "state": "county",
                "country": "country",
                "postalCode": "post_code",
                "phoneNumber": "phone",
                "mobilePhoneNumber": "mobile",
                "email": "email",
                "website": "home_page",
                "privacyBlocked": "privacy_blocked",
                "taxRegistrationNumber": "vat_number",
            },
            O: {
                "id": "external_key",
                "number": "number",
                "contactNumber": "contact",
                "salespersonCode": "salesperson",
                "description": "description",
                "status": "status",
                "creationDate": "created_on",
                "dateClosed": "closed_on",
                "chancesOfSuccessPrc": "chances",
                "estimatedClosingDate": "closing_on",
                "estimatedValue": "estimated_value",
                "calculatedCurrentValue": "sales_value",
            },
        },
        {"date": "ymd", "decimal": ".", "key": "external_key"},
        {"status": STATUSES},
    ),
    "hubspot": System(
        _("HubSpot (CSV)"),
        {
            C: {
                "Record ID": "external_key",
                "First Name": "first_name",
                "Last Name": "last_name",
                "Company name": "name",
                "Associated Company": "company",
                "Email": "email",
                "Phone Number": "phone",
                "Mobile Phone Number": "mobile",
                "Job Title": "job_title",
                "Street Address": "address",
                "Street Address 2": "address_2",
                "City": "city",
                "State/Region": "county",
                "Postal Code": "post_code",
                "Country/Region": "country",
                "Website URL": "home_page",
                "Company Domain Name": "home_page",
                "Contact owner": "salesperson",
                "Company owner": "salesperson",
                "Industry": "industry_groups",
            },
            O: {
                "Record ID": "external_key",
                "Deal Name": "description",
                "Deal Stage": "stage",
                "Amount": "estimated_value",
                "Close Date": "closing_on",
                "Create Date": "created_on",
                "Deal owner": "salesperson",
                "Associated Company": "contact",
                "Associated Contact": "contact",
                "Deal probability": "chances",
                "Closed Lost Reason": "reason",
            },
            T: {
                "Record ID": "external_key",
                "Task Title": "description",
                "Task Type": "kind",
                "Task Status": "status",
                "Priority": "priority",
                "Due date": "due_on",
                "Completed at": "closed_on",
                "Assigned to": "salesperson",
                "Associated Contact": "contact",
                "Associated Company": "company",
                "Associated Deal": "opportunity",
                "Notes": "outcome",
            },
            I: {
                "Record ID": "external_key",
                "Activity type": "kind",
                "Activity date": "happened_on",
                "Call Title": "description",
                "Meeting name": "description",
                "Email subject": "description",
                "Call direction": "direction",
                "Call notes": "text",
                "Note body": "text",
                "Activity assigned to": "salesperson",
                "Associated Contact": "contact",
                "Associated Company": "company",
                "Associated Deal": "opportunity",
                "Create date": "logged_at",
            },
        },
        {"date": "ymd", "decimal": ".", "key": "external_key"},
        {"stage": {"Closed Won": "won", "Closed Lost": "lost"}},
    ),
    "pipedrive": System(
        _("Pipedrive (CSV)"),
        {
            C: {
                "Person - ID": "external_key",
                "Person - Name": "name",
                "Person - Organization": "company",
                "Person - Email - Work": "email",
                "Person - Phone - Work": "phone",
                "Person - Owner": "salesperson",
                "Organization - ID": "external_key",
                "Organization - Name": "name",
                "Organization - Address": "address",
                "Organization - Owner": "salesperson",
            },
            O: {
                "Deal - ID": "external_key",
                "Deal - Title": "description",
                "Deal - Organization": "contact",
                "Deal - Contact person": "contact",
                "Deal - Owner": "salesperson",
                "Deal - Stage": "stage",
                "Deal - Status": "status",
                "Deal - Value": "estimated_value",
                "Deal - Probability": "chances",
                "Deal - Expected close date": "closing_on",
                "Deal - Deal created": "created_on",
                "Deal - Deal closed on": "closed_on",
                "Deal - Lost reason": "reason",
            },
            T: PIPEDRIVE_ACTIVITY
            | {
                "Activity - Due date": "due_on",
                "Activity - Due time": "starts_at",
                "Activity - Done": "status",
                "Activity - Marked as done time": "closed_on",
                "Activity - Priority": "priority",
                "Activity - Location": "location",
                "Activity - Note": "outcome",
            },
            I: PIPEDRIVE_ACTIVITY
            | {
                "Activity - Due date": "happened_on",
                "Activity - Due time": "started_at",
                "Activity - Note": "text",
                "Activity - Add time": "logged_at",
            },
        },
        {"date": "ymd", "decimal": ".", "key": "external_key"},
        {"status": {"Open": "open", "Won": "won", "Lost": "lost"}},
    ),
    "salesforce": System(
        _("Salesforce (CSV)"),
        {
            C: {
                "Account ID": "external_key",
                "Contact ID": "external_key",
                "Account Name": "name",
                "First Name": "first_name",
                "Last Name": "last_name",
                "Title": "job_title",
                "Email": "email",
                "Phone": "phone",
                "Mobile": "mobile",
                "Website": "home_page",
                "Billing Street": "address",
                "Billing City": "city",
                "Billing State/Province": "county",
                "Billing Zip/Postal Code": "post_code",
                "Billing Country": "country",
                "Mailing Street": "address",
                "Mailing City": "city",
                "Mailing Zip/Postal Code": "post_code",
                "Mailing Country": "country",
                "Account Owner": "salesperson",
                "Contact Owner": "salesperson",
                "Industry": "industry_groups",
            },
            O: {
                "Opportunity ID": "external_key",
                "Opportunity Name": "description",
                "Account Name": "contact",
                "Stage": "stage",
                "Amount": "estimated_value",
                "Probability (%)": "chances",
                "Close Date": "closing_on",
                "Created Date": "created_on",
                "Opportunity Owner": "salesperson",
                "Lead Source": "source",
            },
            T: SALESFORCE_ACTIVITY
            | {
                "Due Date": "due_on",
                "Date": "due_on",
                "Status": "status",
                "Priority": "priority",
                "Completed Date": "closed_on",
                "Location": "location",
                "Start Time": "starts_at",
                "Full Comments": "outcome",
                "Comments": "outcome",
            },
            I: SALESFORCE_ACTIVITY
            | {
                "Date": "happened_on",
                "Due Date": "happened_on",
                "Full Comments": "text",
                "Comments": "text",
                "Created Date": "logged_at",
            },
        },
        {"key": "external_key"},
        {"stage": {"Closed Won": "won", "Closed Lost": "lost"}},
    ),
    "crm-sales": System(
        _("The practice data “CRM sales opportunities”"),
        {
            C: {
                "account": "name",
                "sector": "industry_groups",
                "office_location": "country",
                "subsidiary_of": "",
            },
            O: {
                "opportunity_id": "external_key",
                "sales_agent": "salesperson",
                "product": "description",
                "account": "contact",
                "deal_stage": "stage",
                "engage_date": "started_on",
                "close_date": "closed_on",
                "close_value": "sales_value",
            },
            S: {"sales_agent": "name", "regional_office": "team"},
        },
        {"date": "mdy", "decimal": ".", "key": "external_key", "missing": True},
        {
            "stage": {"Prospecting": "not_started", "Engaging": "first", "Won": "won", "Lost": "lost"},
            "description": {"GTXPro": "GTX Pro"},
            "industry": {"technolgy": "technology"},
            "country": {"Philipines": "Philippines", "Korea": "South Korea"},
        },
    ),
}
for _key, _system in list(SYSTEMS.items()):
    SYSTEMS[_key] = _system._replace(name=_key)
