"""A loss, recorded in one transaction: nothing about a contact leaves after it (domain.md section 8). Undone with a reason."""

from datetime import date, datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from mentoring.models import Alert, Appointment, ContactPlan, Cover, Duty, Mother, Pairing
from mentoring.rules import alerts as alert_rules
from mentoring.rules import changes
from mentoring.rules import reminders as reminder_rules
from mentoring.rules.plan import PlanError
from mentoring.rules.refusals import Refused
from mentoring.services import alerts, duties, plans, reminders
from mentoring.services.texts import TEXT_DID_NOT_GO
from outbox.models import Message
from outbox.rules.transitions import WAITING
from outbox.services import messages
from people.models import Baby, Loss, Person, User
from people.rules.local_time import end_of, local_date
from people.services import gates

SPEAK_TO_MIDWIFE = "speak_to_midwife"
CHANNELS = (Message.Channel.EMAIL, Message.Channel.IN_APP)
# Of staff: what is about a contact, an appointment, a birth or an ending. Concerns and visits under way stay.
ABOUT_CONTACT = (*reminders.KINDS, reminder_rules.NEW_PAIRING, TEXT_DID_NOT_GO)


@transaction.atomic
def record(
    *,
    mother: Mother,
    kind: str,
    happened_on: date | None = None,
    baby: Baby | None = None,
    by: User,
    now: datetime,
) -> Loss:
    """The loss is on record and her plan is held; every message to her, and every message about a contact, is taken out.

    One transaction behind her gate: it waits for a message already in a carrier's hands and stops the rest. Her midwife
    is alerted, her lay-worker told to speak to a person, appointments withdrawn. The same kind again, not undone, is the
    one that stands. Raises Refused for a day that cannot be.
    """
    gates.lock_exclusively([mother.person.gate_id])
    same = Loss.objects.filter(person=mother.person_id, kind=kind, baby=baby, undone_at__isnull=True).first()
    if same is not None:
        return same
    if happened_on is not None and happened_on > local_date(now):
        raise Refused("loss_in_future", _("This day is still to come."))
    loss = Loss.objects.create(
        person=mother.person, baby=baby, kind=Loss.Kind(kind), happened_on=happened_on, recorded_at=now, recorded_by=by
    )
    if kind == Loss.Kind.MOTHER_DIED:
        Person.objects.filter(pk=mother.person_id).update(died_on=happened_on or local_date(now))
    if ContactPlan.objects.filter(mother=mother, closed_at__isnull=True).exists():
        hold = "ended" if kind == Loss.Kind.MOTHER_DIED else "loss"
        plans.change(mother=mother, request=plans.Hold(hold), asked_by="record", by=by, now=now)
    _silence(mother, by, now)
    alerts.raise_alert(kind=alert_rules.LOSS, mother=mother, loss=loss, by=by, now=now)
    duties.refresh_for(mother_ids=[mother.pk], now=now)
    if kind != Loss.Kind.MOTHER_DIED:
        duties.raise_now(kind=Duty.Kind.BEREAVEMENT, mother=mother, owner=mother.midwife, by=by, now=now)
    _tell_lay_workers(mother, now)
    return loss


@transaction.atomic
def undo(*, loss: Loss, mother: Mother, reason: str, by: User, now: datetime) -> Loss:
    """It did not happen: the plan goes on as if it had not been recorded. Nothing is sent of what was taken out meanwhile.

    Appointments stay withdrawn: a time is agreed again. Support that had begun is closed. Raises Refused without a reason.
    """
    if not reason.strip():
        raise Refused("reason_missing", _("Say why it is taken back."))
    gates.lock_exclusively([mother.person.gate_id])
    locked = Loss.objects.select_for_update(no_key=True, of=("self",)).get(pk=loss.pk)
    if locked.undone_at is not None:
        return locked
    locked.undone_at, locked.undone_by, locked.undone_reason = now, by, reason.strip()
    locked.save(update_fields=["undone_at", "undone_by", "undone_reason"])
    if locked.kind == Loss.Kind.MOTHER_DIED:
        Person.objects.filter(pk=mother.person_id).update(died_on=None)
    if not Loss.objects.filter(person=mother.person_id, undone_at__isnull=True).exists():
        _end_support(mother, by, now)
        plans.change(mother=mother, request=plans.UndoHold(), asked_by="midwife", by=by, now=now)
    Duty.objects.filter(mother=mother, kind=Duty.Kind.BEREAVEMENT, closed_at__isnull=True).update(
        closed_at=now, closed_by=by, outcome=Duty.Outcome.NOT_NEEDED
    )
    Alert.objects.filter(loss=locked, closed_at__isnull=True).update(
        closed_at=now, closed_by=by, outcome=Alert.Outcome.FALSE_ALARM
    )
    duties.refresh_for(mother_ids=[mother.pk], now=now)
    return locked


