"""Texts against servers that speak as GOV.UK Notify and Twilio do: taken once, asked about before a second time, safe."""

import json
import logging
import subprocess
import sys
import threading
from datetime import UTC, datetime, time, timedelta
from time import monotonic
from urllib.request import urlopen

import pytest

from mentoring.services import appointments
from mentoring.services.mothers import Hours, Number, renew_safe_contact, suspend_safe_contact
from outbox.carriers.bounded import BoundedSession
from outbox.carriers.notify import Notify
from outbox.carriers.twilio import Twilio
from outbox.models import Message
from outbox.services import delivery, messages
from people.models import PhoneNumber, SafeContact
from tests.factories import NOW, make_lay_worker, make_mother, make_user, safe_sheet
from tests.services.carriers_over_http import serving
from tests.services.post import Recording, free_port, kind, queued
from tests.services.texts import NUMBER, make_texted, text_to

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _kind():
    with kind(to_mothers=True):
        yield


@pytest.fixture
def mother():
    return make_texted()


@pytest.fixture
def message(mother):
    return text_to(mother.person)


@pytest.fixture
def notify(settings):
    with serving(settings, "notify") as post:
        yield post


@pytest.fixture
def twilio(settings):
    with serving(settings, "twilio") as post:
        yield post


def deliver(now=NOW, carrier=None):
    carriers = None if carrier is None else {"text": carrier}
    return delivery.deliver_due(now=now, carriers=carriers)


def standing(message):
    message.refresh_from_db()
    return message.status, message.why


class TestEither:
    @pytest.fixture(params=["notify", "twilio"])
    def post(self, request, settings):
        with serving(settings, request.param) as post:
            yield post

    def test_takes_a_text_once_to_the_number_that_is_safe_with_its_reference_and_its_name_is_kept(self, message, post):
        assert [deliver(), deliver(now=NOW + MINUTE)] == [1, 0]
        [taken] = post.accepted
        assert (taken.to, taken.body, taken.reference) == (NUMBER, "Look here.", str(message.reference))
        assert standing(message) == ("sent", "")
        assert (message.carrier_reference, message.sent_at) == (taken.id, NOW)

    def test_refuses_for_good_and_the_next_goes(self, message, post):
        post.next_ones = ["400"]
        other = text_to(make_texted(number="+447700900124").person)
        assert deliver() == 1
        assert (standing(message), standing(other)) == (("failed", "carrier_refused"), ("sent", ""))

    @pytest.mark.parametrize("status", ["403", "404", "429"])
    def test_that_will_not_now_loses_nothing_and_is_asked_later_and_later(self, message, post, status):
        post.next_ones = [status] * 3
        now, waits = NOW, []
        for _time in range(3):
            deliver(now=now)
            assert standing(message) == ("queued", "carrier_down")
            waits.append((message.due_at - now) / MINUTE)
            now = message.due_at
        assert waits == [1, 2, 4]
        assert deliver(now=now - timedelta(seconds=1)) == 0
        assert deliver(now=now) == 1
        assert len(post.accepted) == 1

    def test_stops_the_round_when_it_will_not(self, message, post):
        other = text_to(make_texted(number="+447700900124").person)
        post.next_ones = ["429"]
        assert deliver() == 0
        assert (post.tried, standing(other)[0]) == (1, "queued")

    def test_goes_on_after_one_that_broke_off_and_stops_at_the_third_in_a_row(self, message, post):
        for number in range(6):
            text_to(make_texted(number=f"+4477009001{number:02d}").person)
        post.next_ones = ["drop", "ok", "drop", "500", "drop"]
        assert deliver() == 1
        assert post.tried == 5
        assert Message.objects.filter(channel="text", status="queued").count() == 2

    def test_with_a_wrong_key_waits_for_an_operator_and_says_so_without_a_number(self, message, post, settings, caplog):
        settings.NOTIFY_API_KEY = settings.NOTIFY_API_KEY[:-1] + "1"
        settings.TWILIO_AUTH_TOKEN = "another"
        with caplog.at_level(logging.DEBUG):
            assert deliver() == 0
        assert standing(message) == ("queued", "carrier_down")
        assert [record.levelname for record in caplog.records if "look at its" in record.getMessage()] == ["ERROR"]
        assert NUMBER[1:] not in caplog.text

    def test_that_is_not_there_took_nothing(self, message, post, settings):
        settings.NOTIFY_BASE_URL = settings.TWILIO_BASE_URL = f"http://127.0.0.1:{free_port()}"
        assert deliver() == 0
        assert standing(message) == ("queued", "carrier_down")

    @pytest.mark.parametrize("how", ["hang", "dawdle"])
    def test_is_cut_off_when_its_seconds_are_over(self, message, post, settings, how):
        post.next_ones = [how]
        carrier = (Notify if settings.TEXT_CARRIER == "notify" else Twilio)(seconds=0.5)
        began = monotonic()
        assert deliver(carrier=carrier) == 0
        assert monotonic() - began < 3
        assert standing(message)[0] in {"handing_over", "needs_a_person"}


