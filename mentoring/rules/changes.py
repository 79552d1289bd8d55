"""Every change of a contact plan (domain.md section 4) as a function from one state to the next.

It never touches a row or a clock, and never forgets: a state keeps what was asked, and its cadences follow from that.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import Enum, StrEnum
from typing import Any, Final

from mentoring.rules.plan import (
    DAY,
    HOLD_KINDS,
    Cadence,
    Pause,
    Plan,
    PlanError,
    PlannedContact,
    check_every_days,
    made_numbers,
    one_year_after,
    planned_contacts,
)
from mentoring.rules.plan import ends_on as plan_ends_on

MENTORING: Final = "mentoring"
BEREAVEMENT: Final = "bereavement"

PAUSE_DAYS: Final = 28
AFTER_BIRTH_DAYS: Final = 7


class Unset(Enum):
    """The type of ``UNSET``: said nothing, which is not the same as none."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


class Refusal(StrEnum):
    """Why a change is refused; the codes are for ever."""

    BORN_AFTER_TODAY = "born_after_today"
    ENDS_BEFORE_START = "ends_before_start"
    EVERY_DAYS_OUTSIDE = "every_days_outside"
    NOTHING_TO_RESUME = "nothing_to_resume"
    ON_HOLD = "on_hold"
    OUT_OF_ORDER = "out_of_order"
    OVERLAPS_TWO = "overlaps_two"
    SECOND_BIRTH = "second_birth"
    UNKNOWN_HOLD = "unknown_hold"
    UNTIL_NOT_AFTER_FROM = "until_not_after_from"


class ChangeRefused(PlanError):
    """A change that the rules do not allow: ``code`` for the page, ``field`` and ``message`` in plain words."""

    def __init__(self, code: Refusal, field: str, message: str) -> None:
        super().__init__(field, message)
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.code, self.field, self.message)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """A new interval asked for on ``on``.

    ``kept_to`` is the due date after ``on`` that was made already, if any. ``from_on`` and ``gap_days`` are a birth's:
    the earliest start, and the days after the last kept due date where they are not the interval itself.
    ``in_pause`` says that a pause was in force on ``on``.
    """

    on: date
    every_days: int
    kept_to: date | None = None
    from_on: date | None = None
    gap_days: int | None = None
    in_pause: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """A pause or hold, with what is needed to undo it: when it was recorded and all stops that stood before a hold.

    ``undo_until`` is the last day on which taking a hold back restores ``before``: its own first day, also where a
    pause that had begun goes on as the hold.
    """

    pause: Pause
    recorded_on: date
    undo_until: date | None = None
    before: "tuple[Stop, ...] | None" = None


@dataclass(frozen=True, slots=True)
class PlanState:
    """A plan as it was asked for: where it starts and ends, its rhythms and its stops.

    ``changed_on`` is the day of the last change; no later one may be dated before it.
    """

    starts_on: date
    ends_on: date
    every_days: int
    kind: str = MENTORING
    edd: date | None = None
    born_on: date | None = None
    antenatal_every: int | None = None
    postnatal_every: int | None = None
    rhythms: tuple[Rhythm, ...] = ()
    stops: tuple[Stop, ...] = ()
    changed_on: date | None = None

    @property
    def pauses(self) -> tuple[Pause, ...]:
        """The pauses and holds, in order, those ahead too."""
        return tuple(stop.pause for stop in self.stops)

    @property
    def cadences(self) -> tuple[Cadence, ...]:
        """The cadences that the rhythms make once cut round the pauses; those wholly after ``ends_on`` left out."""
        return _cadences(self)

    @property
    def plan(self) -> Plan:
        """What the planned contacts are a function of."""
        return Plan(self.ends_on, self.cadences, self.pauses)

    @property
    def every_days_in_force(self) -> int:
        """The interval last asked for, also where a pause keeps it from having begun."""
        return self.rhythms[-1].every_days if self.rhythms else self.every_days


@dataclass(frozen=True, slots=True)
class Difference:
    """What a change does to the planned contacts, told apart by ``due_on``, in date order."""

    added: tuple[PlannedContact, ...]
    withdrawn: tuple[PlannedContact, ...]
    changed: tuple[tuple[PlannedContact, PlannedContact], ...]
    unchanged_count: int

    @property
    def is_empty(self) -> bool:
        """Whether nothing moves."""
        return not (self.added or self.withdrawn or self.changed)


