"""Reminders to a carrier while everything fails: workers and servers killed at random, and what is wanted changing meanwhile.

Texts to mothers about tomorrow's appointments go by GOV.UK Notify's double, a process that answers late, fails, takes a text
and drops the line, or never answers. Prints what was lost, doubled and stale; exits 1 unless each is none. The run's clock
begins at 17:00 and is faster than the machine's, so that leases and waits keep their proportions to the tick.
"""

import argparse
import os
import random
import subprocess
import sys
import time
from datetime import UTC, datetime

import django

from tests.faults.clock import Clock
from tests.faults.house import ROOT, House, house
from tests.services.carriers_over_http import NOTIFY_KEY, TEMPLATE_ID

CARRIER = {"late": 0.02, "fails": 0.2, "drops": 0.05, "stalls": 0.005}


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/faults", description=__doc__)
    parser.add_argument("--reminders", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--speed", type=float, default=8, help="how many times as fast the run's clock is")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--short", action="store_true", help="200 reminders and a few faults: what the suite runs")
    parser.add_argument(
        "--like", default="", help="owner's address of a database that has the schema: faster than to migrate"
    )
    parser.add_argument("--sabotage", default="", help="what is broken on purpose: unmarked, unasked, unchecked")
    chosen = parser.parse_args()
    if chosen.short:
        chosen.reminders, chosen.workers, chosen.speed = 200, 2, 30
    print(f"seed {chosen.seed}", flush=True)
    with house() as stands:
        carrier = stands.start_carrier("--seed", str(chosen.seed), *[f"--{key}={CARRIER[key]}" for key in CARRIER])
        prepare(stands, carrier, chosen)
        # Needs settings that the servers had to stand for.
        from tests.faults.run import Run

        run = Run(stands, carrier, chosen)
        told = run.go()
        print("\n".join(run.report(told)))
        if not told.holds:
            print(stands.log.read_text()[-6000:], file=sys.stderr)
    return int(not told.holds)


def prepare(stands: House, carrier: str, chosen: argparse.Namespace) -> None:
    """The database is made, and this process and those to come have the settings of a run."""
    stands.environment |= {
        "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
        "DEBUG": "1",
        "ALONGSIDE_TESTING": "1",
        "LOG_LEVEL": "WARNING",
        "TEXT_CARRIER": "notify",
        "NOTIFY_BASE_URL": carrier,
        "NOTIFY_API_KEY": NOTIFY_KEY,
        "NOTIFY_TEMPLATE_ID": TEMPLATE_ID,
        "NOTIFY_CALLBACK_TOKEN": "an invented token of an invented run",
        "FAULTS_SABOTAGE": chosen.sabotage,
        **Clock(time.time(), datetime.now(UTC), chosen.speed).environment(),
    }
    if chosen.like:
        stands.take_schema_of(chosen.like)
    else:
        command = [sys.executable, "manage.py", "migrate", "--noinput", "-v0"]
        subprocess.run(command, cwd=ROOT, env=stands.environment, check=True)
    os.environ.update(stands.environment)
    django.setup()


if __name__ == "__main__":
    sys.exit(main())
