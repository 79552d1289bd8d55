"""The ticks: when each last ran, and which have fallen silent. Writes nothing."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from outbox.models import JobRun
from outbox.rules.jobs import Job, is_silent


@dataclass(frozen=True, slots=True)
class State:
    """One job of the table and its last run: when it last ended well (none: never), when and how it last failed."""

    job: Job
    started_at: datetime | None
    finished_at: datetime | None
    failed_at: datetime | None
    error: str
    count: int
    age_seconds: int | None
    is_silent: bool

    @property
    def failed_last(self) -> bool:
        """Return whether the last run that ended did not end well."""
        return self.failed_at is not None and (self.finished_at is None or self.failed_at > self.finished_at)


def last_finished_at(name: str) -> datetime | None:
    """Return when the job of this name last ended well, none where it never has."""
    return JobRun.objects.filter(name=name).values_list("finished_at", flat=True).first()


def last_started_at() -> dict[str, datetime]:
    """Return when each job's last run that ended had begun, by name."""
    return dict(JobRun.objects.values_list("name", "started_at"))


def states(*, now: datetime) -> list[State]:
    """Return every job of the table in its order. One query."""
    runs = {run.name: run for run in JobRun.objects.all()}
    return [_state(job, runs.get(job.name), now) for job in settings.JOBS]


def _state(job: Job, run: JobRun | None, now: datetime) -> State:
    finished_at = run.finished_at if run else None
    return State(
        job=job,
        started_at=run.started_at if run else None,
        finished_at=finished_at,
        failed_at=run.failed_at if run else None,
        error=run.error if run else "",
        count=run.count if run else 0,
        age_seconds=None if finished_at is None else int((now - finished_at).total_seconds()),
        is_silent=is_silent(job, finished_at=finished_at, now=now),
    )
