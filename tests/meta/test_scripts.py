"""The scripts and the embedded servers: shared, stopped after the last user, and back after any kill."""

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ROOT / "script" / "services.py"
# Prints where the servers are, then stays until its standard input is closed.
WAIT = "import json, os, sys; print(json.dumps(dict(os.environ)), flush=True); sys.stdin.read()"
ASK = """
import json, os, psycopg2
with psycopg2.connect(os.environ[{url!r}]) as connection, connection.cursor() as cursor:
    cursor.execute({sql!r})
    print(json.dumps(cursor.fetchall() if cursor.description else None, default=str))
"""


def load_services() -> ModuleType:
    spec = importlib.util.spec_from_file_location("services_under_test", SERVICES)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


services = load_services()


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data folder whose path has spaces and is longer than a socket's path may be."""
    folder = tmp_path / "a folder with spaces" / ("long " * 20).strip() / "data"
    yield folder
    store = folder / "postgres"
    if store.is_symlink():
        shutil.rmtree(store.resolve(), ignore_errors=True)


def environment(data: Path, **more: str) -> dict[str, str]:
    gone = {"DATABASE_URL", "MIGRATE_DATABASE_URL", "REDIS_URL"}
    return {name: value for name, value in os.environ.items() if name not in gone} | {
        "ALONGSIDE_DATA": str(data),
        "COVERAGE_PROCESS_START": "",
        **more,
    }


def run(data: Path, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SERVICES), "run", *command],
        env=environment(data, **more),
        capture_output=True,
        text=True,
        timeout=120,
    )


def ask(data: Path, sql: str, url: str = "DATABASE_URL") -> list[list[object]]:
    done = run(data, sys.executable, "-c", ASK.format(url=url, sql=sql))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class User:
    """A script that uses the servers until it is closed or killed."""

    def __init__(self, data: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(SERVICES), "run", sys.executable, "-c", WAIT],
            env=environment(data),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.found: dict[str, str] = json.loads(self.process.stdout.readline())
        self.sockets = Path(self.found["DATABASE_URL"].partition("host=")[2])

    def __enter__(self) -> "User":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.close()

    def close(self) -> int:
        """End as a script ends; return its exit status."""
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        return self.process.wait(60)


def eventually(true: Callable[[], object], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return False


def pids_of(data: Path) -> list[int]:
    """Return the servers' and the guardian's process ids."""
    state = json.loads((data / "services" / "state.json").read_text())
    wanted = f"guard {data}"
    guardians = [
        int(path.name) for path in Path("/proc").glob("[0-9]*") if wanted in services._command_of(int(path.name))
    ]
    return [*state["children"], *guardians]


def all_gone(pids: list[int]) -> bool:
    return not any(services._command_of(pid) for pid in pids)


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel tells children of a parent's death")


def test_a_second_user_shares_the_servers_and_only_the_last_stops_them(data):
    with User(data) as first:
        pids = pids_of(data)
        with User(data) as second:
            assert second.found["DATABASE_URL"] == first.found["DATABASE_URL"]
            assert first.close() == 0
            assert not all_gone(pids)
            assert ask(data, "SELECT 1") == [[1]]
            assert second.close() == 0
    assert all_gone(pids)
    assert not first.sockets.exists()


@linux
def test_the_servers_stop_when_their_only_user_is_killed(data):
    with User(data) as user:
        pids = pids_of(data)
        user.process.send_signal(signal.SIGKILL)
        assert eventually(lambda: all_gone(pids) and not user.sockets.exists())


@linux
@pytest.mark.parametrize("victims", ["the guardian", "everything"])
def test_data_outlive_a_kill_of(data, victims):
    ask(data, "CREATE TABLE kept (word text)", "MIGRATE_DATABASE_URL")
    ask(data, "INSERT INTO kept VALUES ('kept')")
    with User(data) as user:
        pids = pids_of(data)
        for pid in pids if victims == "everything" else pids[-1:]:
            os.kill(pid, signal.SIGKILL)
        user.process.kill()
        assert ask(data, "SELECT word FROM kept") == [["kept"]]
    assert all_gone(pids)
    assert not user.sockets.exists()


def test_a_signal_reaches_the_command_and_its_status_comes_back(data):
    assert run(data, sys.executable, "-c", "raise SystemExit(7)").returncode == 7
    with User(data) as user:
        user.process.send_signal(signal.SIGTERM)
        assert user.close() == 128 + signal.SIGTERM


def test_postgresql_listens_on_no_port_and_its_sockets_are_private(data):
    assert ask(data, "SELECT current_setting('listen_addresses'), current_setting('fsync')") == [["", "on"]]
    with User(data) as user:
        assert user.sockets.stat().st_mode & 0o077 == 0
        assert len(os.fsencode(user.sockets / ".s.PGSQL.5432.lock")) <= services.LONGEST_SOCKET_PATH


def test_no_folder_that_was_there_changes_its_mode(data):
    data.parent.mkdir(parents=True)
    data.parent.chmod(0o700)
    ask(data, "SELECT 1")
    assert data.parent.stat().st_mode & 0o777 == 0o700


def test_the_owner_may_hand_a_table_to_the_sealed_role_and_then_reads_it_no_more_than_the_application(data):
    ask(data, "CREATE TABLE listed (line int)", "MIGRATE_DATABASE_URL")
    ask(data, "REVOKE ALL ON listed FROM alongside_app", "MIGRATE_DATABASE_URL")
    ask(data, "ALTER TABLE listed OWNER TO alongside_sealed", "MIGRATE_DATABASE_URL")
    may = "SELECT has_table_privilege(current_user, 'listed', 'SELECT'), rolsuper FROM pg_roles WHERE rolname = user"
    assert ask(data, may) == [[False, False]]
    assert ask(data, may, "MIGRATE_DATABASE_URL") == [[False, False]]


def test_nothing_is_started_where_both_urls_are_set(tmp_path):
    urls = {"DATABASE_URL": "postgres://elsewhere/alongside", "REDIS_URL": "redis://elsewhere"}
    done = run(tmp_path / "data", sys.executable, "-c", "import os; print(os.environ['DATABASE_URL'])", **urls)
    assert done.stdout.strip() == urls["DATABASE_URL"]
    assert not (tmp_path / "data").exists()


def test_one_url_without_the_other_is_refused_in_one_line(tmp_path):
    done = run(tmp_path / "data", "true", REDIS_URL="redis://elsewhere")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "alongside: REDIS_URL is set alone: set DATABASE_URL and REDIS_URL, or neither."
    ]


