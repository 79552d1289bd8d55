"""The preview of reminders on cases worked by hand: every message as it stood with what was known at its time."""

import pytest

from mentoring.rules import preview
from mentoring.rules.preview import BadCase, reminder_preview
from mentoring.rules.reminders import reminders

# The worked plan of domain.md section 4: 2 March, 16 March [9, 23), 30 March [23 March, 6 April), 13 April ...
PLAN = {
    "starts_on": "2026-03-02", "edd": "2026-09-14", "born_on": None, "cadences": [["2026-03-02", 14, None]],
    "pauses": [], "offered_from": "2026-03-02", "contacts": [], "on": "2026-03-02",
}  # fmt: skip
TALK = {"at": "2026-03-03T10:00", "outcome": "no_answer"}


def case(plan=None, **said):
    values = {
        "case": PLAN | (plan or {}), "paired_on": "2026-03-02", "introduced_on": None, "appointments": [],
        "attempts": [TALK], "channels": {"lay_worker": ["in_app"], "mother": ["text"]}, "safe_times": [],
        "safe_contact_asked_on": None, "from": "2026-03-03", "to": "2026-03-20",
    }  # fmt: skip
    return values | said


def answer(*given, **said):
    return reminder_preview([case(*given, **said)])[0]


def lines(rows):
    return [(row["kind"], row["subject_due_on"], row["due_local"]) for row in rows]


def test_the_first_weeks_row_by_row_as_the_issue_writes_them():
    rows = answer(attempts=[], **{"from": "2026-03-02", "to": "2026-04-03"})
    keys = ("kind", "recipient", "channel", "subject_due_on", "due_local", "due_utc", "expires_utc")
    expected = [
        ("new_pairing", None, "2026-03-02T08:00", "2026-03-02T08:00:00Z", "2026-03-09T08:00:00Z"),
        ("contact_overdue", "2026-03-02", "2026-03-05T09:00", "2026-03-05T09:00:00Z", "2026-03-09T00:00:00Z"),
        ("no_attempt_yet", None, "2026-03-05T09:00", "2026-03-05T09:00:00Z", "2026-03-12T09:00:00Z"),
        ("contact_coming_up", "2026-03-16", "2026-03-14T09:00", "2026-03-14T09:00:00Z", "2026-03-17T00:00:00Z"),
        ("contact_overdue", "2026-03-16", "2026-03-19T09:00", "2026-03-19T09:00:00Z", "2026-03-23T00:00:00Z"),
        # Written in winter time, of use until a midnight in summer time; then 09:00 is 08:00 UTC.
        ("contact_coming_up", "2026-03-30", "2026-03-28T09:00", "2026-03-28T09:00:00Z", "2026-03-30T23:00:00Z"),
        ("contact_overdue", "2026-03-30", "2026-04-02T09:00", "2026-04-02T08:00:00Z", "2026-04-05T23:00:00Z"),
    ]
    assert rows == [dict(zip(keys, (kind, "lay_worker", "in_app", *rest), strict=True)) for kind, *rest in expected]


OVERDUE_19 = ("contact_overdue", "2026-03-16", "2026-03-19T09:00")
COMING_14 = ("contact_coming_up", "2026-03-16", "2026-03-14T09:00")


@pytest.mark.parametrize(
    ("contacts", "attempts", "left"),
    [
        # Reached in time for it to be known.
        (["2026-03-19"], [{"at": "2026-03-19T08:30", "outcome": "reached"}], [COMING_14]),
        (["2026-03-19"], [{"at": "2026-03-19T09:00", "outcome": "reached"}], [COMING_14]),
        # Reached a minute later: the message had gone.
        (["2026-03-19"], [{"at": "2026-03-19T09:01", "outcome": "reached"}], [COMING_14, OVERDUE_19]),
        # A contact whose hour nobody says counts from the end of its day.
        (["2026-03-19"], [], [COMING_14, OVERDUE_19]),
        (["2026-03-18"], [], [COMING_14]),
        (["2026-03-13"], [], []),
        # Of two the earlier fulfils; one outside the window does nothing.
        (["2026-03-10", "2026-03-20"], [], []),
        (["2026-03-08"], [], [COMING_14, OVERDUE_19]),
        (["2026-03-23"], [], [COMING_14, OVERDUE_19]),
        # No answer is not a contact, and a day's other attempt does not say when she was reached.
        (["2026-03-19"], [{"at": "2026-03-19T08:30", "outcome": "no_answer"}], [COMING_14, OVERDUE_19]),
        ([], [{"at": "2026-03-12T08:30", "outcome": "reached"}], [COMING_14, OVERDUE_19]),
    ],
)
def test_a_contact_takes_out_what_is_due_after_it_and_nothing_before(contacts, attempts, left):
    rows = answer({"contacts": contacts}, attempts=[TALK, *attempts], **{"from": "2026-03-09", "to": "2026-03-23"})
    assert lines(rows) == left


