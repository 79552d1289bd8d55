"""The programme's kinds of message: what each says to staff (code and dates, never more), and whether it is still wanted."""

from collections.abc import Callable, Sequence
from datetime import datetime

from django.db.models import Q
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from mentoring.models import Cover, Mother, Pairing, Pause, PlannedContact
from mentoring.queries.statuses import held_plans
from mentoring.rules.reminders import COMING_UP, OVERDUE
from mentoring.services.digests import IMPORT_DIGEST
from outbox.models import Message
from outbox.rules.registry import Kind, Words, register
from people.rules.local_time import local_date


def still_wanted(message: Message, now: datetime) -> str | None:
    """Return none while the planned contact is open, offered, not held or paused, and the recipient looks after her today."""
    today = local_date(now)
    assert message.subject_id is not None and message.subject_due_on is not None
    row = (
        PlannedContact.objects.filter(
            mother__person=message.subject_id, due_on=message.subject_due_on, withdrawn_at__isnull=True
        )
        .values("plan_id", "mother_id", "made_on", "closes_on", "mother__offered_from")
        .first()
    )
    if row is None:
        return "withdrawn"
    if row["made_on"] is not None:
        return "made"
    if row["closes_on"] <= today:
        return "closed"
    if held_plans().filter(plan=row["plan_id"]).exists():
        return "held"
    paused = Pause.objects.filter(plan=row["plan_id"], withdrawn_at__isnull=True, from_on__lte=today)
    if paused.filter(Q(until_on__isnull=True) | Q(until_on__gt=today)).exists():
        return "paused"
    covering = (
        Cover.objects.filter(
            mother=row["mother_id"], cancelled_at__isnull=True, starts_on__lte=today, ends_on__gt=today
        )
        .values_list("lay_worker__user_id", flat=True)
        .first()
    )
    paired = (
        Pairing.objects.filter(mother=row["mother_id"], ended_at__isnull=True)
        .values_list("lay_worker__user_id", flat=True)
        .first()
    )
    if paired is None or message.recipient_user_id != (covering or paired):
        return "not_hers"
    return None


def _always(message: Message, now: datetime) -> str | None:
    return None


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


def _still_paired(message: Message, now: datetime) -> str | None:
    paired = Pairing.objects.filter(lay_worker__user=message.recipient_user_id, ended_at__isnull=True)
    return None if paired.exists() else "not_hers"


def register_kinds() -> None:
    """Every kind of the programme can be sent."""
    register(
        Kind(
            COMING_UP,
            _("contact coming up"),
            _composer(
                gettext_lazy("%(code)s: contact coming up on %(due_on)s"),
                gettext_lazy("The next contact with %(code)s is planned for %(due_on)s."),
                gettext_lazy("You get this two days before each planned contact of a mother you look after."),
            ),
            still_wanted,
        )
    )
    register(
        Kind(
            OVERDUE,
            _("contact overdue"),
            _composer(
                gettext_lazy("%(code)s: contact of %(due_on)s not made yet"),
                gettext_lazy(
                    "The contact with %(code)s planned for %(due_on)s is not in the log. There is still time."
                ),
                gettext_lazy("You get this three days after a planned contact while its window is open."),
            ),
            still_wanted,
        )
    )
    register(Kind(IMPORT_DIGEST, _("mothers added by an import"), _import_digest_words, _still_paired))
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
