"""The log: recording an attempt, correcting it, voiding it. Counts once however often it arrives; deletes nothing."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from mentoring.access import LATE_ENTRY_DAYS
from mentoring.models import Contact, ContactCorrection, ContactPlan, LayWorker, Mother, PlannedContact
from mentoring.rules.contacts import Incomplete, check_complete, is_completed
from mentoring.rules.refusals import Refused
from mentoring.services import alerts, mothers, pairings, plans, reminders
from people.models import User
from people.rules.local_time import local_date
from people.services import gates


@dataclass(frozen=True, slots=True)
class Entry:
    """One log entry as typed (domain.md section 5). ``present`` none: not asked; empty: nobody else was there."""

    client_id: UUID
    happened_at: datetime
    mode: str
    outcome: str
    initiated_by: str = "lay_worker"
    minutes: int | None = None
    present: tuple[str, ...] | None = None
    concern: str = ""
    influence_asked: bool = False
    helped_by: tuple[str, ...] = ()
    hindered_by: tuple[str, ...] = ()
    role_explained: bool | None = None
    role_read_back: bool | None = None
    language: str = ""
    interpreter: bool | None = None
    travel_minutes: int | None = None
    travel_miles: Decimal | None = None
    topics: tuple[str, ...] = ()
    own_experience_shared: bool | None = None
    engagement: int | None = None
    offered: str = ""
    taken_up: bool | None = None
    note: str = ""
    feeling: int | None = None
    please_ring_me: bool = False


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a saved entry changed: the window it made, if any, and what is planned next."""

    contact: Contact
    is_new: bool
    fulfilled: PlannedContact | None
    next_planned: PlannedContact | None


NOT_SAFE = "not_safe"
LISTS = ("helped_by", "hindered_by", "topics")


@transaction.atomic
def record(*, mother: Mother, lay_worker: LayWorker, entry: Entry, by: User, now: datetime) -> Recorded:
    """Record one attempt and all that follows from it; the same client id twice is one record.

    Locks the mother's plan first: two phones saving together give two attempts and one fulfilled window. Never waits
    for a message being handed over, but for *not safe to talk*, which must stop one. Raises Refused in plain words.
    """
    if entry.outcome == NOT_SAFE:
        # The gate comes before the plan, as in every other service.
        gates.lock_exclusively([mother.person.gate_id])
    plan = plans.locked_plan(mother)
    known = Contact.objects.filter(client_id=entry.client_id).first()
    if known is not None:
        if known.mother_id != mother.pk or known.entered_by_id != by.pk:
            raise Refused("other_entry", _("This form was used for another entry. Open a new one."))
        return _told(known, plan, now, is_new=False)
    _check(mother, lay_worker, entry, now)
    contact = Contact.objects.create(
        client_id=entry.client_id,
        client_digest=digest(entry),
        mother=mother,
        lay_worker=lay_worker,
        entered_at=now,
        entered_by=by,
        **columns_of(entry),
    )
    if entry.outcome == NOT_SAFE:
        # A copy that comes later must not undo what she has said since.
        mothers.suspend_safe_contact(mother=mother, by=by, now=now)
    plans.refulfil(plan=plan, now=now)
    reminders.refresh_for(mother_ids=[mother.pk], now=now, waiting=False)
    alerts.tell_of_entry(contact=contact, now=now)
    return _told(contact, plan, now, is_new=True)


