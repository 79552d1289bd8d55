"""Layout objects for django-crispy-forms, drawn by the template pack ``nhs``. They hold no rules and read no rows."""

from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Layout, LayoutObject
from crispy_forms.utils import TEMPLATE_PACK, render_field
from django.forms import BaseForm
from django.template import Context
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.safestring import SafeString

Text = str | Promise


class Field(LayoutObject):
    """One field and how it is drawn.

    ``width`` (characters: 2, 3, 4, 5, 10, 20, 30), ``hint`` (else the field's help text), ``label``,
    ``label_size`` ("s", "m", "l", "xl"), ``page_heading`` (the label is the page's only h1), ``hide_label``,
    ``inline`` and ``small`` (radios, checkboxes), ``item_hints`` (value to hint), ``divider_before`` (a value),
    ``rows`` (long text), ``prefix`` and ``suffix`` (dicts with ``text``), ``classes``, ``mark_optional``.
    """

    def __init__(self, name: str, **options: Any) -> None:
        unknown = options.keys() - FIELD_OPTIONS
        if unknown:
            raise TypeError(f"Field has no option {', '.join(sorted(unknown))}")
        self.fields = [name]
        self.options = options

    def render(self, form: BaseForm, context: Context, template_pack: str = TEMPLATE_PACK, **kwargs: Any) -> SafeString:
        return render_field(
            self.fields[0], form, context, template_pack=template_pack, extra_context={"field_options": self.options}
        )


FIELD_OPTIONS = {
    "width",
    "hint",
    "label",
    "label_size",
    "page_heading",
    "hide_label",
    "inline",
    "small",
    "item_hints",
    "divider_before",
    "rows",
    "prefix",
    "suffix",
    "classes",
    "mark_optional",
}


def _flat(context: Context) -> dict[str, Any]:
    return {str(key): value for key, value in context.flatten().items()}


class _Group(LayoutObject):
    template_name: str

    def __init__(self, *fields: Any) -> None:
        self.fields = list(fields)

    def values(self, form: BaseForm) -> dict[str, Any]:
        return {}

    def render(self, form: BaseForm, context: Context, template_pack: str = TEMPLATE_PACK, **kwargs: Any) -> SafeString:
        # django-crispy-forms leaves dicts of each field on the context: one pop would leave ours to the fields after.
        depth = len(context.dicts)
        context.push(**self.values(form))
        try:
            inner = self.get_rendered_fields(form, context, template_pack)
            return render_to_string(
                f"{template_pack}/layout/{self.template_name}.html",
                {**_flat(context), **self.values(form), "fields_output": inner, "group": self},
            )
        finally:
            del context.dicts[depth:]


class Fieldset(_Group):
    """Fields under one legend. ``size`` is the legend's; ``heading_level`` makes it a heading too."""

    template_name = "fieldset"

    def __init__(
        self,
        legend: Text,
        *fields: Any,
        size: str = "m",
        hint: Text | None = None,
        heading_level: int | None = None,
    ) -> None:
        super().__init__(*fields)
        self.legend = legend
        self.size = size
        self.hint = hint
        self.heading_level = heading_level

    def values(self, form: BaseForm) -> dict[str, Any]:
        naming: dict[str, Any] = {"text": self.legend, "size": self.size}
        if self.heading_level:
            naming = {"text": self.legend, "heading": {**naming, "level": self.heading_level}}
        return {"legend": naming}


class Details(_Group):
    """Fields that most people do not need, behind a summary such as "Add more".

    Opens by itself when one of its fields holds an error or something typed, so that nothing typed is hidden.
    """

    template_name = "details"

    def __init__(self, summary: Text, *fields: Any, mark_optional: bool = False) -> None:
        super().__init__(*fields)
        self.summary = summary
        self.mark_optional = mark_optional

    def values(self, form: BaseForm) -> dict[str, Any]:
        inside = [form[pointer.name] for pointer in self.get_field_names() if pointer.name in form.fields]
        filled = any(
            field.errors or (form.is_bound and field.field.has_changed(field.initial, field.data)) for field in inside
        )
        return {"open": filled, "mark_optional": self.mark_optional}


class Button(LayoutObject):
    """A submit button. ``variant`` is "secondary" or "warning"; a second click within a second does nothing."""

    def __init__(
        self,
        text: Text,
        *,
        name: str | None = None,
        value: str | None = None,
        variant: str | None = None,
        href: str | None = None,
        classes: str | None = None,
    ) -> None:
        self.fields: list[Any] = []
        self.params: dict[str, Any] = {
            "text": text,
            "name": name,
            "value": value,
            "variant": variant,
            "href": href,
            "classes": classes,
        }
        if href is None:
            self.params["preventDoubleClick"] = True

    def render(self, form: BaseForm, context: Context, template_pack: str = TEMPLATE_PACK, **kwargs: Any) -> SafeString:
        return render_to_string(f"{template_pack}/layout/button.html", {"params": self.params})


class Buttons(_Group):
    """Buttons side by side, wrapping on a phone."""

    template_name = "buttons"


class Include(LayoutObject):
    """Another template in the middle of a form, with the page's context and ``values``."""

    def __init__(self, template_name: str, **values: Any) -> None:
        self.fields: list[Any] = []
        self.template_name = template_name
        self.given = values

    def render(self, form: BaseForm, context: Context, template_pack: str = TEMPLATE_PACK, **kwargs: Any) -> SafeString:
        return render_to_string(self.template_name, {**_flat(context), **self.given})


def form_helper(*fields: Any, submit: Text | None = None, method: str = "post", action: str = "") -> FormHelper:
    """Return a helper whose form shows ``fields`` and, if ``submit`` is given, one button with that text."""
    helper = FormHelper()
    helper.form_method = method
    if action:
        helper.form_action = action
    helper.layout = Layout(*fields, *([Button(submit)] if submit else []))
    return helper
