"""The worklist, a duty, an alert, the rota, a visit that is watched, a worry: what each shows, saves, refuses, and to whom."""

import re
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from mentoring.models import Alert, Contact, Duty, LayWorker, Midwife, Mother, Pairing, RotaShift, Visit
from mentoring.queries.replies import replies_for, shown
from mentoring.queries.rota import ESCALATION_JOB
from mentoring.services import alerts, duties, rota
from outbox.models import JobRun, Message
from outbox.services import replies
from people.models import AccessLog
from people.rules.local_time import local_date, local_instant
from people.rules.roles import Role
from people.services import users
from tests.factories import NOW, make_contact, make_lay_worker, make_midwife, make_mother, make_user
from tests.services.races import at_once
from tests.services.texts import NUMBER, make_texted
from tests.web.test_midwife import boxes, signed_in, words

pytestmark = pytest.mark.django_db
TODAY = local_date(NOW)


@pytest.fixture(autouse=True)
def _clock_and_frame(settings: Any) -> Any:
    settings.SECOND_FACTOR_REQUIRED = False
    JobRun.objects.create(name=ESCALATION_JOB, started_at=NOW, finished_at=NOW)
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def midwife() -> Midwife:
    return make_midwife(name="Mo Midwife")


@pytest.fixture
def lay_worker(midwife: Midwife) -> LayWorker:
    return make_lay_worker(supervisor=midwife, name="Lee Layworker", phone="+447700900555")


@pytest.fixture
def mother(lay_worker: LayWorker) -> Mother:
    return make_mother(paired_with=lay_worker, name_to_use="Ada")


def post(client: Client, name: str, args: list[Any], **data: Any) -> Any:
    return client.post(reverse(name, args=args), data)


# Duties


def test_a_pairing_is_to_be_introduced_within_three_working_days_and_is_done_with_one_form(
    midwife: Midwife, mother: Mother
) -> None:
    client = signed_in(midwife.user)
    duty = Duty.objects.get()
    # Paired on a Friday; Monday 26 October is no bank holiday in Northern Ireland.
    assert (duty.kind, duty.owner, duty.due_on) == ("introduce", midwife, TODAY + timedelta(days=5))
    page = words(client.get("/worklist/"))
    assert "Introduce them" in page and "Ada" in page and mother.programme_code in page
    answer = post(client, "duty-detail", [duty.pk], how="", **boxes("on", TODAY))
    assert answer.status_code == 200 and "Say how you introduced them" in words(answer)
    answer = post(client, "duty-detail", [duty.pk], how="joint_call", **boxes("on", TODAY + timedelta(days=1)))
    assert "They were introduced between the pairing and today." in words(answer) and "checked" in words(answer)
    assert post(client, "duty-detail", [duty.pk], how="joint_call", **boxes("on", TODAY)).status_code == 302
    pairing = Pairing.objects.get()
    assert (pairing.introduced_on, pairing.introduced_by, pairing.introduced_how) == (TODAY, midwife.user, "joint_call")
    duty.refresh_from_db()
    assert (duty.outcome, duty.closed_by) == ("done", midwife.user)
    assert "Nothing waits for you" in words(client.get("/worklist/"))
    assert "Closed by Mo Midwife" in words(client.get(reverse("duty-detail", args=[duty.pk])))
    nominal = Message.objects.get(kind="no_attempt_yet", channel="in_app", status="queued").nominal_on
    assert nominal == TODAY + timedelta(days=2), "her lay-worker is asked two days after, not three after the pairing"


def test_a_duty_is_closed_with_what_came_of_it_and_twice_is_once(midwife: Midwife, mother: Mother) -> None:
    client = signed_in(midwife.user)
    duty = duties.raise_now(kind="reply", mother=mother, owner=midwife, due_on=TODAY, by=None, now=NOW)
    assert "Say what came of it" in words(post(client, "duty-detail", [duty.pk], outcome="", note="Spoke to her"))
    for _time in range(2):
        assert post(client, "duty-detail", [duty.pk], outcome="done", note="Spoke to her").status_code == 302
    duty.refresh_from_db()
    assert (duty.outcome, duty.note, duty.closed_at) == ("done", "Spoke to her", NOW)


