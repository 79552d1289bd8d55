"""Which duties there are on a day: section 7 rule by rule, each with its edges by name."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from mentoring.rules import duties
from mentoring.rules.duties import Attempt, Closed, MotherFacts, Wanted
from mentoring.rules.plan import Status
from mentoring.rules.working_days import working_days_after

# A Monday with no bank holiday near it.
START = date(2026, 9, 7)
MADE, MISSED, CANCELLED = Status.MADE, Status.MISSED, Status.CANCELLED


def day(number: int) -> date:
    return START + timedelta(days=number)


def tried(*attempts: tuple[int, str]) -> list[Attempt]:
    return [Attempt(day(number), outcome, day(number)) for number, outcome in attempts]


def closed(number: int, *, about: int | None = None, outcome: str = "done", by_rule: bool = False) -> Closed:
    return Closed(day(number), None if about is None else day(about), outcome, by_rule)


def windows(*statuses: Status, last_closed: int) -> list[tuple[date, Status]]:
    """Return windows of a fortnight, the last closed on that day."""
    days = range(last_closed - 14 * (len(statuses) - 1), last_closed + 1, 14)
    return [(day(number), status) for number, status in zip(days, statuses, strict=True)]


# Paired on day 0, introduced the next day, nothing due.
QUIET = MotherFacts(
    held=False,
    waiting_since=START,
    records_from=None,
    paired_on=START,
    introduced_on=day(1),
    attempts=(),
    closed_windows=(),
    every_days=14,
    protocol_every_days=14,
    edd=day(170),
    born_on=None,
    ends_on=day(170 + 365),
    pause=None,
    pause_ended_on=None,
    stop_ended_on=None,
    asked_on=None,
    alone_since=None,
    closed={},
)
REACHED = replace(QUIET, attempts=tried((2, "reached")))


def wanted(on: int, facts: MotherFacts = QUIET, **changed: Any) -> dict[str, Wanted]:
    found = list(duties.of_mother(replace(facts, **changed), on=day(on)))
    assert len({one.kind for one in found}) == len(found), "one of a reason"
    return {one.kind: one for one in found}


def kinds(on: int, facts: MotherFacts = QUIET, **changed: Any) -> set[str]:
    return set(wanted(on, facts, **changed))


@pytest.mark.parametrize(
    ("paired_on", "due_on"),
    [
        (date(2026, 9, 7), date(2026, 9, 10)),
        # Over a weekend, and from one.
        (date(2026, 9, 10), date(2026, 9, 15)),
        (date(2026, 9, 12), date(2026, 9, 16)),
        # 12 July is a Sunday in 2026: its Monday is the bank holiday of Northern Ireland alone.
        (date(2026, 7, 10), date(2026, 7, 16)),
        # St Patrick's Day, a Tuesday.
        (date(2026, 3, 16), date(2026, 3, 20)),
        # Maundy Thursday: Good Friday, the weekend, Easter Monday. Easter Tuesday works.
        (date(2026, 4, 2), date(2026, 4, 9)),
        # Boxing Day 2026 is a Saturday: Monday the 28th is off. The year turns too.
        (date(2026, 12, 23), date(2026, 12, 30)),
        (date(2026, 12, 30), date(2027, 1, 5)),
    ],
)
def test_an_introduction_is_due_on_the_third_working_day_of_northern_ireland(paired_on: date, due_on: date) -> None:
    facts = replace(QUIET, paired_on=paired_on, introduced_on=None, ends_on=date(2028, 1, 1), edd=date(2027, 1, 1))
    assert list(duties.of_mother(facts, on=paired_on)) == [Wanted("introduce", paired_on, due_on)]


def test_an_introduction_is_wanted_until_made_or_until_they_have_spoken_and_once_a_pairing() -> None:
    assert kinds(1, introduced_on=None) == {"introduce"}
    assert kinds(1) == set()
    assert kinds(1, introduced_on=None, attempts=tried((1, "no_answer"))) == {"introduce"}
    assert kinds(1, introduced_on=None, attempts=tried((1, "declined_today"))) == set()
    # With another before, not with this one.
    assert kinds(1, introduced_on=None, attempts=tried((-3, "reached"))) == {"introduce"}
    assert kinds(5, introduced_on=None, closed={"introduce": [closed(3, about=0)]}) == set()
    assert kinds(5, introduced_on=None, closed={"introduce": [closed(-9, about=-12)]}) == {"introduce"}
    # The one before was introduced, and this one paired, on the very same day.
    assert kinds(1, introduced_on=None, closed={"introduce": [closed(0, about=-4)]}) == {"introduce"}
    # An import brings one who was with her already; one paired after it is new to her.
    assert kinds(1, introduced_on=None, paired_on=day(-90), records_from=START) == set()
    assert kinds(1, introduced_on=None, records_from=START) == {"introduce"}


FAILED = [(number, "no_answer") for number in range(1, 7)]


@pytest.mark.parametrize(
    ("on", "attempts", "expected"),
    [
        (13, [], set()),
        (14, [], {"introduce_again"}),
        (20, [], {"introduce_again"}),
        (21, [], {"rest_and_decide"}),
        (7, FAILED[:2], set()),
        (7, FAILED[:3], {"introduce_again"}),
        (7, FAILED[:5], {"introduce_again"}),
        (7, FAILED, {"rest_and_decide"}),
        # Not safe to talk is neither a failed attempt nor a reason to retry; nor is one that the lay-worker put off.
        (7, [*FAILED[:2], (7, "not_safe")], set()),
        (7, [*FAILED[:2], (7, "lay_worker_rearranged")], set()),
        (7, [(number, "not_safe") for number in range(7)], set()),
        # Reached ever, by text or to say no: the ladder is over.
        (30, [(0, "declined_today")], set()),
        (7, [*FAILED[:2], (3, "she_rearranged"), *FAILED[3:5]], set()),
        # What another tried before the pairing does not count.
        (7, [(-3, "no_answer"), (-2, "not_in"), (-1, "voicemail_left"), *FAILED[:2]], set()),
    ],
)
def test_the_ladder_of_those_not_yet_reached(on: int, attempts: list[tuple[int, str]], expected: set[str]) -> None:
    found = wanted(on, attempts=tried(*attempts))
    assert set(found) == expected
    assert all(one.due_on == working_days_after(day(on), 2) for one in found.values())


def test_the_ladder_stands_still_in_a_pause_and_begins_afresh_after_it_and_after_an_import() -> None:
    assert kinds(25, pause=(day(3), day(31))) == set()
    after = {"pause": None, "stop_ended_on": day(31), "attempts": tried(*FAILED[:2], (32, "no_answer"))}
    assert kinds(44, **after) == set()
    assert kinds(45, **after) == {"introduce_again"}
    assert kinds(13, paired_on=day(-200), records_from=START) == set()
    assert kinds(14, paired_on=day(-200), records_from=START) == {"introduce_again"}


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        ([(2, "reached"), *[(number, "no_answer") for number in (4, 5)]], set()),
        ([(2, "reached"), *[(number, "no_answer") for number in (4, 5, 6)]], {"hard_to_reach"}),
        ([(2, "reached"), (4, "no_answer"), (5, "not_safe"), (6, "not_in")], set()),
        ([(2, "reached"), (4, "no_answer"), (5, "not_safe"), (6, "not_in"), (7, "moved")], {"hard_to_reach"}),
        ([(2, "reached"), (4, "no_answer"), (5, "not_in"), (6, "declined_today"), (7, "no_answer")], set()),
    ],
)
def test_hard_to_reach_is_three_failed_in_a_row_on_one_who_was_reached(
    attempts: list[tuple[int, str]], expected: set[str]
) -> None:
    assert kinds(8, attempts=tried(*attempts)) == expected
    assert kinds(8, attempts=tried(*attempts), pause=(day(8), None)) == set()
    assert kinds(8, attempts=tried(*attempts), stop_ended_on=day(8)) == set()


@pytest.mark.parametrize(
    ("statuses", "heard", "expected"),
    [
        ((MADE, MISSED, MISSED), 2, {"two_missed"}),
        ((MISSED, MADE, MISSED), 2, set()),
        ((MISSED, MISSED, MADE), 2, set()),
        ((MISSED, CANCELLED, MISSED), 2, set()),
        ((MISSED,), 2, set()),
        # She said no in the second: it was missed all the same. Once it has closed, a word from her answers it.
        ((MISSED, MISSED), 34, {"two_missed"}),
        ((MISSED, MISSED), 35, set()),
    ],
)
def test_two_windows_missed_in_a_row(statuses: Sequence[Status], heard: int, expected: set[str]) -> None:
    given = {
        "attempts": tried((2, "reached"), (heard, "declined_today")),
        "closed_windows": windows(*statuses, last_closed=35),
    }
    assert kinds(36, **given) == expected
    assert kinds(36, **given, pause=(day(36), day(50))) == set()
    assert kinds(36, **given, stop_ended_on=day(36)) == set(), "those before a pause are not held against her after it"
    assert kinds(36, **given, paired_on=day(36)) == set(), "nor those of the time in which nobody was with her"


@pytest.mark.parametrize("every_days", [14, 28])
def test_silent_is_three_times_the_agreed_interval_without_a_word_from_her(every_days: int) -> None:
    given = {"every_days": every_days, "protocol_every_days": every_days}
    over = 2 + 3 * every_days
    assert "silent" not in kinds(over, REACHED, **given)
    assert "silent" in kinds(over + 1, REACHED, **given)
    text = tried((2, "reached"), (20, "she_rearranged"))
    assert "silent" not in kinds(over + 1, attempts=text, **given)
    assert "silent" not in kinds(over + 1, REACHED, **given, pause=(day(9), None))
    assert "silent" not in kinds(over + 1, REACHED, **given, stop_ended_on=day(9))
    assert "silent" in kinds(over + 8, REACHED, **given, stop_ended_on=day(9))
    assert "silent" not in kinds(over + 1, attempts=tried((2, "no_answer")), **given), "never reached is not silent"


@pytest.mark.parametrize(
    ("kind", "on", "given"),
    [
        ("introduce_again", 15, {}),
        ("rest_and_decide", 22, {}),
        ("hard_to_reach", 30, {"attempts": tried((2, "reached"), *[(number, "no_answer") for number in (25, 26, 27)])}),
        (
            "two_missed",
            30,
            {"attempts": tried((2, "reached")), "closed_windows": windows(MISSED, MISSED, last_closed=29)},
        ),
        ("silent", 50, {"attempts": tried((2, "reached"))}),
    ],
)
def test_what_a_contact_answers_comes_again_only_once_closed_and_a_contact_made_since(
    kind: str, on: int, given: dict[str, Any]
) -> None:
    assert kind in kinds(on, **given)
    assert kind not in kinds(on + 40, **given, closed={kind: [closed(on)]})
    assert kind in kinds(on, **given, closed={kind: [closed(on - 1, outcome="answered", by_rule=True)]})
    assert kind in kinds(on, **given, closed={kind: [closed(on - 1, outcome="not_needed", by_rule=True)]})


def test_three_more_failures_after_a_contact_are_hard_to_reach_again() -> None:
    again = tried((2, "reached"), *FAILED[2:5], (7, "reached"), *[(number, "no_answer") for number in (20, 21, 22)])
    assert "hard_to_reach" in kinds(23, attempts=again, closed={"hard_to_reach": [closed(6)]})
    assert "hard_to_reach" not in kinds(23, attempts=again, closed={"hard_to_reach": [closed(8)]})


@pytest.mark.parametrize(
    ("kind", "first", "about", "due", "facts"),
    [
        ("birth_not_recorded", 177, 177, 177, replace(QUIET, attempts=tried((170, "reached")))),
        ("six_week_check", 44, 44, 44, replace(QUIET, attempts=tried((2, "reached"), (40, "reached")))),
        ("end_check", 521, 535, 535, replace(QUIET, born_on=day(170), attempts=tried((2, "reached"), (520, "reached")))),
        ("safe_contact_reask", 77, 84, 84, replace(QUIET, asked_on=START, attempts=tried((2, "reached"), (70, "reached")))),
        ("open_pause", 38, 38, 38, replace(REACHED, pause=(day(10), None))),
    ],
)  # fmt: skip
def test_the_dated_ones(kind: str, first: int, about: int, due: int, facts: MotherFacts) -> None:
    assert kind not in kinds(first - 1, facts)
    assert wanted(first, facts)[kind] == Wanted(kind, day(about), day(due))
    assert kind in kinds(first + 3, facts)
    once = replace(facts, closed={kind: [closed(first, about=about)]})
    assert kind not in kinds(first + 3, once)
    by_rule = replace(facts, closed={kind: [closed(first, about=about, by_rule=True)]})
    assert kind in kinds(first + 3, by_rule), "what a hold hid comes back"


def test_what_nobody_was_reached_for_has_no_check_and_a_recorded_birth_no_duty() -> None:
    assert not {"six_week_check", "end_check"} & kinds(530, born_on=day(170))
    assert "birth_not_recorded" not in kinds(200, born_on=day(180))


def test_an_open_pause_comes_again_every_28_days_and_a_late_review_answers_the_dates_before_it() -> None:
    facts = replace(REACHED, pause=(day(10), None))
    assert wanted(66, facts)["open_pause"].about_on == day(66)
    assert "open_pause" in kinds(66, facts, closed={"open_pause": [closed(40, about=38)]})
    assert "open_pause" not in kinds(70, facts, closed={"open_pause": [closed(68, about=38)]})
    assert "open_pause" in kinds(94, facts, closed={"open_pause": [closed(68, about=38)]})
    assert "open_pause" not in kinds(66, REACHED, pause=(day(10), day(90))), "one with an end is not reviewed"


def test_what_is_safe_is_asked_again_at_least_every_12_weeks_also_where_it_was_closed_unasked() -> None:
    facts = replace(REACHED, asked_on=START, closed={"safe_contact_reask": [closed(80, about=84, outcome="could_not")]})
    assert "safe_contact_reask" not in kinds(160, facts)
    assert wanted(161, facts)["safe_contact_reask"] == Wanted("safe_contact_reask", day(168), day(168))
    assert "safe_contact_reask" not in kinds(161, facts, asked_on=day(85))


LESS = replace(QUIET, every_days=28, attempts=tried((2, "reached")))


@pytest.mark.parametrize(
    ("on", "facts", "about"),
    [
        # 28 weeks are twelve before the expected date.
        (85, LESS, None),
        (86, LESS, 86),
        (99, LESS, 86),
        (100, LESS, None),
        (86, replace(LESS, every_days=14), None),
        (86, replace(LESS, every_days=14, pause=(day(80), day(108))), 86),
        (183, replace(LESS, born_on=day(170)), None),
        (184, replace(LESS, born_on=day(170)), 184),
        (254, replace(LESS, born_on=day(170)), 254),
        (254, replace(LESS, born_on=day(170), every_days=14), None),
        # Monthly after birth by the protocol is not less.
        (254, replace(LESS, born_on=day(170), protocol_every_days=28), None),
        (30, replace(REACHED, pause_ended_on=day(30)), 30),
        (44, replace(REACHED, pause_ended_on=day(30)), None),
        # Two in one fortnight are one offer, by the later.
        (90, replace(LESS, pause_ended_on=day(88)), 88),
    ],
)
def test_more_is_offered_at_28_weeks_2_and_12_weeks_after_birth_and_at_the_end_of_a_pause(
    on: int, facts: MotherFacts, about: int | None
) -> None:
    found = wanted(on, facts).get("re_offer")
    assert found == (None if about is None else Wanted("re_offer", day(about), day(about + 14)))
    if about is not None:
        assert "re_offer" not in kinds(on, facts, closed={"re_offer": [closed(about, about=about)]}), "once each"
        assert "re_offer" in kinds(on, facts, closed={"re_offer": [closed(about - 60, about=about - 60)]})
        no = [closed(about - 20, about=about - 20), closed(about - 60, about=about - 60, outcome="she_said_no")]
        assert "re_offer" not in kinds(on, facts, closed={"re_offer": no}), "never after a no"


def test_waiting_for_a_lay_worker_and_again_every_four_weeks_while_she_waits() -> None:
    waits = {"paired_on": None, "introduced_on": None}
    assert kinds(2, **waits) == set()
    assert wanted(3, **waits) == {"waiting": Wanted("waiting", START, day(3))}
    assert kinds(3, REACHED, **waits) == {"waiting"}
    done = {"waiting": [closed(4, about=0, outcome="could_not")]}
    assert "waiting" not in kinds(31, **waits, closed=done)
    assert "waiting" in kinds(32, **waits, closed=done)
    assert "waiting" in kinds(15, **waits | {"waiting_since": day(10)}, closed=done), "another wait"


def test_a_gap_in_cover_is_there_at_once_and_again_while_nobody_is() -> None:
    assert wanted(5, REACHED, alone_since=day(5)) == {"cover_gap": Wanted("cover_gap", day(5), day(5))}
    done = {"cover_gap": [closed(6, about=5)]}
    assert kinds(12, REACHED, alone_since=day(5), closed=done) == set()
    assert kinds(13, REACHED, alone_since=day(5), closed=done) == {"cover_gap"}
    assert kinds(9, REACHED, alone_since=day(9), closed=done) == {"cover_gap"}, "who covered has gone too"
    assert kinds(20, REACHED, alone_since=day(5), pause=(day(9), day(37))) == {"cover_gap"}, (
        "someone must be there after it"
    )


ALL_AT_ONCE = replace(
    REACHED, introduced_on=None, attempts=tried((0, "reached"), *[(number, "no_answer") for number in (300, 301, 302)]),
    closed_windows=windows(MISSED, MISSED, last_closed=520), every_days=28, asked_on=START, alone_since=START,
    pause_ended_on=day(525), edd=day(170),
)  # fmt: skip


def test_a_held_plan_shows_none_and_one_that_is_over_only_its_end_check() -> None:
    assert kinds(530, ALL_AT_ONCE) == {
        "cover_gap", "silent", "two_missed", "hard_to_reach", "six_week_check", "end_check", "birth_not_recorded",
        "safe_contact_reask", "re_offer",
    }  # fmt: skip
    assert kinds(530, ALL_AT_ONCE, held=True) == set()
    assert kinds(530, paired_on=None, held=True) == set()
    assert kinds(536, ALL_AT_ONCE) == {"end_check"}
    assert kinds(536, paired_on=None) == set()


def test_an_import_owes_no_check_that_was_due_before_it() -> None:
    given = {"attempts": tried((2, "reached"), (60, "reached")), "born_on": day(170)}
    assert "six_week_check" in kinds(61, **given)
    assert "six_week_check" not in kinds(61, **given, records_from=day(50))
    assert "end_check" not in kinds(600, **given, records_from=day(590))


@pytest.mark.parametrize(
    ("kind", "heard", "answered"),
    [
        ("hard_to_reach", [(12, "reached")], True),
        ("silent", [(12, "declined_today")], True),
        ("introduce", [(12, "reached")], True),
        ("hard_to_reach", [(8, "reached")], False),
        ("hard_to_reach", [(12, "no_answer"), (12, "not_safe")], False),
        ("open_pause", [(12, "reached")], False),
    ],
)
def test_a_contact_answers_what_it_can_answer_if_it_was_known_since(
    kind: str, heard: list[tuple[int, str]], answered: bool
) -> None:
    assert duties.is_answered(kind, replace(QUIET, attempts=tried(*heard)), raised_on=day(10)) is answered
    late = replace(QUIET, attempts=[Attempt(day(8), "reached", day(11))])
    assert duties.is_answered("two_missed", late, raised_on=day(10)), "a late entry is known when it is entered"


# About a lay-worker


def of_lay_worker(on: int, *, feelings: Sequence[tuple[int, int]] = (), low_closed: int | None = None) -> set[str]:
    found = duties.of_lay_worker(
        feelings=[(day(number), feeling) for number, feeling in feelings], supervised_on=START,
        low_closed_on=None if low_closed is None else day(low_closed), on=day(on),
    )  # fmt: skip
    return {one.kind for one in found}


def test_supervision_is_due_four_weeks_after_the_last_and_shown_a_week_before() -> None:
    assert of_lay_worker(20) == set()
    assert of_lay_worker(21) == of_lay_worker(40) == {"supervision_due"}
    (one,) = duties.of_lay_worker(feelings=(), supervised_on=START, low_closed_on=None, on=day(21))
    assert one == Wanted("supervision_due", day(28), day(28))


@pytest.mark.parametrize(
    ("feelings", "low_closed", "expected"),
    [
        ([(9, 2), (8, 2)], None, True),
        ([(9, 1), (8, 5), (7, 2)], None, True),
        ([(9, 3), (8, 2), (7, 2)], None, True),
        ([(9, 2), (8, 3), (7, 3)], None, False),
        ([(9, 5), (8, 5), (7, 2), (6, 1)], None, False),
        ([(9, 2)], None, False),
        ([], None, False),
        # What was low when it was closed was spoken of: neither that again, nor a good one after it.
        ([(9, 2), (8, 2)], 9, False),
        ([(9, 4), (8, 2), (7, 2)], 8, False),
        ([(9, 2), (8, 2), (7, 2)], 8, False),
        ([(10, 2), (9, 1), (8, 2)], 8, True),
    ],
)
def test_two_of_the_last_three_at_2_or_less_is_a_word_to_her(
    feelings: list[tuple[int, int]], low_closed: int | None, expected: bool
) -> None:
    assert of_lay_worker(10, feelings=feelings, low_closed=low_closed) == ({"mood_low"} if expected else set())
