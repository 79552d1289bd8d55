"""Every change of a mother's contact plan: one service locks it, asks the rules, writes the rows, settles the messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from mentoring.models import (
    Appointment,
    AskedBy,
    Cadence,
    Contact,
    ContactPlan,
    Duty,
    Mother,
    Pairing,
    Pause,
    PlanChange,
    PlannedContact,
)
from mentoring.rules import changes
from mentoring.rules.changes import UNSET, Difference, PlanState, Unset
from mentoring.rules.plan import PlanError, fulfilling, planned_contacts
from mentoring.rules.plan import PlannedContact as Window
from mentoring.rules.refusals import Refused
from mentoring.services import duties, reminders
from people.models import Baby, Loss, Pregnancy, User
from people.rules.local_time import local_date
from people.services import gates


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Every so many days from now on."""

    every_days: int


@dataclass(frozen=True, slots=True)
class PauseFor:
    """No contact from a day on; unset ``until_on`` is 28 days, none is open."""

    from_on: date | None = None
    until_on: date | None | Unset = UNSET


@dataclass(frozen=True, slots=True)
class Resume:
    """Contact goes on from today."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The plan is held: unreachable, baby in hospital, ended, loss; and the key of the loss that asks for it."""

    kind: str
    loss_id: int | None = None


@dataclass(frozen=True, slots=True)
class UndoHold:
    """The hold was recorded in error: on or before its first day what it cut or withdrew comes back."""


@dataclass(frozen=True, slots=True)
class DueDate:
    """The expected date of delivery is another."""

    edd: date


@dataclass(frozen=True, slots=True)
class Birth:
    """The baby is here, or the babies: one name each, empty where not known."""

    born_on: date
    babies: tuple[str, ...] = ("",)


Request = Rhythm | PauseFor | Resume | Hold | UndoHold | DueDate | Birth

KINDS = {
    Rhythm: PlanChange.Kind.RHYTHM,
    PauseFor: PlanChange.Kind.PAUSE,
    Resume: PlanChange.Kind.RESUME,
    Hold: PlanChange.Kind.HOLD,
    UndoHold: PlanChange.Kind.RESUME,
    DueDate: PlanChange.Kind.DUE_DATE,
    Birth: PlanChange.Kind.BIRTH,
}

OF_KIND = {changes.MENTORING: ContactPlan.Kind.PROGRAMME, changes.BEREAVEMENT: ContactPlan.Kind.BEREAVEMENT}

# From the day after her first visit to the latest an expected date can lie: 42 weeks, with a fortnight's error.
LONGEST_TO_EDD_DAYS = 308


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change would do: planned contacts that move, appointments and messages that would be withdrawn."""

    difference: Difference
    appointments_withdrawn: list[Appointment]
    messages_withdrawn: int


def locked_plan(mother: Mother) -> ContactPlan:
    """Return the mother's open plan, locked until the transaction ends: every write about it waits here."""
    plan = (
        ContactPlan.objects.select_for_update(no_key=True, of=("self",))
        .filter(mother=mother, closed_at__isnull=True)
        .order_by("kind")
        .last()
    )
    if plan is None:
        raise Refused("no_plan", _("She has no open plan."))
    return plan


@transaction.atomic
def start(*, mother: Mother, state: PlanState, by: User | None, now: datetime) -> ContactPlan:
    """A plan of ``mother``, of the kind that ``state`` is, is open, with its cadences and planned contacts."""
    plan = ContactPlan.objects.create(
        mother=mother,
        kind=OF_KIND[state.kind],
        starts_on=state.starts_on,
        edd=state.edd,
        born_on=state.born_on,
        ends_on=state.ends_on,
        antenatal_every_days=state.antenatal_every or state.every_days,
        postnatal_every_days=state.postnatal_every or state.every_days,
        state=changes.to_json(state),
        opened_at=now,
        opened_by=by,
    )
    PlanChange.objects.create(
        plan=plan,
        kind=PlanChange.Kind.START,
        on=local_date(now),
        asked_by="record",
        old=None,
        new=plan.state,
        at=now,
        by=by,
    )
    _write(plan, state, why=PlanChange.Kind.START, by=by, now=now)
    return plan


