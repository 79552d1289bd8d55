"""Dates, intervals, safe contact and log entries in plain words, as cards and pages show them. Decides nothing."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from django import template
from django.urls import reverse
from django.utils.dates import MONTHS, WEEKDAYS, WEEKDAYS_ABBR
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from phonenumbers import NumberParseException

from mentoring.models import Concern, Mode, Outcome, Pause, Topic, Who
from mentoring.queries.mother_page import Page
from mentoring.queries.today import Agreed, Card
from mentoring.rules.status import HELD, MentoringStatus
from mentoring.services.plans import Preview
from mentoring.templatetags.pictures import status_colour, status_word
from people.models import Baby, Loss
from people.rules.local_time import LOCAL, local_date
from people.rules.phones import readable
from people.rules.safe_contact import ORDINARY_HOURS, CallAdvice, Calling, SafeHours

register = template.Library()

DATES_LISTED = 4
MENTORING_WORDS = {
    MentoringStatus.AWAITING: gettext_lazy("awaiting a lay-worker"),
    MentoringStatus.NOT_YET_REACHED: gettext_lazy("not reached yet"),
    MentoringStatus.ACTIVE: gettext_lazy("active"),
    MentoringStatus.PAUSED: gettext_lazy("paused"),
    MentoringStatus.UNREACHABLE: gettext_lazy("on hold: cannot be reached"),
    MentoringStatus.BABY_IN_HOSPITAL: gettext_lazy("on hold: in hospital"),
    MentoringStatus.BEREAVED: gettext_lazy("bereaved"),
    MentoringStatus.ENDED: gettext_lazy("ended"),
}


@register.filter
def day(on: date) -> str:
    """Return "9 November 2026"."""
    return f"{on.day} {MONTHS[on.month]} {on.year}"


def short_day(on: date, today: date) -> str:
    """Return "Monday 9 November", with the year where it is another."""
    words = f"{WEEKDAYS[on.weekday()]} {on.day} {MONTHS[on.month]}"
    return words if on.year == today.year else f"{words} {on.year}"


def plain_day(on: date, today: date) -> str:
    """Return "9 November", with the year where it is another."""
    return f"{on.day} {MONTHS[on.month]}" if on.year == today.year else day(on)


def near_day(on: date, today: date) -> str:
    """Return "today", "tomorrow", "yesterday", or the day as ``short_day`` gives it."""
    near = {0: _("today"), 1: _("tomorrow"), -1: _("yesterday")}
    return near.get((on - today).days) or short_day(on, today)


@register.filter
def clock(at: datetime) -> str:
    """Return the local time of day of an instant: "2pm", "10:30am", "midday"."""
    local = at.astimezone(LOCAL)
    if (local.hour, local.minute) == (12, 0):
        return _("midday")
    minutes = f":{local.minute:02d}" if local.minute else ""
    return f"{(local.hour - 1) % 12 + 1}{minutes}{'am' if local.hour < 12 else 'pm'}"


def moment(at: datetime, today: date) -> str:
    """Return "today at 2pm" or "Monday 9 November at 10:30am", local."""
    return _("%(day)s at %(time)s") % {"day": near_day(local_date(at), today), "time": clock(at)}


@register.filter
def stamp(at: datetime) -> str:
    """Return "9 November 2026, 10:30am", local."""
    return f"{day(local_date(at))}, {clock(at)}"


@register.filter
def interval(every_days: int) -> str:
    """Return "every week", "every 2 weeks" or "every 10 days"."""
    if every_days % 7:
        return ngettext("every day", "every %(count)s days", every_days) % {"count": every_days}
    weeks = every_days // 7
    return ngettext("every week", "every %(count)s weeks", weeks) % {"count": weeks}


def sentence(text: str) -> str:
    """Return ``text`` with a capital at its front."""
    return text[:1].upper() + text[1:]


@register.filter
def telephone(number: str) -> str:
    """Return a number as it is read out, or as it was typed where it is none."""
    try:
        return readable(number)
    except NumberParseException:
        return number


@register.filter
def mentoring_word(status: MentoringStatus) -> str:
    """Return her mentoring status as her midwife reads it."""
    return str(MENTORING_WORDS[status])


def own_mentoring_word(status: MentoringStatus, *, held: bool) -> str:
    """Return her mentoring status as her lay-worker reads it: of a hold no more than that it is one, or that it ended."""
    if status is MentoringStatus.BEREAVED and not held:
        return _("support, as agreed with her midwife")
    held_words = set(HELD.values()) - {MentoringStatus.ENDED}
    return _("on hold") if status in held_words else mentoring_word(status)


# On every screen a termination is a loss (domain.md section 8); its code stands in the record alone.
LOSS_WORDS = {Loss.Kind.TERMINATION: gettext_lazy("a loss"), Loss.Kind.NOT_SAID: gettext_lazy("a loss")}


def baby_words(baby: Baby) -> str:
    """Return a baby's name, or which of them it is."""
    return baby.name or _("baby %(order)s, no name recorded") % {"order": baby.order}


