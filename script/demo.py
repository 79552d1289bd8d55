"""The demo: starts all that the programme needs for invented people, prints where to go, stops all it started.

``--check`` does the same on a free port with a throw-away folder, walks the main pages as each role, waits for one
reminder to go through Celery, and exits 0 or 1.
"""

from __future__ import annotations

import datetime
import http.cookiejar
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import services

ROOT = services.ROOT
PYTHON = sys.executable
PASSWORD = "alongside-demo"
MOTHERS = 40
SIGN_INS = (
    ("layworker", "a lay-worker: who is due today and why"),
    ("midwife", "a midwife: her lay-workers and their mothers"),
    ("lead", "the programme lead: settings of the protocol"),
    ("recruiter", "a recruiter"),
    ("coordinator", "a trial coordinator: exports"),
    ("statistician", "a statistician"),
    ("assessor", "an assessor"),
    ("dpo", "the data-protection officer: the access log"),
    ("admin", "an administrator: people, roles, localities"),
)
# What each role's walk must find, beside the page it lands on.
WALKS = {
    "layworker": ["/today/", "/messages/"],
    "midwife": ["/caseload/", "/awaiting/", "/messages/"],
    "lead": ["/protocol/"],
    "coordinator": ["/trial/exports/"],
    "dpo": ["/access-log/"],
    "admin": ["/users/", "/localities/", "/jobs/"],
}
READY_SECONDS = 60
REMINDER_SECONDS = 150


class DemoError(Exception):
    """The demo cannot go on; the message is one line for the person at the keyboard, and a log's end below it."""


class Stopped(BaseException):
    """Ctrl-C, SIGTERM, or the terminal went away."""


def stop_on_signals() -> None:
    """Raise Stopped at the first signal; the later ones do not disturb the stopping."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(signum: int, frame: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    for number in numbers:
        signal.signal(number, stop)


def say(line: str) -> None:
    print(f"alongside: {line}", flush=True)


def environment_of(found: Mapping[str, str], data: Path, port: int) -> dict[str, str]:
    """Return the environment of the demo's processes."""
    return {
        **os.environ,
        **found,
        "DEBUG": "1",
        "DEMO": "1",
        "ALONGSIDE_DATA": str(data),
        "STATIC_ROOT": str(data / "static"),
        "SITE_URL": f"http://localhost:{port}",
        "PYTHONUNBUFFERED": "1",
    }


