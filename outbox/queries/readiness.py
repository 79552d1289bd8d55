"""Whether this process could do its work: database, migrations, broker. Names what is missing, never where it is."""

from functools import cache

import redis
from django.conf import settings
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

SECONDS = 2


def missing() -> list[str]:
    """Return codes of what is not there, none where all is: ``database``, ``migrations``, ``broker``."""
    return [*_database(), *_broker()]


def _database() -> list[str]:
    try:
        applied = set(MigrationRecorder(connection).applied_migrations())
    except Error:
        return ["database"]
    return [] if _on_disk() <= applied else ["migrations"]


@cache
def _on_disk() -> frozenset[tuple[str, str]]:
    loader = MigrationLoader(None)
    return frozenset(loader.disk_migrations)


def _broker() -> list[str]:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=SECONDS, socket_timeout=SECONDS) as broker:
            broker.ping()
    except redis.RedisError:
        return ["broker"]
    return []
