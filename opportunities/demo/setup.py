"""Set-up of the demo: our company, sales cycles, close codes, sources, salespeople and who signs in."""

from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.core.cache import cache

from crm.lib.priority import Priority
from interactions.models import InteractionGroup, InteractionTemplate
from opportunities.demo.sorting import make_sorting
from opportunities.models import Opportunity
from salescycles.models import Activity, ActivityStep, CloseCode, SalesCycle, Source, Stage, TaskKind
from salespeople.models import COMPANY_CACHE_KEY, Company, Grant, Salesperson, Team, User
from salespeople.roles import ADMINISTRATOR, SALES_MANAGER, SALES_REP, STAFF_ROLES, VIEWER, make_roles

PASSWORD = "demo"  # noqa: S105 - known to everybody, like the addresses

TASK, CALL, MEETING = TaskKind.TASK, TaskKind.CALL, TaskKind.MEETING
LOW, NORMAL, HIGH = Priority.LOW, Priority.NORMAL, Priority.HIGH
# description; of each step: type, priority, date formula, description
ACTIVITIES = {
    "INIT": (
        "Initial opportunity",
        (
            (TASK, HIGH, "", "Judge whether this is worth our time"),
            (TASK, NORMAL, "1W", "Find out who decides"),
        ),
    ),
    "QUAL": (
        "Qualification",
        (
            (TASK, NORMAL, "", "Estimate what they need"),
            (TASK, NORMAL, "1W", "Send a letter of introduction"),
            (CALL, HIGH, "2W", "Ask what they thought of the letter"),
            (TASK, NORMAL, "2W+1D", "Confirm or correct what they need"),
        ),
    ),
    "P-WORK": (
        "Presentation or workshop",
        (
            (CALL, NORMAL, "", "Find a date"),
            (TASK, LOW, "3D", "Confirm the date in writing"),
            (TASK, LOW, "3D", "Book the equipment"),
            (TASK, NORMAL, "3D", "See that our own people are free"),
        ),
    ),
    "PROPOSAL": (
        "Proposal",
        (
            (TASK, HIGH, "", "Draft the proposal"),
            (TASK, HIGH, "3D", "Have it approved in the house"),
            (CALL, HIGH, "1W", "Find a date to present it"),
            (MEETING, HIGH, "2W", "Present it and agree when to talk again"),
        ),
    ),
    "SIGN": (
        "Signing the contract",
        (
            (TASK, LOW, "", "Check what can be delivered when"),
            (MEETING, HIGH, "1W", "Sign"),
            (TASK, NORMAL, "2W", "Hand the contract to administration"),
            (TASK, NORMAL, "6M", "Ask whether they are content"),
        ),
    ),
}

# description, completed %, chances %, quote required, allow skip, activity
EXISTING = (
    ("Initial", 2, 10, False, True, "INIT"),
    ("Presentation", 50, 40, False, True, "P-WORK"),
    ("Proposal", 80, 80, True, False, "PROPOSAL"),
    ("Sign Contract", 95, 100, True, False, "SIGN"),
)
NEW = (
    ("Initial", 2, 10, False, False, "INIT"),
    ("Qualification", 5, 20, False, False, "QUAL"),
    ("Presentation", 40, 50, True, True, "P-WORK"),
    ("Proposal", 60, 75, True, False, "PROPOSAL"),
    ("Sign Contract", 95, 100, True, False, "SIGN"),
)

KEY_ACCOUNT = (
    ("Initial", 5, 20, False, False, "INIT"),
    ("Proposal", 50, 50, True, False, "PROPOSAL"),
    ("Sign Contract", 95, 100, True, False, "SIGN"),
)
# what the stages of the last one ask beside a quote; `roles` by name
GATES: dict[str, dict[str, Any]] = {
    "Proposal": {"required_fields": ["source", "contact"], "minimum_value": 20_000},
    "Sign Contract": {"document_required": True, "required_fields": ["competitor"], "roles": [SALES_MANAGER]},
}

# by the name of the stage
EXPECTED_DAYS = {"Initial": 14, "Qualification": 14, "Presentation": 21, "Proposal": 30, "Sign Contract": 21}

