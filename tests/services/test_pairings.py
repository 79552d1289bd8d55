"""Who is with whom: pairing, its end, cover. What is asked twice is done once; what cannot be is refused in words."""

from datetime import UTC, date, datetime, timedelta

import pytest

from mentoring import access
from mentoring.models import Cover, LayWorker, Pairing, PlannedContact
from mentoring.rules.refusals import Refused
from mentoring.services import pairings, protocol
from people.rules.local_time import local_date
from tests.factories import NOW, make_lay_worker, make_midwife, make_mother

pytestmark = pytest.mark.django_db
TODAY = local_date(NOW)


@pytest.fixture
def midwife():
    return make_midwife()


@pytest.fixture
def lay_worker(midwife):
    return make_lay_worker(supervisor=midwife)


@pytest.fixture
def waiting(midwife):
    return make_mother(starts_on=TODAY - timedelta(days=10), by=midwife.user)


def refused(act, code):
    with pytest.raises(Refused) as caught:
        act()
    assert caught.value.code == code
    assert caught.value.message.endswith(".")


class TestPairing:
    def test_hands_the_open_rows_to_the_lay_worker_and_the_mother_to_her_supervisor(self, waiting, lay_worker):
        pairings.pair(mother=waiting, lay_worker=lay_worker, by=None, now=NOW)
        waiting.refresh_from_db()
        assert (waiting.offered_from, waiting.midwife) == (TODAY, lay_worker.supervisor)
        assert set(PlannedContact.objects.values_list("lay_worker", flat=True)) == {lay_worker.pk}

    def test_asked_twice_is_one_pairing(self, waiting, lay_worker, midwife):
        first, again = (
            pairings.pair(mother=waiting, lay_worker=lay_worker, by=midwife.user, now=NOW) for _time in range(2)
        )
        assert first == again
        assert Pairing.objects.count() == 1

    def test_with_another_while_one_stands_is_refused(self, waiting, lay_worker):
        pairings.pair(mother=waiting, lay_worker=lay_worker, by=None, now=NOW)
        refused(lambda: pairings.pair(mother=waiting, lay_worker=make_lay_worker(), by=None, now=NOW), "paired_already")

    @pytest.mark.parametrize(
        ("days", "code"), [(1, "pairing_in_future"), (-11, "pairing_before_start"), (-10, None), (0, None)]
    )
    def test_begins_between_her_first_visit_and_today(self, waiting, lay_worker, days, code):
        def act():
            return pairings.pair(
                mother=waiting, lay_worker=lay_worker, by=None, now=NOW, starts_on=TODAY + timedelta(days=days)
            )

        if code is None:
            assert act().starts_on == TODAY + timedelta(days=days)
        else:
            refused(act, code)

    def test_a_second_one_does_not_move_where_the_plan_is_offered_from(self, waiting, lay_worker, midwife):
        pairing = pairings.pair(mother=waiting, lay_worker=lay_worker, by=None, now=NOW - timedelta(days=5))
        pairings.end(pairing=pairing, reason="she_asked", by=midwife.user, now=NOW)
        pairings.pair(mother=waiting, lay_worker=make_lay_worker(), by=None, now=NOW)
        waiting.refresh_from_db()
        assert waiting.offered_from == TODAY - timedelta(days=5)

    def test_two_pairings_never_overlap(self, waiting, lay_worker, midwife):
        pairing = pairings.pair(mother=waiting, lay_worker=lay_worker, by=None, now=NOW - timedelta(days=5))
        pairings.end(pairing=pairing, reason="she_asked", by=midwife.user, now=NOW)
        refused(
            lambda: pairings.pair(
                mother=waiting,
                lay_worker=make_lay_worker(),
                by=None,
                now=NOW,
                starts_on=TODAY - timedelta(days=1),
            ),
            "pairing_overlaps",
        )

    def test_with_one_who_has_left_is_refused_from_her_last_day_on(self, waiting, lay_worker):
        LayWorker.objects.update(left_on=TODAY)
        lay_worker.refresh_from_db()
        refused(lambda: pairings.pair(mother=waiting, lay_worker=lay_worker, by=None, now=NOW), "lay_worker_left")
        LayWorker.objects.update(left_on=TODAY + timedelta(days=1))
        lay_worker.refresh_from_db()
        assert pairings.pair(mother=waiting, lay_worker=lay_worker, by=None, now=NOW)

    def test_with_one_who_cannot_sign_in_is_refused(self, waiting, lay_worker):
        lay_worker.user.is_active = False
        refused(lambda: pairings.pair(mother=waiting, lay_worker=lay_worker, by=None, now=NOW), "lay_worker_inactive")

    def test_beyond_the_most_that_the_protocol_allows_is_refused(self, waiting, lay_worker, midwife):
        protocol.change(
            antenatal_every_days=14,
            postnatal_every_days=14,
            mothers_per_lay_worker=1,
            reason="test",
            by=midwife.user,
            now=NOW,
        )
        make_mother(paired_with=lay_worker)
        refused(lambda: pairings.pair(mother=waiting, lay_worker=lay_worker, by=None, now=NOW), "lay_worker_full")


