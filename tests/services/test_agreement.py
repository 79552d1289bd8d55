"""A thousand plans drawn by chance: the preview command, the rows with their status in SQL, and Today say the same of each."""

import io
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from dateutil.relativedelta import relativedelta
from django.core.management import call_command
from django.test import Client

from mentoring.models import Contact, ContactPlan, Cover, LayWorker, Mother, Pause, ProtocolVersion
from mentoring.queries.statuses import planned_rows, status_sql
from mentoring.queries.today import Card, today_of
from mentoring.rules import changes
from mentoring.rules.contacts import is_completed, is_two_way
from mentoring.rules.plan import HOLD_KINDS, PlanError, ends_on
from mentoring.rules.refusals import Refused
from mentoring.services import bulk, contacts, mothers, pairings, plans
from people.rules.local_time import local_date, local_instant
from tests.factories import NOW, make_lay_worker, make_locality, make_midwife

pytestmark = pytest.mark.django_db
TODAY = local_date(NOW)
CASES, LAY_WORKERS = 1000, 60
# Every so many are written change by change, as the pages do; the others at once, as an import does.
BY_SERVICES_EVERY = 40
INTERVALS = (14, 28)
TALKS = (("phone", "reached"), ("home_visit", "reached"), ("phone", "declined_today"), ("text", "reached"))
TRIES = (("phone", "no_answer"), ("home_visit", "not_in"))


def days(number: int) -> timedelta:
    return timedelta(days=number)


@dataclass
class Case:
    """One mother as she is drawn: what is asked of her plan and logged, each on its day."""

    starts_on: date
    edd: date
    every_days: int | None
    lay_worker: LayWorker | None
    paired_on: date
    offered_from: date
    requests: list[tuple[date, plans.Request]]
    entries: list[tuple[date, str, str]] = field(default_factory=list)

    def made(self, on: date) -> list[date]:
        return [day for day, mode, outcome in self.entries if is_completed(outcome=outcome, mode=mode) and day <= on]

    @property
    def ever_talked(self) -> bool:
        return any(is_two_way(outcome) for _day, _mode, outcome in self.entries)


def draw(chance: random.Random, lay_workers: list[LayWorker], *, by_services: bool) -> Case:
    starts_on = TODAY - days(chance.choice((chance.randrange(30), chance.randrange(640))))
    paired_on = min(TODAY, starts_on + days(chance.choice((0, 0, chance.randrange(60)))))
    offered_from = paired_on
    if not by_services and chance.random() < 0.2:
        # An imported caseload: its records begin later than the pairing, and may begin in days to come.
        offered_from = max(paired_on, TODAY + days(chance.randrange(-30, 40)))
    case = Case(
        starts_on=starts_on,
        edd=starts_on + days(chance.randrange(60, 240)),
        every_days=chance.choice((None, None, 7, 10, 21)),
        lay_worker=chance.choice(lay_workers) if chance.random() < 0.92 else None,
        paired_on=paired_on,
        offered_from=offered_from,
        requests=[],
    )
    so_far = (TODAY - starts_on).days
    asked_on = sorted(starts_on + days(chance.randrange(so_far + 1)) for _ in range(chance.choice((0, 1, 1, 2, 3, 5))))
    if chance.random() < 0.2:
        asked_on.append(TODAY)
    case.requests = [(on, _request(chance, case, on)) for on in asked_on]
    if case.lay_worker is not None:
        keenness = chance.choice((0, 0.3, 0.8, 0.95))
        on = paired_on + days(chance.randrange(6))
        while on <= TODAY:
            if chance.random() < keenness:
                case.entries.append((on, *chance.choice(TALKS)))
            elif chance.random() < 0.5:
                case.entries.append((on, *chance.choice(TRIES)))
            on += days(chance.choice((1, 7, 13, 14, 15, 16)))
    return case


def _request(chance: random.Random, case: Case, on: date) -> plans.Request:
    ahead = on + days(chance.randrange(-3, 40))
    match chance.choice(("rhythm", "pause", "pause", "resume", "hold", "birth", "birth", "due_date")):
        case "rhythm":
            return plans.Rhythm(chance.choice((7, 14, 14, 28, 28, 9)))
        case "pause":
            until_on = chance.choice((changes.UNSET, None, ahead + days(chance.randrange(1, 60))))
            return plans.PauseFor(chance.choice((None, ahead)), until_on)
        case "resume":
            return plans.Resume()
        case "hold":
            return plans.Hold(chance.choice(HOLD_KINDS))
        case "birth":
            return plans.Birth(max(case.starts_on, min(on, case.edd + days(chance.randrange(-21, 15)))))
        case _:
            return plans.DueDate(case.edd + days(chance.randrange(-28, 29)))