def preview(*, mother: Mother, request: Request, now: datetime) -> Preview:
    """Return what ``request`` would do if it were saved now. Writes nothing. Raises Refused as ``change`` does."""
    plan = ContactPlan.objects.filter(mother=mother, closed_at__isnull=True).order_by("kind").last()
    if plan is None:
        raise Refused("no_plan", _("She has no open plan."))
    _check(mother, request, now)
    _check_loss(plan, mother, request)
    before = changes.from_json(plan.state)
    after = _asked(before, request, on=local_date(now), made=made_dates(mother, on=local_date(now)))
    windows = planned_contacts(after.plan)
    going = [
        appointment
        for appointment in _open_appointments(plan, now)
        if not _holding(windows, local_date(appointment.starts_at))
    ]
    difference = changes.difference(planned_contacts(before.plan), windows)
    gone = [window.due_on for window in difference.withdrawn]
    held = isinstance(request, Hold)
    return Preview(difference, going, reminders.count_open(mother_id=mother.pk, due_ons=None if held else gone))


@transaction.atomic
def change(
    *,
    mother: Mother,
    request: Request,
    asked_by: str,
    by: User,
    now: datetime,
    client_id: UUID | None = None,
) -> PlanChange:
    """The plan is changed as asked, its rows, appointments and messages with it; returns the change.

    Locks the mother's gate, so that no message about the old plan is handed over after this commits, then her plan.
    Her duties follow at once; what someone else asked for her is her midwife's to confirm with her (sections 3 and 7).
    The same ``client_id`` twice is one change; a request that changes nothing returns the latest change.
    Raises Refused in plain words. Rules: domain.md section 4.
    """
    gates.lock_exclusively([mother.person.gate_id])
    plan = locked_plan(mother)
    if client_id is not None and (known := PlanChange.objects.filter(client_id=client_id).first()):
        return known
    _check(mother, request, now)
    _check_loss(plan, mother, request)
    today = local_date(now)
    before = changes.from_json(plan.state)
    after = _asked(before, request, on=today, made=made_dates(mother, on=today))
    if isinstance(request, Birth):
        _record_babies(mother, request, by=by, now=now)
    if isinstance(request, DueDate):
        Pregnancy.objects.filter(person=mother.person_id).update(edd=request.edd, recorded_at=now, recorded_by=by)
    if after == before:
        return plan.changes.order_by("id").last()  # type: ignore[return-value]  # a plan has its start at least
    made = PlanChange.objects.create(
        plan=plan,
        kind=KINDS[type(request)],
        on=today,
        asked_by=asked_by,
        asked_for=_as_json(request),
        old=plan.state,
        new=changes.to_json(after),
        at=now,
        by=by,
        client_id=client_id,
    )
    plan.state = made.new
    plan.starts_on, plan.ends_on = after.starts_on, after.ends_on
    plan.edd, plan.born_on = after.edd, after.born_on
    plan.save(update_fields=["state", "starts_on", "ends_on", "edd", "born_on"])
    _write(plan, after, why=made.kind, by=by, now=now)
    if asked_by == AskedBy.SOMEONE_ELSE:
        duties.raise_now(kind=Duty.Kind.CONFIRM_REFUSAL, mother=mother, owner=mother.midwife, by=by, now=now)
    duties.refresh_for(mother_ids=[mother.pk], now=now)
    return made


def replan(*, mother: Mother, by: User | None, now: datetime) -> None:
    """The rows equal what the plan's state gives: writes only what differs, in a constant number of queries."""
    with transaction.atomic():
        plan = locked_plan(mother)
        _write(plan, changes.from_json(plan.state), why=PlanChange.Kind.RHYTHM, by=by, now=now)


def refulfil(*, plan: ContactPlan, now: datetime) -> None:
    """Each window is fulfilled by the earliest completed contact in it. The caller holds the plan's lock."""
    rows = list(plan.planned_contacts.filter(withdrawn_at__isnull=True).order_by("due_on"))
    _settle_fulfilment(plan, rows)


