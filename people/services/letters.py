"""Letters about an account (invitation, password reset). People lies below the outbox, so the outbox lends its pen here."""

from collections.abc import Callable
from datetime import datetime

from people.models import User

_write: Callable[..., None] | None = None


def lend_pen(write: Callable[..., None]) -> None:
    """The outbox gives, once at start, the function that queues a letter: ``write(kind=, user=, now=)``."""
    global _write
    _write = write


def ask_for(*, template: str, user: User | None, now: datetime) -> None:
    """A letter of this kind to ``user`` is queued; unknown kinds and unknown people get none."""
    kinds = {"password_reset_key": "password_reset", "invitation": "invitation"}
    if _write is not None and user is not None and template in kinds:
        _write(kind=kinds[template], user=user, now=now)
