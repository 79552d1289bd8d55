"""What carriers of texts call back with: proven by token or signature, once, in any order, and never answered by machine."""

import json
import logging
from datetime import timedelta

import pytest
from django.urls import reverse
from twilio.request_validator import RequestValidator

from mentoring.models import Duty
from mentoring.queries.replies import replies_for
from mentoring.services import appointments, duties
from outbox.models import Inbound, Message
from outbox.queries.replies import count_of_nobody
from outbox.services import delivery, messages, replies
from people.models import PhoneNumber, SafeContact
from people.rules.local_time import local_date
from tests.factories import NOW, make_lay_worker, make_midwife, make_user
from tests.services.carriers_over_http import AUTH_TOKEN, serving
from tests.services.post import Recording, kind, wait_for_a_lock
from tests.services.races import at_once
from tests.services.texts import NUMBER, make_texted, text_to

pytestmark = pytest.mark.django_db
TOKEN = "an invented token of enough letters"
SITE = "https://alongside.example.org"


@pytest.fixture(autouse=True)
def _proofs(settings):
    settings.SITE_URL = SITE
    settings.NOTIFY_CALLBACK_TOKEN, settings.TWILIO_AUTH_TOKEN = TOKEN, AUTH_TOKEN
    # As in production: none of this trips over a second factor.
    settings.SECOND_FACTOR_REQUIRED = True
    with kind(to_mothers=True):
        yield


@pytest.fixture
def midwife():
    return make_midwife()


@pytest.fixture
def mother(midwife):
    return make_texted(paired_with=make_lay_worker(supervisor=midwife), by=midwife.user)


@pytest.fixture
def sent(mother):
    message = text_to(mother.person)
    Message.objects.filter(pk=message.pk).update(status="sent", sent_at=NOW, carrier_reference="the-carriers-own")
    return message


def notify(client, name, body, token=TOKEN):
    body = body if isinstance(body, str) else json.dumps(body)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return client.post(reverse(name), body, content_type="application/json", headers=headers)


def notify_receipt(client, message, status, **fields):
    body = {
        "id": "the-carriers-own", "reference": str(message.reference), "to": NUMBER[1:], "status": status,
        "created_at": "2026-10-23T10:30:00.000000Z", "completed_at": None, "sent_at": None, "notification_type": "sms",
    } | fields  # fmt: skip
    return notify(client, "notify-receipt", body)


def twilio(client, name, fields, *, kwargs=None, signed=None):
    address = reverse(name, kwargs=kwargs)
    signature = RequestValidator(AUTH_TOKEN).compute_signature(SITE + address, signed or fields)
    return client.post(address, fields, headers={"X-Twilio-Signature": signature})


def twilio_receipt(client, message, status):
    fields = {"MessageSid": "the-carriers-own", "MessageStatus": status, "To": NUMBER, "From": "+447700900999"}
    return twilio(client, "twilio-receipt", fields, kwargs={"reference": message.reference})


def inbound(client, carrier, text, *, number=NUMBER, reference="r1"):
    if carrier == "notify":
        body = {"id": reference, "source_number": number[1:], "destination_number": "60006", "message": text}
        return notify(client, "notify-inbound", body | {"date_received": "2026-10-23T10:30:00Z"})
    fields = {"MessageSid": reference, "From": number, "To": "+447700900999", "Body": text}
    return twilio(client, "twilio-inbound", fields)


def standing(message):
    message.refresh_from_db()
    return message.status, message.why


RECEIPTS = pytest.mark.parametrize(
    ("receipt", "lost"), [(notify_receipt, "permanent-failure"), (twilio_receipt, "undelivered")]
)


