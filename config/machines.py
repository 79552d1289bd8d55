"""What machines ask without a sign-in: does it answer, can it work, does it tick. Codes and numbers, nothing of a person."""

from collections.abc import Iterator
from datetime import datetime
from hmac import compare_digest
from typing import Any

from django.conf import settings
from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from outbox.queries import jobs as job_queries
from outbox.queries import queue, readiness
from outbox.services import delivery
from people.access import for_machines

STUCK = ("needs_a_person", "failed")


@for_machines
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """This process answers. Asks nothing of anything else: a database that is away is no reason to restart it."""
    return JsonResponse({"status": "ok"})


@for_machines
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """The database answers and is migrated, the broker answers."""
    return _answer(*_ready())


@for_machines
@require_safe
def jobs(request: HttpRequest) -> HttpResponse:
    """Every job ended well within its time, and no message that may go has waited for a quarter of an hour."""
    try:
        return _answer(*_jobs(timezone.now()))
    except Error:
        return _answer(False, {"missing": ["database"]})


@for_machines
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Ready and jobs in one. A database that is away is said once."""
    well, said = _ready()
    if "database" not in said["missing"] and "migrations" not in said["missing"]:
        jobs_well, about_jobs = _jobs(timezone.now())
        well, said = well and jobs_well, said | about_jobs
    return _answer(well, said)


@for_machines
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """For Prometheus, to whoever shows the token of the settings; there is no such page where they hold none."""
    if not settings.METRICS_TOKEN:
        raise Http404
    shown = request.headers.get("Authorization", "")
    if not compare_digest(shown.encode(), f"Bearer {settings.METRICS_TOKEN}".encode()):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry()
    registry.register(FromTheDatabase(timezone.now()))
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class FromTheDatabase(Collector):
    """Numbers as the database holds them now. Counters kept in a process would be those of one gunicorn worker of several."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def describe(self) -> list[Any]:
        """Return nothing: asked once on registering, which must not read the database."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield each family. Three queries, all by index."""
        messages = GaugeMetricFamily(
            "alongside_messages",
            "Messages that are not over, 10000 at most of each; due: may go now; expired: in the last 7 days.",
            labels=["status", "channel"],
        )
        waited = GaugeMetricFamily(
            "alongside_oldest_due_seconds", "How long the oldest message that may go has waited.", labels=["channel"]
        )
        for one in queue.queues(now=self.now, open_since=delivery.open_since(self.now)):
            messages.add_metric(["due", one.channel], one.due)
            waited.add_metric([one.channel], one.waited.total_seconds() if one.waited else 0)
        counts = queue.not_over(now=self.now)
        for (status, channel), count in sorted(counts.items()):
            messages.add_metric([status, channel], count)
        stuck = sum(count for (status, _channel), count in counts.items() if status in STUCK)
        ages = GaugeMetricFamily("alongside_job_age_seconds", "Since the job last ended well.", labels=["job"])
        alarms = GaugeMetricFamily("alongside_job_alarm_after_seconds", "The age that is an alarm.", labels=["job"])
        silent = GaugeMetricFamily("alongside_job_silent", "1: past its time, or it never ended well.", labels=["job"])
        for state in job_queries.states(now=self.now):
            name = [state.job.name]
            if state.age_seconds is not None:
                ages.add_metric(name, state.age_seconds)
            alarms.add_metric(name, state.job.alarm_after_seconds)
            silent.add_metric(name, int(state.is_silent))
        yield from (messages, waited, ages, alarms, silent)
        yield GaugeMetricFamily("alongside_stuck_messages", "Failed, or nobody knows whether it went.", value=stuck)


def _ready() -> tuple[bool, dict[str, Any]]:
    missing = readiness.missing()
    return not missing, {"missing": missing}


def _jobs(now: datetime) -> tuple[bool, dict[str, Any]]:
    states = job_queries.states(now=now)
    queues = queue.queues(now=now, open_since=delivery.open_since(now))
    said = {
        "jobs": {
            state.job.name: {
                "age_seconds": state.age_seconds,
                "alarm_after_seconds": state.job.alarm_after_seconds,
                "silent": state.is_silent,
            }
            for state in states
        },
        "oldest_due_seconds": {
            one.channel: int(one.waited.total_seconds()) for one in queues if one.waited is not None
        },
    }
    return not any(state.is_silent for state in states) and not any(one.is_late for one in queues), said


def _answer(well: bool, said: dict[str, Any]) -> HttpResponse:
    return JsonResponse({"status": "ok" if well else "red"} | said, status=200 if well else 503)
