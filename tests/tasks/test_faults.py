"""Texts go out while workers, broker and database are killed: none lost, doubled or stale; and what checks that, checked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from tests.faults.verdict import Fate, verdict

ROOT = Path(__file__).resolve().parents[2]
OWN = {"DATABASE_URL", "MIGRATE_DATABASE_URL", "REDIS_URL"}


@pytest.mark.django_db
def test_two_hundred_texts_go_once_each_while_everything_fails():
    here = connection.get_connection_params()
    command = [sys.executable, "-m", "tests.faults", "--short"]
    if str(here.get("host", "")).startswith("/"):
        # Our own server: its tables are copied in a second, where migrating takes most of a minute.
        command += ["--like", f"postgres:///{here['dbname']}?host={here['host']}&user=postgres"]
    environment = {name: value for name, value in os.environ.items() if name not in OWN}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "lost 0  doubled 0  stale 0  needing a person 0"


@pytest.mark.parametrize(
    ("fate", "what"),
    [
        (Fate("sent", [1.0]), "sent"),
        (Fate("delivered", [1.0]), "sent"),
        (Fate("cancelled", [], 1.0), "withheld"),
        (Fate("expired", [], 1.0), "withheld"),
        # In the carrier's hands when it was forbidden: the commit waited for it.
        (Fate("sent", [1.0], 1.0), "sent"),
    ],
)
def test_what_went_as_it_should_is_no_fault(fate, what):
    told = verdict([fate])
    assert told.holds
    assert (getattr(told, what), told.lost + told.doubled + told.stale + told.needs_a_person) == (1, 0)


@pytest.mark.parametrize(
    ("fate", "what"),
    [
        (Fate("queued"), "lost"),
        (Fate("handing_over", [1.0]), "lost"),
        (Fate("claimed", [], 1.0), "lost"),
        (Fate("cancelled"), "lost"),
        (Fate("expired"), "lost"),
        (Fate("failed"), "lost"),
        (Fate("sent"), "lost"),
        (Fate("sent", [], 1.0), "lost"),
        (Fate("cancelled", [1.0]), "lost"),
        (Fate("sent", [1.0, 2.0]), "doubled"),
        (Fate("needs_a_person", [1.0, 2.0]), "doubled"),
        (Fate("sent", [1.1], 1.0), "stale"),
        (Fate("cancelled", [1.1], 1.0), "stale"),
    ],
)
def test_each_thing_that_must_not_happen_is_seen(fate, what):
    told = verdict([Fate("sent", [1.0]), fate])
    assert getattr(told, what) == 1
    assert not told.holds


def test_one_that_waits_for_a_person_is_counted_and_not_lost():
    told = verdict([Fate("needs_a_person"), Fate("needs_a_person", [1.0])])
    assert (told.needs_a_person, told.lost) == (2, 0)
    assert told.holds