def start(
    *,
    starts_on: date,
    edd: date,
    antenatal_every: int,
    postnatal_every: int,
    born_on: date | None = None,
    every_days: int | None = None,
) -> PlanState:
    """Return the state of a new plan, due first on ``starts_on``.

    The interval is the protocol's, as in Fidelity of domain.md section 4: where the birth is known already and the
    two intervals differ, the antenatal one up to its last date not after ``born_on``, then the postnatal one from
    ``born_on`` + 7; the postnatal one alone when she was born before ``starts_on``. ``every_days`` is her own interval
    instead of these (an imported caseload).
    Raises PlanError for an interval outside 1 to 365 and ChangeRefused if the plan would end before it starts.
    """
    check_every_days(antenatal_every, "antenatal_every")
    check_every_days(postnatal_every, "postnatal_every")
    if every_days is not None:
        check_every_days(every_days, "every_days")
    ends_on = plan_ends_on(edd=edd, born_on=born_on)
    _check_ends_after_start(starts_on, ends_on)
    rhythms: tuple[Rhythm, ...] = ()
    if every_days is None:
        every_days = antenatal_every
        if born_on is not None and antenatal_every != postnatal_every:
            if born_on < starts_on:
                every_days = postnatal_every
            else:
                rhythms = (_birth_rhythm(on=born_on, born_on=born_on, every_days=postnatal_every),)
    return PlanState(
        starts_on=starts_on,
        ends_on=ends_on,
        every_days=every_days,
        edd=edd,
        born_on=born_on,
        antenatal_every=antenatal_every,
        postnatal_every=postnatal_every,
        rhythms=rhythms,
    )


def start_bereavement(*, starts_on: date, every_days: int, ends_on: date) -> PlanState:
    """Return the state of a plan of bereavement support, as agreed with the woman; no pregnancy has a part in it.

    Raises PlanError for an interval outside 1 to 365 and ChangeRefused if it would end before it starts.
    """
    check_every_days(every_days, "every_days")
    _check_ends_after_start(starts_on, ends_on)
    return PlanState(starts_on=starts_on, ends_on=ends_on, every_days=every_days, kind=BEREAVEMENT)


def change_rhythm(state: PlanState, *, on: date, every_days: int, made: Iterable[date]) -> PlanState:
    """Return the plan with a new interval, asked for on ``on``.

    The cadence in force ends at L, the new one starts at L + ``every_days``, never before ``on`` + 1; with no L the
    first due date stays. During a pause the new interval waits for the rhythm to go on: on the pause's end where it
    skips a date, else at the next due date of the rhythm in force when it began. Pauses ahead cut it.
    The same state if no planned contact moves and the interval is the one in force.
    ``made``: dates of completed contacts known on ``on``. Raises ChangeRefused.
    """
    _check_order(state, on)
    try:
        check_every_days(every_days, "every_days")
    except PlanError as error:
        raise ChangeRefused(Refusal.EVERY_DAYS_OUTSIDE, error.field, error.message) from error
    rhythm = Rhythm(
        on=on,
        every_days=every_days,
        kept_to=_kept_to(state, on, made),
        in_pause=pause_in_force(state, on) is not None,
    )
    changed = replace(state, rhythms=(*state.rhythms, rhythm), changed_on=on)
    if every_days == state.every_days_in_force and planned_contacts(changed.plan) == planned_contacts(state.plan):
        return state
    return changed


def pause(
    state: PlanState,
    *,
    on: date,
    from_on: date | None = None,
    until_on: date | None | Unset = UNSET,
    made: Iterable[date],
) -> PlanState:
    """Return the plan paused from the latest of ``from_on``, ``on`` + 1 and L + 1.

    ``until_on`` is the first day without the pause; unset means 28 days from that day, none means open. Asked for over
    a pause in force or ahead it changes that one: its end, and its start if it has not begun; the same request again
    gives the same state. Touching a pause is not overlapping it.
    A hold lasts until it is resumed (section 4, Hold), so a pause asked for while one stands is refused, not taken
    as its end.
    ``made``: dates of completed contacts known on ``on``. Raises ChangeRefused.
    """
    _check_order(state, on)
    first_on = _first_free_day(state, on, made)
    if from_on is not None:
        first_on = max(first_on, from_on)
    if isinstance(until_on, Unset):
        until_on = first_on + timedelta(days=PAUSE_DAYS)
    if until_on is not None and until_on <= first_on:
        raise ChangeRefused(
            Refusal.UNTIL_NOT_AFTER_FROM, "until_on", f"the pause can begin on {first_on}: it must end after that day"
        )
    asked = Pause(first_on, until_on)
    overlapped = [at for at, stop in enumerate(state.stops) if _overlap(stop.pause, asked)]
    if _hold_not_ended(state) is not None:
        raise ChangeRefused(Refusal.ON_HOLD, "from_on", "the plan is on hold: resume it first")
    if len(overlapped) > 1:
        raise ChangeRefused(Refusal.OVERLAPS_TWO, "from_on", "two pauses lie in these days: change them one by one")
    stops = list(state.stops)
    if overlapped:
        old = stops[overlapped[0]]
        if old.pause.from_on <= on:
            asked = replace(asked, from_on=old.pause.from_on)
        if asked == old.pause:
            return state
        stops[overlapped[0]] = replace(old, pause=asked)
    else:
        stops.append(Stop(asked, recorded_on=on))
    return _with_stops(state, stops, on)


