"""The one message a lay-worker gets when an import has paired mothers with her."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta

from outbox.models import Message
from outbox.services import messages
from people.rules.local_time import end_of, local_date, local_instant

IMPORT_DIGEST = "import_digest"
KEPT_DAYS = 7
CHANNELS = (Message.Channel.EMAIL, Message.Channel.IN_APP)


def queue_import_digests(*, mothers_by_user: Mapping[int, int], now: datetime) -> int:
    """Each lay-worker has one message waiting, by e-mail and in the app; returns how many are new.

    Due at once, of use for seven days. A second import of the day joins the one that still waits; where that has gone
    already, its own is for the next morning. Names nobody: counts are made when it is handed over.
    """
    today = local_date(now)
    gone = set(
        Message.objects.filter(kind=IMPORT_DIGEST, recipient_user__in=list(mothers_by_user), nominal_on=today)
        .exclude(status__in=["queued", "held", "cancelled"])
        .values_list("recipient_user_id", flat=True)
    )
    return messages.queue_many(
        [
            messages.New(
                kind=IMPORT_DIGEST,
                recipient_user_id=user_id,
                channel=channel,
                nominal_on=today + timedelta(days=1) if user_id in gone else today,
                due_at=local_instant(today + timedelta(days=1), time(9)) if user_id in gone else now,
                expires_at=end_of(today + timedelta(days=KEPT_DAYS)),
                detail={"mothers": mothers_by_user[user_id]},
            )
            for user_id in sorted(mothers_by_user)
            for channel in CHANNELS
        ],
        now=now,
    )
