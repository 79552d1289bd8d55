"""From a signed-in person to the rights she holds now, and the guard that every view declares. Reads rows, never writes."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponseBase

from people import kept_forms
from people.models import RoleGrant, User
from people.rules.permissions import Permission
from people.rules.roles import Role

View = Callable[..., HttpResponseBase]


class SignedInRequest(HttpRequest):
    """A request behind ``@requires``: its user has signed in. For types alone; nothing makes one."""

    user: User  # type: ignore[assignment]  # narrower than django-stubs' "or anonymous", by the guard


def grants_in_force() -> Q:
    """Return the condition on a role grant that counts: not ended, and seconded where a second granter is needed."""
    return Q(ended_at__isnull=True) & (Q(needs_second=False) | Q(seconded_at__isnull=False))


def roles_of(user: User) -> frozenset[Role]:
    """Return the rights that ``user`` holds now; one query a request, remembered on the user object."""
    if not user.is_active:
        return frozenset()
    held: frozenset[Role] | None = getattr(user, "_roles", None)
    if held is None:
        codes = RoleGrant.objects.filter(grants_in_force(), user=user).values_list("role", flat=True)
        held = remember_roles(user, codes)
    return held


def remember_roles(user: User, codes: Iterable[str]) -> frozenset[Role]:
    """``user`` is known to hold these rights for as long as this object lives: a request. Returns them."""
    held = frozenset(Role(code) for code in codes)
    user._roles = held  # type: ignore[attr-defined]  # our own attribute
    return held


def may(user: User, permission: Permission) -> bool:
    """Return whether one of the rights of ``user`` carries ``permission``."""
    return bool(roles_of(user) & permission.roles)


def requires(permission: Permission) -> Callable[[View], View]:
    """Guard a view: signed out, to sign-in; an assessor, 404 for all that is not hers; wrong role, 403 (section 2)."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                kept_forms.keep(request, kept_forms.taken_from(request))
                return redirect_to_login(request.path if request.method == "GET" else "/")
            if not may(request.user, permission):
                if Role.ASSESSOR in roles_of(request.user):
                    raise Http404
                raise PermissionDenied
            if "kept_form" in request.POST:
                kept_forms.forget(request)
            return view(request, *args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined]  # read by the test of every URL
        return guarded

    return guard


def for_machines(view: View) -> View:
    """A view that a machine asks without a sign-in: it says nothing of a person, or proves the caller by itself."""
    view.machine = True  # type: ignore[attr-defined]  # read by the test of every URL
    return view
