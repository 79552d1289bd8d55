"""The rival of the outbox: one Celery task a reminder, as a project does it that has no claims and no batches."""

from datetime import datetime

import django

from config.celery import app

django.setup()

from django.db import transaction

from outbox.models import Message
from outbox.rules.registry import Kind, Words, kind_of, register

TRIVIAL = "benchmark"
register(
    Kind(
        TRIVIAL,
        TRIVIAL,
        lambda some: [Words("Subject", "Body", "/", "Why")] * len(some),
        lambda some, now: [None] * len(some),
    )
)


class Null:
    """Takes whatever it is given; quality.md's batch of carriers that cost nothing."""

    batch = 500

    def hand_over(self, message: Message, words: Words) -> None:
        return None

    def was_accepted(self, message: Message) -> bool:
        return False


@app.task(name="benchmarks.send")
def send(pk: int, at: str) -> None:
    """One message, locked, asked about, handed over and marked in one transaction; nothing leased, nothing to recover."""
    now = datetime.fromisoformat(at)
    with transaction.atomic():
        message = Message.objects.select_for_update(of=("self",)).select_related("recipient_user").get(pk=pk)
        kind = kind_of(message.kind)
        if message.status != Message.Status.QUEUED or kind.why_not([message], now) != [None]:
            return
        [words] = kind.compose([message])
        Null().hand_over(message, words)
        message.status, message.status_at, message.sent_at = Message.Status.SENT, now, now
        message.save(update_fields=["status", "status_at", "sent_at"])
