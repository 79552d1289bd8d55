"""Which duties a mother or a lay-worker gives rise to on a day (domain.md section 7). Pure: facts in, duties out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from mentoring.rules.contacts import is_two_way
from mentoring.rules.plan import Status
from mentoring.rules.working_days import working_days_after
from people.rules.safe_contact import ASK_AGAIN_AFTER_DAYS

INTRODUCE: Final = "introduce"
INTRODUCE_AGAIN: Final = "introduce_again"
REST_AND_DECIDE: Final = "rest_and_decide"
HARD_TO_REACH: Final = "hard_to_reach"
TWO_MISSED: Final = "two_missed"
SILENT: Final = "silent"
BIRTH_NOT_RECORDED: Final = "birth_not_recorded"
SIX_WEEK_CHECK: Final = "six_week_check"
END_CHECK: Final = "end_check"
SAFE_CONTACT_REASK: Final = "safe_contact_reask"
OPEN_PAUSE: Final = "open_pause"
RE_OFFER: Final = "re_offer"
WAITING: Final = "waiting"
COVER_GAP: Final = "cover_gap"
SUPERVISION_DUE: Final = "supervision_due"
MOOD_LOW: Final = "mood_low"
# Raised by a person's word, not by a rule.
REQUEST: Final = "request"

INTRODUCE_WORKING_DAYS: Final = 3
ACT_WORKING_DAYS: Final = 2
AGAIN_AFTER_FAILED, AGAIN_AFTER_DAYS = 3, 14
REST_AFTER_FAILED, REST_AFTER_DAYS = 6, 21
HARD_AFTER_FAILED: Final = 3
SILENT_INTERVALS: Final = 3
BIRTH_DAYS: Final = 7
SIX_WEEKS_DAYS: Final = 42
END_CHECK_DAYS_BEFORE: Final = 14
REASK_DAYS_BEFORE: Final = 7
PAUSE_REVIEW_DAYS: Final = 28
SUPERVISION_DAYS: Final = 28
WAITING_WORKING_DAYS: Final = 3
# 28 weeks of pregnancy, which ends at 40; two and twelve weeks after the birth.
RE_OFFER_BEFORE_EDD_DAYS: Final = 84
RE_OFFER_AFTER_BIRTH_DAYS: Final = (14, 84)
RE_OFFER_OPEN_DAYS: Final = 14
LOW_FEELING: Final = 2
SHE_SAID_NO: Final = "she_said_no"

# Answered by a contact: closed by a person, not raised again until a contact is made since.
ANSWERED_BY_A_CONTACT: Final = frozenset({INTRODUCE_AGAIN, REST_AND_DECIDE, HARD_TO_REACH, TWO_MISSED, SILENT})
# Closed by a person while it is still so: comes again this many days later. Section 7 names no day; these are ours.
AGAIN_WHILE_SO: Final = {WAITING: PAUSE_REVIEW_DAYS, COVER_GAP: 7}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt that stands: its local date, what came of it, and the local date on which it was entered."""

    on: date
    outcome: str
    entered_on: date

    @property
    def is_two_way(self) -> bool:
        return is_two_way(self.outcome)

    @property
    def is_failed(self) -> bool:
        """Whether it counts as a try that did not reach her; *not safe to talk* is none, nor is one not kept by us."""
        return not self.is_two_way and self.outcome not in {"not_safe", "lay_worker_rearranged"}


@dataclass(frozen=True, slots=True)
class Closed:
    """A duty that was closed: when, what gave rise to it, what came of it; ``by_rule`` where a tick found it needless."""

    on: date
    about_on: date | None
    outcome: str
    by_rule: bool = False


