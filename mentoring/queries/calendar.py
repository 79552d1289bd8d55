"""What stands in a person's calendar: times agreed with her mothers, her shifts on the rota. Codes alone. Never writes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from mentoring.access import with_lay_worker
from mentoring.models import Appointment, CalendarFeed, Mother, ProtocolVersion, RotaShift
from mentoring.rules.contacts import VISITS
from mentoring.rules.permissions import CALENDAR_KEEP
from people.access import may
from people.models import User
from people.rules.local_time import local_date

KEPT = timedelta(days=30)
VISIT_LASTS, CALL_LASTS = timedelta(hours=1), timedelta(minutes=30)
VISIT, CALL, ON_DUTY, SECOND = "visit", "call", "on_duty", "second"


@dataclass(frozen=True, slots=True)
class Event:
    """One entry: ``key`` is the same for ever; ``code`` of the mother, empty for a shift; instants."""

    key: str
    kind: str
    code: str
    starts_at: datetime
    ends_at: datetime
    changed_at: datetime
    cancelled: bool


def feeds_are_allowed() -> bool:
    """Return whether the protocol in force lets staff have calendar addresses; off until the lead says so."""
    return bool(ProtocolVersion.objects.order_by("-id").values_list("calendar_feeds", flat=True).first())


def feed_since(user: User) -> datetime | None:
    """Return since when she has an address, none where she has none."""
    return CalendarFeed.objects.filter(user=user, revoked_at__isnull=True).values_list("made_at", flat=True).first()


def holder_of(token_hash: str) -> User | None:
    """Return whose calendar the address with this hash opens; none where it is unknown, revoked, off, or hers no more."""
    feed = CalendarFeed.objects.filter(token_hash=token_hash, revoked_at__isnull=True).select_related("user").first()
    if feed is None or not feeds_are_allowed() or not may(feed.user, CALENDAR_KEEP):
        return None
    return feed.user


def events_of(user: User, *, now: datetime) -> list[Event]:
    """Return her entries by start, from 30 days back on; one that was called off stays for 30 days, as cancelled."""
    return sorted([*_appointments(user, now), *_shifts(user, now)], key=lambda event: (event.starts_at, event.key))


def _appointments(user: User, now: datetime) -> Iterator[Event]:
    hers = Mother.objects.filter(with_lay_worker(user, on=local_date(now))).values("pk")
    rows = Appointment.objects.filter(
        Q(mother__in=hers, withdrawn_at__isnull=True)
        # Agreed with her: also where she no longer sees the mother, or it would stay in her calendar.
        | Q(lay_worker__user=user, withdrawn_at__gt=now - KEPT),
        starts_at__gt=now - KEPT,
    ).select_related("mother")
    for row in rows:
        is_visit = row.mode in VISITS
        yield Event(
            key=f"appointment-{row.pk}",
            kind=VISIT if is_visit else CALL,
            code=row.mother.programme_code,
            starts_at=row.starts_at,
            ends_at=row.starts_at + (VISIT_LASTS if is_visit else CALL_LASTS),
            changed_at=row.withdrawn_at or row.agreed_at,
            cancelled=row.withdrawn_at is not None,
        )


def _shifts(user: User, now: datetime) -> Iterator[Event]:
    rows = RotaShift.objects.filter(
        Q(on_duty=user) | Q(second=user),
        Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gt=now - KEPT),
        ends_at__gt=now - KEPT,
    )
    for row in rows:
        yield Event(
            key=f"shift-{row.pk}",
            kind=ON_DUTY if row.on_duty_id == user.pk else SECOND,
            code="",
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            changed_at=row.withdrawn_at or row.made_at,
            cancelled=row.withdrawn_at is not None,
        )
