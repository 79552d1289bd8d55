"""Each sentence on changes in section 4 of the protocol, one at a time."""

import pickle
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from mentoring.rules import changes
from mentoring.rules.changes import ChangeRefused, PlanState, Refusal, Rhythm
from mentoring.rules.plan import Cadence, Pause, PlanError, PlannedContact, planned_contacts

D = date.fromisoformat


def new(**values: object) -> PlanState:
    given = {
        "starts_on": D("2026-10-12"),
        "edd": D("2027-04-05"),
        "antenatal_every": 14,
        "postnatal_every": 14,
    }
    return changes.start(**{**given, **values})


def dues(state: PlanState, first: str = "2026-10-12", count: int = 6) -> list[str]:
    """Return the first due dates not before ``first``, month and day alone."""
    return [f"{w.due_on:%m-%d}" for w in planned_contacts(state.plan) if w.due_on >= D(first)][:count]


def windows(state: PlanState) -> list[tuple[date, date, date]]:
    return [(w.due_on, w.opens_on, w.closes_on) for w in planned_contacts(state.plan)]


def code(call: Callable[[], object]) -> Refusal:
    with pytest.raises(ChangeRefused) as raised:
        call()
    assert raised.value.message
    assert pickle.loads(pickle.dumps(raised.value)).code == raised.value.code
    return raised.value.code


# Rhythm


def test_a_new_rhythm_starts_its_interval_after_the_last_due_date_that_is_made_or_past() -> None:
    state = changes.change_rhythm(new(), on=D("2026-11-12"), every_days=28, made=[D("2026-11-09")])
    assert dues(state) == ["10-12", "10-26", "11-09", "12-07", "01-04", "02-01"]
    assert state.cadences == (Cadence(D("2026-10-12"), 14, D("2026-11-09")), Cadence(D("2026-12-07"), 28))


def test_a_new_rhythm_counts_from_the_coming_date_when_that_was_made_early() -> None:
    state = changes.change_rhythm(new(), on=D("2026-11-05"), every_days=7, made=[D("2026-11-03")])
    assert dues(state, "2026-11-01", 3) == ["11-09", "11-16", "11-23"]


def test_a_contact_after_the_day_of_the_change_is_not_known() -> None:
    state = changes.change_rhythm(new(), on=D("2026-11-05"), every_days=7, made=[D("2026-11-06")])
    assert dues(state, "2026-11-01", 2) == ["11-06", "11-13"]


def test_a_new_rhythm_never_starts_before_tomorrow() -> None:
    state = changes.change_rhythm(new(), on=D("2026-11-06"), every_days=7, made=[])
    assert dues(state, "2026-11-01", 2) == ["11-07", "11-14"]


def test_before_anything_is_due_the_first_date_stays() -> None:
    state = changes.change_rhythm(new(), on=D("2026-10-01"), every_days=21, made=[])
    assert dues(state, count=2) == ["10-12", "11-02"]


@pytest.mark.parametrize("every_days", [0, 366, -7])
def test_an_interval_outside_1_to_365_is_refused(every_days: int) -> None:
    refused = code(lambda: changes.change_rhythm(new(), on=D("2026-11-06"), every_days=every_days, made=[]))
    assert refused == Refusal.EVERY_DAYS_OUTSIDE


def test_the_rhythm_she_has_asked_for_again_changes_nothing() -> None:
    state = changes.change_rhythm(new(), on=D("2026-11-12"), every_days=28, made=[])
    assert changes.change_rhythm(state, on=D("2026-11-12"), every_days=28, made=[]) is state
    assert changes.change_rhythm(state, on=D("2026-11-20"), every_days=28, made=[]) is state


def test_a_change_dated_before_the_last_one_is_refused() -> None:
    state = changes.change_rhythm(new(), on=D("2026-11-12"), every_days=28, made=[])
    assert code(lambda: changes.resume(state, on=D("2026-11-11"), made=[])) == Refusal.OUT_OF_ORDER


# Pause


