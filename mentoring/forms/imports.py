"""The form of the import page: a file, what it holds and how to bring it in. It reads no line of the file."""

from datetime import date
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _

from mentoring.models import ImportJob
from mentoring.services.imports import MOST_BYTES
from people.forms.fields import NhsDateField
from people.forms.layout import Details, Field, form_helper

KINDS = [
    (ImportJob.Kind.CASELOAD.value, _("Mothers: the caseload")),
    (ImportJob.Kind.CONTACTS.value, _("Contacts: the log of calls and visits")),
]


class ImportForm(forms.Form):
    """A file to try first, or to bring in."""

    kind = forms.ChoiceField(
        label=_("What is in the file?"),
        choices=KINDS,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what is in the file")},
    )
    file = forms.FileField(
        label=_("The file"),
        help_text=_("A spreadsheet saved as “CSV UTF-8”, 20 MB at most."),
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        error_messages={"required": _("Choose a file"), "empty": _("The file is empty")},
    )
    dry_run = forms.ChoiceField(
        label=_("What shall happen?"),
        choices=[("yes", _("Try it first: nothing is changed")), ("no", _("Bring it in"))],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one")},
    )
    update = forms.BooleanField(
        label=_("Change what differs from what is here"),
        help_text=_("Never safe contact, rhythm or birth, and never what was changed here since."),
        required=False,
    )
    create_localities = forms.BooleanField(label=_("Add localities that are not known yet"), required=False)
    records_from = NhsDateField(
        label=_("Records begin on"), help_text=_("The day of the import where this is empty."), required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = form_helper(
            "kind",
            "file",
            "dry_run",
            Details(_("More choices"), Field("update"), Field("create_localities"), Field("records_from")),
            submit=_("Send the file"),
        )

    def clean_file(self) -> UploadedFile:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(
                _("The file is larger than %(most)s. Import it in parts."), params={"most": filesizeformat(MOST_BYTES)}
            )
        return file  # type: ignore[no-any-return]  # an uploaded file

    def options(self) -> dict[str, Any]:
        """Return what the import is to do, as its job keeps it."""
        records_from: date | None = self.cleaned_data["records_from"]
        return {
            "records_from": records_from.isoformat() if records_from else "",
            "create_localities": self.cleaned_data["create_localities"],
            "update": self.cleaned_data["update"],
        }