def state_of(case: Case) -> changes.PlanState:
    """Return what the rules make of a case, refused requests passed over."""
    antenatal, postnatal = INTERVALS
    state = changes.start(
        starts_on=case.starts_on,
        edd=case.edd,
        antenatal_every=antenatal,
        postnatal_every=postnatal,
        every_days=case.every_days,
    )
    for on, request in case.requests:
        try:
            state = _asked(state, on, request, case.made(on))
        except PlanError:
            continue
    return state


def _asked(state: changes.PlanState, on: date, request: plans.Request, made: list[date]) -> changes.PlanState:
    match request:
        case plans.Rhythm(every_days):
            return changes.change_rhythm(state, on=on, every_days=every_days, made=made)
        case plans.PauseFor(from_on, until_on):
            return changes.pause(state, on=on, from_on=from_on, until_on=until_on, made=made)
        case plans.Resume():
            return changes.resume(state, on=on, made=made)
        case plans.Hold(kind):
            return changes.hold(state, on=on, kind=kind, made=made)
        case plans.Birth(born_on):
            return changes.record_birth(state, on=on, born_on=born_on, made=made)
        case plans.DueDate(edd):
            return changes.change_due_date(state, on=on, edd=edd, made=made)


def registration(number: int, case: Case, **fields: Any) -> mothers.Registration:
    names = {"first_name": f"Ada{number}", "family_name": "Invented", "name_to_use": f"Ada{number}"}
    values = names | {"starts_on": case.starts_on, "edd": case.edd, "every_days": case.every_days} | fields
    return mothers.Registration(locality_id=make_locality().pk, programme_code=f"M-N{number:05}", **values)


def at(on: date, hour: int) -> datetime:
    return local_instant(on, time(hour))


def write_at_once(cases: dict[int, Case], version: ProtocolVersion) -> dict[int, Mother]:
    states = {number: state_of(case) for number, case in cases.items()}
    new = []
    for number, case in cases.items():
        state, worker = states[number], case.lay_worker
        new.append(
            bulk.New(
                registration(number, case, edd=state.edd, born_on=state.born_on),
                state,
                bulk.Paired(worker.pk, worker.supervisor_id, case.paired_on, case.offered_from) if worker else None,
            )
        )
    made = bulk.register_many(new, version=version, midwife_id=None, by=None, now=NOW)
    written = dict(zip(cases, made, strict=True))
    plan_of = {plan.mother_id: plan for plan in ContactPlan.objects.all()}
    Pause.objects.bulk_create(
        Pause(plan=plan_of[written[number].pk], kind=pause.kind, from_on=pause.from_on, until_on=pause.until_on,
              recorded_at=NOW)
        for number, state in states.items()
        for pause in state.pauses
    )  # fmt: skip
    Contact.objects.bulk_create(
        Contact(client_id=UUID(int=number * 1000 + place), mother=written[number], lay_worker=case.lay_worker,
                happened_at=at(on, 9), happened_on=on, entered_at=at(on, 9), entered_by=case.lay_worker.user, mode=mode,
                outcome=outcome, completed=is_completed(outcome=outcome, mode=mode))
        for number, case in cases.items()
        for place, (on, mode, outcome) in enumerate(case.entries)
    )  # fmt: skip
    bulk.refulfil_many(mother_ids=[mother.pk for mother in made])
    return written