@pytest.mark.parametrize(
    ("from_on", "made", "begins_on"),
    [
        (None, [], "2026-11-06"),
        ("2026-11-01", [], "2026-11-06"),
        ("2026-11-20", [], "2026-11-20"),
        ("2026-11-07", ["2026-11-04"], "2026-11-10"),
        ("2026-11-20", ["2026-11-04"], "2026-11-20"),
    ],
)
def test_a_pause_begins_on_the_latest_of_the_day_asked_tomorrow_and_the_day_after_l(
    from_on: str | None, made: list[str], begins_on: str
) -> None:
    state = changes.pause(new(), on=D("2026-11-05"), from_on=from_on and D(from_on), made=[D(day) for day in made])
    assert state.pauses == (Pause(D(begins_on), D(begins_on) + timedelta(days=28)),)


def test_a_pause_must_end_after_the_day_it_can_begin() -> None:
    def ask(until_on: str) -> PlanState:
        return changes.pause(
            new(), on=D("2026-11-05"), from_on=D("2026-11-06"), until_on=D(until_on), made=[D("2026-11-04")]
        )

    assert code(lambda: ask("2026-11-10")) == Refusal.UNTIL_NOT_AFTER_FROM
    assert ask("2026-11-11").pauses == (Pause(D("2026-11-10"), D("2026-11-11")),)


def test_where_a_pause_skips_a_date_the_rhythm_restarts_on_its_end() -> None:
    state = changes.pause(new(), on=D("2026-10-20"), until_on=D("2026-10-27"), made=[])
    assert dues(state, count=3) == ["10-12", "10-27", "11-10"]


def test_a_pause_that_ends_on_a_due_date_skips_none_and_only_cuts() -> None:
    state = changes.pause(new(), on=D("2026-10-13"), until_on=D("2026-10-26"), made=[])
    assert dues(state, count=3) == ["10-12", "10-26", "11-09"]
    assert state.cadences == (Cadence(D("2026-10-12"), 14),)
    assert windows(state)[:2] == [
        (D("2026-10-12"), D("2026-10-12"), D("2026-10-14")),
        (D("2026-10-26"), D("2026-10-26"), D("2026-11-02")),
    ]


def test_a_pause_that_ends_the_day_after_a_due_date_has_skipped_it() -> None:
    state = changes.pause(new(), on=D("2026-10-13"), until_on=D("2026-10-27"), made=[])
    assert dues(state, count=3) == ["10-12", "10-27", "11-10"]


def test_a_pause_asked_for_over_one_ahead_moves_its_start_and_its_end() -> None:
    state = changes.pause(new(), on=D("2026-10-20"), from_on=D("2026-11-20"), until_on=D("2026-12-18"), made=[])
    state = changes.pause(state, on=D("2026-10-21"), from_on=D("2026-11-15"), until_on=D("2026-12-01"), made=[])
    assert state.pauses == (Pause(D("2026-11-15"), D("2026-12-01")),)


def test_a_pause_asked_for_over_one_in_force_moves_its_end_alone() -> None:
    state = changes.pause(new(), on=D("2026-10-20"), until_on=D("2026-12-18"), made=[])
    state = changes.pause(state, on=D("2026-10-27"), from_on=D("2026-11-15"), until_on=D("2026-12-01"), made=[])
    assert state.pauses == (Pause(D("2026-10-21"), D("2026-12-01")),)


def test_a_pause_that_begins_today_is_in_force() -> None:
    state = changes.pause(new(), on=D("2026-10-20"), until_on=D("2026-12-18"), made=[])
    state = changes.pause(state, on=D("2026-10-21"), until_on=None, made=[])
    assert state.pauses == (Pause(D("2026-10-21"), None),)


def test_pauses_that_touch_are_two() -> None:
    state = changes.pause(new(), on=D("2026-10-20"), until_on=D("2026-11-03"), made=[])
    state = changes.pause(state, on=D("2026-10-22"), from_on=D("2026-11-03"), until_on=D("2026-11-10"), made=[])
    assert state.pauses == (Pause(D("2026-10-21"), D("2026-11-03")), Pause(D("2026-11-03"), D("2026-11-10")))
    assert dues(state, count=2) == ["10-12", "11-10"]


def test_a_pause_that_ends_where_another_begins_is_one_of_its_own() -> None:
    state = changes.pause(new(), on=D("2026-10-20"), from_on=D("2026-11-10"), until_on=D("2026-11-20"), made=[])
    state = changes.pause(state, on=D("2026-10-20"), from_on=D("2026-11-03"), until_on=D("2026-11-10"), made=[])
    assert state.pauses == (Pause(D("2026-11-03"), D("2026-11-10")), Pause(D("2026-11-10"), D("2026-11-20")))


