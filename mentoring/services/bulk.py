"""Many at once, row for row what ``mothers.register``, ``pairings.pair``, ``contacts.record`` give one by one. Decides nothing."""

import io
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from mentoring.models import (
    Cadence,
    Contact,
    ContactPlan,
    LayWorker,
    Mother,
    Pairing,
    PlanChange,
    PlannedContact,
    ProtocolVersion,
)
from mentoring.rules import changes
from mentoring.rules.changes import PlanState
from mentoring.rules.plan import PlannedContact as Window
from mentoring.rules.plan import fulfilling, planned_contacts
from mentoring.services import contacts
from mentoring.services.mothers import Registration, Sheet, new_programme_code
from people.models import Baby, Gate, Person, PhoneNumber, Pregnancy, SafeContact, User
from people.rules.local_time import local_date

COPY_AT_ONCE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Paired:
    """With whom, from which local date on; ``offered_from`` may be later (an imported caseload)."""

    lay_worker_id: int
    supervisor_id: int
    starts_on: date
    offered_from: date


@dataclass(frozen=True, slots=True)
class New:
    """One mother to be written: numbers in E.164, a plan's state that the rules accept, a pairing or none."""

    registration: Registration
    state: PlanState
    paired: Paired | None = None


def register_many(
    new: Sequence[New], *, version: ProtocolVersion, midwife_id: int | None, by: User | None, now: datetime
) -> list[Mother]:
    """Each of ``new`` has her person, sheet, pregnancy, plan and pairing; returns the mothers in the same order.

    A constant number of statements. The caller holds the transaction, has checked everything, and settles reminders.
    """
    gates = Gate.objects.bulk_create([Gate() for _one in new])
    persons = Person.objects.bulk_create(
        [_person(one.registration, gate, by, now) for one, gate in zip(new, gates, strict=True)]
    )
    pregnancies = Pregnancy.objects.bulk_create(
        [
            Pregnancy(person=person, edd=one.registration.edd, recorded_at=now, recorded_by=by)
            for one, person in zip(new, persons, strict=True)
        ]
    )
    Baby.objects.bulk_create(
        [
            Baby(pregnancy=pregnancy, born_on=one.registration.born_on, recorded_at=now, recorded_by=by)
            for one, pregnancy in zip(new, pregnancies, strict=True)
            if one.registration.born_on is not None
        ]
    )
    SafeContact.objects.bulk_create(
        [_sheet(person, one.registration.sheet or Sheet(), by) for one, person in zip(new, persons, strict=True)]
    )
    PhoneNumber.objects.bulk_create(
        [
            PhoneNumber(
                person=person,
                number=number.number,
                position=position,
                safe_to_call=number.safe_to_call,
                safe_to_text=number.safe_to_text,
                safe_voicemail=number.safe_voicemail,
            )
            for one, person in zip(new, persons, strict=True)
            for position, number in enumerate(one.registration.numbers)
        ]
    )
    mothers = Mother.objects.bulk_create(
        [
            Mother(
                person=person,
                programme_code=one.registration.programme_code or new_programme_code(),
                starts_on=one.registration.starts_on,
                protocol=version,
                midwife_id=one.paired.supervisor_id if one.paired else one.registration.midwife_id or midwife_id,
                offered_from=one.paired.offered_from if one.paired else None,
                registered_at=now,
                registered_by=by,
                client_id=one.registration.client_id,
            )
            for one, person in zip(new, persons, strict=True)
        ]
    )
    _write_plans(new, mothers, by, now)
    Pairing.objects.bulk_create(
        [
            Pairing(
                mother=mother,
                lay_worker_id=one.paired.lay_worker_id,
                starts_on=one.paired.starts_on,
                made_at=now,
                made_by=by,
            )
            for one, mother in zip(new, mothers, strict=True)
            if one.paired is not None
        ]
    )
    return mothers


def _person(registration: Registration, gate: Gate, by: User | None, now: datetime) -> Person:
    return Person(
        first_name=registration.first_name,
        family_name=registration.family_name,
        name_to_use=registration.name_to_use or registration.first_name,
        date_of_birth=registration.date_of_birth,
        address=registration.address,
        locality_id=registration.locality_id,
        language=registration.language,
        interpreter_needed=registration.interpreter_needed,
        created_at=now,
        created_by=by,
        gate=gate,
    )


def _sheet(person: Person, sheet: Sheet, by: User | None) -> SafeContact:
    assert not sheet.hours, "hours are asked on a page, never imported"
    return SafeContact(
        person=person,
        asked_on=sheet.asked_on,
        asked_by=by if sheet.asked_on else None,
        was_alone=sheet.was_alone,
        if_someone_else_answers=sheet.if_someone_else_answers,
        number_she_will_see=sheet.number_she_will_see,
        what_to_do=sheet.what_to_do,
        lives_with=list(sheet.lives_with),
        texts_opted_in=sheet.texts_opted_in,
        card_is_safe=sheet.card_is_safe,
    )