def resume(state: PlanState, *, on: date, made: Iterable[date] = ()) -> PlanState:
    """Return the plan going on from ``on``: the pause in force ends that day, else the next ahead is withdrawn.

    Where the pause skipped a due date by then the rhythm restarts on ``on``, else it goes on. On or before its first
    day a pause is withdrawn, and what it cut or covered comes back, a window that it closed on ``on`` itself too (a
    resume rewrites on or after ``on``); a hold withdrawn brings back the pauses that it withdrew. A pause that had
    begun and goes on as a hold is past its first day: resuming it ends it (``undo_hold`` tells the two apart).
    ``made`` is taken as by the other changes and has no part: no window that a contact made lies in a pause.
    Raises ChangeRefused if there is none.
    """
    _check_order(state, on)
    at = _to_resume(state, on)
    if at is None:
        raise ChangeRefused(Refusal.NOTHING_TO_RESUME, "on", "there is no pause to resume from")
    stop = state.stops[at]
    if on > stop.pause.from_on:
        ended = replace(stop, pause=replace(stop.pause, until_on=on))
        return _with_stops(state, [*state.stops[:at], ended, *state.stops[at + 1 :]], on)
    back = stop.before
    return _with_stops(state, [*state.stops[:at], *state.stops[at + 1 :]] if back is None else back, on)


def hold(state: PlanState, *, on: date, kind: str, made: Iterable[date]) -> PlanState:
    """Return the plan held without end from ``on`` + 1, or L + 1 if that is later.

    A pause in force, or a hold of another kind, goes on as this hold from where it began; pauses ahead are withdrawn.
    The same kind again gives the same state. It counts from its commit: ask ``is_held``.
    ``made``: dates of completed contacts known on ``on``. Raises ChangeRefused for a kind that does not exist.
    """
    _check_order(state, on)
    if kind not in HOLD_KINDS:
        raise ChangeRefused(Refusal.UNKNOWN_HOLD, "kind", f"{kind!r} is not a kind of hold")
    held = _hold_not_ended(state)
    if held is not None and held.pause.kind == kind:
        return state
    first_on = _first_free_day(state, on, made)
    past = [stop for stop in state.stops if stop.pause.from_on <= on and not stop.pause.covers(on)]
    in_force = pause_in_force(state, on)
    new = Stop(
        Pause(in_force.from_on if in_force else first_on, None, kind),
        recorded_on=on if held is None else held.recorded_on,
        undo_until=first_on,
        before=state.stops,
    )
    return _with_stops(state, [*past, new], on)


def undo_hold(state: PlanState, *, on: date) -> PlanState:
    """Return the plan as if the hold had not been recorded, while ``on`` is not after the hold's own first day.

    Differs from ``resume`` where a pause that had begun went on as the hold: that pause comes back as it was, as do
    the pauses that the hold withdrew (a false report). After the first day it is a resume, unless a pause or hold that
    went on as this one would still be in force: what she asked for then comes back, no contact does.
    Raises ChangeRefused if there is no hold.
    """
    _check_order(state, on)
    held = _hold_not_ended(state)
    if held is None:
        raise ChangeRefused(Refusal.NOTHING_TO_RESUME, "on", "there is no hold to undo")
    if held.before is not None and held.undo_until is not None:
        goes_on = any(stop.pause.from_on == held.pause.from_on and stop.pause.covers(on) for stop in held.before)
        if on <= held.undo_until or goes_on:
            return _with_stops(state, held.before, on)
    return resume(state, on=on)


