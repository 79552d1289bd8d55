"""Messages in the app, the administrator's pages of jobs and stuck messages, the demo's mailbox, and carriers' callbacks."""

import json
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages as notices
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from twilio.request_validator import RequestValidator
from twilio.twiml.messaging_response import MessagingResponse

from outbox.forms import QuietDayForm, WishesForm
from outbox.queries import jobs as job_queries
from outbox.queries import messages as queries
from outbox.queries import queue, stuck
from outbox.queries.replies import LATELY, count_of_nobody
from outbox.queries.wishes import kinds_told, quiet_days_of, wishes_of
from outbox.rules.receipts import said
from outbox.services import delivery, messages, receipts, replies, wishes
from outbox.services import stuck as stuck_services
from people.access import SignedInRequest, requires
from people.rules.local_time import local_date
from people.rules.permissions import JOBS_READ, MAILBOX_READ, MESSAGE_DECIDE, MESSAGES_READ


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


@requires(JOBS_READ)
@require_safe
def jobs(request: SignedInRequest) -> HttpResponse:
    """Which jobs run and which are silent, what waits, and what did not go."""
    now = timezone.now()
    states = job_queries.states(now=now)
    queues = queue.queues(now=now, open_since=delivery.open_since(now))
    counts = queue.not_over(now=now)
    standing = {
        status: sum(count for (at, _channel), count in counts.items() if at == status)
        for status in ("held", "claimed", "handing_over", *stuck.LISTED)
    }
    context = {
        "states": states,
        "silent": [state for state in states if state.is_silent],
        "queues": queues,
        "late": any(one.is_late for one in queues),
        "lists": [
            {"status": status, "title": _list_title(status), "count": standing[status]} for status in stuck.LISTED
        ],
        "numbers": [
            {"label": _("Being sent at this moment"), "value": standing["claimed"] + standing["handing_over"]},
            {"label": _("Held until a person says so"), "value": standing["held"]},
        ],
        "replies_of_nobody": count_of_nobody(since=now - LATELY),
        "most": queue.MOST,
        "now": now,
    }
    return render(request, "outbox/jobs.html", context)


@requires(JOBS_READ)
@require_safe
def stuck_messages(request: SignedInRequest) -> HttpResponse:
    """The messages that did not go, of one status, newest first."""
    status = request.GET.get("status", "")
    if status not in stuck.LISTED:
        status = stuck.LISTED[0]
    rows, next_id = stuck.page(status=status, before_id=_key(request.GET.get("before", "")), now=timezone.now())
    context = {
        "rows": rows,
        "title": _list_title(status),
        "next_href": f"?status={status}&before={next_id}" if next_id else "",
        "back_href": reverse("jobs"),
    }
    return render(request, "outbox/stuck_messages.html", context)


@requires(MESSAGE_DECIDE)
@require_http_methods(["GET", "HEAD", "POST"])
def stuck_message_act(request: SignedInRequest, pk: int, act: str) -> HttpResponse:
    """Say what sending again or dismissing would do, and do it once that is confirmed. A second click changes nothing."""
    now = timezone.now()
    message = stuck.one(pk, now=now)
    if message is None or act not in {"send-again", "dismiss"}:
        raise Http404
    back = f"{reverse('stuck-messages')}?status={message.status}"
    if request.method == "POST":
        decide = stuck_services.send_again if act == "send-again" else stuck_services.dismiss
        done = decide(message_id=pk, by=request.user, now=now, request_id=getattr(request, "request_id", ""))
        if not done:
            notices.info(request, _("Nothing was changed: this message has been dealt with, or its time has passed."))
        elif act == "send-again":
            notices.success(request, _("The message waits to be sent again."))
        else:
            notices.success(request, _("The message is dismissed. It will not be sent."))
        return redirect(back)
    if not message.decidable or (act == "send-again" and not message.may_go):
        notices.info(
            request, _("There is nothing to decide: this message has been dealt with, or its time has passed.")
        )
        return redirect(back)
    return render(request, "outbox/stuck_message_act.html", {"message": message, "act": act, "back_href": back})


@requires(MESSAGES_READ)
@require_http_methods(["GET", "HEAD", "POST"])
def wishes_edit(request: SignedInRequest) -> HttpResponse:
    """What a person is told and how, what she cannot switch off and why, and her quiet days."""
    now = timezone.now()
    kinds = kinds_told(request.user)
    form = WishesForm(
        request.POST or None,
        kinds=[kind for kind in kinds if kind.can_wait],
        off=wishes_of([request.user.pk])[request.user.pk].off,
    )
    if request.method == "POST" and form.is_valid():
        wishes.change(user=request.user, wanted=form.wanted, by=request.user, now=now)
        notices.success(request, _("Saved. It holds from now on."))
        return redirect("wishes")
    context = {
        "form": form,
        "always": [kind for kind in kinds if kind.always],
        "quiet_days": quiet_days_of(request.user, since_on=local_date(now)),
    }
    return render(request, "outbox/wishes.html", context)


@requires(MESSAGES_READ)
@require_http_methods(["GET", "HEAD", "POST"])
def quiet_day_add(request: SignedInRequest) -> HttpResponse:
    """One more day on which nothing that can wait is sent to her."""
    form = QuietDayForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            wishes.keep_quiet(user=request.user, on=form.cleaned_data["on"], by=request.user, now=timezone.now())
        except wishes.QuietDayIsPast:
            form.add_error("on", _("Choose today or a day to come."))
        else:
            notices.success(request, _("Kept quiet."))
            return redirect("wishes")
    return render(request, "outbox/quiet_day.html", {"form": form, "back_href": reverse("wishes")})


@requires(MESSAGES_READ)
@require_POST
def quiet_day_end(request: SignedInRequest, pk: int) -> HttpResponse:
    """The day is one like any other again."""
    if not wishes.end_quiet(user=request.user, quiet_day_id=pk, now=timezone.now()):
        raise Http404
    notices.success(request, _("That day is one like any other again."))
    return redirect("wishes")


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


def _list_title(status: str) -> str:
    return {
        "needs_a_person": _("Nobody knows whether these messages went"),
        "failed": _("Messages that failed"),
        "expired": _("Messages that expired"),
    }[status]
