"""Beat ticks once however many are started: whoever holds a lock in PostgreSQL ticks, the others stand by (ADR 9)."""

import logging
from datetime import UTC, datetime
from typing import Any

from celery.beat import Scheduler
from django.db import Error, close_old_connections, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from outbox.queries.jobs import last_started_at

logger = logging.getLogger(__name__)

# Any number that no other lock of this database uses.
BEAT_LOCK = 7_310_009
# A job that never ran is due.
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
# How often the holder asks whether it still is, and who stands by whether it may take over.
LOOK_SECONDS = 2.0
# A machine that vanished with its cable must not keep the lock for the two hours that TCP waits by itself. The holder
# gives up first, so that it has stopped when PostgreSQL lets the lock go.
HOLDER_GIVES_UP = {"connect_timeout": 5, "tcp_user_timeout": 6_000}
SERVER_GIVES_UP = "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3"


class Lock:
    """A session's advisory lock on a connection of its own: however that is lost, the lock is lost with it."""

    def __init__(self) -> None:
        self.connection: BaseDatabaseWrapper | None = None
        self.taken = False

    def is_held(self) -> bool:
        """Return whether this process holds the lock, as PostgreSQL answers now; never takes it."""
        return self.taken and self._ask("SELECT true")

    def take(self) -> bool:
        """Return whether the lock is this process's from now on. Never waits for it; a database that is away is a no."""
        self.taken = self._ask(f"SELECT pg_try_advisory_lock({BEAT_LOCK})")
        return self.taken

    def let_go(self) -> None:
        """The connection is closed, and the lock with it."""
        self.taken = False
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def _ask(self, sql: str) -> bool:
        try:
            if self.connection is None:
                self.connection = self._connect()
            with self.connection.cursor() as cursor:
                cursor.execute(sql)
                return bool(cursor.fetchone()[0])
        except Error as error:
            logger.warning("beat: no connection to the database (%s)", type(error).__name__)
            self.let_go()
            return False

    @staticmethod
    def _connect() -> BaseDatabaseWrapper:
        own = connections.create_connection("default")
        own.settings_dict = own.settings_dict | {"OPTIONS": own.settings_dict["OPTIONS"] | HOLDER_GIVES_UP}
        with own.cursor() as cursor:
            cursor.execute(SERVER_GIVES_UP)
        return own


class OneBeat(Scheduler):
    """Celery's scheduler without its file: ticks while it holds the lock, and takes up each job's rhythm from its last run."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.lock = Lock()
        self.stands_by = False
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """One look at the schedule where the lock is held; returns the seconds until the next."""
        if not self.lock.is_held() and not self._take_over():
            return LOOK_SECONDS
        return min(super().tick(*args, **kwargs), LOOK_SECONDS)

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Send one tick, unless the lock went while the broker kept this process waiting."""
        if self.lock.is_held():
            super().apply_entry(entry, producer=producer)

    def close(self) -> None:
        """The lock is free for whoever stands by."""
        self.lock.let_go()
        super().close()

    def _take_over(self) -> bool:
        if not self.lock.take():
            if not self.stands_by:
                logger.info("beat: another one ticks, this one stands by")
            self.stands_by = True
            return False
        try:
            close_old_connections()
            started = last_started_at()
            connections["default"].close()
        except Error as error:
            logger.warning("beat: the jobs' last runs cannot be read (%s)", type(error).__name__)
            self.lock.let_go()
            return False
        for name, entry in self.schedule.items():
            entry.last_run_at = min(started.get(name, LONG_AGO), self.app.now())
        self.populate_heap()
        self.stands_by = False
        logger.info("beat: this one ticks")
        return True
