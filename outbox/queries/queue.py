"""How much waits and for how long. Reads indexes of what is not over, never the whole table; writes nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from outbox.models import Message
from outbox.rules.jobs import WAITED_TOO_LONG, waited
from outbox.rules.registry import any_hour_codes

# What is written after its time (a digest, once someone joins at noon) has waited since it was written, no longer.
# More than this of anything is "at least this": what is asked every few seconds must not grow with a fault.
MOST = 10_000
EXPIRED_LATELY = timedelta(days=7)
DUE = f"""
SELECT c, count(since), min(since) FILTER (WHERE kind = ANY(%(any_hour)s)), min(since) FILTER (WHERE kind <> ALL(%(any_hour)s))
FROM unnest(%(channels)s) AS c LEFT JOIN LATERAL (
    SELECT kind, greatest(due_at, created_at) AS since FROM "{Message._meta.db_table}"
    WHERE channel = c AND status = 'queued' AND due_at <= %(now)s
    ORDER BY due_at, id LIMIT %(most)s
) AS due ON true GROUP BY c
"""  # noqa: S608 - our own table's name
NOT_OVER = f"""
SELECT status, channel, count(*) FROM (
    (SELECT status, channel FROM "{Message._meta.db_table}" WHERE status = 'held' LIMIT %(most)s)
    UNION ALL (SELECT status, channel FROM "{Message._meta.db_table}" WHERE status = 'needs_a_person' LIMIT %(most)s)
    UNION ALL (SELECT status, channel FROM "{Message._meta.db_table}" WHERE status = 'failed' LIMIT %(most)s)
    UNION ALL (
        SELECT status, channel FROM "{Message._meta.db_table}" WHERE status = 'expired' AND status_at > %(lately)s LIMIT %(most)s
    )
    UNION ALL (
        SELECT status, channel FROM "{Message._meta.db_table}" WHERE status IN ('claimed', 'handing_over') LIMIT %(most)s
    )
) AS standing GROUP BY 1, 2
"""  # noqa: S608 - our own table's name


@dataclass(frozen=True, slots=True)
class Queue:
    """What is due by one channel now, and how long the oldest that may go has waited, none where there is none."""

    channel: str
    due: int
    waited: timedelta | None

    @property
    def label(self) -> str:
        """Return the channel in words."""
        return str(Message.Channel(self.channel).label)

    @property
    def is_late(self) -> bool:
        """Return whether something that may go has waited too long."""
        return self.waited is not None and self.waited > WAITED_TOO_LONG


def queues(*, now: datetime, open_since: datetime | None) -> list[Queue]:
    """Return each channel's queue. ``open_since``: since when today staff may be written to, none while they may not.

    One query. Of more than 10,000 due by a channel the first 10,000 are counted.
    """
    values: dict[str, Any] = {
        "any_hour": any_hour_codes(),
        "channels": list(Message.Channel.values),
        "now": now,
        "most": MOST,
    }
    with connection.cursor() as cursor:
        cursor.execute(DUE, values)
        found = {row[0]: row[1:] for row in cursor.fetchall()}
    return [_queue(channel, *found[channel], now=now, open_since=open_since) for channel in Message.Channel.values]


def not_over(*, now: datetime) -> dict[tuple[str, str], int]:
    """Return how many messages stand in each status that is no good end, by status and channel; of expired, the last 7 days.

    One query. Of more than 10,000 in a status 10,000 are counted. Those queued for later are no sign of anything.
    """
    with connection.cursor() as cursor:
        cursor.execute(NOT_OVER, {"lately": now - EXPIRED_LATELY, "most": MOST})
        return {(status, channel): count for status, channel, count in cursor.fetchall()}


def _queue(
    channel: str,
    due: int,
    at_any_hour: datetime | None,
    in_hours: datetime | None,
    *,
    now: datetime,
    open_since: datetime | None,
) -> Queue:
    waits = []
    if at_any_hour is not None:
        waits.append(waited(due_at=at_any_hour, opened_at=None, now=now))
    if in_hours is not None and open_since is not None:
        waits.append(waited(due_at=in_hours, opened_at=open_since, now=now))
    return Queue(channel=channel, due=due, waited=max(waits, default=None))
