"""What is known of some mothers now, as the rules of reminders ask it; a constant number of queries. Never writes."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db.models import Max, Q

from mentoring.models import Appointment, Contact, ContactPlan, Cover, Mother, Pairing, Pause, PlannedContact
from mentoring.queries.safe_contact import hours_of, numbers_and_hours
from mentoring.queries.statuses import held_plans
from mentoring.rules import reminders as rules
from mentoring.rules.reminders import HORIZON_DAYS, KEPT_DAYS, OVERDUE_DAYS_AFTER, Facts, OpenWindow, Texts
from people.rules.local_time import local_date


@dataclass(frozen=True, slots=True)
class Known:
    """One mother: her person's key, whether her plan is held, who looks after her, and the facts for the rules.

    ``covers``: first day, first day after, and the user who covers then.
    """

    person_id: int
    held: bool = False
    user_id: int | None = None
    covers: list[tuple[date, date, int]] = field(default_factory=list)
    facts: Facts = field(default_factory=lambda: Facts((), None, None))

    def looks_after_on(self, on: date) -> int | None:
        """Return the user to whom messages about her go on ``on``: whoever covers, else her paired lay-worker."""
        return next((user for first, after, user in self.covers if first <= on < after), self.user_id)


def known_of(mother_ids: Collection[int], *, now: datetime) -> dict[int, Known]:
    """Return by mother what is known at ``now``: windows and appointments up to the horizon, nothing of held plans."""
    today = local_date(now)
    mothers = {
        row["pk"]: row
        for row in Mother.objects.filter(pk__in=mother_ids)
        .annotate(**numbers_and_hours())
        .values(
            "pk",
            "person_id",
            "offered_from",
            "numbers",
            "hours",
            "person__safe_contact__asked_on",
            "person__safe_contact__suspended_at",
            "person__safe_contact__texts_opted_in",
        )
    }
    plans = {
        plan["mother_id"]: plan
        for plan in ContactPlan.objects.filter(mother__in=mothers, closed_at__isnull=True)
        .order_by("kind")
        .values("pk", "mother_id", "kind", "edd", "born_on", "ends_on")
    }
    plan_ids = [plan["pk"] for plan in plans.values()]
    held = set(held_plans().filter(plan__in=plan_ids).values_list("plan_id", flat=True))
    pairings = {
        pairing["mother_id"]: pairing
        for pairing in Pairing.objects.filter(mother__in=mothers, ended_at__isnull=True).values(
            "mother_id", "lay_worker__user_id", "starts_on", "introduced_on"
        )
    }
    covers: dict[int, list[tuple[date, date, int]]] = defaultdict(list)
    for mother_id, *cover in Cover.objects.filter(
        mother__in=mothers, cancelled_at__isnull=True, ends_on__gt=today - timedelta(days=KEPT_DAYS)
    ).values_list("mother_id", "starts_on", "ends_on", "lay_worker__user_id"):
        covers[mother_id].append((cover[0], cover[1], cover[2]))
    pauses: dict[int, list[tuple[date, date | None]]] = defaultdict(list)
    for plan_id, from_on, until_on in Pause.objects.filter(
        Q(until_on__isnull=True) | Q(until_on__gt=today - timedelta(days=HORIZON_DAYS)),
        plan__in=plan_ids,
        withdrawn_at__isnull=True,
    ).values_list("plan_id", "from_on", "until_on"):
        pauses[plan_id].append((from_on, until_on))
    tried = dict(
        Contact.objects.filter(mother__in=mothers, voided_at__isnull=True)
        .values_list("mother_id")
        .annotate(Max("happened_on"))
    )
    windows: dict[int, list[OpenWindow]] = defaultdict(list)
    for plan_id, due_on, closes_on in PlannedContact.objects.filter(
        mother__in=mothers,
        plan__in=plan_ids,
        withdrawn_at__isnull=True,
        made_on__isnull=True,
        closes_on__gt=today,
        due_on__lte=today + timedelta(days=HORIZON_DAYS + OVERDUE_DAYS_AFTER),
    ).values_list("plan_id", "due_on", "closes_on"):
        windows[plan_id].append(OpenWindow(due_on, closes_on))
    appointments: dict[int, list[rules.Appointment]] = defaultdict(list)
    for mother_id, starts_at, due_on in Appointment.objects.filter(
        Q(planned_contact__isnull=True) | Q(planned_contact__made_on__isnull=True),
        mother__in=mothers,
        withdrawn_at__isnull=True,
        starts_at__gt=now,
        starts_at__lte=now + timedelta(days=HORIZON_DAYS + KEPT_DAYS),
    ).values_list("mother_id", "starts_at", "planned_contact__due_on"):
        appointments[mother_id].append(rules.Appointment(starts_at, due_on))

    found = {}
    for mother_id, mother in mothers.items():
        plan, pairing = plans.get(mother_id), pairings.get(mother_id)
        if plan is None or pairing is None or plan["pk"] in held:
            is_held = plan is not None and plan["pk"] in held
            found[mother_id] = Known(mother["person_id"], is_held, pairing["lay_worker__user_id"] if pairing else None)
            continue
        of_programme = plan["kind"] == ContactPlan.Kind.PROGRAMME
        last_tried_on = tried.get(mother_id)
        found[mother_id] = Known(
            mother["person_id"],
            False,
            pairing["lay_worker__user_id"],
            covers[mother_id],
            Facts(
                windows=windows[plan["pk"]],
                paired_on=pairing["starts_on"],
                offered_from=mother["offered_from"],
                introduced_on=pairing["introduced_on"],
                tried=last_tried_on is not None and last_tried_on >= pairing["starts_on"],
                pauses=pauses[plan["pk"]],
                # Support after a loss has no birth to await and no taper that a rule could time.
                edd=plan["edd"] if of_programme and plan["born_on"] is None else None,
                ends_on=plan["ends_on"] if of_programme else None,
                appointments=appointments[mother_id],
                texts=_texts(mother),
            ),
        )
    return found


def _texts(mother: dict[str, object]) -> Texts | None:
    asked_on = mother["person__safe_contact__asked_on"]
    may = (
        isinstance(asked_on, date)
        and mother["person__safe_contact__suspended_at"] is None
        and mother["person__safe_contact__texts_opted_in"]
        and any(number["text"] for number in mother["numbers"])  # type: ignore[attr-defined]  # a list, by its annotation
    )
    return Texts(tuple(hours_of(mother)), asked_on) if may else None  # type: ignore[arg-type]  # a date, asked above
