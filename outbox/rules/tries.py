"""When a message that could not be handed over is tried again, and for how long. Pure."""

from typing import Final

# An hour apart from the seventh on: a carrier that is away for three days costs no message that has not expired.
WAITS_MINUTES: Final = (1, 2, 4, 8, 16, 32, 60)
MOST_TRIES: Final = 80
# What goes at any hour, an alert, goes soon after its carrier is back; three days too.
WAITS_MINUTES_AT_ANY_HOUR: Final = (1, 2)
MOST_TRIES_AT_ANY_HOUR: Final = 2160


def minutes_until_next(tries: int, *, any_hour: bool) -> int | None:
    """Return in how many minutes a message that was tried ``tries`` times is tried again, none where it is given up."""
    waits, most = _of(any_hour)
    return None if tries >= most else waits[min(tries, len(waits)) - 1]


def minutes_tried(tries: int, *, any_hour: bool) -> int:
    """Return how long, from its first try to the time set for its next, a message that was tried ``tries`` times has waited."""
    waits, _most = _of(any_hour)
    return sum(waits[:tries]) + max(tries - len(waits), 0) * waits[-1]


def _of(any_hour: bool) -> tuple[tuple[int, ...], int]:
    return (WAITS_MINUTES_AT_ANY_HOUR, MOST_TRIES_AT_ANY_HOUR) if any_hour else (WAITS_MINUTES, MOST_TRIES)