class TestAReceipt:
    @RECEIPTS
    def test_says_that_a_text_arrived_and_again_changes_nothing(self, client, sent, receipt, lost):
        assert receipt(client, sent, "delivered").status_code == 204
        assert standing(sent) == ("delivered", "")
        before = sent.delivered_at
        assert before is not None
        for later in ("delivered", "sending", "sent", lost):
            assert receipt(client, sent, later).status_code == 204
            assert (standing(sent), sent.delivered_at) == (("delivered", ""), before)

    @RECEIPTS
    def test_says_that_a_text_is_lost_with_why_in_whatever_order(self, client, sent, receipt, lost):
        for one in ("sending", lost, "sending", lost):
            assert receipt(client, sent, one).status_code == 204
        assert standing(sent) == ("failed", lost.replace("-", "_"))
        receipt(client, sent, "delivered")
        assert standing(sent) == ("delivered", "")

    @RECEIPTS
    @pytest.mark.parametrize("status", ["handing_over", "needs_a_person", "queued", "claimed"])
    def test_proves_that_the_carrier_has_one_that_broke_off_and_it_never_goes_again(
        self, client, sent, receipt, lost, status
    ):
        Message.objects.filter(pk=sent.pk).update(
            status=status, sent_at=None, carrier_reference="", lease_until=NOW + timedelta(minutes=5)
        )
        receipt(client, sent, "sent")
        assert standing(sent) == ("sent", "")
        assert (sent.carrier_reference, sent.lease_until) == ("the-carriers-own", None)
        carrier = Recording(accepted=False)
        delivery.deliver_due(now=NOW + timedelta(minutes=30), carriers={"text": carrier})
        assert carrier.given == []

    def test_of_an_earlier_try_takes_nothing_from_one_sent_again_since(self, client, sent):
        notify_receipt(client, sent, "permanent-failure")
        assert messages.resend(message_id=sent.pk, now=NOW)
        notify_receipt(client, sent, "permanent-failure")
        assert standing(sent)[0] == "queued"
        Message.objects.filter(pk=sent.pk).update(status="sent", carrier_reference="another")
        notify_receipt(client, sent, "permanent-failure")
        assert standing(sent)[0] == "sent"

    @pytest.mark.parametrize("status", ["cancelled", "expired"])
    def test_brings_back_nothing_that_was_taken_out(self, client, sent, status):
        Message.objects.filter(pk=sent.pk).update(status=status)
        assert notify_receipt(client, sent, "delivered").status_code == 204
        assert standing(sent)[0] == status

    @pytest.mark.parametrize("reference", ["4b4cb5a5-0000-4000-8000-000000000000", "not-a-reference", None, 7, ["a"]])
    def test_of_a_text_that_is_not_ours_is_not_found_and_says_no_more(self, client, sent, reference):
        answer = notify_receipt(client, sent, "delivered", reference=reference)
        assert answer.status_code == 404
        assert str(reference) not in answer.content.decode()
        assert standing(sent)[0] == "sent"

    def test_of_what_is_no_text_is_not_found(self, client, sent):
        Message.objects.filter(pk=sent.pk).update(channel="email")
        assert notify_receipt(client, sent, "delivered").status_code == 404
        assert twilio_receipt(client, sent, "delivered").status_code == 404

    @pytest.mark.parametrize("body", ["", "nothing", "[]", '"text"', "\xff"])
    def test_that_cannot_be_read_is_a_bad_request(self, client, body):
        assert notify(client, "notify-receipt", body).status_code == 400