def test_a_missing_locale_of_the_machine_does_not_matter(data):
    done = run(data, "true", LC_ALL="xx_XX.UTF-8", LANG="xx_XX.UTF-8", PGHOST="nowhere", PGUSER="nobody")
    assert done.returncode == 0, done.stderr


def test_a_data_folder_that_is_a_file_is_refused_in_one_line(tmp_path):
    (tmp_path / "data").write_text("")
    done = run(tmp_path / "data", "true")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


def test_a_full_disk_is_one_line(data, monkeypatch):
    monkeypatch.setattr(services, "ROOM_NEEDED", 2**62)
    data.mkdir(parents=True)
    servers = services.Servers(services.Folder(data))
    with pytest.raises(services.ServicesError, match=r"^the disk that holds .* is full"):
        servers._make_cluster(services.Programs(Path("/nowhere"), Path("/nowhere")), data, data / "data")
    assert services._reason("initdb: error: could not write: No space left on device", data).endswith("is full.")


def test_servers_of_a_folder_that_was_copied_are_left_alone(data):
    with User(data) as user:
        copy = data.parent / "copy"
        shutil.copytree(data, copy, symlinks=True)
        if (copy / "postgres").is_symlink():
            assert "belongs to" in run(copy, "true").stderr
        else:
            assert run(copy, "true").returncode == 0
        assert ask(data, "SELECT 1") == [[1]]
        assert user.close() == 0


def test_throw_away_servers_leave_nothing_behind(tmp_path):
    command = [sys.executable, str(SERVICES), "throw-away", sys.executable, "-c"]
    done = subprocess.run(
        [*command, "import os; print(os.environ['ALONGSIDE_DATA'], os.path.isdir(os.environ['ALONGSIDE_DATA']))"],
        env=environment(tmp_path / "unused"),
        capture_output=True,
        text=True,
        timeout=120,
    )
    folder, was_there = done.stdout.split()
    assert was_there == "True"
    assert not Path(folder).exists()
    assert not (tmp_path / "unused").exists()


def test_the_demo_says_in_one_line_that_its_port_is_taken(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, str(ROOT / "script" / "demo.py")],
            env=environment(tmp_path / "data", PORT=str(port)),
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 1
    assert done.stdout.splitlines() == [f"alongside: port {port} is taken; set PORT to another."]


@pytest.mark.parametrize(
    "path", sorted(path for path in (ROOT / "script").iterdir() if path.is_file() and not path.suffix), ids=str
)
def test_each_script_can_be_run_stops_at_its_first_error(path):
    text = path.read_text()
    assert os.access(path, os.X_OK)
    assert text.startswith("#!/usr/bin/env bash\n# ")
    # script/check runs all of its checks before it says which failed.
    assert ("set -uo pipefail" if path.name == "check" else "set -euo pipefail") in text


def test_ci_runs_the_two_commands_that_the_readme_names():
    commands = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line.startswith("script/")]
    assert commands == ["script/check", "script/test"]
    readme = (ROOT / "README.md").read_text()
    assert "script/demo" in readme
    assert "script/test" in readme
