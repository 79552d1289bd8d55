"""Health and metrics: red within the stated time, open to machines, silent about people."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import settings as django_settings
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from outbox.models import Message
from outbox.queries import readiness
from outbox.services import job_runs
from people.rules.roles import Role
from tests.factories import NOW, PASSWORD, make_user
from tests.services.post import kind, queued

pytestmark = pytest.mark.django_db
TOKEN = "an invented token of more than thirty-two characters"
PATHS = ("/health/", "/health/live/", "/health/ready/", "/health/jobs/")


@pytest.fixture(autouse=True)
def _kinds():
    with kind(), kind("at_any_hour", any_hour=True):
        yield


def all_ran(at, but=()):
    for job in django_settings.JOBS:
        if job.name not in but:
            job_runs.ended_well(name=job.name, started_at=at, count=0, now=at)


def asked(path, at=NOW, **headers):
    with time_machine.travel(at, tick=False):
        return Client().get(path, headers=headers)


def test_all_is_well_where_every_job_ran_and_nothing_waits():
    all_ran(NOW)
    for path in PATHS:
        answer = asked(path)
        assert (answer.status_code, answer.json()["status"]) == (200, "ok"), path
        assert answer["Content-Type"] == "application/json"
        assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("path", ["/health/jobs/", "/health/"])
@pytest.mark.parametrize("job", django_settings.JOBS, ids=lambda job: job.name)
def test_each_job_that_stops_turns_it_red_at_its_stated_time_and_not_before(job, path):
    alarm = timedelta(seconds=job.alarm_after_seconds)
    all_ran(NOW)
    all_ran(NOW + alarm, but=[job.name])
    assert asked(path, NOW + alarm).status_code == 200
    later = NOW + alarm + timedelta(seconds=1)
    all_ran(later, but=[job.name])
    answer = asked(path, later)
    assert (answer.status_code, answer.json()["status"]) == (503, "red")
    assert [name for name, said in answer.json()["jobs"].items() if said["silent"]] == [job.name]
    all_ran(later)
    assert asked(path, later).status_code == 200


def test_a_job_that_never_ran_or_fails_each_time_is_red():
    job = django_settings.JOBS[0]
    all_ran(NOW, but=[job.name])
    assert asked("/health/jobs/").status_code == 503
    job_runs.failed(name=job.name, started_at=NOW, error="ValueError", now=NOW)
    answer = asked("/health/jobs/")
    assert answer.status_code == 503
    assert answer.json()["jobs"][job.name]["age_seconds"] is None


# Due, looked at, the kind, and whether that is an alarm. In winter local time is UTC.
WAITS = [
    (datetime(2026, 11, 5, 12, 0, tzinfo=UTC), timedelta(minutes=15), "tried_here", False),
    (datetime(2026, 11, 5, 12, 0, tzinfo=UTC), timedelta(minutes=15, seconds=1), "tried_here", True),
    (datetime(2026, 11, 5, 19, 59, tzinfo=UTC), timedelta(minutes=30), "tried_here", False),
    (datetime(2026, 11, 5, 19, 59, tzinfo=UTC), timedelta(minutes=30), "at_any_hour", True),
    (datetime(2026, 11, 5, 2, 0, tzinfo=UTC), timedelta(hours=6, minutes=15), "tried_here", False),
    (datetime(2026, 11, 5, 2, 0, tzinfo=UTC), timedelta(hours=6, minutes=16), "tried_here", True),
]


@pytest.mark.parametrize(("due_at", "later", "code", "is_red"), WAITS)
def test_a_message_that_may_go_and_waits_for_longer_than_a_quarter_of_an_hour_is_red(due_at, later, code, is_red):
    queued(to=make_user("lay_worker"), channel="email", kind=code, now=due_at)
    all_ran(due_at + later)
    answer = asked("/health/jobs/", due_at + later)
    assert answer.status_code == (503 if is_red else 200), answer.json()


def test_what_is_written_after_its_time_has_waited_since_it_was_written():
    written_at = datetime(2026, 11, 5, 12, 0, tzinfo=UTC)
    queued(to=make_user("lay_worker"), channel="email", now=written_at, due_at=written_at - timedelta(hours=3))
    for later, is_red in ((timedelta(minutes=15), False), (timedelta(minutes=16), True)):
        all_ran(written_at + later)
        answer = asked("/health/jobs/", written_at + later)
        assert answer.status_code == (503 if is_red else 200), answer.json()
        assert answer.json()["oldest_due_seconds"] == {"email": int(later.total_seconds())}


def test_what_is_not_due_is_over_or_held_does_not_wait():
    for number, status in enumerate(set(Message.Status.values) - {"queued"}):
        row = queued(to=make_user("lay_worker"), nominal_on=NOW.date() + timedelta(days=number))
        Message.objects.filter(pk=row.pk).update(status=status, lease_until=NOW)
    queued(to=make_user("lay_worker"), due_at=NOW + timedelta(hours=2))
    all_ran(NOW + timedelta(hours=1))
    answer = asked("/health/jobs/", NOW + timedelta(hours=1))
    assert (answer.status_code, answer.json()["oldest_due_seconds"]) == (200, {})


def test_a_database_without_its_migrations_is_not_ready(monkeypatch):
    monkeypatch.setattr(readiness, "_on_disk", lambda: frozenset({("outbox", "9999_not_yet")}))
    answer = asked("/health/ready/")
    assert (answer.status_code, answer.json()["missing"]) == (503, ["migrations"])
    assert asked("/health/").status_code == 503
    assert asked("/health/live/").status_code == 200


def test_a_broker_that_is_away_is_not_ready(settings, tmp_path):
    settings.REDIS_URL = f"unix://{tmp_path}/nothing.sock"
    answer = asked("/health/ready/")
    assert (answer.status_code, answer.json()["missing"]) == (503, ["broker"])


def test_a_database_that_is_away_is_said_and_no_restart_is_asked_for(monkeypatch):
    all_ran(NOW)

    def gone(*args, **kwargs):
        raise OperationalError("could not connect to server at 192.0.2.1")

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", gone)
    for path in ("/health/ready/", "/health/jobs/", "/health/"):
        answer = asked(path)
        assert (answer.status_code, answer.json()["missing"]) == (503, ["database"]), path
        assert b"192" not in answer.content
    assert asked("/health/live/").status_code == 200


def test_a_load_balancer_asks_in_clear_by_an_address_that_has_no_name(settings):
    settings.SECURE_SSL_REDIRECT = True
    all_ran(NOW)
    for path in (*PATHS, "/health/live", "/health/jobs", "/health"):
        answer = asked(path, host="192.0.2.7:8000")
        assert answer.status_code == 200, path
    assert asked("/today/", host="192.0.2.7:8000").status_code in {301, 400}


def test_neither_a_locked_session_nor_a_missing_second_factor_stands_before_them(client, settings):
    settings.SECOND_FACTOR_REQUIRED = True
    client.force_login(make_user(Role.MIDWIFE, password=PASSWORD))
    session = client.session
    session["locked_at"] = NOW.isoformat()
    session.save()
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/health/live/").status_code == 200
    assert len(queries) == 0
    assert client.get("/health/ready/").status_code == 200


@pytest.mark.parametrize("path", [*PATHS, "/metrics/"])
def test_they_are_read_and_nothing_is_written_to_them(client, settings, path):
    settings.METRICS_TOKEN = TOKEN
    assert client.post(path).status_code == 405
    assert client.get("/health/nothing/").status_code == 404


def test_without_a_token_in_the_settings_there_are_no_metrics_and_with_one_it_must_be_shown(client, settings):
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics/").status_code == 404
    assert client.get("/metrics/", headers={"authorization": "Bearer "}).status_code == 404
    settings.METRICS_TOKEN = TOKEN
    for shown in ("", TOKEN, f"Bearer {TOKEN[:-1]}", f"bearer {TOKEN}", "Bearer pässword"):
        answer = client.get("/metrics/", headers={"authorization": shown} if shown else {})
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
        assert answer.content == b""
    assert client.get("/metrics/", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_metrics_are_what_the_database_holds_in_few_queries(settings):
    settings.METRICS_TOKEN = TOKEN
    job = django_settings.JOBS[0]
    all_ran(NOW - timedelta(seconds=90), but=[django_settings.JOBS[1].name])
    user = make_user("lay_worker")
    for number in range(2):
        queued(to=user, now=NOW - timedelta(minutes=5), nominal_on=NOW.date() + timedelta(days=number))
    stuck = queued(to=user, channel="email")
    Message.objects.filter(pk=stuck.pk).update(status="needs_a_person")
    with CaptureQueriesContext(connection) as queries:
        answer = asked("/metrics/", authorization=f"Bearer {TOKEN}")
    assert len(queries) == 3
    text = answer.content.decode()
    for line in (
        'alongside_messages{channel="in_app",status="due"} 2.0',
        'alongside_messages{channel="email",status="needs_a_person"} 1.0',
        'alongside_oldest_due_seconds{channel="in_app"} 300.0',
        f'alongside_job_age_seconds{{job="{job.name}"}} 90.0',
        f'alongside_job_silent{{job="{job.name}"}} 0.0',
        f'alongside_job_silent{{job="{django_settings.JOBS[1].name}"}} 1.0',
        f'alongside_job_alarm_after_seconds{{job="{job.name}"}} {float(job.alarm_after_seconds)}',
        "alongside_stuck_messages 1.0",
    ):
        assert line in text.splitlines(), text
    assert user.email not in text and user.name not in text
    assert set(re.findall(r"^(\w+)", text, re.M)) <= {
        "alongside_messages", "alongside_oldest_due_seconds", "alongside_job_age_seconds",
        "alongside_job_alarm_after_seconds", "alongside_job_silent", "alongside_stuck_messages",
    }  # fmt: skip
