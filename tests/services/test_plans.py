"""Changes of a plan in the database: the same as the rules, once, previewed, with messages and appointments in step."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mentoring.models import Appointment, PlanChange, PlannedContact
from mentoring.queries.statuses import planned_rows, status_sql
from mentoring.rules import changes
from mentoring.rules.plan import PlannedContact as Window
from mentoring.rules.plan import planned_contacts, status
from mentoring.rules.refusals import Refused
from mentoring.services import appointments, pairings, plans, protocol, reminders
from outbox.models import Message
from people.models import Baby, Pregnancy
from people.rules.local_time import LOCAL, local_date
from tests.conftest import NOW
from tests.factories import make_contact, make_lay_worker, make_mother
from tests.services.races import at_once

pytestmark = pytest.mark.django_db
TODAY = local_date(NOW)
CASES = json.loads((Path(__file__).parent.parent / "cases" / "changes.json").read_text())


def noon(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, 12, tzinfo=LOCAL)


def change(mother, request, now=NOW, **fields):
    by = mother.pairings.first().lay_worker.user
    values = {"asked_by": "she_to_lay_worker", "by": by} | fields
    return plans.change(mother=mother, request=request, now=now, **values)


def rows_of(mother):
    return [
        {"due_on": row.due_on.isoformat(), "opens_on": row.opens_on.isoformat(), "closes_on": row.closes_on.isoformat()}
        for row in planned_rows().filter(mother=mother).order_by("due_on")
    ]


def as_request(event):
    match event["kind"]:
        case "rhythm":
            return plans.Rhythm(event["every_days"])
        case "pause":
            until = changes.UNSET
            if "until_on" in event:
                until = event["until_on"] and date.fromisoformat(event["until_on"])
            return plans.PauseFor(date.fromisoformat(event["from_on"]), until)
        case "resume":
            return plans.Resume()
        case "hold":
            return plans.Hold("unreachable")
        case "birth":
            return plans.Birth(date.fromisoformat(event["born_on"]))
        case "due_date":
            return plans.DueDate(date.fromisoformat(event["edd"]))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_rows_in_the_database_are_those_of_the_worked_cases(case):
    given_, expected = case["given"], case["expect"]
    starts_on = date.fromisoformat(given_["starts_on"])
    begun = noon(min(starts_on, *(date.fromisoformat(event["on"]) for event in given_["events"])) - timedelta(days=1))
    antenatal, postnatal = given_["intervals"]
    protocol.in_force(now=begun)
    if (antenatal, postnatal) != (14, 14):
        protocol.change(
            antenatal_every_days=antenatal,
            postnatal_every_days=postnatal,
            mothers_per_lay_worker=18,
            reason="case",
            by=make_lay_worker().user,
            now=begun,
        )
    lay_worker = make_lay_worker(now=begun)
    registered = noon(starts_on)
    mother = make_mother(
        starts_on=starts_on, edd=date.fromisoformat(given_["edd"]), paired_with=lay_worker, now=registered
    )
    steps = [(date.fromisoformat(on), None) for on in given_["contacts"]]
    steps += [(date.fromisoformat(event["on"]), event) for event in given_["events"]]
    # A contact is known from its own day on: before a change of that day.
    for on, event in sorted(steps, key=lambda step: (step[0], step[1] is not None)):
        if event is None:
            make_contact(mother=mother, lay_worker=lay_worker, happened_at=noon(on))
        else:
            change(mother, as_request(event), now=noon(on) + timedelta(hours=1))
    assert rows_of(mother) == expected["planned"]
    assert mother.plans.get().ends_on.isoformat() == expected["ends_on"]


@pytest.fixture
def mother():
    lay_worker = make_lay_worker(now=NOW - timedelta(days=60))
    return make_mother(paired_with=lay_worker, starts_on=TODAY - timedelta(days=28), now=NOW - timedelta(days=28))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    offered=st.one_of(st.none(), st.integers(-40, 20)),
    contact_days=st.lists(st.integers(-28, 0), max_size=6),
    on=st.integers(-40, 120),
    pause=st.one_of(st.none(), st.integers(1, 40)),
)
def test_sql_and_python_agree_on_every_status_on_every_day(mother, offered, contact_days, on, pause):
    from django.db import transaction

    with transaction.atomic():
        point = transaction.savepoint()
        lay_worker = mother.pairings.get().lay_worker
        for days in contact_days:
            make_contact(
                mother=mother, lay_worker=lay_worker, happened_at=NOW + timedelta(days=days, minutes=-5), now=NOW
            )
        if pause:
            change(mother, plans.PauseFor(TODAY + timedelta(days=1), TODAY + timedelta(days=1 + pause)))
        mother.offered_from = None if offered is None else TODAY + timedelta(days=offered)
        mother.save(update_fields=["offered_from"])
        day = TODAY + timedelta(days=on)
        for row in planned_rows().filter(mother=mother).annotate(status=status_sql(day)):
            window = Window(row.number, row.due_on, row.opens_on, row.closes_on, row.cut)
            made = any(
                window.opens_on <= TODAY + timedelta(days=days) < window.closes_on and days <= on
                for days in contact_days
            )
            assert row.status == status(window, offered_from=mother.offered_from, made=made, on=day).value
        transaction.savepoint_rollback(point)


def test_sql_and_python_agree_on_each_day_and_edge_of_each_window(mother):
    lay_worker = mother.pairings.get().lay_worker
    contact_on = TODAY - timedelta(days=20)
    make_contact(mother=mother, lay_worker=lay_worker, happened_at=noon(contact_on), now=NOW)
    change(mother, plans.PauseFor(TODAY + timedelta(days=4), TODAY + timedelta(days=25)))
    windows = {row.pk: Window(row.number, row.due_on, row.opens_on, row.closes_on, row.cut) for row in rows(mother)}
    edges = sorted({day for window in windows.values() for day in (window.opens_on, window.due_on, window.closes_on)})[
        :9
    ]
    assert any(window.cut for window in windows.values())
    for offered_from in (None, *edges):
        mother.offered_from = offered_from
        mother.save(update_fields=["offered_from"])
        for day in {edge + timedelta(days=number) for edge in edges for number in (-1, 0, 1)}:
            for row in rows(mother).annotate(status=status_sql(day)):
                made = windows[row.pk].holds(contact_on) and contact_on <= day
                expected = status(windows[row.pk], offered_from=offered_from, made=made, on=day)
                assert row.status == expected.value, (offered_from, day, windows[row.pk])


def rows(mother):
    return planned_rows().filter(mother=mother).order_by("due_on")


def test_a_preview_says_what_the_change_then_does_and_writes_nothing(mother):
    before = rows_of(mother)
    preview = plans.preview(mother=mother, request=plans.Rhythm(28), now=NOW)
    assert rows_of(mother) == before
    change(mother, plans.Rhythm(28))
    after = rows_of(mother)
    gone = {row["due_on"] for row in before} - {row["due_on"] for row in after}
    new = {row["due_on"] for row in after} - {row["due_on"] for row in before}
    assert {window.due_on.isoformat() for window in preview.difference.withdrawn} == gone
    assert {window.due_on.isoformat() for window in preview.difference.added} == new
    assert gone or new


def test_withdrawn_rows_are_kept_with_when_and_why(mother):
    change(mother, plans.Rhythm(28))
    withdrawn = PlannedContact.objects.filter(mother=mother, withdrawn_at__isnull=False)
    assert withdrawn.exists()
    assert set(withdrawn.values_list("withdrawn_at", "withdrawn_why")) == {(NOW, "rhythm")}


def test_the_same_form_twice_is_one_change_and_planning_again_changes_nothing(mother):
    client_id = uuid4()
    first = change(mother, plans.Rhythm(28), client_id=client_id)
    assert change(mother, plans.Rhythm(28), client_id=client_id) == first
    history = list(PlannedContact.objects.order_by("pk").values())
    plans.replan(mother=mother, by=None, now=NOW + timedelta(minutes=1))
    assert list(PlannedContact.objects.order_by("pk").values()) == history
    assert PlanChange.objects.filter(kind="rhythm").count() == 1


def test_planning_a_long_plan_again_takes_as_many_queries_as_a_short_one():
    lay_worker = make_lay_worker()
    short = make_mother(paired_with=lay_worker, edd=TODAY + timedelta(days=1), every_days=4)
    long = make_mother(paired_with=lay_worker, edd=TODAY + timedelta(days=280), every_days=4)
    assert rows_of(long)[-1]["due_on"] > rows_of(short)[-1]["due_on"]
    counts = []
    for mother in (short, long):
        with CaptureQueriesContext(connection) as queries:
            change(mother, plans.Rhythm(7))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_pause_withdraws_messages_and_a_resume_brings_back_what_is_still_to_come(mother):
    reminders.top_up(now=NOW)
    waiting = Message.objects.filter(status="queued", kind="contact_coming_up", expires_at__gt=NOW)
    before = set(waiting.values_list("subject_due_on", flat=True))
    assert before
    change(mother, plans.PauseFor(None, None))
    assert not waiting.filter(subject_due_on__gt=TODAY).exists()
    change(mother, plans.Resume())
    assert set(waiting.values_list("subject_due_on", flat=True)) == before


def test_a_hold_shows_no_open_row_and_queues_no_message_from_its_commit(mother):
    from mentoring.queries.statuses import open_rows

    lay_worker = mother.pairings.get().lay_worker
    assert open_rows(TODAY).filter(lay_worker=lay_worker).exists()
    change(mother, plans.Hold("loss"))
    assert not open_rows(TODAY).filter(lay_worker=lay_worker).exists()
    assert not Message.objects.filter(status="queued", expires_at__gt=NOW).exists()


def test_an_appointment_stays_in_a_window_of_the_new_plan_and_is_withdrawn_where_there_is_none(mother):
    kept = appointments.agree(
        mother=mother, starts_at=NOW + timedelta(days=3), mode="phone", by=mother.midwife.user, now=NOW
    )
    gone = appointments.agree(
        mother=mother, starts_at=NOW + timedelta(days=20), mode="phone", by=mother.midwife.user, now=NOW
    )
    request = plans.PauseFor(TODAY + timedelta(days=14), None)
    preview = plans.preview(mother=mother, request=request, now=NOW)
    assert preview.appointments_withdrawn == [gone]
    change(mother, request)
    kept.refresh_from_db()
    gone.refresh_from_db()
    assert kept.withdrawn_at is None
    assert (gone.withdrawn_why, gone.withdrawn_at) == (Appointment.Withdrawn.PLAN_CHANGED, NOW)


def test_twins_are_one_birth_and_a_second_birth_is_refused_in_words(mother):
    change(mother, plans.Birth(TODAY, ("Ada", "")))
    assert list(Baby.objects.values_list("order", "name")) == [(1, "Ada"), (2, "")]
    with pytest.raises(Refused) as refused:
        change(mother, plans.Birth(TODAY - timedelta(days=1)))
    assert refused.value.message == "A birth is recorded already."
    assert Baby.objects.count() == 2


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (plans.Birth(TODAY + timedelta(days=1)), "born_in_future"),
        (plans.Birth(TODAY - timedelta(days=40)), "born_before_start"),
        (plans.Rhythm(0), "every_days_outside"),
        (plans.Resume(), "nothing_to_resume"),
        (plans.PauseFor(TODAY + timedelta(days=9), TODAY + timedelta(days=9)), "until_not_after_from"),
        (plans.DueDate(TODAY + timedelta(days=400)), "edd_out_of_range"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(mother, request_, code):
    before = rows_of(mother)
    with pytest.raises(Refused) as refused:
        change(mother, request_)
    assert refused.value.code == code
    assert rows_of(mother) == before


def test_a_changed_due_date_moves_the_end_and_the_record(mother):
    edd = mother.plans.get().edd + timedelta(days=10)
    change(mother, plans.DueDate(edd))
    assert mother.plans.get().edd == edd
    assert Pregnancy.objects.get(person=mother.person).edd == edd


def test_a_failure_late_in_a_change_leaves_nothing_half_kept(mother, monkeypatch):
    before, state = rows_of(mother), mother.plans.get().state

    def full(**kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr("mentoring.services.reminders.refresh_for", full)
    with pytest.raises(OSError, match="No space"):
        change(mother, plans.Rhythm(28))
    assert rows_of(mother) == before
    assert mother.plans.get().state == state
    assert not PlanChange.objects.filter(kind="rhythm").exists()


@pytest.mark.django_db(transaction=True)
def test_two_people_changing_a_plan_at_once_leave_the_rows_of_one_state(mother):
    results = at_once(
        lambda: change(mother, plans.Rhythm(28)),
        lambda: change(mother, plans.Rhythm(7)),
        lambda: change(mother, plans.PauseFor()),
    )
    assert all(isinstance(result, PlanChange) for result in results), results
    plan = mother.plans.get()
    windows = planned_contacts(changes.from_json(plan.state).plan)
    assert [row["due_on"] for row in rows_of(mother)] == [window.due_on.isoformat() for window in windows]
    assert PlanChange.objects.exclude(kind="start").count() == 3


@pytest.mark.django_db(transaction=True)
def test_two_midwives_pairing_at_once_give_one_pairing_and_one_refusal():
    waiting = make_mother()
    ones = [make_lay_worker(), make_lay_worker()]
    results = at_once(
        *[
            lambda lay_worker=lay_worker: pairings.pair(
                mother=waiting, lay_worker=lay_worker, by=lay_worker.supervisor.user, now=NOW
            )
            for lay_worker in ones
        ]
    )
    refused = [result for result in results if isinstance(result, Refused)]
    assert [refusal.code for refusal in refused] == ["paired_already"]
    assert waiting.pairings.count() == 1


def test_while_she_is_covered_her_reminders_go_to_the_cover(mother):
    covering = make_lay_worker()
    due_on = TODAY + timedelta(days=14)
    pairings.arrange_cover(
        mother=mother,
        lay_worker=covering,
        starts_on=due_on - timedelta(days=3),
        ends_on=due_on + timedelta(days=1),
        by=covering.supervisor.user,
        now=NOW,
    )
    coming_up = Message.objects.filter(kind="contact_coming_up", subject_due_on=due_on, status="queued")
    overdue = Message.objects.filter(kind="contact_overdue", subject_due_on=due_on, status="queued")
    assert {message.recipient_user_id for message in coming_up} == {covering.user_id}
    assert {message.recipient_user_id for message in overdue} == {mother.pairings.get().lay_worker.user_id}


def test_when_a_pairing_ends_nobody_is_reminded_and_the_rows_lose_their_lay_worker(mother):
    pairings.end(pairing=mother.pairings.get(), reason="moved", by=mother.midwife.user, now=NOW)
    assert not Message.objects.filter(status="queued", expires_at__gt=NOW).exists()
    assert not planned_rows().filter(mother=mother, made_on__isnull=True, lay_worker__isnull=False).exists()


def test_a_reminder_that_is_taken_back_keeps_why(mother):
    lay_worker, cancelled = mother.pairings.get().lay_worker, Message.objects.filter(status="cancelled")

    def why():
        return set(cancelled.order_by().values_list("subject_due_on", "why"))

    due_on, following = TODAY, TODAY + timedelta(days=14)
    make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW)
    assert why() == {(due_on, "made")}
    change(mother, plans.Rhythm(28))
    assert why() == {(due_on, "made"), (following, "withdrawn")}
    pairings.end(pairing=mother.pairings.get(), reason="moved", by=mother.midwife.user, now=NOW)
    assert (TODAY + timedelta(days=28), "not_hers") in why()


def test_a_reminder_by_two_channels_is_announced_as_one(mother):
    reminders.top_up(now=NOW)
    due_on = TODAY + timedelta(days=14)
    waiting = Message.objects.filter(subject_due_on=due_on, status="queued")
    assert set(waiting.values_list("kind", "channel")) == {
        (kind, channel) for kind in ("contact_coming_up", "contact_overdue") for channel in ("email", "in_app")
    }
    assert reminders.count_open(mother_id=mother.pk, due_ons=[due_on]) == 2
