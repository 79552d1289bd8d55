"""The log: one entry of domain.md section 5, in the questions that its outcome needs, and taking one back."""

from datetime import date, datetime
from typing import Any, ClassVar

from crispy_forms.layout import HTML
from django import forms
from django.utils.dates import MONTHS
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from mentoring.forms.when import WhenForm, when_layout
from mentoring.models import Concern, Contact, Mode, Outcome, Topic, Who
from mentoring.queries.mother_page import LogStart
from mentoring.rules.contacts import VISITS
from mentoring.services.contacts import Entry
from people.forms.layout import Button, Details, Field, Fieldset, form_helper

ALONE = "alone"
QUICK_MINUTES = (10, 20, 30, 45, 60)
NEXT_PLANNED, NEXT_AGREE, NEXT_CHANGE = "planned", "agree", "change"
FIVE = [(mark, str(mark)) for mark in range(1, 6)]
WHO = [(code, label.capitalize()) for code, label in Who.choices]
YES_NO = [("yes", _("Yes")), ("no", _("No"))]

# What one tap of the first step says: how, and what came of it.
REACHED = [
    ("phone", _("Yes, by phone")),
    ("home_visit", _("Yes, home visit")),
    ("video", _("Yes, by video call")),
    ("text", _("Yes, by text")),
    ("met_elsewhere", _("Yes, met somewhere else")),
    ("met_by_chance", _("Yes, met by chance")),
]
NOT_REACHED = [
    ("phone", "no_answer", _("No answer")),
    ("phone", "voicemail_left", _("I left a voicemail")),
    ("text", "text_no_reply", _("I sent a text, no reply")),
    ("phone", "someone_else", _("Someone else answered")),
    ("home_visit", "not_in", _("She was not in")),
    ("phone", "not_safe", _("It was not safe to talk")),
    ("phone", "declined_today", _("She said not today")),
    ("phone", "she_rearranged", _("She asked to rearrange")),
    ("phone", "lay_worker_rearranged", _("I had to rearrange")),
    ("phone", "wrong_number", _("Wrong number")),
    ("phone", "not_in_service", _("Number not in service")),
    ("home_visit", "moved", _("She has moved")),
]
CHOICES = {f"{mode}-reached": (mode, "reached") for mode, _label in REACHED} | {
    f"{mode}-{outcome}": (mode, outcome) for mode, outcome, _label in NOT_REACHED
}


