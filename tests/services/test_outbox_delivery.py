"""Claim, mark, hand over: nothing lost, nothing twice, nothing stale, nothing after a change that forbids it."""

import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from mentoring.services import contacts, pairings, plans
from outbox.carriers import CarrierDown, CarrierRefused
from outbox.models import Message
from outbox.rules.transitions import MESSAGE
from outbox.rules.tries import MOST_TRIES, MOST_TRIES_AT_ANY_HOUR, minutes_tried
from outbox.services import delivery, messages
from people.rules.transitions import DoesNotFollow
from people.services import gates, users
from people.services.users import switch
from tests.factories import NOW, make_lay_worker, make_mother, make_user
from tests.services.post import Recording, kind, queued, wait_for_a_lock
from tests.services.races import at_once
from tests.services.test_contacts import entry

pytestmark = pytest.mark.django_db
LAPSED = NOW + delivery.LEASE + timedelta(seconds=1)


class Killed(BaseException):
    """The process ends here, as by kill -9: nothing after it runs but the rollback."""


def die(message):
    raise Killed


def down(message):
    raise CarrierDown


@pytest.fixture(autouse=True)
def _kind():
    with kind():
        yield


@pytest.fixture
def user():
    return make_user("lay_worker")


def deliver(carrier, now=NOW, channel="in_app"):
    return delivery.deliver_due(now=now, carriers={channel: carrier})


def handed_over(pk, carrier, now):
    return delivery.hand_over(message_ids=[pk], carrier=carrier, now=now)[pk]


def standing(message):
    message.refresh_from_db()
    return message.status, message.why


def test_a_due_message_is_sent_once_however_many_ticks_follow(user):
    message, carrier = queued(to=user), Recording()
    assert [deliver(carrier), deliver(carrier), deliver(carrier, now=LAPSED)] == [1, 0, 0]
    assert carrier.given == [message.pk]
    assert standing(message) == ("sent", "")
    assert (message.sent_at, message.lease_until) == (NOW, None)


@pytest.mark.parametrize(
    ("now", "then"), [("queued", "claimed"), ("claimed", "handing_over"), ("handing_over", "sent")]
)
def test_every_step_asks_whether_its_status_may_follow(user, monkeypatch, now, then):
    message = queued(to=user)
    others = {status: when for status, when in MESSAGE.follows[now].items() if status != then}
    monkeypatch.setitem(MESSAGE.follows, now, others)
    with suppress(DoesNotFollow):
        deliver(Recording())
    assert standing(message)[0] == now


def test_what_was_sent_is_neither_withdrawn_nor_sent_again(user):
    message = queued(to=user)
    deliver(Recording())
    assert messages.cancel_many(ids=[message.pk], why="plan_changed", now=NOW) == 0
    assert messages.resend(message_id=message.pk, now=NOW) is False
    assert messages.become(Message.objects.filter(pk=message.pk), "queued", now=NOW) == 0
    assert standing(message) == ("sent", "")


def test_a_message_not_yet_due_waits(user):
    message, carrier = queued(to=user, due_at=NOW + timedelta(seconds=1)), Recording()
    assert deliver(carrier) == 0
    assert deliver(carrier, now=NOW + timedelta(seconds=1)) == 1
    assert standing(message) == ("sent", "")


def test_a_tick_with_nothing_to_do_asks_once_and_one_with_a_lapsed_lease_sees_it(user):
    message = queued(to=user, due_at=NOW + timedelta(minutes=1))
    with CaptureQueriesContext(connection) as asked:
        assert delivery.deliver_due(now=NOW) == 0
    assert len(asked) == 1
    assert delivery.claim(channel="in_app", limit=1, now=message.due_at) == [message.pk]
    assert delivery.deliver_due(now=message.due_at + delivery.LEASE) == 0
    assert delivery.deliver_due(now=message.due_at + delivery.LEASE + timedelta(seconds=1)) == 1


