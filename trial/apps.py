"""The trial app."""

from django.apps import AppConfig


class TrialConfig(AppConfig):
    name = "trial"
    default_auto_field = "django.db.models.BigAutoField"
