"""Working days of Northern Ireland: Monday to Friday, bank holidays off. Reads no clock."""

from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Final

import holidays

from people.rules.local_time import LOCAL, local_instant

OFFICE_FROM: Final = time(9)
OFFICE_TO: Final = time(17)


@cache
def _bank_holidays(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("GB", subdiv="NIR", years=year))


def is_working_day(on: date) -> bool:
    """Return whether ``on`` is Monday to Friday and no bank holiday."""
    return on.isoweekday() <= 5 and on not in _bank_holidays(on.year)


def working_days_after(on: date, days: int) -> date:
    """Return the working day that is the ``days``-th after ``on``, which itself does not count."""
    while days > 0:
        on += timedelta(days=1)
        days -= is_working_day(on)
    return on


def in_office_hours(at: datetime) -> bool:
    """Return whether ``at`` lies within 09:00 to 17:00 local on a working day (domain.md section 7, Alerts)."""
    local = at.astimezone(LOCAL)
    return is_working_day(local.date()) and OFFICE_FROM <= local.time() < OFFICE_TO


def office_closes_at(at: datetime) -> datetime | None:
    """Return the instant at which the office hours that ``at`` lies in end, none outside them."""
    if not in_office_hours(at):
        return None
    return local_instant(at.astimezone(LOCAL).date(), OFFICE_TO)