class ContactForm(WhenForm):
    """One log entry. ``start`` none: for a mother she no longer sees, of whom nothing is shown."""

    client_id = forms.UUIDField(widget=forms.HiddenInput)
    outcome = forms.ChoiceField(
        label=_("What happened?"), choices=[(code, label.capitalize()) for code, label in Outcome.choices]
    )
    mode = forms.ChoiceField(label=_("How?"), choices=[(code, label.capitalize()) for code, label in Mode.choices])
    minutes = forms.ChoiceField(
        label=_("How many minutes?"),
        choices=[(str(number), str(number)) for number in QUICK_MINUTES],
        widget=forms.RadioSelect,
        required=False,
    )
    minutes_other = forms.IntegerField(
        label=_("Or another number of minutes"),
        min_value=1,
        max_value=720,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
        error_messages={
            "invalid": _("Enter the minutes as a number, for example 25"),
            "min_value": _("The minutes must be 1 or more"),
            "max_value": _("The minutes must be 720 or fewer"),
        },
    )
    present = forms.MultipleChoiceField(
        label=_("Who else was there?"),
        choices=[(ALONE, _("Nobody else")), *WHO],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    concern = forms.ChoiceField(
        label=_("Did anything worry you?"),
        choices=[(code, label.capitalize()) for code, label in Concern.choices],
        widget=forms.RadioSelect,
        required=False,
    )
    next_time = forms.ChoiceField(label=_("Next time"), widget=forms.RadioSelect, required=False)
    role_explained = forms.BooleanField(label=_("I said what a mentor is, and is not"), required=False)
    role_read_back = forms.BooleanField(label=_("She told it back in her own words"), required=False)
    language = forms.CharField(label=_("Language you spoke"), max_length=40, required=False)
    interpreter = forms.ChoiceField(
        label=_("Was an interpreter with you?"), choices=YES_NO, widget=forms.RadioSelect, required=False
    )
    travel_minutes = forms.IntegerField(
        label=_("Travel there and back, minutes"),
        min_value=0,
        max_value=600,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    travel_miles = forms.DecimalField(
        label=_("Travel there and back, miles"),
        min_value=0,
        max_value=999,
        max_digits=4,
        decimal_places=1,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )
    influence_none = forms.BooleanField(label=_("I asked, and nobody did"), required=False)
    helped_by = forms.MultipleChoiceField(
        label=_("Helped"), choices=WHO, widget=forms.CheckboxSelectMultiple, required=False
    )
    hindered_by = forms.MultipleChoiceField(
        label=_("Hindered"), choices=WHO, widget=forms.CheckboxSelectMultiple, required=False
    )
    initiated_by = forms.ChoiceField(
        label=_("Who started it?"),
        choices=[(code, label.capitalize()) for code, label in Contact.InitiatedBy.choices],
        widget=forms.RadioSelect,
        initial="lay_worker",
    )
    topics = forms.MultipleChoiceField(
        label=_("What did you talk about?"),
        choices=[(code, label.capitalize()) for code, label in Topic.choices],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    own_experience_shared = forms.ChoiceField(
        label=_("Did you share your own experience?"), choices=YES_NO, widget=forms.RadioSelect, required=False
    )
    engagement = forms.ChoiceField(
        label=_("How much did she take part, as you felt it?"),
        help_text=_("1 is hardly, 5 is very much"),
        choices=FIVE,
        widget=forms.RadioSelect,
        required=False,
    )
    offered = forms.CharField(label=_("What did you offer or suggest?"), max_length=200, required=False)
    taken_up = forms.ChoiceField(
        label=_("Did she take it up?"), choices=YES_NO, widget=forms.RadioSelect, required=False
    )
    note = forms.CharField(
        label=_("Note"),
        help_text=_("Short and kind. You, whoever covers for you, and her midwife can read it."),
        max_length=4000,
        widget=forms.Textarea,
        required=False,
    )
    feeling = forms.ChoiceField(
        label=pgettext_lazy("feeling", "How are you after that?"),
        help_text=_("1 is very low, 5 is good. You may skip it."),
        choices=FIVE,
        widget=forms.RadioSelect,
        required=False,
    )
    please_ring_me = forms.BooleanField(label=_("Please ring me"), required=False)

    field_order: ClassVar[list[str]] = ["client_id", "outcome", "mode", "which_day", "on", "at"]

    def __init__(
        self,
        *args: Any,
        now: datetime,
        mode: str,
        outcome: str,
        start: LogStart | None,
        correcting: Contact | None = None,
        **kwargs: Any,
    ) -> None:
        self.reached = outcome == "reached"
        self.correcting = correcting
        initial = {"mode": mode, "outcome": outcome} | kwargs.pop("initial", {})
        if correcting is not None:
            initial = _initial_of(correcting) | initial
        elif start is not None:
            initial["present"] = None if start.last_present is None else start.last_present or [ALONE]
            initial["language"] = start.language
            initial["next_time"] = NEXT_PLANNED
        super().__init__(
            *args, now=now, initial=initial, happened_at=correcting.happened_at if correcting else None, **kwargs
        )
        self._drop_what_is_not_asked(mode, start)
        self.helper = form_helper(*self._layout(start), submit=_("Save"))

    def _drop_what_is_not_asked(self, mode: str, start: LogStart | None) -> None:
        correcting = self.correcting is not None
        drop: set[str] = set()
        if not correcting:
            drop |= {"outcome"}
            if not self.reached:
                drop |= ABOUT_A_TALK
            if not (self.reached and start and start.ask_role):
                drop |= {"role_explained", "role_read_back"}
            if not (self.reached and start and (start.interpreter_needed or start.language != "English")):
                drop |= {"language", "interpreter"}
            if mode not in VISITS:
                drop |= {"travel_minutes", "travel_miles"}
        if correcting or not self.reached or start is None or start.held:
            drop |= {"next_time"}
        if not correcting:
            drop |= {"reason"}
        for name in drop & self.fields.keys():
            del self.fields[name]
        if self.reached and not correcting:
            self.fields["concern"].required = True
            self.fields["concern"].error_messages["required"] = _("Say whether anything worried you")
        if "next_time" in self.fields and start is not None:
            self.fields["next_time"].choices = _next_choices(start.next_due_on)

    def _layout(self, start: LogStart | None) -> list[Any]:
        has = self.fields.keys()
        last_time = start is not None and start.last_present is not None and self.correcting is None

        def group(legend: Any, *fields: Any, **options: Any) -> list[Any]:
            kept = [field for field in fields if (field if isinstance(field, str) else field.fields[0]) in has]
            return [Fieldset(legend, *kept, size="s", **options)] if kept else []

        def some(*fields: Any) -> list[Any]:
            return [field for field in fields if (field if isinstance(field, str) else field.fields[0]) in has]

        return [
            "client_id",
            *some("outcome"),
            *some(Field("mode")) * (self.correcting is not None),
            *some(
                Field("minutes", inline=True, small=True, mark_optional=False),
                Field("minutes_other", width=3, mark_optional=False),
                Field(
                    "present",
                    small=True,
                    mark_optional=False,
                    hint=_("Marked as last time. Change what is different.") if last_time else None,
                ),
                Field("concern", small=True, mark_optional=False),
                Field("next_time", small=True, mark_optional=False),
            ),
            *group(_("What a mentor is"), "role_explained", "role_read_back"),
            *some(Field("language", width=20), Field("interpreter", inline=True, small=True)),
            *when_layout(),
            *some(Field("travel_minutes", width=3), Field("travel_miles", width=4)),
            Details(
                _("Did anyone help or hinder?"),
                "influence_none",
                Field("helped_by", small=True, mark_optional=False),
                Field("hindered_by", small=True, mark_optional=False),
            ),
            Details(
                _("How are you after that?"),
                HTML(
                    '<p class="nhsuk-body-s">{}</p>'.format(
                        gettext("This is for you and your midwife alone. It is never used to judge your work.")
                    )
                ),
                Field("feeling", inline=True, small=True),
                Field("please_ring_me", hint=_("Your midwife is told now.")),
            ),
            Details(
                _("Add more"),
                *([] if self.correcting is not None else [Field("mode")]),
                Field("initiated_by", small=True, inline=True),
                *some(
                    Field("topics", small=True),
                    Field("own_experience_shared", small=True, inline=True),
                    Field("engagement", small=True, inline=True),
                    "offered",
                    Field("taken_up", small=True, inline=True),
                ),
                "note",
            ),
            *some("reason"),
        ]

    def clean_present(self) -> list[str]:
        present: list[str] = self.cleaned_data["present"]
        if ALONE in present and len(present) > 1:
            raise forms.ValidationError(_("Choose either nobody else, or who was there"))
        return present

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.fields.get("minutes") and (cleaned.get("outcome") or "reached") == "reached":
            if not cleaned.get("minutes") and not cleaned.get("minutes_other") and "minutes_other" not in self.errors:
                self.add_error("minutes", _("Say how many minutes it took"))
            if not cleaned.get("present") and "present" not in self.errors:
                self.add_error("present", _("Say who else was there, or that nobody was"))
        if cleaned.get("influence_none") and (cleaned.get("helped_by") or cleaned.get("hindered_by")):
            self.add_error("influence_none", _("Choose either nobody, or who helped or hindered"))
        return cleaned

    def entry(self) -> Entry:
        """Return the entry that the valid form says; a question not shown is not asked, which is not "no"."""
        said = self.cleaned_data
        reached = said.get("outcome", "reached" if self.reached else "") == "reached"
        present = said.get("present") or []
        helped, hindered = tuple(said["helped_by"]), tuple(said["hindered_by"])
        return Entry(
            client_id=said["client_id"],
            happened_at=self.happened_at(),
            mode=said["mode"],
            outcome=said.get("outcome") or self.initial["outcome"],
            initiated_by=said["initiated_by"],
            minutes=(said.get("minutes_other") or int(said.get("minutes") or 0) or None),
            present=(tuple(who for who in present if who != ALONE) if present else None) if reached else None,
            concern=said.get("concern") or "",
            influence_asked=bool(said["influence_none"] or helped or hindered),
            helped_by=helped,
            hindered_by=hindered,
            role_explained=self._asked("role_explained"),
            role_read_back=self._asked("role_read_back"),
            language=said.get("language") or "",
            interpreter=_yes_no(said.get("interpreter")),
            travel_minutes=said.get("travel_minutes"),
            travel_miles=said.get("travel_miles"),
            topics=tuple(said.get("topics") or ()),
            own_experience_shared=_yes_no(said.get("own_experience_shared")),
            engagement=_whole(said.get("engagement")),
            offered=said.get("offered") or "",
            taken_up=_yes_no(said.get("taken_up")),
            note=said["note"],
            feeling=_whole(said["feeling"]),
            please_ring_me=said["please_ring_me"],
        )

    def _asked(self, name: str) -> bool | None:
        """Return the answer; none where it was not asked, and where a correction leaves it as not asked."""
        if name not in self.fields:
            return None
        answer = bool(self.cleaned_data[name])
        if self.correcting is not None and getattr(self.correcting, name) is None and not answer:
            return None
        return answer


class CorrectionForm(ContactForm):
    """The same entry with what was wrong put right, and why."""

    reason = forms.CharField(
        label=_("Why are you correcting it?"),
        max_length=300,
        error_messages={"required": _("Say why you are correcting it")},
    )


class VoidForm(forms.Form):
    """Why an entry is taken back."""

    reason = forms.CharField(
        label=_("Why are you taking it back?"),
        help_text=_("For example: it was about someone else."),
        max_length=300,
        error_messages={"required": _("Say why you are taking it back")},
    )
    helper = form_helper("reason", Button(_("Take it back"), variant="warning"))


ABOUT_A_TALK = {
    "minutes",
    "minutes_other",
    "present",
    "concern",
    "topics",
    "own_experience_shared",
    "engagement",
    "offered",
    "taken_up",
}


def _next_choices(next_due_on: date | None) -> list[tuple[str, Any]]:
    planned = (
        gettext("As planned, around %(day)s") % {"day": f"{next_due_on.day} {MONTHS[next_due_on.month]}"}
        if next_due_on
        else gettext("As planned")
    )
    return [
        (NEXT_PLANNED, planned),
        (NEXT_AGREE, gettext("We agreed a day and time: I enter it next")),
        (NEXT_CHANGE, gettext("She wants fewer, more or a pause: I enter it next")),
    ]


def _initial_of(contact: Contact) -> dict[str, Any]:
    names = [
        "client_id",
        "mode",
        "outcome",
        "initiated_by",
        "concern",
        "role_explained",
        "role_read_back",
        "language",
        "travel_minutes",
        "travel_miles",
        "helped_by",
        "hindered_by",
        "topics",
        "engagement",
        "offered",
        "note",
        "feeling",
        "please_ring_me",
    ]
    initial = {name: getattr(contact, name) for name in names}
    quick = contact.minutes in QUICK_MINUTES
    return initial | {
        "minutes": str(contact.minutes) if quick else None,
        "minutes_other": None if quick else contact.minutes,
        "present": None if contact.present is None else contact.present or [ALONE],
        "influence_none": contact.influence_asked and not (contact.helped_by or contact.hindered_by),
        "interpreter": _yes_or_no(contact.interpreter),
        "own_experience_shared": _yes_or_no(contact.own_experience_shared),
        "taken_up": _yes_or_no(contact.taken_up),
    }


def _yes_no(answer: str | None) -> bool | None:
    return {"yes": True, "no": False}.get(answer or "")


def _yes_or_no(answer: bool | None) -> str | None:
    return None if answer is None else "yes" if answer else "no"


def _whole(mark: str | None) -> int | None:
    return int(mark) if mark else None
