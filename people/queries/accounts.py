"""Accounts, localities and the access log as administrators and the data-protection officer read them."""

from datetime import datetime

from django.db.models import Q, QuerySet

from people.models import AccessLog, Locality, RoleGrant, User

PAGE = 50


def users_page(*, search: str, after: str) -> tuple[list[User], str]:
    """Return a page of users by e-mail, with their open grants, and the e-mail to go on after (empty at the end)."""
    rows = User.objects.order_by("email").prefetch_related("role_grants")
    if search:
        rows = rows.filter(Q(email__icontains=search) | Q(name__icontains=search))
    if after:
        rows = rows.filter(email__gt=after)
    page = list(rows[: PAGE + 1])
    return page[:PAGE], page[PAGE - 1].email if len(page) > PAGE else ""


def user_with(pk: int) -> User | None:
    """Return the user with this key, or none."""
    return User.objects.filter(pk=pk).first()


def grants_of(user: User) -> QuerySet[RoleGrant]:
    """Return every grant of ``user``, newest first, with who made it."""
    return user.role_grants.select_related("granted_by", "seconded_by", "ended_by").order_by("-granted_at", "-id")


def grant_of(user: User, pk: int) -> RoleGrant | None:
    """Return one grant of ``user``, or none."""
    return user.role_grants.filter(pk=pk).first()


def localities() -> QuerySet[Locality]:
    """Return every locality by name."""
    return Locality.objects.order_by("name")


def locality_with(pk: int) -> Locality | None:
    """Return the locality with this key, or none."""
    return Locality.objects.filter(pk=pk).first()


def log_page(*, kind: str, before: tuple[datetime, int] | None) -> tuple[list[AccessLog], AccessLog | None]:
    """Return a page of the access log, newest first, and the line to go on before (none at the end)."""
    rows = AccessLog.objects.select_related("by", "about_user").order_by("-at", "-id")
    if kind in AccessLog.Kind.values:
        rows = rows.filter(kind=kind)
    if before is not None:
        rows = rows.filter(Q(at__lt=before[0]) | Q(at=before[0], id__lt=before[1]))
    page = list(rows[: PAGE + 1])
    return page[:PAGE], page[PAGE - 1] if len(page) > PAGE else None


def log_kinds() -> list[tuple[str, str]]:
    """Return the kinds of line as (code, words)."""
    return [(str(code), str(label)) for code, label in AccessLog.Kind.choices]


def user_by_email(email: str) -> User | None:
    """Return the active user with this e-mail address, or none."""
    return User.objects.filter(email=email.strip().lower(), is_active=True).first()