class TestProof:
    @pytest.mark.parametrize("name", ["notify-receipt", "notify-inbound"])
    @pytest.mark.parametrize("token", [None, "", "another", TOKEN + "x", TOKEN[:-1]])
    def test_a_wrong_token_is_turned_away(self, client, sent, name, token):
        body = {
            "id": "r",
            "reference": str(sent.reference),
            "status": "delivered",
            "source_number": "447",
            "message": "a",
        }
        assert notify(client, name, body, token=token).status_code == 403
        assert (standing(sent)[0], Inbound.objects.count()) == ("sent", 0)

    @pytest.mark.parametrize("name", ["notify-receipt", "notify-inbound"])
    def test_without_a_token_in_the_settings_nobody_is_let_in(self, client, settings, name):
        settings.NOTIFY_CALLBACK_TOKEN = ""
        assert notify(client, name, {}, token="").status_code == 403

    def test_a_signature_over_something_else_is_turned_away(self, client, sent):
        fields = {"MessageSid": "r1", "From": NUMBER, "Body": "Yes"}
        assert twilio(client, "twilio-inbound", fields, signed=fields | {"Body": "No"}).status_code == 403
        assert client.post(reverse("twilio-inbound"), fields).status_code == 403
        other = RequestValidator(AUTH_TOKEN).compute_signature(SITE + "/elsewhere/", fields)
        assert client.post(reverse("twilio-inbound"), fields, headers={"X-Twilio-Signature": other}).status_code == 403
        assert Inbound.objects.count() == 0

    def test_a_form_without_the_cross_site_token_is_taken_and_no_session_begins(self, sent):
        from django.test import Client

        strict = Client(enforce_csrf_checks=True)
        assert notify_receipt(strict, sent, "delivered").status_code == 204
        assert twilio_receipt(strict, sent, "delivered").status_code == 204
        assert strict.cookies == {}


