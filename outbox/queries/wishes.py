"""What members of staff said of messages that can wait; one query however many. Never writes."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.db.models.functions import JSONObject

from outbox.models import Preference, QuietDay
from outbox.rules.registry import Kind, kinds_for
from outbox.rules.wishes import Wishes
from people.access import roles_of
from people.models import User


@dataclass(frozen=True, slots=True)
class Quiet:
    """One quiet day as it is listed."""

    id: int
    on: date


def wishes_of(user_ids: Collection[int]) -> dict[int, Wishes]:
    """Return by user what each said; one who said nothing takes everything as it comes."""
    off = Preference.objects.filter(user=OuterRef("pk"), wanted=False)
    quiet = QuietDay.objects.filter(user=OuterRef("pk"))
    rows = (
        User.objects.filter(pk__in=user_ids)
        .annotate(off=ArraySubquery(off.values(item=JSONObject(kind="kind", channel="channel"))))
        .annotate(quiet_on=ArraySubquery(quiet.values("on")))
        .values_list("pk", "off", "quiet_on", "is_active")
    )
    return {
        pk: Wishes(frozenset((item["kind"], item["channel"]) for item in switched), frozenset(days), is_active)
        for pk, switched, days, is_active in rows
    }


def kinds_told(user: User) -> list[Kind]:
    """Return the kinds that go to holders of her rights."""
    return kinds_for(roles_of(user))


def quiet_days_of(user: User, *, since_on: date) -> list[Quiet]:
    """Return her quiet days from ``since_on`` on, in order."""
    rows = QuietDay.objects.filter(user=user, on__gte=since_on).order_by("on")
    return [Quiet(row.pk, row.on) for row in rows]
