"""Duties, alerts and visits in plain words: what it is, why it is there, what to do. Decides nothing."""

from datetime import date, datetime, timedelta

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from mentoring.models import Alert, Duty
from mentoring.queries.worklist import Going
from mentoring.rules import alerts as rules
from mentoring.templatetags.wording import moment, plain_day, sentence
from people.rules.local_time import local_date

register = template.Library()

# Why it is there, and what closes it.
DUTY_WORDS: dict[str, tuple[str | Promise, str | Promise]] = {
    Duty.Kind.INTRODUCE: (
        gettext_lazy("They are paired, and you have not introduced them yet."),
        gettext_lazy(
            "Bring them together at the clinic, on the telephone, or agree a time and number with her. "
            "Her lay-worker does not ring before."
        ),
    ),
    Duty.Kind.INTRODUCE_AGAIN: (
        gettext_lazy("Three tries have not reached her, or two weeks have passed since the pairing."),
        gettext_lazy("Introduce them again, another way than last time."),
    ),
    Duty.Kind.REST_AND_DECIDE: (
        gettext_lazy("Six tries have not reached her, or three weeks have passed since the pairing."),
        gettext_lazy("Let it rest. Decide with the lay-worker whether to try again, and how."),
    ),
    Duty.Kind.HARD_TO_REACH: (
        gettext_lazy("The last three tries did not reach her, though she has been reached before."),
        gettext_lazy("Ask what changed: her times, her number, what she wants. Look at her safe-contact sheet."),
    ),
    Duty.Kind.TWO_MISSED: (
        gettext_lazy("Two windows in a row closed without a contact."),
        gettext_lazy("Find out whose time ran short, and whether she wants fewer contacts."),
    ),
    Duty.Kind.SILENT: (
        gettext_lazy("Nobody has spoken with her for three times as long as was agreed."),
        gettext_lazy("Find out gently how she is, and whether she wants fewer, a pause, or to stop."),
    ),
    Duty.Kind.BIRTH_NOT_RECORDED: (
        gettext_lazy("Her date was a week ago, and no birth is recorded."),
        gettext_lazy("Look at the hospital record before anyone rings her. Record what you find."),
    ),
    Duty.Kind.SIX_WEEK_CHECK: (
        gettext_lazy("Six weeks have passed since they first spoke."),
        gettext_lazy("Ask her, alone: what a mentor is for, as she expected or not, anything in the way."),
    ),
    Duty.Kind.END_CHECK: (
        gettext_lazy("Her mentoring ends soon."),
        gettext_lazy("Ask her, alone: what helped, what was in the way, how she would like to say goodbye."),
    ),
    Duty.Kind.SAFE_CONTACT_REASK: (
        gettext_lazy("Twelve weeks are nearly over since she was asked what is safe."),
        gettext_lazy("Ask her again, alone. Past twelve weeks no text goes to her."),
    ),
    Duty.Kind.CONFIRM_REFUSAL: (
        gettext_lazy("Someone else asked for a change of her plan, not she herself."),
        gettext_lazy("Ask her, alone and when it is safe, whether it is what she wants."),
    ),
    Duty.Kind.CONFIRM_SAFELY: (
        gettext_lazy("A text from a number that is or was hers asked for silence. No text goes there any more."),
        gettext_lazy("Find a safe way to ask her whether it was she, and what she wants. It may have been another."),
    ),
    Duty.Kind.OPEN_PAUSE: (
        gettext_lazy("Her pause has no end, and four weeks have passed."),
        gettext_lazy("Decide whether to leave it, or to ask her how she is."),
    ),
    Duty.Kind.ROLE_QUESTION: (
        gettext_lazy("A lay-worker asks whether something is her job."),
        gettext_lazy("Answer her within two working days."),
    ),
    Duty.Kind.RE_OFFER: (
        gettext_lazy("She asked for less or for a pause, and something has changed since."),
        gettext_lazy("Offer more contact once. If she says no, that holds."),
    ),
    Duty.Kind.WAITING: (
        gettext_lazy("She has waited three working days for a lay-worker."),
        gettext_lazy("Find her one, and tell her how long it may take."),
    ),
    Duty.Kind.COVER_GAP: (
        gettext_lazy("Her lay-worker has left or cannot sign in, and nobody covers."),
        gettext_lazy("Arrange cover, or pair her with someone else."),
    ),
    Duty.Kind.SUPERVISION_DUE: (
        gettext_lazy("Four weeks are nearly over since you last met."),
        gettext_lazy("Meet her, and close this when you have."),
    ),
    Duty.Kind.MOOD_LOW: (
        gettext_lazy("After two of her last three contacts she felt low."),
        gettext_lazy("Ring her, for her own sake. Say that you saw it: she knows that you do."),
    ),
    Duty.Kind.REPLY: (
        gettext_lazy("A text came from a number that is or was hers. Nobody has answered it."),
        gettext_lazy(
            "Read it today. Another may have written it, or have that number too: do not write or ring back, "
            "act as her safe-contact sheet says."
        ),
    ),
    Duty.Kind.REQUEST: (
        gettext_lazy("She has asked for something."),
        gettext_lazy("See to it within two working days."),
    ),
    Duty.Kind.BEREAVEMENT: (
        gettext_lazy("A loss is recorded. Her plan is on hold and nothing is sent to her."),
        gettext_lazy("Decide with her whether contact goes on, and how."),
    ),
}

