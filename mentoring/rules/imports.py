"""Reading spreadsheets that a programme already keeps: cells in, typed rows or problems by line and column out.

Knows no row of the database. A problem carries a code, never what stood in the cell, but for a locality's name.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import BinaryIO, Final

from mentoring.rules.plan import EVERY_DAYS_MAX, EVERY_DAYS_MIN
from people.rules.local_time import LOCAL, local_date
from people.rules.phones import NotANumber, normalised

CASELOAD_COLUMNS: Final = (
    "programme_code", "first_name", "family_name", "name_to_use", "date_of_birth", "phone", "safe_to_call",
    "safe_to_text", "safe_voicemail", "address", "locality", "language", "starts_on", "edd", "born_on", "every_days",
    "lay_worker_email", "paired_on",
)  # fmt: skip
CASELOAD_REQUIRED: Final = frozenset({"programme_code", "first_name", "family_name", "locality", "starts_on", "edd"})
CONTACT_COLUMNS: Final = (
    "programme_code", "happened_at", "mode", "outcome", "minutes", "note", "lay_worker_email",
)  # fmt: skip
CONTACT_REQUIRED: Final = frozenset(CONTACT_COLUMNS) - {"minutes", "note"}

YES: Final = frozenset({"yes", "y", "true", "1"})
NO: Final = frozenset({"", "no", "n", "false", "0"})
# A code stands in an address of a page, between slashes; ``new`` is a page of its own there.
CODE: Final = re.compile(r"(?!new\Z)[A-Za-z0-9][A-Za-z0-9._-]{0,15}")
DAY_FIRST: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
NOT_DECODED: Final = re.compile("[\udc80-\udcff]")
CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
# From the first visit to the latest an expected date can lie: 42 weeks, with a fortnight's error.
LONGEST_TO_EDD_DAYS: Final = 308
MINUTES_MAX: Final = 720


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, or worth a look, at one place of the file: physical line from 1, column (empty: the whole line), code."""

    line: int
    column: str
    code: str
    detail: str = ""


