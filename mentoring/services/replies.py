"""A reply from a mother's telephone is her midwife's duty that day; a machine never answers it (domain.md section 6)."""

from collections.abc import Sequence
from datetime import datetime

from mentoring.models import Duty, Mother
from mentoring.services import duties
from outbox.models import Inbound
from people.rules.local_time import local_date


def heard(inbound: Inbound, person_ids: Sequence[int], now: datetime) -> None:
    """Of whoever of these is a mother of the programme, her midwife has it to do today: to read it, or to confirm with her.

    Where the number is or was several women's, each's midwife: none of them can tell who wrote, and nobody would read it.
    """
    kind = Duty.Kind.CONFIRM_SAFELY if inbound.is_stop else Duty.Kind.REPLY
    for mother in Mother.objects.filter(person__in=person_ids).select_related("midwife").order_by("pk"):
        duties.raise_now(kind=kind, mother=mother, owner=mother.midwife, due_on=local_date(now), by=None, now=now)
