"""A lay-worker's visits that are watched. Never writes."""

from mentoring.access import visits_visible_to
from mentoring.models import Visit
from people.models import User


def under_way(user: User) -> Visit | None:
    """Return the visit of ``user`` that has not been ended, none where there is none."""
    return visits_visible_to(user).filter(ended_at__isnull=True).select_related("mother__person").first()
