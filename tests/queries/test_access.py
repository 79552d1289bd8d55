"""Whom each person sees: every condition of the access functions has a mother who is there, and one who is not."""

from datetime import date, timedelta

import pytest

from mentoring import access
from mentoring.models import Duty, LayWorker, Midwife, Mother, StandIn
from mentoring.services import contacts, pairings
from people.models import RoleGrant, User
from people.rules.local_time import local_date
from people.rules.roles import Role
from tests.factories import NOW, make_contact, make_lay_worker, make_midwife, make_mother, make_user

pytestmark = pytest.mark.django_db
TODAY = local_date(NOW)


def days(number: int) -> timedelta:
    return timedelta(days=number)


@pytest.fixture
def midwife() -> Midwife:
    return make_midwife()


@pytest.fixture
def lay_worker(midwife: Midwife) -> LayWorker:
    return make_lay_worker(supervisor=midwife)


@pytest.fixture
def mother(lay_worker: LayWorker) -> Mother:
    return make_mother(paired_with=lay_worker, starts_on=TODAY - days(30), now=NOW - days(30))


@pytest.fixture(autouse=True)
def somebody_elses() -> Mother:
    """A mother of another lay-worker, covered by yet another, of another midwife, with an entry: nobody's of these tests."""
    other = make_lay_worker()
    mother = make_mother(paired_with=other, starts_on=TODAY - days(30), now=NOW - days(30))
    make_contact(mother=mother, lay_worker=other, happened_at=NOW - days(1), now=NOW)
    cover(mother, make_lay_worker(supervisor=other.supervisor), TODAY, TODAY + days(3))
    return mother


def cover(mother: Mother, lay_worker: LayWorker, starts_on: date, ends_on: date) -> object:
    """Return the cover of these days, arranged on the first of them."""
    return pairings.arrange_cover(
        mother=mother,
        lay_worker=lay_worker,
        starts_on=starts_on,
        ends_on=ends_on,
        by=lay_worker.supervisor.user,
        now=NOW - (TODAY - starts_on) if starts_on < TODAY else NOW,
    )


def end_pairing(mother: Mother, *, ago: timedelta = timedelta(0)) -> None:
    pairings.end(pairing=mother.pairings.get(), reason="moved", by=mother.midwife.user, now=NOW - ago)


def without_right(user: User) -> User:
    """Return ``user`` anew, with the profile she has and no right."""
    RoleGrant.objects.filter(user=user).update(ended_at=NOW, ended_by=make_user())
    return User.objects.get(pk=user.pk)


def seen(user: User, *, on: date = TODAY) -> set[Mother]:
    return set(access.mothers_visible_to(user, on=on))


def loggable(user: User) -> set[Mother]:
    return set(access.mothers_still_loggable_by(user, now=NOW))


def stand_in(midwife: Midwife, *, for_whom: Midwife, starts_on: date, ends_on: date) -> None:
    StandIn.objects.create(
        midwife=midwife,
        stands_in_for=for_whom,
        starts_on=starts_on,
        ends_on=ends_on,
        made_at=NOW,
        made_by=for_whom.user,
    )


# Mothers


def test_a_lay_worker_sees_the_mothers_paired_with_her_until_the_pairing_ends(
    mother: Mother, lay_worker: LayWorker
) -> None:
    assert seen(lay_worker.user) == {mother}
    end_pairing(mother)
    assert seen(lay_worker.user) == set()


def test_a_cover_sees_her_from_the_first_day_to_the_day_before_the_last_and_not_once_it_is_called_off(
    mother: Mother, midwife: Midwife
) -> None:
    covering = make_lay_worker(supervisor=midwife)
    arranged = cover(mother, covering, TODAY + days(2), TODAY + days(4))
    found = [bool(seen(covering.user, on=TODAY + days(number))) for number in range(1, 5)]
    assert found == [False, True, True, False]
    pairings.cancel_cover(cover=arranged, by=midwife.user, now=NOW)
    assert seen(covering.user, on=TODAY + days(2)) == set()


def test_a_midwife_sees_whom_she_answers_for_and_whom_nobody_answers_for_yet(mother: Mother, midwife: Midwife) -> None:
    nobodys = make_mother()
    assert nobodys.midwife is None
    assert seen(midwife.user) == {mother, nobodys}
    assert seen(make_midwife().user) == {nobodys}


