"""The programme's kinds of message: what each says to staff (code and dates, never more), and whether it is still wanted."""

from collections.abc import Callable, Sequence
from datetime import datetime

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext

from mentoring.access import ALERTED
from mentoring.models import Alert, Appointment, Mother, Pairing
from mentoring.rules import reminders as rules
from mentoring.rules.contacts import VISITS
from mentoring.services import digests, reminders
from mentoring.services.digests import IMPORT_DIGEST
from outbox.models import Message
from outbox.rules.registry import Kind, Words, register, settle_by
from people.rules.local_time import LOCAL
from people.rules.roles import Role

TO_LAY_WORKER = frozenset({Role.LAY_WORKER})


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


def _day_words(messages: Sequence[Message]) -> list[Words]:
    composed = []
    for message in messages:
        overdue, due = digests.day_of(message)
        lines = [
            text % {"codes": ", ".join(codes)}
            for text, codes in ((_("Overdue: %(codes)s."), overdue), (_("Due: %(codes)s."), due))
            if codes
        ]
        composed.append(
            Words(
                subject=_("Today: %(overdue)d overdue, %(due)d due") % {"overdue": len(overdue), "due": len(due)},
                body=" ".join(lines),
                path=reverse("today"),
                why=_("You get this at 08:30 on working days when something is due or overdue."),
            )
        )
    return composed


def _worklist_words(messages: Sequence[Message]) -> list[Words]:
    composed = []
    for message in messages:
        codes, alerts = digests.worklist_of(message)
        duties = ngettext("%(count)d duty", "%(count)d duties", len(codes)) % {"count": len(codes)}
        open_alerts = ngettext("%(count)d open alert", "%(count)d open alerts", alerts) % {"count": alerts}
        about = ", ".join(dict.fromkeys(code for code in codes if code))
        composed.append(
            Words(
                subject=_("Your worklist: %(duties)s, %(alerts)s") % {"duties": duties, "alerts": open_alerts},
                body=_("Due by today: %(codes)s.") % {"codes": about} if about else _("Open your worklist."),
                path=reverse("home"),
                why=_("You get this at 08:30 on working days when a duty is due or an alert of yours is open."),
            )
        )
    return composed


def _why_not_paired(messages: Sequence[Message], now: datetime) -> list[str | None]:
    recipients = {message.recipient_user_id for message in messages}
    paired = set(
        Pairing.objects.filter(lay_worker__user__in=recipients, ended_at__isnull=True).values_list(
            "lay_worker__user_id", flat=True
        )
    )
    return [None if message.recipient_user_id in paired else "not_hers" for message in messages]


def _appointment_words(messages: Sequence[Message]) -> list[Words]:
    """Return the words of agreed times: to staff with the code, to her without a word that could tell anyone anything."""
    codes = _about(messages)
    visits = set(
        Appointment.objects.filter(
            mother__person__in=codes,
            starts_at__in={message.expires_at for message in messages},
            mode__in=VISITS,
            withdrawn_at__isnull=True,
        ).values_list("mother__person", "starts_at")
    )
    composed = []
    for message in messages:
        assert message.subject_id is not None
        # It expires when the appointment begins. One that was called off since is still read in the app.
        starts_at = message.expires_at
        local = starts_at.astimezone(LOCAL)
        filled = {
            "code": codes[message.subject_id],
            "at": date_format(local, "H:i"),
            # Her last safe time may lie a week before: the weekday alone would be read as the wrong one.
            "day": date_format(local, "l j F"),
        }
        if message.recipient_person_id is not None:
            is_visit = (message.subject_id, starts_at) in visits
            met = _("See you on %(day)s at %(at)s.") if is_visit else _("Talk to you on %(day)s at %(at)s.")
            composed.append(Words("", f"{met % filled} {_('If that does not suit, just reply.')}", "", ""))
            continue
        composed.append(
            Words(
                subject=_("%(code)s: %(day)s at %(at)s") % filled,
                body=_("You agreed to be in touch with %(code)s on %(day)s at %(at)s.") % filled,
                path=reverse("mother-detail", args=[codes[message.subject_id]]),
                why=_("You get this at 17:00 on the day before a time you agreed."),
            )
        )
    return composed


def _alert_composer(subject: Promise) -> Callable[[Sequence[Message]], list[Words]]:
    def compose(messages: Sequence[Message]) -> list[Words]:
        codes = _about(messages)
        return [
            Words(
                subject=str(subject) % {"code": codes[message.subject_id or 0]},
                body=_("Open the alert and say that you have it. Unless you do, it goes on to the next person."),
                path=reverse("alert-detail", args=[message.detail["alert"]]),
                why=_("You get this at once because you answer for this mother, or are on duty, now."),
            )
            for message in messages
        ]

    return compose


