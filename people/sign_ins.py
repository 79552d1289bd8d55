"""Sign-ins, failed ones, sign-outs and changes of a second factor, to the access log. Listens; decides nothing."""

from typing import Any

from allauth.mfa import signals as mfa_signals
from django.contrib.auth import signals
from django.http import HttpRequest
from django.utils import timezone

from people.models import AccessLog, User
from people.services import log


def _write(kind: str, request: HttpRequest | None, user: User | None) -> None:
    log.write(
        kind=kind,
        by=user,
        now=timezone.now(),
        request_id=getattr(request, "request_id", ""),
        address=request.META.get("REMOTE_ADDR") or None if request is not None else None,
    )


def _signed_in(request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    _write(AccessLog.Kind.SIGNED_IN, request, user)


def _signed_out(request: HttpRequest | None, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        _write(AccessLog.Kind.SIGNED_OUT, request, user)


def _failed(request: HttpRequest | None = None, **kwargs: Any) -> None:
    _write(AccessLog.Kind.SIGN_IN_FAILED, request, None)


def _factor_changed(request: HttpRequest, user: User, **kwargs: Any) -> None:
    _write(AccessLog.Kind.SECOND_FACTOR_CHANGED, request, user)


def listen() -> None:
    """Each of these writes a line from now on."""
    signals.user_logged_in.connect(_signed_in, dispatch_uid="log_signed_in")
    signals.user_logged_out.connect(_signed_out, dispatch_uid="log_signed_out")
    signals.user_login_failed.connect(_failed, dispatch_uid="log_failed")
    for name in ("authenticator_added", "authenticator_removed", "authenticator_reset"):
        getattr(mfa_signals, name).connect(_factor_changed, dispatch_uid=f"log_{name}")
