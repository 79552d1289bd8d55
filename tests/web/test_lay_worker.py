"""A lay-worker's screens: what each shows, saves, refuses, and to whom it is not there at all."""

import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from mentoring.models import Appointment, Contact, LayWorker, Mother, PlanChange
from mentoring.services import appointments, contacts, pairings, plans
from mentoring.services.mothers import suspend_safe_contact
from people.models import AccessLog, Baby, SafeContact
from people.rules.local_time import local_date
from people.rules.roles import Role
from tests.factories import NOW, make_contact, make_lay_worker, make_midwife, make_mother, make_user

pytestmark = pytest.mark.django_db
TODAY = local_date(NOW)


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
    return make_mother(paired_with=lay_worker, starts_on=TODAY - timedelta(days=16), name_to_use="Ada")


@pytest.fixture
def client(lay_worker: LayWorker) -> Client:
    return signed_in(lay_worker.user)


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, name: str, *args: Any, **query: str) -> str:
    response = client.get(url(name, *args, **query))
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def url(name: str, *args: Any, **query: str) -> str:
    return reverse(name, args=args) + (f"?{urlencode(query)}" if query else "")


def form_of(html: str) -> dict[str, Any]:
    """Return what a browser would send of the page's last form if nothing on it were touched."""
    form = re.findall(r"<form[^>]*>.*?</form>", html, re.S)[-1]
    sent: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        kind = re.search(r'type="(\w+)"', tag)
        name = re.search(r'name="([^"]+)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        if name is None or (kind and kind[1] in {"radio", "checkbox"} and not re.search(r"\schecked", tag)):
            continue
        found = value[1] if value else ""
        if kind and kind[1] == "checkbox":
            sent.setdefault(name[1], []).append(found)
        else:
            sent[name[1]] = found
    for name, body in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', body)
        sent[name] = chosen[1] if chosen else ""
    for name, body in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>(.*?)</textarea>', form, re.S):
        sent[name] = body
    return sent


def send(client: Client, address: str, **changes: Any) -> Any:
    """Open a page, change these answers, send it, follow where it leads."""
    data = form_of(client.get(address).content.decode()) | changes
    return client.post(address, {name: value for name, value in data.items() if value is not None}, follow=True)


def words(response: Any) -> str:
    html = response if isinstance(response, str) else response.content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


REACHED = {"minutes": "20", "present": ["alone"], "concern": "none"}


def log_reached(client: Client, mother: Mother, what: str = "phone-reached", **changes: Any) -> Any:
    return send(client, url("contact-log", mother.programme_code, what=what), **(REACHED | changes))


# --- Today ---


def test_today_says_who_is_overdue_why_and_how_to_ring_her(
    client: Client, mother: Mother, lay_worker: LayWorker
) -> None:
    make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW - timedelta(days=15), now=NOW)
    html = page(client, "today")
    assert "Overdue (1)" in html
    assert "Was due Wednesday 21 October. There is time until Tuesday 27 October." in html
    assert "Every 2 weeks, last spoke Thursday 8 October." in html
    assert "Ring twice, then wait." in html
    assert 'href="tel:+447700' in html
    assert url("contact-log", mother.programme_code) in html


def test_on_the_last_day_of_a_window_today_says_so(client: Client, mother: Mother) -> None:
    with time_machine.travel(NOW + timedelta(days=4), tick=False):
        client.force_login(mother.pairings.get().lay_worker.user)
        assert "Was due Wednesday 21 October. Today is the last day." in page(client, "today")


def test_a_pause_that_has_not_begun_is_told_on_her_page(client: Client, mother: Mother) -> None:
    plans.change(
        mother=mother,
        request=plans.PauseFor(),
        asked_by="she_to_lay_worker",
        by=mother.pairings.get().lay_worker.user,
        now=NOW,
    )
    said = words(page(client, "mother-detail", mother.programme_code))
    assert "Paused from 24 October 2026 until 21 November 2026." in said


def test_an_empty_day_says_so_kindly(client: Client) -> None:
    assert "No mothers are with you yet" in page(client, "today")


def test_a_clear_day_says_so_and_still_shows_what_is_coming(
    client: Client, mother: Mother, lay_worker: LayWorker
) -> None:
    make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW - timedelta(days=1), now=NOW)
    html = page(client, "today")
    assert "Nothing is due today" in html
    assert "Coming up (1)" in html


