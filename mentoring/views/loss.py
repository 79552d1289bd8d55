"""A loss recorded, taken back, and what the midwife decides with her then. Quiet pages: what will happen, and whom to speak to."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from mentoring.access import mothers_whose_loss_may_be_recorded_by
from mentoring.forms.loss import NONE, LossFindForm, LossForm, LossUndoForm, SupportForm
from mentoring.queries.losses import babies_of, is_bereaved
from mentoring.rules.permissions import LOSS_FIND, LOSS_RECORD, LOSS_UNDO, MOTHER_READ, SUPPORT_START, TODAY_READ
from mentoring.rules.refusals import Refused
from mentoring.services import losses
from mentoring.templatetags.wording import baby_words, loss_words, plain_day
from mentoring.views.mother import mother_or_404
from people.access import SignedInRequest, may, requires
from people.rules.local_time import local_date

FIELD_OF = {
    "loss_in_future": "happened_on",
    "loss_before_birth": "happened_on",
    "born_already": "kind",
    "support_in_past": "starts_on",
    "dates_do_not_fit": "ends_on",
}


@requires(LOSS_RECORD)
@require_http_methods(["GET", "HEAD", "POST"])
def loss_record(request: SignedInRequest, programme_code: str) -> HttpResponse:
    """Ask what happened, say what will follow, record it in one action."""
    now = timezone.now()
    mothers = mothers_whose_loss_may_be_recorded_by(request.user, on=local_date(now))
    mother = get_object_or_404(mothers.select_related("person", "midwife__user"), programme_code=programme_code)
    # A coordinator sees no page of a mother to go back to.
    from_outside = not may(request.user, MOTHER_READ)
    babies = babies_of(mother)
    form = LossForm(request.POST or None, babies=[(baby.pk, baby_words(baby)) for baby in babies])
    if request.method == "POST" and form.is_valid():
        typed = form.cleaned_data
        try:
            losses.record(
                mother=mother,
                kind=typed["kind"],
                happened_on=typed["happened_on"],
                baby=next((baby for baby in babies if baby.pk == typed.get("baby")), None),
                by=request.user,
                now=now,
            )
        except Refused as refused:
            form.add_error(FIELD_OF.get(refused.code), refused.message)
        else:
            said = _("It is recorded. Her midwife is told, and no message about a contact with her leaves.")
            messages.success(request, said)
            return redirect("loss-find") if from_outside else redirect("mother-detail", programme_code)
    about = _about(mother) | {"form": form, **_reader(request)}
    if from_outside:
        about |= {"back_href": reverse("loss-find")}
    return render(request, "mentoring/loss.html", about)


@requires(LOSS_FIND)
@require_http_methods(["GET", "HEAD", "POST"])
def loss_find(request: SignedInRequest) -> HttpResponse:
    """A coordinator says of whom she records a loss, by programme code, and is led to the same page as everyone."""
    form = LossFindForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        code = form.cleaned_data["programme_code"]
        on = local_date(timezone.now())
        if mothers_whose_loss_may_be_recorded_by(request.user, on=on).filter(programme_code=code).exists():
            return redirect("loss-record", code)
        form.add_error("programme_code", _("No mother has this code. Check it letter by letter."))
    return render(
        request,
        "mentoring/form.html",
        {"form": form, "title": _("Record a loss"), "back_href": reverse("home")},
    )


@requires(LOSS_UNDO)
@require_http_methods(["GET", "HEAD", "POST"])
def loss_undo(request: SignedInRequest, programme_code: str, pk: int) -> HttpResponse:
    """Take a false report back, with a reason: the plan goes on as before."""
    now = timezone.now()
    mother = mother_or_404(request, programme_code, now=now)
    loss = get_object_or_404(mother.person.losses.select_related("baby", "recorded_by"), pk=pk)
    form = LossUndoForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            losses.undo(loss=loss, mother=mother, reason=form.cleaned_data["reason"], by=request.user, now=now)
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            said = _("The report is taken back. Tell her lay-worker yourself.")
            messages.success(request, said)
            return redirect("mother-detail", programme_code)
    elif loss.undone_at is not None:
        raise Http404
    return render(request, "mentoring/loss_undo.html", _about(mother) | {"form": form, "loss": loss_words(loss)})


@requires(SUPPORT_START)
@require_http_methods(["GET", "HEAD", "POST"])
def support_start(request: SignedInRequest, programme_code: str) -> HttpResponse:
    """Save what the midwife agreed with her: support with days of its own, or no contact."""
    now = timezone.now()
    on = local_date(now)
    mother = mother_or_404(request, programme_code, now=now)
    if not is_bereaved(mother):
        raise Http404
    form = SupportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            typed = form.cleaned_data
            if typed["decision"] == NONE:
                losses.decline_support(mother=mother, by=request.user, now=now)
                said = _("Saved. Her plan stays on hold.")
            else:
                plan = losses.start_support(
                    mother=mother,
                    starts_on=typed["starts_on"],
                    every_days=typed["every_days"],
                    ends_on=typed["ends_on"],
                    by=request.user,
                    now=now,
                )
                said = _("Saved. Support begins on %(day)s.") % {"day": plain_day(plan.starts_on, on)}
        except Refused as refused:
            form.add_error(FIELD_OF.get(refused.code), refused.message)
        else:
            messages.success(request, said)
            return redirect("mother-detail", programme_code)
    return render(request, "mentoring/support.html", _about(mother) | {"form": form})


def _reader(request: SignedInRequest) -> dict[str, Any]:
    return {"is_lay_worker": may(request.user, TODAY_READ)}


def _about(mother: Any) -> dict[str, Any]:
    return {
        "name": mother.person.name_to_use,
        "midwife": mother.midwife.user if mother.midwife else None,
        "back_href": reverse("mother-detail", args=[mother.programme_code]),
    }
