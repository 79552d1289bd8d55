"""Servers and processes of a run's own: PostgreSQL and Valkey under a folder that goes with them, workers, beats, a carrier."""

import fcntl
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar
from urllib.request import urlopen

import redis

ROOT = Path(__file__).resolve().parents[2]


def load_services() -> ModuleType:
    """Return script/services.py, which is no package's."""
    spec = importlib.util.spec_from_file_location("services_of_faults", ROOT / "script" / "services.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


services = load_services()


class House:
    """``environment`` finds its servers and is given to each process that it starts."""

    def __init__(self, folder: Any) -> None:
        self.folder = folder
        self.servers = services.Servers(folder)
        self.servers.start(lambda: False)
        self.programs = services._programs(self.servers.account)
        self.postgres, self.valkey = self.servers.children
        # The folder is thrown away, what was committed is not: a server that is killed must have kept it.
        self.servers._psql(self.programs, "postgres", "ALTER ROLE alongside_app SET synchronous_commit = on;")
        self.environment: dict[str, str] = {**os.environ, **folder.read_state()["environment"]}
        self.environment |= {"ALONGSIDE_DATA": str(folder.path), "COVERAGE_PROCESS_START": ""}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.commands: dict[str, list[str]] = {}

    @property
    def log(self) -> Path:
        return self.folder.logs / "processes.log"

    def start(self, name: str, *command: str) -> None:
        """A process of this name runs, a module of Python, again where it ran before; its words go to the log."""
        self.commands[name] = list(command) or self.commands[name]
        with self.log.open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *self.commands[name]],
                env=self.environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=services.die_with_parent(signal.SIGKILL),
            )

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Gone as by kill -9, at whatever it was, or by another signal."""
        self.processes[name].send_signal(number)
        self.processes[name].wait(30)

    def start_carrier(self, *knobs: str) -> str:
        """GOV.UK Notify as its pages describe it listens; returns its address."""
        command = [sys.executable, "-m", "tests.services.carriers_over_http", *knobs]
        # It too says what it thinks of lines that a killed worker cut.
        with self.log.open("ab") as log:
            carrier = subprocess.Popen(
                command,
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                preexec_fn=services.die_with_parent(signal.SIGKILL),
            )
        self.processes["carrier"] = carrier
        assert carrier.stdout is not None
        return f"http://127.0.0.1:{json.loads(carrier.stdout.readline())['port']}"

    def as_owner(self, sql: str) -> None:
        self.servers._psql(self.programs, services.DATABASE, sql)

    def take_schema_of(self, address: str) -> None:
        """The database has the tables of another, and none of its rows."""
        dump = [str(self.programs.postgres("pg_dump")), "--schema-only", "--no-comments", "--dbname", address]
        self.as_owner(subprocess.run(dump, capture_output=True, text=True, check=True).stdout)

    def flush_broker(self) -> None:
        with redis.Redis.from_url(self.environment["REDIS_URL"]) as broker:
            broker.flushall()

    def stop_broker(self, seconds: float) -> None:
        """The broker is away for so long, and comes back empty."""
        self._end(self.valkey, signal.SIGKILL)
        time.sleep(seconds)
        (self.servers.sockets / "valkey.sock").unlink(missing_ok=True)
        self.servers._start_valkey(self.programs, lambda: False)
        self.valkey = self.servers.children[-1]

    def restart_postgres(self, while_it_is_down: Callable[[], object], *, number: int = signal.SIGINT) -> None:
        """PostgreSQL ends by this signal (fast, or at once as in a crash), and comes back after what happens meanwhile."""
        self._end(self.postgres, number)
        while_it_is_down()
        self.servers._start_postgres(self.programs, lambda: False)
        self.postgres = self.servers.children[-1]

    def _end(self, server: tuple[subprocess.Popen[bytes], int], number: int) -> None:
        server[0].send_signal(number)
        server[0].wait(60)
        self.servers.children.remove(server)

    def close(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self.servers.stop()


AnyHouse = TypeVar("AnyHouse", bound=House)


@contextmanager
def house(kind: type[AnyHouse] = House) -> Iterator[AnyHouse]:
    """A house stands, in memory where it has room, and nothing is left of it."""
    path = Path(tempfile.mkdtemp(prefix=services.THROW_AWAY_PREFIX, dir=services._fast_parent()))
    # PostgreSQL's own account passes through to its folder within.
    path.chmod(0o711)
    folder = services.Folder(path, throw_away=True)
    folder.make()
    # Held, so that nobody takes the folder for one that was left behind.
    with folder.users.open("rb+") as users:
        services._lock(users, fcntl.LOCK_SH, "nobody")
        stands = kind(folder)
        try:
            yield stands
        finally:
            stands.close()
            shutil.rmtree(path, ignore_errors=True)


def ask(address: str) -> Any:
    """Return what a local server answers, as JSON."""
    with urlopen(address, timeout=30) as answer:
        return json.load(answer)
