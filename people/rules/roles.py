"""Who may hold which right, beside which others, and who must agree. Plain Python; never touches a row."""

from collections.abc import Iterable
from enum import StrEnum


class Role(StrEnum):
    """The rights of domain.md section 2. Stored codes are for ever."""

    LAY_WORKER = "lay_worker"
    MIDWIFE = "midwife"
    LEAD = "lead"
    RECRUITER = "recruiter"
    COORDINATOR = "coordinator"
    STATISTICIAN = "statistician"
    ASSESSOR = "assessor"
    DPO = "dpo"
    ADMINISTRATOR = "administrator"
    UNBLINDED = "unblinded"


NEED_A_SECOND_GRANTER = frozenset({Role.RECRUITER, Role.COORDINATOR, Role.ASSESSOR, Role.STATISTICIAN, Role.UNBLINDED})
KNOW_WHO_HAS_MENTORING = frozenset(
    {Role.LAY_WORKER, Role.MIDWIFE, Role.LEAD, Role.COORDINATOR, Role.STATISTICIAN, Role.UNBLINDED}
)


class GrantRefused(Exception):
    """A right that this person may not hold, or that this granter may not give; ``code`` names the rule."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def check_may_hold(role: Role, *, ever_held: Iterable[Role], holds_now: Iterable[Role]) -> None:
    """Return if a person with this past may be given ``role``; raise GrantRefused otherwise.

    Whoever holds or ever held any other right but data-protection officer cannot be an assessor, and the reverse;
    nobody who knows who has mentoring can be a recruiter, nor learn it while she is one. Rules: domain.md section 2.
    """
    ever = set(ever_held)
    now = set(holds_now)
    if role in now:
        raise GrantRefused("held_already")
    if role is Role.ASSESSOR and ever - {Role.ASSESSOR, Role.DPO}:
        raise GrantRefused("assessor_must_be_blind")
    if role not in {Role.ASSESSOR, Role.DPO} and Role.ASSESSOR in ever:
        raise GrantRefused("was_an_assessor")
    if role is Role.RECRUITER and ever & KNOW_WHO_HAS_MENTORING:
        raise GrantRefused("recruiter_must_not_know")
    if role in KNOW_WHO_HAS_MENTORING and Role.RECRUITER in now:
        raise GrantRefused("is_a_recruiter")


def check_may_grant(*, user_id: int, granted_by_id: int | None, by_id: int, seconding: bool) -> None:
    """Return if ``by_id`` may grant (or second) a right of ``user_id``; raise GrantRefused otherwise."""
    if by_id == user_id:
        raise GrantRefused("own_right")
    if seconding and by_id == granted_by_id:
        raise GrantRefused("needs_someone_else")
