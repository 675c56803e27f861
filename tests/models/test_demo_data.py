"""The demo data: the published figures of the reference's set alone, then the believable deals beside it."""

import datetime
from collections import defaultdict
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count, Q, Sum
from django.test import TestCase

from contacts import vat
from contacts.codes import (
    BusinessRelation,
    IndustryGroup,
    JobResponsibility,
    MailingGroup,
    OrganizationalLevel,
    Territory,
)
from contacts.duplicate_models import DuplicateRule, LikelyPair
from contacts.models import Contact
from opportunities.demo.journey import World
from opportunities.demo.reference import DEALS, WORK_DATE, make_reference
from opportunities.demo.setup import make_setup
from opportunities.demo.sorting import VAT_NUMBERS
from opportunities.ledger import faults
from opportunities.models import Action, Opportunity, OpportunityEntry, Status
from quotes.models import Quote
from salescycles.models import Stage
from salespeople.models import Company, Salesperson, Team, User

# number, then (stage or outcome, date, value, completed, chances, probability, calculated, closing date) of each entry
PUBLISHED = """
OP100015 1 01-06 10000 2 10 2 200 01-19
OP100015 2 01-07 10000 50 30 50 5000 01-19
OP100015 3 01-11 12000 80 55 80 9600 01-19
OP100015 4 01-13 9000 95 95 95 8550 01-19
OP100015 BUSINESS_W 01-26 9000 100 100 100 9000 01-26
OP100016 1 01-06 5000 2 20 2 100 01-21
OP100016 2 01-08 5500 50 35 50 2750 01-21
OP100016 3 01-12 5500 80 65 80 4400 01-21
OP100016 4 01-17 5500 95 90 95 5225 01-21
OP100016 CONSULT_W 01-21 5500 100 100 100 5500 01-21
OP100017 1 01-06 8000 2 25 2 160 01-17
OP100017 2 01-11 7000 50 50 50 3500 01-17
OP100017 3 01-12 7000 80 65 80 5600 01-17
OP100017 4 01-14 6000 95 70 95 5700 01-17
OP100017 RELATION_W 01-20 6000 100 100 100 6000 01-20
OP100018 1 01-09 25000 2 30 30 7500 01-20
OP100018 2 01-13 20000 5 50 50 10000 01-20
OP100018 3 01-14 21000 40 70 70 14700 01-20
OP100018 4 01-15 21000 60 95 95 19950 01-20
OP100018 PRICE_W 01-20 21000 100 100 100 21000 01-20
OP100019 1 01-03 7500 2 25 2 150 01-11
OP100019 2 01-05 8000 50 55 50 4000 01-11
OP100019 3 01-06 8000 80 80 80 6400 01-11
OP100019 4 01-07 8000 95 80 95 7600 01-11
OP100019 PRODUCT_W 01-11 8000 100 100 100 8000 01-11
OP100022 1 01-24 5000 2 25 2 100 02-03
OP100023 1 11-16 500 2 95 2 10 02-16
OP100024 1 12-15 2000 2 30 2 40 03-21
OP100025 1 01-26 10000 2 20 2 200 02-01
OP100026 1 11-29 3000 2 10 2 60 03-04
OP100037 1 09-28 450 2 10 10 45 10-03
OP100037 BUSINESS_L 10-16 450 100 0 0 0 10-16
OP100038 CONSULT_L 10-03 0 100 0 0 0 10-03
OP100039 RELATION_L 01-16 0 100 0 0 0 01-16
OP100040 PRICE_L 01-24 0 100 0 0 0 01-24
"""


def published_day(text: str, today: datetime.date) -> datetime.date:
    month, day = map(int, text.split("-"))
    return datetime.date(2026 if month < 9 else 2025, month, day) - WORK_DATE + today


def counted() -> Q:
    """The reference counts active entries; an opportunity not started has none there."""
    return ~Q(status=Status.NOT_STARTED)


