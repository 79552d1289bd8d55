"""A form that arrives after its session was locked or ended is kept, and shown again to the same person alone."""

from typing import Any

from django.core import signing
from django.http import HttpRequest

SALT = "people.kept_form"
LARGEST = 64 * 1024
NEVER_KEPT = frozenset({"csrfmiddlewaretoken", "password", "form_owner"})


def owner_token(user_id: int) -> str:
    """Return what a form carries so that, after a sign-out, it is known whose it was."""
    return signing.dumps(user_id, salt=SALT)


def taken_from(request: HttpRequest) -> dict[str, Any] | None:
    """Return what was posted, with its owner, or None where nothing may be kept (a read, a password, a file, too large)."""
    if request.method != "POST" or request.path.startswith("/accounts/") or request.FILES:
        return None
    owner = request.user.pk if request.user.is_authenticated else None
    if owner is None:
        try:
            owner = signing.loads(request.POST.get("form_owner", ""), salt=SALT, max_age=24 * 60 * 60)
        except signing.BadSignature:
            return None
    fields = [(name, value) for name, values in request.POST.lists() if name not in NEVER_KEPT for value in values]
    if sum(len(name) + len(value) for name, value in fields) > LARGEST:
        return None
    return {"owner": owner, "path": request.get_full_path(), "fields": fields}


def keep(request: HttpRequest, kept: dict[str, Any] | None) -> None:
    """The form waits in the session until its owner has signed in; nothing happens where there is none."""
    if kept is not None:
        request.session["kept_form"] = kept


def waiting_for(request: HttpRequest) -> dict[str, Any] | None:
    """Return the form that waits for the person now signed in; another person's is dropped, unseen."""
    kept = request.session.get("kept_form")
    if kept is None or not request.user.is_authenticated:
        return None
    if kept["owner"] != request.user.pk:
        del request.session["kept_form"]
        return None
    return dict(kept)


def forget(request: HttpRequest) -> None:
    """Nothing waits any more."""
    request.session.pop("kept_form", None)
