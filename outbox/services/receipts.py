"""What a carrier says afterwards of a text that it took: that it has it, that it arrived, that it did not. In any order."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from outbox.models import Message
from outbox.rules.receipts import Said
from outbox.rules.transitions import MESSAGE
from outbox.services.messages import tell_it_did_not_go


class NoSuchMessage(LookupError):
    """No text of ours has this reference."""


@transaction.atomic
def record(*, reference: UUID, carrier_reference: str, said: Said, why: str = "", now: datetime) -> None:
    """The text stands as its carrier says; the same receipt again, or an older one later, changes nothing.

    A receipt proves that the carrier has the text, so one whose hand-over broke off is sent, never sent again. Arrived
    outdoes lost. Waits for a hand-over under way. A loss of which the carrier's own name is that of an earlier try, since
    sent again, is passed by. Raises NoSuchMessage.
    """
    message = (
        Message.objects.select_for_update(no_key=True).filter(reference=reference, channel=Message.Channel.TEXT).first()
    )
    if message is None:
        raise NoSuchMessage
    if said == Said.LOST and message.carrier_reference not in ("", carrier_reference):
        return
    if message.carrier_reference == "" or said != Said.LOST:
        message.carrier_reference = carrier_reference[:64]
    if MESSAGE.may(message.status, Message.Status.SENT) and not (
        said == Said.LOST and message.status in (Message.Status.QUEUED, Message.Status.CLAIMED)
    ):
        _become(message, Message.Status.SENT, now)
        message.sent_at = now
    if said == Said.ARRIVED and MESSAGE.may(message.status, Message.Status.DELIVERED):
        _become(message, Message.Status.DELIVERED, now)
        message.delivered_at = now
    if said == Said.LOST and message.status == Message.Status.SENT:
        _become(message, Message.Status.FAILED, now, why=why)
        tell_it_did_not_go(message, now)
    message.save(
        update_fields=["carrier_reference", "status", "status_at", "why", "lease_until", "sent_at", "delivered_at"]
    )


def _become(message: Message, status: str, now: datetime, *, why: str = "") -> None:
    MESSAGE.check(message.status, status)
    message.status, message.status_at, message.why, message.lease_until = status, now, why, None
