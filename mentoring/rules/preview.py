"""The worked cases of the contact plan as JSON values: parsed cases in, planned contacts out.

It checks every value it is given and never guesses; reading and writing streams is the command's.
"""

import re
from collections.abc import Callable
from datetime import date
from typing import Any, Final

from mentoring.rules import changes
from mentoring.rules import plan as rules
from mentoring.rules.changes import UNSET, PlanState, Unset

ISO_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2199

PLAN_KEYS: Final = ("edd", "born_on", "cadences", "pauses", "offered_from", "contacts", "on")
CHANGES_KEYS: Final = ("starts_on", "edd", "intervals", "contacts", "events")
EVENT_KEYS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "rhythm": (("every_days",), ()),
    "pause": ((), ("from_on", "until_on")),
    "resume": ((), ()),
    "hold": ((), ()),
    "birth": (("born_on",), ()),
    "due_date": (("edd",), ()),
}
CHANGES: Final[dict[str, Callable[..., PlanState]]] = {
    "rhythm": changes.change_rhythm,
    "pause": changes.pause,
    "resume": changes.resume,
    "hold": changes.hold,
    "birth": changes.record_birth,
    "due_date": changes.change_due_date,
}


class BadCase(ValueError):
    """A case that cannot be read or planned: ``case_index`` from 0, its name if it has one, the field, and why.

    ``case_index`` is none where the input as a whole is not a list.
    """

    def __init__(self, case_index: int | None, case_name: str | None, field: str, message: str) -> None:
        case = "input" if case_index is None else f"case {case_index}"
        name = "" if case_name is None else f" ({case_name})"
        super().__init__(f"{case}{name}: {field}: {message}")
        self.case_index = case_index
        self.case_name = case_name
        self.field = field
        self.message = message


def plan_preview(cases: object) -> list[dict[str, Any]]:
    """Return ``{"ends_on", "planned": [{number, due_on, opens_on, closes_on, status}]}`` for each of ``cases``.

    A case has the keys of ``PLAN_KEYS`` and may have a ``name``. Raises BadCase for the first that is wrong.
    """
    return _each(cases, _preview)


def plan_changes(cases: object) -> list[dict[str, Any]]:
    """Return ``{"ends_on", "planned": [{due_on, opens_on, closes_on}]}`` for each of ``cases``.

    A case has the keys of ``CHANGES_KEYS`` and may have a ``name``; its events are applied in order by the functions
    that the service uses, each with the contacts not after its day. An event of kind ``hold`` is one of unreachable.
    Raises BadCase for the first that is wrong, a refused change included.
    """
    return _each(cases, _changes)


