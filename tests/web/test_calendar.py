"""The calendar feed: off until allowed, a secret address shown once, codes alone, read by two clients' parsers."""

from datetime import UTC, datetime, timedelta

import icalendar
import pytest
import time_machine
import vobject
from django.urls import reverse

from mentoring.models import Appointment, CalendarFeed, RotaShift
from mentoring.rules.refusals import Refused
from mentoring.services import appointments, calendar_feeds, pairings, protocol
from people.models import RoleGrant, User
from people.rules.roles import Role
from tests.factories import NOW, make_lay_worker, make_midwife, make_mother, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _at_the_hour_of_the_tests(settings):
    settings.SECOND_FACTOR_REQUIRED = False
    with time_machine.travel(NOW, tick=False):
        yield


def allow(is_allowed=True):
    now = protocol.in_force(now=NOW)
    protocol.change(
        antenatal_every_days=now.antenatal_every_days, postnatal_every_days=now.postnatal_every_days,
        mothers_per_lay_worker=now.mothers_per_lay_worker, calendar_feeds=is_allowed, reason="Asked for",
        by=make_user(Role.LEAD), now=NOW,
    )  # fmt: skip


@pytest.fixture
def lay_worker():
    return make_lay_worker(now=NOW - timedelta(days=60))


def agreed(lay_worker, *, in_days=3, mode="home_visit", mother=None):
    mother = mother or make_mother(paired_with=lay_worker)
    return appointments.agree(
        mother=mother, lay_worker=lay_worker, starts_at=NOW + timedelta(days=in_days), mode=mode, place="12 Mill Lane",
        by=lay_worker.user, now=NOW,
    )  # fmt: skip


def address_of(user):
    return reverse("calendar-feed", args=[calendar_feeds.make(user=user, by=user, now=NOW)])


def test_it_is_off_until_the_programme_lead_allows_it(client, lay_worker):
    client.force_login(lay_worker.user)
    assert "has not allowed" in client.get(reverse("calendar")).content.decode()
    assert client.post(reverse("calendar"), {"act": "make"}).status_code == 302
    assert not CalendarFeed.objects.exists()
    with pytest.raises(Refused):
        calendar_feeds.make(user=lay_worker.user, by=lay_worker.user, now=NOW)
    lead = make_user(Role.LEAD)
    client.force_login(lead)
    form = client.get(reverse("protocol")).context["form"]
    assert form.initial["calendar_feeds"] is False
    client.post(reverse("protocol"), form.initial | {"calendar_feeds": "on", "reason": "Asked for"})
    client.force_login(lay_worker.user)
    assert "Make an address" in client.get(reverse("calendar")).content.decode()


def test_the_address_is_shown_once_and_its_hash_alone_is_kept(client, lay_worker, settings):
    allow()
    client.force_login(lay_worker.user)
    page = client.post(reverse("calendar"), {"act": "make"})
    address = page.context["address"]
    assert address in page.content.decode()
    assert page["Cache-Control"] == "no-store, private"
    token = address.rpartition("/")[2].removesuffix(".ics")
    assert CalendarFeed.objects.get().token_hash == calendar_feeds.hash_of(token)
    assert token not in client.get(reverse("calendar")).content.decode()
    client.logout()
    assert client.get(address.removeprefix(settings.SITE_URL)).status_code == 200


def test_two_clients_read_the_same_times_and_nothing_but_codes(client, lay_worker):
    allow()
    visit, call = agreed(lay_worker), agreed(lay_worker, in_days=4, mode="phone")
    answer = client.get(address_of(lay_worker.user))
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    events = icalendar.Calendar.from_ical(answer.content).walk("VEVENT")
    first, second = visit.mother.programme_code, call.mother.programme_code
    assert [(str(e["summary"]), e["dtstart"].dt, e["dtend"].dt, str(e["status"])) for e in events] == [
        (f"{first} visit", visit.starts_at, visit.starts_at + timedelta(hours=1), "CONFIRMED"),
        (f"{second} phone", call.starts_at, call.starts_at + timedelta(minutes=30), "CONFIRMED"),
    ]
    read = vobject.readOne(answer.content.decode())
    assert [(e.summary.value, e.dtstart.value, e.uid.value) for e in read.vevent_list] == [
        (str(e["summary"]), e["dtstart"].dt, str(e["uid"])) for e in events
    ]
    # In UTC, so that no client needs to know when the clocks change.
    assert all(e["dtstart"].dt.utcoffset() == timedelta(0) for e in events)
    text = answer.content.decode()
    for said in ("Mill Lane", visit.mother.person.name_to_use, visit.mother.person.family_name, "LOCATION", "07700"):
        assert said not in text


