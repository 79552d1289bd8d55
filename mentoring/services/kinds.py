"""The programme's kinds of message: what each says to staff (code and dates, never more), and whether it is still wanted."""

from collections.abc import Callable, Sequence
from datetime import datetime

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext

from mentoring.access import ALERTED
from mentoring.models import Alert, Appointment, Cover, Mother, Pairing, Visit
from mentoring.queries.statuses import held_plans
from mentoring.rules import reminders as rules
from mentoring.rules.contacts import VISITS
from mentoring.services import digests, reminders, texts
from mentoring.services.digests import IMPORT_DIGEST
from mentoring.services.losses import SPEAK_TO_MIDWIFE
from mentoring.services.visits import ARE_YOU_WELL
from outbox.models import Message
from outbox.rules.registry import Kind, Words, register, settle_by
from people.models import Loss
from people.rules.local_time import LOCAL, local_date
from people.rules.roles import Role

TO_LAY_WORKER = frozenset({Role.LAY_WORKER})


def _about(messages: Sequence[Message]) -> dict[int, str]:
    persons = {message.subject_id for message in messages}
    return dict(Mother.objects.filter(person__in=persons).values_list("person_id", "programme_code"))


def _composer(
    subject: Promise, body: Promise, why: Promise, *, of_birth: bool = False
) -> Callable[[Sequence[Message]], list[Words]]:
    """Return how a message about one mother is put. ``of_birth``: after a loss, one sent before it says it no more."""

    def compose(messages: Sequence[Message]) -> list[Words]:
        codes = _about(messages)
        bereaved = _bereaved(messages) if of_birth else frozenset()
        composed = []
        for message in messages:
            assert message.subject_id is not None
            code = codes[message.subject_id]
            due_on = date_format(message.subject_due_on, "j F") if message.subject_due_on else ""
            filled = {"code": code, "due_on": due_on}
            if message.subject_id in bereaved:
                composed.append(
                    Words(
                        subject=_("%(code)s: an earlier message") % filled,
                        body=_("What it said does not hold any more."),
                        path=reverse("mother-detail", args=[code]),
                        why="",
                    )
                )
                continue
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


def _bereaved(messages: Sequence[Message]) -> frozenset[int]:
    persons = {message.subject_id for message in messages}
    return frozenset(
        Loss.objects.filter(person__in=persons, undone_at__isnull=True).values_list("person_id", flat=True)
    )


def _held(messages: Sequence[Message]) -> frozenset[int]:
    """Return the persons, of those that messages are about, whose plan is held now."""
    persons = {message.subject_id for message in messages}
    return frozenset(
        held_plans()
        .filter(plan__mother__person__in=persons, plan__closed_at__isnull=True)
        .values_list("plan__mother__person_id", flat=True)
    )


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
                path=reverse("worklist"),
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


