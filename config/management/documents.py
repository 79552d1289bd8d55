"""Documents made from the code: the data dictionary and the list of URLs. Reads classes and tables of rules, never a row."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.db import connection, models
from django.db.models.constraints import BaseConstraint
from django.urls import URLPattern, URLResolver, get_resolver
from pghistory.models import Event

from mentoring.exports import contacts
from people.database import is_append_only
from people.models import User
from people.rules.permissions import ANYONE_SIGNED_IN

APPS = ("people", "outbox", "mentoring", "trial")
MADE_BY = "Made from the code by `script/fix`; `script/check` fails where it is stale. Not to be edited."
KINDS = {"CheckConstraint": "check", "UniqueConstraint": "unique", "ExclusionConstraint": "no overlap"}


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    cells = [list(heads), *([cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows)]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return [lines[0], f"|{'---|' * len(cells[0])}", *lines[1:]]


def _first_line(documented: Any) -> str:
    return (documented.__doc__ or "").strip().split("\n", 1)[0]


# --- The data dictionary -----------------------------------------------------------------------------------------------


def data_dictionary() -> str:
    """Return every table of ours, its columns and constraints, then the columns of the exported data sets."""
    lines = ["# Data dictionary", "", MADE_BY, ""]
    lines += [
        "Dates end in `_on` and are local (Europe/London), instants in `_at`, people in `_by`. Codes are for ever. A table",
        "whose rows may change keeps every former row in its history, unless it says otherwise.",
    ]
    histories = {
        model.pgh_tracked_model._meta.label: model._meta.db_table  # type: ignore[attr-defined]  # pghistory's
        for model in apps.get_models()
        if issubclass(model, Event)
    }
    for label in APPS:
        ours = [model for model in apps.get_app_config(label).get_models() if not issubclass(model, Event)]
        if ours:
            lines += ["", f"## {label}"]
        for model in sorted(ours, key=lambda model: model._meta.db_table):
            lines += ["", *_model(model, histories.get(model._meta.label))]
    lines += ["", "## Exported: `contacts`", "", f"{_first_line(contacts)} Version {contacts.VERSION}.", ""]
    lines += _table(
        ("Column", "Type", "Meaning"),
        ((f"`{column.name}`", column.type, f"{column.label}.") for column in contacts.COLUMNS),
    )
    return "\n".join(lines) + "\n"


def _model(model: type[models.Model], history: str | None) -> Iterator[str]:
    yield f"### `{model._meta.db_table}`"
    yield ""
    yield _first_line(model)
    yield ""
    rows = "Rows are only added." if is_append_only(model) else "Rows may change."
    yield f"{rows} {f'History: `{history}`.' if history else 'No row history.'}"
    yield ""
    yield from _table(("Column", "Type", "Empty", "Meaning"), (_column(field) for field in model._meta.concrete_fields))
    if named := [_constraint(constraint) for constraint in model._meta.constraints]:
        yield ""
        yield f"Constraints: {'; '.join(named)}."
    if indexes := [_index(index) for index in model._meta.indexes]:
        yield ""
        yield f"Indexes: {'; '.join(indexes)}."


def _column(field: Any) -> tuple[str, str, str, str]:
    kind = str(field.db_type(connection))
    target = field.related_model
    if target is not None:
        kind += f" → `{target._meta.db_table}`"
    if field.unique and not field.primary_key:
        kind += ", unique"
    return f"`{field.column}`", kind, "yes" if field.null else "", meaning_of(field)


def meaning_of(field: Any) -> str:
    """Return what an analyst reads about a column: its label where it has one of its own, its help text, its codes."""
    if field.primary_key:
        return "Key."
    said = []
    if field._verbose_name:
        label = str(field._verbose_name)
        said.append(f"{label[:1].upper()}{label[1:]}.")
    if field.help_text:
        said.append(str(field.help_text))
    if not said:
        said += _named(field)
    choices = getattr(field, "base_field", field).choices
    if choices:
        said.append(f"Codes: {'; '.join(f'`{code}` {label}' for code, label in choices)}.")
    return " ".join(said)


def _named(field: Any) -> Iterator[str]:
    """What a name says that follows the house's rule: ``ended_at`` and ``ended_by`` are one decision; a key names its table."""
    what, _sep, asked = field.name.rpartition("_")
    others = {other.name for other in field.model._meta.fields}
    if field.name == "by":
        yield "By whom."
    elif asked == "by" and field.related_model is User:
        yield f"By whom it was {what}."
    elif asked == "at" and f"{what}_by" in others:
        yield f"When it was {what}."
    elif field.related_model is not None:
        yield f"Which {field.related_model._meta.verbose_name}."


def _constraint(constraint: BaseConstraint) -> str:
    return f"{constraint.name.replace('_', ' ')} ({KINDS[type(constraint).__name__]})"


def _index(index: models.Index) -> str:
    partial = ", partial" if index.condition is not None else ""
    return f"{index.name.replace('_', ' ')} (`{', '.join(index.fields)}`{partial})"


# --- URLs --------------------------------------------------------------------------------------------------------------


def urls() -> str:
    """Return each URL with its name, the permission that its view asks for, and the rights that carry it."""
    lines = ["# Every URL", "", MADE_BY, ""]
    lines += [
        "A permission opens the page; which rows are seen there is asked of `access`. Signed out: to the sign-in. The wrong",
        "right: 403, an assessor 404. A row that is not hers: 404.",
        "",
    ]
    lines += _table(("URL", "Name", "Permission", "Rights"), sorted(_urls(get_resolver())))
    return "\n".join(lines) + "\n"


def _urls(resolver: URLResolver, before: str = "/") -> Iterator[tuple[str, str, str, str]]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from _urls(entry, before + str(entry.pattern))
        elif isinstance(entry, URLPattern):
            yield f"`{before}{entry.pattern}`", f"`{entry.name}`", *_who(entry.callback)


def _who(view: Any) -> tuple[str, str]:
    permission = getattr(view, "permission", None)
    if permission is ANYONE_SIGNED_IN:
        return f"`{permission.name}`", "everyone"
    if permission is not None:
        return f"`{permission.name}`", ", ".join(sorted(role.label for role in permission.roles))
    if getattr(view, "public", False):
        return "none", "whoever has the link or a locked session"
    return "none", "django-allauth's own: it looks after itself"


DOCUMENTS = {"data-dictionary.md": data_dictionary, "urls.md": urls}