@transaction.atomic
def correct(*, contact: Contact, entry: Entry, reason: str, by: User, now: datetime) -> Recorded:
    """The entry says what ``entry`` says; what it said before, by whom, when and why it changed is kept.

    When it was entered stays. Windows are fulfilled afresh; cadences, pauses and dates stay (section 4).
    """
    if not reason.strip():
        raise Refused("reason_missing", _("Say why you are correcting it."))
    if entry.outcome == NOT_SAFE:
        gates.lock_exclusively([contact.mother.person.gate_id])
    plan = plans.locked_plan(contact.mother)
    locked = Contact.objects.select_for_update(no_key=True, of=("self",)).get(pk=contact.pk)
    if locked.voided_at is not None:
        raise Refused("voided", _("This entry was taken back. It cannot be corrected."))
    _check(locked.mother, locked.lay_worker, entry, now)
    columns = columns_of(entry)
    changed = {name: getattr(locked, name) for name, value in columns.items() if getattr(locked, name) != value}
    if changed:
        ContactCorrection.objects.create(
            contact=locked, was={name: _plain(value) for name, value in changed.items()}, reason=reason, at=now, by=by
        )
        for name in changed:
            setattr(locked, name, columns[name])
        locked.save(update_fields=list(changed))
        if "outcome" in changed and entry.outcome == NOT_SAFE:
            mothers.suspend_safe_contact(mother=locked.mother, by=by, now=now)
        plans.refulfil(plan=plan, now=now)
        reminders.refresh_for(mother_ids=[locked.mother_id], now=now, waiting=False)
        alerts.tell_of_entry(contact=locked, now=now)
    return _told(locked, plan, now, is_new=False)


@transaction.atomic
def void(*, contact: Contact, reason: str, by: User, now: datetime) -> Contact:
    """The entry counts for nothing any more and stays readable, with who took it back, when and why."""
    if not reason.strip():
        raise Refused("reason_missing", _("Say why you are taking it back."))
    plan = plans.locked_plan(contact.mother)
    locked = Contact.objects.select_for_update(no_key=True, of=("self",)).get(pk=contact.pk)
    if locked.voided_at is not None:
        return locked
    locked.voided_at, locked.voided_by, locked.voided_reason = now, by, reason
    locked.save(update_fields=["voided_at", "voided_by", "voided_reason"])
    plans.refulfil(plan=plan, now=now)
    reminders.refresh_for(mother_ids=[locked.mother_id], now=now, waiting=False)
    return locked


def digest(entry: Entry) -> str:
    """Return the SHA-256 of what was sent under a client id, so that the same id with other content can be told."""
    content = {name: _plain(value) for name, value in asdict(entry).items()}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _check(mother: Mother, lay_worker: LayWorker, entry: Entry, now: datetime) -> None:
    if entry.happened_at > now:
        raise Refused("in_future", _("The date and time cannot be in the future."))
    if local_date(entry.happened_at) < mother.starts_on:
        raise Refused("before_start", _("This is before the programme began for her."))
    if not pairings.was_with(
        mother=mother, lay_worker=lay_worker, at=entry.happened_at, now=now, late_days=LATE_ENTRY_DAYS
    ):
        raise Refused("not_with_her", _("You were not her lay-worker, nor covering, at that time."))
    try:
        check_complete(outcome=entry.outcome, minutes=entry.minutes, present=entry.present, concern=entry.concern)
    except Incomplete as error:
        words = {
            "minutes_missing": _("Say how many minutes it took."),
            "present_missing": _("Say who else was there, or that she was alone."),
            "concern_missing": _("Say whether anything worried you."),
        }
        raise Refused(error.code, words[error.code]) from error
    if (entry.helped_by or entry.hindered_by) and not entry.influence_asked:
        raise Refused("influence_not_asked", _("Say whether anyone helped or hindered."))


def columns_of(entry: Entry) -> dict[str, Any]:
    """Return the columns of a row of the log that an entry fills, those that follow from it too."""
    columns = asdict(entry)
    del columns["client_id"]
    for name in LISTS:
        columns[name] = list(columns[name])
    columns["present"] = None if entry.present is None else list(entry.present)
    columns["happened_on"] = local_date(entry.happened_at)
    columns["completed"] = is_completed(outcome=entry.outcome, mode=entry.mode)
    return columns


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID | Decimal):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _told(contact: Contact, plan: ContactPlan, now: datetime, *, is_new: bool) -> Recorded:
    fulfilled = PlannedContact.objects.filter(fulfilled_by=contact, withdrawn_at__isnull=True).first()
    # A held plan shows no open row, whatever its status (domain.md section 4, Hold).
    if plans.is_held(plan):
        return Recorded(contact, is_new, fulfilled, None)
    rows = plan.planned_contacts.filter(withdrawn_at__isnull=True)
    next_planned = rows.filter(made_on__isnull=True, closes_on__gt=local_date(now)).order_by("due_on").first()
    return Recorded(contact, is_new, fulfilled, next_planned)