GROUPS = {"LETTER": "Letters and e-mails", "MEETING": "Meetings", "PHONE": "Phone calls"}
# description, group, type, direction, initiated by, cost, minutes
TEMPLATES = {
    "MAIL": ("E-mail", "LETTER", "email", "out", "us", 1, 10),
    "BUS": ("Business letter", "LETTER", "note", "out", "us", 8, 30),
    "INCOME": ("Incoming call", "PHONE", "call", "in", "them", 0, 15),
    "OUTGOING": ("Outgoing call", "PHONE", "call", "out", "us", 1, 15),
    "INHOUSE": ("Meeting at our site", "MEETING", "meeting", "out", "us", 25, 120),
    "ONSITE": ("Meeting at the customer's", "MEETING", "meeting", "out", "us", 45, 180),
}

CLOSE_CODES = {
    "BUSINESS_W": "We understood the customer's business",
    "CONSULT_W": "Our consultant convinced them",
    "RELATION_W": "Long and good relationship",
    "PRICE_W": "Our price was the best",
    "PRODUCT_W": "Our product was the best",
    "PRES_W": "Strong work before the sale",
    "SALESREP_W": "Our salesperson made the difference",
    "BUSINESS_L": "We knew too little of the customer's business",
    "CONSULT_L": "Our consultant did not convince them",
    "RELATION_L": "The relationship was poor",
    "PRICE_L": "We were too expensive",
    "PRODUCT_L": "Another product suited them better",
    "PRES_L": "Weak work before the sale",
    "SALESREP_L": "They did not get on with our salesperson",
    "TIMEWST_L": "They never really meant to buy",
    "POSTPND_L": "Put off without a date",
    "WALKED_L": "We withdrew",
}
SOURCES = {
    "WEB": "Web site",
    "FAIR": "Trade fair",
    "REFERRAL": "Referral by a customer",
    "PHONE": "Phone call",
    "CAMPAIGN": "Mail campaign",
    "PARTNER": "Partner",
}

# name, job title, commission %
SALESPEOPLE = {
    "BC": ("Benjamin Chiu", "Sales representative", 3),
    "EH": ("Ester Henderson", "Key account manager", 0),
    "HR": ("Helena Ray", "Sales representative", 0),
    "JO": ("Jim Olive", "Sales representative", 5),
    "LT": ("Lina Townsend", "Sales representative", 5),
    "OF": ("Otis Falls", "Sales representative", 5),
    "RB": ("Robin Bettencourt", "Inside sales", 2),
}
# name, manager, what it belongs to, members
TEAMS = {
    "FIELD": ("Field sales", "EH", None, ("HR", "JO", "OF")),
    "INSIDE": ("Inside sales", "RB", "FIELD", ("BC", "LT", "RB")),
}
# name, role, salesperson
USERS = {
    "rep@demo.example": ("Helena Ray", SALES_REP, "HR"),
    "rep2@demo.example": ("Benjamin Chiu", SALES_REP, "BC"),
    "manager@demo.example": ("Marketta Vuorela", SALES_MANAGER, None),
    "admin@demo.example": ("Adrian Quill", ADMINISTRATOR, None),
    "viewer@demo.example": ("Vera Lindholt", VIEWER, None),
}


def make_setup() -> None:
    """Make everything a deal refers to but its contact."""
    make_company()
    make_activities()
    make_cycle("EXISTING", "Existing customer", SalesCycle.ProbabilityMethod.COMPLETED, EXISTING)
    make_cycle("NEW", "New customer", SalesCycle.ProbabilityMethod.CHANCES, NEW, is_default=True)
    make_cycle("KEY", "Key account", SalesCycle.ProbabilityMethod.CHANCES, KEY_ACCOUNT)
    make_codes()
    make_templates()
    make_sorting()
    make_salespeople()
    make_teams()
    make_users()
    make_gates()


