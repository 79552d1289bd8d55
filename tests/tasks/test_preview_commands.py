"""The two commands that preview plans, as somebody else's program calls them: JSON in, JSON alone out, exit status."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests" / "cases"
COMMANDS = [("plan_preview", "plans.json"), ("plan_changes", "changes.json")]


def called(command: str, text: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "manage.py", command], input=text, capture_output=True, text=True, cwd=ROOT, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(("command", "file"), COMMANDS)
def test_standard_output_holds_the_answers_to_the_worked_cases_and_nothing_else(command: str, file: str) -> None:
    cases = json.loads((CASES / file).read_text(encoding="utf-8"))
    status, out, error = called(command, json.dumps([case["given"] for case in cases]))
    assert (status, error) == (0, "")
    assert json.loads(out) == [case["expect"] for case in cases]


@pytest.mark.parametrize(("command", "file"), COMMANDS)
def test_a_bad_case_is_named_with_its_field_and_nothing_is_answered(command: str, file: str) -> None:
    cases = [case["given"] for case in json.loads((CASES / file).read_text(encoding="utf-8"))]
    cases[3] = {**cases[3], "name": "the bad one", "edd": "2026-02-30"}
    status, out, error = called(command, json.dumps(cases))
    assert (status, out) == (2, "")
    assert error.startswith("case 3 (the bad one): edd: '2026-02-30' is not a date")


@pytest.mark.parametrize("text", ["", "{", "[" * 200_000, "{}"])
def test_what_is_not_a_list_of_cases_is_refused_in_one_line(text: str) -> None:
    status, out, error = called("plan_preview", text)
    assert (status, out, error.count("\n")) == (2, "", 1)


def test_the_preview_of_reminders_answers_each_case_by_itself() -> None:
    plan = json.loads((CASES / "plans.json").read_text(encoding="utf-8"))[0]["given"]
    case = {
        "case": plan, "paired_on": None, "introduced_on": None, "appointments": [], "attempts": [],
        "channels": {"lay_worker": ["email"], "mother": []}, "safe_times": [], "safe_contact_asked_on": None,
        "from": "2026-01-01", "to": "2028-01-01",
    }  # fmt: skip
    assert called("reminder_preview", json.dumps([case, case])) == (0, "[[], []]\n", "")
    status, out, error = called("reminder_preview", json.dumps([case, {**case, "from": "soon"}]))
    assert (status, out) == (2, "")
    assert error.startswith("case 1: from: 'soon' is not a date")
