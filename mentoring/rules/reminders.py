"""Which messages one mother's plan gives, to whom and when (domain.md sections 6 and 7). Pure: facts in, reminders out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import chain
from typing import Final

from people.rules.local_time import LOCAL, end_of, local_date, local_instant
from people.rules.safe_contact import ASK_AGAIN_AFTER_DAYS, ORDINARY_HOURS, SafeHours

NEW_PAIRING: Final = "new_pairing"
NO_ATTEMPT_YET: Final = "no_attempt_yet"
COMING_UP: Final = "contact_coming_up"
OVERDUE: Final = "contact_overdue"
APPOINTMENT_TOMORROW: Final = "appointment_tomorrow"
BABY_EXPECTED: Final = "baby_expected"
ENDING: Final = "ending_in_eight_weeks"

LAY_WORKER: Final = "lay_worker"
MOTHER: Final = "mother"

COMING_UP_DAYS_BEFORE: Final = 2
OVERDUE_DAYS_AFTER: Final = 3
NO_ATTEMPT_DAYS_AFTER_PAIRING: Final = 3
NO_ATTEMPT_DAYS_AFTER_INTRODUCTION: Final = 2
BABY_EXPECTED_DAYS_BEFORE: Final = 14
ENDING_DAYS_BEFORE: Final = 56
# Pairing, no attempt, ending and baby expected are of use for so long.
KEPT_DAYS: Final = 7
HORIZON_DAYS: Final = 28

AT: Final = time(9)
DAY_BEFORE_AT: Final = time(17)
STAFF_FROM, STAFF_TO = time(8), time(20)
# A text is due this long before her safe hours end at the latest, so that a slow minute does not cost it.
BEFORE_HOURS_END: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class OpenWindow:
    """One planned contact that is neither made nor withdrawn, of a plan that is not held."""

    due_on: date
    closes_on: date


@dataclass(frozen=True, slots=True)
class Appointment:
    """A time agreed, still wanted; ``due_on`` of the planned contact it belongs to, none for an extra visit."""

    starts_at: datetime
    due_on: date | None = None


@dataclass(frozen=True, slots=True)
class Texts:
    """What she said of texts: her hours, and when she was last asked. Only where she opted in and a number is safe."""

    hours: tuple[SafeHours, ...]
    asked_on: date


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one mother at one instant. ``paired_on`` none: nobody is reminded of anything.

    ``edd`` none: no birth is awaited any more; ``ends_on`` none: no ending is to be prepared. ``tried``: an attempt was
    made since the pairing began. ``texts`` none: she is written nothing.
    """

    windows: Sequence[OpenWindow]
    paired_on: date | None
    offered_from: date | None
    introduced_on: date | None = None
    tried: bool = False
    pauses: Sequence[tuple[date, date | None]] = ()
    edd: date | None = None
    ends_on: date | None = None
    appointments: Sequence[Appointment] = ()
    texts: Texts | None = None


@dataclass(frozen=True, slots=True)
class Reminder:
    """One message: its kind, to whom, the due date it is about, the local date it is meant for, when it goes and expires.

    ``about_at`` is the start of the appointment it is about: two of one day are two, one moved is another.
    """

    kind: str
    recipient: str
    subject_due_on: date | None
    nominal_on: date
    due_at: datetime
    expires_at: datetime
    about_at: datetime | None = None


def reminders(facts: Facts) -> Iterator[Reminder]:
    """Yield every message that the plan gives with what is known, past and future, but that of the pairing itself.

    None is due inside a pause or before the pairing.
    """
    paired_on = facts.paired_on
    if paired_on is None:
        return
    every = chain(
        _first_attempt(facts, paired_on), _contacts(facts), _appointments(facts), _baby_expected(facts), _ending(facts)
    )
    for reminder in every:
        on = local_date(reminder.due_at)
        if on >= paired_on and not any(
            from_on <= on and (until_on is None or on < until_on) for from_on, until_on in facts.pauses
        ):
            yield reminder


def new_pairing(*, paired_at: datetime) -> Reminder:
    """Return the message of a new pairing: at once, in staff hours."""
    due_at = in_staff_hours(paired_at)
    return Reminder(NEW_PAIRING, LAY_WORKER, None, local_date(paired_at), due_at, _days_later(due_at, KEPT_DAYS))


def in_staff_hours(at: datetime) -> datetime:
    """Return ``at`` where staff may be written to then, else the next 08:00 local."""
    local = at.astimezone(LOCAL)
    if local.time() < STAFF_FROM:
        return local_instant(local.date(), STAFF_FROM)
    if local.time() >= STAFF_TO:
        return local_instant(local.date() + timedelta(days=1), STAFF_FROM)
    return at


