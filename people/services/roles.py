"""Rights granted, seconded and ended. Nobody grants herself one; some need a second granter (domain.md section 2)."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from people.models import AccessLog, RoleGrant, User
from people.rules.roles import NEED_A_SECOND_GRANTER, GrantRefused, Role, check_may_grant, check_may_hold
from people.services import gates, log


def _locked(user: User) -> User:
    return User.objects.select_for_update(no_key=True).get(pk=user.pk)


@transaction.atomic
def grant(*, user: User, role: Role, by: User, now: datetime) -> RoleGrant:
    """``user`` has ``role``, or waits for a second granter to agree. Locks the user. Raises GrantRefused."""
    check_may_grant(user_id=user.pk, granted_by_id=None, by_id=by.pk, seconding=False)
    locked = _locked(user)
    # A right that was withdrawn before anyone agreed to it never counted, and bars nothing.
    never_counted = Q(needs_second=True, seconded_at__isnull=True, ended_at__isnull=False)
    held = list(RoleGrant.objects.filter(user=locked).exclude(never_counted).values_list("role", "ended_at"))
    check_may_hold(
        role,
        ever_held=[Role(code) for code, _ended in held],
        holds_now=[Role(code) for code, ended in held if ended is None],
    )
    made = RoleGrant.objects.create(
        user=locked, role=role.value, needs_second=role in NEED_A_SECOND_GRANTER, granted_at=now, granted_by=by
    )
    _log(made, by, now, "granted")
    return made


@transaction.atomic
def second(*, grant: RoleGrant, by: User, now: datetime) -> RoleGrant:
    """The right counts from now on. Raises GrantRefused for the granter herself and for the one who would hold it."""
    locked = RoleGrant.objects.select_for_update(no_key=True, of=("self",)).get(pk=grant.pk)
    check_may_grant(user_id=locked.user_id, granted_by_id=locked.granted_by_id, by_id=by.pk, seconding=True)
    if locked.ended_at is None and locked.needs_second and locked.seconded_at is None:
        locked.seconded_at, locked.seconded_by = now, by
        locked.save(update_fields=["seconded_at", "seconded_by"])
        _log(locked, by, now, "seconded")
    return locked


@transaction.atomic
def end(*, grant: RoleGrant, by: User, now: datetime) -> RoleGrant:
    """The right is over; a message being handed over to her is waited for. Nobody ends her own. Raises GrantRefused."""
    if grant.user_id == by.pk:
        raise GrantRefused("own_right")
    gates.lock_exclusively([grant.user.gate_id])
    locked = RoleGrant.objects.select_for_update(no_key=True, of=("self",)).get(pk=grant.pk)
    if locked.ended_at is None:
        locked.ended_at, locked.ended_by = now, by
        locked.save(update_fields=["ended_at", "ended_by"])
        _log(locked, by, now, "ended")
    return locked


def _log(grant: RoleGrant, by: User, now: datetime, what: str) -> None:
    log.write(
        kind=AccessLog.Kind.ROLE_CHANGED,
        by=by,
        now=now,
        about_user=grant.user,
        detail={"role": grant.role, "what": what},
    )
