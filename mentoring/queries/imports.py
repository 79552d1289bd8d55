"""What an import is compared with, and the jobs of the import page. Writes nothing."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Prefetch, Q, QuerySet

from mentoring.models import Contact, ContactPlan, Cover, ImportedMother, ImportJob, LayWorker, Mother, Pairing
from mentoring.rules import changes
from people.models import Locality, Person, PhoneNumber, User


@dataclass(frozen=True, slots=True)
class LayWorkerRef:
    """A lay-worker as a file names her."""

    pk: int
    user_id: int
    supervisor_id: int
    takes_mothers: bool


@dataclass(frozen=True, slots=True)
class Known:
    """A mother who is here already: the values as a file would have them, and the digests of what an import last wrote."""

    mother: Mother
    values: dict[str, str]
    digests: dict[str, str]


def lay_workers_by_email(now_on: object) -> dict[str, LayWorkerRef]:
    """Return every lay-worker by her e-mail address in lower case; ``takes_mothers`` on local date ``now_on``."""
    rows = LayWorker.objects.values_list("pk", "user_id", "user__email", "supervisor_id", "left_on", "user__is_active")
    return {
        email: LayWorkerRef(pk, user_id, supervisor_id, active and (left_on is None or left_on > now_on))
        for pk, user_id, email, supervisor_id, left_on, active in rows
    }


def caseload_sizes() -> dict[int, int]:
    """Return how many mothers each lay-worker has now."""
    rows = Pairing.objects.filter(ended_at__isnull=True).values_list("lay_worker").annotate(Count("pk"))
    return dict(rows.order_by())


def localities_by_name() -> dict[str, tuple[int, bool]]:
    """Return key and whether in use of each locality, by its name without regard to case."""
    return {
        name.casefold(): (pk, active) for pk, name, active in Locality.objects.values_list("pk", "name", "is_active")
    }


def codes_by_number(numbers: Collection[str]) -> dict[str, set[str]]:
    """Return, by telephone number in use, the programme codes of the mothers who have it. Looks at mothers alone."""
    found: dict[str, set[str]] = {}
    for number, code in PhoneNumber.objects.filter(
        number__in=numbers, retired_at__isnull=True, person__mother__isnull=False
    ).values_list("number", "person__mother__programme_code"):
        found.setdefault(number, set()).add(code)
    return found


def known_mothers(codes: Collection[str], *, lock: bool) -> dict[str, Known]:
    """Return those of ``codes`` that are here, in a constant number of queries; with ``lock`` their persons stay locked."""
    rows = (
        Mother.objects.filter(programme_code__in=codes)
        .select_related("person__pregnancy", "imported")
        .prefetch_related(
            "person__locality",
            Prefetch("person__phone_numbers", PhoneNumber.objects.filter(retired_at__isnull=True), "numbers_in_use"),
            Prefetch("plans", ContactPlan.objects.filter(kind="programme", closed_at__isnull=True), "open_plans"),
            Prefetch(
                "pairings",
                Pairing.objects.filter(ended_at__isnull=True).select_related("lay_worker__user"),
                "open_pairings",
            ),
        )
    )
    if lock:
        list(
            Person.objects.select_for_update(no_key=True)
            .filter(mother__programme_code__in=codes)
            .order_by("pk")
            .values_list("pk")
        )
    return {mother.programme_code: Known(mother, _values(mother), _digests(mother)) for mother in rows}


def _digests(mother: Mother) -> dict[str, str]:
    try:
        return dict(mother.imported.digests)
    except ImportedMother.DoesNotExist:
        return {}


def _values(mother: Mother) -> dict[str, str]:
    person = mother.person
    number = next(iter(person.numbers_in_use), None)  # type: ignore[attr-defined]  # prefetched above
    plan = next(iter(mother.open_plans), None)  # type: ignore[attr-defined]  # prefetched above
    pairing = next(iter(mother.open_pairings), None)  # type: ignore[attr-defined]  # prefetched above
    values = {
        "first_name": person.first_name,
        "family_name": person.family_name,
        "name_to_use": person.name_to_use,
        "date_of_birth": person.date_of_birth.isoformat() if person.date_of_birth else "",
        "address": person.address,
        "locality": person.locality.name.casefold(),
        "language": person.language,
        "edd": person.pregnancy.edd.isoformat(),
        "starts_on": mother.starts_on.isoformat(),
        "phone": number.number if number else "",
        "lay_worker_email": pairing.lay_worker.user.email if pairing else "",
        "paired_on": pairing.starts_on.isoformat() if pairing else "",
        "born_on": plan.born_on.isoformat() if plan and plan.born_on else "",
        "every_days": str(changes.from_json(plan.state).every_days_in_force) if plan else "",
    }
    for name in ("safe_to_call", "safe_to_text", "safe_voicemail"):
        values[name] = "yes" if number and getattr(number, name) else "no"
    return values


def mothers_by_code(codes: Collection[str]) -> dict[str, Mother]:
    """Return the mothers of ``codes`` by code."""
    return {mother.programme_code: mother for mother in Mother.objects.filter(programme_code__in=codes)}


def times_together(mother_ids: Collection[int]) -> tuple[list[Pairing], list[Cover]]:
    """Return every pairing and cover of these mothers, past ones too."""
    return list(Pairing.objects.filter(mother__in=mother_ids)), list(Cover.objects.filter(mother__in=mother_ids))


def entries_like(mother_ids: Collection[int], instants: Collection[datetime], *, lock: bool) -> list[Contact]:
    """Return entries about these mothers at these instants; with ``lock`` they stay as they are meanwhile."""
    entries = Contact.objects.filter(mother__in=mother_ids, happened_at__in=instants).order_by("pk")
    return list(entries.select_for_update(no_key=True, of=("self",)) if lock else entries)


def import_jobs(user: User) -> QuerySet[ImportJob]:
    """Return the newest twenty imports that ``user`` asked for."""
    return ImportJob.objects.filter(uploaded_by=user).order_by("-id")[:20]


def import_job(user: User, reference: UUID) -> ImportJob | None:
    """Return the import of ``user`` with this reference, or none: another's is not there."""
    return ImportJob.objects.filter(uploaded_by=user, reference=reference).first()


def jobs_to_run() -> QuerySet[ImportJob]:
    """Return imports that wait, or that were begun by a worker who may have died, oldest first."""
    return ImportJob.objects.filter(Q(status="waiting") | Q(status="running")).order_by("id")
