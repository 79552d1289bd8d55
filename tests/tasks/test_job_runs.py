"""Each run of a job is on record, whoever runs it, and what is on record says nothing of a person."""

from datetime import timedelta

import pytest
import time_machine
from celery import current_app
from django.conf import settings
from django.db import Error, OperationalError, connection

from mentoring.queries.rota import ESCALATION_JOB, watching
from mentoring.tasks import pass_alerts_on
from outbox.models import JobRun
from outbox.queries import jobs as queries
from outbox.services import job_runs
from outbox.tasks import deliver_due_messages
from tests.factories import NOW, make_midwife

JOBS = {job.task: job for job in settings.JOBS}


def fail(error):
    def fails(**_now):
        raise error

    return fails


@pytest.mark.django_db
@pytest.mark.parametrize("task", JOBS)
def test_every_job_puts_each_run_on_record_also_one_that_finds_nothing(task):
    with time_machine.travel(NOW, tick=False):
        assert current_app.tasks[task].apply().get() == 0
    run = JobRun.objects.get()
    assert (run.name, run.finished_at, run.failed_at, run.count) == (JOBS[task].name, NOW, None, 0)
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        current_app.tasks[task]()
    run = JobRun.objects.get()
    assert run.started_at == run.finished_at == NOW + timedelta(minutes=1)


@pytest.mark.django_db
def test_a_run_that_fails_leaves_when_the_last_ended_well_and_the_name_of_the_error_alone(monkeypatch):
    with time_machine.travel(NOW, tick=False):
        deliver_due_messages()
    monkeypatch.setattr("outbox.services.delivery.deliver_due", fail(ValueError("ada@example.org")))
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False), pytest.raises(ValueError):
        deliver_due_messages()
    run = JobRun.objects.get()
    assert (run.finished_at, run.failed_at, run.error) == (NOW, NOW + timedelta(minutes=1), "ValueError")
    assert "ada" not in str(JobRun.objects.values().get())


@pytest.mark.django_db
def test_where_the_database_is_away_the_task_s_own_error_comes_through(monkeypatch):
    monkeypatch.setattr("outbox.services.delivery.deliver_due", fail(OperationalError("gone")))
    monkeypatch.setattr("config.ticks.job_runs.failed", fail(Error("gone too")))
    with pytest.raises(OperationalError):
        deliver_due_messages()


@pytest.mark.django_db
def test_the_tick_that_passes_alerts_on_is_the_one_that_the_screens_watch():
    make_midwife()
    assert ESCALATION_JOB in {job.name for job in settings.JOBS}
    with time_machine.travel(NOW, tick=False):
        assert not watching(now=NOW).somebody
        pass_alerts_on()
        assert watching(now=NOW).somebody


@pytest.mark.django_db
def test_a_job_is_silent_past_its_time_and_where_it_never_ended_well():
    job = settings.JOBS[0]
    alarm = timedelta(seconds=job.alarm_after_seconds)

    def state(now):
        return next(state for state in queries.states(now=now) if state.job == job)

    assert state(NOW).is_silent and state(NOW).age_seconds is None
    job_runs.failed(name=job.name, started_at=NOW, error="ValueError", now=NOW)
    assert state(NOW).is_silent and state(NOW).failed_last
    job_runs.ended_well(name=job.name, started_at=NOW, count=3, now=NOW + timedelta(seconds=1))
    assert not state(NOW + alarm).is_silent and not state(NOW + alarm).failed_last
    assert state(NOW + alarm + timedelta(seconds=1)).age_seconds == job.alarm_after_seconds
    assert not state(NOW + alarm + timedelta(seconds=1)).is_silent
    assert state(NOW + alarm + timedelta(seconds=2)).is_silent


@pytest.mark.django_db(transaction=True)
def test_a_day_of_ticks_leaves_the_table_as_small_as_it_was():
    for number in range(2000):
        job_runs.ended_well(name="a job", started_at=NOW, count=number, now=NOW)
    with connection.cursor() as cursor:
        # Each run in the place of the one before it, none in an index: what is left of it goes with the next look at its page.
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'outbox_jobrun'")
        updated, in_place = cursor.fetchone()
        assert updated >= 1999 and in_place > 0.9 * updated
