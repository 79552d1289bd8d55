"""Whether a reminder is still wanted, asked for a whole lot at once: each mother's own answer, in as many queries as for one."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mentoring.models import PlannedContact
from mentoring.services import pairings, plans
from mentoring.services.reminders import why_not_wanted
from outbox.models import Message
from outbox.services import messages
from people.rules.local_time import local_date
from tests.factories import NOW, make_contact, make_lay_worker, make_midwife, make_mother

pytestmark = pytest.mark.django_db
TODAY = local_date(NOW)


@pytest.fixture
def lay_worker():
    return make_lay_worker(supervisor=make_midwife(), now=NOW - timedelta(days=60))


def paired(lay_worker, **fields):
    return make_mother(paired_with=lay_worker, starts_on=TODAY - timedelta(days=3), **fields)


def reminder_of(mother, *, to, due_on=TODAY - timedelta(days=3)):
    """Return an overdue reminder about her, written whatever stands: as one marked before what came in between."""
    new = messages.New(
        kind="contact_overdue", channel="in_app", nominal_on=TODAY, due_at=NOW, expires_at=NOW + timedelta(days=5),
        subject_id=mother.person_id, subject_due_on=due_on, recipient_user_id=to.user_id,
    )  # fmt: skip
    messages.queue_many([new], now=NOW)
    # One that the services wrote, and that still stands, is the same message.
    return Message.objects.exclude(status="cancelled").get(
        kind=new.kind, channel="in_app", nominal_on=TODAY, subject=mother.person_id, subject_due_on=due_on,
        recipient_user=to.user_id,
    )  # fmt: skip


def test_in_one_lot_each_mother_has_her_own_answer(lay_worker):
    by = lay_worker.supervisor.user
    open_, made, held, paused, withdrawn, ended, covered, closed = (paired(lay_worker) for _time in range(8))
    make_contact(mother=made, lay_worker=lay_worker, happened_at=NOW - timedelta(hours=1), now=NOW)
    plans.change(mother=held, request=plans.Hold("loss"), asked_by="midwife", by=by, now=NOW)
    # Asked for yesterday: today is its first day.
    yesterday = NOW - timedelta(days=1)
    plans.change(mother=paused, request=plans.PauseFor(TODAY, None), asked_by="midwife", by=by, now=yesterday)
    PlannedContact.objects.filter(mother=withdrawn).update(withdrawn_at=NOW, withdrawn_why="rhythm")
    pairings.end(pairing=ended.pairings.get(), reason="moved", by=by, now=NOW)
    cover = make_lay_worker(supervisor=lay_worker.supervisor)
    for mother in (covered, ended):
        pairings.arrange_cover(
            mother=mother, lay_worker=cover, starts_on=TODAY, ends_on=TODAY + timedelta(days=2), by=by, now=NOW
        )
    PlannedContact.objects.filter(mother=closed, number=0).update(closes_on=TODAY)
    asked = [
        (reminder_of(open_, to=lay_worker), None),
        (reminder_of(made, to=lay_worker), "made"),
        (reminder_of(held, to=lay_worker), "held"),
        (reminder_of(withdrawn, to=lay_worker), "withdrawn"),
        (reminder_of(ended, to=lay_worker), "not_hers"),
        (reminder_of(ended, to=cover), "not_hers"),
        (reminder_of(covered, to=lay_worker), "not_hers"),
        (reminder_of(covered, to=cover), None),
        (reminder_of(closed, to=lay_worker), "closed"),
        (reminder_of(open_, to=lay_worker, due_on=TODAY), "withdrawn"),
        (reminder_of(paused, to=lay_worker), "closed"),
        (reminder_of(paused, to=lay_worker, due_on=_moved_into_the_pause(paused)), "paused"),
    ]
    assert why_not_wanted([message for message, _why in asked], NOW) == [why for _message, why in asked]


def _moved_into_the_pause(mother):
    """A window that a pause covers is never planned: a row is put there to see that it would be asked about."""
    row = PlannedContact.objects.get(mother=mother, number=0)
    PlannedContact.objects.create(
        plan=row.plan, mother=mother, number=99, due_on=TODAY, opens_on=TODAY, closes_on=TODAY + timedelta(days=3)
    )
    return TODAY


def test_a_lot_is_asked_about_in_as_many_queries_as_one(lay_worker):
    some = [reminder_of(paired(lay_worker), to=lay_worker) for _time in range(9)]
    counts = []
    for lot in (some[:1], some):
        with CaptureQueriesContext(connection) as asked:
            assert why_not_wanted(lot, NOW) == [None] * len(lot)
        counts.append(len(asked))
    assert counts[0] == counts[1] == 12
