"""Imports asked for on the page and run by a tick: progress is seen while the import itself is all or nothing."""

import io
import logging
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from mentoring.models import ImportFile, ImportJob
from mentoring.queries.imports import jobs_to_run
from mentoring.rules.imports import lines_in
from mentoring.rules.permissions import IMPORT_RUN
from mentoring.rules.refusals import Refused
from mentoring.rules.transitions import IMPORT_JOB
from mentoring.services.imports import caseload, contacts
from mentoring.services.imports.report import Report
from people.access import may
from people.models import User

logger = logging.getLogger(__name__)

MOST_BYTES = 20 * 1024 * 1024
# With the job's key: held by the worker that runs it, free where that worker died.
JOB_LOCK = 7_310_002
OPEN = (ImportJob.Status.WAITING, ImportJob.Status.RUNNING)


@transaction.atomic
def ask(*, kind: str, content: bytes, options: dict[str, Any], dry_run: bool, by: User, now: datetime) -> ImportJob:
    """The file waits for the next tick. ``options``: ``records_from`` (ISO or empty), ``create_localities``, ``update``.

    Raises Refused without the right, for an empty file, and for one of more than 20 MB.
    """
    if not may(by, IMPORT_RUN):
        raise Refused("no_right", _("Imports are for midwives and the programme lead."))
    if not content:
        raise Refused("file_empty", _("The file is empty."))
    if len(content) > MOST_BYTES:
        raise Refused("file_too_big", _("The file is larger than 20 MB. Import it in parts."))
    job = ImportJob.objects.create(
        kind=ImportJob.Kind(kind),
        dry_run=dry_run,
        options=options,
        lines_total=lines_in(content),
        uploaded_at=now,
        uploaded_by=by,
    )
    ImportFile.objects.create(job=job, content=content)
    return job


def run_waiting(*, now: datetime) -> int:
    """Every import that waits is done, oldest first; returns how many. Safe to run twice at once.

    One whose worker was killed is run again: nothing of it had been kept.
    """
    return sum(_run(pk, now) for pk in jobs_to_run().values_list("pk", flat=True))


def _run(pk: int, now: datetime) -> bool:
    try:
        with transaction.atomic():
            if not _lock(pk):
                return False
            return _run_locked(pk, now)
    except Exception as error:
        # The type alone: a message of the database quotes the row.
        logger.error("import failed", extra={"job": pk, "error": type(error).__name__})
        return _fail(pk, now)


@transaction.atomic
def _fail(pk: int, now: datetime) -> bool:
    """Unless another worker has it by now: what that one does stands."""
    if not _lock(pk) or ImportJob.objects.get(pk=pk).status not in OPEN:
        return False
    return _end(pk, ImportJob.Status.FAILED, {}, now)


def _run_locked(pk: int, now: datetime) -> bool:
    job = ImportJob.objects.select_related("uploaded_by").get(pk=pk)
    if job.status not in OPEN:
        return False
    with _Progress(pk) as progress:
        progress.begin(now)
        report = _load(job, now, progress.done, lambda report: _end_within(progress, pk, report, now))
    if report.problems or job.dry_run:
        status = ImportJob.Status.REFUSED if report.problems else ImportJob.Status.DONE
        return _end(pk, status, report.as_json(), now)
    return True


def _load(job: ImportJob, now: datetime, progress: Callable[[int], None], finish: Callable[[Report], None]) -> Report:
    file = io.BytesIO(bytes(ImportFile.objects.get(job=job).content))
    options, by = job.options, job.uploaded_by
    if job.kind == ImportJob.Kind.CASELOAD:
        records_from = options.get("records_from")
        return caseload.load(
            file=file,
            options=caseload.Options(
                records_from=date.fromisoformat(records_from) if records_from else None,
                create_localities=bool(options.get("create_localities")),
                update=bool(options.get("update")),
            ),
            dry_run=job.dry_run,
            by=by,
            now=now,
            progress=progress,
            finish=finish,
        )
    return contacts.load(
        file=file,
        options=contacts.Options(update=bool(options.get("update"))),
        dry_run=job.dry_run,
        by=by,
        now=now,
        progress=progress,
        finish=finish,
    )


def _lock(pk: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [JOB_LOCK, pk])
        return bool(cursor.fetchone()[0])


def _end_within(progress: "_Progress", pk: int, report: Report, now: datetime) -> None:
    """Done stands with the rows themselves, in one commit; the last step of progress went before, so nobody waits."""
    progress.close()
    _end(pk, ImportJob.Status.DONE, report.as_json(), now)


def _end(pk: int, status: str, report: dict[str, Any], now: datetime) -> bool:
    job = ImportJob.objects.get(pk=pk)
    IMPORT_JOB.check(job.status, status)
    job.status, job.report, job.finished_at = status, report, now
    job.lines_done = job.lines_total
    job.save(update_fields=["status", "report", "finished_at", "lines_done"])
    ImportFile.objects.filter(job=job).update(content=b"")
    return True


class _Progress:
    """Writes how far an import is on a connection of its own, so that it is seen before the import commits."""

    def __init__(self, pk: int) -> None:
        self.pk = pk
        self.own = connection.copy()

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def begin(self, now: datetime) -> None:
        self._write("status = 'running', started_at = %s, lines_done = 0", now)

    def done(self, lines: int) -> None:
        self._write("lines_done = least(%s, lines_total)", lines)

    def close(self) -> None:
        self.own.close()

    def _write(self, what: str, value: datetime | int) -> None:
        with self.own.cursor() as cursor:
            cursor.execute(f'UPDATE "{ImportJob._meta.db_table}" SET {what} WHERE id = %s', [value, self.pk])  # noqa: S608 - our own words
