"""The two JSON functions: what bad input answers, and the few keys that may be left out."""

from typing import Any

import pytest

from mentoring.rules.preview import BadCase, plan_changes, plan_preview

PLAN = {
    "edd": "2026-09-14",
    "born_on": None,
    "cadences": [["2026-03-02", 14, None]],
    "pauses": [["2026-03-04", "2026-03-10"]],
    "offered_from": "2026-03-02",
    "contacts": ["2026-03-02"],
    "on": "2026-04-28",
}
CHANGES = {
    "starts_on": "2026-10-12",
    "edd": "2027-04-05",
    "intervals": [14, 28],
    "contacts": ["2026-10-12"],
    "events": [{"on": "2026-10-20", "kind": "rhythm", "every_days": 28}],
}
GONE = object()


def without(case: dict[str, Any], key: str, value: object) -> dict[str, Any]:
    changed = {**case, key: value}
    return {name: one for name, one in changed.items() if one is not GONE}


@pytest.mark.parametrize(
    ("key", "value", "field"),
    [
        ("edd", GONE, "edd"),
        ("edd", None, "edd"),
        ("edd", 20260914, "edd"),
        ("edd", "2026-02-30", "edd"),
        ("edd", "20260914", "edd"),
        ("edd", "14/09/2026", "edd"),
        ("edd", "2026-09-14T00:00", "edd"),
        ("edd", "9999-12-31", "edd"),
        ("edd", "２０２６-09-14", "edd"),
        ("born_on", GONE, "born_on"),
        ("born_on", "", "born_on"),
        ("cadences", {}, "cadences"),
        ("cadences", ["2026-03-02"], "cadences[0]"),
        ("cadences", [["2026-03-02", 14]], "cadences[0]"),
        ("cadences", [["2026-03-02", True, None]], "cadences[0].every_days"),
        ("cadences", [["2026-03-02", "14", None]], "cadences[0].every_days"),
        ("cadences", [["2026-03-02", 14.0, None]], "cadences[0].every_days"),
        ("cadences", [["2026-03-02", 366, None]], "cadences[0].every_days"),
        ("cadences", [["x", 14, None]], "cadences[0].first_due_on"),
        ("cadences", [["2026-03-02", 14, "2026-03-03"]], "cadences[0].last_due_on"),
        ("cadences", [["2026-03-02", 14, None], ["2026-04-01", 7, None]], "cadences[1].first_due_on"),
        ("pauses", None, "pauses"),
        ("pauses", [["2026-03-04"]], "pauses[0]"),
        ("pauses", [[None, "2026-03-10"]], "pauses[0].from_on"),
        ("pauses", [["2026-03-04", "2026-03-04"]], "pauses[0].until_on"),
        ("pauses", [["2026-03-10", None]], "cadences[0].first_due_on"),
        ("offered_from", 5, "offered_from"),
        ("contacts", "2026-03-02", "contacts"),
        ("contacts", ["2026-03-02", None], "contacts[1]"),
        ("on", None, "on"),
        ("extra", 1, "extra"),
    ],
)
def test_a_bad_plan_names_its_case_and_field(key: str, value: object, field: str) -> None:
    with pytest.raises(BadCase) as raised:
        plan_preview([PLAN, {"name": "the second", **without(PLAN, key, value)}])
    assert (raised.value.case_index, raised.value.case_name, raised.value.field) == (1, "the second", field)
    assert str(raised.value) == f"case 1 (the second): {field}: {raised.value.message}"


