"""From a signed-in person to the rows of the programme that she may see. A row that is not hers is not there: 404."""

from datetime import date, datetime, timedelta

from django.db.models import Q, QuerySet

from mentoring.models import Alert, Contact, Cover, Duty, LayWorker, Midwife, Mother, Pairing, StandIn, Visit
from people.access import grants_in_force, roles_of
from people.models import RoleGrant, User
from people.rules.local_time import local_date
from people.rules.roles import Role

LATE_ENTRY_DAYS = 7
# Those to whom an alert may come, from the rota or as the last to be asked.
ALERTED = frozenset({Role.MIDWIFE, Role.LEAD})


def midwives_answered_for(user: User, *, on: date) -> QuerySet[Midwife]:
    """Return the midwife that ``user`` is, those she stands in for on ``on``, and those for whom nobody answers.

    None without the right.
    """
    if Role.MIDWIFE not in roles_of(user):
        return Midwife.objects.none()
    stood_in_for = StandIn.objects.filter(midwife__user=user, starts_on__lte=on, ends_on__gt=on).values("stands_in_for")
    return Midwife.objects.filter(Q(user=user) | Q(pk__in=stood_in_for) | Q(pk__in=unanswered_midwives(on=on)))


def unanswered_midwives(*, on: date) -> QuerySet[Midwife]:
    """Return the midwives who may not sign in or have lost the right, and for whom no other stands in on ``on``.

    What was theirs is any midwife's: else nobody would see it.
    """
    answering = RoleGrant.objects.filter(grants_in_force(), role=Role.MIDWIFE.value, user__is_active=True).values(
        "user"
    )
    stood_in_for = StandIn.objects.filter(midwife__user__in=answering, starts_on__lte=on, ends_on__gt=on)
    return Midwife.objects.exclude(user__in=answering).exclude(pk__in=stood_in_for.values("stands_in_for"))


def with_lay_worker(user: User, *, on: date) -> Q:
    """Return the condition on a mother that ``user`` is paired with her or covers on ``on``, whatever rights she holds."""
    paired = Pairing.objects.filter(lay_worker__user=user, ended_at__isnull=True)
    covered = Cover.objects.filter(lay_worker__user=user, starts_on__lte=on, ends_on__gt=on, cancelled_at__isnull=True)
    return _either(paired, covered)


def _either(paired: QuerySet[Pairing], covered: QuerySet[Cover]) -> Q:
    # One list of keys, not two conditions: an OR of two is tried on every mother of the programme.
    return Q(pk__in=paired.values("mother").union(covered.values("mother")))


def _with_open_alert(user: User) -> Q:
    return Q(pk__in=Alert.objects.filter(acknowledged_by=user, closed_at__isnull=True).values("mother"))


def mothers_visible_to(user: User, *, on: date) -> QuerySet[Mother]:
    """Return the mothers that ``user`` may see on local date ``on``.

    A lay-worker: paired with or covered by her today. A midwife: those she, or a midwife she stands in for, answers
    for, and those nobody answers for, yet or any more. Who has acknowledged an alert: that one mother until it is closed. Everyone
    else: none. Rules: domain.md section 2.
    """
    roles = roles_of(user)
    condition = Q(pk__in=[])
    if Role.LAY_WORKER in roles:
        condition |= with_lay_worker(user, on=on)
    if Role.MIDWIFE in roles:
        condition |= Q(midwife__in=midwives_answered_for(user, on=on)) | Q(midwife__isnull=True)
    if roles & ALERTED:
        condition |= _with_open_alert(user)
    return Mother.objects.filter(condition)


def mothers_whose_loss_may_be_recorded_by(user: User, *, on: date) -> QuerySet[Mother]:
    """Return the mothers of whom ``user`` may record a loss: those she sees; a coordinator, every mother (section 8).

    A coordinator sees nothing of the record beyond the name that she checks the loss against.
    """
    if Role.COORDINATOR in roles_of(user):
        return Mother.objects.all()
    return mothers_visible_to(user, on=on)


