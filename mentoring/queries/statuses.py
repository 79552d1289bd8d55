"""Statuses as queries give them: a planned contact's in SQL, agreeing with rules.plan.status; the facts of a mother's."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db.models import Case, CharField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When

from mentoring.models import Contact, ContactPlan, Pairing, Pause, PlannedContact
from mentoring.rules.contacts import TWO_WAY_OUTCOMES
from mentoring.rules.status import HELD, MentoringStatus, mentoring_status
from people.models import Baby, Loss

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


def open_rows(on: date) -> QuerySet[PlannedContact]:
    """Return the planned contacts neither made nor closed on ``on``, of plans that are open and not held.

    By ``lay_worker`` it is one range of the partial index ``open_planned_by_lay_worker``: whose the row is stands in it.
    """
    rows = planned_rows().filter(made_on__isnull=True, closes_on__gt=on, plan__closed_at__isnull=True)
    return rows.filter(~Exists(held_plans().filter(plan=OuterRef("plan_id"))))


def pause_columns(on: date) -> dict[str, Any]:
    """Return annotations of mothers: the pause or hold in force on ``on``, whether a birth, and whether a loss is recorded.

    ``bereaved`` stays true once contact goes on: no page says a word of a birth or an age from then on.
    """
    pauses = Pause.objects.filter(
        Q(from_on__lte=on) & (Q(until_on__isnull=True) | Q(until_on__gt=on))
        | Q(until_on__isnull=True) & ~Q(kind=Pause.Kind.PAUSE),
        plan__mother=OuterRef("pk"),
        plan__closed_at__isnull=True,
        withdrawn_at__isnull=True,
    ).order_by(F("until_on").desc(nulls_first=True))
    return {
        "pause_kind": Subquery(pauses.values("kind")[:1]),
        "pause_until_on": Subquery(pauses.values("until_on")[:1]),
        "born": Exists(Baby.objects.filter(pregnancy__person=OuterRef("person_id"))),
        "bereaved": Exists(Loss.objects.filter(person=OuterRef("person_id"), undone_at__isnull=True)),
    }


def status_columns(on: date) -> dict[str, Any]:
    """Return ``pause_columns`` and the other facts that ``status_of`` asks of a mother."""
    support = ContactPlan.objects.filter(
        mother=OuterRef("pk"), kind=ContactPlan.Kind.BEREAVEMENT, closed_at__isnull=True
    )
    talks = Contact.objects.filter(
        mother=OuterRef("pk"), voided_at__isnull=True, outcome__in=TWO_WAY_OUTCOMES, happened_on__lte=on
    )
    return pause_columns(on) | {
        "paired": Exists(Pairing.objects.filter(mother=OuterRef("pk"), ended_at__isnull=True)),
        "reached": Exists(talks),
        "over": ~Exists(going_on(on).filter(mother=OuterRef("pk"))),
        "in_support": Exists(support),
    }


STATUS_FACTS = ("pause_kind", "paired", "reached", "over", "in_support")


def going_on(on: date) -> QuerySet[ContactPlan]:
    """Return the open plans whose last day is not past on ``on``."""
    return ContactPlan.objects.filter(closed_at__isnull=True, ends_on__gte=on)


def status_of(mother: Mapping[str, Any]) -> MentoringStatus:
    """Return a mother's mentoring status, from a row with ``STATUS_FACTS``."""
    return mentoring_status(
        stop=mother["pause_kind"] or "",
        over=mother["over"],
        paired=mother["paired"],
        reached=mother["reached"],
        in_support=mother["in_support"],
    )


def is_held(mother: Mapping[str, Any]) -> bool:
    """Return whether her plan is held, from a row with ``pause_columns``."""
    return mother["pause_kind"] in HELD
