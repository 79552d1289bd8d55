"""The one table of jobs: what ticks, how often, and how long its silence may last."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Job:
    """A task by name, its seconds between ticks, and the seconds without one after which someone is told."""

    name: str
    task: str
    every_seconds: float
    alarm_after_seconds: float


JOBS = (
    Job("deliver due messages", "outbox.tasks.deliver_due_messages", 60, 180),
    Job("deliver alerts", "outbox.tasks.deliver_alerts", 10, 60),
    Job("run imports", "mentoring.tasks.run_import_jobs", 5, 900),
    Job("top up reminders", "mentoring.tasks.top_up_messages", 3600, 3 * 3600),
)

# A tick that waited longer than its interval is dropped: the next one does its work.
SCHEDULE = {
    job.name: {"task": job.task, "schedule": job.every_seconds, "options": {"expires": job.every_seconds}}
    for job in JOBS
}
