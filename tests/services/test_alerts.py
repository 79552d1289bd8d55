"""Alerts: to whom, when they pass on, who may open what, and visits that are watched."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from mentoring.access import alerts_visible_to, mothers_visible_to
from mentoring.models import Alert, RotaShift, Visit
from mentoring.queries.rota import ESCALATION_JOB, next_gap, watching
from mentoring.rules.refusals import Refused
from mentoring.services import alerts, contacts, rota, visits
from outbox.models import JobRun, Message
from outbox.rules.registry import kind_of
from people.models import RoleGrant, User
from people.rules.local_time import local_date
from people.rules.roles import Role
from people.services import roles, users
from tests.factories import make_contact, make_lay_worker, make_midwife, make_mother, make_user
from tests.services.races import at_once

pytestmark = pytest.mark.django_db
# A Friday morning in office hours, and that night at two: 02:00 on Saturday, local.
DAY = datetime(2026, 10, 23, 10, 30, tzinfo=UTC)
NIGHT = datetime(2026, 10, 24, 1, 0, tzinfo=UTC)


def minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


class People:
    def __init__(self) -> None:
        self.midwife = make_midwife()
        self.lay_worker = make_lay_worker(supervisor=self.midwife)
        self.mother = make_mother(paired_with=self.lay_worker)
        self.on_duty, self.second = make_midwife().user, make_midwife().user
        self.lead = make_user(Role.LEAD)
        rota.name(
            on_duty=self.on_duty,
            second=self.second,
            starts_at=DAY,
            ends_at=DAY + timedelta(days=7),
            by=self.lead,
            now=DAY,
        )

    def logs(self, *, at: datetime, **fields: object) -> None:
        make_contact(mother=self.mother, lay_worker=self.lay_worker, happened_at=at, **fields)


@pytest.fixture
def people() -> People:
    ticked(DAY)
    return People()


def ticked(at: datetime) -> None:
    JobRun.objects.update_or_create(name=ESCALATION_JOB, defaults={"started_at": at, "finished_at": at})


def told(alert: Alert) -> list[User]:
    """Return those who have a message about it that is still wanted, asked as its hand-over asks."""
    rows = list(Message.objects.filter(detail__alert=alert.pk, channel="in_app").order_by("pk"))
    why = kind_of(f"alert_{alert.kind}").why_not(rows, alert.step_at) if rows else []
    return [
        row.recipient_user
        for row, not_wanted in zip(rows, why, strict=True)
        if not_wanted is None and row.recipient_user
    ]


@pytest.mark.parametrize(
    ("kind", "fields", "patience"),
    [
        ("concern_emergency", {"concern": "emergency"}, 15),
        ("concern_today", {"concern": "today"}, 4 * 60),
        ("please_ring_me", {"please_ring_me": True}, 4 * 60),
    ],
)
def test_in_office_hours_it_goes_to_her_midwife_then_the_second_then_the_lead(people, kind, fields, patience):
    people.logs(at=DAY, **fields)
    alert = Alert.objects.get()
    assert (alert.kind, alert.holder, told(alert)) == (kind, people.midwife.user, [people.midwife.user])
    at = DAY
    for holder in (people.second, people.lead):
        assert alerts.escalate(now=at + minutes(patience) - timedelta(seconds=1)) == 0
        at += minutes(patience)
        assert (alerts.escalate(now=at), alerts.escalate(now=at)) == (1, 0)
        alert.refresh_from_db()
        assert (alert.holder, told(alert)) == (holder, [holder])
    assert alerts.escalate(now=at + timedelta(days=3)) == 0, "with the lead it stays"


def test_at_two_in_the_night_it_goes_to_whoever_is_on_duty_and_each_is_told_at_once(people):
    people.logs(at=NIGHT, concern="emergency")
    alert = Alert.objects.get()
    assert (alert.holder, told(alert)) == (people.on_duty, [people.on_duty])
    for message in Message.objects.filter(kind="alert_concern_emergency"):
        assert message.due_at == NIGHT and kind_of(message.kind).any_hour
    assert alerts.escalate(now=NIGHT + minutes(15)) == 1
    alert.refresh_from_db()
    assert told(alert) == [people.second]


@pytest.mark.parametrize("absent", ["rota", "rota and lead"])
def test_where_nobody_is_named_it_goes_further_up_and_is_never_lost(people, absent):
    RotaShift.objects.update(withdrawn_at=DAY, withdrawn_by=people.lead)
    if absent == "rota and lead":
        User.objects.filter(pk=people.lead.pk).update(is_active=False)
    people.logs(at=NIGHT, concern="emergency")
    alert = Alert.objects.get()
    assert alert.holder == (people.lead if absent == "rota" else None)
    if absent == "rota and lead":
        # Her midwife sees it on her list all the same, and may take it.
        assert alert in alerts_visible_to(people.midwife.user, on=local_date(NIGHT))
        other = make_user(Role.LEAD)
        assert (alerts.escalate(now=NIGHT + minutes(1)), alerts.escalate(now=NIGHT + minutes(1))) == (1, 0)
        alert.refresh_from_db()
        assert (alert.holder, told(alert)) == (other, [other]), "whoever comes is told with the next tick"


def names(people, *, on_duty: User, second: User) -> None:
    RotaShift.objects.update(withdrawn_at=DAY, withdrawn_by=people.lead)
    rota.name(on_duty=on_duty, second=second, starts_at=DAY, ends_at=DAY + timedelta(days=1), by=people.lead, now=DAY)


def test_a_second_who_has_it_already_is_not_waited_for_twice(people):
    names(people, on_duty=people.on_duty, second=people.midwife.user)
    people.logs(at=DAY, concern="emergency")
    alerts.escalate(now=DAY + minutes(15))
    assert Alert.objects.get().holder == people.on_duty


def test_a_shift_that_changes_meanwhile_asks_whoever_has_come(people):
    people.logs(at=NIGHT, concern="emergency")
    new = make_midwife().user
    RotaShift.objects.update(on_duty=new, second=people.on_duty)
    alerts.escalate(now=NIGHT + minutes(15))
    assert Alert.objects.get().holder == new


def test_every_lead_is_asked_before_one_is_asked_again(people):
    other = make_user(Role.LEAD)
    names(people, on_duty=people.on_duty, second=people.lead)
    people.logs(at=NIGHT, concern="emergency")
    alerts.escalate(now=NIGHT + minutes(15))
    alerts.escalate(now=NIGHT + minutes(30))
    alert = Alert.objects.get()
    assert (alert.holder, alert.told) == (other, [people.on_duty.pk, people.lead.pk, other.pk])


def gone(people, user: User, how: str, at: datetime = DAY) -> None:
    by = make_user(Role.ADMINISTRATOR)
    if how == "switched off":
        users.switch(user=user, active=False, by=by, now=at)
    else:
        for grant in RoleGrant.objects.filter(user=user, ended_at=None):
            roles.end(grant=grant, by=by, now=at)


@pytest.mark.parametrize("how", ["switched off", "right ended"])
def test_who_cannot_answer_is_not_told_and_does_not_watch(people, how):
    gone(people, people.on_duty, how)
    gone(people, people.midwife.user, how)
    people.logs(at=NIGHT, concern="emergency")
    people.logs(at=DAY, concern="emergency")
    assert {alert.holder for alert in Alert.objects.all()} == {people.second}
    ticked(NIGHT)
    assert watching(now=NIGHT).somebody and next_gap(now=NIGHT) == DAY + timedelta(days=7)
    gone(people, people.second, how)
    assert not watching(now=NIGHT).somebody
    assert next_gap(now=NIGHT) == NIGHT


@pytest.mark.parametrize("how", ["switched off", "right ended"])
@pytest.mark.parametrize("has_it", [True, False])
def test_one_whose_holder_can_answer_no_more_goes_to_somebody_who_can(people, how, has_it):
    people.logs(at=NIGHT, concern="today")
    alert = Alert.objects.get()
    if has_it:
        alerts.acknowledge(alert=alert, by=people.on_duty, now=NIGHT)
    gone(people, people.on_duty, how, NIGHT + minutes(5))
    assert alerts.escalate(now=NIGHT + minutes(6)) == 1
    alert.refresh_from_db()
    assert (alert.holder, alert.acknowledged_by) == (people.second, None)
    assert told(alert)[-1:] == [people.second]
    alerts.acknowledge(alert=alert, by=people.second, now=NIGHT + minutes(7))
    assert alerts.escalate(now=NIGHT + timedelta(days=1)) == 0


def test_the_last_step_goes_to_another_lead_where_the_first_can_answer_no_more(people):
    people.logs(at=NIGHT, concern="emergency")
    for step in (1, 2):
        alerts.escalate(now=NIGHT + minutes(15 * step))
    assert Alert.objects.get().holder == people.lead
    other = make_user(Role.LEAD)
    gone(people, people.lead, "switched off", NIGHT + minutes(31))
    alerts.escalate(now=NIGHT + minutes(32))
    assert Alert.objects.get().holder == other


def test_one_entry_corrected_again_and_again_interrupts_once(people):
    people.logs(at=DAY, concern="today")
    contact = people.mother.contacts.get()
    entry = contacts.Entry(
        client_id=contact.client_id, happened_at=contact.happened_at, mode="phone", outcome="reached", minutes=25,
        present=(), concern="today",
    )  # fmt: skip
    contacts.correct(contact=contact, entry=entry, reason="Longer", by=people.lay_worker.user, now=DAY + minutes(1))
    assert Alert.objects.count() == 1


def test_two_concerns_of_one_day_are_two_alerts_and_two_messages(people):
    people.logs(at=DAY, concern="today")
    people.logs(at=DAY + minutes(30), concern="today")
    assert Alert.objects.count() == 2
    assert Message.objects.filter(kind="alert_concern_today", channel="in_app").count() == 2


def test_whoever_has_it_sees_that_one_mother_until_it_is_closed(people):
    other = make_mother(paired_with=people.lay_worker)
    people.logs(at=NIGHT, concern="emergency")
    alert, on = Alert.objects.get(), local_date(NIGHT)
    for user in (people.on_duty, people.lead):
        assert people.mother not in mothers_visible_to(user, on=on)
    alerts.acknowledge(alert=alert, by=people.on_duty, now=NIGHT + minutes(2))
    assert people.mother in mothers_visible_to(people.on_duty, on=on)
    assert other not in mothers_visible_to(people.on_duty, on=on)
    assert people.mother not in mothers_visible_to(people.lead, on=on)
    assert alerts.escalate(now=NIGHT + timedelta(days=1)) == 0, "who has it keeps it"
    with pytest.raises(Refused, match="held_by_another"):
        alerts.acknowledge(alert=alert, by=people.lead, now=NIGHT + minutes(3))
    with pytest.raises(Refused, match="not_yours"):
        alerts.close(alert=alert, outcome="done", by=people.lead, now=NIGHT + minutes(3))
    alerts.close(alert=alert, outcome="passed_on", by=people.on_duty, now=NIGHT + minutes(9))
    assert people.mother not in mothers_visible_to(people.on_duty, on=on)
    assert told(alert) == []


def test_who_was_told_sees_the_alert_and_strangers_do_not(people):
    people.logs(at=NIGHT, concern="emergency")
    on = local_date(NIGHT)
    stranger = make_midwife().user
    assert not alerts_visible_to(people.second, on=on).exists() and not alerts_visible_to(stranger, on=on).exists()
    alerts.escalate(now=NIGHT + minutes(15))
    # The first may have seen the message late: she may still take it.
    assert alerts_visible_to(people.on_duty, on=on).exists() and alerts_visible_to(people.second, on=on).exists()
    assert not alerts_visible_to(people.lay_worker.user, on=on).exists()


def test_one_alert_that_cannot_pass_on_stops_no_other_and_the_job_has_failed(people, monkeypatch):
    people.logs(at=NIGHT, concern="emergency")
    people.logs(at=NIGHT + minutes(1), concern="emergency")
    broken, well = Alert.objects.order_by("pk")
    tell = alerts._tell
    monkeypatch.setattr(alerts, "_tell", lambda alert, now: 1 / 0 if alert.pk == broken.pk else tell(alert, now))
    with pytest.raises(ZeroDivisionError):
        alerts.escalate(now=NIGHT + minutes(20))
    assert list(Alert.objects.order_by("pk").values_list("step", flat=True)) == [0, 1]
    assert told(Alert.objects.get(pk=well.pk)) == [people.second]


@pytest.mark.django_db(transaction=True)
def test_two_who_take_it_at_once_are_one_who_has_it(people):
    people.logs(at=NIGHT, concern="emergency")
    alert = Alert.objects.get()
    takers = [
        lambda user=user: alerts.acknowledge(alert=alert, by=user, now=NIGHT) for user in (people.on_duty, people.lead)
    ]
    results = at_once(*takers)
    assert sorted(type(result).__name__ for result in results) == ["Alert", "Refused"]


@pytest.mark.django_db(transaction=True)
def test_two_ticks_at_once_pass_it_on_one_step(people):
    people.logs(at=NIGHT, concern="emergency")
    results = at_once(*[lambda: alerts.escalate(now=NIGHT + minutes(15))] * 4)
    assert sum(results) == 1
    assert (Alert.objects.get().step, Message.objects.filter(channel="in_app", kind__startswith="alert").count()) == (
        1,
        2,
    )


class TestAVisit:
    def begin(self, people: People, at: datetime = DAY, **fields: object) -> Visit:
        values = {"client_id": uuid4(), "expected_end_at": at + minutes(60)} | fields
        return visits.begin(
            mother=people.mother, lay_worker=people.lay_worker, by=people.lay_worker.user, now=at, **values
        )

    def test_past_its_end_she_is_asked_then_duty_the_second_and_the_procedure(self, people):
        visit = self.begin(people)
        end = visit.expected_end_at

        def holder(at: datetime) -> User | None:
            visits.watch(now=at)
            alerts.escalate(now=at)
            alert = Alert.objects.filter(visit=visit).first()
            return alert.holder if alert else None

        assert visits.watch(now=end + minutes(15) - timedelta(seconds=1)) == 0
        assert visits.watch(now=end + minutes(15)) == 1
        asked = Message.objects.filter(kind="visit_overdue")
        assert {message.recipient_user for message in asked} == {people.lay_worker.user} and asked.count() == 2
        assert visits.watch(now=end + minutes(16)) == 0, "asked once"
        assert holder(end + minutes(29)) is None
        assert holder(end + minutes(30)) == people.midwife.user
        assert holder(end + minutes(45)) == people.second
        assert holder(end + minutes(60)) == people.lead
        assert Alert.objects.get().step == Alert.Step.PROCEDURE

    def test_out_and_well_closes_what_was_raised(self, people):
        visit = self.begin(people)
        visits.watch(now=visit.expected_end_at + minutes(30))
        visits.end(visit=visit, by=people.lay_worker.user, now=visit.expected_end_at + minutes(31))
        assert Alert.objects.get().outcome == "false_alarm"
        assert visits.watch(now=visit.expected_end_at + timedelta(days=1)) == 0
        [reason] = set(kind_of("visit_overdue").why_not(list(Message.objects.filter(kind="visit_overdue")), DAY))
        assert reason == "closed"

    def test_what_was_dealt_with_comes_again_only_after_more_time(self, people):
        visit = self.begin(people)
        for late in range(31, 36):
            at = visit.expected_end_at + minutes(late)
            visits.watch(now=at)
            for alert in Alert.objects.filter(closed_at=None):
                alerts.acknowledge(alert=alert, by=people.midwife.user, now=at)
                alerts.close(alert=alert, outcome="false_alarm", by=people.midwife.user, now=at)
        assert Alert.objects.count() == 1
        visit = visits.extend(visit=visit, by=people.lay_worker.user, now=at)
        visits.watch(now=visit.expected_end_at + minutes(30))
        assert Alert.objects.filter(closed_at=None).count() == 1

    def test_two_taps_on_one_page_are_thirty_minutes(self, people):
        visit = self.begin(people)
        seen = visit.expected_end_at
        for _tap in range(2):
            visits.extend(visit=visit, by=people.lay_worker.user, now=DAY, seen_end_at=seen)
        visit.refresh_from_db()
        assert visit.expected_end_at == seen + minutes(30)

    def test_a_visit_that_outlasts_whoever_watches_is_refused(self, people):
        RotaShift.objects.update(withdrawn_at=DAY, withdrawn_by=people.lead)
        # Office hours end at 17:00; an hour past its end the last step of an overdue visit is due.
        closes_at = datetime(2026, 10, 23, 16, tzinfo=UTC)
        now = closes_at - minutes(90)
        ticked(now)
        asked = {"mother": people.mother, "lay_worker": people.lay_worker, "by": people.lay_worker.user, "now": now}
        with pytest.raises(Refused) as refused:
            visits.begin(**asked, client_id=uuid4(), expected_end_at=now + minutes(31))
        assert "from 17:00 on" in refused.value.message
        visits.begin(**asked, client_id=uuid4(), expected_end_at=now + minutes(30))

    def test_thirty_minutes_more_by_one_tap(self, people):
        visit = self.begin(people)
        end = visit.expected_end_at
        visits.extend(visit=visit, by=people.lay_worker.user, now=end - minutes(5))
        assert visits.watch(now=end + minutes(44)) == 0 and visits.watch(now=end + minutes(45)) == 1
        visits.extend(visit=visit, by=people.lay_worker.user, now=end + minutes(50))
        visit.refresh_from_db()
        assert visit.expected_end_at == end + minutes(80), "from now, once the time is past"

    def test_one_form_is_one_visit_and_two_visits_at_once_are_refused(self, people):
        key = uuid4()
        assert self.begin(people, client_id=key) == self.begin(people, client_id=key)
        with pytest.raises(Refused, match="another_visit"):
            self.begin(people)

    @pytest.mark.parametrize("end", [minutes(0), minutes(4 * 60 + 1)])
    def test_an_end_that_cannot_be_is_refused(self, people, end):
        with pytest.raises(Refused, match="expected_when"):
            self.begin(people, expected_end_at=DAY + end)

    @pytest.mark.parametrize("why", ["no tick", "old tick", "no rota at night"])
    def test_where_nobody_watches_there_is_no_check_in(self, people, why):
        at = NIGHT if why == "no rota at night" else DAY + minutes(1)
        ticked(at)
        if why == "no tick":
            JobRun.objects.update(finished_at=None)
        elif why == "old tick":
            ticked(at - minutes(3) - timedelta(seconds=1))
        else:
            RotaShift.objects.update(withdrawn_at=DAY, withdrawn_by=people.lead)
        assert not watching(now=at).somebody
        with pytest.raises(Refused, match="nobody_watches"):
            self.begin(people, at)

    def test_a_tick_of_three_minutes_ago_still_watches(self, people):
        ticked(DAY)
        assert watching(now=DAY + minutes(3)).somebody

    @pytest.mark.django_db(transaction=True)
    def test_two_watchers_at_once_raise_one_alert(self, people):
        visit = self.begin(people)
        at_once(*[lambda: visits.watch(now=visit.expected_end_at + minutes(30))] * 4)
        assert (
            Alert.objects.count() == 1 and Message.objects.filter(kind="visit_overdue", channel="in_app").count() == 1
        )


class TestTheRota:
    def test_one_shift_at_a_time_and_a_second_who_is_someone_else(self, people):
        when = {"starts_at": DAY + timedelta(days=7), "ends_at": DAY + timedelta(days=8), "by": people.lead, "now": DAY}
        rota.name(on_duty=people.on_duty, second=people.second, **when)
        assert rota.name(on_duty=people.on_duty, second=people.second, **when).pk == RotaShift.objects.latest("pk").pk
        for on_duty, second, code in (
            (people.second, people.on_duty, "shift_overlaps"),
            (people.second, people.second, "second_is_first"),
            (people.second, people.lay_worker.user, "not_of_the_team"),
        ):
            with pytest.raises(Refused, match=code):
                rota.name(on_duty=on_duty, second=second, **when)

    def test_a_gap_in_the_next_four_weeks_is_said_from_its_first_instant(self, people):
        assert next_gap(now=DAY) == DAY + timedelta(days=7)
        for week in (1, 2, 3):
            rota.name(
                on_duty=people.on_duty, second=people.second, starts_at=DAY + timedelta(days=7 * week),
                ends_at=DAY + timedelta(days=7 * week + 7), by=people.lead, now=DAY,
            )  # fmt: skip
        assert next_gap(now=DAY) is None
        shift = RotaShift.objects.get(starts_at=DAY + timedelta(days=14))
        rota.withdraw(shift=shift, by=people.lead, now=DAY)
        assert next_gap(now=DAY) == shift.starts_at
