"""The duty rota: read by those in it, made by the programme lead."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from mentoring.forms.worklist import ShiftForm
from mentoring.queries import rota as queries
from mentoring.queries.worklist import shifts
from mentoring.rules.permissions import ROTA_MANAGE, ROTA_READ
from mentoring.rules.refusals import Refused
from mentoring.services import rota as service
from mentoring.templatetags.wording import moment, stamp
from people.access import SignedInRequest, may, requires
from people.rules.local_time import local_date

BESIDE = {"second_is_first": "second", "shift_backwards": "to_on", "shift_over": "to_on", "shift_too_long": "to_on"}


@requires(ROTA_READ)
@require_http_methods(["GET", "HEAD", "POST"])
def rota(request: SignedInRequest) -> HttpResponse:
    """Who is on duty now and next, where a gap begins, and a form for the lead."""
    now = timezone.now()
    today = local_date(now)
    manages = may(request.user, ROTA_MANAGE)
    people = {str(user.pk): user for user in queries.may_be_on_duty()}
    form = ShiftForm(request.POST or None, people=people.values()) if manages else None
    if form is not None and request.method == "POST" and form.is_valid():
        starts_at, ends_at = form.times()
        try:
            service.name(
                on_duty=people[form.cleaned_data["on_duty"]],
                second=people[form.cleaned_data["second"]],
                starts_at=starts_at,
                ends_at=ends_at,
                by=request.user,
                now=now,
            )
        except Refused as refused:
            form.add_error(BESIDE.get(refused.code), refused.message)
        else:
            messages.success(request, _("Saved. They are told of alerts in these hours."))
            return redirect("rota")
    gap = queries.next_gap(now=now)
    return render(
        request,
        "mentoring/rota.html",
        {
            "form": form,
            "rows": [
                {
                    "pk": shift.pk,
                    "on_duty": shift.on_duty.name,
                    "second": shift.second.name,
                    "starts": moment(shift.starts_at, today),
                    "ends": moment(shift.ends_at, today),
                    "is_now": shift.starts_at <= now,
                }
                for shift in shifts(now=now)
            ],
            "gap": moment(gap, today) if gap is not None else "",
            "is_gap_now": gap is not None and gap <= now,
            "watching": queries.watching(now=now),
        },
    )


@requires(ROTA_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def rota_withdraw(request: SignedInRequest, pk: int) -> HttpResponse:
    """Take a shift out, once asked whether she is sure."""
    shift = get_object_or_404(queries.standing_shifts(), pk=pk)
    if request.method == "POST":
        service.withdraw(shift=shift, by=request.user, now=timezone.now())
        messages.success(request, _("Taken out. Put someone else in, so that somebody watches."))
        return redirect("rota")
    return render(
        request,
        "mentoring/rota_withdraw.html",
        {
            "name": shift.on_duty.name,
            "starts": stamp(shift.starts_at),
            "ends": stamp(shift.ends_at),
            "back_href": reverse("rota"),
        },
    )
