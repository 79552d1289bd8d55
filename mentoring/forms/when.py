"""When something happened: today, yesterday or another day, and the local time. Holds no rule about which is allowed."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from people.forms.fields import NhsDateField, NhsTimeField
from people.forms.layout import Details, Field
from people.rules.local_time import LOCAL, local_instant

TODAY, YESTERDAY, ANOTHER = "today", "yesterday", "another"


class WhenForm(forms.Form):
    """Asks for the day and time of what happened; ``happened_at()`` is the instant once it is valid."""

    which_day = forms.ChoiceField(
        label=_("Which day?"),
        choices=[(TODAY, _("Today")), (YESTERDAY, _("Yesterday")), (ANOTHER, _("Another day"))],
        widget=forms.RadioSelect,
        error_messages={"required": _("Say which day it was")},
    )
    on = NhsDateField(label=_("Which other day?"), help_text=_("For example, 9 11 2026"), required=False)
    at = NhsTimeField(label=_("What time?"), help_text=_("For example, 14:30"))

    def __init__(self, *args: Any, now: datetime, happened_at: datetime | None = None, **kwargs: Any) -> None:
        self.today = now.astimezone(LOCAL).date()
        local = (happened_at or now).astimezone(LOCAL)
        days = (self.today - local.date()).days
        near = {0: TODAY, 1: YESTERDAY}.get(days, ANOTHER)
        initial = {"which_day": near, "on": local.date() if near == ANOTHER else None, "at": local.time()}
        super().__init__(*args, **kwargs | {"initial": initial | kwargs.get("initial", {})})
        self.was = local

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("which_day") == ANOTHER and cleaned.get("on") is None and "on" not in self.errors:
            self.add_error("on", _("Enter the day, for example 9 11 2026"))
        return cleaned

    def happened_at(self) -> datetime:
        """Return the instant; a day typed in the boxes counts, whichever button is marked.

        Where day and minute are as they were, it is the very instant of before: the form shows minutes alone.
        """
        on: date = self.cleaned_data["on"] or self.today - timedelta(days=self.cleaned_data["which_day"] == YESTERDAY)
        at: time = self.cleaned_data["at"]
        if (on, at) == (self.was.date(), self.was.time().replace(second=0, microsecond=0)):
            return self.was
        return local_instant(on, at)


def when_layout() -> list[Any]:
    """Return the layout of these fields."""
    return [
        Field("which_day", inline=True, small=True),
        Details(_("If it was another day, enter it here"), Field("on", mark_optional=False)),
        Field("at", width=10),
    ]
