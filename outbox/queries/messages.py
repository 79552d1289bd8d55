"""Messages as people read them: their own, newest first, with the words made on reading. Writes nothing."""

import email
import email.policy
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext

from outbox.models import Message
from outbox.rules.registry import Words, kind_of
from people.models import User

PAGE = 20


@dataclass(frozen=True, slots=True)
class Read:
    """One message as it is shown."""

    id: int
    sent_at: datetime
    is_new: bool
    words: Words
    kind_label: str
    about_on: date | None
    due_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Letter:
    """One e-mail of the demo's mailbox, or a text, to a number of which it knows how it ends."""

    to: str
    is_text: bool
    subject: str
    sent_at: datetime
    body: str


def messages_of(user: User, *, before_id: int | None) -> tuple[list[Read], int | None]:
    """Return a page of ``user``'s messages in the app, newest first, and the key to go on from, none at the end.

    ``before_id`` is that key; one that is not a message of hers is as none.
    """
    rows = _in_the_app(user).order_by("-sent_at", "-id")
    last = None if before_id is None else rows.filter(pk=before_id).first()
    if last is not None:
        # The first condition is what an index goes by: an OR alone is read from the newest row on.
        rows = rows.filter(sent_at__lte=last.sent_at).filter(Q(sent_at__lt=last.sent_at) | Q(pk__lt=last.pk))
    page = list(rows[: PAGE + 1])
    shown = page[:PAGE]
    words = _words(shown)
    read = [
        Read(
            id=row.pk,
            sent_at=row.sent_at or row.status_at,
            is_new=row.read_at is None,
            words=words[row.pk],
            kind_label=gettext(kind_of(row.kind).label),
            about_on=row.subject_due_on,
            due_at=row.due_at,
            expires_at=row.expires_at,
        )
        for row in shown
    ]
    return read, shown[-1].pk if len(page) > PAGE else None


def unread_count(user: User) -> int:
    """Return how many messages in the app ``user`` has not opened."""
    return _in_the_app(user).filter(read_at__isnull=True).count()


def counts_by_status() -> dict[str, int]:
    """Return how many messages stand in each status."""
    rows = Message.objects.values("status").annotate(n=Count("id"))
    return {row["status"]: row["n"] for row in rows} | {
        "stuck": Message.objects.filter(Q(status="needs_a_person") | Q(status="failed")).count()
    }


def status_of(reference: str) -> str | None:
    """Return the status of the message with this reference, none where there is none."""
    return Message.objects.filter(reference=reference).values_list("status", flat=True).first()


def letters_in(folder: Path, *, most: int = 100) -> list[Letter]:
    """Return the newest letters of a folder that Django's file-based e-mail backend writes to."""
    letters = []
    for path in sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime, reverse=True)[:most]:
        for part in path.read_bytes().split(b"-" * 79):
            if part.strip():
                letter = email.message_from_bytes(part.lstrip(), policy=email.policy.default)
                body = letter.get_body(preferencelist=("plain",))
                text = body.get_content() if body is not None else ""
                # Django writes the date in UTC as "-0000", which the parser leaves without a zone.
                sent_at = letter["date"].datetime.replace(tzinfo=UTC)
                ends = letter["X-Text-To"]
                to = str(letter["to"]) if ends is None else str(ends)
                letters.append(Letter(to, ends is not None, str(letter["subject"]), sent_at, text))
    return letters[:most]


def _in_the_app(user: User) -> QuerySet[Message]:
    return Message.objects.filter(recipient_user=user, channel=Message.Channel.IN_APP, status__in=["sent", "delivered"])


def _words(messages: Sequence[Message]) -> dict[int, Words]:
    by_kind: dict[str, list[Message]] = defaultdict(list)
    for message in messages:
        by_kind[message.kind].append(message)
    return {
        message.pk: words
        for code, some in by_kind.items()
        for message, words in zip(some, kind_of(code).compose(some), strict=True)
    }
