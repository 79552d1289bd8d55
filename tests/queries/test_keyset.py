"""A page deep in a list is found by the index, not read from the first row on."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mentoring.queries.mother_page import page_of
from outbox.queries.messages import messages_of
from people.queries.accounts import log_page
from people.services import log
from tests.factories import NOW, make_contact, make_lay_worker, make_mother, make_user
from tests.services.post import kind, queued

pytestmark = pytest.mark.django_db


def conditions(act: Any, table: str) -> str:
    """Return by what the index of a table is entered, where nothing but an index may be used."""
    with CaptureQueriesContext(connection) as asked:
        act()
    sql = [query["sql"] for query in asked if f'FROM "{table}"' in query["sql"] and "LIMIT" in query["sql"]][-1]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        cursor.execute(f"EXPLAIN {sql}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    return " ".join(re.findall(r"Index Cond: (.*)", plan))


def test_a_deep_page_of_the_access_log_enters_its_index_at_the_date() -> None:
    user = make_user()
    lines = [log.write(kind="signed_in", by=user, now=NOW - timedelta(minutes=number)) for number in range(3)]
    before = lines[1].at, lines[1].pk
    assert [row.pk for row in log_page(before=before)[0]] == [lines[2].pk]
    assert "at <=" in conditions(lambda: log_page(before=before), "people_accesslog")


def test_a_deep_page_of_a_mothers_entries_enters_its_index_at_the_instant() -> None:
    lay_worker = make_lay_worker(now=NOW - timedelta(days=9))
    mother = make_mother(paired_with=lay_worker, starts_on=NOW.date() - timedelta(days=9))
    for hours in range(3):
        make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW - timedelta(hours=hours), now=NOW)
    newest = page_of(mother, user=lay_worker.user, now=NOW).entries[0]
    before = newest["happened_at"], newest["pk"]

    def deep() -> Any:
        return page_of(mother, user=lay_worker.user, now=NOW, before=before)

    assert len(deep().entries) == 2
    assert "happened_at <=" in conditions(deep, "mentoring_contact")


def test_a_deep_page_of_messages_enters_its_index_at_the_instant() -> None:
    user = make_user()
    with kind():
        rows = [queued(to=user, nominal_on=NOW.date() + timedelta(days=number)) for number in range(3)]
        for number, row in enumerate(rows):
            row.status, row.sent_at = "sent", NOW + timedelta(hours=number)
            row.save(update_fields=["status", "sent_at"])
        assert [read.id for read in messages_of(user, before_id=rows[2].pk)[0]] == [rows[1].pk, rows[0].pk]
        by = conditions(lambda: messages_of(user, before_id=rows[2].pk), "outbox_message")
    assert "sent_at <=" in by
