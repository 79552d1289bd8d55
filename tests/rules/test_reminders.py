"""Each kind of reminder at its edges: when it is due in local time, when it expires, to whom, and when there is none."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mentoring.rules import plan
from mentoring.rules.reminders import (
    APPOINTMENT_TOMORROW,
    BABY_EXPECTED,
    COMING_UP,
    ENDING,
    LAY_WORKER,
    MOTHER,
    NEW_PAIRING,
    NO_ATTEMPT_YET,
    OVERDUE,
    Appointment,
    Facts,
    OpenWindow,
    Texts,
    in_staff_hours,
    last_safe_time,
    may_still_be_texted,
    new_pairing,
    reminders,
)
from people.rules.local_time import LOCAL, local_date, local_instant
from people.rules.safe_contact import SafeHours

PAIRED_ON = date(2026, 3, 2)
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)


def on(text):
    return date.fromisoformat(text)


def local(text):
    day, _t, clock = text.partition("T")
    return local_instant(on(day), time.fromisoformat(clock))


def facts(**said):
    values = {"windows": (), "paired_on": PAIRED_ON, "offered_from": PAIRED_ON, "tried": True} | said
    return Facts(**values)


def window(due_on, closes_on):
    return OpenWindow(on(due_on), on(closes_on))


def told(found, *, kind=None, to=None):
    """Return what is due as one reads it: local time due and local time of expiry."""
    return [
        (one.due_at.astimezone(LOCAL).strftime("%Y-%m-%dT%H:%M"), one.expires_at.astimezone(LOCAL).strftime("%Y-%m-%dT%H:%M"))
        for one in found
        if kind in {None, one.kind} and to in {None, one.recipient}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("due_on", "closes_on", "coming_up", "overdue"),
    [
        # An ordinary fortnight.
        ("2026-06-08", "2026-06-15", "2026-06-06", "2026-06-11"),
        # The clocks go forward on 29 March, back on 25 October: 09:00 is 09:00 on both days.
        ("2026-03-31", "2026-04-07", "2026-03-29", "2026-04-03"),
        ("2026-03-26", "2026-04-02", "2026-03-24", "2026-03-29"),
        ("2026-10-27", "2026-11-03", "2026-10-25", "2026-10-30"),
        ("2026-10-22", "2026-10-29", "2026-10-20", "2026-10-25"),
        # Over a leap day, and over the turn of a year.
        ("2028-03-02", "2028-03-09", "2028-02-29", "2028-03-05"),
        ("2028-02-26", "2028-03-04", "2028-02-24", "2028-02-29"),
        ("2027-01-01", "2027-01-08", "2026-12-30", "2027-01-04"),
        # Open on the third day to its end, and no longer.
        ("2026-06-08", "2026-06-12", "2026-06-06", "2026-06-11"),
        ("2026-06-08", "2026-06-11", "2026-06-06", None),
        ("2026-06-08", "2026-06-09", "2026-06-06", None),
    ],
)
def test_a_contact_is_announced_two_days_before_and_asked_after_three_days_later(due_on, closes_on, coming_up, overdue):
    found = list(reminders(facts(windows=[window(due_on, closes_on)])))
    assert told(found, kind=COMING_UP) == [(f"{coming_up}T09:00", f"{on(due_on) + timedelta(days=1)}T00:00")]
    assert told(found, kind=OVERDUE) == ([] if overdue is None else [(f"{overdue}T09:00", f"{closes_on}T00:00")])
    assert {(one.recipient, one.subject_due_on) for one in found} == {(LAY_WORKER, on(due_on))}
    assert [one.nominal_on for one in found] == [local_date(one.due_at) for one in found]


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"offered_from": None}, False),
        ({"offered_from": on("2026-06-15")}, False),
        ({"offered_from": on("2026-06-14")}, True),
        ({"paired_on": None}, False),
        # Paired on the day itself, its time passed or not: it is written while it is of use.
        ({"paired_on": on("2026-06-06")}, True),
        ({"paired_on": on("2026-06-07")}, False),
        ({"pauses": [(on("2026-06-06"), on("2026-06-07"))]}, False),
        ({"pauses": [(on("2026-06-07"), None)]}, True),
        ({"pauses": [(on("2026-05-01"), on("2026-06-06"))]}, True),
        ({"pauses": [(on("2026-05-01"), None)]}, False),
    ],
)
def test_none_is_due_before_the_pairing_nor_in_a_pause_nor_about_a_window_not_offered(said, wanted):
    found = reminders(facts(windows=[window("2026-06-08", "2026-06-15")], **said))
    assert bool(told(found, kind=COMING_UP)) is wanted


@pytest.mark.parametrize(
    ("said", "due"),
    [
        ({}, "2026-03-05"),
        ({"introduced_on": on("2026-03-02")}, "2026-03-04"),
        ({"introduced_on": on("2026-03-10")}, "2026-03-12"),
        ({"tried": True}, None),
        # An imported caseload: the pairing counts, not the day from which contacts are offered.
        ({"offered_from": on("2026-05-01")}, "2026-03-05"),
        ({"pauses": [(on("2026-03-05"), on("2026-03-06"))]}, None),
        ({"pauses": [(on("2026-03-06"), None)]}, "2026-03-05"),
    ],
)
def test_no_attempt_yet_goes_two_days_after_the_introduction_or_three_after_the_pairing(said, due):
    found = list(reminders(facts(**({"tried": False} | said))))
    kept_until = due and f"{on(due) + timedelta(days=7)}T09:00"
    assert told(found, kind=NO_ATTEMPT_YET) == ([] if due is None else [(f"{due}T09:00", kept_until)])


@pytest.mark.parametrize(
    ("edd", "ends_on", "due"),
    [
        (on("2026-09-14"), None, (BABY_EXPECTED, "2026-08-31T09:00", "2026-09-07T09:00")),
        # Seven days on is the same hour of the clock, whatever the clocks did between.
        (on("2026-11-06"), None, (BABY_EXPECTED, "2026-10-23T09:00", "2026-10-30T09:00")),
        (None, on("2027-09-14"), (ENDING, "2027-07-20T09:00", "2027-07-27T09:00")),
        (None, on("2028-02-29"), (ENDING, "2028-01-04T09:00", "2028-01-11T09:00")),
        (None, on("2027-05-19"), (ENDING, "2027-03-24T09:00", "2027-03-31T09:00")),
        # Paired later than that: the day has gone.
        (on("2026-03-15"), None, None),
        (on("2026-03-16"), None, (BABY_EXPECTED, "2026-03-02T09:00", "2026-03-09T09:00")),
    ],
)
def test_a_date_and_an_ending_are_told_ahead_and_kept_seven_days(edd, ends_on, due):
    found = list(reminders(facts(edd=edd, ends_on=ends_on)))
    assert [(one.kind, *told([one])[0]) for one in found] == ([] if due is None else [due])


@pytest.mark.parametrize(
    ("paired_at", "due", "expires"),
    [
        ("2026-06-08T07:59", "2026-06-08T08:00", "2026-06-15T08:00"),
        ("2026-06-08T08:00", "2026-06-08T08:00", "2026-06-15T08:00"),
        ("2026-06-08T19:59", "2026-06-08T19:59", "2026-06-15T19:59"),
        ("2026-06-08T20:00", "2026-06-09T08:00", "2026-06-16T08:00"),
        # Paired in the evening before the clocks change: 08:00 by the new clock.
        ("2026-10-24T22:15", "2026-10-25T08:00", "2026-11-01T08:00"),
        ("2026-03-28T23:30", "2026-03-29T08:00", "2026-04-05T08:00"),
        ("2026-10-25T00:30", "2026-10-25T08:00", "2026-11-01T08:00"),
    ],
)
def test_a_new_pairing_is_told_at_once_within_staff_hours(paired_at, due, expires):
    one = new_pairing(paired_at=local(paired_at))
    assert (one.kind, one.recipient, told([one])) == (NEW_PAIRING, LAY_WORKER, [(due, expires)])
    assert one.nominal_on == on(paired_at[:10])


@given(at=st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2029, 1, 1), timezones=st.just(UTC)))
def test_staff_hours_are_never_left_and_never_put_off_by_more_than_a_night(at):
    goes_at = in_staff_hours(at)
    assert time(8) <= goes_at.astimezone(LOCAL).time() < time(20)
    # The night the clocks go back is an hour longer.
    assert timedelta(0) <= goes_at - at <= timedelta(hours=13)


def test_an_agreed_time_is_told_to_the_lay_worker_at_five_the_day_before():
    agreed = [Appointment(local("2026-10-26T09:30"), on("2026-10-26")), Appointment(local("2026-10-26T15:00"))]
    found = list(reminders(facts(appointments=agreed)))
    assert told(found) == [
        ("2026-10-25T17:00", "2026-10-26T09:30"),
        ("2026-10-25T17:00", "2026-10-26T15:00"),
    ]
    assert [(one.subject_due_on, one.about_at) for one in found] == [
        (on("2026-10-26"), local("2026-10-26T09:30")),
        (None, local("2026-10-26T15:00")),
    ]


def hours(*said):
    return tuple(SafeHours(days, time.fromisoformat(begins), time.fromisoformat(ends)) for days, begins, ends in said)


@pytest.mark.parametrize(
    ("safe", "starts", "text"),
    [
        # No hours named: the ordinary ones, so 17:00 the day before.
        ((), "2026-06-08T09:30", "2026-06-07T17:00"),
        (((EVERY_DAY, "09:00", "19:00"),), "2026-06-08T00:00", "2026-06-07T17:00"),
        # The end of her hours is safe no longer: a quarter of an hour before it, so that a slow minute costs nothing.
        (((EVERY_DAY, "10:00", "12:00"),), "2026-06-08T09:30", "2026-06-07T11:45"),
        (((EVERY_DAY, "12:00", "12:10"),), "2026-06-08T09:30", "2026-06-07T12:00"),
        # Of two spells on a day the later, unless it begins after 17:00.
        (((EVERY_DAY, "09:00", "10:00"), (EVERY_DAY, "14:00", "15:00")), "2026-06-08T09:30", "2026-06-07T14:45"),
        (((EVERY_DAY, "09:00", "10:00"), (EVERY_DAY, "17:30", "18:30")), "2026-06-08T09:30", "2026-06-07T09:45"),
        (((EVERY_DAY, "17:00", "18:00"),), "2026-06-08T09:30", "2026-06-07T17:00"),
        # A Monday's time, and she is safe on Saturdays alone.
        ((((6,), "10:00", "12:00"),), "2026-06-08T09:30", "2026-06-06T11:45"),
        # Safe on Sundays from 17:30 alone: the Sunday before is after 17:00, so a week earlier.
        ((((7,), "17:30", "18:30"),), "2026-06-08T09:30", "2026-05-31T18:15"),
        # Early and late hours are cut to 09:00 to 19:00, and may vanish.
        (((EVERY_DAY, "06:00", "09:30"),), "2026-06-08T09:30", "2026-06-07T09:15"),
        (((EVERY_DAY, "18:45", "23:00"),), "2026-06-08T09:30", "2026-06-06T18:45"),
        (((EVERY_DAY, "06:00", "09:00"), (EVERY_DAY, "19:00", "22:00")), "2026-06-08T09:30", None),
        # Both days the clocks change.
        (((EVERY_DAY, "09:00", "11:00"),), "2026-10-26T09:30", "2026-10-25T10:45"),
        (((EVERY_DAY, "09:00", "11:00"),), "2026-03-30T09:30", "2026-03-29T10:45"),
        # Half past midnight is the day it says, so its day before is the one that has just ended.
        ((), "2028-03-01T00:30", "2028-02-29T17:00"),
    ],
)
def test_she_is_texted_at_the_last_safe_time_before_five_the_day_before(safe, starts, text):
    asked_on = on(starts[:10]) - timedelta(days=30)
    found = reminders(
        facts(
            paired_on=asked_on,
            appointments=[Appointment(local(starts))],
            texts=Texts(hours(*safe), asked_on),
        )
    )
    assert told(found, to=MOTHER) == ([] if text is None else [(text, starts)])


@pytest.mark.parametrize(
    ("asked_on", "wanted"),
    [
        # The text would go on 7 June; asked twelve weeks before is in time, a day more is not.
        ("2026-03-15", True),
        ("2026-03-14", False),
        ("2026-06-07", True),
        ("2026-06-08", False),
    ],
)
def test_past_twelve_weeks_she_is_not_texted(asked_on, wanted):
    said = facts(appointments=[Appointment(local("2026-06-08T09:30"))], texts=Texts((), on(asked_on)))
    assert bool(told(reminders(said), to=MOTHER)) is wanted
    assert told(reminders(said), to=LAY_WORKER)


def test_a_text_that_goes_days_before_is_still_the_day_befores_one():
    """Else hours that she changes once it has gone would bring a second text about the same time."""
    said = facts(
        appointments=[Appointment(local("2026-06-08T09:30"))],
        texts=Texts(hours(((6,), "10:00", "12:00")), on("2026-06-01")),
    )
    [text] = [one for one in reminders(said) if one.recipient == MOTHER]
    assert (text.nominal_on, local_date(text.due_at)) == (on("2026-06-07"), on("2026-06-06"))


@pytest.mark.parametrize(
    ("at", "may"),
    [
        ("2026-06-06T11:45", True),
        ("2026-06-06T11:59", True),
        ("2026-06-06T12:00", False),
        ("2026-06-06T09:59", False),
        # Safe again, but on another day: it was that day's or none.
        ("2026-06-13T10:30", False),
        ("2026-06-07T10:30", False),
    ],
)
def test_a_late_text_goes_that_day_within_her_hours_or_not_at_all(at, may):
    texts = Texts(hours(((6,), "10:00", "12:00")), on("2026-06-01"))
    assert may_still_be_texted(texts, due_at=local("2026-06-06T11:45"), at=local(at)) is may
    assert not may_still_be_texted(None, due_at=local("2026-06-06T11:45"), at=local("2026-06-06T11:45"))


spells = st.builds(
    lambda days, a, b: SafeHours(tuple(sorted(days)), min(a, b), max(a, b)),
    st.sets(st.integers(1, 7), min_size=1),
    st.times(),
    st.times(),
).filter(lambda safe: safe.from_time < safe.to_time)


@given(
    said=st.lists(spells, max_size=4),
    before=st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2029, 1, 1), timezones=st.just(UTC)),
)
def test_the_last_safe_time_is_one_of_hers_by_the_plain_reading_of_her_sheet(said, before):
    found = last_safe_time(said, before=before, since_on=local_date(before) - timedelta(days=7))
    if found is None:
        return
    clock, day = found.astimezone(LOCAL).time(), local_date(found)
    assert found <= before
    assert time(9) <= clock < time(19)
    assert not said or any(
        day.isoweekday() in safe.weekdays and safe.from_time <= clock < safe.to_time for safe in said
    )


FIRST_DAY = date(2027, 10, 1)
CADENCES = (14, 28, 7, 1)


def year_of(starts_on):
    """Return the facts of a mother registered on that day, with a time agreed in each window and texts allowed."""
    edd = starts_on + timedelta(days=180)
    every = CADENCES[starts_on.toordinal() % len(CADENCES)]
    ends_on = plan.ends_on(edd=edd, born_on=None)
    windows = plan.planned_contacts(plan.Plan(ends_on, (plan.Cadence(starts_on, every),), ()))[:400]
    clock = time(starts_on.toordinal() % 24, 30)
    return windows, Facts(
        windows=[OpenWindow(one.due_on, one.closes_on) for one in windows],
        paired_on=starts_on,
        offered_from=starts_on,
        edd=edd,
        ends_on=ends_on,
        appointments=[Appointment(local_instant(one.due_on, clock), one.due_on) for one in windows],
        texts=Texts((), starts_on),
    )


@pytest.mark.parametrize("number", range(366))
def test_every_due_time_of_a_years_plans_lies_in_sending_hours_on_the_day_promised(number):
    """Each day of a year with a leap day in it, so both clock changes stand at every place of a plan."""
    starts_on = FIRST_DAY + timedelta(days=number)
    windows, said = year_of(starts_on)
    days_from = {
        COMING_UP: lambda one: one.subject_due_on - timedelta(days=2),
        OVERDUE: lambda one: one.subject_due_on + timedelta(days=3),
        APPOINTMENT_TOMORROW: lambda one: one.subject_due_on - timedelta(days=1),
        NO_ATTEMPT_YET: lambda one: starts_on + timedelta(days=3),
        BABY_EXPECTED: lambda one: said.edd - timedelta(days=14),
        ENDING: lambda one: said.ends_on - timedelta(days=56),
    }
    found = [*reminders(said), new_pairing(paired_at=local_instant(starts_on, time(number % 24)))]
    for one in found:
        local_due = one.due_at.astimezone(LOCAL)
        begins, ends = (time(8), time(20)) if one.recipient == LAY_WORKER else (time(9), time(19))
        assert begins <= local_due.time() < ends, one
        assert one.due_at < one.expires_at, one
        if one.kind != NEW_PAIRING:
            assert local_due.time() == (time(17) if one.kind == APPOINTMENT_TOMORROW else time(9)), one
            assert local_due.date() == one.nominal_on == days_from[one.kind](one), one
    # Nothing that the plan promises is left out.
    kinds = [one.kind for one in found]
    opened = [one for one in windows if one.due_on - timedelta(days=2) >= starts_on]
    assert kinds.count(COMING_UP) == len(opened)
    assert kinds.count(OVERDUE) == sum(one.due_on + timedelta(days=3) < one.closes_on for one in windows)
    told_her = [one for one in found if one.recipient == MOTHER]
    assert told_her
    assert all(starts_on <= one.nominal_on <= starts_on + timedelta(days=84) for one in told_her)
    assert {kinds.count(kind) for kind in (NEW_PAIRING, NO_ATTEMPT_YET, BABY_EXPECTED, ENDING)} == {1}
