"""Whether she may be rung now: nothing is safe until she says so, and never at night where she named no hours."""

from datetime import UTC, date, datetime, time

import pytest

from people.rules.safe_contact import Calling, SafeHours, call_advice

ASKED_ON = date(2026, 10, 1)
NUMBER = "+447700900123"
WEEKDAY_MORNINGS = [SafeHours((1, 2, 3, 4, 5), time(10), time(12))]


def advice(at, **said):
    values = {"asked_on": ASKED_ON, "suspended": False, "numbers": [NUMBER], "hours": WEEKDAY_MORNINGS} | said
    return call_advice(**values, now=at)


@pytest.mark.parametrize(
    ("said", "calling"),
    [
        ({"asked_on": None}, Calling.NEVER_ASKED),
        ({"numbers": []}, Calling.NO_SAFE_NUMBER),
        ({"suspended": True}, Calling.SUSPENDED),
        ({"suspended": True, "asked_on": None}, Calling.SUSPENDED),
        ({}, Calling.NOW),
    ],
)
def test_nothing_is_safe_until_she_says_so(said, calling):
    found = advice(datetime(2026, 10, 21, 10, 0, tzinfo=UTC), **said)
    assert found.calling is calling
    assert found.number == (NUMBER if calling is Calling.NOW else None)


@pytest.mark.parametrize(
    ("at", "next_at"),
    [
        # A Friday in summer time, 10:00 to 12:00 local; then the clocks go back on the Sunday.
        (datetime(2026, 10, 23, 8, 59, tzinfo=UTC), datetime(2026, 10, 23, 9, 0, tzinfo=UTC)),
        (datetime(2026, 10, 23, 9, 0, tzinfo=UTC), None),
        (datetime(2026, 10, 23, 10, 59, tzinfo=UTC), None),
        (datetime(2026, 10, 23, 11, 0, tzinfo=UTC), datetime(2026, 10, 26, 10, 0, tzinfo=UTC)),
    ],
)
def test_outside_her_times_the_next_safe_one_is_told(at, next_at):
    found = advice(at)
    assert (found.calling, found.next_at) == (Calling.LATER if next_at else Calling.NOW, next_at)


@pytest.mark.parametrize(
    ("at", "next_at"),
    [
        (datetime(2026, 10, 24, 8, 0, tzinfo=UTC), None),
        (datetime(2026, 10, 24, 17, 59, tzinfo=UTC), None),
        (datetime(2026, 10, 24, 22, 30, tzinfo=UTC), datetime(2026, 10, 25, 9, 0, tzinfo=UTC)),
        (datetime(2026, 10, 25, 4, 0, tzinfo=UTC), datetime(2026, 10, 25, 9, 0, tzinfo=UTC)),
    ],
)
def test_where_she_named_no_hours_she_is_not_rung_at_night(at, next_at):
    found = advice(at, hours=[])
    assert (found.calling, found.next_at) == (Calling.LATER if next_at else Calling.NOW, next_at)


@pytest.mark.parametrize(("on", "again"), [(date(2026, 12, 24), False), (date(2026, 12, 25), True)])
def test_past_twelve_weeks_she_is_asked_again(on, again):
    at = datetime(on.year, on.month, on.day, 11, 0, tzinfo=UTC)
    assert advice(at).ask_again is again


def test_hours_on_no_day_give_no_next_time():
    found = advice(datetime(2026, 10, 21, 10, 0, tzinfo=UTC), hours=[SafeHours((), time(9), time(10))])
    assert (found.calling, found.next_at) == (Calling.LATER, None)
