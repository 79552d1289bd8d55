"""A mother who wants text messages, and a text to her, for tests."""

from datetime import datetime, timedelta
from typing import Any

from mentoring.models import LayWorker, Mother
from mentoring.services.mothers import Number
from outbox.models import Message
from outbox.services import messages
from people.models import Person
from people.rules.local_time import local_date
from tests.factories import NOW, make_mother, safe_sheet

NUMBER = "+447700900123"


def make_texted(*, paired_with: LayWorker | None = None, number: str = NUMBER, **fields: Any) -> Mother:
    """Return a mother who wants text messages on ``number``, at any ordinary hour."""
    sheet = fields.pop("sheet", {})
    values = {"numbers": (Number(number, safe_to_call=True, safe_to_text=True),)} | fields
    return make_mother(paired_with=paired_with, sheet=safe_sheet(texts_opted_in=True, **sheet), **values)


def text_to(person: Person, *, now: datetime = NOW, **fields: Any) -> Message:
    """Return a text that is due at ``now``."""
    values: dict[str, Any] = {
        "kind": "tried_here",
        "nominal_on": local_date(now),
        "due_at": now,
        "expires_at": now + timedelta(days=1),
    } | fields
    messages.queue_many(
        [messages.New(channel="text", subject_id=person.pk, recipient_person_id=person.pk, **values)], now=now
    )
    return Message.objects.latest("pk")
