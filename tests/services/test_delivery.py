"""The three steps of a message's way out, with the faults that break others: two workers, a death in between, a loss."""

import socket
import threading
from datetime import timedelta

import pytest
from aiosmtpd.controller import Controller
from django.db import connection, transaction

from mentoring.services import plans
from outbox.carriers import CarrierDown
from outbox.carriers.smtp import Smtp
from outbox.models import Message
from outbox.services import delivery
from people.rules.local_time import local_date
from people.services import gates
from tests.conftest import NOW
from tests.factories import make_lay_worker, make_mother
from tests.services.races import at_once

pytestmark = pytest.mark.django_db
TODAY = local_date(NOW)


class Recording:
    """A carrier that remembers every reference it accepted."""

    batch = 1

    def __init__(self, *, down=False, accepted=None):
        self.references = []
        self.down = down
        self.accepted = accepted

    def hand_over(self, message, words):
        if self.down:
            raise CarrierDown
        self.references.append(message.reference)

    def was_accepted(self, message):
        return self.accepted


@pytest.fixture
def mother():
    lay_worker = make_lay_worker(now=NOW - timedelta(days=60))
    return make_mother(paired_with=lay_worker, starts_on=TODAY - timedelta(days=4), now=NOW - timedelta(days=4))


def waiting(mother, channel="email"):
    """Return the overdue reminder of the first contact, due yesterday: its window is open."""
    return Message.objects.get(
        subject=mother.person, kind="contact_overdue", channel=channel, subject_due_on=mother.starts_on
    )


def test_a_due_reminder_goes_once_and_a_second_tick_sends_nothing(mother):
    carrier = Recording()
    assert delivery.deliver_due(now=NOW, carriers={"email": carrier}) == 1
    assert delivery.deliver_due(now=NOW, carriers={"email": carrier}) == 0
    assert carrier.references == [waiting(mother).reference]
    assert waiting(mother).status == "sent"


def test_what_is_no_longer_wanted_is_cancelled_with_its_why(mother):
    mother.planned_contacts.filter(due_on=mother.starts_on).update(withdrawn_at=NOW, withdrawn_why="rhythm")
    carrier = Recording()
    delivery.deliver_due(now=NOW, carriers={"email": carrier})
    assert carrier.references == []
    assert (waiting(mother).status, waiting(mother).why) == ("cancelled", "withdrawn")


def test_what_is_stale_after_an_outage_expires_and_is_not_sent(mother):
    carrier = Recording()
    late = NOW + timedelta(days=6)
    delivery.deliver_due(now=late, carriers={"email": carrier})
    assert waiting(mother).status == "expired"
    assert waiting(mother).reference not in carrier.references


def test_nothing_goes_to_staff_at_night_but_what_may(mother):
    night = NOW.replace(hour=22)
    assert delivery.deliver_due(now=night, carriers={"email": Recording()}) == 0
    assert waiting(mother).status == "queued"


def test_a_carrier_that_is_down_is_tried_again_later_and_holds_up_no_other(mother):
    other = Recording()
    delivery.deliver_due(now=NOW, carriers={"email": Recording(down=True), "in_app": other})
    assert waiting(mother).status == "queued"
    assert waiting(mother).due_at > NOW
    assert len(other.references) == 1


@pytest.mark.parametrize(("accepted", "status"), [(None, "needs_a_person"), (True, "sent"), (False, "sent")])
def test_a_worker_that_died_after_marking_never_doubles(mother, accepted, status):
    delivery.mark(ids=delivery.claim(channel="email", limit=5, now=NOW), now=NOW)
    carrier = Recording(accepted=accepted)
    delivery.deliver_due(now=NOW + timedelta(minutes=6), carriers={"email": carrier})
    assert waiting(mother).status == status
    assert len(carrier.references) == (1 if accepted is False else 0)


def test_a_claim_whose_worker_died_is_sent_once(mother):
    delivery.claim(channel="email", limit=5, now=NOW)
    carrier = Recording()
    assert delivery.deliver_due(now=NOW + timedelta(minutes=1), carriers={"email": carrier}) == 0
    assert delivery.deliver_due(now=NOW + timedelta(minutes=6), carriers={"email": carrier}) == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_send_each_message_once(mother):
    carrier = Recording()
    at_once(*[lambda: delivery.deliver_due(now=NOW, carriers={"email": carrier})] * 4)
    assert carrier.references == [waiting(mother).reference]


@pytest.mark.django_db(transaction=True)
def test_no_message_leaves_after_a_loss_has_committed_and_a_hand_over_waits_for_one_under_way(mother):
    """A hold takes the gate, the hand-over waits, the hold commits, the message is not wanted any more."""
    ids = delivery.mark(ids=delivery.claim(channel="email", limit=5, now=NOW), now=NOW)
    carrier = Recording()
    holds, go_on = threading.Event(), threading.Event()

    def lose():
        with transaction.atomic():
            gates.lock_exclusively([mother.person.gate_id])
            holds.set()
            assert go_on.wait(20)
            plans.change(mother=mother, request=plans.Hold("loss"), asked_by="midwife", by=mother.midwife.user, now=NOW)
        connection.close()

    def hand_over():
        delivery.hand_over(message_id=ids[0], carrier=carrier, now=NOW)
        connection.close()

    losing = threading.Thread(target=lose)
    losing.start()
    assert holds.wait(20)
    handing = threading.Thread(target=hand_over)
    handing.start()
    handing.join(1)
    assert handing.is_alive(), "the hand-over did not wait for the gate"
    go_on.set()
    losing.join(20)
    handing.join(20)
    assert carrier.references == []
    assert waiting(mother).status == "cancelled"


class Inbox:
    """What a real SMTP server took."""

    def __init__(self):
        self.letters = []

    async def handle_DATA(self, server, session, envelope):
        self.letters.append((envelope.rcpt_tos, envelope.content.decode()))
        return "250 taken"


def test_a_reminder_reaches_a_real_smtp_server_with_code_and_dates_and_no_name(mother, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    inbox = Inbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Controller(inbox, hostname="127.0.0.1", port=port)
    server.start()
    try:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        assert delivery.deliver_due(now=NOW, carriers={"email": Smtp()}) == 1
    finally:
        server.stop()
    [(recipients, text)] = inbox.letters
    assert recipients == [mother.pairings.get().lay_worker.user.email]
    assert mother.programme_code in text and str(waiting(mother).reference) in text
    for secret in (
        mother.person.first_name,
        mother.person.family_name,
        "pregnan",
        mother.person.address or "no address",
    ):
        assert secret not in text


def test_an_smtp_server_that_is_not_there_leaves_the_message_waiting(mother, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    delivery.deliver_due(now=NOW, carriers={"email": Smtp()})
    assert (waiting(mother).status, waiting(mother).tries) == ("queued", 1)
