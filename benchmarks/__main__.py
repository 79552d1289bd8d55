"""Each piece of work beside its rival, in one run on one machine: a table on standard error, JSON on standard output.

The servers are throw-away ones without fsync, the same for both sides; times are CPU seconds of client and server
together, so that a busy machine tells the same as an idle one. What counts is the ratio.
"""

import argparse
import io
import json
import os
import platform
import re
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import django
import environ

ROOT = Path(__file__).resolve().parent.parent
FOLDER = tempfile.TemporaryDirectory(prefix="alongside-bench-")
# As in production, so that pages are the ones that people get: no debugging, hashed static files, a second factor.
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "0", "ALLOWED_HOSTS": "127.0.0.1", "HTTPS": "0",
    "SECRET_KEY": secrets.token_urlsafe(60), "EXPORT_KEY": secrets.token_urlsafe(60), "LOG_LEVEL": "ERROR",
    "STATIC_ROOT": FOLDER.name,
}  # fmt: skip
for command in ("migrate", "collectstatic"):
    subprocess.run([sys.executable, "manage.py", command, "--noinput", "-v0"], cwd=ROOT, check=True)

django.setup()

from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks import naive
from benchmarks.world import WITH_ONE, World
from mentoring.exports import contacts as export
from mentoring.models import ContactPlan, LayWorker, Mother, PlannedContact
from mentoring.queries import caseload as caseloads
from mentoring.queries import statuses
from mentoring.rules.imports import CASELOAD_COLUMNS
from mentoring.rules.plan import planned_contacts
from mentoring.services import bulk, mothers, pairings, plans
from mentoring.services import reminders as reminder_rows
from mentoring.services.imports import caseload
from mentoring.services.imports.report import Report
from outbox.models import Message
from outbox.services import delivery
from people.models import AccessLog
from people.queries import accounts

NOW = datetime.now(UTC).replace(hour=12, minute=0)
LINUX = Path("/proc/self/stat").exists()


@dataclass(frozen=True)
class Measured:
    """One line: ours, the rival's or the limit, their ratio, and the target of quality.md that it is held to."""

    work: str
    ours: float
    rival: str
    rivals: float
    unit: str
    ratio: float
    target: str
    met: bool


def at_most(work: str, ours: float, rival: str, rivals: float, times: float, unit: str = "s") -> Measured:
    ratio = ours / rivals
    return Measured(work, ours, rival, rivals, unit, ratio, f"<= {times:g} x", ratio <= times)


def at_least(work: str, ours: float, rival: str, rivals: float, times: float, unit: str = "/s") -> Measured:
    """``ours`` and ``rivals`` are rates, or seconds where the unit says so."""
    ratio = rivals / ours if unit in {"s", "ms"} else ours / rivals
    return Measured(work, ours, rival, rivals, unit, ratio, f">= {times:.2g} x", ratio >= times)


def within(work: str, ours: float, limit: float, unit: str) -> Measured:
    return Measured(work, ours, "the limit", limit, unit, ours / limit, f"<= {limit:g} {unit}", ours <= limit)


def spent(*pids: int) -> float:
    """Return the CPU seconds of some processes so far; where nobody counts them (no /proc), the time that passed."""
    if not LINUX:
        return time.perf_counter()
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(user) + int(system) for user, system in (some[11:13] for some in fields)) / os.sysconf("SC_CLK_TCK")


def seconds(act: Callable[[], object], times: int = 3) -> float:
    """Return what an act costs, this process and its own server process together, on average of some times."""
    connection.ensure_connection()
    both = os.getpid(), connection.connection.info.backend_pid
    began = spent(*both)
    for _time in range(times):
        act()
    return (spent(*both) - began) / times


