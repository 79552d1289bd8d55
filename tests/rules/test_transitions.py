"""Which status may follow which: every pair that may, and no other; what is drawn in the diagram is this."""

from itertools import product

import pytest

from mentoring.models import ImportJob
from mentoring.rules.transitions import IMPORT_JOB
from outbox.models import Message
from outbox.rules.transitions import LEASED, MESSAGE, STUCK, WAITING
from people.rules.transitions import DoesNotFollow, Transitions

MAY_FOLLOW = {
    "queued": "claimed held cancelled expired sent",
    "held": "queued cancelled expired",
    "claimed": "handing_over queued cancelled sent",
    "handing_over": "sent queued cancelled expired failed needs_a_person",
    "sent": "delivered failed",
    "delivered": "",
    "needs_a_person": "queued sent cancelled",
    "failed": "queued delivered cancelled",
    "cancelled": "",
    "expired": "",
}
IMPORT_MAY_FOLLOW = {
    "waiting": "running failed",
    "running": "done refused failed",
    "done": "",
    "refused": "",
    "failed": "",
}


@pytest.mark.parametrize(
    ("table", "expected", "statuses"),
    [
        (MESSAGE, MAY_FOLLOW, Message.Status.values),
        (IMPORT_JOB, IMPORT_MAY_FOLLOW, ImportJob.Status.values),
    ],
    ids=["message", "import"],
)
def test_each_status_is_followed_by_those_named_and_no_other(
    table: Transitions, expected: dict[str, str], statuses: list[str]
) -> None:
    assert set(table.follows) == set(statuses)
    for now, then in product(statuses, statuses):
        allowed = then in expected[now].split()
        assert table.may(now, then) is allowed, f"{then} after {now}"
        assert (now in table.before(then)) is allowed
        if not allowed:
            with pytest.raises(DoesNotFollow) as refused:
                table.check(now, then)
            assert (refused.value.now, refused.value.then) == (now, then)


def test_what_was_sent_or_taken_out_never_goes_again() -> None:
    for ended in ("sent", "delivered", "cancelled", "expired"):
        assert not MESSAGE.may(ended, "queued")


def test_whatever_waits_can_be_withdrawn_and_whatever_is_stuck_can_be_sent_again_and_a_lease_is_no_end() -> None:
    assert set(WAITING) < set(MESSAGE.before("cancelled"))
    assert set(STUCK) < set(MESSAGE.before("queued"))
    assert not set(STUCK) & set(WAITING)
    assert all(MESSAGE.may(status, "queued") for status in LEASED)
