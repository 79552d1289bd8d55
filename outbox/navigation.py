"""What this app adds to the navigation."""

from django.utils.translation import gettext_noop

from people.navigation import Entry
from people.rules.permissions import JOBS_READ, MESSAGES_READ

ENTRIES: list[Entry] = [
    Entry("message-list", gettext_noop("Messages"), MESSAGES_READ),
    Entry("jobs", gettext_noop("Jobs and messages"), JOBS_READ),
]
