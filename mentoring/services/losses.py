"""A loss, recorded in one transaction: nothing about a contact leaves after it (domain.md section 8). Undone with a reason."""

from collections.abc import Collection
from datetime import date, datetime

from django.db import transaction
from django.db.models import Q, QuerySet
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
# Mentoring has ended (domain.md section 3); the others hold the plan as a loss.
ENDS = frozenset({Loss.Kind.MOTHER_DIED, Loss.Kind.NOT_LIVING_WITH_HER})
OF_PREGNANCY = frozenset({Loss.Kind.MISCARRIAGE, Loss.Kind.TERMINATION})
OF_A_BABY = frozenset({Loss.Kind.STILLBIRTH, Loss.Kind.BABY_DIED, Loss.Kind.NOT_LIVING_WITH_HER})


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
    is alerted, her lay-worker told to speak to a person, appointments withdrawn. The same again, not undone, is the one
    that stands; where no more was said at first, that one says now what it was. Raises Refused for what cannot be.
    """
    gates.lock_exclusively([mother.person.gate_id])
    # A time agreed at this moment is agreed before it, and withdrawn, or refused after it.
    plan = plans.locked_plan(mother)
    what = Loss.Kind(kind)
    baby = _baby(mother, what, baby)
    _check(mother, what, happened_on, baby, now)
    standing = list(standing_losses(mother))
    for known in standing:
        if (known.kind, known.baby_id) == (what, baby.pk if baby else None):
            return known
    loss = next((known for known in standing if known.kind == Loss.Kind.NOT_SAID), None)
    if loss is None and standing and what == Loss.Kind.NOT_SAID:
        return standing[-1]
    is_new = loss is None
    if loss is not None:
        loss.kind, loss.baby, loss.happened_on = what, baby, happened_on or loss.happened_on
        loss.save(update_fields=["kind", "baby", "happened_on"])
    else:
        loss = Loss.objects.create(
            person=mother.person, baby=baby, kind=what, happened_on=happened_on, recorded_at=now, recorded_by=by
        )
    if what == Loss.Kind.MOTHER_DIED and happened_on is not None:
        Person.objects.filter(pk=mother.person_id).update(died_on=happened_on)
    if is_new:
        alerts.raise_alert(kind=alert_rules.LOSS, mother=mother, loss=loss, by=by, now=now)
        _tell_lay_workers(loss, mother, now)
    if is_new or what in ENDS:
        _silence(mother, by, now)
        kinds = {what, *_holding(mother, plan)}
        plans.change(mother=mother, request=plans.Hold(hold_for(kinds), loss.pk), asked_by="record", by=by, now=now)
        duties.refresh_for(mother_ids=[mother.pk], now=now)
    _settle_duty(mother, by, now)
    return loss


@transaction.atomic
def undo(*, loss: Loss, mother: Mother, reason: str, by: User, now: datetime) -> Loss:
    """It did not happen: without another loss the plan goes on as before, and support that had begun is over.

    What was taken out is not sent later: messages are written afresh from the plan as it stands, appointments stay
    withdrawn and are agreed again. The same again changes nothing. Raises Refused without a reason.
    """
    if not reason.strip():
        raise Refused("reason_missing", _("Say why it is taken back."))
    gates.lock_exclusively([mother.person.gate_id])
    locked = Loss.objects.select_for_update(no_key=True, of=("self",)).get(pk=loss.pk, person=mother.person_id)
    if locked.undone_at is not None:
        return locked
    plan = plans.locked_plan(mother)
    locked.undone_at, locked.undone_by, locked.undone_reason = now, by, reason.strip()
    locked.save(update_fields=["undone_at", "undone_by", "undone_reason"])
    if locked.kind == Loss.Kind.MOTHER_DIED:
        Person.objects.filter(pk=mother.person_id).update(died_on=None)
    if not standing_losses(mother).exists():
        plan = _programme_plan_again(mother, plan, by, now)
    _release(mother, plan, by, now)
    Alert.objects.filter(loss=locked, closed_at__isnull=True).update(
        closed_at=now, closed_by=by, outcome=Alert.Outcome.FALSE_ALARM
    )
    going = Message.objects.filter(
        subject=mother.person_id, kind=SPEAK_TO_MIDWIFE, about=_about(locked), status__in=WAITING
    )
    messages.cancel_many(ids=list(going.values_list("pk", flat=True)), why="undone", now=now)
    _settle_duty(mother, by, now)
    duties.refresh_for(mother_ids=[mother.pk], now=now)
    return locked


@transaction.atomic
def start_support(
    *, mother: Mother, starts_on: date, every_days: int, ends_on: date, by: User, now: datetime
) -> ContactPlan:
    """Contact goes on as bereavement support, with the plan agreed with her; the plan held before it is closed.

    One plan is open at a time. The same support again is the one that stands. Raises Refused without a loss, for days
    that do not fit, and where other support is under way.
    """
    gates.lock_exclusively([mother.person.gate_id])
    _check_may_decide(mother)
    open_plan = plans.locked_plan(mother)
    try:
        state = changes.start_bereavement(starts_on=starts_on, every_days=every_days, ends_on=ends_on)
    except PlanError as error:
        raise Refused(
            "dates_do_not_fit", _("Support must end after it begins, with 1 to 365 days between contacts.")
        ) from error
    if _is_under_way(open_plan, now):
        if changes.from_json(open_plan.state) == state:
            return open_plan
        raise Refused("support_begun", _("Support has begun already. Change its plan instead."))
    if starts_on < local_date(now):
        raise Refused("support_in_past", _("Support cannot begin in the past."))
    open_plan.closed_at, open_plan.closed_by = now, by
    open_plan.save(update_fields=["closed_at", "closed_by"])
    plan = plans.start(mother=mother, state=state, by=by, now=now)
    _close_duty(mother, Duty.Outcome.DONE, by, now)
    return plan


@transaction.atomic
def decline_support(*, mother: Mother, by: User, now: datetime) -> None:
    """It is decided with her that no contact goes on: the plan stays held, and nobody is asked to decide again."""
    gates.lock_exclusively([mother.person.gate_id])
    _check_may_decide(mother)
    if _is_under_way(plans.locked_plan(mother), now):
        raise Refused("support_begun", _("Support has begun already. Change its plan instead."))
    _close_duty(mother, Duty.Outcome.SHE_SAID_NO, by, now)


def standing_losses(mother: Mother) -> QuerySet[Loss]:
    """Return the losses of hers that were not taken back, in the order in which they were recorded."""
    return Loss.objects.filter(person=mother.person_id, undone_at__isnull=True).order_by("recorded_at", "pk")


def _baby(mother: Mother, kind: Loss.Kind, baby: Baby | None) -> Baby | None:
    """Return which baby it is about: where one alone is recorded, that one."""
    if kind not in OF_A_BABY:
        return None
    hers = list(Baby.objects.filter(pregnancy__person=mother.person_id))
    if baby is None:
        return hers[0] if len(hers) == 1 else None
    if baby not in hers:
        raise Refused("not_her_baby", _("This is another mother's baby."))
    return baby


def _check(mother: Mother, kind: Loss.Kind, happened_on: date | None, baby: Baby | None, now: datetime) -> None:
    if happened_on is not None and happened_on > local_date(now):
        raise Refused("loss_in_future", _("This day is still to come."))
    if happened_on is not None and baby is not None and kind == Loss.Kind.BABY_DIED and happened_on < baby.born_on:
        raise Refused("loss_before_birth", _("This day is before the birth that is recorded."))
    if kind in OF_PREGNANCY and Baby.objects.filter(pregnancy__person=mother.person_id).exists():
        raise Refused("born_already", _("A birth is recorded. Choose what happened after it."))


def _check_may_decide(mother: Mother) -> None:
    kinds = set(standing_losses(mother).values_list("kind", flat=True))
    if not kinds:
        raise Refused("no_loss", _("No loss is recorded."))
    if Loss.Kind.MOTHER_DIED in kinds:
        raise Refused("she_died", _("She has died. There is no contact to agree."))


def _is_under_way(plan: ContactPlan, now: datetime) -> bool:
    return plan.kind == ContactPlan.Kind.BEREAVEMENT and plan.ends_on >= local_date(now) and not plans.is_held(plan)


def hold_for(kinds: Collection[str]) -> str:
    """Return the kind of hold that these losses together ask for: ended (domain.md section 3), else as a loss."""
    if Loss.Kind.MOTHER_DIED in kinds or set(kinds) <= ENDS:
        return "ended"
    return "loss"


def _holding(mother: Mother, plan: ContactPlan) -> list[str]:
    """Return the kinds of the losses that hold ``plan``: of support, those recorded once it had begun."""
    losses = standing_losses(mother)
    if plan.kind == ContactPlan.Kind.BEREAVEMENT:
        losses = losses.filter(recorded_at__gt=plan.opened_at)
    return list(losses.values_list("kind", flat=True))


def _release(mother: Mother, plan: ContactPlan, by: User, now: datetime) -> None:
    """``plan`` is held as the losses that still stand ask for; what those taken back had asked for is undone.

    A hold that no loss asked for is somebody's decision, before or since, and stays.
    """
    kinds = _holding(mother, plan)
    taken_back = list(
        Loss.objects.filter(person=mother.person_id, undone_at__isnull=False).values_list("pk", flat=True)
    )
    while True:
        plan.refresh_from_db()
        held = plans.hold_kind(plan)
        asked_for = plan.changes.filter(asked_for__kind=held, asked_for__loss__in=taken_back)
        if held is None or (kinds and held == hold_for(kinds)) or not asked_for.exists():
            break
        plans.change(mother=mother, request=plans.UndoHold(), asked_by="midwife", by=by, now=now)
    if kinds:
        plans.change(mother=mother, request=plans.Hold(hold_for(kinds)), asked_by="record", by=by, now=now)


def _programme_plan_again(mother: Mother, plan: ContactPlan, by: User, now: datetime) -> ContactPlan:
    """The programme's plan is the open one, also where support had taken its place; returned as it was held.

    Times agreed in support are withdrawn with it.
    """
    if plan.kind == ContactPlan.Kind.PROGRAMME:
        return plan
    plan.closed_at, plan.closed_by = now, by
    plan.save(update_fields=["closed_at", "closed_by"])
    _withdraw_appointments(mother, Appointment.Withdrawn.PLAN_CHANGED, by, now)
    programme = ContactPlan.objects.filter(mother=mother, kind=ContactPlan.Kind.PROGRAMME).latest("pk")
    programme.closed_at, programme.closed_by = None, None
    programme.save(update_fields=["closed_at", "closed_by"])
    reminders.refresh_for(mother_ids=[mother.pk], now=now)
    return programme


def _settle_duty(mother: Mother, by: User, now: datetime) -> None:
    """The midwife is to decide with her about support while a loss holds her plan and she lives."""
    kinds = set(standing_losses(mother).values_list("kind", flat=True))
    if not kinds or Loss.Kind.MOTHER_DIED in kinds:
        _close_duty(mother, Duty.Outcome.NOT_NEEDED, by, now)
    elif plans.is_held(plans.locked_plan(mother)):
        duties.raise_now(kind=Duty.Kind.BEREAVEMENT, mother=mother, owner=mother.midwife, by=by, now=now)


def _close_duty(mother: Mother, outcome: str, by: User, now: datetime) -> None:
    Duty.objects.filter(mother=mother, kind=Duty.Kind.BEREAVEMENT, closed_at__isnull=True).update(
        closed_at=now, closed_by=by, outcome=outcome
    )


def _silence(mother: Mother, by: User, now: datetime) -> None:
    going = Message.objects.filter(
        Q(recipient_person=mother.person_id) | Q(subject=mother.person_id, kind__in=ABOUT_CONTACT), status__in=WAITING
    )
    messages.cancel_many(ids=list(going.values_list("pk", flat=True)), why="loss", now=now)
    _withdraw_appointments(mother, Appointment.Withdrawn.LOSS, by, now)


def _withdraw_appointments(mother: Mother, why: str, by: User, now: datetime) -> None:
    Appointment.objects.filter(mother=mother, withdrawn_at__isnull=True, starts_at__gt=now).update(
        withdrawn_at=now, withdrawn_by=by, withdrawn_why=why
    )


def _about(loss: Loss) -> str:
    return f"loss:{loss.pk}"


def _tell_lay_workers(loss: Loss, mother: Mother, now: datetime) -> None:
    """Whoever is paired with her or covers her is told to speak to her midwife: never what happened."""
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
                about=_about(loss),
                recipient_user_id=user_id,
                channel=channel,
                nominal_on=today,
                due_at=reminder_rules.in_staff_hours(now),
                expires_at=end_of(today + reminders.KEPT),
            )
            for user_id in sorted({*paired, *covering})
            for channel in CHANNELS
        ],
        now=now,
    )
