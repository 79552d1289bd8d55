"""Forms of the worklist: closing a duty or an alert, introducing, and naming who is on duty."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from mentoring.models import Alert, Duty, Pairing
from people.forms.fields import NhsDateField, NhsTimeField
from people.forms.layout import Field, Fieldset, form_helper
from people.models import User
from people.rules.local_time import local_instant

NOTE = _("For you and whoever looks back. Nobody else sees it, and it is in no export.")
# What a person may say came of a duty; the others are found by rule.
OUTCOMES = (Duty.Outcome.DONE, Duty.Outcome.NOT_NEEDED, Duty.Outcome.COULD_NOT)


class CloseDutyForm(forms.Form):
    """What came of it. ``shown`` marks what the page shows: it goes with the form, and out again as it was when she read it."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    outcome = forms.ChoiceField(
        label=_("What came of it?"), widget=forms.RadioSelect, error_messages={"required": _("Say what came of it")}
    )
    note = forms.CharField(label=_("A note"), help_text=NOTE, max_length=1000, required=False, widget=forms.Textarea)

    def __init__(self, data: QueryDict | None, *, kind: str, shown: str) -> None:
        self._seen = "" if data is None else data.get("seen", "")
        if data is not None:
            # Sent back with an error, the page shows what is there by now.
            data = data.copy()
            data["seen"] = shown
        super().__init__(data, initial={"seen": shown})
        outcomes = [*OUTCOMES[:1], Duty.Outcome.SHE_SAID_NO, *OUTCOMES[1:]] if kind == Duty.Kind.RE_OFFER else OUTCOMES
        self.fields["outcome"].choices = [(code.value, code.label.capitalize()) for code in outcomes]  # type: ignore[attr-defined]  # a choice field
        self.helper = form_helper("seen", "outcome", Field("note", rows=3), submit=_("Close this"))

    def clean_seen(self) -> str:
        return self._seen


class IntroduceForm(forms.Form):
    """How they were introduced, and when."""

    how = forms.ChoiceField(
        label=_("How did you introduce them?"),
        choices=[(code, label.capitalize()) for code, label in Pairing.IntroducedHow.choices],
        widget=forms.RadioSelect,
        error_messages={"required": _("Say how you introduced them")},
    )
    on = NhsDateField(label=_("When?"), error_messages={"required": _("Enter the day")})

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, initial={"on": today}, **kwargs)
        self.helper = form_helper("how", "on", submit=_("They are introduced"))


class RequestForm(forms.Form):
    """What she has asked for (domain.md section 6)."""

    what = forms.ChoiceField(
        label=_("What has she asked for?"),
        choices=[
            ("fewer", _("Fewer contacts")),
            ("another_lay_worker", _("Another lay-worker")),
            ("stop", _("To stop")),
            ("complain", _("To complain")),
            ("what_is_kept", _("To know what is kept about her")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what she has asked for")},
    )
    note = forms.CharField(label=_("A note"), help_text=NOTE, max_length=500, required=False, widget=forms.Textarea)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = form_helper("what", Field("note", rows=3), submit=_("Record this"))

    @property
    def words(self) -> str:
        """What the duty says was asked."""
        what = str(dict(self.fields["what"].choices)[self.cleaned_data["what"]])  # type: ignore[attr-defined]  # a choice field
        note = self.cleaned_data["note"]
        return _("%(what)s: %(note)s") % {"what": what, "note": note} if note else what


class CloseAlertForm(forms.Form):
    """What came of what was told."""

    outcome = forms.ChoiceField(
        label=_("What came of it?"),
        choices=[(code, label.capitalize()) for code, label in Alert.Outcome.choices],
        widget=forms.RadioSelect,
        error_messages={"required": _("Say what came of it")},
    )
    note = forms.CharField(label=_("A note"), help_text=NOTE, max_length=1000, required=False, widget=forms.Textarea)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = form_helper("outcome", Field("note", rows=3), submit=_("Close this alert"))


class ShiftForm(forms.Form):
    """Who is on duty from when to when, and the second."""

    on_duty = forms.ChoiceField(label=_("On duty"), error_messages={"required": _("Choose who is on duty")})
    second = forms.ChoiceField(
        label=_("The second"),
        help_text=_("Told when whoever is on duty has not answered in time."),
        error_messages={"required": _("Choose the second")},
    )
    from_on = NhsDateField(label=_("From"), error_messages={"required": _("Enter the first day")})
    from_at = NhsTimeField(label=_("From what time"), error_messages={"required": _("Enter the time")})
    to_on = NhsDateField(label=_("Until"), error_messages={"required": _("Enter the last day")})
    to_at = NhsTimeField(label=_("Until what time"), error_messages={"required": _("Enter the time")})

    def __init__(self, *args: Any, people: Iterable[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("Choose one")), *((str(user.pk), user.name) for user in people)]
        for name in ("on_duty", "second"):
            self.fields[name].choices = choices  # type: ignore[attr-defined]  # a choice field
        self.helper = form_helper(
            "on_duty",
            "second",
            Fieldset(_("When it begins"), "from_on", Field("from_at", width=10)),
            Fieldset(_("When it ends"), "to_on", Field("to_at", width=10)),
            submit=_("Put them in the rota"),
        )

    def times(self) -> tuple[datetime, datetime]:
        """Return the instants from which and up to which the shift holds; the times are local."""
        data = self.cleaned_data
        return local_instant(data["from_on"], data["from_at"]), local_instant(data["to_on"], data["to_at"])