def _each(cases: object, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> list[dict[str, Any]]:
    if not isinstance(cases, list):
        raise BadCase(None, None, "cases", "a list of cases is needed")
    answers = []
    for index, case in enumerate(cases):
        name = case.get("name") if isinstance(case, dict) else None
        try:
            answers.append(answer(_object(case, "case")))
        except rules.PlanError as error:
            raise BadCase(index, name if isinstance(name, str) else None, error.field, error.message) from error
    return answers


def _preview(case: dict[str, Any]) -> dict[str, Any]:
    _check_keys(case, "", PLAN_KEYS, ("name",))
    edd = _date(case["edd"], "edd")
    born_on = _date_or_none(case["born_on"], "born_on")
    cadences = tuple(_cadence(value, f"cadences[{at}]") for at, value in enumerate(_list(case["cadences"], "cadences")))
    pauses = tuple(_pause(value, f"pauses[{at}]") for at, value in enumerate(_list(case["pauses"], "pauses")))
    offered_from = _date_or_none(case["offered_from"], "offered_from")
    contacts = _dates(case["contacts"], "contacts")
    on = _date(case["on"], "on")
    ends_on = rules.ends_on(edd=edd, born_on=born_on)
    windows = rules.planned_contacts(rules.Plan(ends_on, cadences, pauses))
    statuses = rules.statuses(windows, offered_from=offered_from, contacts=contacts, on=on)
    return {
        "ends_on": ends_on.isoformat(),
        "planned": [
            {"number": window.number, **_window(window), "status": status.value}
            for window, status in zip(windows, statuses, strict=True)
        ],
    }


def _changes(case: dict[str, Any]) -> dict[str, Any]:
    _check_keys(case, "", CHANGES_KEYS, ("name",))
    starts_on = _date(case["starts_on"], "starts_on")
    edd = _date(case["edd"], "edd")
    antenatal_every, postnatal_every = (
        _every_days(value, f"intervals[{at}]") for at, value in enumerate(_list(case["intervals"], "intervals", 2))
    )
    contacts = _dates(case["contacts"], "contacts")
    state = changes.start(
        starts_on=starts_on, edd=edd, antenatal_every=antenatal_every, postnatal_every=postnatal_every
    )
    before: date | None = None
    for at, value in enumerate(_list(case["events"], "events")):
        field = f"events[{at}]"
        event = _object(value, field)
        kind = _kind(event, field)
        needed, allowed = EVENT_KEYS[kind]
        _check_keys(event, f"{field}.", ("on", "kind", *needed), allowed)
        on = _date(event["on"], f"{field}.on")
        if before is not None and on < before:
            raise rules.PlanError(f"{field}.on", f"{on} is before the event in front of it")
        before = on
        state = _apply(state, kind, event, field, on, [contact_on for contact_on in contacts if contact_on <= on])
    return {
        "ends_on": state.ends_on.isoformat(),
        "planned": [_window(window) for window in rules.planned_contacts(state.plan)],
    }


def _apply(state: PlanState, kind: str, event: dict[str, Any], field: str, on: date, made: list[date]) -> PlanState:
    values: dict[str, Any] = {}
    if kind == "rhythm":
        values["every_days"] = _every_days(event["every_days"], f"{field}.every_days")
    if kind == "birth":
        values["born_on"] = _date(event["born_on"], f"{field}.born_on")
    if kind == "due_date":
        values["edd"] = _date(event["edd"], f"{field}.edd")
    if kind == "pause":
        until_on: date | Unset | None = UNSET
        if "until_on" in event:
            until_on = _date_or_none(event["until_on"], f"{field}.until_on")
        values["from_on"] = _date_or_none(event.get("from_on"), f"{field}.from_on")
        values["until_on"] = until_on
    if kind == "hold":
        values["kind"] = rules.UNREACHABLE
    try:
        return CHANGES[kind](state, on=on, made=made, **values)
    except rules.PlanError as error:
        raise rules.PlanError(f"{field}.{error.field}", error.message) from error


def _window(window: rules.PlannedContact) -> dict[str, str]:
    return {
        "due_on": window.due_on.isoformat(),
        "opens_on": window.opens_on.isoformat(),
        "closes_on": window.closes_on.isoformat(),
    }


def _cadence(value: object, field: str) -> rules.Cadence:
    first_due_on, every_days, last_due_on = _list(value, field, 3)
    return rules.Cadence(
        _date(first_due_on, f"{field}.first_due_on"),
        _every_days(every_days, f"{field}.every_days"),
        _date_or_none(last_due_on, f"{field}.last_due_on"),
    )


def _pause(value: object, field: str) -> rules.Pause:
    from_on, until_on = _list(value, field, 2)
    return rules.Pause(_date(from_on, f"{field}.from_on"), _date_or_none(until_on, f"{field}.until_on"))


def _kind(event: dict[str, Any], field: str) -> str:
    if "kind" not in event:
        raise rules.PlanError(f"{field}.kind", "is missing")
    kind = event["kind"]
    if not isinstance(kind, str) or kind not in EVENT_KEYS:
        raise rules.PlanError(f"{field}.kind", f"{kind!r} is not one of {', '.join(EVENT_KEYS)}")
    return kind


def _check_keys(value: dict[str, Any], prefix: str, needed: tuple[str, ...], allowed: tuple[str, ...]) -> None:
    for key in needed:
        if key not in value:
            raise rules.PlanError(f"{prefix}{key}", "is missing")
    for key in value:
        if key not in needed and key not in allowed:
            raise rules.PlanError(f"{prefix}{key}", "is not a known key")


def _object(value: object, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise rules.PlanError(field, f"{value!r} is not an object")
    return value


def _list(value: object, field: str, length: int | None = None) -> list[Any]:
    if not isinstance(value, list):
        raise rules.PlanError(field, f"{value!r} is not a list")
    if length is not None and len(value) != length:
        raise rules.PlanError(field, f"has {len(value)} values, not {length}")
    return value


def _date(value: object, field: str) -> date:
    if isinstance(value, str) and ISO_DATE.fullmatch(value):
        try:
            on = date.fromisoformat(value)
        except ValueError:
            pass
        else:
            if FIRST_YEAR <= on.year <= LAST_YEAR:
                return on
    raise rules.PlanError(field, f"{value!r} is not a date (YYYY-MM-DD, years {FIRST_YEAR} to {LAST_YEAR})")


def _date_or_none(value: object, field: str) -> date | None:
    return None if value is None else _date(value, field)


def _dates(value: object, field: str) -> list[date]:
    return [_date(one, f"{field}[{at}]") for at, one in enumerate(_list(value, field))]


def _every_days(value: object, field: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise rules.PlanError(field, f"{value!r} is not a whole number")
    rules.check_every_days(value, field)
    return value
