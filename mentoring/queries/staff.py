"""Profiles of lay-workers and midwives, and who could have one, as an administrator reads them. Nothing of a mother."""

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from mentoring.models import LayWorker, Midwife
from people.access import grants_in_force
from people.models import Locality, RoleGrant, User
from people.rules.roles import Role


def lay_workers() -> list[dict[str, Any]]:
    """Return every lay-worker by name, with her supervisor, locality, languages and hours."""
    rows = LayWorker.objects.order_by("user__name", "pk")
    return list(
        rows.values(
            "pk", "user__name", "user__is_active", "supervisor__user__name", "locality__name", "languages",
            "weekly_hours", "left_on",
        )
    )  # fmt: skip


def midwives() -> list[dict[str, Any]]:
    """Return every midwife by name."""
    return list(Midwife.objects.order_by("user__name", "pk").values("pk", "user__name", "user__is_active"))


def lay_worker_with(pk: int) -> LayWorker | None:
    """Return the lay-worker with this key, or none."""
    return LayWorker.objects.select_related("user").filter(pk=pk).first()


def users_without_profile(role: Role) -> QuerySet[User]:
    """Return active users who hold ``role`` now and have no profile for it yet."""
    holds = RoleGrant.objects.filter(grants_in_force(), user=OuterRef("pk"), role=role.value)
    none_yet = {Role.LAY_WORKER: Q(lay_worker__isnull=True), Role.MIDWIFE: Q(midwife__isnull=True)}[role]
    return User.objects.filter(Exists(holds), none_yet, is_active=True).order_by("name", "pk")


def active_midwives() -> QuerySet[Midwife]:
    """Return midwives who can sign in, by name."""
    return Midwife.objects.filter(user__is_active=True).select_related("user").order_by("user__name", "pk")


def active_localities() -> QuerySet[Locality]:
    """Return localities in use, by name."""
    return Locality.objects.filter(is_active=True).order_by("name")
