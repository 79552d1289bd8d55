"""What this app adds to the navigation."""

from people.navigation import Entry

ENTRIES: list[Entry] = []
