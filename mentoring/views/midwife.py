"""The midwife's pages: caseload, awaiting, register, safe contact, pair, end, cover. Rows by access, writes by services."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from mentoring import access
from mentoring.forms.midwife import CoverForm, EndPairingForm, PairForm, RegisterForm, RenewForm
from mentoring.queries import caseload as queries
from mentoring.rules.permissions import CASELOAD_READ, MOTHER_REGISTER, PAIRING_MANAGE, SAFE_CONTACT_RENEW
from mentoring.rules.refusals import Refused
from mentoring.services import mothers, pairings
from mentoring.templatetags.caseload import hours_word
from mentoring.templatetags.pictures import STATUS_WORDS
from mentoring.views.mother import log_reading
from people.access import SignedInRequest, requires
from people.rules.local_time import local_date

# Beside which field of the register form a refusal stands; above them all where it is none of these.
REGISTER_FIELDS = {"dates_do_not_fit": "edd", "starts_in_future": "starts_on", "not_a_number": "phone_1"}


@requires(CASELOAD_READ)
@require_safe
def caseload(request: SignedInRequest) -> HttpResponse:
    """Her lay-workers, and the mothers she answers for."""
    on = local_date(timezone.now())
    search, only = request.GET.get("search", "").strip(), request.GET.get("only", "")
    lay_workers = queries.lay_workers(request.user, on=on)
    with_whom = request.GET.get("with", "")
    if with_whom not in {str(row["pk"]) for row in lay_workers}:
        with_whom = ""
    page = queries.caseload(
        request.user,
        on=on,
        search=search,
        only=only,
        lay_worker_id=int(with_whom) if with_whom else None,
        after=request.GET.get("after", ""),
    )
    context = {
        "page": page,
        "today": on,
        "lay_workers": lay_workers,
        "with_whom": with_whom,
        "marks": _marks(page),
        "next_href": _next_href(request, page.next_after),
        "most": queries.most_mothers(),
        "search": search,
        "only": only,
        "filters": [
            ("", _("everyone")),
            ("overdue", _("a contact overdue")),
            ("awaiting", _("awaiting a lay-worker")),
            ("paused", _("paused or on hold")),
            ("silent", _("no contact for six weeks")),
        ],
    }
    return render(request, "mentoring/caseload.html", context)


def _next_href(request: SignedInRequest, after: str) -> str:
    """Return the link to the rows after these, all that was chosen kept; nothing at the end."""
    if not after:
        return ""
    asked = request.GET.copy()
    asked["after"] = after
    return f"?{asked.urlencode()}"


def _marks(page: queries.Page) -> list[str]:
    """Return the statuses that the strips of a page show, in the order of the legend."""
    shown = {status for row in page.rows for status in row["strip"]}
    return [status for status in STATUS_WORDS if status in shown]


@requires(CASELOAD_READ)
@require_safe
def awaiting(request: SignedInRequest) -> HttpResponse:
    """Who awaits a lay-worker, and for how long."""
    now = timezone.now()
    after = request.GET.get("after", "")
    page = queries.awaiting(request.user, now=now, on=local_date(now), after=after)
    context = {"rows": page.rows, "next_href": _next_href(request, page.next_after)}
    return render(request, "mentoring/awaiting.html", context | {"are_all": not after and not page.next_after})


@requires(MOTHER_REGISTER)
@require_http_methods(["GET", "HEAD", "POST"])
def mother_register(request: SignedInRequest) -> HttpResponse:
    """Register a mother with her safe-contact sheet."""
    now = timezone.now()
    form = RegisterForm(request.POST or None, localities=queries.localities())
    if request.method == "POST" and form.is_valid():
        alike = queries.look_alikes(
            request.user,
            on=local_date(now),
            family_name=form.cleaned_data["family_name"],
            date_of_birth=form.cleaned_data["date_of_birth"],
            client_id=form.cleaned_data["client_id"],
        )
        if alike and not form.cleaned_data["not_a_double"]:
            form.warn_of_doubles(alike)
        else:
            try:
                mother = mothers.register(registration=form.registration(on=local_date(now)), by=request.user, now=now)
            except Refused as refused:
                form.add_error(REGISTER_FIELDS.get(refused.code), refused.message)
            else:
                messages.success(
                    request, _("Registered as %(code)s. She awaits a lay-worker.") % {"code": mother.programme_code}
                )
                return redirect("pair", mother.programme_code)
    return render(
        request,
        "mentoring/register.html",
        {"form": form, "title": _("Register a mother"), "back_href": reverse("caseload")},
    )


def _mother(request: SignedInRequest, programme_code: str) -> Any:
    on = local_date(timezone.now())
    visible = access.mothers_visible_to(request.user, on=on).select_related("person__locality")
    return get_object_or_404(visible, programme_code=programme_code)


@requires(SAFE_CONTACT_RENEW)
@require_http_methods(["GET", "HEAD", "POST"])
def safe_contact_renew(request: SignedInRequest, programme_code: str) -> HttpResponse:
    """Ask again what is safe. Her numbers stand there, so reading them is logged; what is safe starts empty."""
    now = timezone.now()
    mother = _mother(request, programme_code)
    form = RenewForm(request.POST or None, numbers=queries.numbers_of(mother))
    if request.method == "POST" and form.is_valid():
        try:
            mothers.renew_safe_contact(
                mother=mother,
                sheet=form.sheet(asked_on=local_date(now)),
                numbers=form.numbers(),
                by=request.user,
                now=now,
            )
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            messages.success(request, _("Saved. This holds everywhere from now on."))
            return redirect("mother-detail", programme_code)
    log_reading(request, [mother.person_id], now=now)
    context = {
        "form": form,
        "title": _("Ask %(name)s again what is safe") % {"name": mother.person.name_to_use},
        "back_href": reverse("mother-detail", args=[programme_code]),
    }
    return render(request, "mentoring/safe_contact_renew.html", context)


@requires(PAIRING_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def pair(request: SignedInRequest, programme_code: str) -> HttpResponse:
    """Choose a lay-worker for a mother."""
    mother = _mother(request, programme_code)
    now = timezone.now()
    rows = queries.could_take(request.user, mother, on=local_date(now))
    most = queries.most_mothers()
    hints = {str(row["pk"]): _pair_hint(row, most) for row in rows}
    form = PairForm(request.POST or None, choices=[(row["pk"], row["user__name"]) for row in rows], hints=hints)
    if request.method == "POST" and form.is_valid():
        lay_worker = get_object_or_404(
            access.lay_workers_visible_to(request.user, on=local_date(now)),
            pk=form.cleaned_data["lay_worker"],
        )
        try:
            pairings.pair(mother=mother, lay_worker=lay_worker, by=request.user, now=now)
        except Refused as refused:
            form.add_error("lay_worker", refused.message)
        else:
            messages.success(request, _("They are paired. Introduce them within three working days."))
            return redirect("mother-detail", programme_code)
    context = {"form": form, "mother": mother, "rows": rows, "back_href": reverse("awaiting")}
    return render(request, "mentoring/pair.html", context)


def _pair_hint(row: Mapping[str, Any], most: int) -> str:
    """Return what a midwife weighs: language, locality, mothers against the most, hours; a match comes first."""
    shared = {
        (True, True): _("Shares her language and her locality."),
        (True, False): _("Shares her language."),
        (False, True): _("Shares her locality."),
    }.get((row["same_language"], row["same_locality"]), "")
    facts = _(
        "%(locality)s. Speaks %(languages)s. Has %(mothers)s of %(most)s mothers, offers %(hours)s hours a week."
    ) % {
        "locality": row["locality__name"],
        "languages": ", ".join(row["languages"]),
        "mothers": row["mothers"],
        "most": most,
        "hours": hours_word(row["weekly_hours"]),
    }
    return " ".join(filter(None, [shared, facts, _("She has no room now.") if row["is_full"] else ""]))


@requires(PAIRING_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def pairing_end(request: SignedInRequest, pk: int) -> HttpResponse:
    """End a pairing, with a reason by code."""
    now = timezone.now()
    visible = access.pairings_visible_to(request.user, on=local_date(now))
    pairing = get_object_or_404(visible.select_related("mother__person", "lay_worker__user"), pk=pk)
    form = EndPairingForm(request.POST or None)
    code = pairing.mother.programme_code
    if request.method == "POST" and form.is_valid():
        try:
            pairings.end(pairing=pairing, reason=form.cleaned_data["reason"], by=request.user, now=now)
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            messages.success(request, _("The pairing has ended. She awaits a lay-worker."))
            return redirect("mother-detail", code)
    context = {
        "form": form,
        "name": pairing.mother.person.name_to_use,
        "lay_worker": pairing.lay_worker.user.name,
        "back_href": reverse("mother-pairings", args=[code]),
    }
    return render(request, "mentoring/pairing_end.html", context)


@requires(PAIRING_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def cover_arrange(request: SignedInRequest, programme_code: str) -> HttpResponse:
    """Cover for one mother."""
    mother = _mother(request, programme_code)
    return _arrange(
        request,
        [mother],
        title=_("Cover for %(name)s") % {"name": mother.person.name_to_use},
        back=reverse("mother-pairings", args=[programme_code]),
        without=queries.lay_worker_ids_of(mother),
    )


@requires(PAIRING_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def cover_arrange_all(request: SignedInRequest, pk: int) -> HttpResponse:
    """Cover for all of a lay-worker's mothers: all or none."""
    on = local_date(timezone.now())
    lay_worker = get_object_or_404(access.lay_workers_visible_to(request.user, on=on).select_related("user"), pk=pk)
    hers = queries.mothers_of(request.user, lay_worker, on=on)
    if not hers:
        raise Http404
    title = _("Cover for %(name)s's mothers") % {"name": lay_worker.user.name}
    return _arrange(request, hers, title=title, back=reverse("lay-worker-detail", args=[pk]), without=[pk])


