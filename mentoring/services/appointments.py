"""The next time, agreed: an appointment lies in the window of a planned contact, or is an extra visit."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from mentoring.models import Appointment, LayWorker, Mother, Pairing, PlannedContact
from mentoring.rules.refusals import Refused
from mentoring.services import plans, reminders
from people.models import User
from people.rules.local_time import local_date


@transaction.atomic
def agree(
    *,
    mother: Mother,
    lay_worker: LayWorker | None = None,
    starts_at: datetime,
    mode: str,
    place: str = "",
    by: User,
    now: datetime,
    planned_contact: PlannedContact | None = None,
) -> Appointment:
    """A time is agreed. It belongs to the open planned contact whose window holds it, and replaces the time agreed for it.

    Without a lay-worker given it is her paired one's. Locks the plan. Raises Refused for a time that has passed, and
    while the plan is held.
    """
    plan = plans.locked_plan(mother)
    if plans.is_held(plan):
        raise Refused("on_hold", _("Her plan is on hold. Speak to her midwife first."))
    if starts_at <= now:
        raise Refused("appointment_in_past", _("Choose a time that is still to come."))
    on = local_date(starts_at)
    row = (
        plan.planned_contacts.filter(withdrawn_at__isnull=True, opens_on__lte=on, closes_on__gt=on).first()
        if planned_contact is None
        else planned_contact
    )
    if lay_worker is None:
        pairing = Pairing.objects.filter(mother=mother, ended_at__isnull=True).select_related("lay_worker").first()
        if pairing is None:
            raise Refused("not_paired", _("She has no lay-worker yet."))
        lay_worker = pairing.lay_worker
    same = Appointment.objects.filter(
        mother=mother, lay_worker=lay_worker, starts_at=starts_at, mode=mode, withdrawn_at__isnull=True
    ).first()
    if same is not None:
        return same
    if row is not None:
        Appointment.objects.filter(planned_contact=row, withdrawn_at__isnull=True).update(
            withdrawn_at=now, withdrawn_by=by, withdrawn_why=Appointment.Withdrawn.REARRANGED
        )
    agreed = Appointment.objects.create(
        mother=mother,
        lay_worker=lay_worker,
        planned_contact=row,
        starts_at=starts_at,
        mode=mode,
        place=place,
        agreed_at=now,
        agreed_by=by,
    )
    reminders.refresh_for(mother_ids=[mother.pk], now=now, waiting=False)
    return agreed


@transaction.atomic
def call_off(
    *, appointment: Appointment, by: User, now: datetime, why: str = Appointment.Withdrawn.CALLED_OFF
) -> Appointment:
    """The appointment is withdrawn, once; it stays on record."""
    locked = Appointment.objects.select_for_update(no_key=True, of=("self",)).get(pk=appointment.pk)
    if locked.withdrawn_at is None:
        locked.withdrawn_at, locked.withdrawn_by, locked.withdrawn_why = now, by, why
        locked.save(update_fields=["withdrawn_at", "withdrawn_by", "withdrawn_why"])
        reminders.refresh_for(mother_ids=[locked.mother_id], now=now, waiting=False)
    return locked
