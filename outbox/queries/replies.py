"""Replies that came in. Their words are restricted: whoever asks has checked that the reader may see them. Never writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from outbox.models import Inbound


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, its words as they came."""

    received_at: datetime
    text: str
    is_stop: bool


def replies_of(person_id: int, *, since: datetime, before: datetime | None) -> Sequence[Reply]:
    """Return the replies from her number in ``[since, before)``, oldest first."""
    rows = Inbound.objects.filter(person=person_id, received_at__gte=since)
    if before is not None:
        rows = rows.filter(received_at__lt=before)
    return [Reply(row.received_at, row.text, row.is_stop) for row in rows.order_by("received_at", "id")]


def count_of_nobody(*, since: datetime) -> int:
    """Return how many replies came from a number that is nobody's, or several people's; their words are shown to nobody."""
    return Inbound.objects.filter(person__isnull=True, received_at__gte=since).count()
