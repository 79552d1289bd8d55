"""The kinds of message there are. Mentoring and trial fill it when the apps are ready; the outbox knows no kind itself."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from people.rules.roles import Role


@dataclass(frozen=True, slots=True)
class Words:
    """What one message says, made when it is handed over or read: never stored.

    ``path`` is where its link leads, ``why`` answers "why did I get this?". ``to`` is the number that the hand-over of a
    text found safe, under the gate.
    """

    subject: str
    body: str
    path: str
    why: str
    to: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: its words, and whether a message is still wanted, each for a batch in as many queries as for one.

    ``why_not(messages, now)`` returns for each none, or a code that says why it is not wanted any more; it is asked
    under the gate locks. ``label`` is marked for translation where it is given. ``any_hour``: an alert, not held back to
    sending hours. ``to_mothers``: it may go to a mother, as a text; no other kind may. ``did_not_go(message, now)`` says
    what follows where a text could not go, or did not arrive. ``to``: the rights of those who get it, ``channels`` its
    ways to them. ``always`` says why a kind that keeps to sending hours cannot be switched off nor wait for a quiet day,
    marked for translation; empty, it can. ``gates(messages)`` returns the keys of gates beside those of subjects and
    recipients: of all whom the words name.
    """

    code: str
    label: str
    compose: Callable[[Sequence[Any]], list[Words]]
    why_not: Callable[[Sequence[Any], datetime], list[str | None]]
    any_hour: bool = False
    to_mothers: bool = False
    did_not_go: Callable[[Any, datetime], None] | None = None
    to: frozenset[Role] = frozenset()
    channels: tuple[str, ...] = ("email", "in_app")
    always: str = ""
    gates: Callable[[Sequence[Any]], set[int]] | None = None

    @property
    def can_wait(self) -> bool:
        """Whether its recipient may switch it off, and it waits for a day that is not quiet."""
        return not self.any_hour and not self.always


KINDS: dict[str, Kind] = {}
# Asked when a member of staff changes what she is told: user's key and now. Each settles the messages that it writes.
SETTLE: list[Callable[[int, datetime], object]] = []


class UnknownKind(LookupError):
    """A message whose kind nobody registered."""


def register(kind: Kind) -> None:
    """``kind`` can be sent from now on; the same code again replaces it."""
    KINDS[kind.code] = kind


def kind_of(code: str) -> Kind:
    """Return the kind with this code. Raises UnknownKind."""
    try:
        return KINDS[code]
    except KeyError as error:
        raise UnknownKind(code) from error


def can_wait(code: str) -> bool:
    """Return whether messages of this kind may be switched off and wait; one that nobody registered may."""
    kind = KINDS.get(code)
    return kind is None or kind.can_wait


def kinds_for(roles: Collection[Role]) -> list[Kind]:
    """Return the kinds that holders of ``roles`` get, in the order in which they were registered."""
    return [kind for kind in KINDS.values() if kind.to & frozenset(roles)]


def settle_by(settle: Callable[[int, datetime], object]) -> None:
    """``settle`` is asked from now on when a person's wishes change; given again it is asked once."""
    if settle not in SETTLE:
        SETTLE.append(settle)


def any_hour_codes() -> list[str]:
    """Return the codes of kinds that go at any hour."""
    return [kind.code for kind in KINDS.values() if kind.any_hour]


HearsReply = Callable[[Any, Sequence[int], datetime], None]
REPLIES_HEARD_BY: list[HearsReply] = []


def hear_replies(heard: HearsReply) -> None:
    """``heard(inbound, person_ids, now)`` is called once for each reply, in its transaction."""
    if heard not in REPLIES_HEARD_BY:
        REPLIES_HEARD_BY.append(heard)
