"""The secret address of a person's calendar: made, shown once, revoked. Its hash alone is kept."""

import hashlib
import secrets
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from mentoring.models import CalendarFeed
from mentoring.queries.calendar import feeds_are_allowed
from mentoring.rules.refusals import Refused
from people.models import User
from people.services import gates


def hash_of(token: str) -> str:
    """Return what is kept of the secret part of an address: 256 bits of chance need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def make(*, user: User, by: User, now: datetime) -> str:
    """She has a new address and the one before it opens nothing; returns its secret part, which is kept nowhere.

    Raises Refused while the programme lead does not allow it.
    """
    if not feeds_are_allowed():
        raise Refused("feeds_off", _("The programme lead has not allowed calendar addresses."))
    revoke(user=user, by=by, now=now)
    token = secrets.token_urlsafe(32)
    CalendarFeed.objects.create(user=user, token_hash=hash_of(token), made_at=now, made_by=by)
    return token


@transaction.atomic
def revoke(*, user: User, by: User, now: datetime) -> bool:
    """Her address opens nothing from now on; returns whether she had one. Locks her gate: two at once leave one."""
    gates.lock_exclusively([user.gate_id])
    standing = CalendarFeed.objects.filter(user=user, revoked_at__isnull=True)
    return bool(standing.update(revoked_at=now, revoked_by=by))