def write_by_services(number: int, case: Case) -> Mother:
    mother = mothers.register(registration=registration(number, case), by=None, now=at(case.starts_on, 7))
    midwife = case.lay_worker.supervisor.user if case.lay_worker else make_midwife().user
    steps = [(at(on, 9), 1, place, (mode, outcome)) for place, (on, mode, outcome) in enumerate(case.entries)]
    steps += [(at(on, 11), 2, place, request) for place, (on, request) in enumerate(case.requests)]
    if case.lay_worker is not None:
        steps.append((at(case.paired_on, 8), 0, 0, case.lay_worker))
    for now, _kind, place, step in sorted(steps, key=lambda step: step[:3]):
        match step:
            case LayWorker():
                pairings.pair(mother=mother, lay_worker=step, by=midwife, now=now)
            case (mode, outcome):
                reached = {"minutes": 20, "present": (), "concern": "none"} if outcome == "reached" else {}
                entry = contacts.Entry(UUID(int=number * 1000 + place), now, mode, outcome, **reached)
                worker = case.lay_worker
                contacts.record(mother=mother, lay_worker=worker, entry=entry, by=worker.user, now=now)
            case _:
                try:
                    plans.change(mother=mother, request=step, asked_by="midwife", by=midwife, now=now)
                except Refused:
                    continue
    mother.refresh_from_db()
    return mother


@dataclass
class World:
    """All the cases as they stand in the database, by programme code."""

    cases: dict[str, Case]
    lay_workers: list[LayWorker]
    given: dict[str, dict[str, Any]]
    held: set[str]


@pytest.fixture
def world() -> World:
    chance = random.Random("a thousand plans")
    midwife = make_midwife()
    version = ProtocolVersion.objects.create(
        antenatal_every_days=INTERVALS[0], postnatal_every_days=INTERVALS[1], mothers_per_lay_worker=99, made_at=NOW,
        reason="cases",
    )  # fmt: skip
    workers = [make_lay_worker(supervisor=midwife) for _ in range(LAY_WORKERS)]
    cases = {number: draw(chance, workers, by_services=number % BY_SERVICES_EVERY == 0) for number in range(CASES)}
    written = write_at_once({number: case for number, case in cases.items() if number % BY_SERVICES_EVERY}, version)
    written |= {number: write_by_services(number, cases[number]) for number in range(0, CASES, BY_SERVICES_EVERY)}
    covered = [number for number, case in cases.items() if case.lay_worker is not None][::20]
    Cover.objects.bulk_create(
        Cover(
            mother=written[number],
            lay_worker=chance.choice([worker for worker in workers if worker != cases[number].lay_worker]),
            starts_on=TODAY - days(2),
            ends_on=TODAY + days(2),
            made_at=NOW,
            made_by=midwife.user,
        )
        for number in covered
    )
    return World({written[number].programme_code: case for number, case in cases.items()}, workers, *stored())


def stored() -> tuple[dict[str, dict[str, Any]], set[str]]:
    """Return each mother's plan as the preview command takes it, read from her rows, and the codes of plans held."""
    made_on = defaultdict(list)
    for mother_id, on in Contact.objects.filter(completed=True).values_list("mother_id", "happened_on"):
        made_on[mother_id].append(on.isoformat())
    given, held = {}, set()
    plans_of_all = ContactPlan.objects.select_related("mother").prefetch_related("cadences", "pauses")
    for plan in plans_of_all:
        edd, born_on = plan.edd, plan.born_on
        if ends_on(edd=edd, born_on=born_on) != plan.ends_on:
            # A change kept what lay before it: the plan ends on another day than its dates say.
            edd, born_on = plan.ends_on - relativedelta(years=1), None
        given[plan.mother.programme_code] = {
            "edd": edd.isoformat(),
            "born_on": born_on and born_on.isoformat(),
            "cadences": [
                [row.first_due_on.isoformat(), row.every_days, row.last_due_on and row.last_due_on.isoformat()]
                for row in plan.cadences.all()
                if row.withdrawn_at is None
            ],
            "pauses": [
                [row.from_on.isoformat(), row.until_on and row.until_on.isoformat()]
                for row in plan.pauses.all()
                if row.withdrawn_at is None
            ],
            "offered_from": plan.mother.offered_from and plan.mother.offered_from.isoformat(),
            "contacts": made_on[plan.mother_id],
        }
        if changes.is_held(changes.from_json(plan.state), TODAY):
            held.add(plan.mother.programme_code)
    return given, held


@pytest.fixture
def preview(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def ask(on: date) -> dict[str, list[dict[str, Any]]]:
        cases = [{"name": code, **given, "on": on.isoformat()} for code, given in world.given.items()]
        monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(cases)))
        call_command("plan_preview")
        answers = json.loads(capsys.readouterr().out)
        return dict(zip(world.given, (answer["planned"] for answer in answers), strict=True))

    return ask


