"""Where a text to a mother could not go, or did not arrive, whoever looks after her is told (domain.md section 6)."""

from collections.abc import Sequence
from datetime import datetime

from mentoring.models import Mother
from mentoring.queries.reminder_facts import known_of
from mentoring.rules import reminders as rules
from mentoring.services.reminders import CHANNELS
from outbox.models import Message
from outbox.rules.stop import STOPPED
from outbox.rules.transitions import LEASED
from outbox.services import messages
from people.models import SafeContact
from people.rules.local_time import local_date

TEXT_DID_NOT_GO = "text_did_not_go"
# A text that stands in one of these has gone, or goes at its time.
GOES = ("queued", "held", *LEASED, "sent", "delivered")


def tell_it_did_not_go(message: Message, now: datetime) -> None:
    """Her lay-worker, or whoever covers, is told once of this text, while its appointment is still to come."""
    mother_id = Mother.objects.filter(person=message.recipient_person_id).values_list("pk", flat=True).first()
    if mother_id is None or message.expires_at <= now:
        return
    known = known_of([mother_id], now=now)[mother_id]
    user_id = known.looks_after_on(local_date(now))
    if known.held or user_id is None:
        return
    messages.queue_many(
        [
            messages.New(
                kind=TEXT_DID_NOT_GO,
                subject_id=message.recipient_person_id,
                subject_due_on=message.subject_due_on,
                about=f"text:{message.pk}",
                recipient_user_id=user_id,
                channel=channel,
                nominal_on=local_date(now),
                due_at=rules.in_staff_hours(now),
                expires_at=message.expires_at,
            )
            for channel in CHANNELS
        ],
        now=now,
    )


def why_not_wanted(some: Sequence[Message], now: datetime) -> list[str | None]:
    """Return none for each while its appointment stands and the recipient looks after her; asked under the gates' locks."""
    by_person = dict(
        Mother.objects.filter(person__in={message.subject_id for message in some}).values_list("person_id", "pk")
    )
    known = known_of(by_person.values(), now=now)

    def why_not(message: Message) -> str | None:
        mother = known[by_person[message.subject_id or 0]]
        if mother.held:
            return "held"
        if mother.looks_after_on(local_date(now)) != message.recipient_user_id:
            return "not_hers"
        stands = any(one.starts_at == message.expires_at for one in mother.facts.appointments)
        return None if stands else "withdrawn"

    return [why_not(message) for message in some]


def without_their_text(some: Sequence[Message]) -> set[int]:
    """Return the keys of those messages to staff about an appointment of which she wanted a text and gets none.

    She wanted it too where STOP took back one that waited already: her lay-worker had reckoned with it.
    """
    persons = {message.subject_id for message in some if message.recipient_user_id is not None}
    wanting = set(
        SafeContact.objects.filter(person__in=persons, texts_opted_in=True).values_list("person_id", flat=True)
    )
    of_them = Message.objects.filter(
        recipient_person__in=persons, kind=rules.APPOINTMENT_TOMORROW, channel=Message.Channel.TEXT
    ).values_list("recipient_person_id", "expires_at")
    going = set(of_them.filter(status__in=GOES))
    stopped = set(of_them.filter(status=Message.Status.CANCELLED, why=STOPPED))
    return {
        message.pk
        for message in some
        if (one := (message.subject_id, message.expires_at)) not in going
        and (message.subject_id in wanting or one in stopped)
    }
