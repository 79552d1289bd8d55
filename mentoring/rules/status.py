"""A mother's mentoring status, from what is so: computed, never stored beside its facts (domain.md sections 3 and 4)."""

from enum import StrEnum


class MentoringStatus(StrEnum):
    """The statuses of domain.md section 3."""

    AWAITING = "awaiting"
    NOT_YET_REACHED = "not_yet_reached"
    ACTIVE = "active"
    PAUSED = "paused"
    UNREACHABLE = "unreachable"
    BABY_IN_HOSPITAL = "baby_in_hospital"
    BEREAVED = "bereaved"
    ENDED = "ended"


PAUSE = "pause"
# By kind of hold, from its commit on.
HELD = {
    "unreachable": MentoringStatus.UNREACHABLE,
    "baby_in_hospital": MentoringStatus.BABY_IN_HOSPITAL,
    "loss": MentoringStatus.BEREAVED,
    "ended": MentoringStatus.ENDED,
}


def mentoring_status(
    *, stop: str, over: bool, paired: bool, reached: bool, in_support: bool = False
) -> MentoringStatus:
    """Return her status: the one definition for every page, list and count.

    ``stop`` is the kind of the pause or hold in force, empty where there is none; ``over``: her plan's last day is past
    or no plan is open; ``reached``: she ever took part in a contact; ``in_support``: the open plan is bereavement
    support. A hold comes before all else. Without a lay-worker she awaits one, paused or not: someone must be there
    when the pause ends.
    """
    if stop in HELD:
        return HELD[stop]
    if over:
        return MentoringStatus.ENDED
    if not paired:
        return MentoringStatus.AWAITING
    if stop == PAUSE:
        return MentoringStatus.PAUSED
    if in_support:
        return MentoringStatus.BEREAVED
    return MentoringStatus.ACTIVE if reached else MentoringStatus.NOT_YET_REACHED
