"""The digest of the day and of the worklist: on working days at 08:30, made when sent, and not where nothing is to be said."""

import threading
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from django.core import mail
from django.db import connection

from mentoring.models import Duty
from mentoring.services import digests, duties, losses, plans
from mentoring.tasks import top_up_messages
from outbox.models import Message
from outbox.rules.registry import KINDS
from outbox.services import delivery, wishes
from people.rules.local_time import LOCAL, local_date
from people.services import gates
from tests.factories import NOW, make_lay_worker, make_midwife, make_mother
from tests.services.post import Recording, wait_for_a_lock

pytestmark = pytest.mark.django_db
TODAY = local_date(NOW)
MONDAY = date(2026, 10, 26)
OF_DAY = "digest_of_the_day"


@pytest.fixture
def lay_worker():
    return make_lay_worker(supervisor=make_midwife(now=NOW - timedelta(days=60)), now=NOW - timedelta(days=60))


def of(user):
    return Message.objects.filter(recipient_user=user, kind__startswith="digest_of", status="queued")


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=LOCAL)


def test_one_waits_for_each_working_day_at_half_past_eight_until_its_end(lay_worker):
    # A Friday after 08:30, two days before the clocks go back: Friday's may still go, then comes Monday's.
    assert digests.refresh_daily(now=NOW) == 4
    assert digests.refresh_daily(now=NOW) == 0
    rows = of(lay_worker.user).order_by("due_at")
    assert [(row.kind, row.channel, row.due_at, row.expires_at) for row in rows] == [
        (OF_DAY, "email", at("2026-10-23T08:30"), at("2026-10-24T00:00")),
        (OF_DAY, "email", at("2026-10-26T08:30"), at("2026-10-27T00:00")),
    ]
    assert {row.kind for row in of(lay_worker.supervisor.user)} == {"digest_of_the_worklist"}


@pytest.mark.parametrize(
    ("now", "days"),
    [
        # Saint Patrick's day and the twelfth of July are kept in Northern Ireland; Good Friday and Easter Monday too.
        ("2026-03-16T07:00", ["2026-03-16", "2026-03-18", "2026-03-19"]),
        ("2026-07-12T07:00", ["2026-07-14", "2026-07-15"]),
        ("2026-04-02T07:00", ["2026-04-02"]),
        ("2026-12-24T07:00", ["2026-12-24"]),
    ],
)
def test_bank_holidays_and_weekends_have_none(lay_worker, now, days):
    digests.refresh_daily(now=at(now))
    rows = of(lay_worker.user).order_by("nominal_on").values_list("nominal_on", flat=True)
    assert [day.isoformat() for day in rows] == days


def test_a_quiet_day_has_none_and_one_who_wants_none_gets_none(lay_worker):
    digests.refresh_daily(now=NOW)
    user = lay_worker.user
    wishes.keep_quiet(user=user, on=MONDAY, by=user, now=NOW)
    assert list(of(user).values_list("nominal_on", flat=True)) == [TODAY]
    wishes.end_quiet(user=user, quiet_day_id=user.quiet_days.get().pk, now=NOW)
    assert of(user).count() == 2
    wishes.change(user=user, wanted={(OF_DAY, "email"): False}, by=user, now=NOW)
    assert not of(user).exists()
    assert digests.refresh_daily(now=NOW) == 0


def sent(now):
    delivery.deliver_due(now=now)
    return {
        letter.to[0]: letter for letter in mail.outbox if "overdue," in letter.subject or "worklist" in letter.subject
    }


def test_it_says_what_stands_when_it_is_sent_by_codes_and_counts_alone(lay_worker, settings):
    overdue = make_mother(paired_with=lay_worker, starts_on=MONDAY - timedelta(days=4), now=NOW)
    due = make_mother(paired_with=lay_worker, starts_on=TODAY, now=NOW)
    held = make_mother(paired_with=lay_worker, starts_on=TODAY, now=NOW)
    midwife = lay_worker.supervisor
    digests.refresh_daily(now=NOW)
    now = at("2026-10-26T08:30")
    plans.change(mother=held, request=plans.Hold("loss"), asked_by="midwife", by=midwife.user, now=NOW)
    Duty.objects.all().update(closed_at=NOW, outcome="not_needed")
    duties.raise_now(kind=Duty.Kind.REPLY, mother=due, owner=midwife, due_on=MONDAY, by=None, now=NOW)
    later = MONDAY + timedelta(days=1)
    duties.raise_now(kind=Duty.Kind.REPLY, mother=overdue, owner=midwife, due_on=later, by=None, now=NOW)
    letters = sent(now)
    hers = letters[lay_worker.user.email]
    assert hers.subject == "Today: 2 overdue, 0 due"
    assert overdue.programme_code in hers.body and due.programme_code in hers.body
    assert held.programme_code not in hers.body
    work = letters[midwife.user.email]
    assert work.subject == "Your worklist: 1 duty, 0 open alerts"
    assert due.programme_code in work.body and overdue.programme_code not in work.body
    for letter in (hers, work):
        for mother in (overdue, due):
            assert mother.person.name_to_use not in letter.body + letter.subject


