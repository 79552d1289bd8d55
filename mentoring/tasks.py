"""The programme's ticks."""

from celery import shared_task
from django.utils import timezone

from mentoring.services import alerts, digests, duties, imports, reminders, visits


@shared_task
def top_up_messages() -> int:
    """Every hour: write the reminders and digests that have come into the horizon. Safe to run twice at once."""
    now = timezone.now()
    return reminders.top_up(now=now) + digests.refresh_daily(now=now)


@shared_task
def run_import_jobs() -> int:
    """Every five seconds: do the imports that wait. Safe to run twice at once."""
    return imports.run_waiting(now=timezone.now())


@shared_task
def pass_alerts_on() -> int:
    """Every ten seconds: raise what an overdue visit gives rise to, pass on what nobody acknowledged. Safe to run twice at once."""
    now = timezone.now()
    try:
        moved = visits.watch(now=now)
    finally:
        passed = alerts.escalate(now=now)
    return moved + passed


@shared_task
def sweep_duties() -> int:
    """Every five minutes: open the duties that the rules want, close those they want no more. Safe to run twice at once."""
    return duties.sweep(now=timezone.now())
