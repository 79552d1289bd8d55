"""How much waits is read from indexes of what is not over, however much is over."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from outbox.models import Message
from outbox.queries import queue, stuck
from tests.conftest import count_rows_anew
from tests.factories import NOW, make_user
from tests.services.post import kind

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def rows(number, **fields):
    user = make_user("lay_worker")
    values = {
        "kind": "tried_here",
        "channel": "email",
        "due_at": NOW,
        "expires_at": NOW + DAY,
        "status_at": NOW,
        "created_at": NOW - DAY,
    } | fields
    return Message.objects.bulk_create(
        Message(recipient_user=user, nominal_on=NOW.date() + n * DAY, **values) for n in range(number)
    )


def test_each_status_that_is_no_good_end_is_counted_by_channel_and_what_expired_long_ago_is_not():
    rows(1, status="held")
    rows(2, status="failed", channel="text")
    rows(3, status="needs_a_person")
    rows(1, status="claimed", lease_until=NOW)
    rows(2, status="handing_over", lease_until=NOW)
    rows(1, status="expired")
    rows(4, status="expired", status_at=NOW - queue.EXPIRED_LATELY - DAY)
    for status in ("sent", "delivered", "cancelled", "queued"):
        rows(1, status=status)
    assert queue.not_over(now=NOW) == {
        ("held", "email"): 1,
        ("failed", "text"): 2,
        ("needs_a_person", "email"): 3,
        ("claimed", "email"): 1,
        ("handing_over", "email"): 2,
        ("expired", "email"): 1,
    }


def test_a_queue_is_what_may_go_now_and_the_oldest_is_the_one_that_waited_longest():
    with kind("at_any_hour", any_hour=True):
        rows(2, due_at=NOW - timedelta(minutes=20))
        rows(1, due_at=NOW - timedelta(minutes=4), kind="at_any_hour")
        rows(5, due_at=NOW + timedelta(seconds=1))

        def waits(open_since):
            email = next(one for one in queue.queues(now=NOW, open_since=open_since) if one.channel == "email")
            return email.due, email.waited, email.is_late

        assert waits(NOW - timedelta(hours=2)) == (3, timedelta(minutes=20), True)
        assert waits(NOW - timedelta(minutes=2)) == (3, timedelta(minutes=4), False)
        assert waits(None) == (3, timedelta(minutes=4), False)
    assert [one.channel for one in queue.queues(now=NOW, open_since=NOW)] == Message.Channel.values


def test_one_that_waits_for_its_next_try_has_waited_since_its_first():
    hour = timedelta(hours=1)

    def email(now, open_since):
        return next(one for one in queue.queues(now=now, open_since=open_since) if one.channel == "email")

    with kind("at_any_hour", any_hour=True):
        # Tried at NOW, and 1, 3, 7 and 15 minutes later: next at 31.
        rows(1, tries=5, due_at=NOW + timedelta(minutes=31))
        assert email(NOW + timedelta(minutes=16), NOW - hour) == queue.Queue("email", 0, timedelta(minutes=16))
        assert email(NOW + timedelta(minutes=16), NOW - hour).is_late
        assert email(NOW + timedelta(minutes=15), NOW - hour).is_late is False
        assert email(NOW + timedelta(minutes=16), None).waited is None, "at night nobody waits for it"
        rows(1, tries=9, due_at=NOW + timedelta(minutes=17), kind="at_any_hour")
        assert email(NOW + timedelta(minutes=16), None).waited == timedelta(minutes=16)
        # Put off until tomorrow, it waits for nothing now.
        Message.objects.update(due_at=NOW + DAY)
        assert email(NOW + timedelta(minutes=16), NOW - hour).waited is None


@pytest.mark.django_db(transaction=True)
def test_neither_the_numbers_nor_a_page_of_the_list_read_the_whole_table():
    rows(6000, status="sent")
    rows(3000, status="queued", due_at=NOW + DAY)
    rows(120, status="failed")
    rows(5, status="queued", due_at=NOW + DAY / 24, tries=3)
    count_rows_anew()
    with CaptureQueriesContext(connection) as asked:
        queue.queues(now=NOW, open_since=NOW)
        queue.not_over(now=NOW)
        page, before_id = stuck.page(status="failed", before_id=None, now=NOW)
        stuck.page(status="failed", before_id=before_id, now=NOW)
    assert len(page) == stuck.PAGE
    plans = []
    with connection.cursor() as cursor:
        for query in asked.captured_queries:
            cursor.execute("EXPLAIN (FORMAT JSON) " + query["sql"])
            plans.append(json.dumps(cursor.fetchone()[0]))
    assert len(plans) == 5
    assert [plan for plan in plans if "Seq Scan" in plan] == []


def test_the_list_goes_page_by_page_the_newest_first_and_each_once():
    made = rows(2 * stuck.PAGE + 3, status="failed")
    for place, row in enumerate(made):
        Message.objects.filter(pk=row.pk).update(status_at=NOW - timedelta(minutes=place // 7))
    rows(3, status="expired")
    seen, before_id = [], None
    while True:
        page, before_id = stuck.page(status="failed", before_id=before_id, now=NOW)
        seen += [(row.since, row.id) for row in page]
        if before_id is None:
            break
    assert len(seen) == len(set(seen)) == len(made)
    assert seen == sorted(seen, reverse=True)
