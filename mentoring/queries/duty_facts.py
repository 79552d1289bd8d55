"""What is known of mothers and lay-workers, as the rules of duties ask it; a constant number of queries. Never writes."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import F, Max, Q

from mentoring.models import Contact, ContactPlan, Cover, Duty, LayWorker, Mother, Pairing, Pause
from mentoring.queries.statuses import held_plans, planned_rows, status_sql
from mentoring.rules import changes
from mentoring.rules.duties import Attempt, Closed, MotherFacts
from mentoring.rules.plan import Status
from people.models import SafeContact
from people.rules.local_time import local_date


@dataclass(frozen=True, slots=True)
class Known:
    """One mother's facts, and whose her duties are: her midwife, none: any."""

    owner_id: int | None
    facts: MotherFacts


def mothers_known(mother_ids: Collection[int], *, now: datetime) -> dict[int, Known]:
    """Return by mother what her duties follow from on the local date of ``now``; those without an open plan are left out."""
    on = local_date(now)
    plans = {
        plan.mother_id: plan
        for plan in ContactPlan.objects.filter(mother__in=mother_ids, closed_at__isnull=True).order_by(
            "-kind", "mother_id"
        )
    }
    plan_ids = [plan.pk for plan in plans.values()]
    mothers = {
        row["pk"]: row
        for row in Mother.objects.filter(pk__in=plans).values(
            "pk",
            "person_id",
            "midwife_id",
            "registered_at",
            "imported",
            "protocol__antenatal_every_days",
            "protocol__postnatal_every_days",
        )
    }
    held = set(held_plans().filter(plan__in=plan_ids).values_list("plan_id", flat=True))
    pairings = {
        row["mother_id"]: row
        for row in Pairing.objects.filter(mother__in=plans, ended_at__isnull=True).values(
            "mother_id", "starts_on", "introduced_on", "lay_worker__left_on", "lay_worker__user__is_active"
        )
    }
    last_ended = dict(
        Pairing.objects.filter(mother__in=plans, ended_at__isnull=False).values_list("mother").annotate(Max("ends_on"))
    )
    covered, last_covered = _covers(plans, on)
    attempts: dict[int, list[Attempt]] = defaultdict(list)
    for mother_id, happened_on, outcome, entered_at in (
        Contact.objects.filter(mother__in=plans, voided_at__isnull=True)
        .order_by("happened_at", "id")
        .values_list("mother_id", "happened_on", "outcome", "entered_at")
    ):
        attempts[mother_id].append(Attempt(happened_on, outcome, local_date(entered_at)))
    windows: dict[int, list[tuple[date, Status]]] = defaultdict(list)
    for plan_id, closes_on, status in (
        planned_rows()
        .filter(plan__in=plan_ids, closes_on__lte=on, closes_on__gt=on - timedelta(days=2 * 366))
        .annotate(status=status_sql(on))
        .order_by("due_on")
        .values_list("plan_id", "closes_on", "status")
    ):
        windows[plan_id].append((closes_on, Status(status)))
    pauses: dict[int, list[tuple[date, date | None]]] = defaultdict(list)
    stops_ended: dict[int, date] = {}
    for plan_id, kind, from_on, until_on in (
        Pause.objects.filter(plan__in=plan_ids, withdrawn_at__isnull=True)
        .order_by("from_on")
        .values_list("plan_id", "kind", "from_on", "until_on")
    ):
        if kind == Pause.Kind.PAUSE:
            pauses[plan_id].append((from_on, until_on))
        if until_on is not None and until_on <= on:
            stops_ended[plan_id] = until_on
    asked = dict(
        SafeContact.objects.filter(person__in=[row["person_id"] for row in mothers.values()]).values_list(
            "person_id", "asked_on"
        )
    )
    closed = _closed(Q(mother__in=plans), "mother_id")

    known = {}
    for mother_id, plan in plans.items():
        mother, pairing = mothers[mother_id], pairings.get(mother_id)
        registered_on = local_date(mother["registered_at"])
        in_force = next((one for one in pauses[plan.pk] if one[0] <= on and (one[1] is None or on < one[1])), None)
        over = [until_on for _from, until_on in pauses[plan.pk] if until_on is not None and until_on <= on]
        alone_since = None
        if pairing is not None and mother_id not in covered:
            left_on = pairing["lay_worker__left_on"]
            if not pairing["lay_worker__user__is_active"] or (left_on is not None and left_on <= on):
                days = (pairing["starts_on"], left_on, last_covered.get(mother_id))
                alone_since = max(day for day in days if day is not None and day <= on)
        of_programme = plan.kind == ContactPlan.Kind.PROGRAMME
        after_birth = plan.born_on is not None
        known[mother_id] = Known(
            mother["midwife_id"],
            MotherFacts(
                held=plan.pk in held,
                waiting_since=max(registered_on, last_ended.get(mother_id) or registered_on),
                records_from=registered_on if mother["imported"] is not None else None,
                paired_on=pairing["starts_on"] if pairing else None,
                introduced_on=pairing["introduced_on"] if pairing else None,
                attempts=attempts[mother_id],
                closed_windows=windows[plan.pk],
                every_days=changes.from_json(plan.state).every_days_in_force,
                protocol_every_days=mother[
                    "protocol__postnatal_every_days" if after_birth else "protocol__antenatal_every_days"
                ],
                edd=plan.edd if of_programme else None,
                born_on=plan.born_on if of_programme else None,
                ends_on=plan.ends_on,
                pause=in_force,
                pause_ended_on=max(over, default=None),
                stop_ended_on=stops_ended.get(plan.pk),
                asked_on=asked.get(mother["person_id"]),
                alone_since=alone_since,
                closed=closed[mother_id],
                in_support=not of_programme,
            ),
        )
    return known