@pytest.mark.parametrize(
    ("said", "due"),
    [
        ({"attempts": []}, ["2026-03-05"]),
        ({"attempts": [{"at": "2026-03-05T09:01", "outcome": "not_in"}]}, ["2026-03-05"]),
        ({"attempts": [{"at": "2026-03-05T09:00", "outcome": "not_in"}]}, []),
        # Before the pairing somebody else tried.
        ({"attempts": [{"at": "2026-03-01T12:00", "outcome": "not_in"}]}, ["2026-03-05"]),
        ({"attempts": [], "introduced_on": "2026-03-02"}, ["2026-03-04"]),
        # The introduction was not known on the third day: the message of the pairing went, then its own.
        ({"attempts": [], "introduced_on": "2026-03-06"}, ["2026-03-05", "2026-03-08"]),
        ({"attempts": [], "introduced_on": "2026-03-05"}, ["2026-03-07"]),
        ({"attempts": [], "paired_on": None}, []),
        ({"attempts": [], "paired_on": "2026-03-04"}, ["2026-03-07"]),
    ],
)
def test_no_attempt_yet_knows_the_introduction_and_the_first_try_from_their_day_on(said, due):
    rows = answer(**said)
    assert [row["due_local"] for row in rows if row["kind"] == "no_attempt_yet"] == [f"{day}T09:00" for day in due]


def test_a_completed_contact_is_a_try():
    assert "no_attempt_yet" not in {row["kind"] for row in answer({"contacts": ["2026-03-04"]}, attempts=[])}


def test_an_attempt_made_later_does_not_take_out_what_was_due_earlier():
    later = {"at": "2026-03-20T10:00", "outcome": "reached"}
    assert lines(answer(attempts=[later])) == lines(answer(attempts=[]))


@pytest.mark.parametrize(
    ("born_on", "expected"),
    [
        (None, ["2026-08-31T09:00"]),
        ("2026-09-20", ["2026-08-31T09:00"]),
        ("2026-08-31", []),
        ("2026-09-01", ["2026-08-31T09:00"]),
        ("2026-08-20", []),
    ],
)
def test_a_birth_is_known_from_its_day(born_on, expected):
    rows = answer({"born_on": born_on}, **{"to": "2026-09-30"})
    assert [row["due_local"] for row in rows if row["kind"] == "baby_expected"] == expected


@pytest.mark.parametrize(
    ("born_on", "due_local", "due_utc"),
    [(None, "2027-07-20T09:00", "2027-07-20T08:00:00Z"), ("2026-09-01", "2027-07-07T09:00", "2027-07-07T08:00:00Z")],
)
def test_the_ending_is_told_eight_weeks_before_the_day_that_the_birth_gives(born_on, due_local, due_utc):
    rows = answer({"born_on": born_on}, **{"to": "2027-12-01"})
    assert [(row["due_local"], row["due_utc"]) for row in rows if row["kind"] == "ending_in_eight_weeks"] == [
        (due_local, due_utc)
    ]


def test_a_pause_silences_its_days_and_the_pairing_of_such_a_day():
    paused = {
        "pauses": [["2026-03-14", "2026-03-28"]],
        "cadences": [["2026-03-02", 14, "2026-03-02"], ["2026-03-28", 14, None]],
    }
    rows = answer(paused, attempts=[], **{"from": "2026-03-02", "to": "2026-04-01"})
    assert lines(rows) == [
        ("new_pairing", None, "2026-03-02T08:00"),
        ("contact_overdue", "2026-03-02", "2026-03-05T09:00"),
        ("no_attempt_yet", None, "2026-03-05T09:00"),
        ("contact_overdue", "2026-03-28", "2026-03-31T09:00"),
    ]  # fmt: skip
    assert lines(answer(paused, attempts=[], paired_on="2026-03-20", **{"to": "2026-03-28"})) == []


AGREED = {"at": "2026-03-17T14:00", "number": 1}
SAID = {"safe_contact_asked_on": "2026-03-01", "appointments": [AGREED], "from": "2026-03-09", "to": "2026-03-18"}


def of_times(**said):
    rows = answer({"contacts": said.pop("contacts", [])}, **(SAID | said))
    return [
        (row["recipient"], row["channel"], row["subject_due_on"], row["due_local"], row["expires_utc"])
        for row in rows
        if row["kind"] == "appointment_tomorrow"
    ]


