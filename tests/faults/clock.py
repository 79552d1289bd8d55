"""A clock that begins at an instant and runs so many times as fast, the same in every process of a run."""

import os
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

VARIABLE = "FAULTS_CLOCK"


@dataclass(frozen=True, slots=True)
class Clock:
    """``real``: the machine's seconds at which it stood at ``begins_at``."""

    real: float
    begins_at: datetime
    speed: float

    def now(self) -> datetime:
        """Return its instant now. Named as Django's own, in whose place it stands at the doors."""
        return self.begins_at + timedelta(seconds=(time.time() - self.real) * self.speed)

    def seconds_at(self, at: datetime) -> float:
        """Return the machine's seconds at which it will stand at ``at``."""
        return self.real + (at - self.begins_at).total_seconds() / self.speed

    def environment(self) -> dict[str, str]:
        """Return what a process needs to have the same clock."""
        return {VARIABLE: f"{self.real} {self.begins_at.isoformat()} {self.speed}"}


def clock_of_environment() -> Clock:
    """Return the clock of the run that this process belongs to."""
    real, begins_at, speed = os.environ[VARIABLE].split()
    return Clock(float(real), datetime.fromisoformat(begins_at), float(speed))
