"""What the carriers' words for a text's fate come to."""

from enum import StrEnum


class Said(StrEnum):
    """The three things that a receipt can say."""

    HAS_IT = "has_it"
    ARRIVED = "arrived"
    LOST = "lost"


# GOV.UK Notify: "Delivery receipts" of its API; Twilio: "MessageStatus" of its status callbacks.
ARRIVED = frozenset({"delivered", "read"})
LOST = frozenset(
    {"permanent-failure", "temporary-failure", "technical-failure", "validation-failed", "cancelled"}
    | {"undelivered", "failed", "canceled"}
)


def said(status: str) -> tuple[Said, str]:
    """Return what ``status`` says, and where the text is lost a code of ours for why. What is not known: it is on its way."""
    if status in ARRIVED:
        return Said.ARRIVED, ""
    if status in LOST:
        return Said.LOST, status.replace("-", "_")
    return Said.HAS_IT, ""
