"""The set-up of cycles asks before it does what has consequences, and loses nothing that was typed."""

import datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from opportunities.models import Opportunity
from salescycles.models import CloseCode, SalesCycle
from salescycles.starters import STARTERS
from salespeople.models import Company, User
from tests.factories import SourceFactory, fresh, make_cycle, make_opportunity
from tests.views.test_admin_set_up import (
    SignIn,
    confirm,
    cycle_data,
    flush_deferred,
    numbers,
    text,
    url,
    versions,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(client_for: SignIn, manager: User) -> Client:
    return client_for(manager)


@pytest.fixture
def live(cycle: SalesCycle, acme: Any, jo: Any) -> Opportunity:
    """1 000 at Present: 24 %."""
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=2)


def page_of(cycle: SalesCycle) -> str:
    return url("salescycles_salescycle", "change", cycle.pk)


def send(client: Client, cycle: SalesCycle, *stages: dict[str, Any], **values: Any) -> Any:
    data = cycle_data(cycle, list(stages)) | {"_save": "Save"} | values
    return client.post(page_of(cycle), versions(client, page_of(cycle)) | data)


def test_a_change_of_a_cycle_in_use_says_first_what_it_does(
    client: Client, cycle: SalesCycle, live: Opportunity
) -> None:
    asked = send(client, cycle, {}, {"completed": 50, "chances": 70})
    page = text(asked)
    assert asked.status_code == 200
    for said in (
        "Nothing of “Cycle CY” is saved yet.",
        "1 opportunity is in progress in it,",
        "worth €1,000.00, weighted €240.00;",
        "The weighted value stays €240.00 now. Once each of them was revised where it stands, it would be €350.00.",
        "Completed %: 40% → 50%",
        "Chances of success %: 60% → 70%",
        f'/opportunities/?stage={live.stage_id}"',
    ):
        assert said in page
    assert cycle.stages.get(number=2).chances == 60
    assert confirm(client, page_of(cycle), asked).status_code == 302
    assert (cycle.stages.get(number=2).chances, cycle.stages.get(number=2).completed) == (70, 50)
    assert fresh(live).calculated_value == 240


def test_what_counts_nothing_is_saved_at_once(client: Client, cycle: SalesCycle, live: Opportunity) -> None:
    response = send(client, cycle, {"description": "Named anew", "colour": "teal"}, description="Other")
    assert response.status_code == 302
    assert cycle.stages.get(number=1).colour == "teal"


def test_a_cycle_that_nobody_uses_is_saved_at_once(client: Client, cycle: SalesCycle) -> None:
    assert send(client, cycle, {"completed": 15}).status_code == 302


def test_going_back_keeps_everything_typed_and_saves_nothing(
    client: Client, cycle: SalesCycle, live: Opportunity
) -> None:
    asked = send(client, cycle, {"description": "Hello"}, {"chances": 71}, {}, {}, {"number": 9, "description": "Late"})
    back = client.post(page_of(cycle), dict(asked.context["carried"]) | {"_back": "1"})
    page = text(back)
    assert "Nothing is saved yet: this is what you typed." in page
    assert "Please correct the error" not in page
    assert all(f'value="{typed}"' in page for typed in ("Hello", "71", "Late"))
    assert numbers(cycle) == [(1, "Initial"), (2, "Present"), (3, "Offer"), (4, "Sign")]
    carried = {name: value for name, value in asked.context["carried"] if name != "_save"}
    again = client.post(page_of(cycle), carried | {"_save": "Save"})
    assert confirm(client, page_of(cycle), again).status_code == 302
    assert (9, "Late") in numbers(cycle)


def test_a_confirmation_is_of_this_very_change(client: Client, cycle: SalesCycle, live: Opportunity) -> None:
    asked = send(client, cycle, {}, {"chances": 70})
    carried = dict(asked.context["carried"]) | {"stages-1-chances": "75", "_confirmed": asked.context["token"]}
    again = client.post(page_of(cycle), carried)
    assert "60% → 75%" in text(again)
    assert cycle.stages.get(number=2).chances == 60


def test_somebody_else_who_was_faster_is_told_after_the_question_too(
    client: Client, cycle: SalesCycle, live: Opportunity
) -> None:
    asked = send(client, cycle, {}, {"chances": 70})
    cycle.stages.filter(number=2).update(chances=65)
    response = confirm(client, page_of(cycle), asked)
    assert "Somebody else saved this in the meantime" in text(response)
    assert 'value="70"' in text(response)
    assert cycle.stages.get(number=2).chances == 65


