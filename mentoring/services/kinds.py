"""The programme's kinds of message: what each says to staff (code and dates, never more), and whether it is still wanted."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext

from mentoring.models import Cover, Mother, Pairing, Pause, PlannedContact
from mentoring.queries.statuses import held_plans
from mentoring.rules.reminders import COMING_UP, OVERDUE
from mentoring.services.digests import IMPORT_DIGEST
from outbox.models import Message
from outbox.rules.registry import Kind, Words, register
from people.rules.local_time import local_date


def why_not_wanted(messages: Sequence[Message], now: datetime) -> list[str | None]:
    """Return none for each while its planned contact is open, not held or paused, and its recipient looks after her today."""
    today = local_date(now)
    rows: dict[tuple[int, date], Any] = {}
    for row in (
        PlannedContact.objects.filter(
            mother__person__in={message.subject_id for message in messages},
            due_on__in={message.subject_due_on for message in messages},
            withdrawn_at__isnull=True,
        )
        .order_by("pk")
        .values("mother__person", "due_on", "plan_id", "mother_id", "made_on", "closes_on")
    ):
        rows.setdefault((row["mother__person"], row["due_on"]), row)
    plan_ids = {row["plan_id"] for row in rows.values()}
    mother_ids = {row["mother_id"] for row in rows.values()}
    held = set(held_plans().filter(plan__in=plan_ids).values_list("plan_id", flat=True))
    pauses = Pause.objects.filter(plan__in=plan_ids, withdrawn_at__isnull=True, from_on__lte=today)
    paused = set(pauses.filter(Q(until_on__isnull=True) | Q(until_on__gt=today)).values_list("plan_id", flat=True))
    looking_after = dict(
        Pairing.objects.filter(mother__in=mother_ids, ended_at__isnull=True).values_list(
            "mother_id", "lay_worker__user_id"
        )
    )
    # Whoever covers stands in for the one who is paired, and for nobody where nobody is.
    looking_after |= dict(
        Cover.objects.filter(
            mother__in=list(looking_after), cancelled_at__isnull=True, starts_on__lte=today, ends_on__gt=today
        ).values_list("mother_id", "lay_worker__user_id")
    )

    def why_not(message: Message) -> str | None:
        assert message.subject_id is not None and message.subject_due_on is not None
        row = rows.get((message.subject_id, message.subject_due_on))
        if row is None:
            return "withdrawn"
        if row["made_on"] is not None:
            return "made"
        if row["closes_on"] <= today:
            return "closed"
        if row["plan_id"] in held:
            return "held"
        if row["plan_id"] in paused:
            return "paused"
        if looking_after.get(row["mother_id"], 0) != message.recipient_user_id:
            return "not_hers"
        return None

    return [why_not(message) for message in messages]


def _always(messages: Sequence[Message], now: datetime) -> list[str | None]:
    return [None] * len(messages)


def _about(messages: Sequence[Message]) -> dict[int, str]:
    persons = {message.subject_id for message in messages}
    return dict(Mother.objects.filter(person__in=persons).values_list("person_id", "programme_code"))


def _composer(subject: Promise, body: Promise, why: Promise) -> Callable[[Sequence[Message]], list[Words]]:
    def compose(messages: Sequence[Message]) -> list[Words]:
        codes = _about(messages)
        composed = []
        for message in messages:
            assert message.subject_id is not None
            code = codes[message.subject_id]
            due_on = date_format(message.subject_due_on, "j F") if message.subject_due_on else ""
            filled = {"code": code, "due_on": due_on}
            composed.append(
                Words(
                    subject=str(subject) % filled,
                    body=str(body) % filled,
                    path=reverse("mother-detail", args=[code]),
                    why=str(why) % filled,
                )
            )
        return composed

    return compose


def _import_digest_words(messages: Sequence[Message]) -> list[Words]:
    return [
        Words(
            subject=ngettext(
                "%(count)d mother was added to your list", "%(count)d mothers were added to your list", count
            )
            % {"count": count},
            body=_("They came from the programme's own records. Open Today to see who they are."),
            path=reverse("today"),
            why=_("You get this once when an import pairs mothers with you."),
        )
        for count in (int(message.detail["mothers"]) for message in messages)
    ]


def _why_not_paired(messages: Sequence[Message], now: datetime) -> list[str | None]:
    recipients = {message.recipient_user_id for message in messages}
    paired = set(
        Pairing.objects.filter(lay_worker__user__in=recipients, ended_at__isnull=True).values_list(
            "lay_worker__user_id", flat=True
        )
    )
    return [None if message.recipient_user_id in paired else "not_hers" for message in messages]


def register_kinds() -> None:
    """Every kind of the programme can be sent."""
    register(
        Kind(
            COMING_UP,
            gettext_noop("contact coming up"),
            _composer(
                gettext_lazy("%(code)s: contact coming up on %(due_on)s"),
                gettext_lazy("The next contact with %(code)s is planned for %(due_on)s."),
                gettext_lazy("You get this two days before each planned contact of a mother you look after."),
            ),
            why_not_wanted,
        )
    )
    register(
        Kind(
            OVERDUE,
            gettext_noop("contact overdue"),
            _composer(
                gettext_lazy("%(code)s: contact of %(due_on)s not made yet"),
                gettext_lazy(
                    "The contact with %(code)s planned for %(due_on)s is not in the log. There is still time."
                ),
                gettext_lazy("You get this three days after a planned contact while its window is open."),
            ),
            why_not_wanted,
        )
    )
    register(Kind(IMPORT_DIGEST, gettext_noop("mothers added by an import"), _import_digest_words, _why_not_paired))
    alerts = {
        "concern_emergency": gettext_lazy("%(code)s: a concern, an EMERGENCY"),
        "concern_today": gettext_lazy("%(code)s: a concern to act on today"),
        "please_ring_me": gettext_lazy("%(code)s: her lay-worker asks you to ring"),
        "not_safe_to_talk": gettext_lazy("%(code)s: it was not safe to talk"),
    }
    for code, subject in alerts.items():
        register(
            Kind(
                code,
                code,
                _composer(
                    subject,
                    gettext_lazy("Open the record of %(code)s, read the last entry, and ring her lay-worker."),
                    gettext_lazy("You get this at once because you answer for this mother or her lay-worker."),
                ),
                _always,
                any_hour=True,
            )
        )
