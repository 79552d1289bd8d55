"""A file of ten thousand lines, as issue 2 must show it: all or nothing, the same again nothing, an export that says no one."""

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from mentoring.models import Contact, Mother
from mentoring.rules.imports import CASELOAD_COLUMNS, CONTACT_COLUMNS
from people.rules.roles import Role
from tests.factories import make_lay_worker, make_locality, make_user
from tests.factories.rows import fingerprints

pytestmark = pytest.mark.django_db
ROWS = 10_000
# Each stands in every line of what is brought in: none may stand in what is taken out.
PERSONAL = (
    "Quirina",
    "Plainlyinvented",
    "Fifi",
    "7700",
    "Madeup",
    "Riverside",
    "Polish",
    "Privately",
    "layworker",
    "Q-",
)


def written(path: Path, columns: tuple[str, ...], lines: Iterator[list[object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(columns)
        writer.writerows(lines)
    return path


def mothers(bad: dict[int, tuple[str, str]]) -> Iterator[list[object]]:
    """Two planned contacts each, so that the test is about the lines; ``bad``: by place, a column and what stands there."""
    starts_on = timezone.localdate() - timedelta(days=200)
    edd = starts_on + timedelta(days=180)
    for place in range(ROWS):
        cells: dict[str, object] = {
            "programme_code": f"Q-{place:05}", "first_name": f"Quirina{place}", "family_name": "Plainlyinvented",
            "name_to_use": "Fifi", "phone": f"07700 {900000 + place}", "safe_to_call": "yes",
            "address": f"{place} Madeup Street", "locality": "Riverside", "language": "Polish", "starts_on": starts_on,
            "edd": edd, "every_days": 365, "lay_worker_email": f"layworker{place % 11}@example.org",
            "paired_on": starts_on + timedelta(days=place % 9),
        }  # fmt: skip
        cells |= dict([bad[place]]) if place in bad else {}
        yield [cells.get(column, "") for column in CASELOAD_COLUMNS]


def attempts() -> Iterator[list[object]]:
    began_on = timezone.localdate() - timedelta(days=150)
    for place in range(ROWS):
        cells: dict[str, object] = {
            "programme_code": f"Q-{place:05}", "happened_at": f"{began_on + timedelta(days=place % 100)} 10:15",
            "mode": "phone", "outcome": "reached" if place % 3 else "no_answer", "minutes": 20 if place % 3 else "",
            "note": f"Privately {place}", "lay_worker_email": f"layworker{place % 11}@example.org",
        }  # fmt: skip
        yield [cells.get(column, "") for column in CONTACT_COLUMNS]


def call(*words: object) -> str:
    out = io.StringIO()
    call_command(*map(str, words), stdout=out, stderr=io.StringIO(), no_color=True)
    return out.getvalue()


def test_ten_thousand_lines(tmp_path: Path) -> None:
    make_locality()
    for number in range(11):
        make_lay_worker(email=f"layworker{number}@example.org", now=timezone.now())
    bad = {1: ("edd", "soon"), 5000: ("locality", "Atlantis"), ROWS - 1: ("lay_worker_email", "nobody@example.org")}
    before, said = fingerprints(), io.StringIO()
    with pytest.raises(CommandError, match="^3 problems: nothing was changed.$"):
        spoiled = written(tmp_path / "spoiled.csv", CASELOAD_COLUMNS, mothers(bad))
        call_command("import_caseload", str(spoiled), stdout=said, stderr=said, no_color=True)
    assert [line for line in said.getvalue().splitlines() if not line.startswith("warning")] == [
        "line 3, edd: not a date: write 2026-11-09 or 09/11/2026",
        "line 5002, locality: there is no locality “Atlantis”",
        "line 10001, lay_worker_email: no lay-worker signs in with this address",
    ]
    assert {name: found for name, found in fingerprints().items() if found != before[name]} == {}

    caseload = written(tmp_path / "caseload.csv", CASELOAD_COLUMNS, mothers({}))
    assert call("import_caseload", caseload) == "10000 lines: 10000 added, 0 changed, 0 as they were.\n"
    assert Mother.objects.count() == ROWS
    before = fingerprints()
    assert call("import_caseload", caseload) == "10000 lines: 0 added, 0 changed, 10000 as they were.\n"
    assert {name: found for name, found in fingerprints().items() if found != before[name]} == {}

    contacts = written(tmp_path / "contacts.csv", CONTACT_COLUMNS, attempts())
    assert call("import_contacts", contacts) == "10000 lines: 10000 added, 0 changed, 0 as they were.\n"
    assert Contact.objects.count() == ROWS
    before = fingerprints()
    assert call("import_contacts", contacts) == "10000 lines: 0 added, 0 changed, 10000 as they were.\n"
    assert {name: found for name, found in fingerprints().items() if found != before[name]} == {}

    to, coordinator = tmp_path / "out.csv", make_user(Role.COORDINATOR)
    words = ("--format", "csv", "--to", to, "--by", coordinator.email, "--reason", "For the committee")
    assert call("export", "contacts", *words).startswith("10000 rows, SHA-256 ")
    exported = to.read_text()
    assert len(list(csv.DictReader(io.StringIO(exported)))) == ROWS
    assert [word for word in PERSONAL if word in exported] == []
    assert all(word in caseload.read_text() + contacts.read_text() for word in PERSONAL)