def test_nothing_to_ring_is_offered_where_it_was_not_safe(
    client: Client, mother: Mother, lay_worker: LayWorker
) -> None:
    suspend_safe_contact(mother=mother, by=lay_worker.user, now=NOW)
    html = page(client, "today")
    assert "tel:" not in html
    assert "Do not ring or text." in html
    assert "tel:" not in page(client, "mother-detail", mother.programme_code).split("About her")[0]


def test_the_midwife_is_asked_before_ringing_a_week_after_the_due_date(client: Client, lay_worker: LayWorker) -> None:
    mother = make_mother(paired_with=lay_worker, starts_on=TODAY - timedelta(days=150), edd=TODAY - timedelta(days=7))
    for html in (page(client, "today"), page(client, "mother-detail", mother.programme_code).split("About her")[0]):
        assert "Speak to your midwife before ringing." in html
        assert "tel:+447700" not in html


# --- The first step and three taps ---


def test_no_answer_is_three_taps_from_today(client: Client, mother: Mother) -> None:
    assert url("contact-log", mother.programme_code) in page(client, "today")
    first = page(client, "contact-log", mother.programme_code)
    assert re.search(r'<button[^>]*name="what" value="phone-no_answer"', first)
    response = send(client, url("contact-log", mother.programme_code, what="phone-no_answer"))
    contact = Contact.objects.get()
    assert (contact.outcome, contact.mode, contact.happened_at) == ("no_answer", "phone", NOW)
    assert response.redirect_chain[-1][0] == reverse("today")
    assert "Saved: no answer. Still to do: was due 21 October." in words(response)


def test_every_choice_of_the_first_step_leads_to_a_page_that_saves(client: Client, mother: Mother) -> None:
    first = page(client, "contact-log", mother.programme_code)
    choices = re.findall(r'name="what" value="([^"]+)"', first)
    assert len(choices) == 18
    for what in choices:
        changes = REACHED if what.endswith("-reached") else {}
        response = send(client, url("contact-log", mother.programme_code, what=what), **changes)
        assert response.redirect_chain, (what, words(response))
    assert Contact.objects.count() == 18


def test_an_unknown_choice_asks_again(client: Client, mother: Mother) -> None:
    assert "Did you reach Ada?" in page(client, "contact-log", mother.programme_code, what="phone-dreamt")


# --- Reached ---


def test_a_usual_call_says_which_fortnight_it_made_and_what_is_next(client: Client, mother: Mother) -> None:
    response = log_reached(client, mother)
    contact = Contact.objects.get()
    assert (contact.minutes, contact.present, contact.concern, contact.completed) == (20, [], "none", True)
    assert "Fortnight of 21 October: done. Next due 4 November." in words(response)


def test_the_second_usual_call_is_five_taps_because_last_times_company_is_offered(
    client: Client, mother: Mother
) -> None:
    log_reached(client, mother, present=["partner"])
    html = page(client, "contact-log", mother.programme_code, what="phone-reached")
    assert form_of(html)["present"] == ["partner"]
    log_reached(client, mother, present=form_of(html)["present"])
    assert Contact.objects.order_by("-id").first().present == ["partner"]


def test_what_section_5_requires_is_asked_for_by_name_and_what_was_typed_is_kept(
    client: Client, mother: Mother
) -> None:
    response = log_reached(client, mother, minutes=None, present=None, concern=None, note="Keep me")
    said = words(response)
    for message in (
        "Say how many minutes it took",
        "Say who else was there, or that nobody was",
        "Say whether anything worried you",
    ):
        assert message in said
    assert "Keep me" in response.content.decode()
    assert not Contact.objects.exists()


def test_a_double_click_counts_once(client: Client, mother: Mother) -> None:
    address = url("contact-log", mother.programme_code, what="phone-reached")
    data = form_of(page(client, "contact-log", mother.programme_code, what="phone-reached")) | REACHED
    for _click in range(2):
        assert client.post(address, data).status_code == 302
    assert Contact.objects.count() == 1