def _why_not_open(messages: Sequence[Message], now: datetime) -> list[str | None]:
    """Return none for each while its alert is open and nobody else has it."""
    holders = dict(
        Alert.objects.filter(
            pk__in=[message.detail["alert"] for message in messages], closed_at__isnull=True
        ).values_list("pk", "holder_id")
    )
    return [
        "closed"
        if (held := holders.get(message.detail["alert"], 0)) == 0
        else None
        if held == message.recipient_user_id
        else "not_hers"
        for message in messages
    ]


def register_kinds() -> None:
    """Every kind of the programme can be sent, and settled where a member of staff changes what she is told."""
    settle_by(reminders.refresh_for_user)
    settle_by(digests.refresh_for_user)
    plan_kinds = {
        rules.NO_ATTEMPT_YET: (
            gettext_noop("first contact not tried yet"),
            gettext_lazy("%(code)s: first contact not tried yet"),
            gettext_lazy("No attempt to reach %(code)s is in the log. Look at her safe times, and try once today."),
            gettext_lazy(
                "You get this two days after the introduction, or three after the pairing, until you have tried."
            ),
        ),
        rules.COMING_UP: (
            gettext_noop("contact coming up"),
            gettext_lazy("%(code)s: contact coming up on %(due_on)s"),
            gettext_lazy("The next contact with %(code)s is planned for %(due_on)s."),
            gettext_lazy("You get this two days before each planned contact of a mother you look after."),
        ),
        rules.OVERDUE: (
            gettext_noop("contact overdue"),
            gettext_lazy("%(code)s: contact of %(due_on)s not made yet"),
            gettext_lazy("The contact with %(code)s planned for %(due_on)s is not in the log. There is still time."),
            gettext_lazy("You get this three days after a planned contact while its window is open."),
        ),
        rules.BABY_EXPECTED: (
            gettext_noop("date in two weeks"),
            gettext_lazy("%(code)s: her date is in two weeks"),
            gettext_lazy(
                "The date that %(code)s was given is two weeks away. Agree how she would like to hear from you."
            ),
            gettext_lazy("You get this two weeks before the date in her record."),
        ),
        rules.ENDING: (
            gettext_noop("ending in eight weeks"),
            gettext_lazy("%(code)s: ending in eight weeks"),
            gettext_lazy("Mentoring of %(code)s ends in eight weeks. Agree with her how to taper, and the goodbye."),
            gettext_lazy("You get this eight weeks before the plan's last day."),
        ),
    }
    for code, (label, subject, body, why) in plan_kinds.items():
        register(Kind(code, label, _composer(subject, body, why), reminders.why_not_wanted, to=TO_LAY_WORKER))
    register(
        Kind(
            rules.APPOINTMENT_TOMORROW,
            gettext_noop("appointment tomorrow"),
            _appointment_words,
            reminders.why_not_wanted,
            to=TO_LAY_WORKER,
        )
    )
    register(
        Kind(
            rules.NEW_PAIRING,
            gettext_noop("new pairing"),
            _composer(
                gettext_lazy("%(code)s: you are her lay-worker now"),
                gettext_lazy("You are paired with %(code)s. Her midwife introduces you first: wait to hear from her."),
                gettext_lazy("You get this once, when a midwife pairs a mother with you."),
            ),
            reminders.why_no_new_pairing,
            to=TO_LAY_WORKER,
        )
    )
    register(
        Kind(
            IMPORT_DIGEST,
            gettext_noop("mothers added by an import"),
            _import_digest_words,
            _why_not_paired,
            to=TO_LAY_WORKER,
        )
    )
    register(
        Kind(
            digests.DIGEST_OF_THE_DAY,
            gettext_noop("digest of the day"),
            _day_words,
            digests.why_no_day,
            to=TO_LAY_WORKER,
            channels=("email",),
        )
    )
    register(
        Kind(
            digests.DIGEST_OF_THE_WORKLIST,
            gettext_noop("digest of the worklist"),
            _worklist_words,
            digests.why_no_worklist,
            to=frozenset({Role.MIDWIFE}),
            channels=("email",),
        )
    )
    alert_kinds = {
        "concern_emergency": gettext_lazy("%(code)s: a concern, an EMERGENCY"),
        "concern_today": gettext_lazy("%(code)s: a concern to act on today"),
        "please_ring_me": gettext_lazy("%(code)s: her lay-worker asks you to ring"),
        "not_safe_to_talk": gettext_lazy("%(code)s: it was not safe to talk"),
        "loss": gettext_lazy("%(code)s: read her record before anyone is in touch"),
        "overdue_visit": gettext_lazy("%(code)s: a visit has not been ended"),
    }
    for code, subject in alert_kinds.items():
        register(
            Kind(
                f"alert_{code}",
                str(subject) % {"code": ""},
                _alert_composer(subject),
                _why_not_open,
                any_hour=True,
                to=ALERTED,
            )
        )
