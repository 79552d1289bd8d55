"""What a midwife reads: her lay-workers, their mothers, who awaits one, and who could take another. Writes nothing."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from mentoring import access
from mentoring.models import (
    Contact,
    Cover,
    LayWorker,
    Mother,
    Pairing,
    ProtocolVersion,
)
from mentoring.queries.statuses import (
    DUE,
    NOT_OFFERED,
    OVERDUE,
    STATUS_FACTS,
    UPCOMING,
    is_held,
    open_rows,
    planned_rows,
    status_columns,
    status_of,
    status_sql,
)
from mentoring.rules.status import HELD, MentoringStatus
from people.models import Locality, PhoneNumber, User

PAGE = 50
STRIP = 6
SILENT_DAYS = 42
FILTERS = ("overdue", "awaiting", "paused", "silent")
OPEN_STATUSES = frozenset({OVERDUE, DUE, UPCOMING})


@dataclass(frozen=True, slots=True)
class Page:
    """Rows ready to draw, and where the next page begins (empty at the end)."""

    rows: list[dict[str, Any]]
    next_after: str


def _open_pairing(field: str) -> Subquery:
    return Subquery(Pairing.objects.filter(mother=OuterRef("pk"), ended_at__isnull=True).values(field)[:1])


def _with_last_days(rows: Iterable[dict[str, Any]], field: str) -> list[dict[str, Any]]:
    """Return rows with ``last_on``, the day before the first one that ``field`` leaves out."""
    return [row | {"last_on": row[field] - timedelta(days=1)} for row in rows]


def _last_statuses(on: date) -> ArraySubquery:
    """Return, newest first, the statuses of the windows that have opened."""
    opened = planned_rows().filter(mother=OuterRef("pk"), plan__closed_at__isnull=True, opens_on__lte=on)
    return ArraySubquery(opened.annotate(status=status_sql(on)).order_by("-due_on").values("status")[:STRIP])


def caseload(
    user: User, *, on: date, search: str = "", only: str = "", lay_worker_id: int | None = None, after: str = ""
) -> Page:
    """Return the mothers that a midwife answers for, fifty at a time by name and code, shaped for the page.

    A row has programme_code, name, lay_worker_name, lay_worker_key, last_contact_on, next_due_on, held and pause_kind,
    pause_until_on, is_overdue, ``status`` (her mentoring status), ``flagged`` (overdue, or any status but active), and
    ``strip``: the statuses of the last windows, oldest first. A held plan shows no open window (domain.md section 4,
    Hold). ``only`` is one of FILTERS; what is neither is everyone.
    """
    mothers = _described(access.mothers_visible_to(user, on=on), on)
    if search:
        mothers = mothers.filter(
            Q(person__name_to_use__icontains=search)
            | Q(person__first_name__icontains=search)
            | Q(person__family_name__icontains=search)
            | Q(programme_code__icontains=search)
        )
    if lay_worker_id is not None:
        mothers = mothers.filter(pairings__lay_worker=lay_worker_id, pairings__ended_at__isnull=True)
    if only == "overdue":
        mothers = mothers.filter(next_status=OVERDUE)
    elif only == "awaiting":
        mothers = _awaiting(mothers)
    elif only == "paused":
        mothers = mothers.filter(pause_kind__isnull=False)
    elif only == "silent":
        since = on - timedelta(days=SILENT_DAYS)
        mothers = mothers.filter(Q(last_contact_on__lt=since) | Q(last_contact_on__isnull=True), offered_from__lt=since)
    name, _sep, code = after.rpartition("|")
    if code:
        mothers = mothers.filter(Q(name__gt=name) | Q(name=name, programme_code__gt=code))
    # First who is on the page, then what there is to say: asked of all at once, whole tables are read for fifty.
    keys = list(mothers.order_by("name", "programme_code").values_list("pk", flat=True)[: PAGE + 1])
    columns = (
        "programme_code", "name", "lay_worker_name", "lay_worker_key", "last_contact_on", "next_due_on", "next_status",
        "pause_until_on", "statuses", *STATUS_FACTS,
    )  # fmt: skip
    described = _described(Mother.objects.filter(pk__in=keys[:PAGE]), on)
    rows = list(described.order_by("name", "programme_code").values(*columns))
    for row in rows:
        row["status"], row["held"] = status_of(row), is_held(row)
        row["is_overdue"] = row.pop("next_status") == OVERDUE
        shown = [status for status in row.pop("statuses") if not (row["held"] and status in OPEN_STATUSES)]
        row["strip"] = shown[::-1]
        row["flagged"] = row["is_overdue"] or row["status"] != MentoringStatus.ACTIVE
    last = rows[-1] if len(keys) > PAGE else None
    return Page(rows, f"{last['name']}|{last['programme_code']}" if last else "")


def _described(mothers: QuerySet[Mother], on: date) -> QuerySet[Mother]:
    """Return ``mothers`` with what the caseload says of each; her next window alone can be overdue."""
    open_to_her = open_rows(on).filter(mother=OuterRef("pk")).annotate(status=status_sql(on)).order_by("due_on")
    offered = open_to_her.exclude(status=NOT_OFFERED)
    completed = Contact.objects.filter(
        mother=OuterRef("pk"), completed=True, voided_at__isnull=True, happened_on__lte=on
    ).order_by("-happened_on")
    return mothers.annotate(
        name=F("person__name_to_use"),
        lay_worker_name=_open_pairing("lay_worker__user__name"),
        lay_worker_key=_open_pairing("lay_worker_id"),
        last_contact_on=Subquery(completed.values("happened_on")[:1]),
        next_due_on=Subquery(offered.values("due_on")[:1]),
        next_status=Subquery(offered.values("status")[:1]),
        statuses=_last_statuses(on),
        **status_columns(on),
    )


def _awaiting(mothers: QuerySet[Mother]) -> QuerySet[Mother]:
    """Return those of ``mothers``, a queryset with ``status_columns``, whose status is *awaiting a lay-worker*."""
    return mothers.filter(Q(pause_kind__isnull=True) | ~Q(pause_kind__in=HELD), paired=False, over=False)


def lay_workers(user: User, *, on: date) -> list[dict[str, Any]]:
    """Return the lay-workers a midwife supervises, with how many mothers each has and whether she takes more."""
    rows = list(
        access.lay_workers_visible_to(user, on=on)
        .annotate(mothers=Count("pairings", filter=Q(pairings__ended_at__isnull=True)))
        .order_by("user__name", "pk")
        .values(
            "pk", "user__name", "user__is_active", "locality", "locality__name", "languages", "weekly_hours", "left_on",
            "mothers",
        )
    )  # fmt: skip
    for row in rows:
        row["takes_mothers"] = row["user__is_active"] and (row["left_on"] is None or row["left_on"] > on)
    return rows


def most_mothers() -> int:
    """Return the most mothers to a lay-worker by the protocol in force; 18 before there is one."""
    latest = ProtocolVersion.objects.order_by("-id").values_list("mothers_per_lay_worker", flat=True).first()
    return latest or 18


def awaiting(user: User, *, now: datetime, on: date, after: str = "") -> Page:
    """Return the mothers without a lay-worker that a midwife sees, longest waiting first, held plans left out.

    Fifty at a time; ``after`` is where the page before ended, anything else is as none.
    """
    ended = Pairing.objects.filter(mother=OuterRef("pk"), ended_at__isnull=False).order_by("-ended_at")
    waiting = (
        _awaiting(access.mothers_visible_to(user, on=on).annotate(**status_columns(on)))
        .annotate(last_ended_at=Subquery(ended.values("ended_at")[:1]))
        .annotate(since=Coalesce("last_ended_at", "registered_at"))
    )
    since, _sep, code = after.rpartition("|")
    with suppress(ValueError):
        instant = datetime.fromisoformat(since)
        if instant.tzinfo is not None:
            waiting = waiting.filter(Q(since__gt=instant) | Q(since=instant, programme_code__gt=code))
    columns = (
        "programme_code", "person__name_to_use", "person__locality__name", "person__language",
        "person__interpreter_needed", "last_ended_at", "since",
    )  # fmt: skip
    found = list(waiting.order_by("since", "programme_code").values(*columns)[: PAGE + 1])
    rows = [row | {"days": (now - row["since"]).days} for row in found[:PAGE]]
    last = rows[-1] if len(found) > PAGE else None
    return Page(rows, f"{last['since'].isoformat()}|{last['programme_code']}" if last else "")


def could_take(user: User, mother: Mother, *, on: date) -> list[dict[str, Any]]:
    """Return the lay-workers a midwife may pair ``mother`` with: her language, then her locality, then fewest mothers.

    Those who have as many as the protocol allows come last, with ``is_full``.
    """
    most = most_mothers()
    language = mother.person.language.casefold()
    rows = [row for row in lay_workers(user, on=on) if row["takes_mothers"]]
    for row in rows:
        row["same_locality"] = row["locality"] == mother.person.locality_id
        row["same_language"] = language in {spoken.casefold() for spoken in row["languages"]}
        row["is_full"] = row["mothers"] >= most
    rows.sort(key=lambda row: (row["is_full"], not row["same_language"], not row["same_locality"], row["mothers"]))
    return rows


def could_cover(user: User, *, on: date, without: Sequence[int]) -> list[dict[str, Any]]:
    """Return the lay-workers who may cover, all but those whose keys are given."""
    return [row for row in lay_workers(user, on=on) if row["takes_mothers"] and row["pk"] not in without]


def pairings_of(mother: Mother) -> list[dict[str, Any]]:
    """Return the history of a mother's pairings, newest first."""
    rows = list(
        mother.pairings.order_by("-starts_on", "-pk").values(
            "pk", "lay_worker__user__name", "starts_on", "ends_on", "end_reason"
        )
    )
    for row in rows:
        row["why"] = str(Pairing.EndReason(row["end_reason"]).label) if row["end_reason"] else ""
    return rows


