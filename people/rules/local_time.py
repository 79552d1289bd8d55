"""Between instants and local dates (Europe/London), right on both days the clocks change. Reads no clock."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

LOCAL = ZoneInfo("Europe/London")


def local_date(at: datetime) -> date:
    """Return the local date of an instant."""
    return at.astimezone(LOCAL).date()


def local_instant(on: date, at: time) -> datetime:
    """Return the instant of a local date and time, in UTC; of an hour that comes twice the first, of one skipped the later."""
    return datetime.combine(on, at, LOCAL).astimezone(UTC)


def end_of(on: date) -> datetime:
    """Return the first instant after a local date."""
    return local_instant(on + timedelta(days=1), time(0))
