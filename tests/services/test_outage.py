"""Three days with nothing running, over a change of the clocks: what is past its use expires, the rest goes once, no flood."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from celery import current_app
from celery.worker.request import Request
from django.conf import settings
from kombu import Connection

from mentoring.services import alerts, appointments, reminders
from outbox.carriers import CarrierDown
from outbox.models import Message
from outbox.queries import queue, stuck
from outbox.services import delivery
from people.rules.local_time import end_of
from tests.factories import NOW, make_lay_worker, make_mother, make_user
from tests.services.post import Recording, kind, queued
from tests.services.texts import make_texted

pytestmark = pytest.mark.django_db
# From Friday 23 October, 11:30 in summer time, to Monday the 26th, 11:30 in winter time.
MONDAY = datetime(2026, 10, 26, 11, 30, tzinfo=UTC)
OCTOBER = {day: date(2026, 10, day) for day in range(1, 32)}


@pytest.fixture
def lay_worker():
    return make_lay_worker(now=NOW - timedelta(days=200))


@pytest.fixture
def mothers(lay_worker):
    """One mother for each day from the 16th to the 29th, with a contact due on it; next ones two weeks later."""
    return [make_mother(paired_with=lay_worker, starts_on=OCTOBER[day] - timedelta(days=84)) for day in range(16, 30)]


def first_tick(now=MONDAY):
    carriers = {channel: Recording(batch=500 if channel == "in_app" else 1) for channel in ("in_app", "email", "text")}
    delivery.deliver_due(now=now, carriers=carriers)
    return carriers


def standing(code, channel="in_app"):
    found = {}
    for status, due_on in Message.objects.filter(kind=code, channel=channel).values_list("status", "subject_due_on"):
        found.setdefault(status, set()).add(due_on.day if due_on.month == 10 else 0)
    return found


@pytest.mark.parametrize("channel", ["in_app", "email"])
def test_of_each_kind_just_what_is_still_of_use_goes(mothers, channel):
    first_tick()
    # Coming up: of use to the end of its day. Those due from the 29th on are not yet to be told.
    assert standing("contact_coming_up", channel) == {
        "expired": {23, 24, 25},
        "sent": {26, 27, 28},
        "queued": {0, 29, 30, 31},
    }
    # Overdue: three days after, of use until the window closes, seven days after.
    assert standing("contact_overdue", channel) == {
        "expired": {17, 18, 19},
        "sent": {20, 21, 22, 23},
        "queued": {0, *range(24, 32)},
    }
    pairing = Counter(Message.objects.filter(kind="new_pairing", channel=channel).values_list("status", flat=True))
    assert pairing == {"sent": len(mothers)}


def test_nothing_is_told_twice_however_many_ticks_follow(mothers):
    sent = first_tick()["in_app"].given
    reminders.top_up(now=MONDAY)
    for minutes in (1, 2, 10):
        assert first_tick(now=MONDAY + timedelta(minutes=minutes))["in_app"].given == []
    told = Counter(
        Message.objects.filter(pk__in=sent).values_list("kind", "subject", "subject_due_on", "recipient_user")
    )
    assert set(told.values()) == {1}
    # Three coming up, four overdue, fourteen new pairings: as many as are of use, and no mother about one subject twice.
    assert len(sent) == 3 + 4 + len(mothers)


def test_agreed_times_that_are_over_are_not_announced_and_a_text_does_not_come_the_day_after(lay_worker):
    made = [make_texted(paired_with=lay_worker, number=f"+4477009004{number:02d}") for number in range(3)]
    for mother, day, hour in zip(made, (24, 26, 27), (14, 15, 14), strict=True):
        starts_at = datetime(2026, 10, day, hour, tzinfo=UTC)
        appointments.agree(mother=mother, starts_at=starts_at, mode="phone", by=lay_worker.user, now=NOW)
    carriers = first_tick()
    own = Message.objects.filter(kind="appointment_tomorrow").order_by("subject")
    assert list(own.filter(channel="in_app").values_list("status", flat=True)) == ["expired", "sent", "queued"]
    assert list(own.filter(channel="text").values_list("status", flat=True)) == ["expired", "expired", "queued"]
    assert carriers["text"].given == []
    # What she was not told, her lay-worker is.
    assert Message.objects.filter(kind="text_did_not_go", channel="in_app").count() == 1


def test_of_the_days_digests_today_s_alone_goes(lay_worker):
    with kind("digest"):
        for day in (23, 24, 25, 26):
            at = datetime(2026, 10, day, 8, 30, tzinfo=UTC)
            queued(
                to=lay_worker.user, kind="digest", nominal_on=OCTOBER[day], due_at=at, expires_at=end_of(OCTOBER[day])
            )
        carriers = first_tick()
    days = {message.nominal_on.day: message.status for message in Message.objects.all()}
    assert days == {23: "expired", 24: "expired", 25: "expired", 26: "sent"}
    assert len(carriers["in_app"].given) == 1


def test_an_alert_of_the_outage_goes_still_and_before_anything_else(mothers):
    saturday = datetime(2026, 10, 24, 2, tzinfo=UTC)
    make_user("lead")
    alert = alerts.raise_alert(kind="concern_emergency", mother=mothers[0], by=None, now=saturday)
    carrier = Recording(batch=500)
    assert delivery.deliver_alerts(now=MONDAY, carriers={"in_app": carrier}) == len(carrier.given) > 0
    told = Message.objects.filter(pk__in=carrier.given)
    assert {(message.kind, message.detail["alert"]) for message in told} == {("alert_concern_emergency", alert.pk)}


def test_while_e_mail_is_dead_an_alert_that_waits_turns_the_queue_late_and_goes_within_two_minutes_after(lay_worker):
    def down(message):
        raise CarrierDown

    dead_for = 3 * 60
    with kind("alarm", any_hour=True):
        message = queued(to=lay_worker.user, kind="alarm", channel="email")
        late = []
        for minute in range(dead_for):
            at = NOW + timedelta(minutes=minute)
            delivery.deliver_alerts(now=at, carriers={"email": Recording(does=down)})
            [email] = [one for one in queue.queues(now=at, open_since=None) if one.channel == "email"]
            late.append(email.is_late)
        assert late == [minute > 15 for minute in range(dead_for)]
        back = Recording()
        for minute in (0, 1):
            delivery.deliver_alerts(now=NOW + timedelta(minutes=dead_for + minute), carriers={"email": back})
        assert back.given == [message.pk]


def test_what_piled_up_goes_within_the_seconds_of_a_tick_and_the_rest_with_the_next(lay_worker, monkeypatch):
    passed = [0.0]

    def takes_a_second(message):
        passed[0] += 1

    monkeypatch.setattr(delivery, "monotonic", lambda: passed[0])
    with kind():
        for day in range(40):
            queued(
                to=lay_worker.user, nominal_on=NOW.date() + timedelta(days=day), expires_at=MONDAY + timedelta(days=1)
            )
        sent = [
            delivery.deliver_due(
                now=MONDAY + timedelta(minutes=minute), carriers={"in_app": Recording(does=takes_a_second)}
            )
            for minute in range(4)
        ]
    assert sent == [delivery.SECONDS_A_TICK, delivery.SECONDS_A_TICK, 40 - 2 * delivery.SECONDS_A_TICK, 0]


def test_what_expired_is_listed_for_whoever_answers_for_the_jobs(mothers):
    first_tick()
    listed, _more = stuck.page(status="expired", before_id=None, now=MONDAY)
    # Three coming up and three overdue, each by two channels.
    assert len(listed) == 2 * 6
    assert not any(one.may_go for one in listed)


@pytest.mark.parametrize("name", sorted(settings.CELERY_BEAT_SCHEDULE))
def test_ticks_that_piled_up_in_the_broker_are_dropped_and_the_newest_is_not(name):
    current_app.loader.import_default_modules()
    entry = settings.CELERY_BEAT_SCHEDULE[name]
    with Connection("memory://") as broker, time_machine.travel(NOW, tick=False) as clock:
        current_app.send_task(entry["task"], connection=broker, **entry["options"])
        message = broker.SimpleQueue("celery").get(timeout=5)

        def is_dropped():
            request = Request(
                message, app=current_app, task=current_app.tasks[entry["task"]], hostname="here", eventer=None,
                connection_errors=(), on_ack=lambda *args: None, on_reject=lambda *args: None,
            )  # fmt: skip
            return bool(request.maybe_expire())

        clock.shift(entry["schedule"] - 1)
        assert not is_dropped()
        clock.shift(2)
        assert is_dropped()