@transaction.atomic
def start_support(
    *, mother: Mother, starts_on: date, every_days: int, ends_on: date, by: User, now: datetime
) -> ContactPlan:
    """Contact goes on as bereavement support, with the plan agreed with her; the plan before it is closed.

    One plan is open at a time. Raises Refused without a loss, for days that do not fit, and where support has begun.
    """
    gates.lock_exclusively([mother.person.gate_id])
    if not Loss.objects.filter(person=mother.person_id, undone_at__isnull=True).exists():
        raise Refused("no_loss", _("No loss is recorded."))
    held = plans.locked_plan(mother)
    if held.kind == ContactPlan.Kind.BEREAVEMENT:
        raise Refused("support_begun", _("Support has begun already."))
    if starts_on < local_date(now):
        raise Refused("support_in_past", _("Support cannot begin in the past."))
    try:
        state = changes.start_bereavement(starts_on=starts_on, every_days=every_days, ends_on=ends_on)
    except PlanError as error:
        raise Refused("dates_do_not_fit", _("These days do not fit together.")) from error
    held.closed_at, held.closed_by = now, by
    held.save(update_fields=["closed_at", "closed_by"])
    plan = plans.start(mother=mother, state=state, by=by, now=now)
    Duty.objects.filter(mother=mother, kind=Duty.Kind.BEREAVEMENT, closed_at__isnull=True).update(
        closed_at=now, closed_by=by, outcome=Duty.Outcome.DONE
    )
    return plan


def _end_support(mother: Mother, by: User, now: datetime) -> None:
    """The programme's plan is the open one again."""
    support = ContactPlan.objects.filter(mother=mother, kind=ContactPlan.Kind.BEREAVEMENT, closed_at__isnull=True)
    if support.update(closed_at=now, closed_by=by):
        before = ContactPlan.objects.filter(mother=mother, kind=ContactPlan.Kind.PROGRAMME).order_by("-pk").first()
        if before is not None:
            before.closed_at, before.closed_by = None, None
            before.save(update_fields=["closed_at", "closed_by"])


def _silence(mother: Mother, by: User, now: datetime) -> None:
    going = Message.objects.filter(
        Q(recipient_person=mother.person_id) | Q(subject=mother.person_id, kind__in=ABOUT_CONTACT), status__in=WAITING
    )
    messages.cancel_many(ids=list(going.values_list("pk", flat=True)), why="loss", now=now)
    Appointment.objects.filter(mother=mother, withdrawn_at__isnull=True, starts_at__gt=now).update(
        withdrawn_at=now, withdrawn_by=by, withdrawn_why=Appointment.Withdrawn.LOSS
    )


def _tell_lay_workers(mother: Mother, now: datetime) -> None:
    today = local_date(now)
    paired = Pairing.objects.filter(mother=mother, ended_at__isnull=True).values_list("lay_worker__user", flat=True)
    covering = Cover.objects.filter(
        mother=mother, cancelled_at__isnull=True, starts_on__lte=today, ends_on__gt=today
    ).values_list("lay_worker__user", flat=True)
    messages.queue_many(
        [
            messages.New(
                kind=SPEAK_TO_MIDWIFE,
                subject_id=mother.person_id,
                recipient_user_id=user_id,
                channel=channel,
                nominal_on=today,
                due_at=reminder_rules.in_staff_hours(now),
                expires_at=end_of(today + reminders.KEPT),
            )
            for user_id in {*paired, *covering}
            for channel in CHANNELS
        ],
        now=now,
    )