def loss_words(loss: Loss) -> dict[str, Any]:
    """Return a loss as her midwife reads it: what, when, of which baby, who recorded it, and who took it back and why."""
    what = str(LOSS_WORDS.get(loss.kind) or loss.get_kind_display())  # type: ignore[call-overload]  # a code of them
    if loss.baby is not None and loss.baby.name:
        what = _("%(what)s: %(name)s") % {"what": what, "name": loss.baby.name}
    undone = ""
    if loss.undone_at is not None and loss.undone_by is not None:
        undone = _("%(when)s by %(who)s: %(why)s") % {
            "when": stamp(loss.undone_at),
            "who": loss.undone_by.name,
            "why": loss.undone_reason,
        }
    return {
        "pk": loss.pk,
        "what": sentence(what),
        "on": day(loss.happened_on) if loss.happened_on else "",
        "recorded": _("%(when)s by %(who)s") % {"when": stamp(loss.recorded_at), "who": loss.recorded_by.name},
        "undone": undone,
    }


@register.filter
def mode_word(code: str) -> str:
    return str(Mode(code).label)


@register.filter
def outcome_word(code: str) -> str:
    return str(Outcome(code).label)


def stop_words(advice: CallAdvice) -> str:
    """Return why she may not be rung at all, or nothing."""
    return {
        Calling.NEVER_ASKED: _("Do not ring. She has not been asked what is safe. Ask your midwife."),
        Calling.SUSPENDED: _(
            "Do not ring or text. It was not safe to talk. Your midwife will say when it is safe again."
        ),
        Calling.NO_SAFE_NUMBER: _("Do not ring. She has given no number that is safe to call."),
    }.get(advice.calling, "")


def ask_again_words(advice: CallAdvice) -> str:
    """Return that her sheet is old, or nothing."""
    return _("It is more than 12 weeks since she said what is safe. Do not text.") if advice.ask_again else ""


def next_safe_words(advice: CallAdvice, today: date) -> str:
    """Return when she may next be rung, or nothing where it is now or never."""
    if advice.calling is not Calling.LATER:
        return ""
    return moment(advice.next_at, today) if advice.next_at else _("not in her safe hours")


def shows_number(card: Card) -> bool:
    """Return whether her card has a button that rings her."""
    return card.advice.number is not None and not card.speak_to_midwife