def seen_on(page: Any) -> str:
    """Return what the page's form says of what it shows."""
    found = re.search(r'name="seen" value="([^"]*)"', words(page))
    assert found is not None
    return found[1]


def test_a_reply_that_comes_between_reading_and_closing_is_read_before_it_is_closed(midwife: Midwife) -> None:
    mother = make_texted()
    replies.receive(carrier_reference="a", from_number=NUMBER, text="Thanks", now=NOW)
    duty = Duty.objects.get(kind="reply", mother=mother)
    duty.owner = midwife
    duty.save(update_fields=["owner"])
    client = signed_in(midwife.user)
    seen = seen_on(client.get(reverse("duty-detail", args=[duty.pk])))
    replies.receive(carrier_reference="b", from_number=NUMBER, text="He found the phone", now=NOW)
    page = post(client, "duty-detail", [duty.pk], outcome="done", note="Thanked her", seen=seen)
    assert page.status_code == 200
    assert "Another reply has come. Read it first." in words(page) and "He found the phone" in words(page)
    assert "Thanked her</textarea>" in words(page), "what was typed stays"
    assert post(client, "duty-detail", [duty.pk], outcome="done").status_code == 200, "a form that never showed any"
    assert seen_on(page) != seen
    for _time in range(2):
        assert post(client, "duty-detail", [duty.pk], outcome="done", seen=seen_on(page)).status_code == 302
    assert not Duty.objects.filter(kind="reply", closed_at__isnull=True).exists()


def test_what_is_added_to_a_request_between_reading_and_closing_is_read_first(midwife: Midwife, mother: Mother) -> None:
    asked = {"kind": "request", "mother": mother, "owner": midwife, "by": midwife.user, "now": NOW}
    duty = duties.raise_now(text="Fewer contacts", **asked)  # type: ignore[arg-type]  # the arguments are of several types
    client = signed_in(midwife.user)
    seen = seen_on(client.get(reverse("duty-detail", args=[duty.pk])))
    duties.raise_now(text="To stop", **asked)  # type: ignore[arg-type]  # the arguments are of several types
    page = post(client, "duty-detail", [duty.pk], outcome="done", seen=seen)
    assert "More has been added. Read it first." in words(page) and "To stop" in words(page)
    assert post(client, "duty-detail", [duty.pk], outcome="done", seen=seen_on(page)).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_a_reply_and_closing_at_one_moment_leave_no_reply_closed_unread() -> None:
    by = make_midwife().user
    for place in range(8):
        number = f"+4477009001{place:02d}"
        mother = make_texted(number=number)
        replies.receive(carrier_reference=f"first {place}", from_number=number, text="One", now=NOW)
        duty = Duty.objects.get(kind="reply", mother=mother)
        close = partial(duties.close, duty=duty, outcome="done", seen=shown(duty, replies_for(duty)), by=by, now=NOW)
        reply = partial(replies.receive, carrier_reference=f"second {place}", from_number=number, text="Two", now=NOW)
        at_once(close, reply)
        unread = Duty.objects.get(kind="reply", mother=mother, closed_at__isnull=True)
        assert "Two" in [one.text for one in replies_for(unread)]


def test_another_midwifes_duty_is_not_there_and_a_lay_worker_has_no_worklist(
    lay_worker: LayWorker, mother: Mother
) -> None:
    other = signed_in(make_midwife().user)
    duty = Duty.objects.get()
    assert other.get(reverse("duty-detail", args=[duty.pk])).status_code == 404
    assert "Ada" not in words(other.get("/worklist/"))
    assert signed_in(lay_worker.user).get("/worklist/").status_code == 403


def test_a_reply_about_a_mother_of_a_midwife_who_was_switched_off_is_every_midwifes_and_the_pages_say_so(
    midwife: Midwife,
) -> None:
    mother = make_texted(paired_with=make_lay_worker(supervisor=midwife), name_to_use="Ada")
    other = signed_in(make_midwife().user)
    assert "Ada" not in words(other.get("/worklist/"))
    users.switch(user=midwife.user, active=False, by=make_user(Role.ADMINISTRATOR), now=NOW)
    replies.receive(carrier_reference="a", from_number=NUMBER, text="Leave her alone", now=NOW)
    duty = Duty.objects.get(kind="reply", mother=mother)
    page = words(other.get("/worklist/"))
    assert "A reply to read" in page and "It is any midwife's." in page.replace("&#x27;", "'")
    page = words(other.get(reverse("duty-detail", args=[duty.pk]))).replace("&#x27;", "'")
    assert "It was Mo Midwife's, who cannot answer now: it is any midwife's." in page and "Leave her alone" in page
    assert "She cannot answer now" in words(other.get(reverse("mother-detail", args=[mother.programme_code])))


