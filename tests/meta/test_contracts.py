"""The floors hold: each import contract names every room that it is about, and finds what is planted against it."""

import shutil
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CONTRACTS = {
    contract["id"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}
ROOF_TO_GROUND = ["config", "trial", "mentoring", "outbox", "people"]
APPS = ROOF_TO_GROUND[1:]
FLOORS = [
    ["urls"],
    ["views", "tasks", "management", "navigation", "adapter", "sign_ins"],
    ["forms", "templatetags"],
    ["services"],
    ["carriers"],
    ["exports"],
    ["queries"],
    ["access"],
    ["kept_forms", "database"],
    ["models"],
    ["history"],
    ["rules"],
]


def rooms(*names: str) -> set[str]:
    """Return the rooms of these names that there are, in every app."""
    return {
        f"{app}.{name}"
        for app in APPS
        for name in names
        if (ROOT / app / name).is_dir() or (ROOT / app / f"{name}.py").is_file()
    }


def test_the_apps_and_the_floors_stand_in_the_order_of_the_house_and_no_room_has_no_floor() -> None:
    assert CONTRACTS["apps"]["layers"] == ROOF_TO_GROUND
    floors = CONTRACTS["floors"]
    assert sorted(floors["containers"]) == sorted(APPS)
    assert floors["layers"] == [" | ".join(f"({room})" for room in floor) for floor in FLOORS]
    assert floors["exhaustive"] is True
    assert floors["exhaustive_ignores"] == ["apps", "migrations", "middleware"]


@pytest.mark.parametrize(
    ("contract", "sources", "forbidden"),
    [
        ("rules", rooms("rules"), {"django", "celery", "redis", "random", "secrets", "time"}),
        ("reads", rooms("access", "queries", "exports"), rooms("services")),
        ("doors", rooms("views", "tasks", "management") | {"config.machines"}, rooms("models")),
    ],
)
def test_a_contract_is_about_every_room_of_its_kind(contract: str, sources: set[str], forbidden: set[str]) -> None:
    assert set(CONTRACTS[contract]["source_modules"]) == sources
    assert set(CONTRACTS[contract]["forbidden_modules"]) == forbidden


def test_nothing_is_excepted_from_a_contract() -> None:
    allowed = {"allow_indirect_imports", "forbidden_modules", "id", "name", "source_modules", "type"}
    for name in ("rules", "reads", "doors"):
        assert set(CONTRACTS[name]) <= allowed, name
    assert set(CONTRACTS["apps"]) == {"id", "name", "type", "layers"}
    assert set(CONTRACTS["floors"]) == {
        "id", "name", "type", "containers", "layers", "exhaustive", "exhaustive_ignores",
    }  # fmt: skip
    assert CONTRACTS["carriers"]["protected_modules"] == ["outbox.carriers"]
    assert CONTRACTS["carriers"]["allowed_importers"] == ["outbox.services.delivery"]
    assert set(CONTRACTS["carriers"]) == {"id", "name", "type", "protected_modules", "allowed_importers"}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for app in ROOF_TO_GROUND:
        shutil.copytree(ROOT / app, tmp_path / app, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def plant(house: Path, module: str, imported: str) -> str:
    """Write an import into a room; returns how the linter names it."""
    room = house.joinpath(*module.split("."))
    file = room / "planted.py" if room.is_dir() else room.with_suffix(".py")
    with file.open("a") as planted:
        planted.write(f"\nimport {imported}\n")
    return f"{module}.planted -> {imported} " if room.is_dir() else f"{module} -> {imported} "


def lint(house: Path) -> tuple[int, str]:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache", "--no-logo"],
        cwd=house,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_house_as_it_stands_keeps_every_contract(house: Path) -> None:
    assert lint(house)[0] == 0


def test_each_contract_finds_what_is_planted_against_it(house: Path) -> None:
    there = {app: [[room for room in floor if rooms(room) & {f"{app}.{room}"}] for floor in FLOORS] for app in APPS}
    planted = [plant(house, f"{below}.apps", above) for above, below in pairwise(ROOF_TO_GROUND)]
    for app, floors in there.items():
        for above, below in pairwise([floor for floor in floors if floor]):
            if below[0] != "carriers":
                planted.append(plant(house, f"{app}.{below[0]}", f"{app}.{above[0]}"))
    planted += [plant(house, "mentoring.rules", name) for name in CONTRACTS["rules"]["forbidden_modules"]]
    planted += [
        plant(house, "mentoring.queries", "people.services.log"),
        plant(house, "mentoring.tasks", "outbox.models"),
    ]
    planted += [plant(house, "outbox.services", "outbox.carriers.smtp")]
    (house / "mentoring" / "helpers.py").write_text("")
    status, said = lint(house)
    assert status == 1
    flat = " ".join(said.split())
    assert [name for name in planted if name.strip() not in flat] == []
    assert "- mentoring.helpers" in flat
    assert f"0 kept, {len(CONTRACTS)} broken" in flat


def test_rules_do_not_reach_a_framework_by_way_of_another_apps_models(house: Path) -> None:
    plant(house, "mentoring.rules", "people.models.gate")
    status, said = lint(house)
    assert status == 1
    assert "mentoring.rules is not allowed to import django" in said
