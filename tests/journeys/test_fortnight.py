"""A lay-worker's whole fortnight as one journey: after each step her pages and the outbox are as domain.md says.

The rules are those of its sections 4 and 7; the days stand round the change of the clocks on 25 October 2026.
"""

from collections.abc import Iterator
from datetime import date, time
from typing import Any

import pytest
import time_machine

from mentoring.models import LayWorker, Mother
from mentoring.tasks import top_up_messages
from outbox.models import Message
from outbox.tasks import deliver_due_messages
from people.rules.local_time import LOCAL, local_instant
from tests.factories import make_lay_worker, make_midwife
from tests.journeys.conftest import Visitor
from tests.services.post import Server, smtp_server

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]

# Each list under its heading: a card's tag, then its sentences. What an empty day says, with nothing under it.
TODAY = """() => Object.fromEntries([
  ...[...document.querySelectorAll('.app-empty > :first-child')].map((words) => [words.innerText, []]),
  ...[...document.querySelectorAll('main h2')].map((heading) => {
    let list = heading.nextElementSibling
    while (list.tagName !== 'UL') list = list.nextElementSibling
    return [heading.innerText, [...list.children].map((card) => {
      const said = [...card.querySelectorAll('.nhsuk-tag, p')].map((part) => part.innerText.trim())
      return said.length ? said : [card.innerText.trim()]
    })]
  })
])"""
# Under "Next", the rows of the strip's table, and the timeline with its tags.
MOTHER = """() => {
  const plain = (node) => node.textContent.replace(/\\s+/g, ' ').trim()
  const next = []
  let part = [...document.querySelectorAll('main h2')].find((heading) => heading.innerText === 'Next').nextElementSibling
  for (; !part.matches('.app-tap-list'); part = part.nextElementSibling) next.push(plain(part))
  const rows = [...document.querySelectorAll('.app-strip tbody tr')]
  const entries = [...document.querySelectorAll('.app-timeline > li')]
  return {
    next,
    strip: rows.map((row) => [...row.cells].map(plain)),
    log: entries.map((entry) => [...entry.querySelectorAll('h3, .nhsuk-tag')].map(plain)),
  }
}"""
SAFE = "Ring twice, then wait."


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(local_instant(date(2026, 10, 23), time(10)), tick=False) as moved:
        yield moved


@pytest.fixture
def post(settings: Any) -> Iterator[Server]:
    with smtp_server(settings) as server:
        yield server


@pytest.fixture
def lay_worker(clock: Any) -> LayWorker:
    midwife = make_midwife(name="Mo Midwife", phone="+442890000001")
    return make_lay_worker(supervisor=midwife, name="Lee Layworker", email="lee@example.org")


def tick() -> int:
    """What beat does: write what has come into the horizon, send what is due. Returns how many reminders went."""
    sent = Message.objects.filter(subject__isnull=False, status="sent")
    before = sent.count()
    top_up_messages()
    deliver_due_messages()
    return sent.count() - before


def reminders() -> dict[str, list[str]]:
    """Return each reminder in both its channels, with all that became of it: queued for when, sent, or cancelled and why.

    The digest of the day is about no mother and is looked at elsewhere.
    """
    rows = Message.objects.filter(subject__isnull=False).order_by("subject_due_on", "-kind", "id")
    found: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        key = row.kind.removeprefix("contact_")
        if row.subject_due_on is not None:
            key = f"{key} {row.subject_due_on:%-d %b}"
        became = {
            "queued": f"queued {row.due_at.astimezone(LOCAL):%-d %b %H:%M}",
            "cancelled": f"cancelled: {row.why}",
        }.get(row.status, row.status)
        found.setdefault(key, {}).setdefault(row.channel, []).append(became)
    for key, channels in found.items():
        assert channels["email"] == channels["in_app"], key
    return {key: channels["email"] for key, channels in found.items()}


