"""What holds for every request: its id, private headers, session limits, the second factor, and who writes history."""

import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pghistory
from django.conf import settings
from django.contrib.auth import logout
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import redirect
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone

from people import kept_forms

GetResponse = Callable[[HttpRequest], HttpResponse]
# Answered by config.machines, with or without the last stroke of the address.
FOR_MACHINES = ("/health/", "/metrics/")
# A signed-in person without a second factor reaches these and nothing else.
SECOND_FACTOR_OPEN = ("/accounts/", "/static/")
# A locked session reaches these and nothing else.
LOCK_OPEN = (
    "/accounts/logout/",
    "/accounts/unlock/",
    "/accounts/reauthenticate/",
    "/accounts/2fa/reauthenticate/",
    "/accounts/2fa/webauthn/reauthenticate/",
    "/static/",
)


class RequestIdMiddleware:
    """Each request has an id of its own, in history, in the access log and in the answer's headers."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.request_id = str(uuid.uuid4())  # type: ignore[attr-defined]  # our own attribute of a request
        response = self.get_response(request)
        response["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]  # as above
        return response


class NoNulMiddleware:
    """PostgreSQL takes no NUL in a text: an address that holds one is refused before any page asks with it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\x00" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            raise BadRequest("NUL in the address")
        return self.get_response(request)


class MachinesMiddleware:
    """Health and metrics are answered before anything asks for a session, a known host name or a second factor.

    A load balancer asks by an address that no name stands for, and must be told that the database is away.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info.rstrip("/") + "/"
        if path.startswith(FOR_MACHINES):
            with suppress(Resolver404):
                found = resolve(path)
                return found.func(request, *found.args, **found.kwargs)
        return self.get_response(request)


class PageGzipMiddleware(GZipMiddleware):
    """Pages go compressed to a cheap telephone; files are sent as they are. Django adds chance bytes against BREACH."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.streaming or not response.get("Content-Type", "").startswith("text/html"):
            return response
        return super().process_response(request, response)  # type: ignore[arg-type]  # not streaming, asked above


class PrivateHeadersMiddleware:
    """Nothing but static files is kept by a browser or a proxy; no page may use the phone's sensors."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault("Cache-Control", "no-store, private")
        response.setdefault(
            "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()"
        )
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response


class SessionLimitsMiddleware:
    """Thirty minutes without a request lock the session, twelve hours end it; a form sent then is kept for her alone."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        now = timezone.now()
        session = request.session
        if not request.user.is_authenticated:
            response = self.get_response(request)
            if request.user.is_authenticated:
                # Counted from the sign-in itself, also where no page follows it.
                session["signed_in_at"] = session["seen_at"] = now.isoformat()
            return response
        signed_in_at = _instant(session.get("signed_in_at")) or now
        seen_at = _instant(session.get("seen_at")) or now
        if now - signed_in_at > timedelta(seconds=settings.SESSION_ABSOLUTE_SECONDS):
            kept = kept_forms.taken_from(request)
            logout(request)
            kept_forms.keep(request, kept)
            return redirect(f"{reverse('account_login')}?next={_return_to(request)}")
        if now - seen_at > timedelta(seconds=settings.SESSION_IDLE_SECONDS):
            session.setdefault("locked_at", now.isoformat())
        if "locked_at" in session and not request.path.startswith(LOCK_OPEN):
            kept_forms.keep(request, kept_forms.taken_from(request))
            return redirect(f"{reverse('unlock')}?next={_return_to(request)}")
        session.setdefault("signed_in_at", now.isoformat())
        # Written at most once a minute, so that a read of a page is not a write of a session.
        if "locked_at" not in session and ("seen_at" not in session or now - seen_at > timedelta(seconds=60)):
            session["seen_at"] = now.isoformat()
        return self.get_response(request)


class SecondFactorMiddleware:
    """Whoever is signed in without a second factor is asked to set one up before anything else (quality.md, Security)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (
            settings.SECOND_FACTOR_REQUIRED
            and request.user.is_authenticated
            and not request.path.startswith(SECOND_FACTOR_OPEN)
            and not getattr(request.user, "has_second_factor", False)
        ):
            return redirect("mfa_index")
        return self.get_response(request)


class HistoryMiddleware:
    """Every row that a request writes says who and which request."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in {"GET", "HEAD", "OPTIONS"}:
            return self.get_response(request)
        with pghistory.context(
            user=request.user.pk,
            request=request.request_id,  # type: ignore[attr-defined]  # set by RequestIdMiddleware
            why=f"{request.method} {request.resolver_match.view_name if request.resolver_match else request.path_info}",
        ):
            return self.get_response(request)


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _return_to(request: HttpRequest) -> str:
    return request.path if request.method == "GET" else "/"
