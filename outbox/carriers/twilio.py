"""Text messages by Twilio. It takes no reference: a hand-over that broke off is settled by its receipt, else by a person."""

import logging
from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse
from requests import RequestException
from twilio.base.exceptions import TwilioException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from outbox.carriers import CarrierDown, CarrierRefused
from outbox.carriers.bounded import REFUSED, UNCLEAR, BoundedSession
from outbox.models import Message
from outbox.rules.registry import Words

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Twilio:
    """``seconds`` bound the whole hand-over."""

    batch: int = 1
    seconds: float = 5

    def hand_over(self, message: Message, words: Words) -> str | None:
        """One text message; returns Twilio's SID. Its receipts come to an address of its own."""
        with BoundedSession(self.seconds) as session:
            try:
                taken = _client(session).messages.create(
                    to=words.to,
                    from_=settings.TWILIO_FROM,
                    body=words.body,
                    status_callback=f"{settings.SITE_URL}{reverse('twilio-receipt', args=[message.reference])}",
                )
            except (TwilioException, RequestException) as error:
                raise _meaning(error, session) from None
        return taken.sid

    def was_accepted(self, message: Message) -> bool | None:
        """Return none: nothing in Twilio's list of messages is sure to be this one, or sure to be missing."""
        return None


def _client(session: BoundedSession) -> Client:
    http = TwilioHttpClient(pool_connections=False, timeout=session.seconds)
    http.session = session
    client = Client(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, http_client=http)
    client.api.base_url = settings.TWILIO_BASE_URL
    return client


def _meaning(error: Exception, session: BoundedSession) -> Exception:
    """Return what an answer, or none, says of the message; the error itself where nobody can know."""
    status = getattr(error, "status", None)
    if status is None:
        return error if session.was_told else CarrierDown()
    if status in REFUSED:
        return CarrierRefused()
    if 400 <= status < 500 and status not in UNCLEAR:
        if status != 429:
            logger.error("Twilio answers %s: look at its account and token", status)
        return CarrierDown()
    return error
