"""What a midwife reads: her lay-workers, their mothers, who awaits one, and who could take another. Writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery

from mentoring import access
from mentoring.models import Contact, Cover, LayWorker, Mother, Pairing, Pause, PlannedContact, ProtocolVersion
from mentoring.queries.statuses import held_plans
from people.models import Locality, User

PAGE = 50
FILTERS = ("overdue", "awaiting", "paused", "silent")


@dataclass(frozen=True, slots=True)
class Page:
    """Rows ready to draw, and where the next page begins (empty at the end)."""

    rows: list[dict[str, Any]]
    next_after: str


def _open_pairing(field: str) -> Subquery:
    return Subquery(Pairing.objects.filter(mother=OuterRef("pk"), ended_at__isnull=True).values(field)[:1])


def _open_rows() -> QuerySet[PlannedContact]:
    return (
        PlannedContact.objects.filter(mother=OuterRef("pk"), withdrawn_at__isnull=True, made_on__isnull=True)
        .exclude(plan__in=held_plans().values("plan"))
        .order_by("due_on")
    )


def caseload(user: User, *, on: date, search: str = "", only: str = "", after: str = "") -> Page:
    """Return the mothers that a midwife answers for, fifty at a time by name and code, shaped for the page."""
    open_rows = _open_rows().filter(closes_on__gt=on)
    pause = Pause.objects.filter(plan__mother=OuterRef("pk"), withdrawn_at__isnull=True, from_on__lte=on).filter(
        Q(until_on__isnull=True) | Q(until_on__gt=on)
    )
    mothers = access.mothers_visible_to(user, on=on).annotate(
        name=F("person__name_to_use"),
        lay_worker_name=_open_pairing("lay_worker__user__name"),
        lay_worker_key=_open_pairing("lay_worker_id"),
        last_contact_on=Subquery(
            Contact.objects.filter(mother=OuterRef("pk"), completed=True, voided_at__isnull=True)
            .order_by("-happened_on")
            .values("happened_on")[:1]
        ),
        next_due_on=Subquery(open_rows.values("due_on")[:1]),
        pause_kind=Subquery(pause.values("kind")[:1]),
        is_overdue=Exists(open_rows.filter(due_on__lt=on, lay_worker__isnull=False)),
    )
    if search:
        mothers = mothers.filter(Q(person__name_to_use__icontains=search) | Q(programme_code__icontains=search))
    if only == "overdue":
        mothers = mothers.filter(is_overdue=True)
    elif only == "awaiting":
        mothers = mothers.filter(lay_worker_key__isnull=True)
    elif only == "paused":
        mothers = mothers.filter(pause_kind__isnull=False)
    elif only == "silent":
        mothers = mothers.filter(
            Q(last_contact_on__lt=on - timedelta(days=42)) | Q(last_contact_on__isnull=True), offered_from__isnull=False
        )
    name, _sep, code = after.rpartition("|")
    if code:
        mothers = mothers.filter(Q(name__gt=name) | Q(name=name, programme_code__gt=code))
    columns = (
        "programme_code", "name", "lay_worker_name", "lay_worker_key", "last_contact_on", "next_due_on", "pause_kind",
        "is_overdue", "offered_from",
    )  # fmt: skip
    found = list(mothers.order_by("name", "programme_code").values(*columns)[: PAGE + 1])
    rows = found[:PAGE]
    last = rows[-1] if len(found) > PAGE else None
    return Page(rows, f"{last['name']}|{last['programme_code']}" if last else "")


def lay_workers(user: User, *, on: date) -> list[dict[str, Any]]:
    """Return the lay-workers a midwife supervises, with how many mothers each has."""
    return list(
        access.lay_workers_visible_to(user, on=on)
        .annotate(mothers=Count("pairings", filter=Q(pairings__ended_at__isnull=True)))
        .order_by("user__name", "pk")
        .values("pk", "user__name", "locality__name", "languages", "weekly_hours", "left_on", "mothers")
    )


def most_mothers() -> int:
    """Return the most mothers to a lay-worker by the protocol in force; 18 before there is one."""
    latest = ProtocolVersion.objects.order_by("-id").values_list("mothers_per_lay_worker", flat=True).first()
    return latest or 18


def awaiting(user: User, *, now: datetime, on: date) -> list[dict[str, Any]]:
    """Return the mothers without a lay-worker that a midwife sees, longest waiting first, held plans left out."""
    ended = Pairing.objects.filter(mother=OuterRef("pk"), ended_at__isnull=False).order_by("-ended_at")
    rows = (
        access.mothers_visible_to(user, on=on)
        .exclude(Exists(Pairing.objects.filter(mother=OuterRef("pk"), ended_at__isnull=True)))
        .exclude(plans__in=held_plans().values("plan"))
        .annotate(last_ended_at=Subquery(ended.values("ended_at")[:1]))
        .values(
            "programme_code", "person__name_to_use", "person__locality__name", "person__language", "registered_at",
            "last_ended_at",
        )
    )  # fmt: skip
    shaped = [row | {"since": row["last_ended_at"] or row["registered_at"]} for row in rows]
    for row in shaped:
        row["days"] = (now - row["since"]).days
    return sorted(shaped, key=lambda row: row["since"])


def could_take(user: User, mother: Mother, *, on: date) -> list[dict[str, Any]]:
    """Return the lay-workers a midwife may pair ``mother`` with: same locality and language first, fewest mothers next."""
    rows = [row for row in lay_workers(user, on=on) if row["left_on"] is None or row["left_on"] > on]
    locality = mother.person.locality.name
    for row in rows:
        row["same_locality"] = row["locality__name"] == locality
        row["same_language"] = mother.person.language in row["languages"]
    return sorted(rows, key=lambda row: (not row["same_language"], not row["same_locality"], row["mothers"]))


def pairings_of(mother: Mother) -> list[dict[str, Any]]:
    """Return the history of a mother's pairings, newest first."""
    return list(
        mother.pairings.order_by("-starts_on", "-pk").values(
            "pk", "lay_worker__user__name", "starts_on", "ends_on", "end_reason"
        )
    )


