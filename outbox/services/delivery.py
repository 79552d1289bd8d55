"""From a due row to a carrier in three steps: claim, mark, hand over (quality.md, Delivery). Nothing lost, nothing twice."""

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from time import monotonic

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction

from outbox.carriers import Carrier, CarrierDown, CarrierRefused, MayBeAccepted, NotThisOneNow
from outbox.carriers.in_app import InApp
from outbox.carriers.mailbox import Mailbox
from outbox.carriers.no_texts import NoTexts
from outbox.carriers.notify import Notify
from outbox.carriers.smtp import Smtp
from outbox.carriers.twilio import Twilio
from outbox.models import Message
from outbox.rules.discreet import gives_away
from outbox.rules.registry import KINDS, UnknownKind, Words, any_hour_codes, kind_of
from outbox.rules.transitions import MESSAGE
from outbox.rules.tries import WAITS_MINUTES, minutes_until_next
from outbox.rules.wishes import PAST_HER_HOURS, QUIET_DAY
from outbox.services import wishes
from outbox.services.messages import become, tell_it_did_not_go
from people.queries import texting
from people.rules.local_time import LOCAL, local_date, local_instant
from people.rules.safe_contact import may_text_at
from people.services import gates

logger = logging.getLogger(__name__)

# In the order of a tick: the app, which waits for nobody, first.
CARRIERS: dict[str, Carrier] = {Message.Channel.IN_APP: InApp(), Message.Channel.EMAIL: Smtp()}
TEXT_CARRIERS: dict[str, Carrier] = {"notify": Notify(), "twilio": Twilio(), "mailbox": Mailbox()}
# Longer than the slowest tick, so that a lease that lapsed is a worker that died.
LEASE = timedelta(minutes=5)
# Of each carrier; with a last hand-over of 5 seconds each, all of them together are over within the next tick but one.
SECONDS_A_TICK = 15
# A tick of alerts comes every ten seconds.
SECONDS_OF_ALERTS = 4
STAFF_HOURS = (time(8), time(20))
# One look at two partial indexes: a tick that finds nothing to do does nothing else.
WITH_WORK = f"""
SELECT c FROM unnest(%s) AS c WHERE EXISTS (
    SELECT FROM "{Message._meta.db_table}" WHERE channel = c AND status = 'queued' AND due_at <= %s
) OR EXISTS (
    SELECT FROM "{Message._meta.db_table}" WHERE channel = c AND status IN ('claimed', 'handing_over') AND lease_until < %s
)
"""  # noqa: S608 - our own table's name


# Why one waits that its carrier did not take now while it may take others; said of it in the place of its status too.
NOT_THIS_ONE_NOW = "not_this_one_now"
# A carrier that says it is away ends its round: the next message would fare no better. A hand-over that broke off, or was
# put off, may be that one's bad luck; so many in a row are the carrier's.
IN_TROUBLE = {Message.Status.HANDING_OVER, Message.Status.NEEDS_A_PERSON, NOT_THIS_ONE_NOW}
MOST_IN_TROUBLE_IN_A_ROW = 3
ENDED_UNSENT = {Message.Status.FAILED, Message.Status.EXPIRED}


class CannotBeMade(Exception):
    """Its kind could not say whether it is wanted, or its words: no carrier was called. Holds the error's name alone."""


def deliver_due(*, now: datetime, carriers: Mapping[str, Carrier] | None = None) -> int:
    """Send what is due and return how many went. Safe to run twice at once.

    A carrier that is down ends its own round and no other's. A claim whose worker died is queued again; a hand-over
    whose worker died is asked about by reference, and left to a person where nobody can know.
    """
    sent = 0
    carriers = all_carriers() if carriers is None else carriers
    with_work = _with_work(list(carriers), now=now)
    for channel in carriers:
        if channel in with_work:
            carrier = carriers[channel]
            recover(channel=channel, carrier=carrier, now=now)
            expire(channel=channel, now=now)
            wishes.put_off(channel=channel, now=now)
            sent += _round(channel=channel, carrier=carrier, seconds=SECONDS_A_TICK, now=now)
    return sent


