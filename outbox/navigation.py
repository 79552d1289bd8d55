"""What this app adds to the navigation."""

from django.utils.translation import gettext_noop

from people.navigation import Entry
from people.rules.permissions import MESSAGES_READ

ENTRIES: list[Entry] = [Entry("message-list", gettext_noop("Messages"), MESSAGES_READ)]
