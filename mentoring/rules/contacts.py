"""What one log entry is: completed, two-way, complete enough to keep. Plain Python (domain.md sections 4 and 5)."""

FULFILLING_MODES = frozenset({"home_visit", "phone", "video", "met_elsewhere"})
TWO_WAY_OUTCOMES = frozenset({"reached", "declined_today", "she_rearranged"})
VISITS = frozenset({"home_visit", "met_elsewhere"})


class Incomplete(Exception):
    """A contact that lacks what section 5 requires; ``code`` says what."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def is_completed(*, outcome: str, mode: str) -> bool:
    """Return whether an entry fulfils a planned contact: reached, by visit, phone, video or a meeting."""
    return outcome == "reached" and mode in FULFILLING_MODES


def is_two_way(outcome: str) -> bool:
    """Return whether she herself took part: reached, declined today, or asked to rearrange."""
    return outcome in TWO_WAY_OUTCOMES


def check_complete(*, outcome: str, minutes: int | None, present: object, concern: str) -> None:
    """Return if what section 5 requires of a contact that reached her is there; raise Incomplete otherwise."""
    if outcome != "reached":
        return
    if not minutes:
        raise Incomplete("minutes_missing")
    if present is None:
        raise Incomplete("present_missing")
    if not concern:
        raise Incomplete("concern_missing")
