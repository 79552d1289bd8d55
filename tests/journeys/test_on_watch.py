"""What needs someone, from the moment it arises to its end: an introduction, an emergency at two in the night, a reply."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from mentoring.models import Alert, Duty, LayWorker, Pairing
from mentoring.services import rota
from mentoring.tasks import pass_alerts_on, sweep_duties
from outbox.models import Inbound, Message
from outbox.tasks import deliver_alerts
from people.models import SafeContact
from people.rules.roles import Role
from tests.factories import make_lay_worker, make_midwife, make_mother, make_user
from tests.journeys.conftest import Visitor

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
# A Friday, half past eleven; that night at two, local. The clocks go back a night later.
DAY = datetime(2026, 10, 23, 10, 30, tzinfo=UTC)
NIGHT = datetime(2026, 10, 24, 1, 0, tzinfo=UTC)
TOKEN = "an-invented-token-for-tests-alone"


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(DAY, tick=False) as moved:
        yield moved


@pytest.fixture
def lay_worker(clock: Any) -> LayWorker:
    midwife = make_midwife(name="Mo Midwife", phone="+442890000001")
    return make_lay_worker(supervisor=midwife, name="Lee Layworker", phone="+447700900555")


def told(user: Any) -> list[str]:
    """Return the kinds of what came to this person in the app, oldest first."""
    rows = Message.objects.filter(recipient_user=user, channel="in_app", status="sent").order_by("sent_at", "pk")
    return [row.kind for row in rows]


def test_an_introduction_from_the_pairing_to_done(visitor: Visitor, lay_worker: LayWorker) -> None:
    mother = make_mother(by=lay_worker.supervisor.user, name_to_use="Ada")
    # Given a midwife who pairs them; then it is on her list at once, with a day.
    visitor.signs_in(lay_worker.supervisor.user).opens(f"/mothers/{mother.programme_code}/pair/")
    visitor.marks("Lee Layworker").taps("Pair them").opens("/worklist/").sees("Introduce them", "Ada", "due 28 October")
    # When she has rung them both, and says so.
    visitor.taps("Introduce them Ada", "link").sees("you have not introduced them yet")
    visitor.marks("On the telephone, all three").taps("They are introduced")
    visitor.sees("Introduced. Her lay-worker may ring her from now on.", "Nothing waits for you")
    # Then nothing raises it again, and her lay-worker is asked for a try two days after.
    sweep_duties()
    visitor.opens("/worklist/").sees("Nothing waits for you")
    assert Pairing.objects.get().introduced_how == "joint_call"
    asked = Message.objects.get(kind="no_attempt_yet", channel="in_app", status="queued")
    assert asked.nominal_on == DAY.date() + timedelta(days=2)


def test_an_emergency_at_two_in_the_night_goes_to_the_rota_and_then_to_its_second(
    visitor: Visitor, lay_worker: LayWorker, clock: Any
) -> None:
    mother = make_mother(paired_with=lay_worker, name_to_use="Ada")
    on_duty, second = make_midwife(name="Dee Duty").user, make_midwife(name="Sal Second").user
    rota.name(
        on_duty=on_duty, second=second, starts_at=DAY, ends_at=DAY + timedelta(days=7), by=make_user(Role.LEAD), now=DAY
    )
    clock.move_to(NIGHT)
    pass_alerts_on()
    # Given a lay-worker who is frightened for her.
    visitor.signs_in(lay_worker.user).opens(f"/mothers/{mother.programme_code}/").taps("I'm worried")
    visitor.does_not_see("Nobody is watching").marks("Now: someone is in danger").types(text="He is at the door")
    visitor.taps("Tell the midwife").sees("Ring 999 now")
    deliver_alerts()
    assert (told(on_duty), told(second)) == (["alert_concern_emergency"], [])
    # When whoever is on duty sleeps through it for a quarter of an hour.
    clock.move_to(NIGHT + timedelta(minutes=15))
    pass_alerts_on()
    deliver_alerts()
    assert told(second) == ["alert_concern_emergency"]
    # Then the second opens it, says that she has it, and reads what she needs.
    visitor.signs_in(second).opens("/messages/").sees(f"{mother.programme_code}: a concern, an EMERGENCY")
    visitor.taps(f"Open: {mother.programme_code}: a concern, an EMERGENCY", "link").does_not_see("Ada", "at the door")
    visitor.sees("It is with you.", "it goes on to the programme lead today at 2:30am").taps("I have this")
    visitor.sees("He is at the door", "Call Lee Layworker").taps("Open her record", "link").sees("Ada", "Safe contact")
    # The first, woken late, sees who has it; nobody else is woken.
    visitor.signs_in(on_duty).opens("/worklist/").sees("Someone has it", "It is with Sal Second.")
    clock.move_to(NIGHT + timedelta(hours=2))
    pass_alerts_on()
    visitor.signs_in(second).opens(f"/alerts/{Alert.objects.get().pk}/").marks("Passed to another service")
    visitor.types(note="Police and social services have it").taps("Close this alert").sees("Closed.")
    answer = visitor.page.goto(f"{visitor.base}/mothers/{mother.programme_code}/")
    assert answer is not None and answer.status == 404, "her record is shut again"


def test_a_reply_leave_her_alone_is_the_midwifes_to_read_today_and_nobody_answers_it(
    visitor: Visitor, lay_worker: LayWorker, settings: Any
) -> None:
    settings.NOTIFY_CALLBACK_TOKEN = TOKEN
    mother = make_mother(paired_with=lay_worker, name_to_use="Ada")
    number = mother.person.phone_numbers.get().number
    carrier = Client(headers={"authorization": f"Bearer {TOKEN}"})

    def comes_in(key: str, words: str) -> None:
        body = json.dumps({"id": key, "source_number": number.removeprefix("+"), "message": words})
        for _time in range(2):
            answer = carrier.post("/callbacks/notify/inbound/", body, content_type="application/json")
            assert answer.status_code == 204 and not answer.content

    comes_in("00000000-0000-4000-8000-000000000001", "leave her alone")
    assert Inbound.objects.count() == 1
    # Then it is on the list of her midwife, due today, and she alone reads it.
    visitor.signs_in(lay_worker.supervisor.user).opens("/worklist/").sees("A reply to read", "due today")
    visitor.does_not_see("leave her alone").taps("A reply to read Ada", "link")
    visitor.sees("leave her alone", "Another may have written it")
    # When a STOP comes meanwhile, texts are off at once and another duty stands beside it.
    comes_in("00000000-0000-4000-8000-000000000002", "STOP")
    assert SafeContact.objects.get(person=mother.person).texts_opted_in is False
    visitor.marks("Done").types(note="Asked her at the clinic").taps("Close this")
    visitor.sees("Another reply has come. Read it first.", "STOP").taps("Close this").sees("Closed.")
    visitor.sees("Confirm with her safely").taps("Confirm with her safely Ada", "link").sees("STOP")
    assert not Message.objects.filter(recipient_person=mother.person).exists(), "never answered by a machine"
    assert Duty.objects.get(kind="reply").outcome == "done"
    visitor.signs_in(lay_worker.user).opens(f"/mothers/{mother.programme_code}/").does_not_see(
        "leave her alone", "STOP"
    )
