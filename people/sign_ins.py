"""Sign-ins, failed ones, sign-outs, chosen passwords and changes of a second factor, to the services that answer for them."""

from typing import Any

from allauth.account import signals as account_signals
from allauth.mfa import signals as mfa_signals
from allauth.mfa.models import Authenticator
from django.contrib.auth import signals
from django.http import HttpRequest
from django.utils import timezone

from people.models import AccessLog, User
from people.services import log, sessions, users


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


def _factor_added(request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    _factor_changed(request, user)
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        # A session that someone else opened with the password alone would otherwise count as proved from now on.
        sessions.end_all(user=user, but_for=request.session.session_key)


def _password_chosen(request: HttpRequest, user: User, **kwargs: Any) -> None:
    users.password_chosen(user=user, now=timezone.now(), request_id=getattr(request, "request_id", ""))


def listen() -> None:
    """Each of these writes a line from now on."""
    signals.user_logged_in.connect(_signed_in, dispatch_uid="log_signed_in")
    signals.user_logged_out.connect(_signed_out, dispatch_uid="log_signed_out")
    signals.user_login_failed.connect(_failed, dispatch_uid="log_failed")
    account_signals.password_reset.connect(_password_chosen, dispatch_uid="log_password_chosen")
    mfa_signals.authentication_failed.connect(_failed, dispatch_uid="log_factor_failed")
    mfa_signals.authenticator_added.connect(_factor_added, dispatch_uid="log_authenticator_added")
    for name in ("authenticator_removed", "authenticator_reset"):
        getattr(mfa_signals, name).connect(_factor_changed, dispatch_uid=f"log_{name}")
