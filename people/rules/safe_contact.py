"""Whether she may be rung now, on which number, or when next (domain.md section 6). Reads no clock and touches no row."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from people.rules.local_time import local_date, local_instant

ASK_AGAIN_AFTER_DAYS = 84


class Calling(StrEnum):
    """What the sheet says about ringing her."""

    NEVER_ASKED = "never_asked"
    SUSPENDED = "suspended"
    NO_SAFE_NUMBER = "no_safe_number"
    LATER = "later"
    NOW = "now"


@dataclass(frozen=True, slots=True)
class SafeHours:
    """Hours at which she may be rung; weekdays 1 (Monday) to 7."""

    weekdays: tuple[int, ...]
    from_time: time
    to_time: time


# Where she named no hours: those at which mothers are written to, never the night (domain.md section 7).
ORDINARY_HOURS = (SafeHours((1, 2, 3, 4, 5, 6, 7), time(9), time(19)),)


@dataclass(frozen=True, slots=True)
class CallAdvice:
    """``number`` to ring only where ``calling`` is now; ``next_at`` where it is later; ``ask_again`` past 12 weeks."""

    calling: Calling
    number: str | None = None
    next_at: datetime | None = None
    ask_again: bool = False


def call_advice(
    *,
    asked_on: date | None,
    suspended: bool,
    numbers: Iterable[str],
    hours: Sequence[SafeHours],
    now: datetime,
) -> CallAdvice:
    """Return whether she may be rung at ``now``; ``numbers`` are those safe to call, the first to try first.

    Nothing is safe until she says so; *not safe to talk* withdraws all until she renews it. Where she named no hours,
    the ordinary ones hold. Past 12 weeks texts stop, a call may still be made, and she is asked again.
    """
    if suspended:
        return CallAdvice(Calling.SUSPENDED)
    if asked_on is None:
        return CallAdvice(Calling.NEVER_ASKED)
    ask_again = (local_date(now) - asked_on).days > ASK_AGAIN_AFTER_DAYS
    number = next(iter(numbers), None)
    if number is None:
        return CallAdvice(Calling.NO_SAFE_NUMBER, ask_again=ask_again)
    later = []
    for days in range(8):
        on = local_date(now) + timedelta(days=days)
        for safe in hours or ORDINARY_HOURS:
            if on.isoweekday() not in safe.weekdays:
                continue
            starts_at, ends_at = local_instant(on, safe.from_time), local_instant(on, safe.to_time)
            if starts_at <= now < ends_at:
                return CallAdvice(Calling.NOW, number, ask_again=ask_again)
            if starts_at > now:
                later.append(starts_at)
    return CallAdvice(Calling.LATER, next_at=min(later, default=None), ask_again=ask_again)


def may_text_at(hours: Sequence[SafeHours], *, at: datetime) -> bool:
    """Return whether ``at`` lies in her hours, and in those at which mothers are written to at all (section 7)."""

    def within(some: Sequence[SafeHours]) -> bool:
        on = local_date(at)
        return any(
            on.isoweekday() in safe.weekdays
            and local_instant(on, safe.from_time) <= at < local_instant(on, safe.to_time)
            for safe in some
        )

    return within(ORDINARY_HOURS) and (not hours or within(hours))
