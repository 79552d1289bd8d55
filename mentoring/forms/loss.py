"""What is asked when there has been a loss, when a report of one is taken back, and about support. The services decide."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from mentoring.services.losses import OF_A_BABY, OF_PREGNANCY
from people.forms.fields import NhsDateField
from people.forms.layout import Button, Field, Fieldset, Include, form_helper
from people.models import Loss

KINDS = [
    (Loss.Kind.MISCARRIAGE, _("Miscarriage")),
    (Loss.Kind.STILLBIRTH, _("Stillbirth")),
    (Loss.Kind.TERMINATION, _("The pregnancy was ended")),
    (Loss.Kind.BABY_DIED, _("A baby died")),
    (Loss.Kind.NOT_LIVING_WITH_HER, _("A baby is not living with her")),
    (Loss.Kind.MOTHER_DIED, _("She died")),
    (Loss.Kind.NOT_SAID, _("I do not know, or it was not said")),
]
SUPPORT, NONE = "support", "none"


class LossForm(forms.Form):
    """What happened, as far as it is known. ``babies``: those of her birth as (key, name), none where none is recorded."""

    kind = forms.ChoiceField(
        label=_("What happened?"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what happened, or that you do not know")},
    )
    baby = forms.TypedChoiceField(
        label=_("Which baby?"), coerce=int, empty_value=None, required=False, widget=forms.RadioSelect
    )
    happened_on = NhsDateField(
        label=_("When?"),
        help_text=_("If you know. For example, 9 11 2026. Leave it empty if you do not."),
        required=False,
    )

    def __init__(self, *args: Any, babies: Sequence[tuple[int, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = [(code, label) for code, label in KINDS if not (babies and code in OF_PREGNANCY)]
        self.fields["kind"].choices = kinds  # type: ignore[attr-defined]  # a choice field
        layout: list[Any] = [Field("kind", small=True, divider_before=Loss.Kind.NOT_SAID)]
        if len(babies) > 1:
            self.fields["baby"].choices = babies  # type: ignore[attr-defined]  # a choice field
            layout.append(Field("baby", small=True, hint=_("Leave it open if it is about all, or about her.")))
        else:
            del self.fields["baby"]
        self.helper = form_helper(
            *layout,
            Field("happened_on", mark_optional=False),
            Include("mentoring/_loss_consequences.html"),
            Button(_("Record it")),
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "baby" in self.fields and cleaned.get("kind") in OF_A_BABY and cleaned.get("baby") is None:
            self.add_error("baby", _("Choose which baby"))
        return cleaned


class LossFindForm(forms.Form):
    """Of whom a loss is to be recorded, by her programme code."""

    programme_code = forms.CharField(
        label=_("Her programme code"),
        max_length=16,
        help_text=_("For example, M-AB12CD"),
        error_messages={"required": _("Enter her programme code")},
    )
    helper = form_helper("programme_code", submit=_("Go on"))

    def clean_programme_code(self) -> str:
        return str(self.cleaned_data["programme_code"]).strip().upper()


class LossUndoForm(forms.Form):
    """Why a report is taken back."""

    reason = forms.CharField(
        label=_("How is it known that it did not happen?"),
        max_length=300,
        error_messages={"required": _("Say how it is known")},
    )
    helper = form_helper("reason", submit=_("Take the report back"))


class SupportForm(forms.Form):
    """Whether contact goes on after a loss, and how, as agreed with her."""

    decision = forms.ChoiceField(
        label=_("What did you agree with her?"),
        choices=[(SUPPORT, _("Contact goes on, as support")), (NONE, _("No contact. Her plan stays on hold."))],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what you agreed")},
    )
    starts_on = NhsDateField(label=_("First contact"), help_text=_("For example, 9 11 2026"), required=False)
    every_days = forms.TypedChoiceField(
        label=_("How often?"),
        choices=[("7", _("Every week")), ("14", _("Every 2 weeks")), ("28", _("Every 4 weeks"))],
        coerce=int,
        empty_value=None,
        required=False,
        widget=forms.RadioSelect,
    )
    ends_on = NhsDateField(
        label=_("Last day"), help_text=_("As agreed with her. For example, 30 1 2027"), required=False
    )
    helper = form_helper(
        Field("decision", small=True),
        Fieldset(
            _("If contact goes on"),
            Field("starts_on", mark_optional=False),
            Field("every_days", small=True, mark_optional=False),
            Field("ends_on", mark_optional=False),
            size="m",
            heading_level=2,
        ),
        submit=_("Save this"),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("decision") == SUPPORT:
            for name, words in (
                ("starts_on", _("Enter the day of the first contact")),
                ("every_days", _("Choose how often")),
                ("ends_on", _("Enter the last day")),
            ):
                if not cleaned.get(name) and name not in self.errors:
                    self.add_error(name, words)
        return cleaned
