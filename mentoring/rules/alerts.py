"""Who holds an alert, and when it passes on (domain.md section 7, Alerts). Pure: facts in, decisions out."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

CONCERN_TODAY: Final = "concern_today"
CONCERN_EMERGENCY: Final = "concern_emergency"
PLEASE_RING_ME: Final = "please_ring_me"
NOT_SAFE: Final = "not_safe_to_talk"
LOSS: Final = "loss"
OVERDUE_VISIT: Final = "overdue_visit"

FIRST, SECOND, LEAD, PROCEDURE = range(4)

SOON: Final = timedelta(minutes=15)
LATER: Final = timedelta(hours=4)
PASSED_ON_SOON: Final = frozenset({CONCERN_EMERGENCY, OVERDUE_VISIT})

# Of a visit, from its expected end: the lay-worker is asked, then whoever is on duty, the second, the written procedure.
VISIT_ASKED_AFTER: Final = timedelta(minutes=15)
VISIT_ALERT_AFTER: Final = timedelta(minutes=30)
# The written procedure's turn comes then: until that moment somebody must be there to be told.
VISIT_WATCHED_AFTER: Final = timedelta(minutes=60)
VISIT_MORE: Final = timedelta(minutes=30)
# A tick older than this watches nothing.
NOBODY_WATCHES_AFTER: Final = timedelta(minutes=3)


def patience(kind: str) -> timedelta:
    """Return how long an alert of this kind stays with one person unacknowledged."""
    return SOON if kind in PASSED_ON_SOON else LATER


def next_step(kind: str, step: int) -> int | None:
    """Return the step after ``step``, none at the last. An overdue visit comes to the written procedure, not to the lead."""
    if step >= LEAD:
        return None
    if kind == OVERDUE_VISIT and step == SECOND:
        return PROCEDURE
    return step + 1


def passes_on_at(*, kind: str, step: int, step_at: datetime) -> datetime | None:
    """Return when an unacknowledged alert passes on, none where it stays."""
    return None if next_step(kind, step) is None else step_at + patience(kind)


def holder(
    *,
    step: int,
    midwife: int | None,
    in_office_hours: bool,
    on_duty: int | None,
    second: int | None,
    leads: Sequence[int],
    told: Collection[int] = (),
) -> int | None:
    """Return the user who holds an alert at ``step``: her midwife in hours, else who is on duty; the second; a lead.

    Where the one named is missing, or was ``told`` already and did not answer, it goes further up, so that an alert is
    nobody's only where there is nobody at all. With nobody left to tell it is the first there is.
    """
    first = midwife if in_office_hours and midwife is not None else on_duty
    # Who came on duty since is asked as well.
    named = {FIRST: (first, second), SECOND: (second, first, on_duty)}.get(step, ())
    there = [user for user in (*named, *leads) if user is not None]
    return next((user for user in there if user not in told), there[0] if there else None)