def card_words(card: Card, *, today: date) -> dict[str, Any]:
    """Return what ``components/mother_card.html`` expects."""
    stop = stop_words(card.advice)
    notes = []
    if card.agreed:
        notes.append(_("Agreed: %(when)s.") % {"when": agreed_words(card.agreed, today=today)})
    if card.covered_by and card.covered_until_on:
        notes.append(
            _("%(name)s covers until %(day)s.")
            % {"name": card.covered_by, "day": short_day(card.covered_until_on, today)}
        )
    if card.paired_on is None:
        notes.append(_("You are covering."))
    return {
        "name": card.name,
        "code": card.code,
        "href": reverse("mother-detail", args=[card.code]),
        "kind": card.status if card.status in {"overdue", "due"} else "",
        "tag": status_word(card.status) if card.status else "",
        "tag_colour": status_colour(card.status) if card.status else "",
        "due": _due_words(card, today),
        "why": _why_words(card, today),
        "safe": _safe_words(card, stop),
        "safe_stop": bool(stop) or card.speak_to_midwife,
        "call_href": f"tel:{card.advice.number}" if shows_number(card) else "",
        "next_safe": "" if card.speak_to_midwife else next_safe_words(card.advice, today),
        "log_href": reverse("contact-log", args=[card.code]),
        "note": " ".join(notes),
    }


def cards_words(cards: Iterable[Card], *, today: date, shared: set[str]) -> list[dict[str, Any]]:
    """Return cards in words; those whose name another mother ``shared`` too carry the programme code, to tell them apart."""
    words = [card_words(card, today=today) for card in cards]
    return [card | {"name": f"{card['name']} ({card['code']})"} if card["name"] in shared else card for card in words]


def _safe_words(card: Card, stop: str) -> str:
    if card.speak_to_midwife:
        return _("Speak to your midwife before ringing.")
    return stop or " ".join(words for words in (_ask_again_short(card.advice), card.what_to_do) if words)


def _ask_again_short(advice: CallAdvice) -> str:
    return _("Ask again what is safe: more than 12 weeks have passed.") if advice.ask_again else ""


def _due_words(card: Card, today: date) -> str:
    if card.due_on is None or card.last_open_on is None:
        return ""
    if card.status == "overdue":
        if card.last_open_on == today:
            return _("Was due %(due)s. Today is the last day.") % {"due": near_day(card.due_on, today)}
        return _("Was due %(due)s. There is time until %(last)s.") % {
            "due": near_day(card.due_on, today),
            "last": near_day(card.last_open_on, today),
        }
    return _("Due %(due)s.") % {"due": near_day(card.due_on, today)}


def _why_words(card: Card, today: date) -> str:
    if card.last_spoke_on is None and card.status:
        if not card.tries or card.last_try_on is None:
            return _("First contact. Not tried yet.")
        tried = ngettext("tried once", "tried %(count)s times", card.tries) % {"count": card.tries}
        return _("First contact: %(tried)s, last %(day)s.") % {"tried": tried, "day": near_day(card.last_try_on, today)}
    if card.every_days is None:
        return ""
    every = sentence(interval(card.every_days))
    if card.last_spoke_on is None:
        return f"{every}."
    return _("%(every)s, last spoke %(day)s.") % {"every": every, "day": near_day(card.last_spoke_on, today)}


def other_words(card: Card, *, today: date) -> dict[str, Any]:
    """Return one line of the list of her other mothers: name, href, and why nothing is due."""
    if card.pause_kind == Pause.Kind.PAUSE:
        state = (
            _("Paused until %(day)s.") % {"day": short_day(card.pause_until_on, today)}
            if card.pause_until_on
            else _("Paused.")
        )
    elif card.pause_kind:
        state = _("On hold. Speak to your midwife before ringing.")
    elif card.status == "upcoming" and card.due_on is not None:
        state = _("Next due %(day)s.") % {"day": short_day(card.due_on, today)}
    else:
        state = _("Nothing planned.")
    return {"name": card.name, "href": reverse("mother-detail", args=[card.code]), "state": state, "code": card.code}


def agreed_words(agreed: Agreed, *, today: date) -> str:
    """Return "tomorrow at 2pm, home visit"."""
    return f"{moment(agreed.starts_at, today)}, {mode_word(agreed.mode)}"


