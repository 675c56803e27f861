"""Reminders and the agenda of the day: at the person's own clock, once, and whatever the clocks do."""

import datetime
import threading
import zoneinfo
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import connections, transaction

from collaboration import lifecycle as collaboration
from collaboration import mails
from collaboration.models import Notification, Preferences
from contacts.models import Contact
from crm.lib.reminder import moment
from opportunities.models import Opportunity
from salescycles.models import SalesCycle
from salespeople.models import Company, Grant, Salesperson, User
from tasks import lifecycle as tasks
from tasks import reminding
from tasks.models import AgendaMail, Task
from tests.factories import TeamFactory, make_opportunity
from tests.worker import waiting, work

pytestmark = pytest.mark.django_db
UTC = datetime.UTC
MONDAY = datetime.date(2026, 3, 2)
ZONES = ("Europe/Helsinki", "Europe/Oslo", "Europe/Berlin", "Europe/Brussels", "Europe/Rome")


def at(text: str, zone: str = "UTC") -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=zoneinfo.ZoneInfo(zone)).astimezone(UTC)


def fresh(task: Task) -> Task:
    return Task.objects.get(pk=task.pk)


def make(user: User, due_on: datetime.date = MONDAY, **values: Any) -> Task:
    given: dict[str, Any] = {"description": "Call", "salesperson": user.salesperson, "on": MONDAY, "by": user}
    return tasks.create(**given | {"due_on": due_on} | values)


# ── when ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("reminder", "day", "start", "expected"),
    [
        ("0d", "2026-03-02", None, "2026-03-02 07:00"),
        ("7d", "2026-03-02", None, "2026-02-23 07:00"),
        ("1d", "2026-03-30", None, "2026-03-29 07:00"),  # the morning after the clocks went forward
        ("1d", "2026-10-26", None, "2026-10-25 07:00"),  # and back
        ("0m", "2026-03-02", "14:00", "2026-03-02 14:00"),
        ("120m", "2026-03-02", "01:00", "2026-03-01 23:00"),
    ],
)
def test_the_moment_is_one_of_the_local_clock(
    zone: str, reminder: str, day: str, start: str | None, expected: str
) -> None:
    place = zoneinfo.ZoneInfo(zone)
    due = moment(
        reminder,
        datetime.date.fromisoformat(day),
        datetime.time.fromisoformat(start) if start else None,
        morning=datetime.time(7),
        zone=place,
        business=place,
    )
    assert due == at(expected, zone)


def test_minutes_are_counted_on_the_clock_that_runs() -> None:
    """Two hours before four o'clock in the night in which three follows upon two is one o'clock."""
    helsinki = zoneinfo.ZoneInfo("Europe/Helsinki")
    how: dict[str, Any] = {"morning": datetime.time(7), "zone": helsinki, "business": helsinki}
    spring, autumn = datetime.date(2026, 3, 29), datetime.date(2026, 10, 25)
    assert moment("120m", spring, datetime.time(5), **how) == at("2026-03-29 00:00")  # 02:00 there; 05:00 is 02:00 UTC
    assert moment("120m", autumn, datetime.time(5), **how) == at("2026-10-25 01:00")  # 03:00 there, the second one
    gap = moment("0m", spring, datetime.time(3, 30), **how)  # is left out: half an hour after the clocks went forward
    assert gap == at("2026-03-29 01:30")
    assert moment("0m", spring, None, **how) is None


@time_machine.travel("2026-02-27 08:00", tick=False)
def test_a_task_knows_its_moment(rep: User, company: Company) -> None:
    assert make(rep).remind_at is None
    task = make(rep, reminder="0d")
    assert task.remind_at == at("2026-03-02 07:00", "Europe/Helsinki")
    task = tasks.postpone(task, version=1, to=MONDAY + datetime.timedelta(days=1), on=MONDAY, by=rep)
    assert fresh(task).remind_at == at("2026-03-03 07:00", "Europe/Helsinki")
    done = tasks.cancel(task, version=2, on=MONDAY, by=rep).task
    assert fresh(done).remind_at is None
    assert fresh(tasks.reopen(done, version=3, on=MONDAY, by=rep)).remind_at == at("2026-03-03 05:00")
    assert make(rep, due_on=datetime.date(2026, 2, 27), reminder="0d").remind_at is None  # this morning is over


@time_machine.travel("2026-02-27 08:00", tick=False)
def test_what_waits_follows_the_clock_of_the_person(rep: User, company: Company) -> None:
    task, closed = make(rep, reminder="0d"), make(rep, reminder="1d")
    tasks.cancel(closed, version=1, on=MONDAY, by=rep)
    collaboration.prefer(rep, {"morning": datetime.time(9, 30)}, {"time_zone": "Europe/Rome"})
    assert fresh(task).remind_at == at("2026-03-02 09:30", "Europe/Rome")
    assert fresh(closed).remind_at is None


