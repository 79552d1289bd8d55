"""NHS.UK frontend components for Django templates: one function, one tag, and the tags that the crispy pack uses.

Text is always escaped; markup passes only as a ``SafeString`` in a parameter whose name says so.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from django import forms, template
from django.forms import BoundField
from django.forms.formsets import BaseFormSet
from django.forms.widgets import ChoiceWidget
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from jinja2 import ChainableUndefined, Environment, PackageLoader
from markupsafe import Markup

register = template.Library()

NPM_COMPONENTS = Path(__file__).parents[2] / "node_modules" / "nhsuk-frontend" / "dist" / "nhsuk" / "components"

# Folders whose macro is not the folder's name in camel case.
MACRO_NAMES = {"tables": "table", "images": "image", "do-dont-list": "list"}

# Parameters that are themselves components, where the name is not the folder's.
NESTED_COMPONENTS = {
    "title": "heading",
    "items": "input",
    "day": "input",
    "month": "input",
    "year": "input",
    "errorMessage": "error-message",
}

# Attributes of a Django widget that the input macro takes as parameters of their own.
INPUT_PARAMETERS = ("autocomplete", "inputmode", "pattern", "spellcheck", "autocapitalize")


class UnknownParameter(TypeError):
    """A component was given a parameter that it would have ignored in silence."""


class UnsafeMarkup(TypeError):
    """A parameter that is not escaped was given text that nothing has marked safe."""


@cache
def _options(name: str) -> dict[str, Any] | None:
    """Return the parameters of a component as the npm package lists them, or None where it is not installed."""
    listing = NPM_COMPONENTS / name / "macro-options.json"
    if not listing.exists():
        return None
    return _tree(json.loads(listing.read_text(encoding="utf-8")))


def _tree(listed: list[dict[str, Any]]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for option in listed:
        if option.get("deprecated"):
            continue
        children = _tree(option.get("params") or [])
        if option.get("isComponent"):
            children["__component__"] = NESTED_COMPONENTS.get(option["name"], option["name"])
        tree[option["name"]] = children
    return tree


def _check(name: str, value: Any, known: dict[str, Any], path: str) -> None:
    """Raise UnknownParameter for the first key of ``value``, at any depth, that the component does not list."""
    nested = known.get("__component__")
    if nested:
        known = {**(_options(nested) or {}), **known}
    if isinstance(value, Mapping):
        for key, child in value.items():
            if known and key not in known:
                raise UnknownParameter(f"{name}: {path}{key}")
            if key != "attributes":
                _check(name, child, known.get(key, {}), f"{path}{key}.")
    elif isinstance(value, Iterable) and not isinstance(value, str | Promise):
        for child in value:
            _check(name, child, known, path)


def _prepared(value: Any, key: str = "") -> Any:
    """Return ``value`` as the macros expect it: plain text to be escaped, or markup under a key that says ``html``."""
    if isinstance(value, Promise):
        value = str(value)
    if key == "html" or key.endswith("Html"):
        if value and not isinstance(value, SafeString):
            raise UnsafeMarkup(key)
        return Markup(value or "")  # noqa: S704 - the line above lets only a SafeString through
    if key == "attributes" and value is not None and not isinstance(value, Mapping):
        raise UnsafeMarkup(key)
    if isinstance(value, str):
        return "".join(value)
    if isinstance(value, Mapping):
        return {k: _prepared(v, k) for k, v in value.items() if v is not None}
    if isinstance(value, Iterable):
        return [_prepared(item, "") for item in value]
    return value


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("nhsuk_frontend_jinja"),
        undefined=ChainableUndefined,
        autoescape=True,
        auto_reload=False,
        cache_size=-1,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # The macros indent what they hold, which would add spaces to each line typed into a textarea.
    environment.filters["indent"] = lambda text, *_args, **_kwargs: text
    return environment


@cache
def _macro(name: str) -> Any:
    first, *rest = name.split("-")
    macro = MACRO_NAMES.get(name, first + "".join(part.capitalize() for part in rest))
    module = _environment().get_template(f"nhsuk/components/{name}/macro.jinja").module
    return getattr(module, macro)


def component(name: str, /, **params: Any) -> SafeString:
    """Return the markup of one NHS.UK component; ``name`` is its folder, such as ``"date-input"``.

    Raises UnknownParameter where the npm package is installed (everywhere but a production image) and
    UnsafeMarkup anywhere. Text is escaped, even if it is marked safe; ``None`` is as if it were not given.
    """
    name = "".join(name)
    known = _options(name)
    if known is not None:
        _check(name, params, known, "")
    return SafeString(_macro(name)(_prepared(params)))


@register.simple_tag
def nhs(component_name: str, params: Mapping[str, Any] | None = None, **more: Any) -> SafeString:
    """Draw a component: ``{% nhs "button" text="Save" %}``, or ``params=`` with a dict made in the view."""
    return component(component_name, **{**(params or {}), **more})


def _text_or_markup(text: Any) -> dict[str, Any]:
    text = str(text) if isinstance(text, Promise) else text
    return {"html": text} if isinstance(text, SafeString) else {"text": str(text)}


def _first_control(field: BoundField) -> str:
    """Return the id of the control that a link to the field's error should reach."""
    if isinstance(field.field.widget, forms.MultiWidget):
        return f"{field.auto_id}_{min(wrong_parts(field), default=0)}"
    return field.auto_id


