"""How much waits and for how long. Reads indexes of what is not over, never the whole table; writes nothing."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from outbox.models import Message
from outbox.rules.jobs import WAITED_TOO_LONG, waited
from outbox.rules.registry import any_hour_codes
from outbox.rules.tries import minutes_tried

# More than this of anything is "at least this": what is asked every few seconds must not grow with a fault.
MOST = 10_000
EXPIRED_LATELY = timedelta(days=7)
# What is written after its time (a digest, once someone joins at noon) has waited since it was written, no longer. Each try
# moves on when a message is due: it waits all the same, and those that wait for their next try are read too.
DUE = f"""
SELECT c, kind = ANY(%(any_hour)s), tries, count(*) FILTER (WHERE due_at <= %(now)s),
    min(CASE WHEN tries = 0 THEN greatest(due_at, created_at) ELSE due_at END)
FROM unnest(%(channels)s) AS c CROSS JOIN LATERAL (
    (
        SELECT kind, tries, due_at, created_at FROM "{Message._meta.db_table}"
        WHERE channel = c AND status = 'queued' AND due_at <= %(now)s
        ORDER BY due_at, id LIMIT %(most)s
    ) UNION ALL (
        SELECT kind, tries, due_at, created_at FROM "{Message._meta.db_table}"
        WHERE channel = c AND status = 'queued' AND tries > 0 AND due_at > %(now)s
        ORDER BY due_at LIMIT %(most)s
    )
) AS waiting GROUP BY 1, 2, 3
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
    """What is due by one channel now, and how long the oldest that may go has waited, none where there is none.

    One that is tried again has waited since its first try.
    """

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
        rows = cursor.fetchall()
    due: Counter[str] = Counter()
    waits: dict[str, list[timedelta]] = defaultdict(list)
    for channel, any_hour, tries, count, first_at in rows:
        due[channel] += count
        since = first_at - timedelta(minutes=minutes_tried(tries, any_hour=any_hour))
        # One tried and then put off for a quiet day waits for nothing until then.
        if since <= now and (any_hour or open_since is not None):
            waits[channel].append(waited(due_at=since, opened_at=None if any_hour else open_since, now=now))
    return [Queue(channel, due[channel], max(waits[channel], default=None)) for channel in Message.Channel.values]


def not_over(*, now: datetime) -> dict[tuple[str, str], int]:
    """Return how many messages stand in each status that is no good end, by status and channel; of expired, the last 7 days.

    One query. Of more than 10,000 in a status 10,000 are counted. Those queued for later are no sign of anything.
    """
    with connection.cursor() as cursor:
        cursor.execute(NOT_OVER, {"lately": now - EXPIRED_LATELY, "most": MOST})
        return {(status, channel): count for status, channel, count in cursor.fetchall()}
