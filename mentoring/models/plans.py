"""The contact plan as stored: its cadences, pauses and holds, every change, the planned contacts and appointments."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from mentoring.models.people import LayWorker, Mother
from people.history import tracked
from people.models import User
from people.models.conditions import both_or_neither


class AskedBy(models.TextChoices):
    """Who asked for a change (domain.md section 3). Never why, unless she offers."""

    SHE_TO_LAY_WORKER = "she_to_lay_worker", _("she asked her lay-worker")
    SHE_TO_MIDWIFE = "she_to_midwife", _("she asked the midwife")
    SOMEONE_ELSE = "someone_else", _("someone else asked for her")
    LAY_WORKER = "lay_worker", _("the lay-worker suggested it")
    MIDWIFE = "midwife", _("the midwife decided")
    RECORD = "record", _("the record: a birth, a due date, an import")


@tracked
class ContactPlan(models.Model):
    """One mother's plan: the inputs of the pure function of domain.md section 4. Locked by every write about her plan."""

    append_only = False

    class Kind(models.TextChoices):
        PROGRAMME = "programme", _("programme")
        BEREAVEMENT = "bereavement", _("bereavement support")

    mother = models.ForeignKey(Mother, on_delete=models.PROTECT, related_name="plans")
    kind = models.CharField(
        max_length=12, choices=Kind.choices, default=Kind.PROGRAMME, help_text=_("Code of the kind of plan.")
    )
    starts_on = models.DateField(
        help_text=_("First local date on which a contact may be due: her first visit, or as agreed after a loss.")
    )
    edd = models.DateField(
        null=True, blank=True, help_text=_("Due date that the plan counts with; empty after a loss.")
    )
    born_on = models.DateField(
        null=True, blank=True, help_text=_("Birth that the plan counts with; empty until it is recorded.")
    )
    ends_on = models.DateField(help_text=_("Last local date on which a contact may be due."))
    antenatal_every_days = models.PositiveSmallIntegerField(
        help_text=_("The protocol's days between contacts until the birth.")
    )
    postnatal_every_days = models.PositiveSmallIntegerField(
        help_text=_("The protocol's days between contacts after it.")
    )
    state = models.JSONField(
        help_text=_("What rules.changes works on; cadences, pauses and the dates above are what it comes to.")
    )
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["mother", "kind"], condition=Q(closed_at__isnull=True), name="one_plan_of_a_kind"
            ),
            models.CheckConstraint(
                condition=Q(kind="bereavement") | Q(edd__isnull=False), name="a_programme_plan_has_a_due_date"
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=False) | Q(closed_by__isnull=True), name="plan_closed_by_has_its_at"
            ),
        ]

    def __str__(self) -> str:
        return f"plan {self.pk}"


@tracked
class Cadence(models.Model):
    """A rhythm and the dates it holds."""

    append_only = False

    plan = models.ForeignKey(ContactPlan, on_delete=models.PROTECT, related_name="cadences")
    position = models.PositiveSmallIntegerField(help_text=_("Place in the plan, from 0."))
    first_due_on = models.DateField(help_text=_("First due date of the rhythm."))
    every_days = models.PositiveSmallIntegerField(help_text=_("Days between its due dates, 1 to 365."))
    last_due_on = models.DateField(
        null=True, blank=True, help_text=_("Last due date; empty: up to the end of the plan.")
    )
    withdrawn_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When a change took it out; empty while it stands.")
    )

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "position"], condition=Q(withdrawn_at__isnull=True), name="one_cadence_per_place"
            ),
            models.CheckConstraint(condition=Q(every_days__range=(1, 365)), name="a_cadence_is_1_to_365_days"),
        ]

    def __str__(self) -> str:
        return f"cadence {self.pk}"