def deliver_alerts(*, now: datetime, carriers: Mapping[str, Carrier] | None = None) -> int:
    """Send what goes to staff at any hour and is due; return how many went. Safe beside the tick that sends all.

    It asks no carrier about what broke off and waits for no text, so that neither holds up an alert.
    """
    carriers = CARRIERS if carriers is None else carriers
    kinds = any_hour_codes()
    return sum(
        _round(channel=channel, carrier=carrier, seconds=SECONDS_OF_ALERTS, kinds=kinds, now=now)
        for channel, carrier in carriers.items()
    )


def all_carriers() -> dict[str, Carrier]:
    """Return the carrier of each channel; texts have the one that the settings choose, or none that takes any."""
    return CARRIERS | {Message.Channel.TEXT: TEXT_CARRIERS.get(settings.TEXT_CARRIER, NoTexts())}


def _round(
    *, channel: str, carrier: Carrier, seconds: float, now: datetime, kinds: Collection[str] | None = None
) -> int:
    """Send what is due by one channel until nothing is, the carrier is in trouble, or the seconds are over."""
    sent = 0
    # A stopwatch, not the clock: what is due was decided at the door.
    stop_at = monotonic() + seconds
    in_order, in_trouble = True, 0
    while in_order and monotonic() < stop_at:
        ids = claim(channel=channel, limit=carrier.batch, kinds=kinds, now=now)
        ids = mark(ids=ids, now=now) if ids else []
        outcomes = _hand_over_or_put_back(ids=ids, carrier=carrier, now=now) if ids else []
        sent += outcomes.count(Message.Status.SENT)
        in_trouble = in_trouble + 1 if IN_TROUBLE & set(outcomes) else 0
        in_order = bool(ids) and Message.Status.QUEUED not in outcomes and in_trouble < MOST_IN_TROUBLE_IN_A_ROW
    return sent


def _with_work(channels: list[str], *, now: datetime) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(WITH_WORK, [channels, now, now])
        return {channel for (channel,) in cursor.fetchall()}


def in_staff_hours(now: datetime) -> bool:
    """Return whether staff may be written to now: 08:00 to 20:00 local, in the demo always."""
    return settings.SENDS_AT_ANY_HOUR or STAFF_HOURS[0] <= now.astimezone(LOCAL).time() < STAFF_HOURS[1]


def open_since(now: datetime) -> datetime | None:
    """Return since when today staff may be written to, none while they may not."""
    if settings.SENDS_AT_ANY_HOUR:
        return datetime.min.replace(tzinfo=UTC)
    return local_instant(local_date(now), STAFF_HOURS[0]) if in_staff_hours(now) else None


@transaction.atomic
def expire(*, channel: str, now: datetime) -> int:
    """Messages that waited past their use are expired, not sent."""
    stale = Message.objects.select_for_update(no_key=True, skip_locked=True).filter(
        channel=channel, status=Message.Status.QUEUED, due_at__lte=now, expires_at__lte=now
    )
    locked = Message.objects.filter(pk__in=list(stale.values_list("pk", flat=True)))
    return become(locked, Message.Status.EXPIRED, now=now)


@transaction.atomic
def claim(*, channel: str, limit: int, now: datetime, kinds: Collection[str] | None = None) -> list[int]:
    """Lease up to ``limit`` due messages to this worker and return their keys; rows another worker holds are passed by.

    Of these ``kinds`` where they are named.
    """
    due = Message.objects.filter(channel=channel, status=Message.Status.QUEUED, due_at__lte=now)
    if kinds is not None:
        due = due.filter(kind__in=kinds)
    elif not in_staff_hours(now):
        due = due.filter(kind__in=any_hour_codes())
    ids = list(
        due.select_for_update(no_key=True, skip_locked=True, of=("self",))
        .order_by("due_at", "id")
        .values_list("pk", flat=True)[:limit]
    )
    if ids:
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
    """Each message is with its carrier, or it is on record why not; returns their statuses, or that it is put off alone.

    One transaction: share-locks the gates of subjects, recipients and all whom the words name in id order, asks everything
    again, calls the carrier for one after another, records. A loss, pause or transfer that committed before is seen, one
    that comes during waits. Raises CannotBeMade, with nothing changed, before any carrier is called.
    """
    _lock_gates(message_ids)
    # Read once the gates are locked: nobody changes any more what is asked here.
    locked = (
        Message.objects.select_for_update(no_key=True, of=("self",))
        .filter(pk__in=message_ids, status=Message.Status.HANDING_OVER)
        .select_related("subject", "recipient_user", "recipient_person")
        .order_by("pk")
    )
    going = sorted(locked, key=lambda message: (message.due_at, message.pk))
    words = _words_of_those_wanted(going, now)
    if any(message.channel == Message.Channel.TEXT for message in going):
        words = _safe_texts(going, words, now)
    sent = [
        message.pk for message in going if message.pk in words and _is_taken(message, words[message.pk], carrier, now)
    ]
    taken = Message.objects.filter(pk__in=sent)
    become(taken, Message.Status.SENT, now=now, sent_at=now, why="", lease_until=None)
    rows = Message.objects.filter(pk__in=message_ids).order_by("due_at", "pk").values_list("pk", "status", "why")
    return {
        pk: NOT_THIS_ONE_NOW if status == Message.Status.QUEUED and why == NOT_THIS_ONE_NOW else status
        for pk, status, why in rows
    }


