"""From a due row to a carrier in three steps: claim, mark, hand over (quality.md, Delivery). Nothing lost, nothing twice."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from time import monotonic

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction

from outbox.carriers import Carrier, CarrierDown, CarrierRefused
from outbox.carriers.in_app import InApp
from outbox.carriers.smtp import Smtp
from outbox.models import Message
from outbox.rules.registry import UnknownKind, Words, any_hour_codes, kind_of
from outbox.rules.transitions import MESSAGE
from outbox.rules.wishes import QUIET_DAY
from outbox.services import wishes
from outbox.services.messages import become
from people.rules.local_time import LOCAL
from people.services import gates

logger = logging.getLogger(__name__)

CARRIERS: dict[str, Carrier] = {Message.Channel.IN_APP: InApp(), Message.Channel.EMAIL: Smtp()}
# Longer than the slowest tick, so that a lease that lapsed is a worker that died.
LEASE = timedelta(minutes=5)
# Less than the minute between ticks, both carriers together.
SECONDS_A_TICK = 20
# An hour apart from the seventh on: a carrier that is away for three days costs no message that has not expired.
MOST_TRIES = 80
WAITS_MINUTES = (1, 2, 4, 8, 16, 32, 60)
STAFF_HOURS = (time(8), time(20))
# One look at two partial indexes: a tick that finds nothing to do does nothing else.
WITH_WORK = f"""
SELECT c FROM unnest(%s) AS c WHERE EXISTS (
    SELECT FROM "{Message._meta.db_table}" WHERE channel = c AND status = 'queued' AND due_at <= %s
) OR EXISTS (
    SELECT FROM "{Message._meta.db_table}" WHERE channel = c AND status IN ('claimed', 'handing_over') AND lease_until < %s
)
"""  # noqa: S608 - our own table's name


class CannotBeMade(Exception):
    """Its kind could not say whether it is wanted, or its words: no carrier was called. Holds the error's name alone."""


def deliver_due(*, now: datetime, carriers: Mapping[str, Carrier] | None = None) -> int:
    """Send what is due and return how many went. Safe to run twice at once.

    A carrier that is down ends its own round and no other's. A claim whose worker died is queued again; a hand-over
    whose worker died is asked about by reference, and left to a person where nobody can know.
    """
    sent = 0
    carriers = CARRIERS if carriers is None else carriers
    for channel in _with_work(list(carriers), now=now):
        carrier = carriers[channel]
        recover(channel=channel, carrier=carrier, now=now)
        expire(channel=channel, now=now)
        wishes.put_off(channel=channel, now=now)
        # A stopwatch, not the clock: what is due was decided at the door.
        stop_at = monotonic() + SECONDS_A_TICK
        in_order = True
        while in_order and monotonic() < stop_at:
            ids = mark(ids=claim(channel=channel, limit=carrier.batch, now=now), now=now)
            outcomes = _hand_over_or_put_back(ids=ids, carrier=carrier, now=now) if ids else []
            sent += outcomes.count(Message.Status.SENT)
            in_order = bool(ids) and not {Message.Status.QUEUED, Message.Status.NEEDS_A_PERSON} & set(outcomes)
    return sent


def _with_work(channels: list[str], *, now: datetime) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(WITH_WORK, [channels, now, now])
        return [channel for (channel,) in cursor.fetchall()]


def in_staff_hours(now: datetime) -> bool:
    """Return whether staff may be written to now: 08:00 to 20:00 local, in the demo always."""
    return settings.SENDS_AT_ANY_HOUR or STAFF_HOURS[0] <= now.astimezone(LOCAL).time() < STAFF_HOURS[1]


@transaction.atomic
def expire(*, channel: str, now: datetime) -> int:
    """Messages that waited past their use are expired, not sent."""
    stale = Message.objects.select_for_update(no_key=True, skip_locked=True).filter(
        channel=channel, status=Message.Status.QUEUED, due_at__lte=now, expires_at__lte=now
    )
    locked = Message.objects.filter(pk__in=list(stale.values_list("pk", flat=True)))
    return become(locked, Message.Status.EXPIRED, now=now)


