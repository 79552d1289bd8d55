"""Bringing in the spreadsheets that a programme keeps: the file goes to a tick, its page shows how far it is."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from mentoring.forms.imports import ImportForm
from mentoring.queries import imports as queries
from mentoring.rules.permissions import IMPORT_RUN
from mentoring.rules.refusals import Refused
from mentoring.services import imports
from people.access import SignedInRequest, requires

SECONDS_TO_LOOK_AGAIN = 3
LISTED = 200


@requires(IMPORT_RUN)
@require_http_methods(["GET", "HEAD", "POST"])
def import_new(request: SignedInRequest) -> HttpResponse:
    """Send a file, to try it or to bring it in."""
    first: dict[str, str | bool] = {"kind": request.GET.get("kind", ""), "dry_run": request.GET.get("dry_run", "yes")}
    first |= {name: name in request.GET for name in ("update", "create_localities")}
    form = ImportForm(request.POST or None, request.FILES or None, initial=first)
    if request.method == "POST" and form.is_valid():
        try:
            job = imports.ask(
                kind=form.cleaned_data["kind"],
                content=form.cleaned_data["file"].read(),
                options=form.options(),
                dry_run=form.cleaned_data["dry_run"] == "yes",
                by=request.user,
                now=timezone.now(),
            )
        except Refused as refused:
            form.add_error("file", refused.message)
        else:
            messages.success(request, _("The file is here. It is read now."))
            return redirect("import-detail", job.reference)
    context = {"form": form, "jobs": [_row(job) for job in queries.import_jobs(request.user)]}
    return render(request, "mentoring/import_new.html", context)


@requires(IMPORT_RUN)
@require_safe
def import_detail(request: SignedInRequest, reference: UUID) -> HttpResponse:
    """How far an import is, then what it did or why it did nothing. The page asks again by itself while it runs."""
    job = queries.import_job(request.user, reference)
    if job is None:
        raise Http404
    row = _row(job)
    report = job.report
    context = row | {
        "report": report,
        "lists": [
            {"heading": heading, "rows": report[name][:LISTED], "more": max(0, len(report[name]) - LISTED)}
            for name, heading in (
                ("problems", _("What must be put right")),
                ("warnings", _("Worth a look")),
                ("differences", _("What differs from what is here")),
            )
            if report.get(name)
        ],
        "apply_href": _apply_href(job) if row["tried_well"] else "",
        "back_href": reverse("import-new"),
    }
    answer = render(request, "mentoring/import_detail.html", context)
    if row["runs"]:
        answer["Refresh"] = str(SECONDS_TO_LOOK_AGAIN)
    return answer


def _row(job: Any) -> dict[str, Any]:
    finished = job.status in {"done", "refused", "failed"}
    return {
        "job": job,
        "runs": not finished,
        "tried_well": job.status == "done" and job.dry_run,
        "percent": 100 * job.lines_done // job.lines_total if job.lines_total else 0,
    }


def _apply_href(job: Any) -> str:
    """Return the form with what was tried chosen already. The file was emptied with the try: it is sent once more."""
    chosen = {"kind": job.kind, "dry_run": "no"}
    chosen |= {name: "1" for name in ("update", "create_localities") if job.options.get(name)}
    return f"{reverse('import-new')}?{urlencode(chosen)}"
