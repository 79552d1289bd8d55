"""Imports and exports by command: one clear line and a status for what cannot be, nothing personal in what is printed."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from mentoring.models import Contact, Export, LayWorker, Mother
from mentoring.services import bulk
from mentoring.services import exports as services
from people.models import AccessLog
from people.rules.roles import Role
from tests.factories import make_lay_worker, make_locality, make_user
from tests.factories.rows import everything

pytestmark = pytest.mark.django_db
CASELOAD = (
    "programme_code,first_name,family_name,phone,safe_to_call,locality,starts_on,edd,lay_worker_email,paired_on\n"
    "S-001,Aoife,Invented,07700 900201,yes,Riverside,{start},{edd},lena@example.org,{start}\n"
    "S-002,Ewa,Pretend,07700 900201,,Riverside,{start},{edd},,\n"
)
CONTACTS = (
    "programme_code,happened_at,mode,outcome,minutes,note,lay_worker_email\n"
    "S-001,{start} 10:00,phone,no_answer,,,lena@example.org\n"
    "S-001,{start} 11:00,phone,reached,20,Secretword,lena@example.org\n"
)
PERSONAL = ("Aoife", "Invented", "Ewa", "Pretend", "07700", "7700900201", "lena@", "Secretword")


def written(path: Path, text: str) -> Path:
    today = timezone.localdate()
    path.write_text(text.format(start=today - timedelta(days=30), edd=today + timedelta(days=100)))
    return path


@pytest.fixture
def lena() -> LayWorker:
    make_locality()
    return make_lay_worker(email="lena@example.org")


@pytest.fixture
def caseload(lena: LayWorker, tmp_path: Path) -> Path:
    return written(tmp_path / "caseload.csv", CASELOAD)


@pytest.fixture
def contacts(caseload: Path, tmp_path: Path) -> Path:
    call("import_caseload", caseload)
    return written(tmp_path / "contacts.csv", CONTACTS)


def call(*words: Any) -> tuple[str, str]:
    """Return what a command said on standard output and on standard error, with its refusal, which ends it with 1."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command(*map(str, words), stdout=out, stderr=err, no_color=True)
    except CommandError as error:
        assert error.returncode == 1
        err.write(f"CommandError: {error}\n")
    said = out.getvalue() + err.getvalue()
    assert not [word for word in PERSONAL if word in said]
    return out.getvalue(), err.getvalue()


def test_a_caseload_is_brought_in_and_again_changes_nothing(caseload: Path) -> None:
    warning = "warning: line 3, phone: the number of line 2 again\n"
    assert call("import_caseload", caseload, "--dry-run") == (
        "2 lines: 2 would be added, 0 would be changed, 0 as they were.\n",
        warning,
    )
    assert not Mother.objects.exists()
    assert call("import_caseload", caseload) == ("2 lines: 2 added, 0 changed, 0 as they were.\n", warning)
    before = everything()
    assert call("import_caseload", caseload)[0] == "2 lines: 0 added, 0 changed, 2 as they were.\n"
    assert everything() == before


def test_the_options_of_a_caseload_reach_it(caseload: Path) -> None:
    lead = make_user(Role.LEAD)
    other = caseload.with_name("other.csv")
    other.write_text(caseload.read_text().replace("Riverside", "New Town"))
    out, _err = call(
        "import_caseload", other, "--create-localities", "--records-from", "2020-01-01", "--by", lead.email
    )
    assert out.splitlines()[0] == "new locality: New Town"
    mother = Mother.objects.get(programme_code="S-001")
    assert mother.offered_from == mother.starts_on and mother.registered_by == lead
    assert (
        call("import_caseload", caseload)[0].splitlines()[0]
        == "line 2, locality: differs: it would be changed by an update"
    )
    assert "2 changed" in call("import_caseload", caseload, "--update")[0]


def test_every_problem_is_one_line_on_standard_error_and_the_status_is_not_nought(caseload: Path) -> None:
    caseload.write_text(caseload.read_text().replace("yes", "perhaps").replace("Riverside", "Atlantis"))
    before = everything()
    out, err = call("import_caseload", caseload)
    assert out == "" and err.splitlines()[-4:] == [
        "line 2, safe_to_call: neither yes nor no", "line 2, locality: there is no locality “Atlantis”",
        "line 3, locality: there is no locality “Atlantis”", "CommandError: 3 problems: nothing was changed.",
    ]  # fmt: skip
    assert everything() == before


def test_contacts_are_brought_in_and_again_change_nothing(contacts: Path) -> None:
    assert call("import_contacts", contacts, "--dry-run")[0].startswith("2 lines: 2 would be added")
    assert not Contact.objects.exists()
    assert call("import_contacts", contacts) == ("2 lines: 2 added, 0 changed, 0 as they were.\n", "")
    contacts.write_text(contacts.read_text().replace(",20,", ",30,"))
    assert call("import_contacts", contacts)[0].startswith("line 3, minutes: differs")
    assert call("import_contacts", contacts, "--update")[0].startswith("line 3, minutes: changed")
    contacts.write_text(contacts.read_text().replace("phone,no_answer", "pigeon,no_answer"))
    _out, err = call("import_contacts", contacts)
    assert err.splitlines()[-1] == "CommandError: 1 problem: nothing was changed."


