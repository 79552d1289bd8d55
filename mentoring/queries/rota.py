"""Who watches now, and whether anybody does. Never writes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from mentoring.access import ALERTED
from mentoring.models import RotaShift
from mentoring.rules.alerts import NOBODY_WATCHES_AFTER
from mentoring.rules.working_days import in_office_hours, office_closes_at
from outbox.queries.jobs import last_finished_at
from people.access import grants_in_force
from people.models import RoleGrant, User
from people.rules.roles import Role

# As the table of jobs calls it.
ESCALATION_JOB = "pass alerts on"


def shift_at(now: datetime) -> RotaShift | None:
    """Return the shift that holds at ``now``, none where nobody is named who could answer."""
    return _answered(standing_shifts()).filter(starts_at__lte=now, ends_at__gt=now).first()


def leads() -> list[int]:
    """Return the users who are programme lead now, the one who has been it longest first."""
    return list(
        RoleGrant.objects.filter(grants_in_force(), role=Role.LEAD.value, user__is_active=True)
        .order_by("granted_at", "pk")
        .values_list("user_id", flat=True)
    )


@dataclass(frozen=True, slots=True)
class Watching:
    """Whether an alert raised now would be seen; where not, whose numbers there are to call beside 999."""

    somebody: bool
    telephones: list[tuple[str, str]]


def watching(*, now: datetime) -> Watching:
    """Return whether somebody watches: a shift or office hours, and a tick not older than three minutes (section 7)."""
    ticked_at = last_finished_at(ESCALATION_JOB)
    ticks = ticked_at is not None and now - ticked_at <= NOBODY_WATCHES_AFTER
    somebody = ticks and (may_be_on_duty().exists() if in_office_hours(now) else shift_at(now) is not None)
    return Watching(somebody, [] if somebody else _telephones(now))


def unwatched_from(*, now: datetime, until: datetime) -> datetime | None:
    """Return the first instant of ``[now, until)`` that is neither in office hours nor anybody's shift, none without one."""
    at = now
    while at < until:
        ends_at = office_closes_at(at)
        if ends_at is None:
            shift = shift_at(at)
            if shift is None:
                return at
            ends_at = shift.ends_at
        at = ends_at
    return None


def standing_shifts() -> QuerySet[RotaShift]:
    """Return the shifts that were not taken out."""
    return RotaShift.objects.filter(withdrawn_at__isnull=True).select_related("on_duty", "second")


def may_be_on_duty() -> QuerySet[User]:
    """Return those who may stand in the rota: active midwives and programme leads, by name."""
    holding = RoleGrant.objects.filter(grants_in_force(), role__in=[role.value for role in ALERTED]).values("user")
    return User.objects.filter(pk__in=holding, is_active=True).order_by("name", "pk")


def next_gap(*, now: datetime) -> datetime | None:
    """Return from when on nobody who could answer is named within the next four weeks, none where somebody always is."""
    until = now
    horizon = now + timedelta(days=28)
    shifts = _answered(RotaShift.objects.filter(withdrawn_at__isnull=True, ends_at__gt=now))
    for starts_at, ends_at in shifts.order_by("starts_at").values_list("starts_at", "ends_at"):
        if starts_at > until:
            return until
        until = max(until, ends_at)
    return until if until < horizon else None


def _answered(shifts: QuerySet[RotaShift]) -> QuerySet[RotaShift]:
    able = may_be_on_duty().values("pk")
    return shifts.filter(Q(on_duty__in=able) | Q(second__in=able))


def _telephones(now: datetime) -> list[tuple[str, str]]:
    """Return name and number of those who answer now, in order: on duty, the second, the leads; without those without."""
    shift = shift_at(now)
    order = [shift.on_duty_id, shift.second_id] if shift is not None else []
    keys = list(dict.fromkeys([*order, *leads()]))
    found = {
        pk: (name, phone) for pk, name, phone in may_be_on_duty().filter(pk__in=keys).values_list("pk", "name", "phone")
    }
    return [found[pk] for pk in keys if pk in found and found[pk][1]]
