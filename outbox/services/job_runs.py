"""What became of a job's last run. One row a job, one write a run."""

from collections.abc import Sequence
from datetime import datetime

from outbox.models import JobRun


def ended_well(*, name: str, started_at: datetime, count: int, now: datetime) -> None:
    """The job of this name is on record as ended well at ``now``, having dealt with ``count``; also where that is none."""
    _keep(
        JobRun(name=name, started_at=started_at, finished_at=now, count=count),
        ["started_at", "finished_at", "count"],
    )


def failed(*, name: str, started_at: datetime, error: str, now: datetime) -> None:
    """The job of this name is on record as failed at ``now``. ``error`` is the error's name, never what it says."""
    _keep(
        JobRun(name=name, started_at=started_at, failed_at=now, error=error[:60]),
        ["started_at", "failed_at", "error"],
    )


def _keep(run: JobRun, fields: Sequence[str]) -> None:
    # No column that changes is indexed, so PostgreSQL writes the new row beside the old one and clears that away itself.
    JobRun.objects.bulk_create([run], update_conflicts=True, unique_fields=["name"], update_fields=fields)