def sums(group: str) -> dict[str, tuple[int, Decimal, Decimal]]:
    rows = Opportunity.objects.filter(counted()).values(group).order_by(group)
    rows = rows.annotate(count=Count("pk"), value=Sum("estimated_value"), calculated=Sum("calculated_value"))
    return {row[group]: (row["count"], row["value"], row["calculated"]) for row in rows}


def demo_data(**options: object) -> str:
    out = StringIO()
    call_command("demo_data", stdout=out, **({"users": True} | options))
    return out.getvalue()


class TestReference(TestCase):
    """The reference's set alone."""

    @classmethod
    def setUpTestData(cls) -> None:
        make_setup()
        cls.world = World()
        make_reference(cls.world)

    def test_every_published_entry(self):
        entries = OpportunityEntry.objects.exclude(status=Status.NOT_STARTED).order_by("opportunity__number", "step")
        said = []
        for line in PUBLISHED.strip().splitlines():
            number, step, on, value, completed, chances, probability, calculated, closing = line.split()
            days = (published_day(on, self.world.today), published_day(closing, self.world.today))
            said.append((number, step, *days, *map(Decimal, (value, completed, chances, probability, calculated))))
        assert said == [
            (
                entry.opportunity.number,
                entry.close_code.code if entry.close_code else str(entry.stage.number),
                entry.happened_on,
                entry.closing_on,
                entry.estimated_value or Decimal(0),
                entry.completed,
                entry.chances,
                entry.probability,
                entry.calculated_value,
            )
            for entry in entries.select_related("opportunity", "stage", "close_code")
        ]

    def test_salespeople(self):
        assert sums("salesperson__code") == {
            "BC": (3, 5_500, 110),
            "HR": (4, 15_000, 300),
            "JO": (4, 43_500, 43_500),
            "OF": (3, 6_450, 6_000),
        }
        by_status = {
            (row["salesperson__code"], row["status"]): row["count"]
            for row in Opportunity.objects.values("salesperson__code", "status").annotate(count=Count("pk"))
        }
        assert by_status == {
            ("JO", "won"): 4,
            ("JO", "not_started"): 1,
            ("OF", "won"): 1,
            ("OF", "lost"): 2,
            ("BC", "lost"): 1,
            ("BC", "in_progress"): 2,
            ("HR", "lost"): 1,
            ("HR", "in_progress"): 3,
        }

    def test_totals(self):
        assert Opportunity.objects.filter(counted()).totals() == {
            "count": 14,
            "estimated_value": 70_450,
            "calculated_value": 49_910,
        }

    def test_cycles_count_open_ones(self):
        running = Opportunity.objects.in_progress()
        assert running.filter(sales_cycle__code="EXISTING").totals() == {
            "count": 5,
            "estimated_value": 20_500,
            "calculated_value": 410,
        }
        assert set(running.values_list("stage__number", flat=True)) == {1}
        assert not running.filter(sales_cycle__code="NEW").exists()

    def test_companies(self):
        assert sums("company__name") == {
            "Adatum Corporation": (3, 22_000, 17_100),
            "Alpine Ski House": (3, 10_450, 200),
            "Relecloud": (2, 24_000, 21_060),
            "School of Fine Art": (3, 8_000, 6_040),
            "Trey Research": (3, 6_000, 5_510),
        }

    def test_won_and_lost(self):
        closed = Opportunity.objects.filter(closed_on__isnull=False)
        won = closed.filter(status=Status.WON).count()
        assert (won, closed.count(), Opportunity.objects.open().count()) == (5, 9, 6)
        assert round(Decimal(won) / closed.count() * 100, 2) == Decimal("55.56")

    def test_average_days_at_a_stage(self):
        days = defaultdict(list)
        for entry in OpportunityEntry.objects.live().filter(stage__isnull=False, until__isnull=False):
            days[entry.sales_cycle.code, entry.stage.number].append(entry.days)
        assert {stage: sorted(found) for stage, found in days.items()} == {
            ("EXISTING", 1): [1, 2, 2, 5],
            ("EXISTING", 2): [1, 1, 4, 4],
            ("EXISTING", 3): [1, 2, 2, 5],
            ("EXISTING", 4): [4, 4, 6, 13],
            ("NEW", 1): [4, 18],
            ("NEW", 2): [1],
            ("NEW", 3): [1],
            ("NEW", 4): [5],
        }
        averages = {stage: sum(found) / len(found) for stage, found in days.items()}
        assert [averages["EXISTING", number] for number in (1, 2, 3, 4)] == [2.5, 2.5, 2.5, 6.75]
        assert [averages["NEW", number] for number in (1, 2, 3, 4)] == [11, 1, 1, 5]

    def test_due_and_overdue(self):
        due = Opportunity.objects.due_within(self.world.today)
        assert [opportunity.number for opportunity in due] == ["OP100025"]
        assert not Opportunity.objects.overdue(self.world.today).exists()

    def test_creation_dates(self):
        """None of the set lies after the start, so none was moved."""
        for deal in DEALS:
            opportunity = Opportunity.objects.get(number=deal.number)
            assert opportunity.created_on == self.world.today + (
                datetime.date.fromisoformat(deal.created_on) - WORK_DATE
            )

    def test_only_the_missing_quotes_are_added(self):
        """One before the stage that needs it, and another where the value changes afterwards."""
        amounts = defaultdict(list)
        for quote in Quote.objects.order_by("id").select_related("opportunity"):
            amounts[quote.opportunity.number].append((int(quote.net_amount), quote.is_current))
        assert amounts == {
            "OP100015": [(12000, False), (9000, True)],
            "OP100016": [(5500, True)],
            "OP100017": [(7000, False), (6000, True)],
            "OP100018": [(21000, True)],
            "OP100019": [(8000, True)],
        }

    def test_steps_are_recorded_on_their_own_days(self):
        for entry in OpportunityEntry.objects.select_related("salesperson__user"):
            recorded = entry.recorded_at.astimezone(self.world.zone)
            assert recorded.date() == entry.happened_on or recorded == self.world.now
            assert entry.door == "command"
            assert entry.imported_at == self.world.now
            assert entry.by == getattr(entry.salesperson, "user", None)

    def test_the_ledger_of_the_set_is_sound(self):
        assert [str(fault) for fault in faults()] == []


