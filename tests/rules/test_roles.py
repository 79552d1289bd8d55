"""Which rights one person may hold beside which others, and who may give them: domain.md section 2, pair by pair."""

from itertools import product

import pytest

from people.rules.roles import NEED_A_SECOND_GRANTER, GrantRefused, Role, check_may_grant, check_may_hold

KNOWING = {Role.LAY_WORKER, Role.MIDWIFE, Role.LEAD, Role.COORDINATOR, Role.STATISTICIAN, Role.UNBLINDED}


def refusal(role, *, ever=(), now=()):
    try:
        check_may_hold(role, ever_held=[*ever, *now], holds_now=now)
    except GrantRefused as refused:
        return refused.code
    return None


@pytest.mark.parametrize("other", sorted(set(Role) - {Role.ASSESSOR, Role.DPO}))
def test_who_holds_or_ever_held_another_right_is_never_an_assessor(other):
    assert refusal(Role.ASSESSOR, now=[other]) == "assessor_must_be_blind"
    assert refusal(Role.ASSESSOR, ever=[other]) == "assessor_must_be_blind"


@pytest.mark.parametrize("other", sorted(set(Role) - {Role.ASSESSOR, Role.DPO}))
def test_who_is_or_ever_was_an_assessor_learns_nothing_more(other):
    assert refusal(other, now=[Role.ASSESSOR]) == "was_an_assessor"
    assert refusal(other, ever=[Role.ASSESSOR]) == "was_an_assessor"


def test_a_data_protection_officer_may_be_an_assessor_and_the_reverse():
    assert refusal(Role.ASSESSOR, now=[Role.DPO]) is None
    assert refusal(Role.DPO, now=[Role.ASSESSOR]) is None


def test_a_former_assessor_may_be_one_again():
    assert refusal(Role.ASSESSOR, ever=[Role.ASSESSOR]) is None


@pytest.mark.parametrize("other", sorted(KNOWING))
def test_nobody_who_knows_who_has_mentoring_is_a_recruiter(other):
    assert refusal(Role.RECRUITER, now=[other]) == "recruiter_must_not_know"
    assert refusal(Role.RECRUITER, ever=[other]) == "recruiter_must_not_know"


@pytest.mark.parametrize("other", sorted(KNOWING))
def test_a_recruiter_learns_who_has_mentoring_only_once_she_is_none(other):
    assert refusal(other, now=[Role.RECRUITER]) == "is_a_recruiter"
    assert refusal(other, ever=[Role.RECRUITER]) is None


def test_every_other_pair_goes_together():
    free = set(Role) - {Role.ASSESSOR, Role.RECRUITER}
    for wanted, held in product(free, free):
        expected = "held_already" if wanted is held else None
        assert refusal(wanted, now=[held]) == expected, (wanted, held)
    for held in (Role.ADMINISTRATOR, Role.DPO):
        assert refusal(Role.RECRUITER, now=[held]) is None
        assert refusal(held, now=[Role.RECRUITER]) is None


@pytest.mark.parametrize("role", sorted(Role))
def test_a_right_held_is_not_given_twice(role):
    assert refusal(role, now=[role]) == "held_already"


def test_the_rights_of_the_trial_need_a_second_granter_and_no_others():
    assert {role.value for role in NEED_A_SECOND_GRANTER} == {
        "recruiter", "coordinator", "assessor", "statistician", "unblinded",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("granted_by", "by", "seconding", "code"),
    [
        (None, 1, False, "own_right"),
        (2, 1, True, "own_right"),
        (2, 2, True, "needs_someone_else"),
        (None, 2, False, None),
        (2, 3, True, None),
    ],
)
def test_nobody_grants_or_seconds_her_own_and_one_granter_is_not_two(granted_by, by, seconding, code):
    if code is None:
        check_may_grant(user_id=1, granted_by_id=granted_by, by_id=by, seconding=seconding)
        return
    with pytest.raises(GrantRefused) as refused:
        check_may_grant(user_id=1, granted_by_id=granted_by, by_id=by, seconding=seconding)
    assert refused.value.code == code
