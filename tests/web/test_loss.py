"""The pages about a loss: what a lay-worker and a midwife see, may do, and never see (domain.md section 8)."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from mentoring.models import Alert, ContactPlan, Duty, LayWorker, Mother
from mentoring.services import losses, plans
from people.models import AccessLog, Baby, Loss
from people.rules.local_time import local_date
from people.rules.roles import Role
from tests.factories import NOW, make_contact, make_lay_worker, make_midwife, make_mother, make_user
from tests.web.test_lay_worker import form_of, page, send, signed_in, url, words

pytestmark = pytest.mark.django_db
TODAY = local_date(NOW)
# What would hurt: none of it stands on her pages once a loss is recorded.
HURTS = re.compile(
    r"\b(baby|babies|birth|born|due date|weeks? old|months? old|pregnan\w*|termination|stillb\w*|miscarr\w*)\b", re.I
)


@pytest.fixture(autouse=True)
def _clock_and_frame(settings: Any) -> Any:
    settings.SECOND_FACTOR_REQUIRED = False
    settings.WHITENOISE_AUTOREFRESH = True
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def lay_worker() -> LayWorker:
    return make_lay_worker(supervisor=make_midwife(name="Mo Midwife", phone="+442890000001"), name="Lee Layworker")


@pytest.fixture
def mother(lay_worker: LayWorker) -> Mother:
    mother = make_mother(paired_with=lay_worker, starts_on=TODAY - timedelta(days=16), name_to_use="Ada")
    make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW - timedelta(days=15), now=NOW)
    return mother


@pytest.fixture
def client(lay_worker: LayWorker) -> Client:
    return signed_in(lay_worker.user)


@pytest.fixture
def midwife(lay_worker: LayWorker) -> Client:
    return signed_in(lay_worker.supervisor.user)


def main(html: str) -> str:
    return words(html[html.index("<main") : html.index("</main>")])


def lose(mother: Mother, kind: str = "termination", **fields: Any) -> Loss:
    mother = Mother.objects.get(pk=mother.pk)
    assert mother.midwife is not None
    return losses.record(mother=mother, kind=kind, by=mother.midwife.user, now=NOW, **fields)


def test_the_form_says_what_will_happen_and_is_on_her_page(client: Client, mother: Mother) -> None:
    assert "We have had a loss" in main(page(client, "mother-detail", mother.programme_code))
    said = main(page(client, "loss-record", mother.programme_code))
    assert "No message about a contact with her leaves after you press this. Her plan is held." in said
    assert "Mo Midwife is told at once." in said
    assert "I do not know, or it was not said" in said


@pytest.mark.parametrize("who", ["client", "midwife"])
def test_a_loss_is_recorded_in_one_step_and_a_second_click_is_none(
    request: pytest.FixtureRequest, mother: Mother, who: str
) -> None:
    browser = request.getfixturevalue(who)
    address = url("loss-record", mother.programme_code)
    answer = send(browser, address, kind="stillbirth", happened_on_0="20", happened_on_1="10", happened_on_2="2026")
    assert "It is recorded. Her midwife is told" in words(answer)
    data = form_of(browser.get(address).content.decode()) | {"kind": "stillbirth"}
    assert browser.post(address, data).status_code == 302
    loss = Loss.objects.get()
    assert (loss.kind, loss.happened_on, loss.recorded_at) == ("stillbirth", TODAY - timedelta(days=3), NOW)


def test_an_error_keeps_what_was_typed(client: Client, mother: Mother) -> None:
    address = url("loss-record", mother.programme_code)
    answer = send(client, address, happened_on_0="20", happened_on_1="10", happened_on_2="2026")
    assert "Choose what happened, or that you do not know" in words(answer)
    assert form_of(answer.content.decode())["happened_on_1"] == "10"
    answer = send(client, address, kind="not_said", happened_on_0="24", happened_on_1="10", happened_on_2="2026")
    assert "This day is still to come." in words(answer)
    assert form_of(answer.content.decode())["kind"] == "not_said"
    assert not Loss.objects.exists()


def test_a_coordinator_records_it_by_code_and_sees_nothing_of_the_record(mother: Mother) -> None:
    browser = signed_in(make_user(Role.COORDINATOR))
    assert "Record a loss" in words(browser.get(url("home"), follow=True))
    assert "No mother has this code" in words(send(browser, url("loss-find"), programme_code="M-NOBODY"))
    answer = browser.post(url("loss-find"), {"programme_code": f" {mother.programme_code.lower()} "})
    assert (answer.status_code, answer["Location"]) == (302, url("loss-record", mother.programme_code))
    said = send(browser, url("loss-record", mother.programme_code), kind="stillbirth")
    assert "It is recorded. Her midwife is told" in words(said)
    assert Loss.objects.get().person == mother.person and Alert.objects.get().kind == "loss"
    for name in ("mother-detail", "birth-record", "contact-log"):
        assert browser.get(url(name, mother.programme_code)).status_code == 403


def test_of_twins_it_is_asked_which_and_after_a_birth_no_loss_of_a_pregnancy_is_offered(
    client: Client, lay_worker: LayWorker, mother: Mother
) -> None:
    born = plans.Birth(TODAY - timedelta(days=2), ("Al", ""))
    plans.change(mother=mother, request=born, asked_by="record", by=lay_worker.user, now=NOW)
    said = main(page(client, "loss-record", mother.programme_code))
    assert "Al" in said and "baby 2, no name recorded" in said and "Miscarriage" not in said
    address = url("loss-record", mother.programme_code)
    assert "Choose which baby" in words(send(client, address, kind="baby_died"))
    other = Baby.objects.get(order=2)
    send(client, address, kind="baby_died", baby=str(other.pk))
    assert Loss.objects.get().baby == other
    assert Baby.objects.count() == 2


def test_her_lay_worker_sees_whom_to_speak_to_and_nothing_that_hurts(
    client: Client, lay_worker: LayWorker, mother: Mother
) -> None:
    lose(mother)
    html = page(client, "mother-detail", mother.programme_code)
    said = main(html)
    assert "Speak to Mo Midwife before you are in touch" in said
    assert 'href="tel:+442890000001"' in html and "Call 07700" not in said
    assert "Mentoring: on hold" in said
    assert not HURTS.search(said), HURTS.search(said)
    for gone in ("loss", "Due:", "Overdue", "Agree the next time", "Fewer, more, pause"):
        assert gone not in said, gone
    today = main(page(client, "today"))
    assert "On hold. Speak to your midwife before ringing." in today
    assert not HURTS.search(today)
    assert "Overdue" not in today and "Due" not in today and "good day" not in today


def test_her_lay_worker_may_log_and_is_asked_nothing_of_the_next_time(client: Client, mother: Mother) -> None:
    lose(mother)
    what = url("contact-log", mother.programme_code, what="phone-reached")
    assert "Next time" not in words(client.get(what))
    answer = send(client, what, minutes="20", present=["alone"], concern="none")
    assert "Next due" not in words(answer) and "Still" not in words(answer)


def test_what_only_hurts_is_not_there_for_her_lay_worker(client: Client, midwife: Client, mother: Mother) -> None:
    lose(mother)
    for name in ("birth-record", "due-date-change"):
        assert client.get(url(name, mother.programme_code)).status_code == 404
    assert midwife.get(url("due-date-change", mother.programme_code)).status_code == 404
    assert midwife.get(url("birth-record", mother.programme_code)).status_code == 200
    for name in ("plan-change", "appointment-agree"):
        answer = client.get(url(name, mother.programme_code), follow=True)
        assert "Her plan is on hold. Speak to her midwife first." in words(answer)


def test_her_midwife_sees_what_was_recorded_by_whom_and_a_termination_as_a_loss(
    midwife: Client, mother: Mother, lay_worker: LayWorker
) -> None:
    losses.record(mother=mother, kind="termination", by=lay_worker.user, now=NOW)
    said = main(page(midwife, "mother-detail", mother.programme_code))
    assert "A loss is recorded" in said
    assert "A loss . Recorded 23 October 2026, 11:30am by Lee Layworker." in said
    assert "Decide about support" in said and "It did not happen" in said
    assert "Mentoring: bereaved" in said
    assert "termination" not in said.lower() and "ended" not in said.lower()
    assert "Due date" not in said and "Speak to your midwife" not in said
    assert "Bereaved" in main(page(midwife, "caseload"))


def test_a_report_is_taken_back_with_a_reason_that_stays(midwife: Client, client: Client, mother: Mother) -> None:
    loss = lose(mother, "stillbirth")
    address = url("loss-undo", mother.programme_code, loss.pk)
    assert "Say how it is known" in words(send(midwife, address, reason=""))
    answer = send(midwife, address, reason="The ward mixed up two names")
    assert "The report is taken back. Tell her lay-worker yourself." in words(answer)
    said = main(page(midwife, "mother-detail", mother.programme_code))
    assert "A loss was recorded, and taken back" in said and "The ward mixed up two names" in said
    assert "Due date" in said
    hers = main(page(client, "mother-detail", mother.programme_code))
    assert "loss was" not in hers and "The ward" not in hers and "Agree the next time" in hers
    assert midwife.get(address).status_code == 404


def test_another_mothers_loss_is_not_there(midwife: Client, mother: Mother) -> None:
    other = make_mother(paired_with=make_lay_worker())
    loss = lose(other)
    assert midwife.get(url("loss-undo", mother.programme_code, loss.pk)).status_code == 404
    assert midwife.get(url("loss-undo", other.programme_code, loss.pk)).status_code == 404
    assert midwife.get(url("loss-record", other.programme_code)).status_code == 404
    assert midwife.get(url("support-start", other.programme_code)).status_code == 404


def test_support_is_saved_as_agreed_and_her_lay_worker_goes_on_with_no_word_of_a_birth(
    midwife: Client, client: Client, mother: Mother
) -> None:
    assert midwife.get(url("support-start", mother.programme_code)).status_code == 404
    lose(mother, "stillbirth")
    address = url("support-start", mother.programme_code)
    days = {"starts_on_0": "30", "starts_on_1": "10", "starts_on_2": "2026", "every_days": "7"}
    last = {"ends_on_0": "30", "ends_on_1": "1", "ends_on_2": "2027"}
    missing = words(send(midwife, address, decision="support"))
    for said in ("Enter the day of the first contact", "Choose how often", "Enter the last day"):
        assert said in missing
    answer = send(midwife, address, decision="support", **days | last | {"ends_on_2": "2026"})
    assert "Support must end after it begins" in words(answer)
    assert form_of(answer.content.decode())["every_days"] == "7"
    answer = send(midwife, address, decision="support", **days, **last)
    assert "Saved. Support begins on 30 October." in words(answer)
    assert send(midwife, address, decision="support", **days, **last).status_code == 200
    assert ContactPlan.objects.filter(kind="bereavement").count() == 1
    theirs = main(page(client, "mother-detail", mother.programme_code))
    assert "Friday 30 October" in theirs and "support, as agreed with her midwife" in theirs
    assert not HURTS.search(theirs), HURTS.search(theirs)
    assert "Speak to Mo Midwife" not in theirs
    choose = main(page(client, "plan-change", mother.programme_code))
    assert not HURTS.search(choose), HURTS.search(choose)
    assert "Decide about support" not in main(page(midwife, "mother-detail", mother.programme_code))


def test_it_may_be_agreed_that_no_contact_goes_on(midwife: Client, mother: Mother) -> None:
    lose(mother)
    answer = send(midwife, url("support-start", mother.programme_code), decision="none")
    assert "Saved. Her plan stays on hold." in words(answer)
    assert Duty.objects.get(kind="bereavement").outcome == "she_said_no"


def test_a_week_after_the_due_date_she_is_not_rung_before_the_birth_is_recorded(
    client: Client, lay_worker: LayWorker
) -> None:
    mother = make_mother(
        paired_with=lay_worker, starts_on=TODAY - timedelta(days=100), edd=TODAY - timedelta(days=6),
        now=NOW - timedelta(days=100),
    )  # fmt: skip
    make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW - timedelta(days=15), now=NOW)
    assert "Speak to your midwife before ringing." not in main(page(client, "mother-detail", mother.programme_code))
    with time_machine.travel(NOW + timedelta(days=1), tick=False):
        client = signed_in(lay_worker.user)
        html = page(client, "mother-detail", mother.programme_code)
        assert "Speak to your midwife before ringing." in main(html) and "Call 0" not in main(html)
        assert "Speak to your midwife before ringing." in main(page(client, "today"))
        born = plans.Birth(TODAY, ("Al",))
        plans.change(mother=mother, request=born, asked_by="record", by=lay_worker.user, now=NOW + timedelta(days=1))
        assert "Speak to your midwife" not in main(page(client, "mother-detail", mother.programme_code))


def test_reading_her_page_after_a_loss_is_a_line_of_the_access_log(midwife: Client, mother: Mother) -> None:
    lose(mother)
    before = AccessLog.objects.count()
    page(midwife, "mother-detail", mother.programme_code)
    assert AccessLog.objects.count() == before + 1
