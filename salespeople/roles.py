"""The four roles, as Django groups. Made after every migrate, and again by tests that flush the database."""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

SALES_REP = "sales rep"
SALES_MANAGER = "sales manager"
ADMINISTRATOR = "administrator"
VIEWER = "viewer"

CODES_OF_CONTACTS = (
    "territory",
    "salutation",
    "organizationallevel",
    "jobresponsibility",
    "industrygroup",
    "mailinggroup",
    "businessrelation",
)
READ = [
    "salespeople.view_salesperson",
    "salespeople.view_team",
    "contacts.view_contact",
    "contacts.view_every_contact",
    "salescycles.view_salescycle",
    "salescycles.view_stage",
    "salescycles.view_activity",
    "salescycles.view_activitystep",
    "salescycles.view_closecode",
    "salescycles.view_source",
    "quotes.view_quote",
    "tasks.view_task",
    "interactions.view_interaction",
    "interactions.view_interactiongroup",
    "interactions.view_interactiontemplate",
    "opportunities.view_opportunity",
    "opportunities.view_opportunityentry",
    "contacts.view_alternativeaddress",
    *(f"contacts.view_{code}" for code in CODES_OF_CONTACTS),
    "salescycles.view_competitor",
    "collaboration.view_tag",
    "collaboration.view_contactrole",
]
SELL = [
    "contacts.add_contact",
    "contacts.change_contact",
    "contacts.add_alternativeaddress",
    "contacts.change_alternativeaddress",
    "contacts.delete_alternativeaddress",
    "tasks.add_task",
    "tasks.change_task",
    "interactions.add_interaction",
    "interactions.change_interaction",
    "quotes.add_quote",
    "quotes.change_quote",
    "opportunities.add_opportunity",
    "opportunities.change_opportunity",
    "collaboration.add_comment",
    "collaboration.add_attachment",
]
SEE_ALL = ["opportunities.view_every_opportunity", "tasks.view_every_task"]
MANAGE = [
    "opportunities.view_unassigned_opportunity",
    "opportunities.override_gates",
    "opportunities.view_batch",
    "upkeep.add_handover",
    "upkeep.view_handover",
    "upkeep.add_importrun",
    "salespeople.add_salesperson",
    "salespeople.change_salesperson",
    "salespeople.add_team",
    "salespeople.change_team",
    "salespeople.delete_team",
    "salespeople.view_company",
    "salespeople.delete_savedview",
    "contacts.merge_contact",
    *(f"contacts.{act}_duplicaterule" for act in ("view", "add", "change", "delete")),
    *(f"contacts.{act}_rulepart" for act in ("view", "add", "change", "delete")),
    *(f"contacts.{act}_contactsetup" for act in ("view", "add", "change")),
    *(f"contacts.{act}_{code}" for act in ("add", "change", "delete") for code in CODES_OF_CONTACTS),
] + [
    f"salescycles.{act}_{model}"
    for model in ("salescycle", "stage", "activity", "activitystep", "closecode", "source", "competitor")
    for act in ("add", "change", "delete")
]
MANAGE += [f"collaboration.{act}_{model}" for model in ("tag", "contactrole") for act in ("add", "change", "delete")]
MANAGE += [
    f"interactions.{act}_{model}"
    for model in ("interactiongroup", "interactiontemplate")
    for act in ("add", "change", "delete")
]
MANAGE += ["collaboration.change_comment", "collaboration.delete_comment"]
ADMINISTER = [
    "salespeople.add_company",
    "salespeople.change_company",
    "salespeople.delete_salesperson",
    "salespeople.view_user",
    "salespeople.add_user",
    "salespeople.change_user",
    "salespeople.delete_user",
    "auth.view_group",
    "upkeep.view_importrun",
    "contacts.delete_contact",
    "quotes.delete_quote",
]

PERMISSIONS = {
    SALES_REP: READ + SELL,
    SALES_MANAGER: READ + SELL + SEE_ALL + MANAGE,
    ADMINISTRATOR: READ + SELL + SEE_ALL + MANAGE + ADMINISTER,
    VIEWER: READ + SEE_ALL,
}
STAFF_ROLES = {SALES_MANAGER, ADMINISTRATOR}


# Who had the first before there was the second saw what the second shows, and goes on seeing it.
CAME_WITH = {"contacts.view_contact": "contacts.view_every_contact"}


def make_roles(**kwargs: Any) -> None:
    """Make the four groups. A new one gets all its permissions, one that is there those that are new to the product: what a
    company added or took away stays so. Idempotent."""
    held = Group.permissions.through.objects
    known = set(held.values_list("permission", flat=True))
    for role, names in PERMISSIONS.items():
        group, is_new = Group.objects.get_or_create(name=role)
        granted = Permission.objects.filter(_named(names))
        group.permissions.add(*granted if is_new else granted.exclude(pk__in=known))
    for wider, narrower in CAME_WITH.items():
        new = Permission.objects.filter(_named([narrower])).exclude(pk__in=known).first()
        if new is not None:
            groups = held.filter(permission__in=Permission.objects.filter(_named([wider]))).values_list(
                "group", flat=True
            )
            held.bulk_create([held.model(group_id=key, permission=new) for key in groups], ignore_conflicts=True)


def _named(names: list[str]) -> Q:
    named = Q(pk__in=[])
    for name in names:
        app_label, codename = name.split(".")
        named |= Q(content_type__app_label=app_label, codename=codename)
    return named
