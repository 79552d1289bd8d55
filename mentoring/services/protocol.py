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
    reason: str,
    by: User,
    now: datetime,
) -> ProtocolVersion:
    """A new version is in force for mothers registered from now on; the same settings again are refused."""
    current = in_force(now=now)
    same = (current.antenatal_every_days, current.postnatal_every_days, current.mothers_per_lay_worker) == (
        antenatal_every_days,
        postnatal_every_days,
        mothers_per_lay_worker,
    )
    if same:
        raise Refused("nothing_changed", _("These are the settings in force already."))
    return ProtocolVersion.objects.create(
        antenatal_every_days=antenatal_every_days,
        postnatal_every_days=postnatal_every_days,
        mothers_per_lay_worker=mothers_per_lay_worker,
        made_at=now,
        made_by=by,
        reason=reason,
    )
