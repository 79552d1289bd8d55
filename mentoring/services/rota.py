"""The duty rota: who answers alerts from when to when, and the named second. One shift at a time."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from mentoring.models import RotaShift
from mentoring.queries.rota import may_be_on_duty
from mentoring.rules.refusals import Refused
from people.models import User

LONGEST = timedelta(days=14)


@transaction.atomic
def name(*, on_duty: User, second: User, starts_at: datetime, ends_at: datetime, by: User, now: datetime) -> RotaShift:
    """``on_duty`` answers from ``starts_at`` to ``ends_at``, ``second`` if she does not. The same again is the one that stands.

    Raises Refused where a shift holds then already, where the two are one, and for times that cannot be.
    """
    same = RotaShift.objects.filter(
        on_duty=on_duty, second=second, starts_at=starts_at, ends_at=ends_at, withdrawn_at__isnull=True
    ).first()
    if same is not None:
        return same
    if on_duty.pk == second.pk:
        raise Refused("second_is_first", _("The second must be someone else."))
    if may_be_on_duty().filter(pk__in=[on_duty.pk, second.pk]).count() < 2:
        raise Refused("not_of_the_team", _("Only a midwife or a programme lead can be on duty."))
    if not starts_at < ends_at:
        raise Refused("shift_backwards", _("The shift must end after it begins."))
    if ends_at <= now:
        raise Refused("shift_over", _("This shift would be over already."))
    if ends_at - starts_at > LONGEST:
        raise Refused("shift_too_long", _("A shift is two weeks at most."))
    try:
        with transaction.atomic():
            return RotaShift.objects.create(
                on_duty=on_duty, second=second, starts_at=starts_at, ends_at=ends_at, made_at=now, made_by=by
            )
    except IntegrityError as error:
        raise Refused("shift_overlaps", _("Someone is on duty in these hours already.")) from error


@transaction.atomic
def withdraw(*, shift: RotaShift, by: User, now: datetime) -> RotaShift:
    """The shift holds no more; again changes nothing. Alerts that came in it stay with whoever has them."""
    locked = RotaShift.objects.select_for_update(no_key=True, of=("self",)).get(pk=shift.pk)
    if locked.withdrawn_at is None:
        locked.withdrawn_at, locked.withdrawn_by = now, by
        locked.save(update_fields=["withdrawn_at", "withdrawn_by"])
    return locked
