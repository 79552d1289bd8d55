"""What a mother's page shows, and what the forms about her start from. Never writes."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, Max, Min, OuterRef, Q, Subquery
from django.db.models.functions import JSONObject

from mentoring.access import unanswered_midwives
from mentoring.models import Appointment, Contact, ContactCorrection, Mother, Pairing, Pause
from mentoring.queries.safe_contact import SHEET, advice_of, hours_of, numbers_and_hours
from mentoring.queries.statuses import (
    STATUS_FACTS,
    held_plans,
    is_held,
    open_rows,
    pause_columns,
    planned_rows,
    status_columns,
    status_of,
    status_sql,
)
from mentoring.queries.today import every_days_column, speaks_to_midwife_first
from mentoring.rules.contacts import TWO_WAY_OUTCOMES
from mentoring.rules.status import MentoringStatus
from people.models import Loss, User
from people.rules.local_time import local_date
from people.rules.safe_contact import CallAdvice, SafeHours

ENTRIES_PER_PAGE = 10
WINDOWS_AHEAD = 4
ROLE_AGAIN_AFTER_DAYS = 42


@dataclass(frozen=True, slots=True)
class Page:
    """A mother's page: ``facts`` are columns of hers, ``windows`` the strip, ``entries`` one page of the timeline."""

    facts: dict[str, Any]
    advice: CallAdvice
    hours: list[SafeHours]
    status: MentoringStatus
    held: bool
    speak_to_midwife: bool
    windows: list[dict[str, Any]]
    pauses: list[dict[str, Any]]
    next_planned: dict[str, Any] | None
    appointments: list[dict[str, Any]]
    entries: list[dict[str, Any]]
    older: tuple[datetime, int] | None


def page_of(mother: Mother, *, user: User, now: datetime, before: tuple[datetime, int] | None = None) -> Page:
    """Return the page of ``mother`` at ``now``; entries older than ``before`` where given: (happened_at, id)."""
    on = local_date(now)
    facts = _facts(mother, on)
    held = is_held(facts)
    windows = list(
        planned_rows()
        .filter(mother=mother, plan__closed_at__isnull=True)
        .annotate(status=status_sql(on), every_days=every_days_column())
        .order_by("due_on")
        .values("number", "due_on", "opens_on", "closes_on", "status", "every_days", "made_on")
    )
    still_open = [] if held else [row for row in windows if row["made_on"] is None and row["closes_on"] > on]
    past = [row for row in windows if row["made_on"] is not None or row["closes_on"] <= on]
    shown = sorted([*past, *still_open[: WINDOWS_AHEAD + 1]], key=lambda row: row["due_on"])
    entries = _entries(mother, before)
    more = len(entries) > ENTRIES_PER_PAGE
    entries = entries[:ENTRIES_PER_PAGE]
    return Page(
        facts=facts,
        advice=advice_of(facts, now=now),
        hours=hours_of(facts),
        status=status_of(facts),
        held=held,
        speak_to_midwife=speaks_to_midwife_first(facts, on=on),
        windows=shown,
        pauses=[_dates(pause) for pause in facts["pauses"]],
        next_planned=still_open[0] if still_open else None,
        appointments=[] if held else _appointments(mother, now),
        entries=entries,
        older=(entries[-1]["happened_at"], entries[-1]["pk"]) if more else None,
    )


def _facts(mother: Mother, on: date) -> dict[str, Any]:
    pauses = Pause.objects.filter(
        plan__mother=OuterRef("pk"), plan__closed_at__isnull=True, withdrawn_at__isnull=True, kind=Pause.Kind.PAUSE
    )
    return (
        Mother.objects.filter(pk=mother.pk)
        .annotate(
            pauses=ArraySubquery(
                pauses.order_by("from_on").values(item=JSONObject(from_on="from_on", until_on="until_on"))
            ),
            lay_worker=Subquery(
                Pairing.objects.filter(mother=OuterRef("pk"), ended_at__isnull=True).values("lay_worker__user__name")[
                    :1
                ]
            ),
            midwife_is_away=Exists(unanswered_midwives(on=on).filter(pk=OuterRef("midwife"))),
            loss_reported=Exists(Loss.objects.filter(person=OuterRef("person_id"))),
            **numbers_and_hours(),
            **status_columns(on),
        )
        .values(
            "programme_code",
            "starts_on",
            "person_id",
            "person__name_to_use",
            "person__address",
            "person__language",
            "person__interpreter_needed",
            "person__pregnancy__edd",
            "midwife__user__name",
            "midwife__user__phone",
            "midwife_is_away",
            "lay_worker",
            "pauses",
            "numbers",
            "hours",
            "pause_until_on",
            "born",
            "bereaved",
            "loss_reported",
            *STATUS_FACTS,
            *SHEET,
        )
        .get()
    )


def _dates(pause: dict[str, str | None]) -> dict[str, date | None]:
    return {name: date.fromisoformat(value) if value else None for name, value in pause.items()}


def _appointments(mother: Mother, now: datetime) -> list[dict[str, Any]]:
    return list(
        Appointment.objects.filter(mother=mother, withdrawn_at__isnull=True, starts_at__gt=now - timedelta(hours=12))
        .order_by("starts_at")
        .values("pk", "starts_at", "mode", "place", "planned_contact__due_on")
    )


