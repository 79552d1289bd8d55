"""Accounts, localities and the access log as administrators and the data-protection officer read them."""

from datetime import datetime

from django.db.models import Q, QuerySet, Subquery

from people.models import AccessLog, Locality, RoleGrant, User

PAGE = 50


def users_page(*, search: str, after: int | None) -> tuple[list[User], int | None]:
    """Return a page of users by e-mail, with their grants, and the key of the user to go on after (none at the end)."""
    rows = User.objects.order_by("email").prefetch_related("role_grants")
    if search:
        rows = rows.filter(Q(email__icontains=search) | Q(name__icontains=search))
    if after is not None:
        rows = rows.filter(email__gt=Subquery(User.objects.filter(pk=after).values("email")))
    page = list(rows[: PAGE + 1])
    return page[:PAGE], page[PAGE - 1].pk if len(page) > PAGE else None


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


def log_page(
    *, kind: str = "", who: int | None = None, about: int | None = None, before: tuple[datetime, int] | None = None
) -> tuple[list[AccessLog], AccessLog | None]:
    """Return a page of the access log, newest first, and the line to go on before (none at the end).

    ``who`` is the key of a user who did it or whose account it is about, ``about`` the key of the person read about.
    """
    rows = AccessLog.objects.select_related("by", "about_user").order_by("-at", "-id")
    if kind in AccessLog.Kind.values:
        rows = rows.filter(kind=kind)
    if who is not None:
        rows = rows.filter(Q(by=who) | Q(about_user=who))
    if about is not None:
        rows = rows.filter(about_person_id=about)
    if before is not None:
        # The first condition is what an index goes by: an OR alone is read from the newest row on.
        rows = rows.filter(at__lte=before[0]).filter(Q(at__lt=before[0]) | Q(id__lt=before[1]))
    page = list(rows[: PAGE + 1])
    return page[:PAGE], page[PAGE - 1] if len(page) > PAGE else None


def user_names() -> list[tuple[int, str]]:
    """Return everybody with an account as (key, name), by name."""
    return list(User.objects.order_by("name", "pk").values_list("pk", "name"))


def log_kinds() -> list[tuple[str, str]]:
    """Return the kinds of line as (code, words)."""
    return [(str(code), str(label)) for code, label in AccessLog.Kind.choices]


def user_by_email(email: str) -> User | None:
    """Return the active user with this e-mail address, or none."""
    return User.objects.filter(email=email.strip().lower(), is_active=True).first()
