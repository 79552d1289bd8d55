"""A lay-worker's own safety at a visit, and a worry that is no log entry. Where nobody watches the page says so."""

from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from mentoring import access
from mentoring.forms.safety import VisitForm, WorryForm
from mentoring.queries import visits as queries
from mentoring.queries.rota import unwatched_from, watching
from mentoring.rules.alerts import VISIT_WATCHED_AFTER
from mentoring.rules.permissions import VISIT_BEGIN, WORRY_RAISE
from mentoring.rules.refusals import Refused
from mentoring.services import alerts, visits
from mentoring.templatetags.wording import clock
from mentoring.views.mother import mother_or_404
from people.access import SignedInRequest, requires


@requires(VISIT_BEGIN)
@require_http_methods(["GET", "HEAD", "POST"])
def visit_begin(request: SignedInRequest, programme_code: str) -> HttpResponse:
    """She is about to go in: someone is told if she does not say that she is out."""
    now = timezone.now()
    mother = mother_or_404(request, programme_code, now=now)
    watch = watching(now=now)
    form = VisitForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            visit = visits.begin(
                mother=mother,
                lay_worker=request.user.lay_worker,
                expected_end_at=now + form.lasts,
                client_id=form.cleaned_data["client_id"],
                by=request.user,
                now=now,
            )
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            return redirect("visit-detail", visit.client_id)
    return render(
        request,
        "mentoring/visit_begin.html",
        {
            "form": form,
            "name": mother.person.name_to_use,
            "watching": watch,
            "under_way": queries.under_way(request.user),
            "back_href": reverse("mother-detail", args=[programme_code]),
        },
    )


@requires(VISIT_BEGIN)
@require_http_methods(["GET", "HEAD", "POST"])
def visit_detail(request: SignedInRequest, client_id: UUID) -> HttpResponse:
    """A visit under way: out and well, or thirty minutes more. What has ended stays readable."""
    now = timezone.now()
    visit = get_object_or_404(
        access.visits_visible_to(request.user).select_related("mother__person"), client_id=client_id
    )
    if request.method == "POST":
        try:
            if "more" in request.POST:
                visits.extend(visit=visit, by=request.user, now=now, seen_end_at=_instant(request.POST.get("seen", "")))
                messages.success(request, _("Thirty minutes more."))
                return redirect("visit-detail", client_id)
            visits.end(visit=visit, by=request.user, now=now)
        except Refused as refused:
            messages.error(request, refused.message)
            return redirect("visit-detail", client_id)
        messages.success(request, _("Good that you are out and well. Log the visit when you can."))
        return redirect("today")
    watch = watching(now=now)
    until = visit.expected_end_at + VISIT_WATCHED_AFTER
    # Where nobody watches now the page says so already.
    from_at = unwatched_from(now=now, until=until) if visit.ended_at is None and watch.somebody else None
    return render(
        request,
        "mentoring/visit.html",
        {
            "visit": visit,
            "name": visit.mother.person.name_to_use,
            "code": visit.mother.programme_code,
            "expected": clock(visit.expected_end_at),
            "is_late": visit.ended_at is None and visit.expected_end_at <= now,
            "unwatched_from": clock(from_at) if from_at is not None else "",
            "seen": visit.expected_end_at.isoformat(),
            "watching": watch,
            "back_href": reverse("today"),
        },
    )


def _instant(typed: str) -> datetime | None:
    try:
        return datetime.fromisoformat(typed)
    except ValueError:
        return None


@requires(WORRY_RAISE)
@require_http_methods(["GET", "HEAD", "POST"])
def worry_raise(request: SignedInRequest, programme_code: str) -> HttpResponse:
    """*I'm worried*: her midwife, or whoever is on duty, is told at once."""
    now = timezone.now()
    mother = mother_or_404(request, programme_code, now=now)
    form = WorryForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        alerts.raise_alert(
            kind=data["kind"],
            mother=mother,
            text=data["text"],
            client_id=data["client_id"],
            by=request.user,
            now=now,
        )
        return redirect("contact-urgent", programme_code, data["kind"].removeprefix("concern_"))
    return render(
        request,
        "mentoring/worry.html",
        {
            "form": form,
            "name": mother.person.name_to_use,
            "watching": watching(now=now),
            "back_href": reverse("mother-detail", args=[programme_code]),
        },
    )