class TestNotify:
    @pytest.mark.parametrize("how", ["500 taken", "drop", "hang", "dawdle", "408"])
    def test_is_asked_by_reference_after_a_hand_over_that_broke_off_and_nothing_goes_twice(self, message, notify, how):
        notify.next_ones = [how]
        assert deliver(carrier=Notify(seconds=0.5)) == 0
        assert standing(message) == ("handing_over", "may_be_accepted")
        notify.hangs.set()
        assert (deliver(), notify.questions) == (0, []), "not before a minute has passed"
        deliver(now=NOW + MINUTE * 2)
        assert notify.questions == [str(message.reference)]
        assert standing(message) == ("sent", "")
        assert notify.acceptances() == {str(message.reference): 1}
        assert notify.tried == (2 if how == "408" else 1)

    @pytest.mark.parametrize("how", ["500", "cut"])
    def test_that_had_not_taken_it_is_given_it_once_it_has_said_so(self, message, notify, how):
        notify.next_ones = [how]
        deliver()
        assert (standing(message)[0], notify.accepted) == ("handing_over", [])
        assert deliver(now=NOW + MINUTE * 2) == 1
        assert notify.questions == [str(message.reference)]
        assert notify.acceptances() == {str(message.reference): 1}

    def test_that_cannot_be_asked_is_asked_later_and_given_nothing_meanwhile(self, message, notify):
        notify.next_ones, notify.asked = ["500 taken"], "500"
        now = NOW
        deliver(now=now)
        for _time in range(4):
            now += timedelta(minutes=20)
            deliver(now=now)
            assert standing(message) == ("handing_over", "may_be_accepted")
        assert notify.tried == 1
        notify.asked = "ok"
        deliver(now=now + timedelta(minutes=40))
        assert (standing(message)[0], notify.tried) == ("sent", 1)

    def test_that_never_answers_leaves_the_text_to_a_person_once_its_use_is_over(self, message, notify):
        notify.next_ones, notify.asked = ["500 taken"], "500"
        deliver()
        deliver(now=message.expires_at + MINUTE)
        assert standing(message) == ("needs_a_person", "not_answered")

    def test_a_worker_that_died_after_it_was_taken_sends_nothing_twice(self, message, notify):
        class Killed(BaseException):
            pass

        def then_dies(given):
            Notify().hand_over(given, kept[0])
            raise Killed

        class Dying(Recording):
            def hand_over(self, given, words):
                kept.append(words)
                then_dies(given)

        kept = []
        with pytest.raises(Killed):
            deliver(carrier=Dying())
        assert standing(message)[0] == "handing_over"
        deliver(now=NOW + delivery.LEASE + MINUTE)
        assert standing(message)[0] == "sent"
        assert notify.acceptances() == {str(message.reference): 1}

    def test_an_earlier_try_that_did_not_arrive_is_not_taken_for_the_one_asked_about(self, message, notify):
        deliver()
        message.refresh_from_db()
        Message.objects.filter(pk=message.pk).update(status="failed", why="permanent_failure")
        assert messages.resend(message_id=message.pk, now=NOW)
        notify.next_ones = ["500"]
        deliver(now=NOW + MINUTE)
        assert deliver(now=NOW + MINUTE * 5) == 1
        assert notify.acceptances() == {str(message.reference): 2}

    def test_that_fails_and_drops_the_line_by_chance_takes_each_of_many_once(self, settings):
        with serving(settings, "notify", fails=0.2, drops=0.2, seed=7) as post:
            rows = [text_to(make_texted(number=f"+4477009003{number:02d}").person) for number in range(25)]
            now = NOW
            while Message.objects.exclude(status="sent").exists() and now < NOW + timedelta(hours=6):
                deliver(now=now)
                now += MINUTE
            assert {standing(row) for row in rows} == {("sent", "")}
            assert post.acceptances() == {str(row.reference): 1 for row in rows}
            assert post.tried > len(rows), "nothing went wrong, so nothing was shown"