def covers_of(mother: Mother, *, on: date) -> list[dict[str, Any]]:
    """Return the covers of a mother that are not over."""
    rows = Cover.objects.filter(mother=mother, cancelled_at__isnull=True, ends_on__gt=on).order_by("starts_on")
    return _with_last_days(rows.values("pk", "lay_worker__user__name", "starts_on", "ends_on"), "ends_on")


def mothers_of(user: User, lay_worker: LayWorker, *, on: date) -> list[Mother]:
    """Return the mothers paired with a lay-worker now, of those that ``user`` sees."""
    return list(
        access.mothers_visible_to(user, on=on)
        .filter(pairings__lay_worker=lay_worker, pairings__ended_at__isnull=True)
        .select_related("person")
        .order_by("person__name_to_use", "pk")
    )


def mothers_with(lay_worker: LayWorker) -> int:
    """Return how many mothers a lay-worker is paired with now."""
    return lay_worker.pairings.filter(ended_at__isnull=True).count()


def lay_worker_ids_of(mother: Mother) -> list[int]:
    """Return the key of the lay-worker paired with a mother now, if any."""
    return list(mother.pairings.filter(ended_at__isnull=True).values_list("lay_worker_id", flat=True))


def windows_in(mothers: Sequence[Mother], *, starts_on: date, ends_on: date) -> list[dict[str, Any]]:
    """Return the planned contacts of these mothers that are open and whose window meets ``[starts_on, ends_on)``."""
    rows = (
        open_rows(starts_on)
        .filter(mother__in=mothers, opens_on__lt=ends_on)
        .order_by("due_on", "mother__person__name_to_use", "pk")
    )
    return _with_last_days(rows.values("mother__person__name_to_use", "due_on", "opens_on", "closes_on"), "closes_on")