def test_yesterday_and_another_day_are_the_days_they_say(client: Client, mother: Mother) -> None:
    log_reached(client, mother, which_day="yesterday", at="09:15")
    log_reached(client, mother, which_day="another", on_0="9", on_1="10", on_2="2026", at="14:30")
    days = [contact.happened_at for contact in Contact.objects.order_by("id")]
    assert [at.isoformat() for at in days] == ["2026-10-22T08:15:00+00:00", "2026-10-09T13:30:00+00:00"]


def test_another_day_without_a_day_is_asked_for(client: Client, mother: Mother) -> None:
    assert "Enter the day, for example" in words(log_reached(client, mother, which_day="another"))


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"at": "23:00"}, "The date and time cannot be in the future."),
        (
            {"which_day": "another", "on_0": "1", "on_1": "9", "on_2": "2026"},
            "This is before the programme began for her.",
        ),
    ],
)
def test_a_refusal_is_shown_in_words_on_the_form(
    client: Client, mother: Mother, changes: dict[str, str], refusal: str
) -> None:
    response = log_reached(client, mother, **changes)
    assert refusal in words(response)
    assert "Error:" in response.content.decode()
    assert not Contact.objects.exists()


def test_the_role_is_asked_about_until_it_is_read_back_and_again_at_six_weeks(client: Client, mother: Mother) -> None:
    def asked() -> bool:
        return "role_read_back" in page(client, "contact-log", mother.programme_code, what="phone-reached")

    assert asked()
    log_reached(client, mother, role_explained="on", role_read_back="on")
    contact = Contact.objects.get()
    assert (contact.role_explained, contact.role_read_back) == (True, True)
    assert not asked()
    with time_machine.travel(NOW + timedelta(days=42), tick=False):
        client.force_login(mother.pairings.get().lay_worker.user)
        assert asked()


def test_language_and_interpreter_are_asked_about_only_where_her_sheet_names_one(
    client: Client, mother: Mother, lay_worker: LayWorker
) -> None:
    assert 'name="interpreter"' not in page(client, "contact-log", mother.programme_code, what="phone-reached")
    other = make_mother(
        paired_with=lay_worker, starts_on=TODAY, name_to_use="Zofia", language="Polish", interpreter_needed=True
    )
    log_reached(client, other, interpreter="yes")
    contact = Contact.objects.get(mother=other)
    assert (contact.language, contact.interpreter) == ("Polish", True)


def test_travel_is_asked_about_for_visits_alone(client: Client, mother: Mother) -> None:
    assert "travel_minutes" not in page(client, "contact-log", mother.programme_code, what="phone-reached")
    log_reached(client, mother, "home_visit-reached", travel_minutes="25", travel_miles="3.5")
    contact = Contact.objects.get()
    assert (contact.travel_minutes, str(contact.travel_miles)) == (25, "3.5")


def test_all_that_add_more_offers_is_kept(client: Client, mother: Mother) -> None:
    log_reached(
        client,
        mother,
        minutes_other="37",
        topics=["feeding", "sleep"],
        own_experience_shared="yes",
        engagement="4",
        offered="The group on Tuesday",
        taken_up="no",
        note="Went well",
        feeling="2",
        initiated_by="mother",
        helped_by=["partner"],
        hindered_by=["friend"],
    )
    contact = Contact.objects.get()
    assert (contact.minutes, contact.topics, contact.own_experience_shared) == (37, ["feeding", "sleep"], True)
    assert (contact.engagement, contact.offered, contact.taken_up) == (4, "The group on Tuesday", False)
    assert (contact.note, contact.feeling, contact.initiated_by) == ("Went well", 2, "mother")
    assert (contact.influence_asked, contact.helped_by, contact.hindered_by) == (True, ["partner"], ["friend"])


def test_not_asked_is_kept_apart_from_nobody(client: Client, mother: Mother) -> None:
    log_reached(client, mother)
    log_reached(client, mother, influence_none="on")
    assert [c.influence_asked for c in Contact.objects.order_by("id")] == [False, True]


def test_the_page_says_who_reads_how_she_feels(client: Client, mother: Mother) -> None:
    said = words(page(client, "contact-log", mother.programme_code, what="phone-reached"))
    assert "This is for you and your midwife alone. It is never used to judge your work." in said


@pytest.mark.parametrize(("answer", "heading"), [("today", "Ring your midwife now"), ("emergency", "Ring 999 now")])
def test_a_concern_that_cannot_wait_says_whom_to_ring_now(
    client: Client, mother: Mother, answer: str, heading: str
) -> None:
    response = log_reached(client, mother, concern=answer)
    assert heading in words(response)
    assert 'href="tel:+442890000001"' in response.content.decode()
    assert 'href="tel:999"' in response.content.decode()


