"""A loss, as her lay-worker records it and her midwife finds it: quiet pages, nothing that hurts, the decision with her."""

from collections.abc import Iterator
from datetime import date, time, timedelta
from typing import Any

import pytest
import time_machine

from mentoring.models import LayWorker, Mother
from outbox.models import Message
from people.models import Loss
from people.rules.local_time import local_instant
from tests.factories import NOW, make_contact, make_lay_worker, make_midwife, make_mother
from tests.journeys.conftest import Visitor

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
HURTS = ("baby", "Baby", "birth", "Due date", "due date", "Due:", "stillb", "Stillb")


@pytest.fixture(autouse=True)
def _clock() -> Iterator[Any]:
    with time_machine.travel(local_instant(date(2026, 10, 23), time(11, 30)), tick=False) as moved:
        yield moved


@pytest.fixture
def lay_worker() -> LayWorker:
    midwife = make_midwife(name="Mo Midwife", phone="+442890000001")
    return make_lay_worker(supervisor=midwife, name="Lee Layworker")


@pytest.fixture
def mother(lay_worker: LayWorker) -> Mother:
    mother = make_mother(
        paired_with=lay_worker,
        starts_on=NOW.date() - timedelta(days=44),
        name_to_use="Ada",
        now=NOW - timedelta(days=44),
    )
    make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW - timedelta(days=15))
    return mother


def test_a_loss_seen_by_lay_worker_and_midwife(visitor: Visitor, lay_worker: LayWorker, mother: Mother) -> None:
    hers = f"/mothers/{mother.programme_code}/"
    # Given her lay-worker, who has just heard: three taps, and she is told what will happen before the last.
    visitor.signs_in(lay_worker.user).opens(hers).taps("We have had a loss")
    visitor.sees("No message about a contact with her leaves after you press this. Her plan is held.")
    visitor.sees("Mo Midwife is told at once.")
    visitor.marks("Stillbirth").taps("Record it")
    # Then her page says whom to speak to, and nothing that hurts.
    assert visitor.taps_made == 3
    visitor.sees("It is recorded.", "Speak to Mo Midwife before you are in touch", "Call Mo Midwife")
    visitor.does_not_see(*HURTS, "Agree the next time", "Fewer, more, pause")
    visitor.opens("/today/").sees("On hold. Speak to your midwife before ringing.").does_not_see(*HURTS, "Overdue")
    # She may log what was said, and is asked nothing of a next time.
    visitor.opens(f"{hers}log/").taps("Yes, by phone").does_not_see("Next time")
    assert Loss.objects.get().recorded_by == lay_worker.user
    waiting = Message.objects.filter(subject=mother.person, status="queued").values_list("kind", flat=True).distinct()
    assert sorted(waiting) == ["alert_loss", "speak_to_midwife"]

    # When her midwife opens the record, she sees what was said and by whom.
    visitor.signs_in(lay_worker.supervisor.user).opens(hers)
    visitor.sees("A loss is recorded", "Stillbirth", "by Lee Layworker", "Decide about support", "It did not happen")
    # And saves what she agreed with her.
    visitor.taps("Decide about support").marks("Contact goes on, as support").marks("Every week")
    visitor.types(
        starts_on_0="30", starts_on_1="10", starts_on_2="2026", ends_on_0="30", ends_on_1="1", ends_on_2="2027"
    )
    visitor.taps("Save this").sees("Support begins on 30 October.", "Mentoring: bereaved")

    # Then contact goes on for her lay-worker, with no word of what was.
    visitor.signs_in(lay_worker.user).opens(hers)
    visitor.sees("Friday 30 October", "support, as agreed with her midwife", "Agree the next time")
    visitor.does_not_see("Speak to Mo Midwife", "baby", "Baby", "birth", "Due date", "Stillb", "a loss")

    # And when it turns out that it did not happen, the plan goes on as before.
    visitor.signs_in(lay_worker.supervisor.user).opens(hers).taps("It did not happen (Stillbirth)", "link")
    visitor.types(reason="The ward took her for another woman").taps("Take the report back")
    visitor.sees("The report is taken back.", "A loss was recorded, and taken back", "Mentoring: active")
    visitor.signs_in(lay_worker.user).opens(hers)
    visitor.sees("Due date:", "The baby is here").does_not_see("taken back", "The ward", "Speak to Mo Midwife")
