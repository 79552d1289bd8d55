"""A caseload from the programme's own spreadsheet: mothers with their plans and pairings, all of the file or nothing."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import BinaryIO

import pghistory
from django.db import IntegrityError, connection, reset_queries, transaction
from django.utils.crypto import salted_hmac

from mentoring.access import lay_workers_visible_to, mothers_visible_to
from mentoring.models import ImportedMother, LayWorker, Midwife, Mother
from mentoring.queries import imports as queries
from mentoring.queries.imports import Known, LayWorkerRef
from mentoring.rules import changes
from mentoring.rules.imports import (
    CASELOAD_COLUMNS,
    CASELOAD_REQUIRED,
    CaseloadRow,
    Cells,
    Problem,
    Unreadable,
    caseload_row,
    lines,
)
from mentoring.rules.plan import PlanError
from mentoring.rules.refusals import Refused
from mentoring.services import bulk, digests, pairings, plans, protocol, reminders
from mentoring.services.imports.report import Report
from mentoring.services.mothers import Number, Registration, Sheet
from people.access import roles_of
from people.models import Locality, Person, User
from people.rules.local_time import local_date
from people.rules.roles import Role

ROWS_AT_ONCE = 500
# Any number that no other lock of this database uses: imports go one after another.
IMPORT_LOCK = 7_310_001

PERSON_COLUMNS = ("first_name", "family_name", "name_to_use", "date_of_birth", "address", "language", "locality")
# What --update may change; never safe contact (and so no number), rhythm or birth, nor where a plan begins.
CHANGEABLE = (*PERSON_COLUMNS, "edd", "lay_worker_email", "paired_on")
COMPARED = (
    *CHANGEABLE, "starts_on", "born_on", "every_days", "phone", "safe_to_call", "safe_to_text",
    "safe_voicemail",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Options:
    """How to read a caseload: from which day records were kept, whether to make localities, whether to apply differences."""

    records_from: date | None = None
    create_localities: bool = False
    update: bool = False


class Rejected(Exception):
    """The file has problems: everything written so far is taken back."""


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
    """The mothers of ``file`` are in the programme, or nothing has changed and the report has every problem.

    One import at a time. The same file again changes nothing. ``offered_from`` is the later of ``paired_on`` and
    ``records_from`` (today unless given). A dry run does it all and takes it back. ``progress`` is told the lines done;
    ``finish`` is called inside the transaction where the import stands. Memory does not grow with the file, but by a
    few bytes for each code and number, to find those that come twice. Rules: issue 2 section 6, domain.md section 4.
    """
    report = Report(dry_run=dry_run)
    try:
        with transaction.atomic(), pghistory.context(user=by.pk if by else None, why="import caseload"):
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


def lock_imports() -> None:
    """No other import runs until this transaction ends: two of the same file at once are one and one that finds it done."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [IMPORT_LOCK])


def digest(value: str) -> str:
    """Return a keyed digest of a value written: equal for equal values, nothing to read in it."""
    return salted_hmac("mentoring.imports", value, algorithm="sha256").hexdigest()[:16]


def _digests(values: dict[str, str]) -> dict[str, str]:
    return {name: digest(value) for name, value in values.items()}


@dataclass(slots=True)
class _Lot:
    new: list[CaseloadRow] = field(default_factory=list)
    known: list[tuple[CaseloadRow, Known, Cells]] = field(default_factory=list)