def agreed_line(agreed: Agreed, *, today: date) -> dict[str, Any]:
    """Return one line of the list of agreed times: name, href, when, place."""
    return {
        "name": agreed.name,
        "href": reverse("mother-detail", args=[agreed.code]),
        "when": sentence(agreed_words(agreed, today=today)),
        "place": agreed.place,
        "code": agreed.code,
    }


def sheet_words(page: Page, *, today: date, may_ring: bool) -> dict[str, Any]:
    """Return what ``components/safe_contact.html`` expects."""
    facts, advice = page.facts, page.advice
    lines = []
    for number in facts["numbers"]:
        safe = [
            words
            for words, holds in (
                (_("call"), number["call"]),
                (_("text"), number["text"] and not advice.ask_again),
                (_("voicemail"), number["voicemail"]),
            )
            if holds and advice.calling is not Calling.SUSPENDED
        ]
        words = _("safe to %(what)s") % {"what": ", ".join(safe)} if safe else _("do not ring or text")
        lines.append({"label": readable(number["number"]), "text": words})
    for label, text in (
        (
            _("Safe times"),
            hours_words(page.hours) or _("she named none, so %(hours)s") % {"hours": hours_words(ORDINARY_HOURS)},
        ),
        (_("What to do"), facts["person__safe_contact__what_to_do"]),
        (_("The number she will see"), facts["person__safe_contact__number_she_will_see"]),
        (_("Asked on"), _asked_words(facts)),
        (_("Language"), _language_words(facts)),
    ):
        if text:
            lines.append({"label": label, "text": text})
    ringing = may_ring and not page.speak_to_midwife
    return {
        "name_to_use": facts["person__name_to_use"],
        "lines": lines,
        "if_answered": facts["person__safe_contact__if_someone_else_answers"] or "",
        "stop": _("Speak to your midwife before ringing.")
        if page.speak_to_midwife and may_ring
        else stop_words(advice),
        "ask_again": ask_again_words(advice),
        "call_href": f"tel:{advice.number}" if advice.number and ringing else "",
        "call_text": _("Call %(number)s") % {"number": readable(advice.number)} if advice.number else "",
        "next_safe": next_safe_words(advice, today) if ringing else "",
    }


def _asked_words(facts: Mapping[str, Any]) -> str:
    asked_on = facts["person__safe_contact__asked_on"]
    if asked_on is None:
        return _("never")
    alone = {True: _("she was alone"), False: _("she was not alone")}.get(facts["person__safe_contact__was_alone"])
    return f"{day(asked_on)}, {alone}" if alone else day(asked_on)


def _language_words(facts: Mapping[str, Any]) -> str:
    if facts["person__interpreter_needed"]:
        return _("%(language)s, with an interpreter") % {"language": facts["person__language"]}
    return "" if facts["person__language"] == "English" else str(facts["person__language"])


def hours_words(hours: Iterable[SafeHours]) -> str:
    """Return "Monday to Friday 10am to 2pm; Saturday 9am to midday"."""
    return "; ".join(
        f"{_weekdays(safe.weekdays)} {_time(safe.from_time)} {_('to')} {_time(safe.to_time)}" for safe in hours
    )


def _time(at: Any) -> str:
    return clock(datetime.combine(date(2000, 1, 3), at, LOCAL))


def _weekdays(weekdays: Iterable[int]) -> str:
    """Return days in runs: 1, 2, 3, 5 is "Mon to Wed, Fri"."""
    runs = []
    for _key, run in groupby(enumerate(sorted(weekdays)), key=lambda pair: pair[1] - pair[0]):
        days = [WEEKDAYS_ABBR[number - 1] for _place, number in run]
        runs.append(str(days[0]) if len(days) == 1 else f"{days[0]} {_('to')} {days[-1]}")
    return ", ".join(runs)