def test_what_she_asked_for_is_a_duty_of_two_working_days_and_asked_twice_is_one(
    midwife: Midwife, lay_worker: LayWorker, mother: Mother
) -> None:
    client = signed_in(midwife.user)
    record = reverse("mother-detail", args=[mother.programme_code])
    assert "She has asked for something" in words(client.get(record))
    assert "Choose what she has asked for" in words(post(client, "request-record", [mother.programme_code], note="x"))
    for what, note in (("fewer", ""), ("fewer", ""), ("complain", "About the times")):
        answer = post(client, "request-record", [mother.programme_code], what=what, note=note)
        assert answer["Location"] == record
    duty = Duty.objects.get(kind="request")
    # From a Friday.
    assert (duty.owner, duty.raised_by, duty.due_on) == (midwife, midwife.user, TODAY + timedelta(days=4))
    page = words(client.get(reverse("duty-detail", args=[duty.pk])))
    assert "Fewer contacts<br>To complain: About the times" in page
    assert "A request of hers" in words(client.get(record))
    hers = words(signed_in(lay_worker.user).get(record))
    assert "Ada" in hers and "A request of hers" not in hers and "She has asked" not in hers
    other = signed_in(make_midwife().user)
    assert post(other, "request-record", [mother.programme_code], what="stop").status_code == 404


def test_late_ones_say_so_and_stand_first(midwife: Midwife, mother: Mother) -> None:
    duties.raise_now(kind="reply", mother=mother, owner=midwife, due_on=TODAY - timedelta(days=2), by=None, now=NOW)
    page = words(signed_in(midwife.user).get("/worklist/"))
    assert "2 days late" in page and page.index("A reply to read") < page.index("Introduce them")


def test_a_long_list_goes_on_by_key(midwife: Midwife, lay_worker: LayWorker) -> None:
    for _number in range(31):
        make_mother(paired_with=make_lay_worker(supervisor=midwife))
    client = signed_in(midwife.user)
    first = client.get("/worklist/")
    second = client.get(f"/worklist/{first.context['next_href']}")
    keys = [row["pk"] for page in (first, second) for row in page.context["duties"]]
    assert len(keys) == len(set(keys)) == Duty.objects.count() == 31
    assert client.get("/worklist/?after=soon_x").status_code == 200


# Alerts


@pytest.fixture
def alert(mother: Mother, lay_worker: LayWorker) -> Alert:
    make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW, concern="emergency", note="She is frightened")
    return Alert.objects.get()


def test_an_alert_names_nobody_until_it_is_taken_and_says_where_it_goes_next(midwife: Midwife, alert: Alert) -> None:
    lead = make_user(Role.LEAD)
    rota.name(
        on_duty=make_midwife().user, second=make_midwife(name="Sal Second").user, starts_at=NOW,
        ends_at=NOW + timedelta(days=1), by=lead, now=NOW,
    )  # fmt: skip
    page = words(signed_in(midwife.user).get(reverse("alert-detail", args=[alert.pk])))
    assert "A concern, an emergency" in page and alert.mother.programme_code in page and "Call Lee Layworker" in page
    assert "it goes on to Sal Second today at 11:45am" in page and "Ada" not in page and "frightened" not in page