@contextmanager
def undone() -> Iterator[None]:
    """What is written within is taken back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def as_owner(*statements: str) -> None:
    """Run statements that the application's role may not."""
    own = connection.copy()
    own.settings_dict = own.settings_dict | environ.Env.db_url_config(os.environ["MIGRATE_DATABASE_URL"])
    own.connect()
    for statement in statements:
        own.connection.autocommit = True
        with own.cursor() as cursor:
            cursor.execute(statement)
    own.close()


def in_the_database(act: Callable[[], object], times: int = 200) -> tuple[float, str]:
    """Return the milliseconds that the last query of an act costs its server process, planning too, and its plan."""
    with CaptureQueriesContext(connection) as asked:
        act()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {asked[-1]['sql']}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
        began = spent(connection.connection.info.backend_pid)
        for _time in range(times):
            cursor.execute(asked[-1]["sql"])
            cursor.fetchall()
        return (spent(connection.connection.info.backend_pid) - began) / times * 1000, plan


# ---------------------------------------------------------------------------------------------------------------------


def planning(world: World) -> Iterator[Measured]:
    """The planned contacts of many mothers: ours computed in Python and copied in, rivals of the same rows."""
    hers = list(Mother.objects.order_by("pk")[:2000])
    states = [world.state(mother.starts_on) for mother in hers]

    def with_plans(write: Callable[[list[ContactPlan]], object]) -> tuple[float, str]:
        with undone():
            made = ContactPlan.objects.bulk_create(
                ContactPlan(mother=mother, kind="bereavement", starts_on=state.starts_on, ends_on=state.ends_on, state={},
                            antenatal_every_days=14, postnatal_every_days=14, opened_at=NOW)
                for mother, state in zip(hers, states, strict=True)
            )  # fmt: skip
            took = seconds(lambda: write(made), times=1)
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT count(*) || md5(string_agg(concat_ws(' ', mother_id, number, due_on, opens_on, closes_on, cut), ','"
                    " ORDER BY mother_id, number)) FROM mentoring_plannedcontact WHERE plan_id >= %s",
                    [made[0].pk],
                )
                return took, cursor.fetchone()[0]

    def copied(made: list[ContactPlan]) -> None:
        bulk._copy_windows((plan, None, planned_contacts(state.plan)) for plan, state in zip(made, states, strict=True))

    def selected(made: list[ContactPlan]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO mentoring_plannedcontact (plan_id, mother_id, number, due_on, opens_on, closes_on, cut, withdrawn_why)"
                " SELECT p.id, p.mother_id, n, p.starts_on + 14 * n, p.starts_on + CASE WHEN n = 0 THEN 0 ELSE 14 * n - 7 END,"
                " least(p.starts_on + 14 * n + 7, p.ends_on + 1), false, ''"
                " FROM mentoring_contactplan p, generate_series(0, (p.ends_on - p.starts_on) / 14) n WHERE p.id >= %s",
                [made[0].pk],
            )

    def created(made: list[ContactPlan]) -> None:
        PlannedContact.objects.bulk_create(
            PlannedContact(plan=plan, mother_id=plan.mother_id, number=row.number, due_on=row.due_on, opens_on=row.opens_on,
                           closes_on=row.closes_on, cut=row.cut)
            for plan, state in zip(made, states, strict=True)
            for row in planned_contacts(state.plan)
        )  # fmt: skip

    best: dict[str, tuple[float, str]] = {}
    for _time in range(3):  # in turns
        for name, write in {"copy": copied, "select": selected, "create": created}.items():
            best[name] = min(with_plans(write), best.get(name, (float("inf"), "")))
    assert len({rows for _took, rows in best.values()}) == 1, "the three wrote different rows"
    work = f"planning {len(hers)} mothers"
    yield at_most(work, best["copy"][0], "INSERT ... SELECT", best["select"][0], 1.5)
    yield at_least(work, best["copy"][0], "bulk_create", best["create"][0], 6, "s")


def planning_again(world: World) -> Iterator[Measured]:
    """One mother planned again: nothing to change, then every other window withdrawn."""
    young = Mother.objects.filter(starts_on__gt=world.today - timedelta(days=100), plans__pauses__isnull=True)
    hers = list(young.order_by("pk")[:40])

    def each(act: Callable[[Mother], object]) -> float:
        with undone():
            return seconds(lambda: list(map(act, hers)), times=1) / len(hers) * 1000

    def slower(mother: Mother) -> None:
        request = plans.Rhythm(28)
        plans.change(mother=mother, request=request, asked_by="midwife", by=world.midwives[0].user, now=NOW)

    nothing = each(lambda mother: plans.replan(mother=mother, by=None, now=NOW))
    yield within("one mother planned again, nothing to change", nothing, 10, "ms")
    yield within("one mother's rhythm changed, messages and all", each(slower), 10, "ms")


def due_list(world: World, rows: int) -> Iterator[Measured]:
    """The open planned contacts of one lay-worker, at a tenth of the rows and at all of them."""
    took = {}
    for size in (rows // 10, rows):
        world.grow(size)
        as_owner("VACUUM ANALYZE")
        took[size] = in_the_database(lambda: _due_list_of(world))
    ours, plan = took[rows]
    assert "open_planned_by_lay_worker" in plan, plan
    yield within(f"due list of one lay-worker, {rows:,} rows", ours, 1, "ms")
    yield at_most("due list, ten times the rows", ours, f"{rows // 10:,} rows", took[rows // 10][0], 1.3, "ms")
    with transaction.atomic(), connection.cursor() as cursor:
        for way in ("indexscan", "indexonlyscan", "bitmapscan"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
        without = in_the_database(lambda: _due_list_of(world), times=5)[0]
    yield at_least("due list by its index", ours, "no index", without, 10, "ms")
    page = in_the_database(lambda: caseloads.caseload(world.busy.supervisor.user, on=world.today))[0]
    yield within("caseload of a midwife, 50 of 108 rows", page, 10, "ms")


def _due_list_of(world: World) -> list[Any]:
    rows = statuses.open_rows(world.today).filter(lay_worker=world.busy.pk, due_on__lte=world.today)
    return list(rows.values_list("mother", "due_on", "opens_on", "closes_on"))


def deep_page(world: World, rows: int) -> Iterator[Measured]:
    """A page of the access log half-way down, by keyset and by OFFSET."""
    middle = AccessLog.objects.order_by("-at", "-id")[rows // 2]
    keyset = seconds(lambda: accounts.log_page(before=(middle.at, middle.pk)), 200) * 1000
    newest = AccessLog.objects.select_related("by", "about_user").order_by("-at", "-id")
    offset = seconds(lambda: list(newest[rows // 2 : rows // 2 + accounts.PAGE])) * 1000
    first = seconds(accounts.log_page, 200) * 1000
    yield at_most("access log, a deep page by keyset", keyset, "its first page", first, 1.5, "ms")
    yield at_least("access log, a deep page by keyset", keyset, "OFFSET", offset, 1.5, "ms")


OUTBOX = """
INSERT INTO outbox_message (reference, kind, about, recipient_user_id, channel, nominal_on, due_at, expires_at, status,
    status_at, why, tries, created_at, sent_at, detail, carrier_reference)
SELECT gen_random_uuid(), %s, 'row ' || n, users[1 + n %% array_length(users, 1)], 'in_app', %s::date, %s, %s,
    CASE WHEN n %% 20 = 0 THEN 'queued' ELSE %s END, %s, '', 0, %s, %s, '{}', ''
FROM generate_series(%s::int, %s::int) n, (SELECT array_agg(user_id ORDER BY id) users FROM mentoring_layworker) w
"""
RAW_CLAIM = """
UPDATE outbox_message SET status = 'sent', status_at = %s, sent_at = %s WHERE id IN (
    SELECT id FROM outbox_message WHERE channel = 'in_app' AND status = 'queued' AND due_at <= %s
    ORDER BY due_at, id LIMIT 500 FOR UPDATE SKIP LOCKED
)
"""


def fill_outbox(first: int, last: int, *, others: str, due_at: datetime) -> None:
    """Write messages of the trivial kind: one in twenty queued and due then, the others standing as said."""
    with connection.cursor() as cursor:
        until = NOW + timedelta(days=60)
        cursor.execute(OUTBOX, [naive.TRIVIAL, NOW.date(), due_at, until, others, NOW, NOW, NOW, first, last])


def in_the_outbox(**fields: Any) -> list[int]:
    return list(Message.objects.filter(status="queued", **fields).order_by("due_at", "pk").values_list("pk", flat=True))


def reminders(world: World, rows: int) -> Iterator[Measured]:
    """A tick with nothing due among many messages; then so many sent: ours, a task each, bare claims in SQL."""
    cost: dict[int, float] = {}
    written = 0
    for size in (rows // 10, rows):
        fill_outbox(written + 1, size, others="sent", due_at=NOW + timedelta(days=1))
        written = size
        as_owner("VACUUM ANALYZE outbox_message")
        cost[size] = seconds(lambda: delivery.deliver_due(now=NOW), 1000) * 1000
    passed = median_of(lambda: delivery.deliver_due(now=NOW)) * 1000
    yield within(f"idle tick, {rows:,} messages, median of time passed", passed, 2, "ms")
    yield at_most(
        "idle tick, ten times the messages", cost[rows], f"{rows // 10:,} messages", cost[rows // 10], 1.3, "ms"
    )

    some = 5000
    carriers = {"in_app": naive.Null()}
    fill_outbox(rows + 1, rows + 4 * some, others="queued", due_at=NOW - timedelta(hours=1))
    ids = in_the_outbox(kind=naive.TRIVIAL, due_at__lt=NOW)
    with a_task_each() as task_each:
        theirs = task_each(ids[:some])
        done = []
        Message.objects.filter(pk__in=ids[3 * some :]).update(due_at=NOW + timedelta(days=1))
        ours = 2 * some / seconds(lambda: done.append(delivery.deliver_due(now=NOW, carriers=carriers)), times=1)
        assert done == [2 * some], done
        Message.objects.filter(pk__in=ids[3 * some :]).update(due_at=NOW - timedelta(hours=1))
        raw = some / seconds(lambda: [claim_bare() for _time in range(some // 500)], times=1)
        assert in_the_outbox(kind=naive.TRIVIAL, due_at__lt=NOW) == []
        yield at_least("claim, mark, hand over, to a null carrier", ours, "a Celery task each", theirs, 10)
        yield at_least("claim, mark, hand over, to a null carrier", ours, "bare claims in SQL", raw, 0.03)

        hers = list(Mother.objects.order_by("pk").values_list("pk", flat=True))
        for start in range(0, len(hers), 1000):
            reminder_rows.refresh_for(mother_ids=hers[start : start + 1000], now=NOW)
        real = in_the_outbox(kind="contact_coming_up", channel="in_app")[:2000]
        Message.objects.exclude(pk__in=real).filter(status="queued").update(due_at=NOW + timedelta(days=1))
        Message.objects.filter(pk__in=real).update(due_at=NOW - timedelta(hours=1))
        theirs = task_each(real[: len(real) // 4])
        done = []
        ours = (
            len(real) * 3 / 4 / seconds(lambda: done.append(delivery.deliver_due(now=NOW, carriers=carriers)), times=1)
        )
        assert done == [len(real) - len(real) // 4], done
        yield at_least("contact coming up, everything asked again", ours, "a Celery task each", theirs, 10)


def claim_bare() -> None:
    with connection.cursor() as cursor:
        cursor.execute(RAW_CLAIM, [NOW, NOW, NOW])


def median_of(act: Callable[[], object], times: int = 500) -> float:
    """Return the seconds that pass in the middle one of so many times: what others do meanwhile falls out."""
    passed = []
    for _time in range(times):
        began = time.perf_counter()
        act()
        passed.append(time.perf_counter() - began)
    return statistics.median(passed)


@contextmanager
def a_task_each() -> Iterator[Callable[[list[int]], float]]:
    """A Celery worker runs; what is yielded sends these messages through it, a task each, and returns how many a second."""
    command = [sys.executable, "-m", "celery", "-A", "benchmarks.naive", "worker", "--pool", "solo", "--loglevel", "ERROR",
               "--without-mingle", "--without-gossip"]  # fmt: skip
    state = Path(os.environ["ALONGSIDE_DATA"]) / "services" / "state.json"
    servers = json.loads(state.read_text())["children"] if state.exists() else []

    def left(ids: list[int]) -> int:
        return Message.objects.filter(pk__in=ids, status="queued").count()

    def send(ids: list[int]) -> float:
        naive.send.delay(ids[0], NOW.isoformat())
        while left(ids[:1]):
            time.sleep(0.1)
        pids = [os.getpid(), worker.pid, *servers[1:], *serving(worker.pid)]
        began = spent(*pids)
        for pk in ids[1:]:
            naive.send.delay(pk, NOW.isoformat())
        while left(ids[-1:]):
            time.sleep(0.2)
        took = spent(*pids) - began
        assert left(ids) == 0
        return (len(ids) - 1) / took

    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=ROOT, **quiet) as worker:
        try:
            yield send
        finally:
            worker.terminate()


class Sink(io.RawIOBase):
    """Takes everything and keeps the number of bytes."""

    taken = 0

    def write(self, chunk: Any) -> int:
        self.taken += len(chunk)
        return len(chunk)


def exporting(world: World) -> Iterator[Measured]:
    """The contacts data set as its export writes it, beside the bare COPY of the same expressions."""
    bare = export.QUERY.format(
        columns=", ".join(f'{column.sql} AS "{column.name}"' for column in export.COLUMNS),
        mothers="array(SELECT id FROM mentoring_mother ORDER BY id)",
        mother_hashes="array(SELECT lpad(id::text, 17, 'M') FROM mentoring_mother ORDER BY id)",
        workers="array(SELECT id FROM mentoring_layworker ORDER BY id)",
        worker_hashes="array(SELECT lpad(id::text, 17, 'W') FROM mentoring_layworker ORDER BY id)",
    )

    def copied() -> None:
        with connection.cursor() as cursor:
            cursor.cursor.copy_expert(bare, sink)

    sink, ours = Sink(), Sink()
    copied()
    export.copy_to(ours, key="k")
    assert sink.taken == ours.taken, (sink.taken, ours.taken)
    took = seconds(lambda: export.copy_to(Sink(), key="k"), 5)
    yield at_most("CSV export of the contacts", took, "COPY of the same", seconds(copied, 5), 1.3)
    if LINUX:
        told = subprocess.run([sys.executable, "-c", MEMORY], cwd=ROOT, capture_output=True, text=True, check=True)
        yield within("CSV export, memory above idle", float(told.stdout), 20, "MB")


# In a process of its own: this one has room left over from what it did before.
MEMORY = """
import django, pathlib, re
django.setup()
from django.db import connection
from mentoring.exports import contacts

class Sink:
    write = staticmethod(len)

def kilobytes(name):
    return int(re.search(name + r":\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])

connection.ensure_connection()
before = kilobytes("VmRSS")
contacts.copy_to(Sink(), key="k")
print((kilobytes("VmHWM") - before) / 1024)
"""


def previewing(world: World) -> Iterator[Measured]:
    """A thousand cases through the command, its start included."""
    case = {"edd": "2026-09-14", "born_on": None, "cadences": [["2026-03-02", 14, None]], "pauses": [],
            "offered_from": "2026-03-02", "contacts": [f"2026-0{month}-0{day}" for month in range(3, 10) for day in (2, 9)],
            "on": "2026-11-01"}  # fmt: skip
    text = json.dumps([case] * 1000).encode()
    call = [sys.executable, "manage.py", "plan_preview"]
    before = os.times()
    subprocess.run(call, input=text, stdout=subprocess.DEVNULL, cwd=ROOT, check=True)
    took = os.times()
    spent = took.children_user + took.children_system - before.children_user - before.children_system
    yield within("plan_preview, 1,000 cases, the command's start and all", spent, 5, "s")


def importing(world: World, lines: int) -> Iterator[Measured]:
    """A caseload of so many lines; the same again; a mother at a time as the pages do it."""
    emails = [one.user.email for one in LayWorker.objects.select_related("user")[: lines // WITH_ONE + 1]]
    starts = [world.today - timedelta(days=number % 300) for number in range(lines)]
    text = "\n".join([
        ",".join(CASELOAD_COLUMNS),
        *(f"M-I{number:07},Ida{number},Invented,Ida,2003-05-04,077{number:08},yes,no,no,1 Example Road,Benchmarkside,English,"
          f"{starts_on},{starts_on + timedelta(days=196)},,14,{emails[number // WITH_ONE]},{starts_on}"
          for number, starts_on in enumerate(starts)),
    ]).encode()  # fmt: skip
    options = caseload.Options()
    told: list[Report] = []
    load = lambda: told.append(caseload.load(file=io.BytesIO(text), options=options, dry_run=False, by=None, now=NOW))
    took, again = seconds(load, times=1), seconds(load, times=1)
    assert [report.added for report in told] == [lines, 0] and told[1].unchanged == lines, told[0].problems[:3]
    yield within("caseload of 10,000 lines (by their rate)", took / lines * 10_000, 60, "s")
    yield at_most(f"the same {lines:,} lines again", again, "the first time", took, 0.25)

    def one(number: int) -> None:
        registration = world.registration(world.mothers + number, world.today)
        mother = mothers.register(registration=registration, by=None, now=NOW)
        # The last has room: nobody is paired with more than the protocol's most.
        pairings.pair(mother=mother, lay_worker=fresh, by=None, now=NOW)

    with undone():
        fresh = world.lay_worker()
        each = seconds(lambda: [one(number) for number in range(WITH_ONE)], times=1) / WITH_ONE
    yield at_least("caseload, a line", took / lines * 1000, "register and pair", each * 1000, 3, "ms")


# ---------------------------------------------------------------------------------------------------------------------


@contextmanager
def served(application: str) -> Iterator[tuple[int, int]]:
    """Gunicorn with two workers serves an application: its port, and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", application, "--bind", f"127.0.0.1:{port}", "--workers", "2",
               "--log-level", "error", "--no-control-socket"]  # fmt: skip
    with subprocess.Popen(command, cwd=ROOT) as server:
        try:
            for _time in range(200):
                time.sleep(0.1)
                with socket.socket() as line:
                    if line.connect_ex(("127.0.0.1", port)) == 0:
                        break
            yield port, server.pid
        finally:
            server.terminate()


def serving(pid: int) -> list[int]:
    """Return the processes that answer: gunicorn's workers, and the server's sessions other than our own."""
    workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split() if LINUX else []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user"
            " AND pid <> pg_backend_pid()"
        )
        return [int(worker) for worker in workers] + [session for (session,) in cursor.fetchall()]


def answers(at: tuple[int, int], asked: Callable[[], bytes], status: int, many: int = 60) -> float:
    """Return how many answers of this status a second of CPU gives, of asker, server and database; any other ends it."""

    def ask() -> int:
        with socket.create_connection(("127.0.0.1", at[0])) as line:
            line.sendall(asked())
            answer = b""
            while chunk := line.recv(1 << 16):
                answer = answer or chunk[:16]
        return int(answer.split()[1])

    came = {ask() for _warm in range(8)}
    pids = [os.getpid(), *serving(at[1])]
    began = spent(*pids)
    came |= {ask() for _time in range(many)}
    took = spent(*pids) - began
    assert came == {status}, came
    return many / took


def pages(world: World) -> Iterator[Measured]:
    """Pages as gunicorn serves them, in turns with the least that a page can be."""
    lay_worker = world.busy
    code = min(world.mothers_of(lay_worker), key=lambda mother: mother.starts_on).programme_code
    hers, midwifes = Client(headers={"host": "127.0.0.1"}), Client(headers={"host": "127.0.0.1"})
    hers.force_login(lay_worker.user)
    midwifes.force_login(lay_worker.supervisor.user)
    log = f"/mothers/{code}/log/?what=phone-no_answer"
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', hers.get(log).content.decode())[1]

    def head(client: Client, method: str, path: str) -> str:
        cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in client.cookies.items())
        return f"{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nCookie: {cookies}\r\n"

    def get(client: Client, path: str) -> Callable[[], bytes]:
        request = f"{head(client, 'GET', path)}\r\n".encode()
        return lambda: request

    def logged() -> bytes:
        body = f"csrfmiddlewaretoken={token}&client_id={uuid4()}&which_day=yesterday&at=10:00&mode=phone&initiated_by=lay_worker"
        length = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        return f"{head(hers, 'POST', log)}{length}\r\n{body}".encode()

    asked = {
        f"Today, {WITH_ONE} cards": (get(hers, "/today/"), 200, 1 / 12),
        "the caseload, 50 rows": (get(midwifes, "/caseload/"), 200, 1 / 12),
        "a mother's page": (get(hers, f"/mothers/{code}/"), 200, 1 / 30),
        "the form of the log": (get(hers, log), 200, 1 / 30),
        "logging a contact": (logged, 302, 1 / 8),
    }
    with served("benchmarks.hello") as little, served("config.wsgi") as ours:
        hello = answers(little, lambda: b"GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n", 200, many=2000)
        for what, (request, status, least) in asked.items():
            yield at_least(f"page: {what}", answers(ours, request, status), "hello", hello, least)


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="planned contacts, attempts and lines of logs")
    parser.add_argument("only", nargs="?", default="", help="a word in the names of what to measure")
    parser.add_argument("--check", action="store_true", help="exit 1 where a target is missed")
    chosen = parser.parse_args()
    rows: int = chosen.rows
    world = World(now=NOW)
    works: dict[str, Callable[[], Iterator[Measured]]] = {
        "due list": lambda: due_list(world, rows),
        "planning": lambda: planning(world),
        "planning again": lambda: planning_again(world),
        "deep page": lambda: deep_page(world, rows),
        "reminders": lambda: reminders(world, max(rows, 1_000_000)),
        "exporting": lambda: exporting(world),
        "previewing": lambda: previewing(world),
        "pages": lambda: pages(world),
        "importing": lambda: importing(world, min(10_000, rows // 50)),
    }
    done = []
    if chosen.only not in "due list":
        world.grow(rows)
        as_owner("VACUUM ANALYZE")
    print(f"{'':52}{'ours':>10}  {'':31}{'theirs':>10}  {'ratio':>7}  target", file=sys.stderr)
    for name, work in works.items():
        if chosen.only in name:
            for one in work():
                done.append(one)
                print(
                    f"{one.work:52}{one.ours:>10.3f}  {one.rival:31}{one.rivals:>10.3f}  {one.ratio:>7.3f}"
                    f"  {one.target:10} {one.unit:3} {'' if one.met else 'MISSED'}",
                    file=sys.stderr,
                )
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "postgresql": connection.pg_version}
    print(json.dumps({"rows": rows, "machine": machine, "measured": [asdict(one) for one in done]}, indent=1))
    return int(chosen.check and not all(one.met for one in done))


if __name__ == "__main__":
    sys.exit(main())
