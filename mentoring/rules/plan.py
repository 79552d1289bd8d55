"""The contact plan as a pure function: cadences and pauses in, planned contacts and their statuses out.

It never changes a plan (``changes`` does) and never reads a clock; every date is local (Europe/London).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final, TypeVar

from dateutil.relativedelta import relativedelta

Key = TypeVar("Key", bound=Hashable)

PAUSE: Final = "pause"
UNREACHABLE: Final = "unreachable"
BABY_IN_HOSPITAL: Final = "baby_in_hospital"
ENDED: Final = "ended"
LOSS: Final = "loss"
HOLD_KINDS: Final = (UNREACHABLE, BABY_IN_HOSPITAL, ENDED, LOSS)

EVERY_DAYS_MIN: Final = 1
EVERY_DAYS_MAX: Final = 365

DAY: Final = timedelta(days=1)


class PlanError(ValueError):
    """A plan that cannot be: ``field`` names the part (``pauses[0].until_on``), ``message`` says why."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.field, self.message)


@dataclass(frozen=True, slots=True)
class Cadence:
    """A rhythm and the dates it holds: ``first_due_on``, then every ``every_days``, not after ``last_due_on``."""

    first_due_on: date
    every_days: int
    last_due_on: date | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """The days ``[from_on, until_on)`` without contact; no ``until_on`` while open; a hold is a pause of its own kind."""

    from_on: date
    until_on: date | None = None
    kind: str = PAUSE

    @property
    def is_hold(self) -> bool:
        """Whether this is a hold (unreachable, baby in hospital, ended, loss) and not a pause she asked for."""
        return self.kind in HOLD_KINDS

    def covers(self, on: date) -> bool:
        """Whether ``on`` is one of its days."""
        return self.from_on <= on and (self.until_on is None or on < self.until_on)


