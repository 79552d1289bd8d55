"""Imports asked for on the page and done by a tick: seen while they run, done once, and again where a worker died."""

import logging
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from mentoring.models import Contact, ImportFile, ImportJob, LayWorker, Mother
from mentoring.rules.refusals import Refused
from mentoring.services import imports
from mentoring.services.imports import caseload
from mentoring.tasks import run_import_jobs
from people.rules.roles import Role
from tests.factories import NOW, make_lay_worker, make_locality, make_user
from tests.factories.rows import everything
from tests.services.races import at_once

ROOT = Path(__file__).resolve().parents[2]
HEAD = "programme_code,first_name,family_name,locality,starts_on,edd,lay_worker_email,paired_on\n"
CONTACTS = (
    "programme_code,happened_at,mode,outcome,lay_worker_email\nS-000,2026-10-09 14:30,phone,reached,lena@example.org\n"
)
# What runs in a worker of its own: two lines at a time, and after the first two it says so and waits to be killed.
WORKER = """
import sys, time, django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from datetime import datetime
from mentoring.services import imports
caseload, done = imports.caseload, imports._Progress.done
caseload.ROWS_AT_ONCE = 2
def said(self, lines):
    done(self, lines)
    print(lines, flush=True)
    time.sleep(60)
imports._Progress.done = said
imports.run_waiting(now=datetime.fromisoformat(sys.argv[2]))
"""


def mothers(count: int = 5, *, edd: str = "2027-02-01", locality: str = "Riverside") -> bytes:
    lines = (
        f"S-{number:03},Ada,Invented,{locality},2026-08-03,{edd},lena@example.org,2026-08-10\n"
        for number in range(count)
    )
    return (HEAD + "".join(lines)).encode()


@pytest.fixture
def lead() -> Any:
    make_locality()
    return make_user(Role.LEAD)


@pytest.fixture
def lena(lead: Any) -> LayWorker:
    return make_lay_worker(email="lena@example.org")


def ask(by: Any, content: bytes, *, kind: str = "caseload", dry_run: bool = False, **options: Any) -> ImportJob:
    return imports.ask(kind=kind, content=content, options=options, dry_run=dry_run, by=by, now=NOW)


@pytest.mark.django_db
def test_only_those_who_may_import_can_ask_for_one(lead: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MOST_BYTES", 100)
    for by, content, code in (
        (make_user(Role.LAY_WORKER), b"x", "no_right"), (make_user(Role.ADMINISTRATOR), b"x", "no_right"),
        (lead, b"", "file_empty"), (lead, b"x" * 101, "file_too_big"),
    ):  # fmt: skip
        with pytest.raises(Refused) as refused:
            ask(by, content)
        assert refused.value.code == code
    assert not ImportJob.objects.exists()
    assert ask(lead, b"x" * 100).status == "waiting"


@pytest.mark.django_db(transaction=True)
def test_a_tick_does_what_waits_oldest_first_and_the_files_go(lena: LayWorker, lead: Any) -> None:
    options = {"records_from": "2026-09-01", "create_localities": True}
    first = ask(lead, mothers(locality="New Town"), **options)
    second = ask(lead, CONTACTS.encode(), kind="contacts")
    assert run_import_jobs() == 2 and run_import_jobs() == 0
    assert Mother.objects.count() == 5 and Contact.objects.count() == 1
    assert {mother.offered_from.isoformat() for mother in Mother.objects.all() if mother.offered_from} == {"2026-09-01"}
    for job, added in ((first, 5), (second, 1)):
        job.refresh_from_db()
        assert (job.status, job.report["added"], job.lines_done) == ("done", added, job.lines_total)
        assert job.started_at is not None and job.finished_at is not None
    assert [bytes(file.content) for file in ImportFile.objects.all()] == [b"", b""]
    assert Mother.objects.first().registered_by == lead  # type: ignore[union-attr]  # it is there: made above


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_file_with_problems_is_refused_and_a_try_is_taken_back(lena: LayWorker, lead: Any, dry_run: bool) -> None:
    bad, good = ask(lead, mothers(edd="soon"), dry_run=dry_run), ask(lead, mothers(), dry_run=True)
    before = everything(without=("ImportJob", "ImportFile"))
    assert imports.run_waiting(now=NOW) == 2
    assert everything(without=("ImportJob", "ImportFile")) == before
    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.status, len(bad.report["problems"])) == ("refused", 5)
    assert bad.report["problems"][0][:2] == [2, "edd"]
    assert (good.status, good.report["added"], good.report["problems"]) == ("done", 5, [])


