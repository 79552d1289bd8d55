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

    Each whose number this is or was is named to them: who wrote is never sure. STOP takes texts at once from all of those
    whose number it is, waiting for one already in the carrier's hands; to a number that was hers none goes anyway.
    """
    number = _as_kept(from_number)
    theirs = persons_with_number(number)
    person_ids = list(theirs)
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
        silenced = [person_id for person_id, in_use in theirs.items() if in_use]
        safe_contact.withdraw_texts(person_ids=silenced)
        texts = Message.objects.filter(recipient_person__in=silenced, channel=Message.Channel.TEXT, status__in=WAITING)
        cancel_many(ids=list(texts.values_list("pk", flat=True)), why=STOPPED, now=now)
    for heard in REPLIES_HEARD_BY:
        heard(inbound, person_ids, now)
    return True


def _as_kept(number: str) -> str:
    """Return the number as ours are kept. Notify leaves out the plus; a sender that is a word stays as it is."""
    digits = number.strip()
    try:
        return normalised(f"+{digits}" if digits.isdigit() and not digits.startswith("0") else digits)
    except NotANumber:
        return digits.replace("\x00", "")[:20]
