"""The roof: settings, URLs, the Celery app; wires things, holds no behaviour."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