class TestTwilio:
    @pytest.mark.parametrize("how", ["500", "500 taken", "drop", "cut", "hang"])
    def test_takes_no_reference_so_a_hand_over_that_broke_off_goes_to_a_person(self, message, twilio, how):
        twilio.next_ones = [how]
        assert deliver(carrier=Twilio(seconds=0.5)) == 0
        assert standing(message) == ("needs_a_person", "broken_off")
        deliver(now=NOW + timedelta(hours=1))
        assert twilio.tried == 1


class TestWhatIsSafe:
    @pytest.fixture
    def carrier(self):
        return Recording()

    def test_goes_to_the_first_number_that_may_be_written_to_and_is_in_use(self, carrier):
        numbers = (
            Number("07700 900501", safe_to_call=True),
            Number("07700 900502", safe_to_text=True),
            Number("07700 900503", safe_to_text=True),
            Number("07700 900504", safe_to_text=True),
        )
        person = make_texted(numbers=numbers).person
        PhoneNumber.objects.filter(number="+447700900502").update(retired_at=NOW, retired_by=make_user("midwife"))
        text_to(person)
        assert deliver(carrier=carrier) == 1
        assert [words.to for words in carrier.words] == ["+447700900503"]

    @pytest.mark.parametrize(
        "changed",
        [
            {"texts_opted_in": False},
            {"asked_on": None},
            {"asked_on": NOW.date() - timedelta(days=85)},
        ],
    )
    def test_nothing_goes_without_her_word_of_the_last_twelve_weeks(self, mother, message, carrier, changed):
        SafeContact.objects.filter(person=mother.person).update(**changed)
        assert deliver(carrier=carrier) == 0
        assert (carrier.given, standing(message)) == ([], ("cancelled", "no_safe_number"))

    def test_on_the_last_day_of_the_twelve_weeks_it_still_goes(self, mother, message, carrier):
        SafeContact.objects.filter(person=mother.person).update(asked_on=NOW.date() - timedelta(days=84))
        assert deliver(carrier=carrier) == 1

    def test_nothing_goes_after_it_was_said_that_it_is_not_safe(self, mother, message, carrier):
        suspend_safe_contact(mother=mother, by=make_user("lay_worker"), now=NOW)
        deliver(carrier=carrier)
        assert (carrier.given, standing(message)) == ([], ("cancelled", "no_safe_number"))

    def test_nothing_goes_to_a_number_that_she_did_not_say_is_safe_to_text(self, message, mother, carrier):
        renew_safe_contact(
            mother=mother, sheet=safe_sheet(texts_opted_in=True), numbers=(Number(NUMBER, safe_to_call=True),),
            by=make_user("midwife"), now=NOW,
        )  # fmt: skip
        deliver(carrier=carrier)
        assert (carrier.given, standing(message)) == ([], ("cancelled", "no_safe_number"))

    def test_nothing_goes_to_one_who_was_never_asked(self, carrier):
        message = text_to(make_mother(sheet=None).person)
        deliver(carrier=carrier)
        assert (carrier.given, standing(message)[0]) == ([], "cancelled")

    @pytest.mark.parametrize(
        ("hours", "at", "goes"),
        [
            ((), datetime(2026, 10, 23, 8, 0, tzinfo=UTC), True),
            ((), datetime(2026, 10, 23, 7, 59, tzinfo=UTC), False),
            ((), datetime(2026, 10, 23, 17, 59, tzinfo=UTC), True),
            ((), datetime(2026, 10, 23, 18, 0, tzinfo=UTC), False),
            # The clocks have gone back: 09:00 is an hour later in UTC.
            ((), datetime(2026, 10, 26, 8, 30, tzinfo=UTC), False),
            ((), datetime(2026, 10, 26, 9, 0, tzinfo=UTC), True),
            (((5,), "12:00", "14:00"), datetime(2026, 10, 23, 10, 59, tzinfo=UTC), False),
            (((5,), "12:00", "14:00"), datetime(2026, 10, 23, 11, 0, tzinfo=UTC), True),
            (((4,), "12:00", "14:00"), datetime(2026, 10, 23, 11, 0, tzinfo=UTC), False),
            (((5,), "07:00", "10:00"), datetime(2026, 10, 23, 7, 30, tzinfo=UTC), False),
        ],
    )
    def test_goes_within_her_hours_and_those_of_all_mothers_or_not_at_all(self, carrier, hours, at, goes):
        def clock(text):
            return datetime.strptime(text, "%H:%M").time()

        named = (Hours(hours[0], clock(hours[1]), clock(hours[2])),) if hours else ()
        message = text_to(make_texted(sheet={"hours": named}).person, now=at)
        deliver(carrier=carrier, now=at)
        assert (len(carrier.given), standing(message)) == (
            (1, ("sent", "")) if goes else (0, ("expired", "past_her_hours"))
        )

    def test_one_that_a_carrier_held_up_past_her_hours_does_not_go_the_next_morning(self, message, carrier):
        Message.objects.filter(pk=message.pk).update(due_at=NOW)
        assert deliver(carrier=carrier, now=NOW + timedelta(hours=22)) == 0
        assert standing(message) == ("expired", "past_her_hours")

    @pytest.mark.parametrize(
        ("later", "stands"),
        [
            (timedelta(0), ("sent", "")),
            (timedelta(minutes=14), ("sent", "")),
            (timedelta(minutes=15), ("expired", "past_her_hours")),
            (timedelta(days=1), ("expired", "past_her_hours")),
        ],
    )
    def test_where_her_hours_are_days_before_a_time_agreed_it_goes_in_the_last_of_them_or_not_at_all(
        self, carrier, later, stands
    ):
        on_wednesdays = (Hours((3,), time(10), time(12)),)
        lay_worker = make_lay_worker()
        mother = make_texted(paired_with=lay_worker, sheet={"hours": on_wednesdays})
        saturday = datetime(2026, 10, 31, 11, 0, tzinfo=UTC)
        appointments.agree(mother=mother, starts_at=saturday, mode="phone", by=lay_worker.user, now=NOW)
        message = Message.objects.get(channel="text")
        assert message.due_at == datetime(2026, 10, 28, 11, 45, tzinfo=UTC)
        deliver(carrier=carrier, now=message.due_at - timedelta(seconds=1))
        assert carrier.given == []
        deliver(carrier=carrier, now=message.due_at + later)
        assert standing(message) == stands

    def test_in_the_demo_the_hour_is_not_asked(self, message, carrier, settings):
        settings.SENDS_AT_ANY_HOUR = True
        assert deliver(carrier=carrier, now=NOW + timedelta(hours=12)) == 1

    @pytest.mark.parametrize("said", ["Your midwife rang", "About the baby", "See http://alongside.example.org/"])
    def test_words_that_would_tell_another_reader_something_do_not_go(self, mother, carrier, said):
        from outbox.rules.registry import Words

        with kind("telling", to_mothers=True, compose=lambda some: [Words("", said, "", "") for _one in some]):
            message = text_to(mother.person, kind="telling")
            deliver(carrier=carrier)
        assert (carrier.given, standing(message)) == ([], ("failed", "not_discreet"))

    def test_a_kind_that_is_not_for_mothers_does_not_go_to_one(self, mother, carrier):
        with kind("for_staff"):
            message = text_to(mother.person, kind="for_staff")
            deliver(carrier=carrier)
        assert (carrier.given, standing(message)) == ([], ("failed", "not_discreet"))


