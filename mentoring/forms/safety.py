"""Forms of a lay-worker's safety and worries: a visit that is watched, and a concern apart from an entry."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext_lazy as _

from people.forms.layout import Field, form_helper


class VisitForm(forms.Form):
    """For how long she expects to be there."""

    client_id = forms.UUIDField(widget=forms.HiddenInput)
    minutes = forms.TypedChoiceField(
        label=_("How long do you expect to be there?"),
        choices=[
            (30, _("Half an hour")), (60, _("An hour")), (90, _("An hour and a half")), (120, _("Two hours")),
        ],
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose how long you expect to be there")},
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, initial={"client_id": uuid4()}, **kwargs)
        self.helper = form_helper("client_id", "minutes", submit=_("I am going in"))

    @property
    def lasts(self) -> timedelta:
        """How long she expects to be there."""
        return timedelta(minutes=self.cleaned_data["minutes"])


class WorryForm(forms.Form):
    """What worries her, and how soon someone must act."""

    client_id = forms.UUIDField(widget=forms.HiddenInput)
    kind = forms.ChoiceField(
        label=_("How soon must someone act?"),
        choices=[
            ("concern_emergency", _("Now: someone is in danger")),
            ("concern_today", _("Today: it should not wait until tomorrow")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose how soon someone must act")},
    )
    text = forms.CharField(
        label=_("What worries you?"),
        help_text=_("In a few words. Her midwife, or whoever is on duty, reads this. It is in no export."),
        max_length=1000,
        required=False,
        widget=forms.Textarea,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, initial={"client_id": uuid4()}, **kwargs)
        self.helper = form_helper("client_id", "kind", Field("text", rows=4), submit=_("Tell the midwife"))
