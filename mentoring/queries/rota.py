"""Who watches now, and whether anybody does. Never writes."""

from datetime import datetime

from mentoring.models import RotaShift
from mentoring.rules.alerts import NOBODY_WATCHES_AFTER
from outbox.queries.jobs import last_finished_at
from people.access import grants_in_force
from people.models import RoleGrant
from people.rules.roles import Role

ESCALATION_JOB = "pass alerts on"


def shift_at(now: datetime) -> RotaShift | None:
    """Return the shift that holds at ``now``, none where nobody is named."""
    return (
        RotaShift.objects.filter(withdrawn_at__isnull=True, starts_at__lte=now, ends_at__gt=now)
        .select_related("on_duty", "second")
        .first()
    )


def leads() -> list[int]:
    """Return the users who are programme lead now, the one who has been it longest first."""
    return list(
        RoleGrant.objects.filter(grants_in_force(), role=Role.LEAD.value, user__is_active=True)
        .order_by("granted_at", "pk")
        .values_list("user_id", flat=True)
    )


def nobody_watches(*, now: datetime, in_office_hours: bool) -> bool:
    """Return whether an alert raised now might be seen by nobody: no shift out of hours, or a tick that has stopped."""
    ticked_at = last_finished_at(ESCALATION_JOB)
    if ticked_at is None or now - ticked_at > NOBODY_WATCHES_AFTER:
        return True
    return not in_office_hours and shift_at(now) is None
