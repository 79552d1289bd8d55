"""The plan function at its named edges: leap day, both days the clocks change, a pause on each boundary, each error."""

import pickle
from datetime import date, timedelta

import pytest

from mentoring.rules.plan import (
    Cadence,
    Pause,
    Plan,
    PlanError,
    Status,
    ends_on,
    fulfilling,
    one_year_after,
    planned_contacts,
    status,
    statuses,
    window_for,
)

D = date.fromisoformat
START = D("2026-01-05")
END = D("2026-03-16")


def windows(pauses: tuple[Pause, ...] = (), cadences: tuple[Cadence, ...] = (Cadence(START, 14),)) -> list[str]:
    """Return ``due [opens, closes)`` of each planned contact, month and day alone, with an x where it is cut."""
    return [
        f"{w.due_on:%m-%d} [{w.opens_on:%m-%d}, {w.closes_on:%m-%d}){' x' if w.cut else ''}"
        for w in planned_contacts(Plan(END, cadences, pauses))
    ]


def test_a_first_birthday_of_29_february_is_28_february() -> None:
    assert one_year_after(D("2024-02-29")) == D("2025-02-28")
    assert one_year_after(D("2023-02-28")) == D("2024-02-28")
    assert ends_on(edd=D("2024-03-20"), born_on=D("2024-02-29")) == D("2025-02-28")
    assert ends_on(edd=D("2024-03-20"), born_on=None) == D("2025-03-20")


def test_a_due_date_on_29_february_is_one_like_any_other() -> None:
    plan = Plan(D("2024-03-31"), (Cadence(D("2024-02-15"), 14),))
    assert [window.due_on for window in planned_contacts(plan)][1] == D("2024-02-29")


@pytest.mark.parametrize("changes_on", ["2026-03-29", "2026-10-25"])
def test_the_days_on_which_the_clocks_change_are_days_like_any_other(changes_on: str) -> None:
    due_on = D(changes_on)
    plan = Plan(due_on + timedelta(days=30), (Cadence(due_on - timedelta(days=14), 14),))
    window = planned_contacts(plan)[1]
    assert (window.opens_on, window.due_on, window.closes_on) == (
        due_on - timedelta(days=7),
        due_on,
        due_on + timedelta(days=7),
    )
    found = [
        status(window, offered_from=plan.cadences[0].first_due_on, made=False, on=due_on + timedelta(days=n))
        for n in (-8, -7, 0, 1, 6, 7)
    ]
    assert found == ["upcoming", "due", "due", "overdue", "overdue", "missed"]


def test_an_odd_interval_closes_half_a_day_late() -> None:
    assert windows(cadences=(Cadence(START, 21, D("2026-01-26")),)) == ["01-05 [01-05, 01-16)", "01-26 [01-16, 02-06)"]


def test_every_day_is_its_own_window() -> None:
    assert windows(cadences=(Cadence(START, 1, D("2026-01-06")),)) == ["01-05 [01-05, 01-06)", "01-06 [01-06, 01-07)"]


def test_a_due_date_on_the_last_day_closes_the_day_after_and_one_after_it_is_not_planned() -> None:
    assert windows()[-1] == "03-16 [03-09, 03-17)"
    assert windows(cadences=(Cadence(START, 14),))[-2] == "03-02 [02-23, 03-09)"
    assert windows(cadences=(Cadence(D("2026-03-17"), 14),)) == []


BEFORE_PAUSE = Cadence(START, 14, D("2026-01-19"))


@pytest.mark.parametrize(
    ("from_on", "row"),
    [
        ("2026-01-20", "01-19 [01-12, 01-20) x"),
        ("2026-01-25", "01-19 [01-12, 01-25) x"),
        ("2026-01-26", "01-19 [01-12, 01-26)"),
        ("2026-01-27", "01-19 [01-12, 01-26)"),
    ],
    ids=["the day after it is due", "its last day", "the day it closes", "the day after it closes"],
)
def test_a_pause_cuts_a_window_only_from_the_day_after_it_is_due_to_its_last_day(from_on: str, row: str) -> None:
    assert windows((Pause(D(from_on)),), (BEFORE_PAUSE,))[-1] == row


def test_a_pause_that_starts_on_the_day_after_the_end_cuts_nothing() -> None:
    assert windows((Pause(D("2026-03-17")),)) == windows()
    assert windows((Pause(D("2026-03-10"), D("2026-03-16")),))[-1] == "03-16 [03-16, 03-17)"


def test_a_window_opens_at_the_end_of_a_pause_between_it_and_the_one_before() -> None:
    assert windows((Pause(D("2026-01-13"), D("2026-01-19")),))[1] == "01-19 [01-19, 01-26)"
    assert windows((Pause(D("2026-01-06"), D("2026-01-10")),))[:2] == ["01-05 [01-05, 01-06) x", "01-19 [01-10, 01-26)"]


def test_of_two_pauses_that_touch_the_first_cuts_and_the_last_opens() -> None:
    pauses = (Pause(D("2026-01-06"), D("2026-01-08")), Pause(D("2026-01-08"), D("2026-01-12")))
    assert windows(pauses)[:2] == ["01-05 [01-05, 01-06) x", "01-19 [01-12, 01-26)"]