def make_company() -> None:
    values = {
        "name": "Kaarnalinna Interiors",
        "currency": "EUR",
        "time_zone": "Europe/Helsinki",
        "fiscal_year_start": 1,
    }
    Company.objects.get_or_create(pk=1, defaults=values)
    cache.delete(COMPANY_CACHE_KEY)


def make_activities() -> None:
    """Those that are not there yet."""
    there = set(Activity.objects.values_list("code", flat=True))
    for code, (description, steps) in ACTIVITIES.items():
        if code in there:
            continue
        activity = Activity.objects.create(code=code, description=description)
        ActivityStep.objects.bulk_create(
            ActivityStep(
                activity=activity, number=number, kind=kind, priority=priority, date_formula=formula, description=what
            )
            for number, (kind, priority, formula, what) in enumerate(steps, start=1)
        )


def make_cycle(
    code: str, description: str, method: str, stages: tuple[tuple[str, int, int, bool, bool, str], ...], **values: bool
) -> None:
    activities = {activity.code: activity for activity in Activity.objects.all()}
    cycle = SalesCycle.objects.create(code=code, description=description, probability_method=method, **values)
    for number, (name, completed, chances, quote_required, allow_skip, activity) in enumerate(stages, start=1):
        Stage.objects.create(
            sales_cycle=cycle,
            number=number,
            description=name,
            completed=completed,
            chances=chances,
            quote_required=quote_required,
            allow_skip=allow_skip,
            expected_days=EXPECTED_DAYS[name],
            activity=activities.get(activity),
        )


def make_gates() -> None:
    for name, gate in GATES.items():
        roles = list(Group.objects.filter(name__in=gate.get("roles", ())).values_list("pk", flat=True))
        Stage.objects.filter(sales_cycle__code="KEY", description=name).update(**gate | {"roles": roles})


def make_codes() -> None:
    for code, description in CLOSE_CODES.items():
        outcome = CloseCode.Outcome.WON if code.endswith("_W") else CloseCode.Outcome.LOST
        CloseCode.objects.create(code=code, description=description, outcome=outcome)
    Source.objects.bulk_create(Source(code=code, description=description) for code, description in SOURCES.items())


def make_templates() -> None:
    for code, description in GROUPS.items():
        InteractionGroup.objects.create(code=code, description=description)
    groups = {group.code: group for group in InteractionGroup.objects.all()}
    names = ("kind", "direction", "initiated_by", "cost", "duration")
    for code, (description, group, *values) in TEMPLATES.items():
        usual = dict(zip(names, values, strict=True))
        InteractionTemplate.objects.create(code=code, description=description, group=groups[group], **usual)


def make_salespeople() -> None:
    for at, (code, (name, job_title, commission)) in enumerate(SALESPEOPLE.items(), start=1):
        Salesperson.objects.create(
            code=code,
            name=name,
            job_title=job_title,
            commission=commission,
            email=f"{name.lower().replace(' ', '.')}@kaarnalinna.example",
            phone=f"+358 9 555 01 {at:02}",
        )


def make_teams() -> None:
    people = {person.code: person for person in Salesperson.objects.all()}
    teams: dict[str | None, Team | None] = {None: None}
    for code, (name, manager, parent, members) in TEAMS.items():
        team = Team.objects.create(code=code, name=name, manager=people[manager], parent=teams[parent])
        team.members.set(people[member] for member in members)
        teams[code] = team


def share_one() -> None:
    """The first to close of one rep's, with the other rep, to edit."""
    theirs = Opportunity.objects.in_progress().filter(salesperson__code="HR").order_by("closing_on", "pk")
    Grant.objects.create(opportunity=theirs[0], salesperson=Salesperson.objects.get(code="BC"), may_edit=True)


def make_users() -> None:
    """Make the five who sign in. Their password is hashed once: a good hash takes its time."""
    make_roles()
    password = make_password(PASSWORD)
    for email, (name, role, code) in USERS.items():
        salesperson = Salesperson.objects.get(code=code) if code else None
        user = User(email=email, name=name, password=password, salesperson=salesperson, is_staff=role in STAFF_ROLES)
        user.save()
        user.groups.add(Group.objects.get(name=role))