def covers_of(mother: Mother, *, on: date) -> list[dict[str, Any]]:
    """Return the covers of a mother that are not over."""
    return list(
        Cover.objects.filter(mother=mother, cancelled_at__isnull=True, ends_on__gt=on)
        .order_by("starts_on")
        .values("pk", "lay_worker__user__name", "starts_on", "ends_on")
    )


def mothers_of(lay_worker: LayWorker) -> list[Mother]:
    """Return the mothers paired with a lay-worker now."""
    return list(
        Mother.objects.filter(pairings__lay_worker=lay_worker, pairings__ended_at__isnull=True)
        .select_related("person")
        .order_by("person__name_to_use", "pk")
    )


def windows_in(mothers: Sequence[Mother], *, starts_on: date, ends_on: date) -> int:
    """Return how many planned contacts of these mothers fall due in ``[starts_on, ends_on)``."""
    return (
        PlannedContact.objects.filter(
            mother__in=mothers,
            withdrawn_at__isnull=True,
            made_on__isnull=True,
            due_on__gte=starts_on,
            due_on__lt=ends_on,
        )
        .exclude(plan__in=held_plans().values("plan"))
        .count()
    )


def protocol_versions() -> QuerySet[ProtocolVersion]:
    """Return every version of the protocol's settings, newest first."""
    return ProtocolVersion.objects.select_related("made_by").order_by("-id")


def look_alikes(user: User, *, on: date, family_name: str, date_of_birth: date | None) -> list[str]:
    """Return codes of mothers that this midwife may see with the same family name and day of birth; nobody else's."""
    if date_of_birth is None:
        return []
    return list(
        access.mothers_visible_to(user, on=on)
        .filter(person__family_name__iexact=family_name, person__date_of_birth=date_of_birth)
        .values_list("programme_code", flat=True)[:3]
    )


def localities() -> list[tuple[int, str]]:
    """Return the localities in use as (key, name)."""
    return list(Locality.objects.filter(is_active=True).order_by("name").values_list("pk", "name"))