def test_one_called_off_stays_thirty_days_as_cancelled_under_the_same_uid(client, lay_worker):
    allow()
    address, visit = address_of(lay_worker.user), agreed(lay_worker, in_days=20)
    [before] = icalendar.Calendar.from_ical(client.get(address).content).walk("VEVENT")
    appointments.call_off(appointment=visit, by=lay_worker.user, now=NOW)
    [after] = icalendar.Calendar.from_ical(client.get(address).content).walk("VEVENT")
    assert (str(after["status"]), after["uid"]) == ("CANCELLED", before["uid"])
    assert after["sequence"] > before["sequence"]
    for days, is_there in ((29, True), (30, False)):
        with time_machine.travel(NOW + timedelta(days=days), tick=False):
            assert bool(icalendar.Calendar.from_ical(client.get(address).content).walk("VEVENT")) is is_there


def test_what_ended_with_the_pairing_is_cancelled_and_anothers_mothers_are_not_there(client, lay_worker):
    allow()
    address, visit = address_of(lay_worker.user), agreed(lay_worker)
    agreed(make_lay_worker(now=NOW - timedelta(days=60)))
    pairings.end(pairing=visit.mother.pairings.get(), reason="moved", by=lay_worker.supervisor.user, now=NOW)
    [event] = icalendar.Calendar.from_ical(client.get(address).content).walk("VEVENT")
    assert (str(event["summary"]), str(event["status"])) == (f"{visit.mother.programme_code} visit", "CANCELLED")
    assert Appointment.objects.filter(withdrawn_at__isnull=True).count() == 1


def test_shifts_of_the_rota_are_in_the_calendars_of_both(client):
    allow()
    first, second = make_midwife().user, make_user(Role.LEAD)
    RotaShift.objects.create(
        starts_at=NOW, ends_at=NOW + timedelta(hours=12), on_duty=first, second=second, made_at=NOW, made_by=first
    )
    for user, title in ((first, "On duty"), (second, "Second on duty")):
        [event] = icalendar.Calendar.from_ical(client.get(address_of(user)).content).walk("VEVENT")
        assert str(event["summary"]) == title


def test_unchanged_it_is_not_sent_again(client, lay_worker):
    allow()
    address = address_of(lay_worker.user)
    agreed(lay_worker)
    etag = client.get(address)["ETag"]
    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        again = client.get(address, HTTP_IF_NONE_MATCH=etag)
    assert (again.status_code, again.content) == (304, b"")
    agreed(lay_worker)
    assert client.get(address, HTTP_IF_NONE_MATCH=etag).status_code == 200


def test_whatever_is_wrong_with_an_address_the_answer_is_404(client, lay_worker):
    allow()
    user = lay_worker.user
    old = address_of(user)
    address = address_of(user)
    assert client.get(old).status_code == 404
    assert client.get(address).status_code == 200
    assert client.post(address).status_code == 405
    assert client.get(reverse("calendar-feed", args=["x" * 43])).status_code == 404
    assert client.get(reverse("calendar-feed", args=[CalendarFeed.objects.latest("pk").token_hash])).status_code == 404
    allow(False)
    assert client.get(address).status_code == 404
    allow()
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get(address).status_code == 404
    User.objects.filter(pk=user.pk).update(is_active=True)
    grants = RoleGrant.objects.filter(user=user)
    grants.update(ended_at=datetime(2026, 10, 23, tzinfo=UTC), ended_by=user)
    assert client.get(address).status_code == 404
    grants.update(ended_at=None, ended_by=None)
    assert client.get(address).status_code == 200
    client.force_login(user)
    client.post(reverse("calendar"), {"act": "revoke"})
    assert client.get(address).status_code == 404