def test_a_lot_goes_in_as_many_queries_as_one_message(user):
    counts = []
    for many in (1, 30):
        rows = [queued(to=make_user("lay_worker")) for _time in range(many)]
        Message.objects.filter(status="queued").update(status="handing_over", lease_until=LAPSED)
        carrier = Recording(batch=500)
        with CaptureQueriesContext(connection) as asked:
            outcomes = delivery.hand_over(message_ids=[row.pk for row in rows], carrier=carrier, now=NOW)
        assert outcomes == {row.pk: "sent" for row in rows}
        assert carrier.given == [row.pk for row in rows]
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_in_one_lot_each_message_meets_its_own_fate_and_the_others_go(user):
    def does(message):
        if message.pk in trouble:
            raise trouble[message.pk]

    day = iter(range(99))
    rows = [queued(to=user, nominal_on=NOW.date() + timedelta(days=next(day))) for _time in range(5)]
    down_, refused, broken, stale, fine = rows
    trouble = {down_.pk: CarrierDown(), refused.pk: CarrierRefused(), broken.pk: TimeoutError()}
    Message.objects.filter(pk=stale.pk).update(expires_at=NOW)
    off, unknown = queued(to=make_user("lay_worker", is_active=False)), queued(to=user, kind="nobody_knows")
    with kind("unwanted", why_not=lambda messages, now: ["not_hers"] * len(messages)):
        unwanted, carrier = queued(to=user, kind="unwanted"), Recording(batch=500, does=does)
        Message.objects.filter(status="queued").update(status="handing_over", lease_until=LAPSED)
        everyone = [*rows, off, unknown, unwanted]
        delivery.hand_over(message_ids=[row.pk for row in everyone], carrier=carrier, now=NOW)
    assert carrier.given == [fine.pk]
    assert [standing(row) for row in everyone] == [
        ("queued", "carrier_down"),
        ("failed", "carrier_refused"),
        ("needs_a_person", "broken_off"),
        ("expired", ""),
        ("sent", ""),
        ("cancelled", "recipient_inactive"),
        ("failed", "unknown_kind"),
        ("cancelled", "not_hers"),
    ]


def test_a_message_past_its_use_is_expired_and_not_sent(user):
    message, carrier = queued(to=user, expires_at=NOW + timedelta(hours=1)), Recording()
    deliver(carrier, now=NOW + timedelta(hours=1))
    assert (carrier.given, standing(message)[0]) == ([], "expired")


def test_one_that_expires_between_claim_and_hand_over_is_not_sent(user):
    message, carrier = queued(to=user), Recording()
    delivery.mark(ids=delivery.claim(channel="in_app", limit=1, now=NOW), now=NOW)
    handed_over(message.pk, carrier=carrier, now=message.expires_at)
    assert (carrier.given, standing(message)[0]) == ([], "expired")


def test_a_message_no_longer_wanted_is_cancelled_with_why(user):
    with kind("unwanted", why_not=lambda messages, now: ["not_hers"]):
        message, carrier = queued(to=user, kind="unwanted"), Recording()
        deliver(carrier)
    assert (carrier.given, standing(message)) == ([], ("cancelled", "not_hers"))


def test_nothing_goes_to_someone_switched_off(user):
    message, carrier = queued(to=user), Recording()
    switch(user=user, active=False, by=make_user("administrator"), now=NOW)
    deliver(carrier)
    assert (carrier.given, standing(message)) == ([], ("cancelled", "recipient_inactive"))


def test_a_kind_that_nobody_registered_fails_and_holds_up_nothing(user):
    unknown, known, carrier = queued(to=user, kind="nobody_knows"), queued(to=user), Recording()
    assert deliver(carrier) == 1
    assert standing(unknown) == ("failed", "unknown_kind")
    assert carrier.given == [known.pk]


@pytest.mark.parametrize("part", ["compose", "why_not"])
@pytest.mark.parametrize("batch", [1, 500])
def test_a_message_that_cannot_be_made_waits_and_holds_up_nothing(user, part, batch):
    def breaks(*args):
        raise KeyError("a name that must not be logged")

    with kind("broken", **{part: breaks}):
        broken, whole, carrier = queued(to=user, kind="broken"), queued(to=user), Recording(batch=batch)
        assert deliver(carrier) == 1
    assert carrier.given == [whole.pk]
    assert standing(broken) == ("queued", "cannot_be_made")
    assert (broken.tries, broken.due_at) == (1, NOW + timedelta(minutes=1))


def test_what_breaks_a_message_is_logged_by_its_name_alone(user, caplog):
    def breaks(messages):
        raise KeyError("Ada Invented")

    with kind("broken", compose=breaks):
        queued(to=user, kind="broken")
        deliver(Recording())
    assert "KeyError" in caplog.text
    assert "Ada" not in caplog.text


def test_a_database_that_goes_away_is_no_fault_of_the_message(user):
    def gone(messages, now):
        raise OperationalError

    with kind("broken", why_not=gone):
        message = queued(to=user, kind="broken")
        with pytest.raises(OperationalError):
            deliver(Recording())
    assert (standing(message), message.tries) == (("handing_over", ""), 0)