def _arrange(request: SignedInRequest, hers: list[Any], *, title: str, back: str, without: list[int]) -> HttpResponse:
    now = timezone.now()
    on = local_date(now)
    rows = queries.could_cover(request.user, on=on, without=without)
    form = CoverForm(request.POST or None, choices=[(row["pk"], row["user__name"]) for row in rows])
    context: dict[str, Any] = {"form": form, "title": title, "back_href": back, "rows": rows}
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        days = {"starts_on": data["starts_on"], "ends_on": data["last_on"] + timedelta(days=1)}
        context |= {
            "looked": True,
            "windows": queries.windows_in(hers, **days),
            "covers": queries.covers_in(hers, **days),
        }
        if "look" not in request.POST:
            covering = get_object_or_404(
                access.lay_workers_visible_to(request.user, on=on).select_related("user"), pk=data["lay_worker"]
            )
            try:
                pairings.arrange_covers(mothers=hers, lay_worker=covering, by=request.user, now=now, **days)
            except Refused as refused:
                form.add_error("starts_on" if refused.code == "cover_in_past" else None, refused.message)
            else:
                count = len(context["windows"])
                words = ngettext(
                    "Cover is arranged. %(count)d planned contact falls in these days.",
                    "Cover is arranged. %(count)d planned contacts fall in these days.",
                    count,
                )
                messages.success(request, words % {"count": count})
                return redirect(back)
    return render(request, "mentoring/cover.html", context)


