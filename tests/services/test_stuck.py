"""A message that did not go: sent again or dismissed once, by whom is on record, and a top-up does not bring it back."""

from datetime import timedelta

import pytest

from outbox.models import Message
from outbox.services import delivery, messages, stuck
from people.models import AccessLog
from people.rules.roles import Role
from tests.factories import NOW, make_user
from tests.services.post import Recording, kind, queued
from tests.services.races import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _kind():
    with kind():
        yield


@pytest.fixture
def admin():
    return make_user(Role.ADMINISTRATOR)


def standing(status, **fields):
    message = queued(to=make_user("lay_worker"), **fields)
    lease = NOW if status in {"claimed", "handing_over"} else None
    Message.objects.filter(pk=message.pk).update(status=status, tries=80, why="broken_off", lease_until=lease)
    return message


@pytest.mark.parametrize("status", ["failed", "needs_a_person"])
def test_sent_again_it_goes_once_more_and_who_said_so_is_on_record(admin, status):
    message, carrier = standing(status), Recording()
    assert stuck.send_again(message_id=message.pk, by=admin, now=NOW, request_id="r1") is True
    assert delivery.deliver_due(now=NOW, carriers={"in_app": carrier}) == 1
    assert carrier.given == [message.pk]
    line = AccessLog.objects.get()
    assert (line.kind, line.by, line.request_id, line.at) == ("message_decided", admin, "r1", NOW)
    assert line.detail == {"message": message.pk, "act": "send_again"}
    assert line.about_person_id is None and line.about_user is None


@pytest.mark.parametrize("status", ["failed", "needs_a_person"])
def test_dismissed_it_is_over_and_who_said_so_is_on_record(admin, status):
    message = standing(status)
    assert stuck.dismiss(message_id=message.pk, by=admin, now=NOW, request_id="r1") is True
    message.refresh_from_db()
    assert (message.status, message.why, message.status_at) == ("cancelled", "dismissed", NOW)
    assert AccessLog.objects.get().detail == {"message": message.pk, "act": "dismiss"}


def test_what_was_dismissed_is_not_written_again_and_what_was_cancelled_otherwise_is(admin):
    message = standing("needs_a_person")
    stuck.dismiss(message_id=message.pk, by=admin, now=NOW)
    same = messages.New(
        kind=message.kind,
        channel=message.channel,
        recipient_user_id=message.recipient_user_id,
        nominal_on=message.nominal_on,
        due_at=message.due_at,
        expires_at=message.expires_at,
    )
    assert messages.queue_many([same], now=NOW) == 0
    Message.objects.filter(pk=message.pk).update(why="plan_changed")
    assert messages.queue_many([same], now=NOW) == 1


@pytest.mark.parametrize("status", sorted(set(Message.Status.values) - {"failed", "needs_a_person"}))
@pytest.mark.parametrize("decide", [stuck.send_again, stuck.dismiss])
def test_nothing_else_is_touched_nor_put_on_record(admin, status, decide):
    message = standing(status)
    assert decide(message_id=message.pk, by=admin, now=NOW) is False
    message.refresh_from_db()
    assert (message.status, message.why) == (status, "broken_off")
    assert not AccessLog.objects.exists()


def test_one_whose_time_has_passed_can_only_be_dismissed(admin):
    message = standing("failed", expires_at=NOW + timedelta(hours=1))
    later = NOW + timedelta(hours=1)
    assert stuck.send_again(message_id=message.pk, by=admin, now=later) is False
    assert stuck.dismiss(message_id=message.pk, by=admin, now=later) is True


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("acts", [("send_again", "send_again"), ("send_again", "dismiss"), ("dismiss", "dismiss")])
def test_two_clicks_at_once_count_once(admin, acts):
    message = standing("needs_a_person")

    def decides(act):
        return lambda: getattr(stuck, act)(message_id=message.pk, by=admin, now=NOW)

    assert sorted(at_once(*map(decides, acts))) == [False, True]
    assert AccessLog.objects.count() == 1
