"""The outbox's tick."""

from celery import shared_task
from django.utils import timezone

from outbox.services import delivery


@shared_task
def deliver_due_messages() -> int:
    """Every minute: send what the outbox holds. Safe to run twice at once."""
    return delivery.deliver_due(now=timezone.now())
