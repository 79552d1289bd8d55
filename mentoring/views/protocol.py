"""The programme lead's page of the protocol's settings: versioned, in force for mothers registered from then on."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from mentoring.forms.midwife import ProtocolForm
from mentoring.queries.caseload import protocol_versions
from mentoring.rules.permissions import PROTOCOL_CHANGE
from mentoring.rules.refusals import Refused
from mentoring.services import protocol as service
from people.access import SignedInRequest, requires

PRESETS = {"14-14": (14, 14), "14-28": (14, 28)}


@requires(PROTOCOL_CHANGE)
@require_http_methods(["GET", "HEAD", "POST"])
def protocol(request: SignedInRequest) -> HttpResponse:
    """Every version, and a form for the next, filled from a preset or from what is in force."""
    versions = list(protocol_versions())
    latest = versions[0] if versions else None
    antenatal, postnatal = PRESETS.get(
        request.GET.get("preset", ""),
        (latest.antenatal_every_days, latest.postnatal_every_days) if latest else PRESETS["14-14"],
    )
    initial = {
        "antenatal_every_days": antenatal,
        "postnatal_every_days": postnatal,
        "calendar_feeds": latest.calendar_feeds if latest else False,
        "mothers_per_lay_worker": latest.mothers_per_lay_worker if latest else service.FIRST_MOTHERS,
    }
    form = ProtocolForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            service.change(**form.cleaned_data, by=request.user, now=timezone.now())
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            messages.success(request, _("In force for mothers registered from now on."))
            return redirect("protocol")
    return render(request, "mentoring/protocol.html", {"form": form, "versions": versions})