class Fortnight:
    """The lay-worker at her window, the mother she is with, the clock and the post."""

    def __init__(self, visitor: Visitor, lay_worker: LayWorker, clock: Any) -> None:
        self.visitor, self.lay_worker, self.clock = visitor, lay_worker, clock
        self.code = ""

    def at(self, month: int, day: int, hour: int = 10, minute: int = 0) -> Visitor:
        """She has signed in at this local time."""
        self.clock.move_to(local_instant(date(2026, month, day), time(hour, minute)))
        return self.visitor.signs_in(self.lay_worker.user)

    def today(self) -> dict[str, list[list[str]]]:
        """Return her Today as it is now; axe looks at it elsewhere."""
        self.visitor.page.goto(f"{self.visitor.base}/today/")
        return dict(self.visitor.page.evaluate(TODAY))

    def letters(self, post: Server) -> list[str]:
        """Return the subjects of the letters about her that came, in order."""
        return [str(letter["Subject"]) for letter in post.letters if self.code in str(letter["Subject"])]

    def mother(self) -> dict[str, Any]:
        """Return the mother's page as it is now; axe looks at it elsewhere."""
        self.visitor.page.goto(f"{self.visitor.base}/mothers/{self.code}/")
        return dict(self.visitor.page.evaluate(MOTHER))

    def chooses(self, what: str) -> Visitor:
        """From the mother's page to one of the changes of her plan."""
        self.visitor.opens(f"/mothers/{self.code}/").taps("Fewer, more, pause")
        return self.visitor.taps(what)


