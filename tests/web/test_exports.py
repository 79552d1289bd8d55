"""The coordinator's export page: the file, what it asks for first, and the log of past exports."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from mentoring.models import Export
from people.rules.local_time import local_date
from people.rules.roles import Role
from tests.factories import NOW, make_contact, make_lay_worker, make_mother, make_user

pytestmark = pytest.mark.django_db


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
    client.force_login(make_user(Role.COORDINATOR, name="Cora Coordinator"))
    return client


def take(client: Client, **typed: str) -> Any:
    return client.post("/trial/exports/", {"dataset": "contacts", "reason": "For the committee"} | typed)


def test_a_good_form_is_answered_with_the_file_and_the_page_lists_it_after(client: Client) -> None:
    lena = make_lay_worker(now=NOW - timedelta(days=100))
    mother = make_mother(paired_with=lena, starts_on=local_date(NOW) - timedelta(days=60), now=NOW - timedelta(days=60))
    make_contact(mother=mother, lay_worker=lena, happened_at=NOW - timedelta(days=3), now=NOW)
    answer = take(client)
    content = b"".join(answer.streaming_content)
    export = Export.objects.get()
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="contacts-{export.pk}.csv"'
    assert "no-store" in answer["Cache-Control"]
    assert content.count(b"\n") == 2 and mother.person.first_name.encode() not in content
    page = " ".join(client.get("/trial/exports/").content.decode().split())
    assert "23 October 2026, 11:30, Cora Coordinator: contacts, 1 row. For the committee" in page


def test_one_that_was_broken_off_is_listed_as_such(client: Client) -> None:
    take(client)
    assert "contacts, broken off. For the committee" in client.get("/trial/exports/").content.decode()


@pytest.mark.parametrize("typed", [{"reason": ""}, {"reason": "  "}, {"dataset": "participants"}])
def test_a_form_that_does_not_say_why_gives_no_file(client: Client, typed: dict[str, str]) -> None:
    answer = take(client, **typed)
    assert answer.status_code == 200 and not answer.streaming
    assert set(answer.context["form"].errors) == set(typed)
    assert not Export.objects.exists()


def test_the_page_asks_the_database_as_often_for_one_export_as_for_twenty(client: Client) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as asked:
            client.get("/trial/exports/")
        return len(asked)

    take(client)
    count()
    first = count()
    for _time in range(19):
        take(client)
    assert count() == first <= 12
