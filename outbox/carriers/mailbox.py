"""Text messages of the demo: into the folder that its mailbox page reads, marked as a text to a masked number."""

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from outbox.carriers import CarrierDown
from outbox.models import Message
from outbox.rules.registry import Words

TEXT_TO = "X-Text-To"


class Mailbox:
    batch = 1

    def hand_over(self, message: Message, words: Words) -> str | None:
        """One letter without subject or address, its header saying how the number ends."""
        letter = EmailMessage(body=words.body, from_email=settings.DEFAULT_FROM_EMAIL, headers={TEXT_TO: words.to[-3:]})
        try:
            get_connection("django.core.mail.backends.filebased.EmailBackend").send_messages([letter])
        except OSError as error:
            raise CarrierDown from error
        return None

    def was_accepted(self, message: Message) -> bool | None:
        """Return none: letters of the folder are not searched."""
        return None
