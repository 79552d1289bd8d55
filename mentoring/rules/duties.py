"""Which duties a mother or a lay-worker gives rise to on a day (domain.md section 7). Pure: facts in, duties out."""

from collections.abc import Iterator, Sequence
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

# Answered by a contact: not raised again until closed and a contact made since.
ANSWERED_BY_A_CONTACT: Final = frozenset({INTRODUCE_AGAIN, REST_AND_DECIDE, HARD_TO_REACH, TWO_MISSED, SILENT})
# Once for each date that gives rise to them.
ONCE_A_DATE: Final = frozenset(
    {INTRODUCE, BIRTH_NOT_RECORDED, SIX_WEEK_CHECK, END_CHECK, SAFE_CONTACT_REASK, OPEN_PAUSE, RE_OFFER}
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt that stands: its local date, and what came of it."""

    on: date
    outcome: str

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
    """What is known of one mother on a day. ``attempts`` oldest first; ``closed_windows`` statuses of closed ones, in order.

    ``paired_on`` none: she waits since ``waiting_since``. ``pause`` is the one in force, ``paused_until`` the end of the
    last one that is over. ``closed`` holds by kind every duty of hers that was closed, newest first.
    """

    held: bool
    waiting_since: date | None
    paired_on: date | None
    introduced_on: date | None
    attempts: Sequence[Attempt]
    closed_windows: Sequence[Status]
    every_days: int | None
    protocol_every_days: int
    edd: date | None
    born_on: date | None
    ends_on: date | None
    pause: tuple[date, date | None] | None
    pause_ended_on: date | None
    asked_on: date | None
    lay_worker_gone: bool
    closed: dict[str, Sequence[Closed]]
    # Bereavement support: no birth, check or offer of the programme is asked about.
    in_support: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """A duty that should be open: its kind, what gave rise to it, by when it should be closed."""

    kind: str
    about_on: date | None
    due_on: date


def of_mother(facts: MotherFacts, *, on: date) -> Iterator[Wanted]:
    """Yield the duties that should be open about a mother on ``on``; none of a held plan but to ask what is safe.

    A held plan raises nothing: what follows a loss or an ending is raised by its own service.
    """
    if facts.held:
        return
    for wanted in (*_waiting(facts, on), *_first_contact(facts, on), *_keeping_touch(facts, on), *_dated(facts, on)):
        if _may_be_raised(wanted, facts, on):
            yield wanted


def of_lay_worker(
    *, feelings: Sequence[int], supervised_on: date, low_closed_on: date | None, felt_on: date | None, on: date
) -> Iterator[Wanted]:
    """Yield the duties about a lay-worker: her supervision, and a word where two of her last three were 2 or less.

    ``feelings`` newest first; ``felt_on`` is the date of the newest; ``low_closed_on`` when such a duty was last closed.
    """
    due_on = supervised_on + timedelta(days=SUPERVISION_DAYS)
    if on >= due_on - timedelta(days=SUPERVISION_DAYS // 4):
        yield Wanted(SUPERVISION_DUE, due_on, due_on)
    low = [feeling for feeling in feelings[:3] if feeling <= LOW_FEELING]
    if len(low) >= 2 and felt_on is not None and (low_closed_on is None or felt_on > low_closed_on):
        yield Wanted(MOOD_LOW, None, working_days_after(on, ACT_WORKING_DAYS))


def failed_in_a_row(attempts: Sequence[Attempt]) -> int:
    """Return how many attempts failed since she last took part."""
    count = 0
    for attempt in reversed(attempts):
        if attempt.is_two_way:
            break
        count += attempt.is_failed
    return count


def _waiting(facts: MotherFacts, on: date) -> Iterator[Wanted]:
    if facts.paired_on is None and facts.waiting_since is not None:
        due_on = working_days_after(facts.waiting_since, WAITING_WORKING_DAYS)
        if on >= due_on:
            yield Wanted(WAITING, facts.waiting_since, due_on)
    if facts.lay_worker_gone:
        yield Wanted(COVER_GAP, None, on)


def _first_contact(facts: MotherFacts, on: date) -> Iterator[Wanted]:
    if facts.paired_on is None:
        return
    if facts.introduced_on is None:
        yield Wanted(INTRODUCE, facts.paired_on, working_days_after(facts.paired_on, INTRODUCE_WORKING_DAYS))
    if facts.pause is not None or any(attempt.is_two_way for attempt in facts.attempts):
        return
    failed = failed_in_a_row([attempt for attempt in facts.attempts if attempt.on >= facts.paired_on])
    days = (on - facts.paired_on).days
    if failed >= REST_AFTER_FAILED or days >= REST_AFTER_DAYS:
        yield Wanted(REST_AND_DECIDE, None, working_days_after(on, ACT_WORKING_DAYS))
    elif failed >= AGAIN_AFTER_FAILED or days >= AGAIN_AFTER_DAYS:
        yield Wanted(INTRODUCE_AGAIN, None, working_days_after(on, ACT_WORKING_DAYS))


def _keeping_touch(facts: MotherFacts, on: date) -> Iterator[Wanted]:
    spoke = [attempt.on for attempt in facts.attempts if attempt.is_two_way]
    if facts.paired_on is None or facts.pause is not None or not spoke:
        return
    due_on = working_days_after(on, ACT_WORKING_DAYS)
    every_days = facts.every_days or facts.protocol_every_days
    if (on - max(spoke[-1], facts.pause_ended_on or spoke[-1])).days > SILENT_INTERVALS * every_days:
        yield Wanted(SILENT, None, due_on)
    elif [*facts.closed_windows[-2:]] == [Status.MISSED, Status.MISSED]:
        yield Wanted(TWO_MISSED, None, due_on)
    elif failed_in_a_row(facts.attempts) >= HARD_AFTER_FAILED:
        yield Wanted(HARD_TO_REACH, None, due_on)


def _dated(facts: MotherFacts, on: date) -> Iterator[Wanted]:
    if facts.edd is not None and facts.born_on is None:
        due_on = facts.edd + timedelta(days=BIRTH_DAYS)
        if on >= due_on:
            yield Wanted(BIRTH_NOT_RECORDED, facts.edd, due_on)
    spoke = [attempt.on for attempt in facts.attempts if attempt.is_two_way]
    if spoke and not facts.in_support:
        due_on = spoke[0] + timedelta(days=SIX_WEEKS_DAYS)
        if on >= due_on:
            yield Wanted(SIX_WEEK_CHECK, spoke[0], due_on)
        if facts.ends_on is not None and on >= facts.ends_on - timedelta(days=END_CHECK_DAYS_BEFORE):
            yield Wanted(END_CHECK, facts.ends_on, facts.ends_on)
    if facts.asked_on is not None:
        due_on = facts.asked_on + timedelta(days=ASK_AGAIN_AFTER_DAYS)
        if on >= due_on - timedelta(days=REASK_DAYS_BEFORE):
            yield Wanted(SAFE_CONTACT_REASK, facts.asked_on, due_on)
    if facts.pause is not None and facts.pause[1] is None:
        reviews = (on - facts.pause[0]).days // PAUSE_REVIEW_DAYS
        if reviews >= 1:
            due_on = facts.pause[0] + timedelta(days=reviews * PAUSE_REVIEW_DAYS)
            yield Wanted(OPEN_PAUSE, due_on, due_on)
    for about_on in _re_offers(facts):
        if about_on <= on < about_on + timedelta(days=RE_OFFER_OPEN_DAYS):
            yield Wanted(RE_OFFER, about_on, about_on + timedelta(days=RE_OFFER_OPEN_DAYS))
            break


def _re_offers(facts: MotherFacts) -> Iterator[date]:
    """Yield when more contact is offered to one who has asked for less: life events, and the end of a pause."""
    if facts.in_support:
        return
    asks_less = facts.every_days is not None and facts.every_days > facts.protocol_every_days
    if asks_less or facts.pause is not None:
        if facts.born_on is not None:
            yield from (facts.born_on + timedelta(days=days) for days in RE_OFFER_AFTER_BIRTH_DAYS)
        elif facts.edd is not None:
            yield facts.edd - timedelta(days=RE_OFFER_BEFORE_EDD_DAYS)
    if asks_less and facts.pause_ended_on is not None:
        yield facts.pause_ended_on


def _may_be_raised(wanted: Wanted, facts: MotherFacts, on: date) -> bool:
    """Return whether it was not closed already: answered by a contact made since, once a date, never after a no."""
    before = facts.closed.get(wanted.kind, ())
    if not before:
        return True
    if wanted.kind == RE_OFFER and any(closed.outcome == "she_said_no" for closed in before):
        return False
    if wanted.kind in ANSWERED_BY_A_CONTACT:
        return any(attempt.is_two_way and attempt.on >= before[0].on for attempt in facts.attempts)
    if wanted.kind in ONCE_A_DATE:
        return all(closed.by_rule or closed.about_on != wanted.about_on for closed in before)
    return on > before[0].on
