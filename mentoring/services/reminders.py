"""Reminders to lay-workers as rows of the outbox: what is queued always equals what the rules say of the plan now."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db import transaction
from django.db.models import Q

from mentoring.models import Cover, Mother, Pairing, Pause, PlannedContact
from mentoring.queries.statuses import open_rows
from mentoring.rules.reminders import (
    COMING_UP,
    COMING_UP_DAYS_BEFORE,
    HORIZON_DAYS,
    OVERDUE,
    OVERDUE_DAYS_AFTER,
    OpenWindow,
    Reminder,
    contact_reminders,
)
from outbox.models import Message
from outbox.rules.transitions import WAITING
from outbox.services import messages
from people.rules.local_time import local_date, local_instant

KINDS = (COMING_UP, OVERDUE)
CHANNELS = (Message.Channel.EMAIL, Message.Channel.IN_APP)
MOTHERS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class _Wanted:
    subject_id: int
    recipient_id: int
    reminder: Reminder

    def key(self, channel: str) -> tuple[object, ...]:
        return (
            self.reminder.kind,
            self.subject_id,
            self.reminder.subject_due_on,
            self.recipient_id,
            channel,
            self.reminder.nominal_on,
        )


@transaction.atomic
def refresh_for(*, mother_ids: Collection[int], now: datetime, waiting: bool = True, why: str = "plan_changed") -> int:
    """The queued reminders about these mothers equal what their plans say; returns how many were written or withdrawn.

    Those withdrawn keep the code ``why``. Twice is once; a constant number of queries however many mothers. With
    ``waiting`` false a message that is being handed over is passed by, not waited for: what is wanted is asked again in
    its hand-over.
    """
    subjects = dict(Mother.objects.filter(pk__in=mother_ids).values_list("pk", "person_id"))
    wanted: dict[tuple[object, ...], tuple[_Wanted, str]] = {}
    for item in _wanted(subjects, now):
        for channel in CHANNELS:
            wanted[item.key(channel)] = (item, channel)
    standing = Message.objects.filter(
        subject__in=subjects.values(), kind__in=KINDS, status__in=WAITING, expires_at__gt=now
    ).values_list("pk", "kind", "subject_id", "subject_due_on", "recipient_user_id", "channel", "nominal_on")
    gone = []
    for pk, *key in standing:
        if wanted.pop(tuple(key), None) is None:
            gone.append(pk)
    if gone:
        messages.cancel_many(ids=gone, why=why, now=now, waiting=waiting)
    return len(gone) + messages.queue_many(
        [
            messages.New(
                kind=item.reminder.kind,
                subject_id=item.subject_id,
                subject_due_on=item.reminder.subject_due_on,
                recipient_user_id=item.recipient_id,
                channel=channel,
                nominal_on=item.reminder.nominal_on,
                due_at=item.reminder.due_at,
                expires_at=item.reminder.expires_at,
            )
            for item, channel in wanted.values()
        ],
        now=now,
    )


def top_up(*, now: datetime) -> int:
    """Write what has come into the horizon since; returns how many. Safe to run twice at once.

    Takes only mothers with an open window that a reminder could be about, some at a time, each lot its own transaction.
    """
    today = local_date(now)
    mother_ids = list(
        PlannedContact.objects.filter(
            withdrawn_at__isnull=True,
            made_on__isnull=True,
            lay_worker__isnull=False,
            due_on__gte=today - timedelta(days=183),
            due_on__lte=today + timedelta(days=HORIZON_DAYS + COMING_UP_DAYS_BEFORE),
            closes_on__gt=today,
        )
        .order_by("mother_id")
        .values_list("mother_id", flat=True)
        .distinct()
    )
    written = 0
    for start in range(0, len(mother_ids), MOTHERS_AT_ONCE):
        written += refresh_for(mother_ids=mother_ids[start : start + MOTHERS_AT_ONCE], now=now, waiting=False)
    return written


def count_open(*, mother_id: int, due_ons: Sequence[date] | None) -> int:
    """Return how many reminders wait about these due dates of a mother, or about all; one by two channels is one."""
    waiting = Message.objects.filter(subject__mother=mother_id, kind__in=KINDS, status__in=WAITING)
    some = waiting if due_ons is None else waiting.filter(subject_due_on__in=due_ons)
    return some.values("kind", "subject_due_on", "nominal_on").distinct().count()


def _wanted(subjects: dict[int, int], now: datetime) -> Iterable[_Wanted]:
    today = local_date(now)
    last_due_on = today + timedelta(days=HORIZON_DAYS + COMING_UP_DAYS_BEFORE)
    rows = (
        open_rows(today)
        .filter(mother__in=subjects, due_on__lte=last_due_on)
        .values_list("mother_id", "plan_id", "due_on", "closes_on", "mother__offered_from")
    )
    windows: dict[int, list[OpenWindow]] = defaultdict(list)
    plan_of: dict[int, int] = {}
    offered_from: dict[int, date | None] = {}
    for mother_id, plan_id, due_on, closes_on, offered in rows:
        windows[mother_id].append(OpenWindow(due_on, closes_on))
        plan_of[mother_id] = plan_id
        offered_from[mother_id] = offered
    if not windows:
        return
    paired = {
        mother_id: (user_id, starts_on)
        for mother_id, user_id, starts_on in Pairing.objects.filter(
            mother__in=windows, ended_at__isnull=True
        ).values_list("mother_id", "lay_worker__user_id", "starts_on")
    }
    covers: dict[int, list[tuple[date, date, int]]] = defaultdict(list)
    for mother_id, starts_on, ends_on, user_id in Cover.objects.filter(
        mother__in=windows, cancelled_at__isnull=True, ends_on__gt=today - timedelta(days=OVERDUE_DAYS_AFTER)
    ).values_list("mother_id", "starts_on", "ends_on", "lay_worker__user_id"):
        covers[mother_id].append((starts_on, ends_on, user_id))
    pauses: dict[int, list[tuple[date, date | None]]] = defaultdict(list)
    for plan_id, from_on, until_on in Pause.objects.filter(
        Q(until_on__isnull=True) | Q(until_on__gt=today - timedelta(days=183)),
        plan__in=plan_of.values(),
        withdrawn_at__isnull=True,
    ).values_list("plan_id", "from_on", "until_on"):
        pauses[plan_id].append((from_on, until_on))
    for mother_id, open_windows in windows.items():
        if mother_id not in paired:
            continue
        own_user_id, starts_on = paired[mother_id]
        for reminder in contact_reminders(
            open_windows,
            paired_at=local_instant(starts_on, time(0)),
            offered_from=offered_from[mother_id],
            pauses=pauses[plan_of[mother_id]],
            now=now,
        ):
            # Whoever looks after her on the day the message goes: today, where its time has passed.
            goes_on = max(reminder.nominal_on, today)
            covering = (user for first, last, user in covers[mother_id] if first <= goes_on < last)
            yield _Wanted(subjects[mother_id], next(covering, own_user_id), reminder)
