"""Messages written to and taken out of the outbox. Writes rows; never calls a carrier."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import transaction

from outbox.models import Message

STILL_HERE = ("queued", "held", "claimed")


@dataclass(frozen=True, slots=True)
class New:
    """One message to be written; its unique key is kind, subject, due date, recipient, channel and nominal date."""

    kind: str
    channel: str
    nominal_on: date
    due_at: datetime
    expires_at: datetime
    subject_id: int | None = None
    subject_due_on: date | None = None
    recipient_user_id: int | None = None
    recipient_person_id: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)


def queue_many(new: Sequence[New], *, now: datetime) -> int:
    """Each message stands in the outbox once; those there already (not cancelled) are passed by. Returns how many are new.

    One that is expired when it would be written is not written.
    """
    wanted = [message for message in new if message.expires_at > now]
    if not wanted:
        return 0
    before = Message.objects.order_by("-id").values_list("id", flat=True).first() or 0
    Message.objects.bulk_create(
        (
            Message(
                kind=message.kind,
                subject_id=message.subject_id,
                subject_due_on=message.subject_due_on,
                recipient_user_id=message.recipient_user_id,
                recipient_person_id=message.recipient_person_id,
                channel=message.channel,
                nominal_on=message.nominal_on,
                due_at=message.due_at,
                expires_at=message.expires_at,
                status_at=now,
                created_at=now,
                detail=message.detail,
            )
            for message in wanted
        ),
        ignore_conflicts=True,
        batch_size=2000,
    )
    return Message.objects.filter(id__gt=before, created_at=now).count()


@transaction.atomic
def cancel_many(*, ids: Collection[int], why: str, now: datetime, waiting: bool = True) -> int:
    """These messages are cancelled where they still wait; returns how many.

    With ``waiting`` false one that is locked by its hand-over is passed by: it is asked again there before it goes.
    """
    locked = (
        Message.objects.select_for_update(no_key=True, skip_locked=not waiting)
        .filter(pk__in=ids, status__in=STILL_HERE)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    return Message.objects.filter(pk__in=list(locked)).update(
        status=Message.Status.CANCELLED, status_at=now, why=why, lease_until=None
    )


def mark_read(*, user_id: int, now: datetime) -> int:
    """All that the user has in the app is read; returns how many were new."""
    return Message.objects.filter(
        recipient_user=user_id, channel=Message.Channel.IN_APP, status__in=["sent", "delivered"], read_at__isnull=True
    ).update(read_at=now)