def test_without_a_carrier_a_text_fails_at_once_and_without_a_call(message, settings):
    settings.TEXT_CARRIER = "none"
    assert deliver() == 0
    assert standing(message) == ("failed", "carrier_refused")


def test_in_the_demo_a_text_is_in_the_mailbox_to_a_number_of_which_only_the_end_shows(message, settings, tmp_path):
    from outbox.queries.messages import letters_in

    settings.TEXT_CARRIER, settings.EMAIL_FILE_PATH = "mailbox", tmp_path
    assert deliver() == 1
    [letter] = letters_in(tmp_path)
    assert (letter.is_text, letter.to, letter.body.strip()) == (True, "123", "Look here.")
    assert NUMBER[1:-3] not in "".join(path.read_text() for path in tmp_path.iterdir())


def test_the_mailbox_page_shows_a_text_as_one(message, client, settings, tmp_path):
    settings.TEXT_CARRIER, settings.EMAIL_FILE_PATH, settings.DEMO = "mailbox", tmp_path, True
    settings.SECOND_FACTOR_REQUIRED = False
    deliver()
    client.force_login(make_user("midwife"))
    page = client.get("/mailbox/").content.decode()
    assert "Text message" in page and "To the number that ends in 123" in page and "Look here." in page
    assert NUMBER[4:] not in page