def wrong_parts(field: BoundField) -> set[int]:
    """Return which boxes of a field with several hold the error, from 0; all of them if the error does not say."""
    boxes = range(len(getattr(field.field.widget, "widgets", [])))
    named = {
        part
        for error in field.errors.as_data()
        for part in ((getattr(error, "params", None) or {}).get("parts") or boxes)
    }
    return named & set(boxes)


@register.simple_tag
def nhs_error_summary(*sources: Any) -> SafeString:
    """Draw the summary of all errors of the given forms and formsets, each with a link to its control; or nothing.

    Errors of a whole form, and of hidden fields, stand as text: there is no control to reach.
    """
    errors: list[dict[str, str]] = []
    for source in sources:
        if isinstance(source, BaseFormSet):
            errors += [{"text": str(error)} for error in source.non_form_errors()]
            all_forms: Iterable[forms.BaseForm] = source.forms
        elif isinstance(source, forms.BaseForm):
            all_forms = [source]
        else:
            continue
        for form in all_forms:
            errors += _errors_of(form)
    if not errors:
        return SafeString("")
    return component("error-summary", heading={"text": gettext("There is a problem")}, errorList=errors)


def _errors_of(form: forms.BaseForm) -> list[dict[str, str]]:
    if not form.errors:
        return []
    found = [{"text": str(error)} for error in form.non_field_errors()]
    for field in _as_drawn(form):
        for text in _error_texts(field):
            if field.is_hidden:
                found.append({"text": f"{field.label}: {text}"})
            else:
                found.append({"text": text, "href": f"#{_first_control(field)}"})
    return found


def _as_drawn(form: forms.BaseForm) -> list[BoundField]:
    """Return the fields in the order in which the page shows them."""
    layout = getattr(getattr(form, "helper", None), "layout", None)
    places = {pointer.name: place for place, pointer in enumerate(layout.get_field_names() if layout else ())}
    return sorted(form, key=lambda field: places.get(field.name, len(places)))


def _error_texts(field: BoundField) -> list[str]:
    """Return a field's errors; where a form left Django's own words for an empty field, plainer ones that name it."""
    texts = []
    for text, error in zip(field.errors, field.errors.as_data(), strict=True):
        if error.code == "required" and error.message == forms.Field.default_error_messages["required"]:
            choice = isinstance(field.field.widget, ChoiceWidget)
            wording = gettext("Choose an answer: %(label)s") if choice else gettext("Fill this in: %(label)s")
            texts.append(wording % {"label": field.label})
        else:
            texts.append(str(text))
    return texts


@register.simple_tag
def nhs_field(
    field: BoundField,
    options: Mapping[str, Any] | None = None,
    mark_optional: bool | str = True,
    hint: str | None = None,
) -> SafeString:
    """Draw a form field with its label, hint and errors. Options are those of people.forms.layout.Field."""
    options = options or {}
    widget = field.field.widget
    if field.is_hidden:
        return SafeString(field.as_hidden() if not isinstance(widget, forms.MultiWidget) else str(field))

    label = str(options.get("label") or field.label)
    optional = options.get("mark_optional", mark_optional is not False) and not isinstance(widget, forms.CheckboxInput)
    if optional and not field.field.required and not field.field.disabled:
        label = gettext("%(label)s (optional)") % {"label": label}
    hint_text = options.get("hint", field.help_text) if hint is None else hint
    common: dict[str, Any] = {
        "hint": _text_or_markup(hint_text) if hint_text else None,
        "errorMessage": {"text": " ".join(_error_texts(field))} if field.errors else None,
    }
    naming = _naming(label, options)

    if isinstance(widget, forms.MultiWidget):
        return _boxes(field, widget, common | {"fieldset": {"legend": naming}})
    if isinstance(widget, forms.CheckboxInput):
        item = {"value": "on", "text": label, "checked": bool(field.value()), "id": field.auto_id}
        return component("checkboxes", name=field.html_name, idPrefix=field.auto_id, items=[item], **common)
    if isinstance(widget, forms.RadioSelect):  # CheckboxSelectMultiple is one too
        kind = "checkboxes" if isinstance(widget, forms.CheckboxSelectMultiple) else "radios"
        return component(
            kind,
            name=field.html_name,
            idPrefix=field.auto_id,
            fieldset={"legend": naming},
            items=_items(field, widget, options),
            inline=options.get("inline"),
            small=options.get("small"),
            **common,
        )
    common |= {
        "id": field.auto_id,
        "name": field.html_name,
        "label": naming,
        "classes": options.get("classes"),
        "disabled": field.field.disabled or None,
        "attributes": _other_attributes(widget),
    }
    if isinstance(widget, forms.Select):
        return component("select", items=_items(field, widget, options), **common)
    if isinstance(widget, forms.FileInput):
        return component("file-upload", **common)
    common["value"] = widget.format_value(field.value())
    common["autocomplete"] = widget.attrs.get("autocomplete")
    if isinstance(widget, forms.Textarea):
        return component("textarea", rows=options.get("rows", 4), **common)
    if isinstance(widget, forms.PasswordInput):
        common.pop("value")
        return component(
            "password-input",
            showPasswordText=gettext("Show"),
            hidePasswordText=gettext("Hide"),
            showPasswordAriaLabel=gettext("Show password"),
            hidePasswordAriaLabel=gettext("Hide password"),
            passwordShownAnnouncementText=gettext("Your password is visible"),
            passwordHiddenAnnouncementText=gettext("Your password is hidden"),
            **common,
        )
    common |= {name: widget.attrs[name] for name in INPUT_PARAMETERS if name in widget.attrs}
    return component(
        "input",
        type=widget.attrs.get("type", getattr(widget, "input_type", "text")),
        width=options.get("width"),
        prefix=options.get("prefix"),
        suffix=options.get("suffix"),
        **common,
    )


