"""Caseloads and contacts from spreadsheets: all of a file or nothing, every problem at once, the same again is nothing."""

import csv
import threading
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pghistory
import pytest
from django.apps import apps  # the models of history are made by pghistory, not by a module
from django.db import transaction

from mentoring.models import (
    Appointment,
    Contact,
    ContactCorrection,
    ContactPlan,
    LayWorker,
    Mother,
    Pairing,
    PlanChange,
    PlannedContact,
)
from mentoring.queries.caseload import awaiting
from mentoring.rules.imports import CASELOAD_COLUMNS, CONTACT_COLUMNS
from mentoring.services import appointments, mothers, pairings, plans, protocol, staff
from mentoring.services import contacts as log
from mentoring.services.imports import caseload, contacts
from mentoring.services.imports.report import Report, sentences
from outbox.models import Message
from outbox.rules.registry import kind_of
from people.models import Locality, Person, PhoneNumber, SafeContact
from people.rules.local_time import local_date, local_instant
from people.rules.roles import Role
from tests.factories import (
    NOW,
    make_contact,
    make_lay_worker,
    make_locality,
    make_midwife,
    make_mother,
    make_user,
)
from tests.factories.rows import everything, shapes
from tests.services.races import at_once

pytestmark = pytest.mark.django_db
TODAY = local_date(NOW)
SAMPLES = Path(__file__).resolve().parents[2] / "docs" / "samples"
Line = dict[str, str]