def record_birth(state: PlanState, *, on: date, born_on: date, made: Iterable[date]) -> PlanState:
    """Return the plan once the birth is recorded on ``on``.

    ``ends_on`` becomes the first birthday, never before ``on``, nor before L: a planned contact made early keeps its
    due date. Where the interval in force is the protocol's antenatal one and the postnatal one differs, that one
    starts on the latest of ``born_on`` + 7, ``on`` + 1 and L + 7; with no L, as for any rhythm change, the first due
    date stays; during a pause it waits as any rhythm change does. Recorded after the plan's own ``ends_on`` only
    ``born_on`` is noted. A plan of bereavement support stays as it is; so does one with this birth already.
    ``made``: dates of completed contacts known on ``on``. Raises ChangeRefused for a second birth or one in the future.
    """
    _check_order(state, on)
    if state.kind == BEREAVEMENT or state.born_on == born_on:
        return state
    if state.born_on is not None:
        raise ChangeRefused(Refusal.SECOND_BIRTH, "born_on", f"a birth on {state.born_on} is recorded already")
    if born_on > on:
        raise ChangeRefused(Refusal.BORN_AFTER_TODAY, "born_on", f"{born_on} is after {on}, the day it is recorded")
    if on > state.ends_on:
        return replace(state, born_on=born_on, changed_on=on)
    kept_to = _kept_to(state, on, made)
    rhythms = state.rhythms
    if (
        state.postnatal_every is not None
        and state.every_days_in_force == state.antenatal_every != state.postnatal_every
    ):
        rhythm = _birth_rhythm(on=on, born_on=born_on, every_days=state.postnatal_every)
        in_pause = pause_in_force(state, on) is not None
        rhythms = (*rhythms, replace(rhythm, kept_to=kept_to, in_pause=in_pause))
    return replace(
        state,
        born_on=born_on,
        ends_on=max(one_year_after(born_on), kept_to or on),
        rhythms=rhythms,
        changed_on=on,
    )


def change_due_date(state: PlanState, *, on: date, edd: date, made: Iterable[date] = ()) -> PlanState:
    """Return the plan with another expected date: only ``ends_on`` moves, never before ``on`` nor before L.

    As with a birth, once the plan's own ``ends_on`` is past its dates stay, else windows closed would open again.
    After the birth, ``edd`` has no part in the plan and is only noted; a plan of bereavement support stays as it is.
    ``made``: dates of completed contacts known on ``on``, which keep what was made early. Raises ChangeRefused.
    """
    _check_order(state, on)
    if state.kind == BEREAVEMENT or state.edd == edd:
        return state
    if state.born_on is not None or on > state.ends_on:
        return replace(state, edd=edd, changed_on=on)
    ends_on = max(one_year_after(edd), _kept_to(state, on, made) or on)
    return replace(state, edd=edd, ends_on=ends_on, changed_on=on)


def pause_in_force(state: PlanState, on: date) -> Pause | None:
    """Return the pause or hold that covers ``on``, or none."""
    return next((pause for pause in state.pauses if pause.covers(on)), None)


def is_held(state: PlanState, on: date) -> bool:
    """Whether a hold stands on ``on``: from the day it was recorded, before its first day too, until it is resumed."""
    return any(
        stop.pause.is_hold and stop.recorded_on <= on and (stop.pause.until_on is None or on < stop.pause.until_on)
        for stop in state.stops
    )


def difference(before: Sequence[PlannedContact], after: Sequence[PlannedContact]) -> Difference:
    """Return what moves and what stays between two plans, for the preview before saving.

    Planned contacts are told apart by ``due_on``; changed are those whose window differs, the old with the new.
    """
    old = {window.due_on: window for window in before}
    new = {window.due_on: window for window in after}
    both = [(old[due_on], new[due_on]) for due_on in old if due_on in new]
    changed = tuple((was, now) for was, now in both if (was.opens_on, was.closes_on) != (now.opens_on, now.closes_on))
    return Difference(
        added=tuple(window for window in after if window.due_on not in old),
        withdrawn=tuple(window for window in before if window.due_on not in new),
        changed=changed,
        unchanged_count=len(both) - len(changed),
    )


