"""Lay-workers, midwives, mothers, and who is with whom from when to when."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _

from people.history import tracked
from people.models import Locality, Person, User
from people.models.conditions import both_or_neither


class DateRange(Func):
    """``[a, b)`` of two date columns, for exclusion constraints."""

    function = "DATERANGE"
    output_field = DateRangeField()


@tracked
class ProtocolVersion(models.Model):
    """One version of the protocol's settings; the latest is in force, a mother keeps the one she was registered under."""

    append_only = True

    antenatal_every_days = models.PositiveSmallIntegerField(
        _("days between contacts before the birth"), help_text=_("Interval of the plan until the birth, in days.")
    )
    postnatal_every_days = models.PositiveSmallIntegerField(
        _("days between contacts after the birth"), help_text=_("Interval from seven days after the birth, in days.")
    )
    mothers_per_lay_worker = models.PositiveSmallIntegerField(
        _("most mothers to a lay-worker"), help_text=_("Registry entry: 15 to 18.")
    )
    calendar_feeds = models.BooleanField(
        _("calendar feeds for staff"), default=False, help_text=_("Whether staff may have a secret calendar address.")
    )
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", null=True, blank=True, help_text=_("Empty for the first.")
    )
    reason = models.CharField(_("reason"), max_length=300, help_text=_("Why the settings were changed; restricted."))

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(antenatal_every_days__range=(1, 365)) & Q(postnatal_every_days__range=(1, 365)),
                name="protocol_intervals_are_1_to_365_days",
            )
        ]

    def __str__(self) -> str:
        return f"protocol version {self.pk}"


@tracked
class Midwife(models.Model):
    """A midwife who introduces, supervises, pairs and arranges cover."""

    append_only = False

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="midwife")
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)

    def __str__(self) -> str:
        return f"midwife {self.pk}"


@tracked
class StandIn(models.Model):
    """A midwife who answers for another while she is away, from a day up to but not including another."""

    append_only = False

    midwife = models.ForeignKey(
        Midwife, on_delete=models.PROTECT, related_name="stands_in", help_text=_("Who stands in.")
    )
    stands_in_for = models.ForeignKey(
        Midwife, on_delete=models.PROTECT, related_name="stood_in_by", help_text=_("Who is away.")
    )
    starts_on = models.DateField(help_text=_("First local day on which she stands in."))
    ends_on = models.DateField(help_text=_("First day on which she no longer stands in."))
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(midwife=F("stands_in_for")), name="nobody_stands_in_for_herself"),
            models.CheckConstraint(condition=Q(starts_on__lt=F("ends_on")), name="stand_in_runs_forwards"),
        ]

    def __str__(self) -> str:
        return f"stand-in {self.pk}"


@tracked
class LayWorker(models.Model):
    """A trained peer from the same streets: her languages, the hours she offers, who supervises her."""

    append_only = False

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="lay_worker")
    supervisor = models.ForeignKey(
        Midwife, on_delete=models.PROTECT, related_name="lay_workers", help_text=_("The midwife who supervises her.")
    )
    locality = models.ForeignKey(Locality, on_delete=models.PROTECT, related_name="+")
    languages = ArrayField(
        models.CharField(max_length=40), default=list, help_text=_("Languages she speaks with mothers.")
    )
    weekly_hours = models.DecimalField(
        max_digits=4, decimal_places=1, default=6, help_text=_("Hours a week she offers.")
    )
    left_on = models.DateField(null=True, blank=True, help_text=_("First day on which she takes no more mothers."))
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)

    def __str__(self) -> str:
        return f"lay-worker {self.pk}"


@tracked
class Mother(models.Model):
    """A woman in the programme. Who she is lies with her Person; this row knows nothing of a trial."""

    append_only = False

    person = models.OneToOneField(Person, on_delete=models.PROTECT, related_name="mother")
    programme_code = models.CharField(
        _("programme code"), max_length=16, unique=True, help_text=_("Unrelated to any study number.")
    )
    starts_on = models.DateField(_("first hospital antenatal visit"), help_text=_("Where her plan begins."))
    protocol = models.ForeignKey(
        ProtocolVersion,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("The version in force when she was registered."),
    )
    midwife = models.ForeignKey(
        Midwife,
        on_delete=models.PROTECT,
        related_name="mothers",
        null=True,
        blank=True,
        help_text=_(
            "Who answers for her: the supervisor of her lay-worker, kept by the pairing service. Empty: any midwife."
        ),
    )
    offered_from = models.DateField(
        null=True, blank=True, help_text=_("Start of the first pairing, or where an imported caseload's records begin.")
    )
    registered_at = models.DateTimeField()
    registered_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", null=True, blank=True, help_text=_("Empty: by a tick.")
    )
    client_id = models.UUIDField(
        null=True, blank=True, unique=True, help_text=_("Of the form that registered her: counts once.")
    )

    def __str__(self) -> str:
        return f"mother {self.pk}"