class TestEverything(TestCase):
    """The set and the believable deals."""

    @classmethod
    def setUpTestData(cls) -> None:
        cls.said = demo_data()

    def test_the_ledger_is_sound(self):
        assert [str(fault) for fault in faults()] == []

    def test_sixty_more_are_running_over_all_stages(self):
        running = Opportunity.objects.in_progress().exclude(number__in=[deal.number for deal in DEALS])
        assert running.count() == 60
        assert set(running.values_list("stage", flat=True)) == set(
            Stage.objects.exclude(sales_cycle__code="KEY").values_list("pk", flat=True)
        )

    def test_each_rep_has_something_of_everything(self):
        today = Company.current().today()
        for email in ("rep@demo.example", "rep2@demo.example"):
            own = Opportunity.objects.visible_to(User.objects.get(email=email))
            assert own.in_progress().count() >= 12
            assert own.overdue(today).count() >= 2
            assert own.due_within(today).count() >= 2
            assert set(own.values_list("status", flat=True)) == set(Status.values)
            assert own.filter(chances_are_manual=True).exists()
            assert own.in_progress().filter(quotes__is_current=True).exists()

    def test_some_wait_for_a_salesperson_and_only_managers_see_them(self):
        waiting = Opportunity.objects.filter(salesperson__isnull=True)
        seen = {
            email: waiting.visible_to(User.objects.get(email=f"{email}@demo.example")).count()
            for email in ("manager", "admin", "viewer", "rep")
        }
        assert seen == {"manager": 3, "admin": 3, "viewer": 0, "rep": 0}

    def test_two_teams_one_below_the_other_and_one_shared_opportunity(self):
        teams = Team.objects.order_by("code").values_list("code", "manager__code", "parent__code")
        assert list(teams) == [("FIELD", "EH", None), ("INSIDE", "RB", "FIELD")]
        bc, hr = (Salesperson.objects.get(code=code) for code in ("BC", "HR"))
        assert [team.code for person in (bc, hr) for team in person.teams.all()] == ["INSIDE", "FIELD"]
        seen = Opportunity.objects.visible_to(User.objects.get(email="rep2@demo.example"))
        shared = seen.exclude(salesperson=bc).get()
        assert (shared.salesperson, shared.grants.get().may_edit) == (hr, True)

    def test_every_kind_of_step_is_there(self):
        made = set(OpportunityEntry.objects.values_list("action", flat=True))
        assert made == set(Action.values) - {Action.RESTORED}

    def test_contacts_are_sorted_in_every_way(self):
        people, companies = Contact.objects.filter(kind="person"), Contact.objects.companies()
        assert (people.count(), companies.count()) == (42, 33)
        for model in (Territory, OrganizationalLevel):
            assert not model.objects.filter(contacts__isnull=True).exists()
        for model in (JobResponsibility, IndustryGroup, MailingGroup):
            assert not model.objects.filter(used__isnull=True).exists()
        assert set(companies.values_list("relation", flat=True)) == {"none", "customer", "vendor", "other", "multiple"}
        assert people.filter(relation="customer").exists() and BusinessRelation.objects.count() == 5
        assert not companies.filter(Q(industry_groups__isnull=True) | Q(territory__isnull=True)).exists()
        assert not people.filter(Q(last_name="") | Q(organizational_level__isnull=True)).exists()
        numbers = companies.exclude(vat_number="").values_list("vat_number", "country")
        assert len(numbers) == len(VAT_NUMBERS) == 11
        assert [vat.checked(*pair) for pair in numbers] == [number for number, _country in numbers]
        doctor = people.get(last_name="Ackerfeld")
        assert (doctor.name, doctor.first_name, doctor.middle_name) == ("Dr. Bernd Ackerfeld", "Dr. Bernd", "")

    def test_a_customer_is_there_twice(self):
        rules = {str(rule): rule for rule in DuplicateRule.objects.all()}
        pairs = LikelyPair.objects.order_by("one").values_list("one__name", "other__name", "rule")
        assert list(pairs) == [
            ("Imogen Thornwick", "Imogen Thornwick-Hale", rules["E-mail"].pk),
            ("Thornwick & Vale LLP", "Thornwick and Vale", rules["E-mail"].pk),
        ]

    def test_sign_ins(self):
        for name, staff in (("rep", False), ("rep2", False), ("manager", True), ("admin", True), ("viewer", False)):
            assert self.client.login(username=f"{name}@demo.example", password="demo")
            assert User.objects.get(email=f"{name}@demo.example").is_staff is staff
        assert "rep2@demo.example" in self.said

    def test_the_same_every_time(self):
        """Days are counted from today, everything else is drawn with a fixed seed: these figures change with the data only."""
        assert Opportunity.objects.open().totals() == {
            "count": 74,
            "estimated_value": Decimal("2070810.00"),
            "calculated_value": Decimal("892677.00"),
        }
        assert OpportunityEntry.objects.count() == 396

    def test_a_second_time_does_nothing(self):
        before = Opportunity.objects.count()
        assert demo_data() == "The database is not empty: no demo data made.\n"
        assert Opportunity.objects.count() == before


@pytest.mark.django_db
def test_not_beside_what_somebody_set_up():
    Salesperson.objects.create(code="ME", name="Me")
    assert "not empty" in demo_data()
    assert not Opportunity.objects.exists()


@pytest.mark.django_db
def test_a_named_database_gets_none_unless_asked(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://somewhere")
    monkeypatch.delenv("DEMO", raising=False)
    with pytest.raises(CommandError, match="--users"):
        demo_data(users=False)
    assert not User.objects.exists()
