"""The midwife's pages: caseload, awaiting, register, safe contact, pair, end, cover. Rows by access, writes by services."""

from datetime import timedelta

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
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
from people.access import requires
from people.rules.local_time import local_date


@requires(CASELOAD_READ)
@require_safe
def caseload(request: HttpRequest) -> HttpResponse:
    """Her lay-workers, and the mothers she answers for."""
    on = local_date(timezone.now())
    search, only = request.GET.get("search", "").strip(), request.GET.get("only", "")
    page = queries.caseload(request.user, on=on, search=search, only=only, after=request.GET.get("after", ""))  # type: ignore[arg-type]  # signed in
    context = {
        "page": page,
        "lay_workers": queries.lay_workers(request.user, on=on),  # type: ignore[arg-type]  # signed in
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


@requires(CASELOAD_READ)
@require_safe
def awaiting(request: HttpRequest) -> HttpResponse:
    """Who awaits a lay-worker, and for how long."""
    now = timezone.now()
    rows = queries.awaiting(request.user, now=now, on=local_date(now))  # type: ignore[arg-type]  # signed in
    return render(request, "mentoring/awaiting.html", {"rows": rows})


@requires(MOTHER_REGISTER)
@require_http_methods(["GET", "HEAD", "POST"])
def mother_register(request: HttpRequest) -> HttpResponse:
    """Register a mother with her safe-contact sheet."""
    now = timezone.now()
    form = RegisterForm(request.POST or None, localities=queries.localities())
    if request.method == "POST" and form.is_valid():
        twins = queries.look_alikes(
            request.user,  # type: ignore[arg-type]  # signed in
            on=local_date(now),
            family_name=form.cleaned_data["family_name"],
            date_of_birth=form.cleaned_data["date_of_birth"],
        )
        if twins and not form.cleaned_data["not_a_double"]:
            form.add_error(
                "not_a_double",
                _("She may be registered as %(codes)s. Look, then tick here.") % {"codes": ", ".join(twins)},
            )
        else:
            try:
                mother = mothers.register(registration=form.registration(on=local_date(now)), by=request.user, now=now)
            except Refused as refused:
                form.add_error("edd" if refused.code == "dates_do_not_fit" else "starts_on", refused.message)
            else:
                messages.success(
                    request, _("Registered as %(code)s. She awaits a lay-worker.") % {"code": mother.programme_code}
                )
                return redirect("pair", mother.programme_code)
    return render(
        request, "mentoring/form.html", {"form": form, "title": _("Register a mother"), "back_href": "/caseload/"}
    )


def _mother(request: HttpRequest, programme_code: str):
    on = local_date(timezone.now())
    visible = access.mothers_visible_to(request.user, on=on).select_related("person__locality")  # type: ignore[arg-type]  # signed in
    return get_object_or_404(visible, programme_code=programme_code)


@requires(SAFE_CONTACT_RENEW)
@require_http_methods(["GET", "HEAD", "POST"])
def safe_contact_renew(request: HttpRequest, programme_code: str) -> HttpResponse:
    """Ask again what is safe: the sheet starts empty, nothing is taken for granted."""
    mother = _mother(request, programme_code)
    now = timezone.now()
    form = RenewForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        mothers.renew_safe_contact(
            mother=mother, sheet=form.sheet(asked_on=local_date(now)), numbers=form.numbers(), by=request.user, now=now
        )
        messages.success(request, _("Saved. This holds everywhere from now on."))
        return redirect("mother-detail", programme_code)
    title = _("Ask %(name)s again what is safe") % {"name": mother.person.name_to_use}
    return render(
        request, "mentoring/form.html", {"form": form, "title": title, "back_href": f"/mothers/{programme_code}/"}
    )


@requires(PAIRING_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def pair(request: HttpRequest, programme_code: str) -> HttpResponse:
    """Choose a lay-worker for a mother."""
    mother = _mother(request, programme_code)
    now = timezone.now()
    rows = queries.could_take(request.user, mother, on=local_date(now))  # type: ignore[arg-type]  # signed in
    most = queries.most_mothers()
    hints = {
        str(row["pk"]): _("%(locality)s; speaks %(languages)s; %(mothers)s of %(most)s mothers")
        % {
            "locality": row["locality__name"],
            "languages": ", ".join(row["languages"]),
            "mothers": row["mothers"],
            "most": most,
        }
        for row in rows
    }
    form = PairForm(request.POST or None, choices=[(row["pk"], row["user__name"]) for row in rows], hints=hints)
    if request.method == "POST" and form.is_valid():
        lay_worker = get_object_or_404(
            access.lay_workers_visible_to(request.user, on=local_date(now)),  # type: ignore[arg-type]  # signed in
            pk=form.cleaned_data["lay_worker"],
        )
        try:
            pairings.pair(mother=mother, lay_worker=lay_worker, by=request.user, now=now)
        except Refused as refused:
            form.add_error("lay_worker", refused.message)
        else:
            messages.success(request, _("They are paired. Introduce them within three working days."))
            return redirect("mother-detail", programme_code)
    context = {"form": form, "mother": mother, "rows": rows, "back_href": "/awaiting/"}
    return render(request, "mentoring/pair.html", context)


@requires(PAIRING_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def pairing_end(request: HttpRequest, pk: int) -> HttpResponse:
    """End a pairing, with a reason by code."""
    now = timezone.now()
    visible = access.pairings_visible_to(request.user, on=local_date(now))  # type: ignore[arg-type]  # signed in
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
    title = _("End %(lay_worker)s's time with %(name)s") % {
        "lay_worker": pairing.lay_worker.user.name,
        "name": pairing.mother.person.name_to_use,
    }
    return render(request, "mentoring/form.html", {"form": form, "title": title, "back_href": f"/mothers/{code}/"})


@requires(PAIRING_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def cover_arrange(request: HttpRequest, programme_code: str) -> HttpResponse:
    """Cover for one mother."""
    mother = _mother(request, programme_code)
    return _arrange(
        request,
        [mother],
        title=_("Cover for %(name)s") % {"name": mother.person.name_to_use},
        back=f"/mothers/{programme_code}/",
    )


@requires(PAIRING_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def cover_arrange_all(request: HttpRequest, pk: int) -> HttpResponse:
    """Cover for all of a lay-worker's mothers: all or none."""
    on = local_date(timezone.now())
    lay_worker = get_object_or_404(access.lay_workers_visible_to(request.user, on=on).select_related("user"), pk=pk)  # type: ignore[arg-type]  # signed in
    hers = queries.mothers_of(lay_worker)
    if not hers:
        raise Http404
    title = _("Cover for %(name)s's mothers") % {"name": lay_worker.user.name}
    return _arrange(request, hers, title=title, back=f"/lay-workers/{pk}/", but=pk)


def _arrange(request: HttpRequest, hers: list, *, title: str, back: str, but: int | None = None) -> HttpResponse:  # type: ignore[type-arg]  # of mothers
    now = timezone.now()
    on = local_date(now)
    rows = queries.lay_workers(request.user, on=on)  # type: ignore[arg-type]  # signed in
    form = CoverForm(request.POST or None, choices=[(row["pk"], row["user__name"]) for row in rows if row["pk"] != but])
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        covering = get_object_or_404(
            access.lay_workers_visible_to(request.user, on=on).select_related("user"),  # type: ignore[arg-type]  # signed in
            pk=data["lay_worker"],
        )
        ends_on = data["last_on"] + timedelta(days=1)
        try:
            pairings.arrange_covers(
                mothers=hers,
                lay_worker=covering,
                starts_on=data["starts_on"],
                ends_on=ends_on,
                by=request.user,
                now=now,
            )
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            count = queries.windows_in(hers, starts_on=data["starts_on"], ends_on=ends_on)
            messages.success(
                request,
                ngettext(
                    "Cover is arranged. %(count)d contact falls due in these days.",
                    "Cover is arranged. %(count)d contacts fall due in these days.",
                    count,
                )
                % {"count": count},
            )
            return redirect(back)
    return render(request, "mentoring/form.html", {"form": form, "title": title, "back_href": back})


@requires(PAIRING_MANAGE)
@require_http_methods(["POST"])
def cover_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Call a cover off, or cut it short."""
    now = timezone.now()
    visible = access.covers_visible_to(request.user, on=local_date(now))  # type: ignore[arg-type]  # signed in
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
def mother_pairings(request: HttpRequest, programme_code: str) -> HttpResponse:
    """Who has been with a mother, who covers, and what can be arranged."""
    mother = _mother(request, programme_code)
    context = {
        "mother": mother,
        "pairings": queries.pairings_of(mother),
        "covers": queries.covers_of(mother, on=local_date(timezone.now())),
        "back_href": f"/mothers/{programme_code}/",
    }
    return render(request, "mentoring/pairings.html", context)


@requires(CASELOAD_READ)
@require_safe
def lay_worker_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """A lay-worker: what she offers, and her mothers."""
    on = local_date(timezone.now())
    lay_worker = get_object_or_404(
        access.lay_workers_visible_to(request.user, on=on).select_related("user", "locality"),  # type: ignore[arg-type]  # signed in
        pk=pk,
    )
    context = {
        "lay_worker": lay_worker,
        "mothers": queries.mothers_of(lay_worker),
        "most": queries.most_mothers(),
        "back_href": "/caseload/",
    }
    return render(request, "mentoring/lay_worker.html", context)