def test_a_pause_over_two_others_is_refused() -> None:
    state = changes.pause(new(), on=D("2026-10-20"), until_on=D("2026-11-03"), made=[])
    state = changes.pause(state, on=D("2026-10-20"), from_on=D("2026-12-03"), until_on=D("2026-12-20"), made=[])
    assert code(lambda: changes.pause(state, on=D("2026-10-20"), until_on=None, made=[])) == Refusal.OVERLAPS_TWO


def test_the_same_pause_asked_for_again_changes_nothing() -> None:
    state = changes.pause(new(), on=D("2026-10-20"), from_on=D("2026-10-24"), made=[])
    assert changes.pause(state, on=D("2026-10-20"), from_on=D("2026-10-24"), made=[]) is state


# Resume


def test_back_before_a_date_was_skipped_the_rhythm_goes_on() -> None:
    state = changes.pause(new(), on=D("2026-10-13"), until_on=None, made=[])
    back = changes.resume(state, on=D("2026-10-26"), made=[])
    assert dues(back, count=3) == ["10-12", "10-26", "11-09"]
    assert back.pauses == (Pause(D("2026-10-14"), D("2026-10-26")),)


def test_back_the_day_after_a_date_was_skipped_the_rhythm_restarts_that_day() -> None:
    state = changes.pause(new(), on=D("2026-10-13"), until_on=None, made=[])
    assert dues(changes.resume(state, on=D("2026-10-27"), made=[]), count=3) == ["10-12", "10-27", "11-10"]


@pytest.mark.parametrize("on", ["2026-10-20", "2026-10-24"], ids=["before its first day", "on its first day"])
def test_a_pause_resumed_by_its_first_day_is_withdrawn_and_what_it_cut_comes_back(on: str) -> None:
    plain = changes.change_rhythm(new(), on=D("2026-10-13"), every_days=28, made=[])
    paused = changes.pause(plain, on=D("2026-10-20"), from_on=D("2026-10-24"), made=[])
    assert windows(paused) != windows(plain)
    back = changes.resume(paused, on=D(on), made=[])
    assert windows(back) == windows(plain)
    assert back.pauses == ()


def test_the_pause_in_force_is_resumed_before_the_next_ahead() -> None:
    state = changes.pause(new(), on=D("2026-10-20"), until_on=D("2026-11-03"), made=[])
    state = changes.pause(state, on=D("2026-10-20"), from_on=D("2026-12-03"), until_on=D("2026-12-20"), made=[])
    state = changes.resume(state, on=D("2026-10-28"), made=[])
    assert state.pauses == (Pause(D("2026-10-21"), D("2026-10-28")), Pause(D("2026-12-03"), D("2026-12-20")))
    state = changes.resume(state, on=D("2026-10-28"), made=[])
    assert state.pauses == (Pause(D("2026-10-21"), D("2026-10-28")),)
    assert code(lambda: changes.resume(state, on=D("2026-10-28"), made=[])) == Refusal.NOTHING_TO_RESUME


# A change during a pause, and with one ahead


def test_a_rhythm_asked_for_in_a_pause_that_skips_waits_for_its_end() -> None:
    state = changes.pause(new(), on=D("2026-10-13"), until_on=D("2026-11-20"), made=[])
    state = changes.change_rhythm(state, on=D("2026-10-20"), every_days=7, made=[])
    assert dues(state, count=3) == ["10-12", "11-20", "11-27"]


def test_whether_a_pause_skips_is_asked_of_the_rhythm_when_it_began_also_once_it_is_longer() -> None:
    state = changes.pause(new(), on=D("2026-10-13"), until_on=D("2026-10-20"), made=[])
    state = changes.change_rhythm(state, on=D("2026-10-15"), every_days=3, made=[])
    assert dues(state, count=3) == ["10-12", "10-26", "10-29"]
    state = changes.pause(state, on=D("2026-10-16"), until_on=D("2026-10-30"), made=[])
    assert dues(state, count=3) == ["10-12", "10-30", "11-02"]


