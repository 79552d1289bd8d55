"""The outbox's ticks."""

from celery import shared_task
from django.utils import timezone

from outbox.services import delivery


@shared_task
def deliver_due_messages() -> int:
    """Every minute: send what the outbox holds. Safe to run twice at once."""
    return delivery.deliver_due(now=timezone.now())


@shared_task
def deliver_alerts() -> int:
    """Every ten seconds: send what goes at any hour, whatever carrier of texts hangs. Safe to run twice at once."""
    return delivery.deliver_alerts(now=timezone.now())