def last_safe_time(hours: Sequence[SafeHours], *, before: datetime, since_on: date) -> datetime | None:
    """Return the last instant not after ``before`` that lies in her hours and in 09:00 to 19:00, none since ``since_on``.

    At least a quarter of an hour before those hours end, or at their start where they are shorter.
    """
    on = local_date(before)
    while on >= since_on:
        found = [
            latest
            for starts_at, ends_at in _hours_on(hours, on)
            if (latest := min(before, max(starts_at, ends_at - BEFORE_HOURS_END))) >= starts_at
        ]
        if found:
            return max(found)
        on -= timedelta(days=1)
    return None


def may_still_be_texted(texts: Texts | None, *, due_at: datetime, at: datetime) -> bool:
    """Return whether a text that was due at ``due_at`` may go at ``at``: that same local day, within her hours."""
    if texts is None or local_date(at) != local_date(due_at):
        return False
    return any(starts_at <= at < ends_at for starts_at, ends_at in _hours_on(texts.hours, local_date(at)))


def _hours_on(hours: Sequence[SafeHours], on: date) -> Iterator[tuple[datetime, datetime]]:
    """Yield from when to when she may be written to on ``on``: her hours within the ordinary ones."""
    [ordinary] = ORDINARY_HOURS
    for safe in hours or ORDINARY_HOURS:
        from_time, to_time = max(safe.from_time, ordinary.from_time), min(safe.to_time, ordinary.to_time)
        if on.isoweekday() in safe.weekdays and from_time < to_time:
            yield local_instant(on, from_time), local_instant(on, to_time)


def _first_attempt(facts: Facts, paired_on: date) -> Iterator[Reminder]:
    if facts.tried:
        return
    if facts.introduced_on is not None:
        on = facts.introduced_on + timedelta(days=NO_ATTEMPT_DAYS_AFTER_INTRODUCTION)
    else:
        on = paired_on + timedelta(days=NO_ATTEMPT_DAYS_AFTER_PAIRING)
    yield _at_nine(NO_ATTEMPT_YET, None, on)


def _contacts(facts: Facts) -> Iterator[Reminder]:
    for window in facts.windows:
        if facts.offered_from is None or facts.offered_from >= window.closes_on:
            continue
        coming_on = window.due_on - timedelta(days=COMING_UP_DAYS_BEFORE)
        yield _at_nine(COMING_UP, window.due_on, coming_on, expires_at=end_of(window.due_on))
        overdue_on = window.due_on + timedelta(days=OVERDUE_DAYS_AFTER)
        if overdue_on < window.closes_on:
            yield _at_nine(OVERDUE, window.due_on, overdue_on, expires_at=local_instant(window.closes_on, time(0)))


def _appointments(facts: Facts) -> Iterator[Reminder]:
    for appointment in facts.appointments:
        day_before = local_date(appointment.starts_at) - timedelta(days=1)
        due_at = local_instant(day_before, DAY_BEFORE_AT)
        starts_at, due_on = appointment.starts_at, appointment.due_on
        yield Reminder(APPOINTMENT_TOMORROW, LAY_WORKER, due_on, day_before, due_at, starts_at, starts_at)
        if facts.texts is None:
            continue
        text_at = last_safe_time(
            facts.texts.hours, before=due_at, since_on=max(facts.texts.asked_on, day_before - timedelta(days=KEPT_DAYS))
        )
        if text_at is None or (local_date(text_at) - facts.texts.asked_on).days > ASK_AGAIN_AFTER_DAYS:
            continue
        # Meant for the day before however early it goes: hours she changes afterwards bring no second text.
        yield Reminder(APPOINTMENT_TOMORROW, MOTHER, due_on, day_before, text_at, starts_at, starts_at)


def _baby_expected(facts: Facts) -> Iterator[Reminder]:
    if facts.edd is not None:
        yield _at_nine(BABY_EXPECTED, None, facts.edd - timedelta(days=BABY_EXPECTED_DAYS_BEFORE))


def _ending(facts: Facts) -> Iterator[Reminder]:
    if facts.ends_on is not None:
        yield _at_nine(ENDING, None, facts.ends_on - timedelta(days=ENDING_DAYS_BEFORE))


def _at_nine(kind: str, subject_due_on: date | None, on: date, *, expires_at: datetime | None = None) -> Reminder:
    due_at = local_instant(on, AT)
    return Reminder(kind, LAY_WORKER, subject_due_on, on, due_at, expires_at or _days_later(due_at, KEPT_DAYS))


def _days_later(at: datetime, days: int) -> datetime:
    local = at.astimezone(LOCAL)
    return local_instant(local.date() + timedelta(days=days), local.time())
