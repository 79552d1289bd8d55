"""Tables of who everyone is; queries and decisions live on other floors."""

from people.models.gate import Gate
from people.models.log import AccessLog
from people.models.persons import Baby, Locality, Loss, Person, PhoneNumber, Pregnancy, SafeContact, SafeTime
from people.models.user import RoleGrant, User

__all__ = [
    "AccessLog",
    "Baby",
    "Gate",
    "Locality",
    "Loss",
    "Person",
    "PhoneNumber",
    "Pregnancy",
    "RoleGrant",
    "SafeContact",
    "SafeTime",
    "User",
]
