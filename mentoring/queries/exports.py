"""The log of past exports. Writes nothing."""

from django.db.models import QuerySet

from mentoring.models import Export


def past_exports() -> QuerySet[Export]:
    """Return the newest fifty exports with who took them."""
    return Export.objects.select_related("asked_by").order_by("-asked_at", "-id")[:50]
