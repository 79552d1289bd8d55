"""What a mother wrote back, for the duty that it gave rise to. The caller has checked that the reader may see the duty."""

from collections.abc import Sequence

from mentoring.models import Duty
from outbox.queries.replies import Reply, replies_of

OF_REPLIES = (Duty.Kind.REPLY, Duty.Kind.CONFIRM_SAFELY)


def replies_for(duty: Duty) -> Sequence[Reply]:
    """Return the replies that came while ``duty`` was open, oldest first, the one that opened it too; none of other duties.

    Words are as they came, from whoever holds her telephone: restricted, in no export.
    """
    if duty.mother is None or duty.kind not in OF_REPLIES:
        return []
    return replies_of(duty.mother.person_id, since=duty.raised_at, before=duty.closed_at)


def shown(duty: Duty, replies: Sequence[Reply]) -> str:
    """Return a mark of what a page shows of ``duty``, that changes when a reply comes or its text is added to."""
    return f"{len(replies)}.{len(duty.text)}" if replies or duty.text else ""
