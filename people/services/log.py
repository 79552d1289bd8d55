"""Lines of the access log: written, never changed."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from people.models import AccessLog, User


def write(
    *,
    kind: str,
    by: User | None,
    now: datetime,
    request_id: str = "",
    about_person_id: int | None = None,
    about_user: User | None = None,
    address: str | None = None,
    detail: dict[str, Any] | None = None,
) -> AccessLog:
    """One line stands in the access log: who read, signed in, took out or changed what. ``detail`` holds codes alone."""
    return AccessLog.objects.create(
        at=now,
        kind=kind,
        by=by,
        about_person_id=about_person_id,
        about_user=about_user,
        request_id=request_id,
        address=address,
        detail=detail or {},
    )


def contact_details_read(
    *, by: User, person_ids: Iterable[int], now: datetime, request_id: str = "", address: str | None = None
) -> None:
    """One line a person stands in the access log: ``by`` was shown how to reach her. One statement however many."""
    AccessLog.objects.bulk_create(
        AccessLog(
            at=now,
            kind=AccessLog.Kind.CONTACT_DETAILS_READ,
            by=by,
            about_person_id=person_id,
            request_id=request_id,
            address=address,
        )
        for person_id in person_ids
    )