@tracked
class Pause(models.Model):
    """Days on which nothing is planned: a pause she asked for, or a hold of the kind named."""

    append_only = False

    class Kind(models.TextChoices):
        PAUSE = "pause", _("pause")
        UNREACHABLE = "unreachable", _("cannot be reached")
        BABY_IN_HOSPITAL = "baby_in_hospital", _("in hospital")
        ENDED = "ended", _("mentoring ended")
        LOSS = "loss", _("bereaved")

    plan = models.ForeignKey(ContactPlan, on_delete=models.PROTECT, related_name="pauses")
    kind = models.CharField(
        max_length=20, choices=Kind.choices, default=Kind.PAUSE, help_text=_("Code: a pause, or the kind of hold.")
    )
    from_on = models.DateField(help_text=_("First local day on which nothing is planned."))
    until_on = models.DateField(null=True, blank=True, help_text=_("First day planned again; empty while open."))
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)

    class Meta:
        ordering = ["from_on"]
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "from_on"], condition=Q(withdrawn_at__isnull=True), name="one_pause_per_first_day"
            ),
            models.CheckConstraint(
                condition=Q(until_on__isnull=True) | Q(until_on__gt=F("from_on")), name="a_pause_runs_forwards"
            ),
            models.CheckConstraint(
                condition=both_or_neither("withdrawn_at", "withdrawn_by"),
                name="pause_withdrawn_at_has_its_by",
            ),
        ]
        indexes = [
            models.Index(
                fields=["plan"],
                condition=Q(withdrawn_at__isnull=True, until_on__isnull=True) & ~Q(kind="pause"),
                name="holds_in_force",
            )
        ]

    def __str__(self) -> str:
        return f"pause {self.pk}"


@tracked
class PlanChange(models.Model):
    """One change of a plan as it was made: the day it counts from, who asked, what was and what became."""

    append_only = True

    class Kind(models.TextChoices):
        START = "start", _("plan started")
        RHYTHM = "rhythm", _("rhythm changed")
        PAUSE = "pause", _("paused")
        RESUME = "resume", _("resumed")
        HOLD = "hold", _("held")
        BIRTH = "birth", _("birth recorded")
        DUE_DATE = "due_date", _("due date changed")

    plan = models.ForeignKey(ContactPlan, on_delete=models.PROTECT, related_name="changes")
    kind = models.CharField(max_length=12, choices=Kind.choices, help_text=_("Code of what was changed."))
    on = models.DateField(help_text=_("E of domain.md section 4: the local day the change was made."))
    asked_by = models.CharField(max_length=20, choices=AskedBy.choices, help_text=_("Code of who asked."))
    asked_for = models.JSONField(default=dict, help_text=_("The request: interval, dates, kind of hold."))
    old = models.JSONField(null=True, help_text=_("The plan's state before; empty at its start."))
    new = models.JSONField(help_text=_("The plan's state after."))
    at = models.DateTimeField(help_text=_("When it was saved."))
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    client_id = models.UUIDField(null=True, blank=True, unique=True, help_text=_("Of the form: counts once."))

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"plan change {self.pk}"


