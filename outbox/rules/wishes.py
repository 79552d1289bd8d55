"""What one member of staff wants to be told of, by which channel, and on which days nothing that can wait."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from outbox.rules.registry import can_wait
from people.rules.local_time import LOCAL, local_date, local_instant

SWITCHED_OFF = "switched_off"
QUIET_DAY = "quiet_day"
# A text whose last safe time has gone: it does not go, and whoever agreed it is told.
PAST_HER_HOURS = "past_her_hours"


@dataclass(frozen=True, slots=True)
class Wishes:
    """``off``: kind and channel; ``quiet_on``: local dates. One who may not sign in takes nothing that can wait."""

    off: frozenset[tuple[str, str]] = frozenset()
    quiet_on: frozenset[date] = frozenset()
    is_active: bool = True

    def takes(self, kind: str, channel: str) -> bool:
        """Return whether messages of ``kind`` go to her by ``channel``."""
        return not can_wait(kind) or (self.is_active and (kind, channel) not in self.off)

    def goes_at(self, kind: str, *, due_at: datetime, expires_at: datetime, today: date) -> datetime | None:
        """Return when a message due at ``due_at`` goes: then, or at that local time on her next day that is not quiet.

        None where it is of no use by then. One whose day is past is asked about ``today``.
        """
        first = on = max(local_date(due_at), today)
        while on in self.quiet_on:
            on += timedelta(days=1)
        if on == first or not can_wait(kind):
            return due_at
        goes_at = local_instant(on, due_at.astimezone(LOCAL).time())
        return goes_at if goes_at < expires_at else None


NO_WISHES = Wishes()
