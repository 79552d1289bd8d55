"""Attempts from the programme's own spreadsheet, all of the file or nothing. Never moves where a plan is offered from."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import BinaryIO
from uuid import UUID, uuid5

import pghistory
from django.db import reset_queries, transaction

from mentoring.access import mothers_visible_to
from mentoring.models import Contact, ContactCorrection, ContactPlan, Cover, Mode, Mother, Outcome, Pairing
from mentoring.queries import imports as queries
from mentoring.queries.imports import LayWorkerRef
from mentoring.rules.contacts import is_completed
from mentoring.rules.imports import (
    CONTACT_COLUMNS,
    CONTACT_REQUIRED,
    Cells,
    ContactRow,
    Problem,
    Unreadable,
    contact_row,
    lines,
)
from mentoring.services import bulk, mothers, reminders
from mentoring.services.imports.caseload import Rejected, lock_imports
from mentoring.services.imports.report import Report
from people.access import roles_of
from people.models import SafeContact, User
from people.rules.local_time import local_date
from people.rules.roles import Role

ROWS_AT_ONCE = 500
MOTHERS_AT_ONCE = 500
MODES = frozenset(str(code) for code in Mode.values)
OUTCOMES = frozenset(str(code) for code in Outcome.values)
# Of an imported entry's client id, made from its natural key: the same attempt is the same entry for ever.
NAMESPACE = UUID("6c1d8a3e-3f52-5a0e-9a57-5d1f0c2b7e41")

Key = tuple[int, datetime, str, str, int]


@dataclass(frozen=True, slots=True)
class Options:
    """Whether differences in minutes and note are applied."""

    update: bool = False


@dataclass(frozen=True, slots=True)
class _Checked:
    row: ContactRow
    mother: Mother
    lay_worker: LayWorkerRef

    @property
    def key(self) -> Key:
        return self.mother.pk, self.row.happened_at, self.row.mode, self.row.outcome, self.lay_worker.pk


def load(
    *,
    file: BinaryIO,
    options: Options,
    dry_run: bool,
    by: User | None,
    now: datetime,
    progress: Callable[[int], None] = lambda done: None,
    finish: Callable[[Report], None] = lambda report: None,
) -> Report:
    """The attempts of ``file`` are in the log and fulfil their windows, or nothing has changed.

    All but minutes and note make an entry's key: the same file again changes nothing. An entry is judged by who was
    paired or covering when it happened. Parameters as ``caseload.load``.
    """
    report = Report(dry_run=dry_run)
    try:
        with transaction.atomic(), pghistory.context(user=by.pk if by else None, why="import contacts"):
            lock_imports()
            _Import(options, by, now, report, progress).run(file)
            if report.problems:
                raise Rejected
            if dry_run:
                transaction.set_rollback(True)
            else:
                finish(report)
    except Rejected:
        pass
    return report


class _Import:
    def __init__(
        self, options: Options, by: User | None, now: datetime, report: Report, progress: Callable[[int], None]
    ) -> None:
        self.options, self.by, self.now, self.report, self.progress = options, by, now, report, progress
        self.today = local_date(now)
        self.lay_workers = queries.lay_workers_by_email(self.today)
        self.first: dict[UUID, tuple[int, str]] = {}
        self.touched: set[int] = set()
        self.not_safe: dict[int, _Checked] = {}
        roles = roles_of(by) if by is not None else frozenset()
        self.only_hers = Role.MIDWIFE in roles and Role.LEAD not in roles

    def run(self, file: BinaryIO) -> None:
        records = lines(file, columns=CONTACT_COLUMNS, required=CONTACT_REQUIRED)
        while some := self._taken(records):
            self._take(some)
            self.progress(some[-1][0])
            # With DEBUG Django keeps every statement, rows and all.
            reset_queries()
        if self.report.problems:
            return
        self._stop_where_not_safe()
        mother_ids = sorted(self.touched)
        for start in range(0, len(mother_ids), MOTHERS_AT_ONCE):
            some_ids = mother_ids[start : start + MOTHERS_AT_ONCE]
            # Here, not before the entries were written: nobody who logs meanwhile waits for the rest of the file.
            self._lock_plans(some_ids)
            bulk.refulfil_many(mother_ids=some_ids)
            reminders.refresh_for(mother_ids=some_ids, now=self.now, waiting=False)

    def _taken(self, records: Iterator[tuple[int, Cells | Problem]]) -> list[tuple[int, Cells | Problem]]:
        some: list[tuple[int, Cells | Problem]] = []
        try:
            some.extend(islice(records, ROWS_AT_ONCE))
        except Unreadable as unreadable:
            self.report.problems.extend(unreadable.problems)
        return some

    def _take(self, some: Sequence[tuple[int, Cells | Problem]]) -> None:
        read: list[tuple[int, Cells, ContactRow | None]] = []
        for line, cells in some:
            self.report.lines += 1
            if isinstance(cells, Problem):
                self.report.problems.append(cells)
                continue
            row, problems, warnings = contact_row(line, cells, now=self.now, modes=MODES, outcomes=OUTCOMES)
            self.report.problems.extend(problems)
            self.report.warnings.extend(warnings)
            wrong = {problem.column for problem in problems}
            read.append((line, {column: cell for column, cell in cells.items() if column not in wrong}, row))
        new, known = self._told_apart(self._checked(read))
        self.report.added += len(new)
        for one, entry in known:
            self._compare(one, entry)
        if not self.report.problems and new:
            self._write(new)

    def _wrong(self, line: int, column: str, code: str, detail: str = "") -> None:
        self.report.problems.append(Problem(line, column, code, detail))

    def _checked(self, read: Sequence[tuple[int, Cells, ContactRow | None]]) -> list[_Checked]:
        """Lines with a problem are looked up too: what the database finds wrong with them is told in the same go."""
        by_code = self._mothers({cells["programme_code"] for _line, cells, _row in read if "programme_code" in cells})
        found = []
        for line, cells, row in read:
            mother = by_code.get(cells.get("programme_code", ""))
            lay_worker = self.lay_workers.get(cells.get("lay_worker_email", "").lower())
            if "programme_code" in cells and mother is None:
                self._wrong(line, "programme_code", "mother_unknown")
            elif mother is not None and row is not None and row.happened_on < mother.starts_on:
                self._wrong(line, "happened_at", "before_start")
            if "lay_worker_email" in cells and lay_worker is None:
                self._wrong(line, "lay_worker_email", "lay_worker_unknown")
            if mother is not None and lay_worker is not None and row is not None:
                found.append(_Checked(row, mother, lay_worker))
        together = _Together(*queries.times_together({one.mother.pk for one in found}))
        for one in found:
            if one.row.happened_on >= one.mother.starts_on and not together.at(one):
                self._wrong(one.row.line, "lay_worker_email", "not_with_her")
        faulty = {problem.line for problem in self.report.problems}
        return [one for one in found if one.row.line not in faulty]

    def _mothers(self, codes: Collection[str]) -> dict[str, Mother]:
        by_code = queries.mothers_by_code(codes)
        if not self.only_hers or self.by is None or not by_code:
            return by_code
        visible = mothers_visible_to(self.by, on=self.today).filter(programme_code__in=list(by_code))
        hers = set(visible.values_list("programme_code", flat=True))
        return {code: mother for code, mother in by_code.items() if code in hers}

    def _told_apart(self, checked: Sequence[_Checked]) -> tuple[list[_Checked], list[tuple[_Checked, Contact]]]:
        entries: dict[Key, Contact] = {}
        mother_ids, instants = {one.mother.pk for one in checked}, {one.row.happened_at for one in checked}
        for entry in queries.entries_like(mother_ids, instants, lock=self.options.update):
            key = (entry.mother_id, entry.happened_at, entry.mode, entry.outcome, entry.lay_worker_id)
            if key not in entries or entry.client_id == _client_id(key):
                entries[key] = entry
        new, known = [], []
        for one in checked:
            client_id, said = _client_id(one.key), _digest(one.row.minutes, one.row.note)
            line, first_said = self.first.setdefault(client_id, (one.row.line, said))
            if line != one.row.line:
                if said != first_said:
                    self._wrong(one.row.line, "", "entry_twice", str(line))
                else:
                    self.report.warnings.append(Problem(one.row.line, "", "entry_repeated", str(line)))
            elif one.key in entries:
                known.append((one, entries[one.key]))
            else:
                new.append(one)
        return new, known

    def _compare(self, one: _Checked, entry: Contact) -> None:
        """A blank cell says nothing; an entry typed, corrected or taken back in the app stays as it is there."""
        said = {"minutes": one.row.minutes, "note": one.row.note}
        differing = {name: value for name, value in said.items() if value and value != getattr(entry, name)}
        if not differing:
            self.report.unchanged += 1
            return
        was_imported = entry.client_id == _client_id(one.key)
        untouched = was_imported and entry.client_digest == _digest(entry.minutes, entry.note)
        found = "differs"
        if not untouched or entry.voided_at is not None:
            found = "kept"
        elif self.options.update:
            found = "changed"
        self.report.differences.extend(Problem(one.row.line, name, found) for name in differing)
        if found != "changed":
            return
        self.report.changed += 1
        if self.report.problems:
            return
        by = self.by or entry.entered_by
        was = {name: getattr(entry, name) for name in differing}
        ContactCorrection.objects.create(contact=entry, was=was, reason="import", at=self.now, by=by)
        for name, value in differing.items():
            setattr(entry, name, value)
        entry.client_digest = _digest(entry.minutes, entry.note)
        entry.save(update_fields=[*differing, "client_digest"])

    def _write(self, new: Sequence[_Checked]) -> None:
        Contact.objects.bulk_create(
            Contact(
                client_id=_client_id(one.key),
                client_digest=_digest(one.row.minutes, one.row.note),
                mother_id=one.mother.pk,
                lay_worker_id=one.lay_worker.pk,
                happened_at=one.row.happened_at,
                happened_on=one.row.happened_on,
                entered_at=self.now,
                # By a command nobody signs in: the entry is from her own book.
                entered_by_id=self.by.pk if self.by else one.lay_worker.user_id,
                mode=one.row.mode,
                outcome=one.row.outcome,
                completed=is_completed(outcome=one.row.outcome, mode=one.row.mode),
                minutes=one.row.minutes,
                note=one.row.note,
            )
            for one in new
        )
        self.touched |= {one.mother.pk for one in new}
        for one in new:
            said = self.not_safe.get(one.mother.pk)
            if one.row.outcome == Outcome.NOT_SAFE and (said is None or said.row.happened_at < one.row.happened_at):
                self.not_safe[one.mother.pk] = one

    def _stop_where_not_safe(self) -> None:
        """Said since she was last asked, *not safe to talk* holds, from whichever door it came (domain.md section 6)."""
        sheets = SafeContact.objects.filter(
            person__mother__in=self.not_safe, suspended_at__isnull=True, asked_on__isnull=False
        )
        for mother_id, asked_on in sheets.order_by("person__gate_id").values_list("person__mother__pk", "asked_on"):
            one = self.not_safe[mother_id]
            if asked_on is not None and one.row.happened_on >= asked_on:
                by = self.by or User.objects.get(pk=one.lay_worker.user_id)
                mothers.suspend_safe_contact(mother=one.mother, by=by, now=self.now)

    def _lock_plans(self, mother_ids: Collection[int]) -> None:
        list(
            ContactPlan.objects.select_for_update(no_key=True, of=("self",))
            .filter(mother__in=mother_ids, closed_at__isnull=True)
            .order_by("pk")
            .values_list("pk")
        )


class _Together:
    """Who was paired or covering when, of some mothers."""

    def __init__(self, pairings: Sequence[Pairing], covers: Sequence[Cover]) -> None:
        self.pairings: dict[tuple[int, int], list[Pairing]] = defaultdict(list)
        self.covers: dict[tuple[int, int], list[Cover]] = defaultdict(list)
        for pairing in pairings:
            self.pairings[pairing.mother_id, pairing.lay_worker_id].append(pairing)
        for cover in covers:
            self.covers[cover.mother_id, cover.lay_worker_id].append(cover)

    def at(self, one: _Checked) -> bool:
        who, on, at = (one.mother.pk, one.lay_worker.pk), one.row.happened_on, one.row.happened_at
        return any(
            pairing.starts_on <= on and (pairing.ended_at is None or pairing.ended_at >= at)
            for pairing in self.pairings[who]
        ) or any(
            cover.starts_on <= on < cover.ends_on and (cover.cancelled_at is None or cover.cancelled_at >= at)
            for cover in self.covers[who]
        )


def _client_id(key: Key) -> UUID:
    mother_id, happened_at, mode, outcome, lay_worker_id = key
    return uuid5(NAMESPACE, f"{mother_id} {happened_at.isoformat()} {mode} {outcome} {lay_worker_id}")


def _digest(minutes: int | None, note: str) -> str:
    return hashlib.sha256(json.dumps({"minutes": minutes, "note": note}).encode()).hexdigest()
