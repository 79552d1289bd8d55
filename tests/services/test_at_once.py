"""Two at once, for each lock of a service that no other test tries: take the lock away and one of these fails."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from mentoring.models import Appointment, Contact, LayWorker, Mother, Pairing, PlannedContact
from mentoring.rules.refusals import Refused
from mentoring.services import appointments, contacts, mothers, pairings, plans, protocol
from outbox.models import Message
from outbox.rules.transitions import LEASED
from outbox.services import delivery, messages
from people.models import AccessLog, RoleGrant
from people.rules.local_time import local_date
from people.rules.roles import Role
from people.services import log, roles, users
from tests.factories import NOW, make_contact, make_lay_worker, make_mother, make_user, safe_sheet
from tests.services.post import Recording, kind, queued, wait_for_a_lock
from tests.services.races import at_once
from tests.services.test_contacts import entry

pytestmark = pytest.mark.django_db(transaction=True)
TODAY = local_date(NOW)
LAPSED = NOW + delivery.LEASE + timedelta(seconds=1)


@pytest.fixture
def lay_worker() -> LayWorker:
    return make_lay_worker(now=NOW - timedelta(days=60))


@pytest.fixture
def mother(lay_worker: LayWorker) -> Mother:
    return make_mother(paired_with=lay_worker, starts_on=TODAY - timedelta(days=28), now=NOW - timedelta(days=28))


def meet_before(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    """Whoever comes to this function waits a second for another to come too: nobody else can where the lock holds."""
    barrier, original = threading.Barrier(2), getattr(module, name)

    def waiting(*args: Any, **kwargs: Any) -> Any:
        with suppress(threading.BrokenBarrierError):
            barrier.wait(1)
        return original(*args, **kwargs)

    monkeypatch.setattr(module, name, waiting)


def unreached(contact: Contact) -> Callable[[], object]:
    """Return a correction of an entry to one that fulfils nothing."""
    other = entry(client_id=contact.client_id, outcome="no_answer", minutes=None, present=None, concern="")
    return lambda: contacts.correct(
        contact=contact, entry=other, reason="No one answered", by=contact.lay_worker.user, now=NOW
    )


def taken_back(contact: Contact) -> Callable[[], object]:
    return lambda: contacts.void(contact=contact, reason="Of another", by=contact.lay_worker.user, now=NOW)


@pytest.mark.parametrize(
    ("first", "second"), [(unreached, unreached), (unreached, taken_back), (taken_back, taken_back)]
)
def test_of_two_entries_in_one_window_changed_at_once_neither_keeps_it(
    mother: Mother, lay_worker: LayWorker, monkeypatch: pytest.MonkeyPatch, first: Any, second: Any
) -> None:
    made = [
        make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW - timedelta(days=days), now=NOW)
        for days in (2, 1)
    ]
    assert PlannedContact.objects.filter(fulfilled_by__in=made).count() == 1
    meet_before(monkeypatch, plans, "refulfil")
    results = at_once(first(made[0]), second(made[1]))
    assert not any(isinstance(result, Exception) for result in results), results
    assert not PlannedContact.objects.filter(fulfilled_by__isnull=False).exists()


def test_an_entry_taken_back_while_it_is_corrected_is_one_or_the_other_first(
    mother: Mother, lay_worker: LayWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact = make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW - timedelta(days=1), now=NOW)
    meet_before(monkeypatch, plans, "refulfil")
    corrected, voided = at_once(unreached(contact), taken_back(contact))
    assert isinstance(voided, Contact)
    if isinstance(corrected, Exception):
        assert isinstance(corrected, Refused) and corrected.code == "voided"
        assert not contact.corrections.exists()
    assert not PlannedContact.objects.filter(fulfilled_by__isnull=False).exists()


def test_a_contact_logged_while_the_plan_changes_makes_no_window_that_is_taken_out(
    lay_worker: LayWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    mother = make_mother(paired_with=lay_worker, starts_on=TODAY - timedelta(days=9), now=NOW - timedelta(days=9))
    meet_before(monkeypatch, plans, "_settle_fulfilment")
    results = at_once(
        lambda: contacts.record(mother=mother, lay_worker=lay_worker, entry=entry(), by=lay_worker.user, now=NOW),
        lambda: plans.change(mother=mother, request=plans.Rhythm(28), asked_by="midwife", by=lay_worker.user, now=NOW),
    )
    assert not any(isinstance(result, Exception) for result in results), results
    assert not PlannedContact.objects.filter(withdrawn_at__isnull=False, fulfilled_by__isnull=False).exists()


@pytest.mark.parametrize("days", [3, 600], ids=["in a window", "an extra visit"])
def test_a_time_agreed_by_a_double_click_is_one_appointment(mother: Mother, lay_worker: LayWorker, days: int) -> None:
    starts_at = NOW + timedelta(days=days)
    results = at_once(
        *[lambda: appointments.agree(mother=mother, starts_at=starts_at, mode="phone", by=lay_worker.user, now=NOW)] * 6
    )
    assert not any(isinstance(result, Exception) for result in results), results
    assert Appointment.objects.count() == 1


def test_of_two_times_agreed_at_once_for_one_contact_one_stands(mother: Mother, lay_worker: LayWorker) -> None:
    results = at_once(
        *[
            lambda hours=hours: appointments.agree(
                mother=mother,
                starts_at=NOW + timedelta(days=3, hours=hours),
                mode="phone",
                by=lay_worker.user,
                now=NOW,
            )
            for hours in range(4)
        ]
    )
    assert not any(isinstance(result, Exception) for result in results), results
    assert Appointment.objects.filter(withdrawn_at__isnull=True).count() == 1
    assert Appointment.objects.count() == 4


def test_an_appointment_called_off_by_two_at_once_was_called_off_by_one(mother: Mother, lay_worker: LayWorker) -> None:
    agreed = appointments.agree(
        mother=mother, starts_at=NOW + timedelta(days=3), mode="phone", by=lay_worker.user, now=NOW
    )
    people = [make_user() for _number in range(4)]
    results = at_once(
        *[lambda user=user: appointments.call_off(appointment=agreed, by=user, now=NOW) for user in people]
    )
    assert len({result.withdrawn_by_id for result in results}) == 1


def test_the_last_place_of_a_lay_worker_is_filled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lay_worker = make_lay_worker()
    protocol.change(
        antenatal_every_days=14,
        postnatal_every_days=14,
        mothers_per_lay_worker=1,
        reason="to try it",
        by=lay_worker.user,
        now=NOW,
    )
    waiting = [make_mother() for _number in range(2)]
    meet_before(monkeypatch, pairings, "_hand_rows_to")
    results = at_once(
        *[
            lambda mother=mother: pairings.pair(mother=mother, lay_worker=lay_worker, by=lay_worker.user, now=NOW)
            for mother in waiting
        ]
    )
    assert [result.code for result in results if isinstance(result, Refused)] == ["lay_worker_full"]
    assert Pairing.objects.filter(ended_at__isnull=True).count() == 1


def test_a_right_agreed_to_or_ended_by_two_at_once_was_so_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    holder, giver, one, other = (make_user(Role.ADMINISTRATOR) for _number in range(4))
    grant = roles.grant(user=holder, role=Role.COORDINATOR, by=giver, now=NOW)
    meet_before(monkeypatch, log, "write")
    at_once(*[lambda by=by: roles.second(grant=grant, by=by, now=NOW) for by in (one, other)])
    at_once(*[lambda by=by: roles.end(grant=RoleGrant.objects.get(pk=grant.pk), by=by, now=NOW) for by in (one, other)])
    said = list(AccessLog.objects.filter(kind="role_changed").order_by("pk").values_list("detail__what", flat=True))
    assert said == ["granted", "seconded", "ended"]


def test_an_account_switched_off_or_accepted_twice_at_once_is_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    by = make_user(Role.ADMINISTRATOR)
    user = users.invite(email="new@example.org", name="New Person", by=by, now=NOW)
    meet_before(monkeypatch, log, "write")
    at_once(*[lambda: users.password_chosen(user=user, now=NOW)] * 2)
    at_once(*[lambda: users.switch(user=user, active=False, by=by, now=NOW)] * 2)
    said = list(AccessLog.objects.filter(kind="account_changed").order_by("pk").values_list("detail__what", flat=True))
    assert said == ["invited", "joined", "password_reset", "switched_off"]


def _cover(mother: Mother, lay_worker: LayWorker) -> Any:
    return pairings.arrange_cover(
        mother=mother,
        lay_worker=make_lay_worker(supervisor=lay_worker.supervisor),
        starts_on=TODAY + timedelta(days=20),
        ends_on=TODAY + timedelta(days=24),
        by=lay_worker.supervisor.user,
        now=NOW,
    )


def _act(what: str, mother: Mother, lay_worker: LayWorker) -> Callable[[], object]:
    """Return a change after which a message may be forbidden, made ready here so that it alone runs beside the carrier."""
    by = lay_worker.supervisor.user
    change = {
        "pause": plans.PauseFor(),
        "hold": plans.Hold("loss"),
        "rhythm": plans.Rhythm(28),
    }
    if what in change:
        return lambda: plans.change(mother=mother, request=change[what], asked_by="midwife", by=by, now=NOW)
    if what == "pairing ends":
        pairing = mother.pairings.get()
        return lambda: pairings.end(pairing=pairing, reason="moved", by=by, now=NOW)
    if what == "cover":
        return lambda: _cover(mother, lay_worker)
    if what == "cover called off":
        arranged = _cover(mother, lay_worker)
        return lambda: pairings.cancel_cover(cover=arranged, by=by, now=NOW)
    if what == "not safe to talk":
        return lambda: mothers.suspend_safe_contact(mother=mother, by=by, now=NOW)
    if what == "safe contact asked again":
        return lambda: mothers.renew_safe_contact(mother=mother, sheet=safe_sheet(), numbers=(), by=by, now=NOW)
    if what == "right ends":
        grant = RoleGrant.objects.get(user=lay_worker.user)
        return lambda: roles.end(grant=grant, by=by, now=NOW)
    return lambda: users.switch(user=lay_worker.user, active=False, by=by, now=NOW)


@pytest.mark.parametrize(
    "what",
    [
        "pause", "hold", "rhythm", "pairing ends", "cover", "cover called off", "not safe to talk",
        "safe contact asked again", "right ends", "account switched off",
    ],
)  # fmt: skip
def test_a_change_that_may_forbid_a_message_waits_for_one_in_a_carriers_hands(
    mother: Mother, lay_worker: LayWorker, what: str
) -> None:
    in_hand, let_go, order = threading.Event(), threading.Event(), []

    def hangs(message: Message) -> None:
        in_hand.set()
        assert let_go.wait(20)
        order.append("handed over")

    def send() -> object:
        return delivery.hand_over(message_ids=[message.pk], carrier=Recording(does=hangs), now=NOW)

    act = _act(what, mother, lay_worker)

    def change() -> None:
        assert in_hand.wait(10)
        act()
        order.append("changed")

    def lets_go() -> bool:
        assert in_hand.wait(10)
        waited = wait_for_a_lock(3)
        let_go.set()
        return waited

    with kind():
        message = queued(to=lay_worker.user, subject_id=mother.person_id)
        Message.objects.filter(pk=message.pk).update(status="handing_over", lease_until=NOW + delivery.LEASE)
        assert at_once(send, change, lets_go) == [{message.pk: "sent"}, None, True]
    assert order == ["handed over", "changed"]


@pytest.fixture
def message() -> Iterator[Message]:
    with kind():
        yield queued(to=make_user())


def stand(message: Message, status: str) -> None:
    lease = NOW + delivery.LEASE if status in LEASED else None
    Message.objects.filter(pk=message.pk).update(status=status, lease_until=lease)


def beside(under_way: Callable[[], object], act: Callable[[], Any]) -> tuple[Any, bool]:
    """Return what ``act`` gives while ``under_way`` is done and not committed, and whether it waited for that."""
    done, over = threading.Event(), threading.Event()
    waited = []

    def first() -> None:
        with transaction.atomic():
            under_way()
            done.set()
            for _time in range(500):
                if over.wait(0.02):
                    return
                if wait_for_a_lock(0.02):
                    waited.append(True)
                    return

    def second() -> Any:
        assert done.wait(10)
        try:
            return act()
        finally:
            over.set()

    problem, found = at_once(first, second)
    assert problem is None and not isinstance(found, Exception), (problem, found)
    return found, bool(waited)


def claimed() -> list[int]:
    return delivery.claim(channel="in_app", limit=1, now=NOW)


def test_what_one_worker_claims_another_passes_by_without_waiting(message: Message) -> None:
    other = queued(to=make_user())
    found, waited = beside(claimed, claimed)
    assert (found, waited) == ([other.pk], False)


@pytest.mark.parametrize("waiting", [True, False])
def test_a_message_about_to_go_is_not_withdrawn_any_more(message: Message, waiting: bool) -> None:
    stand(message, "claimed")
    found, waited = beside(
        lambda: delivery.mark(ids=[message.pk], now=NOW),
        lambda: messages.cancel_many(ids=[message.pk], why="held", now=NOW, waiting=waiting),
    )
    message.refresh_from_db()
    assert (found, waited, message.status) == (0, waiting, "handing_over")


def test_a_message_that_is_being_claimed_is_withdrawn_once_that_is_done(message: Message) -> None:
    found, waited = beside(claimed, lambda: messages.cancel_many(ids=[message.pk], why="held", now=NOW))
    message.refresh_from_db()
    assert (found, waited, message.status) == (1, True, "cancelled")


def test_a_slow_worker_who_goes_on_keeps_what_the_next_tick_would_queue_again(message: Message) -> None:
    stand(message, "claimed")
    found, waited = beside(
        lambda: delivery.mark(ids=[message.pk], now=LAPSED),
        lambda: delivery.recover(channel="in_app", carrier=Recording(), now=LAPSED),
    )
    message.refresh_from_db()
    assert (found, waited, message.status) == (0, False, "handing_over")


@pytest.mark.parametrize("accepted", [None, True, False])
def test_a_slow_hand_over_is_not_asked_about_while_it_lasts(message: Message, accepted: bool | None) -> None:
    stand(message, "handing_over")
    found: list[object] = []

    def next_tick(_message: Message) -> None:
        found.extend(
            at_once(lambda: delivery.recover(channel="in_app", carrier=Recording(accepted=accepted), now=LAPSED))
        )

    delivery.hand_over(message_ids=[message.pk], carrier=Recording(does=next_tick), now=NOW)
    message.refresh_from_db()
    assert (found, message.status, message.why) == ([0], "sent", "")


def test_a_message_that_is_being_claimed_is_not_expired_beside_that(message: Message) -> None:
    found, waited = beside(claimed, lambda: delivery.expire(channel="in_app", now=message.expires_at))
    message.refresh_from_db()
    assert (found, waited, message.status) == (0, False, "claimed")


def test_what_is_of_no_use_any_more_is_not_written() -> None:
    for number, expires_at in enumerate((NOW, NOW + timedelta(seconds=1))):
        new = messages.New(
            kind="tried_here",
            channel="in_app",
            nominal_on=TODAY,
            due_at=NOW - timedelta(hours=1),
            expires_at=expires_at,
            recipient_user_id=make_user().pk,
        )
        assert messages.queue_many([new], now=NOW) == number
    assert Message.objects.count() == 1


def test_a_message_that_cannot_be_made_and_was_settled_meanwhile_stays_as_it_is(
    message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    def settled_by_another(**_what: object) -> None:
        stand(message, "needs_a_person")
        raise delivery.CannotBeMade

    monkeypatch.setattr(delivery, "hand_over", settled_by_another)
    assert delivery.deliver_due(now=NOW, carriers={"in_app": Recording()}) == 0
    message.refresh_from_db()
    assert (message.status, message.tries) == ("needs_a_person", 0)


@pytest.mark.parametrize("status", Message.Status.values)
def test_a_person_sends_again_only_what_is_stuck_and_still_of_use(message: Message, status: str) -> None:
    stand(message, status)
    assert messages.resend(message_id=message.pk, now=message.expires_at) is False
    assert messages.resend(message_id=message.pk, now=NOW) is (status in {"failed", "needs_a_person"})
    message.refresh_from_db()
    assert (message.status == "queued") is (status in {"failed", "needs_a_person", "queued"})