def entry_words(entry: Mapping[str, Any], *, user_id: int, is_midwife: bool) -> dict[str, Any]:
    """Return what ``components/timeline.html`` expects of one log entry; both dates of a late or corrected one.

    How she felt after it, and *please ring me*, are for her midwife and herself (domain.md section 5).
    """
    mine = entry["entered_by"] == user_id
    lines = []
    if entry["minutes"]:
        lines.append(ngettext("%(count)s minute", "%(count)s minutes", entry["minutes"]) % {"count": entry["minutes"]})
    if entry["present"]:
        lines.append(_("With %(who)s.") % {"who": _listed(Who, entry["present"])})
    if entry["concern"] not in {"", "none"}:
        lines.append(_("A concern: %(answer)s.") % {"answer": Concern(entry["concern"]).label})
    if entry["helped_by"]:
        lines.append(_("Helped: %(who)s.") % {"who": _listed(Who, entry["helped_by"])})
    if entry["hindered_by"]:
        lines.append(_("Hindered: %(who)s.") % {"who": _listed(Who, entry["hindered_by"])})
    if entry["topics"]:
        lines.append(_("Talked about %(topics)s.") % {"topics": _listed(Topic, entry["topics"])})
    if entry["offered"]:
        taken = {True: _("taken up"), False: _("not taken up")}.get(entry["taken_up"])
        lines.append(_("Offered: %(what)s") % {"what": entry["offered"]} + (f" ({taken})" if taken else ""))
    if entry["note"]:
        lines.append(entry["note"])
    if mine or is_midwife:
        if entry["feeling"]:
            lines.append(_("How it felt after: %(mark)s of 5.") % {"mark": entry["feeling"]})
        if entry["please_ring_me"]:
            lines.append(_("Asked the midwife to ring."))
    if local_date(entry["entered_at"]) != local_date(entry["happened_at"]):
        lines.append(_("Entered on %(day)s.") % {"day": day(local_date(entry["entered_at"]))})
    for correction in entry["corrections_made"]:
        lines.append(_corrected(correction))
    words: dict[str, Any] = {
        "what": _("%(outcome)s, %(mode)s")
        % {"outcome": sentence(outcome_word(entry["outcome"])), "mode": mode_word(entry["mode"])},
        "at": stamp(entry["happened_at"]),
        "iso": entry["happened_at"].astimezone(LOCAL).isoformat(),
        "by": entry["entered_by__name"],
        "lines": lines,
        "href": "",
    }
    if entry["voided_at"]:
        words["void"] = _("on %(day)s by %(who)s: %(why)s") % {
            "day": day(local_date(entry["voided_at"])),
            "who": entry["voided_by__name"],
            "why": entry["voided_reason"],
        }
    elif entry["made_due_on"]:
        words["tag"] = _("Made: due %(day)s") % {"day": day(entry["made_due_on"])}
        words["tag_colour"] = "green"
    return words | {"mine": mine and not entry["voided_at"]}


def _corrected(correction: Mapping[str, Any]) -> str:
    was = correction["was"]
    before = ""
    if was.get("happened_at"):
        before = _(" It said %(when)s before.") % {"when": stamp(datetime.fromisoformat(was["happened_at"]))}
    elif was.get("outcome"):
        before = _(" It said “%(what)s” before.") % {"what": outcome_word(was["outcome"])}
    return (
        _("Corrected on %(day)s by %(who)s: %(why)s.")
        % {
            "day": day(local_date(datetime.fromisoformat(correction["at"]))),
            "who": correction["by"],
            "why": correction["reason"].rstrip("."),
        }
        + before
    )


def _listed(choices: Any, codes: Iterable[str]) -> str:
    return ", ".join(str(choices(code).label) for code in codes)


