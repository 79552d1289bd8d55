"""What became of each message, held against what its carrier took and when. Pure: no clock, no row."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SETTLED = {"sent", "delivered", "needs_a_person", "cancelled", "expired", "failed"}


@dataclass(frozen=True, slots=True)
class Fate:
    """One message at the end: where it stands, when its carrier accepted it, and from when it was not to go any more.

    Instants are seconds of one clock. ``not_after``: the commit that forbade it, or its expiry; none where it was wanted
    to the last.
    """

    status: str
    accepted_at: Sequence[float] = ()
    not_after: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many went as they should, and how many did not. ``holds`` where none was lost, doubled or stale."""

    sent: int
    withheld: int
    lost: int
    doubled: int
    stale: int
    needs_a_person: int

    @property
    def holds(self) -> bool:
        return not (self.lost or self.doubled or self.stale)


def verdict(fates: Iterable[Fate]) -> Verdict:
    """Return the counts. Lost: wanted to the last, not accepted, and nobody is asked about it; or on record as sent, or
    as still on its way, against what the carrier says. Stale: accepted after it was not to go any more.
    """
    every = list(fates)
    return Verdict(
        sent=sum(bool(one.accepted_at) for one in every),
        withheld=sum(one.not_after is not None and not one.accepted_at for one in every),
        lost=sum(_is_lost(one) for one in every),
        doubled=sum(len(one.accepted_at) > 1 for one in every),
        stale=sum(one.not_after is not None and any(at > one.not_after for at in one.accepted_at) for one in every),
        needs_a_person=sum(one.status == "needs_a_person" for one in every),
    )


def _is_lost(one: Fate) -> bool:
    if one.status == "needs_a_person":
        return False
    if one.accepted_at:
        return one.status not in {"sent", "delivered"}
    return one.not_after is None or one.status in {"sent", "delivered"} or one.status not in SETTLED
