"""What commands read from words typed, and what they say where a thing cannot be: one line, nothing that stood in a row."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from django.core.management.base import CommandError
from django.db import DatabaseError


def day(option: str, typed: str) -> date:
    """Return the day typed for ``option``; raise CommandError where it is none."""
    try:
        return date.fromisoformat(typed)
    except ValueError as error:
        raise CommandError(f"{option} is not a date: write 2026-11-09.") from error


@contextmanager
def saying_no_row() -> Iterator[None]:
    """An error of the database is told by its kind alone: its own message quotes the row."""
    try:
        yield
    except DatabaseError as error:
        raise CommandError(f"The database refused ({type(error).__name__}): nothing was changed.") from None
