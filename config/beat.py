"""The one table of jobs: what ticks, how often, and how long its silence may last."""

from django.utils.translation import gettext_noop

from outbox.rules.jobs import Job

JOBS = (
    Job(gettext_noop("deliver due messages"), "outbox.tasks.deliver_due_messages", 60, 180),
    Job(gettext_noop("deliver alerts"), "outbox.tasks.deliver_alerts", 10, 60),
    Job(gettext_noop("pass alerts on"), "mentoring.tasks.pass_alerts_on", 10, 180),
    Job(gettext_noop("run imports"), "mentoring.tasks.run_import_jobs", 5, 900),
    Job(gettext_noop("sweep duties"), "mentoring.tasks.sweep_duties", 300, 1800),
    Job(gettext_noop("top up reminders"), "mentoring.tasks.top_up_messages", 3600, 3 * 3600),
)

# A tick that waited longer than its interval is dropped: the next one does its work.
SCHEDULE = {
    job.name: {"task": job.task, "schedule": job.every_seconds, "options": {"expires": job.every_seconds}}
    for job in JOBS
}