@dataclass(frozen=True, slots=True)
class MotherFacts:
    """What is known of one mother on a day. ``attempts`` oldest first; ``closed_windows`` (closes_on, status), in order.

    ``paired_on`` none: she waits since ``waiting_since``. ``records_from``: the day an import brought her, none for
    others. ``alone_since``: since when her lay-worker is gone and nobody covers, none where someone is there. ``pause``
    is the one in force; ``pause_ended_on`` and ``stop_ended_on`` the end of the last that is over: of a pause, and of a
    pause or hold. ``closed`` holds by kind every duty of hers that was closed, newest first.
    """

    held: bool
    waiting_since: date
    records_from: date | None
    paired_on: date | None
    introduced_on: date | None
    attempts: Sequence[Attempt]
    closed_windows: Sequence[tuple[date, Status]]
    every_days: int
    protocol_every_days: int
    edd: date | None
    born_on: date | None
    ends_on: date
    pause: tuple[date, date | None] | None
    pause_ended_on: date | None
    stop_ended_on: date | None
    asked_on: date | None
    alone_since: date | None
    closed: Mapping[str, Sequence[Closed]]
    # Bereavement support: no birth, check or offer of the programme is asked about.
    in_support: bool = False

    @property
    def heard_on(self) -> date | None:
        """When she herself last took part."""
        return next((attempt.on for attempt in reversed(self.attempts) if attempt.is_two_way), None)

    @property
    def expected_from(self) -> date:
        """From when her lay-worker is expected to be in touch: the pairing, the records, the end of the last stop."""
        return max(
            on for on in (self.paired_on or self.waiting_since, self.records_from, self.stop_ended_on) if on is not None
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """A duty that should be open: its kind, what gave rise to it, by when it should be closed."""

    kind: str
    about_on: date | None
    due_on: date


def of_mother(facts: MotherFacts, *, on: date) -> Iterator[Wanted]:
    """Yield the duties that should be open about a mother on ``on``: none of a held plan, of one that is over the end check.

    What follows a loss, a reply, a request or someone else's word is raised by its own service, held or not.
    """
    if facts.held:
        return
    if on > facts.ends_on:
        wanted = [*_checks(facts, on)]
    else:
        wanted = [*_waiting(facts, on), *_first_contact(facts, on), *_keeping_touch(facts, on), *_dated(facts, on)]
    yield from (one for one in wanted if _may_be_raised(one, facts, on))


def of_lay_worker(
    *, feelings: Sequence[tuple[date, int]], supervised_on: date, low_closed_on: date | None, on: date
) -> Iterator[Wanted]:
    """Yield the duties about a lay-worker: her supervision, and a word where two of her last three were 2 or less.

    ``feelings`` (day, 1 to 5) newest first; ``low_closed_on``: when such a duty was last closed. What was low by then
    was spoken of.
    """
    due_on = supervised_on + timedelta(days=SUPERVISION_DAYS)
    if on >= due_on - timedelta(days=SUPERVISION_DAYS // 4):
        yield Wanted(SUPERVISION_DUE, due_on, due_on)
    since = [feeling for on_, feeling in feelings[:3] if low_closed_on is None or on_ > low_closed_on]
    if sum(feeling <= LOW_FEELING for feeling in since) >= 2:
        yield Wanted(MOOD_LOW, None, working_days_after(on, ACT_WORKING_DAYS))


def is_answered(kind: str, facts: MotherFacts, *, raised_on: date) -> bool:
    """Return whether what ended the need of a duty is a contact known since: she took part, and a contact can answer it."""
    return (kind == INTRODUCE or kind in ANSWERED_BY_A_CONTACT) and any(
        attempt.is_two_way and attempt.entered_on >= raised_on for attempt in facts.attempts
    )


def failed_in_a_row(attempts: Sequence[Attempt]) -> int:
    """Return how many attempts failed since she last took part."""
    count = 0
    for attempt in reversed(attempts):
        if attempt.is_two_way:
            break
        count += attempt.is_failed
    return count


def _waiting(facts: MotherFacts, on: date) -> Iterator[Wanted]:
    if facts.paired_on is None:
        due_on = working_days_after(facts.waiting_since, WAITING_WORKING_DAYS)
        if on >= due_on:
            yield Wanted(WAITING, facts.waiting_since, due_on)
    elif facts.alone_since is not None:
        yield Wanted(COVER_GAP, facts.alone_since, on)


def _first_contact(facts: MotherFacts, on: date) -> Iterator[Wanted]:
    if facts.paired_on is None:
        return
    heard_on = facts.heard_on
    # Those who have spoken need no introduction; nor has an import brought those who had not.
    strangers = heard_on is None or heard_on < facts.paired_on
    was_with_her = facts.records_from is not None and facts.paired_on < facts.records_from
    if facts.introduced_on is None and strangers and not was_with_her:
        yield Wanted(INTRODUCE, facts.paired_on, working_days_after(facts.paired_on, INTRODUCE_WORKING_DAYS))
    if facts.pause is not None or heard_on is not None:
        return
    failed = failed_in_a_row(_tried(facts))
    days = (on - facts.expected_from).days
    if failed >= REST_AFTER_FAILED or days >= REST_AFTER_DAYS:
        yield Wanted(REST_AND_DECIDE, None, working_days_after(on, ACT_WORKING_DAYS))
    elif failed >= AGAIN_AFTER_FAILED or days >= AGAIN_AFTER_DAYS:
        yield Wanted(INTRODUCE_AGAIN, None, working_days_after(on, ACT_WORKING_DAYS))


def _tried(facts: MotherFacts) -> list[Attempt]:
    """Return the attempts since she was expected to be reached: a pause, a new pairing begin the count afresh."""
    return [attempt for attempt in facts.attempts if attempt.on >= facts.expected_from]


def _keeping_touch(facts: MotherFacts, on: date) -> Iterator[Wanted]:
    heard_on = facts.heard_on
    if facts.paired_on is None or facts.pause is not None or heard_on is None:
        return
    due_on = working_days_after(on, ACT_WORKING_DAYS)
    if (on - max(heard_on, facts.expected_from)).days > SILENT_INTERVALS * facts.every_days:
        yield Wanted(SILENT, None, due_on)
    last = [window for window in facts.closed_windows if window[0] > facts.expected_from][-2:]
    # Missed, and no word from her since the second closed.
    if [status for _closed, status in last] == [Status.MISSED, Status.MISSED] and heard_on < last[-1][0]:
        yield Wanted(TWO_MISSED, None, due_on)
    if failed_in_a_row(_tried(facts)) >= HARD_AFTER_FAILED:
        yield Wanted(HARD_TO_REACH, None, due_on)


def _checks(facts: MotherFacts, on: date) -> Iterator[Wanted]:
    """Yield what the midwife asks of whoever was reached, but what was due before the records of her begin."""
    spoke_on = next((attempt.on for attempt in facts.attempts if attempt.is_two_way), None)
    if spoke_on is None or facts.in_support:
        return
    begun = facts.records_from or spoke_on
    six_weeks_on = spoke_on + timedelta(days=SIX_WEEKS_DAYS)
    if on <= facts.ends_on and on >= six_weeks_on >= begun:
        yield Wanted(SIX_WEEK_CHECK, six_weeks_on, six_weeks_on)
    if on >= facts.ends_on - timedelta(days=END_CHECK_DAYS_BEFORE) and facts.ends_on >= begun:
        yield Wanted(END_CHECK, facts.ends_on, facts.ends_on)


def _dated(facts: MotherFacts, on: date) -> Iterator[Wanted]:
    yield from _checks(facts, on)
    if facts.edd is not None and facts.born_on is None:
        due_on = facts.edd + timedelta(days=BIRTH_DAYS)
        if on >= due_on:
            yield Wanted(BIRTH_NOT_RECORDED, due_on, due_on)
    if facts.asked_on is not None:
        days = (on - facts.asked_on).days + REASK_DAYS_BEFORE
        if days >= ASK_AGAIN_AFTER_DAYS:
            due_on = facts.asked_on + timedelta(days=days // ASK_AGAIN_AFTER_DAYS * ASK_AGAIN_AFTER_DAYS)
            yield Wanted(SAFE_CONTACT_REASK, due_on, due_on)
    if facts.pause is not None and facts.pause[1] is None:
        days = (on - facts.pause[0]).days
        if days >= PAUSE_REVIEW_DAYS:
            due_on = facts.pause[0] + timedelta(days=days // PAUSE_REVIEW_DAYS * PAUSE_REVIEW_DAYS)
            yield Wanted(OPEN_PAUSE, due_on, due_on)
    offered = [on_ for on_ in _re_offers(facts) if on_ <= on < on_ + timedelta(days=RE_OFFER_OPEN_DAYS)]
    if offered:
        yield Wanted(RE_OFFER, max(offered), max(offered) + timedelta(days=RE_OFFER_OPEN_DAYS))


def _re_offers(facts: MotherFacts) -> Iterator[date]:
    """Yield when more contact is offered to one who has asked for less or for a pause: life events, the end of a pause."""
    if facts.in_support:
        return
    if facts.every_days > facts.protocol_every_days or facts.pause is not None:
        if facts.born_on is not None:
            yield from (facts.born_on + timedelta(days=days) for days in RE_OFFER_AFTER_BIRTH_DAYS)
        elif facts.edd is not None:
            yield facts.edd - timedelta(days=RE_OFFER_BEFORE_EDD_DAYS)
    if facts.pause_ended_on is not None:
        yield facts.pause_ended_on


def _may_be_raised(wanted: Wanted, facts: MotherFacts, on: date) -> bool:
    """Return whether no person closed it already for what gives rise to it now. What a rule closed may always come again.

    Answered by a contact: not until one is made since. Dated: once a date, and a later closing answers the dates before
    it. A re-offer never after a no.
    """
    before = [closed for closed in facts.closed.get(wanted.kind, ()) if not closed.by_rule]
    if not before:
        return True
    last_on = before[0].on
    if wanted.kind in ANSWERED_BY_A_CONTACT:
        return any(attempt.is_two_way and attempt.on >= last_on for attempt in facts.attempts)
    if wanted.kind == RE_OFFER and any(closed.outcome == SHE_SAID_NO for closed in before):
        return False
    if wanted.kind in AGAIN_WHILE_SO and on >= last_on + timedelta(days=AGAIN_WHILE_SO[wanted.kind]):
        return True
    assert wanted.about_on is not None
    if wanted.kind == INTRODUCE:
        # Once a pairing: another may begin on the very day on which the introduction of the one before was recorded.
        return all(closed.about_on != wanted.about_on for closed in before)
    return wanted.about_on > last_on and all(closed.about_on != wanted.about_on for closed in before)
