"""Every page asks the database as often at 500 mothers as at 5, never more than twelve times, and shows a screen of each list."""

import re
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from mentoring.models import (
    Alert,
    Appointment,
    Contact,
    Cover,
    Duty,
    Export,
    ImportJob,
    LayWorker,
    Mother,
    Pairing,
    PlannedContact,
    ProtocolVersion,
    RotaShift,
    Visit,
)  # fmt: skip
from mentoring.queries.rota import ESCALATION_JOB
from mentoring.rules import changes
from mentoring.services import bulk, duties, rota
from mentoring.services.imports.report import Report
from mentoring.services.mothers import Number, Registration
from outbox.models import JobRun, Message
from people.models import AccessLog, Locality, Loss, User
from people.rules.local_time import local_date, local_instant
from people.rules.roles import Role
from tests.conftest import count_rows_anew
from tests.factories import NOW, PASSWORD, make_lay_worker, make_locality, make_midwife, make_user, safe_sheet
from tests.web.test_every_url import EVERYONE, KEPT, LAY, MID, TABLE

pytestmark = pytest.mark.django_db
TODAY = local_date(NOW)
FEW, MANY, MOST_QUERIES = 5, 500, 12
# As the sample spreads 500 mothers over eleven lay-workers. The longest list of a page otherwise is fifty.
WITH_ONE, SCREEN = 45, 50
ENTRIES = 30


@dataclass
class World:
    """A programme of so many mothers: whoever opens a page, and the rows that a page is about."""

    people: dict[Role, User]
    lay_worker: LayWorker
    paired: Mother
    waiting: Mother
    rows: dict[str, Any]


def days(number: int) -> timedelta:
    return timedelta(days=number)


def make_world(size: int) -> World:
    """Half of the mothers wait; of the others up to WITH_ONE are with one lay-worker, the rest with two more."""
    version = ProtocolVersion.objects.create(
        antenatal_every_days=14, postnatal_every_days=14, mothers_per_lay_worker=size, made_at=NOW, reason="room"
    )
    midwife = make_midwife()
    workers = [make_lay_worker(supervisor=midwife, password=PASSWORD) for _ in range(3)]
    people = {role: make_user(role) for role in EVERYONE - {LAY, MID}} | {LAY: workers[0].user, MID: midwife.user}
    for user in people.values():
        # As outside the demo: each page asks whether she has a second factor.
        Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={"secret": "invented"})
    made = bulk.register_many(
        [_new(number, _with(workers, number)) for number in range(size)],
        version=version, midwife_id=midwife.pk, by=midwife.user, now=NOW,
    )  # fmt: skip
    paired = [mother for number, mother in enumerate(made) if _with(workers, number) is workers[0]]
    waiting = [mother for number, mother in enumerate(made) if _with(workers, number) is None]
    rows = _about(paired, waiting, workers, midwife.user, people)
    return World(people, workers[0], paired[0], waiting[0], rows)