@transaction.atomic
def claim(*, channel: str, limit: int, now: datetime) -> list[int]:
    """Lease up to ``limit`` due messages to this worker and return their keys; rows another worker holds are passed by."""
    due = Message.objects.filter(channel=channel, status=Message.Status.QUEUED, due_at__lte=now)
    if not in_staff_hours(now):
        due = due.filter(kind__in=any_hour_codes())
    ids = list(
        due.select_for_update(no_key=True, skip_locked=True, of=("self",))
        .order_by("due_at", "id")
        .values_list("pk", flat=True)[:limit]
    )
    become(Message.objects.filter(pk__in=ids), Message.Status.CLAIMED, now=now, lease_until=now + LEASE)
    return ids


@transaction.atomic
def mark(*, ids: list[int], now: datetime) -> list[int]:
    """Those still claimed are about to go: from here on a lapsed lease is never simply sent again. Returns their keys."""
    held = list(
        Message.objects.select_for_update(no_key=True)
        .filter(pk__in=ids, status=Message.Status.CLAIMED)
        .order_by("due_at", "id")
        .values_list("pk", flat=True)
    )
    become(Message.objects.filter(pk__in=held), Message.Status.HANDING_OVER, now=now, lease_until=now + LEASE)
    return held


@transaction.atomic
def hand_over(*, message_ids: Sequence[int], carrier: Carrier, now: datetime) -> dict[int, str]:
    """Each message is with its carrier, or it is on record why not; returns their statuses.

    One transaction: share-locks the gates of subjects and recipients in id order, asks everything again, calls the
    carrier for one after another, records. A loss, pause or transfer that committed before is seen, one that comes
    during waits. Raises CannotBeMade, with nothing changed, before any carrier is called.
    """
    gates.lock_shared(_gate_ids(message_ids))
    # Read once the gates are locked: nobody changes any more what is asked here.
    locked = (
        Message.objects.select_for_update(no_key=True, of=("self",))
        .filter(pk__in=message_ids, status=Message.Status.HANDING_OVER)
        .select_related("subject", "recipient_user", "recipient_person")
        .order_by("pk")
    )
    going = sorted(locked, key=lambda message: (message.due_at, message.pk))
    words = _words_of_those_wanted(going, now)
    sent = [
        message.pk for message in going if message.pk in words and _is_taken(message, words[message.pk], carrier, now)
    ]
    taken = Message.objects.filter(pk__in=sent)
    become(taken, Message.Status.SENT, now=now, sent_at=now, why="", lease_until=None)
    return dict(Message.objects.filter(pk__in=message_ids).order_by("due_at", "pk").values_list("pk", "status"))


def _gate_ids(message_ids: Sequence[int]) -> set[int]:
    rows = Message.objects.filter(pk__in=message_ids).values_list(
        "subject__gate_id", "recipient_user__gate_id", "recipient_person__gate_id"
    )
    return {gate_id for row in rows for gate_id in row if gate_id is not None}


def _words_of_those_wanted(going: Sequence[Message], now: datetime) -> dict[int, Words]:
    """Return the words of those that may go, by key; the others are settled."""
    by_kind: dict[str, list[Message]] = defaultdict(list)
    unwished = wishes.why_not(going, now)
    for message in going:
        if message.expires_at <= now:
            _settle(message, Message.Status.EXPIRED, now)
        elif message.recipient_user is not None and not message.recipient_user.is_active:
            _settle(message, Message.Status.CANCELLED, now, why="recipient_inactive")
        elif unwished.get(message.pk) == QUIET_DAY:
            # Put off when the next tick comes: her day became quiet in between.
            _settle(message, Message.Status.QUEUED, now, why=QUIET_DAY)
        elif message.pk in unwished:
            _settle(message, Message.Status.CANCELLED, now, why=unwished[message.pk])
        else:
            by_kind[message.kind].append(message)
    words: dict[int, Words] = {}
    for code, some in by_kind.items():
        try:
            kind = kind_of(code)
        except UnknownKind:
            for message in some:
                _settle(message, Message.Status.FAILED, now, why="unknown_kind")
            continue
        try:
            reasons = kind.why_not(some, now)
            wanted = [message for message, why_not in zip(some, reasons, strict=True) if why_not is None]
            words |= {message.pk: said for message, said in zip(wanted, kind.compose(wanted), strict=True)}
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            raise CannotBeMade(type(error).__name__) from error
        for message, why_not in zip(some, reasons, strict=True):
            if why_not is not None:
                _settle(message, Message.Status.CANCELLED, now, why=why_not)
    return words


