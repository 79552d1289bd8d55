"""Messages written to and taken out of the outbox. Writes rows; never calls a carrier."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from psycopg2.extras import Json, execute_values

from outbox.models import Message
from outbox.rules.registry import KINDS
from outbox.rules.transitions import MESSAGE, STUCK, WAITING

INSERT = f"""
INSERT INTO "{Message._meta.db_table}" (
    reference, kind, subject_id, subject_due_on, about, recipient_user_id, recipient_person_id, channel, nominal_on, due_at,
    expires_at, status, status_at, why, tries, created_at, detail, carrier_reference
) VALUES %s ON CONFLICT DO NOTHING RETURNING id
"""  # noqa: S608 - our own table's name
TEMPLATE = "(gen_random_uuid(), %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'queued', %s, '', 0, %s, %s, '')"


@dataclass(frozen=True, slots=True)
class New:
    """One message to be written; unique by kind, subject, due date, what else it is about, recipient, channel, nominal date."""

    kind: str
    channel: str
    nominal_on: date
    due_at: datetime
    expires_at: datetime
    subject_id: int | None = None
    subject_due_on: date | None = None
    about: str = ""
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
    rows = [
        (
            message.kind,
            message.subject_id,
            message.subject_due_on,
            message.about,
            message.recipient_user_id,
            message.recipient_person_id,
            message.channel,
            message.nominal_on,
            message.due_at,
            message.expires_at,
            now,
            now,
            Json(message.detail),
        )
        for message in wanted
    ]
    with connection.cursor() as cursor:
        # An import writes tens of thousands: model objects take five times as long as the rows themselves.
        return len(execute_values(cursor.cursor, INSERT, rows, template=TEMPLATE, page_size=2000, fetch=True))


def become(messages: QuerySet[Message], status: str, *, now: datetime, **fields: Any) -> int:
    """Those of ``messages`` that ``status`` may follow have it; the others are passed by. Returns how many."""
    return messages.filter(status__in=MESSAGE.before(status)).update(status=status, status_at=now, **fields)


@transaction.atomic
def cancel_many(*, ids: Collection[int], why: str, now: datetime, waiting: bool = True) -> int:
    """These messages are cancelled where they still wait; returns how many.

    With ``waiting`` false one that is locked by its hand-over is passed by: it is asked again there before it goes.
    """
    locked = (
        Message.objects.select_for_update(no_key=True, skip_locked=not waiting)
        .filter(pk__in=ids, status__in=WAITING)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    cancelled = Message.objects.filter(pk__in=list(locked))
    return become(cancelled, Message.Status.CANCELLED, now=now, why=why, lease_until=None)


def tell_it_did_not_go(message: Message, now: datetime) -> None:
    """What its kind wants to follow where it could not go, or did not arrive, has followed."""
    kind = KINDS.get(message.kind)
    if kind is not None and kind.did_not_go is not None:
        kind.did_not_go(message, now)


def resend(*, message_id: int, now: datetime) -> bool:
    """A message that failed or waits for a person is queued again, its tries forgotten; false where it cannot be.

    It cannot once it has expired, or when it stands any other way: what was sent is never sent twice by this.
    """
    stuck = Message.objects.filter(pk=message_id, status__in=STUCK, expires_at__gt=now)
    return bool(become(stuck, Message.Status.QUEUED, now=now, due_at=now, tries=0, why="", lease_until=None))


def mark_read(*, user_id: int, newest_id: int | None, now: datetime) -> int:
    """What the user has in the app is read, up to the message that stood first on her page; returns how many were new.

    What came in since she opened the page stays new. None, or a message that is not hers, is everything.
    """
    hers = Message.objects.filter(
        recipient_user=user_id, channel=Message.Channel.IN_APP, status__in=["sent", "delivered"]
    )
    newest = None if newest_id is None else hers.filter(pk=newest_id).first()
    if newest is not None:
        hers = hers.filter(Q(sent_at__lt=newest.sent_at) | Q(sent_at=newest.sent_at, pk__lte=newest.pk))
    return hers.filter(read_at__isnull=True).update(read_at=now)