def mothers_still_loggable_by(user: User, *, now: datetime) -> QuerySet[Mother]:
    """Return mothers that a lay-worker no longer sees but may log for: her pairing or cover ended in the last 7 days.

    Only the name to use may be shown of them. Rules: domain.md section 2.
    """
    if Role.LAY_WORKER not in roles_of(user):
        return Mother.objects.none()
    late = timedelta(days=LATE_ENTRY_DAYS)
    today, since = local_date(now), now - late
    paired = Pairing.objects.filter(lay_worker__user=user, ended_at__gt=since)
    covered = Cover.objects.filter(lay_worker__user=user).filter(
        Q(cancelled_at__gt=since) | Q(cancelled_at__isnull=True, ends_on__gt=today - late, ends_on__lte=today)
    )
    seen = mothers_visible_to(user, on=today).values("pk")
    return Mother.objects.filter(_either(paired, covered)).exclude(pk__in=seen)


def lay_workers_visible_to(user: User, *, on: date) -> QuerySet[LayWorker]:
    """Return the lay-workers that a midwife supervises or stands in for; of a lay-worker, herself; else none."""
    roles = roles_of(user)
    condition = Q(pk__in=[])
    if Role.LAY_WORKER in roles:
        condition |= Q(user=user)
    if Role.MIDWIFE in roles:
        condition |= Q(supervisor__in=midwives_answered_for(user, on=on))
    return LayWorker.objects.filter(condition)


def contacts_visible_to(user: User, *, on: date) -> QuerySet[Contact]:
    """Return log entries about mothers that ``user`` sees today."""
    return Contact.objects.filter(mother__in=mothers_visible_to(user, on=on))


def contacts_correctable_by(user: User, *, on: date) -> QuerySet[Contact]:
    """Return entries that ``user`` entered herself, about mothers she still sees, and that are not voided."""
    return contacts_visible_to(user, on=on).filter(entered_by=user, voided_at__isnull=True)


def pairings_visible_to(user: User, *, on: date) -> QuerySet[Pairing]:
    """Return pairings of mothers that a midwife sees; none for others."""
    if Role.MIDWIFE not in roles_of(user):
        return Pairing.objects.none()
    return Pairing.objects.filter(mother__in=mothers_visible_to(user, on=on))


def covers_visible_to(user: User, *, on: date) -> QuerySet[Cover]:
    """Return covers of mothers that a midwife sees; none for others."""
    if Role.MIDWIFE not in roles_of(user):
        return Cover.objects.none()
    return Cover.objects.filter(mother__in=mothers_visible_to(user, on=on))


def midwife_of(*, mother: Mother, lay_worker: LayWorker | None = None, on: date) -> int | None:
    """Return the user who answers for ``mother`` on ``on``, or for ``lay_worker`` where given: her midwife or who stands in."""
    midwife_id = mother.midwife_id if lay_worker is None else lay_worker.supervisor_id
    if midwife_id is None:
        return None
    standing_in = StandIn.objects.filter(
        stands_in_for=midwife_id, starts_on__lte=on, ends_on__gt=on, midwife__user__is_active=True
    )
    user_id = standing_in.order_by("pk").values_list("midwife__user_id", flat=True).first()
    if user_id is not None:
        return user_id
    return Midwife.objects.filter(pk=midwife_id, user__is_active=True).values_list("user_id", flat=True).first()


def alerts_visible_to(user: User, *, on: date) -> QuerySet[Alert]:
    """Return the open alerts that came to a midwife or lead, those she closed, and a midwife's about her own mothers."""
    if not roles_of(user) & ALERTED:
        return Alert.objects.none()
    hers = Q(closed_by=user) | Q(told__contains=[user.pk], closed_at__isnull=True)
    return Alert.objects.filter(hers | Q(mother__midwife__in=midwives_answered_for(user, on=on)))


def duties_visible_to(user: User, *, on: date) -> QuerySet[Duty]:
    """Return the duties of a midwife, of those she stands in for, and those that are any midwife's: nobody answers."""
    if Role.MIDWIFE not in roles_of(user):
        return Duty.objects.none()
    return Duty.objects.filter(Q(owner__in=midwives_answered_for(user, on=on)) | Q(owner__isnull=True))


def visits_visible_to(user: User) -> QuerySet[Visit]:
    """Return a lay-worker's own visits; none for others. She may end one also when the mother is hers no more."""
    if Role.LAY_WORKER not in roles_of(user):
        return Visit.objects.none()
    return Visit.objects.filter(lay_worker__user=user)
