"""What a person decides about a message that did not go: once more, or not any more. Each decision is in the access log."""

from datetime import datetime

from django.db import transaction

from outbox.models import Message
from outbox.rules.transitions import STUCK
from outbox.services import messages
from people.models import AccessLog, User
from people.services import log

DISMISSED = "dismissed"


@transaction.atomic
def send_again(*, message_id: int, by: User, now: datetime, request_id: str = "") -> bool:
    """The message is queued again; false where it is stuck no more, so that a second click does nothing, or has expired.

    Before it goes everything is asked again, as of any other.
    """
    done = messages.resend(message_id=message_id, now=now)
    if done:
        _note("send_again", message_id, by, now, request_id)
    return done


@transaction.atomic
def dismiss(*, message_id: int, by: User, now: datetime, request_id: str = "") -> bool:
    """The message does not go, and no top-up writes it again; false where it is stuck no more."""
    stuck = Message.objects.filter(pk=message_id, status__in=STUCK)
    done = bool(messages.become(stuck, Message.Status.CANCELLED, now=now, why=DISMISSED, lease_until=None))
    if done:
        _note("dismiss", message_id, by, now, request_id)
    return done


def _note(act: str, message_id: int, by: User, now: datetime, request_id: str) -> None:
    detail = {"message": message_id, "act": act}
    log.write(kind=AccessLog.Kind.MESSAGE_DECIDED, by=by, now=now, request_id=request_id, detail=detail)
