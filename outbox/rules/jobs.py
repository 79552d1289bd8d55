"""What a job is, and when its silence is an alarm. Pure: facts in, decisions out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

# A message that may go and has waited longer than this is an alarm, whatever the jobs say of themselves.
WAITED_TOO_LONG: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Job:
    """A task by name, its seconds between ticks, and the seconds without one after which someone is told."""

    name: str
    task: str
    every_seconds: float
    alarm_after_seconds: float


def is_silent(job: Job, *, finished_at: datetime | None, now: datetime) -> bool:
    """Return whether ``job`` has not ended well for longer than it may; one that never has is silent."""
    return finished_at is None or now - finished_at > timedelta(seconds=job.alarm_after_seconds)


def waited(*, due_at: datetime, opened_at: datetime | None, now: datetime) -> timedelta:
    """Return how long a message due at ``due_at`` has waited: what fell due at night waits from the morning on.

    ``opened_at`` is when it might go today at the earliest, none where it may go at any hour.
    """
    return now - (due_at if opened_at is None else max(due_at, opened_at))
