"""Logging an attempt or contact in two steps, correcting it, taking it back. Checks the form; the service decides."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from mentoring.access import contacts_correctable_by, mothers_still_loggable_by
from mentoring.forms.log import (
    CHOICES,
    NEXT_AGREE,
    NEXT_CHANGE,
    NOT_REACHED,
    REACHED,
    ContactForm,
    CorrectionForm,
    VoidForm,
)
from mentoring.queries.mother_page import log_start
from mentoring.queries.rota import watching
from mentoring.rules.permissions import CONTACT_CORRECT, CONTACT_RECORD
from mentoring.rules.refusals import Refused
from mentoring.services import contacts
from mentoring.templatetags.wording import mode_word, outcome_word, saved_words, sentence, stamp
from mentoring.views.mother import mother_or_404
from people.access import SignedInRequest, requires
from people.rules.local_time import local_date

# What the page after saving must say plainly.
URGENT = ("emergency", "today", "not-safe", "ring-me")


def loggable_or_404(request: SignedInRequest, programme_code: str, *, now: datetime) -> tuple[Any, bool]:
    """Return a mother that the lay-worker may log for, and whether she still sees her; 404 otherwise."""
    late = mothers_still_loggable_by(request.user, now=now).select_related("person", "midwife__user")
    mother = late.filter(programme_code=programme_code).first()
    if mother is not None:
        return mother, False
    return mother_or_404(request, programme_code, now=now), True


@requires(CONTACT_RECORD)
@require_http_methods(["GET", "HEAD", "POST"])
def contact_log(request: SignedInRequest, programme_code: str) -> HttpResponse:
    """Ask first whether she was reached, then what that needs; save once and say what changed."""
    now = timezone.now()
    mother, sees_her = loggable_or_404(request, programme_code, now=now)
    what = request.GET.get("what", "")
    if what not in CHOICES:
        return _first_step(request, mother, sees_her=sees_her)
    mode, outcome = CHOICES[what]
    form = ContactForm(
        request.POST or None,
        now=now,
        mode=mode,
        outcome=outcome,
        start=log_start(mother, now=now) if sees_her else None,
        initial={"client_id": uuid4()},
    )
    if request.method == "POST" and form.is_valid():
        try:
            recorded = contacts.record(
                mother=mother, lay_worker=request.user.lay_worker, entry=form.entry(), by=request.user, now=now
            )
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            messages.success(request, saved_words(recorded, today=local_date(now), sees_plan=sees_her))
            return _after(form, recorded.contact, programme_code, sees_her=sees_her)
    return render(
        request,
        "mentoring/log.html",
        {
            "form": form,
            "name": mother.person.name_to_use,
            "what": sentence(f"{outcome_word(outcome)}, {mode_word(mode)}"),
            "not_safe": outcome == "not_safe",
            "back_href": reverse("contact-log", args=[programme_code]),
            "back_text": _("Change what happened"),
        },
    )


def _first_step(request: SignedInRequest, mother: Any, *, sees_her: bool) -> HttpResponse:
    return render(
        request,
        "mentoring/log_reached.html",
        {
            "name": mother.person.name_to_use,
            "reached": [(f"{mode}-reached", label) for mode, label in REACHED],
            "not_reached": [(f"{mode}-{outcome}", label) for mode, outcome, label in NOT_REACHED],
            "back_href": reverse("mother-detail", args=[mother.programme_code]) if sees_her else reverse("late-log"),
        },
    )


def _after(form: ContactForm, contact: Any, programme_code: str, *, sees_her: bool) -> HttpResponseRedirect:
    urgent = {"emergency": "emergency", "today": "today"}.get(contact.concern)
    if contact.outcome == "not_safe":
        urgent = "not-safe"
    if urgent is None and contact.please_ring_me:
        urgent = "ring-me"
    if urgent is not None:
        return redirect("contact-urgent", programme_code, urgent)
    if not sees_her:
        return redirect("late-log")
    following = {NEXT_AGREE: "appointment-agree", NEXT_CHANGE: "plan-change"}
    then = following.get(form.cleaned_data.get("next_time", ""))
    return redirect(then, programme_code) if then else redirect("today")


@requires(CONTACT_RECORD)
@require_safe
def contact_urgent(request: SignedInRequest, programme_code: str, kind: str) -> HttpResponse:
    """Say plainly whom to ring now, or what happens next, after an entry that cannot wait."""
    if kind not in URGENT:
        raise Http404
    now = timezone.now()
    mother, sees_her = loggable_or_404(request, programme_code, now=now)
    own = request.user.lay_worker.supervisor.user
    midwife = own if kind == "ring-me" or mother.midwife is None else mother.midwife.user
    return render(
        request,
        "mentoring/log_urgent.html",
        {
            "kind": kind,
            "name": mother.person.name_to_use,
            "midwife_name": midwife.name,
            "midwife_phone": midwife.phone,
            "code": programme_code if sees_her else "",
            "watching": watching(now=now),
        },
    )


@requires(CONTACT_CORRECT)
@require_http_methods(["GET", "HEAD", "POST"])
def contact_correct(request: SignedInRequest, programme_code: str, client_id: UUID) -> HttpResponse:
    """Put an entry of hers right, with a reason; both dates stay on record."""
    now = timezone.now()
    contact = _own_or_404(request, programme_code, client_id, now=now)
    form = CorrectionForm(
        request.POST or None,
        now=now,
        mode=contact.mode,
        outcome=contact.outcome,
        start=None,
        correcting=contact,
    )
    if request.method == "POST" and form.is_valid():
        try:
            recorded = contacts.correct(
                contact=contact, entry=form.entry(), reason=form.cleaned_data["reason"], by=request.user, now=now
            )
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            messages.success(request, _("Corrected. What it said before stays on record."))
            if recorded.contact.concern in {"today", "emergency"}:
                return redirect("contact-urgent", programme_code, recorded.contact.concern)
            return redirect("mother-detail", programme_code)
    return render(request, "mentoring/log_correct.html", _about(contact, programme_code) | {"form": form})


@requires(CONTACT_CORRECT)
@require_http_methods(["GET", "HEAD", "POST"])
def contact_void(request: SignedInRequest, programme_code: str, client_id: UUID) -> HttpResponse:
    """Take an entry of hers back, with a reason; it stays readable and counts for nothing."""
    now = timezone.now()
    contact = _own_or_404(request, programme_code, client_id, now=now)
    form = VoidForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            contacts.void(contact=contact, reason=form.cleaned_data["reason"], by=request.user, now=now)
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            messages.success(request, _("Taken back. It counts for nothing now, and stays on record."))
            return redirect("mother-detail", programme_code)
    return render(request, "mentoring/log_void.html", _about(contact, programme_code) | {"form": form})


def _own_or_404(request: SignedInRequest, programme_code: str, client_id: UUID, *, now: datetime) -> Any:
    own = contacts_correctable_by(request.user, on=local_date(now)).select_related("mother__person", "lay_worker")
    return get_object_or_404(own, client_id=client_id, mother__programme_code=programme_code)


def _about(contact: Any, programme_code: str) -> dict[str, Any]:
    return {
        "name": contact.mother.person.name_to_use,
        "what": sentence(f"{outcome_word(contact.outcome)}, {mode_word(contact.mode)}"),
        "when": stamp(contact.happened_at),
        "entered": stamp(contact.entered_at),
        "code": programme_code,
        "client_id": contact.client_id,
        "back_href": reverse("mother-detail", args=[programme_code]),
    }
