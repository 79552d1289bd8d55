"""The import page: what it takes, what it shows while a file is read and after, and to whom."""

from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from mentoring.models import ImportJob, Mother
from mentoring.rules.transitions import IMPORT_JOB
from mentoring.services import imports
from people.rules.local_time import local_date
from people.rules.roles import Role
from tests.factories import NOW, make_locality, make_midwife, make_user

pytestmark = pytest.mark.django_db
HEAD = b"programme_code,first_name,family_name,locality,starts_on,edd\n"


@pytest.fixture(autouse=True)
def _clock_and_frame(settings: Any) -> Any:
    settings.SECOND_FACTOR_REQUIRED = False
    settings.WHITENOISE_AUTOREFRESH = True
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(make_midwife().user)
    return client


def caseload(lines: int = 2, *, edd: str = "2027-05-01") -> bytes:
    make_locality()
    rows = (f"P-{number},Ada,Invented,Riverside,{local_date(NOW)},{edd}\n" for number in range(lines))
    return HEAD + "".join(rows).encode()


def sent(client: Client, content: bytes, **typed: str) -> Any:
    file = SimpleUploadedFile("caseload.csv", content, "text/csv")
    return client.post("/imports/", {"kind": "caseload", "dry_run": "yes", "file": file} | typed)


def words(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_a_file_waits_for_the_tick_and_its_page_looks_again_without_a_script(client: Client) -> None:
    answer = sent(client, caseload())
    job = ImportJob.objects.get()
    assert answer.status_code == 302 and answer.url == reverse("import-detail", args=[job.reference])
    page = client.get(answer.url)
    assert page["Refresh"] == "3"
    assert "Waiting to be read" in words(page) and "Look now" in words(page)
    assert (job.dry_run, job.options["update"], job.options["create_localities"]) == (True, False, False)


def test_a_running_import_says_how_many_lines_are_done(client: Client) -> None:
    url = sent(client, caseload(10)).url
    ImportJob.objects.update(status="running", lines_done=4, lines_total=10)
    page = client.get(url)
    assert "4 of 10 lines" in words(page) and 'value="40"' in words(page)
    assert page["Refresh"] == "3"


@pytest.mark.django_db(transaction=True)
def test_a_good_try_changes_nothing_and_leads_to_bringing_it_in(client: Client) -> None:
    url = sent(client, caseload(), create_localities="on").url
    imports.run_waiting(now=NOW)
    page = client.get(url)
    assert "Refresh" not in page
    assert "All is right. Nothing is changed yet." in words(page) and "2 would be added" in words(page)
    assert not Mother.objects.exists()
    form = client.get(page.context["apply_href"]).context["form"]
    assert (form["kind"].value(), form["dry_run"].value(), form["create_localities"].value()) == (
        "caseload", "no", True,
    )  # fmt: skip
    url = sent(client, caseload(), dry_run="no").url
    imports.run_waiting(now=NOW)
    assert "It is done." in words(client.get(url))
    assert Mother.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_problems_are_listed_by_line_and_column_and_nothing_that_stood_in_a_cell_is_shown(client: Client) -> None:
    url = sent(client, caseload(2, edd="Secretword"), dry_run="no").url
    imports.run_waiting(now=NOW)
    page = words(client.get(url))
    assert "Nothing was changed." in page
    for line in ("2", "3"):
        assert f'>{line}</td><td class="nhsuk-table__cell">edd</td>' in page
    assert "not a date" in page and "Secretword" not in page
    assert not Mother.objects.exists()


def test_an_import_that_failed_says_so(client: Client) -> None:
    url = sent(client, caseload()).url
    ImportJob.objects.update(status="failed")
    assert "It failed and nothing was changed." in words(client.get(url))


@pytest.mark.parametrize(
    ("typed", "content", "field", "said"),
    [
        ({"kind": ""}, HEAD, "kind", "Choose what is in the file"),
        ({"dry_run": ""}, HEAD, "dry_run", "Choose one"),
        ({}, b"", "file", "The file is empty"),
    ],
)
def test_what_cannot_be_taken_is_refused_beside_its_field(
    typed: dict[str, str], content: bytes, field: str, said: str, client: Client
) -> None:
    answer = sent(client, content, **typed)
    assert answer.status_code == 200
    assert said in " ".join(answer.context["form"].errors[field])
    assert not ImportJob.objects.exists()


def test_a_file_that_is_too_large_is_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mentoring.forms.imports.MOST_BYTES", 10)
    assert "larger than 10" in words(sent(client, HEAD))
    assert not ImportJob.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_import_whose_status_may_not_follow_has_failed_and_kept_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(client, caseload(), dry_run="no")
    monkeypatch.setitem(IMPORT_JOB.follows, "running", {"failed": "something broke"})  # type: ignore[arg-type]  # a dict, told as a mapping
    imports.run_waiting(now=NOW)
    assert ImportJob.objects.get().status == "failed"
    assert not Mother.objects.exists()


def test_another_persons_import_is_not_there(client: Client) -> None:
    url = sent(client, caseload()).url
    for person in (make_midwife().user, make_user(Role.LEAD)):
        other = Client()
        other.force_login(person)
        assert other.get(url).status_code == 404
        assert url not in words(other.get("/imports/"))


def test_the_page_asks_the_database_as_often_for_one_import_as_for_twenty(client: Client) -> None:
    def count() -> int:
        client.get("/imports/")
        with CaptureQueriesContext(connection) as asked:
            client.get("/imports/")
        return len(asked)

    sent(client, caseload())
    first = count()
    for _place in range(19):
        sent(client, caseload())
    assert count() == first <= 12
