"""Duties: what a midwife must do next, raised by a tick or a service, closed by a person or by what made them needless."""

from collections.abc import Collection
from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext as _

from mentoring.models import ContactPlan, Duty, LayWorker, Midwife, Mother
from mentoring.queries.duty_facts import lay_workers_known, mothers_known
from mentoring.rules import duties as rules
from mentoring.rules.duties import Wanted
from mentoring.rules.refusals import Refused
from mentoring.rules.working_days import working_days_after
from people.models import User
from people.rules.local_time import local_date

MOTHERS_AT_ONCE = 500
# Those that the rules raise, and so may close again where what gave rise to them is gone.
BY_RULE = frozenset(
    {
        rules.INTRODUCE, rules.INTRODUCE_AGAIN, rules.REST_AND_DECIDE, rules.HARD_TO_REACH, rules.TWO_MISSED,
        rules.SILENT, rules.BIRTH_NOT_RECORDED, rules.SIX_WEEK_CHECK, rules.END_CHECK, rules.SAFE_CONTACT_REASK,
        rules.OPEN_PAUSE, rules.RE_OFFER, rules.WAITING, rules.COVER_GAP, rules.SUPERVISION_DUE, rules.MOOD_LOW,
    }
)  # fmt: skip
# Closed by a person alone once raised: the talk is owed whatever happens meanwhile.
KEPT = frozenset({rules.SIX_WEEK_CHECK, rules.END_CHECK, rules.MOOD_LOW, rules.SUPERVISION_DUE})
# A held plan shows none of these until it is resumed (domain.md section 4, Hold).
HIDDEN_WHILE_HELD = BY_RULE - {rules.SUPERVISION_DUE, rules.MOOD_LOW}


def sweep(*, now: datetime) -> int:
    """Every duty that the rules want on this day is open, once; those no longer wanted are closed. Returns how many moved.

    Safe to run twice at once: the second finds nothing to do. Some mothers at a time, each lot its own transaction.
    """
    mother_ids = list(
        ContactPlan.objects.filter(closed_at__isnull=True).order_by("mother_id").values_list("mother_id", flat=True)
    )
    moved = 0
    for start in range(0, len(mother_ids), MOTHERS_AT_ONCE):
        moved += refresh_for(mother_ids=mother_ids[start : start + MOTHERS_AT_ONCE], now=now)
    return moved + _sweep_lay_workers(now)


@transaction.atomic
def refresh_for(*, mother_ids: Collection[int], now: datetime) -> int:
    """The open duties of these mothers that follow from rules are those the rules want; returns how many moved.

    Waits for nobody: of two at once one writes, and what either saw too early the next sweep puts right.
    """
    on = local_date(now)
    # Before the facts: one that is closed in between is among them then, and not raised again.
    standing = {
        (duty.mother_id, duty.kind): duty
        for duty in Duty.objects.filter(mother__in=mother_ids, kind__in=BY_RULE, closed_at__isnull=True)
    }
    known = mothers_known(mother_ids, now=now)
    new = []
    for mother_id, mother in known.items():
        for wanted in rules.of_mother(mother.facts, on=on):
            if standing.pop((mother_id, wanted.kind), None) is None:
                new.append(_new(wanted, now, owner_id=mother.owner_id, mother_id=mother_id))
    gone = [
        duty.pk
        for duty in standing.values()
        if duty.kind not in KEPT or (duty.mother_id in known and known[duty.mother_id].facts.held)
    ]
    return _write(new, gone, now)


@transaction.atomic
def raise_now(
    *,
    kind: str,
    mother: Mother | None = None,
    lay_worker: LayWorker | None = None,
    owner: Midwife | None,
    due_on: date | None = None,
    about_on: date | None = None,
    text: str = "",
    by: User | None,
    now: datetime,
) -> Duty:
    """A duty of this kind is open; where one of it is open about the same already, that one, its text added to.

    Due in two working days unless ``due_on`` says otherwise.
    """
    new = Duty(
        kind=kind,
        mother=mother,
        lay_worker=lay_worker,
        owner=owner,
        about_on=about_on,
        due_on=due_on or working_days_after(local_date(now), rules.ACT_WORKING_DAYS),
        raised_at=now,
        raised_by=by,
        text=text,
    )
    Duty.objects.bulk_create([new], ignore_conflicts=True)
    same = Duty.objects.select_for_update(no_key=True, of=("self",)).get(
        kind=kind, mother=mother, lay_worker=lay_worker, closed_at__isnull=True
    )
    if text and text not in same.text:
        same.text = f"{same.text}\n{text}".strip()[-1000:]
        same.save(update_fields=["text"])
    return same


@transaction.atomic
def close(*, duty: Duty, outcome: str, note: str = "", by: User, now: datetime) -> Duty:
    """The duty is closed with what came of it; the same person again changes nothing. Raises Refused."""
    locked = Duty.objects.select_for_update(no_key=True, of=("self",)).get(pk=duty.pk)
    if locked.closed_at is not None:
        if locked.closed_by_id == by.pk:
            return locked
        raise Refused("closed", _("This is closed already."))
    locked.closed_at, locked.closed_by = now, by
    locked.outcome, locked.note = Duty.Outcome(outcome), note
    locked.save(update_fields=["closed_at", "closed_by", "outcome", "note"])
    return locked


def settle(*, mother: Mother, kind: str, outcome: str, by: User, now: datetime) -> int:
    """What ``by`` has just done elsewhere closes the open duty of this kind about her; returns how many that was."""
    return Duty.objects.filter(mother=mother, kind=kind, closed_at__isnull=True).update(
        closed_at=now, closed_by=by, outcome=Duty.Outcome(outcome)
    )


def hand_over(*, mother: Mother, owner_id: int | None) -> int:
    """Her open duties are another midwife's; returns how many moved."""
    return Duty.objects.filter(mother=mother, closed_at__isnull=True).exclude(owner=owner_id).update(owner=owner_id)


def _sweep_lay_workers(now: datetime) -> int:
    with transaction.atomic():
        on = local_date(now)
        standing = set(
            Duty.objects.filter(lay_worker__isnull=False, closed_at__isnull=True).values_list("lay_worker_id", "kind")
        )
        new = [
            _new(wanted, now, owner_id=known.owner_id, lay_worker_id=lay_worker_id)
            for lay_worker_id, known in lay_workers_known(now=now).items()
            for wanted in rules.of_lay_worker(
                feelings=known.feelings,
                supervised_on=known.supervised_on,
                low_closed_on=known.low_closed_on,
                felt_on=known.felt_on,
                on=on,
            )
            if (lay_worker_id, wanted.kind) not in standing
        ]
        return _write(new, [], now)


def _new(
    wanted: Wanted,
    now: datetime,
    *,
    owner_id: int | None,
    mother_id: int | None = None,
    lay_worker_id: int | None = None,
) -> Duty:
    return Duty(
        kind=wanted.kind,
        mother_id=mother_id,
        lay_worker_id=lay_worker_id,
        owner_id=owner_id,
        about_on=wanted.about_on,
        due_on=wanted.due_on,
        raised_at=now,
    )


def _write(new: list[Duty], gone: list[int], now: datetime) -> int:
    Duty.objects.bulk_create(new, ignore_conflicts=True)
    closed = Duty.objects.filter(pk__in=gone, closed_at__isnull=True).update(
        closed_at=now, outcome=Duty.Outcome.NOT_NEEDED
    )
    return len(new) + closed
