"""The kinds of message there are. Mentoring and trial fill it when the apps are ready; the outbox knows no kind itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


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
    what follows where a text could not go, or did not arrive.
    """

    code: str
    label: str
    compose: Callable[[Sequence[Any]], list[Words]]
    why_not: Callable[[Sequence[Any], datetime], list[str | None]]
    any_hour: bool = False
    to_mothers: bool = False
    did_not_go: Callable[[Any, datetime], None] | None = None


KINDS: dict[str, Kind] = {}


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


def any_hour_codes() -> list[str]:
    """Return the codes of kinds that go at any hour."""
    return [kind.code for kind in KINDS.values() if kind.any_hour]


HearsReply = Callable[[Any, Sequence[int], datetime], None]
REPLIES_HEARD_BY: list[HearsReply] = []


def hear_replies(heard: HearsReply) -> None:
    """``heard(inbound, person_ids, now)`` is called once for each reply, in its transaction."""
    if heard not in REPLIES_HEARD_BY:
        REPLIES_HEARD_BY.append(heard)
