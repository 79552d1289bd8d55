"""The settings with one short interval instead of the table of jobs: for beats that tests start as processes."""

import os

from config.settings import *  # noqa: F403 - every setting of ours, then what differs

CELERY_BEAT_SCHEDULE = {
    "tick": {"task": "outbox.tasks.deliver_due_messages", "schedule": float(os.environ["TICK_SECONDS"])}
}
