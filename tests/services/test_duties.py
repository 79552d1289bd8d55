"""Duties as rows: swept, closed by a person or by what made them needless, handed over, hidden by a hold, once each."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mentoring.models import Duty, LayWorker, Midwife, Mother
from mentoring.rules.refusals import Refused
from mentoring.services import contacts, duties, losses, mothers, pairings, plans, staff
from people.rules.local_time import local_date, local_instant
from people.services import users
from tests.factories import NOW, make_contact, make_lay_worker, make_midwife, make_mother, make_user, safe_sheet
from tests.services.races import at_once

pytestmark = pytest.mark.django_db
TODAY = local_date(NOW)


def at(number: int, hour: int = 12) -> datetime:
    return local_instant(TODAY + timedelta(days=number), time(hour))


@pytest.fixture
def midwife() -> Midwife:
    return make_midwife()


@pytest.fixture
def lay_worker(midwife: Midwife) -> LayWorker:
    return make_lay_worker(supervisor=midwife)


@pytest.fixture
def mother(lay_worker: LayWorker) -> Mother:
    return make_mother(paired_with=lay_worker)


def introduced(mother: Mother) -> None:
    pairings.introduce_now(
        mother_id=mother.pk,
        on=TODAY,
        how="joint_call",
        by=mother.midwife.user,
        now=at(0),  # type: ignore[union-attr]  # it is there: made above
    )


def open_kinds() -> list[str]:
    return list(Duty.objects.filter(closed_at=None).order_by("kind").values_list("kind", flat=True))


def of(kind: str) -> Duty:
    return Duty.objects.filter(kind=kind).latest("pk")


def fails(mother: Mother, lay_worker: LayWorker, *days: int, outcome: str = "no_answer") -> None:
    for number in days:
        make_contact(mother=mother, lay_worker=lay_worker, happened_at=at(number, 10), outcome=outcome)


def test_a_sweep_raises_each_once_with_its_owner_and_twice_is_once(mother: Mother, lay_worker: LayWorker) -> None:
    introduced(mother)
    fails(mother, lay_worker, 1, 2, 3)
    assert duties.sweep(now=at(3)) == 1
    duty = of("introduce_again")
    # A Monday: two working days on.
    assert (duty.owner, duty.mother, duty.due_on) == (mother.midwife, mother, TODAY + timedelta(days=5))
    assert duties.sweep(now=at(3)) == duties.sweep(now=at(4)) == 0
    assert open_kinds() == ["introduce_again"]


@pytest.mark.django_db(transaction=True)
def test_of_two_sweeps_and_a_service_at_once_one_raises_it(mother: Mother, lay_worker: LayWorker) -> None:
    introduced(mother)
    fails(mother, lay_worker, 1, 2, 3)
    sweep = lambda: duties.sweep(now=at(3))  # noqa: E731 - the same work four times
    found = at_once(sweep, sweep, sweep, lambda: duties.refresh_for(mother_ids=[mother.pk], now=at(3)))
    assert not [one for one in found if isinstance(one, Exception)]
    assert open_kinds() == ["introduce_again"]


@pytest.mark.django_db(transaction=True)
def test_what_two_ask_at_once_is_one_duty_with_both_words(mother: Mother, midwife: Midwife) -> None:
    def asks(text: str) -> Any:
        return lambda: duties.raise_now(kind="request", mother=mother, owner=midwife, text=text, by=None, now=NOW)

    found = at_once(asks("Fewer"), asks("Stop"), asks("Fewer"))
    assert len({duty.pk for duty in found}) == 1
    assert sorted(of("request").text.split("\n")) == ["Fewer", "Stop"]


def test_one_that_is_closed_while_it_is_asked_for_is_raised_anew(
    mother: Mother, midwife: Midwife, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = {"kind": "request", "mother": mother, "owner": midwife, "by": None, "now": NOW}
    first = duties.raise_now(**ask)
    create = type(Duty.objects).bulk_create

    def closed_meanwhile(*args: Any, **kwargs: Any) -> Any:
        made = create(Duty.objects, *args, **kwargs)
        Duty.objects.filter(pk=first.pk, closed_at=None).update(closed_at=NOW, outcome="done")
        return made

    monkeypatch.setattr(Duty.objects, "bulk_create", closed_meanwhile)
    assert duties.raise_now(**ask).pk != first.pk
    assert open_kinds() == ["introduce", "request"]


def test_words_are_added_once_and_none_is_lost(mother: Mother, midwife: Midwife) -> None:
    for text in ("Stop visiting", "Stop", "Stop", "x" * 999, "Stop visiting"):
        duty = duties.raise_now(kind="request", mother=mother, owner=midwife, text=text, by=midwife.user, now=NOW)
    assert duty.text == "\n".join(["Stop visiting", "Stop", "x" * 999])
    assert (duty.due_on, duty.raised_by) == (TODAY + timedelta(days=4), midwife.user)


def test_a_contact_answers_and_the_next_sweep_says_so(mother: Mother, lay_worker: LayWorker) -> None:
    introduced(mother)
    make_contact(mother=mother, lay_worker=lay_worker, happened_at=at(1, 9))
    fails(mother, lay_worker, 3, 4, 5)
    duties.sweep(now=at(5))
    assert open_kinds() == ["hard_to_reach"]
    fails(mother, lay_worker, 6, outcome="not_safe")
    assert duties.sweep(now=at(6)) == 0, "not safe to talk answers nothing"
    make_contact(mother=mother, lay_worker=lay_worker, happened_at=at(7, 9), mode="text", outcome="she_rearranged")
    assert duties.sweep(now=at(7)) == 1
    duty = of("hard_to_reach")
    assert (duty.outcome, duty.closed_by, duty.closed_at) == ("answered", None, at(7))
    fails(mother, lay_worker, 8, 9, 10)
    assert duties.sweep(now=at(10)) == 1 and of("hard_to_reach").pk != duty.pk


def test_an_entry_typed_late_answers_and_one_taken_back_answers_no_more(mother: Mother, lay_worker: LayWorker) -> None:
    introduced(mother)
    duties.sweep(now=at(14))
    late = make_contact(mother=mother, lay_worker=lay_worker, happened_at=at(10), now=at(15))
    duties.sweep(now=at(15))
    first = of("introduce_again")
    assert (first.outcome, first.closed_by) == ("answered", None)
    contacts.void(contact=late, reason="Another mother", by=lay_worker.user, now=at(16))
    duties.sweep(now=at(16))
    assert of("introduce_again").pk != first.pk and open_kinds() == ["introduce_again"]


def test_what_is_gone_without_a_contact_was_not_needed(mother: Mother, lay_worker: LayWorker) -> None:
    introduced(mother)
    duties.sweep(now=at(14))
    duties.sweep(now=at(21))
    assert of("introduce_again").outcome == "not_needed" and "rest_and_decide" in open_kinds()
    ask = {"mother": mother, "by": lay_worker.user, "asked_by": "she_to_lay_worker"}
    plans.change(request=plans.DueDate(TODAY - timedelta(days=0)), now=at(22), **ask)  # type: ignore[arg-type]  # the arguments are of several types
    duties.sweep(now=at(22))
    assert "birth_not_recorded" in open_kinds()
    plans.change(request=plans.Birth(TODAY + timedelta(days=9)), now=at(23), **ask)  # type: ignore[arg-type]  # the arguments are of several types
    assert (of("birth_not_recorded").outcome, of("birth_not_recorded").closed_at) == ("not_needed", at(23)), "at once"


def test_what_a_person_closed_stays_closed(mother: Mother, lay_worker: LayWorker, midwife: Midwife) -> None:
    introduced(mother)
    duties.sweep(now=at(21))
    duty = of("rest_and_decide")
    first = duties.close(duty=duty, outcome="done", note="We wait.", by=midwife.user, now=at(22))
    again = duties.close(duty=duty, outcome="could_not", note="No", by=midwife.user, now=at(23))
    assert (again.outcome, again.note, again.closed_at) == (first.outcome, first.note, first.closed_at)
    with pytest.raises(Refused, match="closed"):
        duties.close(duty=duty, outcome="could_not", by=make_midwife().user, now=at(23))
    fails(mother, lay_worker, 24, 25, 26, 27)
    for number in (22, 30, 60):
        duties.sweep(now=at(number))
    assert "rest_and_decide" not in open_kinds()


def test_what_is_safe_asked_again_closes_the_duty_by_her_who_asked(mother: Mother, midwife: Midwife) -> None:
    introduced(mother)
    duties.sweep(now=at(70))
    assert "safe_contact_reask" in open_kinds()
    sheet = safe_sheet(asked_on=TODAY + timedelta(days=71))
    mothers.renew_safe_contact(mother=mother, sheet=sheet, numbers=(), by=midwife.user, now=at(71))
    assert (of("safe_contact_reask").outcome, of("safe_contact_reask").closed_by) == ("done", midwife.user)
    assert "safe_contact_reask" not in open_kinds()


def test_she_who_is_with_another_midwife_takes_her_duties_along(mother: Mother, midwife: Midwife) -> None:
    duties.raise_now(kind="reply", mother=mother, owner=midwife, by=None, now=NOW)
    duties.raise_now(kind="request", mother=mother, owner=None, by=None, now=NOW)
    done = duties.raise_now(kind="role_question", mother=mother, owner=midwife, by=None, now=NOW)
    duties.close(duty=done, outcome="done", by=midwife.user, now=NOW)
    other = make_lay_worker()
    pairings.end(pairing=mother.pairings.get(), reason="moved", by=midwife.user, now=at(1))
    assert {duty.owner for duty in Duty.objects.filter(closed_at=None)} == {midwife, None}
    pairings.pair(mother=mother, lay_worker=other, by=midwife.user, now=at(2))
    assert open_kinds() == ["introduce", "reply", "request"]
    assert {duty.owner for duty in Duty.objects.filter(closed_at=None)} == {other.supervisor}
    assert Duty.objects.get(pk=done.pk).owner == midwife, "what is closed stays hers who closed it"


def test_a_lay_worker_with_another_supervisor_takes_hers_and_her_mothers_along(
    mother: Mother, lay_worker: LayWorker, midwife: Midwife
) -> None:
    make_mother(paired_with=make_lay_worker(supervisor=midwife))
    duties.sweep(now=at(25))
    assert "supervision_due" in open_kinds()
    other = make_midwife()
    staff.update_lay_worker(
        lay_worker=lay_worker, supervisor=other, locality=lay_worker.locality, languages=["English"],
        weekly_hours=Decimal(8), left_on=None, by=midwife.user, now=at(26),
    )  # fmt: skip
    standing = Duty.objects.filter(closed_at=None)
    hers = standing.filter(mother=mother) | standing.filter(lay_worker=lay_worker)
    assert hers.count() >= 3 and {duty.owner for duty in hers} == {other}
    assert {duty.owner for duty in standing.exclude(pk__in=hers)} == {midwife}


def test_a_lay_worker_who_left_leaves_a_gap_and_needs_no_supervision(
    mother: Mother, lay_worker: LayWorker, midwife: Midwife
) -> None:
    make_contact(mother=mother, lay_worker=lay_worker, happened_at=at(1))
    duties.sweep(now=at(22))
    assert "supervision_due" in open_kinds() and "cover_gap" not in open_kinds()
    LayWorker.objects.filter(pk=lay_worker.pk).update(left_on=TODAY + timedelta(days=23))
    other = make_lay_worker(supervisor=midwife)
    cover = {"starts_on": TODAY + timedelta(days=23), "ends_on": TODAY + timedelta(days=25)}
    pairings.arrange_cover(mother=mother, lay_worker=other, by=midwife.user, now=at(23), **cover)
    duties.sweep(now=at(23))
    assert Duty.objects.get(kind="supervision_due", lay_worker=lay_worker).outcome == "not_needed"
    assert "cover_gap" not in open_kinds()
    users.switch(user=other.user, active=False, by=make_user("administrator"), now=at(24))
    duties.sweep(now=at(24))
    assert (of("cover_gap").due_on, of("cover_gap").about_on) == (
        TODAY + timedelta(days=24),
        TODAY + timedelta(days=23),
    )


@pytest.mark.parametrize("hold", ["unreachable", "baby_in_hospital", "ended"])
def test_a_hold_hides_what_follows_from_the_plan_from_its_commit_and_gives_it_back(
    mother: Mother, midwife: Midwife, hold: str
) -> None:
    duties.raise_now(kind="reply", mother=mother, owner=midwife, by=None, now=at(1))
    duties.sweep(now=at(80))
    assert {"introduce", "rest_and_decide", "safe_contact_reask", "reply"} <= set(open_kinds())
    ask = {"mother": mother, "by": midwife.user, "asked_by": "midwife"}
    plans.change(request=plans.Hold(hold), now=at(80, 13), **ask)  # type: ignore[arg-type]  # the arguments are of several types
    assert open_kinds() == ["reply", "supervision_due"]
    duties.sweep(now=at(81))
    assert open_kinds() == ["reply", "supervision_due"]
    plans.change(request=plans.Resume(), now=at(90), **ask)  # type: ignore[arg-type]  # the arguments are of several types
    assert {"introduce", "safe_contact_reask", "reply"} <= set(open_kinds())
    assert "rest_and_decide" not in open_kinds(), "she is reached for afresh"


def test_a_loss_hides_them_and_keeps_what_was_said_and_the_decision_with_her(mother: Mother, midwife: Midwife) -> None:
    for kind in ("reply", "request", "confirm_safely", "role_question"):
        duties.raise_now(kind=kind, mother=mother, owner=midwife, by=None, now=NOW)
    loss = losses.record(mother=mother, kind="stillbirth", by=midwife.user, now=at(1))
    kept = ["bereavement", "confirm_safely", "reply", "request", "role_question"]
    assert open_kinds() == kept
    duties.sweep(now=at(60))
    assert [kind for kind in open_kinds() if kind != "supervision_due"] == kept
    losses.undo(loss=loss, mother=mother, reason="A false report", by=midwife.user, now=at(61))
    assert {"introduce", "reply"} <= set(open_kinds()) and "bereavement" not in open_kinds()


@pytest.mark.parametrize("request_", [plans.Rhythm(28), plans.PauseFor(), plans.Hold("ended")])
def test_what_someone_else_asked_for_her_is_confirmed_with_her(
    mother: Mother, lay_worker: LayWorker, midwife: Midwife, request_: plans.Request
) -> None:
    ask = {"mother": mother, "request": request_, "by": lay_worker.user}
    plans.change(asked_by="someone_else", now=at(1), **ask)  # type: ignore[arg-type]  # the arguments are of several types
    duty = of("confirm_refusal")
    assert (duty.owner, duty.raised_by, duty.due_on) == (midwife, lay_worker.user, TODAY + timedelta(days=4))
    duties.close(duty=duty, outcome="done", by=midwife.user, now=at(1, 13))
    plans.change(asked_by="someone_else", now=at(1, 14), **ask)  # type: ignore[arg-type]  # the arguments are of several types
    assert "confirm_refusal" not in open_kinds(), "what changes nothing is not asked about twice"


@pytest.mark.parametrize("asked_by", ["she_to_lay_worker", "she_to_midwife", "lay_worker", "midwife", "record"])
def test_what_she_or_the_programme_asked_is_not(mother: Mother, lay_worker: LayWorker, asked_by: str) -> None:
    plans.change(mother=mother, request=plans.Rhythm(28), asked_by=asked_by, by=lay_worker.user, now=at(1))
    assert not Duty.objects.filter(kind="confirm_refusal").exists()


def test_one_that_nobody_answers_for_is_any_midwifes() -> None:
    mother = make_mother(midwife_id=None)
    assert mother.midwife is None
    duties.sweep(now=at(10))
    assert (of("waiting").owner, of("waiting").mother) == (None, mother)


def test_a_word_is_owed_to_a_lay_worker_who_felt_low_twice_until_it_was_said(
    mother: Mother, lay_worker: LayWorker, midwife: Midwife
) -> None:
    introduced(mother)
    for number, feeling in ((1, 2), (2, 4), (3, 1)):
        make_contact(mother=mother, lay_worker=lay_worker, happened_at=at(number, 9), feeling=feeling)
    duties.sweep(now=at(3))
    duty = of("mood_low")
    assert (duty.lay_worker, duty.mother, duty.owner) == (lay_worker, None, midwife)
    make_contact(mother=mother, lay_worker=lay_worker, happened_at=at(4, 9), feeling=5)
    make_contact(mother=mother, lay_worker=lay_worker, happened_at=at(4, 10), feeling=5)
    duties.sweep(now=at(4))
    assert "mood_low" in open_kinds(), "the word is owed though she feels better"
    duties.close(duty=duty, outcome="done", by=midwife.user, now=at(5))
    assert duties.sweep(now=at(5)) == 0


def test_a_sweep_asks_as_often_about_twenty_mothers_as_about_one(midwife: Midwife) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert duties.sweep(now=at(22)) > 0
        return len(queries)

    def more(count: int) -> None:
        for _number in range(count):
            lay_worker = make_lay_worker(supervisor=midwife)
            mother = make_mother(paired_with=lay_worker)
            make_contact(mother=mother, lay_worker=lay_worker, happened_at=at(1), outcome="no_answer", feeling=2)
        make_mother()

    more(1)
    few = asked()
    more(19)
    assert asked() == few <= 25


def test_swept_on_and_on_one_nobody_reaches_has_each_once_on_its_day(mother: Mother) -> None:
    for number in (0, 1, 13, 14, 15, 20, 21, 22, 50, 69, 70, 71, 99):
        duties.sweep(now=at(number))
    raised = [(duty.kind, duty.raised_at) for duty in Duty.objects.filter(mother=mother).order_by("raised_at")]
    assert [kind for kind, _at in raised] == ["introduce", "introduce_again", "rest_and_decide", "safe_contact_reask"]
    assert [local_date(instant) - TODAY for _kind, instant in raised] == [timedelta(days=d) for d in (0, 14, 21, 70)]
    assert date.fromordinal(TODAY.toordinal() + 77) == of("safe_contact_reask").due_on
