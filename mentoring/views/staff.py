"""The administrator's pages of the programme's staff: profiles of lay-workers and midwives. No mother is named here."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from mentoring.forms.staff import LayWorkerEditForm, LayWorkerNewForm, MidwifeNewForm
from mentoring.queries import staff as queries
from mentoring.rules.permissions import STAFF_MANAGE
from mentoring.rules.refusals import Refused
from mentoring.services import staff
from people.access import SignedInRequest, requires


@requires(STAFF_MANAGE)
@require_safe
def staff_list(request: SignedInRequest) -> HttpResponse:
    """Every lay-worker and midwife of the programme."""
    context = {"lay_workers": queries.lay_workers(), "midwives": queries.midwives()}
    return render(request, "mentoring/staff.html", context)


@requires(STAFF_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def lay_worker_new(request: SignedInRequest) -> HttpResponse:
    """Give a lay-worker her profile."""
    form = LayWorkerNewForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = staff.make_lay_worker(**form.cleaned_data, by=request.user, now=timezone.now())
        except Refused as refused:
            form.add_error("user", refused.message)
        else:
            messages.success(request, _("%(name)s is a lay-worker of the programme.") % {"name": made.user.name})
            return redirect("staff-list")
    return _form(request, form, title=_("Add a lay-worker"))


@requires(STAFF_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def lay_worker_edit(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change a lay-worker's profile; where the supervisor changes, her mothers go along."""
    lay_worker = queries.lay_worker_with(pk)
    if lay_worker is None:
        raise Http404
    form = LayWorkerEditForm(request.POST or None, lay_worker=lay_worker)
    if request.method == "POST" and form.is_valid():
        try:
            staff.update_lay_worker(lay_worker=lay_worker, **form.cleaned_data, by=request.user, now=timezone.now())
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            messages.success(request, _("Saved."))
            return redirect("staff-list")
    return _form(request, form, title=lay_worker.user.name)


@requires(STAFF_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def midwife_new(request: SignedInRequest) -> HttpResponse:
    """Give a midwife her profile."""
    form = MidwifeNewForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = staff.make_midwife(user=form.cleaned_data["user"], by=request.user, now=timezone.now())
        messages.success(request, _("%(name)s is a midwife of the programme.") % {"name": made.user.name})
        return redirect("staff-list")
    return _form(request, form, title=_("Add a midwife"))


def _form(request: SignedInRequest, form: object, *, title: str) -> HttpResponse:
    context = {"form": form, "title": title, "back_href": reverse("staff-list")}
    return render(request, "mentoring/form.html", context)
