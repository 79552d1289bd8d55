"""Worker and beat of a run: the project's own app with the run's clock at its doors, and what is broken on purpose."""

import os
from typing import Any

import django

from config.celery import app
from tests.faults.clock import clock_of_environment

django.setup()

import mentoring.tasks
import outbox.tasks
from outbox.carriers.notify import Notify
from outbox.rules.registry import KINDS, register
from outbox.services import delivery

__all__ = ["SABOTAGES", "app"]

outbox.tasks.timezone = mentoring.tasks.timezone = clock_of_environment()  # type: ignore[assignment]  # it has now()


def _send_again_what_broke_off() -> None:
    """As without the mark: a lapsed lease is simply queued again."""
    Notify.was_accepted = lambda self, message: False  # type: ignore[method-assign]  # on purpose


def _ask_nobody() -> None:
    Notify.was_accepted = lambda self, message: None  # type: ignore[method-assign]  # on purpose


def _ask_nothing_again() -> None:
    def all_wanted(messages: Any, now: Any) -> list[None]:
        return [None] * len(messages)

    for kind in list(KINDS.values()):
        object.__setattr__(kind, "why_not", all_wanted)
        register(kind)
    delivery._safe_texts = _any_number  # type: ignore[assignment]  # on purpose


def _any_number(going: Any, words: Any, now: Any) -> Any:
    from dataclasses import replace

    return {pk: replace(said, to="+447700900001") for pk, said in words.items()}


# What must show: doubled; needing a person; stale.
SABOTAGES = {"unmarked": _send_again_what_broke_off, "unasked": _ask_nobody, "unchecked": _ask_nothing_again}
if chosen := os.environ.get("FAULTS_SABOTAGE"):
    SABOTAGES[chosen]()
