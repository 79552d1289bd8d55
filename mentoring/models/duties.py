"""What someone must do (duties), what interrupts someone (alerts), who watches when (rota), and visits that are checked."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _

from mentoring.models.contacts import Contact
from mentoring.models.people import LayWorker, Midwife, Mother
from people.history import tracked
from people.models import Loss, User
from people.models.conditions import both_or_neither


class InstantRange(Func):
    """``[a, b)`` of two columns of instants, for exclusion constraints."""

    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


@tracked
class Duty(models.Model):
    """One item of a midwife's worklist (domain.md section 7): one open at a time for a mother, or lay-worker, and reason."""

    append_only = False

    class Kind(models.TextChoices):
        INTRODUCE = "introduce", _("introduce them")
        INTRODUCE_AGAIN = "introduce_again", _("introduce again another way")
        REST_AND_DECIDE = "rest_and_decide", _("rest, then decide")
        HARD_TO_REACH = "hard_to_reach", _("hard to reach")
        TWO_MISSED = "two_missed", _("two windows missed in a row")
        SILENT = "silent", _("silent")
        BIRTH_NOT_RECORDED = "birth_not_recorded", _("birth not recorded")
        SIX_WEEK_CHECK = "six_week_check", _("six-week check with the mother")
        END_CHECK = "end_check", _("end check with the mother")
        SAFE_CONTACT_REASK = "safe_contact_reask", _("ask again what is safe")
        CONFIRM_REFUSAL = "confirm_refusal", _("confirm with her what someone else asked")
        CONFIRM_SAFELY = "confirm_safely", _("confirm with her safely")
        OPEN_PAUSE = "open_pause", _("open pause to review")
        ROLE_QUESTION = "role_question", _("is this my job?")
        RE_OFFER = "re_offer", _("offer more contact once")
        WAITING = "waiting", _("waits for a lay-worker")
        COVER_GAP = "cover_gap", _("nobody covers")
        SUPERVISION_DUE = "supervision_due", _("supervision due")
        MOOD_LOW = "mood_low", _("she may need a word")
        REPLY = "reply", _("a reply to read")
        REQUEST = "request", _("a request of hers")
        BEREAVEMENT = "bereavement", _("decide with her about support")

    class Outcome(models.TextChoices):
        DONE = "done", _("done")
        ANSWERED = "answered", _("a contact answered it")
        NOT_NEEDED = "not_needed", _("not needed any more")
        SHE_SAID_NO = "she_said_no", _("she said no")
        COULD_NOT = "could_not", _("it could not be done")

    kind = models.CharField(max_length=20, choices=Kind.choices, help_text=_("Code of the reason."))
    mother = models.ForeignKey(Mother, on_delete=models.PROTECT, related_name="duties", null=True, blank=True)
    lay_worker = models.ForeignKey(LayWorker, on_delete=models.PROTECT, related_name="duties", null=True, blank=True)
    owner = models.ForeignKey(
        Midwife,
        on_delete=models.PROTECT,
        related_name="duties",
        null=True,
        blank=True,
        help_text=_("Whose it is; empty: any midwife's."),
    )
    about_on = models.DateField(
        null=True, blank=True, help_text=_("The date that gave rise to it, for those that come once for each date.")
    )
    due_on = models.DateField(help_text=_("Local date by which it should be closed."))
    raised_at = models.DateTimeField()
    raised_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", null=True, blank=True, help_text=_("Empty: by a tick.")
    )
    text = models.TextField(blank=True, max_length=1000, help_text=_("What was asked. Restricted; in no export."))
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", null=True, blank=True, help_text=_("Empty: by a tick.")
    )
    outcome = models.CharField(max_length=12, choices=Outcome.choices, blank=True)
    note = models.TextField(blank=True, max_length=1000, help_text=_("Restricted; in no export."))

    class Meta:
        verbose_name_plural = "duties"
        constraints = [
            models.CheckConstraint(
                condition=Q(mother__isnull=False) ^ Q(lay_worker__isnull=False), name="a_duty_is_about_one"
            ),
            models.UniqueConstraint(
                fields=["mother", "kind"],
                condition=Q(closed_at__isnull=True, mother__isnull=False),
                name="one_open_duty_per_mother_and_reason",
            ),
            models.UniqueConstraint(
                fields=["lay_worker", "kind"],
                condition=Q(closed_at__isnull=True, lay_worker__isnull=False),
                name="one_open_duty_per_lay_worker_and_reason",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, closed_by__isnull=True, outcome="")
                | (Q(closed_at__isnull=False) & ~Q(outcome="")),
                name="a_closed_duty_says_when_and_what_came_of_it",
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "due_on", "id"], condition=Q(closed_at__isnull=True), name="open_duties"),
            models.Index(fields=["mother", "kind", "-id"], name="duties_of_a_mother"),
        ]

    def __str__(self) -> str:
        return f"duty {self.pk}"


