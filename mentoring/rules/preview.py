"""The worked cases of the contact plan as JSON values: parsed cases in, planned contacts out.

It checks every value it is given and never guesses; reading and writing streams is the command's.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, Final, TypeVar

from mentoring.rules import changes
from mentoring.rules import plan as rules
from mentoring.rules.changes import UNSET, PlanState, Unset
from mentoring.rules.reminders import (
    KEPT_DAYS,
    MOTHER,
    OVERDUE_DAYS_AFTER,
    STAFF_FROM,
    Appointment,
    Facts,
    OpenWindow,
    Texts,
    new_pairing,
    reminders,
)
from people.rules.local_time import LOCAL, end_of, local_date, local_instant
from people.rules.safe_contact import SafeHours

ISO_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2199
# Before and after every instant that a case can name.
FIRST: Final = datetime(FIRST_YEAR - 1, 1, 1, tzinfo=UTC)
LAST: Final = datetime(LAST_YEAR + 5, 1, 1, tzinfo=UTC)

LOCAL_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}")

PLAN_KEYS: Final = ("edd", "born_on", "cadences", "pauses", "offered_from", "contacts", "on")
REMINDER_KEYS: Final = (
    "case", "paired_on", "introduced_on", "appointments", "attempts", "channels", "safe_times", "safe_contact_asked_on",
    "from", "to",
)  # fmt: skip
CHANNELS: Final = {"lay_worker": ("email", "in_app", "text"), "mother": ("text",)}
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


Answer = TypeVar("Answer")


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


def reminder_preview(cases: object) -> list[list[dict[str, Any]]]:
    """Return ``[{kind, recipient, channel, subject_due_on, due_local, due_utc, expires_utc}]`` for each of ``cases``.

    A case has the keys of ``REMINDER_KEYS`` and may have a ``name``; its ``case`` is one of ``plan_preview``, which may
    say ``starts_on``. Every message as it stood with what was known at its time: a contact from the day after it (or
    from the attempt that reached her that day), a birth and an introduction from the first instant of their day. A
    pairing begins at 08:00 of its day. Raises BadCase for the first that is wrong.
    """
    return _each(cases, _reminders)


def _each(cases: object, answer: Callable[[dict[str, Any]], Answer]) -> list[Answer]:
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


@dataclass(frozen=True, slots=True)
class _Case:
    """One case of ``plan_preview``, read."""

    edd: date
    born_on: date | None
    pauses: tuple[rules.Pause, ...]
    offered_from: date | None
    contacts: list[date]
    on: date
    windows: list[rules.PlannedContact]


def _case(case: dict[str, Any], *, allowed: tuple[str, ...] = ("name",)) -> _Case:
    _check_keys(case, "", PLAN_KEYS, allowed)
    edd = _date(case["edd"], "edd")
    born_on = _date_or_none(case["born_on"], "born_on")
    cadences = tuple(_cadence(value, f"cadences[{at}]") for at, value in enumerate(_list(case["cadences"], "cadences")))
    pauses = tuple(_pause(value, f"pauses[{at}]") for at, value in enumerate(_list(case["pauses"], "pauses")))
    offered_from = _date_or_none(case["offered_from"], "offered_from")
    contacts = _dates(case["contacts"], "contacts")
    on = _date(case["on"], "on")
    windows = rules.planned_contacts(rules.Plan(rules.ends_on(edd=edd, born_on=born_on), cadences, pauses))
    return _Case(edd, born_on, pauses, offered_from, contacts, on, windows)


def _preview(value: dict[str, Any]) -> dict[str, Any]:
    case = _case(value)
    statuses = rules.statuses(case.windows, offered_from=case.offered_from, contacts=case.contacts, on=case.on)
    return {
        "ends_on": rules.ends_on(edd=case.edd, born_on=case.born_on).isoformat(),
        "planned": [
            {"number": window.number, **_window(window), "status": status.value}
            for window, status in zip(case.windows, statuses, strict=True)
        ],
    }


@dataclass(frozen=True, slots=True)
class _Told:
    """What a case of ``reminder_preview`` says beside the plan, with the instants from which each thing is known.

    ``made_at``: by the number of a window. A contact is known from the attempt that reached her that day, else from
    the end of its day.
    """

    case: _Case
    paired_on: date | None
    introduced_on: date | None
    appointments: list[tuple[datetime, int | None]]
    texts: Texts | None
    made_at: dict[int, datetime]
    tried_at: datetime | None

    def facts_between(self, begins: datetime, ends: datetime) -> Facts:
        """Return what was known from ``begins`` to ``ends``, as far as a message due between the two asks it."""
        case, on = self.case, local_date(begins)
        first_on, last_on = on - timedelta(days=OVERDUE_DAYS_AFTER), local_date(ends) + timedelta(days=KEPT_DAYS + 1)
        at = bisect_left(case.windows, first_on, key=lambda window: window.due_on)
        to = bisect_right(case.windows, last_on, key=lambda window: window.due_on)
        born_on = case.born_on if case.born_on is not None and case.born_on <= on else None
        return Facts(
            windows=[
                OpenWindow(window.due_on, window.closes_on)
                for window in case.windows[at:to]
                if not self._is_made(window.number, begins)
            ],
            paired_on=self.paired_on,
            offered_from=case.offered_from,
            introduced_on=self.introduced_on if self.introduced_on is not None and self.introduced_on <= on else None,
            tried=self.tried_at is not None and self.tried_at <= begins,
            pauses=[(pause.from_on, pause.until_on) for pause in case.pauses],
            edd=case.edd if born_on is None else None,
            ends_on=rules.ends_on(edd=case.edd, born_on=born_on),
            appointments=[
                Appointment(starts_at, None if number is None else case.windows[number].due_on)
                for starts_at, number in self.appointments
                if first_on <= local_date(starts_at) <= last_on
                and (number is None or not self._is_made(number, begins))
            ],
            texts=self.texts,
        )

    def _is_made(self, number: int, at: datetime) -> bool:
        return number in self.made_at and self.made_at[number] <= at

    def turns(self) -> list[datetime]:
        """Return when something new is known, in order, between the first instant there is and the last."""
        days = [on for on in (self.introduced_on, self.case.born_on) if on is not None]
        known = {local_instant(on, time(0)) for on in days} | set(self.made_at.values())
        if self.tried_at is not None:
            known.add(self.tried_at)
        return [FIRST, *sorted(known), LAST]


def _reminders(value: dict[str, Any]) -> list[dict[str, Any]]:
    _check_keys(value, "", REMINDER_KEYS, ("name",))
    given = _object(value["case"], "case")
    try:
        case = _case(given, allowed=("name", "starts_on"))
    except rules.PlanError as error:
        raise rules.PlanError(f"case.{error.field}", error.message) from error
    told = _told(value, case)
    channels = _channels(value["channels"])
    if "text" not in channels[MOTHER]:
        told = replace(told, texts=None)
    found = set()
    if told.paired_on is not None:
        first = new_pairing(paired_at=local_instant(told.paired_on, STAFF_FROM))
        found |= {one for one in [first] if not any(pause.covers(told.paired_on) for pause in case.pauses)}
    for begins, ends in pairwise(told.turns()):
        found |= {one for one in reminders(told.facts_between(begins, ends)) if begins <= one.due_at < ends}
    from_at, to_at = _local(value["from"], "from"), _local(value["to"], "to")
    rows = [
        {
            "kind": one.kind,
            "recipient": one.recipient,
            "channel": channel,
            "subject_due_on": None if one.subject_due_on is None else one.subject_due_on.isoformat(),
            "due_local": one.due_at.astimezone(LOCAL).strftime("%Y-%m-%dT%H:%M"),
            "due_utc": _utc(one.due_at),
            "expires_utc": _utc(one.expires_at),
        }
        for one in found
        if from_at <= one.due_at < to_at
        for channel in channels[one.recipient]
    ]
    return sorted(
        rows,
        key=lambda row: (row["due_utc"], row["kind"], row["recipient"], row["channel"], row["subject_due_on"] or ""),
    )


def _told(value: dict[str, Any], case: _Case) -> _Told:
    appointments = []
    for at, one in enumerate(_list(value["appointments"], "appointments")):
        field = f"appointments[{at}]"
        appointment = _object(one, field)
        _check_keys(appointment, f"{field}.", ("at", "number"), ())
        number = appointment["number"]
        if number is not None and (isinstance(number, bool) or number not in range(len(case.windows))):
            raise rules.PlanError(f"{field}.number", f"{number!r} is not the number of a planned contact")
        appointments.append((_local(appointment["at"], f"{field}.at"), number))
    attempts = []
    for place, one in enumerate(_list(value["attempts"], "attempts")):
        field = f"attempts[{place}]"
        attempt = _object(one, field)
        _check_keys(attempt, f"{field}.", ("at", "outcome"), ())
        if not isinstance(attempt["outcome"], str):
            raise rules.PlanError(f"{field}.outcome", f"{attempt['outcome']!r} is not an outcome")
        attempts.append((_local(attempt["at"], f"{field}.at"), attempt["outcome"]))
    hours = tuple(_hours(one, f"safe_times[{at}]") for at, one in enumerate(_list(value["safe_times"], "safe_times")))
    asked_on = _date_or_none(value["safe_contact_asked_on"], "safe_contact_asked_on")
    paired_on = _date_or_none(value["paired_on"], "paired_on")
    known_at = _contacts_known_at(case.contacts, attempts)
    made_at: dict[int, datetime] = {}
    for contact_on, at_instant in known_at.items():
        window = rules.window_for(case.windows, contact_on)
        if window is not None:
            made_at[window.number] = min(made_at.get(window.number, LAST), at_instant)
    tries = [*((local_date(at), at) for at, _outcome in attempts), *known_at.items()]
    return _Told(
        case=case,
        paired_on=paired_on,
        introduced_on=_date_or_none(value["introduced_on"], "introduced_on"),
        appointments=appointments,
        texts=None if asked_on is None else Texts(hours, asked_on),
        made_at=made_at,
        tried_at=min((at for on, at in tries if paired_on is not None and on >= paired_on), default=None),
    )


def _contacts_known_at(contacts: list[date], attempts: list[tuple[datetime, str]]) -> dict[date, datetime]:
    """Return from when each completed contact is known: the attempt that reached her that day, else the day's end."""
    known = {contact_on: end_of(contact_on) for contact_on in contacts}
    for at, outcome in attempts:
        on = local_date(at)
        if outcome == "reached" and on in known:
            known[on] = min(known[on], at)
    return known