def rows(on: date) -> dict[str, list[dict[str, Any]]]:
    """Return the planned contacts that stand, with their status in SQL, in the words of the preview."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    columns = ("mother__programme_code", "number", "due_on", "opens_on", "closes_on", "status")
    every = planned_rows().annotate(status=status_sql(on)).order_by("due_on").values_list(*columns)
    for code, number, due_on, opens_on, closes_on, status in every:
        dates = {"due_on": due_on.isoformat(), "opens_on": opens_on.isoformat(), "closes_on": closes_on.isoformat()}
        found[code].append({"number": number, **dates, "status": status})
    return found


Line = tuple[str, str, str | None, str | None]


def line_of(case: Case, windows: list[dict[str, Any]], *, held: bool) -> Line:
    """Return the list of Today in which a mother belongs by the preview's statuses; her card's status, due date, close."""
    window = next((row for row in windows if row["status"] in {"overdue", "due", "upcoming"}), None)
    if held or window is None:
        return "others", "", None, None
    status, due_on = window["status"], window["due_on"]
    name = {"overdue": "overdue", "due": "due", "upcoming": "coming_up"}[status]
    if not case.ever_talked:
        name = "first"
    if status == "upcoming" and date.fromisoformat(due_on) > TODAY + days(14):
        name = "others"
    return name, status, due_on, window["closes_on"]


HEADINGS = {
    "Overdue": "overdue", "Due now": "due", "First contact": "first", "First contacts": "first",
    "Coming up": "coming_up", "Your other": "others",
}  # fmt: skip
CARD = re.compile(r'<li class="app-card(?: app-card--(\w+))?">.*?href="/mothers/([^/"]+)/"', re.S)


def drawn(html: str) -> Iterator[tuple[str, str, str]]:
    """Yield each card of the page as drawn: code, the list it stands in, and how it is marked."""
    for part in re.split(r"<h2[^>]*>", html)[1:]:
        for heading, name in HEADINGS.items():
            if part.startswith(f"{heading} "):
                for mark, code in CARD.findall(part):
                    yield code, name, mark
                break


def told(name: str, card: Card) -> Line:
    if card.due_on is None or card.last_open_on is None:
        return name, card.status, None, None
    return name, card.status, card.due_on.isoformat(), (card.last_open_on + days(1)).isoformat()


def test_preview_rows_and_today_agree_on_a_thousand_plans(world: World, preview: Any, settings: Any) -> None:
    settings.SECOND_FACTOR_REQUIRED = False
    assert len(world.given) == CASES
    for on in (TODAY - days(45), TODAY + days(60), TODAY):
        asked = preview(on)
        assert rows(on) == {code: windows for code, windows in asked.items() if windows}

    hers: dict[int, dict[str, Line]] = defaultdict(dict)
    for code, case in world.cases.items():
        if case.lay_worker is not None:
            hers[case.lay_worker.pk][code] = line_of(case, asked[code], held=code in world.held)
    for cover in Cover.objects.select_related("mother"):
        code = cover.mother.programme_code
        hers[cover.lay_worker_id][code] = hers[world.cases[code].lay_worker.pk][code]

    sections = set()
    with time_machine.travel(NOW, tick=False):
        for worker in world.lay_workers:
            expected = hers[worker.pk]
            day = today_of(worker.user, now=NOW)
            lists = ("overdue", "due", "first", "coming_up", "others")
            shown = {card.code: told(name, card) for name in lists for card in getattr(day, name)}
            assert shown == expected
            client = Client()
            client.force_login(worker.user)
            cards = list(drawn(client.get("/today/").content.decode()))
            assert {code: (name, mark) for code, name, mark in cards} == {
                code: (name, status if status in {"overdue", "due"} else "")
                for code, (name, status, *_dates) in expected.items()
            }
            assert len(cards) == len(expected)
            sections |= {(name, status) for name, status, *_dates in expected.values()}
    # What chance did not bring was not tested.
    assert sections >= {
        ("overdue", "overdue"), ("due", "due"), ("coming_up", "upcoming"), ("first", "overdue"), ("first", "due"),
        ("first", "upcoming"), ("others", "upcoming"), ("others", ""),
    }  # fmt: skip
    met = {window["status"] for windows in asked.values() for window in windows}
    assert met == {"made", "not_offered", "cancelled", "missed", "overdue", "due", "upcoming"}
    assert world.held
