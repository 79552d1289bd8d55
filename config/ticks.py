"""Every run of a job is on record, by the one class that all tasks have: a new job cannot forget it."""

from contextlib import suppress
from typing import Any

from celery import Task
from django.db import Error, close_old_connections, connection
from django.utils import timezone

from config.beat import JOBS
from outbox.services import job_runs

NAMES = {job.task: job.name for job in JOBS}


class Tick(Task):
    """A task. One of the table of jobs is on record once it has ended, well or not; its error is raised on."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        name = NAMES.get(self.name)
        if name is None:
            return super().__call__(*args, **kwargs)
        started_at = timezone.now()
        try:
            count = super().__call__(*args, **kwargs)
        except Exception as error:
            # Where the database is away nothing can be written: the job's silence is the alarm.
            with suppress(Error):
                if not connection.in_atomic_block:
                    close_old_connections()
                job_runs.failed(name=name, started_at=started_at, error=type(error).__name__, now=timezone.now())
            raise
        job_runs.ended_well(name=name, started_at=started_at, count=count, now=timezone.now())
        return count