@requires(PAIRING_MANAGE)
@require_http_methods(["POST"])
def cover_cancel(request: SignedInRequest, pk: int) -> HttpResponse:
    """Call a cover off, or cut it short."""
    now = timezone.now()
    visible = access.covers_visible_to(request.user, on=local_date(now))
    cover = get_object_or_404(visible.select_related("mother"), pk=pk)
    try:
        pairings.cancel_cover(cover=cover, by=request.user, now=now)
    except Refused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, _("This cover is over."))
    return redirect("mother-pairings", cover.mother.programme_code)


@requires(PAIRING_MANAGE)
@require_safe
def mother_pairings(request: SignedInRequest, programme_code: str) -> HttpResponse:
    """Who has been with a mother, who covers, and what can be arranged."""
    mother = _mother(request, programme_code)
    history = queries.pairings_of(mother)
    context = {
        "mother": mother,
        "pairings": history,
        "is_paired": any(row["ends_on"] is None for row in history),
        "covers": queries.covers_of(mother, on=local_date(timezone.now())),
        "back_href": reverse("mother-detail", args=[programme_code]),
    }
    return render(request, "mentoring/pairings.html", context)


@requires(CASELOAD_READ)
@require_safe
def lay_worker_detail(request: SignedInRequest, pk: int) -> HttpResponse:
    """A lay-worker: what she offers, and her mothers."""
    on = local_date(timezone.now())
    lay_worker = get_object_or_404(
        access.lay_workers_visible_to(request.user, on=on).select_related("user", "locality"),
        pk=pk,
    )
    page = queries.caseload(request.user, on=on, lay_worker_id=pk, after=request.GET.get("after", ""))
    most = _("%(mothers)s of %(most)s") % {
        "mothers": queries.mothers_with(lay_worker),
        "most": queries.most_mothers(),
    }
    context = {
        "lay_worker": lay_worker,
        "page": page,
        "today": on,
        "marks": _marks(page),
        "next_href": _next_href(request, page.next_after),
        "covers": queries.covered_by(lay_worker, request.user, on=on),
        "numbers": [
            {"label": _("Mothers"), "value": most},
            {"label": _("Hours a week she offers"), "value": hours_word(lay_worker.weekly_hours)},
        ],
        "back_href": reverse("caseload"),
    }
    return render(request, "mentoring/lay_worker.html", context)
