"""Fidelity (domain.md section 4): what was made, beside the plan agreed with her and beside the protocol's.

It never decides whom a number is about, and holds no settings: the protocol's intervals are passed in.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise

from mentoring.rules.changes import AFTER_BIRTH_DAYS
from mentoring.rules.plan import (
    Cadence,
    Plan,
    PlannedContact,
    Status,
    ends_on,
    planned_contacts,
    statuses,
)


class Phase(StrEnum):
    """Before or after the birth; the codes are for ever."""

    ANTENATAL = "antenatal"
    POSTNATAL = "postnatal"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many windows were made and how many missed."""

    made: int = 0
    missed: int = 0

    @property
    def share(self) -> float | None:
        """Made over made and missed, 0 to 1; none where there is neither."""
        total = self.made + self.missed
        return self.made / total if total else None


@dataclass(frozen=True, slots=True)
class Gaps:
    """The gaps between completed contacts: the longest in days (none with fewer than two), how many, how many long."""

    longest_days: int | None
    count: int
    over_twice: int

    @property
    def share_over_twice(self) -> float | None:
        """The share of gaps over twice the interval, 0 to 1; none without a gap."""
        return self.over_twice / self.count if self.count else None


def phase(due_on: date, born_on: date | None) -> Phase:
    """Return antenatal when ``due_on`` is before ``born_on`` or no birth is recorded, else postnatal."""
    return Phase.ANTENATAL if born_on is None or due_on < born_on else Phase.POSTNATAL


def agreed(
    windows: Sequence[PlannedContact],
    *,
    offered_from: date | None,
    contacts: Iterable[date],
    born_on: date | None,
    on: date,
) -> dict[Phase, Tally]:
    """Return made and missed of the agreed plan by phase on ``on``; all other statuses count as neither."""
    found = statuses(windows, offered_from=offered_from, contacts=contacts, on=on)
    return _tallies(windows, found, born_on)


def protocol(
    *,
    starts_on: date,
    edd: date,
    born_on: date | None,
    antenatal_every: int,
    postnatal_every: int,
    contacts: Iterable[date],
    on: date,
) -> dict[Phase, Tally]:
    """Return made and missed of the protocol's plan by phase on ``on``: closed windows only, offered from the start.

    The intervals are those of the version in force when she was registered. Waiting and pauses stay in it.
    """
    windows = protocol_windows(
        starts_on=starts_on, edd=edd, born_on=born_on, antenatal_every=antenatal_every, postnatal_every=postnatal_every
    )
    closed = [window for window in windows if window.closes_on <= on]
    return _tallies(closed, statuses(closed, offered_from=starts_on, contacts=contacts, on=on), born_on)


def protocol_windows(
    *, starts_on: date, edd: date, born_on: date | None, antenatal_every: int, postnatal_every: int
) -> list[PlannedContact]:
    """Return the windows that the protocol alone would plan: one cadence from ``starts_on`` and no pause.

    Where the intervals differ and the birth is recorded: the antenatal one up to its last date not after ``born_on``,
    then the postnatal one from ``born_on`` + 7; born before ``starts_on``, the postnatal one from ``starts_on``.
    """
    cadences: tuple[Cadence, ...] = (Cadence(starts_on, antenatal_every),)
    if born_on is not None and antenatal_every != postnatal_every:
        if born_on < starts_on:
            cadences = (Cadence(starts_on, postnatal_every),)
        else:
            last_on = born_on - timedelta(days=(born_on - starts_on).days % antenatal_every)
            cadences = (
                Cadence(starts_on, antenatal_every, last_on),
                Cadence(born_on + timedelta(days=AFTER_BIRTH_DAYS), postnatal_every),
            )
    return planned_contacts(Plan(ends_on(edd=edd, born_on=born_on), cadences))


def gaps(contacts: Iterable[date], *, every_days_on: Callable[[date], int]) -> Gaps:
    """Return the gaps between completed contacts, whose dates come in any order; two on one day leave no gap.

    A gap is over twice the interval that was in force when it began: ``every_days_on`` says it for a date.
    """
    days = sorted(set(contacts))
    lengths = [((later - earlier).days, every_days_on(earlier)) for earlier, later in pairwise(days)]
    return Gaps(
        longest_days=max((length for length, _ in lengths), default=None),
        count=len(lengths),
        over_twice=sum(length > 2 * every_days for length, every_days in lengths),
    )


def every_days_on(cadences: Sequence[Cadence], on: date) -> int:
    """Return the interval of the cadence last begun by ``on``, else the first one's. ``cadences`` is not empty."""
    begun = [cadence for cadence in cadences if cadence.first_due_on <= on]
    return (begun[-1] if begun else cadences[0]).every_days


def _tallies(windows: Sequence[PlannedContact], found: Sequence[Status], born_on: date | None) -> dict[Phase, Tally]:
    pairs = [(phase(window.due_on, born_on), status) for window, status in zip(windows, found, strict=True)]
    return {one: Tally(made=pairs.count((one, Status.MADE)), missed=pairs.count((one, Status.MISSED))) for one in Phase}
