"""Where the settings choose no carrier of texts: each is refused, so that whoever looks after her is told in time."""

from outbox.carriers import CarrierRefused
from outbox.models import Message
from outbox.rules.registry import Words


class NoTexts:
    batch = 1

    def hand_over(self, message: Message, words: Words) -> str | None:
        """Raises CarrierRefused."""
        raise CarrierRefused

    def was_accepted(self, message: Message) -> bool | None:
        """Return none: it may have been with a carrier that the settings chose before."""
        return None