def made_dates(mother: Mother, *, on: date) -> list[date]:
    """Return the local dates of her completed contacts known now and not after ``on``."""
    return list(
        Contact.objects.filter(mother=mother, completed=True, voided_at__isnull=True, happened_on__lte=on).values_list(
            "happened_on", flat=True
        )
    )


def is_held(plan: ContactPlan) -> bool:
    """Return whether ``plan`` is held, from the hold's commit until it is resumed; asked under the plan's lock."""
    return hold_kind(plan) is not None


def hold_kind(plan: ContactPlan) -> str | None:
    """Return the kind of hold in force on ``plan``, none where it is not held."""
    pauses = changes.from_json(plan.state).pauses
    return next((pause.kind for pause in pauses if pause.is_hold and pause.until_on is None), None)


def _check_loss(plan: ContactPlan, mother: Mother, request: Request) -> None:
    """After a loss the midwife decides with her what goes on: no pause, resume or due date goes round that."""
    if not Loss.objects.filter(person=mother.person_id, undone_at__isnull=True).exists():
        return
    if isinstance(request, DueDate) or (isinstance(request, Rhythm | PauseFor | Resume) and is_held(plan)):
        raise Refused("loss", _("Her plan is on hold. Her midwife decides with her what goes on."))


def _check(mother: Mother, request: Request, now: datetime) -> None:
    today = local_date(now)
    if isinstance(request, Birth):
        if not request.babies:
            raise Refused("no_baby", _("Say how many babies were born."))
        if request.born_on > today:
            raise Refused("born_in_future", _("The birth cannot be in the future."))
        if request.born_on < mother.starts_on:
            raise Refused("born_before_start", _("The birth cannot be before the programme began for her."))
        if Baby.objects.filter(pregnancy__person=mother.person_id).exists():
            raise Refused("second_birth", _("A birth is recorded already."))
    if isinstance(request, DueDate):
        days = (request.edd - mother.starts_on).days
        if not 0 <= days <= LONGEST_TO_EDD_DAYS:
            raise Refused("edd_out_of_range", _("The due date must lie within 44 weeks after her first visit."))


def _asked(state: PlanState, request: Request, *, on: date, made: Sequence[date]) -> PlanState:
    try:
        match request:
            case Rhythm(every_days):
                return changes.change_rhythm(state, on=on, every_days=every_days, made=made)
            case PauseFor(from_on, until_on):
                return changes.pause(state, on=on, from_on=from_on, until_on=until_on, made=made)
            case Resume():
                return changes.resume(state, on=on)
            case Hold(kind, _loss):
                return changes.hold(state, on=on, kind=kind, made=made)
            case UndoHold():
                return changes.undo_hold(state, on=on)
            case DueDate(edd):
                return changes.change_due_date(state, on=on, edd=edd, made=made)
            case Birth(born_on, _babies):
                return changes.record_birth(state, on=on, born_on=born_on, made=made)
    except PlanError as error:
        raise Refused(str(getattr(error, "code", "plan_error")), _plain(error)) from error


def _plain(error: PlanError) -> str:
    words = {
        "born_after_today": _("The birth cannot be in the future."),
        "ends_before_start": _("The plan would end before it starts."),
        "every_days_outside": _("The interval must be between 1 and 365 days."),
        "nothing_to_resume": _("There is no pause to end: contact is going on."),
        "on_hold": _("Her plan is on hold. Resume it first."),
        "overlaps_two": _("Two pauses lie in these days. Change them one by one."),
        "second_birth": _("A birth is recorded already."),
        "until_not_after_from": _("The pause must end after the day it begins."),
        "out_of_order": _("A later change is recorded already."),
    }
    return words.get(str(getattr(error, "code", "")), error.message)


def _record_babies(mother: Mother, request: Birth, *, by: User, now: datetime) -> None:
    pregnancy = Pregnancy.objects.get(person=mother.person_id)
    Baby.objects.bulk_create(
        Baby(pregnancy=pregnancy, order=order, name=name, born_on=request.born_on, recorded_at=now, recorded_by=by)
        for order, name in enumerate(request.babies, start=1)
    )