def test_a_rhythm_asked_for_in_a_pause_and_back_the_same_day_starts_that_day() -> None:
    state = changes.pause(new(), on=D("2026-10-13"), until_on=None, made=[])
    state = changes.change_rhythm(state, on=D("2026-10-28"), every_days=28, made=[])
    state = changes.resume(state, on=D("2026-10-28"), made=[])
    assert state.cadences == (Cadence(D("2026-10-12"), 14, D("2026-10-12")), Cadence(D("2026-10-28"), 28))


def test_a_rhythm_asked_for_with_a_pause_ahead_is_cut_round_it_and_outlives_its_withdrawal() -> None:
    state = changes.pause(new(), on=D("2026-10-13"), from_on=D("2026-11-20"), until_on=D("2026-12-20"), made=[])
    state = changes.change_rhythm(state, on=D("2026-10-26"), every_days=21, made=[])
    assert dues(state, count=4) == ["10-12", "10-26", "11-16", "12-20"]
    state = changes.resume(state, on=D("2026-10-27"), made=[])
    assert dues(state, count=4) == ["10-12", "10-26", "11-16", "12-07"]


# Birth and due date


def born(state: PlanState, on: str, born_on: str, made: list[str] | None = None) -> PlanState:
    return changes.record_birth(state, on=D(on), born_on=D(born_on), made=[D(day) for day in made or []])


@pytest.mark.parametrize(
    ("on", "born_on", "made", "starts_on"),
    [
        ("2027-04-02", "2027-04-01", [], "04-08"),
        ("2027-04-20", "2027-04-01", [], "04-21"),
        ("2027-04-06", "2027-04-01", ["2027-04-05"], "04-19"),
    ],
    ids=["seven days after the birth", "tomorrow", "seven days after the date made early"],
)
def test_the_postnatal_interval_starts_on_the_latest_of_three_days(
    on: str, born_on: str, made: list[str], starts_on: str
) -> None:
    # Due dates about then: 29 March, 12 April, 26 April; the window of 12 April opens on 5 April.
    state = born(new(postnatal_every=28), on, born_on, made)
    after = dues(state, "2027-04-07", 5)
    assert starts_on in after
    last = D(f"2027-{starts_on}") + timedelta(days=28)
    assert f"{last:%m-%d}" == after[after.index(starts_on) + 1]


def test_an_interval_of_her_own_outlives_the_birth() -> None:
    state = changes.change_rhythm(new(postnatal_every=28), on=D("2026-11-12"), every_days=7, made=[])
    assert born(state, "2027-04-02", "2027-04-01").every_days_in_force == 7


def test_the_plan_ends_on_the_first_birthday_but_not_before_the_day_it_is_recorded() -> None:
    assert born(new(), "2027-04-02", "2027-04-01").ends_on == D("2028-04-01")
    assert born(new(), "2028-04-05", "2027-03-20").ends_on == D("2028-04-05")


def test_a_planned_contact_made_early_is_kept_although_the_plan_now_ends_before_it() -> None:
    state = new()
    last = planned_contacts(state.plan)[-1]
    after = born(state, last.opens_on.isoformat(), "2027-03-10", [last.opens_on.isoformat()])
    assert planned_contacts(after.plan)[-1].due_on == last.due_on == after.ends_on


def test_a_birth_recorded_after_the_plan_ended_leaves_it_as_it_is() -> None:
    state = new(postnatal_every=28)
    after = born(state, "2028-04-06", "2027-05-01")
    assert after.born_on == D("2027-05-01")
    assert after.plan == state.plan
    assert born(state, "2028-04-05", "2027-05-01").ends_on == D("2028-05-01")


def test_a_birth_before_anything_is_due_leaves_the_first_date() -> None:
    state = born(new(postnatal_every=28), "2026-10-10", "2026-10-09")
    assert dues(state, count=2) == ["10-12", "11-09"]


def test_a_second_birth_and_one_in_the_future_are_refused_and_the_same_one_changes_nothing() -> None:
    state = born(new(), "2027-04-02", "2027-04-01")
    assert born(state, "2027-04-03", "2027-04-01") is state
    assert code(lambda: born(state, "2027-04-03", "2027-04-02")) == Refusal.SECOND_BIRTH
    assert code(lambda: born(new(), "2027-04-03", "2027-04-04")) == Refusal.BORN_AFTER_TODAY