def _naming(label: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a label or legend; one that is the page's heading becomes its h1."""
    if options.get("page_heading"):
        return {"text": label, "heading": {"text": label, "level": 1, "size": options.get("label_size", "l")}}
    if options.get("hide_label"):
        return {"text": label, "classes": "nhsuk-u-visually-hidden"}
    return {"text": label, "size": options.get("label_size", "s")}


def _other_attributes(widget: forms.Widget) -> dict[str, Any] | None:
    # A placeholder repeats the label, and vanishes when it is needed.
    taken = {
        *INPUT_PARAMETERS,
        "placeholder",
        "type",
        "class",
        "id",
        "rows",
        "cols",
        "required",
        "aria-describedby",
        "aria-invalid",
    }
    others = {k: str(v) if v is not True else "" for k, v in widget.attrs.items() if k not in taken and v is not False}
    return others or None


def _items(field: BoundField, widget: ChoiceWidget, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    hints = options.get("item_hints") or {}
    in_a_menu = not isinstance(widget, forms.RadioSelect)
    items: list[dict[str, Any]] = []
    for _group, choices, _index in widget.optgroups(field.html_name, widget.format_value(field.value())):
        for choice in choices:
            value = str(choice["value"])
            if not value and not in_a_menu:
                continue
            if options.get("divider_before") == value:
                items.append({"divider": gettext("or")})
            item: dict[str, Any] = {"value": value, "text": str(choice["label"])}
            item["selected" if in_a_menu else "checked"] = choice["selected"]
            if value in hints:
                item["hint"] = {"text": hints[value]}
            items.append(item)
    return items


def _boxes(field: BoundField, widget: forms.MultiWidget, common: dict[str, Any]) -> SafeString:
    """Draw a date in its boxes; they keep what was typed, and only the wrong ones are marked."""
    value = field.value()
    typed = value if isinstance(value, list | tuple) else widget.decompress(value)
    wrong = wrong_parts(field) if field.errors else set()
    items = [
        {
            "id": f"{field.auto_id}_{index}",
            "name": f"{field.html_name}_{index}",
            "label": {"text": str(box.attrs.get("aria-label", ""))},
            "width": box.attrs.get("data-width", 2),
            "value": "" if part is None else str(part),
            "error": index in wrong,
            "autocomplete": box.attrs.get("autocomplete"),
            "inputmode": box.attrs.get("inputmode", "numeric"),
        }
        for index, (box, part) in enumerate(zip(widget.widgets, [*(typed or []), None, None, None], strict=False))
    ]
    return component("date-input", id=field.auto_id, items=items, **common)


@register.simple_tag
def nhs_group(legend: Mapping[str, Any], hint: Any, fields: SafeString) -> SafeString:
    """Draw fields that were drawn already under one legend, with a hint if there is one."""
    before = component("hint", **_text_or_markup(hint)) if hint else SafeString("")
    group = component("fieldset", legend=legend, html=SafeString(before + fields))
    return SafeString(f'<div class="nhsuk-form-group">{group}</div>')


@register.simple_tag
def nhs_details(summary: Any, fields: SafeString, is_open: bool = False) -> SafeString:
    """Draw what lies behind a summary; ``fields`` is markup that was drawn already."""
    return component("details", summary={"text": str(summary)}, html=fields, open=bool(is_open) or None)