def _as_json(request: Request) -> dict[str, Any]:
    match request:
        case Rhythm(every_days):
            return {"every_days": every_days}
        case PauseFor(from_on, until_on):
            asked: dict[str, Any] = {"from_on": from_on.isoformat() if from_on else None}
            if not isinstance(until_on, Unset):
                asked["until_on"] = until_on.isoformat() if until_on else None
            return asked
        case Resume() | UndoHold():
            return {}
        case Hold(kind, loss_id):
            return {"kind": kind} if loss_id is None else {"kind": kind, "loss": loss_id}
        case DueDate(edd):
            return {"edd": edd.isoformat()}
        case Birth(born_on, babies):
            return {"born_on": born_on.isoformat(), "babies": len(babies)}


def _write(plan: ContactPlan, state: PlanState, *, why: str, by: User | None, now: datetime) -> None:
    _write_cadences(plan, state, now)
    _write_pauses(plan, state, by, now)
    rows = _write_rows(plan, planned_contacts(state.plan), why, now)
    _settle_fulfilment(plan, rows)
    _settle_appointments(plan, rows, by, now)
    reminders.refresh_for(mother_ids=[plan.mother_id], now=now)


def _write_cadences(plan: ContactPlan, state: PlanState, now: datetime) -> None:
    known = {row.position: row for row in plan.cadences.filter(withdrawn_at__isnull=True)}
    changed, new = [], []
    for position, cadence in enumerate(state.cadences):
        values = (cadence.first_due_on, cadence.every_days, cadence.last_due_on)
        row = known.pop(position, None)
        if row is None:
            new.append(
                Cadence(
                    plan=plan, position=position, first_due_on=values[0], every_days=values[1], last_due_on=values[2]
                )
            )
        elif (row.first_due_on, row.every_days, row.last_due_on) != values:
            row.first_due_on, row.every_days, row.last_due_on = values
            changed.append(row)
    if known:
        Cadence.objects.filter(pk__in=[row.pk for row in known.values()]).update(withdrawn_at=now)
    if changed:
        Cadence.objects.bulk_update(changed, ["first_due_on", "every_days", "last_due_on"])
    if new:
        Cadence.objects.bulk_create(new)


def _write_pauses(plan: ContactPlan, state: PlanState, by: User | None, now: datetime) -> None:
    known = {row.from_on: row for row in plan.pauses.filter(withdrawn_at__isnull=True)}
    changed, new = [], []
    for pause in state.pauses:
        row = known.pop(pause.from_on, None)
        if row is None:
            new.append(
                Pause(
                    plan=plan,
                    kind=pause.kind,
                    from_on=pause.from_on,
                    until_on=pause.until_on,
                    recorded_at=now,
                    recorded_by=by,
                )
            )
        elif (row.kind, row.until_on) != (pause.kind, pause.until_on):
            row.kind, row.until_on = pause.kind, pause.until_on
            changed.append(row)
    if known:
        Pause.objects.filter(pk__in=[row.pk for row in known.values()]).update(withdrawn_at=now, withdrawn_by=by)
    if changed:
        Pause.objects.bulk_update(changed, ["kind", "until_on"])
    if new:
        Pause.objects.bulk_create(new)


