"""What a member of staff is told: boxes a kind, and her quiet days. The shape of input; what may be is the service's."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from outbox.models import Message
from outbox.rules.registry import Kind
from people.forms.fields import NhsDateField
from people.forms.layout import Field, form_helper

CHANNELS = (Message.Channel.EMAIL, Message.Channel.IN_APP)


class WishesForm(forms.Form):
    """One question a kind: by which channels it comes. A kind that comes by two keeps at least one."""

    def __init__(self, *args: Any, kinds: Sequence[Kind], off: frozenset[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kinds = kinds
        for kind in kinds:
            choices = [(channel.value, channel.label) for channel in CHANNELS if channel.value in kind.channels]
            self.fields[kind.code] = forms.MultipleChoiceField(
                label=_(kind.label).capitalize(),
                choices=choices,
                initial=[channel for channel in kind.channels if (kind.code, channel) not in off],
                required=len(choices) > 1,
                error_messages={
                    "required": _("Keep e-mail or the app for this: %(kind)s") % {"kind": _(kind.label)},
                },
                widget=forms.CheckboxSelectMultiple,
            )
        self.helper = form_helper(
            *(Field(kind.code, small=True, mark_optional=False) for kind in kinds), submit=_("Save what I am told")
        )

    @property
    def wanted(self) -> dict[tuple[str, str], bool]:
        """By kind and channel, whether it was ticked."""
        return {
            (kind.code, channel): channel in self.cleaned_data[kind.code]
            for kind in self.kinds
            for channel in kind.channels
        }


class QuietDayForm(forms.Form):
    """One day on which nothing that can wait is sent."""

    on = NhsDateField(label=gettext_lazy("Which day?"), help_text=gettext_lazy("For example, 9 11 2026"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = form_helper("on", submit=_("Keep this day quiet"))
