"""What Today finds: each mother once, under the one status, and how she may be rung."""

from datetime import date, datetime, time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mentoring.models import LayWorker, Mother
from mentoring.queries.today import Card, Today, today_of
from mentoring.rules.plan import Cadence, Plan, planned_contacts, statuses
from mentoring.services import appointments, pairings, plans
from mentoring.services.mothers import Hours, Number, suspend_safe_contact
from people.rules.local_time import local_date, local_instant
from people.rules.safe_contact import Calling
from tests.factories import NOW, make_contact, make_lay_worker, make_midwife, make_mother, safe_sheet

pytestmark = pytest.mark.django_db
TODAY = local_date(NOW)


def days(number: int) -> timedelta:
    return timedelta(days=number)


def at(on: date, hour: int = 10) -> datetime:
    return local_instant(on, time(hour))


def spoken_with(lay_worker: LayWorker, *, starts_on: date, spoke_on: date) -> Mother:
    mother = make_mother(paired_with=lay_worker, starts_on=starts_on)
    make_contact(mother=mother, lay_worker=lay_worker, happened_at=at(spoke_on), now=NOW)
    return mother


def only_card(today: Today) -> Card:
    cards = [*today.overdue, *today.due, *today.first, *today.coming_up, *today.others]
    assert len(cards) == 1
    return cards[0]


def test_a_mother_whose_due_date_has_passed_is_overdue_with_her_rhythm_and_when_they_last_spoke() -> None:
    lay_worker = make_lay_worker()
    mother = spoken_with(lay_worker, starts_on=TODAY - days(16), spoke_on=TODAY - days(15))
    today = today_of(lay_worker.user, now=NOW)
    assert [card.code for card in today.overdue] == [mother.programme_code]
    card = today.overdue[0]
    assert (card.due_on, card.every_days, card.last_spoke_on) == (TODAY - days(2), 14, TODAY - days(15))
    assert card.last_open_on == TODAY + days(4)


def test_a_mother_in_an_open_window_is_due_and_once_spoken_with_the_next_is_coming_up() -> None:
    lay_worker = make_lay_worker()
    due = spoken_with(lay_worker, starts_on=TODAY - days(14), spoke_on=TODAY - days(14))
    done = spoken_with(lay_worker, starts_on=TODAY, spoke_on=TODAY)
    today = today_of(lay_worker.user, now=NOW)
    assert [card.code for card in today.due] == [due.programme_code]
    assert [(card.code, card.due_on) for card in today.coming_up] == [(done.programme_code, TODAY + days(14))]


def test_a_mother_never_spoken_with_is_a_first_contact_to_make_and_failed_tries_are_counted() -> None:
    lay_worker = make_lay_worker()
    mother = make_mother(paired_with=lay_worker, starts_on=TODAY - days(5))
    for ago in (4, 2):
        make_contact(mother=mother, lay_worker=lay_worker, happened_at=at(TODAY - days(ago)), outcome="no_answer")
    make_contact(mother=mother, lay_worker=lay_worker, happened_at=at(TODAY - days(1)), outcome="not_safe")
    card = only_card(today_of(lay_worker.user, now=NOW))
    assert today_of(lay_worker.user, now=NOW).first == [card]
    assert (card.tries, card.status, card.last_spoke_on) == (3, "overdue", None)


def test_a_voided_entry_is_neither_a_talk_nor_a_try() -> None:
    from mentoring.services import contacts

    lay_worker = make_lay_worker()
    mother = make_mother(paired_with=lay_worker, starts_on=TODAY - days(2))
    contact = make_contact(mother=mother, lay_worker=lay_worker, happened_at=at(TODAY - days(1)))
    contacts.void(contact=contact, reason="Wrong mother", by=lay_worker.user, now=NOW)
    card = only_card(today_of(lay_worker.user, now=NOW))
    assert (card.last_spoke_on, card.tries, card.status) == (None, 0, "overdue")


def test_a_window_whose_entry_is_taken_back_is_open_again_to_whoever_is_with_her_now() -> None:
    from mentoring.services import contacts

    midwife = make_midwife()
    before, now_with_her = make_lay_worker(supervisor=midwife), make_lay_worker(supervisor=midwife)
    mother = make_mother(paired_with=before, starts_on=TODAY - days(2))
    contact = make_contact(mother=mother, lay_worker=before, happened_at=at(TODAY - days(1)), now=NOW)
    pairings.end(pairing=mother.pairings.get(), reason="midwife", by=midwife.user, now=NOW)
    pairings.pair(mother=mother, lay_worker=now_with_her, by=midwife.user, now=NOW)
    assert only_card(today_of(now_with_her.user, now=NOW)).due_on == TODAY + days(12)
    contacts.void(contact=contact, reason="Wrong mother", by=before.user, now=NOW)
    assert only_card(today_of(now_with_her.user, now=NOW)).due_on == TODAY - days(2)


def test_another_lay_workers_mother_is_not_there_and_a_covered_one_is() -> None:
    midwife = make_midwife()
    mine, other = make_lay_worker(supervisor=midwife), make_lay_worker(supervisor=midwife)
    mother = make_mother(paired_with=other, starts_on=TODAY)
    assert not today_of(mine.user, now=NOW).has_mothers
    pairings.arrange_cover(
        mother=mother, lay_worker=mine, starts_on=TODAY, ends_on=TODAY + days(3), by=midwife.user, now=NOW
    )
    covered = only_card(today_of(mine.user, now=NOW))
    assert (covered.code, covered.paired_on, covered.covered_by) == (mother.programme_code, None, "")
    assert only_card(today_of(other.user, now=NOW)).covered_by == mine.user.name
    assert not today_of(mine.user, now=NOW + days(3)).has_mothers


