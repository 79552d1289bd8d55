"""What every kind of message says: to a mother not a word that tells another reader anything, to staff no name and no address."""

from datetime import timedelta
from uuid import uuid4

import pytest

from mentoring.models import Appointment, Mother, Visit
from mentoring.services import appointments
from outbox.models import Message
from outbox.rules.discreet import FORBIDDEN, gives_away
from outbox.rules.registry import KINDS, kind_of
from outbox.services import replies
from people.rules.local_time import local_date
from tests.factories import NOW, make_lay_worker, make_midwife
from tests.services.texts import NUMBER, make_texted

pytestmark = pytest.mark.django_db
# The list of domain.md section 6 and what lies beside it, apart from the code's own so that neither can lose a word.
WORDS = [
    "programme",
    "trial",
    "pregnant",
    "pregnancy",
    "baby",
    "babies",
    "mentor",
    "mentoring",
    "health",
    "midwife",
    "hospital",
    "clinic",
    "study",
    "research",
    "birth",
    "born",
    "mother",
    "mum",
    "maternity",
    "antenatal",
    "postnatal",
    "nurse",
    "doctor",
    "appointment",
    "visit",
    "alongside",
    "lay-worker",
    "worker",
    "volunteer",
    "support",
    "NHS",
    "HSC",
    "scan",
    "due",
    "patient",
    "participant",
    "loss",
]
TO_MOTHERS = sorted(code for code, kind in KINDS.items() if kind.to_mothers)
TO_STAFF = sorted(KINDS)
MODES = sorted(Appointment.Mode.values)
ADDRESS = "12 Invented Street"


@pytest.fixture
def mother() -> Mother:
    midwife = make_midwife(name="Mona Midwifery")
    lay_worker = make_lay_worker(supervisor=midwife, name="Lena Layworker")
    return make_texted(
        paired_with=lay_worker, first_name="Adalina", family_name="Inventedly", name_to_use="Ada", address=ADDRESS
    )


def composed(code, mother, mode="phone", **fields):
    """Return what the kind says of this mother, with a time agreed on Tuesday at 11:30."""
    starts_at = NOW + timedelta(days=4, hours=1)
    appointments.agree(
        mother=mother, starts_at=starts_at, mode=mode, place="The Invented Café", by=mother.midwife.user, now=NOW
    )
    lay_worker = mother.pairings.get().lay_worker
    visit = Visit.objects.create(
        client_id=uuid4(), mother=mother, lay_worker=lay_worker, started_at=NOW, started_by=lay_worker.user,
        expected_end_at=NOW, expected_end_by=lay_worker.user,
    )  # fmt: skip
    message = Message(
        pk=1, kind=code, subject=mother.person, subject_due_on=None, nominal_on=local_date(NOW), due_at=NOW,
        expires_at=starts_at, detail={"alert": 1, "mothers": 3, "step": 0, "visit": visit.pk}, **fields,
    )  # fmt: skip
    appointment = mother.appointments.select_related("planned_contact").get(withdrawn_at__isnull=True)
    if appointment.planned_contact is not None:
        message.subject_due_on = appointment.planned_contact.due_on
    [words] = kind_of(code).compose([message])
    return words


def people_and_places(mother):
    lay_worker = mother.pairings.get().lay_worker.user
    person = mother.person
    return [
        person.first_name, person.family_name, person.phone_numbers.get().number[4:], "Street", "Café", mother.programme_code,
        *lay_worker.name.split(), *mother.midwife.user.name.split(),
    ]  # fmt: skip


