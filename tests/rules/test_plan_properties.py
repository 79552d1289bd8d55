"""What holds for every plan and every sequence of changes."""

import json
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from mentoring.rules import changes
from mentoring.rules.changes import UNSET, ChangeRefused, PlanState
from mentoring.rules.plan import (
    HOLD_KINDS,
    Cadence,
    Pause,
    Plan,
    PlannedContact,
    made_numbers,
    one_year_after,
    planned_contacts,
    statuses,
    window_for,
)
from tests.rules.slow_plan import slow_planned, slow_status

START = date(2026, 9, 7)
DAY = timedelta(days=1)


def days(low: int, high: int) -> st.SearchStrategy[timedelta]:
    return st.integers(low, high).map(lambda number: timedelta(days=number))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Plans without errors: stretches of cadence with gaps, pauses in the gaps or inside a stretch between due dates."""
    at = START
    cadences: list[Cadence] = []
    pauses: list[Pause] = []
    for _ in range(draw(st.integers(0, 4))):
        every_days = draw(st.sampled_from([1, 2, 3, 7, 13, 14, 28, 91, 365]))
        last_on = at + (count := draw(st.integers(0, 6))) * timedelta(days=every_days)
        cadences.append(Cadence(at, every_days, last_on))
        if every_days > 2 and count and draw(st.booleans()):
            from_on = at + draw(days(1, every_days - 2))
            pauses.append(Pause(from_on, from_on + draw(days(1, every_days - (from_on - at).days))))
        at = last_on + draw(days(1, 40))
        if at - last_on > DAY and draw(st.booleans()):
            pauses.append(Pause(last_on + DAY, last_on + DAY + draw(days(1, (at - last_on).days - 1))))
    if draw(st.booleans()):
        cadences.append(Cadence(at, draw(st.integers(1, 60))))
    else:
        pauses.append(Pause(at))
    return Plan(START + draw(days(-5, 700)), tuple(cadences), tuple(pauses))


@given(plans(), st.data())
def test_the_plan_agrees_with_a_slow_and_obvious_second_one(plan: Plan, data: st.DataObject) -> None:
    windows = planned_contacts(plan)
    slow = slow_planned(plan)
    assert [asdict(window) for window in windows] == slow
    contacts = data.draw(st.lists(days(-20, 400).map(START.__add__), max_size=12))
    on = START + data.draw(days(-20, 500))
    offered_from = data.draw(st.none() | days(-20, 500).map(START.__add__))
    found = statuses(windows, offered_from=offered_from, contacts=contacts, on=on)
    assert found == [slow_status(row, offered_from=offered_from, contacts=contacts, on=on) for row in slow]


@given(plans())
def test_windows_are_in_order_and_never_overlap_and_hold_their_own_due_date(plan: Plan) -> None:
    windows = planned_contacts(plan)
    assert all(window.opens_on <= window.due_on < window.closes_on for window in windows)
    assert all(one.closes_on <= other.opens_on for one, other in pairwise(windows))
    assert [window.number for window in windows] == list(range(len(windows)))
    assert planned_contacts(plan) == windows


@given(plans(), days(-30, 720))
def test_a_day_lies_in_the_one_window_that_window_for_finds(plan: Plan, since: timedelta) -> None:
    windows = planned_contacts(plan)
    on = START + since
    assert window_for(windows, on) == next((window for window in windows if window.holds(on)), None)


@dataclass
class Step:
    """One request: which change, how many days after the one before, and with which contacts."""

    kind: str
    wait: int
    values: dict[str, Any] = field(default_factory=dict)
    contacts: tuple[int, ...] = ()
    voided: bool = False


@st.composite
def steps(draw: st.DrawFn) -> Step:
    kind = draw(
        st.sampled_from(["rhythm", "pause", "pause", "resume", "hold", "undo_hold", "birth", "due_date", "pause"])
    )
    values: dict[str, Any] = {}
    if kind == "rhythm":
        values["every_days"] = draw(st.sampled_from([7, 14, 28]) | st.integers(1, 60))
    if kind == "pause":
        values["from_on"] = draw(st.none() | st.integers(-5, 60))
        values["until_on"] = draw(st.none() | st.just("unset") | st.integers(1, 90))
    if kind == "hold":
        values["kind"] = draw(st.sampled_from(HOLD_KINDS))
    if kind == "birth":
        values["born_on"] = draw(st.integers(0, 40) | st.integers(0, 420))
    if kind == "due_date":
        values["edd"] = draw(st.integers(-60, 60) | st.integers(-420, 420))
    return Step(
        kind=kind,
        wait=draw(st.integers(0, 2) | st.integers(0, 40) | st.integers(0, 200)),
        values=values,
        contacts=tuple(draw(st.lists(st.integers(0, 12), max_size=3))),
        voided=draw(st.integers(0, 5)) == 0,
    )


sequences = st.lists(steps(), min_size=1, max_size=10)
intervals = st.sampled_from([(14, 14), (14, 28), (28, 14), (7, 3)]) | st.tuples(st.integers(1, 60), st.integers(1, 60))


def apply(state: PlanState, step: Step, on: date, made: list[date]) -> PlanState:
    values = dict(step.values)
    match step.kind:
        case "rhythm":
            return changes.change_rhythm(state, on=on, made=made, **values)
        case "pause":
            from_on = None if values["from_on"] is None else on + timedelta(days=values["from_on"])
            until_on = values["until_on"]
            if until_on == "unset":
                until_on = UNSET
            elif until_on is not None:
                until_on = (from_on or on) + timedelta(days=until_on)
            return changes.pause(state, on=on, from_on=from_on, until_on=until_on, made=made)
        case "resume":
            return changes.resume(state, on=on, made=made)
        case "hold":
            return changes.hold(state, on=on, made=made, **values)
        case "undo_hold":
            return changes.undo_hold(state, on=on)
        case "birth":
            return changes.record_birth(state, on=on, born_on=on - timedelta(days=values["born_on"]), made=made)
        case _:
            edd = (state.edd or on) + timedelta(days=values["edd"])
            return changes.change_due_date(state, on=on, edd=edd, made=made)


def check_kept(
    before: list[PlannedContact], after: list[PlannedContact], *, on: date, made: list[date], resumed: bool
) -> None:
    """Fail unless nothing before or on ``on`` is rewritten, and what is made or closed keeps its dates.

    A resume rewrites on or after its day: a date on that day may come, and a window that a pause closed on it reopen.
    """
    new = {window.due_on: window for window in after}
    first_free = on if resumed else on + DAY
    assert {w.due_on for w in before if w.due_on < first_free} == {w.due_on for w in after if w.due_on < first_free}
    numbers = made_numbers(before, contacts=made, on=on)
    for old in before:
        is_made = old.number in numbers
        is_closed = old.closes_on <= on
        if not (is_made or is_closed):
            continue
        now = new.get(old.due_on)
        assert now is not None, f"{old} is gone"
        assert (now.number, now.opens_on) == (old.number, old.opens_on), f"{old} became {now}"
        if is_closed and not (resumed and old.cut and old.closes_on == on):
            assert (now.closes_on, now.cut) == (old.closes_on, old.cut), f"{old} became {now}"
        if is_made:
            assert min(day for day in made if old.holds(day)) < now.closes_on, f"{old} became {now}"


def run(sequence: list[Step], antenatal: int, postnatal: int, edd_after: int, first_wait: int) -> PlanState:
    """Apply a sequence, checking after each accepted change all that must hold; return the last state."""
    state = changes.start(
        starts_on=START, edd=START + timedelta(days=edd_after), antenatal_every=antenatal, postnatal_every=postnatal
    )
    on = START + timedelta(days=first_wait)
    made: list[date] = []
    for step in sequence:
        on += timedelta(days=step.wait)
        made = [] if step.voided else made
        made = made + [on - timedelta(days=ago) for ago in step.contacts]
        before = planned_contacts(state.plan)
        try:
            changed = apply(state, step, on, made)
        except ChangeRefused as refused:
            event(f"{step.kind} refused: {refused.code}")
            continue
        event(f"{step.kind} accepted")
        after = planned_contacts(changed.plan)
        resumed = step.kind in ("resume", "undo_hold")
        check_kept(before, after, on=on, made=made, resumed=resumed)
        assert changes.from_json(json.loads(json.dumps(changes.to_json(changed)))) == changed
        if not resumed:
            again = apply(changed, Step(step.kind, 0, step.values), on, made) if step.kind != "due_date" else changed
            assert planned_contacts(again.plan) == after, f"{step.kind} twice is not once"
        if step.kind == "resume":
            check_resumed(state, changed, on)
        if step.kind == "hold":
            assert changes.is_held(changed, on)
            assert all(
                window.due_on <= max(on, max(made, default=on)) or window.due_on == after[-1].due_on for window in after
            )
            undone = changes.undo_hold(changed, on=on)
            if undone != state and changed != state:
                assert planned_contacts(undone.plan) == before
        state = changed
    return state


def check_resumed(before: PlanState, after: PlanState, on: date) -> None:
    in_force = changes.pause_in_force(before, on)
    if in_force is None or in_force.from_on == on:
        return
    assert changes.pause_in_force(after, on) is None or after.stops != before.stops
    cut_to = planned_contacts(Plan(before.ends_on, before.cadences, before.pauses))
    assert [w.due_on for w in planned_contacts(after.plan)][: sum(w.due_on < on for w in cut_to)] == [
        w.due_on for w in cut_to if w.due_on < on
    ]


@given(sequences, intervals, st.integers(-100, 260), st.integers(-20, 500))
def test_any_accepted_sequence_is_a_plan_that_keeps_what_is_made_or_closed(
    sequence: list[Step], every: tuple[int, int], edd_after: int, first_wait: int
) -> None:
    run(sequence, *every, edd_after, first_wait)


@given(sequences, intervals, st.integers(100, 260), st.integers(0, 300), st.integers(0, 28))
def test_an_open_pause_resumed_lets_the_plan_go_on_from_that_day_or_the_next_due_date(
    sequence: list[Step], every: tuple[int, int], edd_after: int, first_wait: int, later: int
) -> None:
    state = run(sequence, *every, edd_after, first_wait)
    on = (state.changed_on or START) + DAY
    assume(on < state.ends_on - timedelta(days=100) and changes.pause_in_force(state, on) is None)
    try:
        paused = changes.pause(state, on=on, until_on=None, made=[])
    except ChangeRefused:
        return
    back_on = on + timedelta(days=1 + later)
    plain = {window.due_on for window in planned_contacts(state.plan)}
    resumed = changes.resume(paused, on=back_on, made=[])
    skipped = [due_on for due_on in plain if on < due_on < back_on]
    after = sorted(window.due_on for window in planned_contacts(resumed.plan) if window.due_on > on)
    if back_on == on + DAY:
        assert {window.due_on for window in planned_contacts(resumed.plan)} >= {d for d in plain if d <= back_on}
    elif skipped and not [pause for pause in state.pauses if pause.from_on > on]:
        assert after[0] == back_on
        assert after[1] - after[0] == timedelta(days=state.every_days_in_force)
    elif not [pause for pause in state.pauses if pause.from_on > on]:
        assert after == sorted(due_on for due_on in plain if due_on > on)


@given(sequences, intervals, st.integers(0, 260), st.integers(1, 365), st.integers(0, 300))
def test_a_rhythm_change_outside_a_pause_is_next_due_its_interval_after_the_last_kept_due_date(
    sequence: list[Step], every: tuple[int, int], edd_after: int, every_days: int, first_wait: int
) -> None:
    state = run(sequence, *every, edd_after, first_wait)
    on = (state.changed_on or START) + timedelta(days=3)
    assume(on <= state.ends_on and not any(pause.until_on is None or pause.until_on > on for pause in state.pauses))
    kept = [window.due_on for window in planned_contacts(state.plan) if window.due_on <= on]
    assume(kept)
    changed = changes.change_rhythm(state, on=on, every_days=every_days, made=[])
    first_on = max(kept[-1] + timedelta(days=every_days), on + DAY)
    after = [window.due_on for window in planned_contacts(changed.plan)]
    expected = range(0, (state.ends_on - first_on).days + 1, every_days)
    assert after == kept + [first_on + timedelta(days=number) for number in expected]


@given(st.dates(date(1999, 1, 1), date(2100, 12, 31)))
def test_one_year_after_is_the_same_day_a_year_later_but_for_29_february(on: date) -> None:
    after = one_year_after(on)
    if (on.month, on.day) == (2, 29):
        assert (after.year, after.month, after.day) == (on.year + 1, 2, 28)
    else:
        assert after == on.replace(year=on.year + 1)


def test_the_check_itself_finds_a_row_that_moved() -> None:
    window = PlannedContact(0, START, START, START + 7 * DAY, False)
    moved = PlannedContact(0, START, START, START + 8 * DAY, False)
    with pytest.raises(AssertionError):
        check_kept([window], [moved], on=START + 7 * DAY, made=[], resumed=False)
    with pytest.raises(AssertionError):
        check_kept([window], [], on=START, made=[START], resumed=False)
