"""What interrupts a midwife because of one log entry: a concern that cannot wait, *please ring me*, *not safe to talk*."""

from datetime import datetime, timedelta

from mentoring.models import Contact
from outbox.models import Message
from outbox.services import messages
from people.rules.local_time import local_date

KINDS = ("concern_emergency", "concern_today", "please_ring_me", "not_safe_to_talk")
DAYS = 7


def tell_midwife(*, contact: Contact, now: datetime) -> None:
    """Her midwife is told, by e-mail and in the app, of all in this entry that should not wait; nothing else is sent."""
    kinds = []
    if contact.concern in {"emergency", "today"}:
        kinds.append(f"concern_{contact.concern}")
    if contact.please_ring_me:
        kinds.append("please_ring_me")
    if contact.outcome == "not_safe":
        kinds.append("not_safe_to_talk")
    supervisor = contact.lay_worker.supervisor
    midwife = supervisor if contact.please_ring_me or contact.mother.midwife is None else contact.mother.midwife
    messages.queue_many(
        [
            messages.New(
                kind=kind,
                subject_id=contact.mother.person_id,
                subject_due_on=None,
                recipient_user_id=midwife.user_id,
                channel=channel,
                nominal_on=local_date(now),
                due_at=now,
                expires_at=now + timedelta(days=DAYS),
            )
            for kind in kinds
            for channel in (Message.Channel.EMAIL, Message.Channel.IN_APP)
        ],
        now=now,
    )
