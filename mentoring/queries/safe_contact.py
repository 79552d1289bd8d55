"""The safe-contact sheet as columns of a queryset of mothers, and what it says about ringing her. Never writes."""

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.db.models.functions import JSONObject

from mentoring.models import Mother
from people.models import PhoneNumber, SafeTime
from people.rules.safe_contact import CallAdvice, SafeHours, call_advice

SHEET = (
    "person__safe_contact__asked_on",
    "person__safe_contact__was_alone",
    "person__safe_contact__suspended_at",
    "person__safe_contact__if_someone_else_answers",
    "person__safe_contact__number_she_will_see",
    "person__safe_contact__what_to_do",
)


def numbers_and_hours() -> dict[str, ArraySubquery]:
    """Return annotations ``numbers`` and ``hours`` for a queryset of mothers: no query of their own a mother."""
    numbers = PhoneNumber.objects.filter(person=OuterRef("person_id"), retired_at__isnull=True)
    hours = SafeTime.objects.filter(safe_contact__person=OuterRef("person_id"))
    return {
        "numbers": ArraySubquery(
            numbers.order_by("position", "id").values(
                item=JSONObject(number="number", call="safe_to_call", text="safe_to_text", voicemail="safe_voicemail")
            )
        ),
        "hours": ArraySubquery(
            hours.order_by("id").values(item=JSONObject(weekdays="weekdays", start="from_time", end="to_time"))
        ),
    }


def hours_of(row: Mapping[str, Any]) -> list[SafeHours]:
    """Return her safe hours from a row with ``hours``."""
    return [
        SafeHours(tuple(item["weekdays"]), time.fromisoformat(item["start"]), time.fromisoformat(item["end"]))
        for item in row["hours"]
    ]


def advice_of(row: Mapping[str, Any], *, now: datetime) -> CallAdvice:
    """Return whether she may be rung at ``now``, from a row with the columns of ``SHEET`` and ``numbers_and_hours``."""
    return call_advice(
        asked_on=row["person__safe_contact__asked_on"],
        suspended=row["person__safe_contact__suspended_at"] is not None,
        numbers=[item["number"] for item in row["numbers"] if item["call"]],
        hours=hours_of(row),
        now=now,
    )


def hours_of_mother(mother: Mother) -> list[SafeHours]:
    """Return the safe hours of one mother."""
    times = SafeTime.objects.filter(safe_contact__person=mother.person_id).order_by("id")
    return [SafeHours(tuple(safe.weekdays), safe.from_time, safe.to_time) for safe in times]