class Unreadable(Exception):
    """Nothing after this place can be read: the file is not what it should be."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(", ".join(problem.code for problem in problems))
        self.problems = problems


Cells = Mapping[str, str]


def lines(file: BinaryIO, *, columns: Sequence[str], required: frozenset[str]) -> Iterator[tuple[int, Cells | Problem]]:
    """Yield each record as (line, cells by column), cells stripped; an odd number of cells as a problem.

    UTF-8 with or without byte order mark; comma or semicolon, told from the header; any line end; quoted cells may
    hold line ends: a record's line is its first. Records without any content are passed by. A column left out is
    absent from the cells. Raises Unreadable for what is not such a file. Memory does not grow with the file.
    """
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        head = text.readline()
        records = csv.reader(_checked(text, head), delimiter=_delimiter(head), strict=True)
        begins = 1
        names: list[str] | None = None
        while True:
            try:
                record = next(records, None)
            except csv.Error as error:
                raise Unreadable(Problem(begins, "", "not_csv")) from error
            line, begins = begins, records.line_num + 1
            if names is None:
                names = _header(record or [], columns, required)
                continue
            if record is None:
                return
            cells = [cell.strip() for cell in record]
            if not any(cells):
                continue
            if len(cells) < len(names):
                yield line, Problem(line, "", "too_few_cells")
            elif any(cells[len(names) :]):
                yield line, Problem(line, "", "too_many_cells")
            else:
                yield line, dict(zip(names, cells, strict=False))
    finally:
        # The file stays open: it belongs to whoever opened it.
        text.detach()


def _delimiter(head: str) -> str:
    return ";" if head.count(";") > head.count(",") else ","


def _checked(text: io.TextIOWrapper, head: str) -> Iterator[str]:
    number, line = 1, head
    while line:
        if not line.isascii() and NOT_DECODED.search(line):
            raise Unreadable(Problem(number, "", "not_utf8"))
        yield line
        line, number = text.readline(), number + 1


def _header(record: Sequence[str], columns: Sequence[str], required: frozenset[str]) -> list[str]:
    names = [name.strip().lower() for name in record]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise Unreadable(Problem(1, "", "empty"))
    # By place, not by name: in a file without a header a mother's name would stand here.
    problems = [
        Problem(1, "", "unknown_column", str(place)) for place, name in enumerate(names, start=1) if name not in columns
    ]
    problems += [Problem(1, name, "column_twice") for name in columns if names.count(name) > 1]
    problems += [Problem(1, name, "column_missing") for name in columns if name in required and name not in names]
    if problems:
        raise Unreadable(*problems)
    return names


@dataclass(frozen=True, slots=True)
class CaseloadRow:
    """One mother as the spreadsheet has her. Empty text and none: the file does not say."""

    line: int
    programme_code: str
    first_name: str
    family_name: str
    name_to_use: str
    date_of_birth: date | None
    phone: str
    safe_to_call: bool
    safe_to_text: bool
    safe_voicemail: bool
    address: str
    locality: str
    language: str
    starts_on: date
    edd: date
    born_on: date | None
    every_days: int | None
    lay_worker_email: str
    paired_on: date | None


@dataclass(frozen=True, slots=True)
class ContactRow:
    """One attempt as the spreadsheet has it; ``happened_at`` in UTC."""

    line: int
    programme_code: str
    happened_at: datetime
    mode: str
    outcome: str
    minutes: int | None
    note: str
    lay_worker_email: str

    @property
    def happened_on(self) -> date:
        """The local date."""
        return local_date(self.happened_at)


class _Reader:
    """Takes the cells of one record apart and keeps every problem."""

    def __init__(self, line: int, cells: Cells) -> None:
        self.line = line
        self.cells = cells
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def wrong(self, column: str, code: str, detail: str = "") -> None:
        self.problems.append(Problem(self.line, column, code, detail))

    def text(self, column: str, most: int, *, required: bool = False) -> str:
        cell = self.cells.get(column, "")
        if required and not cell:
            self.wrong(column, "missing")
        elif len(cell) > most:
            self.wrong(column, "too_long", str(most))
        elif CONTROL.search(cell):
            self.wrong(column, "control_character")
        return cell

    def code(self, column: str) -> str:
        cell = self.text(column, 16, required=True)
        if cell and len(cell) <= 16 and not CODE.fullmatch(cell):
            self.wrong(column, "not_a_code")
        return cell

    def day(self, column: str, *, required: bool = False) -> date | None:
        cell = self.cells.get(column, "")
        if not cell:
            if required:
                self.wrong(column, "missing")
            return None
        found = _day(cell)
        if found is None:
            self.wrong(column, "not_a_date")
        return found

    def yes(self, column: str) -> bool:
        cell = self.cells.get(column, "").lower()
        if cell not in YES | NO:
            self.wrong(column, "not_yes_or_no")
        return cell in YES

    def whole(self, column: str, least: int, most: int) -> int | None:
        cell = self.cells.get(column, "")
        if not cell:
            return None
        if not (len(cell) < 10 and cell.isascii() and cell.isdigit() and least <= int(cell) <= most):
            self.wrong(column, "not_in_range", f"{least} - {most}")
            return None
        return int(cell)

    def choice(self, column: str, codes: frozenset[str]) -> str:
        cell = self.cells.get(column, "")
        code = re.sub(r"[\s-]+", "_", cell.lower())
        if not cell:
            self.wrong(column, "missing")
        elif code not in codes:
            self.wrong(column, "not_a_choice", ", ".join(sorted(codes)))
        return code

    def phone(self, column: str) -> str:
        cell = self.cells.get(column, "")
        if not cell:
            return ""
        try:
            return normalised(cell)
        except NotANumber:
            self.wrong(column, "not_a_number")
            return ""

    def local_instant(self, column: str) -> datetime | None:
        cell = self.cells.get(column, "")
        if not cell:
            self.wrong(column, "missing")
            return None
        day, _space, clock = cell.replace("T", " ", 1).partition(" ")
        on, at = _day(day), _clock(clock.strip())
        if on is None or at is None:
            self.wrong(column, "not_a_time")
            return None
        first = datetime.combine(on, at, LOCAL)
        instant = first.astimezone(UTC)
        if instant.astimezone(LOCAL).replace(tzinfo=None) != first.replace(tzinfo=None):
            self.wrong(column, "no_such_time")
            return None
        if first.utcoffset() != first.replace(fold=1).utcoffset():
            self.warnings.append(Problem(self.line, column, "time_twice"))
        return instant


def _day(cell: str) -> date | None:
    try:
        if match := DAY_FIRST.fullmatch(cell):
            day, month, year = map(int, match.groups())
            return date(year, month, day)
        return date.fromisoformat(cell) if len(cell) == 10 else None
    except ValueError:
        return None


def _clock(cell: str) -> time | None:
    match = re.fullmatch(r"([0-2]?\d):([0-5]\d)(?::([0-5]\d))?", cell, re.ASCII)
    if match is None or int(match[1]) > 23:
        return None
    return time(int(match[1]), int(match[2]), int(match[3] or 0))


def caseload_row(line: int, cells: Cells, *, today: date) -> tuple[CaseloadRow | None, list[Problem], list[Problem]]:
    """Return the mother of one record, or none with every problem of it; and what is worth a warning.

    Dates are checked as the pages check them: nothing in the future but the due date, which lies within 44 weeks
    after the first visit; no birth and no pairing before that visit.
    """
    reader = _Reader(line, cells)
    code = reader.code("programme_code")
    first_name, family_name = (
        reader.text("first_name", 80, required=True),
        reader.text("family_name", 80, required=True),
    )
    name_to_use = reader.text("name_to_use", 80)
    date_of_birth = reader.day("date_of_birth")
    phone = reader.phone("phone")
    safe = [reader.yes(column) for column in ("safe_to_call", "safe_to_text", "safe_voicemail")]
    address = reader.text("address", 500)
    locality = reader.text("locality", 80, required=True)
    language = reader.text("language", 40)
    starts_on, edd = reader.day("starts_on", required=True), reader.day("edd", required=True)
    born_on, paired_on = reader.day("born_on"), reader.day("paired_on")
    every_days = reader.whole("every_days", EVERY_DAYS_MIN, EVERY_DAYS_MAX)
    email = reader.text("lay_worker_email", 254).lower()
    given = {"date_of_birth": date_of_birth, "starts_on": starts_on, "born_on": born_on, "paired_on": paired_on}
    for column, on in given.items():
        if on is not None and on > today:
            reader.wrong(column, "in_future")
    if starts_on is not None:
        if edd is not None and not 0 <= (edd - starts_on).days <= LONGEST_TO_EDD_DAYS:
            reader.wrong("edd", "edd_out_of_range")
        if born_on is not None and born_on < starts_on:
            reader.wrong("born_on", "before_start")
        if paired_on is not None and email and paired_on < starts_on:
            reader.wrong("paired_on", "before_start")
        if date_of_birth is not None and date_of_birth >= starts_on:
            reader.wrong("date_of_birth", "not_before_start")
    if email and "paired_on" not in cells:
        reader.wrong("paired_on", "column_missing")
    elif email and not cells["paired_on"]:
        reader.wrong("paired_on", "missing")
    if paired_on is not None and not email:
        reader.warnings.append(Problem(line, "paired_on", "nobody_to_pair"))
    if any(safe) and not phone and not cells.get("phone"):
        reader.warnings.append(Problem(line, "phone", "nothing_to_be_safe"))
    if reader.problems or starts_on is None or edd is None:
        return None, reader.problems, reader.warnings
    row = CaseloadRow(
        line, code, first_name, family_name, name_to_use, date_of_birth, phone, safe[0], safe[1], safe[2], address,
        locality, language, starts_on, edd, born_on, every_days, email, paired_on if email else None,
    )  # fmt: skip
    return row, [], reader.warnings


def contact_row(
    line: int, cells: Cells, *, now: datetime, modes: frozenset[str], outcomes: frozenset[str]
) -> tuple[ContactRow | None, list[Problem], list[Problem]]:
    """Return the attempt of one record, every problem of it, and what is worth a warning.

    With problems the attempt is for looking further alone, and none where it cannot be told who, with whom and when.
    A local time that the clocks skip is a problem; of one that comes twice the first is taken, with a warning.
    """
    reader = _Reader(line, cells)
    code = reader.code("programme_code")
    happened_at = reader.local_instant("happened_at")
    mode, outcome = reader.choice("mode", modes), reader.choice("outcome", outcomes)
    minutes = reader.whole("minutes", 1, MINUTES_MAX)
    note = reader.text("note", 4000)
    email = reader.text("lay_worker_email", 254, required=True).lower()
    if happened_at is not None and happened_at > now:
        reader.wrong("happened_at", "in_future")
    if happened_at is None or {problem.column for problem in reader.problems} & {"programme_code", "lay_worker_email"}:
        return None, reader.problems, reader.warnings
    row = ContactRow(line, code, happened_at, mode, outcome, minutes, note, email)
    return row, reader.problems, reader.warnings


def lines_in(content: bytes) -> int:
    """Return about how many lines there are, for a bar of progress."""
    return max(content.count(b"\n"), content.count(b"\r"), 1)