def sheet(lines: Iterable[Line], columns: Iterable[str]) -> BytesIO:
    text = StringIO()
    writer = csv.DictWriter(text, list(columns), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return BytesIO(text.getvalue().encode())


def her(code: str = "S-001", **cells: str) -> Line:
    return {
        "programme_code": code, "first_name": "Aoife", "family_name": "Invented", "locality": "Riverside",
        "starts_on": "2026-08-03", "edd": "2027-02-01",
    } | cells  # fmt: skip


def with_lena(code: str = "S-001", **cells: str) -> Line:
    return her(code, lay_worker_email="lena@example.org", paired_on="2026-08-10", **cells)


def tried(code: str = "S-001", happened_at: str = "2026-10-09 14:30", **cells: str) -> Line:
    return {
        "programme_code": code, "happened_at": happened_at, "mode": "phone", "outcome": "reached",
        "lay_worker_email": "lena@example.org",
    } | cells  # fmt: skip


def load(*lines: Line, columns: Iterable[str] = CASELOAD_COLUMNS, **given: Any) -> Report:
    options = {name: given.pop(name) for name in ("records_from", "create_localities", "update") if name in given}
    values = {"dry_run": False, "by": None, "now": NOW} | given
    return caseload.load(file=sheet(lines, columns), options=caseload.Options(**options), **values)


def load_contacts(*lines: Line, update: bool = False, **given: Any) -> Report:
    values = {"dry_run": False, "by": None, "now": NOW} | given
    return contacts.load(file=sheet(lines, CONTACT_COLUMNS), options=contacts.Options(update), **values)


def told(found: Iterable[Any]) -> list[tuple[int, str, str]]:
    return sorted((one.line, one.column, one.code) for one in found)


@pytest.fixture
def lena() -> LayWorker:
    make_locality()
    return make_lay_worker(email="lena@example.org", now=NOW - timedelta(days=300))


def plan_of(code: str) -> ContactPlan:
    return ContactPlan.objects.get(mother__programme_code=code, closed_at__isnull=True)


# ---- the caseload ------------------------------------------------------------------------------------------------


def test_a_line_becomes_a_mother_with_all_that_its_cells_say(lena: LayWorker) -> None:
    report = load(
        with_lena(
            name_to_use="Fifi", date_of_birth="11/05/2004", phone="07700 900201", safe_to_call="yes", safe_to_text="",
            safe_voicemail="no", address="1 Madeup Street", language="Polish", locality=" river\nside ".replace("\n", ""),
            born_on="2026-10-20", every_days="28",
        )
    )  # fmt: skip
    assert (report.lines, report.added, report.problems, report.warnings) == (1, 1, [], [])
    mother = Mother.objects.select_related("person", "midwife").get(programme_code="S-001")
    person = mother.person
    assert (person.first_name, person.family_name, person.name_to_use) == ("Aoife", "Invented", "Fifi")
    assert (person.date_of_birth, person.address, person.language) == (date(2004, 5, 11), "1 Madeup Street", "Polish")
    assert person.locality.name == "Riverside"
    number = person.phone_numbers.get()
    assert (number.number, number.safe_to_call, number.safe_to_text, number.safe_voicemail) == (
        "+447700900201", True, False, False,
    )  # fmt: skip
    assert (mother.starts_on, person.pregnancy.edd) == (date(2026, 8, 3), date(2027, 2, 1))
    assert [baby.born_on for baby in person.pregnancy.babies.all()] == [date(2026, 10, 20)]
    assert mother.midwife == lena.supervisor
    pairing = mother.pairings.get()
    assert (pairing.lay_worker, pairing.starts_on) == (lena, date(2026, 8, 10))
    plan = plan_of("S-001")
    assert (plan.born_on, plan.ends_on) == (date(2026, 10, 20), date(2027, 10, 20))
    assert set(plan.cadences.values_list("every_days", flat=True)) == {28}


def test_nothing_is_safe_where_the_file_does_not_say_so(lena: LayWorker) -> None:
    load(her("S-001", phone="07700 900201"), her("S-002"))
    assert not PhoneNumber.objects.get().safe_to_call
    assert set(SafeContact.objects.values_list("asked_on", flat=True)) == {None}


@pytest.mark.parametrize(
    ("paired_on", "records_from", "offered_from"),
    [
        ("2026-08-10", None, TODAY),
        ("2026-08-10", date(2026, 9, 1), date(2026, 9, 1)),
        ("2026-08-10", date(2026, 8, 1), date(2026, 8, 10)),
        ("", date(2026, 8, 1), None),
    ],
)
def test_a_plan_is_offered_from_the_later_of_the_pairing_and_where_records_begin(
    lena: LayWorker, paired_on: str, records_from: date | None, offered_from: date | None
) -> None:
    load(her(paired_on=paired_on, lay_worker_email="lena@example.org" if paired_on else ""), records_from=records_from)
    assert Mother.objects.get().offered_from == offered_from


def test_without_a_lay_worker_she_awaits_one(lena: LayWorker) -> None:
    midwife = make_midwife()
    load(her(), by=midwife.user)
    mother = Mother.objects.get()
    assert (mother.offered_from, mother.midwife) == (None, midwife)
    assert [row["programme_code"] for row in awaiting(midwife.user, on=TODAY, now=NOW).rows] == ["S-001"]
    assert not Message.objects.exists()


def test_the_sample_files_load_and_again_change_nothing() -> None:
    make_lay_worker(email="layworker@example.org", now=NOW - timedelta(days=300))
    for name in ("Examplehill", "Sampleside"):
        make_locality(name)

    def both() -> list[Report]:
        reports = []
        for module, name in ((caseload, "caseload.csv"), (contacts, "contacts.csv")):
            with (SAMPLES / name).open("rb") as file:
                reports.append(module.load(file=file, options=module.Options(), dry_run=False, by=None, now=NOW))
        return reports

    first = both()
    assert [report.problems + report.warnings + report.differences for report in first] == [[], []]
    assert [report.added for report in first] == [4, 6]
    before = everything()
    again = both()
    assert [(report.added, report.changed, report.unchanged) for report in again] == [(0, 0, 4), (0, 0, 6)]
    assert everything() == before


def test_the_same_file_twice_changes_nothing_with_update_too(lena: LayWorker) -> None:
    lines = [
        with_lena("S-001", phone="07700 900201", safe_to_call="yes", every_days="28", born_on="2026-10-20"),
        her("S-002", name_to_use="Fifi", language="Polish", phone="07700 900202", date_of_birth="2004-05-11"),
    ]
    load(*lines)
    before = everything()
    for update in (False, True):
        report = load(*lines, update=update, now=NOW + timedelta(minutes=5))
        assert (report.added, report.changed, report.unchanged) == (0, 0, 2)
        assert report.differences == [] and everything() == before


def test_every_problem_is_told_in_one_go_with_its_line_in_the_file_and_its_column(lena: LayWorker) -> None:
    gone = make_lay_worker(email="gone@example.org")
    staff.update_lay_worker(
        lay_worker=gone, supervisor=gone.supervisor, locality=gone.locality, languages=[], weekly_hours=gone.weekly_hours,
        left_on=TODAY, by=gone.supervisor.user, now=NOW,
    )  # fmt: skip
    Locality.objects.create(name="Oldtown", is_active=False)
    before = everything()
    report = load(
        with_lena("S-001", address="1 Madeup Street\nSampletown\nNowhere"),
        # Line 5: the address above takes three lines of the file.
        with_lena("S-002", edd="soon", locality="Atlantis"),
        her("S-001", locality="Oldtown", every_days="0"),
        her("S-004", lay_worker_email="nobody@example.org", paired_on="2026-08-10", starts_on="2026-13-01"),
        her("S-005", lay_worker_email="gone@example.org", paired_on="2026-08-01"),
        her("", safe_to_call="perhaps"),
    )
    assert told(report.problems) == [
        (5, "edd", "not_a_date"), (5, "locality", "locality_unknown"),
        (6, "every_days", "not_in_range"), (6, "locality", "locality_not_in_use"), (6, "programme_code", "code_twice"),
        (7, "lay_worker_email", "lay_worker_unknown"), (7, "starts_on", "not_a_date"),
        (8, "lay_worker_email", "lay_worker_left"), (8, "paired_on", "before_start"),
        (9, "programme_code", "missing"), (9, "safe_to_call", "not_yes_or_no"),
    ]  # fmt: skip
    assert "line 5, locality: there is no locality “Atlantis”" in sentences(report.problems)
    assert "line 6, programme_code: the code of line 2 again" in sentences(report.problems)
    assert everything() == before


def test_a_problem_at_the_end_takes_back_what_was_written_before_it(
    lena: LayWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caseload, "ROWS_AT_ONCE", 2)
    before = everything()
    lines = [with_lena(f"S-{number:03}") for number in range(5)]
    report = load(*lines, her("S-005", edd=""))
    assert told(report.problems) == [(7, "edd", "missing")]
    assert everything() == before
    raw = sheet(lines, CASELOAD_COLUMNS).getvalue() + b"S-006,Br\xedd,Invented\n"
    report = caseload.load(file=BytesIO(raw), options=caseload.Options(), dry_run=False, by=None, now=NOW)
    assert told(report.problems) == [(7, "", "not_utf8")]
    assert everything() == before


def test_a_code_that_comes_again_many_lines_later_is_told(lena: LayWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caseload, "ROWS_AT_ONCE", 2)
    report = load(*[her(f"S-{number:03}") for number in range(4)], her("S-000"))
    assert told(report.problems) == [(6, "programme_code", "code_twice")]
    assert not Mother.objects.exists()


def test_localities_are_made_once_where_that_is_asked_for(lena: LayWorker) -> None:
    lines = [her("S-001", locality="New  Town"), her("S-002", locality="new town"), her("S-003", locality="Riverside")]
    report = load(*lines, create_localities=True)
    assert report.localities == ["New Town"] and not report.problems
    assert sorted(Locality.objects.filter(name__istartswith="new").values_list("name", flat=True)) == ["New Town"]
    before = everything()
    assert load(*lines, create_localities=True).unchanged == 3
    assert everything() == before


def test_the_same_file_is_still_good_after_its_locality_went_out_of_use(lena: LayWorker) -> None:
    load(her())
    Locality.objects.update(is_active=False)
    report = load(her(), her("S-002"))
    assert told(report.problems) == [(3, "locality", "locality_not_in_use")]


def test_a_cell_that_no_database_keeps_is_a_problem_beside_the_others(lena: LayWorker) -> None:
    report = load(
        her("S-1", first_name="A\x00"), her("S-2", locality="River\x00side"), her("S-3", edd=""), create_localities=True
    )
    assert told(report.problems) == [
        (2, "first_name", "control_character"), (3, "locality", "control_character"), (4, "edd", "missing"),
    ]  # fmt: skip


def test_a_number_that_two_share_is_a_warning_and_they_are_in(lena: LayWorker) -> None:
    make_mother(numbers=(mothers.Number("07700 900203", True),))
    lines = [
        her("S-001", phone="07700 900201"), her("S-002", phone="+447700900201"), her("S-003", phone="07700 900203"),
        her("S-004", phone="07700 900204"),
    ]  # fmt: skip
    report = load(*lines)
    assert told(report.warnings) == [(3, "phone", "phone_shared_line"), (4, "phone", "phone_shared_mother")]
    assert report.added == 4
    assert told(load(*lines).warnings) == [(2, "phone", "phone_shared_mother"), *told(report.warnings)]


def test_more_mothers_than_the_protocol_allows_is_one_warning(lena: LayWorker) -> None:
    protocol.change(
        antenatal_every_days=14,
        postnatal_every_days=14,
        mothers_per_lay_worker=2,
        reason="Tried",
        by=make_user(),
        now=NOW,
    )
    report = load(*[with_lena(f"S-{number:03}") for number in range(4)])
    assert told(report.warnings) == [(4, "lay_worker_email", "lay_worker_full")]
    assert Pairing.objects.filter(lay_worker=lena).count() == 4


def test_a_dry_run_says_what_would_be_and_changes_nothing(lena: LayWorker) -> None:
    load(her("S-000"))
    before = everything()
    lines = [with_lena(locality="New Town"), her("S-000", first_name="Other")]
    tried_out = load(*lines, dry_run=True, create_localities=True, update=True)
    assert everything() == before
    done = load(*lines, create_localities=True, update=True)
    assert (tried_out.added, tried_out.changed, tried_out.localities) == (done.added, done.changed, done.localities)
    assert tried_out.dry_run and not done.dry_run and (done.added, done.changed) == (1, 1)


# ---- one digest a lay-worker -------------------------------------------------------------------------------------


def digests() -> list[tuple[str, str, date, int]]:
    rows = Message.objects.filter(kind="import_digest").order_by("nominal_on", "recipient_user__email", "channel")
    return [(row.recipient_user.email, row.channel, row.nominal_on, row.detail["mothers"]) for row in rows]


def test_a_lay_worker_gets_one_digest_and_no_message_for_each_mother(lena: LayWorker) -> None:
    other = make_lay_worker(email="mary@example.org")
    make_lay_worker(email="free@example.org")
    load(
        *[with_lena(f"S-{number:03}") for number in range(3)],
        her("S-010", lay_worker_email="MARY@example.org", paired_on="2026-08-10"),
        her("S-011"),
    )
    assert digests() == [
        ("lena@example.org", "email", TODAY, 3), ("lena@example.org", "in_app", TODAY, 3),
        ("mary@example.org", "email", TODAY, 1), ("mary@example.org", "in_app", TODAY, 1),
    ]  # fmt: skip
    digest = Message.objects.filter(kind="import_digest", recipient_user=other.user).first()
    assert digest is not None and digest.due_at == NOW and digest.subject_id is None
    (words,) = kind_of("import_digest").compose([digest])
    assert "1 mother" in words.subject and "Aoife" not in words.subject + words.body
    assert set(Message.objects.values_list("kind", flat=True)) == {
        "import_digest",
        "contact_coming_up",
        "contact_overdue",
    }


def test_a_second_import_is_added_to_the_digest_that_still_waits(lena: LayWorker) -> None:
    load(with_lena("S-001"))
    load(with_lena("S-001"), with_lena("S-002"), with_lena("S-003"), now=NOW + timedelta(hours=1))
    assert digests() == [("lena@example.org", "email", TODAY, 3), ("lena@example.org", "in_app", TODAY, 3)]
    load(with_lena("S-001"))
    assert [row[3] for row in digests()] == [3, 3]


@pytest.mark.parametrize("status", ["sent", "claimed", "expired"])
def test_where_the_digest_has_gone_the_next_is_for_the_morning(lena: LayWorker, status: str) -> None:
    load(with_lena("S-001"))
    in_app = Message.objects.filter(kind="import_digest", channel="in_app")
    in_app.update(status=status, lease_until=NOW if status == "claimed" else None)
    load(with_lena("S-002"), with_lena("S-003"))
    tomorrow = TODAY + timedelta(days=1)
    assert digests() == [
        ("lena@example.org", "email", TODAY, 3), ("lena@example.org", "in_app", TODAY, 1),
        ("lena@example.org", "in_app", tomorrow, 2),
    ]  # fmt: skip
    assert Message.objects.get(nominal_on=tomorrow, kind="import_digest").due_at == local_instant(tomorrow, time(9))
    load(with_lena("S-004"))
    assert [row[3] for row in digests()] == [4, 1, 3]


# ---- differences -------------------------------------------------------------------------------------------------

FIRST = {
    "name_to_use": "Fifi", "date_of_birth": "2004-05-11", "phone": "07700 900201", "safe_to_call": "yes",
    "address": "1 Madeup Street", "language": "Polish", "every_days": "28",
}  # fmt: skip
MAY_CHANGE = {
    "first_name": "Aoibhe", "family_name": "Otherwise", "name_to_use": "Eve", "date_of_birth": "2004-05-12",
    "address": "2 Madeup Street", "language": "Irish", "locality": "Hillside", "edd": "2027-02-08",
}  # fmt: skip
NEVER = {
    "phone": "07700 900299", "safe_to_call": "no", "safe_to_text": "yes", "safe_voicemail": "yes", "every_days": "14",
    "born_on": "2026-10-20", "starts_on": "2026-08-04", "lay_worker_email": "mary@example.org", "paired_on": "2026-08-11",
}  # fmt: skip


@pytest.fixture
def imported(lena: LayWorker) -> Mother:
    make_locality("Hillside")
    make_lay_worker(email="mary@example.org")
    load(with_lena(**FIRST))
    return Mother.objects.get()


@pytest.mark.parametrize("column", sorted(MAY_CHANGE))
def test_a_difference_is_shown_and_only_an_update_applies_it(imported: Mother, column: str) -> None:
    line = with_lena(**FIRST | {column: MAY_CHANGE[column]})
    before = everything()
    report = load(line)
    assert told(report.differences) == [(2, column, "differs")]
    assert (report.changed, report.unchanged) == (0, 0) and everything() == before
    report = load(line, update=True)
    assert told(report.differences) == [(2, column, "changed")] and report.changed == 1
    imported.person.refresh_from_db()
    now_there = {
        "locality": imported.person.locality.name, "edd": plan_of("S-001").edd.isoformat(),
        "date_of_birth": imported.person.date_of_birth.isoformat(),
    }.get(column)  # fmt: skip
    assert (now_there or getattr(imported.person, column)) == MAY_CHANGE[column]
    before = everything()
    assert load(line, update=True).unchanged == 1
    assert everything() == before
    assert told(load(with_lena(**FIRST), update=True).differences) == [(2, column, "changed")]


@pytest.mark.parametrize("column", sorted(NEVER))
def test_safe_contact_rhythm_birth_and_pairing_are_never_changed_by_a_file(imported: Mother, column: str) -> None:
    before = everything()
    report = load(with_lena(**FIRST) | {column: NEVER[column]}, update=True)
    assert told(report.differences) == [(2, column, "never")]
    assert not report.problems and report.changed == 0 and everything() == before


@pytest.mark.parametrize("column", sorted(MAY_CHANGE))
def test_a_value_changed_in_the_app_since_stays_as_it_is_there(imported: Mother, column: str) -> None:
    person = Person.objects.filter(pk=imported.person_id)
    if column == "edd":
        plans.change(
            mother=imported,
            request=plans.DueDate(date(2027, 1, 25)),
            asked_by="midwife",
            by=make_midwife().user,
            now=NOW,
        )
    elif column == "locality":
        person.update(locality=make_locality("Elsewhere"))
    else:
        person.update(**{column: date(2003, 1, 1) if column == "date_of_birth" else "As she says now"})
    before = everything()
    for line in (with_lena(**FIRST), with_lena(**FIRST | {column: MAY_CHANGE[column]})):
        report = load(line, update=True)
        assert told(report.differences) == [(2, column, "kept")]
        assert report.changed == 0 and everything() == before


def test_a_mother_registered_in_the_app_is_never_changed_by_a_file(lena: LayWorker) -> None:
    make_mother(programme_code="S-001", starts_on=date(2026, 8, 3), edd=date(2027, 2, 1))
    before = everything()
    report = load(her(), update=True)
    assert {code for _line, _column, code in told(report.differences)} == {"kept"} and everything() == before


def test_what_an_import_left_open_or_changed_before_is_still_the_imports_to_change(lena: LayWorker) -> None:
    load(her())
    for column, value in (
        ("name_to_use", "Eve"),
        ("language", "Polish"),
        ("address", "1 Madeup Street"),
        ("edd", "2027-02-08"),
    ):
        report = load(her(**{column: value}), update=True)
        assert (2, column, "changed") in told(report.differences), column
        assert not [found for found in told(report.differences) if found[2] == "kept"]


def test_an_empty_cell_says_nothing_and_neither_does_a_column_left_out(imported: Mother) -> None:
    before = everything()
    line = her(paired_on="", lay_worker_email="", phone=FIRST["phone"], safe_to_call="yes")
    least = ("programme_code", "first_name", "family_name", "locality", "starts_on", "edd", "phone")
    for report in (load(line, update=True), load({name: line[name] for name in least}, columns=least, update=True)):
        assert report.differences == [] and report.unchanged == 1
    assert everything() == before


def test_another_due_date_moves_the_plan_as_the_page_would(imported: Mother) -> None:
    line = with_lena(**FIRST | {"edd": "2027-02-22"})
    with transaction.atomic():
        plans.change(
            mother=imported,
            request=plans.DueDate(date(2027, 2, 22)),
            asked_by="record",
            by=make_midwife().user,
            now=NOW,
        )
        windows = shapes()["PlannedContact"]
        transaction.set_rollback(True)
    load(line, update=True)
    assert shapes()["PlannedContact"] == windows
    change = PlanChange.objects.latest("pk")
    assert (change.kind, change.asked_by, change.on) == ("due_date", "record", TODAY)


def test_a_mother_who_waits_is_paired_by_an_update_and_the_digest_says_so(lena: LayWorker) -> None:
    load(her("S-001"), her("S-002"))
    assert told(load(with_lena()).differences) == [(2, "lay_worker_email", "differs"), (2, "paired_on", "differs")]
    report = load(with_lena(), her("S-002"), update=True, records_from=date(2026, 9, 1))
    assert told(report.differences) == [(2, "lay_worker_email", "changed"), (2, "paired_on", "changed")]
    mother = Mother.objects.get(programme_code="S-001")
    pairing = mother.pairings.get()
    assert (pairing.lay_worker, pairing.starts_on, mother.offered_from) == (lena, date(2026, 8, 10), date(2026, 9, 1))
    assert set(plan_of("S-001").planned_contacts.values_list("lay_worker", flat=True)) == {lena.pk}
    assert [row[3] for row in digests()] == [1, 1]
    before = everything()
    assert load(with_lena(), her("S-002"), update=True).unchanged == 2
    assert everything() == before


def test_a_pairing_that_ended_in_the_app_is_not_made_again_by_a_file(lena: LayWorker) -> None:
    load(with_lena())
    pairings.end(pairing=Pairing.objects.get(), reason="moved", by=lena.supervisor.user, now=NOW)
    before = everything()
    report = load(with_lena(), update=True)
    assert told(report.differences) == [(2, "lay_worker_email", "kept"), (2, "paired_on", "kept")]
    assert everything() == before


def test_an_update_that_the_rules_refuse_is_a_problem_and_takes_everything_back(lena: LayWorker) -> None:
    protocol.change(
        antenatal_every_days=14,
        postnatal_every_days=14,
        mothers_per_lay_worker=1,
        reason="Tried",
        by=make_user(),
        now=NOW,
    )
    load(her("S-001"), her("S-002"))
    before = everything()
    report = load(with_lena("S-001", first_name="Other"), with_lena("S-002"), her("S-003"), update=True)
    assert told(report.problems) == [(3, "lay_worker_email", "refused")]
    assert "as many mothers as the protocol allows" in sentences(report.problems)[0]
    assert everything() == before


@pytest.mark.parametrize("named", [True, False])
def test_where_a_change_would_call_off_a_visit_the_import_must_say_who_asks(lena: LayWorker, named: bool) -> None:
    dates = {"starts_on": "2025-10-20", "edd": "2025-11-20"}
    load(with_lena(**dates))
    appointments.agree(
        mother=Mother.objects.get(), starts_at=datetime(2026, 11, 10, 10, tzinfo=UTC), mode="home_visit", place="",
        by=lena.user, now=NOW,
    )  # fmt: skip
    before = everything()
    lead = make_user(Role.LEAD) if named else None
    report = load(with_lena(**dates | {"edd": "2025-11-01"}), update=True, by=lead)
    if named:
        assert not report.problems and Appointment.objects.get().withdrawn_by == lead
    else:
        assert told(report.problems) == [(2, "edd", "cannot_apply")] and everything() == before


# ---- who asks ----------------------------------------------------------------------------------------------------


def test_a_midwife_brings_in_mothers_for_the_lay_workers_she_answers_for_alone(lena: LayWorker) -> None:
    report = load(with_lena("S-001"), her("S-002", edd=""), by=make_midwife().user)
    assert told(report.problems)[0] == (2, "lay_worker_email", "lay_worker_not_yours")
    assert not Mother.objects.exists()
    for who in (lena.supervisor.user, make_user(Role.LEAD), make_user(Role.MIDWIFE, Role.LEAD)):
        assert load(with_lena(f"S-{who.pk}"), by=who).added == 1
        assert load(with_lena(f"S-{who.pk}"), by=who).unchanged == 1


def test_a_midwife_learns_nothing_of_another_midwifes_mother_but_that_the_code_is_taken(lena: LayWorker) -> None:
    load(with_lena("S-001"))
    report = load(her("S-001", first_name="Other", edd=""), by=make_midwife().user, update=True)
    assert told(report.problems) == [(2, "edd", "missing"), (2, "programme_code", "code_not_yours")]
    assert report.differences == []


def test_history_says_who_brought_her_in_and_why(lena: LayWorker) -> None:
    lead = make_user(Role.LEAD)
    load(with_lena(), by=lead)
    load_contacts(tried(), by=lead)
    for name, why in (("Mother", "import caseload"), ("Pairing", "import caseload"), ("Contact", "import contacts")):
        row = apps.get_model("mentoring", f"{name}Event").objects.latest("pgh_id")
        assert (row.pgh_context["user"], row.pgh_context["why"]) == (lead.pk, why)
    assert Mother.objects.get().registered_by == Contact.objects.get().entered_by == lead
    with pghistory.context(why="another"):
        load(her("S-002"))
    assert Mother.objects.get(programme_code="S-002").registered_by is None


@pytest.mark.django_db(transaction=True)
def test_two_imports_of_one_file_at_once_are_one_import(lena: LayWorker) -> None:
    lines = [with_lena(f"S-{number:03}", locality=f"Place {number % 3}") for number in range(30)]

    def work() -> Report:
        return load(*lines, create_localities=True)

    reports = at_once(work, work)
    assert sorted((report.added, report.unchanged) for report in reports) == [(0, 30), (30, 0)]
    assert Mother.objects.count() == 30 and [row[3] for row in digests()] == [30, 30]


# ---- contacts ----------------------------------------------------------------------------------------------------


@pytest.fixture
def paired(lena: LayWorker) -> Mother:
    load(with_lena("S-001"), with_lena("S-002"), records_from=date(2026, 8, 3))
    return Mother.objects.get(programme_code="S-001")


def test_an_attempt_is_in_the_log_and_makes_its_window(paired: Mother, lena: LayWorker) -> None:
    report = load_contacts(
        tried(minutes="20", note="She is well"), tried(happened_at="09/10/2026 09:00", outcome="no_answer")
    )
    assert (report.lines, report.added, report.problems) == (2, 2, [])
    made, attempt = Contact.objects.order_by("-happened_at")
    assert (made.mother, made.lay_worker, made.minutes, made.note, made.completed) == (
        paired,
        lena,
        20,
        "She is well",
        True,
    )
    assert made.happened_at == datetime(2026, 10, 9, 13, 30, tzinfo=UTC) and made.happened_on == date(2026, 10, 9)
    assert made.entered_at == NOW and made.entered_by == lena.user
    assert not attempt.completed
    assert made.fulfils.made_on == date(2026, 10, 9)


def test_imported_contacts_make_the_windows_and_messages_that_the_log_would(paired: Mother, lena: LayWorker) -> None:
    moments = ["2026-08-12 10:00", "2026-08-12 18:00", "2026-09-01 10:00", "2026-10-22 10:00", "2026-10-23 11:00"]
    with transaction.atomic():
        for moment in moments:
            make_contact(mother=paired, lay_worker=lena, happened_at=datetime.fromisoformat(f"{moment}+01:00"), now=NOW)
        logged = shapes()
        transaction.set_rollback(True)
    load_contacts(*[tried(happened_at=moment, minutes="20") for moment in moments])
    brought_in = shapes()
    assert brought_in["PlannedContact"] == logged["PlannedContact"]
    assert [row for row in brought_in["Message"] if "queued" in row] == [
        row for row in logged["Message"] if "queued" in row
    ]
    assert PlannedContact.objects.filter(made_on__isnull=False).count() == 3


def test_the_same_contacts_twice_change_nothing(paired: Mother, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contacts, "ROWS_AT_ONCE", 2)
    lines = [tried(happened_at=f"2026-10-{day:02} 10:00", minutes="20", note="Fine") for day in range(5, 12)]
    assert load_contacts(*lines).added == 7
    before = everything()
    for update in (False, True):
        report = load_contacts(*lines, update=update, now=NOW + timedelta(hours=1))
        assert (report.added, report.changed, report.unchanged) == (0, 0, 7)
        assert everything() == before


@pytest.mark.parametrize(
    "other",
    [
        {"happened_at": "2026-10-09 14:31"}, {"mode": "home_visit"}, {"outcome": "no_answer"},
        {"lay_worker_email": "mary@example.org"}, {"programme_code": "S-002"},
    ],
)  # fmt: skip
def test_all_but_minutes_and_note_make_the_key(paired: Mother, lena: LayWorker, other: Line) -> None:
    mary = make_lay_worker(email="mary@example.org", now=NOW - timedelta(days=60))
    pairings.arrange_cover(
        mother=paired, lay_worker=mary, starts_on=date(2026, 10, 5), ends_on=date(2026, 10, 12), by=lena.supervisor.user,
        now=NOW - timedelta(days=30),
    )  # fmt: skip
    assert load_contacts(tried(), tried() | other).added == 2
    assert load_contacts(tried() | other, tried()).unchanged == 2


def test_an_attempt_twice_in_a_file_counts_once_and_two_that_disagree_are_a_problem(paired: Mother) -> None:
    report = load_contacts(tried(minutes="20"), tried(minutes="20"))
    assert told(report.warnings) == [(3, "", "entry_repeated")] and report.added == 1
    before = everything()
    again = {"happened_at": "2026-10-10 10:00"}
    report = load_contacts(tried(**again), tried(**again, note="Other"), tried(**again, minutes="0", note="Third"))
    assert told(report.problems) == [(3, "", "entry_twice"), (4, "minutes", "not_in_range")] and everything() == before


def test_every_problem_of_the_contacts_is_told_in_one_go(paired: Mother, monkeypatch: pytest.MonkeyPatch) -> None:
    make_lay_worker(email="mary@example.org")
    before = everything()
    monkeypatch.setattr(contacts, "ROWS_AT_ONCE", 3)
    report = load_contacts(
        tried(note="one\ntwo"),
        tried("S-009", outcome="pigeon"),
        tried(happened_at="2026-08-02 10:00", lay_worker_email="nobody@example.org"),
        tried(happened_at="2026-08-09 10:00", minutes="0"),
        tried(lay_worker_email="mary@example.org"),
        tried(happened_at="2026-03-29 01:30"),
        tried(happened_at="2026-10-23 11:31"),
        tried("S-009", happened_at="yesterday"),
        tried("S\x009", lay_worker_email=""),
    )
    assert told(report.problems) == [
        (4, "outcome", "not_a_choice"), (4, "programme_code", "mother_unknown"),
        (5, "happened_at", "before_start"), (5, "lay_worker_email", "lay_worker_unknown"),
        (6, "lay_worker_email", "not_with_her"), (6, "minutes", "not_in_range"),
        (7, "lay_worker_email", "not_with_her"),
        (8, "happened_at", "no_such_time"),
        (9, "happened_at", "in_future"),
        (10, "happened_at", "not_a_time"), (10, "programme_code", "mother_unknown"),
        (11, "lay_worker_email", "missing"), (11, "programme_code", "control_character"),
        (11, "programme_code", "not_a_code"),
    ]  # fmt: skip
    assert everything() == before


def test_a_problem_at_the_end_of_the_contacts_takes_back_what_was_written_before_it(
    paired: Mother, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contacts, "ROWS_AT_ONCE", 2)
    before = everything()
    report = load_contacts(*[tried(happened_at=f"2026-10-0{day} 10:00") for day in range(1, 6)], tried("S-009"))
    assert told(report.problems) == [(7, "programme_code", "mother_unknown")]
    assert everything() == before


def test_contacts_tried_out_are_taken_back(paired: Mother) -> None:
    before = everything()
    assert load_contacts(tried(), dry_run=True).added == 1
    assert everything() == before


@pytest.mark.django_db(transaction=True)
def test_contacts_do_not_wait_for_a_message_in_a_carriers_hands(lena: LayWorker) -> None:
    load(with_lena("S-001"), records_from=date(2026, 8, 3))
    held, done = threading.Event(), threading.Event()

    def hand_over() -> bool:
        with transaction.atomic():
            list(Message.objects.select_for_update(no_key=True).filter(kind="contact_coming_up"))
            held.set()
            return done.wait(10)

    def bring_in() -> Report:
        held.wait(10)
        report = load_contacts(tried(happened_at="2026-10-22 10:00"))
        done.set()
        return report

    in_time, report = at_once(hand_over, bring_in)
    assert in_time is True and report.added == 1


def test_a_time_that_comes_twice_is_the_first_with_a_warning(paired: Mother) -> None:
    later = NOW + timedelta(days=3)
    report = load_contacts(tried(happened_at="2026-10-25 01:30"), now=later)
    assert told(report.warnings) == [(2, "happened_at", "time_twice")]
    assert Contact.objects.get().happened_at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_contacts_never_move_where_a_plan_is_offered_from(lena: LayWorker) -> None:
    load(with_lena())
    assert load_contacts(tried(happened_at="2026-08-12 10:00")).added == 1
    assert Mother.objects.get().offered_from == TODAY
    assert PlannedContact.objects.filter(made_on=date(2026, 8, 12)).exists()


def test_an_entry_is_judged_by_who_was_with_her_when_it_happened(paired: Mother, lena: LayWorker) -> None:
    pairings.end(pairing=paired.pairings.get(), reason="moved", by=lena.supervisor.user, now=NOW - timedelta(days=60))
    ended = local_date(NOW - timedelta(days=60))
    report = load_contacts(tried(happened_at=f"{ended} 09:00"), tried(happened_at=f"{ended} 18:00"))
    assert told(report.problems) == [(3, "lay_worker_email", "not_with_her")]
    # The app takes no more from her after seven days, the file does: it is the book she kept.
    assert load_contacts(tried(happened_at=f"{ended} 09:00")).added == 1


def test_whoever_covers_was_with_her_on_the_days_of_the_cover_alone(paired: Mother, lena: LayWorker) -> None:
    mary, by = make_lay_worker(email="mary@example.org", now=NOW - timedelta(days=60)), lena.supervisor.user
    days = {"starts_on": date(2026, 10, 5), "ends_on": date(2026, 10, 12)}
    before = NOW - timedelta(days=30)
    cover = pairings.arrange_cover(mother=paired, lay_worker=mary, by=by, now=before, **days)
    pairings.cancel_cover(cover=cover, by=by, now=datetime(2026, 10, 10, 12, tzinfo=UTC))
    moments = ["2026-10-04 23:59", "2026-10-05 00:00", "2026-10-10 12:00", "2026-10-10 14:00", "2026-10-12 10:00"]
    report = load_contacts(*[tried(happened_at=moment, lay_worker_email="mary@example.org") for moment in moments])
    assert told(report.problems) == [(line, "lay_worker_email", "not_with_her") for line in (2, 5, 6)]


def test_a_difference_in_minutes_or_note_is_applied_by_an_update_and_what_was_is_kept(paired: Mother) -> None:
    load_contacts(tried(minutes="20", note="Fine"))
    line = tried(minutes="30", note="Not so fine")
    assert told(load_contacts(line).differences) == [(2, "minutes", "differs"), (2, "note", "differs")]
    assert not ContactCorrection.objects.exists()
    report = load_contacts(line, update=True)
    assert told(report.differences) == [(2, "minutes", "changed"), (2, "note", "changed")] and report.changed == 1
    contact = Contact.objects.get()
    assert (contact.minutes, contact.note, contact.entered_at) == (30, "Not so fine", NOW)
    correction = contact.corrections.get()
    assert correction.was == {"minutes": 20, "note": "Fine"} and correction.reason == "import"
    assert load_contacts(line, update=True).unchanged == 1
    assert load_contacts(tried(), update=True).unchanged == 1
    assert told(load_contacts(tried(minutes="35"), update=True).differences) == [(2, "minutes", "changed")]


def test_a_file_is_held_to_what_it_brought_in_not_to_an_entry_made_the_same_since(
    paired: Mother, lena: LayWorker
) -> None:
    moment = datetime(2026, 10, 9, 13, 30, tzinfo=UTC)
    typed = make_contact(mother=paired, lay_worker=lena, happened_at=moment, outcome="no_answer", now=NOW)
    assert load_contacts(tried(minutes="20")).added == 1
    entry = log.Entry(typed.client_id, moment, "phone", "reached", minutes=25, present=(), concern="none")
    log.correct(contact=typed, entry=entry, reason="She did answer", by=lena.user, now=NOW)
    assert load_contacts(tried(minutes="20")).unchanged == 1


@pytest.mark.parametrize("how", ["corrected", "voided", "typed in the app"])
def test_what_was_done_to_an_entry_in_the_app_stands(paired: Mother, lena: LayWorker, how: str) -> None:
    moment = datetime(2026, 10, 9, 13, 30, tzinfo=UTC)
    if how == "typed in the app":
        make_contact(mother=paired, lay_worker=lena, happened_at=moment, minutes=25, now=NOW)
    else:
        load_contacts(tried(minutes="20"))
        contact = Contact.objects.get()
        if how == "voided":
            log.void(contact=contact, reason="Wrong", by=lena.user, now=NOW)
        else:
            entry = log.Entry(contact.client_id, moment, "phone", "reached", minutes=25, present=(), concern="none")
            log.correct(contact=contact, entry=entry, reason="Looked it up", by=lena.user, now=NOW)
    before = everything()
    report = load_contacts(tried(minutes="40"), update=True)
    assert told(report.differences) == [(2, "minutes", "kept")] and report.changed == 0
    assert everything() == before


@pytest.mark.parametrize(("happened_at", "suspended"), [("2026-10-15 10:00", False), ("2026-10-16 10:00", True)])
def test_not_safe_to_talk_since_she_was_asked_withdraws_calls_from_a_file_too(
    paired: Mother, lena: LayWorker, happened_at: str, suspended: bool
) -> None:
    mothers.renew_safe_contact(
        mother=paired, sheet=mothers.Sheet(asked_on=date(2026, 10, 16)), numbers=(), by=lena.supervisor.user, now=NOW
    )
    load_contacts(
        tried(happened_at="2026-10-01 10:00", outcome="not_safe"), tried(happened_at=happened_at, outcome="not_safe")
    )
    found = SafeContact.objects.get(person=paired.person)
    assert (found.suspended_at is not None, found.suspended_by == lena.user) == (suspended, suspended)


def test_a_midwife_brings_in_contacts_of_the_mothers_she_sees_alone(paired: Mother, lena: LayWorker) -> None:
    report = load_contacts(tried(), by=make_midwife().user)
    assert told(report.problems) == [(2, "programme_code", "mother_unknown")]
    assert load_contacts(tried(), by=lena.supervisor.user).added == 1


@pytest.mark.django_db(transaction=True)
def test_two_imports_of_contacts_at_once_are_one_and_a_call_logged_meanwhile_counts(lena: LayWorker) -> None:
    load(with_lena("S-001"), records_from=date(2026, 8, 3))
    mother = Mother.objects.get()
    lines = [tried(happened_at=f"2026-10-{day:02} 10:00") for day in range(1, 20)]

    def logged() -> object:
        return make_contact(mother=mother, lay_worker=lena, happened_at=datetime(2026, 10, 5, 7, tzinfo=UTC), now=NOW)

    *reports, contact = at_once(lambda: load_contacts(*lines), lambda: load_contacts(*lines), logged)
    assert sorted((report.added, report.unchanged) for report in reports) == [(0, 19), (19, 0)]
    assert isinstance(contact, Contact) and Contact.objects.count() == 20
    made = PlannedContact.objects.filter(made_on__isnull=False).order_by("due_on")
    assert [window.made_on.day for window in made if window.made_on] == [1, 5, 19]
    assert made[1].fulfilled_by == contact