def _covers(mother_ids: Collection[int], on: date) -> tuple[set[int], dict[int, date]]:
    """Return who is covered on ``on`` by someone who is there, and by mother when the last cover that is over ended."""
    covered: set[int] = set()
    ended: dict[int, date] = {}
    for row in Cover.objects.filter(mother__in=mother_ids, starts_on__lte=on).values(
        "mother_id", "ends_on", "cancelled_at", "lay_worker__left_on", "lay_worker__user__is_active"
    ):
        ends = [row["ends_on"], row["lay_worker__left_on"], row["cancelled_at"] and local_date(row["cancelled_at"])]
        ended_on = min(day for day in ends if day is not None)
        if ended_on > on and row["lay_worker__user__is_active"]:
            covered.add(row["mother_id"])
        elif ended_on <= on:
            ended[row["mother_id"]] = max(ended_on, ended.get(row["mother_id"], ended_on))
    return covered, ended


@dataclass(frozen=True, slots=True)
class KnownLayWorker:
    """What a lay-worker's own duties follow from; ``feelings`` (day, 1 to 5) newest first."""

    owner_id: int
    supervised_on: date
    feelings: list[tuple[date, int]]
    low_closed_on: date | None


def lay_workers_known(*, now: datetime) -> dict[int, KnownLayWorker]:
    """Return, by lay-worker still with the programme, what her own duties follow from."""
    on = local_date(now)
    rows = LayWorker.objects.filter(Q(left_on__isnull=True) | Q(left_on__gt=on), user__is_active=True).order_by("pk")
    closed = _closed(Q(lay_worker__in=rows), "lay_worker_id")
    felt: dict[int, list[tuple[date, int]]] = defaultdict(list)
    for lay_worker_id, feeling, happened_on in (
        Contact.objects.filter(
            lay_worker__in=rows, feeling__isnull=False, voided_at__isnull=True, happened_on__gt=on - timedelta(days=366)
        )
        .order_by("-happened_at", "-id")
        .values_list("lay_worker_id", "feeling", "happened_on")
    ):
        felt[lay_worker_id].append((happened_on, feeling))
    found = {}
    for row in rows:
        supervised = closed[row.pk].get(Duty.Kind.SUPERVISION_DUE, [])
        low = closed[row.pk].get(Duty.Kind.MOOD_LOW, [])
        found[row.pk] = KnownLayWorker(
            row.supervisor_id,
            supervised[0].on if supervised else local_date(row.made_at),
            felt[row.pk][:3],
            low[0].on if low else None,
        )
    return found


def _closed(which: Q, by: str) -> dict[int, dict[str, list[Closed]]]:
    found: dict[int, dict[str, list[Closed]]] = defaultdict(lambda: defaultdict(list))
    for key, kind, about_on, outcome, closed_at, closed_by in (
        Duty.objects.filter(which, closed_at__isnull=False)
        .order_by("-closed_at", "-id")
        .annotate(key=F(by))
        .values_list("key", "kind", "about_on", "outcome", "closed_at", "closed_by")
    ):
        found[key][kind].append(Closed(local_date(closed_at), about_on, outcome, closed_by is None))
    return found
