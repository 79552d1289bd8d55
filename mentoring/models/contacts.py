"""The log: every try is an attempt; one that reaches her is a contact. Nothing is deleted, entries are voided."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from mentoring.models.people import LayWorker, Mother
from people.history import tracked
from people.models import User


class Mode(models.TextChoices):
    HOME_VISIT = "home_visit", _("home visit")
    PHONE = "phone", _("phone call")
    VIDEO = "video", _("video call")
    TEXT = "text", _("text message")
    MET_ELSEWHERE = "met_elsewhere", _("met somewhere else")
    MET_BY_CHANCE = "met_by_chance", _("met by chance")


class Outcome(models.TextChoices):
    REACHED = "reached", _("reached")
    NO_ANSWER = "no_answer", _("no answer")
    VOICEMAIL_LEFT = "voicemail_left", _("voicemail left")
    TEXT_NO_REPLY = "text_no_reply", _("text sent, no reply")
    SOMEONE_ELSE = "someone_else", _("someone else answered")
    WRONG_NUMBER = "wrong_number", _("wrong number")
    NOT_IN_SERVICE = "not_in_service", _("number not in service")
    NOT_IN = "not_in", _("not in")
    MOVED = "moved", _("moved")
    SHE_REARRANGED = "she_rearranged", _("she asked to rearrange")
    LAY_WORKER_REARRANGED = "lay_worker_rearranged", _("I had to rearrange")
    DECLINED_TODAY = "declined_today", _("she said not today")
    NOT_SAFE = "not_safe", _("not safe to talk")


class Who(models.TextChoices):
    PARTNER = "partner", _("partner")
    HER_MOTHER = "her_mother", _("her mother")
    OTHER_FAMILY = "other_family", _("other family")
    FRIEND = "friend", _("friend")
    OTHER = "other", _("someone else")


class Concern(models.TextChoices):
    NONE = "none", _("no")
    ROUTINE = "routine", _("yes, for our next talk")
    TODAY = "today", _("yes, today")
    EMERGENCY = "emergency", _("yes, an emergency")


class Topic(models.TextChoices):
    FEEDING = "feeding", _("feeding")
    SLEEP = "sleep", _("sleep")
    HEALTH = "health", _("her health")
    BABY_HEALTH = "baby_health", _("the baby's health")
    MOOD = "mood", _("how she feels")
    APPOINTMENTS = "appointments", _("clinic appointments")
    LABOUR = "labour", _("labour and birth")
    MONEY = "money", _("money and benefits")
    HOUSING = "housing", _("housing")
    FAMILY = "family", _("family and partner")
    SMOKING = "smoking", _("smoking, alcohol, drugs")
    PLAY = "play", _("play and talking with the baby")
    GOING_OUT = "going_out", _("groups and going out")
    WORK = "work", _("work and study")
    OTHER = "other", _("something else")


@tracked
class Contact(models.Model):
    """One log entry of domain.md section 5: an attempt, and a contact where it reached her."""

    append_only = False

    class InitiatedBy(models.TextChoices):
        LAY_WORKER = "lay_worker", _("I did")
        MOTHER = "mother", _("she did")
        OTHER = "other", _("someone else")

    client_id = models.UUIDField(
        unique=True, help_text=_("Made where the entry was typed: counts once however often it arrives.")
    )
    client_digest = models.CharField(max_length=64, blank=True, help_text=_("SHA-256 of what was sent under that id."))
    mother = models.ForeignKey(Mother, on_delete=models.PROTECT, related_name="contacts", db_index=False)
    lay_worker = models.ForeignKey(
        LayWorker, on_delete=models.PROTECT, related_name="contacts", help_text=_("Who tried.")
    )
    happened_at = models.DateTimeField(help_text=_("When the attempt was made."))
    happened_on = models.DateField(help_text=_("Its local date (Europe/London)."))
    entered_at = models.DateTimeField(help_text=_("When it was entered."))
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    mode = models.CharField(
        _("how"), max_length=16, choices=Mode.choices, help_text=_("Code of how the attempt was made.")
    )
    initiated_by = models.CharField(
        _("who started it"),
        max_length=12,
        choices=InitiatedBy.choices,
        default=InitiatedBy.LAY_WORKER,
        help_text=_("Code of who started it."),
    )
    outcome = models.CharField(
        _("what happened"), max_length=24, choices=Outcome.choices, help_text=_("Code of what came of it.")
    )
    completed = models.BooleanField(default=False, help_text=_("Reached by a mode that fulfils a planned contact."))
    influence_asked = models.BooleanField(
        default=False, help_text=_("Whether anyone helping or hindering was asked about.")
    )
    helped_by = ArrayField(
        models.CharField(max_length=16, choices=Who.choices),
        default=list,
        blank=True,
        help_text=_("Codes of those who helped; counts only where it was asked."),
    )
    hindered_by = ArrayField(
        models.CharField(max_length=16, choices=Who.choices),
        default=list,
        blank=True,
        help_text=_("Codes of those who hindered; counts only where it was asked."),
    )
    minutes = models.PositiveSmallIntegerField(
        _("minutes"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(720)],
        help_text=_("Length of the contact, 1 to 720; asked where it reached her."),
    )
    present = ArrayField(
        models.CharField(max_length=16, choices=Who.choices),
        null=True,
        blank=True,
        help_text=_("Who else was there; empty list: nobody."),
    )
    concern = models.CharField(
        _("a concern"),
        max_length=10,
        choices=Concern.choices,
        blank=True,
        help_text=_("Code of how soon someone must act; empty: not asked."),
    )
    role_explained = models.BooleanField(
        _("role explained"), null=True, blank=True, help_text=_("Empty: not asked this time.")
    )
    role_read_back = models.BooleanField(
        _("role read back by her"),
        null=True,
        blank=True,
        help_text=_("She said it in her own words. Empty: not asked this time."),
    )
    language = models.CharField(
        _("language spoken"),
        max_length=40,
        blank=True,
        help_text=_("As typed; asked where her sheet names another than English."),
    )
    interpreter = models.BooleanField(_("interpreter present"), null=True, blank=True, help_text=_("Empty: not asked."))
    travel_minutes = models.PositiveSmallIntegerField(
        _("travel, minutes"), null=True, blank=True, help_text=_("There and back; asked of visits.")
    )
    travel_miles = models.DecimalField(
        _("travel, miles"),
        max_digits=5,
        decimal_places=1,
        null=True,
        blank=True,
        help_text=_("There and back; asked of visits."),
    )
    topics = ArrayField(
        models.CharField(max_length=16, choices=Topic.choices),
        default=list,
        blank=True,
        help_text=_("Codes of what was talked about; empty: none named."),
    )
    own_experience_shared = models.BooleanField(
        _("shared my own experience"), null=True, blank=True, help_text=_("Empty: not said.")
    )
    engagement = models.PositiveSmallIntegerField(
        _("engagement as you felt it"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(5)],
        help_text=_("1 is hardly, 5 is very much, as the lay-worker felt it; empty: not said."),
    )
    offered = models.CharField(_("offered"), max_length=200, blank=True, help_text=_("Restricted; in no export."))
    taken_up = models.BooleanField(
        _("taken up"), null=True, blank=True, help_text=_("Whether what was offered was taken up; empty: not said.")
    )
    note = models.TextField(_("note"), blank=True, max_length=4000, help_text=_("Restricted; in no export."))
    feeling = models.PositiveSmallIntegerField(
        _("how are you after that"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(5)],
        help_text=_("For her midwife and herself; never in a view of performance."),
    )
    please_ring_me = models.BooleanField(
        _("please ring me"),
        default=False,
        help_text=_("She asked her own midwife to ring her; never in a view of performance."),
    )
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    voided_reason = models.CharField(
        max_length=300, blank=True, help_text=_("Why the entry was taken back; restricted.")
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(voided_at__isnull=True, voided_by__isnull=True, voided_reason="")
                | (Q(voided_at__isnull=False, voided_by__isnull=False) & ~Q(voided_reason="")),
                name="a_voided_entry_says_when_who_and_why",
            ),
            models.CheckConstraint(
                condition=Q(influence_asked=True) | Q(helped_by=[], hindered_by=[]), name="not_asked_is_not_no"
            ),
            models.CheckConstraint(
                condition=Q(completed=False)
                | Q(outcome="reached", mode__in=["home_visit", "phone", "video", "met_elsewhere", "text"]),
                name="a_completed_contact_reached_her",
            ),
            models.CheckConstraint(
                condition=Q(engagement__isnull=True) | Q(engagement__range=(1, 5)), name="engagement_is_1_to_5"
            ),
            models.CheckConstraint(
                condition=Q(feeling__isnull=True) | Q(feeling__range=(1, 5)), name="feeling_is_1_to_5"
            ),
        ]
        indexes = [
            models.Index(fields=["mother", "-happened_at", "-id"], name="contacts_of_a_mother"),
            models.Index(
                fields=["mother", "happened_on"],
                condition=Q(completed=True, voided_at__isnull=True),
                name="completed_contacts",
            ),
            models.Index(fields=["lay_worker", "-happened_at", "-id"], name="contacts_of_a_lay_worker"),
        ]

    def __str__(self) -> str:
        return f"contact {self.pk}"


@tracked
class ContactCorrection(models.Model):
    """What an entry said before it was corrected, by whom, when and why. Both dates of the entry stay."""

    append_only = True

    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="corrections")
    was = models.JSONField(help_text=_("The fields changed, as they were."))
    reason = models.CharField(max_length=300, help_text=_("Why it was corrected; restricted."))
    at = models.DateTimeField(help_text=_("When it was corrected."))
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"correction {self.pk}"
