"""Changes of a mother's plan, each shown before it is saved, and the next time agreed. The services decide."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from mentoring.forms.plan import (
    AppointmentForm,
    BirthForm,
    DueDateForm,
    PauseForm,
    PlanForm,
    ResumeForm,
    RhythmForm,
)
from mentoring.queries.mother_page import open_due_dates, plan_facts
from mentoring.queries.safe_contact import hours_of_mother
from mentoring.queries.statuses import is_held
from mentoring.rules.permissions import APPOINTMENT_AGREE, BIRTH_RECORD, LOSS_UNDO, PLAN_CHANGE, TODAY_READ
from mentoring.rules.refusals import Refused
from mentoring.services import appointments, plans
from mentoring.templatetags.wording import (
    day,
    difference_words,
    hours_words,
    interval,
    mode_word,
    moment,
    plain_day,
    short_day,
)
from mentoring.views.mother import mother_or_404
from people.access import SignedInRequest, may, requires
from people.rules.local_time import local_date

CHANGES: dict[str, type[PlanForm]] = {"rhythm": RhythmForm, "pause": PauseForm, "resume": ResumeForm}


@requires(PLAN_CHANGE)
@require_http_methods(["GET", "HEAD", "POST"])
def plan_change(request: SignedInRequest, programme_code: str) -> HttpResponse:
    """Fewer, more, pause or resume: choose one, say who asked, see what moves, save."""
    now = timezone.now()
    mother = mother_or_404(request, programme_code, now=now)
    facts = plan_facts(mother, on=local_date(now))
    if facts["bereaved"] and is_held(facts):
        return _on_hold(request, programme_code)
    kind = request.GET.get("kind", "")
    if kind not in CHANGES:
        return render(
            request,
            "mentoring/plan_choose.html",
            _about(mother, facts) | {"every": interval(facts["every_days"]) if facts["every_days"] else ""},
        )
    titles = {
        "rhythm": _("Fewer or more contacts"),
        "pause": _("Pause"),
        "resume": _("Start again"),
    }
    return _change(
        request,
        mother,
        facts,
        CHANGES[kind],
        template="mentoring/plan_change.html",
        title=titles[kind],
        now=now,
        kind=kind,
        back_href=reverse("plan-change", args=[programme_code]),
    )


@requires(BIRTH_RECORD)
@require_http_methods(["GET", "HEAD", "POST"])
def birth_record(request: SignedInRequest, programme_code: str) -> HttpResponse:
    """The baby is here, or the babies: record it once, see what moves, save. After a loss by her midwife alone."""
    now = timezone.now()
    mother = mother_or_404(request, programme_code, now=now)
    facts = plan_facts(mother, on=local_date(now))
    if facts["bereaved"] and not may(request.user, LOSS_UNDO):
        raise Http404
    return _change(
        request,
        mother,
        facts,
        BirthForm,
        template="mentoring/birth.html",
        title=_("The baby is here"),
        now=now,
    )


@requires(PLAN_CHANGE)
@require_http_methods(["GET", "HEAD", "POST"])
def due_date_change(request: SignedInRequest, programme_code: str) -> HttpResponse:
    """The due date is another: see what moves, save. After a loss there is none."""
    now = timezone.now()
    mother = mother_or_404(request, programme_code, now=now)
    facts = plan_facts(mother, on=local_date(now))
    if facts["bereaved"]:
        raise Http404
    return _change(
        request,
        mother,
        facts,
        DueDateForm,
        template="mentoring/plan_change.html",
        title=_("The due date has changed"),
        now=now,
        kind="due_date",
    )


def _change(
    request: SignedInRequest,
    mother: Any,
    facts: dict[str, Any],
    form_class: type[PlanForm],
    *,
    template: str,
    title: str,
    now: datetime,
    **context: Any,
) -> HttpResponse:
    on = local_date(now)
    form = form_class(
        request.POST or None,
        is_midwife=not may(request.user, TODAY_READ),
        on=on,
        initial={"client_id": uuid4()},
    )
    page = _about(mother, facts) | {"title": title, "form": form} | context
    if request.method != "POST" or "again" in request.POST or not form.is_valid():
        return render(request, template, page)
    asked = form.request()
    try:
        if "confirmed" in request.POST:
            change = plans.change(
                mother=mother,
                request=asked,
                asked_by=form.asked_by,
                by=request.user,
                now=now,
                client_id=form.cleaned_data["client_id"],
            )
        else:
            preview = plans.preview(mother=mother, request=asked, now=now)
    except Refused as refused:
        form.add_error(None, refused.message)
        return render(request, template, page)
    if "confirmed" in request.POST:
        messages.success(request, _saved(mother, change.kind, on=on))
        return redirect("mother-detail", mother.programme_code)
    typed = [
        (name, value)
        for name, values in request.POST.lists()
        if name not in {"csrfmiddlewaretoken", "form_owner"}
        for value in values
    ]
    difference = difference_words(preview, open_due_dates=open_due_dates(mother, on=on), today=on)
    return render(
        request, "mentoring/plan_confirm.html", page | {"difference": difference, "typed": typed, "form": None}
    )


def _on_hold(request: SignedInRequest, programme_code: str) -> HttpResponse:
    messages.info(request, _("Her plan is on hold. Speak to her midwife first."))
    return redirect("mother-detail", programme_code)


def _saved(mother: Any, kind: str, *, on: Any) -> str:
    said = {
        "rhythm": _("The plan has changed."),
        "pause": _("Paused."),
        "resume": _("Contact goes on."),
        "birth": _("The birth is recorded."),
        "due_date": _("The due date is changed."),
    }.get(kind, _("Saved."))
    due = open_due_dates(mother, on=on)
    return f"{said} {_('Next due %(day)s.') % {'day': plain_day(due[0], on)}}" if due else said


def _about(mother: Any, facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "mother": mother,
        "name": mother.person.name_to_use,
        "facts": facts,
        "edd": day(facts["person__pregnancy__edd"]),
        "back_href": reverse("mother-detail", args=[mother.programme_code]),
    }


@requires(APPOINTMENT_AGREE)
@require_http_methods(["GET", "HEAD", "POST"])
def appointment_agree(request: SignedInRequest, programme_code: str) -> HttpResponse:
    """Save the day, time and way that were agreed with her; it replaces the time agreed for the same contact."""
    now = timezone.now()
    on = local_date(now)
    mother = mother_or_404(request, programme_code, now=now)
    if is_held(plan_facts(mother, on=on)):
        return _on_hold(request, programme_code)
    form = AppointmentForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            appointment = appointments.agree(
                mother=mother,
                lay_worker=request.user.lay_worker if may(request.user, TODAY_READ) else None,
                starts_at=form.starts_at(),
                mode=form.cleaned_data["mode"],
                place=form.cleaned_data["place"],
                by=request.user,
                now=now,
            )
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            agreed = f"{moment(appointment.starts_at, on)}, {mode_word(appointment.mode)}"
            said = _("Agreed: %(when)s.") % {"when": agreed}
            if appointment.planned_contact is None:
                said += " " + _("It is an extra visit: no planned contact falls on that day.")
            messages.success(request, said)
            return redirect("mother-detail", programme_code)
    due = open_due_dates(mother, on=on)
    return render(
        request,
        "mentoring/appointment.html",
        {
            "form": form,
            "name": mother.person.name_to_use,
            "next_due": short_day(due[0], on) if due else "",
            "hours": hours_words(hours_of_mother(mother)),
            "back_href": reverse("mother-detail", args=[programme_code]),
        },
    )


@requires(APPOINTMENT_AGREE)
@require_http_methods(["GET", "HEAD", "POST"])
def appointment_call_off(request: SignedInRequest, programme_code: str, pk: int) -> HttpResponse:
    """Call an agreed time off, once asked whether she is sure."""
    now = timezone.now()
    mother = mother_or_404(request, programme_code, now=now)
    appointment = get_object_or_404(mother.appointments, pk=pk)
    if request.method == "POST":
        appointments.call_off(appointment=appointment, by=request.user, now=now)
        messages.success(request, _("Called off. The contact stays planned."))
        return redirect("mother-detail", programme_code)
    if appointment.withdrawn_at is not None:
        raise Http404
    return render(
        request,
        "mentoring/appointment_call_off.html",
        {
            "name": mother.person.name_to_use,
            "when": f"{moment(appointment.starts_at, local_date(now))}, {mode_word(appointment.mode)}",
            "back_href": reverse("mother-detail", args=[programme_code]),
        },
    )