def test_i_have_this_opens_her_record_logged_and_closing_shuts_it(alert: Alert) -> None:
    lead = make_user(Role.LEAD, name="Lo Lead")
    Alert.objects.update(holder=lead, told=[lead.pk])
    client = signed_in(lead)
    record = reverse("mother-detail", args=[alert.mother.programme_code])
    assert client.get(record).status_code == 404
    for _time in range(2):
        assert post(client, "alert-detail", [alert.pk], have="1").status_code == 302
    page = client.get(record)
    assert page.status_code == 200 and "She is frightened" in words(page)
    assert AccessLog.objects.filter(
        by=lead, about_person_id=alert.mother.person_id, kind="contact_details_read"
    ).exists()
    for button in ("Fewer, more, pause", "Agree the next time", "The baby is here", "Call off", "due date has changed"):
        assert button not in words(page), "a lead may read, not change"
    assert "Say what came of it" in words(post(client, "alert-detail", [alert.pk], outcome="", note="x"))
    assert post(client, "alert-detail", [alert.pk], outcome="done", note="Spoke to both").status_code == 302
    alert.refresh_from_db()
    assert (alert.outcome, alert.closed_by, alert.note) == ("done", lead, "Spoke to both")
    assert client.get(record).status_code == 404


def test_what_another_has_is_said_and_cannot_be_closed(midwife: Midwife, alert: Alert) -> None:
    other = make_midwife(name="Ott Other").user
    Alert.objects.update(told=[midwife.user_id, other.pk])
    alerts.acknowledge(alert=alert, by=other, now=NOW)
    client = signed_in(midwife.user)
    address = reverse("alert-detail", args=[alert.pk])
    assert "Ott Other has this alert" in words(client.get(address))
    assert "Someone else has this alert." in words(client.post(address, {"have": "1"}, follow=True))
    assert "Say first that you have it." in words(client.post(address, {"outcome": "done"}, follow=True))
    assert Alert.objects.get().closed_at is None


def test_a_stranger_to_an_alert_finds_none(alert: Alert) -> None:
    for user in (make_midwife().user, make_user(Role.LEAD)):
        client = signed_in(user)
        assert client.get(reverse("alert-detail", args=[alert.pk])).status_code == 404
        assert post(client, "alert-detail", [alert.pk], have="1").status_code == 404
        assert alert.mother.programme_code not in words(client.get("/worklist/"))
    assert Alert.objects.get().acknowledged_at is None


# Nobody is watching


def test_where_nobody_watches_each_page_says_so_with_the_numbers_to_call(
    midwife: Midwife, lay_worker: LayWorker, mother: Mother, _clock_and_frame: Any
) -> None:
    make_user(Role.LEAD, name="Lo Lead", phone="+447700900999")
    code = mother.programme_code
    pages = {
        lay_worker.user: [f"/mothers/{code}/visit/", f"/mothers/{code}/worried/", f"/mothers/{code}/log/now/today/"],
        midwife.user: ["/worklist/", "/rota/"],
    }
    for user, addresses in pages.items():
        for address in addresses:
            assert "Nobody is watching" not in words(signed_in(user).get(address)), address
    _clock_and_frame.shift(timedelta(minutes=3, seconds=1))
    for user, addresses in pages.items():
        for address in addresses:
            page = words(signed_in(user).get(address))
            assert "Nobody is watching now" in page and "tel:999" in page and "tel:+447700900999" in page, address
    assert "I am going in</button>" not in words(signed_in(lay_worker.user).get(f"/mothers/{code}/visit/"))


# Visits and worries


def test_a_visit_from_going_in_to_being_out(lay_worker: LayWorker, mother: Mother) -> None:
    client = signed_in(lay_worker.user)
    code, key = mother.programme_code, str(uuid4())
    assert "Choose how long" in words(post(client, "visit-begin", [code], client_id=key))
    for _time in range(2):
        answer = post(client, "visit-begin", [code], client_id=key, minutes="60")
    visit = Visit.objects.get()
    assert answer["Location"] == reverse("visit-detail", args=[visit.client_id])
    page = words(client.get(answer["Location"]))
    # Half past eleven local, and an hour.
    assert "You expect to be out at 12:30pm." in page and "I am out and well" in page
    assert "You are at Ada's" in words(client.get("/today/"))
    assert "has not been ended" in words(client.get(f"/mothers/{code}/visit/"))
    post(client, "visit-detail", [visit.client_id], more="1")
    assert "out at 1pm" in words(client.get(answer["Location"]))
    assert client.post(answer["Location"], {"out": "1"})["Location"] == "/today/"
    visit.refresh_from_db()
    assert (visit.ended_at, visit.ended_by) == (NOW, lay_worker.user)
    assert "This visit has been ended" in words(client.post(answer["Location"], {"more": "1"}, follow=True))


