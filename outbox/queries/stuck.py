"""Messages that did not go, as an administrator reads them: what kind, when, why; never whom about or to. Writes nothing."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils.translation import gettext, gettext_lazy

from outbox.models import Message
from outbox.rules.registry import KINDS
from outbox.rules.transitions import STUCK

PAGE = 50
LISTED = (Message.Status.NEEDS_A_PERSON, Message.Status.FAILED, Message.Status.EXPIRED)
WHY = {
    "broken_off": gettext_lazy("The line broke while it was handed over. It may have arrived, or not."),
    "worker_died": gettext_lazy("The program stopped while it was handed over. It may have arrived, or not."),
    "carrier_refused": gettext_lazy("It was refused. The address or the number may be wrong."),
    "carrier_down": gettext_lazy("It was tried many times, and nobody took it: the service that carries it was away."),
    "not_this_one_now": gettext_lazy("It was tried many times, and its recipient's server put it off each time."),
    "cannot_be_made": gettext_lazy("Its words could not be made. Tell whoever looks after the software."),
    "not_answered": gettext_lazy("Nobody could say whether it was taken. It may have arrived, or not."),
    "not_discreet": gettext_lazy("Its words would have given too much away. Tell whoever looks after the software."),
    "permanent_failure": gettext_lazy("The number does not exist or takes no texts."),
    "temporary_failure": gettext_lazy("The telephone could not be reached."),
    "technical_failure": gettext_lazy("The service that carries texts had a fault."),
    "validation_failed": gettext_lazy("The service that carries texts refused it."),
    "cancelled": gettext_lazy("The service that carries texts took it back."),
    "canceled": gettext_lazy("The service that carries texts took it back."),
    "undelivered": gettext_lazy("The telephone could not be reached."),
    "failed": gettext_lazy("The service that carries texts could not deliver it."),
    "unknown_kind": gettext_lazy("The software does not know this kind of message. Tell whoever looks after it."),
}


@dataclass(frozen=True, slots=True)
class Stuck:
    """One message that did not go. ``may_go``: it can still be sent again; ``decidable``: a person may decide about it."""

    id: int
    kind: str
    channel: str
    status: str
    since: datetime
    why: str
    may_go: bool
    decidable: bool


def page(*, status: str, before_id: int | None, now: datetime) -> tuple[list[Stuck], int | None]:
    """Return a page of the messages in one of the statuses LISTED, newest first, and the key to go on from, none at the end.

    ``before_id`` is that key; one that is not of this list is as none.
    """
    rows = _shown().filter(status=status).order_by("-status_at", "-id")
    last = None if before_id is None else rows.filter(pk=before_id).first()
    if last is not None:
        # The first condition is what an index goes by: an OR alone is read from the newest row on.
        rows = rows.filter(status_at__lte=last.status_at).filter(Q(status_at__lt=last.status_at) | Q(pk__lt=last.pk))
    found = list(rows[: PAGE + 1])
    return [_stuck(row, now) for row in found[:PAGE]], found[PAGE - 1].pk if len(found) > PAGE else None


def one(pk: int, *, now: datetime) -> Stuck | None:
    """Return the message with this key, however it stands, none where there is none."""
    row = _shown().filter(pk=pk).first()
    return None if row is None else _stuck(row, now)


def _shown() -> QuerySet[Message]:
    return Message.objects.only("kind", "channel", "status", "status_at", "why", "expires_at")


def _stuck(row: Message, now: datetime) -> Stuck:
    if row.status == Message.Status.EXPIRED:
        why = gettext("Its time had passed before it could go. There is nothing to do.")
    else:
        why = str(WHY.get(row.why, gettext_lazy("Why is not known.")))
    kind = KINDS.get(row.kind)
    decidable = row.status in STUCK
    return Stuck(
        id=row.pk,
        kind=row.kind if kind is None else gettext(kind.label),
        channel=str(Message.Channel(row.channel).label),
        status=row.status,
        since=row.status_at,
        why=why,
        may_go=decidable and row.expires_at > now,
        decidable=decidable,
    )
