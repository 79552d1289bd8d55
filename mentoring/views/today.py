"""A lay-worker's Today, and the mothers she no longer sees but may still log for. Each number shown is a line of the log."""

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from mentoring.access import mothers_still_loggable_by
from mentoring.queries.today import today_of
from mentoring.queries.visits import under_way
from mentoring.rules.permissions import CONTACT_RECORD, TODAY_READ
from mentoring.templatetags.wording import (
    agreed_line,
    cards_words,
    clock,
    other_words,
    sentence,
    short_day,
    shows_number,
)
from mentoring.views.mother import log_reading
from people.access import SignedInRequest, requires


@requires(TODAY_READ)
@require_safe
def today(request: SignedInRequest) -> HttpResponse:
    """Show who is overdue, due, to be reached first, coming up, and the times agreed."""
    now = timezone.now()
    day = today_of(request.user, now=now)
    log_reading(request, (card.person_id for card in day.cards if shows_number(card)), now=now)
    words = {
        name: cards_words(getattr(day, name), today=day.on, shared=day.shared_names)
        for name in ("overdue", "due", "first", "coming_up")
    }
    return render(
        request,
        "mentoring/today.html",
        {
            **words,
            "visit": _visit(request.user, now),
            "date": sentence(short_day(day.on, day.on)),
            "day": day,
            "agreed_today": [agreed_line(agreed, today=day.on) for agreed in day.agreed_today],
            "agreed_later": [agreed_line(agreed, today=day.on) for agreed in day.agreed_later],
            "others": [other_words(card, today=day.on) for card in day.others],
        },
    )


def _visit(user: Any, now: datetime) -> dict[str, Any] | None:
    visit = under_way(user)
    if visit is None:
        return None
    return {
        "client_id": visit.client_id,
        "name": visit.mother.person.name_to_use,
        "at": clock(visit.expected_end_at),
        "is_late": visit.expected_end_at <= now,
    }


@requires(CONTACT_RECORD)
@require_safe
def late_log(request: SignedInRequest) -> HttpResponse:
    """Show, by the name to use alone, those whose pairing or cover ended within seven days."""
    mothers = mothers_still_loggable_by(request.user, now=timezone.now())
    names = mothers.order_by("person__name_to_use", "pk").values("programme_code", "person__name_to_use")
    return render(request, "mentoring/log_late.html", {"mothers": list(names)})