def test_a_held_mother_shows_no_open_row_and_no_agreed_time_from_the_commit_on() -> None:
    lay_worker = make_lay_worker()
    mother = make_mother(paired_with=lay_worker, starts_on=TODAY - days(5))
    appointments.agree(
        mother=mother, lay_worker=lay_worker, starts_at=NOW + days(1), mode="phone", by=lay_worker.user, now=NOW
    )
    plans.change(mother=mother, request=plans.Hold("loss"), asked_by="midwife", by=lay_worker.supervisor.user, now=NOW)
    today = today_of(lay_worker.user, now=NOW)
    card = only_card(today)
    assert (card.status, card.due_on, card.pause_kind) == ("", None, "loss")
    assert card.speak_to_midwife
    assert not today.agreed_later


def test_a_paused_mother_stands_among_the_others_with_the_end_of_her_pause() -> None:
    lay_worker = make_lay_worker()
    mother = spoken_with(lay_worker, starts_on=TODAY - days(14), spoke_on=TODAY - days(1))
    plans.change(mother=mother, request=plans.PauseFor(), asked_by="she_to_lay_worker", by=lay_worker.user, now=NOW)
    later = NOW + days(2)
    today = today_of(lay_worker.user, now=later)
    assert [card.pause_kind for card in today.others] == ["pause"]
    assert today.others[0].pause_until_on == TODAY + days(29)


def test_a_window_that_closes_before_records_begin_is_not_offered_and_the_next_one_stands_in_its_place() -> None:
    lay_worker = make_lay_worker()
    mother = spoken_with(lay_worker, starts_on=TODAY - days(14), spoke_on=TODAY - days(14))
    # The open window is due today and closes in a week; the next is due in a fortnight.
    Mother.objects.filter(pk=mother.pk).update(offered_from=TODAY + days(7))
    today = today_of(lay_worker.user, now=NOW)
    assert [(card.code, card.due_on) for card in today.coming_up] == [(mother.programme_code, TODAY + days(14))]
    Mother.objects.filter(pk=mother.pk).update(offered_from=TODAY + days(6))
    assert only_card(today_of(lay_worker.user, now=NOW)).due_on == TODAY


@pytest.mark.parametrize(("weeks_late", "born", "asks"), [(1, False, True), (0, False, False), (1, True, False)])
def test_from_a_week_after_the_due_date_the_midwife_is_asked_first_until_the_birth_is_recorded(
    weeks_late: int, born: bool, asks: bool
) -> None:
    lay_worker = make_lay_worker()
    edd = TODAY - days(7 * weeks_late)
    mother = make_mother(paired_with=lay_worker, starts_on=TODAY - days(150), edd=edd)
    if born:
        plans.change(mother=mother, request=plans.Birth(edd), asked_by="record", by=lay_worker.user, now=NOW)
    assert only_card(today_of(lay_worker.user, now=NOW)).speak_to_midwife is asks


def test_outside_her_hours_she_is_rung_later_and_never_where_nothing_was_asked_or_it_was_not_safe() -> None:
    lay_worker = make_lay_worker()
    evening = safe_sheet(hours=(Hours((5, 6), time(18), time(20)),))
    make_mother(paired_with=lay_worker, sheet=evening, name_to_use="A")
    make_mother(paired_with=lay_worker, sheet=None, name_to_use="B")
    suspended = make_mother(paired_with=lay_worker, name_to_use="C")
    suspend_safe_contact(mother=suspended, by=lay_worker.user, now=NOW)
    make_mother(paired_with=lay_worker, numbers=(Number("07700 900123"),), name_to_use="D")
    make_mother(paired_with=lay_worker, sheet=safe_sheet(asked_on=TODAY - days(85)), name_to_use="E")
    cards = {card.name: card.advice for card in today_of(lay_worker.user, now=NOW).first}
    assert (cards["A"].calling, cards["A"].number) == (Calling.LATER, None)
    assert cards["A"].next_at == at(TODAY, 18)
    assert cards["B"].calling is Calling.NEVER_ASKED
    assert (cards["C"].calling, cards["C"].number) == (Calling.SUSPENDED, None)
    assert cards["D"].calling is Calling.NO_SAFE_NUMBER
    assert (cards["E"].calling, cards["E"].ask_again) == (Calling.NOW, True)


def test_the_status_on_each_card_is_the_one_that_the_plans_function_gives() -> None:
    lay_worker = make_lay_worker()
    expected = {}
    for ago in range(0, 17):
        starts_on = TODAY - days(ago)
        mother = make_mother(paired_with=lay_worker, starts_on=starts_on)
        windows = planned_contacts(Plan(starts_on + days(196 + 365), (Cadence(starts_on, 14),)))
        given = statuses(windows, offered_from=starts_on, contacts=[], on=TODAY)
        expected[mother.programme_code] = next(
            (str(status), window.due_on)
            for status, window in zip(given, windows, strict=True)
            if window.closes_on > TODAY
        )
    cards = today_of(lay_worker.user, now=NOW).first
    assert {card.code: (card.status, card.due_on) for card in cards} == expected


def test_today_takes_the_same_few_queries_for_one_mother_and_for_twenty() -> None:
    lay_worker = make_lay_worker()
    counts = []
    for number in (1, 17):
        for ago in range(number):
            mother = make_mother(paired_with=lay_worker, starts_on=TODAY - days(ago))
            make_contact(mother=mother, lay_worker=lay_worker, happened_at=at(TODAY - days(ago)), now=NOW)
        user = type(lay_worker.user).objects.get(pk=lay_worker.user.pk)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            today_of(user, now=NOW)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 8