ALERT_WORDS: dict[str, str | Promise] = {
    Alert.Kind.CONCERN_EMERGENCY: gettext_lazy(
        "Her lay-worker logged a concern: an emergency. Ring her lay-worker now."
    ),
    Alert.Kind.CONCERN_TODAY: gettext_lazy("Her lay-worker logged a concern that should not wait until tomorrow."),
    Alert.Kind.PLEASE_RING_ME: gettext_lazy("Her lay-worker would like you to ring."),
    Alert.Kind.NOT_SAFE: gettext_lazy(
        "It was not safe to talk. Nobody rings or texts her until she renews it. Find out safely how she is."
    ),
    Alert.Kind.LOSS: gettext_lazy(
        "A loss is recorded. Nothing is sent to her. Read her record before anyone is in touch."
    ),
    Alert.Kind.OVERDUE_VISIT: gettext_lazy(
        "Her lay-worker is at her home and has not said that she is out. Ring the lay-worker now."
    ),
}


@register.filter
def duty_title(kind: str) -> str:
    return sentence(str(Duty.Kind(kind).label))


@register.filter
def duty_why(kind: str) -> str:
    return str(DUTY_WORDS[kind][0])


@register.filter
def duty_do(kind: str) -> str:
    return str(DUTY_WORDS[kind][1])


@register.filter
def alert_title(kind: str) -> str:
    return sentence(str(Alert.Kind(kind).label))


@register.filter
def alert_why(kind: str) -> str:
    return str(ALERT_WORDS[kind])


def since_words(at: datetime, now: datetime) -> str:
    """Return "just now", "12 minutes ago", "3 hours ago" or the day and time."""
    minutes = int((now - at) / timedelta(minutes=1))
    if minutes < 1:
        return _("just now")
    if minutes < 60:
        return ngettext("%(count)d minute ago", "%(count)d minutes ago", minutes) % {"count": minutes}
    if minutes < 12 * 60:
        return ngettext("%(count)d hour ago", "%(count)d hours ago", minutes // 60) % {"count": minutes // 60}
    return moment(at, local_date(now))


def due_words(due_on: date, today: date) -> str:
    """Return by when a duty should be closed: "due today", "2 days late", "due 9 November"."""
    days = (today - due_on).days
    if days > 0:
        return ngettext("%(count)d day late", "%(count)d days late", days) % {"count": days}
    return _("due today") if days == 0 else _("due %(day)s") % {"day": plain_day(due_on, today)}


def going_words(going: Going | None, now: datetime) -> str:
    """Return where an alert goes next and when, or nothing."""
    if going is None:
        return ""
    at = moment(going.at, local_date(now))
    if going.step == rules.PROCEDURE:
        return _("Unless someone says that they have it, the written procedure begins %(at)s.") % {"at": at}
    to = going.to or (_("the programme lead") if going.step == rules.LEAD else _("the second on duty"))
    return _("Unless someone says that they have it, it goes on to %(to)s %(at)s.") % {"to": to, "at": at}