def test_a_due_date_changed_moves_only_the_end_and_not_once_that_is_past_or_the_baby_is_here() -> None:
    state = new()
    later = changes.change_due_date(state, on=D("2026-11-30"), edd=D("2027-04-19"), made=[])
    assert (later.ends_on, later.cadences) == (D("2028-04-19"), state.cadences)
    assert changes.change_due_date(later, on=D("2026-12-01"), edd=D("2027-04-19"), made=[]) is later
    past = changes.change_due_date(state, on=D("2028-04-06"), edd=D("2027-04-19"), made=[])
    assert (past.edd, past.plan) == (D("2027-04-19"), state.plan)
    there = born(state, "2027-04-02", "2027-04-01")
    assert changes.change_due_date(there, on=D("2027-04-03"), edd=D("2027-04-19"), made=[]).plan == there.plan
    clipped = changes.change_due_date(state, on=D("2026-11-30"), edd=D("2025-01-01"), made=[])
    assert clipped.ends_on == D("2026-11-30")


# Hold


def test_a_hold_lasts_from_its_commit_and_its_first_day_is_tomorrow_or_the_day_after_l() -> None:
    held = changes.hold(new(), on=D("2026-11-05"), kind="loss", made=[D("2026-11-04")])
    assert held.pauses == (Pause(D("2026-11-10"), None, "loss"),)
    assert changes.is_held(held, D("2026-11-05"))
    assert not changes.is_held(held, D("2026-11-04"))
    assert changes.pause_in_force(held, D("2026-11-05")) is None
    assert not changes.is_held(changes.pause(new(), on=D("2026-11-05"), until_on=None, made=[]), D("2026-12-01"))
    assert changes.hold(new(), on=D("2026-11-05"), kind="ended", made=[]).pauses[0].from_on == D("2026-11-06")


def test_a_hold_resumed_is_held_no_longer() -> None:
    held = changes.hold(new(), on=D("2026-11-05"), kind="unreachable", made=[])
    back = changes.resume(held, on=D("2026-11-20"), made=[])
    assert not changes.is_held(back, D("2026-11-20"))
    assert changes.is_held(back, D("2026-11-19"))
    assert dues(back, "2026-11-01", 2) == ["11-20", "12-04"]


def test_a_hold_takes_over_the_pause_in_force_and_withdraws_those_ahead() -> None:
    state = changes.pause(new(), on=D("2026-10-20"), until_on=D("2026-11-18"), made=[])
    state = changes.pause(state, on=D("2026-10-20"), from_on=D("2026-12-18"), made=[])
    held = changes.hold(state, on=D("2026-11-03"), kind="unreachable", made=[])
    assert held.pauses == (Pause(D("2026-10-21"), None, "unreachable"),)
    assert changes.undo_hold(held, on=D("2026-11-04")).pauses == state.pauses
    assert changes.resume(held, on=D("2026-11-04"), made=[]).pauses == (
        Pause(D("2026-10-21"), D("2026-11-04"), "unreachable"),
    )
    assert changes.undo_hold(held, on=D("2026-11-17")).pauses == state.pauses
    assert changes.undo_hold(held, on=D("2026-11-18")) == changes.resume(held, on=D("2026-11-18"), made=[])


def test_a_hold_undone_late_does_not_bring_back_contact_to_one_who_had_ended_it_before() -> None:
    ended = changes.hold(new(), on=D("2026-11-05"), kind="ended", made=[])
    lost = changes.hold(ended, on=D("2026-11-20"), kind="loss", made=[])
    assert changes.undo_hold(lost, on=D("2026-12-20")).pauses == ended.pauses


@pytest.mark.parametrize("undo", [changes.undo_hold, changes.resume])
def test_a_hold_undone_by_its_first_day_brings_back_what_it_cut_and_withdrew(undo: Callable[..., PlanState]) -> None:
    state = changes.pause(new(), on=D("2026-11-02"), from_on=D("2026-12-18"), made=[])
    held = changes.hold(state, on=D("2026-11-10"), kind="loss", made=[])
    assert held.pauses == (Pause(D("2026-11-11"), None, "loss"),)
    assert windows(held) != windows(state)
    back = undo(changes.from_json(changes.to_json(held)), on=D("2026-11-11"))
    assert windows(back) == windows(state)
    assert back.pauses == state.pauses