def test_please_ring_me_says_that_the_midwife_knows(client: Client, mother: Mother) -> None:
    assert "Your midwife will ring you" in words(log_reached(client, mother, please_ring_me="on"))


def test_not_safe_to_talk_says_what_happens_and_stops_all_ringing(client: Client, mother: Mother) -> None:
    address = url("contact-log", mother.programme_code, what="phone-not_safe")
    assert "nobody rings or texts her until she says it is safe again" in words(client.get(address))
    response = send(client, address)
    assert "Do not ring or text her" in words(response)
    assert SafeContact.objects.get(person=mother.person).suspended_at == NOW


def test_next_time_agreed_leads_to_the_page_that_asks_for_it(client: Client, mother: Mother) -> None:
    response = log_reached(client, mother, next_time="agree")
    assert response.redirect_chain[-1][0] == reverse("appointment-agree", args=[mother.programme_code])
    assert "Fortnight of 21 October: done." in words(response)
    changed = log_reached(client, mother, next_time="change")
    assert changed.redirect_chain[-1][0] == reverse("plan-change", args=[mother.programme_code])


# --- A mother's page ---


def test_her_page_shows_the_safe_contact_sheet_before_any_way_to_ring(client: Client, mother: Mother) -> None:
    html = page(client, "mother-detail", mother.programme_code)
    assert html.index("Safe contact") < html.index("What to do") < html.index("tel:")
    assert "Say you are a friend from the group" in html


def test_reading_her_page_is_a_line_of_the_access_log(client: Client, mother: Mother, lay_worker: LayWorker) -> None:
    page(client, "mother-detail", mother.programme_code)
    line = AccessLog.objects.get(kind="contact_details_read")
    assert (line.by, line.about_person_id) == (lay_worker.user, mother.person_id)
    assert line.request_id


def test_each_number_that_today_shows_is_a_line_of_the_access_log(
    client: Client, mother: Mother, lay_worker: LayWorker
) -> None:
    never_asked = make_mother(paired_with=lay_worker, starts_on=mother.starts_on, sheet=None)
    html = page(client, "today")
    assert html.count('href="tel:') == 1 and never_asked.programme_code in html
    lines = AccessLog.objects.filter(kind="contact_details_read").values_list("by", "about_person_id")
    assert list(lines) == [(lay_worker.user.pk, mother.person_id)]


def test_who_lives_with_her_is_not_shown_to_the_lay_worker(client: Client, mother: Mother) -> None:
    SafeContact.objects.filter(person=mother.person).update(lives_with=["hostel"])
    assert "hostel" not in page(client, "mother-detail", mother.programme_code)


def test_the_timeline_pages_by_keyset_and_shows_each_entry_once(
    client: Client, mother: Mother, lay_worker: LayWorker
) -> None:
    for hours in range(23):
        make_contact(
            mother=mother,
            lay_worker=lay_worker,
            happened_at=NOW - timedelta(hours=hours // 2),
            now=NOW,
            outcome="no_answer",
            note=f"Entry {hours:02d}.",
        )
    seen: list[str] = []
    html = page(client, "mother-detail", mother.programme_code)
    for _page in range(3):
        seen += re.findall(r"Entry \d\d\.", html)
        older = re.search(r'href="(\?before=[^"]+)"', html)
        if older:
            html = client.get(reverse("mother-detail", args=[mother.programme_code]) + older[1]).content.decode()
    assert len(seen) == len(set(seen)) == 23


def test_a_page_key_that_no_link_has_is_not_there(client: Client, mother: Mother) -> None:
    address = reverse("mother-detail", args=[mother.programme_code])
    for typed in ("x", "2026-10-01T10:00_1", "2026-10-01_x"):
        assert client.get(address, {"before": typed}).status_code == 404


def test_a_held_mothers_page_shows_no_open_window(client: Client, mother: Mother, lay_worker: LayWorker) -> None:
    plans.change(mother=mother, request=plans.Hold("loss"), asked_by="midwife", by=lay_worker.supervisor.user, now=NOW)
    html = page(client, "mother-detail", mother.programme_code)
    assert "Her plan is on hold." in html
    for word in ("Overdue", "Due now", "Coming up", "Due date", "The baby is here", "bereaved"):
        assert word not in html


# --- Correcting and taking back ---


def test_a_correction_keeps_both_dates_and_moves_the_window(
    client: Client, mother: Mother, lay_worker: LayWorker
) -> None:
    contact = make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW - timedelta(hours=3))
    address = url("contact-correct", mother.programme_code, contact.client_id)
    response = send(client, address, which_day="another", on_0="9", on_1="10", on_2="2026", reason="Wrong day")
    contact.refresh_from_db()
    assert contact.happened_on.isoformat() == "2026-10-09"
    said = words(response)
    assert "Corrected on 23 October 2026 by Lee Layworker: Wrong day." in said
    assert "It said 23 October 2026, 8:30am before." in said
    assert "Entered on 23 October 2026." in said