def test_there_is_a_kind_that_goes_to_mothers():
    assert TO_MOTHERS == ["appointment_tomorrow"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("code", TO_MOTHERS)
def test_a_text_to_her_is_discreet_whatever_it_is_about_and_however_they_meet(mother, code, mode):
    words = composed(code, mother, mode, channel="text", recipient_person=mother.person)
    said = words.body.casefold()
    assert [word for word in WORDS if word.casefold() in said] == []
    assert [secret for secret in [*people_and_places(mother), "Ada"] if secret.casefold() in said] == []
    assert (words.subject, words.path, words.why) == ("", "", "")
    assert not gives_away(words.body)
    assert "Tuesday" in words.body and "11:30" in words.body
    assert len(words.body) <= 160 and words.body.isascii(), "one text, in the letters that every telephone has"


@pytest.mark.parametrize("code", TO_STAFF)
def test_a_message_to_staff_holds_no_name_no_address_and_not_the_word(mother, monkeypatch, code):
    # The pages that some lead to are others' to make.
    monkeypatch.setattr("mentoring.services.kinds.reverse", lambda name, args=(): f"/{name}/{args}")
    user = mother.pairings.get().lay_worker.user
    words = composed(code, mother, channel="email", recipient_user=user)
    person = mother.person
    for said in (words.subject, words.body, words.why, words.path):
        assert said
        for secret in (person.first_name, person.family_name, ADDRESS, "Street", "pregnan", "baby", "babies", "07700"):
            assert secret.casefold() not in said.casefold(), (code, secret)


@pytest.mark.parametrize(
    "word", ["programme", "Trial", "PREGNANCY", "pregnant", "baby", "mentor", "health", "midwives"]
)
def test_each_forbidden_word_is_seen_in_any_case_and_form(word):
    assert gives_away(f"See you, {word}!")


def test_ordinary_words_give_nothing_away():
    for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"):
        assert not gives_away(f"Talk to you on {day} at 11:30. If that does not suit, just reply.")
    assert {word.casefold() for word in FORBIDDEN} == set(FORBIDDEN), "stems are kept in lower case"


class TestAnAppointmentOfWhichSheGetsNoText:
    def body(self, mother):
        lay_worker = mother.pairings.get().lay_worker.user
        message = Message.objects.get(kind="appointment_tomorrow", recipient_user=lay_worker, channel="email")
        [words] = kind_of(message.kind).compose([message])
        return words.body

    def agree(self, mother):
        appointments.agree(
            mother=mother, starts_at=NOW + timedelta(days=4), mode="phone", by=mother.midwife.user, now=NOW
        )

    def test_says_so_to_her_lay_worker_where_no_safe_time_comes_before_it(self, mother):
        from mentoring.services.mothers import Number, renew_safe_contact
        from tests.factories import safe_sheet

        self.agree(mother)
        assert "no text" not in self.body(mother)
        renew_safe_contact(
            mother=mother, sheet=safe_sheet(texts_opted_in=True, asked_on=local_date(NOW) - timedelta(days=83)),
            numbers=(Number("07700 900123", safe_to_text=True),), by=mother.midwife.user, now=NOW,
        )  # fmt: skip
        assert not Message.objects.filter(channel="text", status="queued").exists()
        assert "She gets no text about it" in self.body(mother)

    @pytest.mark.parametrize(
        ("status", "told"), [("sent", False), ("delivered", False), ("failed", True), ("expired", True)]
    )
    def test_says_so_where_it_did_not_go(self, mother, status, told):
        self.agree(mother)
        Message.objects.filter(channel="text").update(status=status)
        assert ("no text" in self.body(mother)) is told

    def test_says_so_where_stop_took_back_the_text_that_waited_and_nothing_of_a_time_agreed_later(self, mother):
        self.agree(mother)
        replies.receive(carrier_reference="r1", from_number=NUMBER, text="STOP", now=NOW)
        assert not Message.objects.filter(channel="text", status="queued").exists()
        assert "She gets no text about it" in self.body(mother)
        appointments.call_off(appointment=mother.appointments.get(), by=mother.midwife.user, now=NOW)
        appointments.agree(
            mother=mother, starts_at=NOW + timedelta(days=5), mode="phone", by=mother.midwife.user, now=NOW
        )
        later = Message.objects.get(kind="appointment_tomorrow", channel="email", status="queued")
        assert "no text" not in kind_of(later.kind).compose([later])[0].body

    def test_says_nothing_of_texts_of_one_who_wants_none(self, mother):
        self.agree(mother)
        Message.objects.filter(channel="text").update(status="cancelled")
        mother.person.safe_contact.texts_opted_in = False
        mother.person.safe_contact.save(update_fields=["texts_opted_in"])
        assert "no text" not in self.body(mother)

    def test_read_in_the_app_after_it_was_called_off_does_not_fail(self, mother):
        self.agree(mother)
        appointments.call_off(appointment=mother.appointments.get(), by=mother.midwife.user, now=NOW)
        assert "Tuesday" in self.body(mother)
