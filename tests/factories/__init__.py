"""Invented people for tests, made by the services that make real ones, so that every row is a real one."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import uuid4

from mentoring.models import Contact, LayWorker, Midwife, Mother
from mentoring.services import contacts, mothers, pairings, staff
from mentoring.services.mothers import Number, Registration, Sheet
from people.models import Locality, RoleGrant, User
from people.rules.local_time import local_date
from people.rules.roles import Role

# As in tests.conftest: two days before the clocks go back.
NOW = datetime(2026, 10, 23, 10, 30, tzinfo=UTC)
PASSWORD = "an invented password"
_numbers = count(1)


def make_user(*roles: Role | str, now: datetime = NOW, **fields: Any) -> User:
    """Return a user who may sign in with ``PASSWORD`` and holds ``roles``, seconded where that is needed."""
    number = next(_numbers)
    password = fields.pop("password", None)
    values = {"email": f"person{number}@example.org", "name": f"Person {number}", "joined_at": now} | fields
    user = User.objects.create_user(password=password, **values)
    for role in roles:
        RoleGrant.objects.create(user=user, role=str(Role(role)), granted_at=now)
    return user


def make_locality(name: str = "Riverside") -> Locality:
    """Return the locality of that name."""
    return Locality.objects.get_or_create(name=name)[0]


def make_midwife(*, now: datetime = NOW, **fields: Any) -> Midwife:
    """Return a midwife with her right and profile; ``fields`` are the user's."""
    return staff.make_midwife(user=make_user(Role.MIDWIFE, now=now, **fields), by=None, now=now)


def make_lay_worker(
    *, supervisor: Midwife | None = None, locality: Locality | None = None, now: datetime = NOW, **fields: Any
) -> LayWorker:
    """Return a lay-worker with her right and profile, supervised by a new midwife unless one is given."""
    return staff.make_lay_worker(
        user=make_user(Role.LAY_WORKER, now=now, **fields),
        supervisor=supervisor or make_midwife(now=now),
        locality=locality or make_locality(),
        languages=["English"],
        weekly_hours=Decimal(8),
        by=None,
        now=now,
    )


def safe_sheet(**fields: Any) -> Sheet:
    """Return a sheet asked lately, alone, with no hour ruled out."""
    values: dict[str, Any] = {
        "asked_on": local_date(NOW) - timedelta(days=7),
        "was_alone": True,
        "if_someone_else_answers": "Say you are a friend from the group",
        "what_to_do": "Ring twice, then wait.",
    }
    return Sheet(**(values | fields))


def make_mother(
    *,
    paired_with: LayWorker | None = None,
    paired_on: date | None = None,
    starts_on: date | None = None,
    edd: date | None = None,
    by: User | None = None,
    now: datetime = NOW,
    **fields: Any,
) -> Mother:
    """Return a mother registered at ``now``, paired where a lay-worker is given, from ``paired_on`` or her first visit.

    Her first visit is today unless ``starts_on`` says otherwise, her due date 196 days after it. ``fields`` are those
    of Registration, ``sheet=None`` for one who was never asked.
    """
    number = next(_numbers)
    starts_on = starts_on or local_date(now)
    values: dict[str, Any] = {
        "first_name": f"Ada{number}",
        "family_name": f"Invented{number}",
        "name_to_use": f"Ada{number}",
        "date_of_birth": date(2003, 5, 4),
        "locality_id": make_locality().pk,
        "numbers": (Number(f"07700 9{number % 100000:05d}", safe_to_call=True),),
        "sheet": safe_sheet(),
    }
    registration = Registration(starts_on=starts_on, edd=edd or starts_on + timedelta(days=196), **(values | fields))
    mother = mothers.register(registration=registration, by=by, now=now)
    if paired_with is not None:
        pairings.pair(mother=mother, lay_worker=paired_with, by=by, now=now, starts_on=paired_on or starts_on)
        mother.refresh_from_db()
    return mother


def make_contact(
    *, mother: Mother, lay_worker: LayWorker, happened_at: datetime, now: datetime | None = None, **fields: Any
) -> Contact:
    """Return a log entry, entered at ``now`` or as it happened: reached by phone for 20 minutes unless said."""
    values: dict[str, Any] = {"client_id": uuid4(), "mode": "phone", "outcome": "reached"} | fields
    if values["outcome"] == "reached":
        values = {"minutes": 20, "present": (), "concern": "none"} | values
    entry = contacts.Entry(happened_at=happened_at, **values)
    recorded = contacts.record(
        mother=mother, lay_worker=lay_worker, entry=entry, by=lay_worker.user, now=now or happened_at
    )
    return recorded.contact