class TestAReply:
    @pytest.mark.parametrize("carrier", ["notify", "twilio"])
    def test_is_kept_word_for_word_once_and_is_her_midwifes_duty_that_day(self, client, mother, midwife, carrier):
        said = "Leave her alone \N{PILE OF POO}\nor else"
        for _time in range(3):
            assert inbound(client, carrier, said).status_code in {200, 204}
        kept = Inbound.objects.get()
        assert (kept.text, kept.person, kept.from_number, kept.is_stop) == (said, mother.person, NUMBER, False)
        duty = Duty.objects.get(kind="reply")
        assert (duty.mother, duty.owner, duty.closed_at) == (mother, midwife, None)
        assert duty.due_on == local_date(kept.received_at)
        assert said not in duty.text
        assert [reply.text for reply in replies_for(duty)] == [said]
        assert SafeContact.objects.get(person=mother.person).texts_opted_in

    def test_is_never_answered_by_machine(self, client, mother):
        answer = inbound(client, "twilio", "Who is this?")
        assert answer["Content-Type"] == "text/xml"
        assert answer.content == b'<?xml version="1.0" encoding="UTF-8"?><Response />'
        assert inbound(client, "notify", "Who is this?", reference="r2").content == b""
        assert not Message.objects.filter(recipient_person=mother.person, channel="text", kind="tried_here").exists()

    def test_and_another_are_one_duty_that_shows_both_and_one_after_it_was_closed_is_a_new_one(self, client, mother):
        by = make_user("midwife")
        inbound(client, "notify", "One", reference="r1")
        inbound(client, "notify", "Two", reference="r2")
        first = Duty.objects.get(kind="reply")
        assert [reply.text for reply in replies_for(first)] == ["One", "Two"]
        duties.close(
            duty=first, outcome="done", by=by, now=Inbound.objects.latest("pk").received_at + timedelta(seconds=1)
        )
        Inbound.objects.update(received_at=NOW - timedelta(days=1))
        Duty.objects.filter(pk=first.pk).update(raised_at=NOW - timedelta(days=1), closed_at=NOW)
        inbound(client, "notify", "Three", reference="r3")
        second = Duty.objects.get(kind="reply", closed_at__isnull=True)
        first.refresh_from_db()
        assert [reply.text for reply in replies_for(first)] == ["One", "Two"]
        assert [reply.text for reply in replies_for(second)] == ["Three"]

    def test_of_another_mother_is_not_shown(self, client, mother):
        other = make_texted(number="+447700900124")
        inbound(client, "notify", "Mine")
        inbound(client, "notify", "Hers", number="+447700900124", reference="r2")
        assert [reply.text for reply in replies_for(Duty.objects.get(kind="reply", mother=other))] == ["Hers"]
        wait = Duty.objects.create(kind="waiting", mother=other, due_on=NOW.date(), raised_at=NOW - timedelta(days=1))
        assert replies_for(wait) == []

    def test_from_a_number_of_nobody_is_kept_and_counted_and_nobodys_duty(self, client, mother):
        inbound(client, "notify", "Who?", number="+447700900777", reference="r2")
        inbound(client, "twilio", "Win a prize", number="Bargains", reference="r3")
        assert list(Inbound.objects.order_by("pk").values_list("person", "from_number")) == [
            (None, "+447700900777"), (None, "Bargains"),
        ]  # fmt: skip
        assert not Duty.objects.filter(kind__in=["reply", "confirm_safely"]).exists()
        assert count_of_nobody(since=NOW - timedelta(days=9999)) == 2

    def test_from_a_number_that_two_have_is_read_by_each_ones_midwife_who_is_warned(self, client, mother, settings):
        settings.SECOND_FACTOR_REQUIRED = False
        other = make_texted(number=NUMBER)
        inbound(client, "notify", "Leave her alone")
        assert Inbound.objects.get().person is None
        duties_ = Duty.objects.filter(kind="reply")
        assert {duty.mother for duty in duties_} == {mother, other}
        assert [[reply.text for reply in replies_for(duty)] for duty in duties_] == [["Leave her alone"]] * 2
        assert count_of_nobody(since=NOW - timedelta(days=9999)) == 0
        client.force_login(mother.midwife.user)
        page = client.get(reverse("duty-detail", args=[duties_.get(mother=mother).pk])).content.decode()
        assert "a number that is or was hers" in page and "Another may have written it" in page
        assert "Leave her alone" in page

    def test_from_a_number_taken_out_of_use_is_read_still(self, client, mother):
        PhoneNumber.objects.update(retired_at=NOW, retired_by=make_user("midwife"))
        inbound(client, "notify", "Hello")
        duty = Duty.objects.get(kind="reply")
        assert (duty.mother, Inbound.objects.get().person) == (mother, mother.person)
        assert [reply.text for reply in replies_for(duty)] == ["Hello"]

    def test_of_a_woman_without_mentoring_is_kept_as_hers_and_nobodys_duty(self, client, mother):
        from mentoring.models import Mother
        from people.models import Gate, Person
        from tests.factories import make_locality

        person = Person.objects.create(
            first_name="Una", family_name="Invented", name_to_use="Una", locality=make_locality(), created_at=NOW,
            gate=Gate.objects.create(),
        )  # fmt: skip
        PhoneNumber.objects.create(person=person, number="+447700900555")
        inbound(client, "notify", "Hello", number="+447700900555")
        assert not Mother.objects.filter(person=person).exists()
        assert Inbound.objects.get().person == person
        assert not Duty.objects.filter(kind="reply").exists()

    def test_with_a_nul_in_it_is_kept_without(self, client, mother):
        assert inbound(client, "notify", "a\x00b").status_code == 204
        assert Inbound.objects.get().text == "ab"

    @pytest.mark.parametrize("missing", ["id", "source_number"])
    def test_without_reference_or_number_is_a_bad_request(self, client, missing):
        body = {"id": "r1", "source_number": "447700900123", "message": "Hello"}
        del body[missing]
        assert notify(client, "notify-inbound", body).status_code == 400

    @pytest.mark.django_db(transaction=True)
    def test_handed_on_twice_at_one_moment_is_one(self, mother):
        def given():
            return replies.receive(carrier_reference="r1", from_number=NUMBER, text="Hello", now=NOW)

        assert sorted(at_once(given, given, given)) == [False, False, True]
        assert (Inbound.objects.count(), Duty.objects.filter(kind="reply").count()) == (1, 1)

    def test_and_a_receipt_leave_nothing_personal_in_the_log(self, client, mother, sent, caplog):
        with caplog.at_level(logging.DEBUG):
            inbound(client, "notify", "Leave her alone")
            inbound(client, "twilio", "Leave her be", reference="r2")
            notify_receipt(client, sent, "permanent-failure")
            notify_receipt(client, sent, "delivered", reference="nobody")
            notify(client, "notify-inbound", {"source_number": NUMBER[1:]}, token="wrong")
        for secret in (NUMBER[1:], "Leave her", mother.person.first_name):
            assert secret not in "\n".join(
                record.getMessage() for record in caplog.records if not record.name.startswith("django.db")
            )