@tracked
class RotaShift(models.Model):
    """Who answers alerts out of hours from one instant to another, and the named second. Never two at once."""

    append_only = False

    starts_at = models.DateTimeField(help_text=_("First instant of hers."))
    ends_at = models.DateTimeField(help_text=_("First instant that is not hers."))
    on_duty = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    second = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(starts_at__lt=F("ends_at")), name="a_shift_runs_forwards"),
            models.CheckConstraint(condition=~Q(on_duty=F("second")), name="the_second_is_someone_else"),
            models.CheckConstraint(
                condition=both_or_neither("withdrawn_at", "withdrawn_by"), name="shift_withdrawn_at_has_its_by"
            ),
            ExclusionConstraint(
                name="one_shift_at_a_time",
                expressions=[(InstantRange("starts_at", "ends_at"), RangeOperators.OVERLAPS)],
                condition=Q(withdrawn_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"shift {self.pk}"


@tracked
class Visit(models.Model):
    """A lay-worker alone at a mother's home: begun, expected to end, ended. Overdue, others are told step by step."""

    append_only = False

    client_id = models.UUIDField(unique=True, help_text=_("Of the form that began it: counts once."))
    mother = models.ForeignKey(Mother, on_delete=models.PROTECT, related_name="visits")
    lay_worker = models.ForeignKey(LayWorker, on_delete=models.PROTECT, related_name="visits")
    started_at = models.DateTimeField()
    started_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    expected_end_at = models.DateTimeField(help_text=_("Moved 30 minutes by one tap."))
    expected_end_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(null=True, blank=True, help_text=_("When she was asked whether she is well."))
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["lay_worker"], condition=Q(ended_at__isnull=True), name="one_visit_at_a_time"
            ),
            models.CheckConstraint(condition=both_or_neither("ended_at", "ended_by"), name="visit_ended_at_has_its_by"),
        ]
        indexes = [
            models.Index(fields=["expected_end_at"], condition=Q(ended_at__isnull=True), name="visits_under_way")
        ]

    def __str__(self) -> str:
        return f"visit {self.pk}"


@tracked
class Alert(models.Model):
    """What interrupts: held by one person, passed on where it is not acknowledged, closed with an outcome (section 7)."""

    append_only = False

    class Kind(models.TextChoices):
        CONCERN_TODAY = "concern_today", _("a concern, today")
        CONCERN_EMERGENCY = "concern_emergency", _("a concern, an emergency")
        PLEASE_RING_ME = "please_ring_me", _("please ring me")
        NOT_SAFE = "not_safe_to_talk", _("not safe to talk")
        LOSS = "loss", _("a loss")
        OVERDUE_VISIT = "overdue_visit", _("an overdue visit")

    class Step(models.IntegerChoices):
        FIRST = 0, _("midwife or duty")
        SECOND = 1, _("second")
        LEAD = 2, _("programme lead")
        PROCEDURE = 3, _("written procedure")

    class Outcome(models.TextChoices):
        DONE = "done", _("dealt with")
        PASSED_ON = "passed_on", _("passed to another service")
        FALSE_ALARM = "false_alarm", _("a false alarm")

    kind = models.CharField(max_length=20, choices=Kind.choices)
    mother = models.ForeignKey(Mother, on_delete=models.PROTECT, related_name="alerts")
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="alerts", null=True, blank=True)
    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="alerts", null=True, blank=True)
    loss = models.ForeignKey(Loss, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    raised_at = models.DateTimeField()
    raised_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", null=True, blank=True, help_text=_("Empty: by a tick.")
    )
    step = models.PositiveSmallIntegerField(choices=Step.choices, default=Step.FIRST)
    step_at = models.DateTimeField(help_text=_("Since when it stands at this step."))
    holder = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", null=True, blank=True, help_text=_("Empty: nobody watches.")
    )
    told = ArrayField(
        models.BigIntegerField(), default=list, blank=True, help_text=_("Keys of those it came to, in order.")
    )
    client_id = models.UUIDField(
        null=True, blank=True, unique=True, help_text=_("Of the form that raised it: counts once.")
    )
    text = models.TextField(blank=True, max_length=1000, help_text=_("What was said. Restricted; in no export."))
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    outcome = models.CharField(max_length=12, choices=Outcome.choices, blank=True)
    note = models.TextField(blank=True, max_length=1000, help_text=_("Restricted; in no export."))

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=both_or_neither("acknowledged_at", "acknowledged_by"),
                name="alert_acknowledged_at_has_its_by",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, closed_by__isnull=True, outcome="")
                | (Q(closed_at__isnull=False, closed_by__isnull=False) & ~Q(outcome="")),
                name="a_closed_alert_says_when_who_and_what_came_of_it",
            ),
            models.UniqueConstraint(
                fields=["contact", "kind"],
                condition=Q(contact__isnull=False, closed_at__isnull=True),
                name="one_open_alert_per_entry_and_kind",
            ),
            models.UniqueConstraint(
                fields=["visit"],
                condition=Q(visit__isnull=False, closed_at__isnull=True),
                name="one_open_alert_per_visit",
            ),
        ]
        indexes = [
            models.Index(
                fields=["step_at"],
                condition=Q(closed_at__isnull=True, acknowledged_at__isnull=True),
                name="alerts_unacknowledged",
            ),
            models.Index(
                fields=["holder", "mother"], condition=Q(closed_at__isnull=True), name="open_alerts_by_holder"
            ),
        ]

    def __str__(self) -> str:
        return f"alert {self.pk}"


@tracked
class CalendarFeed(models.Model):
    """The secret address of one person's calendar, as its hash alone; revoked, it answers no more."""

    append_only = False

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    token_hash = models.CharField(max_length=64, unique=True, help_text=_("SHA-256 of the secret part of the address."))
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user"], condition=Q(revoked_at__isnull=True), name="one_feed_a_person"),
            models.CheckConstraint(
                condition=both_or_neither("revoked_at", "revoked_by"), name="feed_revoked_at_has_its_by"
            ),
        ]

    def __str__(self) -> str:
        return f"feed {self.pk}"
