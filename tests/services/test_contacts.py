"""Recording, correcting and voiding an entry, and what follows from each."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mentoring.models import Contact, ContactCorrection, PlannedContact
from mentoring.rules.refusals import Refused
from mentoring.services import contacts, mothers, pairings
from mentoring.services.contacts import Entry
from mentoring.services.mothers import Number
from outbox.models import Message
from people.models import SafeContact
from people.rules.local_time import local_date
from tests.conftest import NOW
from tests.factories import make_contact, make_lay_worker, make_mother, safe_sheet
from tests.services.races import at_once

pytestmark = pytest.mark.django_db
TODAY = local_date(NOW)


def entry(**fields):
    values = {"client_id": uuid4(), "happened_at": NOW - timedelta(hours=1), "mode": "phone", "outcome": "reached"}
    values |= {"minutes": 20, "present": (), "concern": "none"} | fields
    return Entry(**values)


@pytest.fixture
def paired():
    lay_worker = make_lay_worker(now=NOW - timedelta(days=60))
    mother = make_mother(paired_with=lay_worker, starts_on=TODAY - timedelta(days=28), now=NOW - timedelta(days=28))
    return mother, lay_worker


def record(mother, lay_worker, now=NOW, **fields):
    return contacts.record(mother=mother, lay_worker=lay_worker, entry=entry(**fields), by=lay_worker.user, now=now)


def test_a_contact_that_reached_her_fulfils_the_window_it_lies_in_and_says_what_is_next(paired):
    recorded = record(*paired)
    assert recorded.fulfilled.due_on == TODAY
    assert recorded.fulfilled.made_on == TODAY
    assert recorded.next_planned.due_on == TODAY + timedelta(days=14)


def test_an_attempt_that_did_not_reach_her_fulfils_nothing(paired):
    recorded = record(*paired, outcome="no_answer", minutes=None, present=None, concern="")
    assert recorded.fulfilled is None
    assert not PlannedContact.objects.filter(made_on__isnull=False).exists()


@pytest.mark.parametrize(("mode", "counts"), [("text", False), ("met_by_chance", False), ("video", True)])
def test_texts_and_chance_meetings_fulfil_nothing(paired, mode, counts):
    assert (record(*paired, mode=mode).fulfilled is not None) is counts


def test_the_earliest_completed_contact_fulfils_and_voiding_it_hands_the_window_to_the_next(paired):
    late = record(*paired).contact
    early = record(*paired, happened_at=NOW - timedelta(hours=5)).contact
    assert PlannedContact.objects.get(due_on=TODAY).fulfilled_by == early
    contacts.void(contact=early, reason="Wrong mother", by=paired[1].user, now=NOW)
    assert PlannedContact.objects.get(due_on=TODAY).fulfilled_by == late
    early.refresh_from_db()
    assert (early.voided_at, early.voided_by, early.voided_reason) == (NOW, paired[1].user, "Wrong mother")


def test_a_late_entry_counts_on_the_day_it_happened(paired):
    recorded = record(*paired, happened_at=NOW - timedelta(days=13))
    assert recorded.fulfilled.due_on == TODAY - timedelta(days=14)
    assert recorded.contact.entered_at == NOW


def test_a_correction_keeps_what_was_said_and_moves_the_window(paired):
    contact = record(*paired).contact
    corrected = contacts.correct(
        contact=contact,
        entry=entry(client_id=contact.client_id, happened_at=NOW - timedelta(days=13), minutes=25),
        reason="It was a fortnight ago",
        by=paired[1].user,
        now=NOW + timedelta(minutes=5),
    )
    assert corrected.fulfilled.due_on == TODAY - timedelta(days=14)
    assert corrected.contact.entered_at == NOW
    kept = ContactCorrection.objects.get()
    assert kept.was["minutes"] == 20
    assert kept.reason == "It was a fortnight ago"
    assert PlannedContact.objects.get(due_on=TODAY).fulfilled_by is None


def test_the_same_client_id_twice_is_one_record(paired):
    client_id = uuid4()
    assert record(*paired, client_id=client_id).is_new
    assert not record(*paired, client_id=client_id).is_new
    assert Contact.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"happened_at": NOW + timedelta(minutes=1)}, "in_future"),
        ({"happened_at": NOW - timedelta(days=29)}, "before_start"),
        ({"minutes": None}, "minutes_missing"),
        ({"present": None}, "present_missing"),
        ({"concern": ""}, "concern_missing"),
        ({"hindered_by": ("partner",)}, "influence_not_asked"),
    ],
)
def test_an_entry_that_cannot_be_is_refused_in_words(paired, fields, code):
    with pytest.raises(Refused) as refused:
        record(*paired, **fields)
    assert refused.value.code == code
    assert refused.value.message.endswith(".")
    assert Contact.objects.count() == 0


def test_another_lay_worker_may_not_log_for_her(paired):
    with pytest.raises(Refused, match="not_with_her"):
        record(paired[0], make_lay_worker())


def test_for_seven_days_after_the_pairing_ended_she_may_log_what_happened_before(paired):
    mother, lay_worker = paired
    pairings.end(pairing=mother.pairings.get(), reason="moved", by=lay_worker.supervisor.user, now=NOW)
    before = NOW - timedelta(hours=2)
    assert record(mother, lay_worker, now=NOW + timedelta(days=6, hours=23), happened_at=before).is_new
    with pytest.raises(Refused, match="not_with_her"):
        record(mother, lay_worker, now=NOW + timedelta(days=7, minutes=1), happened_at=before)
    with pytest.raises(Refused, match="not_with_her"):
        record(mother, lay_worker, now=NOW + timedelta(days=1), happened_at=NOW + timedelta(hours=3))


def test_whoever_covers_may_log_on_the_days_she_covers_and_no_others(paired):
    mother, _lay_worker = paired
    covering = make_lay_worker(now=NOW - timedelta(days=60))
    pairings.arrange_cover(
        mother=mother,
        lay_worker=covering,
        starts_on=TODAY + timedelta(days=1),
        ends_on=TODAY + timedelta(days=3),
        by=covering.supervisor.user,
        now=NOW,
    )
    with pytest.raises(Refused, match="not_with_her"):
        record(mother, covering)
    during = NOW + timedelta(days=1)
    assert record(mother, covering, now=during, happened_at=during - timedelta(hours=1)).is_new


def test_not_safe_to_talk_takes_every_permission_back_and_tells_the_midwife(paired):
    mother, _lay_worker = paired
    record(*paired, outcome="not_safe", minutes=None, present=None, concern="")
    assert SafeContact.objects.get(person=mother.person).suspended_at == NOW
    told = Message.objects.filter(kind="alert_not_safe_to_talk")
    assert {message.recipient_user_id for message in told} == {mother.midwife.user_id}


def renewed(mother, by, now):
    mothers.renew_safe_contact(
        mother=mother, sheet=safe_sheet(), numbers=(Number("07700 900123", safe_to_call=True),), by=by, now=now
    )
    assert SafeContact.objects.get(person=mother.person).suspended_at is None


def test_not_safe_to_talk_that_arrives_again_takes_back_nothing_she_has_said_since(paired):
    mother, lay_worker = paired
    said = entry(outcome="not_safe", minutes=None, present=None, concern="")
    again = {"mother": mother, "lay_worker": lay_worker, "entry": said, "by": lay_worker.user}
    first = contacts.record(**again, now=NOW).contact
    renewed(mother, lay_worker.supervisor.user, NOW + timedelta(hours=3))
    assert not contacts.record(**again, now=NOW + timedelta(hours=4)).is_new
    assert SafeContact.objects.get(person=mother.person).suspended_at is None
    contacts.correct(
        contact=first, entry=replace(said, note="A word more"), reason="Forgotten", by=lay_worker.user,
        now=NOW + timedelta(days=3),
    )  # fmt: skip
    assert SafeContact.objects.get(person=mother.person).suspended_at is None
    record(mother, lay_worker, outcome="not_safe", minutes=None, present=None, concern="", now=NOW + timedelta(days=4))
    assert SafeContact.objects.get(person=mother.person).suspended_at == NOW + timedelta(days=4), "a new one does"


def test_a_concern_today_and_please_ring_me_reach_the_midwife(paired):
    record(*paired, concern="today", please_ring_me=True)
    assert set(Message.objects.filter(kind__startswith="alert_").values_list("kind", "channel")) == {
        ("alert_concern_today", "email"),
        ("alert_concern_today", "in_app"),
        ("alert_please_ring_me", "email"),
        ("alert_please_ring_me", "in_app"),
    }


def test_a_contact_takes_its_reminders_out_of_the_outbox(paired):
    mother, lay_worker = paired
    assert Message.objects.filter(subject_due_on=TODAY, status="queued").exists()
    record(mother, lay_worker)
    assert not Message.objects.filter(subject_due_on=TODAY, status="queued").exists()


def test_recording_takes_the_same_queries_with_one_entry_behind_it_and_with_twenty(paired):
    mother, lay_worker = paired
    record(mother, lay_worker)
    with CaptureQueriesContext(connection) as few:
        record(mother, lay_worker)
    for _time in range(20):
        make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW - timedelta(days=3), now=NOW)
    with CaptureQueriesContext(connection) as many:
        record(mother, lay_worker)
    assert len(few) == len(many)


@pytest.mark.django_db(transaction=True)
def test_two_phones_saving_together_give_two_attempts_and_one_fulfilled_window(paired):
    mother, lay_worker = paired
    results = at_once(*[lambda: record(mother, lay_worker)] * 6)
    assert all(isinstance(result, contacts.Recorded) for result in results), results
    assert Contact.objects.count() == 6
    first = Contact.objects.order_by("happened_at", "entered_at", "id").first()
    assert list(PlannedContact.objects.filter(fulfilled_by__isnull=False).values_list("fulfilled_by")) == [(first.pk,)]


@pytest.mark.django_db(transaction=True)
def test_one_form_sent_from_six_places_at_once_is_one_record(paired):
    mother, lay_worker = paired
    same = entry()
    results = at_once(
        *[lambda: contacts.record(mother=mother, lay_worker=lay_worker, entry=same, by=lay_worker.user, now=NOW)] * 6
    )
    assert sorted(result.is_new for result in results) == [False] * 5 + [True]
    assert Contact.objects.count() == 1


def test_a_correction_to_not_safe_to_talk_stops_everything_as_an_entry_does(paired):
    mother, lay_worker = paired
    contact = record(mother, lay_worker).contact
    contacts.correct(
        contact=contact,
        entry=entry(client_id=contact.client_id, outcome="not_safe", minutes=None, present=None, concern=""),
        reason="She could not speak freely",
        by=lay_worker.user,
        now=NOW,
    )
    assert SafeContact.objects.get(person=mother.person).suspended_at == NOW
    assert Message.objects.filter(kind="alert_not_safe_to_talk", recipient_user=mother.midwife.user).exists()
