"""Duties: what a midwife must do next, raised by a tick or a service, closed by a person or by what made them needless."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date, datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from mentoring.models import ContactPlan, Duty, LayWorker, Midwife, Mother, Pairing
from mentoring.queries.duty_facts import lay_workers_known, mothers_known
from mentoring.queries.replies import OF_REPLIES, replies_for, shown
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
    gone: dict[str, list[int]] = defaultdict(list)
    for (_mother, kind), duty in standing.items():
        hers = known.get(duty.mother_id) if duty.mother_id is not None else None
        facts = hers.facts if hers is not None else None
        if kind in KEPT and not (facts is not None and facts.held):
            continue
        answered = facts is not None and rules.is_answered(kind, facts, raised_on=local_date(duty.raised_at))
        gone[Duty.Outcome.ANSWERED if answered else Duty.Outcome.NOT_NEEDED].append(duty.pk)
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
    open_ones = Duty.objects.filter(kind=kind, mother=mother, lay_worker=lay_worker, closed_at__isnull=True)
    same = None
    while same is None:
        Duty.objects.bulk_create([new], ignore_conflicts=True)
        # None where the one that stood in the way has been closed in between: then there is room.
        same = open_ones.select_for_update(no_key=True, of=("self",)).first()
    if text and f"\n{text}\n" not in f"\n{same.text}\n":
        same.text = f"{same.text}\n{text}"
        same.save(update_fields=["text"])
    return same


@transaction.atomic
def close(*, duty: Duty, outcome: str, note: str = "", seen: str | None = None, by: User, now: datetime) -> Duty:
    """The duty is closed with what came of it; the same person again changes nothing. Raises Refused.

    ``seen``: the mark of what her page showed (``queries.replies.shown``). What has come since is not closed unread:
    whoever adds to an open duty locks it first, as this does.
    """
    locked = Duty.objects.select_for_update(no_key=True, of=("self",)).get(pk=duty.pk)
    if locked.closed_at is not None:
        if locked.closed_by_id == by.pk:
            return locked
        raise Refused("closed", _("This is closed already."))
    if seen is not None and seen != shown(locked, replies_for(locked)):
        words = (
            _("Another reply has come. Read it first.")
            if locked.kind in OF_REPLIES
            else _("More has been added. Read it first.")
        )
        raise Refused("more_came", words)
    locked.closed_at, locked.closed_by = now, by
    locked.outcome, locked.note = Duty.Outcome(outcome), note
    locked.save(update_fields=["closed_at", "closed_by", "outcome", "note"])
    return locked


def settle(*, mother: Mother, kind: str, outcome: str, by: User, now: datetime) -> int:
    """What ``by`` has just done elsewhere closes the open duty of this kind about her; returns how many that was."""
    return Duty.objects.filter(mother=mother, kind=kind, closed_at__isnull=True).update(
        closed_at=now, closed_by=by, outcome=Duty.Outcome(outcome)
    )


def hand_over(*, mother: Mother | None = None, lay_worker: LayWorker | None = None, owner_id: int | None) -> int:
    """The open duties about her are another midwife's, a lay-worker's with those of her mothers; returns how many moved."""
    about = (
        Q(mother=mother)
        if mother is not None
        else Q(lay_worker=lay_worker)
        | Q(mother__in=Pairing.objects.filter(lay_worker=lay_worker, ended_at__isnull=True).values("mother"))
    )
    standing = Duty.objects.filter(about, closed_at__isnull=True)
    return standing.filter(~Q(owner=owner_id) | Q(owner__isnull=True)).update(owner=owner_id)


@transaction.atomic
def _sweep_lay_workers(now: datetime) -> int:
    on = local_date(now)
    standing = {
        (duty.lay_worker_id, duty.kind): duty.pk
        for duty in Duty.objects.filter(lay_worker__isnull=False, closed_at__isnull=True)
    }
    known = lay_workers_known(now=now)
    new = [
        _new(wanted, now, owner_id=one.owner_id, lay_worker_id=lay_worker_id)
        for lay_worker_id, one in known.items()
        for wanted in rules.of_lay_worker(
            feelings=one.feelings, supervised_on=one.supervised_on, low_closed_on=one.low_closed_on, on=on
        )
        if (lay_worker_id, wanted.kind) not in standing
    ]
    # Nobody meets one who has left; a word with her may still be owed.
    left = [pk for (key, kind), pk in standing.items() if kind == Duty.Kind.SUPERVISION_DUE and key not in known]
    return _write(new, {Duty.Outcome.NOT_NEEDED: left}, now)


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


def _write(new: list[Duty], gone: Mapping[str, list[int]], now: datetime) -> int:
    Duty.objects.bulk_create(new, ignore_conflicts=True)
    moved = len(new)
    for outcome, pks in gone.items():
        if pks:
            moved += Duty.objects.filter(pk__in=pks, closed_at__isnull=True).update(closed_at=now, outcome=outcome)
    return moved
