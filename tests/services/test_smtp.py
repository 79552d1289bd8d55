"""E-mail against a real SMTP server: what it took, what it will not take, and what nobody can know."""

import socket
import threading
from datetime import timedelta

import pytest

from outbox.carriers.smtp import Smtp
from outbox.models import Message
from outbox.services import delivery, messages
from people.rules.local_time import local_date
from tests.factories import NOW, make_lay_worker, make_mother, make_user
from tests.services.post import free_port, kind, queued, smtp_server

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _kind():
    with kind():
        yield


@pytest.fixture
def message():
    return queued(to=make_user("lay_worker", email="lee@example.org"), channel="email")


@pytest.fixture
def server(settings):
    with smtp_server(settings) as listening:
        yield listening


def deliver(now=NOW, carrier=None):
    return delivery.deliver_due(now=now, carriers={"email": carrier or Smtp()})


def standing(message):
    message.refresh_from_db()
    return message.status, message.why


def test_a_letter_goes_once_with_its_reference_its_link_and_why(message, server, settings):
    settings.SITE_URL = "https://alongside.example.org"
    assert [deliver(), deliver(now=NOW + timedelta(minutes=1))] == [1, 0]
    [letter] = server.letters
    assert server.references == [str(message.reference)]
    assert letter["To"] == "lee@example.org"
    assert letter["Subject"] == "About tried_here"
    assert letter.get_payload().split() == [
        "Look", "here.", "https://alongside.example.org/", "You", "asked", "for", "it.",
    ]  # fmt: skip
    assert standing(message) == ("sent", "")


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ("450 mailbox busy", ("queued", "not_this_one_now")),
        ("421 going down", ("queued", "carrier_down")),
        ("550 no such user", ("failed", "carrier_refused")),
    ],
)
def test_what_the_server_says_of_the_recipient_is_believed(message, server, reply, status):
    server.answers["lee@example.org"] = reply
    assert deliver() == 0
    assert (standing(message), server.letters) == (status, [])


@pytest.mark.parametrize(
    ("reply", "status"),
    [("451 try again", ("queued", "carrier_down")), ("554 refused", ("failed", "carrier_refused"))],
)
def test_a_letter_that_the_server_refuses_after_its_text_was_not_taken(message, server, reply, status):
    server.replies = reply
    assert deliver() == 0
    assert standing(message) == status


def test_one_address_that_is_refused_does_not_stop_the_next(message, server):
    server.answers["lee@example.org"] = "550 no such user"
    other = queued(to=make_user("midwife", email="mo@example.org"), channel="email")
    assert deliver() == 1
    assert [letter["To"] for letter in server.letters] == ["mo@example.org"]
    assert [standing(message)[0], standing(other)[0]] == ["failed", "sent"]


def test_recipients_who_are_put_off_do_not_hold_up_the_others(server):
    rows = [
        queued(to=make_user("midwife", email=f"{number}@example.org"), channel="email", nominal_on=local_date(NOW))
        for number in range(12)
    ]
    server.answers |= {f"{number}@example.org": "451 greylisted" for number in range(0, 12, 3)}
    assert deliver() == 8
    stood = [standing(row) for row in rows]
    assert stood[::3] == [("queued", "not_this_one_now")] * 4
    server.answers.clear()
    assert deliver(now=NOW + timedelta(minutes=1)) == 4
    assert {standing(row)[0] for row in rows} == {"sent"}


def test_three_in_a_row_that_are_put_off_end_the_round_and_the_next_takes_those_after_them(server):
    for number in range(8):
        queued(to=make_user("midwife", email=f"{number}@example.org"), channel="email", nominal_on=local_date(NOW))
    server.answers |= {f"{number}@example.org": "450 busy" for number in range(6)}
    assert deliver() == 0
    assert Message.objects.filter(tries=1).count() == 3
    assert [deliver(), deliver()] == [0, 2]


def test_a_server_that_is_not_there_took_nothing(message, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    assert deliver() == 0
    assert standing(message) == ("queued", "carrier_down")


def test_a_server_that_says_nothing_at_all_took_nothing(message, settings):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", silent.getsockname()[1]
        assert deliver(carrier=Smtp(seconds=0.3)) == 0
    assert standing(message) == ("queued", "carrier_down")


def test_a_server_that_falls_silent_after_the_text_leaves_the_message_to_a_person(message, server):
    server.waits.clear()
    assert deliver(carrier=Smtp(seconds=0.5)) == 0
    assert standing(message) == ("needs_a_person", "broken_off")
    server.waits.set()
    assert deliver(now=NOW + timedelta(hours=1)) == 0
    assert len(server.letters) == 1, "sent again, it would have come twice"


def test_a_server_that_dawdles_byte_by_byte_is_cut_off(message, settings):
    """Each answer comes within its own time-out; together they would take for ever."""
    stop = threading.Event()

    def dawdle(listener):
        line, _address = listener.accept()
        with line:
            line.sendall(b"220 here\r\n")
            while not stop.wait(0.1):
                try:
                    line.sendall(b"250-more\r\n")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=dawdle, args=[listener], daemon=True)
        thread.start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", listener.getsockname()[1]
        try:
            assert deliver(carrier=Smtp(seconds=1)) == 0
        finally:
            stop.set()
            thread.join(5)
    assert Message.objects.get(pk=message.pk).status in {"queued", "needs_a_person"}


class TestARealReminder:
    @pytest.fixture
    def mother(self):
        lay_worker = make_lay_worker(now=NOW - timedelta(days=60), email="lee@example.org")
        starts_on = local_date(NOW) - timedelta(days=4)
        mother = make_mother(paired_with=lay_worker, starts_on=starts_on, now=NOW - timedelta(days=4))
        others = Message.objects.filter(subject=mother.person).exclude(kind="contact_overdue", subject_due_on=starts_on)
        messages.cancel_many(ids=list(others.values_list("pk", flat=True)), why="dismissed", now=NOW)
        return mother

    def overdue(self, mother):
        return Message.objects.get(
            subject=mother.person, kind="contact_overdue", channel="email", subject_due_on=mother.starts_on
        )

    def test_has_code_and_date_and_neither_name_nor_number_nor_the_word(self, mother, server):
        assert deliver() == 1
        text = server.letters[0].as_string()
        assert mother.programme_code in text and f"{mother.starts_on:%-d %B}" in text
        person = mother.person
        for secret in (person.first_name, person.family_name, person.phone_numbers.get().number, "pregnan", "baby"):
            assert secret.lower() not in text.lower()

    def test_is_not_sent_once_its_planned_contact_is_withdrawn(self, mother, server):
        mother.planned_contacts.filter(due_on=mother.starts_on).update(withdrawn_at=NOW, withdrawn_why="rhythm")
        assert deliver() == 0
        assert (standing(self.overdue(mother)), server.letters) == (("cancelled", "withdrawn"), [])
