"""The rows that a hand-over and a loss both lock, so that one waits for the other (quality.md, Delivery)."""

from django.db import models


class Gate(models.Model):
    """One row for each person and each user, numbered together so that locks are always taken in one order.

    A hand-over takes it FOR SHARE; a loss, a pause, a transfer or a withdrawn permission FOR NO KEY UPDATE. Logging a
    contact does not touch it, so a slow carrier never blocks a lay-worker.
    """

    # Nothing in it changes, but PostgreSQL asks for the right to UPDATE before it locks a row.
    append_only = False

    def __str__(self) -> str:
        return f"gate {self.pk}"