def test_a_worry_is_one_alert_with_what_she_said_and_tells_her_what_to_do(
    midwife: Midwife, lay_worker: LayWorker, mother: Mother
) -> None:
    client = signed_in(lay_worker.user)
    code, key = mother.programme_code, str(uuid4())
    assert "Choose how soon someone must act" in words(
        post(client, "worry-raise", [code], client_id=key, text="Bruises")
    )
    assert "Bruises" in words(post(client, "worry-raise", [code], client_id=key, text="Bruises")), "nothing is lost"
    for _time in range(2):
        answer = post(client, "worry-raise", [code], client_id=key, kind="concern_emergency", text="Bruises")
        assert answer["Location"] == reverse("contact-urgent", args=[code, "emergency"])
    alert = Alert.objects.get()
    assert (alert.text, alert.raised_by, alert.holder) == ("Bruises", lay_worker.user, midwife.user)
    assert not Contact.objects.exists(), "a worry is no attempt"
    hers = signed_in(midwife.user)
    address = reverse("alert-detail", args=[alert.pk])
    assert "Bruises" not in words(hers.get(address))
    assert "Bruises" in words(hers.post(address, {"have": "1"}, follow=True))


def test_another_lay_workers_visit_and_a_strangers_worry_are_not_there(lay_worker: LayWorker, mother: Mother) -> None:
    visit = Visit.objects.create(
        client_id=uuid4(), mother=mother, lay_worker=lay_worker, started_at=NOW, started_by=lay_worker.user,
        expected_end_at=NOW, expected_end_by=lay_worker.user,
    )  # fmt: skip
    other = signed_in(make_lay_worker().user)
    assert other.get(reverse("visit-detail", args=[visit.client_id])).status_code == 404
    assert post(other, "visit-detail", [visit.client_id], out="1").status_code == 404
    for name in ("visit-begin", "worry-raise"):
        assert post(other, name, [mother.programme_code], client_id=str(uuid4()), minutes="60").status_code == 404
    assert Visit.objects.get().ended_at is None


# The rota


def test_a_lead_puts_two_people_in_the_rota_by_local_time_and_takes_them_out(midwife: Midwife) -> None:
    lead = make_user(Role.LEAD, name="Lo Lead")
    client = signed_in(lead)
    saturday, monday = TODAY + timedelta(days=1), TODAY + timedelta(days=3)
    data = {
        "on_duty": midwife.user_id, "second": lead.pk, "from_at": "17:00", "to_at": "09:00",
        **boxes("from_on", saturday), **boxes("to_on", monday),
    }  # fmt: skip
    assert "The second must be someone else." in words(client.post("/rota/", data | {"second": midwife.user_id}))
    backwards = client.post("/rota/", data | boxes("to_on", TODAY))
    assert "The shift must end after it begins." in words(backwards) and 'value="17:00"' in words(backwards)
    for _time in range(2):
        assert client.post("/rota/", data).status_code == 302
    shift = RotaShift.objects.get()
    # The clocks go back in between: five in the afternoon of one day to nine in the morning of another, on each's clock.
    assert shift.starts_at == local_instant(saturday, shift.starts_at.replace(hour=17, minute=0, tzinfo=None).time())
    assert shift.ends_at - shift.starts_at == timedelta(hours=41)
    assert "Mo Midwife" in words(client.get("/rota/")) and "Nobody is named now" in words(client.get("/rota/"))
    reader = signed_in(midwife.user)
    assert "Put someone in" not in words(reader.get("/rota/"))
    assert reader.post(reverse("rota-withdraw", args=[shift.pk])).status_code == 403
    assert client.get(reverse("rota-withdraw", args=[shift.pk])).status_code == 200
    assert client.post(reverse("rota-withdraw", args=[shift.pk])).status_code == 302
    shift.refresh_from_db()
    assert shift.withdrawn_by == lead and "The rota is empty" in words(client.get("/rota/"))


def test_a_midwife_who_posts_to_the_rota_changes_nothing(midwife: Midwife) -> None:
    signed_in(midwife.user).post("/rota/", {"on_duty": midwife.user_id})
    assert not RotaShift.objects.exists()
