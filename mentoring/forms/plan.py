"""Changes of a mother's plan as they are asked for: rhythm, pause, resume, birth, due date; and the next time agreed."""

from datetime import date, datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from mentoring.models import Appointment, AskedBy
from mentoring.services.plans import Birth, DueDate, PauseFor, Request, Resume, Rhythm
from people.forms.fields import NhsDateField, NhsTimeField
from people.forms.layout import Details, Field, form_helper
from people.rules.local_time import local_instant

OTHER = "other"
OPEN, FOUR_WEEKS, UNTIL = "open", "28", "until"
MOST_BABIES = 4


class PlanForm(forms.Form):
    """One change of a plan. ``request()`` is what it asks of the plan once valid."""

    client_id = forms.UUIDField(widget=forms.HiddenInput)
    layout: tuple[Any, ...] = ()
    submit = _("Show what will move")

    def __init__(self, *args: Any, is_midwife: bool, on: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.on = on
        asked = []
        if self.asks_who:
            self.fields["asked_by"] = forms.ChoiceField(
                label=_("Who asked?"),
                choices=asked_by_choices(is_midwife=is_midwife),
                widget=forms.RadioSelect,
                error_messages={"required": _("Say who asked")},
            )
            asked = [Field("asked_by", small=True)]
        self.helper = form_helper("client_id", *self.layout, *asked, submit=self.submit)

    asks_who = True

    @property
    def asked_by(self) -> str:
        """Who asked: a birth and a due date are of the record."""
        return str(self.cleaned_data.get("asked_by", AskedBy.RECORD))

    def request(self) -> Request:
        raise NotImplementedError


class RhythmForm(PlanForm):
    every = forms.ChoiceField(
        label=_("How often?"),
        choices=[
            ("7", _("Every week")),
            ("14", _("Every 2 weeks")),
            ("21", _("Every 3 weeks")),
            ("28", _("Every 4 weeks")),
            (OTHER, _("Another number of days")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose how often")},
    )
    every_days = forms.IntegerField(
        label=_("Every how many days?"),
        required=False,
        min_value=1,
        max_value=365,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
        error_messages={
            "invalid": _("Enter the days as a number"),
            "min_value": _("The interval must be between 1 and 365 days"),
            "max_value": _("The interval must be between 1 and 365 days"),
        },
    )
    layout = (
        Field("every", small=True),
        Details(_("If another number of days, enter it here"), Field("every_days", width=3, mark_optional=False)),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("every") == OTHER and not cleaned.get("every_days") and "every_days" not in self.errors:
            self.add_error("every_days", _("Enter every how many days"))
        return cleaned

    def request(self) -> Request:
        every = self.cleaned_data["every"]
        return Rhythm(self.cleaned_data["every_days"] if every == OTHER else int(every))


class PauseForm(PlanForm):
    how_long = forms.ChoiceField(
        label=_("How long?"),
        choices=[
            (FOUR_WEEKS, _("4 weeks")),
            (UNTIL, _("Until a day she named")),
            (OPEN, _("She does not know yet")),
        ],
        widget=forms.RadioSelect,
        initial=FOUR_WEEKS,
        error_messages={"required": _("Say how long")},
    )
    until_on = NhsDateField(
        label=_("First day she wants to hear from you again"), help_text=_("For example, 7 12 2026"), required=False
    )
    from_on = NhsDateField(
        label=_("First day of the pause"), help_text=_("Leave it empty to pause from tomorrow."), required=False
    )
    layout = (
        Field("how_long", small=True),
        Details(_("If she named a day, enter it here"), Field("until_on", mark_optional=False)),
        Details(_("If it begins later than tomorrow, enter the day here"), Field("from_on", mark_optional=False)),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("how_long") == UNTIL and not cleaned.get("until_on") and "until_on" not in self.errors:
            self.add_error("until_on", _("Enter the day, for example 7 12 2026"))
        return cleaned

    def request(self) -> Request:
        how_long, from_on = self.cleaned_data["how_long"], self.cleaned_data["from_on"]
        if how_long == OPEN:
            return PauseFor(from_on=from_on, until_on=None)
        if self.cleaned_data["until_on"] is not None:
            return PauseFor(from_on=from_on, until_on=self.cleaned_data["until_on"])
        return PauseFor(from_on=from_on)


class ResumeForm(PlanForm):
    def request(self) -> Request:
        return Resume()


class BirthForm(PlanForm):
    born_on = NhsDateField(
        label=_("When was the baby born?"),
        help_text=_("For example, 9 11 2026"),
        error_messages={"required": _("Enter the day of birth")},
    )
    babies = forms.ChoiceField(
        label=_("How many babies?"),
        choices=[("1", _("One")), ("2", _("Twins")), ("3", _("Three")), ("4", _("Four"))],
        widget=forms.RadioSelect,
        initial="1",
        error_messages={"required": _("Say how many babies were born")},
    )
    name_1 = forms.CharField(label=_("Baby's name"), max_length=80, required=False)
    name_2 = forms.CharField(label=_("Second baby's name"), max_length=80, required=False)
    name_3 = forms.CharField(label=_("Third baby's name"), max_length=80, required=False)
    name_4 = forms.CharField(label=_("Fourth baby's name"), max_length=80, required=False)
    asks_who = False
    layout = (
        "born_on",
        Field("babies", inline=True, small=True),
        Field("name_1", width=20),
        Details(_("Names of the other babies"), *(Field(f"name_{order}", width=20) for order in (2, 3, 4))),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        count = int(cleaned.get("babies") or MOST_BABIES)
        for order in range(count + 1, MOST_BABIES + 1):
            if cleaned.get(f"name_{order}"):
                self.add_error("babies", _("There are more names than babies: say how many were born"))
                break
        return cleaned

    def request(self) -> Request:
        count = int(self.cleaned_data["babies"])
        names = tuple(self.cleaned_data[f"name_{order}"].strip() for order in range(1, count + 1))
        return Birth(born_on=self.cleaned_data["born_on"], babies=names)


class DueDateForm(PlanForm):
    edd = NhsDateField(
        label=_("New due date"),
        help_text=_("For example, 9 11 2026"),
        error_messages={"required": _("Enter the new due date")},
    )
    asks_who = False
    layout = ("edd",)

    def request(self) -> Request:
        return DueDate(self.cleaned_data["edd"])


class AppointmentForm(forms.Form):
    """The next time, as agreed with her."""

    on = NhsDateField(
        label=_("Which day?"),
        help_text=_("For example, 23 11 2026"),
        error_messages={"required": _("Enter the day you agreed")},
    )
    at = NhsTimeField(label=_("What time?"), help_text=_("For example, 14:30"))
    mode = forms.ChoiceField(
        label=_("How?"),
        choices=[(code, label.capitalize()) for code, label in Appointment.Mode.choices],
        widget=forms.RadioSelect,
        error_messages={"required": _("Say how you will meet")},
    )
    place = forms.CharField(label=_("Where?"), max_length=120, required=False, help_text=_("If not at her home."))
    helper = form_helper("on", Field("at", width=10), Field("mode", small=True), "place", submit=_("Save this time"))

    def starts_at(self) -> datetime:
        """Return the agreed instant."""
        return local_instant(self.cleaned_data["on"], self.cleaned_data["at"])


class NothingForm(forms.Form):
    """A form of one button."""


def asked_by_choices(*, is_midwife: bool) -> list[tuple[str, Any]]:
    """Return who may have asked for a change, as the person at the form would say it; never why."""
    if is_midwife:
        return [
            (AskedBy.SHE_TO_MIDWIFE, _("She asked me")),
            (AskedBy.SHE_TO_LAY_WORKER, _("She asked her lay-worker")),
            (AskedBy.SOMEONE_ELSE, _("Someone else asked for her")),
            (AskedBy.LAY_WORKER, _("Her lay-worker suggested it")),
            (AskedBy.MIDWIFE, _("I decided")),
        ]
    return [
        (AskedBy.SHE_TO_LAY_WORKER, _("She asked me")),
        (AskedBy.SHE_TO_MIDWIFE, _("She asked the midwife")),
        (AskedBy.SOMEONE_ELSE, _("Someone else asked for her")),
        (AskedBy.LAY_WORKER, _("I suggested it")),
    ]