def _is_taken(message: Message, words: Words, carrier: Carrier, now: datetime) -> bool:
    """Return whether the carrier has it; where it has not, or nobody knows, the message says so."""
    try:
        carrier.hand_over(message, words)
    except CarrierDown:
        _try_again(message, now, why="carrier_down")
    except CarrierRefused:
        _settle(message, Message.Status.FAILED, now, why="carrier_refused")
    except Exception as error:
        # The line broke after something was said: it may have been taken. Sending again could double it.
        logger.warning("message %s: the carrier broke off (%s)", message.pk, type(error).__name__)
        _settle(message, Message.Status.NEEDS_A_PERSON, now, why="broken_off")
    else:
        return True
    return False


@transaction.atomic
def recover(*, channel: str, carrier: Carrier, now: datetime) -> int:
    """Leases that lapsed: a claim is queued again; a hand-over is asked about, and left to a person where nobody knows."""
    lapsed = Message.objects.filter(channel=channel, lease_until__lt=now)
    claimed = lapsed.filter(status=Message.Status.CLAIMED).select_for_update(no_key=True, skip_locked=True)
    locked = Message.objects.filter(pk__in=list(claimed.values_list("pk", flat=True)))
    count = become(locked, Message.Status.QUEUED, now=now, lease_until=None)
    broken_off = lapsed.filter(status=Message.Status.HANDING_OVER).select_for_update(no_key=True, skip_locked=True)
    for message in broken_off:
        accepted = carrier.was_accepted(message)
        if accepted is None:
            _settle(message, Message.Status.NEEDS_A_PERSON, now, why="worker_died")
        elif accepted:
            message.sent_at = now
            _settle(message, Message.Status.SENT, now)
        else:
            _settle(message, Message.Status.QUEUED, now)
        count += 1
    return count


def _hand_over_or_put_back(*, ids: Sequence[int], carrier: Carrier, now: datetime) -> list[str]:
    """One message that cannot be made must not stop the others: they go one by one, it waits and is tried again."""
    try:
        return list(hand_over(message_ids=ids, carrier=carrier, now=now).values())
    except CannotBeMade as error:
        if len(ids) > 1:
            return [status for pk in ids for status in _hand_over_or_put_back(ids=[pk], carrier=carrier, now=now)]
        logger.error("message %s cannot be made (%s)", ids[0], error)
    with transaction.atomic():
        message = (
            Message.objects.select_for_update(no_key=True)
            .filter(pk__in=ids, status=Message.Status.HANDING_OVER)
            .first()
        )
        if message is not None:
            _try_again(message, now, why="cannot_be_made")
    return ["put_back"]


def _try_again(message: Message, now: datetime, *, why: str) -> str:
    message.tries += 1
    if message.tries >= MOST_TRIES:
        return _settle(message, Message.Status.FAILED, now, why=why)
    message.due_at = now + timedelta(minutes=WAITS_MINUTES[min(message.tries, len(WAITS_MINUTES)) - 1])
    return _settle(message, Message.Status.QUEUED, now, why=why)


def _settle(message: Message, status: str, now: datetime, *, why: str = "") -> str:
    """``message``, which this transaction has locked, stands in ``status``. Raises DoesNotFollow."""
    MESSAGE.check(message.status, status)
    message.status, message.status_at, message.why, message.lease_until = status, now, why, None
    message.save(update_fields=["status", "status_at", "why", "lease_until", "tries", "due_at", "sent_at"])
    return status
