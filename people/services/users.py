"""Accounts: invited, switched off and on again. There is no open sign-up."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from people.models import AccessLog, RoleGrant, User
from people.rules.roles import Role
from people.services import gates, letters, log, sessions


class AccountRefused(Exception):
    """An account that cannot be made or changed so; ``message`` in plain words."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@transaction.atomic
def invite(*, email: str, name: str, by: User, now: datetime) -> User:
    """A user without a password is there, and a letter with a link to choose one waits. Raises AccountRefused."""
    try:
        # Two administrators at once, or a double click: the second meets the unique address.
        with transaction.atomic():
            user = User.objects.create_user(email=email, name=" ".join(name.split()))
    except IntegrityError as error:
        raise AccountRefused(_("Somebody has this e-mail address already.")) from error
    letters.ask_for(template="invitation", user=user, now=now)
    log.write(kind=AccessLog.Kind.ACCOUNT_CHANGED, by=by, now=now, about_user=user, detail={"what": "invited"})
    return user


@transaction.atomic
def invite_again(*, user: User, by: User, now: datetime) -> None:
    """Another letter waits. Refused once she has chosen a password."""
    if user.has_usable_password():
        raise AccountRefused(_("She has chosen a password already."))
    letters.ask_for(template="invitation", user=user, now=now)
    log.write(kind=AccessLog.Kind.ACCOUNT_CHANGED, by=by, now=now, about_user=user, detail={"what": "invited_again"})


@transaction.atomic
def password_chosen(*, user: User, now: datetime, request_id: str = "") -> None:
    """Her first choice of a password by letter accepts the invitation; every one stands in the access log."""
    locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    what = "password_reset"
    if locked.joined_at is None:
        what = "joined"
        locked.joined_at = now
        locked.save(update_fields=["joined_at"])
    log.write(
        kind=AccessLog.Kind.ACCOUNT_CHANGED,
        by=locked,
        now=now,
        request_id=request_id,
        about_user=locked,
        detail={"what": what},
    )


@transaction.atomic
def switch(*, user: User, active: bool, by: User, now: datetime) -> User:
    """``user`` may or may not sign in from now on; her open sessions end with the right to have them."""
    if user.pk == by.pk:
        raise AccountRefused(_("You cannot switch off your own account."))
    gates.lock_exclusively([user.gate_id])
    locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if locked.is_active != active:
        locked.is_active = active
        locked.save(update_fields=["is_active"])
        what = "switched_on" if active else "switched_off"
        # Ended, not only refused: one left behind would open again with the account.
        sessions.end_all(user=locked)
        log.write(kind=AccessLog.Kind.ACCOUNT_CHANGED, by=by, now=now, about_user=locked, detail={"what": what})
    return locked


@transaction.atomic
def make_first(*, people: list[tuple[str, str]], now: datetime) -> list[User]:
    """The first two granters, (e-mail, name) each, are administrators, once. Raises AccountRefused ever after."""
    if len({email.lower() for email, _name in people}) != 2:
        raise AccountRefused(_("Give two different e-mail addresses."))
    if RoleGrant.objects.exists():
        raise AccountRefused(_("There are granters already."))
    made = []
    for email, name in people:
        user = User.objects.create_user(email=email, name=name)
        RoleGrant.objects.create(user=user, role=Role.ADMINISTRATOR.value, granted_at=now)
        letters.ask_for(template="invitation", user=user, now=now)
        detail = {"role": Role.ADMINISTRATOR.value, "what": "granted"}
        log.write(kind=AccessLog.Kind.ROLE_CHANGED, by=None, now=now, about_user=user, detail=detail)
        made.append(user)
    return made