def test_a_fortnight_from_pairing_to_birth(visitor: Visitor, lay_worker: LayWorker, clock: Any, post: Server) -> None:
    she = Fortnight(visitor, lay_worker, clock)

    # Friday 23 October: the midwife registers Zia at her first visit and pairs her with Lee.
    visitor.signs_in(lay_worker.supervisor.user).opens("/caseload/").taps("Register a mother")
    visitor.types(first_name="Zia", family_name="Invented", date_of_birth_0="4", date_of_birth_1="5")
    visitor.types(date_of_birth_2="2003", starts_on_0="23", starts_on_1="10", starts_on_2="2026")
    visitor.types(edd_0="27", edd_1="11", edd_2="2026", phone_1="07700 900123", what_to_do=SAFE)
    visitor.page.select_option('[name="locality"]', label="Riverside")
    visitor.marks("She says it is safe to", "ring").marks("Was she alone when you asked?", "Yes")
    visitor.taps("Register her").sees("Find a lay-worker for Zia").marks("Lee Layworker").taps("Pair them")
    visitor.sees("They are paired.")
    she.code = Mother.objects.get().programme_code

    she.at(10, 23)
    assert she.today() == {
        "First contact to make (1)": [["Due now", "Due today.", "First contact. Not tried yet.", SAFE]]
    }
    every_fortnight = [
        ["6 November 2026", "30 Oct to 12 Nov 2026", "Coming up"],
        ["20 November 2026", "13 Nov to 26 Nov 2026", "Coming up"],
        ["4 December 2026", "27 Nov to 10 Dec 2026", "Coming up"],
        ["18 December 2026", "11 Dec to 24 Dec 2026", "Coming up"],
    ]
    assert she.mother() == {
        "next": ["Due: Today Due now Every 2 weeks", "No day and time agreed yet."],
        "strip": [["23 October 2026", "23 Oct to 29 Oct 2026", "Due now"], *every_fortnight],
        "log": [],
    }
    visitor.sees("Safe contact", "07700 900123: safe to call", "Nothing is logged yet.")
    # Nothing before the pairing, nothing more than 28 days ahead. The pairing itself is told at once.
    assert reminders() == {
        "new_pairing": ["queued 23 Oct 10:00"],
        "no_attempt_yet": ["queued 26 Oct 09:00"],
        "baby_expected": ["queued 13 Nov 09:00"],
        "overdue 23 Oct": ["queued 26 Oct 09:00"],
        "coming_up 6 Nov": ["queued 4 Nov 09:00"],
        "overdue 6 Nov": ["queued 9 Nov 09:00"],
        "coming_up 20 Nov": ["queued 18 Nov 09:00"],
    }

    assert tick() == 2
    assert she.letters(post) == [f"{she.code}: you are her lay-worker now"]

    # Monday 26 October, the clocks gone back: three days after the due date at nine, the reminder, once in each channel;
    # and three after the pairing, with no try yet, another.
    she.at(10, 26, 8, 59)
    assert tick() == 0
    she.at(10, 26, 9)
    assert tick() == 4
    assert tick() == 0
    told = {"new_pairing": ["sent"], "no_attempt_yet": ["sent"]}
    in_horizon = {
        "baby_expected": ["queued 13 Nov 09:00"],
        "coming_up 6 Nov": ["queued 4 Nov 09:00"],
        "overdue 6 Nov": ["queued 9 Nov 09:00"],
        "coming_up 20 Nov": ["queued 18 Nov 09:00"],
        "overdue 20 Nov": ["queued 23 Nov 09:00"],
    }
    assert reminders() == {**told, "overdue 23 Oct": ["sent"], **in_horizon}
    assert sorted(she.letters(post)[1:]) == [
        f"{she.code}: contact of 23 October not made yet",
        f"{she.code}: first contact not tried yet",
    ]
    [letter] = [letter for letter in post.letters if "not made yet" in letter["Subject"]]
    assert letter["To"] == "lee@example.org"
    assert letter["Subject"] == f"{she.code}: contact of 23 October not made yet"
    assert "Zia" not in letter.as_string()
    visitor.opens("/messages/").sees("New", f"{she.code}: contact of 23 October not made yet", "26 October 2026, 09:00")
    visitor.page.get_by_text("Why did I get this?").first.click()
    visitor.sees("You get this three days after a planned contact while its window is open.")
    visitor.taps(f"Open: {she.code}: contact of 23 October not made yet", "link")
    assert visitor.page.inner_text("h1").startswith("Zia")
    visitor.opens("/messages/").taps("Mark all as read").does_not_see("New")

    # No answer, on Monday and on Tuesday: three taps each, counted as work done, nothing sent for it.
    for on, tried, log in (
        (26, "First contact: tried once, last today.", [["No answer, phone call"]]),
        (27, "First contact: tried 2 times, last today.", [["No answer, phone call"], ["No answer, phone call"]]),
    ):
        she.at(10, on)
        visitor.opens("/today/").taps("Log Zia", "link").taps("No answer").taps("Save")
        assert visitor.taps_made == 3
        visitor.sees("Saved: no answer. Still to do: was due 23 October.")
        assert she.today() == {
            "First contact to make (1)": [
                ["Overdue", "Was due Friday 23 October. There is time until Thursday 29 October.", tried, SAFE]
            ]
        }
        assert she.mother() == {
            "next": ["Due: Friday 23 October Overdue Every 2 weeks", "No day and time agreed yet."],
            "strip": [["23 October 2026", "23 Oct to 29 Oct 2026", "Overdue"], *every_fortnight],
            "log": log,
        }
        assert tick() == 0
        assert reminders() == {**told, "overdue 23 Oct": ["sent"], **in_horizon}

    # Wednesday: reached. The window of the 23rd is made, the next time is agreed on the spot.
    she.at(10, 28)
    visitor.opens("/today/").taps("Log Zia", "link").taps("Yes, by phone")
    visitor.marks("How many minutes?", "20").marks("Who else was there?", "Nobody else")
    visitor.marks("Did anything worry you?", "No").marks("Next time", "We agreed a day and time: I enter it next")
    visitor.marks("I said what a mentor is, and is not").marks("She told it back in her own words").taps("Save")
    visitor.sees("Fortnight of 23 October: done. Next due 6 November.", "Agree the next time")
    visitor.types(on_0="6", on_1="11", on_2="2026", at="14:00").marks("How?", "Home visit").taps("Save this time")
    visitor.sees("Agreed: Friday 6 November at 2pm, home visit.")
    agreed = "Agreed: Friday 6 November at 2pm, home visit."
    line = "Friday 6 November at 2pm, home visit: Zia"
    assert she.today() == {
        "Nothing is due today": [],
        "Coming up (1)": [["Coming up", "Due Friday 6 November.", "Every 2 weeks, last spoke today.", SAFE, agreed]],
        "Agreed times in the next two weeks": [[line]],
    }
    log = [["Reached, phone call", "Made: due 23 October 2026"], ["No answer, phone call"], ["No answer, phone call"]]
    made = ["23 October 2026", "23 Oct to 29 Oct 2026", "Made"]
    assert she.mother() == {
        "next": [
            "Due: Friday 6 November Coming up Every 2 weeks",
            f"{agreed} Call off Friday 6 November at 2pm, home visit",
        ],
        "strip": [made, *every_fortnight, ["1 January 2027", "25 Dec to 7 Jan 2027", "Coming up"]],
        "log": log,
    }
    agreed_for_sixth = {"appointment_tomorrow 6 Nov": ["queued 5 Nov 17:00"]}
    assert reminders() == {**told, "overdue 23 Oct": ["sent"], **in_horizon, **agreed_for_sixth}

    # Friday 30 October: she asks for four-weekly. The 6th is taken out with its reminders, the visit of the 6th stays:
    # it lies in the window of the 20th, which opens where the one before it closed.
    she.at(10, 30)
    she.chooses("Fewer or more contacts").marks("Every 4 weeks").marks("She asked me").taps("Show what will move")
    visitor.sees("Next due: Friday 20 November, then 18 December, 15 January 2027")
    visitor.sees("Taken out: Friday 6 November", "Reminder: 2 reminders are taken back")
    visitor.does_not_see("Taken out: the time agreed")
    visitor.taps("Save").sees("The plan has changed. Next due 20 November.")
    last_spoke = "Every 4 weeks, last spoke Wednesday 28 October."
    assert she.today() == {
        "Due now (1)": [["Due now", "Due Friday 20 November.", last_spoke, SAFE, agreed]],
        "Agreed times in the next two weeks": [[line]],
    }
    four_weekly = [
        ["18 December 2026", "4 Dec to 31 Dec 2026", "Coming up"],
        ["15 January 2027", "1 Jan to 28 Jan 2027", "Coming up"],
        ["12 February 2027", "29 Jan to 25 Feb 2027", "Coming up"],
        ["12 March 2027", "26 Feb to 25 Mar 2027", "Coming up"],
    ]
    assert she.mother() == {
        "next": [
            "Due: Friday 20 November Due now Every 4 weeks",
            f"{agreed} Call off Friday 6 November at 2pm, home visit",
        ],
        "strip": [made, ["20 November 2026", "30 Oct to 3 Dec 2026", "Due now"], *four_weekly],
        "log": log,
    }
    of_the_sixth = {
        **told,
        "overdue 23 Oct": ["sent"],
        "appointment_tomorrow 6 Nov": ["cancelled: withdrawn"],
        "coming_up 6 Nov": ["cancelled: withdrawn"],
        "overdue 6 Nov": ["cancelled: withdrawn"],
    }
    assert reminders() == {
        **of_the_sixth,
        "appointment_tomorrow 20 Nov": ["queued 5 Nov 17:00"],
        "baby_expected": ["queued 13 Nov 09:00"],
        "coming_up 20 Nov": ["queued 18 Nov 09:00"],
        # Its window closes later now, and with it this ends.
        "overdue 20 Nov": ["cancelled: moved", "queued 23 Nov 09:00"],
    }

    # Monday 2 November: a pause of four weeks from tomorrow. It covers the 20th, so the rhythm starts again on its end;
    # the agreed time lies in no window any more. No reminder is due inside a pause.
    she.at(11, 2)
    she.chooses("Pause").marks("She asked me").taps("Show what will move")
    visitor.sees("Next due: Tuesday 1 December, then 29 December, 26 January 2027")
    visitor.sees("Taken out: Friday 20 November", "Taken out: the time agreed for Friday 6 November at 2pm")
    visitor.sees("Reminder: 2 reminders are taken back")
    visitor.taps("Save").sees("Paused.")
    paused_strip = [
        made,
        ["", "3 Nov 2026 until 1 Dec 2026", "Paused"],
        ["1 December 2026", "1 Dec to 14 Dec 2026", "Coming up"],
        ["29 December 2026", "15 Dec to 11 Jan 2027", "Coming up"],
        ["26 January 2027", "12 Jan to 8 Feb 2027", "Coming up"],
        ["23 February 2027", "9 Feb to 8 Mar 2027", "Coming up"],
        ["23 March 2027", "9 Mar to 5 Apr 2027", "Coming up"],
    ]
    of_the_sixth["appointment_tomorrow 20 Nov"] = ["cancelled: paused"]
    withdrawn_once = {
        **of_the_sixth,
        "baby_expected": ["cancelled: paused"],
        "coming_up 20 Nov": ["cancelled: withdrawn"],
        "overdue 20 Nov": ["cancelled: moved", "cancelled: withdrawn"],
    }
    for on, words in ((2, "Next due Tuesday 1 December."), (3, "Paused until Tuesday 1 December.")):
        she.at(11, on)
        assert tick() == 0
        assert she.today() == {"Nothing is due today": [], "Your other mothers": [[words]]}
        assert she.mother()["strip"] == paused_strip
        assert reminders() == withdrawn_once
    assert she.mother()["next"] == [
        "Paused until 1 December 2026.",
        "Due: Tuesday 1 December Coming up Every 4 weeks",
        "No day and time agreed yet.",
    ]

    # Wednesday 4 November: the reminder of the 6th does not come. She wants to go on; the pause had skipped nothing yet.
    she.at(11, 4, 9, 5)
    assert tick() == 0
    she.chooses("Start again").sees("Contact goes on from today.").marks("She asked me").taps("Show what will move")
    visitor.sees("Next due: Friday 20 November, then 18 December, 15 January 2027")
    visitor.taps("Save").sees("Contact goes on. Next due 20 November.")
    assert she.today() == {"Due now (1)": [["Due now", "Due Friday 20 November.", last_spoke, SAFE]]}
    resumed_strip = [
        made,
        ["", "3 Nov 2026 until 4 Nov 2026", "Paused"],
        ["20 November 2026", "4 Nov to 3 Dec 2026", "Due now"],
        *four_weekly,
    ]
    next_after = ["Due: Friday 20 November Due now Every 4 weeks", "No day and time agreed yet."]
    assert she.mother() == {"next": next_after, "strip": resumed_strip, "log": log}
    queued_again = {
        **of_the_sixth,
        "baby_expected": ["cancelled: paused", "queued 13 Nov 09:00"],
        "coming_up 20 Nov": ["cancelled: withdrawn", "queued 18 Nov 09:00"],
        "overdue 20 Nov": ["cancelled: moved", "cancelled: withdrawn", "queued 23 Nov 09:00"],
    }
    assert reminders() == queued_again

    # Friday 6 November: the baby came yesterday. The plan ends on the first birthday; her own rhythm stays.
    she.at(11, 6)
    visitor.opens(f"/mothers/{she.code}/").taps("The baby is here")
    visitor.types(born_on_0="5", born_on_1="11", born_on_2="2026", name_1="Robin").taps("Show what will move")
    visitor.sees(
        "Next due: Friday 20 November, then 18 December, 15 January 2027", "Taken out: Friday 19 November 2027"
    )
    visitor.does_not_see("taken back")
    visitor.taps("Save").sees("The birth is recorded. Next due 20 November.")
    assert she.today() == {"Due now (1)": [["Due now", "Due Friday 20 November.", last_spoke, SAFE]]}
    assert she.mother() == {"next": next_after, "strip": resumed_strip, "log": log}
    visitor.does_not_see("The baby is here", "Due date:")
    of_the_sixth["baby_expected"] = ["cancelled: paused", "cancelled: withdrawn"]
    assert reminders() == {**queued_again, **of_the_sixth}

    # The call about it is a usual one: five taps. It makes the window of the 20th and takes its reminders back.
    she.at(11, 6, 14)
    visitor.opens("/today/").taps("Log Zia", "link").taps("Yes, by phone")
    visitor.marks("How many minutes?", "30").marks("Did anything worry you?", "No").taps("Save")
    assert visitor.taps_made == 5
    visitor.sees("Contact due 20 November: done. Next due 18 December.")
    assert she.today() == {"Nothing is due today": [], "Your other mothers": [["Next due Friday 18 December."]]}
    page = she.mother()
    assert page["next"][0] == "Due: Friday 18 December Coming up Every 4 weeks"
    assert page["strip"][:4] == [
        *resumed_strip[:2],
        ["20 November 2026", "4 Nov to 3 Dec 2026", "Made"],
        four_weekly[0],
    ]
    assert page["log"] == [["Reached, phone call", "Made: due 20 November 2026"], *log]
    made_early = {
        **of_the_sixth,
        "coming_up 20 Nov": ["cancelled: withdrawn", "cancelled: made"],
        "overdue 20 Nov": ["cancelled: moved", "cancelled: withdrawn", "cancelled: made"],
    }
    assert reminders() == made_early

    # Nothing more goes until two days before the next planned contact, at nine.
    for month, day in ((11, 18), (11, 23), (12, 15)):
        she.at(month, day, 9)
        assert tick() == 0
    she.at(12, 16, 9)
    assert tick() == 2
    assert reminders() == {
        **made_early,
        "coming_up 18 Dec": ["sent"],
        "overdue 18 Dec": ["queued 21 Dec 09:00"],
        "coming_up 15 Jan": ["queued 13 Jan 09:00"],
    }
    assert post.letters[-1]["Subject"] == f"{she.code}: contact coming up on 18 December"
    assert len(she.letters(post)) == 4

    # And the midwife sees it too.
    visitor.signs_in(lay_worker.supervisor.user).opens("/caseload/").sees("Zia")