@dataclass(frozen=True, slots=True)
class Plan:
    """All that the planned contacts are a function of."""

    ends_on: date
    cadences: tuple[Cadence, ...]
    pauses: tuple[Pause, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedContact:
    """One contact to make, with its window ``[opens_on, closes_on)``; ``cut`` when a pause closes it early."""

    number: int
    due_on: date
    opens_on: date
    closes_on: date
    cut: bool

    def holds(self, on: date) -> bool:
        """Whether ``on`` lies in the window."""
        return self.opens_on <= on < self.closes_on


class Status(StrEnum):
    """What a window is on a day; the codes are for ever."""

    MADE = "made"
    NOT_OFFERED = "not_offered"
    CANCELLED = "cancelled"
    MISSED = "missed"
    OVERDUE = "overdue"
    DUE = "due"
    UPCOMING = "upcoming"


def one_year_after(on: date) -> date:
    """Return the same day a year later; 29 February becomes 28 February."""
    return on + relativedelta(years=1)


def ends_on(*, edd: date, born_on: date | None) -> date:
    """Return the plan's last day: the first birthday, or ``edd`` + 1 year until the birth is recorded."""
    return one_year_after(edd if born_on is None else born_on)


def check_every_days(every_days: int, field: str) -> None:
    """Raise PlanError naming ``field`` unless ``every_days`` is within 1 to 365."""
    if not EVERY_DAYS_MIN <= every_days <= EVERY_DAYS_MAX:
        raise PlanError(field, f"{every_days} is outside {EVERY_DAYS_MIN} to {EVERY_DAYS_MAX}")


def planned_contacts(plan: Plan) -> list[PlannedContact]:
    """Return every planned contact of ``plan``, in date order, numbered from 0, windows never overlapping.

    Rules 1 to 3 of domain.md section 4. Only the last cadence and the last pause may be without an end; pauses may
    touch. Raises PlanError for a due date in a pause, for cadences or pauses out of order or overlapping, for
    ``every_days`` outside 1 to 365, for ``last_due_on`` off its cadence's dates, for ``until_on`` not after ``from_on``.
    """
    _check_cadences(plan.cadences)
    _check_pauses(plan.pauses)
    pause_starts = [pause.from_on for pause in plan.pauses]
    dues: list[tuple[date, date]] = []
    for index, cadence in enumerate(plan.cadences):
        half = timedelta(days=(cadence.every_days + 1) // 2)
        for due_on in _due_dates(cadence, plan.ends_on):
            at = bisect_right(pause_starts, due_on) - 1
            if at >= 0 and plan.pauses[at].covers(due_on):
                raise PlanError(f"cadences[{index}].first_due_on", f"its due date {due_on} lies in pauses[{at}]")
            dues.append((due_on, due_on + half))

    windows: list[PlannedContact] = []
    after_end = plan.ends_on + DAY
    opens_on = dues[0][0] if dues else after_end
    last = len(dues) - 1
    for number, (due_on, closes_on) in enumerate(dues):
        if closes_on > after_end:
            closes_on = after_end
        next_due_on = dues[number + 1][0] if number < last else None
        if next_due_on is not None and next_due_on < closes_on:
            closes_on = next_due_on
        at = bisect_right(pause_starts, due_on)
        cut = at < len(pause_starts) and pause_starts[at] < closes_on
        if cut:
            closes_on = pause_starts[at]
        windows.append(PlannedContact(number, due_on, opens_on, closes_on, cut))
        opens_on = closes_on
        if next_due_on is not None:
            between = bisect_left(pause_starts, next_due_on) - 1
            if between >= at:
                until_on = plan.pauses[between].until_on
                # A pause before a due date has an end: an open one would cover that date and be refused above.
                assert until_on is not None
                opens_on = max(opens_on, until_on)
    return windows


def status(window: PlannedContact, *, offered_from: date | None, made: bool, on: date) -> Status:
    """Return the status of ``window`` on local date ``on``: the one definition (rule 4 of domain.md section 4).

    ``made`` says whether a completed contact lies in the window and not after ``on``.
    """
    if made:
        return Status.MADE
    if offered_from is None or offered_from >= window.closes_on:
        return Status.NOT_OFFERED
    if on >= window.closes_on:
        return Status.CANCELLED if window.cut else Status.MISSED
    if on > window.due_on:
        return Status.OVERDUE
    if on >= window.opens_on:
        return Status.DUE
    return Status.UPCOMING


def statuses(
    windows: Sequence[PlannedContact], *, offered_from: date | None, contacts: Iterable[date], on: date
) -> list[Status]:
    """Return the status of each of ``windows`` on ``on``, given the dates of completed contacts in any order."""
    made = made_numbers(windows, contacts=contacts, on=on)
    return [status(window, offered_from=offered_from, made=window.number in made, on=on) for window in windows]


def made_numbers(windows: Sequence[PlannedContact], *, contacts: Iterable[date], on: date) -> set[int]:
    """Return the numbers of the windows that a completed contact dated not after ``on`` fulfils."""
    found = (window_for(windows, contact_on) for contact_on in contacts if contact_on <= on)
    return {window.number for window in found if window is not None}


def window_for(windows: Sequence[PlannedContact], on: date) -> PlannedContact | None:
    """Return the window that ``on`` lies in, or none; ``windows`` are one plan's, in order."""
    at = bisect_right(windows, on, key=lambda window: window.opens_on) - 1
    if at >= 0 and windows[at].holds(on):
        return windows[at]
    return None


def fulfilling(windows: Sequence[PlannedContact], contacts: Iterable[tuple[date, Key]]) -> dict[int, Key]:
    """Return, by window number, the key of the contact that fulfils it: the first given that lies in it.

    ``contacts`` are ``(happened_on, key)`` of completed contacts in the order happened_at, entered_at, id (domain.md
    section 4, Completed). Those whose key is not returned are extra.
    """
    fulfilled: dict[int, Key] = {}
    for happened_on, key in contacts:
        window = window_for(windows, happened_on)
        if window is not None:
            fulfilled.setdefault(window.number, key)
    return fulfilled


def _due_dates(cadence: Cadence, ends_on: date) -> Iterable[date]:
    stops_on = ends_on if cadence.last_due_on is None else min(ends_on, cadence.last_due_on)
    due_on, step = cadence.first_due_on, timedelta(days=cadence.every_days)
    while due_on <= stops_on:
        yield due_on
        due_on += step


def _check_cadences(cadences: Sequence[Cadence]) -> None:
    for index, cadence in enumerate(cadences):
        check_every_days(cadence.every_days, f"cadences[{index}].every_days")
        if cadence.last_due_on is not None:
            days = (cadence.last_due_on - cadence.first_due_on).days
            if days < 0 or days % cadence.every_days:
                raise PlanError(f"cadences[{index}].last_due_on", f"{cadence.last_due_on} is not one of its dates")
    for index, (earlier, later) in enumerate(pairwise(cadences), start=1):
        if earlier.last_due_on is None or later.first_due_on <= earlier.last_due_on:
            raise PlanError(
                f"cadences[{index}].first_due_on",
                f"{later.first_due_on} is not after the last due date of cadences[{index - 1}]",
            )


def _check_pauses(pauses: Sequence[Pause]) -> None:
    for index, pause in enumerate(pauses):
        if pause.until_on is not None and pause.until_on <= pause.from_on:
            raise PlanError(f"pauses[{index}].until_on", f"{pause.until_on} is not after {pause.from_on}")
    for index, (earlier, later) in enumerate(pairwise(pauses), start=1):
        if earlier.until_on is None or later.from_on < earlier.until_on:
            raise PlanError(f"pauses[{index}].from_on", f"{later.from_on} is before the end of pauses[{index - 1}]")
