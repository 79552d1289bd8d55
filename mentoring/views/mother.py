"""A mother's page, for her lay-worker and her midwife. Each reading of it is a line of the access log."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from mentoring.access import mothers_visible_to
from mentoring.queries.losses import losses_of
from mentoring.queries.mother_page import page_of
from mentoring.queries.worklist import open_alerts, open_duties_of
from mentoring.rules.permissions import (
    ALERT_ANSWER,
    CONTACT_CORRECT,
    CONTACT_RECORD,
    LOSS_UNDO,
    MOTHER_READ,
    PAIRING_MANAGE,
    PLAN_CHANGE,
    TODAY_READ,
)
from mentoring.templatetags.wording import (
    day,
    entry_words,
    interval,
    loss_words,
    mentoring_word,
    mode_word,
    moment,
    near_day,
    own_mentoring_word,
    sentence,
    sheet_words,
)
from mentoring.templatetags.worklist import due_words
from people.access import SignedInRequest, may, requires
from people.rules.local_time import local_date
from people.services import log


def mother_or_404(request: SignedInRequest, programme_code: str, *, now: datetime) -> Any:
    """Return the mother with this code if she is the signed-in person's; 404 otherwise."""
    mothers = mothers_visible_to(request.user, on=local_date(now)).select_related("person", "midwife__user")
    return get_object_or_404(mothers, programme_code=programme_code)


def log_reading(request: SignedInRequest, person_ids: Iterable[int], *, now: datetime) -> None:
    """The access log says that these people's contact details were shown."""
    log.contact_details_read(
        by=request.user,
        person_ids=person_ids,
        now=now,
        request_id=getattr(request, "request_id", ""),
        address=request.META.get("REMOTE_ADDR") or None,
    )


@requires(MOTHER_READ)
@require_safe
def mother_detail(request: SignedInRequest, programme_code: str) -> HttpResponse:
    """Show the safe-contact sheet first, then what is planned and agreed, the strip of windows, the log."""
    now = timezone.now()
    today = local_date(now)
    mother = mother_or_404(request, programme_code, now=now)
    page = page_of(mother, user=request.user, now=now, before=_before(request.GET.get("before", "")))
    log_reading(request, [mother.person_id], now=now)
    records = may(request.user, CONTACT_RECORD)
    is_midwife = not may(request.user, TODAY_READ)
    decides = may(request.user, LOSS_UNDO)
    corrects = may(request.user, CONTACT_CORRECT)
    entries = []
    for entry in page.entries:
        words = entry_words(entry, user_id=request.user.pk, is_midwife=is_midwife)
        if corrects and words["mine"]:
            words["href"] = reverse("contact-correct", args=[programme_code, entry["client_id"]])
            words["href_text"] = _("Correct or take back")
        entries.append(words)
    facts = page.facts
    answers = may(request.user, ALERT_ANSWER)
    return render(
        request,
        "mentoring/mother.html",
        {
            "mother": mother,
            "name": facts["person__name_to_use"],
            "facts": facts,
            "page": page,
            "sheet": sheet_words(page, today=today, may_ring=records),
            "status": mentoring_word(page.status) if is_midwife else own_mentoring_word(page.status, held=page.held),
            "next_planned": _planned_words(page.next_planned, today),
            "appointments": [
                {
                    "pk": row["pk"],
                    "text": sentence(f"{moment(row['starts_at'], today)}, {mode_word(row['mode'])}"),
                    "place": row["place"],
                    "extra": row["planned_contact__due_on"] is None,
                }
                for row in page.appointments
            ],
            "entries": entries,
            "older": f"{page.older[0].isoformat()}_{page.older[1]}" if page.older else "",
            "is_older": "before" in request.GET,
            "records": records,
            "decides": decides,
            "losses": [loss_words(loss) for loss in losses_of(mother)] if decides and facts["loss_reported"] else [],
            "may_support": facts["bereaved"] and (page.held or not facts["in_support"]),
            "manages": may(request.user, PAIRING_MANAGE),
            "changes": may(request.user, PLAN_CHANGE),
            "alerts": open_alerts(request.user, on=today).filter(mother=mother) if answers else [],
            "duties": [
                row | {"due": due_words(row["due_on"], today)}
                for row in open_duties_of(mother.pk, request.user, on=today)
            ]
            if answers
            else [],
            "pause_ahead": next((pause for pause in page.pauses if pause["from_on"] > today), None),
            "back_href": reverse("today") if may(request.user, TODAY_READ) else reverse("worklist"),
        },
    )


def _planned_words(planned: Mapping[str, Any] | None, today: Any) -> dict[str, str] | None:
    if planned is None:
        return None
    return {
        "status": planned["status"],
        "due": sentence(near_day(planned["due_on"], today)),
        "every": interval(planned["every_days"]),
        "opens": day(planned["opens_on"]),
    }


def _before(typed: str) -> tuple[datetime, int] | None:
    """Return the key of the last entry of the page before; 404 for what no page of ours links to."""
    if not typed:
        return None
    at, _underscore, pk = typed.rpartition("_")
    try:
        found = datetime.fromisoformat(at), int(pk)
    except ValueError as error:
        raise Http404 from error
    if found[0].tzinfo is None:
        raise Http404
    return found