def _why_not_to_speak(messages: Sequence[Message], now: datetime) -> list[str | None]:
    """Return none for each while her plan is held and the recipient is with her, paired or covering."""
    held, on = _held(messages), local_date(now)
    persons = {message.subject_id for message in messages}
    paired = Pairing.objects.filter(mother__person__in=persons, ended_at__isnull=True)
    covered = Cover.objects.filter(
        mother__person__in=persons, cancelled_at__isnull=True, starts_on__lte=on, ends_on__gt=on
    )
    with_her = {
        pair for some in (paired, covered) for pair in some.values_list("mother__person_id", "lay_worker__user_id")
    }
    return [
        "not_held"
        if message.subject_id not in held
        else None
        if (message.subject_id, message.recipient_user_id) in with_her
        else "not_hers"
        for message in messages
    ]


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
    without_text = texts.without_their_text(messages)
    composed = []
    for message in messages:
        assert message.subject_id is not None
        # It expires when the appointment begins. One that was called off since is still read in the app.
        starts_at = message.expires_at
        local = starts_at.astimezone(LOCAL)
        filled = {
            "code": codes[message.subject_id],
            "at": date_format(local, "H:i"),
            "day": date_format(local, "l j F"),
        }
        if message.recipient_person_id is not None:
            is_visit = (message.subject_id, starts_at) in visits
            met = _("See you on %(day)s at %(at)s.") if is_visit else _("Talk to you on %(day)s at %(at)s.")
            composed.append(Words("", f"{met % filled} {_('If that does not suit, just reply.')}", "", ""))
            continue
        said = [_("You agreed to be in touch with %(code)s on %(day)s at %(at)s.") % filled]
        if message.pk in without_text:
            said.append(_("She gets no text about it: none could go safely."))
        composed.append(
            Words(
                subject=_("%(code)s: %(day)s at %(at)s") % filled,
                body=" ".join(said),
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
        Alert.objects.filter(pk__in=_keys(messages, "alert"), closed_at__isnull=True).values_list("pk", "holder_id")
    )
    return [
        "closed"
        if (held := holders.get(message.detail["alert"], 0)) == 0
        else None
        if held == message.recipient_user_id
        else "not_hers"
        for message in messages
    ]


def _visit_words(messages: Sequence[Message]) -> list[Words]:
    codes = _about(messages)
    visits = dict(Visit.objects.filter(pk__in=_keys(messages, "visit")).values_list("pk", "client_id"))
    return [
        Words(
            subject=_("%(code)s: are you well?") % {"code": codes[message.subject_id or 0]},
            body=_("You expected to be out by now. Say that you are out, or that you need more time."),
            path=reverse("visit-detail", args=[visits[message.detail["visit"]]]),
            why=_("You get this 15 minutes after the time at which you expected to be out of a visit."),
        )
        for message in messages
    ]


def _why_not_under_way(messages: Sequence[Message], now: datetime) -> list[str | None]:
    """Return none for each while its visit has not been ended, nor been given more time."""
    late = set(
        Visit.objects.filter(
            pk__in=_keys(messages, "visit"), ended_at__isnull=True, asked_at__isnull=False
        ).values_list("pk", flat=True)
    )
    return [None if message.detail["visit"] in late else "closed" for message in messages]


def _keys(messages: Sequence[Message], name: str) -> set[int]:
    return {message.detail[name] for message in messages}


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
        compose = _composer(subject, body, why, of_birth=code in {rules.BABY_EXPECTED, rules.ENDING})
        register(Kind(code, label, compose, reminders.why_not_wanted, to=TO_LAY_WORKER))
    register(
        Kind(
            rules.APPOINTMENT_TOMORROW,
            gettext_noop("appointment tomorrow"),
            _appointment_words,
            reminders.why_not_wanted,
            to=TO_LAY_WORKER,
            to_mothers=True,
            did_not_go=texts.tell_it_did_not_go,
        )
    )
    register(
        Kind(
            texts.TEXT_DID_NOT_GO,
            gettext_noop("a text did not go"),
            _composer(
                gettext_lazy("%(code)s: her text did not go"),
                gettext_lazy(
                    "The text about the time you agreed with %(code)s did not reach her. Look at her safe times."
                ),
                gettext_lazy("You get this when a text to a mother you look after cannot go, or does not arrive."),
            ),
            texts.why_not_wanted,
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
            gates=digests.gates_of_day,
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
            gates=digests.gates_of_worklist,
        )
    )
    register(
        Kind(
            SPEAK_TO_MIDWIFE,
            gettext_noop("speak to your midwife"),
            _composer(
                gettext_lazy("%(code)s: speak to your midwife first"),
                gettext_lazy("Speak to your midwife before you are in touch with %(code)s."),
                gettext_lazy("You get this because you look after %(code)s. Nothing is expected of you until then."),
            ),
            _why_not_to_speak,
            to=TO_LAY_WORKER,
            always=gettext_noop("so that nobody is in touch with her unprepared"),
        )
    )
    register(
        Kind(
            ARE_YOU_WELL,
            gettext_noop("visit not ended"),
            _visit_words,
            _why_not_under_way,
            any_hour=True,
            to=TO_LAY_WORKER,
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