def saved_words(recorded: Any, *, today: date, sees_plan: bool) -> str:
    """Return what a saved entry changed: "Fortnight of 9 November: done. Next due 23 November."""
    if not sees_plan:
        return _("Saved.")
    parts = []
    fulfilled, following = recorded.fulfilled, recorded.next_planned
    if not recorded.is_new:
        parts.append(_("This entry was saved already."))
    if fulfilled is not None:
        days = (following.due_on - fulfilled.due_on).days if following is not None else 0
        done = {7: _("Week of %(day)s: done."), 14: _("Fortnight of %(day)s: done.")}.get(
            days, _("Contact due %(day)s: done.")
        )
        parts.append(done % {"day": plain_day(fulfilled.due_on, today)})
    elif recorded.is_new:
        parts.append(_("Saved: %(what)s.") % {"what": outcome_word(recorded.contact.outcome)})
    if following is not None:
        still = fulfilled is None and following.opens_on <= today
        words = _("Still due %(day)s.") if still and following.due_on >= today else _("Next due %(day)s.")
        words = _("Still to do: was due %(day)s.") if still and following.due_on < today else words
        parts.append(words % {"day": plain_day(following.due_on, today)})
    return " ".join(parts)


def difference_words(preview: Preview, *, open_due_dates: Iterable[date], today: date) -> dict[str, Any]:
    """Return what ``components/plan_difference.html`` expects; long lists are cut to their first dates and a count."""
    difference = preview.difference
    withdrawn = [window.due_on for window in difference.withdrawn]
    added = [window.due_on for window in difference.added]
    standing = sorted({*open_due_dates, *added} - set(withdrawn))
    changes = [{"kind": "removed", "text": text} for text in _dates(withdrawn, today)]
    changes += [{"kind": "added", "text": text} for text in _dates(added, today)]
    changes += [{"kind": "moved", "text": text} for text in _windows(difference.changed, today)]
    for appointment in preview.appointments_withdrawn:
        changes.append(
            {
                "kind": "removed",
                "text": _("the time agreed for %(when)s") % {"when": moment(appointment.starts_at, today)},
            }
        )
    if preview.messages_withdrawn:
        changes.append(
            {
                "kind": "message",
                "text": ngettext(
                    "%(count)s reminder to you is taken back",
                    "%(count)s reminders are taken back",
                    preview.messages_withdrawn,
                )
                % {"count": preview.messages_withdrawn},
            }
        )
    if changes and difference.unchanged_count:
        changes.append(
            {
                "kind": "kept",
                "text": ngettext(
                    "%(count)s contact as it is", "%(count)s contacts as they are", difference.unchanged_count
                )
                % {"count": difference.unchanged_count},
            }
        )
    return {
        "changes": changes,
        "next_due": _next_dates(standing, today),
        "unchanged": not changes,
    }


def _dates(dates: list[date], today: date) -> list[str]:
    listed = [short_day(on, today) for on in dates[:DATES_LISTED]]
    more = len(dates) - DATES_LISTED
    if more > 0:
        listed.append(
            ngettext("and %(count)s more, up to %(day)s", "and %(count)s more, up to %(day)s", more)
            % {"count": more, "day": day(dates[-1])}
        )
    return listed


def _next_dates(dates: list[date], today: date) -> str:
    if not dates:
        return _("nothing more is planned")
    following = ", ".join(plain_day(on, today) for on in dates[1:3])
    first = short_day(dates[0], today)
    return _("%(first)s, then %(following)s") % {"first": first, "following": following} if following else first


def _windows(changed: Sequence[tuple[Any, Any]], today: date) -> list[str]:
    """Return each window that opens or closes on another day; where there are many, how many."""
    if len(changed) > DATES_LISTED // 2:
        words = _("%(count)s contacts keep their day; there is more or less time around it")
        return [words % {"count": len(changed)}]
    return [_window_words(now, today) for _was, now in changed]


def _window_words(now: Any, today: date) -> str:
    one_day = timedelta(days=1)
    return _("contact due %(due)s: open from %(opens)s to %(closes)s") % {
        "due": short_day(now.due_on, today),
        "opens": short_day(now.opens_on, today),
        "closes": short_day(now.closes_on - one_day, today),
    }