def _entries(mother: Mother, before: tuple[datetime, int] | None) -> list[dict[str, Any]]:
    corrections = ContactCorrection.objects.filter(contact=OuterRef("pk")).order_by("id")
    entries = Contact.objects.filter(mother=mother)
    if before is not None:
        at, pk = before
        # The first condition is what an index goes by: an OR alone is read from the newest row on.
        entries = entries.filter(happened_at__lte=at).filter(Q(happened_at__lt=at) | Q(pk__lt=pk))
    return list(
        entries.annotate(
            made_due_on=F("fulfils__due_on"),
            corrections_made=ArraySubquery(
                corrections.values(item=JSONObject(at="at", by="by__name", reason="reason", was="was"))
            ),
        )
        .order_by("-happened_at", "-id")
        .values(
            "pk",
            "client_id",
            "happened_at",
            "entered_at",
            "entered_by",
            "entered_by__name",
            "mode",
            "outcome",
            "minutes",
            "present",
            "concern",
            "helped_by",
            "hindered_by",
            "topics",
            "offered",
            "taken_up",
            "engagement",
            "note",
            "feeling",
            "please_ring_me",
            "voided_at",
            "voided_by__name",
            "voided_reason",
            "made_due_on",
            "corrections_made",
        )[: ENTRIES_PER_PAGE + 1]
    )


@dataclass(frozen=True, slots=True)
class LogStart:
    """What a new log entry starts from: last time's answers, and which questions are relevant.

    ``held``: nothing is planned, so nothing is asked about the next time.
    """

    last_present: list[str] | None
    ask_role: bool
    language: str
    interpreter_needed: bool
    next_due_on: date | None
    held: bool = False


def log_start(mother: Mother, *, now: datetime) -> LogStart:
    """Return what the log form about ``mother`` starts from at ``now``.

    The role is asked about until it is explained and read back, and again from six weeks after the first contact.
    """
    on = local_date(now)
    standing = Contact.objects.filter(mother=mother, voided_at__isnull=True)
    reached = standing.filter(outcome="reached")
    last = reached.filter(mother=OuterRef("pk"), present__isnull=False).order_by("-happened_at", "-id")
    facts = (
        Mother.objects.filter(pk=mother.pk)
        .annotate(
            has_last=Exists(last),
            held=Exists(held_plans().filter(plan__mother=OuterRef("pk"), plan__closed_at__isnull=True)),
            last_present=Subquery(last.values("present")[:1]),
            first_spoke_on=Min(
                "contacts__happened_on",
                filter=Q(contacts__outcome__in=TWO_WAY_OUTCOMES, contacts__voided_at__isnull=True),
            ),
            read_back_on=Max(
                "contacts__happened_on",
                filter=Q(
                    contacts__role_explained=True, contacts__role_read_back=True, contacts__voided_at__isnull=True
                ),
            ),
        )
        .values(
            "has_last",
            "held",
            "last_present",
            "first_spoke_on",
            "read_back_on",
            "person__language",
            "person__interpreter_needed",
        )
        .get()
    )
    first_spoke_on, read_back_on = facts["first_spoke_on"], facts["read_back_on"]
    again_on = first_spoke_on + timedelta(days=ROLE_AGAIN_AFTER_DAYS) if first_spoke_on else None
    after_this = (
        open_rows(on).filter(mother=mother, opens_on__gt=on).order_by("due_on").values_list("due_on", flat=True)
    )
    return LogStart(
        last_present=facts["last_present"] if facts["has_last"] else None,
        ask_role=read_back_on is None or (again_on is not None and read_back_on < again_on <= on),
        language=facts["person__language"],
        interpreter_needed=facts["person__interpreter_needed"],
        next_due_on=after_this.first(),
        held=facts["held"],
    )


def open_due_dates(mother: Mother, *, on: date) -> list[date]:
    """Return the due dates of her planned contacts neither made nor closed on ``on``, in order."""
    return list(open_rows(on).filter(mother=mother).order_by("due_on").values_list("due_on", flat=True))


def plan_facts(mother: Mother, *, on: date) -> dict[str, Any]:
    """Return what the forms that change her plan start from: interval, pause in force, due date, whether born."""
    plan = planned_rows().filter(mother=OuterRef("pk"), plan__closed_at__isnull=True, closes_on__gt=on)
    ahead = Pause.objects.filter(
        Q(until_on__isnull=True) | Q(until_on__gt=on),
        plan__mother=OuterRef("pk"),
        plan__closed_at__isnull=True,
        withdrawn_at__isnull=True,
    )
    return (
        Mother.objects.filter(pk=mother.pk)
        .annotate(
            every_days=Subquery(
                plan.annotate(every_days=every_days_column()).order_by("due_on").values("every_days")[:1]
            ),
            stopped=Exists(ahead),
            **pause_columns(on),
        )
        .values(
            "every_days",
            "stopped",
            "pause_kind",
            "pause_until_on",
            "born",
            "bereaved",
            "person__name_to_use",
            "person__pregnancy__edd",
            "midwife__user__name",
            "midwife__user__phone",
            "starts_on",
        )
        .get()
    )
