"""Messages that say how many: of an import, of a lay-worker's day, of a midwife's worklist. Written ahead, made when sent."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from mentoring.access import duties_visible_to
from mentoring.models import Alert, Duty, LayWorker, Midwife
from mentoring.queries.statuses import DUE, OVERDUE
from mentoring.queries.today import Card, today_of
from mentoring.rules.working_days import is_working_day
from outbox.models import Message
from outbox.queries.wishes import wishes_of
from outbox.rules.transitions import WAITING
from outbox.services import messages
from people.models import Person, User
from people.rules.local_time import end_of, local_date, local_instant

IMPORT_DIGEST = "import_digest"
DIGEST_OF_THE_DAY = "digest_of_the_day"
DIGEST_OF_THE_WORKLIST = "digest_of_the_worklist"
DAILY = (DIGEST_OF_THE_DAY, DIGEST_OF_THE_WORKLIST)
DIGEST_AT = time(8, 30)
DIGEST_DAYS_AHEAD = 3
NOTHING_TO_SAY = "nothing_to_say"
KEPT_DAYS = 7
CHANNELS = (Message.Channel.EMAIL, Message.Channel.IN_APP)


def queue_import_digests(*, mothers_by_user: Mapping[int, int], now: datetime) -> int:
    """Each lay-worker has one message waiting, by e-mail and in the app; returns how many are new.

    Due at once, of use for seven days. A second import of the day is added to the one that still waits; where that has
    gone already, its own is for the next morning. Names nobody, says how many alone.
    """
    today = local_date(now)
    joined = _join_waiting(mothers_by_user, today)
    there = set(
        Message.objects.filter(kind=IMPORT_DIGEST, recipient_user__in=list(mothers_by_user), nominal_on=today)
        .exclude(status=Message.Status.CANCELLED)
        .values_list("recipient_user_id", "channel")
    )
    return messages.queue_many(
        [
            messages.New(
                kind=IMPORT_DIGEST,
                recipient_user_id=user_id,
                channel=channel,
                nominal_on=today + timedelta(days=1) if (user_id, channel) in there else today,
                due_at=local_instant(today + timedelta(days=1), time(9)) if (user_id, channel) in there else now,
                expires_at=end_of(today + timedelta(days=KEPT_DAYS)),
                detail={"mothers": mothers},
            )
            for user_id, mothers in sorted(mothers_by_user.items())
            for channel in CHANNELS
            if (user_id, channel) not in joined
        ],
        now=now,
    )


def _join_waiting(mothers_by_user: Mapping[int, int], today: date) -> set[tuple[int, str]]:
    """One that is being claimed is passed by: it goes with the count it has."""
    waiting = Message.objects.select_for_update(no_key=True, skip_locked=True, of=("self",)).filter(
        kind=IMPORT_DIGEST,
        recipient_user__in=list(mothers_by_user),
        nominal_on__gte=today,
        status__in=[Message.Status.QUEUED, Message.Status.HELD],
    )
    joined = set()
    for message in waiting.order_by("pk"):
        assert message.recipient_user_id is not None
        message.detail = {"mothers": message.detail["mothers"] + mothers_by_user[message.recipient_user_id]}
        message.save(update_fields=["detail"])
        joined.add((message.recipient_user_id, message.channel))
    return joined


@transaction.atomic
def refresh_daily(*, now: datetime, user_ids: Collection[int] | None = None) -> int:
    """The digests of the coming working days wait, one a person and day, by e-mail; returns how many came or went.

    On a quiet day, or where she switched it off, there is none. Safe to run twice at once. ``user_ids`` none: everyone's.
    """
    rows = Message.objects.filter(kind__in=DAILY, expires_at__gt=now)
    if user_ids is not None:
        rows = rows.filter(recipient_user__in=user_ids)
    # One that had nothing to say has been asked for its day: written again it would be asked each hour.
    settled = set(rows.filter(why=NOTHING_TO_SAY).values_list("kind", "recipient_user", "nominal_on"))
    wanted = {
        key: one
        for one in _daily(now, user_ids)
        if (key := (one.kind, one.recipient_user_id, one.nominal_on)) not in settled
    }
    standing = rows.filter(status__in=WAITING)
    gone = [
        pk
        for pk, kind, user_id, on in standing.values_list("pk", "kind", "recipient_user", "nominal_on")
        if wanted.pop((kind, user_id, on), None) is None
    ]
    messages.cancel_many(ids=gone, why="withdrawn", now=now, waiting=False)
    return len(gone) + messages.queue_many(list(wanted.values()), now=now)


def refresh_for_user(user_id: int, now: datetime) -> int:
    """Her digests are as she wishes; returns how many moved."""
    return refresh_daily(now=now, user_ids=[user_id])


def _daily(now: datetime, user_ids: Collection[int] | None) -> Iterator[messages.New]:
    today = local_date(now)
    days = [today + timedelta(days=ahead) for ahead in range(DIGEST_DAYS_AHEAD + 1)]
    theirs = Q() if user_ids is None else Q(user__in=user_ids)
    workers = LayWorker.objects.filter(theirs, Q(left_on__isnull=True) | Q(left_on__gt=today))
    told = [(DIGEST_OF_THE_DAY, user_id) for user_id in workers.values_list("user_id", flat=True)]
    told += [
        (DIGEST_OF_THE_WORKLIST, user_id)
        for user_id in Midwife.objects.filter(theirs).values_list("user_id", flat=True)
    ]
    wishes = wishes_of({user_id for _kind, user_id in told})
    for kind, user_id in told:
        hers = wishes[user_id]
        if not hers.takes(kind, Message.Channel.EMAIL):
            continue
        for on in days:
            if is_working_day(on) and on not in hers.quiet_on:
                yield messages.New(
                    kind=kind,
                    recipient_user_id=user_id,
                    channel=Message.Channel.EMAIL,
                    nominal_on=on,
                    due_at=local_instant(on, DIGEST_AT),
                    expires_at=end_of(on),
                )


def day_of(message: Message) -> tuple[list[str], list[str]]:
    """Return the codes of those overdue and of those due on the day of a digest, to its recipient."""
    cards = _cards(message)
    return (
        [card.code for card in cards if card.status == OVERDUE],
        [card.code for card in cards if card.status == DUE],
    )


def worklist_of(message: Message) -> tuple[list[str], int]:
    """Return the codes of mothers of the duties due by the day of a digest, and how many alerts its recipient holds.

    A duty that is about a lay-worker, not a mother, has an empty code.
    """
    codes = _duties(message).order_by("due_on", "pk").values_list("mother__programme_code", flat=True)
    alerts = Alert.objects.filter(holder=_user(message), closed_at__isnull=True).count()
    return [code or "" for code in codes], alerts


def gates_of_day(some: Sequence[Message]) -> set[int]:
    """Return the gates of all mothers whom these digests of a day name: no code of hers leaves after a loss."""
    persons = {card.person_id for message in some for card in _cards(message)}
    return set(Person.objects.filter(pk__in=persons).values_list("gate_id", flat=True))


def gates_of_worklist(some: Sequence[Message]) -> set[int]:
    """Return the gates of all mothers whom these digests of a worklist name."""
    duties = [_duties(message).filter(mother__isnull=False) for message in some]
    return {gate_id for hers in duties for gate_id in hers.values_list("mother__person__gate_id", flat=True)}


def why_no_day(some: Sequence[Message], now: datetime) -> list[str | None]:
    """Return for each none, or that her day has nothing in it."""
    return [None if any(day_of(message)) else NOTHING_TO_SAY for message in some]


def why_no_worklist(some: Sequence[Message], now: datetime) -> list[str | None]:
    """Return for each none, or that her worklist has nothing in it."""
    return [None if any(worklist_of(message)) else NOTHING_TO_SAY for message in some]


def _cards(message: Message) -> list[Card]:
    today = today_of(_user(message), now=local_instant(message.nominal_on, DIGEST_AT))
    return [*today.overdue, *today.due, *today.first]


def _duties(message: Message) -> QuerySet[Duty]:
    visible = duties_visible_to(_user(message), on=message.nominal_on)
    return visible.filter(closed_at__isnull=True, due_on__lte=message.nominal_on)


def _user(message: Message) -> User:
    assert message.recipient_user is not None
    return message.recipient_user