@pytest.mark.parametrize("command", ["import_caseload", "import_contacts"])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.csv"], "The file cannot be read: No such file or directory."),
        (["."], "The file cannot be read: Is a directory."),
        (["caseload.csv", "--by", "nobody@example.org"], "--by: nobody of this address may import."),
        (["caseload.csv", "--by", "layworker@example.org"], "--by: nobody of this address may import."),
    ],
)
def test_what_an_import_cannot_do_is_one_line(
    caseload: Path, monkeypatch: pytest.MonkeyPatch, command: str, words: list[str], said: str
) -> None:
    make_user(Role.LAY_WORKER, email="layworker@example.org")
    monkeypatch.chdir(caseload.parent)
    before = everything()
    assert call(command, *words) == ("", f"CommandError: {said}\n")
    assert everything() == before


@pytest.mark.parametrize("typed", ["yesterday", "2026-13-01", "01/11/2026"])
def test_a_day_that_is_none_is_one_line(caseload: Path, typed: str) -> None:
    said = "CommandError: --records-from is not a date: write 2026-11-09.\n"
    assert call("import_caseload", caseload, "--records-from", typed) == ("", said)
    assert not Mother.objects.exists()


def test_an_error_of_the_database_is_told_without_the_row(caseload: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: Any, **more: Any) -> Any:
        raise IntegrityError("DETAIL: Failing row contains (Aoife, Invented).")

    monkeypatch.setattr(bulk, "register_many", refuse)
    _out, err = call("import_caseload", caseload)
    assert err.splitlines()[-1] == "CommandError: The database refused (IntegrityError): nothing was changed."


# ---- export ------------------------------------------------------------------------------------------------------


def test_an_export_by_command_is_the_file_of_the_page_byte_for_byte(contacts: Path, settings: Any) -> None:
    settings.SECOND_FACTOR_REQUIRED = False
    call("import_contacts", contacts)
    coordinator, to = make_user(Role.COORDINATOR), contacts.with_name("out.csv")
    out, err = call("export", "contacts", "--format", "csv", "--to", to, "--by", coordinator.email, "--reason", "Tried")
    export = Export.objects.get()
    assert out == f"2 rows, SHA-256 {export.sha256}\n" and err == ""
    assert (export.asked_by, export.reason, export.rows) == (coordinator, "Tried", 2)
    assert AccessLog.objects.get(kind="export_taken").by == coordinator
    client = Client()
    client.force_login(coordinator)
    answer = client.post("/trial/exports/", {"dataset": "contacts", "reason": "Tried"})
    assert b"".join(answer.streaming_content) == to.read_bytes()  # type: ignore[attr-defined]  # it streams
    assert not [word for word in PERSONAL if word in to.read_text()]
    assert sorted(path.name for path in to.parent.iterdir()) == ["caseload.csv", "contacts.csv", "out.csv"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"--by": "nobody@example.org"}, "Nobody has this e-mail address."),
        ({"--by": "lena@example.org"}, "Exports are taken by a trial coordinator."),
        ({"--reason": " "}, "Say why you take it."),
        ({"--to": "nowhere/out.csv"}, "The file cannot be written: No such file or directory."),
        ({"--to": "."}, "--to is a folder: name a file in it."),
    ],
)
def test_what_an_export_cannot_do_is_one_line_and_leaves_no_file(
    lena: LayWorker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    make_user(Role.COORDINATOR, email="cora@example.org")
    words = {"--format": "csv", "--to": "out.csv", "--by": "cora@example.org", "--reason": "Tried"} | given
    assert call("export", "contacts", *[word for pair in words.items() for word in pair]) == (
        "",
        f"CommandError: {said}\n",
    )
    assert list(tmp_path.iterdir()) == [] and not Export.objects.exists()


def test_an_export_that_breaks_off_leaves_the_file_that_was_there_and_no_half(
    lena: LayWorker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**given: Any) -> Any:
        given["target"].write(b"half")
        raise OSError(28, "No space left on device")

    coordinator, to = make_user(Role.COORDINATOR), tmp_path / "out.csv"
    to.write_text("what was there")
    monkeypatch.setattr(services, "write", full)
    _out, err = call(
        "export", "contacts", "--format", "csv", "--to", to, "--by", coordinator.email, "--reason", "Tried"
    )
    assert err == "CommandError: The file cannot be written: No space left on device.\n"
    assert to.read_text() == "what was there" and list(tmp_path.iterdir()) == [to]
    assert Export.objects.get().finished_at is None
