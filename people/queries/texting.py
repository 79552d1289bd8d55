"""Whether a text message may go to a woman now, and to which number: the last word before one leaves. Never writes."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta

from people.models import PhoneNumber, SafeTime
from people.rules.local_time import local_date
from people.rules.safe_contact import ASK_AGAIN_AFTER_DAYS, SafeHours


def numbers_to_text(person_ids: Collection[int], *, at: datetime) -> dict[int, str]:
    """Return by person the first number of hers that is safe to text; she is missing where nothing is safe.

    Safe: she wants text messages, was asked in the last 12 weeks, has not said since that it is not safe, and said that
    this number may be written to (domain.md section 6).
    """
    numbers = PhoneNumber.objects.filter(
        person__in=person_ids,
        safe_to_text=True,
        retired_at__isnull=True,
        person__died_on__isnull=True,
        person__safe_contact__texts_opted_in=True,
        person__safe_contact__suspended_at__isnull=True,
        person__safe_contact__asked_on__gte=local_date(at) - timedelta(days=ASK_AGAIN_AFTER_DAYS),
    )
    # The first in order stands: it is written over the others.
    return dict(numbers.order_by("-position", "-id").values_list("person_id", "number"))


def hours_of(person_ids: Collection[int]) -> dict[int, list[SafeHours]]:
    """Return by person the hours she named; she is missing where she named none."""
    hours: dict[int, list[SafeHours]] = defaultdict(list)
    for row in SafeTime.objects.filter(safe_contact__person__in=person_ids).select_related("safe_contact"):
        hours[row.safe_contact.person_id].append(SafeHours(tuple(row.weekdays), row.from_time, row.to_time))
    return dict(hours)


def persons_with_number(number: str) -> dict[int, bool]:
    """Return the keys of those whose number this is or was, in order, each with whether it is in use now."""
    rows = PhoneNumber.objects.filter(number=number).order_by("person_id").values_list("person_id", "retired_at")
    found: dict[int, bool] = {}
    for person_id, retired_at in rows:
        found[person_id] = found.get(person_id, False) or retired_at is None
    return found
