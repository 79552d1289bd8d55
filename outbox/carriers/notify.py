"""Text messages by GOV.UK Notify: it takes a reference and can be asked by it, so nothing goes twice."""

import logging
from dataclasses import dataclass

from django.conf import settings
from notifications_python_client.errors import APIError
from notifications_python_client.notifications import NotificationsAPIClient

from outbox.carriers import CarrierDown, CarrierRefused, MayBeAccepted
from outbox.carriers.bounded import REFUSED, UNCLEAR, BoundedSession
from outbox.models import Message
from outbox.rules.registry import Words

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Notify:
    """``seconds`` bound the whole hand-over. Its template holds one placeholder, ``body``."""

    batch: int = 1
    seconds: float = 5

    def hand_over(self, message: Message, words: Words) -> str | None:
        """One text message; returns Notify's own id."""
        with BoundedSession(self.seconds) as session:
            try:
                answer = _client(session).send_sms_notification(
                    phone_number=words.to,
                    template_id=settings.NOTIFY_TEMPLATE_ID,
                    personalisation={"body": words.body},
                    reference=str(message.reference),
                )
            except APIError as error:
                raise _meaning(error, session) from error
        return str(answer.get("id", ""))

    def was_accepted(self, message: Message) -> bool | None:
        """Return whether Notify holds a message with this reference, one already known to have failed aside."""
        with BoundedSession(self.seconds) as session:
            try:
                answer = _client(session).get_all_notifications(reference=str(message.reference))
                return any(one["id"] != message.carrier_reference for one in answer["notifications"])
            except (APIError, KeyError, TypeError) as error:
                raise CarrierDown from error


def _client(session: BoundedSession) -> NotificationsAPIClient:
    client = NotificationsAPIClient(settings.NOTIFY_API_KEY, base_url=settings.NOTIFY_BASE_URL, timeout=session.seconds)
    client.request_session = session
    return client


def _meaning(error: APIError, session: BoundedSession) -> Exception:
    """Return what an answer says of the message. The client calls no answer at all a 503, so the line is asked first."""
    status = error.response.status_code if error.response is not None else None
    if status is None:
        return MayBeAccepted() if session.was_told else CarrierDown()
    if status in REFUSED:
        return CarrierRefused()
    if 400 <= status < 500 and status not in UNCLEAR:
        if status != 429:
            logger.error("GOV.UK Notify answers %s: look at its key and its limits", status)
        return CarrierDown()
    return MayBeAccepted()
