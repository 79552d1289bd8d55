"""Which status may follow which: asked before one is written. Each app has its own tables; this is what a table is."""

from collections.abc import Mapping
from dataclasses import dataclass


class DoesNotFollow(Exception):
    """A status that may not follow the one that stands; both are codes."""

    def __init__(self, now: str, then: str) -> None:
        super().__init__(f"{then} after {now}")
        self.now = now
        self.then = then


@dataclass(frozen=True, slots=True)
class Transitions:
    """By status, the statuses that may follow it, each with when it does. A status that nothing follows is an end."""

    follows: Mapping[str, Mapping[str, str]]

    def check(self, now: str, then: str) -> None:
        """Return if ``then`` may follow ``now``; raise DoesNotFollow otherwise. The same again is no transition."""
        if then not in self.follows[now]:
            raise DoesNotFollow(now, then)

    def may(self, now: str, then: str) -> bool:
        """Return whether ``then`` may follow ``now``."""
        try:
            self.check(now, then)
        except DoesNotFollow:
            return False
        return True

    def before(self, then: str) -> tuple[str, ...]:
        """Return the statuses that ``then`` may follow: the condition of a write to many rows at once."""
        return tuple(now for now in self.follows if self.may(now, then))
