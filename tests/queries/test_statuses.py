"""A mother's mentoring status from her rows: the same on the caseload, her page and the waiting list."""

from datetime import date, timedelta
from typing import Any

import pytest

from mentoring.models import LayWorker, Mother
from mentoring.queries.caseload import awaiting, caseload, windows_in
from mentoring.queries.mother_page import log_start, open_due_dates, page_of, plan_facts
from mentoring.queries.today import today_of
from mentoring.services import contacts, pairings, plans
from mentoring.templatetags.wording import mentoring_word, own_mentoring_word
from people.rules.local_time import local_date
from tests.factories import NOW, make_contact, make_lay_worker, make_mother

pytestmark = pytest.mark.django_db
TODAY = local_date(NOW)


@pytest.fixture
def lay_worker() -> LayWorker:
    return make_lay_worker(now=NOW - timedelta(days=700))


@pytest.fixture(autouse=True)
def others() -> None:
    """Of another midwife: one who is active, one on hold, one paused, one who awaits; nothing of theirs is anybody else's."""
    lay_worker = make_lay_worker(now=NOW - timedelta(days=700))
    for request in (None, plans.Hold("loss"), plans.PauseFor(TODAY, None)):
        mother = make_mother(paired_with=lay_worker, starts_on=TODAY - timedelta(days=20), now=NOW - timedelta(days=20))
        talk(mother, lay_worker)
        if request is not None:
            change(mother, request)
    make_mother(by=lay_worker.supervisor.user)


def change(mother: Mother, request: plans.Request) -> None:
    plans.change(
        mother=mother, request=request, asked_by="midwife", by=mother.midwife.user, now=NOW - timedelta(days=1)
    )


def status(mother: Mother, lay_worker: LayWorker, *, on: date = TODAY) -> str:
    """Return her status on her page, which is the one on the caseload; who awaits a lay-worker stands on that list."""
    midwife = lay_worker.supervisor.user
    found = page_of(mother, user=midwife, now=NOW + (on - TODAY)).status
    [row] = [row for row in caseload(midwife, on=on).rows if row["programme_code"] == mother.programme_code]
    assert row["status"] == found
    assert row["flagged"] is (row["is_overdue"] or found != "active")
    waiting = {row["programme_code"] for row in awaiting(midwife, now=NOW, on=on).rows}
    listed = {row["programme_code"] for row in caseload(midwife, on=on, only="awaiting").rows}
    assert (mother.programme_code in waiting) is (mother.programme_code in listed) is (found == "awaiting")
    return found


def talk(mother: Mother, lay_worker: LayWorker, **fields: Any) -> Any:
    return make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW - timedelta(days=1), now=NOW, **fields)


def test_from_registration_to_the_first_talk_and_back_when_it_is_taken_back(lay_worker: LayWorker) -> None:
    mother = make_mother(by=lay_worker.supervisor.user, starts_on=TODAY - timedelta(days=20))
    assert status(mother, lay_worker) == "awaiting"
    pairings.pair(
        mother=mother,
        lay_worker=lay_worker,
        by=None,
        now=NOW - timedelta(days=10),
        starts_on=TODAY - timedelta(days=10),
    )
    assert status(mother, lay_worker) == "not_yet_reached"
    talk(mother, lay_worker, outcome="no_answer")
    talk(mother, lay_worker, outcome="not_safe")
    assert status(mother, lay_worker) == "not_yet_reached"
    entry = talk(mother, lay_worker, outcome="declined_today")
    assert status(mother, lay_worker) == "active"
    assert status(mother, lay_worker, on=TODAY - timedelta(days=2)) == "not_yet_reached"
    contacts.void(contact=entry, reason="about someone else", by=lay_worker.user, now=NOW)
    assert status(mother, lay_worker) == "not_yet_reached"


@pytest.fixture
def active(lay_worker: LayWorker) -> Mother:
    mother = make_mother(paired_with=lay_worker, starts_on=TODAY - timedelta(days=20), now=NOW - timedelta(days=20))
    talk(mother, lay_worker)
    return mother


