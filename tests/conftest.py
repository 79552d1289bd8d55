"""The database of the tests: made by the owner, used by the application's role, so that a missing right fails here too."""

import os
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from time import sleep

import environ
import pytest
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase
from playwright.sync_api import Browser, sync_playwright

# Playwright runs a loop in the test's own thread, which Django would take for asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

# Two days before the clocks go back: every test of "in the next days" crosses the change.
NOW = datetime(2026, 10, 23, 10, 30, tzinfo=UTC)


def pytest_configure(config: pytest.Config) -> None:
    """Each worker has a Valkey database of its own: a test that empties the cache must not empty another's."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    cache = settings.CACHES["default"]
    cache["LOCATION"] = re.sub(r"0$", str(int(worker) + 1), cache["LOCATION"])


@pytest.fixture
def now() -> datetime:
    return NOW


def _roles() -> tuple[dict[str, object], dict[str, object]]:
    return (
        environ.Env.db_url_config(os.environ["MIGRATE_DATABASE_URL"]),
        environ.Env.db_url_config(os.environ["DATABASE_URL"]),
    )


def _as(role: dict[str, object]) -> None:
    connection.close()
    for key in ("USER", "PASSWORD", "HOST", "PORT"):
        connection.settings_dict[key] = role.get(key, "")


@pytest.fixture(scope="session")
def django_db_setup(request: pytest.FixtureRequest, django_db_blocker) -> Iterator[None]:
    """Make the test database as its owner, then go on as the application's role."""
    owner, application = _roles()
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    connection.settings_dict["TEST"]["NAME"] = f"test_alongside_{worker}"
    with django_db_blocker.unblock():
        _as(owner)
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        _as(application)
    yield
    with django_db_blocker.unblock():
        _as(owner)
        _wait_until_alone()
        connection.creation.destroy_test_db(connection.settings_dict["NAME"], verbosity=0)


def _wait_until_alone() -> None:
    """A thread of a server may hold its connection for a moment after the browser has gone."""
    for _time in range(100):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            if cursor.fetchone() is None:
                return
        sleep(0.1)


def empty_tables() -> None:
    """Nothing is left of a test. Django's flush truncates as the application's role, which may not: the owner does."""
    owner, application = _roles()
    _as(owner)
    with connection.cursor() as cursor:
        kept = {"django_migrations", "django_content_type", "auth_permission"}
        tables = [name for name in connection.introspection.table_names(cursor) if name not in kept]
        cursor.execute("TRUNCATE {} RESTART IDENTITY CASCADE".format(", ".join(f'"{name}"' for name in tables)))
    _as(application)


def count_rows_anew() -> None:
    """The planner knows how much there is, as on a server that has run for a minute; before that its guesses are chance."""
    owner, application = _roles()
    _as(owner)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    _as(application)


TransactionTestCase._fixture_teardown = lambda self: empty_tables()  # type: ignore[method-assign]  # as it says


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for a whole worker: Playwright runs one loop a thread, so there is one fixture for every test."""
    executable = os.environ.get("ALONGSIDE_CHROMIUM") or shutil.which("chromium")
    if not executable:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=executable,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield chromium
        chromium.close()
