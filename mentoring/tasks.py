"""The programme's ticks."""

from celery import shared_task
from django.utils import timezone

from mentoring.services import digests, imports, reminders


@shared_task
def top_up_messages() -> int:
    """Every hour: write the reminders and digests that have come into the horizon. Safe to run twice at once."""
    now = timezone.now()
    return reminders.top_up(now=now) + digests.refresh_daily(now=now)


@shared_task
def run_import_jobs() -> int:
    """Every five seconds: do the imports that wait. Safe to run twice at once."""
    return imports.run_waiting(now=timezone.now())