def test_order_gates_and_new_stages_are_told_each_in_words(
    client: Client, cycle: SalesCycle, live: Opportunity
) -> None:
    asked = send(
        client,
        cycle,
        {"number": 2, "completed": 40, "chances": 60},
        {"number": 1, "completed": 10, "chances": 20},
        {"quote_required": "on"},
        {"DELETE": "on"},
        {"number": 7, "description": "Late", "completed": 95, "chances": 100},
        blocked="on",
    )
    page = text(asked)
    for said in (
        "what has not started cannot start while the cycle is blocked",
        "what is next, previous or skipped change at once; nothing moves by itself",
        "what stands here already stays.",
        "A new stage: nothing stands here yet",
        "The stage goes; no opportunity ever stood here.",
        "Order: 2 → 1",
        "Quote required: No → Yes",
    ):
        assert said in page
    assert confirm(client, page_of(cycle), asked).status_code == 302
    flush_deferred()
    assert numbers(cycle) == [(1, "Present"), (2, "Initial"), (3, "Offer"), (7, "Late")]
    assert fresh(live).stage_id == live.stage_id


def test_figures_count_what_the_person_may_see(
    client_for: SignIn, rep2: User, cycle: SalesCycle, live: Opportunity, beta: Any, of: Any
) -> None:
    """Whoever changes it is asked, however little of what is in it they see."""
    User.objects.filter(pk=rep2.pk).update(is_staff=True)
    rep2.user_permissions.add(*Permission.objects.filter(content_type__app_label="salescycles"))
    make_opportunity(contact=beta, salesperson=of, cycle=cycle, stage=2, value=10)
    asked = send(client_for(rep2), cycle, {}, {"chances": 70})
    assert (asked.context["impact"].total.many, asked.context["impact"].total.estimated) == (1, 10)


def test_contradictions_are_asked_about_unless_it_is_blocked(client: Client, cycle: SalesCycle) -> None:
    falling = [{"completed": 50, "chances": 20}]
    said = "Completed % falls from “Initial” to “Present”"
    asked = send(client, cycle, *falling)
    assert said in text(asked)
    assert "Save all the same" in text(asked)
    assert cycle.stages.get(number=1).completed == 10
    assert send(client, cycle, *falling, blocked="on").status_code == 302
    assert said in text(client.get(page_of(cycle)))
    released = send(client, cycle)
    assert said in text(released)
    assert confirm(client, page_of(cycle), released).status_code == 302
    assert not SalesCycle.objects.get(pk=cycle.pk).blocked


def test_a_new_cycle_with_contradictions_is_asked_about_and_then_made(client: Client) -> None:
    page = url("salescycles_salescycle", "add")
    data = cycle_data(None, [{"number": 1, "description": "Only"}], code="short", is_default="on")
    old = make_cycle("OLD", is_default=True)
    asked = client.post(page, data)
    assert "the probability is 0 %" in text(asked)
    assert SalesCycle.objects.get() == old
    assert SalesCycle.objects.get().is_default
    made = client.post(page, dict(asked.context["carried"]) | {"_confirmed": asked.context["token"]}, follow=True)
    assert text(made).count("is no longer the default sales cycle") == 1
    assert SalesCycle.objects.get(code="SHORT").is_default


def test_the_page_shows_the_probability_under_every_method(client: Client, cycle: SalesCycle) -> None:
    course = client.get(page_of(cycle)).context["course"]
    assert [[percent for percent, _ in percents] for _, percents in course.rows] == [
        ["2%", "15%", "20%", "10%"],
        ["24%", "50%", "60%", "40%"],
        ["64%", "80%", "80%", "80%"],
        ["95%", "97.5%", "100%", "95%"],
    ]
    assert [own for _, own in course.methods] == [True, False, False, False]


def test_a_preview_shows_what_is_typed_and_saves_nothing(client: Client, cycle: SalesCycle, live: Opportunity) -> None:
    data = cycle_data(cycle, [{}, {"completed": 50, "chances": 70}, {"chances": 65}], probability_method="average")
    response = client.post(page_of(cycle), versions(client, page_of(cycle)) | data | {"_preview": "1"})
    page = text(response)
    assert "What this cycle would give" in page
    assert "Nothing is saved yet: this is what you typed." in page
    assert "The chances of success fall from “Present” to “Offer”" in page
    assert [percents[1] for _, percents in response.context["course"].rows][1] == ("60%", True)
    assert cycle.stages.get(number=2).chances == 60
    bad = client.post(page_of(cycle), data | {"stages-0-number": "x", "_preview": "1"})
    assert "Please correct the error" in text(bad)