def _run(environment: Mapping[str, str], name: str, *command: str) -> str:
    done = subprocess.run([PYTHON, *command], env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise DemoError(f"{name} failed: {lines[-1] if lines else 'it said nothing'}")
    return done.stdout


def manage(environment: Mapping[str, str], *arguments: str) -> str:
    """Run one command of manage.py and return what it printed. Raises DemoError with the last line it said."""
    return _run(environment, f"manage.py {arguments[0]}", str(ROOT / "manage.py"), *arguments)


def prepare(environment: Mapping[str, str]) -> bool:
    """Leave the database migrated and the static files collected; return whether nobody is there yet.

    One process as the database's owner: starting Django takes longer than all three commands where nothing changed.
    """
    owner = {**environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
    if environment.get("MIGRATE_DATABASE_URL"):
        owner["DATABASE_URL"] = environment["MIGRATE_DATABASE_URL"]
    commands = (
        "import django; django.setup(); from django.core.management import call_command as call; "
        "call('migrate', interactive=False, verbosity=0); call('collectstatic', interactive=False, verbosity=0); "
        "call('sample_state')"
    )
    return bool(json.loads(_run(owner, "migrating", "-c", commands).splitlines()[-1])["empty"])


def check_port(port: int) -> None:
    """Raise DemoError where something else listens on ``port``."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise DemoError(f"port {port} is taken; set PORT to another.") from None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Children:
    """The processes that the demo started; each writes to a log of its own."""

    def __init__(self, environment: Mapping[str, str], logs: Path) -> None:
        self.environment = environment
        self.logs = logs
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str) -> None:
        with (self.logs / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                command,
                env=self.environment,
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=services.die_with_parent(),
            )

    def ended(self) -> str | None:
        """Return the name of a process that has ended, or none."""
        return next((name for name, child in self.running.items() if child.poll() is not None), None)

    def tail(self, name: str) -> str:
        return "\n".join((self.logs / f"{name}.log").read_text(errors="replace").splitlines()[-15:])

    def stop(self) -> None:
        for child in self.running.values():
            if child.poll() is None:
                child.terminate()
        for child in self.running.values():
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


@contextmanager
def everything(found: Mapping[str, str], data: Path, port: int) -> Iterator[Children]:
    """Run web, worker and beat for the body, on a migrated database that holds at least the sample cohort."""
    logs = data / "log"
    logs.mkdir(parents=True, exist_ok=True)
    (data / "mailbox").mkdir(exist_ok=True)
    environment = environment_of(found, data, port)
    if prepare(environment):
        say(f"loading {MOTHERS} invented mothers")
        today = datetime.datetime.now(ZoneInfo("Europe/London")).date().isoformat()
        manage(environment, "load_sample", "--mothers", str(MOTHERS), "--seed", "1", "--on", today)
    children = Children(environment, logs)
    try:
        # python -m, not the programs in .venv/bin: those break when the folder is moved.
        listen = ("--bind", f"127.0.0.1:{port}", "--workers", "2", "--log-level", "warning", "--no-control-socket")
        children.start("web", PYTHON, "-m", "gunicorn", "config.wsgi", *listen)
        celery = (PYTHON, "-m", "celery", "-A", "config")
        children.start("worker", *celery, "worker", "--concurrency", "1", "--loglevel", "INFO")
        children.start("beat", *celery, "beat", "--loglevel", "INFO")
        wait_until_answering(children, port)
        yield children
    finally:
        children.stop()


def wait_until_answering(children: Children, port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if name := children.ended():
            raise DemoError(f"{name} stopped at once:\n{children.tail(name)}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/accounts/login/", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise DemoError(f"the web server did not answer within {READY_SECONDS} seconds:\n{children.tail('web')}")


class Visitor:
    """One person's browser: cookies, and nothing else."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))

    def get(self, path: str) -> tuple[int, str, str]:
        """Return status, final path and text."""
        return self._open(urllib.request.Request(self.base + path))

    def sign_in(self, email: str) -> tuple[int, str, str]:
        _status, _path, page = self.get("/accounts/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        if token is None:
            raise DemoError("the sign-in page has no form.")
        fields = {"login": email, "password": PASSWORD, "csrfmiddlewaretoken": token.group(1)}
        body = urllib.parse.urlencode(fields).encode()
        headers = {"Referer": self.base + "/accounts/login/"}
        return self._open(urllib.request.Request(self.base + "/accounts/login/", body, headers))

    def _open(self, request: urllib.request.Request) -> tuple[int, str, str]:
        try:
            with self.opener.open(request, timeout=30) as answer:
                return answer.status, urllib.parse.urlsplit(answer.url).path, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, urllib.parse.urlsplit(error.url or "").path, error.read().decode(errors="replace")


def walk(port: int) -> list[str]:
    """Visit the main pages as each role; return what was wrong."""
    wrong = []
    for name, _about in SIGN_INS:
        visitor = Visitor(port)
        status, path, page = visitor.sign_in(f"{name}@example.org")
        if status != 200 or path.startswith("/accounts/"):
            wrong.append(f"{name} could not sign in ({status}, {path})")
            continue
        if "demo" not in page.lower():
            wrong.append(f"{name}: no demo banner on {path}")
        for wanted in WALKS.get(name, []):
            status, path, page = visitor.get(wanted)
            if status != 200 or "<h1" not in page:
                wrong.append(f"{name}: {wanted} answered {status}")
        if name == "layworker":
            _status, _path, page = visitor.get("/today/")
            link = re.search(r'href="(/mothers/[^"/]+/)', page)
            if link is None:
                wrong.append("layworker: Today shows no mother")
            elif visitor.get(link.group(1))[0] != 200:
                wrong.append("layworker: a mother's page does not open")
        status, _path, _page = visitor.get("/caseload/" if name != "midwife" else "/protocol/")
        if status not in {403, 404}:
            wrong.append(f"{name}: a page of another role answered {status}")
    return wrong


def wait_for_reminder(children: Children) -> None:
    """Return once a reminder has gone through Celery. Raises DemoError after a while."""
    environment = children.environment
    # One that may go at any hour: the real ones wait for the morning.
    sent = json.loads(manage(environment, "outbox_probe", "--to", "layworker@example.org"))["reference"]
    deadline = time.monotonic() + REMINDER_SECONDS
    while time.monotonic() < deadline:
        if name := children.ended():
            raise DemoError(f"{name} stopped:\n{children.tail(name)}")
        if json.loads(manage(environment, "outbox_probe", "--status", sent))["status"] == "sent":
            return
        time.sleep(2)
    raise DemoError(f"no reminder went through Celery within {REMINDER_SECONDS} seconds:\n{children.tail('worker')}")


def demo(data: Path, port: int) -> None:
    """Run until Stopped. Raises DemoError when one of the processes ends by itself."""
    with services.running(data) as found, everything(found, data, port) as children:
        print(f"\n  Alongside, the demo: http://localhost:{port}\n", flush=True)
        for name, about in SIGN_INS:
            print(f"    {name}@example.org".ljust(32) + about)
        print(f"\n  Everyone's password is {PASSWORD}. Invented people only. Ctrl-C stops everything.\n", flush=True)
        while not (name := children.ended()):
            time.sleep(0.5)
        raise DemoError(f"{name} stopped, and so everything else:\n{children.tail(name)}")


def check() -> int:
    """Start everything apart from what may run here, walk it, stop it; return the exit status."""
    with services.throw_away() as found:
        port = free_port()
        with everything(found, Path(found["ALONGSIDE_DATA"]), port) as children:
            wrong = walk(port)
            for line in wrong:
                say(line)
            if not wrong:
                say("every role sees its pages, and no other's")
            wait_for_reminder(children)
            say("a reminder went through Celery")
            status, _path, answer = Visitor(port).get("/health/")
            if status != 200:
                wrong.append(f"not every job runs: {answer}")
                say(wrong[-1])
    return 1 if wrong else 0


def main(arguments: list[str]) -> int:
    try:
        if arguments == ["--check"]:
            stop_on_signals()
            return check()
        if arguments:
            print("usage: script/demo [--check]", file=sys.stderr)
            return 2
        stop_on_signals()
        port = int(os.environ.get("PORT") or 8000)
        check_port(port)
        demo(services.data_folder(), port)
    except Stopped:
        # A demo is meant to be stopped; a check that was stopped has shown nothing.
        say("stopped.")
        return 130 if arguments else 0
    except ValueError:
        say("PORT must be a number.")
    except (DemoError, services.ServicesError) as error:
        say(str(error))
    except OSError as error:
        say(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}.")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
