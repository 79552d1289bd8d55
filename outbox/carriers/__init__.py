"""Those who carry a message out of the building. Called by the hand-over alone, inside its transaction, 5 seconds at most."""

from typing import Protocol

from outbox.models import Message
from outbox.rules.registry import Words


class CarrierDown(Exception):
    """Nothing was accepted: it may be tried again later. Asked about a message: it cannot say now."""


class NotThisOneNow(Exception):
    """This message was not accepted and may be tried again later; others may fare better now."""


class CarrierRefused(Exception):
    """This message will never be accepted: it has failed."""


class MayBeAccepted(Exception):
    """It was accepted or not: this carrier can be asked, and is, before the message is offered to it again."""


class Carrier(Protocol):
    """One way out. ``was_accepted`` answers by reference, none where it cannot know."""

    @property
    def batch(self) -> int:
        """How many are marked before the first of them goes; they are handed over in one transaction."""
        ...

    def hand_over(self, message: Message, words: Words) -> str | None:
        """The message is accepted; return what the carrier calls it, none where it has no name for it.

        Raises CarrierDown, NotThisOneNow, CarrierRefused, MayBeAccepted; anything else leaves it to a person.
        """
        ...

    def was_accepted(self, message: Message) -> bool | None:
        """Return whether a message whose hand-over was broken off had been accepted; none where nobody can know.

        Raises CarrierDown where it can be asked, but not now.
        """
        ...
