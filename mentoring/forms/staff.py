"""Forms of the administrator's pages of staff: whose profile, and what it holds. They give no right."""

from typing import Any

from django import forms
from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from mentoring.models import LayWorker
from mentoring.queries import staff
from people.forms.fields import NhsDateField
from people.forms.layout import Field, form_helper
from people.rules.roles import Role

MOST_LANGUAGE = 40


class _Named(forms.ModelChoiceField):
    """One of several people or profiles, by name."""

    def label_from_instance(self, obj: Model) -> str:
        return str(getattr(obj, "name", "") or obj.user.name)  # type: ignore[attr-defined]  # a profile has a user


class ProfileForm(forms.Form):
    """What a lay-worker's profile holds."""

    supervisor = _Named(
        label=_("Midwife who supervises her"),
        queryset=None,
        empty_label=_("Choose one"),
        error_messages={"required": _("Choose a midwife")},
    )
    locality = _Named(
        label=_("Locality"),
        queryset=None,
        empty_label=_("Choose one"),
        error_messages={"required": _("Choose a locality")},
    )
    languages = forms.CharField(
        label=_("Languages she speaks with mothers"),
        help_text=_("With a comma between them, for example: English, Polish"),
        max_length=300,
        initial="English",
        error_messages={"required": _("Enter at least one language")},
    )
    weekly_hours = forms.DecimalField(
        label=_("Hours a week she offers"),
        min_value=0,
        max_value=60,
        decimal_places=1,
        initial=6,
        error_messages={
            "required": _("Enter the hours a week"),
            "invalid": _("Enter the hours as a number, for example 6 or 7.5"),
        },
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["supervisor"].queryset = staff.active_midwives()  # type: ignore[attr-defined]  # a model choice
        self.fields["locality"].queryset = staff.active_localities()  # type: ignore[attr-defined]  # a model choice
        self.helper = form_helper(
            *self.before, "supervisor", "locality", "languages", Field("weekly_hours", width=4), *self.after,
            submit=_("Save"),
        )  # fmt: skip

    before: tuple[str, ...] = ()
    after: tuple[Any, ...] = ()

    def clean_languages(self) -> list[str]:
        spoken = list(dict.fromkeys(word.strip() for word in self.cleaned_data["languages"].split(",") if word.strip()))
        if not spoken:
            raise forms.ValidationError(_("Enter at least one language"))
        if any(len(word) > MOST_LANGUAGE for word in spoken):
            raise forms.ValidationError(_("Put a comma between the languages"))
        return spoken


class LayWorkerNewForm(ProfileForm):
    """A profile for someone who has the right and no profile yet."""

    before = ("user",)

    user = _Named(
        label=_("Who"),
        help_text=_("People with the right of a lay-worker who have no profile yet."),
        queryset=None,
        empty_label=_("Choose one"),
        error_messages={"required": _("Choose a person")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["user"].queryset = staff.users_without_profile(Role.LAY_WORKER)  # type: ignore[attr-defined]  # a model choice


class LayWorkerEditForm(ProfileForm):
    """A profile as it stands, and the day from which she takes no more mothers."""

    after = ("left_on",)

    left_on = NhsDateField(
        label=_("Takes no more mothers from"), help_text=_("Leave this empty while she does."), required=False
    )

    def __init__(self, *args: Any, lay_worker: LayWorker, **kwargs: Any) -> None:
        initial = {
            "supervisor": lay_worker.supervisor_id,
            "locality": lay_worker.locality_id,
            "languages": ", ".join(lay_worker.languages),
            "weekly_hours": lay_worker.weekly_hours,
            "left_on": lay_worker.left_on,
        }
        super().__init__(*args, initial=initial, **kwargs)


class MidwifeNewForm(forms.Form):
    """A profile for a midwife who has the right and no profile yet."""

    user = _Named(
        label=_("Who"),
        help_text=_("People with the right of a midwife who have no profile yet."),
        queryset=None,
        empty_label=_("Choose one"),
        error_messages={"required": _("Choose a person")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["user"].queryset = staff.users_without_profile(Role.MIDWIFE)  # type: ignore[attr-defined]  # a model choice
        self.helper = form_helper("user", submit=_("Make her a midwife of the programme"))
