"""What comes back from a telephone: kept once, restricted, never answered by machine; STOP silences (domain.md section 6)."""

from datetime import datetime

from django.db import transaction

from outbox.models import Inbound, Message
from outbox.rules.registry import REPLIES_HEARD_BY
from outbox.rules.stop import STOPPED, is_stop
from outbox.rules.transitions import WAITING
from outbox.services.messages import cancel_many
from people.queries.texting import persons_with_number
from people.rules.phones import NotANumber, normalised
from people.services import safe_contact


@transaction.atomic
def receive(
    *, carrier_reference: str, from_number: str, text: str, carrier_says_stop: bool = False, now: datetime
) -> bool:
    """The reply is kept, once by the carrier's reference; returns whether it is new. Whoever listens has heard it.

    It is of the one person whose number this is now, of none where that is nobody or several. STOP takes texts from all
    of them at once, waiting for one already in the carrier's hands.
    """
    number = _as_kept(from_number)
    person_ids = persons_with_number(number)
    stop = carrier_says_stop or is_stop(text)
    inbound, is_new = Inbound.objects.get_or_create(
        carrier_reference=carrier_reference[:64],
        defaults={
            "from_number": number,
            "person_id": person_ids[0] if len(person_ids) == 1 else None,
            # PostgreSQL takes no NUL in a text.
            "text": text.replace("\x00", ""),
            "is_stop": stop,
            "received_at": now,
        },
    )
    if not is_new:
        return False
    if stop:
        safe_contact.withdraw_texts(person_ids=person_ids)
        texts = Message.objects.filter(
            recipient_person__in=person_ids, channel=Message.Channel.TEXT, status__in=WAITING
        )
        cancel_many(ids=list(texts.values_list("pk", flat=True)), why=STOPPED, now=now)
    hers = person_ids if stop or len(person_ids) == 1 else []
    for heard in REPLIES_HEARD_BY:
        heard(inbound, hers, now)
    return True


def _as_kept(number: str) -> str:
    """Return the number as ours are kept. Notify leaves out the plus; a sender that is a word stays as it is."""
    digits = number.strip()
    try:
        return normalised(f"+{digits}" if digits.isdigit() and not digits.startswith("0") else digits)
    except NotANumber:
        return digits.replace("\x00", "")[:20]