def covers_in(mothers: Sequence[Mother], *, starts_on: date, ends_on: date) -> list[dict[str, Any]]:
    """Return the covers of these mothers that stand and share a day with ``[starts_on, ends_on)``."""
    rows = Cover.objects.filter(
        mother__in=mothers, cancelled_at__isnull=True, starts_on__lt=ends_on, ends_on__gt=starts_on
    ).order_by("starts_on", "pk")
    columns = ("mother__person__name_to_use", "lay_worker__user__name", "starts_on", "ends_on")
    return _with_last_days(rows.values(*columns), "ends_on")


def numbers_of(mother: Mother) -> list[str]:
    """Return the telephone numbers of a mother in use, the one to try first in front."""
    rows = PhoneNumber.objects.filter(person=mother.person_id, retired_at__isnull=True)
    return list(rows.order_by("position", "id").values_list("number", flat=True))


def covered_by(lay_worker: LayWorker, user: User, *, on: date) -> list[dict[str, Any]]:
    """Return the covers a lay-worker has from today on, of mothers that ``user`` sees."""
    rows = (
        access.covers_visible_to(user, on=on)
        .filter(lay_worker=lay_worker, cancelled_at__isnull=True, ends_on__gt=on)
        .order_by("starts_on", "pk")
    )
    columns = ("mother__programme_code", "mother__person__name_to_use", "starts_on", "ends_on")
    return _with_last_days(rows.values(*columns), "ends_on")


def protocol_versions() -> QuerySet[ProtocolVersion]:
    """Return every version of the protocol's settings, newest first."""
    return ProtocolVersion.objects.select_related("made_by").order_by("-id")


def look_alikes(user: User, *, on: date, family_name: str, date_of_birth: date | None, client_id: UUID) -> list[str]:
    """Return codes of mothers that this midwife may see with the same family name and day of birth; nobody else's.

    The one whom the same form registered (``client_id``) is no look-alike: a double click counts once.
    """
    if date_of_birth is None:
        return []
    return list(
        access.mothers_visible_to(user, on=on)
        .filter(person__family_name__iexact=family_name, person__date_of_birth=date_of_birth)
        .exclude(client_id=client_id)
        .values_list("programme_code", flat=True)[:3]
    )


def localities() -> list[tuple[int, str]]:
    """Return the localities in use as (key, name)."""
    return list(Locality.objects.filter(is_active=True).order_by("name").values_list("pk", "name"))