def _channels(value: object) -> dict[str, list[str]]:
    given = _object(value, "channels")
    _check_keys(given, "channels.", tuple(CHANNELS), ())
    for recipient, known in CHANNELS.items():
        for at, channel in enumerate(_list(given[recipient], f"channels.{recipient}")):
            if channel not in known:
                raise rules.PlanError(f"channels.{recipient}[{at}]", f"{channel!r} is not one of {', '.join(known)}")
    return given


def _hours(value: object, field: str) -> SafeHours:
    given = _object(value, field)
    _check_keys(given, f"{field}.", ("weekdays", "from", "to"), ())
    weekdays = _list(given["weekdays"], f"{field}.weekdays")
    if any(isinstance(day, bool) or day not in range(1, 8) for day in weekdays):
        raise rules.PlanError(f"{field}.weekdays", f"{weekdays!r} are not days from 1 (Monday) to 7")
    from_time, to_time = _time(given["from"], f"{field}.from"), _time(given["to"], f"{field}.to")
    if from_time >= to_time:
        raise rules.PlanError(f"{field}.to", f"{to_time:%H:%M} is not after {from_time:%H:%M}")
    return SafeHours(tuple(weekdays), from_time, to_time)


def _time(value: object, field: str) -> time:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{2}:[0-9]{2}", value):
        try:
            return time.fromisoformat(value)
        except ValueError:
            pass
    raise rules.PlanError(field, f"{value!r} is not a time (HH:MM)")


def _local(value: object, field: str) -> datetime:
    if isinstance(value, str) and LOCAL_TIME.fullmatch(value):
        on, _t, at = value.partition("T")
        return local_instant(_date(on, field), _time(at, field))
    return local_instant(_date(value, field), time(0))


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


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