class _Import:
    def __init__(
        self, options: Options, by: User | None, now: datetime, report: Report, progress: Callable[[int], None]
    ) -> None:
        self.options, self.by, self.now, self.report, self.progress = options, by, now, report, progress
        self.today = local_date(now)
        self.records_from = options.records_from or self.today
        self.version = protocol.in_force(now=now)
        self.lay_workers = queries.lay_workers_by_email(self.today)
        self.sizes = queries.caseload_sizes()
        self.localities = queries.localities_by_name()
        self.missing_localities: set[str] = set()
        self.line_of_code: dict[str, int] = {}
        self.line_of_number: dict[str, int] = {}
        self.paired_with: dict[int, int] = {}
        self.behind_gates: list[tuple[int, int, str, Callable[[], object]]] = []
        roles = roles_of(by) if by is not None else frozenset()
        self.only_hers = Role.MIDWIFE in roles and Role.LEAD not in roles
        self.midwife_id = Midwife.objects.filter(user=by).values_list("pk", flat=True).first() if by else None
        # As on the page where she pairs: with the lay-workers she supervises or stands in for.
        self.may_pair_with = {ref.pk for ref in self.lay_workers.values()}
        if self.only_hers and by is not None:
            self.may_pair_with = set(lay_workers_visible_to(by, on=self.today).values_list("pk", flat=True))

    def run(self, file: BinaryIO) -> None:
        records = lines(file, columns=CASELOAD_COLUMNS, required=CASELOAD_REQUIRED)
        while some := self._taken(records):
            self._take(some)
            self.progress(some[-1][0])
            # With DEBUG Django keeps every statement, rows and all.
            reset_queries()
        # Last, and in the order in which everyone takes gates: nobody waits for the rest of the file.
        for _gate_id, line, column, act in sorted(self.behind_gates, key=lambda one: one[:2]):
            self._ask(line, column, act)
        if not self.report.problems:
            digests.queue_import_digests(mothers_by_user=self.paired_with, now=self.now)

    def _taken(self, records: Iterator[tuple[int, Cells | Problem]]) -> list[tuple[int, Cells | Problem]]:
        some: list[tuple[int, Cells | Problem]] = []
        try:
            some.extend(islice(records, ROWS_AT_ONCE))
        except Unreadable as unreadable:
            self.report.problems.extend(unreadable.problems)
        return some

    def _take(self, some: Sequence[tuple[int, Cells | Problem]]) -> None:
        read: list[tuple[int, Cells, CaseloadRow | None]] = []
        for line, cells in some:
            self.report.lines += 1
            if isinstance(cells, Problem):
                self.report.problems.append(cells)
                continue
            row, problems, warnings = caseload_row(line, cells, today=self.today)
            self.report.problems.extend(problems)
            self.report.warnings.extend(warnings)
            wrong = {problem.column for problem in problems}
            readable = {column: cell for column, cell in cells.items() if column not in wrong}
            self._once(line, readable.get("programme_code", ""))
            read.append((line, readable, row))
        lot = self._sorted(read)
        self._warn_of_shared_numbers([row for _line, _cells, row in read if row is not None])
        states = [self._state(row) for row in lot.new]
        for row, known, cells in lot.known:
            self._compare(row, known, cells)
        self.report.added += len(lot.new)
        if not self.report.problems and lot.new:
            self._write(lot.new, [state for state in states if state is not None])

    def _wrong(self, line: int, column: str, code: str, detail: str = "") -> None:
        self.report.problems.append(Problem(line, column, code, detail))

    def _once(self, line: int, code: str) -> None:
        if code and self.line_of_code.setdefault(code, line) != line:
            self._wrong(line, "programme_code", "code_twice", str(self.line_of_code[code]))

    def _sorted(self, read: Sequence[tuple[int, Cells, CaseloadRow | None]]) -> _Lot:
        """Lines with a problem are looked up too: what the database finds wrong with them is told in the same go."""
        codes = [cells["programme_code"] for _line, cells, _row in read if "programme_code" in cells]
        all_known = queries.known_mothers(codes, lock=self.options.update)
        hers = self._hers(all_known)
        lot = _Lot()
        for line, cells, row in read:
            code = cells.get("programme_code", "")
            known = all_known.get(code)
            self._place(line, cells.get("locality", ""), known)
            self._lay_worker(line, cells.get("lay_worker_email", "").lower(), known)
            if known is not None and code not in hers:
                self._wrong(line, "programme_code", "code_not_yours")
            elif row is not None and known is not None:
                lot.known.append((row, known, cells))
            elif row is not None:
                lot.new.append(row)
        return lot

    def _hers(self, codes: Collection[str]) -> set[str]:
        if not self.only_hers or not codes or self.by is None:
            return set(codes)
        visible = mothers_visible_to(self.by, on=self.today).filter(programme_code__in=list(codes))
        return set(visible.values_list("programme_code", flat=True))

    def _place(self, line: int, locality: str, known: Known | None) -> None:
        name = " ".join(locality.split())
        there = self.localities.get(name.casefold())
        if not name:
            return
        if there is None and self.options.create_localities:
            made = Locality.objects.create(name=name)
            self.localities[name.casefold()] = made.pk, True
            self.report.localities.append(name)
        elif there is None:
            self._wrong(line, "locality", "locality_unknown", name)
        elif not there[1] and (known is None or known.values["locality"] != name.casefold()):
            self._wrong(line, "locality", "locality_not_in_use", name)

    def _lay_worker(self, line: int, email: str, known: Known | None) -> None:
        if not email:
            return
        ref = self.lay_workers.get(email)
        if ref is None:
            self._wrong(line, "lay_worker_email", "lay_worker_unknown")
        elif known is not None and known.values["lay_worker_email"]:
            return
        elif ref.pk not in self.may_pair_with:
            self._wrong(line, "lay_worker_email", "lay_worker_not_yours")
        elif not ref.takes_mothers:
            self._wrong(line, "lay_worker_email", "lay_worker_left")

    def _ref(self, row: CaseloadRow) -> LayWorkerRef:
        return self.lay_workers[row.lay_worker_email]

    def _warn_of_shared_numbers(self, rows: Sequence[CaseloadRow]) -> None:
        with_number = [row for row in rows if row.phone]
        codes = queries.codes_by_number([row.phone for row in with_number])
        for row in with_number:
            first = self.line_of_number.setdefault(row.phone, row.line)
            if first != row.line:
                self.report.warnings.append(Problem(row.line, "phone", "phone_shared_line", str(first)))
            elif codes.get(row.phone, set()) - {row.programme_code}:
                self.report.warnings.append(Problem(row.line, "phone", "phone_shared_mother"))

    def _state(self, row: CaseloadRow) -> changes.PlanState | None:
        try:
            return changes.start(
                starts_on=row.starts_on,
                edd=row.edd,
                antenatal_every=self.version.antenatal_every_days,
                postnatal_every=self.version.postnatal_every_days,
                born_on=row.born_on,
                every_days=row.every_days,
            )
        except PlanError:
            self._wrong(row.line, "edd", "dates_do_not_fit")
            return None

    def _write(self, rows: Sequence[CaseloadRow], states: Sequence[changes.PlanState]) -> None:
        new = [
            bulk.New(self._registration(row), state, self._paired(row)) for row, state in zip(rows, states, strict=True)
        ]
        mothers = bulk.register_many(new, version=self.version, midwife_id=self.midwife_id, by=self.by, now=self.now)
        ImportedMother.objects.bulk_create(
            ImportedMother(mother=mother, digests=_digests(self._written(row)))
            for row, mother in zip(rows, mothers, strict=True)
        )
        for row in rows:
            if row.lay_worker_email:
                self._count_pairing(row)
        reminders.refresh_for(mother_ids=[mother.pk for mother in mothers], now=self.now)

    def _registration(self, row: CaseloadRow) -> Registration:
        numbers = (Number(row.phone, row.safe_to_call, row.safe_to_text, row.safe_voicemail),) if row.phone else ()
        says_safe = row.safe_to_call or row.safe_to_text or row.safe_voicemail
        return Registration(
            first_name=row.first_name,
            family_name=row.family_name,
            name_to_use=row.name_to_use or row.first_name,
            starts_on=row.starts_on,
            edd=row.edd,
            locality_id=self._locality_id(row.locality),
            date_of_birth=row.date_of_birth,
            address=row.address,
            language=row.language or "English",
            numbers=numbers,
            # The file does not say when she was asked: no earlier than her first visit, so texts stop and the sheet
            # says "ask again" sooner rather than later.
            sheet=Sheet(asked_on=row.starts_on if says_safe and numbers else None),
            programme_code=row.programme_code,
            born_on=row.born_on,
            every_days=row.every_days,
        )

    def _locality_id(self, name: str) -> int:
        return self.localities[" ".join(name.split()).casefold()][0]

    def _paired(self, row: CaseloadRow) -> bulk.Paired | None:
        if not row.lay_worker_email or row.paired_on is None:
            return None
        ref = self._ref(row)
        return bulk.Paired(ref.pk, ref.supervisor_id, row.paired_on, max(row.paired_on, self.records_from))

    def _count_pairing(self, row: CaseloadRow) -> None:
        ref = self._ref(row)
        self.paired_with[ref.user_id] = self.paired_with.get(ref.user_id, 0) + 1
        self.sizes[ref.pk] = size = self.sizes.get(ref.pk, 0) + 1
        most = self.version.mothers_per_lay_worker
        if size == most + 1:
            self.report.warnings.append(Problem(row.line, "lay_worker_email", "lay_worker_full", str(most)))

    def _compare(self, row: CaseloadRow, known: Known, cells: Cells) -> None:
        """A blank cell says nothing; a difference is applied only where the app still has what an import wrote."""
        said = self._said(row, cells)
        apply: list[str] = []
        differs = False
        for column in COMPARED:
            if column not in said or said[column] == known.values[column]:
                continue
            differs = True
            of_pairing = column in ("lay_worker_email", "paired_on")
            if column not in CHANGEABLE or (of_pairing and known.values["lay_worker_email"]):
                found = "never"
            elif known.digests.get(column) != digest(known.values[column]):
                found = "kept"
            elif self.options.update:
                found = "changed"
                apply.append(column)
            else:
                found = "differs"
            self.report.differences.append(Problem(row.line, column, found))
        if apply and not self.report.problems:
            self._apply(row, known, apply, said)
        if apply:
            self.report.changed += 1
        elif not differs:
            self.report.unchanged += 1

    def _said(self, row: CaseloadRow, cells: Cells) -> dict[str, str]:
        said = {
            "first_name": row.first_name,
            "family_name": row.family_name,
            "name_to_use": row.name_to_use,
            "date_of_birth": row.date_of_birth.isoformat() if row.date_of_birth else "",
            "address": row.address,
            "language": row.language,
            "locality": " ".join(row.locality.split()).casefold(),
            "edd": row.edd.isoformat(),
            "lay_worker_email": row.lay_worker_email,
            "paired_on": row.paired_on.isoformat() if row.paired_on else "",
            "starts_on": row.starts_on.isoformat(),
            "born_on": row.born_on.isoformat() if row.born_on else "",
            "every_days": str(row.every_days) if row.every_days else "",
            "phone": row.phone,
        }
        if row.phone:
            for column in ("safe_to_call", "safe_to_text", "safe_voicemail"):
                if column in cells:
                    said[column] = "yes" if getattr(row, column) else "no"
        return {column: value for column, value in said.items() if value}

    def _written(self, row: CaseloadRow) -> dict[str, str]:
        """Return the values of a mother just written, as ``queries.imports.known_mothers`` reads them back."""
        said = self._said(row, {})
        said.setdefault("name_to_use", row.first_name)
        said.setdefault("language", "English")
        return {name: said.get(name, "") for name in CHANGEABLE}

    def _apply(self, row: CaseloadRow, known: Known, columns: Sequence[str], said: dict[str, str]) -> None:
        mother = known.mother
        in_person = [column for column in columns if column in PERSON_COLUMNS]
        if in_person:
            person: Person = mother.person
            for column in in_person:
                if column == "locality":
                    person.locality_id = self._locality_id(row.locality)
                else:
                    setattr(person, column, getattr(row, column))
            person.save(update_fields=in_person)
        gate_id = mother.person.gate_id
        if "edd" in columns:
            self.behind_gates.append((gate_id, row.line, "edd", lambda: self._change_edd(mother, row.edd)))
        if "lay_worker_email" in columns:
            self.behind_gates.append((gate_id, row.line, "lay_worker_email", lambda: self._pair(mother, row)))
        ImportedMother.objects.filter(mother=mother).update(
            digests={**known.digests, **{column: digest(said[column]) for column in columns}}
        )

    def _ask(self, line: int, column: str, act: Callable[[], object]) -> None:
        try:
            with transaction.atomic():
                act()
        except Refused as refused:
            self._wrong(line, column, "refused", refused.message)
        except IntegrityError:
            self._wrong(line, column, "cannot_apply")

    def _change_edd(self, mother: Mother, edd: date) -> None:
        plans.change(
            mother=mother,
            request=plans.DueDate(edd),
            asked_by="record",
            by=self.by,  # type: ignore[arg-type]  # none: the owner of the machine, by a command
            now=self.now,
        )

    def _pair(self, mother: Mother, row: CaseloadRow) -> None:
        paired = self._paired(row)
        assert paired is not None
        if mother.offered_from is None:
            mother.offered_from = paired.offered_from
            mother.save(update_fields=["offered_from"])
        lay_worker = LayWorker.objects.select_related("user").get(pk=paired.lay_worker_id)
        pairings.pair(
            mother=mother, lay_worker=lay_worker, by=self.by, now=self.now, starts_on=paired.starts_on, announced=False
        )
        self._count_pairing(row)
