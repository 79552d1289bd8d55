"""Versions of the protocol's settings: the latest is in force, a mother keeps the one she was registered under."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from mentoring.models import ProtocolVersion
from mentoring.rules.refusals import Refused
from people.models import User

FIRST_ANTENATAL, FIRST_POSTNATAL, FIRST_MOTHERS = 14, 14, 18


def in_force(*, now: datetime) -> ProtocolVersion:
    """Return the version in force; where there is none yet, the first: every two weeks throughout."""
    latest = ProtocolVersion.objects.order_by("-id").first()
    if latest is not None:
        return latest
    return ProtocolVersion.objects.create(
        antenatal_every_days=FIRST_ANTENATAL,
        postnatal_every_days=FIRST_POSTNATAL,
        mothers_per_lay_worker=FIRST_MOTHERS,
        made_at=now,
        reason=_("The protocol as published: every two weeks."),
    )


@transaction.atomic
def change(
    *,
    antenatal_every_days: int,
    postnatal_every_days: int,
    mothers_per_lay_worker: int,
    calendar_feeds: bool | None = None,
    reason: str,
    by: User,
    now: datetime,
) -> ProtocolVersion:
    """A new version is in force for mothers registered from now on; the same settings again are refused.

    ``calendar_feeds`` none: as it is. Whether staff may have calendar addresses holds for everyone at once.
    """
    current = in_force(now=now)
    wanted = {
        "antenatal_every_days": antenatal_every_days,
        "postnatal_every_days": postnatal_every_days,
        "mothers_per_lay_worker": mothers_per_lay_worker,
        "calendar_feeds": current.calendar_feeds if calendar_feeds is None else calendar_feeds,
    }
    if all(getattr(current, name) == value for name, value in wanted.items()):
        raise Refused("nothing_changed", _("These are the settings in force already."))
    return ProtocolVersion.objects.create(
        **wanted,
        made_at=now,
        made_by=by,
        reason=reason,
    )