class TestStop:
    @pytest.mark.parametrize(
        "said",
        [
            "STOP",
            "stop",
            " Stop. ",
            "S T O P",
            "stop!!!",
            "STOPALL",
            "Stop all",
            "unsubscribe",
            "CANCEL",
            "End",
            "quit\n",
        ],
    )
    def test_silences_at_once_and_is_to_be_confirmed_with_her_safely(self, client, mother, midwife, said):
        waiting = text_to(mother.person)
        inbound(client, "notify", said)
        assert standing(waiting) == ("cancelled", "stop")
        assert not SafeContact.objects.get(person=mother.person).texts_opted_in
        assert Inbound.objects.get().is_stop
        duty = Duty.objects.get(kind="confirm_safely")
        assert (duty.mother, duty.owner) == (mother, midwife)
        assert [reply.text for reply in replies_for(duty)] == [said]
        assert not Duty.objects.filter(kind="reply").exists()

    @pytest.mark.parametrize("said", ["Don't stop", "Stop by at three?", "The end of the road", "", "..."])
    def test_a_word_in_a_sentence_is_a_reply_that_a_midwife_reads(self, client, mother, said):
        inbound(client, "notify", said)
        assert SafeContact.objects.get(person=mother.person).texts_opted_in
        assert Duty.objects.filter(kind="reply").exists()

    def test_as_twilio_understood_it_counts_too(self, client, mother):
        fields = {"MessageSid": "r1", "From": NUMBER, "Body": "Arrêt", "OptOutType": "STOP"}
        twilio(client, "twilio-inbound", fields)
        assert not SafeContact.objects.get(person=mother.person).texts_opted_in

    def test_from_a_number_that_two_have_silences_both_and_both_are_asked(self, client, mother):
        other = make_texted(number=NUMBER)
        inbound(client, "notify", "STOP")
        assert not SafeContact.objects.filter(texts_opted_in=True).exists()
        assert set(Duty.objects.filter(kind="confirm_safely").values_list("mother", flat=True)) == {mother.pk, other.pk}

    def test_from_a_number_that_was_hers_is_confirmed_with_her_and_leaves_texts_to_her_own_alone(self, client, mother):
        PhoneNumber.objects.update(retired_at=NOW, retired_by=make_user("midwife"))
        PhoneNumber.objects.create(person=mother.person, number="+447700900124", safe_to_text=True)
        waiting = text_to(mother.person)
        inbound(client, "notify", "STOP")
        assert Duty.objects.get(kind="confirm_safely").mother == mother
        assert standing(waiting)[0] == "queued"
        assert SafeContact.objects.get(person=mother.person).texts_opted_in
        carrier = Recording()
        delivery.deliver_due(now=NOW, carriers={"text": carrier})
        assert [words.to for words in carrier.words] == ["+447700900124"]

    def test_takes_a_real_reminder_of_hers_and_none_is_written_again_and_staff_keep_theirs(self, client, mother):
        from mentoring.services import reminders

        starts_at = NOW + timedelta(days=4)
        appointments.agree(mother=mother, starts_at=starts_at, mode="phone", by=mother.midwife.user, now=NOW)
        hers = Message.objects.filter(recipient_person=mother.person)
        assert list(hers.values_list("status", flat=True)) == ["queued"]
        inbound(client, "notify", "STOP")
        reminders.refresh_for(mother_ids=[mother.pk], now=NOW)
        assert list(hers.values_list("status", "why")) == [("cancelled", "stop")]
        assert Message.objects.filter(
            kind="appointment_tomorrow", recipient_user__isnull=False, status="queued"
        ).exists()

    @pytest.mark.django_db(transaction=True)
    def test_waits_for_a_text_in_the_carriers_hands_and_lets_none_go_after(self, mother, settings):
        import threading

        first = text_to(mother.person)
        second = text_to(mother.person, due_at=NOW + timedelta(seconds=1), about="another")
        in_hand, done = threading.Event(), threading.Event()

        def carrying(message):
            in_hand.set()
            assert done.wait(20)

        carrier = Recording(does=carrying)

        def tick():
            delivery.mark(ids=delivery.claim(channel="text", limit=1, now=NOW), now=NOW)
            return delivery.hand_over(message_ids=[first.pk], carrier=carrier, now=NOW)

        def stop():
            assert in_hand.wait(20)
            replies.receive(carrier_reference="r1", from_number=NUMBER, text="STOP", now=NOW)
            return "stopped"

        def watch():
            assert in_hand.wait(20)
            waited = wait_for_a_lock()
            done.set()
            return waited

        results = at_once(stop, tick, watch)
        assert results[0] == "stopped" and results[2] is True
        assert standing(first)[0] == "sent"
        assert standing(second) == ("cancelled", "stop")
        delivery.deliver_due(now=NOW + timedelta(seconds=2), carriers={"text": carrier})
        assert carrier.given == [first.pk]


