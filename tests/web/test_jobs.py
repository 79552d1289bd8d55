"""The administrator's pages of jobs and stuck messages: what is said, what is decided, and what is never shown."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import settings as django_settings

from mentoring.services.mothers import Number
from outbox.models import Message
from outbox.queries import stuck
from outbox.rules.receipts import LOST
from outbox.rules.receipts import said as said_of
from outbox.services import delivery, job_runs, replies
from outbox.templatetags.durations import duration
from people.models import AccessLog
from people.rules.roles import Role
from tests.factories import NOW, make_lay_worker, make_mother, make_user
from tests.services.post import kind, queued

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _world(settings):
    settings.SECOND_FACTOR_REQUIRED = False
    with kind(label="contact coming up"), time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def admin(client):
    user = make_user(Role.ADMINISTRATOR)
    client.force_login(user)
    return user


def standing(status, why="", **fields):
    message = queued(to=make_lay_worker().user, channel="email", **fields)
    Message.objects.filter(pk=message.pk).update(status=status, why=why, status_at=NOW)
    message.refresh_from_db()
    return message


def all_ran(but=()):
    for job in django_settings.JOBS:
        if job.name not in but:
            job_runs.ended_well(name=job.name, started_at=NOW, count=7, now=NOW - timedelta(seconds=30))


def said(answer):
    text = re.sub(r"<script.*?</script>|<[^>]+>", " ", answer.content.decode().partition("<main")[2])
    return " ".join(text.split())


def test_texts_from_numbers_of_nobody_are_counted_without_their_words(client, admin):
    make_mother(numbers=(Number("07700 900123"),))
    assert "in nobody's record" not in said(client.get("/jobs/"))
    for reference, number, days in (("a", "+447700900777", 1), ("b", "+447700900778", 27), ("c", "+447700900779", 29)):
        now = NOW - timedelta(days=days)
        replies.receive(carrier_reference=reference, from_number=number, text="Invented words", now=now)
    replies.receive(carrier_reference="d", from_number="+447700900123", text="Hello", now=NOW)
    page = said(client.get("/jobs/"))
    assert "In the last 28 days 2 texts came from numbers that are in nobody's record." in page
    assert "Invented" not in page and "7700900" not in page


def test_where_all_runs_the_page_says_so_in_words(client, admin):
    all_ran()
    text = said(client.get("/jobs/"))
    assert "Every job runs, and no message is late." in text
    assert text.count("30 seconds ago") == len(django_settings.JOBS)
    assert "Silent" not in text and "Failed last time" not in text
    assert "every 10 seconds, silent after 3 minutes" in text


def test_a_job_that_is_silent_and_one_that_failed_are_named_in_words(client, admin):
    all_ran(but=["sweep duties"])
    job_runs.failed(name="run imports", started_at=NOW, error="OperationalError", now=NOW)
    text = said(client.get("/jobs/"))
    assert "1 job is silent: what it does is not being done. Sweep duties Tell" in text
    assert re.search(r"Sweep duties How it is Silent Last ended well never", text)
    assert re.search(r"Run imports How it is Failed last time Failed 23 October, 11:30 \(OperationalError\)", text)


def test_what_waits_too_long_is_said(client, admin):
    all_ran()
    queued(to=make_user("lay_worker"), now=NOW - timedelta(minutes=20))
    text = said(client.get("/jobs/"))
    assert "Messages have waited for more than 15 minutes." in text
    assert re.search(r"In the app Due 1 The oldest has waited 20 minutes Late", text)


def test_lists_say_kind_way_time_and_why_and_never_whom_about_or_to(client, admin):
    lay_worker = make_lay_worker()
    mother = make_mother(paired_with=lay_worker)
    message = standing("failed", "carrier_refused", subject_id=mother.person_id, subject_due_on=NOW.date())
    Message.objects.filter(pk=message.pk).update(recipient_user=lay_worker.user)
    for path in ("/jobs/messages/?status=failed", f"/jobs/messages/{message.pk}/send-again/"):
        answer = client.get(path)
        text = said(answer)
        assert "Contact coming up" in text and f"Message {message.pk}, since 23 October 2026, 11:30." in text
        assert "It was refused. The address or the number may be wrong." in text
        page = answer.content.decode()
        for secret in (mother.programme_code, mother.person.name_to_use, lay_worker.user.email, lay_worker.user.name):
            assert secret not in page
        assert str(message.reference) not in page


def test_one_that_nobody_knows_of_may_come_twice_and_the_page_says_so_before_it_is_sent(client, admin):
    unknown, failed = standing("needs_a_person", "broken_off"), standing("failed", "carrier_refused")
    twice = "it will arrive twice"
    assert twice in said(client.get(f"/jobs/messages/{unknown.pk}/send-again/"))
    assert twice not in said(client.get(f"/jobs/messages/{failed.pk}/send-again/"))
    unknown.refresh_from_db()
    assert unknown.status == "needs_a_person", "looking at the question is no answer"


@pytest.mark.parametrize(("act", "then"), [("send-again", "queued"), ("dismiss", "cancelled")])
def test_what_is_decided_happens_once_however_often_it_is_clicked(client, admin, act, then):
    message = standing("needs_a_person", "worker_died")
    page = f"/jobs/messages/{message.pk}/{act}/"
    first = client.post(page, follow=True)
    assert first.redirect_chain == [("/jobs/messages/?status=needs_a_person", 302)]
    message.refresh_from_db()
    assert message.status == then
    assert "Nothing was changed" not in said(first)
    assert "Nothing was changed" in said(client.post(page, follow=True))
    line = AccessLog.objects.get(kind="message_decided")
    assert (line.by, line.request_id != "") == (admin, True)


def test_what_cannot_be_decided_offers_nothing_and_asks_nothing(client, admin):
    late = standing("failed", "carrier_down", expires_at=NOW + timedelta(minutes=1))
    Message.objects.filter(pk=late.pk).update(expires_at=NOW)
    expired = standing("expired")
    page = client.get("/jobs/messages/?status=failed").content.decode()
    assert f"/{late.pk}/send-again/" not in page and f"/{late.pk}/dismiss/" in page
    assert f"/{expired.pk}/" not in client.get("/jobs/messages/?status=expired").content.decode()
    for pk, act in ((late.pk, "send-again"), (expired.pk, "dismiss"), (standing("sent").pk, "send-again")):
        assert client.get(f"/jobs/messages/{pk}/{act}/").status_code == 302
        assert "Nothing was changed" in said(client.post(f"/jobs/messages/{pk}/{act}/", follow=True))
    assert client.get(f"/jobs/messages/{late.pk}/burn/").status_code == 404
    assert client.get("/jobs/messages/999999/dismiss/").status_code == 404


def test_an_unknown_list_is_the_one_that_needs_a_person_and_an_empty_one_says_so(client, admin):
    answer = client.get("/jobs/messages/?status=sent&before=x")
    assert "Nobody knows whether these messages went" in said(answer)
    assert "There is nothing to do here." in said(answer)


def test_every_reason_that_the_hand_over_leaves_with_a_stuck_message_has_words():
    text = Path(delivery.__file__).read_text()
    codes = set(re.findall(r'why="(\w+)"', text)) - {"recipient_inactive", "no_safe_number", "past_her_hours"}
    codes |= {said_of(status)[1] for status in LOST}
    assert codes <= set(stuck.WHY), "a reason without words in outbox/queries/stuck.py"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 seconds"), (1, "1 second"), (119, "119 seconds"), (120, "2 minutes"), (7199, "119 minutes"),
     (7200, "2 hours"), (172_799, "47 hours"), (172_800, "2 days"), (timedelta(minutes=3), "3 minutes")],
)  # fmt: skip
def test_how_long_is_said_in_the_largest_unit_of_which_there_are_two(seconds, words):
    assert duration(seconds) == words