def test_a_correction_that_changes_nothing_but_a_note_leaves_the_instant_alone(
    client: Client, mother: Mother, lay_worker: LayWorker
) -> None:
    happened_at = NOW - timedelta(hours=3, seconds=17)
    contact = make_contact(
        mother=mother, lay_worker=lay_worker, happened_at=happened_at, minutes=20, present=("partner",), feeling=3
    )
    send(client, url("contact-correct", mother.programme_code, contact.client_id), note="Added", reason="Forgot it")
    was = contact.corrections.get().was
    assert was == {"note": ""}


def test_a_correction_needs_a_reason(client: Client, mother: Mother, lay_worker: LayWorker) -> None:
    contact = make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW)
    response = send(client, url("contact-correct", mother.programme_code, contact.client_id), minutes="45")
    assert "Say why you are correcting it" in words(response)
    assert not contact.corrections.exists()


def test_a_correction_to_reached_without_minutes_is_refused_in_words(
    client: Client, mother: Mother, lay_worker: LayWorker
) -> None:
    contact = make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW, outcome="no_answer")
    address = url("contact-correct", mother.programme_code, contact.client_id)
    assert "Say how many minutes it took" in words(send(client, address, outcome="reached", reason="She rang back"))
    done = send(client, address, outcome="reached", reason="She rang back", **REACHED)
    assert "Corrected." in words(done)


def test_taking_an_entry_back_opens_its_window_again_and_keeps_it_readable(
    client: Client, mother: Mother, lay_worker: LayWorker
) -> None:
    contact = make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW)
    response = send(client, url("contact-void", mother.programme_code, contact.client_id), reason="Other mother")
    said = words(response)
    assert "Taken back: on 23 October 2026 by Lee Layworker: Other mother" in said
    assert "Overdue" in said
    again = client.get(url("contact-correct", mother.programme_code, contact.client_id))
    assert again.status_code == 404


def test_an_entry_of_another_lay_worker_cannot_be_corrected(
    client: Client, mother: Mother, lay_worker: LayWorker
) -> None:
    other = make_lay_worker(supervisor=lay_worker.supervisor)
    pairings.arrange_cover(
        mother=mother,
        lay_worker=other,
        starts_on=TODAY,
        ends_on=TODAY + timedelta(days=2),
        by=lay_worker.supervisor.user,
        now=NOW,
    )
    contact = make_contact(mother=mother, lay_worker=other, happened_at=NOW)
    for name in ("contact-correct", "contact-void"):
        assert client.get(url(name, mother.programme_code, contact.client_id)).status_code == 404


# --- The next time ---

NEXT_TIME = {"on_0": "26", "on_1": "10", "on_2": "2026", "at": "14:00", "mode": "home_visit"}


def test_an_agreed_time_is_on_her_page_and_on_today(client: Client, mother: Mother) -> None:
    response = send(client, url("appointment-agree", mother.programme_code), **NEXT_TIME, place="The library")
    # After the clocks have gone back: two in the afternoon is then 14:00 UTC.
    assert Appointment.objects.get().starts_at.isoformat() == "2026-10-26T14:00:00+00:00"
    assert "Agreed: Monday 26 October at 2pm, home visit." in words(response)
    assert "Monday 26 October at 2pm, home visit" in words(page(client, "today"))
    assert "The library" in page(client, "today")


