"""A post office for tests: kinds of message, a carrier that remembers, a real SMTP server, and rows to send."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import Message as Letter
from typing import Any

from aiosmtpd.controller import Controller
from django.db import connection

from outbox.models import Message
from outbox.rules.registry import KINDS, Kind, Words, register
from outbox.services import messages
from people.rules.local_time import local_date
from tests.factories import NOW


class Recording:
    """A carrier that remembers what it was given; ``does`` happens first, and may raise or wait."""

    def __init__(self, *, batch: int = 1, does: Callable[[Message], None] | None = None, accepted: bool | None = None):
        self.batch, self.does, self.accepted = batch, does, accepted
        self.given: list[int] = []
        self.words: list[Words] = []

    def hand_over(self, message: Message, words: Words) -> None:
        if self.does is not None:
            self.does(message)
        self.given.append(message.pk)
        self.words.append(words)

    def was_accepted(self, message: Message) -> bool | None:
        return self.accepted


class Server:
    """What a real SMTP server took, and how it answers: ``answers`` maps a recipient to its reply to RCPT."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.answers: dict[str, str] = {}
        self.replies = "250 OK"
        self.waits = threading.Event()
        self.waits.set()

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.letters.append(message_from_bytes(envelope.content))
        await server.loop.run_in_executor(None, self.waits.wait, 10)
        return self.replies

    @property
    def references(self) -> list[str]:
        return [str(letter["Message-ID"]).strip("<>").split("@")[0] for letter in self.letters]


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def smtp_server(settings: Any) -> Iterator[Server]:
    """A real server listens, and the settings send there."""
    server = Server()
    controller = Controller(server, hostname="127.0.0.1", port=free_port())
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    controller.start()
    try:
        yield server
    finally:
        server.waits.set()
        controller.stop()


@contextmanager
def kind(code: str = "tried_here", **fields: Any) -> Iterator[Kind]:
    """A kind is known while this lasts: wanted, to be sent in staff hours, with words that say its code."""
    values: dict[str, Any] = {
        "label": code,
        "compose": lambda some: [Words(f"About {code}", "Look here.", "/", "You asked for it.") for _one in some],
        "why_not": lambda messages, now: [None] * len(messages),
    }
    made = Kind(code=code, **(values | fields))
    register(made)
    try:
        yield made
    finally:
        del KINDS[code]


def queued(*, to: Any, channel: str = "in_app", now: datetime = NOW, **fields: Any) -> Message:
    """Return a message that is due at ``now`` and expires a day later unless ``fields`` say otherwise."""
    values: dict[str, Any] = {
        "kind": "tried_here",
        "nominal_on": local_date(now),
        "due_at": now,
        "expires_at": now + timedelta(days=1),
    } | fields
    messages.queue_many([messages.New(channel=channel, recipient_user_id=to.pk, **values)], now=now)
    return Message.objects.latest("pk")


def wait_for_a_lock(seconds: float = 10) -> bool:
    """Return whether another connection came to wait for a lock within ``seconds``."""
    for _time in range(int(seconds / 0.02)):
        with connection.cursor() as cursor:
            # Within a transaction PostgreSQL shows who waits as it was when first asked.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database())"
            )
            if cursor.fetchone()[0]:
                return True
        time.sleep(0.02)
    return False