def _write_plans(new: Sequence[New], mothers: Sequence[Mother], by: User | None, now: datetime) -> None:
    plans = []
    for one, mother in zip(new, mothers, strict=True):
        state = one.state
        assert state.antenatal_every is not None and state.postnatal_every is not None
        plans.append(
            ContactPlan(
                mother=mother,
                starts_on=state.starts_on,
                edd=state.edd,
                born_on=state.born_on,
                ends_on=state.ends_on,
                antenatal_every_days=state.antenatal_every,
                postnatal_every_days=state.postnatal_every,
                state=changes.to_json(state),
                opened_at=now,
                opened_by=by,
            )
        )
    ContactPlan.objects.bulk_create(plans)
    today = local_date(now)
    PlanChange.objects.bulk_create(
        [
            PlanChange(
                plan=plan,
                kind=PlanChange.Kind.START,
                on=today,
                asked_by="record",
                old=None,
                new=plan.state,
                at=now,
                by=by,
            )
            for plan in plans
        ]
    )
    Cadence.objects.bulk_create(
        [
            Cadence(
                plan=plan,
                position=position,
                first_due_on=cadence.first_due_on,
                every_days=cadence.every_days,
                last_due_on=cadence.last_due_on,
            )
            for one, plan in zip(new, plans, strict=True)
            for position, cadence in enumerate(one.state.cadences)
        ]
    )
    _copy_windows(
        (plan, one.paired.lay_worker_id if one.paired else None, planned_contacts(one.state.plan))
        for one, plan in zip(new, plans, strict=True)
    )


def _copy_windows(planned: Iterable[tuple[ContactPlan, int | None, Sequence[Window]]]) -> None:
    """COPY, not INSERT: nine tenths of a caseload's rows are these, and it is six times as fast (quality.md, Speed)."""
    text = io.StringIO()
    for plan, lay_worker_id, windows in planned:
        lay_worker = "\\N" if lay_worker_id is None else lay_worker_id
        hers = f"{plan.pk}\t{plan.mother_id}\t{lay_worker}"
        for row in windows:
            text.write(
                f"{hers}\t{row.number}\t{row.due_on.isoformat()}\t{row.opens_on.isoformat()}"
                f"\t{row.closes_on.isoformat()}\t{'t' if row.cut else 'f'}\t\n"
            )
    text.seek(0)
    with connection.cursor() as cursor:
        cursor.cursor.copy_expert(
            f'COPY "{PlannedContact._meta.db_table}" (plan_id, mother_id, lay_worker_id, number, due_on, opens_on,'
            " closes_on, cut, withdrawn_why) FROM STDIN",
            text,
            COPY_AT_ONCE,
        )


@dataclass(frozen=True, slots=True)
class Logged:
    """One entry to be written, and when and by whom it is typed."""

    mother: Mother
    lay_worker: LayWorker
    entry: contacts.Entry
    by: User
    now: datetime


def record_many(logged: Sequence[Logged]) -> list[Contact]:
    """Each entry stands in the log; one statement.

    The caller holds the transaction and the plans' locks, has checked everything as ``contacts.record`` does, and
    settles windows and reminders; nobody is alerted.
    """
    return Contact.objects.bulk_create(
        [
            Contact(
                client_id=one.entry.client_id,
                client_digest=contacts.digest(one.entry),
                mother=one.mother,
                lay_worker=one.lay_worker,
                entered_at=one.now,
                entered_by=one.by,
                **contacts.columns_of(one.entry),
            )
            for one in logged
        ]
    )


def refulfil_many(*, mother_ids: Collection[int]) -> int:
    """Each window of these mothers' plans is fulfilled by the earliest completed contact in it; returns how many moved.

    As ``plans.refulfil`` for one; a constant number of queries. The caller holds the plans' locks.
    """
    completed: dict[int, list[tuple[date, int]]] = defaultdict(list)
    for mother_id, happened_on, pk in (
        Contact.objects.filter(mother__in=mother_ids, completed=True, voided_at__isnull=True)
        .order_by("happened_at", "entered_at", "id")
        .values_list("mother_id", "happened_on", "id")
    ):
        completed[mother_id].append((happened_on, pk))
    rows: dict[tuple[int, int], list[tuple[int, int | None, Window]]] = defaultdict(list)
    for mother_id, plan_id, pk, fulfilled_by, number, due_on, opens_on, closes_on, cut in (
        PlannedContact.objects.filter(mother__in=mother_ids, withdrawn_at__isnull=True)
        .order_by("plan_id", "due_on")
        .values_list(
            "mother_id", "plan_id", "id", "fulfilled_by_id", "number", "due_on", "opens_on", "closes_on", "cut"
        )
    ):
        rows[mother_id, plan_id].append((pk, fulfilled_by, Window(number, due_on, opens_on, closes_on, cut)))
    wrong: list[tuple[int, int | None, date | None]] = []
    for (mother_id, _plan), standing in rows.items():
        days = {pk: on for on, pk in completed[mother_id]}
        by_number = fulfilling([window for _pk, _by, window in standing], completed[mother_id])
        taken = set(by_number.values())
        completed[mother_id] = [(on, pk) for on, pk in completed[mother_id] if pk not in taken]
        for pk, was, window in standing:
            now_by = by_number.get(window.number)
            if now_by != was:
                wrong.append((pk, now_by, days[now_by] if now_by is not None else None))
    if not wrong:
        return 0
    # First empty, then filled: a contact that moves to another window would stand in two for a moment.
    PlannedContact.objects.filter(pk__in=[pk for pk, _by, _on in wrong], fulfilled_by__isnull=False).update(
        made_on=None, fulfilled_by=None
    )
    filled = [one for one in wrong if one[1] is not None]
    with connection.cursor() as cursor:
        cursor.execute(
            f'UPDATE "{PlannedContact._meta.db_table}" p SET fulfilled_by_id = f.contact_id, made_on = f.made_on'  # noqa: S608 - our own table's name
            " FROM unnest(%s::bigint[], %s::bigint[], %s::date[]) AS f(id, contact_id, made_on) WHERE p.id = f.id",
            [[pk for pk, _by, _on in filled], [by for _pk, by, _on in filled], [on for _pk, _by, on in filled]],
        )
    return len(wrong)
