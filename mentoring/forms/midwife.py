"""Forms of the midwife's and the programme lead's pages: register, safe contact, pair, end, cover, protocol."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext_lazy as _

from mentoring.models import Pairing
from mentoring.services.mothers import Hours, Number, Registration, Sheet
from people.forms.fields import NhsDateField, NhsTimeField
from people.forms.layout import Button, Buttons, Details, Field, Fieldset, Include, form_helper
from people.models import SafeContact
from people.rules.phones import NotANumber, normalised, readable

YES_NO = [("yes", _("Yes")), ("no", _("No"))]
SAFE = [("call", _("ring")), ("text", _("send a text")), ("voicemail", _("leave a voicemail"))]
DAYS = [
    ("1", _("Monday")), ("2", _("Tuesday")), ("3", _("Wednesday")), ("4", _("Thursday")), ("5", _("Friday")),
    ("6", _("Saturday")), ("7", _("Sunday")),
]  # fmt: skip
SHEET_LAYOUT: tuple[Any, ...] = (
    Fieldset(
        _("Her telephone"),
        Field("phone_1", width=20),
        Field("safe_1", small=True, mark_optional=False),
        Details(
            _("A second number"),
            Field("phone_2", width=20, mark_optional=False),
            Field("safe_2", small=True, mark_optional=False),
        ),
    ),
    Fieldset(
        _("Keeping her safe"),
        Field("was_alone", inline=True, mark_optional=False),
        Field("if_someone_else_answers"),
        Field("what_to_do", rows=3),
        Details(
            _("Days and times, and more"),
            Field("weekdays", small=True),
            Field("from_time", width=10),
            Field("to_time", width=10),
            Field("number_she_will_see"),
            Field("lives_with", small=True),
            Field("texts_opted_in"),
            Field("card_is_safe"),
        ),
    ),
)


class SheetForm(forms.Form):
    """The safe-contact sheet. Nothing is safe until she says so: every box starts empty."""

    phone_1 = forms.CharField(label=_("Telephone number"), max_length=30, required=False)
    safe_1 = forms.MultipleChoiceField(
        label=_("She says it is safe to"), choices=SAFE, required=False, widget=forms.CheckboxSelectMultiple
    )
    phone_2 = forms.CharField(label=_("Second telephone number"), max_length=30, required=False)
    safe_2 = forms.MultipleChoiceField(
        label=_("On that number it is safe to"), choices=SAFE, required=False, widget=forms.CheckboxSelectMultiple
    )
    was_alone = forms.ChoiceField(
        label=_("Was she alone when you asked?"),
        help_text=_("Leave this open if you have not asked her yet: then nothing is safe."),
        choices=YES_NO,
        required=False,
        widget=forms.RadioSelect,
    )
    if_someone_else_answers = forms.CharField(
        label=_("What to say if someone else answers"), max_length=300, required=False
    )
    what_to_do = forms.CharField(
        label=_("What her lay-worker should do"), max_length=600, required=False, widget=forms.Textarea
    )
    weekdays = forms.MultipleChoiceField(
        label=_("Safe days"), choices=DAYS, required=False, widget=forms.CheckboxSelectMultiple
    )
    from_time = NhsTimeField(label=_("Safe from"), required=False)
    to_time = NhsTimeField(label=_("Safe until"), required=False)
    number_she_will_see = forms.CharField(label=_("The number she will see"), max_length=60, required=False)
    lives_with = forms.MultipleChoiceField(
        label=_("Who lives with her"),
        choices=[(code, label.capitalize()) for code, label in SafeContact.LivesWith.choices],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    texts_opted_in = forms.BooleanField(label=_("She wants text messages"), required=False)
    card_is_safe = forms.BooleanField(label=_("A card is safe for her to keep"), required=False)

    def _clean_phone(self, name: str) -> str:
        typed = self.cleaned_data.get(name, "")
        if not typed:
            return ""
        try:
            return normalised(typed)
        except NotANumber:
            raise forms.ValidationError(
                _("Enter a telephone number that can be rung, for example 07700 900123")
            ) from None

    def clean_phone_1(self) -> str:
        return self._clean_phone("phone_1")

    def clean_phone_2(self) -> str:
        return self._clean_phone("phone_2")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for place in ("1", "2"):
            if data.get(f"safe_{place}") and f"phone_{place}" in data and not data[f"phone_{place}"]:
                self.add_error(f"phone_{place}", _("Enter the number that is safe"))
        if data.get("phone_1") and data.get("phone_1") == data.get("phone_2"):
            self.add_error("phone_2", _("This is the first number again"))
        if (data.get("safe_1") or data.get("safe_2")) and not data.get("was_alone"):
            self.add_error("was_alone", _("Say whether she was alone when you asked"))
        given = [bool(data.get("weekdays")), data.get("from_time") is not None, data.get("to_time") is not None]
        if any(given) and not all(given):
            self.add_error("weekdays", _("Give the days and both times, or none of them"))
        elif all(given) and data["from_time"] >= data["to_time"]:
            self.add_error("to_time", _("This must be later than the time it is safe from"))
        return data

    def numbers(self) -> tuple[Number, ...]:
        """Return the numbers typed, with what is safe on each."""
        found = []
        for place in ("1", "2"):
            number = self.cleaned_data[f"phone_{place}"]
            safe = self.cleaned_data[f"safe_{place}"]
            if number:
                found.append(Number(number, "call" in safe, "text" in safe, "voicemail" in safe))
        return tuple(found)

    def sheet(self, *, asked_on: date) -> Sheet:
        """Return the sheet as asked on a day; not asked at all where nobody says whether she was alone."""
        data = self.cleaned_data
        hours: tuple[Hours, ...] = ()
        if data["weekdays"]:
            hours = (Hours(tuple(int(day) for day in data["weekdays"]), data["from_time"], data["to_time"]),)
        return Sheet(
            asked_on=asked_on if data["was_alone"] else None,
            was_alone={"yes": True, "no": False}.get(data["was_alone"]),
            if_someone_else_answers=data["if_someone_else_answers"],
            number_she_will_see=data["number_she_will_see"],
            what_to_do=data["what_to_do"],
            lives_with=tuple(data["lives_with"]),
            texts_opted_in=data["texts_opted_in"],
            card_is_safe=data["card_is_safe"],
            hours=hours,
        )


class RenewForm(SheetForm):
    """The sheet asked again: her numbers stand there, what is safe on them does not."""

    def __init__(self, *args: Any, numbers: Sequence[str] = (), **kwargs: Any) -> None:
        known = {f"phone_{place}": readable(number) for place, number in enumerate(numbers[:2], start=1)}
        super().__init__(*args, initial=known, **kwargs)
        self.fields["was_alone"].required = True
        self.fields["was_alone"].help_text = ""
        self.fields["was_alone"].error_messages["required"] = _("Say whether she was alone when you asked")
        self.helper = form_helper(*SHEET_LAYOUT, submit=_("Save what she said"))


class RegisterForm(SheetForm):
    """A mother and her sheet on one page."""

    client_id = forms.UUIDField(widget=forms.HiddenInput)
    first_name = forms.CharField(
        label=_("First name"), max_length=80, error_messages={"required": _("Enter her first name")}
    )
    family_name = forms.CharField(
        label=_("Family name"), max_length=80, error_messages={"required": _("Enter her family name")}
    )
    name_to_use = forms.CharField(label=_("Name to use, if another"), max_length=80, required=False)
    date_of_birth = NhsDateField(label=_("Date of birth"), birthday=True, required=False)
    address = forms.CharField(label=_("Address"), required=False, max_length=500, widget=forms.Textarea)
    locality = forms.TypedChoiceField(
        label=_("Locality"), coerce=int, error_messages={"required": _("Choose where she lives")}
    )
    language = forms.CharField(
        label=_("Language she prefers"),
        max_length=40,
        initial="English",
        error_messages={"required": _("Enter the language she prefers")},
    )
    interpreter_needed = forms.BooleanField(label=_("She needs an interpreter"), required=False)
    starts_on = NhsDateField(
        label=_("First hospital antenatal visit"),
        error_messages={"required": _("Enter the day of her first hospital antenatal visit")},
    )
    edd = NhsDateField(label=_("Due date"), error_messages={"required": _("Enter her due date")})
    not_a_double = forms.BooleanField(
        label=_("I have looked: she is someone else"), required=False, widget=forms.HiddenInput
    )

    def __init__(self, *args: Any, localities: list[tuple[int, str]], **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"client_id": uuid4(), "language": "English"})
        super().__init__(*args, **kwargs)
        self.fields["locality"].choices = [("", _("Choose one")), *localities]  # type: ignore[attr-defined]  # a choice field
        self.helper = form_helper(
            "client_id",
            Fieldset(_("Who she is"), "first_name", "family_name", "name_to_use", "date_of_birth", "not_a_double"),
            Fieldset(_("Her pregnancy"), "starts_on", "edd"),
            Fieldset(_("Where and how"), Field("address", rows=3), "locality", "language", "interpreter_needed"),
            *SHEET_LAYOUT,
            submit=_("Register her"),
        )
        if self.data.get("not_a_double") == "on":
            self._show_not_a_double()

    def _show_not_a_double(self) -> None:
        self.fields["not_a_double"].widget = forms.CheckboxInput()

    def warn_of_doubles(self, codes: Sequence[str]) -> None:
        """The form names those who look alike and asks whether she is someone else."""
        self._show_not_a_double()
        self.add_error(
            "not_a_double",
            _("She may be registered already, as %(codes)s. Look there first. If she is someone else, tick here.")
            % {"codes": ", ".join(codes)},
        )

    def registration(self, *, on: date) -> Registration:
        """Return what the service registers."""
        data = self.cleaned_data
        return Registration(
            first_name=data["first_name"],
            family_name=data["family_name"],
            name_to_use=data["name_to_use"] or data["first_name"],
            starts_on=data["starts_on"],
            edd=data["edd"],
            locality_id=data["locality"],
            date_of_birth=data["date_of_birth"],
            address=data["address"],
            language=data["language"],
            interpreter_needed=data["interpreter_needed"],
            numbers=self.numbers(),
            sheet=self.sheet(asked_on=on),
            client_id=data["client_id"],
        )


class PairForm(forms.Form):
    """With whom."""

    lay_worker = forms.TypedChoiceField(
        label=_("Lay-worker"),
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose a lay-worker")},
    )

    def __init__(self, *args: Any, choices: list[tuple[int, str]], hints: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["lay_worker"].choices = choices  # type: ignore[attr-defined]  # a choice field
        self.helper = form_helper(Field("lay_worker", item_hints=hints), submit=_("Pair them"))


class EndPairingForm(forms.Form):
    """Why it ends, by code."""

    reason = forms.ChoiceField(
        label=_("Why does it end?"),
        choices=[(code, label.capitalize()) for code, label in Pairing.EndReason.choices],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose a reason")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = form_helper("reason", Button(_("End this pairing"), variant="warning"))


class CoverForm(forms.Form):
    """Who covers, from when to when. *Look* shows what falls in these days and saves nothing."""

    lay_worker = forms.TypedChoiceField(
        label=_("Who covers?"),
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose who covers")},
    )
    starts_on = NhsDateField(label=_("First day"), error_messages={"required": _("Enter the first day of cover")})
    last_on = NhsDateField(label=_("Last day"), error_messages={"required": _("Enter the last day of cover")})

    def __init__(self, *args: Any, choices: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["lay_worker"].choices = choices  # type: ignore[attr-defined]  # a choice field
        self.helper = form_helper(
            "lay_worker",
            Field("starts_on", hint=_("For example, 9 11 2026")),
            Field("last_on", hint=_("The last day on which she covers")),
            Include("mentoring/_cover_windows.html"),
            Buttons(
                Button(_("Arrange cover")),
                Button(_("Look what falls in these days"), name="look", value="1", variant="secondary"),
            ),
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("starts_on") and data.get("last_on") and data["last_on"] < data["starts_on"]:
            self.add_error("last_on", _("The last day must not be before the first"))
        return data


class ProtocolForm(forms.Form):
    """A new version of the protocol's settings."""

    antenatal_every_days = forms.IntegerField(
        label=_("Days between contacts before the birth"), min_value=1, max_value=365
    )
    postnatal_every_days = forms.IntegerField(
        label=_("Days between contacts after the birth"), min_value=1, max_value=365
    )
    mothers_per_lay_worker = forms.IntegerField(label=_("Most mothers to a lay-worker"), min_value=1, max_value=60)
    calendar_feeds = forms.BooleanField(
        label=_("Staff may have a secret calendar address"),
        help_text=_("It shows agreed times by programme code. Taken away, every address opens nothing at once."),
        required=False,
    )
    reason = forms.CharField(
        label=_("Why"), max_length=300, error_messages={"required": _("Say why, for whoever looks back")}
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = form_helper(
            Field("antenatal_every_days", width=3),
            Field("postnatal_every_days", width=3),
            Field("mothers_per_lay_worker", width=3),
            "calendar_feeds",
            "reason",
            submit=_("Put this version in force"),
        )
