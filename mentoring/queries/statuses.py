"""The one definition of a planned contact's status, in SQL: agrees with rules.plan.status, shown by a property test."""

from collections.abc import Iterable
from datetime import date

from django.db.models import Case, CharField, F, Q, QuerySet, Value, When

from mentoring.models import LayWorker, Pause, PlannedContact

MADE, NOT_OFFERED, CANCELLED, MISSED = "made", "not_offered", "cancelled", "missed"
OVERDUE, DUE, UPCOMING = "overdue", "due", "upcoming"


def status_sql(on: date) -> Case:
    """Return the status on local date ``on`` of a PlannedContact queryset's rows (rule 4 of domain.md section 4)."""
    return Case(
        When(made_on__lte=on, then=Value(MADE)),
        When(
            Q(mother__offered_from__isnull=True) | Q(mother__offered_from__gte=F("closes_on")), then=Value(NOT_OFFERED)
        ),
        When(closes_on__lte=on, cut=True, then=Value(CANCELLED)),
        When(closes_on__lte=on, then=Value(MISSED)),
        When(due_on__lt=on, then=Value(OVERDUE)),
        When(opens_on__lte=on, then=Value(DUE)),
        default=Value(UPCOMING),
        output_field=CharField(),
    )


def planned_rows() -> QuerySet[PlannedContact]:
    """Return the planned contacts that stand: not withdrawn."""
    return PlannedContact.objects.filter(withdrawn_at__isnull=True)


def held_plans() -> QuerySet[Pause]:
    """Return the holds in force from their commit until resumed, as rows of ``plan_id`` (domain.md section 4, Hold)."""
    return Pause.objects.filter(withdrawn_at__isnull=True, until_on__isnull=True).exclude(kind=Pause.Kind.PAUSE)


def open_rows(*, lay_worker_ids: Iterable[int] | QuerySet[LayWorker], on: date) -> QuerySet[PlannedContact]:
    """Return rows of these lay-workers neither made nor closed on ``on``, of plans that are not held.

    Uses the partial index ``open_planned_by_lay_worker``: one range of it a lay-worker.
    """
    return PlannedContact.objects.filter(
        lay_worker__in=lay_worker_ids, withdrawn_at__isnull=True, made_on__isnull=True, closes_on__gt=on
    ).exclude(plan__in=held_plans().values("plan"))