HERS = ("lay_worker", "in_app", "2026-03-16", "2026-03-16T17:00", "2026-03-17T14:00:00Z")
TEXT = ("mother", "text", "2026-03-16", "2026-03-16T17:00", "2026-03-17T14:00:00Z")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, [HERS, TEXT]),
        ({"channels": {"lay_worker": ["email", "in_app"], "mother": []}}, [(HERS[0], "email", *HERS[2:]), HERS]),
        ({"channels": {"lay_worker": [], "mother": ["text"]}}, [TEXT]),
        ({"safe_contact_asked_on": None}, [HERS]),
        # 84 days before 16 March, and a day more.
        ({"safe_contact_asked_on": "2025-12-22"}, [HERS, TEXT]),
        ({"safe_contact_asked_on": "2025-12-21"}, [HERS]),
        # Mornings only; Saturdays only.
        (
            {"safe_times": [{"weekdays": [1, 2], "from": "09:30", "to": "11:00"}]},
            [(*TEXT[:3], "2026-03-16T10:45", TEXT[4]), HERS],
        ),
        (
            {"safe_times": [{"weekdays": [6], "from": "09:30", "to": "11:00"}]},
            [(*TEXT[:3], "2026-03-14T10:45", TEXT[4]), HERS],
        ),
        ({"safe_times": [{"weekdays": [6], "from": "20:00", "to": "21:00"}]}, [HERS]),
        # The window was made the day before: the time is kept no longer.
        ({"contacts": ["2026-03-15"]}, []),
        ({"contacts": ["2026-03-16"]}, [HERS, TEXT]),
        # An extra visit belongs to no planned contact, and none fulfils it.
        (
            {"appointments": [AGREED | {"number": None}], "contacts": ["2026-03-15"]},
            [(*HERS[:2], None, *HERS[3:]), (*TEXT[:2], None, *TEXT[3:])],
        ),
        # Two on a day are two.
        (
            {"appointments": [AGREED, {"at": "2026-03-17T09:00", "number": None}], "safe_contact_asked_on": None},
            [("lay_worker", "in_app", None, "2026-03-16T17:00", "2026-03-17T09:00:00Z"), HERS],
        ),
    ],
)
def test_an_agreed_time_is_told_to_both_as_the_sheet_allows(said, expected):
    assert sorted(of_times(**said), key=str) == sorted(expected, key=str)


def test_rows_are_by_due_time_within_the_days_asked_the_last_excluded():
    rows = answer(**{"from": "2026-03-14", "to": "2026-03-19"})
    assert lines(rows) == [COMING_14]
    assert lines(answer(**{"from": "2026-03-14T09:00", "to": "2026-03-14T09:01"})) == [COMING_14]
    assert answer(**{"from": "2026-03-14T09:01", "to": "2026-03-19T09:00"}) == []
    every = answer(**{"to": "2027-09-30", "channels": {"lay_worker": ["in_app", "email"], "mother": []}})
    assert [row["due_utc"] for row in every] == sorted(row["due_utc"] for row in every)
    assert {row["channel"] for row in every} == {"email", "in_app"}


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"case": PLAN | {"edd": "2026-02-30"}}, "case.edd"),
        ({"case": []}, "case"),
        ({"case": PLAN | {"cadences": [["2026-03-02", 0, None]]}}, "case.cadences[0].every_days"),
        ({"paired_on": "soon"}, "paired_on"),
        ({"appointments": [{"at": "2026-03-17", "number": 99}]}, "appointments[0].number"),
        ({"appointments": [{"at": "2026-03-17T25:00", "number": None}]}, "appointments[0].at"),
        ({"attempts": [{"at": "2026-03-17T10:00"}]}, "attempts[0].outcome"),
        ({"attempts": [{"at": "2026-03-17T10:00", "outcome": 3}]}, "attempts[0].outcome"),
        ({"channels": {"lay_worker": ["post"], "mother": []}}, "channels.lay_worker[0]"),
        ({"channels": {"lay_worker": []}}, "channels.mother"),
        ({"safe_times": [{"weekdays": [0], "from": "09:00", "to": "10:00"}]}, "safe_times[0].weekdays"),
        ({"safe_times": [{"weekdays": [1], "from": "10:00", "to": "10:00"}]}, "safe_times[0].to"),
        ({"safe_times": [{"weekdays": [1], "from": "10:61", "to": "11:00"}]}, "safe_times[0].from"),
        ({"safe_contact_asked_on": 3}, "safe_contact_asked_on"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_the_first_thing_that_is_wrong_is_named(said, field):
    with pytest.raises(BadCase) as wrong:
        reminder_preview([case(), case(name="the bad one") | said])
    assert (wrong.value.case_index, wrong.value.case_name, wrong.value.field) == (1, "the bad one", field)


def test_each_time_at_which_something_is_known_looks_at_its_own_days_alone(monkeypatch):
    """Forty contacts are forty such times: were every window asked at each, a thousand lives would take a minute."""
    contacts = [f"2026-{month:02}-{day:02}" for month in range(3, 13) for day in (2, 9, 16, 23)]
    attempts = [{"at": f"{day}T10:00", "outcome": "reached"} for day in contacts]
    asked = []
    monkeypatch.setattr(preview, "reminders", lambda facts: asked.append(len(facts.windows)) or reminders(facts))
    answer({"contacts": contacts}, attempts=attempts, to="2027-09-30")
    assert len(asked) > 20
    assert sum(asked) < 4 * len(asked)
