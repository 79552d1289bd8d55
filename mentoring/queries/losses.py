"""Losses of a mother as her midwife reads them, and the babies they may be about. Never writes."""

from mentoring.models import Mother
from people.models import Baby, Loss


def losses_of(mother: Mother) -> list[Loss]:
    """Return every loss recorded of her, those taken back too, in the order of recording."""
    return list(
        Loss.objects.filter(person=mother.person_id)
        .select_related("baby", "recorded_by", "undone_by")
        .order_by("recorded_at", "pk")
    )


def is_bereaved(mother: Mother) -> bool:
    """Return whether a loss of hers stands."""
    return Loss.objects.filter(person=mother.person_id, undone_at__isnull=True).exists()


def babies_of(mother: Mother) -> list[Baby]:
    """Return the babies of her birth, in their order."""
    return list(Baby.objects.filter(pregnancy__person=mother.person_id).order_by("order"))
