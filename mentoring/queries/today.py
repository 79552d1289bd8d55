"""What a lay-worker's Today shows: who is overdue, due, to be reached first, coming up, and the times agreed.

The same few queries at one mother and at five hundred. Never writes.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Max, OuterRef, Q, QuerySet, Subquery

from mentoring.access import mothers_still_loggable_by, mothers_visible_to, with_lay_worker
from mentoring.models import Appointment, Cadence, Contact, Cover, Mother, Pairing
from mentoring.queries.safe_contact import SHEET, advice_of, numbers_and_hours
from mentoring.queries.statuses import (
    DUE,
    NOT_OFFERED,
    OVERDUE,
    UPCOMING,
    is_held,
    open_rows,
    pause_columns,
    status_sql,
)
from mentoring.rules.contacts import TWO_WAY_OUTCOMES
from people.models import User
from people.rules.local_time import end_of, local_date, local_instant
from people.rules.safe_contact import CallAdvice

COMING_UP_DAYS = 14
BIRTH_EXPECTED_BY_DAYS = 7


@dataclass(frozen=True, slots=True)
class Agreed:
    """A time agreed with a mother."""

    code: str
    name: str
    starts_at: datetime
    mode: str
    place: str


@dataclass(frozen=True, slots=True)
class Card:
    """One mother, as her card on Today needs her. Without an open planned contact ``status`` is empty."""

    person_id: int
    code: str
    name: str
    advice: CallAdvice
    what_to_do: str
    speak_to_midwife: bool
    status: str = ""
    due_on: date | None = None
    last_open_on: date | None = None
    every_days: int | None = None
    last_spoke_on: date | None = None
    tries: int = 0
    last_try_on: date | None = None
    paired_on: date | None = None
    pause_kind: str = ""
    pause_until_on: date | None = None
    covered_by: str = ""
    covered_until_on: date | None = None
    agreed: Agreed | None = None


@dataclass(slots=True)
class Today:
    """The day's cards, each mother once, in the order in which her contact is due."""

    on: date
    agreed_today: list[Agreed] = field(default_factory=list)
    overdue: list[Card] = field(default_factory=list)
    due: list[Card] = field(default_factory=list)
    first: list[Card] = field(default_factory=list)
    coming_up: list[Card] = field(default_factory=list)
    agreed_later: list[Agreed] = field(default_factory=list)
    others: list[Card] = field(default_factory=list)
    late_to_log: int = 0

    @property
    def cards(self) -> list[Card]:
        """All of her mothers' cards."""
        return [*self.overdue, *self.due, *self.first, *self.coming_up, *self.others]

    @property
    def has_mothers(self) -> bool:
        """Whether anyone is paired with her or covered by her."""
        return bool(self.cards)

    @property
    def shared_names(self) -> set[str]:
        """The names to use that more than one of her mothers has."""
        names = Counter(card.name for card in self.cards)
        return {name for name, count in names.items() if count > 1}

    @property
    def asks_for_a_word(self) -> bool:
        """Whether she is to speak to her midwife about one of them first: no day to be wished a good one."""
        return any(card.speak_to_midwife for card in self.cards)

    @property
    def is_clear(self) -> bool:
        """Whether nothing waits for her today."""
        return not (self.agreed_today or self.overdue or self.due or self.first)


def today_of(user: User, *, now: datetime) -> Today:
    """Return the day of the lay-worker ``user`` at ``now``: her mothers, and those she covers today.

    A held plan gives no open row from its commit on (domain.md section 4, Hold).
    """
    on = local_date(now)
    mothers = list(_mothers(user, on))
    ids = [mother["pk"] for mother in mothers]
    rows = {row["mother_id"]: row for row in _next_open_rows(mothers, on)}
    talks = {row["mother_id"]: row for row in _talks(ids)}
    agreed = _agreed([mother["pk"] for mother in mothers if not is_held(mother)], on)
    today = Today(on=on, late_to_log=mothers_still_loggable_by(user, now=now).count())
    for mother in mothers:
        card = _card(mother, rows.get(mother["pk"]), talks.get(mother["pk"]), agreed.get(mother["pk"], []), on, now)
        _list_for(today, card).append(card)
    for cards in (today.overdue, today.due, today.first, today.coming_up):
        cards.sort(key=lambda card: (card.due_on or on, card.name, card.code))
    times = sorted((time for times in agreed.values() for time in times), key=lambda time: time.starts_at)
    tomorrow = end_of(on)
    today.agreed_today = [time for time in times if time.starts_at < tomorrow]
    today.agreed_later = [time for time in times if time.starts_at >= tomorrow]
    return today


def _list_for(today: Today, card: Card) -> list[Card]:
    if card.status not in {OVERDUE, DUE, UPCOMING} or card.due_on is None:
        return today.others
    if card.status == UPCOMING and card.due_on > today.on + timedelta(days=COMING_UP_DAYS):
        return today.others
    if card.last_spoke_on is None:
        return today.first
    return {OVERDUE: today.overdue, DUE: today.due, UPCOMING: today.coming_up}[card.status]


