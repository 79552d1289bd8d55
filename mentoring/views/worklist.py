"""What needs a midwife: the worklist, a duty, an alert. Rows by access, writes by services."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from mentoring import access
from mentoring.forms.worklist import CloseAlertForm, CloseDutyForm, IntroduceForm, RequestForm
from mentoring.queries import worklist as queries
from mentoring.queries.replies import replies_for, shown
from mentoring.queries.rota import shift_at, watching
from mentoring.rules.duties import INTRODUCE, REQUEST
from mentoring.rules.permissions import ALERT_ANSWER, CASELOAD_READ, DUTY_CLOSE, REQUEST_RECORD
from mentoring.rules.refusals import Refused
from mentoring.services import alerts, duties, pairings
from mentoring.templatetags.wording import stamp
from mentoring.templatetags.worklist import due_words, going_words, since_words
from mentoring.views.mother import mother_or_404
from people.access import SignedInRequest, may, requires
from people.rules.local_time import local_date


@requires(ALERT_ANSWER)
@require_safe
def worklist(request: SignedInRequest) -> HttpResponse:
    """What interrupts first, then what must be done, by the day it is due."""
    now = timezone.now()
    on = local_date(now)
    page = queries.duties(request.user, on=on, after=request.GET.get("after", ""))
    return render(
        request,
        "mentoring/worklist.html",
        {
            "alerts": [
                row | {"since": since_words(row["raised_at"], now), "mine": row["holder_id"] == request.user.pk}
                for row in queries.open_alerts(request.user, on=on)
            ],
            "duties": [row | {"due": due_words(row["due_on"], on), "late": row["due_on"] < on} for row in page.rows],
            "next_href": f"?after={page.next_after}" if page.next_after else "",
            "has_duties": may(request.user, CASELOAD_READ),
            "shift": shift_at(now),
            "watching": watching(now=now),
        },
    )


@requires(ALERT_ANSWER)
@require_http_methods(["GET", "HEAD", "POST"])
def alert_detail(request: SignedInRequest, pk: int) -> HttpResponse:
    """One alert: say that you have it, which opens her record to you; then close it with what came of it."""
    now = timezone.now()
    on = local_date(now)
    alert = get_object_or_404(
        access.alerts_visible_to(request.user, on=on).select_related(
            "mother__person", "mother__midwife__user", "contact__lay_worker__user", "visit__lay_worker__user",
            "raised_by", "holder", "acknowledged_by", "closed_by",
        ),
        pk=pk,
    )  # fmt: skip
    takes = "have" in request.POST
    form = CloseAlertForm(request.POST if request.method == "POST" and not takes else None)
    if request.method == "POST" and (takes or form.is_valid()):
        try:
            if takes:
                alerts.acknowledge(alert=alert, by=request.user, now=now)
                return redirect("alert-detail", pk)
            alerts.close(alert=alert, by=request.user, now=now, **form.cleaned_data)
        except Refused as refused:
            messages.error(request, refused.message)
            return redirect("alert-detail", pk)
        messages.success(request, _("Closed."))
        return redirect("worklist")
    return render(
        request,
        "mentoring/alert.html",
        {
            "alert": alert,
            "form": form,
            "since": since_words(alert.raised_at, now),
            "going": going_words(queries.going(alert, now=now), now),
            "is_hers": alert.acknowledged_by_id == request.user.pk,
            "sees_mother": queries.sees_mother(request.user, alert.mother_id, on=on),
            "telephone": _telephone(alert),
            "watching": watching(now=now),
            "closed_at": stamp(alert.closed_at) if alert.closed_at else "",
            "back_href": reverse("worklist"),
        },
    )


def _telephone(alert: Any) -> Any:
    """Return the lay-worker to ring about it: of the visit, of the entry, or whoever raised it; none where nobody did."""
    if alert.visit is not None:
        return alert.visit.lay_worker.user
    return alert.contact.lay_worker.user if alert.contact is not None else alert.raised_by


@requires(DUTY_CLOSE)
@require_http_methods(["GET", "HEAD", "POST"])
def duty_detail(request: SignedInRequest, pk: int) -> HttpResponse:
    """One duty: why it is there, what to do, and closing it; an introduction is recorded here."""
    now = timezone.now()
    on = local_date(now)
    duty = get_object_or_404(
        access.duties_visible_to(request.user, on=on).select_related(
            "mother__person", "lay_worker__user", "owner__user", "closed_by", "raised_by"
        ),
        pk=pk,
    )
    posted = request.POST or None
    replies = replies_for(duty)
    form = (
        IntroduceForm(posted, today=on)
        if duty.kind == INTRODUCE
        else CloseDutyForm(posted, kind=duty.kind, shown=shown(duty, replies))
    )
    if request.method == "POST" and form.is_valid():
        try:
            if isinstance(form, IntroduceForm):
                pairings.introduce_now(mother_id=duty.mother_id, by=request.user, now=now, **form.cleaned_data)
                messages.success(request, _("Introduced. Her lay-worker may ring her from now on."))
            else:
                duties.close(duty=duty, by=request.user, now=now, **form.cleaned_data)
                messages.success(request, _("Closed."))
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            return redirect("worklist")
    return render(
        request,
        "mentoring/duty.html",
        {
            "duty": duty,
            "replies": replies,
            "form": form,
            "due": due_words(duty.due_on, on),
            "anybodys": queries.is_anybodys(duty, on=on),
            "closed_at": stamp(duty.closed_at) if duty.closed_at else "",
            "sees_mother": duty.mother_id is not None and queries.sees_mother(request.user, duty.mother_id, on=on),
            "back_href": reverse("worklist"),
        },
    )


@requires(REQUEST_RECORD)
@require_http_methods(["GET", "HEAD", "POST"])
def request_record(request: SignedInRequest, programme_code: str) -> HttpResponse:
    """She has asked for something: a duty of two working days, its words added to one that is open."""
    now = timezone.now()
    mother = mother_or_404(request, programme_code, now=now)
    form = RequestForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        duties.raise_now(kind=REQUEST, mother=mother, owner=mother.midwife, text=form.words, by=request.user, now=now)
        messages.success(request, _("Recorded. It is to be seen to within two working days."))
        return redirect("mother-detail", programme_code)
    return render(
        request,
        "mentoring/form.html",
        {
            "form": form,
            "title": _("%(name)s has asked for something") % {"name": mother.person.name_to_use},
            "back_href": reverse("mother-detail", args=[programme_code]),
        },
    )