class TestACarrierThatIsDown:
    def test_is_tried_again_later_and_later_and_at_last_given_up(self, user):
        message = queued(to=user, expires_at=NOW + timedelta(days=30))
        now, waits = NOW, []
        while standing(message)[0] == "queued":
            deliver(Recording(does=down), now=max(now, message.due_at))
            message.refresh_from_db()
            waits.append(message.due_at - max(now, message.status_at))
            now = message.due_at
            while not delivery.in_staff_hours(now):
                now += timedelta(hours=1)
        assert [wait.total_seconds() / 60 for wait in waits[:8]] == [1, 2, 4, 8, 16, 32, 60, 60]
        assert standing(message) == ("failed", "carrier_down")
        assert message.tries == MOST_TRIES

    def test_gets_an_alert_two_minutes_after_it_is_back_at_the_latest_and_not_given_up_for_three_days(self, user):
        with kind("alarm", any_hour=True):
            message = queued(to=user, kind="alarm", expires_at=NOW + timedelta(days=30))
            now, waits = NOW, []
            while standing(message)[0] == "queued":
                deliver(Recording(does=down), now=now)
                message.refresh_from_db()
                waits.append((message.due_at - now) / timedelta(minutes=1))
                if len(waits) == 9:
                    Message.objects.filter(pk=message.pk).update(tries=MOST_TRIES_AT_ANY_HOUR - 1)
                now = message.due_at
        assert waits[:9] == [1, 2, 2, 2, 2, 2, 2, 2, 2]
        assert standing(message) == ("failed", "carrier_down")
        assert minutes_tried(MOST_TRIES_AT_ANY_HOUR, any_hour=True) / 60 / 24 == pytest.approx(3, abs=0.01)

    def test_is_asked_once_a_tick_and_not_for_each_message(self, user):
        asked = []

        def refuses(message):
            asked.append(message.pk)
            raise CarrierDown

        for hour in range(5):
            queued(to=user, nominal_on=(NOW + timedelta(days=hour)).date())
        deliver(Recording(does=refuses))
        assert len(asked) == 1

    def test_holds_up_no_other(self, user):
        waiting, other = queued(to=user), queued(to=user, channel="email")
        carriers = {"in_app": Recording(does=down), "email": Recording()}
        assert delivery.deliver_due(now=NOW, carriers=carriers) == 1
        assert carriers["email"].given == [other.pk]
        assert standing(waiting) == ("queued", "carrier_down")

    def test_sends_once_when_it_is_back(self, user):
        message = queued(to=user)
        deliver(Recording(does=down))
        carrier = Recording()
        assert deliver(carrier) == 0
        assert deliver(carrier, now=NOW + timedelta(minutes=1)) == 1
        assert standing(message) == ("sent", "")

    def test_that_comes_back_after_three_days_finds_every_message_that_has_not_expired(self, user):
        stale = queued(to=user, nominal_on=NOW.date(), expires_at=NOW + timedelta(days=2))
        fresh = queued(to=user, nominal_on=NOW.date() + timedelta(days=1), expires_at=NOW + timedelta(days=5))
        for minute in range(0, 3 * 24 * 60, 10):
            deliver(Recording(does=down), now=NOW + timedelta(minutes=minute))
        back = Recording()
        deliver(back, now=NOW + timedelta(days=3, hours=1))
        assert back.given == [fresh.pk]
        assert standing(stale)[0] == "expired"


def test_a_message_the_carrier_will_never_take_has_failed_and_the_next_goes(user):
    def refuses_the_first(message):
        if message.pk == first.pk:
            raise CarrierRefused

    first, second = queued(to=user), queued(to=user, nominal_on=NOW.date() + timedelta(days=1))
    assert deliver(Recording(does=refuses_the_first)) == 1
    assert (standing(first), standing(second)) == (("failed", "carrier_refused"), ("sent", ""))


@pytest.mark.parametrize("error", [ConnectionResetError, TimeoutError, ValueError])
def test_a_line_that_breaks_after_something_was_said_leaves_the_message_to_a_person(user, error):
    def breaks(message):
        raise error

    message, carrier = queued(to=user), Recording()
    deliver(Recording(does=breaks))
    assert standing(message) == ("needs_a_person", "broken_off")
    deliver(carrier, now=LAPSED)
    assert carrier.given == []