def test_whoever_stands_in_sees_the_others_mothers_on_those_days_alone(mother: Mother, midwife: Midwife) -> None:
    standing_in, uninvolved = make_midwife(), make_midwife()
    stand_in(standing_in, for_whom=midwife, starts_on=TODAY, ends_on=TODAY + days(2))
    found = [seen(standing_in.user, on=TODAY + days(number)) for number in range(-1, 3)]
    assert found == [set(), {mother}, {mother}, set()]
    assert seen(uninvolved.user) == set()


@pytest.mark.parametrize("gone", ["switched off", "without the right"])
def test_what_is_of_a_midwife_for_whom_nobody_answers_any_more_is_every_midwifes(
    mother: Mother, midwife: Midwife, lay_worker: LayWorker, gone: str
) -> None:
    other, standing_in = make_midwife(), make_midwife()
    duty = Duty.objects.get(mother=mother)

    def sees(user: User) -> tuple[bool, ...]:
        user = User.objects.get(pk=user.pk)
        return (
            mother in seen(user),
            duty in access.duties_visible_to(user, on=TODAY),
            lay_worker in access.lay_workers_visible_to(user, on=TODAY),
        )

    assert sees(other.user) == (False, False, False)
    if gone == "switched off":
        User.objects.filter(pk=midwife.user_id).update(is_active=False)
    else:
        without_right(midwife.user)
    assert sees(other.user) == (True, True, True)
    assert sees(lay_worker.user) == (True, False, True)
    stand_in(standing_in, for_whom=midwife, starts_on=TODAY, ends_on=TODAY + days(1))
    assert (sees(other.user), sees(standing_in.user)) == ((False, False, False), (True, True, True))
    User.objects.filter(pk=standing_in.user_id).update(is_active=False)
    assert sees(other.user) == (True, True, True), "whoever stands in cannot answer either"
    assert not any(sees(make_user(Role.LEAD)))


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.LAY_WORKER, Role.MIDWIFE}))
def test_no_other_right_sees_anything_of_the_programme(role: Role, mother: Mother) -> None:
    user = make_user(role)
    make_mother()
    assert seen(user) == loggable(user) == set()
    for rows in (
        access.midwives_answered_for, access.lay_workers_visible_to, access.contacts_visible_to,
        access.contacts_correctable_by, access.pairings_visible_to, access.covers_visible_to,
    ):  # fmt: skip
        assert not rows(user, on=TODAY).exists(), rows.__name__


def test_a_profile_without_its_right_sees_nothing(mother: Mother, lay_worker: LayWorker, midwife: Midwife) -> None:
    make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW - days(1), now=NOW)
    cover(mother, make_lay_worker(supervisor=midwife), TODAY, TODAY + days(3))
    for user in (without_right(lay_worker.user), without_right(midwife.user)):
        assert seen(user) == set()
        for rows in (
            access.midwives_answered_for, access.lay_workers_visible_to, access.contacts_correctable_by,
            access.pairings_visible_to, access.covers_visible_to,
        ):  # fmt: skip
            assert not rows(user, on=TODAY).exists(), rows.__name__


def test_a_right_that_waits_for_its_second_granter_and_an_account_switched_off_count_for_nothing(
    mother: Mother, lay_worker: LayWorker
) -> None:
    RoleGrant.objects.filter(user=lay_worker.user).update(needs_second=True)
    assert seen(User.objects.get(pk=lay_worker.user_id)) == set()
    RoleGrant.objects.filter(user=lay_worker.user).update(seconded_at=NOW, seconded_by=make_user())
    assert seen(User.objects.get(pk=lay_worker.user_id)) == {mother}
    User.objects.filter(pk=lay_worker.user_id).update(is_active=False)
    assert seen(User.objects.get(pk=lay_worker.user_id)) == set()


# Those she no longer sees


def test_for_seven_days_after_a_pairing_ended_she_may_still_log_and_not_while_she_sees_her(
    mother: Mother, lay_worker: LayWorker
) -> None:
    assert loggable(lay_worker.user) == set()
    end_pairing(mother, ago=days(7) - timedelta(minutes=1))
    assert loggable(lay_worker.user) == {mother}
    assert loggable(make_lay_worker().user) == set()
    assert loggable(without_right(lay_worker.user)) == set()


def test_after_seven_days_she_may_not(mother: Mother, lay_worker: LayWorker) -> None:
    end_pairing(mother, ago=days(7))
    assert loggable(lay_worker.user) == set()


