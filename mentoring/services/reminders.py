"""Reminders as rows of the outbox: what is queued always equals what the rules say of the plan now."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django.db import transaction

from mentoring.models import ContactPlan, Cover, Mother, Pairing, PlannedContact
from mentoring.queries.reminder_facts import Known, known_of
from mentoring.queries.statuses import held_plans
from mentoring.rules import reminders as rules
from mentoring.rules.reminders import HORIZON_DAYS, LAY_WORKER, Reminder
from outbox.models import Message
from outbox.queries.wishes import wishes_of
from outbox.rules.transitions import WAITING
from outbox.rules.wishes import NO_WISHES, PAST_HER_HOURS, QUIET_DAY, SWITCHED_OFF, Wishes
from outbox.services import messages
from people.rules.local_time import local_date

# Those that follow from the plan, and come and go with it; a new pairing's own is written once, when they are paired.
KINDS = (
    rules.NO_ATTEMPT_YET,
    rules.COMING_UP,
    rules.OVERDUE,
    rules.APPOINTMENT_TOMORROW,
    rules.BABY_EXPECTED,
    rules.ENDING,
)
OF_WINDOWS = (rules.COMING_UP, rules.OVERDUE)
CHANNELS = (Message.Channel.EMAIL, Message.Channel.IN_APP)
MOTHERS_AT_ONCE = 1000
KEPT = timedelta(days=rules.KEPT_DAYS)

Key = tuple[str, int | None, date | None, str, int | None, int | None, str, date]


@dataclass(frozen=True, slots=True)
class _Wanted:
    person_id: int
    user_id: int | None
    channel: str
    reminder: Reminder

    @property
    def key(self) -> Key:
        one = self.reminder
        to_her = None if self.user_id is not None else self.person_id
        return (
            one.kind, self.person_id, one.subject_due_on, _about(one), self.user_id, to_her, self.channel,
            one.nominal_on,
        )  # fmt: skip

    @property
    def new(self) -> messages.New:
        one = self.reminder
        return messages.New(
            kind=one.kind,
            subject_id=self.person_id,
            subject_due_on=one.subject_due_on,
            about=_about(one),
            recipient_user_id=self.user_id,
            recipient_person_id=None if self.user_id is not None else self.person_id,
            channel=self.channel,
            nominal_on=one.nominal_on,
            due_at=one.due_at,
            expires_at=one.expires_at,
        )


@transaction.atomic
def refresh_for(*, mother_ids: Collection[int], now: datetime, waiting: bool = True) -> int:
    """The queued reminders about these mothers equal what their plans say; returns how many were written or withdrawn.

    Those withdrawn say why. Twice is once; a constant number of queries however many mothers. With ``waiting`` false a
    message that is being handed over is passed by, not waited for: what is wanted is asked again in its hand-over.
    """
    known = known_of(mother_ids, now=now)
    wishes = _wishes_of(known.values())
    wanted = {one.key: one for one in _wanted(known.values(), wishes, now)}
    standing = list(
        Message.objects.filter(
            subject__in=[one.person_id for one in known.values()],
            kind__in=KINDS,
            status__in=WAITING,
            expires_at__gt=now,
        ).select_related(None)
    )
    by_person = {one.person_id: one for one in known.values()}
    windows = _windows_of(standing) if standing else {}
    gone: dict[str, list[int]] = defaultdict(list)
    for message in standing:
        found = wanted.pop(_key(message), None)
        if found is None:
            mother = by_person[message.subject_id]  # type: ignore[index]  # filtered by it
            gone[_why_not(message, mother, windows, wishes, now)].append(message.pk)
        elif _stands_at_another_time(message, found.reminder, now):
            gone["moved"].append(message.pk)
            wanted[found.key] = found
    for why, ids in gone.items():
        messages.cancel_many(ids=ids, why=why, now=now, waiting=waiting)
    written = messages.queue_many([one.new for one in wanted.values()], now=now)
    return sum(len(ids) for ids in gone.values()) + written


def refresh_for_user(user_id: int, now: datetime) -> int:
    """The queued reminders about the mothers that this lay-worker looks after are as she wishes; returns how many moved."""
    today = local_date(now)
    paired = Pairing.objects.filter(lay_worker__user=user_id, ended_at__isnull=True).values_list("mother", flat=True)
    covered = Cover.objects.filter(lay_worker__user=user_id, cancelled_at__isnull=True, ends_on__gt=today).values_list(
        "mother", flat=True
    )
    return refresh_for(mother_ids={*paired, *covered}, now=now, waiting=False)


def announce_pairing(*, pairing: Pairing, now: datetime) -> None:
    """The lay-worker is told of it once, at once in staff hours; not while the plan is paused or held."""
    [known] = known_of([pairing.mother_id], now=now).values()
    reminder = rules.new_pairing(paired_at=now)
    if known.held or _paused(known, local_date(reminder.due_at)):
        return
    hers = _wishes_of([known]).get(known.user_id or 0, NO_WISHES)
    own = [
        _Wanted(known.person_id, known.user_id, channel, reminder).new
        for channel in CHANNELS
        if hers.takes(reminder.kind, channel)
    ]
    messages.queue_many(own, now=now)


def top_up(*, now: datetime) -> int:
    """Write what has come into the horizon since; returns how many. Safe to run twice at once.

    Takes mothers with a lay-worker and an open plan, some at a time, each lot its own transaction.
    """
    open_plans = ContactPlan.objects.filter(closed_at__isnull=True, ends_on__gte=local_date(now) - timedelta(days=1))
    mother_ids = list(
        Pairing.objects.filter(
            ended_at__isnull=True, mother__in=open_plans.exclude(pk__in=held_plans().values("plan")).values("mother")
        )
        .order_by("mother_id")
        .values_list("mother_id", flat=True)
    )
    written = 0
    for start in range(0, len(mother_ids), MOTHERS_AT_ONCE):
        written += refresh_for(mother_ids=mother_ids[start : start + MOTHERS_AT_ONCE], now=now, waiting=False)
    return written


def why_not_wanted(some: Sequence[Message], now: datetime) -> list[str | None]:
    """Return for each none, or a code that says why it should not go now; asked under the gates' locks.

    The same definition as ``refresh_for``: a message that would not be queued with what is known now does not go.
    """
    by_person = dict(
        Mother.objects.filter(person__in={message.subject_id for message in some}).values_list("person_id", "pk")
    )
    known = known_of(by_person.values(), now=now)
    wishes = _wishes_of(known.values())
    keys = {one.key for one in _wanted(known.values(), wishes, now)}
    today = local_date(now)

    def why_not(message: Message) -> str | None:
        mother_id = by_person.get(message.subject_id or 0)
        if mother_id is None:
            return "withdrawn"
        if _key(message) in keys and not _paused(known[mother_id], today):
            return None
        return _why_not(message, known[mother_id], rows, wishes, now)

    rows = _windows_of(some)
    return [why_not(message) for message in some]


def count_open(*, mother_id: int, due_ons: Sequence[date] | None) -> int:
    """Return how many reminders wait about the contacts of these due dates, or about a mother at all; two channels are one."""
    waiting = Message.objects.filter(subject__mother=mother_id, kind__in=KINDS, status__in=WAITING)
    # A time agreed is said by itself: it may lie in a window of the new plan.
    some = waiting if due_ons is None else waiting.filter(subject_due_on__in=due_ons, kind__in=OF_WINDOWS)
    return some.values("kind", "subject_due_on", "nominal_on").distinct().count()


def why_no_new_pairing(some: Sequence[Message], now: datetime) -> list[str | None]:
    """Return for each none, or why the message of a pairing should not go now: it ended, or her plan is held or paused."""
    by_person = dict(
        Mother.objects.filter(person__in={message.subject_id for message in some}).values_list("person_id", "pk")
    )
    known, today = known_of(by_person.values(), now=now), local_date(now)

    def why_not(message: Message) -> str | None:
        mother = known[by_person[message.subject_id or 0]]
        if mother.user_id != message.recipient_user_id:
            return "not_hers"
        if mother.held:
            return "held"
        return "paused" if _paused(mother, today) else None

    return [why_not(message) for message in some]


def _wanted(known: Collection[Known], wishes: Mapping[int, Wishes], now: datetime) -> Iterator[_Wanted]:
    today = local_date(now)
    horizon_on = today + timedelta(days=HORIZON_DAYS)
    for mother in known:
        for reminder in rules.reminders(mother.facts):
            if reminder.expires_at <= now or reminder.nominal_on > horizon_on:
                continue
            if reminder.recipient != LAY_WORKER:
                texts, due_at = mother.facts.texts, reminder.due_at
                if due_at > now or rules.may_still_be_texted(texts, due_at=due_at, at=now):
                    yield _Wanted(mother.person_id, None, Message.Channel.TEXT, reminder)
                continue
            # Whoever looks after her on the day the message goes: today, where its time has passed.
            user_id = mother.looks_after_on(max(reminder.nominal_on, today))
            hers = wishes.get(user_id or 0, NO_WISHES)
            goes_at = hers.goes_at(reminder.kind, due_at=reminder.due_at, expires_at=reminder.expires_at, today=today)
            if goes_at is None:
                continue
            for channel in CHANNELS:
                if hers.takes(reminder.kind, channel):
                    yield _Wanted(mother.person_id, user_id, channel, replace(reminder, due_at=goes_at))


def _wishes_of(known: Collection[Known]) -> dict[int, Wishes]:
    users = {user for mother in known for user in (mother.user_id, *(cover for _on, _after, cover in mother.covers))}
    return wishes_of(users - {None})  # type: ignore[arg-type]  # without those who have nobody


def _stands_at_another_time(message: Message, reminder: Reminder, now: datetime) -> bool:
    """Return whether a row that waits is due or ends otherwise; one tried already is due when its carrier is tried again."""
    if reminder.expires_at != message.expires_at:
        return True
    return message.tries == 0 and reminder.due_at > now and reminder.due_at != message.due_at


def _key(message: Message) -> Key:
    return (
        message.kind,
        message.subject_id,
        message.subject_due_on,
        message.about,
        message.recipient_user_id,
        message.recipient_person_id,
        message.channel,
        message.nominal_on,
    )


def _about(one: Reminder) -> str:
    return "" if one.about_at is None else one.about_at.isoformat()


def _paused(mother: Known, on: date) -> bool:
    return any(from_on <= on and (until_on is None or on < until_on) for from_on, until_on in mother.facts.pauses)


Windows = dict[tuple[int, date], tuple[bool, date]]


def _windows_of(some: Collection[Message]) -> Windows:
    """Return by person and due date whether a planned contact that stands is made, and when its window closes."""
    rows = PlannedContact.objects.filter(
        mother__person__in={message.subject_id for message in some},
        due_on__in={message.subject_due_on for message in some},
        withdrawn_at__isnull=True,
    ).values_list("mother__person", "due_on", "made_on", "closes_on")
    return {(person_id, due_on): (made_on is not None, closes_on) for person_id, due_on, made_on, closes_on in rows}


def _why_not(message: Message, mother: Known, windows: Windows, wishes: Mapping[int, Wishes], now: datetime) -> str:
    """Return the code of the first thing that is not as it was when the message was written."""
    today = local_date(now)
    on = max(message.nominal_on, today)
    window = None
    if message.kind in OF_WINDOWS and message.subject_id is not None and message.subject_due_on is not None:
        window = windows.get((message.subject_id, message.subject_due_on))
        if window is None:
            return "withdrawn"
        if window[0]:
            return "made"
        if window[1] <= today:
            return "closed"
    if mother.held:
        return "held"
    if message.recipient_user_id is not None and message.recipient_user_id != mother.looks_after_on(on):
        return "not_hers"
    if _paused(mother, on):
        return "paused"
    hers = wishes.get(message.recipient_user_id or 0, NO_WISHES)
    if not hers.takes(message.kind, message.channel):
        return SWITCHED_OFF
    if (
        hers.goes_at(message.kind, due_at=message.due_at, expires_at=message.expires_at, today=today) is None
        and message.recipient_user_id is not None
    ):
        return QUIET_DAY
    to_her = message.recipient_person_id is not None and mother.facts.texts is not None
    if to_her and message.expires_at in {appointment.starts_at for appointment in mother.facts.appointments}:
        # What was agreed stands, and she may be written to; only the time at which she may be told of it has gone.
        return PAST_HER_HOURS
    return "withdrawn"