def test_a_duty_of_nobody_is_in_every_midwifes(lay_worker):
    mother = make_mother()
    duties.raise_now(kind=Duty.Kind.REPLY, mother=mother, owner=None, due_on=MONDAY, by=None, now=NOW)
    other = make_midwife()
    digests.refresh_daily(now=NOW)
    letters = sent(at("2026-10-26T08:30"))
    for midwife in (lay_worker.supervisor, other):
        assert letters[midwife.user.email].subject == "Your worklist: 1 duty, 0 open alerts"
        assert mother.programme_code in letters[midwife.user.email].body


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("to", ["lay-worker", "midwife"])
def test_a_digest_that_names_her_is_with_the_carrier_before_a_loss_commits_or_names_her_no_more(lay_worker, to):
    mother = make_mother(paired_with=lay_worker, starts_on=TODAY, now=NOW)
    midwife = lay_worker.supervisor.user
    duties.raise_now(kind="reply", mother=mother, owner=lay_worker.supervisor, due_on=MONDAY, by=None, now=NOW)
    digests.refresh_daily(now=NOW)
    user = midwife if to == "midwife" else lay_worker.user
    Message.objects.exclude(kind__startswith="digest_of", recipient_user=user, nominal_on=MONDAY).update(
        status="cancelled"
    )
    committed = threading.Event()

    def lose():
        losses.record(mother=mother, kind="miscarriage", by=midwife, now=NOW)
        committed.set()
        connection.close()

    def does(message):
        thread.start()
        waits.append(wait_for_a_lock())
        assert not committed.is_set()

    thread, waits = threading.Thread(target=lose), []
    carrier = Recording(does=does)
    delivery.deliver_due(now=at("2026-10-26T08:30"), carriers={"email": carrier})
    thread.join(10)
    assert (waits, committed.is_set()) == ([True], True)
    assert mother.programme_code in carrier.words[0].body


@pytest.mark.django_db(transaction=True)
def test_one_named_while_the_gates_are_locked_is_locked_too(lay_worker, monkeypatch):
    mothers = [make_mother(paired_with=lay_worker, starts_on=TODAY, now=NOW) for _number in range(2)]
    gate_ids = [mother.person.gate_id for mother in mothers]
    answers, locked = [{gate_ids[1]}, set(gate_ids), set(gate_ids)], []
    digests.refresh_daily(now=NOW)
    row = Message.objects.get(kind=OF_DAY, nominal_on=MONDAY)
    Message.objects.filter(pk=row.pk).update(status="handing_over", lease_until=at("2026-10-26T09:00"))
    monkeypatch.setitem(KINDS, OF_DAY, replace(KINDS[OF_DAY], gates=lambda some: answers.pop(0)))
    lock = gates.lock_shared
    monkeypatch.setattr(gates, "lock_shared", lambda ids: (locked.append(set(ids)), lock(ids)))
    delivery.hand_over(message_ids=[row.pk], carrier=Recording(), now=at("2026-10-26T08:30"))
    assert [set(gate_ids) & ids for ids in locked] == [{gate_ids[1]}, set(gate_ids)]
    assert all(lay_worker.user.gate_id in ids for ids in locked)


def test_where_nothing_is_to_be_said_nothing_is_sent(lay_worker):
    digests.refresh_daily(now=NOW)
    assert sent(at("2026-10-26T08:30")) == {}
    mondays = Message.objects.filter(kind__startswith="digest_of", nominal_on=MONDAY)
    assert set(mondays.values_list("status", "why")) == {("cancelled", "nothing_to_say")}
    # And it is not written again: it would be asked in vain each hour.
    digests.refresh_daily(now=at("2026-10-26T09:30"))
    assert not of(lay_worker.user).filter(nominal_on=MONDAY).exists()


def test_one_that_lay_until_the_night_does_not_go(lay_worker):
    make_mother(paired_with=lay_worker, starts_on=TODAY, now=NOW)
    digests.refresh_daily(now=NOW)
    delivery.expire(channel="email", now=at("2026-10-24T00:00"))
    assert Message.objects.filter(kind=OF_DAY, nominal_on=TODAY, status="expired").count() == 1


def test_the_hourly_tick_writes_them(lay_worker):
    assert top_up_messages() > 0
    assert of(lay_worker.user).exists()