@time_machine.travel("2026-02-27 08:00", tick=False)
def test_minutes_need_a_start(rep: User, company: Company) -> None:
    with pytest.raises(Exception, match="begins at a time"):
        make(rep, reminder="15m")
    meeting = make(rep, kind="meeting", starts_at=datetime.time(14), duration=60, reminder="15m")
    assert meeting.remind_at == at("2026-03-02 13:45", "Europe/Helsinki")


# ── once ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_reminder_comes_once(rep: User, rep2: User, of: Salesperson, company: Company) -> None:
    with time_machine.travel("2026-02-27 08:00", tick=False):
        own = make(rep, reminder="0d")
        meeting = make(
            rep,
            kind="meeting",
            all_day=True,
            reminder="0d",
            attendees=[tasks.Taking(of)],
        )
        make(rep, due_on=MONDAY + datetime.timedelta(days=1), reminder="0d")
        Notification.objects.all().delete()
        assert reminding.remind_due() == 0
    with time_machine.travel("2026-03-02 05:00", tick=False):
        assert (reminding.remind_due(), reminding.remind_due()) == (2, 0)
    told = Notification.objects.order_by("task", "user").values_list("task", "user", "kind", "by_mail")
    assert sorted(told) == sorted(
        [
            (own.pk, rep.pk, "reminder", True),
            (meeting.pk, rep.pk, "reminder", True),
            (meeting.pk, rep2.pk, "reminder", True),
        ]
    )


def test_a_team_is_reminded(rep: User, rep2: User, jo: Salesperson, of: Salesperson, company: Company) -> None:
    with time_machine.travel("2026-02-27 08:00", tick=False):
        make(rep, salesperson=None, team=TeamFactory(members=[jo, of]), reminder="0d")
    Notification.objects.all().delete()
    with time_machine.travel("2026-03-02 06:00", tick=False):
        assert reminding.remind_due() == 1
    assert set(Notification.objects.values_list("user", flat=True)) == {rep.pk, rep2.pk}


@pytest.mark.django_db(transaction=True)
def test_two_at_once_do_not_take_the_same(rep: User, company: Company) -> None:
    with time_machine.travel("2026-02-27 08:00", tick=False):
        for _ in range(4):
            make(rep, reminder="0d")
    Task.objects.update(remind_at=at("2026-03-01 00:00"))
    found: list[int] = []

    def remind() -> None:
        found.append(reminding.remind_due())
        connections.close_all()

    with transaction.atomic():
        held = reminding.remind_due()
        other = threading.Thread(target=remind)
        other.start()
        other.join()
    assert (held, found, Notification.objects.count()) == (4, [0], 4)


# ── by mail ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def deal(acme: Contact, jo: Salesperson, cycle: SalesCycle, rep: User, company: Company) -> Opportunity:
    return make_opportunity(contact=acme, salesperson=jo, cycle=cycle, stage=1, by=rep, on=company.today())


def test_a_mention_by_mail_once(deal: Opportunity, rep: User, manager: User) -> None:
    manager.language = "fi"
    manager.save()
    comment = collaboration.write("opportunity", deal.pk, text="@Manager <b>look</b>", by=rep).comment
    assert (mails.queue(), mails.queue()) == (1, 0)
    ((name, arguments),) = waiting()
    assert work() == [name] == ["collaboration.mail"]
    (sent,) = mail.outbox
    assert sent.to == [manager.email]
    assert f"http://127.0.0.1:8000{comment.get_absolute_url()}" in sent.body
    assert "@Manager <b>look</b>" in sent.body
    page = sent.alternatives[0][0]
    assert "&lt;b&gt;look" in page and '<html lang="fi">' in page
    assert mails.send(arguments["notification"]) is False and len(mail.outbox) == 1


def test_what_is_not_to_be_seen_any_more_is_not_mailed(
    deal: Opportunity, of: Salesperson, rep: User, rep2: User
) -> None:
    grant = Grant.objects.create(opportunity=deal, salesperson=of)
    collaboration.write("opportunity", deal.pk, text="@Rep2", by=rep)
    grant.delete()
    mails.queue()
    work()
    assert mail.outbox == []


class Killed(BaseException):
    pass


