"""Messages in the app, the demo's mailbox, and what carriers of text messages call back with."""

import json
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from twilio.request_validator import RequestValidator
from twilio.twiml.messaging_response import MessagingResponse

from outbox.queries import messages as queries
from outbox.rules.receipts import said
from outbox.services import messages, receipts, replies
from people.access import SignedInRequest, requires
from people.rules.permissions import MAILBOX_READ, MESSAGES_READ


@requires(MESSAGES_READ)
@require_http_methods(["GET", "HEAD", "POST"])
def message_list(request: SignedInRequest) -> HttpResponse:
    """A person's own messages, newest first; a POST marks as read what she was shown and all before it."""
    if request.method == "POST":
        messages.mark_read(user_id=request.user.pk, newest_id=_key(request.POST.get("newest", "")), now=timezone.now())
        return redirect("message-list")
    before_id = _key(request.GET.get("before", ""))
    rows, next_id = queries.messages_of(request.user, before_id=before_id)
    return render(request, "outbox/message_list.html", {"rows": rows, "next_id": next_id, "first": before_id is None})


@requires(MAILBOX_READ)
@require_safe
def mailbox(request: SignedInRequest) -> HttpResponse:
    """Every e-mail of the demo, newest first. It does not exist elsewhere."""
    if not settings.DEMO:
        raise Http404
    return render(request, "outbox/mailbox.html", {"letters": queries.letters_in(settings.EMAIL_FILE_PATH)})


View = Callable[..., HttpResponse]


def from_machine(proves: Callable[[HttpRequest], bool]) -> Callable[[View], View]:
    """Guard a view that a machine posts to: nobody signs in, there is no form; whoever proves nothing gets 403."""

    def guard(view: View) -> View:
        @csrf_exempt
        @require_POST
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not proves(request):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        guarded.machine = True  # type: ignore[attr-defined]  # read by the test of every URL
        return guarded

    return guard


def _is_notify(request: HttpRequest) -> bool:
    token = settings.NOTIFY_CALLBACK_TOKEN
    return bool(token) and constant_time_compare(request.META.get("HTTP_AUTHORIZATION", ""), f"Bearer {token}")


def _is_twilio(request: HttpRequest) -> bool:
    # Signed over the address as Twilio was given it, which a proxy may have rewritten since.
    address, signature = settings.SITE_URL + request.get_full_path(), request.META.get("HTTP_X_TWILIO_SIGNATURE", "")
    token = settings.TWILIO_AUTH_TOKEN
    return bool(token) and RequestValidator(token).validate(address, request.POST, signature)


@from_machine(_is_notify)
def notify_receipt(request: HttpRequest) -> HttpResponse:
    """GOV.UK Notify says what became of a text."""
    receipt = _json(request)
    try:
        reference = UUID(receipt.get("reference") or "")
    except ValueError as error:
        raise Http404 from error
    return _record(reference, receipt.get("id", ""), receipt.get("status", ""))


@from_machine(_is_twilio)
def twilio_receipt(request: HttpRequest, reference: UUID) -> HttpResponse:
    """Twilio says what became of the text with this reference: the address is given with each."""
    return _record(reference, request.POST.get("MessageSid", ""), request.POST.get("MessageStatus", ""))


@from_machine(_is_notify)
def notify_inbound(request: HttpRequest) -> HttpResponse:
    """GOV.UK Notify hands on a text that came in."""
    reply = _json(request)
    return _receive(reply.get("id", ""), reply.get("source_number", ""), reply.get("message", ""))


@from_machine(_is_twilio)
def twilio_inbound(request: HttpRequest) -> HttpResponse:
    """Twilio hands on a text that came in; the empty answer is what keeps it from answering."""
    given = defaultdict(str, request.POST.dict())
    stop = given["OptOutType"] == "STOP"
    _receive(given["MessageSid"], given["From"], given["Body"], carrier_says_stop=stop)
    return HttpResponse(str(MessagingResponse()), content_type="text/xml")


def _record(reference: UUID, carrier_reference: str, status: str) -> HttpResponse:
    what, why = said(status)
    try:
        receipts.record(
            reference=reference, carrier_reference=carrier_reference, said=what, why=why, now=timezone.now()
        )
    except receipts.NoSuchMessage as error:
        raise Http404 from error
    return HttpResponse(status=204)


def _receive(carrier_reference: str, from_number: str, text: str, *, carrier_says_stop: bool = False) -> HttpResponse:
    if not carrier_reference or not from_number:
        raise BadRequest
    replies.receive(
        carrier_reference=carrier_reference,
        from_number=from_number,
        text=text,
        carrier_says_stop=carrier_says_stop,
        now=timezone.now(),
    )
    return HttpResponse(status=204)


def _json(request: HttpRequest) -> dict[str, str]:
    """Return the texts of an object sent as JSON; a field that is no text is as one that is not there."""
    try:
        sent = json.loads(request.body)
    except ValueError as error:
        raise BadRequest from error
    if not isinstance(sent, dict):
        raise BadRequest
    return {key: value for key, value in sent.items() if isinstance(value, str)}


def _key(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
