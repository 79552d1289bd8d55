"""A woman's identity, how to reach her safely, her pregnancy, babies and losses: the same in both arms of the trial."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from people.history import tracked
from people.models.conditions import both_or_neither
from people.models.gate import Gate
from people.models.user import User


@tracked
class Locality(models.Model):
    """An area of the programme; lay-workers and mothers come from the same one."""

    append_only = False

    name = models.CharField(_("name"), max_length=80, unique=True)
    is_active = models.BooleanField(_("in use"), default=True)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "localities"

    def __str__(self) -> str:
        return self.name


@tracked
class Person(models.Model):
    """One woman, in whichever arm. Mother and Participant each point here; nothing here says which."""

    append_only = False

    first_name = models.CharField(_("first name"), max_length=80)
    family_name = models.CharField(_("family name"), max_length=80)
    name_to_use = models.CharField(
        _("name to use"), max_length=80, help_text=_("What she wants to be called, also on the telephone.")
    )
    date_of_birth = models.DateField(
        _("date of birth"), null=True, blank=True, help_text=_("Empty where she did not give it.")
    )
    address = models.TextField(_("address"), blank=True, help_text=_("Where she lives, as she gives it."))
    locality = models.ForeignKey(Locality, on_delete=models.PROTECT, related_name="+")
    language = models.CharField(
        _("language"),
        max_length=40,
        default="English",
        help_text=_("The language she wants to be spoken to in, as typed."),
    )
    interpreter_needed = models.BooleanField(_("needs an interpreter"), default=False)
    died_on = models.DateField(null=True, blank=True, help_text=_("Local date of her death, where it is known."))
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    gate = models.OneToOneField(Gate, on_delete=models.PROTECT, related_name="+", editable=False)

    def __str__(self) -> str:
        return f"person {self.pk}"


@tracked
class PhoneNumber(models.Model):
    """One number of hers, and what she said is safe with it. Nothing is safe until she says so (domain.md section 6)."""

    append_only = False

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="phone_numbers")
    number = models.CharField(_("number"), max_length=20, db_index=True, help_text=_("E.164, with country code."))
    position = models.PositiveSmallIntegerField(default=0, help_text=_("0 is the number to try first."))
    safe_to_call = models.BooleanField(_("safe to call"), default=False)
    safe_to_text = models.BooleanField(_("safe to text"), default=False)
    safe_voicemail = models.BooleanField(_("safe to leave a voicemail"), default=False)
    retired_at = models.DateTimeField(null=True, blank=True, help_text=_("When the number was taken out of use."))
    retired_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "number"], condition=Q(retired_at__isnull=True), name="one_number_once_per_person"
            ),
            models.CheckConstraint(
                condition=both_or_neither("retired_at", "retired_by"), name="number_retired_at_has_its_by"
            ),
        ]

    def __str__(self) -> str:
        return f"number {self.pk}"


@tracked
class SafeContact(models.Model):
    """Her safe-contact sheet as last asked: when, by whom, and what to do (domain.md section 6)."""

    append_only = False

    class LivesWith(models.TextChoices):
        PARTNER = "partner", _("partner")
        HER_MOTHER = "her_mother", _("her mother")
        OTHER_FAMILY = "other_family", _("other family")
        FRIENDS = "friends", _("friends")
        HOSTEL = "hostel", _("hostel or supported housing")
        ALONE = "alone", _("lives alone")
        OTHER = "other", _("someone else")

    person = models.OneToOneField(Person, on_delete=models.PROTECT, related_name="safe_contact")
    asked_on = models.DateField(
        _("asked on"), null=True, blank=True, help_text=_("Empty: never asked, so nothing is safe.")
    )
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    was_alone = models.BooleanField(
        _("she was alone when asked"), null=True, blank=True, help_text=_("Empty: not noted.")
    )
    if_someone_else_answers = models.CharField(
        _("what to say if someone else answers"),
        max_length=300,
        blank=True,
        help_text=_("What she wants said to another person; empty: say nothing."),
    )
    number_she_will_see = models.CharField(_("the number she will see"), max_length=60, blank=True)
    what_to_do = models.TextField(
        _("what to do"), max_length=600, blank=True, help_text=_("Shown to the lay-worker above every call button.")
    )
    lives_with = ArrayField(
        models.CharField(max_length=20, choices=LivesWith.choices),
        default=list,
        blank=True,
        help_text=_("Codes, for midwife and trial office alone."),
    )
    texts_opted_in = models.BooleanField(
        _("wants text messages"), default=False, help_text=_("True once she has asked for text messages.")
    )
    card_is_safe = models.BooleanField(_("safe to keep a card"), default=False)
    suspended_at = models.DateTimeField(
        null=True, blank=True, help_text=_("Not safe to talk was said: nothing is safe until she renews it.")
    )
    suspended_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=both_or_neither("suspended_at", "suspended_by"),
                name="safe_contact_suspended_at_has_its_by",
            ),
        ]

    def __str__(self) -> str:
        return f"safe contact {self.pk}"


@tracked
class SafeTime(models.Model):
    """Hours at which she may be rung, on some days of the week. None at all: ordinary hours, never the night."""

    append_only = False

    safe_contact = models.ForeignKey(SafeContact, on_delete=models.CASCADE, related_name="safe_times")
    weekdays = ArrayField(models.PositiveSmallIntegerField(), help_text=_("1 is Monday, 7 is Sunday."))
    from_time = models.TimeField(_("from"), help_text=_("Local time of day, included."))
    to_time = models.TimeField(_("to"), help_text=_("Local time of day, not included."))

    class Meta:
        ordering = ["id"]
        constraints = [models.CheckConstraint(condition=Q(from_time__lt=F("to_time")), name="safe_time_runs_forwards")]

    def __str__(self) -> str:
        return f"safe time {self.pk}"


@tracked
class Pregnancy(models.Model):
    """The pregnancy she was registered with: its due date, as last corrected."""

    append_only = False

    person = models.OneToOneField(Person, on_delete=models.PROTECT, related_name="pregnancy")
    edd = models.DateField(_("due date"), help_text=_("Estimated date of delivery."))
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)

    class Meta:
        verbose_name_plural = "pregnancies"

    def __str__(self) -> str:
        return f"pregnancy {self.pk}"


@tracked
class Baby(models.Model):
    """One baby of one birth; twins are two rows with one day of birth or the next."""

    append_only = False

    pregnancy = models.ForeignKey(Pregnancy, on_delete=models.PROTECT, related_name="babies")
    order = models.PositiveSmallIntegerField(_("order"), default=1, help_text=_("1 for the first born."))
    name = models.CharField(_("name"), max_length=80, blank=True, help_text=_("Empty where it is not known yet."))
    born_on = models.DateField(_("born on"), help_text=_("Local date of birth."))
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)

    class Meta:
        ordering = ["order"]
        verbose_name_plural = "babies"
        constraints = [models.UniqueConstraint(fields=["pregnancy", "order"], name="one_baby_per_place_in_birth")]

    def __str__(self) -> str:
        return f"baby {self.pk}"


@tracked
class Loss(models.Model):
    """A loss of domain.md section 8, in either arm; undone by a midwife where the report was false."""

    append_only = False

    class Kind(models.TextChoices):
        MISCARRIAGE = "miscarriage", _("miscarriage")
        TERMINATION = "termination", _("termination")
        STILLBIRTH = "stillbirth", _("stillbirth")
        BABY_DIED = "baby_died", _("death of a baby")
        NOT_LIVING_WITH_HER = "not_living_with_her", _("baby not living with her")
        MOTHER_DIED = "mother_died", _("death of the mother")
        NOT_SAID = "not_said", _("a loss, no more was said")

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="losses")
    baby = models.ForeignKey(
        Baby,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        help_text=_("Which of them, where it is about one who was born."),
    )
    kind = models.CharField(max_length=20, choices=Kind.choices, help_text=_("Code of what happened."))
    happened_on = models.DateField(null=True, blank=True, help_text=_("Local date, where it is known."))
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    undone_reason = models.TextField(blank=True, help_text=_("Why the report was taken back; restricted."))

    class Meta:
        verbose_name_plural = "losses"
        constraints = [
            models.CheckConstraint(
                condition=both_or_neither("undone_at", "undone_by"), name="loss_undone_at_has_its_by"
            ),
        ]

    def __str__(self) -> str:
        return f"loss {self.pk}"