def _write_rows(plan: ContactPlan, windows: Sequence[Window], why: str, now: datetime) -> list[PlannedContact]:
    known = {row.due_on: row for row in plan.planned_contacts.filter(withdrawn_at__isnull=True)}
    changed, new, standing = [], [], []
    pairing = Pairing.objects.filter(mother=plan.mother_id, ended_at__isnull=True).first()
    lay_worker_id = pairing.lay_worker_id if pairing else None
    for window in windows:
        row = known.pop(window.due_on, None)
        values = (window.number, window.opens_on, window.closes_on, window.cut)
        if row is None:
            row = PlannedContact(
                plan=plan,
                mother_id=plan.mother_id,
                lay_worker_id=lay_worker_id,
                number=window.number,
                due_on=window.due_on,
                opens_on=window.opens_on,
                closes_on=window.closes_on,
                cut=window.cut,
            )
            new.append(row)
        elif (row.number, row.opens_on, row.closes_on, row.cut) != values:
            row.number, row.opens_on, row.closes_on, row.cut = values
            changed.append(row)
        standing.append(row)
    if known:
        PlannedContact.objects.filter(pk__in=[row.pk for row in known.values()]).update(
            withdrawn_at=now, withdrawn_why=why, made_on=None, fulfilled_by=None
        )
    if changed:
        PlannedContact.objects.bulk_update(changed, ["number", "opens_on", "closes_on", "cut"])
    if new:
        PlannedContact.objects.bulk_create(new)
    return standing


def _settle_fulfilment(plan: ContactPlan, rows: Sequence[PlannedContact]) -> None:
    """Each window of hers is fulfilled; one contact fulfils one window, that of the plan begun first where it lies in two.

    ``rows`` are those of ``plan``. Windows of a plan closed since count too: an entry made late repairs them.
    """
    contacts = list(
        Contact.objects.filter(mother=plan.mother_id, completed=True, voided_at__isnull=True)
        .order_by("happened_at", "entered_at", "id")
        .values_list("happened_on", "id")
    )
    others = PlannedContact.objects.filter(mother=plan.mother_id, withdrawn_at__isnull=True).exclude(plan=plan)
    days = {key: on for on, key in contacts}
    wrong: list[tuple[PlannedContact, int | None]] = []
    for _plan, some in groupby(
        sorted([*rows, *others], key=lambda row: (row.plan_id, row.due_on)), key=lambda row: row.plan_id
    ):
        standing = list(some)
        windows = [Window(row.number, row.due_on, row.opens_on, row.closes_on, row.cut) for row in standing]
        by_number = fulfilling(windows, contacts)
        taken = set(by_number.values())
        contacts = [(on, key) for on, key in contacts if key not in taken]
        wrong += [
            (row, by_number.get(row.number)) for row in standing if row.fulfilled_by_id != by_number.get(row.number)
        ]
    if not wrong:
        return
    # First empty, then filled: a contact that moves to another window would stand in two for a moment.
    filled = [row.pk for row, _key in wrong if row.fulfilled_by_id is not None]
    if filled:
        PlannedContact.objects.filter(pk__in=filled).update(made_on=None, fulfilled_by=None)
    for row, key in wrong:
        row.fulfilled_by_id, row.made_on = key, days.get(key) if key else None
    now_filled = [row for row, key in wrong if key is not None]
    if now_filled:
        PlannedContact.objects.bulk_update(now_filled, ["made_on", "fulfilled_by"])


def _open_appointments(plan: ContactPlan, now: datetime) -> list[Appointment]:
    return list(
        Appointment.objects.filter(planned_contact__plan=plan, withdrawn_at__isnull=True, starts_at__gt=now).order_by(
            "starts_at"
        )
    )


def _holding(windows: Sequence[Window], on: date) -> bool:
    return any(window.opens_on <= on < window.closes_on for window in windows)


def _settle_appointments(plan: ContactPlan, rows: Sequence[PlannedContact], by: User | None, now: datetime) -> None:
    """Appointments that lie in a window of the plan stay with it; others are withdrawn (section 4)."""
    appointments = _open_appointments(plan, now)
    if not appointments:
        return
    taken: set[int] = set()
    for appointment in appointments:
        on = local_date(appointment.starts_at)
        row = next((row for row in rows if row.opens_on <= on < row.closes_on), None)
        if row is not None and row.pk not in taken:
            taken.add(row.pk)
            if appointment.planned_contact_id != row.pk:
                appointment.planned_contact = row
                appointment.save(update_fields=["planned_contact"])
            continue
        appointment.withdrawn_at, appointment.withdrawn_by = now, by
        appointment.withdrawn_why = Appointment.Withdrawn.PLAN_CHANGED
        appointment.save(update_fields=["withdrawn_at", "withdrawn_by", "withdrawn_why"])
