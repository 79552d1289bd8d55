"""Beat ticks once however many are started, survives a kill and a restart of PostgreSQL, and knows no local time."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest
import redis
import time_machine
from celery import current_app
from django.conf import settings
from django.db import connection

from config.scheduler import BEAT_LOCK, OneBeat
from outbox.models import JobRun
from outbox.services import job_runs
from tests.factories import NOW
from tests.faults.house import House as Servers
from tests.faults.house import house as stand

EVERY_SECONDS = 0.3


def eventually(true: Callable[[], Any], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return False


class House(Servers):
    """Servers of its own, with the one table that beat reads, and the beats that run on them."""

    def __init__(self, folder: Any) -> None:
        super().__init__(folder)
        self.environment |= {
            "DJANGO_SETTINGS_MODULE": "tests.meta.beat_settings",
            "TICK_SECONDS": str(EVERY_SECONDS),
        }
        self.broker = redis.Redis.from_url(self.environment["REDIS_URL"])

    def begin(self, table: str) -> None:
        """The broker is empty and no job has run."""
        self.broker.flushall()
        with psycopg2.connect(self.environment["MIGRATE_DATABASE_URL"]) as owner, owner.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS outbox_jobrun; {table}")

    def ask(self, sql: str) -> Any:
        session = psycopg2.connect(self.environment["DATABASE_URL"])
        try:
            with session, session.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchone()[0]
        finally:
            session.close()

    @property
    def beats(self) -> list[int]:
        """The process ids of those that were started, the first first."""
        return [beat.pid for beat in self.processes.values()]

    def start_beat(self) -> int:
        """Start one as the scripts do; return its process id."""
        self.start(f"beat {len(self.processes)}", "celery", "-A", "config", "beat", "--loglevel", "INFO")
        return self.beats[-1]

    def ticked(self) -> list[int]:
        """Return the process of each tick that waits in the broker, the oldest first."""
        rows = [json.loads(row) for row in self.broker.lrange("celery", 0, -1)]
        return [int(row["headers"]["origin"].removeprefix("gen").partition("@")[0]) for row in reversed(rows)]

    def standing_by(self) -> bool:
        """Return whether somebody asked for the lock and did not get it."""
        return "this one stands by" in self.log.read_text()

    def stop_beats(self) -> None:
        for name in self.processes:
            self.kill(name)
        self.processes.clear()
        self.log.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def servers() -> Iterator[House]:
    with stand(House) as house:
        yield house
        house.broker.close()


@pytest.fixture
def house(servers: House, db: None) -> Iterator[House]:
    with connection.schema_editor(collect_sql=True) as editor:
        editor.create_model(JobRun)
    servers.begin(" ".join(str(sql) for sql in editor.collected_sql))
    yield servers
    servers.stop_beats()


def test_of_two_beats_one_ticks_and_when_it_is_killed_the_other_takes_over(house: House) -> None:
    house.start_beat()
    assert eventually(house.ticked)
    house.start_beat()
    assert eventually(house.standing_by)
    first, second = house.beats
    so_far = len(house.ticked())
    assert eventually(lambda: len(house.ticked()) > so_far + 3)
    assert set(house.ticked()) == {first}
    house.kill("beat 0")
    killed_at = time.monotonic()
    assert eventually(lambda: second in house.ticked())
    assert time.monotonic() - killed_at < 10
    order = house.ticked()
    assert order == sorted(order, key=[first, second].index), "the two ticked side by side"


def test_a_beat_that_is_stopped_lets_the_lock_go(house: House) -> None:
    house.start_beat()
    assert eventually(house.ticked)
    assert house.ask(f"SELECT pg_try_advisory_lock({BEAT_LOCK})") is False
    house.kill("beat 0", signal.SIGTERM)
    assert eventually(lambda: house.ask(f"SELECT pg_try_advisory_lock({BEAT_LOCK})"), 10)


def test_while_postgresql_is_down_nobody_ticks_and_after_it_one_does(house: House) -> None:
    house.start_beat()
    assert eventually(house.ticked)
    house.start_beat()
    assert eventually(house.standing_by)

    def nobody_ticks() -> None:
        assert eventually(lambda: "no connection to the database" in house.log.read_text())
        before = house.ticked()
        time.sleep(5 * EVERY_SECONDS)
        assert house.ticked() == before

    house.restart_postgres(nobody_ticks)
    so_far = len(house.ticked())
    assert eventually(lambda: len(house.ticked()) > so_far + 3)
    assert len(set(house.ticked()[so_far:])) == 1
    assert all(beat.poll() is None for beat in house.processes.values())


@pytest.fixture
def beat(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[OneBeat, list[str]]]:
    """A scheduler in this process, and the tasks that it would have sent."""
    sent: list[str] = []
    scheduler = OneBeat(app=current_app, Producer=lambda *args, **kwargs: None)
    scheduler.__dict__["producer"] = None
    monkeypatch.setattr("celery.beat.Scheduler.apply_entry", lambda self, entry, producer=None: sent.append(entry.name))
    yield scheduler, sent
    scheduler.close()


def run_through(scheduler: OneBeat) -> None:
    """Tick until nothing more is due at this moment."""
    while scheduler.tick() == 0:
        pass


@pytest.mark.django_db(transaction=True)
def test_whoever_takes_over_goes_on_with_each_job_where_it_stood(beat: tuple[OneBeat, list[str]]) -> None:
    scheduler, sent = beat
    late, just = settings.JOBS[-1], settings.JOBS[0]
    for job, ago in ((late, late.every_seconds + 1), (just, just.every_seconds / 2)):
        at = NOW - timedelta(seconds=ago)
        job_runs.ended_well(name=job.name, started_at=at, count=0, now=at)
    with time_machine.travel(NOW, tick=False):
        run_through(scheduler)
        assert sorted(sent) == sorted({job.name for job in settings.JOBS} - {just.name})
    with time_machine.travel(NOW + timedelta(seconds=just.every_seconds / 2), tick=False):
        run_through(scheduler)
    assert just.name in sent


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", [datetime(2026, 10, 25, 1, tzinfo=UTC), datetime(2027, 3, 28, 1, tzinfo=UTC)])
def test_the_days_on_which_the_clocks_change_have_as_many_ticks_as_any_other(
    beat: tuple[OneBeat, list[str]], change: datetime
) -> None:
    scheduler, sent = beat
    job = next(job for job in settings.JOBS if job.every_seconds == 60)
    with time_machine.travel(change - timedelta(hours=2), tick=False) as clock:
        for _minute in range(4 * 60):
            run_through(scheduler)
            clock.shift(60)
    assert sent.count(job.name) == 4 * 60


@pytest.mark.django_db(transaction=True)
def test_a_tick_is_not_sent_where_the_lock_went_while_the_broker_was_slow(beat: tuple[OneBeat, list[str]]) -> None:
    scheduler, sent = beat
    run_through(scheduler)
    assert sent
    sent.clear()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s", [BEAT_LOCK]
        )
    scheduler.apply_entry(next(iter(scheduler.schedule.values())))
    assert sent == []


def test_every_job_ticks_by_an_interval_and_none_by_a_wall_clock() -> None:
    assert settings.CELERY_TIMEZONE == "UTC"
    assert {type(entry["schedule"]) for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= {int, float}
    scheduler = OneBeat(app=current_app)
    assert set(scheduler.schedule) == {job.name for job in settings.JOBS}
