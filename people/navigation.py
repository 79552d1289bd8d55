"""One entry of the navigation: the page it leads to and the permission it takes. Each app lists its own."""

from dataclasses import dataclass

from people.rules.permissions import LOCALITY_MANAGE, USER_MANAGE, Permission


@dataclass(frozen=True, slots=True)
class Entry:
    """``url`` is a URL name without arguments; ``text`` is marked for translation where it is listed."""

    url: str
    text: str
    permission: Permission


ENTRIES: list[Entry] = [
    Entry("user-list", "People", USER_MANAGE),
    Entry("locality-list", "Localities", LOCALITY_MANAGE),
]
