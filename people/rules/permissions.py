"""What a permission is: a name and the rights that carry it. The tables stand in each app's own rules/permissions."""

from dataclasses import dataclass

from people.rules.roles import Role


@dataclass(frozen=True, slots=True)
class Permission:
    """``NOUN_VERB`` and the roles that have it; asked by ``@requires`` on a view."""

    name: str
    roles: frozenset[Role]


def permission(name: str, *roles: Role) -> Permission:
    """Return a permission named ``name`` that ``roles`` carry."""
    return Permission(name, frozenset(roles))


ANYONE_SIGNED_IN = permission("anyone_signed_in", *Role)
USER_MANAGE = permission("user_manage", Role.ADMINISTRATOR)
LOCALITY_MANAGE = permission("locality_manage", Role.ADMINISTRATOR)
ACCESS_LOG_READ = permission("access_log_read", Role.DPO)
JOBS_READ = permission("jobs_read", Role.ADMINISTRATOR)
MESSAGE_DECIDE = permission("message_decide", Role.ADMINISTRATOR)
MESSAGES_READ = permission("messages_read", Role.LAY_WORKER, Role.MIDWIFE, Role.LEAD)
# The demo's mailbox holds everyone's letters: those who must stay blind do not see it.
MAILBOX_READ = permission("mailbox_read", Role.LAY_WORKER, Role.MIDWIFE, Role.LEAD, Role.ADMINISTRATOR)