def test_the_same_hold_again_changes_nothing_and_another_kind_takes_its_place() -> None:
    held = changes.hold(new(), on=D("2026-11-05"), kind="unreachable", made=[])
    assert changes.hold(held, on=D("2026-11-20"), kind="unreachable", made=[]) is held
    lost = changes.hold(held, on=D("2026-11-20"), kind="loss", made=[])
    assert lost.pauses == (Pause(D("2026-11-06"), None, "loss"),)
    assert changes.is_held(lost, D("2026-11-10"))
    assert changes.undo_hold(lost, on=D("2026-11-20")).pauses == held.pauses


def test_a_pause_is_refused_while_a_hold_stands_and_an_unknown_hold_always() -> None:
    held = changes.hold(new(), on=D("2026-11-05"), kind="loss", made=[])
    assert code(lambda: changes.pause(held, on=D("2026-11-20"), made=[])) == Refusal.ON_HOLD
    assert code(lambda: changes.hold(new(), on=D("2026-11-05"), kind="pause", made=[])) == Refusal.UNKNOWN_HOLD
    assert code(lambda: changes.undo_hold(new(), on=D("2026-11-05"))) == Refusal.NOTHING_TO_RESUME


# Start


def test_a_plan_of_bereavement_support_knows_no_pregnancy() -> None:
    state = changes.start_bereavement(starts_on=D("2026-11-02"), every_days=7, ends_on=D("2026-11-16"))
    assert dues(state) == ["11-02", "11-09", "11-16"]
    assert born(state, "2026-11-03", "2026-11-01") is state
    assert changes.change_due_date(state, on=D("2026-11-03"), edd=D("2027-01-01")) is state


def test_a_birth_known_at_the_start_is_planned_as_the_protocol_says() -> None:
    state = new(postnatal_every=28, born_on=D("2026-11-04"))
    assert state.cadences == (Cadence(D("2026-10-12"), 14, D("2026-10-26")), Cadence(D("2026-11-11"), 28))
    assert state.ends_on == D("2027-11-04")
    assert new(postnatal_every=28, born_on=D("2026-10-01")).cadences == (Cadence(D("2026-10-12"), 28),)
    assert new(postnatal_every=28, born_on=D("2026-11-04"), every_days=10).cadences == (Cadence(D("2026-10-12"), 10),)


def test_a_plan_cannot_end_before_it_starts_or_have_an_interval_outside_1_to_365() -> None:
    assert code(lambda: new(starts_on=D("2028-04-06"))) == Refusal.ENDS_BEFORE_START
    with pytest.raises(PlanError) as raised:
        new(postnatal_every=0)
    assert raised.value.field == "postnatal_every"


# Difference


def test_the_difference_tells_added_withdrawn_changed_and_unchanged_by_due_date() -> None:
    before = new()
    after = changes.change_rhythm(before, on=D("2026-11-12"), every_days=21, made=[])
    found = changes.difference(planned_contacts(before.plan), planned_contacts(after.plan))
    assert found.added[0].due_on == D("2026-11-30")
    assert found.withdrawn[0].due_on == D("2026-11-23")
    assert next((one.due_on, other.closes_on) for one, other in found.changed) == (D("2026-12-21"), D("2027-01-01"))
    assert found.unchanged_count == 3
    assert not found.is_empty
    assert changes.difference([], []).is_empty


def test_a_number_that_moves_alone_is_no_difference() -> None:
    one = PlannedContact(1, D("2026-11-09"), D("2026-11-02"), D("2026-11-16"), False)
    other = PlannedContact(0, D("2026-11-09"), D("2026-11-02"), D("2026-11-16"), False)
    assert changes.difference([one], [other]).is_empty


def test_what_a_rhythm_keeps_is_part_of_the_state_in_json() -> None:
    state = changes.change_rhythm(new(), on=D("2026-11-05"), every_days=7, made=[D("2026-11-03")])
    assert state.rhythms == (Rhythm(on=D("2026-11-05"), every_days=7, kept_to=D("2026-11-09")),)
    assert changes.from_json(changes.to_json(state)) == state