def _lock_gates(message_ids: Sequence[int]) -> None:
    """Whom the words name is asked again behind the locks: one named since is locked with all others, in id order anew."""
    rows = list(
        Message.objects.filter(pk__in=message_ids).values_list(
            "kind", "subject__gate_id", "recipient_user__gate_id", "recipient_person__gate_id"
        )
    )
    own = {gate_id for _kind, *row in rows for gate_id in row if gate_id is not None}
    naming = {kind for kind, *_row in rows if kind in KINDS and KINDS[kind].gates is not None}
    wanted = own | _named(message_ids, naming)
    while True:
        before = transaction.savepoint()
        gates.lock_shared(wanted)
        named = _named(message_ids, naming)
        if named <= wanted:
            transaction.savepoint_commit(before)
            return
        # It lets go of the locks too: taken one after another, two could wait for each other.
        transaction.savepoint_rollback(before)
        wanted |= named


def _named(message_ids: Sequence[int], kinds: Collection[str]) -> set[int]:
    found: set[int] = set()
    for code in kinds:
        named_by = kind_of(code).gates
        assert named_by is not None
        some = Message.objects.filter(pk__in=message_ids, kind=code).select_related("recipient_user")
        try:
            found |= named_by(list(some))
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            raise CannotBeMade(type(error).__name__) from error
    return found


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
            if why_not == PAST_HER_HOURS:
                _settle(message, Message.Status.EXPIRED, now, why=why_not)
            elif why_not is not None:
                _settle(message, Message.Status.CANCELLED, now, why=why_not)
    return words


def _safe_texts(going: Sequence[Message], words: Mapping[int, Words], now: datetime) -> dict[int, Words]:
    """Return the words of those that may go to a mother's telephone now, with its number; the others are settled.

    Domain.md section 6: default-deny, discreet words only, by the day it is meant for and within her hours or not at all.
    """
    person_ids = {message.recipient_person_id for message in going if message.recipient_person_id is not None}
    numbers = texting.numbers_to_text(person_ids, at=now)
    hours = texting.hours_of(person_ids)
    safe: dict[int, Words] = {}
    for message in going:
        said = words.get(message.pk)
        if said is None:
            continue
        person_id = message.recipient_person_id or 0
        # Meant for a day at the latest: the last safe time before it may be days earlier, and its kind asks for that one.
        in_time = local_date(now) <= message.nominal_on and may_text_at(hours.get(person_id, ()), at=now)
        if not kind_of(message.kind).to_mothers or gives_away(said.body):
            _settle(message, Message.Status.FAILED, now, why="not_discreet")
        elif person_id not in numbers:
            _settle(message, Message.Status.CANCELLED, now, why="no_safe_number")
        elif not (in_time or settings.SENDS_AT_ANY_HOUR):
            _settle(message, Message.Status.EXPIRED, now, why=PAST_HER_HOURS)
        else:
            safe[message.pk] = replace(said, to=numbers[person_id])
    return safe