class TestAWorkerThatDies:
    def test_after_its_claim_loses_nothing_and_the_message_goes_once(self, user):
        message, carrier = queued(to=user), Recording()
        assert delivery.claim(channel="in_app", limit=1, now=NOW) == [message.pk]
        assert deliver(carrier) == 0, "the lease still holds"
        assert deliver(carrier, now=LAPSED) == 1
        assert carrier.given == [message.pk]

    def test_between_mark_and_hand_over_doubles_nothing_where_nobody_can_know(self, user):
        message, carrier = queued(to=user), Recording(accepted=None)
        with pytest.raises(Killed):
            deliver(Recording(does=die))
        assert standing(message)[0] == "handing_over"
        deliver(carrier, now=NOW + timedelta(minutes=1))
        assert standing(message)[0] == "handing_over", "its lease still holds"
        deliver(carrier, now=LAPSED)
        assert (carrier.given, standing(message)) == ([], ("needs_a_person", "worker_died"))

    @pytest.mark.parametrize(("accepted", "sends_again"), [(True, 0), (False, 1)])
    def test_there_is_asked_about_by_reference_where_the_carrier_can_be_asked(self, user, accepted, sends_again):
        message, carrier = queued(to=user), Recording(accepted=accepted)
        with pytest.raises(Killed):
            deliver(Recording(does=die))
        deliver(carrier, now=LAPSED)
        assert len(carrier.given) == sends_again
        assert standing(message)[0] == "sent"

    def test_and_was_only_slow_sends_nothing_once_its_lease_was_taken_from_it(self, user):
        message, carrier = queued(to=user), Recording()
        delivery.mark(ids=delivery.claim(channel="in_app", limit=1, now=NOW), now=NOW)
        delivery.recover(channel="in_app", carrier=carrier, now=LAPSED)
        handed_over(message.pk, carrier=carrier, now=LAPSED)
        assert (carrier.given, standing(message)[0]) == ([], "needs_a_person")


def test_a_claimed_message_that_is_withdrawn_before_it_is_marked_is_not_sent(user):
    message = queued(to=user)
    ids = delivery.claim(channel="in_app", limit=1, now=NOW)
    messages.cancel_many(ids=ids, why="plan_changed", now=NOW)
    assert delivery.mark(ids=ids, now=NOW) == []
    assert standing(message) == ("cancelled", "plan_changed")


@pytest.mark.parametrize(
    ("at", "goes"),
    [
        # The clocks go back on 25 October 2026 at 01:00 UTC: 08:00 local is 07:00 UTC before and 08:00 UTC after.
        (datetime(2026, 10, 24, 6, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 10, 24, 7, 0, tzinfo=UTC), True),
        (datetime(2026, 10, 24, 18, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 10, 24, 19, 0, tzinfo=UTC), False),
        (datetime(2026, 10, 25, 7, 0, tzinfo=UTC), False),
        (datetime(2026, 10, 25, 8, 0, tzinfo=UTC), True),
        (datetime(2026, 10, 25, 19, 30, tzinfo=UTC), True),
        (datetime(2026, 10, 25, 20, 0, tzinfo=UTC), False),
        # Forward on 28 March 2027.
        (datetime(2027, 3, 27, 7, 30, tzinfo=UTC), False),
        (datetime(2027, 3, 28, 7, 0, tzinfo=UTC), True),
    ],
)
def test_staff_are_written_to_from_eight_to_eight_local_and_a_message_waits_till_then(user, at, goes):
    message = queued(to=user, due_at=at - timedelta(hours=3), now=at - timedelta(hours=4))
    assert deliver(Recording(), now=at) == goes
    assert standing(message)[0] == ("sent" if goes else "queued")


def test_an_alert_goes_at_any_hour(user):
    night = datetime(2026, 10, 24, 1, 0, tzinfo=UTC)
    with kind("alarm", any_hour=True):
        message, quiet = queued(to=user, kind="alarm", now=night), queued(to=user, now=night)
        assert deliver(Recording(), now=night) == 1
    assert (standing(message)[0], standing(quiet)[0]) == ("sent", "queued")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("batch", [1, 500])
def test_four_ticks_at_once_send_each_message_once(user, batch):
    people = [user, *(make_user("lay_worker") for _time in range(3))]
    rows = {queued(to=person, nominal_on=NOW.date() + timedelta(days=day)).pk for person in people for day in range(15)}
    carrier = Recording(batch=batch)
    results = at_once(*[lambda: deliver(carrier)] * 4)
    assert sum(results) == 60, results
    assert sorted(carrier.given) == sorted(rows)
    assert set(Message.objects.values_list("status", flat=True)) == {"sent"}