def test_a_second_click_is_one_appointment_and_a_time_that_has_passed_is_refused(
    client: Client, mother: Mother
) -> None:
    address = url("appointment-agree", mother.programme_code)
    for _click in range(2):
        send(client, address, **NEXT_TIME)
    assert Appointment.objects.count() == 1
    refused = send(client, address, **(NEXT_TIME | {"on_0": "22"}))
    assert "Choose a time that is still to come." in words(refused)


def test_an_agreed_time_can_be_called_off_once_asked(client: Client, mother: Mother, lay_worker: LayWorker) -> None:
    appointment = appointments.agree(
        mother=mother,
        lay_worker=lay_worker,
        starts_at=NOW + timedelta(days=1),
        mode="phone",
        by=lay_worker.user,
        now=NOW,
    )
    address = url("appointment-call-off", mother.programme_code, appointment.pk)
    assert "Call this time off?" in words(client.get(address))
    assert "Called off." in words(send(client, address))
    appointment.refresh_from_db()
    assert appointment.withdrawn_why == "called_off"
    assert client.get(address).status_code == 404


# --- The plan ---


def confirm(client: Client, address: str, **changes: Any) -> tuple[str, Any]:
    """Return the words of the page that shows what will move, and the answer once that is saved."""
    shown = send(client, address, **changes)
    data = form_of(shown.content.decode()) | {"confirmed": "yes"}
    return words(shown), client.post(address, data, follow=True)


def test_fewer_contacts_are_shown_before_they_are_saved(client: Client, mother: Mother) -> None:
    log_reached(client, mother)
    address = url("plan-change", mother.programme_code, kind="rhythm")
    shown = send(client, address, every="28", asked_by="she_to_lay_worker")
    said = words(shown)
    assert "What will move" in said
    assert "Next due: Wednesday 18 November, then 16 December, 13 January 2027" in said
    assert "Taken out: Wednesday 4 November" in said
    assert PlanChange.objects.filter(kind="rhythm").count() == 0
    saved = client.post(address, form_of(shown.content.decode()) | {"confirmed": "yes"}, follow=True)
    assert "The plan has changed. Next due 18 November." in words(saved)
    change = PlanChange.objects.get(kind="rhythm")
    assert (change.asked_by, change.asked_for) == ("she_to_lay_worker", {"every_days": 28})


def test_a_change_saved_twice_by_a_double_click_is_one_change(client: Client, mother: Mother) -> None:
    address = url("plan-change", mother.programme_code, kind="rhythm")
    shown = send(client, address, every="other", every_days="10", asked_by="someone_else")
    data = form_of(shown.content.decode()) | {"confirmed": "yes"}
    for _click in range(2):
        assert client.post(address, data).status_code == 302
    assert PlanChange.objects.filter(kind="rhythm").count() == 1


def test_going_back_from_the_confirmation_keeps_the_answers(client: Client, mother: Mother) -> None:
    address = url("plan-change", mother.programme_code, kind="rhythm")
    shown = send(client, address, every="28", asked_by="someone_else")
    back = client.post(address, form_of(shown.content.decode()) | {"again": "yes"})
    kept = form_of(back.content.decode())
    assert (kept["every"], kept["asked_by"]) == ("28", "someone_else")
    assert PlanChange.objects.count() == 1


def test_who_asked_must_be_said(client: Client, mother: Mother) -> None:
    response = send(client, url("plan-change", mother.programme_code, kind="pause"))
    assert "Say who asked" in words(response)


def test_a_pause_and_its_end_are_each_one_short_form(client: Client, mother: Mother) -> None:
    assert "Start again" not in words(page(client, "plan-change", mother.programme_code))
    said, saved = confirm(
        client, url("plan-change", mother.programme_code, kind="pause"), how_long="28", asked_by="she_to_lay_worker"
    )
    assert "Taken out: Wednesday 4 November" in said
    assert "Paused." in words(saved)
    assert "Start again" in words(page(client, "plan-change", mother.programme_code))
    with time_machine.travel(NOW + timedelta(days=3), tick=False):
        client.force_login(mother.pairings.get().lay_worker.user)
        _said, resumed = confirm(
            client, url("plan-change", mother.programme_code, kind="resume"), asked_by="she_to_lay_worker"
        )
        assert "Contact goes on." in words(resumed)


