"""The settings of a run: the outbox's jobs as often as its clock is fast, and e-mail that goes nowhere."""

from config.settings import *  # noqa: F403 - every setting of ours, then what differs
from config.settings import CELERY_BEAT_SCHEDULE as AS_USUAL
from tests.faults.clock import clock_of_environment

EVERY = 1 / clock_of_environment().speed
CELERY_BEAT_SCHEDULE = {
    name: entry
    | {"schedule": entry["schedule"] * EVERY, "options": {"expires": max(1, entry["options"]["expires"] * EVERY)}}
    for name, entry in AS_USUAL.items()
    if entry["task"].startswith("outbox.")
}
# What a loss tells the staff is no part of the count.
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
