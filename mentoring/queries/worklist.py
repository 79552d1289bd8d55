"""What needs a midwife: alerts that came to her or are about her mothers, and open duties by the day they are due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Q, QuerySet

from mentoring.access import alerts_visible_to, duties_visible_to, mothers_visible_to, unanswered_midwives
from mentoring.models import Alert, Duty, RotaShift
from mentoring.queries.rota import shift_at, standing_shifts
from mentoring.rules import alerts as rules
from people.models import User

PAGE = 30


@dataclass(frozen=True, slots=True)
class Page:
    """One page of open duties, and where the next begins (empty at the end)."""

    rows: list[dict[str, Any]]
    next_after: str


@dataclass(frozen=True, slots=True)
class Going:
    """Where an unacknowledged alert goes next, and when; ``to`` empty where it is the programme lead."""

    at: datetime
    step: int
    to: str


def open_alerts(user: User, *, on: date) -> QuerySet[Alert, dict[str, Any]]:
    """Return the open alerts that ``user`` sees, oldest first; those that nobody has said they have come first."""
    return (
        alerts_visible_to(user, on=on)
        .filter(closed_at__isnull=True)
        .order_by("acknowledged_at", "raised_at", "pk")
        .values(
            "pk",
            "kind",
            "raised_at",
            "step",
            "holder_id",
            "holder__name",
            "acknowledged_at",
            "mother__programme_code",
        )
    )


def duties(user: User, *, on: date, after: str = "") -> Page:
    """Return a page of the open duties that ``user`` sees, by due day; ``anybodys``: it is any midwife's."""
    rows = (
        duties_visible_to(user, on=on)
        .filter(closed_at__isnull=True)
        .annotate(anybodys=Q(owner__isnull=True) | Q(owner__in=unanswered_midwives(on=on)))
        .order_by("due_on", "pk")
        .values(
            "pk",
            "kind",
            "due_on",
            "raised_at",
            "anybodys",
            "mother__programme_code",
            "mother__person__name_to_use",
            "lay_worker__user__name",
        )
    )
    day, _underscore, pk = after.partition("_")
    if pk.isascii() and pk.isdigit() and len(pk) < 19:
        try:
            from_on = date.fromisoformat(day)
        except ValueError:
            pass
        else:
            # The first condition is what an index goes by.
            rows = rows.filter(due_on__gte=from_on).filter(Q(due_on__gt=from_on) | Q(pk__gt=int(pk)))
    found = list(rows[: PAGE + 1])
    shown = found[:PAGE]
    return Page(shown, f"{shown[-1]['due_on']}_{shown[-1]['pk']}" if len(found) > PAGE else "")


def open_duties_of(mother_id: int, user: User, *, on: date) -> QuerySet[Duty, dict[str, Any]]:
    """Return the open duties about one mother, of those that ``user`` sees."""
    return (
        duties_visible_to(user, on=on)
        .filter(closed_at__isnull=True, mother=mother_id)
        .order_by("due_on", "pk")
        .values("pk", "kind", "due_on")
    )


def is_anybodys(duty: Duty, *, on: date) -> bool:
    """Return whether ``duty`` is any midwife's: it has no owner, or one who cannot answer and for whom nobody does."""
    return duty.owner_id is None or unanswered_midwives(on=on).filter(pk=duty.owner_id).exists()


def sees_mother(user: User, mother_id: int, *, on: date) -> bool:
    """Return whether ``user`` may open this mother's record."""
    return mothers_visible_to(user, on=on).filter(pk=mother_id).exists()


def going(alert: Alert, *, now: datetime) -> Going | None:
    """Return where ``alert`` goes next if nobody says that they have it; none where it stays."""
    if alert.acknowledged_at is not None or alert.closed_at is not None:
        return None
    at = rules.passes_on_at(kind=alert.kind, step=alert.step, step_at=alert.step_at)
    step = rules.next_step(alert.kind, alert.step)
    if at is None or step is None:
        return None
    shift = shift_at(now)
    return Going(at, step, shift.second.name if step == rules.SECOND and shift is not None else "")


def shifts(*, now: datetime) -> Sequence[RotaShift]:
    """Return the shifts that hold now or later, first to last."""
    return list(standing_shifts().filter(ends_at__gt=now).order_by("starts_at"))