class PlannedContact(models.Model):
    """One planned contact and its window, as the plan's function gives it. Withdrawn rows are kept.

    Derived from the plan, so without row history of its own. ``lay_worker`` is the paired one, kept by the pairing
    service, so that a due list needs no join.
    """

    append_only = False

    plan = models.ForeignKey(ContactPlan, on_delete=models.PROTECT, related_name="planned_contacts")
    mother = models.ForeignKey(Mother, on_delete=models.PROTECT, related_name="planned_contacts")
    lay_worker = models.ForeignKey(
        LayWorker,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
        help_text=_("Who is paired with her now; empty: nobody."),
    )
    number = models.PositiveSmallIntegerField(help_text=_("Place in the plan, from 0."))
    due_on = models.DateField(help_text=_("Local date on which the contact is due."))
    opens_on = models.DateField(help_text=_("First day of its window."))
    closes_on = models.DateField(help_text=_("First day after its window."))
    cut = models.BooleanField(default=False, help_text=_("A pause closed the window early."))
    made_on = models.DateField(null=True, blank=True, help_text=_("Local date of the contact that fulfils it."))
    fulfilled_by = models.OneToOneField(
        "mentoring.Contact",
        on_delete=models.PROTECT,
        related_name="fulfils",
        null=True,
        blank=True,
        help_text=_("The contact that made it."),
    )
    withdrawn_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When a change took it out; empty while it stands.")
    )
    withdrawn_why = models.CharField(
        max_length=12, choices=PlanChange.Kind.choices, blank=True, help_text=_("Code of the change that took it out.")
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "due_on"],
                condition=Q(withdrawn_at__isnull=True),
                name="one_planned_contact_per_due_date",
            ),
            models.CheckConstraint(
                condition=Q(opens_on__lte=F("due_on")) & Q(due_on__lt=F("closes_on")),
                name="a_due_date_lies_in_its_window",
            ),
            models.CheckConstraint(
                condition=Q(made_on__isnull=True, fulfilled_by__isnull=True)
                | Q(made_on__gte=F("opens_on"), made_on__lt=F("closes_on"), fulfilled_by__isnull=False),
                name="a_fulfilling_contact_lies_in_the_window",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True, withdrawn_why="")
                | (Q(withdrawn_at__isnull=False) & ~Q(withdrawn_why="")),
                name="a_withdrawn_planned_contact_says_why",
            ),
        ]
        indexes = [
            models.Index(
                fields=["lay_worker", "closes_on"],
                include=["mother", "plan", "number", "due_on", "opens_on"],
                condition=Q(withdrawn_at__isnull=True, made_on__isnull=True),
                name="open_planned_by_lay_worker",
            ),
            models.Index(fields=["mother", "due_on"], condition=Q(withdrawn_at__isnull=True), name="planned_by_mother"),
            models.Index(
                fields=["due_on"],
                condition=Q(withdrawn_at__isnull=True, made_on__isnull=True, lay_worker__isnull=False),
                name="open_planned_by_due_date",
            ),
        ]

    def __str__(self) -> str:
        return f"planned contact {self.pk}"


@tracked
class Appointment(models.Model):
    """An agreed time, place and mode. It belongs to a planned contact and lies in its window, or is an extra visit."""

    append_only = False

    class Mode(models.TextChoices):
        HOME_VISIT = "home_visit", _("home visit")
        PHONE = "phone", _("phone call")
        VIDEO = "video", _("video call")
        MET_ELSEWHERE = "met_elsewhere", _("meeting somewhere else")

    class Withdrawn(models.TextChoices):
        REARRANGED = "rearranged", _("another time was agreed")
        CALLED_OFF = "called_off", _("called off")
        PLAN_CHANGED = "plan_changed", _("the plan changed")
        PAIRING_ENDED = "pairing_ended", _("the pairing ended")
        LOSS = "loss", _("held")

    mother = models.ForeignKey(Mother, on_delete=models.PROTECT, related_name="appointments")
    lay_worker = models.ForeignKey(
        LayWorker, on_delete=models.PROTECT, related_name="appointments", help_text=_("With whom.")
    )
    planned_contact = models.ForeignKey(
        PlannedContact,
        on_delete=models.PROTECT,
        related_name="appointments",
        null=True,
        blank=True,
        help_text=_("Whose window it lies in; empty: an extra visit."),
    )
    starts_at = models.DateTimeField(help_text=_("The time agreed."))
    mode = models.CharField(max_length=16, choices=Mode.choices, help_text=_("Code of how they will be in touch."))
    place = models.CharField(max_length=120, blank=True, help_text=_("Restricted; in no export."))
    agreed_at = models.DateTimeField()
    agreed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    withdrawn_why = models.CharField(
        max_length=16,
        choices=Withdrawn.choices,
        blank=True,
        help_text=_("Code of why it will not take place; empty while it stands."),
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["planned_contact"],
                condition=Q(withdrawn_at__isnull=True, planned_contact__isnull=False),
                name="one_open_appointment_per_planned_contact",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True, withdrawn_by__isnull=True, withdrawn_why="")
                | (Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False) & ~Q(withdrawn_why="")),
                name="a_withdrawn_appointment_says_when_who_and_why",
            ),
        ]
        indexes = [
            models.Index(
                fields=["lay_worker", "starts_at"], condition=Q(withdrawn_at__isnull=True), name="open_appointments"
            )
        ]

    def __str__(self) -> str:
        return f"appointment {self.pk}"