@pytest.mark.django_db(transaction=True)
class TestTheGate:
    """Taken shared by a hand-over, exclusively by what forbids it: whichever comes first, the other waits."""

    @pytest.fixture
    def reminder(self):
        lay_worker = make_lay_worker(now=NOW - timedelta(days=60))
        mother = make_mother(paired_with=lay_worker, starts_on=NOW.date() - timedelta(days=14))
        message = Message.objects.filter(subject=mother.person, channel="in_app", status="queued").earliest("due_at")
        now = max(NOW, message.due_at)
        return mother, lay_worker, message, now

    @pytest.mark.parametrize("what", ["hold", "pause", "end of pairing"])
    def test_a_change_under_way_is_waited_for_and_then_nothing_is_sent(self, reminder, what):
        mother, lay_worker, message, now = reminder
        carrier, locked, waited = Recording(), threading.Event(), []

        def change():
            with transaction.atomic():
                gates.lock_exclusively([mother.person.gate_id])
                locked.set()
                waited.append(wait_for_a_lock())
                if what == "end of pairing":
                    pairings.end(pairing=mother.pairings.get(), reason="moved", by=lay_worker.supervisor.user, now=now)
                else:
                    asked = plans.Hold("unreachable") if what == "hold" else plans.PauseFor()
                    plans.change(mother=mother, request=asked, asked_by="midwife", by=lay_worker.user, now=now)

        def send():
            ids = delivery.mark(ids=delivery.claim(channel="in_app", limit=1, now=now), now=now)
            assert ids == [message.pk]
            locked.wait(10)
            handed_over(message.pk, carrier=carrier, now=now)

        assert at_once(change, send) == [None, None]
        assert waited == [True], "the hand-over did not wait"
        if what != "pause":
            assert carrier.given == []
            assert standing(message)[0] == "cancelled"

    def test_a_change_waits_for_the_message_in_a_carriers_hands_and_a_log_entry_does_not(self, reminder):
        mother, lay_worker, message, now = reminder
        in_hand, let_go, order = threading.Event(), threading.Event(), []

        def hangs(message):
            in_hand.set()
            assert let_go.wait(20)
            order.append("handed over")

        def send():
            delivery.mark(ids=delivery.claim(channel="in_app", limit=1, now=now), now=now)
            return handed_over(message.pk, carrier=Recording(does=hangs), now=now)

        def hold():
            assert in_hand.wait(10)
            contacts.record(
                mother=mother,
                lay_worker=lay_worker,
                entry=entry(happened_at=now - timedelta(hours=1), outcome="no_answer", minutes=None, present=None),
                by=lay_worker.user,
                now=now,
            )
            order.append("logged")
            request = plans.Hold("unreachable")
            plans.change(mother=mother, request=request, asked_by="midwife", by=lay_worker.user, now=now)
            order.append("held")

        def lets_go():
            assert in_hand.wait(10)
            waited = wait_for_a_lock()
            let_go.set()
            return waited

        assert at_once(send, hold, lets_go) == ["sent", None, True]
        assert order == ["logged", "handed over", "held"]

    def test_two_messages_about_one_mother_are_handed_over_side_by_side(self, reminder):
        mother, _lay_worker, _message, _now = reminder
        both = threading.Barrier(2)
        rows = [queued(to=make_user("lay_worker"), subject_id=mother.person_id) for _time in range(2)]
        ids = delivery.mark(ids=[row.pk for row in rows], now=NOW)
        assert ids == []
        Message.objects.filter(pk__in=[row.pk for row in rows]).update(
            status="handing_over", lease_until=NOW + delivery.LEASE
        )
        carrier = Recording(does=lambda message: both.wait(10))
        results = at_once(*[lambda pk=row.pk: handed_over(pk, carrier=carrier, now=NOW) for row in rows])
        assert results == ["sent", "sent"]

    def test_whoever_is_switched_off_meanwhile_gets_nothing(self, reminder):
        _mother, lay_worker, message, now = reminder
        carrier, locked, waited = Recording(), threading.Event(), []
        by = make_user("administrator")

        def switch_off():
            with transaction.atomic():
                gates.lock_exclusively([lay_worker.user.gate_id])
                locked.set()
                waited.append(wait_for_a_lock())
                users.switch(user=lay_worker.user, active=False, by=by, now=now)

        def send():
            delivery.mark(ids=delivery.claim(channel="in_app", limit=1, now=now), now=now)
            locked.wait(10)
            return handed_over(message.pk, carrier=carrier, now=now)

        assert at_once(switch_off, send) == [None, "cancelled"]
        assert (waited, carrier.given) == ([True], [])
        assert standing(message) == ("cancelled", "recipient_inactive")
