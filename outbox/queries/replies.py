"""Replies that came in. Their words are restricted: whoever asks has checked that the reader may see them. Never writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q

from outbox.models import Inbound
from people.models import PhoneNumber

LATELY = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, its words as they came."""

    received_at: datetime
    text: str
    is_stop: bool


def replies_of(person_id: int, *, since: datetime, before: datetime | None) -> Sequence[Reply]:
    """Return the replies in ``[since, before)`` from a number that is or was hers, oldest first; another may have it too."""
    numbers = PhoneNumber.objects.filter(person=person_id).values("number")
    rows = Inbound.objects.filter(Q(person=person_id) | Q(from_number__in=numbers), received_at__gte=since)
    if before is not None:
        rows = rows.filter(received_at__lt=before)
    return [Reply(row.received_at, row.text, row.is_stop) for row in rows.order_by("received_at", "id")]


def count_of_nobody(*, since: datetime) -> int:
    """Return how many replies came from a number that is and was nobody's; their words are shown to nobody."""
    known = PhoneNumber.objects.filter(number=OuterRef("from_number"))
    return Inbound.objects.filter(~Exists(known), person__isnull=True, received_at__gte=since).count()