def test_a_worker_killed_in_the_middle_of_a_mail_sends_none_twice(
    deal: Opportunity, rep: User, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    collaboration.write("opportunity", deal.pk, text="@Manager", by=rep)
    mails.queue()
    ((_name, arguments),) = waiting()

    def die(*_args: Any, **_how: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("collaboration.mails.mail.send", die)
        with pytest.raises(Killed):
            mails.send(key=arguments["notification"])
    assert mails.send(arguments["notification"]) is False
    assert mail.outbox == []


def test_a_mail_server_that_does_not_answer_loses_nothing(
    deal: Opportunity, rep: User, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    collaboration.write("opportunity", deal.pk, text="@Manager", by=rep)
    mails.queue()
    ((_name, arguments),) = waiting()

    def silent() -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as patch:
        patch.setattr("collaboration.mails.mail.mailbox", silent)
        with pytest.raises(ConnectionRefusedError):
            mails.send(arguments["notification"])
    assert mails.send(arguments["notification"]) is True


# ── the agenda ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("day", ["2026-03-27", "2026-03-30", "2026-10-23", "2026-10-26"])
def test_the_agenda_comes_at_the_persons_hour(rep: User, company: Company, zone: str, day: str) -> None:
    """On the last working day before the clocks change, and on the first after it."""
    User.objects.filter(pk=rep.pk).update(time_zone=zone)
    hour = at(f"{day} 07:00", zone)
    for moment_, count in ((hour - datetime.timedelta(minutes=1), 0), (hour, 1), (hour, 0)):
        with time_machine.travel(moment_, tick=False):
            assert reminding.queue_agendas() == count
    assert AgendaMail.objects.get().day == datetime.date.fromisoformat(day)


@pytest.mark.parametrize("zone", ZONES)
def test_an_hour_that_is_left_out_or_comes_twice(rep: User, company: Company, zone: str) -> None:
    """Half past two is left out on 29 March, and comes twice on 25 October (an hour later in Helsinki)."""
    User.objects.filter(pk=rep.pk).update(time_zone=zone)
    hour = 3 if zone == "Europe/Helsinki" else 2
    Preferences.objects.create(user=rep, weekdays_only=False, morning=datetime.time(hour, 30))
    for night in ("2026-03-29", "2026-10-25"):
        begin = at(f"{night} 00:00", zone)
        counts = []
        for minutes in range(0, 10 * 60, 10):
            with time_machine.travel(begin + datetime.timedelta(minutes=minutes), tick=False):
                counts.append(reminding.queue_agendas())
        assert sum(counts) == 1, night
        first = begin + datetime.timedelta(minutes=10 * counts.index(1))
        local = first.astimezone(zoneinfo.ZoneInfo(zone))
        expected = (hour + 1, 0) if night == "2026-03-29" else (hour, 30)
        assert (local.hour, local.minute, local.fold) == (*expected, 0)


def test_who_gets_no_agenda(rep: User, rep2: User, manager: User, company: Company) -> None:
    Preferences.objects.create(user=rep2, agenda=False)
    with time_machine.travel("2026-03-01 08:00", tick=False):  # a Sunday
        assert reminding.queue_agendas() == 0
    with time_machine.travel("2026-03-02 12:00", tick=False):  # seven hours late
        assert reminding.queue_agendas() == 0
    with time_machine.travel("2026-03-02 08:00", tick=False):
        assert reminding.queue_agendas() == 1
    assert AgendaMail.objects.get().user == rep


def test_what_the_agenda_says(deal: Opportunity, rep: User, rep2: User, company: Company) -> None:
    User.objects.filter(pk=rep.pk).update(language="de")
    for number, day in enumerate((-3, 0, 1, 6, 7)):
        make(rep, due_on=MONDAY + datetime.timedelta(days=day), description=f"Call {number} & ask", opportunity=deal)
    make(rep2, description="Not mine")
    with time_machine.travel("2026-03-02 08:00", tick=False):
        reminding.queue_agendas()
        work()
    (sent,) = [one for one in mail.outbox if one.to == [rep.email]]
    assert (sent.to, [f"Call {at}" in sent.body for at in range(5)]) == ([rep.email], [True] * 4 + [False])
    assert "Call 1 & ask" in sent.body and "Call 1 &amp; ask" in sent.alternatives[0][0]
    assert "Not mine" not in sent.body
    assert f"http://127.0.0.1:8000{Task.objects.get(description='Call 1 & ask').get_absolute_url()}" in sent.body
    assert [sent.body.index(f"Call {number}") for number in range(4)] == sorted(
        sent.body.index(f"Call {number}") for number in range(4)
    )


def test_nothing_to_say_is_no_mail(rep: User, company: Company) -> None:
    make(rep, due_on=MONDAY + datetime.timedelta(days=9))
    with time_machine.travel("2026-03-02 08:00", tick=False):
        assert reminding.queue_agendas() == 1
        assert work() == ["tasks.mail_agenda"]
        assert reminding.queue_agendas() == 0
    assert mail.outbox == []


def test_a_killed_digest_is_not_sent_twice(rep: User, company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    make(rep)
    with time_machine.travel("2026-03-02 08:00", tick=False):
        reminding.queue_agendas()
    key = AgendaMail.objects.get().pk

    def die(*_args: Any, **_how: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("tasks.reminding.mail.send", die)
        with pytest.raises(Killed):
            reminding.send_agenda(key)
    assert reminding.send_agenda(key) is False and mail.outbox == []
