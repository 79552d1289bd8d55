"""The coordinator's export page: what, why, and the log of past exports."""

from django import forms
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from mentoring.queries.exports import past_exports
from mentoring.rules.permissions import EXPORT_TAKE
from mentoring.rules.refusals import Refused
from mentoring.services import exports
from people.access import SignedInRequest, requires
from people.forms.layout import Field, form_helper


class ExportForm(forms.Form):
    dataset = forms.ChoiceField(
        label=gettext_lazy("Data set"), choices=[("contacts", gettext_lazy("Contacts: a row an attempt (CSV)"))]
    )
    reason = forms.CharField(
        label=gettext_lazy("Why do you take it?"), max_length=300, help_text=gettext_lazy("Kept with the export.")
    )

    @property
    def helper(self):
        return form_helper(Field("dataset"), Field("reason"), submit=gettext_lazy("Take the file"))


@requires(EXPORT_TAKE)
@require_http_methods(["GET", "HEAD", "POST"])
def export_new(request: SignedInRequest) -> HttpResponseBase:
    """Take a data set; the answer to a good form is the file."""
    form = ExportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            export = exports.ask(
                **form.cleaned_data, by=request.user, now=timezone.now(), request_id=getattr(request, "request_id", "")
            )
        except Refused as refused:
            form.add_error("reason", refused.message)
        else:
            answer = StreamingHttpResponse(
                exports.chunks(export=export, clock=timezone.now), content_type="text/csv; charset=utf-8"
            )
            answer["Content-Disposition"] = f'attachment; filename="contacts-{export.pk}.csv"'
            return answer
    return _page(request, form)


def _page(request: SignedInRequest, form: ExportForm) -> HttpResponse:
    return render(request, "trial/export.html", {"form": form, "exports": past_exports(), "title": _("Exports")})
