"""One entry of the navigation: the page it leads to and the permission it takes. Each app lists its own."""

from dataclasses import dataclass

from django.utils.translation import gettext_noop

from people.rules.permissions import ACCESS_LOG_READ, LOCALITY_MANAGE, USER_MANAGE, Permission


@dataclass(frozen=True, slots=True)
class Entry:
    """``url`` is a URL name without arguments; ``text`` is marked for translation where it is listed."""

    url: str
    text: str
    permission: Permission


ENTRIES: list[Entry] = [
    Entry("user-list", gettext_noop("People"), USER_MANAGE),
    Entry("locality-list", gettext_noop("Localities"), LOCALITY_MANAGE),
    Entry("access-log", gettext_noop("Access log"), ACCESS_LOG_READ),
]
