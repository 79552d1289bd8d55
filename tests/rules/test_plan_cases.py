"""The worked cases that came with the protocol: the plan function and sequences of changes agree with all of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from mentoring.rules.preview import plan_changes, plan_preview

CASES = Path(__file__).parent.parent / "cases"
SHARED = Path(__file__).parents[3] / "shared" / "cases"


def cases(name: str) -> list[dict[str, Any]]:
    return json.loads((CASES / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", cases("plans.json"), ids=lambda case: case["name"])
def test_the_plan_agrees_with_the_worked_case(case: dict[str, Any]) -> None:
    assert plan_preview([case["given"]]) == [case["expect"]]


@pytest.mark.parametrize("case", cases("changes.json"), ids=lambda case: case["name"])
def test_the_changes_agree_with_the_worked_case(case: dict[str, Any]) -> None:
    assert plan_changes([case["given"]]) == [case["expect"]]


def test_all_thirty_cases_are_here() -> None:
    assert (len(cases("plans.json")), len(cases("changes.json"))) == (12, 18)


@pytest.mark.parametrize("name", ["plans.json", "changes.json"])
def test_the_cases_are_the_ones_that_came_with_the_protocol(name: str) -> None:
    if not (SHARED / name).exists():
        pytest.skip("the protocol's folder is not beside this one")
    assert cases(name) == json.loads((SHARED / name).read_text(encoding="utf-8"))