def test_a_pause_until_a_day_that_is_too_early_is_refused_in_words(client: Client, mother: Mother) -> None:
    response = send(
        client,
        url("plan-change", mother.programme_code, kind="pause"),
        how_long="until",
        until_on_0="20",
        until_on_1="10",
        until_on_2="2026",
        asked_by="she_to_lay_worker",
    )
    assert "The pause must end after the day it begins." in words(response)


def test_resuming_where_nothing_is_paused_is_refused_in_words(client: Client, mother: Mother) -> None:
    response = send(client, url("plan-change", mother.programme_code, kind="resume"), asked_by="she_to_lay_worker")
    assert "There is no pause to end: contact is going on." in words(response)


BORN = {"born_on_0": "20", "born_on_1": "10", "born_on_2": "2026"}


def test_twins_are_recorded_once_with_the_names_she_gave(client: Client, mother: Mother) -> None:
    said, saved = confirm(
        client, url("birth-record", mother.programme_code), **BORN, babies="2", name_1="Ben", name_2="Cat"
    )
    assert "What will move" in said
    assert "The birth is recorded." in words(saved)
    assert list(Baby.objects.values_list("order", "name")) == [(1, "Ben"), (2, "Cat")]
    again = send(client, url("birth-record", mother.programme_code), **BORN)
    assert "A birth is recorded already." in words(again)
    assert "The baby is here" not in words(page(client, "mother-detail", mother.programme_code))


def test_a_birth_in_the_future_and_more_names_than_babies_are_refused_in_words(client: Client, mother: Mother) -> None:
    address = url("birth-record", mother.programme_code)
    assert "The birth cannot be in the future." in words(send(client, address, **(BORN | {"born_on_0": "30"})))
    assert "There are more names than babies" in words(send(client, address, **BORN, name_1="Ben", name_2="Cat"))
    assert not Baby.objects.exists()


def test_another_due_date_shows_what_moves_and_is_saved(client: Client, mother: Mother) -> None:
    _said, saved = confirm(client, url("due-date-change", mother.programme_code), edd_0="1", edd_1="5", edd_2="2027")
    assert "The due date is changed." in words(saved)
    assert "1 May 2027" in words(page(client, "mother-detail", mother.programme_code))


# --- Whose rows they are ---

ABOUT_HER = ("mother-detail", "contact-log", "plan-change", "birth-record", "due-date-change", "appointment-agree")


def test_a_mother_who_is_not_hers_is_not_there(client: Client) -> None:
    other = make_mother(paired_with=make_lay_worker(), starts_on=TODAY)
    for name in ABOUT_HER:
        assert client.get(url(name, other.programme_code)).status_code == 404, name
        assert client.post(url(name, other.programme_code)).status_code == (405 if name == "mother-detail" else 404), (
            name
        )


def test_her_midwife_opens_her_page_and_changes_her_plan_and_another_midwife_does_not(
    mother: Mother, lay_worker: LayWorker
) -> None:
    hers, other = signed_in(lay_worker.supervisor.user), signed_in(make_midwife().user)
    for name in set(ABOUT_HER) - {"contact-log"}:
        assert hers.get(url(name, mother.programme_code)).status_code == 200, name
        assert other.get(url(name, mother.programme_code)).status_code == 404, name
    assert hers.get(url("contact-log", mother.programme_code)).status_code == 403
    _said, saved = confirm(
        hers, url("plan-change", mother.programme_code, kind="rhythm"), every="28", asked_by="she_to_midwife"
    )
    assert "The plan has changed." in words(saved)
    assert "Agreed:" in words(send(hers, url("appointment-agree", mother.programme_code), **NEXT_TIME))
    assert Appointment.objects.get().lay_worker == lay_worker


def test_how_it_felt_is_shown_to_the_writer_and_the_midwife_and_not_to_a_cover(
    client: Client, mother: Mother, lay_worker: LayWorker
) -> None:
    make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW, feeling=1)
    cover = make_lay_worker(supervisor=lay_worker.supervisor)
    pairings.arrange_cover(
        mother=mother,
        lay_worker=cover,
        starts_on=TODAY,
        ends_on=TODAY + timedelta(days=2),
        by=lay_worker.supervisor.user,
        now=NOW,
    )
    said = "How it felt after: 1 of 5."
    assert said in page(client, "mother-detail", mother.programme_code)
    assert said in page(signed_in(lay_worker.supervisor.user), "mother-detail", mother.programme_code)
    assert said not in page(signed_in(cover.user), "mother-detail", mother.programme_code)