class TestItsEnd:
    def test_asked_twice_is_one_end_and_by_another_is_refused(self, lay_worker, midwife):
        pairing = make_mother(paired_with=lay_worker).pairings.get()
        for minutes in (0, 1):
            ended = pairings.end(pairing=pairing, reason="moved", by=midwife.user, now=NOW + timedelta(minutes=minutes))
            assert ended.ended_at == NOW
        refused(lambda: pairings.end(pairing=pairing, reason="moved", by=make_midwife().user, now=NOW), "ended_already")


class TestCover:
    def arrange(self, mother, lay_worker, midwife, first=0, last=7):
        return pairings.arrange_cover(
            mother=mother,
            lay_worker=lay_worker,
            starts_on=TODAY + timedelta(days=first),
            ends_on=TODAY + timedelta(days=last),
            by=midwife.user,
            now=NOW,
        )

    @pytest.fixture
    def mother(self, lay_worker):
        return make_mother(paired_with=lay_worker)

    def test_asked_twice_is_one_cover(self, mother, midwife):
        other = make_lay_worker()
        assert self.arrange(mother, other, midwife) == self.arrange(mother, other, midwife)
        assert Cover.objects.count() == 1

    @pytest.mark.parametrize(
        ("first", "last", "code"),
        [(-1, 3, "cover_in_past"), (2, 2, "cover_backwards"), (6, 8, "covered_already"), (7, 8, None)],
    )
    def test_lies_ahead_and_overlaps_no_other(self, mother, midwife, first, last, code):
        self.arrange(mother, make_lay_worker(), midwife)

        def act():
            return self.arrange(mother, make_lay_worker(), midwife, first, last)

        if code is None:
            assert act()
        else:
            refused(act, code)

    def test_by_her_own_lay_worker_is_refused(self, mother, lay_worker, midwife):
        refused(lambda: self.arrange(mother, lay_worker, midwife), "covers_herself")

    def test_for_several_mothers_is_for_all_or_none(self, mother, lay_worker, midwife):
        second, other = make_mother(paired_with=lay_worker), make_lay_worker()
        self.arrange(second, make_lay_worker(), midwife, 3, 5)
        refused(
            lambda: pairings.arrange_covers(
                mothers=[mother, second],
                lay_worker=other,
                starts_on=TODAY,
                ends_on=TODAY + timedelta(days=7),
                by=midwife.user,
                now=NOW,
            ),
            "covered_already",
        )
        assert not Cover.objects.filter(lay_worker=other).exists()

    def test_called_off_twice_is_over_once_and_what_was_over_is_refused(self, mother, midwife):
        cover = self.arrange(mother, make_lay_worker(), midwife)
        for minutes in (0, 1):
            over = pairings.cancel_cover(cover=cover, by=midwife.user, now=NOW + timedelta(minutes=minutes))
            assert over.cancelled_at == NOW
        past = self.arrange(mother, make_lay_worker(), midwife)
        refused(lambda: pairings.cancel_cover(cover=past, by=midwife.user, now=NOW + timedelta(days=7)), "cover_over")


@pytest.mark.parametrize(
    ("now", "loggable"),
    [
        # A cover's last day is 22 October 2026. Local dates: in summer time the day begins at 23:00 UTC.
        (datetime(2026, 10, 22, 22, 59, tzinfo=UTC), False),
        (datetime(2026, 10, 22, 23, 0, tzinfo=UTC), True),
        (datetime(2026, 10, 29, 23, 59, tzinfo=UTC), True),
        (datetime(2026, 10, 30, 0, 0, tzinfo=UTC), False),
    ],
)
def test_a_cover_that_is_over_may_be_logged_for_seven_local_days(lay_worker, midwife, now, loggable):
    other = make_lay_worker()
    mother = make_mother(paired_with=lay_worker, starts_on=date(2026, 10, 1))
    pairings.arrange_cover(
        mother=mother,
        lay_worker=other,
        starts_on=date(2026, 10, 20),
        ends_on=date(2026, 10, 23),
        by=midwife.user,
        now=datetime(2026, 10, 19, 9, tzinfo=UTC),
    )
    assert access.mothers_still_loggable_by(other.user, now=now).exists() is loggable
    assert access.mothers_visible_to(other.user, on=local_date(now)).exists() is (
        now < datetime(2026, 10, 22, 23, tzinfo=UTC)
    )
