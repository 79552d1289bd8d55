"""The ticks: when each last ran, and which have fallen silent. Writes nothing."""

from datetime import datetime

from outbox.models import JobRun


def last_finished_at(name: str) -> datetime | None:
    """Return when the job of this name last ended well, none where it never has."""
    return JobRun.objects.filter(name=name).values_list("finished_at", flat=True).first()