class TestACarrierThatHangs:
    """Texts go last in a tick: what hangs there holds up neither the app nor e-mail, and no alert at all."""

    @pytest.fixture
    def hanging(self, settings):
        with serving(settings, "notify") as post:
            post.next_ones = ["hang"] * 9
            yield post

    def test_delays_nothing_in_the_app_or_by_e_mail_and_not_the_tick_beyond_its_bound(self, message, hanging):
        for number in range(125, 129):
            text_to(make_texted(number=f"+447700900{number}").person)
        order = []
        app = Recording(does=lambda one: order.append(one.channel))
        mail = Recording(does=lambda one: order.append(one.channel))
        queued(to=make_user("lay_worker")), queued(to=make_user("lay_worker"), channel="email")
        began = monotonic()
        carriers = {"in_app": app, "email": mail, "text": Notify(seconds=0.5)}
        assert delivery.deliver_due(now=NOW, carriers=carriers) == 2
        assert order == ["in_app", "email"]
        assert hanging.tried == 3, "the round ends at the third in a row that hangs"
        assert monotonic() - began < 3

    def test_the_carriers_in_use_have_texts_last(self, settings):
        settings.TEXT_CARRIER = "notify"
        assert list(delivery.all_carriers()) == ["in_app", "email", "text"]

    @pytest.mark.django_db(transaction=True)
    def test_an_alert_goes_while_it_hangs(self, hanging):
        text_to(make_texted().person)
        alert = None

        def tick():
            from django.db import connection

            delivery.deliver_due(now=NOW, carriers={"text": Notify(seconds=5)})
            connection.close()

        thread = threading.Thread(target=tick)
        thread.start()
        try:
            while not hanging.accepted:
                assert thread.is_alive()
            with kind("alarm", any_hour=True):
                alert, plain = queued(to=make_user("midwife"), kind="alarm"), queued(to=make_user("midwife"))
                app = Recording()
                assert delivery.deliver_alerts(now=NOW, carriers={"in_app": app}) == 1
            assert thread.is_alive(), "the text still hangs"
            assert (app.given, standing(alert)[0], standing(plain)[0]) == ([alert.pk], "sent", "queued")
        finally:
            hanging.hangs.set()
            thread.join(10)


def test_alerts_go_in_the_night_and_nothing_else_does():
    night = NOW.replace(hour=2)
    with kind("alarm", any_hour=True):
        queued(to=make_user("midwife"), kind="alarm", now=night)
        queued(to=make_user("midwife"), now=night)
        app = Recording(batch=500)
        assert delivery.deliver_alerts(now=night, carriers={"in_app": app}) == 1


def test_a_connection_that_comes_too_late_says_nothing():
    session = BoundedSession(0)
    with pytest.raises(TimeoutError):
        session.connected(None)  # type: ignore[arg-type]  # asked of no session
    assert session.was_told is False


def test_the_servers_can_be_started_as_a_process_of_their_own():
    with subprocess.Popen(
        [sys.executable, "-m", "tests.services.carriers_over_http", "--fails", "0.5"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            port = json.loads(process.stdout.readline())["port"]
            with urlopen(f"http://127.0.0.1:{port}/acceptances", timeout=5) as answer:
                assert json.load(answer) == {}
        finally:
            process.terminate()