def end_pairing(mother: Mother, lay_worker: LayWorker, *, now: datetime) -> None:
    pairings.end(pairing=mother.pairings.get(), reason="midwife", by=lay_worker.supervisor.user, now=now)


def test_for_seven_days_after_a_pairing_she_may_log_what_happened_before_by_name_alone(
    client: Client, mother: Mother, lay_worker: LayWorker
) -> None:
    make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW - timedelta(days=3), present=("partner",))
    end_pairing(mother, lay_worker, now=NOW - timedelta(hours=1))
    assert url("late-log") in page(client, "today")
    assert "Ada" in page(client, "late-log")
    assert client.get(url("mother-detail", mother.programme_code)).status_code == 404
    html = page(client, "contact-log", mother.programme_code, what="phone-reached")
    assert "present" not in form_of(html)
    for hidden in ("As planned", mother.person.family_name, "tel:"):
        assert hidden not in html
    late = log_reached(client, mother, which_day="yesterday")
    assert late.redirect_chain[-1][0] == reverse("late-log")
    assert "Saved." in words(late) and "Next due" not in words(late)
    refused = log_reached(client, mother)
    assert "You were not her lay-worker, nor covering, at that time." in words(refused)


def test_after_seven_days_she_may_not_log_any_more(client: Client, mother: Mother, lay_worker: LayWorker) -> None:
    end_pairing(mother, lay_worker, now=NOW - timedelta(days=7, minutes=1))
    assert "There is nobody to log for" in page(client, "late-log")
    assert client.get(url("contact-log", mother.programme_code)).status_code == 404


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.LAY_WORKER])
def test_nobody_but_a_lay_worker_has_a_today_or_a_log(role: Role, mother: Mother) -> None:
    other = signed_in(make_user(role))
    for name, args in (("today", []), ("late-log", []), ("contact-log", [mother.programme_code])):
        expected = 404 if role is Role.ASSESSOR else 403
        # A second granter has not agreed yet: such a person holds no right at all.
        assert other.get(url(name, *args)).status_code in {expected, 403}, name


def test_signed_out_is_sent_to_sign_in(mother: Mother) -> None:
    for name in ABOUT_HER:
        assert "/accounts/login/" in Client().get(url(name, mother.programme_code)).headers["Location"]


# --- The number of queries ---


def test_pages_take_the_same_few_queries_for_one_mother_or_entry_and_for_twenty(
    client: Client, lay_worker: LayWorker
) -> None:
    mothers = [make_mother(paired_with=lay_worker, starts_on=TODAY - timedelta(days=3), name_to_use="Ada")]
    addresses = [
        url("today"),
        url("mother-detail", mothers[0].programme_code),
        url("contact-log", mothers[0].programme_code, what="phone-reached"),
        url("plan-change", mothers[0].programme_code),
        url("appointment-agree", mothers[0].programme_code),
    ]
    make_contact(mother=mothers[0], lay_worker=lay_worker, happened_at=NOW - timedelta(hours=30), now=NOW)

    def counts() -> list[int]:
        numbers = []
        for address in addresses:
            client.get(address)
            with CaptureQueriesContext(connection) as queries:
                assert client.get(address).status_code == 200
            numbers.append(len(queries))
        return numbers

    at_one = counts()
    mothers += [make_mother(paired_with=lay_worker, starts_on=TODAY - timedelta(days=3)) for _more in range(17)]
    for hours in range(19):
        make_contact(mother=mothers[0], lay_worker=lay_worker, happened_at=NOW - timedelta(hours=hours), now=NOW)
    for mother in mothers[1:]:
        make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW, now=NOW)
    assert counts() == at_one
    assert max(at_one) <= 12


def test_the_same_entry_id_with_another_mother_is_refused_in_words(client: Client, mother: Mother) -> None:
    client_id = str(uuid4())
    log_reached(client, mother, client_id=client_id)
    other = make_mother(paired_with=mother.pairings.get().lay_worker, starts_on=TODAY)
    assert "This form was used for another entry." in words(log_reached(client, other, client_id=client_id))
    assert contacts.Contact.objects.count() == 1