class TestALostText:
    @pytest.fixture
    def agreed(self, mother):
        """A time on Tuesday, and her text about it, due on Monday."""
        starts_at = NOW + timedelta(days=4)
        appointments.agree(mother=mother, starts_at=starts_at, mode="phone", by=mother.midwife.user, now=NOW)
        return Message.objects.get(recipient_person=mother.person, status="queued")

    def news(self, mother):
        return Message.objects.filter(kind="text_did_not_go", subject=mother.person)

    def test_is_told_to_whoever_looks_after_her_once(self, client, mother, agreed, settings):
        import time_machine

        with serving(settings, "notify") as post, time_machine.travel(agreed.due_at, tick=False):
            delivery.deliver_due(now=agreed.due_at)
            assert post.acceptances() == {str(agreed.reference): 1}
            agreed.refresh_from_db()
            for _time in range(2):
                notify_receipt(client, agreed, "permanent-failure", id=agreed.carrier_reference)
        assert standing(agreed) == ("failed", "permanent_failure")
        lay_worker = mother.pairings.get().lay_worker.user
        assert sorted(self.news(mother).values_list("recipient_user", "channel")) == [
            (lay_worker.pk, "email"), (lay_worker.pk, "in_app"),
        ]  # fmt: skip
        app = Recording(batch=500)
        delivery.deliver_due(now=agreed.due_at, carriers={"in_app": app})
        assert f"{mother.programme_code}: her text did not go" in [words.subject for words in app.words]

    def test_is_told_when_the_carrier_refuses_it(self, mother, agreed, settings):
        with serving(settings, "twilio", next_ones=["400"]):
            delivery.deliver_due(now=agreed.due_at)
        assert standing(agreed)[0] == "failed"
        assert self.news(mother).count() == 2

    def test_is_told_nobody_once_the_appointment_is_over_or_she_is_held(self, client, mother, agreed):
        from mentoring.services import plans

        plans.change(mother=mother, request=plans.Hold("loss"), asked_by="midwife", by=mother.midwife.user, now=NOW)
        Message.objects.filter(pk=agreed.pk).update(status="sent")
        notify_receipt(client, agreed, "permanent-failure")
        assert standing(agreed)[0] == "failed"
        assert not self.news(mother).exists()

    def test_news_of_a_time_called_off_since_does_not_go(self, client, mother, agreed):
        import time_machine

        Message.objects.filter(pk=agreed.pk).update(status="sent")
        with time_machine.travel(NOW, tick=False):
            notify_receipt(client, agreed, "permanent-failure")
        assert self.news(mother).filter(status="queued").count() == 2
        appointment = mother.appointments.get()
        appointments.call_off(appointment=appointment, by=mother.midwife.user, now=NOW)
        app = Recording(batch=500)
        delivery.deliver_due(now=NOW + timedelta(minutes=1), carriers={"in_app": app})
        assert list(self.news(mother).filter(channel="in_app").values_list("status", "why")) == [
            ("cancelled", "withdrawn")
        ]