def test_once_she_sees_her_again_she_logs_as_ever(mother: Mother, lay_worker: LayWorker, midwife: Midwife) -> None:
    end_pairing(mother, ago=days(2))
    assert loggable(lay_worker.user) == {mother}
    pairings.pair(mother=mother, lay_worker=lay_worker, by=midwife.user, now=NOW - days(1))
    assert loggable(lay_worker.user) == set()


@pytest.mark.parametrize(
    ("starts_in", "ends_in", "expected"),
    [(-9, -7, False), (-9, -6, True), (-3, 0, True), (-3, 1, False), (2, 4, False)],
    ids=["seven days ago", "six days ago", "over today", "goes on", "still to come"],
)
def test_a_cover_that_ended_within_seven_days_may_still_log(
    mother: Mother, midwife: Midwife, starts_in: int, ends_in: int, expected: bool
) -> None:
    covering = make_lay_worker(supervisor=midwife)
    cover(mother, covering, TODAY + days(starts_in), TODAY + days(ends_in))
    assert loggable(covering.user) == ({mother} if expected else set())
    assert loggable(make_lay_worker(supervisor=midwife).user) == set()


@pytest.mark.parametrize(("ago", "expected"), [(days(6), True), (days(7), False)], ids=["six days", "seven days"])
def test_a_cover_called_off_counts_from_that_moment_and_not_from_its_last_day(
    mother: Mother, midwife: Midwife, ago: timedelta, expected: bool
) -> None:
    covering = make_lay_worker(supervisor=midwife)
    arranged = cover(mother, covering, TODAY - days(9), TODAY - days(1))
    pairings.cancel_cover(cover=arranged, by=midwife.user, now=NOW - ago)
    assert loggable(covering.user) == ({mother} if expected else set())


# Lay-workers, entries, pairings, covers


def test_a_lay_worker_is_seen_by_herself_her_supervisor_and_whoever_stands_in(
    lay_worker: LayWorker, midwife: Midwife
) -> None:
    standing_in = make_midwife()
    stand_in(standing_in, for_whom=midwife, starts_on=TODAY, ends_on=TODAY + days(1))
    for user in (lay_worker.user, midwife.user, standing_in.user):
        assert set(access.lay_workers_visible_to(user, on=TODAY)) == {lay_worker}
    assert not access.lay_workers_visible_to(make_midwife().user, on=TODAY).exists()


def test_entries_are_seen_about_mothers_seen_and_corrected_by_their_writer_until_taken_back(
    mother: Mother, lay_worker: LayWorker, midwife: Midwife
) -> None:
    covering = make_lay_worker(supervisor=midwife)
    cover(mother, covering, TODAY, TODAY + days(1))
    entry = make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW - days(1), now=NOW)
    for user in (lay_worker.user, midwife.user, covering.user):
        assert set(access.contacts_visible_to(user, on=TODAY)) == {entry}
    assert set(access.contacts_correctable_by(lay_worker.user, on=TODAY)) == {entry}
    for user in (midwife.user, covering.user):
        assert not access.contacts_correctable_by(user, on=TODAY).exists()
    contacts.void(contact=entry, reason="about someone else", by=lay_worker.user, now=NOW)
    assert set(access.contacts_visible_to(lay_worker.user, on=TODAY)) == {entry}
    assert not access.contacts_correctable_by(lay_worker.user, on=TODAY).exists()


def test_an_entry_about_a_mother_no_longer_seen_is_not_there(mother: Mother, lay_worker: LayWorker) -> None:
    make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW - days(1), now=NOW)
    end_pairing(mother)
    assert not access.contacts_visible_to(lay_worker.user, on=TODAY).exists()
    assert not access.contacts_correctable_by(lay_worker.user, on=TODAY).exists()


def test_pairings_and_covers_are_for_her_midwife_and_never_for_a_lay_worker(
    mother: Mother, lay_worker: LayWorker, midwife: Midwife
) -> None:
    arranged = cover(mother, make_lay_worker(supervisor=midwife), TODAY, TODAY + days(1))
    assert set(access.pairings_visible_to(midwife.user, on=TODAY)) == {mother.pairings.get()}
    assert set(access.covers_visible_to(midwife.user, on=TODAY)) == {arranged}
    assert not access.pairings_visible_to(lay_worker.user, on=TODAY).exists()
    assert not access.covers_visible_to(lay_worker.user, on=TODAY).exists()