def _with(workers: list[LayWorker], number: int) -> LayWorker | None:
    if number % 2:
        return None
    return workers[0] if number < 2 * WITH_ONE else workers[1 + number % 4 // 2]


def _new(number: int, worker: LayWorker | None) -> bulk.New:
    starts_on = TODAY - days(number * 61 % 300)
    state = changes.start(starts_on=starts_on, edd=starts_on + days(196), antenatal_every=14, postnatal_every=14)
    names = {"first_name": f"Ada{number}", "family_name": "Invented", "name_to_use": f"Ada{number}"}
    numbers = (Number(f"+4477009{number:05}", safe_to_call=True),)
    registration = Registration(
        **names, starts_on=starts_on, edd=state.edd, locality_id=make_locality().pk, numbers=numbers, sheet=safe_sheet()
    )
    paired = bulk.Paired(worker.pk, worker.supervisor_id, starts_on, starts_on) if worker else None
    return bulk.New(registration, state, paired)


def _about(
    paired: list[Mother], waiting: list[Mother], workers: list[LayWorker], midwife: User, people: dict[Role, User]
) -> dict[str, Any]:
    """Write what collects around mothers: entries, agreed times, covers, messages, lines of the log, what is over."""
    own, other = workers[:2]
    tried = [(mother, number) for mother in paired for number in range(ENTRIES if mother is paired[0] else 2)]
    entries = Contact.objects.bulk_create(
        Contact(client_id=uuid4(), mother=mother, lay_worker=own, happened_at=NOW - timedelta(hours=number + 1),
                happened_on=local_date(NOW - timedelta(hours=number + 1)), entered_at=NOW, entered_by=own.user, mode="phone",
                outcome="no_answer")
        for mother, number in tried
    )  # fmt: skip
    open_rows = (
        PlannedContact.objects.filter(closes_on__gt=TODAY + days(1)).order_by("mother", "due_on").distinct("mother")
    )
    window_of = {row.mother_id: row for row in open_rows}
    agreed = Appointment.objects.bulk_create(
        Appointment(mother=mother, lay_worker=own, planned_contact=window_of[mother.pk], agreed_at=NOW,
                    starts_at=local_instant(max(window_of[mother.pk].opens_on, TODAY + days(1)), time(14)), mode="phone",
                    agreed_by=own.user)
        for mother in paired
    )  # fmt: skip
    covers = Cover.objects.bulk_create(
        Cover(mother=mother, lay_worker=other, starts_on=TODAY, ends_on=TODAY + days(9), made_at=NOW, made_by=midwife)
        for mother in paired
    )
    # Those who wait were with her until yesterday.
    Pairing.objects.bulk_create(
        Pairing(mother=mother, lay_worker=own, starts_on=mother.starts_on, made_at=NOW - days(300), made_by=midwife,
                ends_on=TODAY, ended_at=NOW - timedelta(hours=number // 2), ended_by=midwife, end_reason="midwife")
        for number, mother in enumerate(waiting[:SCREEN]) if mother.starts_on < TODAY
    )  # fmt: skip
    Message.objects.bulk_create(
        Message(kind="contact_coming_up", subject=mother.person, subject_due_on=TODAY, recipient_user=user,
                channel="in_app", nominal_on=TODAY, due_at=NOW, expires_at=NOW + days(1), status="sent", status_at=NOW,
                created_at=NOW, sent_at=NOW)
        for mother in [*paired, *waiting] for user in people.values()
    )  # fmt: skip
    stuck = Message.objects.bulk_create(
        Message(kind="contact_coming_up", subject=mother.person, subject_due_on=TODAY, recipient_user=user,
                channel="email", nominal_on=TODAY, due_at=NOW, expires_at=NOW + days(1), status=status, status_at=NOW,
                created_at=NOW)
        for mother in paired for user, status in ((midwife, "failed"), (own.user, "needs_a_person"))
    )  # fmt: skip
    AccessLog.objects.bulk_create(
        AccessLog(at=NOW, kind="contact_details_read", by=midwife, about_person_id=mother.person_id)
        for mother in [*paired, *waiting]
    )
    jobs = {
        role: ImportJob.objects.bulk_create(
            ImportJob(
                kind="caseload",
                status="done",
                report=Report(dry_run=True).as_json(),
                uploaded_at=NOW,
                uploaded_by=people[role],
            )
            for _mother in paired
        )
        for role in (MID, Role.LEAD)
    }
    Export.objects.bulk_create(
        Export(dataset="contacts", format="csv", reason="Report", asked_at=NOW, asked_by=midwife) for _mother in paired
    )
    for role in (MID, Role.LEAD):
        has_it = people[role] if role is Role.LEAD else None
        Alert.objects.bulk_create(
            Alert(kind="concern_today", mother=mother, raised_at=NOW, step_at=NOW, holder=people[role],
                  told=[people[role].pk], acknowledged_at=has_it and NOW, acknowledged_by=has_it)
            for mother in paired
        )  # fmt: skip
    assert paired[0].pk == min(mother.pk for mother in paired), "the lead's first alert is about her"
    duties.refresh_for(mother_ids=Mother.objects.values_list("pk", flat=True), now=NOW)
    JobRun.objects.update_or_create(name=ESCALATION_JOB, defaults={"started_at": NOW, "finished_at": NOW})
    taken = RotaShift.objects.count()
    for week in range(taken, taken + len(paired)):
        rota.name(
            on_duty=midwife, second=people[Role.LEAD], starts_at=NOW + timedelta(days=7 * week),
            ends_at=NOW + timedelta(days=7 * week + 7), by=people[Role.LEAD], now=NOW,
        )  # fmt: skip
    visit = Visit.objects.create(
        client_id=uuid4(), mother=paired[0], lay_worker=LayWorker.objects.get(user=people[LAY]), started_at=NOW,
        started_by=people[LAY], expected_end_at=NOW + timedelta(hours=1), expected_end_by=people[LAY],
    )  # fmt: skip
    return {
        "alerts": {role: Alert.objects.filter(holder=people[role]).earliest("pk").pk for role in (MID, Role.LEAD)},
        "duty": Duty.objects.filter(owner__user=midwife, mother__isnull=False).earliest("pk").pk,
        "shift": RotaShift.objects.earliest("pk").pk, "visit": visit.client_id,
        "entry": entries[0].client_id, "appointment": agreed[0].pk, "cover": covers[0].pk, "jobs": jobs,
        "stuck": stuck[0].pk, "pairing": Pairing.objects.get(mother=paired[0]).pk, "locality": Locality.objects.get().pk,
        "loss": Loss.objects.create(person=waiting[-1].person, kind="stillbirth", recorded_at=NOW, recorded_by=midwife),
        "late": Pairing.objects.filter(mother__in=waiting).earliest("pk").mother.programme_code,
    }  # fmt: skip


def addresses(world: World, name: str, role: Role) -> list[str]:
    """Return where a page is found for a role: each of its forms that asks the database differently."""
    hers = {"programme_code": world.paired.programme_code}
    rows = world.rows
    match name:
        case "appointment-call-off":
            return [reverse(name, kwargs=hers | {"pk": rows["appointment"]})]
        case "contact-correct" | "contact-void":
            return [reverse(name, kwargs=hers | {"client_id": rows["entry"]})]
        case "alert-detail":
            return [reverse(name, args=[rows["alerts"][role]])]
        case "quiet-day-end":
            return [reverse(name, args=[999])]
        case "duty-detail":
            return [reverse(name, args=[rows["duty"]])]
        case "rota-withdraw":
            return [reverse(name, args=[rows["shift"]])]
        case "visit-detail":
            return [reverse(name, args=[rows["visit"]])]
        case "contact-urgent":
            return [reverse(name, kwargs=hers | {"kind": "today"})]
        case "contact-log":
            page, late = reverse(name, kwargs=hers), reverse(name, args=[rows["late"]])
            return [
                page,
                f"{page}?what=phone-reached",
                f"{page}?what=phone-no_answer",
                late,
                f"{late}?what=phone-reached",
            ]
        case "loss-undo":
            return [reverse(name, args=[rows["loss"].person.mother.programme_code, rows["loss"].pk])]
        case "support-start":
            return [reverse(name, args=[rows["loss"].person.mother.programme_code])]
        case "plan-change":
            page = reverse(name, kwargs=hers)
            return [page, *(f"{page}?kind={kind}" for kind in ("rhythm", "pause", "resume"))]
        case "pair":
            return [reverse(name, args=[world.waiting.programme_code])]
        case "cover-arrange-all" | "lay-worker-detail" | "staff-lay-worker-edit":
            return [reverse(name, args=[world.lay_worker.pk])]
        case "pairing-end":
            return [reverse(name, args=[rows["pairing"]])]
        case "cover-cancel":
            return [reverse(name, args=[rows["cover"]])]
        case "import-detail":
            return [reverse(name, args=[rows["jobs"][role][0].reference])]
        case "locality-edit":
            return [reverse(name, args=[rows["locality"]])]
        case "user-detail":
            return [reverse(name, args=[world.people[MID].pk])]
        case "user-act":
            return [reverse(name, args=[world.people[MID].pk, "end"])]
        case "caseload":
            page = reverse(name)
            chosen = [f"only={only}" for only in ("overdue", "awaiting", "paused", "silent")]
            chosen += ["search=ada", f"with={world.lay_worker.pk}", "after=Ada2|M-"]
            return [page, *(f"{page}?{query}" for query in chosen)]
        case "stuck-message-act":
            return [reverse(name, args=[rows["stuck"], "send-again"]), reverse(name, args=[rows["stuck"], "dismiss"])]
        case "stuck-messages":
            page = reverse(name)
            return [page, f"{page}?status=failed", f"{page}?status=failed&before={rows['stuck']}"]
        case "access-log":
            page = reverse(name)
            return [page, f"{page}?kind=contact_details_read&who={world.people[MID].pk}"]
        case "mother-detail":
            page = reverse(name, kwargs=hers)
            return [
                page,
                f"{page}?before={(NOW - timedelta(hours=5)).strftime('%Y-%m-%dT%H:%M:%S%z')}_9".replace("+", "%2B"),
            ]
        case "account_reset_password_from_key":
            return [reverse(name, kwargs={"uidb36": "1", "key": "not-a-key"})]
        case "mfa_edit_webauthn" | "mfa_remove_webauthn":
            return [reverse(name, args=[999])]
    return [reverse(name, kwargs=hers if TABLE.get(name, ((), {}))[1] else {})]


# What has no page of its own to read.
POSTED_ONLY = {"cover-cancel", "quiet-day-end", "user-act"}
LEADS_ELSEWHERE = {"home", "kept-form"}


def measured(world: World) -> dict[tuple[str, str, int], tuple[int, int]]:
    """Open each page as everyone who may; return its number of queries, and of mothers linked to, when it is warm."""
    found = {}
    for name in [*TABLE, *sorted(KEPT)]:
        for role in sorted(TABLE[name][0] if name in TABLE else [LAY]):
            client = Client()
            client.force_login(world.people[role])
            client.get("/")
            for place, address in enumerate(addresses(world, name, role)):
                client.get(address)
                with CaptureQueriesContext(connection) as asked:
                    answer = client.get(address)
                expected = 405 if name in POSTED_ONLY else 302 if name in LEADS_ELSEWHERE else 200
                if name in TABLE:
                    assert answer.status_code == expected or (expected, answer.status_code) == (302, 200), (name, role)
                codes = set(re.findall(r'href="/mothers/(M-\w+)/', answer.content.decode()))
                found[name, str(role), place] = len(asked), len(codes)
    return found


@pytest.fixture(autouse=True)
def _demo_mailbox(settings: Any, tmp_path: Path) -> Any:
    settings.DEMO = True
    settings.EMAIL_FILE_PATH = tmp_path
    settings.SECOND_FACTOR_REQUIRED = True
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.mark.django_db(transaction=True)
def test_every_page_asks_as_often_at_five_hundred_mothers_as_at_five_and_shows_a_screen_of_them() -> None:
    found = []
    for size in (FEW, MANY):
        world = make_world(size)
        count_rows_anew()
        found.append(measured(world))
    few, many = found
    assert {name for name, _role, _place in many} == {*TABLE, *KEPT}
    grown = {page: (few[page][0], asked) for page, (asked, _mothers) in many.items() if asked != few[page][0]}
    assert grown == {}
    assert {page: asked for page, (asked, _mothers) in many.items() if asked > MOST_QUERIES} == {}
    assert {page: mothers for page, (_asked, mothers) in many.items() if mothers > SCREEN} == {}
    assert many["caseload", str(MID), 0][1] == SCREEN
    assert many["today", str(LAY), 0][1] == WITH_ONE


def test_those_who_wait_follow_one_another_page_by_page_the_longest_first_and_each_once() -> None:
    world = make_world(2 * SCREEN + 3)
    client = Client()
    client.force_login(world.people[MID])
    seen, address = [], "/awaiting/"
    while address:
        answer = client.get(address)
        seen += [(row["since"], row["programme_code"]) for row in answer.context["rows"]]
        following = answer.context["next_href"]
        address = f"/awaiting/{following}" if following else ""
    assert len(seen) == len(set(seen)) == SCREEN + 1
    assert seen == sorted(seen)
    assert client.get("/awaiting/?after=soon|M").context["rows"][0]["programme_code"] == seen[0][1]
