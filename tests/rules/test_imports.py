"""Spreadsheets as programmes keep them: what is read, and what is told with its line and column."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mentoring.rules.imports import (
    CASELOAD_COLUMNS,
    CASELOAD_REQUIRED,
    CONTACT_COLUMNS,
    CaseloadRow,
    ContactRow,
    Problem,
    Unreadable,
    caseload_row,
    contact_row,
    lines,
    lines_in,
)

D = date.fromisoformat
TODAY = D("2026-10-23")
NOW = datetime(2026, 10, 30, 12, tzinfo=UTC)
MODES = frozenset({"phone", "home_visit"})
OUTCOMES = frozenset({"reached", "no_answer"})


def read(content: bytes | str, columns: tuple[str, ...] = ("a", "b"), required: frozenset[str] = frozenset()) -> Any:
    raw = content.encode() if isinstance(content, str) else content
    return list(lines(BytesIO(raw), columns=columns, required=required))


def unreadable(content: bytes | str, **given: Any) -> list[tuple[int, str, str, str]]:
    with pytest.raises(Unreadable) as caught:
        read(content, **given)
    return [(one.line, one.column, one.code, one.detail) for one in caught.value.problems]


def codes(problems: list[Problem]) -> list[tuple[str, str]]:
    return [(problem.column, problem.code) for problem in problems]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("between", [",", ";"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_every_spreadsheet_program_is_understood(mark: bytes, between: str, end: str) -> None:
    content = mark + end.join([f"a{between}b", f"Bríd{between}2", f"3{between}4", ""]).encode()
    assert read(content) == [(2, {"a": "Bríd", "b": "2"}), (3, {"a": "3", "b": "4"})]


def test_the_last_line_needs_no_end() -> None:
    assert read("a,b\n1,2") == [(2, {"a": "1", "b": "2"})]


def test_a_semicolon_in_a_cell_does_not_make_it_the_separator_nor_does_a_comma() -> None:
    assert read("a,b\n1;2,3") == [(2, {"a": "1;2", "b": "3"})]
    assert read("a;b\n1,2;3") == [(2, {"a": "1,2", "b": "3"})]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_quoted_cell_may_hold_line_ends_and_later_lines_keep_their_place_in_the_file(end: str) -> None:
    content = end.join(["a,b", '"one', "two", 'three",x', "", "y,z"])
    assert read(content) == [(2, {"a": end.join(["one", "two", "three"]), "b": "x"}), (6, {"a": "y", "b": "z"})]


def test_quotation_marks_are_doubled_within_a_quoted_cell() -> None:
    assert read('a,b\n"say ""hello"", twice",2') == [(2, {"a": 'say "hello", twice', "b": "2"})]


def test_cells_are_stripped_and_lines_without_content_passed_by() -> None:
    assert read("a,b\n,\n\n  ,\u00a0\n 1 ,\t2\u00a0\n,,,\n") == [(5, {"a": "1", "b": "2"})]


def test_a_header_may_be_in_any_order_and_in_capitals_and_columns_may_be_left_out() -> None:
    assert read(" B ,A,,\n1,2,,\n") == [(2, {"b": "1", "a": "2"})]
    assert read("b\n1\n") == [(2, {"b": "1"})]


def test_an_odd_number_of_cells_is_told_and_the_lines_after_it_are_read() -> None:
    assert read("a,b\n1\n1,2,3\n1,2,\n") == [
        (2, Problem(2, "", "too_few_cells")),
        (3, Problem(3, "", "too_many_cells")),
        (4, {"a": "1", "b": "2"}),
    ]


@pytest.mark.parametrize("content", ["", "\n", ",,\n", "\ufeff"])
def test_a_file_without_names_of_columns_cannot_be_read(content: str) -> None:
    assert unreadable(content) == [(1, "", "empty", "")]


def test_everything_wrong_with_the_header_is_told_at_once_by_place_and_never_by_what_stands_there() -> None:
    found = unreadable("a,Aoife Invented,a\n1,2,3", columns=("a", "b", "c"), required=frozenset({"b", "a"}))
    assert found == [(1, "", "unknown_column", "2"), (1, "a", "column_twice", ""), (1, "b", "column_missing", "")]


def test_text_that_is_not_utf_8_is_told_with_its_line_after_the_lines_before_it() -> None:
    records = lines(BytesIO(b"a,b\n1,2\nBr\xedd,2\n"), columns=("a", "b"), required=frozenset())
    assert next(records) == (2, {"a": "1", "b": "2"})
    with pytest.raises(Unreadable) as caught:
        next(records)
    assert caught.value.problems == (Problem(3, "", "not_utf8"),)


def test_a_file_of_another_kind_is_not_read() -> None:
    assert unreadable("a,b\n1,2\n".encode("utf-16")) == [(1, "", "not_utf8", "")]
    assert unreadable(b"PK\x03\x04\x14\x00\x06\x00\x08\xe2") == [(1, "", "not_utf8", "")]


def test_a_quotation_mark_that_never_closes_is_told_where_its_record_begins() -> None:
    assert unreadable('a,b\n1,2\n3,"4\n5,6\n') == [(3, "", "not_csv", "")]
    assert unreadable('a,b\n1,"2"3\n') == [(2, "", "not_csv", "")]


def test_the_file_stays_open() -> None:
    file = BytesIO(b"a,b\n1,2\n")
    list(lines(file, columns=("a", "b"), required=frozenset()))
    assert not file.closed


@given(st.lists(st.tuples(st.text('ab\n\r",; é\u2028', max_size=6), st.text("xy\"'=+", max_size=4)), max_size=8))
def test_whatever_is_written_is_read_and_each_record_stands_where_it_was_put(records: list[tuple[str, str]]) -> None:
    def quoted(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"'

    content, wanted, line = "a,b\r\n", [], 2
    for one, other in records:
        record = f"{quoted(one)},{quoted(other)}\r\n"
        if one.strip() or other.strip():
            wanted.append((line, {"a": one.strip(), "b": other.strip()}))
        content += record
        line += record.replace("\r\n", "\n").replace("\r", "\n").count("\n")
    assert read(content) == wanted


def test_lines_are_counted_for_a_bar_of_progress() -> None:
    assert lines_in(b"\xef\xbb\xbfa,b\r\n1,2\r\n3,4\r\n") == 3
    assert lines_in(b"a,b\r1,2\r3,4\r") == 3
    assert lines_in(b"a,b") == 1


# ---- a mother ----------------------------------------------------------------------------------------------------

LEAST = {
    "programme_code": "S-001", "first_name": "Aoife", "family_name": "Invented", "locality": "Examplehill",
    "starts_on": "2026-08-03", "edd": "2027-02-01",
}  # fmt: skip


def mother(**cells: str) -> tuple[CaseloadRow | None, list[Problem], list[Problem]]:
    return caseload_row(7, LEAST | cells, today=TODAY)


def good(**cells: str) -> CaseloadRow:
    row, problems, warnings = mother(**cells)
    assert row is not None and not problems and not warnings
    return row


def wrong(**cells: str) -> list[tuple[str, str]]:
    row, problems, _warnings = mother(**cells)
    assert problems and {problem.line for problem in problems} == {7}
    assert row is None
    return codes(problems)


def test_a_mother_with_every_cell_filled() -> None:
    row = good(
        name_to_use="Fifi", date_of_birth="11/05/2004", phone="07700 900201", safe_to_call="Yes", safe_to_text="n",
        safe_voicemail="TRUE", address="1 Madeup Street\nSampletown", language="Polish", born_on="2026-10-20",
        every_days="28", lay_worker_email="Lena@Example.org", paired_on="5/8/2026",
    )  # fmt: skip
    assert row == CaseloadRow(
        7, "S-001", "Aoife", "Invented", "Fifi", D("2004-05-11"), "+447700900201", True, False, True,
        "1 Madeup Street\nSampletown", "Examplehill", "Polish", D("2026-08-03"), D("2027-02-01"), D("2026-10-20"), 28,
        "lena@example.org", D("2026-08-05"),
    )  # fmt: skip


def test_what_the_file_does_not_say_is_empty_and_what_is_not_said_to_be_safe_is_not() -> None:
    row = good(phone="07700 900201", safe_to_call="", safe_to_text=" ".strip())
    assert (row.safe_to_call, row.safe_to_text, row.safe_voicemail) == (False, False, False)
    assert (row.name_to_use, row.date_of_birth, row.address, row.language) == ("", None, "", "")
    assert (row.born_on, row.every_days, row.lay_worker_email, row.paired_on) == (None, None, "", None)


@pytest.mark.parametrize("cell", ["yes", "YES", "y", "true", "1"])
def test_yes_is_understood(cell: str) -> None:
    assert good(phone="07700 900201", safe_to_text=cell).safe_to_text


@pytest.mark.parametrize("cell", ["", "no", "No", "n", "FALSE", "0"])
def test_no_is_understood(cell: str) -> None:
    assert not good(phone="07700 900201", safe_to_text=cell).safe_to_text


@pytest.mark.parametrize("cell", ["x", "maybe", "not sure", "yes?", "2", "ja"])
def test_what_is_neither_yes_nor_no_is_a_problem_and_never_yes(cell: str) -> None:
    assert wrong(phone="07700 900201", safe_to_text=cell) == [("safe_to_text", "not_yes_or_no")]


@pytest.mark.parametrize(
    ("cell", "on"), [("2026-08-05", "2026-08-05"), ("05/08/2026", "2026-08-05"), ("29/2/2024", "2024-02-29")]
)
def test_dates_are_iso_or_day_first(cell: str, on: str) -> None:
    assert good(
        lay_worker_email="l@example.org", starts_on="2024-01-08", edd="2024-07-08", paired_on=cell
    ).paired_on == D(on)


@pytest.mark.parametrize(
    "cell",
    [
        "2026-8-5",
        "5/8/26",
        "08/13/2026",
        "31/11/2026",
        "29/02/2026",
        "5 August 2026",
        "20260805",
        "46239",
        "2026-08-05 00:00",
    ],
)
def test_other_dates_are_a_problem(cell: str) -> None:
    assert wrong(starts_on=cell) == [("starts_on", "not_a_date")]


@pytest.mark.parametrize("column", sorted(CASELOAD_REQUIRED))
def test_what_a_mother_needs_cannot_be_empty(column: str) -> None:
    assert wrong(**{column: ""}) == [(column, "missing")]


@pytest.mark.parametrize("code", ["S 1", "new", "-1", "=1+1", "S/1", "Ä1", "+44", "."])
def test_a_code_that_could_not_stand_in_an_address_is_a_problem(code: str) -> None:
    assert wrong(programme_code=code) == [("programme_code", "not_a_code")]


def test_what_does_not_fit_is_a_problem_with_how_much_would() -> None:
    row, problems, _warnings = mother(
        programme_code="S" * 17, first_name="A" * 81, address="A" * 501, locality="L" * 81
    )
    assert row is None
    assert [(problem.column, problem.code, problem.detail) for problem in problems] == [
        ("programme_code", "too_long", "16"), ("first_name", "too_long", "80"), ("address", "too_long", "500"),
        ("locality", "too_long", "80"),
    ]  # fmt: skip


@pytest.mark.parametrize("sign", ["\x00", "\x07", "\x1b"])
def test_a_character_that_no_database_keeps_is_a_problem(sign: str) -> None:
    assert wrong(first_name=f"Ao{sign}ife") == [("first_name", "control_character")]


@pytest.mark.parametrize(
    "cell", ["12", "see notes", "4.47701E+11", "07700O900201", "CALL 07700", "07700900201/07700900202"]
)
def test_a_number_that_cannot_be_rung_is_a_problem(cell: str) -> None:
    assert wrong(phone=cell) == [("phone", "not_a_number")]


@pytest.mark.parametrize(
    "cell", ["07700 900201", "+44 7700 900201", "0044 7700 900201", "7700900201", "(07700) 900-201", "'07700900201"]
)
def test_a_number_is_kept_in_one_form_also_where_a_spreadsheet_took_its_zero(cell: str) -> None:
    assert good(phone=cell).phone == "+447700900201"


@pytest.mark.parametrize("cell", ["0", "366", "14.5", "-14", "fortnightly", "1e2", "٣", "00000001499", "9" * 5000])
def test_an_interval_outside_a_day_to_a_year_is_a_problem(cell: str) -> None:
    assert wrong(every_days=cell) == [("every_days", "not_in_range")]


def test_intervals_from_a_day_to_a_year_are_good() -> None:
    assert [good(every_days=cell).every_days for cell in ("1", "014", "365")] == [1, 14, 365]


@pytest.mark.parametrize("column", ["starts_on", "born_on", "paired_on", "date_of_birth"])
def test_nothing_but_the_due_date_lies_in_the_future(column: str) -> None:
    cells = {"lay_worker_email": "l@example.org", "paired_on": "2026-08-03"}
    assert (column, "in_future") in wrong(**cells | {column: "2026-10-24"})
    assert (column, "in_future") not in codes(mother(**cells | {column: "2026-10-23"})[1])


@pytest.mark.parametrize(
    ("edd", "fits"), [("2026-08-02", False), ("2026-08-03", True), ("2027-06-07", True), ("2027-06-08", False)]
)
def test_the_due_date_lies_within_44_weeks_after_the_first_visit(edd: str, fits: bool) -> None:
    assert (codes(mother(edd=edd)[1]) == []) is fits
    if not fits:
        assert wrong(edd=edd) == [("edd", "edd_out_of_range")]


def test_no_birth_and_no_pairing_before_the_first_visit_and_she_was_born_before_it() -> None:
    found = wrong(
        born_on="2026-08-02", lay_worker_email="l@example.org", paired_on="2026-08-02", date_of_birth="2026-08-03"
    )
    assert found == [("born_on", "before_start"), ("paired_on", "before_start"), ("date_of_birth", "not_before_start")]
    good(born_on="2026-08-03", lay_worker_email="l@example.org", paired_on="2026-08-03", date_of_birth="2026-08-02")


def test_a_lay_worker_comes_with_the_day_of_the_pairing() -> None:
    assert wrong(lay_worker_email="l@example.org", paired_on="") == [("paired_on", "missing")]
    assert wrong(lay_worker_email="l@example.org") == [("paired_on", "column_missing")]


def test_a_day_of_pairing_without_a_lay_worker_is_left_out_with_a_warning() -> None:
    row, problems, warnings = mother(paired_on="2026-08-05")
    assert row is not None and row.paired_on is None and not problems
    assert codes(warnings) == [("paired_on", "nobody_to_pair")]


def test_safe_without_a_number_is_a_warning() -> None:
    row, problems, warnings = mother(safe_to_call="yes")
    assert row is not None and not problems
    assert codes(warnings) == [("phone", "nothing_to_be_safe")]


def test_every_problem_of_a_line_is_told_at_once_with_its_column() -> None:
    found = wrong(
        programme_code="", phone="12", safe_to_call="x", locality="", starts_on="soon", edd="later", every_days="0"
    )
    assert found == [
        ("programme_code", "missing"), ("phone", "not_a_number"), ("safe_to_call", "not_yes_or_no"),
        ("locality", "missing"), ("starts_on", "not_a_date"), ("edd", "not_a_date"), ("every_days", "not_in_range"),
    ]  # fmt: skip


@given(st.fixed_dictionaries({}, optional={name: st.text(max_size=30) for name in CASELOAD_COLUMNS}))
def test_no_cell_whatever_it_holds_breaks_the_reading_or_comes_back_in_a_problem(cells: Mapping[str, str]) -> None:
    row, problems, warnings = caseload_row(
        2, {name: cell.strip() for name, cell in (LEAST | cells).items()}, today=TODAY
    )
    assert (row is None) == bool(problems)
    for problem in problems + warnings:
        assert problem.column in CASELOAD_COLUMNS
        assert problem.detail in {"", "16", "40", "80", "254", "500", "1 - 365"}


# ---- an attempt --------------------------------------------------------------------------------------------------

ATTEMPT = {
    "programme_code": "S-001", "happened_at": "2026-10-09 14:30", "mode": "phone", "outcome": "reached",
    "lay_worker_email": "Lena@example.org",
}  # fmt: skip


def attempt(now: datetime = NOW, **cells: str) -> tuple[ContactRow | None, list[Problem], list[Problem]]:
    return contact_row(9, ATTEMPT | cells, now=now, modes=MODES, outcomes=OUTCOMES)


def test_an_attempt_with_every_cell_filled() -> None:
    row, problems, warnings = attempt(minutes="20", note='She said, "fine"')
    assert (problems, warnings) == ([], [])
    assert row == ContactRow(
        9, "S-001", datetime(2026, 10, 9, 13, 30, tzinfo=UTC), "phone", "reached", 20, 'She said, "fine"',
        "lena@example.org",
    )  # fmt: skip


@pytest.mark.parametrize(
    "cell",
    ["2026-10-09 14:30", "2026-10-09T14:30", "09/10/2026 14:30", "9/10/2026 14:30:00", "2026-10-09  14:30"],
)
def test_times_are_local_and_written_as_spreadsheets_write_them(cell: str) -> None:
    row, _problems, _warnings = attempt(happened_at=cell)
    assert row is not None and row.happened_at == datetime(2026, 10, 9, 13, 30, tzinfo=UTC)
    assert row.happened_on == D("2026-10-09")


def test_a_local_day_is_not_the_day_in_utc() -> None:
    row, _problems, _warnings = attempt(happened_at="2026-10-09 00:30")
    assert row is not None and row.happened_at == datetime(2026, 10, 8, 23, 30, tzinfo=UTC)
    assert row.happened_on == D("2026-10-09")


@pytest.mark.parametrize(
    "cell",
    [
        "2026-10-09",
        "14:30",
        "2026-10-09 24:00",
        "2026-10-09 14.30",
        "2026-10-09 2pm",
        "09/13/2026 14:30",
        "2026-10-09 14:60",
        "2026-10-09 14:30Z",
    ],
)
def test_other_times_are_a_problem(cell: str) -> None:
    _row, problems, _warnings = attempt(happened_at=cell)
    assert codes(problems) == [("happened_at", "not_a_time")]


@pytest.mark.parametrize(
    ("cell", "exists"), [("00:59", True), ("01:00", False), ("01:30", False), ("01:59", False), ("02:00", True)]
)
def test_an_hour_that_the_clocks_skip_is_a_problem(cell: str, exists: bool) -> None:
    _row, problems, warnings = attempt(happened_at=f"2026-03-29 {cell}")
    assert codes(problems) == ([] if exists else [("happened_at", "no_such_time")])
    assert not warnings


@pytest.mark.parametrize(
    ("cell", "utc", "twice"),
    [
        ("00:59", "2026-10-24T23:59", False),
        ("01:00", "2026-10-25T00:00", True),
        ("01:59", "2026-10-25T00:59", True),
        ("02:00", "2026-10-25T02:00", False),
    ],
)
def test_of_an_hour_that_comes_twice_the_first_is_taken_with_a_warning(cell: str, utc: str, twice: bool) -> None:
    row, problems, warnings = attempt(happened_at=f"25/10/2026 {cell}")
    assert row is not None and not problems
    assert row.happened_at == datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert codes(warnings) == ([("happened_at", "time_twice")] if twice else [])


def test_what_has_not_happened_yet_is_a_problem() -> None:
    late = datetime(2026, 10, 9, 13, 30, tzinfo=UTC)
    assert attempt(now=late)[1] == []
    assert codes(attempt(now=late.replace(minute=29))[1]) == [("happened_at", "in_future")]


@pytest.mark.parametrize(
    ("column", "cell", "code"), [("mode", "Home visit", "home_visit"), ("outcome", "NO-ANSWER", "no_answer")]
)
def test_codes_are_read_as_words_too(column: str, cell: str, code: str) -> None:
    row, _problems, _warnings = attempt(**{column: cell})
    assert row is not None and getattr(row, column) == code


def test_another_word_is_a_problem_that_lists_the_codes() -> None:
    _row, problems, _warnings = attempt(mode="pigeon", outcome="")
    assert [(one.column, one.code, one.detail) for one in problems] == [
        ("mode", "not_a_choice", "home_visit, phone"), ("outcome", "missing", ""),
    ]  # fmt: skip


@pytest.mark.parametrize("minutes", ["0", "721", "half an hour", "-1", "20.5"])
def test_minutes_are_a_whole_number_up_to_twelve_hours(minutes: str) -> None:
    assert codes(attempt(minutes=minutes)[1]) == [("minutes", "not_in_range")]


def test_minutes_and_note_may_be_empty_or_left_out() -> None:
    for cells in ({}, {"minutes": "", "note": ""}):
        row, problems, _warnings = attempt(**cells)
        assert row is not None and (row.minutes, row.note) == (None, "") and not problems


@pytest.mark.parametrize("column", sorted(set(CONTACT_COLUMNS) - {"minutes", "note"}))
def test_what_makes_the_key_of_an_attempt_cannot_be_empty(column: str) -> None:
    assert codes(attempt(**{column: ""})[1]) == [(column, "missing")]


@given(st.fixed_dictionaries({}, optional={name: st.text(max_size=30) for name in CONTACT_COLUMNS}))
def test_no_cell_of_an_attempt_breaks_the_reading_or_comes_back_in_a_problem(cells: Mapping[str, str]) -> None:
    given_cells = {name: cell.strip() for name, cell in (ATTEMPT | cells).items()}
    _row, problems, warnings = contact_row(2, given_cells, now=NOW, modes=MODES, outcomes=OUTCOMES)
    for problem in problems + warnings:
        assert problem.column in CONTACT_COLUMNS
        assert problem.detail in {"", "16", "254", "4000", "1 - 720", "home_visit, phone", "no_answer, reached"}
