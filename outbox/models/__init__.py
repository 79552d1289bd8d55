"""Messages on their way. The row is the truth; nothing of what is said is kept in it."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from people.history import tracked
from people.models import Person, User

__all__ = ["Inbound", "JobRun", "Message", "Preference", "QuietDay"]


class Message(models.Model):
    """One message to one recipient by one channel (domain.md section 7). Its words are composed when it is handed over."""

    append_only = False

    class Channel(models.TextChoices):
        EMAIL = "email", _("e-mail")
        IN_APP = "in_app", _("in the app")
        TEXT = "text", _("text message")

    class Status(models.TextChoices):
        QUEUED = "queued", _("queued")
        HELD = "held", _("held")
        CLAIMED = "claimed", _("claimed")
        HANDING_OVER = "handing_over", _("handing over")
        SENT = "sent", _("sent")
        DELIVERED = "delivered", _("delivered")
        NEEDS_A_PERSON = "needs_a_person", _("needs a person")
        CANCELLED = "cancelled", _("cancelled")
        EXPIRED = "expired", _("expired")
        FAILED = "failed", _("failed")

    reference = models.UUIDField(default=uuid.uuid4, unique=True, help_text=_("What the carrier is asked by."))
    kind = models.CharField(max_length=40, help_text=_("Code of the kind, from the registry."))
    subject = models.ForeignKey(
        Person, on_delete=models.PROTECT, related_name="+", null=True, blank=True, help_text=_("Whom it is about.")
    )
    subject_due_on = models.DateField(
        null=True, blank=True, help_text=_("Due date of the planned contact it is about, where it is about one.")
    )
    about = models.CharField(
        max_length=40,
        blank=True,
        default="",
        help_text=_("Key of what else it is about, an alert and its step, so that two of one day are two messages."),
    )
    recipient_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        help_text=_("Who gets it, of the staff."),
    )
    recipient_person = models.ForeignKey(
        Person,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        help_text=_("Who gets it, of the mothers."),
    )
    channel = models.CharField(max_length=10, choices=Channel.choices, help_text=_("Code of the way it goes."))
    nominal_on = models.DateField(help_text=_("Local date it is meant for; part of what makes it unique."))
    due_at = models.DateTimeField(help_text=_("When it may go at the earliest; moved on when a carrier is away."))
    expires_at = models.DateTimeField(help_text=_("From when it is of no use and does not go."))
    status = models.CharField(
        max_length=16,
        choices=Status.choices,
        default=Status.QUEUED,
        help_text=_("Code of where it stands; which may follow which is in outbox/rules/transitions."),
    )
    status_at = models.DateTimeField(help_text=_("Since when it has stood there."))
    why = models.CharField(max_length=40, blank=True, help_text=_("Code: why cancelled, failed or held."))
    lease_until = models.DateTimeField(
        null=True, blank=True, help_text=_("Until when a worker holds it; past that, the worker has died.")
    )
    tries = models.PositiveSmallIntegerField(default=0, help_text=_("How often it could not be handed over."))
    created_at = models.DateTimeField(help_text=_("When it was written."))
    sent_at = models.DateTimeField(null=True, blank=True, help_text=_("When its carrier took it."))
    carrier_reference = models.CharField(
        max_length=64, blank=True, default="", help_text=_("What the carrier calls it, for its receipts.")
    )
    delivered_at = models.DateTimeField(null=True, blank=True, help_text=_("When the carrier said it had arrived."))
    read_at = models.DateTimeField(null=True, blank=True, help_text=_("When it was opened in the app."))
    detail = models.JSONField(default=dict, blank=True, help_text=_("Codes and keys that the kind needs; never words."))

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "kind",
                    "subject",
                    "subject_due_on",
                    "about",
                    "recipient_user",
                    "recipient_person",
                    "channel",
                    "nominal_on",
                ],
                # One that a person dismissed keeps its place: a top-up must not write it again.
                condition=~Q(status="cancelled") | Q(why="dismissed"),
                nulls_distinct=False,
                name="one_message_per_kind_subject_recipient_and_day",
            ),
            models.CheckConstraint(
                condition=Q(recipient_user__isnull=False) ^ Q(recipient_person__isnull=False),
                name="a_message_has_one_recipient",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["claimed", "handing_over"]) | Q(lease_until__isnull=False),
                name="a_claim_has_a_lease",
            ),
        ]
        indexes = [
            models.Index(
                fields=["channel", "due_at", "id"], condition=Q(status="queued"), name="messages_queued_by_due"
            ),
            models.Index(
                fields=["channel", "due_at"], condition=Q(status="queued", tries__gt=0), name="messages_tried_again"
            ),
            models.Index(
                fields=["lease_until"], condition=Q(status__in=["claimed", "handing_over"]), name="messages_leased"
            ),
            models.Index(
                fields=["subject", "kind", "subject_due_on"],
                condition=Q(status__in=["queued", "held", "claimed"]),
                name="messages_open_by_subject",
            ),
            models.Index(
                fields=["recipient_user", "-sent_at"],
                condition=Q(channel="in_app", status__in=["sent", "delivered"]),
                name="messages_in_the_app",
            ),
            models.Index(
                fields=["status", "-status_at", "-id"],
                include=["channel"],
                condition=Q(status__in=["held", "needs_a_person", "failed", "expired"]),
                name="messages_standing_still",
            ),
        ]

    def __str__(self) -> str:
        return f"message {self.pk}"


@tracked
class Preference(models.Model):
    """What one person wants of one kind by one channel, where that is not as usual."""

    append_only = False

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=40, help_text=_("Code of the kind, from the registry."))
    channel = models.CharField(max_length=10, choices=Message.Channel.choices)
    wanted = models.BooleanField(help_text=_("False where she does not want it."))
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "channel"], name="one_preference_per_kind_and_channel")
        ]

    def __str__(self) -> str:
        return f"preference {self.pk}"


@tracked
class QuietDay(models.Model):
    """A local date on which a member of staff is sent nothing that can wait."""

    append_only = False

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="quiet_days")
    on = models.DateField(help_text=_("Local date."))
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "on"], name="one_quiet_day_per_person_and_date")]

    def __str__(self) -> str:
        return f"quiet day {self.pk}"


@tracked
class Inbound(models.Model):
    """What came back from a telephone: kept, restricted, never answered by machine (domain.md section 6)."""

    append_only = False

    carrier_reference = models.CharField(max_length=64, unique=True, help_text=_("The carrier's: counts once."))
    from_number = models.CharField(max_length=20, db_index=True, help_text=_("E.164."))
    person = models.ForeignKey(
        Person, on_delete=models.PROTECT, related_name="+", null=True, blank=True, help_text=_("Whose number it is.")
    )
    text = models.TextField(help_text=_("Restricted; in no export."))
    is_stop = models.BooleanField(default=False, help_text=_("She asked for silence."))
    received_at = models.DateTimeField(help_text=_("When it came in."))

    class Meta:
        verbose_name_plural = "inbound"

    def __str__(self) -> str:
        return f"inbound {self.pk}"


class JobRun(models.Model):
    """When a tick last began, last ended well, and last failed. One row a job, so without row history."""

    append_only = False

    name = models.CharField(max_length=60, unique=True, help_text=_("As the table of jobs calls it."))
    started_at = models.DateTimeField(help_text=_("When it last began."))
    finished_at = models.DateTimeField(null=True, blank=True, help_text=_("When it last ended well."))
    failed_at = models.DateTimeField(null=True, blank=True, help_text=_("When it last failed."))
    error = models.CharField(max_length=60, blank=True, help_text=_("Name of the error alone."))
    count = models.IntegerField(default=0, help_text=_("How many it dealt with."))

    def __str__(self) -> str:
        return f"job {self.pk}"