@tracked
class Pairing(models.Model):
    """A mother and a lay-worker, from a local date on. One at a time for a mother."""

    append_only = False

    class EndReason(models.TextChoices):
        SHE_ASKED = "she_asked", _("she asked for another lay-worker")
        LAY_WORKER_ASKED = "lay_worker_asked", _("the lay-worker asked")
        LAY_WORKER_LEFT = "lay_worker_left", _("the lay-worker left")
        MOVED = "moved", _("one of them moved away")
        KNEW_EACH_OTHER = "knew_each_other", _("they know each other")
        MIDWIFE = "midwife", _("the midwife decided")
        ENDED = "ended", _("mentoring ended")

    class IntroducedHow(models.TextChoices):
        CLINIC = "clinic", _("together at the clinic")
        JOINT_CALL = "joint_call", _("on the telephone, all three")
        AGREED_TIME = "agreed_time", _("she agreed a time and a number")

    mother = models.ForeignKey(Mother, on_delete=models.PROTECT, related_name="pairings")
    lay_worker = models.ForeignKey(LayWorker, on_delete=models.PROTECT, related_name="pairings")
    starts_on = models.DateField(help_text=_("First local day of the pairing; a contact of that day counts."))
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    introduced_on = models.DateField(null=True, blank=True, help_text=_("When the midwife introduced them."))
    introduced_how = models.CharField(
        max_length=20, choices=IntroducedHow.choices, blank=True, help_text=_("Code of how; empty until it is done.")
    )
    introduced_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True, help_text=_("Local date of its end; not included."))
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    end_reason = models.CharField(
        max_length=20, choices=EndReason.choices, blank=True, help_text=_("Code of why it ended; empty while it lasts.")
    )

    class Meta:
        constraints = [
            ExclusionConstraint(
                name="one_pairing_at_a_time",
                expressions=[
                    ("mother", RangeOperators.EQUAL),
                    (DateRange("starts_on", "ends_on"), RangeOperators.OVERLAPS),
                ],
            ),
            models.UniqueConstraint(fields=["mother"], condition=Q(ended_at__isnull=True), name="one_open_pairing"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by__isnull=True, ends_on__isnull=True, end_reason="")
                | (Q(ended_at__isnull=False, ended_by__isnull=False, ends_on__gte=F("starts_on")) & ~Q(end_reason="")),
                name="an_ended_pairing_says_when_who_and_why",
            ),
        ]
        indexes = [
            models.Index(fields=["lay_worker", "mother"], condition=Q(ended_at__isnull=True), name="open_pairings"),
            models.Index(fields=["lay_worker", "ended_at"], name="pairings_by_end"),
        ]

    def __str__(self) -> str:
        return f"pairing {self.pk}"


@tracked
class Cover(models.Model):
    """Another lay-worker keeps in touch with a mother from a day up to but not including another."""

    append_only = False

    mother = models.ForeignKey(Mother, on_delete=models.PROTECT, related_name="covers")
    lay_worker = models.ForeignKey(LayWorker, on_delete=models.PROTECT, related_name="covers")
    starts_on = models.DateField(help_text=_("First local day on which she covers."))
    ends_on = models.DateField(help_text=_("First day on which she no longer covers."))
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    cancelled_at = models.DateTimeField(null=True, blank=True, help_text=_("When it was called off or cut short."))
    cancelled_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)

    class Meta:
        constraints = [
            ExclusionConstraint(
                name="one_cover_at_a_time",
                expressions=[
                    ("mother", RangeOperators.EQUAL),
                    (DateRange("starts_on", "ends_on"), RangeOperators.OVERLAPS),
                ],
                condition=Q(cancelled_at__isnull=True),
            ),
            models.CheckConstraint(condition=Q(starts_on__lt=F("ends_on")), name="cover_runs_forwards"),
            models.CheckConstraint(
                condition=both_or_neither("cancelled_at", "cancelled_by"),
                name="cover_cancelled_at_has_its_by",
            ),
        ]
        indexes = [
            models.Index(
                fields=["lay_worker", "starts_on", "ends_on"],
                condition=Q(cancelled_at__isnull=True),
                name="covers_by_lay_worker",
            )
        ]

    def __str__(self) -> str:
        return f"cover {self.pk}"
