"""What interrupts: raised by an entry, a loss or a visit, passed on where nobody has acknowledged it, closed with an outcome."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from mentoring.access import midwife_of
from mentoring.models import Alert, Contact, Mother, RotaShift, Visit
from mentoring.queries.rota import leads, may_be_on_duty, shift_at
from mentoring.rules import alerts as rules
from mentoring.rules.refusals import Refused
from mentoring.rules.working_days import in_office_hours
from outbox.models import Message
from outbox.services import messages
from people.models import Loss, User
from people.rules.local_time import local_date

logger = logging.getLogger(__name__)
CHANNELS = (Message.Channel.EMAIL, Message.Channel.IN_APP)
KEPT = timedelta(days=7)


def tell_of_entry(*, contact: Contact, now: datetime) -> list[Alert]:
    """What in this entry should not wait interrupts whoever answers now: one alert a kind, however often it is corrected."""
    kinds = []
    if contact.concern in {"emergency", "today"}:
        kinds.append(f"concern_{contact.concern}")
    if contact.please_ring_me:
        kinds.append(rules.PLEASE_RING_ME)
    if contact.outcome == "not_safe":
        kinds.append(rules.NOT_SAFE)
    known = set(Alert.objects.filter(contact=contact).values_list("kind", flat=True))
    return [
        raise_alert(kind=kind, mother=contact.mother, contact=contact, by=contact.entered_by, now=now)
        for kind in kinds
        if kind not in known
    ]


@transaction.atomic
def raise_alert(
    *,
    kind: str,
    mother: Mother,
    now: datetime,
    by: User | None,
    contact: Contact | None = None,
    visit: Visit | None = None,
    loss: Loss | None = None,
    text: str = "",
    client_id: UUID | None = None,
) -> Alert:
    """An alert is open and its holder is being told, at any hour. *Please ring me* goes to the lay-worker's own midwife.

    The same ``client_id`` twice is one alert.
    """
    if client_id is not None and (known := Alert.objects.filter(client_id=client_id).first()):
        return known
    alert = Alert(
        kind=kind,
        mother=mother,
        contact=contact,
        visit=visit,
        loss=loss,
        text=text,
        client_id=client_id,
        raised_at=now,
        raised_by=by,
        step=rules.FIRST,
        step_at=now,
    )
    _hand_to_holder(alert, now)
    try:
        with transaction.atomic():
            alert.save(force_insert=True)
    except IntegrityError:
        # Sent twice at once: the first stands, and has told its holder.
        return Alert.objects.get(client_id=client_id)
    _tell(alert, now)
    return alert


def escalate(*, now: datetime) -> int:
    """Alerts that nobody has acknowledged in time pass on; returns how many. Safe to run twice at once.

    One that cannot pass on stops no other: the first error is raised when all have been tried.
    """
    return each(_overdue(now), partial(_pass_on, now=now))


def each(keys: Iterable[int], does: Callable[[int], int]) -> int:
    """Return the sum of what ``does`` returns for each key, each in a transaction of its own; then raise the first error."""
    done, first = 0, None
    for key in keys:
        try:
            with transaction.atomic():
                done += does(key)
        except Exception as error:
            logger.error("row %s could not be dealt with (%s)", key, type(error).__name__)
            first = first or error
    if first is not None:
        raise first
    return done


def _pass_on(pk: int, *, now: datetime) -> int:
    alert = _open_alerts().select_for_update(no_key=True, skip_locked=True, of=("self",)).filter(pk=pk).first()
    if alert is None:
        return 0
    if alert.holder_id is None or not may_be_on_duty().filter(pk=alert.holder_id).exists():
        # Nobody was there to be told when it came, or who has it can answer no more. Whoever can now, is told.
        return _hand_on(alert, now)
    if alert.acknowledged_at is not None:
        return 0
    at = rules.passes_on_at(kind=alert.kind, step=alert.step, step_at=alert.step_at)
    following = rules.next_step(alert.kind, alert.step)
    if at is None or following is None or at > now:
        return 0
    before = alert.holder_id
    alert.step, alert.step_at = following, now
    _hand_to_holder(alert, now)
    alert.save(update_fields=["step", "step_at", "holder", "told"])
    if alert.holder_id != before or following == rules.PROCEDURE:
        _tell(alert, now)
    return 1


def _hand_on(alert: Alert, now: datetime) -> int:
    before = alert.holder_id
    _hand_to_holder(alert, now)
    if alert.holder_id == before:
        return 0
    alert.step_at, alert.acknowledged_at, alert.acknowledged_by = now, None, None
    alert.save(update_fields=["step_at", "holder", "told", "acknowledged_at", "acknowledged_by"])
    _tell(alert, now)
    return 1


@transaction.atomic
def acknowledge(*, alert: Alert, by: User, now: datetime) -> Alert:
    """``by`` has it, and her record is open to ``by`` until it is closed. Raises Refused where another has it or it is over."""
    locked = _open_alerts().select_for_update(no_key=True, of=("self",)).filter(pk=alert.pk).first()
    if locked is None:
        raise Refused("closed", _("This alert is closed already."))
    if locked.acknowledged_by_id == by.pk:
        return locked
    if locked.acknowledged_at is not None:
        raise Refused("held_by_another", _("Someone else has this alert."))
    locked.acknowledged_at, locked.acknowledged_by, locked.holder = now, by, by
    locked.told = [*locked.told, *({by.pk} - {*locked.told})]
    locked.save(update_fields=["acknowledged_at", "acknowledged_by", "holder", "told"])
    return locked


@transaction.atomic
def close(*, alert: Alert, outcome: str, note: str = "", by: User, now: datetime) -> Alert:
    """The alert is over with what came of it. Only who has acknowledged it closes it. Raises Refused."""
    locked = Alert.objects.select_for_update(no_key=True, of=("self",)).get(pk=alert.pk)
    if locked.closed_at is not None:
        if locked.closed_by_id == by.pk:
            return locked
        raise Refused("closed", _("This alert is closed already."))
    if locked.acknowledged_by_id != by.pk:
        raise Refused("not_yours", _("Say first that you have it."))
    locked.closed_at, locked.closed_by = now, by
    locked.outcome, locked.note = Alert.Outcome(outcome), note
    locked.save(update_fields=["closed_at", "closed_by", "outcome", "note"])
    return locked


def _open_alerts():  # type: ignore[no-untyped-def]  # a queryset with what a holder is found from
    return Alert.objects.filter(closed_at__isnull=True).select_related("mother", "contact__lay_worker__supervisor")


def _overdue(now: datetime) -> list[int]:
    unanswered = Q(acknowledged_at__isnull=True, step_at__lte=now - rules.SOON, step__lt=rules.LEAD)
    waiting = Alert.objects.filter(
        unanswered | Q(holder__isnull=True) | ~Q(holder__in=may_be_on_duty().values("pk")), closed_at__isnull=True
    )
    return list(waiting.order_by("step_at").values_list("pk", flat=True))


def _hand_to_holder(alert: Alert, now: datetime) -> None:
    shift: RotaShift | None = shift_at(now)
    lay_worker = alert.contact.lay_worker if alert.contact is not None else None
    midwife = midwife_of(
        mother=alert.mother,
        lay_worker=lay_worker if alert.kind == rules.PLEASE_RING_ME else None,
        on=local_date(now),
    )
    on_duty, second = (shift.on_duty_id, shift.second_id) if shift is not None else (None, None)
    # Switched off, or the right ended: she could neither be told nor open it.
    able = set(may_be_on_duty().filter(pk__in=[midwife, on_duty, second, alert.holder_id]).values_list("pk", flat=True))
    found = rules.holder(
        step=alert.step,
        midwife=midwife if midwife in able else None,
        in_office_hours=in_office_hours(now),
        on_duty=on_duty if on_duty in able else None,
        second=second if second in able else None,
        leads=leads(),
        told=alert.told,
    )
    # With nobody further up it stays with whoever has it.
    alert.holder_id = found if found is not None or alert.holder_id not in able else alert.holder_id
    if alert.holder_id is not None and alert.holder_id not in alert.told:
        alert.told = [*alert.told, alert.holder_id]


def _tell(alert: Alert, now: datetime) -> None:
    if alert.holder_id is None:
        return
    messages.queue_many(
        [
            messages.New(
                kind=f"alert_{alert.kind}",
                subject_id=alert.mother.person_id,
                # One that comes back to someone is told again.
                about=f"alert:{alert.pk}:{alert.step}:{int(alert.step_at.timestamp())}",
                recipient_user_id=alert.holder_id,
                channel=channel,
                nominal_on=local_date(now),
                due_at=now,
                expires_at=now + KEPT,
                detail={"alert": alert.pk},
            )
            for channel in CHANNELS
        ],
        now=now,
    )
