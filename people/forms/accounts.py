"""Forms of the administrator's pages."""

from django import forms
from django.utils.translation import gettext_lazy as _

from people.forms.layout import Field, form_helper
from people.models.user import ROLE_WORDS


class InviteForm(forms.Form):
    name = forms.CharField(label=_("Full name"), max_length=120)
    email = forms.EmailField(label=_("E-mail address"), max_length=254)

    @property
    def helper(self):
        return form_helper(Field("name"), Field("email"), submit=_("Send the invitation"))


class GrantForm(forms.Form):
    role = forms.ChoiceField(
        label=_("Right to give"),
        choices=[("", _("Choose one")), *((role.value, words) for role, words in ROLE_WORDS.items())],
    )

    @property
    def helper(self):
        return form_helper(Field("role"), submit=_("Give this right"))


class LocalityForm(forms.Form):
    name = forms.CharField(label=_("Name of the locality"), max_length=80)
    is_active = forms.BooleanField(label=_("In use"), required=False, initial=True)

    @property
    def helper(self):
        return form_helper(Field("name"), Field("is_active"), submit=_("Save"))
