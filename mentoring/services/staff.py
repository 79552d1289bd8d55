"""Profiles of lay-workers and midwives, beside the right that an administrator grants."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from mentoring.models import LayWorker, Midwife, Mother
from mentoring.rules.refusals import Refused
from mentoring.services import duties
from people.models import Locality, User


@transaction.atomic
def make_midwife(*, user: User, by: User | None, now: datetime) -> Midwife:
    """``user`` has a midwife's profile; twice is once."""
    return Midwife.objects.get_or_create(user=user, defaults={"made_at": now, "made_by": by})[0]


@transaction.atomic
def make_lay_worker(
    *,
    user: User,
    supervisor: Midwife,
    locality: Locality,
    languages: Sequence[str],
    weekly_hours: Decimal,
    by: User | None,
    now: datetime,
) -> LayWorker:
    """``user`` has a lay-worker's profile. Refused where she has one."""
    if LayWorker.objects.filter(user=user).exists():
        raise Refused("has_profile", _("This person is a lay-worker already."))
    return LayWorker.objects.create(
        user=user,
        supervisor=supervisor,
        locality=locality,
        languages=list(languages),
        weekly_hours=weekly_hours,
        made_at=now,
        made_by=by,
    )


@transaction.atomic
def update_lay_worker(
    *,
    lay_worker: LayWorker,
    supervisor: Midwife,
    locality: Locality,
    languages: Sequence[str],
    weekly_hours: Decimal,
    left_on: date | None,
    by: User,
    now: datetime,
) -> LayWorker:
    """The profile is as given; where the supervisor changes, her mothers are answered for by the new one, and the duties."""
    locked = LayWorker.objects.select_for_update(no_key=True).get(pk=lay_worker.pk)
    moved = locked.supervisor_id != supervisor.pk
    locked.supervisor = supervisor
    locked.locality = locality
    locked.languages = list(languages)
    locked.weekly_hours = weekly_hours
    locked.left_on = left_on
    locked.save(update_fields=["supervisor", "locality", "languages", "weekly_hours", "left_on"])
    if moved:
        Mother.objects.filter(pairings__lay_worker=locked, pairings__ended_at__isnull=True).update(midwife=supervisor)
        duties.hand_over(lay_worker=locked, owner_id=supervisor.pk)
    return locked
