"""A person's calendar as iCalendar text (RFC 5545): UTC, stable UIDs, codes for titles, no place. The same rows, the same bytes."""

from collections.abc import Iterable
from datetime import UTC
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from icalendar import Calendar
from icalendar import Event as Entry

from mentoring.queries.calendar import CALL, ON_DUTY, SECOND, VISIT, Event

TITLES: Final = {
    VISIT: gettext_noop("%(code)s visit"),
    CALL: gettext_noop("%(code)s phone"),
    ON_DUTY: gettext_noop("On duty"),
    SECOND: gettext_noop("Second on duty"),
}


def calendar_of(events: Iterable[Event]) -> bytes:
    """Return the calendar that holds ``events`` in their order; one called off is there as cancelled."""
    calendar = Calendar()
    calendar.add("prodid", "-//Alongside//calendar//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    for event in events:
        entry = Entry()
        entry.add("uid", f"{event.key}@alongside")
        entry.add("dtstamp", event.changed_at.astimezone(UTC).replace(microsecond=0))
        entry.add("dtstart", event.starts_at.astimezone(UTC))
        entry.add("dtend", event.ends_at.astimezone(UTC))
        entry.add("summary", _(TITLES[event.kind]) % {"code": event.code})
        entry.add("class", "PRIVATE")
        entry.add("sequence", int(event.cancelled))
        entry.add("status", "CANCELLED" if event.cancelled else "CONFIRMED")
        calendar.add_component(entry)
    return calendar.to_ical()
