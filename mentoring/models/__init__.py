"""Tables of the programme: constraints that are sentences, no queries and no decisions."""

from mentoring.models.contacts import Concern, Contact, ContactCorrection, Mode, Outcome, Topic, Who
from mentoring.models.duties import Alert, CalendarFeed, Duty, RotaShift, Visit
from mentoring.models.jobs import Export, ImportedMother, ImportFile, ImportJob
from mentoring.models.people import Cover, LayWorker, Midwife, Mother, Pairing, ProtocolVersion, StandIn
from mentoring.models.plans import (
    Appointment,
    AskedBy,
    Cadence,
    ContactPlan,
    Pause,
    PlanChange,
    PlannedContact,
)

__all__ = [
    "Alert",
    "Appointment",
    "AskedBy",
    "Cadence",
    "CalendarFeed",
    "Concern",
    "Contact",
    "ContactCorrection",
    "ContactPlan",
    "Cover",
    "Duty",
    "Export",
    "ImportFile",
    "ImportJob",
    "ImportedMother",
    "LayWorker",
    "Midwife",
    "Mode",
    "Mother",
    "Outcome",
    "Pairing",
    "Pause",
    "PlanChange",
    "PlannedContact",
    "ProtocolVersion",
    "RotaShift",
    "StandIn",
    "Topic",
    "Visit",
    "Who",
]