def test_a_pause_counts_on_its_days_and_gives_way_where_she_has_no_lay_worker(
    active: Mother, lay_worker: LayWorker
) -> None:
    change(active, plans.PauseFor(TODAY, TODAY + timedelta(days=7)))
    found = [status(active, lay_worker, on=TODAY + timedelta(days=number)) for number in (-1, 0, 6, 7)]
    assert found == ["active", "paused", "paused", "active"]
    pairings.end(pairing=active.pairings.get(), reason="moved", by=lay_worker.user, now=NOW)
    assert status(active, lay_worker) == "awaiting"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("unreachable", "unreachable"),
        ("baby_in_hospital", "baby_in_hospital"),
        ("loss", "bereaved"),
        ("ended", "ended"),
    ],
)
def test_a_hold_counts_from_its_commit_until_it_is_resumed_with_a_lay_worker_or_without(
    active: Mother, lay_worker: LayWorker, kind: str, expected: str
) -> None:
    change(active, plans.Hold(kind))
    assert active.plans.get().pauses.get().from_on >= TODAY
    assert status(active, lay_worker, on=TODAY - timedelta(days=1)) == expected
    assert status(active, lay_worker) == expected
    pairings.end(pairing=active.pairings.get(), reason="ended", by=lay_worker.user, now=NOW)
    assert status(active, lay_worker) == expected
    plans.change(
        mother=active, request=plans.Resume(), asked_by="midwife", by=lay_worker.user, now=NOW + timedelta(days=3)
    )
    assert status(active, lay_worker, on=TODAY + timedelta(days=3)) == "awaiting"


def test_the_day_after_her_plans_last_day_it_has_ended(active: Mother, lay_worker: LayWorker) -> None:
    ends_on = active.plans.get().ends_on
    assert status(active, lay_worker, on=ends_on) == "active"
    assert status(active, lay_worker, on=ends_on + timedelta(days=1)) == "ended"


@pytest.mark.parametrize("kind", ["unreachable", "baby_in_hospital", "loss"])
def test_her_lay_worker_reads_that_it_is_on_hold_and_never_why(
    active: Mother, lay_worker: LayWorker, kind: str
) -> None:
    change(active, plans.Hold(kind))
    found = page_of(active, user=lay_worker.user, now=NOW).status
    assert own_mentoring_word(found, held=True) == "on hold"
    assert mentoring_word(found) in {"on hold: cannot be reached", "on hold: in hospital", "bereaved"}


def test_of_a_plan_that_is_closed_nothing_is_shown_as_planned_paused_or_held(
    active: Mother, lay_worker: LayWorker
) -> None:
    change(active, plans.PauseFor(TODAY, None))
    cover = pairings.arrange_cover(
        mother=active,
        lay_worker=make_lay_worker(supervisor=lay_worker.supervisor),
        starts_on=TODAY,
        ends_on=TODAY + timedelta(days=30),
        by=lay_worker.supervisor.user,
        now=NOW,
    )
    days = {"starts_on": TODAY - timedelta(days=30), "ends_on": TODAY + timedelta(days=90)}
    assert windows_in([active], **days)
    active.plans.update(closed_at=NOW)
    assert status(active, lay_worker) == "ended"
    midwife = lay_worker.supervisor.user
    page = page_of(active, user=midwife, now=NOW)
    assert (page.windows, page.pauses, page.next_planned, page.held) == ([], [], None, False)
    [row] = caseload(midwife, on=TODAY).rows
    assert (row["next_due_on"], row["pause_kind"], row["is_overdue"], row["strip"]) == (None, None, False, [])
    assert windows_in([active], **days) == []
    assert open_due_dates(active, on=TODAY) == []
    assert (log_start(active, now=NOW).next_due_on, plan_facts(active, on=TODAY)["stopped"]) == (None, False)
    for user in (lay_worker.user, cover.lay_worker.user):
        [card] = today_of(user, now=NOW).others
        assert (card.status, card.pause_kind) == ("", "")