@pytest.mark.parametrize(
    ("key", "value", "field"),
    [
        ("starts_on", GONE, "starts_on"),
        ("starts_on", "2029-01-01", "starts_on"),
        ("intervals", 14, "intervals"),
        ("intervals", [14], "intervals"),
        ("intervals", [14, False], "intervals[1]"),
        ("intervals", [0, 14], "intervals[0]"),
        ("contacts", [1], "contacts[0]"),
        ("events", {}, "events"),
        ("events", ["pause"], "events[0]"),
        ("events", [{"on": "2026-10-20"}], "events[0].kind"),
        ("events", [{"on": "2026-10-20", "kind": "stop"}], "events[0].kind"),
        ("events", [{"on": "2026-10-20", "kind": ["pause"]}], "events[0].kind"),
        ("events", [{"kind": "pause"}], "events[0].on"),
        ("events", [{"on": "soon", "kind": "pause"}], "events[0].on"),
        ("events", [{"on": "2026-10-20", "kind": "rhythm"}], "events[0].every_days"),
        ("events", [{"on": "2026-10-20", "kind": "rhythm", "every_days": 0}], "events[0].every_days"),
        ("events", [{"on": "2026-10-20", "kind": "rhythm", "every_days": True}], "events[0].every_days"),
        ("events", [{"on": "2026-10-20", "kind": "resume", "until_on": None}], "events[0].until_on"),
        ("events", [{"on": "2026-10-20", "kind": "resume"}], "events[0].on"),
        ("events", [{"on": "2026-10-20", "kind": "pause", "until_on": 28}], "events[0].until_on"),
        ("events", [{"on": "2026-10-20", "kind": "pause", "until_on": "2026-10-21"}], "events[0].until_on"),
        ("events", [{"on": "2026-10-20", "kind": "birth"}], "events[0].born_on"),
        ("events", [{"on": "2026-10-20", "kind": "birth", "born_on": "2026-10-21"}], "events[0].born_on"),
        ("events", [{"on": "2026-10-20", "kind": "due_date", "edd": None}], "events[0].edd"),
        ("events", [{"on": "2026-10-20", "kind": "hold"}, {"on": "2026-10-19", "kind": "resume"}], "events[1].on"),
    ],
)
def test_a_bad_change_names_its_case_and_field(key: str, value: object, field: str) -> None:
    with pytest.raises(BadCase) as raised:
        plan_changes([CHANGES, CHANGES, without(CHANGES, key, value)])
    assert (raised.value.case_index, raised.value.case_name, raised.value.field) == (2, None, field)
    assert str(raised.value).startswith(f"case 2: {field}: ")


@pytest.mark.parametrize("answer", [plan_preview, plan_changes])
@pytest.mark.parametrize("cases", [None, {}, "[]", 3, PLAN])
def test_input_that_is_no_list_is_refused_as_a_whole(answer: Any, cases: object) -> None:
    with pytest.raises(BadCase) as raised:
        answer(cases)
    assert raised.value.case_index is None


@pytest.mark.parametrize("answer", [plan_preview, plan_changes])
@pytest.mark.parametrize("case", [None, [], "x", 3, {}])
def test_a_case_that_is_no_object_or_empty_is_named(answer: Any, case: object) -> None:
    with pytest.raises(BadCase) as raised:
        answer([case])
    assert raised.value.case_index == 0


def test_no_cases_give_no_answers() -> None:
    assert plan_preview([]) == plan_changes([]) == []


def ends(**event: object) -> list[str]:
    answer = plan_changes([{**CHANGES, "events": [{"on": "2026-10-20", "kind": "pause", **event}]}])[0]
    return [row["due_on"] for row in answer["planned"]][1:2]


def test_a_pause_without_until_on_lasts_28_days_and_with_null_it_stays_open() -> None:
    assert ends() == ["2026-11-18"]
    assert ends(from_on="2026-10-24") == ["2026-11-21"]
    assert ends(until_on=None) == []


def test_a_contact_is_known_from_its_own_day_on() -> None:
    early = plan_changes([{**CHANGES, "contacts": ["2026-10-20"]}])[0]
    later = plan_changes([{**CHANGES, "contacts": ["2026-10-21"]}])[0]
    assert early["planned"][1]["due_on"] == "2026-10-26"
    assert later["planned"][1]["due_on"] == "2026-11-09"
