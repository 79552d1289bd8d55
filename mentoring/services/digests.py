"""The one message a lay-worker gets when an import has paired mothers with her."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

from outbox.models import Message
from outbox.services import messages
from people.rules.local_time import end_of, local_date, local_instant

IMPORT_DIGEST = "import_digest"
KEPT_DAYS = 7
CHANNELS = (Message.Channel.EMAIL, Message.Channel.IN_APP)


def queue_import_digests(*, mothers_by_user: Mapping[int, int], now: datetime) -> int:
    """Each lay-worker has one message waiting, by e-mail and in the app; returns how many are new.

    Due at once, of use for seven days. A second import of the day is added to the one that still waits; where that has
    gone already, its own is for the next morning. Names nobody, says how many alone.
    """
    today = local_date(now)
    joined = _join_waiting(mothers_by_user, today)
    there = set(
        Message.objects.filter(kind=IMPORT_DIGEST, recipient_user__in=list(mothers_by_user), nominal_on=today)
        .exclude(status=Message.Status.CANCELLED)
        .values_list("recipient_user_id", "channel")
    )
    return messages.queue_many(
        [
            messages.New(
                kind=IMPORT_DIGEST,
                recipient_user_id=user_id,
                channel=channel,
                nominal_on=today + timedelta(days=1) if (user_id, channel) in there else today,
                due_at=local_instant(today + timedelta(days=1), time(9)) if (user_id, channel) in there else now,
                expires_at=end_of(today + timedelta(days=KEPT_DAYS)),
                detail={"mothers": mothers},
            )
            for user_id, mothers in sorted(mothers_by_user.items())
            for channel in CHANNELS
            if (user_id, channel) not in joined
        ],
        now=now,
    )


def _join_waiting(mothers_by_user: Mapping[int, int], today: date) -> set[tuple[int, str]]:
    """One that is being claimed is passed by: it goes with the count it has."""
    waiting = Message.objects.select_for_update(no_key=True, skip_locked=True, of=("self",)).filter(
        kind=IMPORT_DIGEST,
        recipient_user__in=list(mothers_by_user),
        nominal_on__gte=today,
        status__in=[Message.Status.QUEUED, Message.Status.HELD],
    )
    joined = set()
    for message in waiting.order_by("pk"):
        assert message.recipient_user_id is not None
        message.detail = {"mothers": message.detail["mothers"] + mothers_by_user[message.recipient_user_id]}
        message.save(update_fields=["detail"])
        joined.add((message.recipient_user_id, message.channel))
    return joined
