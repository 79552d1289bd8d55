"""What this app adds to the navigation."""

from django.utils.translation import gettext_noop

from mentoring.rules.permissions import EXPORT_TAKE
from people.navigation import Entry

ENTRIES: list[Entry] = [Entry("export-new", gettext_noop("Exports"), EXPORT_TAKE)]