def to_json(state: PlanState) -> dict[str, Any]:
    """Return ``state`` as plain JSON values; ``from_json`` gives an equal state back."""
    return {
        "kind": state.kind,
        "starts_on": state.starts_on.isoformat(),
        "ends_on": state.ends_on.isoformat(),
        "every_days": state.every_days,
        "edd": _iso(state.edd),
        "born_on": _iso(state.born_on),
        "antenatal_every": state.antenatal_every,
        "postnatal_every": state.postnatal_every,
        "rhythms": [
            {
                "on": rhythm.on.isoformat(),
                "every_days": rhythm.every_days,
                "kept_to": _iso(rhythm.kept_to),
                "from_on": _iso(rhythm.from_on),
                "gap_days": rhythm.gap_days,
                "in_pause": rhythm.in_pause,
            }
            for rhythm in state.rhythms
        ],
        "stops": [_stop_to_json(stop) for stop in state.stops],
        "changed_on": _iso(state.changed_on),
    }


def from_json(data: dict[str, Any]) -> PlanState:
    """Return the state that ``to_json`` wrote. Raises KeyError or ValueError for anything else."""
    return PlanState(
        kind=data["kind"],
        starts_on=date.fromisoformat(data["starts_on"]),
        ends_on=date.fromisoformat(data["ends_on"]),
        every_days=data["every_days"],
        edd=_date(data["edd"]),
        born_on=_date(data["born_on"]),
        antenatal_every=data["antenatal_every"],
        postnatal_every=data["postnatal_every"],
        rhythms=tuple(
            Rhythm(
                on=date.fromisoformat(rhythm["on"]),
                every_days=rhythm["every_days"],
                kept_to=_date(rhythm["kept_to"]),
                from_on=_date(rhythm["from_on"]),
                gap_days=rhythm["gap_days"],
                in_pause=rhythm["in_pause"],
            )
            for rhythm in data["rhythms"]
        ),
        stops=tuple(_stop_from_json(stop) for stop in data["stops"]),
        changed_on=_date(data["changed_on"]),
    )


def _cadences(state: PlanState) -> tuple[Cadence, ...]:
    """Replay rhythms and pauses in the order in which they took hold.

    A rhythm keeps every due date not after its day (or the one made early) and starts anew after that; a pause keeps
    those before it, and either restarts the rhythm on its end or lets it go on. So a pause taken out leaves the dates
    that would have been, and nothing in the past moves, since what is past is never taken out.
    """
    during: dict[int, list[Rhythm]] = {}
    events: list[tuple[date, int, Rhythm | int]] = []
    for order, rhythm in enumerate(state.rhythms):
        at = _pause_of(state.pauses, rhythm)
        if at is None:
            events.append((rhythm.on, order, rhythm))
        else:
            during.setdefault(at, []).append(rhythm)
    events += [(pause.from_on, -1, at) for at, pause in enumerate(state.pauses)]
    events.sort(key=lambda event: event[:2])

    cadences = [Cadence(state.starts_on, state.every_days)]
    for _, _, event in events:
        if isinstance(event, Rhythm):
            kept = _kept(cadences, event.kept_to or event.on)
            first_on = cadences[0].first_due_on
            if kept:
                gap_days = event.every_days if event.gap_days is None else event.gap_days
                first_on = max(_last_due_on(kept) + timedelta(days=gap_days), event.on + DAY, event.from_on or date.min)
            cadences = [*kept, Cadence(first_on, event.every_days)]
            continue
        pause = state.pauses[event]
        every_days = during[event][-1].every_days if event in during else cadences[-1].every_days
        kept = _kept(cadences, pause.from_on - DAY)
        if pause.until_on is None:
            return _within(state, kept)
        next_on = _due_from(cadences, pause.from_on)
        if next_on < pause.until_on:
            cadences = [*kept, Cadence(pause.until_on, every_days)]
        elif every_days != cadences[-1].every_days:
            cadences = [*kept, Cadence(next_on, every_days)]
    return _within(state, cadences)


def _kept(cadences: Sequence[Cadence], to: date) -> list[Cadence]:
    """Return the cadences with their due dates not after ``to`` alone, each with its last one."""
    kept: list[Cadence] = []
    for cadence in cadences:
        if cadence.first_due_on > to:
            break
        last_on = to - timedelta(days=(to - cadence.first_due_on).days % cadence.every_days)
        kept.append(replace(cadence, last_due_on=min(last_on, cadence.last_due_on or last_on)))
    return kept


def _last_due_on(cadences: Sequence[Cadence]) -> date:
    last_on = cadences[-1].last_due_on
    assert last_on is not None
    return last_on