def test_copies_are_made_by_a_button_and_by_the_list(client: Client, cycle: SalesCycle) -> None:
    copy = url("salescycles_salescycle", "copy", cycle.pk)
    assert copy in text(client.get(page_of(cycle)))
    assert client.get(copy).status_code == 405
    answer = client.post(copy)
    made = SalesCycle.objects.get(code="CY-2")
    assert answer["Location"] == page_of(made)
    listed = client.post(
        url("salescycles_salescycle", "changelist"), {"action": "copy", "_selected_action": [cycle.pk, made.pk]}
    )
    assert listed.status_code == 302
    codes = ["CY", "CY-2", "CY-2-2", "CY-3"]
    assert list(SalesCycle.objects.values_list("code", flat=True)) == codes
    assert client.post(url("salescycles_salescycle", "copy", 0)).status_code == 404


def test_who_may_not_add_cycles_copies_and_begins_none(client_for: SignIn, cycle: SalesCycle, viewer: User) -> None:
    User.objects.filter(pk=viewer.pk).update(is_staff=True)
    client = client_for(viewer)
    assert client.post(url("salescycles_salescycle", "copy", cycle.pk)).status_code == 403
    assert client.post(reverse("admin:salescycles_salescycle_begin"), {"starter": "TRADE"}).status_code == 403
    assert SalesCycle.objects.count() == 1


def test_an_empty_company_is_offered_a_beginning(client: Client, manager: User) -> None:
    listed = client.get(url("salescycles_salescycle", "changelist"))
    assert [one.code for one in listed.context["starters"]] == [one.code for one in STARTERS]
    begin = reverse("admin:salescycles_salescycle_begin")
    assert client.post(begin, {"starter": "NOTHING"}).status_code == 404
    answer = client.post(begin, {"starter": "TRADE"}, headers={"accept-language": "en"})
    cycle = SalesCycle.objects.get()
    assert answer["Location"] == page_of(cycle)
    assert (cycle.code, cycle.is_default, numbers(cycle)) == (
        "TRADE",
        True,
        [(10, "Inquiry"), (20, "Offer"), (30, "Order")],
    )
    assert CloseCode.objects.count() == 6
    assert "starters" not in client.get(url("salescycles_salescycle", "changelist")).context
    client.post(begin, {"starter": "TRADE"})
    assert SalesCycle.objects.count() == 1


def test_a_search_without_result_offers_no_beginning(client: Client, cycle: SalesCycle) -> None:
    assert "starters" not in client.get(url("salescycles_salescycle", "changelist"), {"q": "nothing"}).context


def test_the_deal_says_what_has_to_be_true_at_its_stage(
    client_for: SignIn, rep: User, cycle: SalesCycle, live: Opportunity
) -> None:
    cycle.stages.filter(number=2).update(exit_criteria="Budget is known\nWho decides is known", colour="amber")
    cycle.stages.filter(number=3).update(exit_criteria="Not yet said")
    page = text(client_for(rep).get(live.get_absolute_url()))
    assert "Before it leaves “Present”" in page
    assert "Budget is known<br>Who decides is known" in page
    assert "Not yet said" not in page
    assert "stage-current stage-colour stage-colour-amber" in page
    board = text(client_for(rep).get(reverse("opportunities:board"), {"sales_cycle": cycle.pk}))
    assert board.count("stage-colour-amber") == 1


def test_a_source_outside_its_dates_is_taken_and_said(
    client_for: SignIn, rep: User, live: Opportunity, company: Company, acme: Any
) -> None:
    past = SourceFactory(code="FAIR", description="Fair", ends_on=live.created_on - datetime.timedelta(days=1))
    said = "but “Fair” runs from – to"
    client = client_for(rep)
    data = {"version": live.version, "description": "Chairs", "priority": "normal", "source": past.pk}
    answer = client.post(f"{live.get_absolute_url()}edit/", data, follow=True)
    assert said in text(answer)
    assert fresh(live).source == past
    data = {"description": "New", "contact": acme.pk, "source": past.pk, "priority": "normal"}
    assert said in text(client.post(reverse("opportunities:new"), data, follow=True))
    again = {"version": fresh(live).version, "description": "Named", "priority": "normal", "source": past.pk}
    assert said not in text(client.post(f"{live.get_absolute_url()}edit/", again, follow=True))


def test_a_campaign_does_not_end_before_it_starts(client: Client) -> None:
    data = {"code": "FAIR", "description": "", "starts_on": "2026-03-02", "ends_on": "2026-03-01"}
    response = client.post(url("salescycles_source", "add"), data)
    assert "A campaign does not end before it starts." in text(response)
