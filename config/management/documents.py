"""Documents made from the code: data dictionary, states, list of URLs. Reads classes and asks rules, never a row."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import product
from typing import Any, NamedTuple

from django.apps import apps
from django.db import connection, models
from django.db.models.constraints import BaseConstraint
from django.urls import URLPattern, URLResolver, get_resolver
from pghistory.models import Event

from mentoring.exports import contacts
from mentoring.rules.plan import PlannedContact, Status
from mentoring.rules.plan import status as window_status
from mentoring.rules.status import HELD, PAUSE, MentoringStatus, mentoring_status
from mentoring.rules.transitions import IMPORT_JOB
from outbox.rules.transitions import MESSAGE
from people.database import is_append_only
from people.models import User
from people.models.user import ROLE_WORDS
from people.rules.permissions import ANYONE_SIGNED_IN
from people.rules.transitions import Transitions

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


# --- States -------------------------------------------------------------------------------------------------------------

Arrows = Mapping[tuple[str, str], Iterable[str]]


def states() -> str:
    """Return a diagram of each status: stored ones from their tables, computed ones by asking the rule itself."""
    parts: list[tuple[str, str, list[str], Arrows]] = [
        (
            "A message (`outbox/rules/transitions.py`)",
            "Checked by every write. A letter about an account that is asked for again starts afresh whatever it was, unless a"
            " worker holds it.",
            ["queued"],
            _arrows_of(MESSAGE),
        ),
        (
            "An import (`mentoring/rules/transitions.py`)",
            "Checked by every write.",
            ["waiting"],
            _arrows_of(IMPORT_JOB),
        ),
        (
            "A planned contact's window (`mentoring/rules/plan.py`)",
            "Computed for a day, never stored: what it is on one day, and on the next.",
            [Status.NOT_OFFERED, Status.UPCOMING],
            _window_arrows(),
        ),
        (
            "Mentoring (`mentoring/rules/status.py`)",
            "Computed from pairings, contacts, pauses and holds, never stored: what becomes of her status when one changes."
            f" On hold, by kind: {'; '.join(f'`{kind}` is `{status.value}`' for kind, status in HELD.items())}.",
            [MentoringStatus.AWAITING],
            _mother_arrows(),
        ),
    ]
    lines = ["# States", "", MADE_BY]
    for heading, said, firsts, arrows in parts:
        lines += ["", f"## {heading}", "", said, "", *_diagram(firsts, arrows)]
    return "\n".join(lines) + "\n"


def _diagram(firsts: Iterable[str], arrows: Arrows) -> Iterator[str]:
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield from (f"    [*] --> {first}" for first in firsts)
    for (now, then), whens in arrows.items():
        yield f"    {now} --> {then}: {', or '.join(whens)}"
    yield "```"


def _arrows_of(transitions: Transitions) -> Arrows:
    return {(now, then): [when] for now, thens in transitions.follows.items() for then, when in thens.items()}


def _window_arrows() -> Arrows:
    due_on = date(2026, 10, 12)
    opens_on = due_on - timedelta(days=2)
    days = [opens_on + timedelta(days=number) for number in range(-2, 6)]
    never = days[-1] + timedelta(days=1)
    arrows: dict[tuple[str, str], dict[str, None]] = {}
    for closes_after, cut, paired_on, made_on in product((1, 3), (False, True), (*days, never), (*days, never)):
        window = PlannedContact(0, due_on, opens_on, due_on + timedelta(days=closes_after), cut)
        if paired_on not in {days[0], never} and made_on != never:
            continue
        found = [
            window_status(
                window,
                offered_from=paired_on if paired_on <= on else None,
                made=made_on <= on and window.holds(made_on),
                on=on,
            ).value
            for on in days
        ]
        named = {
            opens_on: "its window opens",
            due_on + timedelta(days=1): "its due date is past",
            window.closes_on: "its window closes",
        }
        for on, now, then in zip(days[1:], found, found[1:], strict=False):
            if now != then == Status.MADE:
                arrows.setdefault((now, then), {})["she is reached"] = None
            elif now != then:
                arrows.setdefault((now, then), {})["she is paired" if now == Status.NOT_OFFERED else named[on]] = None
    order = [status.value for status in (Status.NOT_OFFERED, Status.UPCOMING, Status.DUE, Status.OVERDUE)]
    return dict(sorted(arrows.items(), key=lambda arrow: (order.index(arrow[0][0]), arrow[0][1])))


def _mother_arrows() -> Arrows:
    events: dict[str, Callable[[_Facts], _Facts]] = {
        "paired": lambda facts: facts._replace(paired=True),
        "the pairing ends": lambda facts: facts._replace(paired=False),
        "she takes part in a contact": lambda facts: facts._replace(reached=True),
        "paused": lambda facts: facts._replace(stop=facts.stop or PAUSE),
        "held": lambda facts: facts._replace(stop=min(HELD)),
        "goes on": lambda facts: facts._replace(stop=""),
        "her plan is over": lambda facts: facts._replace(over=True),
    }
    arrows: dict[tuple[str, str], dict[str, None]] = {}
    for stop, paired, reached in product(("", PAUSE, min(HELD)), (False, True), (False, True)):
        facts = _Facts(stop, False, paired, reached)
        for when, changed in events.items():
            now, then = facts.name(), changed(facts).name()
            if now != then:
                arrows.setdefault((now, then), {})[when] = None
    return arrows


class _Facts(NamedTuple):
    """What a mother's status is computed from; every kind of hold is drawn as one state."""

    stop: str
    over: bool
    paired: bool
    reached: bool

    def name(self) -> str:
        return "on_hold" if self.stop in HELD else mentoring_status(**self._asdict()).value


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
        return f"`{permission.name}`", ", ".join(sorted(str(ROLE_WORDS[role]) for role in permission.roles))
    if getattr(view, "machine", False):
        return "none", "a machine: it tells nothing of a person, or asks who calls"
    if getattr(view, "public", False):
        return "none", "whoever has the link or a locked session"
    return "none", "django-allauth's own: it looks after itself"


DOCUMENTS = {"data-dictionary.md": data_dictionary, "states.md": states, "urls.md": urls}
