"""What this app adds to the navigation."""

from django.utils.translation import gettext_noop

from mentoring.rules.permissions import (
    ALERT_ANSWER,
    CASELOAD_READ,
    IMPORT_RUN,
    LOSS_FIND,
    PROTOCOL_CHANGE,
    ROTA_READ,
    STAFF_MANAGE,
    TODAY_READ,
)
from people.navigation import Entry

ENTRIES: list[Entry] = [
    Entry("today", gettext_noop("Today"), TODAY_READ),
    Entry("worklist", gettext_noop("Worklist"), ALERT_ANSWER),
    Entry("caseload", gettext_noop("Caseload"), CASELOAD_READ),
    Entry("awaiting", gettext_noop("Awaiting a lay-worker"), CASELOAD_READ),
    Entry("rota", gettext_noop("Rota"), ROTA_READ),
    Entry("protocol", gettext_noop("Protocol"), PROTOCOL_CHANGE),
    Entry("loss-find", gettext_noop("Record a loss"), LOSS_FIND),
    Entry("import-new", gettext_noop("Import"), IMPORT_RUN),
    Entry("staff-list", gettext_noop("Staff"), STAFF_MANAGE),
]
