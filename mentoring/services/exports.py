"""Taking an export: who, why, when and the hash of what was taken are on record before the first byte leaves."""

import tempfile
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from mentoring.exports import contacts
from mentoring.models import Export
from mentoring.rules.permissions import EXPORT_TAKE
from mentoring.rules.refusals import Refused
from people.access import may
from people.models import AccessLog, User
from people.services import log

CHUNK = 64 * 1024


@transaction.atomic
def ask(*, dataset: str, reason: str, by: User, now: datetime, request_id: str = "") -> Export:
    """The export is on record, not taken yet. Raises Refused without the right, a reason, or for an unknown data set."""
    if not may(by, EXPORT_TAKE):
        raise Refused("no_right", _("Exports are taken by a trial coordinator."))
    if not reason.strip():
        raise Refused("reason_missing", _("Say why you take it."))
    if dataset != "contacts":
        raise Refused("unknown_dataset", _("There is no data set of this name."))
    export = Export.objects.create(dataset=dataset, format="csv", reason=reason.strip(), asked_at=now, asked_by=by)
    log.write(
        kind=AccessLog.Kind.EXPORT_TAKEN,
        by=by,
        now=now,
        request_id=request_id,
        detail={"dataset": dataset, "format": "csv", "export": export.pk},
    )
    return export


def write(*, export: Export, target: IO[bytes] | Any, clock: Any) -> Export:
    """The data set is in ``target`` and the record says how many rows and which bytes. ``clock()`` is the time at the end."""
    rows, sha256 = contacts.copy_to(target, key=settings.EXPORT_KEY)
    export.rows, export.sha256, export.finished_at = rows, sha256, clock()
    export.save(update_fields=["rows", "sha256", "finished_at"])
    return export


def chunks(*, export: Export, clock: Any) -> Iterator[bytes]:
    """Yield the data set's bytes. It is whole on disk before the first byte leaves, so that no half file is offered."""
    with tempfile.TemporaryFile() as file:
        write(export=export, target=file, clock=clock)
        file.seek(0)
        while chunk := file.read(CHUNK):
            yield chunk