@pytest.mark.parametrize(
    ("cadences", "pauses", "field"),
    [
        ((Cadence(START, 0),), (), "cadences[0].every_days"),
        ((Cadence(START, 366),), (), "cadences[0].every_days"),
        ((Cadence(START, 14, D("2026-01-20")),), (), "cadences[0].last_due_on"),
        ((Cadence(START, 14, D("2025-12-22")),), (), "cadences[0].last_due_on"),
        ((Cadence(START, 14), Cadence(D("2026-02-01"), 14)), (), "cadences[1].first_due_on"),
        ((BEFORE_PAUSE, Cadence(D("2026-01-19"), 7)), (), "cadences[1].first_due_on"),
        ((BEFORE_PAUSE, Cadence(D("2026-01-01"), 7)), (), "cadences[1].first_due_on"),
        ((Cadence(START, 14),), (Pause(D("2026-01-10"), D("2026-01-10")),), "pauses[0].until_on"),
        ((Cadence(START, 14),), (Pause(D("2026-01-10"), D("2026-01-09")),), "pauses[0].until_on"),
        ((BEFORE_PAUSE,), (Pause(D("2026-01-20")), Pause(D("2026-02-20"))), "pauses[1].from_on"),
        (
            (BEFORE_PAUSE,),
            (Pause(D("2026-01-22"), D("2026-01-25")), Pause(D("2026-01-24"), D("2026-01-28"))),
            "pauses[1].from_on",
        ),
        (
            (BEFORE_PAUSE,),
            (Pause(D("2026-01-22"), D("2026-01-25")), Pause(D("2026-01-20"), D("2026-01-21"))),
            "pauses[1].from_on",
        ),
        ((Cadence(START, 14),), (Pause(START, D("2026-01-06")),), "cadences[0].first_due_on"),
        ((Cadence(START, 14),), (Pause(D("2026-01-18"), D("2026-01-20")),), "cadences[0].first_due_on"),
        ((BEFORE_PAUSE, Cadence(D("2026-02-02"), 7)), (Pause(D("2026-01-30")),), "cadences[1].first_due_on"),
    ],
)
def test_each_error_names_its_index_and_field(
    cadences: tuple[Cadence, ...], pauses: tuple[Pause, ...], field: str
) -> None:
    with pytest.raises(PlanError) as raised:
        planned_contacts(Plan(END, cadences, pauses))
    assert raised.value.field == field
    assert str(raised.value) == f"{field}: {raised.value.message}"
    assert pickle.loads(pickle.dumps(raised.value)).field == field


def test_intervals_of_1_and_365_days_are_allowed() -> None:
    assert len(windows(cadences=(Cadence(START, 365),))) == 1
    assert len(windows(cadences=(Cadence(START, 1),))) == 71


def test_a_pause_that_ends_on_a_due_date_does_not_cover_it() -> None:
    assert windows((Pause(D("2026-01-15"), D("2026-01-19")),))[1] == "01-19 [01-19, 01-26)"


def test_a_plan_without_cadences_has_no_planned_contact() -> None:
    assert windows(cadences=()) == []


def test_the_status_is_asked_in_the_order_of_rule_4() -> None:
    window = planned_contacts(Plan(END, (BEFORE_PAUSE,), (Pause(D("2026-01-20")),)))[1]

    def on(day: str, *, offered_from: str | None = "2026-01-05", made: bool = False) -> Status:
        offered = None if offered_from is None else D(offered_from)
        return status(window, offered_from=offered, made=made, on=D(day))

    assert on("2026-01-11") == Status.UPCOMING
    assert on("2026-01-12") == Status.DUE
    assert on("2026-01-19") == Status.DUE
    assert on("2026-01-20") == Status.CANCELLED
    assert on("2026-01-20", offered_from=None) == Status.NOT_OFFERED
    assert on("2026-01-11", offered_from="2026-01-20") == Status.NOT_OFFERED
    assert on("2026-01-20", offered_from="2026-01-19") == Status.CANCELLED
    assert on("2026-01-20", offered_from=None, made=True) == Status.MADE


def test_a_contact_counts_from_its_own_day_on_and_from_the_opening_to_the_day_before_the_close() -> None:
    plan = planned_contacts(Plan(END, (Cadence(START, 14),)))

    def second(contact: str, on: str) -> Status:
        return statuses(plan, offered_from=START, contacts=[D(contact)], on=D(on))[1]

    assert second("2026-01-12", "2026-01-12") == Status.MADE
    assert second("2026-01-11", "2026-01-12") == Status.DUE
    assert second("2026-01-25", "2026-01-24") == Status.OVERDUE
    assert second("2026-01-25", "2026-01-26") == Status.MADE
    assert second("2026-01-26", "2026-01-26") == Status.MISSED


def test_the_first_contact_in_a_window_fulfils_it_and_one_in_no_window_fulfils_nothing() -> None:
    plan = planned_contacts(Plan(END, (Cadence(START, 14),), (Pause(D("2026-01-06"), D("2026-01-10")),)))
    contacts = [(START, "a"), (D("2026-01-07"), "in the pause"), (D("2026-01-10"), "b"), (D("2026-01-20"), "extra")]
    assert fulfilling(plan, contacts) == {0: "a", 1: "b"}
    assert window_for(plan, D("2026-01-07")) is None
    assert window_for(plan, D("2026-01-04")) is None
    assert window_for([], START) is None