@pytest.mark.django_db(transaction=True)
def test_progress_is_seen_while_the_mothers_are_not(
    lena: LayWorker, lead: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caseload, "ROWS_AT_ONCE", 2)
    job, seen = ask(lead, mothers(5)), []
    done = imports._Progress.done

    def look() -> None:
        there = ImportJob.objects.get(pk=job.pk)
        seen.append((there.status, there.lines_done, there.lines_total, Mother.objects.count()))
        connection.close()

    def done_and_looked(self: Any, lines: int) -> None:
        done(self, lines)
        other = threading.Thread(target=look)
        other.start()
        other.join()

    monkeypatch.setattr(imports._Progress, "done", done_and_looked)
    imports.run_waiting(now=NOW)
    assert seen == [("running", 3, 6, 0), ("running", 5, 6, 0), ("running", 6, 6, 0)]
    assert Mother.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_what_nobody_foresaw_fails_the_import_and_says_nothing_of_the_file(
    lena: LayWorker, lead: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(**given: Any) -> None:
        raise ValueError("Ada Invented, 07700 900201")

    job, other = ask(lead, mothers()), ask(lead, mothers(), dry_run=True)
    monkeypatch.setattr(caseload.digests, "queue_import_digests", break_down)
    with caplog.at_level(logging.INFO):
        imports.run_waiting(now=NOW)
    assert not Mother.objects.exists()
    for one in (job, other):
        one.refresh_from_db()
        assert (one.status, one.report) == ("failed", {})
    assert "import failed" in caplog.text and "Ada" not in caplog.text and "07700" not in caplog.text
    assert [record.error for record in caplog.records] == ["ValueError", "ValueError"]  # type: ignore[attr-defined]  # set on the record by logging
    assert imports.run_waiting(now=NOW) == 0


@pytest.mark.django_db(transaction=True)
def test_a_failure_leaves_alone_what_another_worker_has_finished(
    lena: LayWorker, lead: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ask(lead, mothers())

    def finished_elsewhere() -> None:
        ImportJob.objects.update(status="done", report={"added": 5})
        connection.close()

    def break_down(*given: Any) -> None:
        other = threading.Thread(target=finished_elsewhere)
        other.start()
        other.join()
        raise ValueError

    monkeypatch.setattr(imports, "_load", break_down)
    imports.run_waiting(now=NOW)
    job.refresh_from_db()
    assert (job.status, job.report) == ("done", {"added": 5})


@pytest.mark.django_db(transaction=True)
def test_two_ticks_at_once_do_each_import_once(lena: LayWorker, lead: Any) -> None:
    for number in range(3):
        ask(lead, mothers(number + 1))
    results = at_once(lambda: imports.run_waiting(now=NOW), lambda: imports.run_waiting(now=NOW))
    assert sum(results) == 3
    assert Mother.objects.count() == 3
    # Each file has the mothers of the one before too: who comes first adds most, together they add each once.
    assert {job.status for job in ImportJob.objects.all()} == {"done"}
    assert sum(job.report["added"] for job in ImportJob.objects.all()) == 3


@pytest.mark.django_db(transaction=True)
def test_an_import_whose_worker_was_killed_half_way_is_done_again_from_its_beginning(
    lena: LayWorker, lead: Any
) -> None:
    job = ask(lead, mothers(5))
    name = connection.settings_dict["NAME"]
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, name, NOW.isoformat()], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as worker:
        assert worker.stdout is not None and worker.stdout.readline() == "3\n"
        job.refresh_from_db()
        assert (job.status, job.lines_done, Mother.objects.count()) == ("running", 3, 0)
        assert imports.run_waiting(now=NOW) == 0, "the other worker still has it"
        worker.kill()
    for _time in range(500):
        if imports.run_waiting(now=NOW):
            break
        time.sleep(0.02)
    job.refresh_from_db()
    assert (job.status, job.report["added"], Mother.objects.count()) == ("done", 5, 5)
