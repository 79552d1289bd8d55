"""A mother's mentoring status from what is so: the order in which it is asked, and every hold by name."""

import pytest

from mentoring.models import Pause
from mentoring.rules.status import HELD, PAUSE, MentoringStatus, mentoring_status


@pytest.mark.parametrize(
    ("stop", "over", "paired", "reached", "expected"),
    [
        ("", False, False, False, "awaiting"),
        ("", False, False, True, "awaiting"),
        ("pause", False, False, True, "awaiting"),
        ("", False, True, False, "not_yet_reached"),
        ("", False, True, True, "active"),
        ("pause", False, True, False, "paused"),
        ("pause", False, True, True, "paused"),
        ("unreachable", False, True, False, "unreachable"),
        ("unreachable", False, False, False, "unreachable"),
        ("baby_in_hospital", False, True, True, "baby_in_hospital"),
        ("loss", False, True, True, "bereaved"),
        ("loss", True, False, True, "bereaved"),
        ("ended", False, True, True, "ended"),
        ("", True, True, True, "ended"),
        ("pause", True, True, True, "ended"),
        ("", True, False, False, "ended"),
    ],
)
def test_her_status_is_asked_in_order(stop: str, over: bool, paired: bool, reached: bool, expected: str) -> None:
    assert mentoring_status(stop=stop, over=over, paired=paired, reached=reached) == expected


def test_every_kind_of_pause_is_one_or_a_hold_with_a_status_of_its_own() -> None:
    assert {PAUSE, *HELD} == set(Pause.Kind.values)
    assert len(set(HELD.values())) == len(HELD)
    assert set(MentoringStatus) > set(HELD.values())