def _is_taken(message: Message, words: Words, carrier: Carrier, now: datetime) -> bool:
    """Return whether the carrier has it; where it has not, or nobody knows, the message says so."""
    try:
        name = carrier.hand_over(message, words)
    except CarrierDown:
        _try_again(message, now, why="carrier_down")
    except NotThisOneNow:
        _try_again(message, now, why=NOT_THIS_ONE_NOW)
    except CarrierRefused:
        _settle(message, Message.Status.FAILED, now, why="carrier_refused")
    except MayBeAccepted:
        _ask_later(message, now)
    except Exception as error:
        # The line broke after something was said: it may have been taken. Sending again could double it.
        logger.warning("message %s: the carrier broke off (%s)", message.pk, type(error).__name__)
        _settle(message, Message.Status.NEEDS_A_PERSON, now, why="broken_off")
    else:
        if name:
            message.carrier_reference = name
            message.save(update_fields=["carrier_reference"])
        return True
    return False


def recover(*, channel: str, carrier: Carrier, now: datetime) -> int:
    """Leases that lapsed: a claim is queued again; a hand-over is asked about, and left to a person where nobody knows.

    A carrier that cannot be asked now is asked later, the message untouched: until it is known it is not sent again.
    """
    with transaction.atomic():
        claimed = Message.objects.filter(channel=channel, status=Message.Status.CLAIMED, lease_until__lt=now)
        ids = list(claimed.select_for_update(no_key=True, skip_locked=True).values_list("pk", flat=True))
        locked = Message.objects.filter(pk__in=ids)
        count = become(locked, Message.Status.QUEUED, now=now, lease_until=None) if ids else 0
    stop_at = monotonic() + SECONDS_A_TICK
    while monotonic() < stop_at:
        asked, can_be_asked = _ask_about_lapsed(channel=channel, carrier=carrier, now=now)
        count += asked
        if not asked or not can_be_asked:
            break
    return count


@transaction.atomic
def _ask_about_lapsed(*, channel: str, carrier: Carrier, now: datetime) -> tuple[int, bool]:
    """Return how many lapsed hand-overs were settled, a lot at most, and whether the carrier could be asked."""
    lapsed = Message.objects.filter(channel=channel, status=Message.Status.HANDING_OVER, lease_until__lt=now)
    settled = 0
    for message in lapsed.select_for_update(no_key=True, skip_locked=True).order_by("lease_until")[: carrier.batch]:
        try:
            accepted = carrier.was_accepted(message)
        except CarrierDown:
            if message.expires_at <= now:
                _settle(message, Message.Status.NEEDS_A_PERSON, now, why="not_answered")
            else:
                _ask_later(message, now)
            return settled, False
        if accepted is None:
            _settle(message, Message.Status.NEEDS_A_PERSON, now, why="worker_died")
        elif accepted:
            message.sent_at = now
            _settle(message, Message.Status.SENT, now)
        else:
            _settle(message, Message.Status.QUEUED, now)
        settled += 1
    return settled, True


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
    minutes = minutes_until_next(message.tries, any_hour=message.kind in any_hour_codes())
    if minutes is None:
        return _settle(message, Message.Status.FAILED, now, why=why)
    message.due_at = now + timedelta(minutes=minutes)
    return _settle(message, Message.Status.QUEUED, now, why=why)


def _ask_later(message: Message, now: datetime) -> None:
    """``message``, which this transaction has locked, may have been accepted: its carrier is asked once the lease lapses."""
    message.tries += 1
    wait = WAITS_MINUTES[min(message.tries, len(WAITS_MINUTES)) - 1]
    message.why, message.lease_until = "may_be_accepted", now + timedelta(minutes=wait)
    message.save(update_fields=["why", "lease_until", "tries"])


def _settle(message: Message, status: str, now: datetime, *, why: str = "") -> str:
    """``message``, which this transaction has locked, stands in ``status``. Raises DoesNotFollow.

    Where a text cannot go at all, whoever looks after her is told (domain.md section 6).
    """
    MESSAGE.check(message.status, status)
    message.status, message.status_at, message.why, message.lease_until = status, now, why, None
    message.save(update_fields=["status", "status_at", "why", "lease_until", "tries", "due_at", "sent_at"])
    if message.channel == Message.Channel.TEXT and status in ENDED_UNSENT:
        tell_it_did_not_go(message, now)
    return status
