"""Who is with whom: pairing, its end, cover. Keeps the lay-worker's key on planned contacts, and the messages, in step."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from mentoring.models import Appointment, Cover, LayWorker, Mother, Pairing, PlannedContact
from mentoring.rules.duties import INTRODUCE
from mentoring.rules.refusals import Refused
from mentoring.services import duties, protocol, reminders
from people.models import User
from people.rules.local_time import local_date
from people.services import gates


def _lock(mother: Mother) -> Mother:
    """Return the mother as she stands, her gate locked: pairings and covers of hers change one at a time."""
    gates.lock_exclusively([mother.person.gate_id])
    return Mother.objects.get(pk=mother.pk)


def _check_takes_mothers(lay_worker: LayWorker, today: date) -> None:
    if lay_worker.left_on is not None and lay_worker.left_on <= today:
        raise Refused("lay_worker_left", _("This lay-worker takes no more mothers."))
    if not lay_worker.user.is_active:
        raise Refused("lay_worker_inactive", _("This lay-worker cannot sign in at present."))


@transaction.atomic
def pair(
    *,
    mother: Mother,
    lay_worker: LayWorker,
    by: User | None,
    now: datetime,
    starts_on: date | None = None,
    announced: bool = True,
) -> Pairing:
    """The mother is with the lay-worker from ``starts_on`` (today unless given) on; her plan is offered from the first.

    Locks the mother's gate: two midwives pairing at once give one pairing and one refusal. The same pairing
    again is the one that stands. The lay-worker is told at once unless not ``announced``: an import sends one digest.
    Raises Refused.
    """
    today = local_date(now)
    starts_on = starts_on or today
    locked = _lock(mother)
    if starts_on > today:
        raise Refused("pairing_in_future", _("A pairing cannot begin in the future."))
    if starts_on < locked.starts_on:
        raise Refused("pairing_before_start", _("A pairing cannot begin before her first visit."))
    standing = Pairing.objects.filter(mother=locked, ended_at__isnull=True).first()
    if standing is not None:
        if (standing.lay_worker_id, standing.starts_on) == (lay_worker.pk, starts_on):
            return standing
        raise Refused("paired_already", _("She has a lay-worker already. End that pairing first."))
    _check_takes_mothers(lay_worker, today)
    most = protocol.in_force(now=now).mothers_per_lay_worker
    # Her row is locked too, so that two midwives filling the last place give one pairing.
    LayWorker.objects.select_for_update(no_key=True, of=("self",)).get(pk=lay_worker.pk)
    if Pairing.objects.filter(lay_worker=lay_worker, ended_at__isnull=True).count() >= most:
        raise Refused("lay_worker_full", _("This lay-worker has as many mothers as the protocol allows."))
    try:
        with transaction.atomic():
            pairing = Pairing.objects.create(
                mother=locked, lay_worker=lay_worker, starts_on=starts_on, made_at=now, made_by=by
            )
    except IntegrityError as error:
        raise Refused("pairing_overlaps", _("She was with another lay-worker on that day.")) from error
    locked.midwife_id = lay_worker.supervisor_id
    if locked.offered_from is None:
        locked.offered_from = starts_on
    locked.save(update_fields=["midwife", "offered_from"])
    _hand_rows_to(locked, lay_worker.pk)
    if announced:
        reminders.announce_pairing(pairing=pairing, now=now)
    reminders.refresh_for(mother_ids=[locked.pk], now=now)
    duties.hand_over(mother=locked, owner_id=locked.midwife_id)
    duties.refresh_for(mother_ids=[locked.pk], now=now)
    return pairing


@transaction.atomic
def introduce(*, pairing: Pairing, on: date, how: str, by: User, now: datetime) -> Pairing:
    """The midwife has introduced them, on ``on``: her duty is done. Again changes nothing.

    Raises Refused for a day that cannot be, and for a pairing that has ended.
    """
    _lock(pairing.mother)
    locked = Pairing.objects.select_for_update(no_key=True, of=("self",)).get(pk=pairing.pk)
    if locked.ended_at is not None:
        raise Refused("ended_already", _("This pairing has ended already."))
    if locked.introduced_on is not None:
        return locked
    if not locked.starts_on <= on <= local_date(now):
        raise Refused("introduced_when", _("They were introduced between the pairing and today."))
    locked.introduced_on, locked.introduced_by, locked.introduced_how = on, by, Pairing.IntroducedHow(how)
    locked.save(update_fields=["introduced_on", "introduced_by", "introduced_how"])
    duties.settle(mother=locked.mother, kind=INTRODUCE, outcome="done", by=by, now=now)
    reminders.refresh_for(mother_ids=[locked.mother_id], now=now)
    return locked


def introduce_now(*, mother_id: int | None, on: date, how: str, by: User, now: datetime) -> Pairing:
    """The mother and whoever is paired with her now are introduced. Raises Refused as ``introduce`` does, and for none."""
    pairing = Pairing.objects.filter(mother=mother_id, ended_at__isnull=True).select_related("mother__person").first()
    if pairing is None:
        raise Refused("not_paired", _("She has no lay-worker now."))
    return introduce(pairing=pairing, on=on, how=how, by=by, now=now)


@transaction.atomic
def end(*, pairing: Pairing, reason: str, by: User, now: datetime) -> Pairing:
    """The pairing is over now; the mother awaits a lay-worker, and the lay-worker no longer sees her.

    Times they had agreed are withdrawn, messages about her go to nobody. The same person with the same reason again
    changes nothing. Raises Refused where another ended it.
    """
    mother = _lock(pairing.mother)
    locked = Pairing.objects.select_for_update(no_key=True, of=("self",)).get(pk=pairing.pk)
    if locked.ended_at is not None:
        if (locked.ended_by_id, locked.end_reason) == (by.pk, reason):
            return locked
        raise Refused("ended_already", _("This pairing has ended already."))
    locked.ends_on = max(local_date(now), locked.starts_on)
    locked.ended_at, locked.ended_by, locked.end_reason = now, by, reason
    locked.save(update_fields=["ends_on", "ended_at", "ended_by", "end_reason"])
    _hand_rows_to(mother, None)
    Appointment.objects.filter(
        mother=mother, lay_worker=locked.lay_worker_id, withdrawn_at__isnull=True, starts_at__gt=now
    ).update(withdrawn_at=now, withdrawn_by=by, withdrawn_why=Appointment.Withdrawn.PAIRING_ENDED)
    reminders.refresh_for(mother_ids=[mother.pk], now=now)
    duties.refresh_for(mother_ids=[mother.pk], now=now)
    return locked


@transaction.atomic
def arrange_cover(
    *, mother: Mother, lay_worker: LayWorker, starts_on: date, ends_on: date, by: User, now: datetime
) -> Cover:
    """Another lay-worker keeps in touch from ``starts_on`` up to, not including, ``ends_on``; messages go to her then.

    The same cover again is the one that stands. Raises Refused in plain words.
    """
    today = local_date(now)
    locked = _lock(mother)
    same = Cover.objects.filter(
        mother=locked, lay_worker=lay_worker, starts_on=starts_on, ends_on=ends_on, cancelled_at__isnull=True
    ).first()
    if same is not None:
        return same
    if starts_on < today:
        raise Refused("cover_in_past", _("Cover cannot begin in the past."))
    if ends_on <= starts_on:
        raise Refused("cover_backwards", _("Cover must end after the day it begins."))
    if Pairing.objects.filter(mother=locked, lay_worker=lay_worker, ended_at__isnull=True).exists():
        raise Refused("covers_herself", _("She is this mother's own lay-worker."))
    _check_takes_mothers(lay_worker, today)
    overlapping = Cover.objects.filter(
        mother=locked, cancelled_at__isnull=True, starts_on__lt=ends_on, ends_on__gt=starts_on
    )
    if overlapping.exists():
        raise Refused("covered_already", _("Someone covers on some of these days already."))
    cover = Cover.objects.create(
        mother=locked, lay_worker=lay_worker, starts_on=starts_on, ends_on=ends_on, made_at=now, made_by=by
    )
    reminders.refresh_for(mother_ids=[locked.pk], now=now)
    return cover


@transaction.atomic
def cancel_cover(*, cover: Cover, by: User, now: datetime) -> Cover:
    """The cover is over from now on; the same person again changes nothing. Raises Refused where it was over already."""
    mother = _lock(cover.mother)
    locked = Cover.objects.select_for_update(no_key=True, of=("self",)).get(pk=cover.pk)
    if locked.cancelled_by_id == by.pk:
        return locked
    if locked.cancelled_at is not None or locked.ends_on <= local_date(now):
        raise Refused("cover_over", _("This cover is over already."))
    locked.cancelled_at, locked.cancelled_by = now, by
    locked.save(update_fields=["cancelled_at", "cancelled_by"])
    reminders.refresh_for(mother_ids=[mother.pk], now=now)
    return locked


def _hand_rows_to(mother: Mother, lay_worker_id: int | None) -> None:
    # Those made too: one whose entry is taken back is open again, and hers to make.
    PlannedContact.objects.filter(mother=mother, withdrawn_at__isnull=True).exclude(
        Q(lay_worker=lay_worker_id) if lay_worker_id is not None else Q(lay_worker__isnull=True)
    ).update(lay_worker=lay_worker_id)


def was_with(*, mother: Mother, lay_worker: LayWorker, at: datetime, now: datetime, late_days: int) -> bool:
    """Return whether an entry about ``at`` may be made now: she was paired or covering then, and still is or lately was.

    An entry is judged by who was paired or covering when it happened; for ``late_days`` after that ended she may
    still log. Rule: domain.md section 2.
    """
    on, today = local_date(at), local_date(now)
    since = now - timedelta(days=late_days)
    pairings = Pairing.objects.filter(mother=mother, lay_worker=lay_worker)
    covers = Cover.objects.filter(mother=mother, lay_worker=lay_worker)
    then = (
        pairings.filter(starts_on__lte=on).filter(Q(ended_at__isnull=True) | Q(ended_at__gte=at)).exists()
        or covers.filter(starts_on__lte=on, ends_on__gt=on)
        .filter(Q(cancelled_at__isnull=True) | Q(cancelled_at__gte=at))
        .exists()
    )
    if not then:
        return False
    return (
        pairings.filter(Q(ended_at__isnull=True) | Q(ended_at__gt=since)).exists()
        or covers.filter(starts_on__lte=today, ends_on__gt=today - timedelta(days=late_days))
        .filter(Q(cancelled_at__isnull=True) | Q(cancelled_at__gt=since))
        .exists()
    )


@transaction.atomic
def arrange_covers(
    *, mothers: Sequence[Mother], lay_worker: LayWorker, starts_on: date, ends_on: date, by: User, now: datetime
) -> list[Cover]:
    """Cover for several mothers, all or none. Locks them in one order. Raises Refused as ``arrange_cover`` does."""
    return [
        arrange_cover(mother=mother, lay_worker=lay_worker, starts_on=starts_on, ends_on=ends_on, by=by, now=now)
        for mother in sorted(mothers, key=lambda mother: mother.person.gate_id)
    ]
