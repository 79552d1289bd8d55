"""Which reminders a planned contact gives a lay-worker, and when (domain.md section 7). Pure: dates in, reminders out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from people.rules.local_time import end_of, local_date, local_instant

COMING_UP = "contact_coming_up"
OVERDUE = "contact_overdue"
COMING_UP_DAYS_BEFORE = 2
OVERDUE_DAYS_AFTER = 3
AT = time(9)
HORIZON_DAYS = 28


@dataclass(frozen=True, slots=True)
class OpenWindow:
    """One planned contact that is neither made nor withdrawn, of a plan that is not held."""

    due_on: date
    closes_on: date


@dataclass(frozen=True, slots=True)
class Reminder:
    """One reminder: its kind, the due date it is about, the local date it is meant for, when it goes and expires."""

    kind: str
    subject_due_on: date
    nominal_on: date
    due_at: datetime
    expires_at: datetime


def contact_reminders(
    windows: Iterable[OpenWindow],
    *,
    paired_at: datetime,
    offered_from: date | None,
    pauses: Sequence[tuple[date, date | None]],
    now: datetime,
) -> Iterator[Reminder]:
    """Yield the reminders of ``windows`` that are not expired at ``now`` and go within the horizon.

    Coming up: two days before at 09:00, until the end of the due date. Overdue: three days after at 09:00 while the
    window is open, until it closes. None is due inside a pause or before the pairing.
    """
    horizon_on = local_date(now) + timedelta(days=HORIZON_DAYS)
    for window in windows:
        if offered_from is None or offered_from >= window.closes_on:
            continue
        coming_on = window.due_on - timedelta(days=COMING_UP_DAYS_BEFORE)
        overdue_on = window.due_on + timedelta(days=OVERDUE_DAYS_AFTER)
        wanted = [(COMING_UP, coming_on, min(end_of(window.due_on), local_instant(window.closes_on, time(0))))]
        if overdue_on < window.closes_on:
            wanted.append((OVERDUE, overdue_on, local_instant(window.closes_on, time(0))))
        for kind, on, expires_at in wanted:
            due_at = local_instant(on, AT)
            if due_at < paired_at or expires_at <= now or on > horizon_on:
                continue
            if any(from_on <= on and (until_on is None or on < until_on) for from_on, until_on in pauses):
                continue
            yield Reminder(kind, window.due_on, on, due_at, expires_at)