def _card(
    mother: dict[str, Any],
    row: dict[str, Any] | None,
    talk: dict[str, Any] | None,
    agreed: list[Agreed],
    on: date,
    now: datetime,
) -> Card:
    return Card(
        person_id=mother["person_id"],
        code=mother["programme_code"],
        name=mother["person__name_to_use"],
        advice=advice_of(mother, now=now),
        what_to_do=mother["person__safe_contact__what_to_do"] or "",
        speak_to_midwife=speaks_to_midwife_first(mother, on=on),
        status=row["status"] if row else "",
        due_on=row["due_on"] if row else None,
        last_open_on=row["closes_on"] - timedelta(days=1) if row else None,
        every_days=row["every_days"] if row else None,
        last_spoke_on=talk["last_spoke_on"] if talk else None,
        tries=talk["tries"] if talk else 0,
        last_try_on=talk["last_try_on"] if talk else None,
        paired_on=mother["paired_on"],
        pause_kind=mother["pause_kind"] or "",
        pause_until_on=mother["pause_until_on"],
        covered_by=mother["covered_by"] or "",
        covered_until_on=mother["covered_until_on"],
        agreed=agreed[0] if agreed else None,
    )


def speaks_to_midwife_first(mother: Mapping[str, Any], *, on: date) -> bool:
    """Return whether her midwife is asked before she is rung: a hold, or no birth recorded a week after the due date.

    Once contact goes on after a loss the due date has no part in it.
    """
    if is_held(mother) or mother["bereaved"]:
        return is_held(mother)
    edd = mother["person__pregnancy__edd"]
    return not mother["born"] and edd is not None and on >= edd + timedelta(days=BIRTH_EXPECTED_BY_DAYS)


def every_days_column() -> Subquery:
    """Return an annotation of planned contacts: the interval of the cadence that each belongs to."""
    cadences = Cadence.objects.filter(
        plan=OuterRef("plan_id"), withdrawn_at__isnull=True, first_due_on__lte=OuterRef("due_on")
    )
    return Subquery(cadences.order_by("-first_due_on").values("every_days")[:1])


def _mothers(user: User, on: date) -> QuerySet[Mother, dict[str, Any]]:
    pairings = Pairing.objects.filter(mother=OuterRef("pk"), lay_worker__user=user, ended_at__isnull=True)
    covers = Cover.objects.filter(mother=OuterRef("pk"), starts_on__lte=on, ends_on__gt=on, cancelled_at__isnull=True)
    others = covers.exclude(lay_worker__user=user)
    return (
        mothers_visible_to(user, on=on)
        # A midwife who is a lay-worker too finds the mothers she supervises on her caseload, not here.
        .filter(with_lay_worker(user, on=on))
        .annotate(
            paired_on=Subquery(pairings.values("starts_on")[:1]),
            lay_worker_id=Subquery(pairings.values("lay_worker_id")[:1]),
            covered_by=Subquery(others.values("lay_worker__user__name")[:1]),
            covered_until_on=Subquery(others.values("ends_on")[:1]),
            **numbers_and_hours(),
            **pause_columns(on),
        )
        .order_by("person__name_to_use", "pk")
        .values(
            "pk",
            "programme_code",
            "person_id",
            "person__name_to_use",
            "person__pregnancy__edd",
            "paired_on",
            "lay_worker_id",
            "covered_by",
            "covered_until_on",
            "numbers",
            "hours",
            "pause_kind",
            "pause_until_on",
            "born",
            "bereaved",
            *SHEET,
        )
    )


def _next_open_rows(mothers: list[dict[str, Any]], on: date) -> QuerySet[Any, dict[str, Any]]:
    """Return each mother's next open window: by the lay-worker's key for her own, by the mother for those she covers."""
    hers = {mother["lay_worker_id"] for mother in mothers} - {None}
    covered = [mother["pk"] for mother in mothers if mother["lay_worker_id"] is None]
    return (
        open_rows(on)
        .filter(Q(lay_worker__in=hers) | Q(mother__in=covered))
        .annotate(status=status_sql(on), every_days=every_days_column())
        .exclude(status=NOT_OFFERED)
        .order_by("mother_id", "due_on")
        .distinct("mother_id")
        .values("mother_id", "due_on", "closes_on", "status", "every_days")
    )


def _talks(mother_ids: list[int]) -> QuerySet[Contact, dict[str, Any]]:
    return (
        Contact.objects.filter(mother__in=mother_ids, voided_at__isnull=True)
        .values("mother_id")
        .annotate(
            last_spoke_on=Max("happened_on", filter=Q(outcome__in=TWO_WAY_OUTCOMES)),
            last_try_on=Max("happened_on"),
            tries=Count("pk"),
        )
    )


def _agreed(mother_ids: list[int], on: date) -> dict[int, list[Agreed]]:
    times: dict[int, list[Agreed]] = {}
    rows = (
        Appointment.objects.filter(
            mother__in=mother_ids,
            withdrawn_at__isnull=True,
            starts_at__gte=local_instant(on, datetime.min.time()),
            starts_at__lt=end_of(on + timedelta(days=COMING_UP_DAYS)),
        )
        .order_by("starts_at")
        .values_list("mother_id", "mother__programme_code", "mother__person__name_to_use", "starts_at", "mode", "place")
    )
    for mother_id, *agreed in rows:
        times.setdefault(mother_id, []).append(Agreed(*agreed))
    return times