def _due_from(cadences: Sequence[Cadence], on: date) -> date:
    """Return the first due date not before ``on``; the last of ``cadences`` has no end."""
    for cadence in cadences:
        days = max((on - cadence.first_due_on).days, 0)
        due_on = cadence.first_due_on + timedelta(days=-(-days // cadence.every_days) * cadence.every_days)
        if cadence.last_due_on is None or due_on <= cadence.last_due_on:
            return due_on
    raise AssertionError("the last cadence has no end")


def _within(state: PlanState, cadences: Sequence[Cadence]) -> tuple[Cadence, ...]:
    return tuple(cadence for cadence in cadences if cadence.first_due_on <= state.ends_on)


def _pause_of(pauses: Sequence[Pause], rhythm: Rhythm) -> int | None:
    """Return which pause was in force when ``rhythm`` was asked for; one resumed the same day no longer covers it."""
    for at, pause in enumerate(pauses):
        if pause.covers(rhythm.on):
            return at
    if rhythm.in_pause:
        for at, pause in enumerate(pauses):
            if pause.until_on == rhythm.on:
                return at
    return None


def _birth_rhythm(*, on: date, born_on: date, every_days: int) -> Rhythm:
    from_on = born_on + timedelta(days=AFTER_BIRTH_DAYS)
    return Rhythm(on=on, every_days=every_days, from_on=from_on, gap_days=AFTER_BIRTH_DAYS)


def _last_kept(state: PlanState, on: date, made: Iterable[date]) -> date | None:
    """Return L: the plan's latest due date that is made or not after ``on``."""
    windows = planned_contacts(state.plan)
    numbers = made_numbers(windows, contacts=made, on=on)
    return max((window.due_on for window in windows if window.due_on <= on or window.number in numbers), default=None)


def _kept_to(state: PlanState, on: date, made: Iterable[date]) -> date | None:
    """Return L where it is after ``on``, else none."""
    last = _last_kept(state, on, made)
    return last if last is not None and last > on else None


def _first_free_day(state: PlanState, on: date, made: Iterable[date]) -> date:
    return (_kept_to(state, on, made) or on) + DAY


def _overlap(one: Pause, other: Pause) -> bool:
    return (other.until_on is None or one.from_on < other.until_on) and (
        one.until_on is None or other.from_on < one.until_on
    )


def _to_resume(state: PlanState, on: date) -> int | None:
    """Return which pause a resume is about: the one in force, else the next ahead."""
    ahead: int | None = None
    for at, pause in enumerate(state.pauses):
        if pause.covers(on):
            return at
        if ahead is None and pause.from_on > on:
            ahead = at
    return ahead


def _hold_not_ended(state: PlanState) -> Stop | None:
    return next((stop for stop in state.stops if stop.pause.is_hold and stop.pause.until_on is None), None)


def _with_stops(state: PlanState, stops: Iterable[Stop], on: date) -> PlanState:
    return replace(state, stops=tuple(sorted(stops, key=lambda stop: stop.pause.from_on)), changed_on=on)


def _check_order(state: PlanState, on: date) -> None:
    if state.changed_on is not None and on < state.changed_on:
        raise ChangeRefused(Refusal.OUT_OF_ORDER, "on", f"the plan was changed later, on {state.changed_on}")


def _check_ends_after_start(starts_on: date, ends_on: date) -> None:
    if ends_on < starts_on:
        raise ChangeRefused(Refusal.ENDS_BEFORE_START, "starts_on", f"{starts_on} is after {ends_on}, the plan's end")


def _iso(on: date | None) -> str | None:
    return None if on is None else on.isoformat()


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _stop_to_json(stop: Stop) -> dict[str, Any]:
    return {
        "from_on": stop.pause.from_on.isoformat(),
        "until_on": _iso(stop.pause.until_on),
        "kind": stop.pause.kind,
        "recorded_on": stop.recorded_on.isoformat(),
        "undo_until": _iso(stop.undo_until),
        "before": None if stop.before is None else [_stop_to_json(one) for one in stop.before],
    }


def _stop_from_json(data: dict[str, Any]) -> Stop:
    return Stop(
        pause=Pause(date.fromisoformat(data["from_on"]), _date(data["until_on"]), data["kind"]),
        recorded_on=date.fromisoformat(data["recorded_on"]),
        undo_until=_date(data["undo_until"]),
        before=None if data["before"] is None else tuple(_stop_from_json(one) for one in data["before"]),
    )
