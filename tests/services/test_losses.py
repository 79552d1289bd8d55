"""A loss and what follows it: what is silenced, what stays, what is undone, and support with its own plan (section 8)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from mentoring.models import (
    Alert,
    Appointment,
    ContactPlan,
    Duty,
    LayWorker,
    Mother,
    PlannedContact,
    Visit,
)
from mentoring.queries.caseload import caseload
from mentoring.queries.mother_page import page_of
from mentoring.queries.statuses import open_rows
from mentoring.queries.today import today_of
from mentoring.rules.refusals import Refused
from mentoring.rules.status import MentoringStatus
from mentoring.services import appointments, contacts, duties, losses, pairings, plans, reminders
from outbox.models import Message
from outbox.rules.registry import KINDS, kind_of
from outbox.services import delivery
from people.models import Baby, Loss, SafeContact
from people.rules.local_time import local_date
from tests.factories import NOW, make_contact, make_lay_worker, make_midwife, make_mother, safe_sheet
from tests.services.post import Recording
from tests.services.test_contacts import entry

pytestmark = pytest.mark.django_db
TODAY = local_date(NOW)
DAY = timedelta(days=1)
WAITING = ("queued", "held", "claimed")


@pytest.fixture
def lay_worker() -> LayWorker:
    return make_lay_worker(supervisor=make_midwife(), now=NOW - 60 * DAY)


@pytest.fixture
def mother(lay_worker: LayWorker) -> Mother:
    """In her twelfth week with the programme, reached in the first; her next contact is due in two days."""
    mother = make_mother(
        paired_with=lay_worker,
        starts_on=TODAY - 82 * DAY,
        now=NOW - 82 * DAY,
        sheet=safe_sheet(texts_opted_in=True),
    )
    SafeContact.objects.filter(person=mother.person_id).update(asked_on=TODAY - 7 * DAY)
    make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW - 82 * DAY)
    make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW - 12 * DAY)
    reminders.refresh_for(mother_ids=[mother.pk], now=NOW)
    return Mother.objects.get(pk=mother.pk)


def midwife_of(mother: Mother) -> Any:
    assert mother.midwife is not None
    return mother.midwife.user


def lose(mother: Mother, kind: str = "miscarriage", *, now: datetime = NOW, **fields: Any) -> Loss:
    return losses.record(mother=mother, kind=kind, by=fields.pop("by", midwife_of(mother)), now=now, **fields)


def undo(loss: Loss, mother: Mother, *, now: datetime = NOW, reason: str = "Another woman's note") -> Loss:
    return losses.undo(loss=loss, mother=mother, reason=reason, by=midwife_of(mother), now=now)


def support(mother: Mother, *, now: datetime = NOW, **fields: Any) -> ContactPlan:
    on = local_date(now)
    values: dict[str, Any] = {"starts_on": on + 7 * DAY, "every_days": 7, "ends_on": on + 90 * DAY} | fields
    return losses.start_support(mother=mother, by=midwife_of(mother), now=now, **values)


def bear(mother: Mother, *names: str, born_on: date = TODAY - 10 * DAY, now: datetime = NOW) -> list[Baby]:
    plans.change(mother=mother, request=plans.Birth(born_on, names), asked_by="record", by=midwife_of(mother), now=now)
    return list(Baby.objects.filter(pregnancy__person=mother.person_id))


def waiting(**which: Any) -> list[str]:
    return sorted({message.kind for message in Message.objects.filter(status__in=WAITING, **which)})


def code_of(what: Any) -> str:
    with pytest.raises(Refused) as refused:
        what()
    return refused.value.code


def status(mother: Mother, now: datetime = NOW) -> MentoringStatus:
    return page_of(mother, user=midwife_of(mother), now=now).status


def holds(mother: Mother) -> str | None:
    return plans.hold_kind(ContactPlan.objects.get(mother=mother, closed_at__isnull=True))


# --- One action ---


@pytest.mark.parametrize("by", ["lay-worker", "covering lay-worker", "midwife"])
def test_a_loss_takes_out_every_message_to_her_and_every_message_about_a_contact_in_one_action(
    mother: Mother, lay_worker: LayWorker, by: str
) -> None:
    appointments.agree(mother=mother, starts_at=NOW + 2 * DAY, mode="phone", by=lay_worker.user, now=NOW)
    appointments.agree(mother=mother, starts_at=NOW + 600 * DAY, mode="phone", by=lay_worker.user, now=NOW)
    covering = make_lay_worker(supervisor=lay_worker.supervisor)
    pairings.arrange_cover(
        mother=mother, lay_worker=covering, starts_on=TODAY, ends_on=TODAY + 3 * DAY, by=midwife_of(mother), now=NOW
    )
    text = Message.objects.create(
        kind="appointment_tomorrow", subject=mother.person, recipient_person=mother.person, channel="text",
        nominal_on=TODAY, due_at=NOW, expires_at=NOW + DAY, status_at=NOW, created_at=NOW,
    )  # fmt: skip
    assert {"contact_coming_up", "appointment_tomorrow"} <= set(waiting(subject=mother.person))
    queued = list(Message.objects.filter(subject=mother.person, status__in=WAITING).values_list("pk", flat=True))
    who = {"lay-worker": lay_worker.user, "covering lay-worker": covering.user, "midwife": midwife_of(mother)}[by]

    loss = lose(mother, by=who)

    assert (loss.recorded_by, loss.recorded_at, loss.undone_at) == (who, NOW, None)
    assert waiting(subject=mother.person) == ["alert_loss", "speak_to_midwife"]
    text.refresh_from_db()
    assert (text.status, text.why) == ("cancelled", "loss")
    assert set(Message.objects.filter(pk__in=queued).values_list("status", "why")) == {("cancelled", "loss")}
    assert holds(mother) == "loss"
    assert list(Appointment.objects.values_list("withdrawn_why", flat=True).distinct()) == ["loss"]
    alert = Alert.objects.get()
    assert (alert.kind, alert.loss, alert.holder) == ("loss", loss, midwife_of(mother))
    told = Message.objects.filter(kind="speak_to_midwife")
    assert {row.recipient_user_id for row in told} == {lay_worker.user_id, covering.user_id}
    assert {row.channel for row in told} == {"email", "in_app"}
    duty = Duty.objects.get(kind="bereavement")
    assert (duty.owner, duty.mother, duty.closed_at) == (mother.midwife, mother, None)


def test_what_the_lay_worker_is_told_says_to_speak_to_a_person_and_nothing_of_what_happened(mother: Mother) -> None:
    lose(mother, "stillbirth")
    [words] = kind_of("speak_to_midwife").compose(Message.objects.filter(kind="speak_to_midwife", channel="email"))
    assert words.body == f"Speak to your midwife before you are in touch with {mother.programme_code}."
    said = f"{words.subject} {words.body} {words.why}".lower()
    assert not [word for word in ("loss", "lost", "birth", "baby", "sorry", "died", "pregnan") if word in said]


def test_an_open_concern_an_overdue_visit_and_a_request_to_ring_survive_a_loss(
    mother: Mother, lay_worker: LayWorker
) -> None:
    make_contact(
        mother=mother, lay_worker=lay_worker, happened_at=NOW - DAY, now=NOW, concern="emergency", please_ring_me=True
    )
    visit = Visit.objects.create(
        client_id=uuid4(), mother=mother, lay_worker=lay_worker, started_at=NOW, started_by=lay_worker.user,
        expected_end_at=NOW, expected_end_by=lay_worker.user,
    )  # fmt: skip
    from mentoring.services import alerts

    alerts.raise_alert(kind="overdue_visit", mother=mother, visit=visit, by=None, now=NOW)
    lose(mother)
    kinds = ["alert_concern_emergency", "alert_loss", "alert_overdue_visit", "alert_please_ring_me"]
    assert waiting(kind__startswith="alert_") == kinds
    assert Alert.objects.filter(closed_at__isnull=True).count() == 4
    for code in kinds:
        some = list(Message.objects.filter(kind=code))
        assert kind_of(code).why_not(some, NOW) == [None] * len(some)


def test_the_same_loss_again_is_the_one_that_stands(mother: Mother, lay_worker: LayWorker) -> None:
    first = lose(mother)
    assert lose(mother, by=lay_worker.user) == first
    assert (Loss.objects.count(), Alert.objects.count(), Duty.objects.filter(kind="bereavement").count()) == (1, 1, 1)


def test_a_failure_later_in_the_action_leaves_nothing_of_it(mother: Mother, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError

    before = waiting()
    monkeypatch.setattr(duties, "raise_now", fails)
    with pytest.raises(RuntimeError):
        lose(mother)
    assert not Loss.objects.exists() and holds(mother) is None and waiting() == before


def test_what_cannot_be_is_refused(mother: Mother) -> None:
    assert code_of(lambda: lose(mother, happened_on=TODAY + DAY)) == "loss_in_future"
    other = make_mother(paired_with=make_lay_worker(), starts_on=TODAY - 60 * DAY, now=NOW - 60 * DAY)
    [hers] = bear(other, "Bo")
    assert code_of(lambda: lose(mother, "baby_died", baby=hers)) == "not_her_baby"
    [own] = bear(mother, "Al")
    assert code_of(lambda: lose(mother, "baby_died", happened_on=own.born_on - DAY)) == "loss_before_birth"
    assert code_of(lambda: lose(mother, "miscarriage")) == "born_already"
    assert not Loss.objects.exists()


def test_a_stillbirth_makes_no_living_baby_and_a_date_may_stay_unknown(mother: Mother) -> None:
    loss = lose(mother, "stillbirth")
    assert (loss.happened_on, loss.baby, Baby.objects.count()) == (None, None, 0)


def test_the_death_of_one_twin_is_of_that_one_and_the_other_stays_on_record(mother: Mother) -> None:
    one, other = bear(mother, "Al", "Bo")
    loss = lose(mother, "baby_died", baby=other, happened_on=TODAY)
    assert loss.baby == other
    assert list(Baby.objects.all()) == [one, other]
    second = lose(mother, "baby_died", baby=one)
    assert second != loss and Alert.objects.count() == 2


def test_of_an_only_baby_it_is_known_which(mother: Mother) -> None:
    [baby] = bear(mother, "Al")
    first = lose(mother, "baby_died")
    assert first.baby == baby
    assert lose(mother, "baby_died", baby=baby) == first


def test_a_loss_of_which_no_more_was_said_says_later_what_it_was_and_alerts_once(
    mother: Mother, lay_worker: LayWorker
) -> None:
    first = lose(mother, "not_said", by=lay_worker.user)
    later = lose(mother, "stillbirth", happened_on=TODAY)
    assert later.pk == first.pk
    assert (later.kind, later.happened_on, later.recorded_by) == ("stillbirth", TODAY, lay_worker.user)
    assert lose(mother, "not_said") == later
    assert (Loss.objects.count(), Alert.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("kind", "held", "shown"),
    [
        ("termination", "loss", MentoringStatus.BEREAVED),
        ("not_said", "loss", MentoringStatus.BEREAVED),
        ("not_living_with_her", "ended", MentoringStatus.ENDED),
        ("mother_died", "ended", MentoringStatus.ENDED),
    ],
)
def test_her_mentoring_status_after_each_kind_of_loss(mother: Mother, kind: str, held: str, shown: str) -> None:
    lose(mother, kind)
    assert holds(mother) == held
    assert status(mother) == shown


def test_the_death_of_the_mother_leaves_nothing_to_decide_with_her_and_its_day_is_noted_where_known(
    mother: Mother,
) -> None:
    lose(mother)
    loss = lose(mother, "mother_died", happened_on=TODAY - DAY)
    mother.person.refresh_from_db()
    assert mother.person.died_on == TODAY - DAY
    assert holds(mother) == "ended"
    assert not Duty.objects.filter(kind="bereavement", closed_at__isnull=True).exists()
    assert code_of(lambda: support(mother)) == "she_died"
    assert code_of(lambda: losses.decline_support(mother=mother, by=midwife_of(mother), now=NOW)) == "she_died"
    undo(loss, mother)
    mother.person.refresh_from_db()
    assert mother.person.died_on is None
    assert holds(mother) == "loss"
    assert Duty.objects.filter(kind="bereavement", closed_at__isnull=True).count() == 1


def test_a_death_of_unknown_day_is_given_none(mother: Mother) -> None:
    lose(mother, "mother_died")
    mother.person.refresh_from_db()
    assert mother.person.died_on is None


# --- Held: nothing of hers is open anywhere ---


def test_nothing_of_hers_is_open_on_any_list_from_the_loss_on(mother: Mother, lay_worker: LayWorker) -> None:
    assert open_rows(TODAY).filter(mother=mother).exists()
    lose(mother)
    for at in (NOW, NOW + 20 * DAY):
        on = local_date(at)
        today = today_of(lay_worker.user, now=at)
        page = page_of(mother, user=lay_worker.user, now=at)
        [row] = caseload(midwife_of(mother), on=on).rows
        assert not open_rows(on).filter(mother=mother).exists()
        assert today.is_clear and [card.code for card in today.others] == [mother.programme_code]
        assert not (today.coming_up or today.agreed_today or today.agreed_later)
        assert today.others[0].speak_to_midwife
        assert page.speak_to_midwife and page.held
        assert (page.next_planned, page.appointments) == (None, [])
        assert {one["status"] for one in page.windows} <= {"made", "missed", "cancelled"}
        assert (row["status"], row["next_due_on"], row["is_overdue"]) == ("bereaved", None, False)
    assert reminders.top_up(now=NOW + 20 * DAY) == 0
    duties.sweep(now=NOW + 20 * DAY)
    open_duties = Duty.objects.filter(mother=mother, closed_at__isnull=True)
    assert list(open_duties.values_list("kind", flat=True)) == ["bereavement"]


def test_the_lay_worker_may_still_log_and_is_told_nothing_of_what_is_due(mother: Mother, lay_worker: LayWorker) -> None:
    lose(mother)
    recorded = contacts.record(
        mother=mother, lay_worker=lay_worker, entry=entry(happened_at=NOW), by=lay_worker.user, now=NOW
    )
    assert recorded.next_planned is None
    assert not waiting(kind="contact_coming_up")


def test_no_time_is_agreed_and_no_plan_changed_round_the_midwifes_decision(
    mother: Mother, lay_worker: LayWorker
) -> None:
    lose(mother)
    assert (
        code_of(
            lambda: appointments.agree(mother=mother, starts_at=NOW + DAY, mode="phone", by=lay_worker.user, now=NOW)
        )
        == "on_hold"
    )
    for request in (plans.Resume(), plans.Rhythm(7), plans.PauseFor(), plans.DueDate(TODAY + 100 * DAY)):
        assert code_of(lambda request=request: _change(mother, request)) == "loss"
        assert code_of(lambda request=request: plans.preview(mother=mother, request=request, now=NOW)) == "loss"


def _change(mother: Mother, request: Any, now: datetime = NOW) -> Any:
    return plans.change(mother=mother, request=request, asked_by="midwife", by=midwife_of(mother), now=now)


def test_a_pairing_announced_but_not_gone_does_not_go_once_a_loss_is_recorded(mother: Mother) -> None:
    """Marked as about to go it is past cancelling: its kind is asked under the lock."""
    other = make_lay_worker(supervisor=mother.midwife)
    pairings.end(pairing=mother.pairings.get(), reason="moved", by=midwife_of(mother), now=NOW)
    pairings.pair(mother=mother, lay_worker=other, by=midwife_of(mother), now=NOW)
    new = Message.objects.filter(kind="new_pairing", status="queued", recipient_user=other.user)
    ids = list(new.values_list("pk", flat=True))
    Message.objects.filter(pk__in=ids).update(status="handing_over", lease_until=NOW + DAY)
    lose(mother)
    carrier = Recording(batch=500)
    assert set(delivery.hand_over(message_ids=ids, carrier=carrier, now=NOW).values()) == {"cancelled"}
    assert carrier.given == []


def test_a_message_sent_before_it_says_no_more_of_a_birth_or_an_ending(mother: Mother, lay_worker: LayWorker) -> None:
    some = [
        Message(kind=kind, subject=mother.person, recipient_user=lay_worker.user, channel="in_app")
        for kind in ("baby_expected", "ending_in_eight_weeks")
    ]
    before = [KINDS[one.kind].compose([one])[0].body for one in some]
    assert "two weeks away" in before[0]
    loss = lose(mother)
    assert [KINDS[one.kind].compose([one])[0].body for one in some] == ["What it said does not hold any more."] * 2
    undo(loss, mother)
    assert [KINDS[one.kind].compose([one])[0].body for one in some] == before


# --- Undone ---


def test_a_loss_taken_back_leaves_the_plan_as_it_was_and_sends_nothing_meanwhile(mother: Mother) -> None:
    rows = list(open_rows(TODAY).filter(mother=mother).order_by("due_on").values("due_on", "opens_on", "closes_on"))
    fresh = Message.objects.filter(status="queued", expires_at__gt=NOW)
    before = {(row.kind, row.nominal_on, row.channel) for row in fresh.all()}
    loss = lose(mother)
    assert code_of(lambda: undo(loss, mother, reason=" ")) == "reason_missing"
    undo(loss, mother)
    loss.refresh_from_db()
    assert (loss.undone_at, loss.undone_by, loss.undone_reason) == (NOW, midwife_of(mother), "Another woman's note")
    now = list(open_rows(TODAY).filter(mother=mother).order_by("due_on").values("due_on", "opens_on", "closes_on"))
    assert now == rows
    after = {(row.kind, row.nominal_on, row.channel) for row in fresh.all()}
    assert {one for one in after if not one[0].startswith("alert_")} == before
    assert not Message.objects.filter(status__in=["sent", "handing_over"]).exists()
    assert not Message.objects.filter(kind="speak_to_midwife", status__in=WAITING).exists()
    assert Alert.objects.get().outcome == "false_alarm"
    assert not Duty.objects.filter(kind="bereavement", closed_at__isnull=True).exists()
    assert status(mother) == MentoringStatus.ACTIVE


def test_taken_back_later_contact_goes_on_from_that_day_and_again_changes_nothing(mother: Mother) -> None:
    loss = lose(mother)
    at = NOW + 20 * DAY
    first = undo(loss, mother, now=at)
    assert undo(loss, mother, now=at + DAY, reason="again").undone_at == first.undone_at
    assert open_rows(local_date(at)).filter(mother=mother).order_by("due_on").values_list("due_on", flat=True)[
        0
    ] == local_date(at)
    assert {row.due_at >= at for row in Message.objects.filter(kind="contact_coming_up", status="queued")} == {True}


def test_one_who_had_ended_before_a_false_report_is_not_in_touch_again_by_its_undoing(mother: Mother) -> None:
    _change(mother, plans.Hold("ended"), NOW - DAY)
    loss = lose(mother)
    undo(loss, mother, now=NOW + 20 * DAY)
    assert holds(mother) == "ended"
    assert status(mother, NOW + 20 * DAY) == MentoringStatus.ENDED


def test_an_ending_decided_since_the_loss_is_not_undone_with_it(mother: Mother) -> None:
    loss = lose(mother)
    _change(mother, plans.Hold("ended"), NOW + DAY)
    undo(loss, mother, now=NOW + 2 * DAY)
    assert holds(mother) == "ended"


def test_of_two_losses_the_one_taken_back_leaves_the_hold_of_the_other(mother: Mother) -> None:
    first, second = lose(mother, "not_living_with_her"), lose(mother, "stillbirth", now=NOW + DAY)
    assert holds(mother) == "loss"
    undo(second, mother, now=NOW + 2 * DAY)
    assert (holds(mother), status(mother)) == ("ended", MentoringStatus.ENDED)
    assert Duty.objects.filter(kind="bereavement", closed_at__isnull=True).count() == 1
    undo(first, mother, now=NOW + 2 * DAY)
    assert (holds(mother), status(mother, NOW + 2 * DAY)) == (None, MentoringStatus.ACTIVE)


@pytest.mark.parametrize("first", ["not_living_with_her", "stillbirth"])
def test_two_losses_both_taken_back_in_the_order_of_their_recording_leave_no_hold(mother: Mother, first: str) -> None:
    other = {"not_living_with_her": "stillbirth", "stillbirth": "mother_died"}[first]
    one, two = lose(mother, first), lose(mother, other, now=NOW + DAY)
    undo(one, mother, now=NOW + 2 * DAY)
    assert holds(mother) == ("loss" if other == "stillbirth" else "ended")
    undo(two, mother, now=NOW + 3 * DAY)
    assert holds(mother) is None


def test_a_loss_of_an_ended_plan_taken_back_leaves_it_ended(mother: Mother) -> None:
    _change(mother, plans.Hold("ended"), NOW - DAY)
    loss = lose(mother, "not_living_with_her")
    undo(loss, mother, now=NOW + DAY)
    assert holds(mother) == "ended"


def test_another_mothers_loss_is_not_taken_back_on_her_page(mother: Mother) -> None:
    other = make_mother(paired_with=make_lay_worker())
    loss = lose(other)
    with pytest.raises(Loss.DoesNotExist):
        undo(loss, mother)


# --- Support ---


def test_support_is_a_plan_of_its_own_with_no_part_of_a_pregnancy(mother: Mother, lay_worker: LayWorker) -> None:
    assert code_of(lambda: support(mother)) == "no_loss"
    lose(mother)
    plan = support(mother)
    assert (plan.kind, plan.edd, plan.born_on) == ("bereavement", None, None)
    assert ContactPlan.objects.filter(mother=mother, closed_at__isnull=True).get() == plan
    assert Duty.objects.get(kind="bereavement").outcome == "done"
    first = open_rows(TODAY).filter(mother=mother).order_by("due_on").first()
    assert first is not None and (first.plan, first.due_on, first.lay_worker) == (plan, TODAY + 7 * DAY, lay_worker)
    page = page_of(mother, user=lay_worker.user, now=NOW)
    assert (page.status, page.held, page.speak_to_midwife) == (MentoringStatus.BEREAVED, False, False)
    assert {row["due_on"] for row in page.windows} == {
        row.due_on for row in PlannedContact.objects.filter(plan=plan, withdrawn_at__isnull=True)[:5]
    }
    assert support(mother) == plan
    assert code_of(lambda: support(mother, every_days=14)) == "support_begun"
    assert code_of(lambda: losses.decline_support(mother=mother, by=midwife_of(mother), now=NOW)) == "support_begun"


def test_the_reminders_of_support_are_of_contacts_alone(mother: Mother) -> None:
    lose(mother)
    plan = support(mother, ends_on=TODAY + 60 * DAY)
    seen = set()
    for days in range(0, 62, 4):
        reminders.top_up(now=NOW + days * DAY)
        duties.sweep(now=NOW + days * DAY)
        seen |= set(waiting(subject=mother.person))
    assert seen - {"alert_loss", "speak_to_midwife"} == {"contact_coming_up", "contact_overdue"}
    assert {*Duty.objects.filter(mother=mother, closed_at__isnull=True).values_list("kind", flat=True)} <= {
        "introduce", "two_missed", "silent", "hard_to_reach", "safe_contact_reask",
    }  # fmt: skip
    assert status(mother, datetime(2026, 12, 22, tzinfo=UTC)) == MentoringStatus.BEREAVED
    assert plan.ends_on < TODAY + 62 * DAY and status(mother, NOW + 62 * DAY) == MentoringStatus.ENDED


def test_the_lay_worker_is_not_asked_to_speak_first_once_support_has_begun(mother: Mother) -> None:
    lose(mother)
    support(mother, ends_on=TODAY + 300 * DAY)
    message = list(Message.objects.filter(kind="speak_to_midwife")[:1])
    assert kind_of("speak_to_midwife").why_not(message, NOW) == ["not_held"]
    # Long past the due date that was.
    at = NOW + 200 * DAY
    assert not page_of(mother, user=midwife_of(mother), now=at).speak_to_midwife


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"starts_on": TODAY - DAY}, "support_in_past"),
        ({"every_days": 0}, "dates_do_not_fit"),
        ({"every_days": 366}, "dates_do_not_fit"),
        ({"ends_on": TODAY}, "dates_do_not_fit"),
    ],
)
def test_support_of_days_that_do_not_fit_is_refused(mother: Mother, fields: dict[str, Any], code: str) -> None:
    lose(mother)
    assert code_of(lambda: support(mother, **fields)) == code
    assert ContactPlan.objects.get(mother=mother, closed_at__isnull=True).kind == "programme"


def test_a_contact_of_the_day_on_which_support_begins_makes_one_window_of_one_plan(
    mother: Mother, lay_worker: LayWorker
) -> None:
    made = make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW, now=NOW)
    lose(mother)
    support(mother, starts_on=TODAY)
    row = PlannedContact.objects.get(fulfilled_by=made)
    assert row.plan.kind == "programme"
    second = make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW + timedelta(hours=1))
    assert PlannedContact.objects.get(fulfilled_by=second).plan.kind == "bereavement"


def test_an_entry_late_or_taken_back_repairs_the_plan_it_belongs_to(mother: Mother, lay_worker: LayWorker) -> None:
    lose(mother)
    support(mother)
    late = make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW - 26 * DAY, now=NOW)
    assert PlannedContact.objects.get(fulfilled_by=late).plan.kind == "programme"
    contacts.void(contact=late, reason="Of another", by=lay_worker.user, now=NOW)
    assert not PlannedContact.objects.filter(fulfilled_by=late).exists()


def test_a_loss_taken_back_after_support_has_begun_ends_it_and_the_programme_goes_on(
    mother: Mother, lay_worker: LayWorker
) -> None:
    loss = lose(mother)
    begun = support(mother, starts_on=TODAY)
    made = make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW + timedelta(hours=1))
    assert PlannedContact.objects.get(fulfilled_by=made).plan == begun
    undo(loss, mother, now=NOW + timedelta(hours=2))
    plan = ContactPlan.objects.get(mother=mother, closed_at__isnull=True)
    assert (plan.kind, holds(mother)) == ("programme", None)
    begun.refresh_from_db()
    assert begun.closed_by == midwife_of(mother)
    assert PlannedContact.objects.filter(fulfilled_by=made).count() == 1
    assert {row.plan for row in open_rows(TODAY).filter(mother=mother)} == {plan}
    due = set(open_rows(TODAY).filter(mother=mother).values_list("due_on", flat=True))
    queued = Message.objects.filter(subject=mother.person, kind="contact_coming_up", status="queued")
    assert {message.subject_due_on for message in queued} <= due
    assert status(mother) == MentoringStatus.ACTIVE


def test_times_agreed_in_support_are_withdrawn_with_it_when_the_loss_is_taken_back(
    mother: Mother, lay_worker: LayWorker
) -> None:
    loss = lose(mother)
    support(mother, starts_on=TODAY)
    agreed = {"mother": mother, "mode": "home_visit", "by": lay_worker.user, "now": NOW}
    over = appointments.agree(starts_at=NOW + timedelta(minutes=30), **agreed)  # type: ignore[arg-type]  # the arguments are of several types
    ahead = appointments.agree(starts_at=NOW + 8 * DAY, **agreed)  # type: ignore[arg-type]  # the arguments are of several types
    undo(loss, mother, now=NOW + timedelta(hours=1))
    over.refresh_from_db(), ahead.refresh_from_db()
    assert over.withdrawn_at is None, "what has been is not undone"
    assert (ahead.withdrawn_at, ahead.withdrawn_by) == (NOW + timedelta(hours=1), midwife_of(mother))
    assert ahead.withdrawn_why == "plan_changed"
    assert waiting(kind="appointment_tomorrow", expires_at__gt=NOW + timedelta(hours=1)) == []


def test_a_second_loss_holds_support_and_taken_back_support_goes_on(mother: Mother) -> None:
    lose(mother)
    begun = support(mother)
    second = lose(mother, "not_living_with_her", now=NOW + DAY)
    assert holds(mother) == "ended" and waiting(kind="contact_coming_up") == []
    assert Duty.objects.filter(kind="bereavement", closed_at__isnull=True).count() == 1
    undo(second, mother, now=NOW + DAY)
    assert ContactPlan.objects.get(mother=mother, closed_at__isnull=True) == begun
    assert (holds(mother), status(mother, NOW + DAY)) == (None, MentoringStatus.BEREAVED)


def test_after_a_second_loss_support_may_begin_afresh(mother: Mother) -> None:
    lose(mother)
    begun = support(mother)
    lose(mother, "not_living_with_her", now=NOW + DAY)
    afresh = support(mother, now=NOW + DAY)
    assert ContactPlan.objects.get(mother=mother, closed_at__isnull=True) == afresh != begun


def test_what_a_loss_was_can_be_said_during_support_without_holding_it_again(mother: Mother) -> None:
    lose(mother, "not_said")
    support(mother)
    lose(mother, "stillbirth", now=NOW + DAY)
    assert holds(mother) is None and waiting(kind="contact_coming_up")


def test_it_may_be_decided_with_her_that_no_contact_goes_on(mother: Mother) -> None:
    lose(mother)
    losses.decline_support(mother=mother, by=midwife_of(mother), now=NOW)
    assert Duty.objects.get(kind="bereavement").outcome == "she_said_no"
    assert (holds(mother), status(mother)) == ("loss", MentoringStatus.BEREAVED)
    assert support(mother).kind == "bereavement"


def test_support_may_be_paused_as_any_plan(mother: Mother) -> None:
    lose(mother)
    support(mother)
    _change(mother, plans.PauseFor())
    assert status(mother, NOW + 3 * DAY) == MentoringStatus.PAUSED


# --- On record ---


def test_the_record_says_who_recorded_it_when_and_why_it_was_taken_back(mother: Mother, lay_worker: LayWorker) -> None:
    loss = lose(mother, "not_said", by=lay_worker.user)
    lose(mother, "stillbirth")
    undo(loss, mother)
    history = Loss.pgh_event_model.objects.filter(pgh_obj=loss).order_by("pgh_id")  # type: ignore[attr-defined]  # by pghistory
    assert list(history.values_list("kind", "undone_reason")) == [
        ("not_said", ""),
        ("stillbirth", ""),
        ("stillbirth", "Another woman's note"),
    ]
