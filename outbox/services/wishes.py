"""What a member of staff is told changes, behind her gate: what waits for her is settled before anything more goes."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from django.db import transaction

from outbox.models import Message, Preference, QuietDay
from outbox.queries.wishes import wishes_of
from outbox.rules.registry import KINDS, SETTLE, kind_of
from outbox.rules.transitions import WAITING
from outbox.rules.wishes import NO_WISHES, QUIET_DAY, SWITCHED_OFF
from outbox.services.messages import become, cancel_many
from people.models import User
from people.rules.local_time import local_date
from people.services import gates


class CannotBeSwitchedOff(Exception):
    """A kind that goes whatever anyone wishes, or the last channel by which a kind reaches her."""


class QuietDayIsPast(Exception):
    """A day that has gone cannot be made quiet."""


@transaction.atomic
def change(*, user: User, wanted: Mapping[tuple[str, str], bool], by: User, now: datetime) -> int:
    """Each kind and channel of ``wanted`` is as it says, the others as they were; returns how many changed.

    Locks her gate: none that she has switched off leaves after the commit. Raises CannotBeSwitchedOff, UnknownKind.
    """
    gates.lock_exclusively([user.gate_id])
    before = wishes_of([user.pk])[user.pk].off
    off = (before - {one for one, is_wanted in wanted.items() if is_wanted}) | {
        one for one, is_wanted in wanted.items() if not is_wanted
    }
    for code, _channel in off - before:
        kind = kind_of(code)
        is_last = len(kind.channels) > 1 and all((code, channel) in off for channel in kind.channels)
        if is_last or not kind.can_wait:
            raise CannotBeSwitchedOff(code)
    for code, channel in off ^ before:
        Preference.objects.update_or_create(
            user=user,
            kind=code,
            channel=channel,
            defaults={"wanted": (code, channel) not in off, "changed_at": now, "changed_by": by},
        )
    if off != before:
        _settle(user, now)
    return len(off ^ before)


@transaction.atomic
def keep_quiet(*, user: User, on: date, by: User, now: datetime) -> QuietDay:
    """Nothing that can wait goes to her on ``on``; the same day again is the one that stands. Raises QuietDayIsPast."""
    if on < local_date(now):
        raise QuietDayIsPast
    gates.lock_exclusively([user.gate_id])
    day, is_new = QuietDay.objects.get_or_create(user=user, on=on, defaults={"made_at": now, "made_by": by})
    if is_new:
        _settle(user, now)
    return day


@transaction.atomic
def end_quiet(*, user: User, quiet_day_id: int, now: datetime) -> bool:
    """The day is one like any other; returns whether it was a quiet day of hers."""
    gates.lock_exclusively([user.gate_id])
    gone, _by_table = QuietDay.objects.filter(pk=quiet_day_id, user=user).delete()
    if gone:
        _settle(user, now)
    return bool(gone)


@transaction.atomic
def put_off(*, channel: str, now: datetime) -> int:
    """What is due by ``channel`` to people whose day is quiet waits for their next that is not; returns how many.

    One that is of no use by then is cancelled. Those that a kind's own rules wrote were moved when they were written:
    this finds what was late, and what no rule writes again.
    """
    today = local_date(now)
    can_wait = [kind.code for kind in KINDS.values() if kind.can_wait]
    due = list(
        Message.objects.select_for_update(no_key=True, skip_locked=True, of=("self",)).filter(
            channel=channel,
            status=Message.Status.QUEUED,
            due_at__lte=now,
            kind__in=can_wait,
            recipient_user__quiet_days__on=today,
        )
    )
    hers = wishes_of({message.recipient_user_id for message in due if message.recipient_user_id}) if due else {}
    for message in due:
        goes_at = hers[message.recipient_user_id or 0].goes_at(
            message.kind, due_at=message.due_at, expires_at=message.expires_at, today=today
        )
        row = Message.objects.filter(pk=message.pk)
        if goes_at is None:
            become(row, Message.Status.CANCELLED, now=now, why=QUIET_DAY)
        else:
            row.update(due_at=goes_at, why=QUIET_DAY)
    return len(due)


def why_not(messages: Sequence[Message], now: datetime) -> dict[int, str]:
    """Return by key why one of ``messages`` is not to go now, of those that are not; asked under the gates' locks."""
    hers = wishes_of({message.recipient_user_id for message in messages if message.recipient_user_id})
    today, found = local_date(now), {}
    for message in messages:
        wishes = hers.get(message.recipient_user_id or 0, NO_WISHES)
        if not wishes.takes(message.kind, message.channel):
            found[message.pk] = SWITCHED_OFF if wishes.is_active else "recipient_inactive"
        elif wishes.goes_at(message.kind, due_at=now, expires_at=message.expires_at, today=today) != now:
            found[message.pk] = QUIET_DAY
    return found


def _settle(user: User, now: datetime) -> None:
    wishes = wishes_of([user.pk])[user.pk]
    waiting = Message.objects.filter(recipient_user=user, status__in=WAITING).values_list("pk", "kind", "channel")
    off = [pk for pk, kind, channel in waiting if not wishes.takes(kind, channel)]
    cancel_many(ids=off, why=SWITCHED_OFF, now=now)
    for settle in SETTLE:
        settle(user.pk, now)
