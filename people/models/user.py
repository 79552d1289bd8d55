"""Those who sign in, the rights they were granted, their invitations. Never a mother."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from people.history import tracked
from people.models.conditions import both_or_neither
from people.models.gate import Gate
from people.rules.roles import Role

ROLE_WORDS = {
    Role.LAY_WORKER: _("Lay-worker"),
    Role.MIDWIFE: _("Midwife"),
    Role.LEAD: _("Programme lead"),
    Role.RECRUITER: _("Recruiter"),
    Role.COORDINATOR: _("Trial coordinator"),
    Role.STATISTICIAN: _("Statistician"),
    Role.ASSESSOR: _("Assessor"),
    Role.DPO: _("Data-protection officer"),
    Role.ADMINISTRATOR: _("Administrator"),
    Role.UNBLINDED: _("Unblinded right"),
}


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Return a new user with her gate; without a password she can only come in by invitation or reset."""
        user = self.model(email=email.strip().lower(), gate=Gate.objects.create(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


@tracked
class User(AbstractBaseUser):
    """One person who signs in, by e-mail. Rights come from role grants alone."""

    append_only = False

    email = models.EmailField(
        _("e-mail address"), unique=True, help_text=_("Signs in with this; stored in lower case.")
    )
    name = models.CharField(_("name"), max_length=120, help_text=_("The name colleagues know."))
    phone = models.CharField(
        _("work telephone"), max_length=20, blank=True, help_text=_("E.164, as colleagues ring it.")
    )
    is_active = models.BooleanField(_("may sign in"), default=True)
    joined_at = models.DateTimeField(
        _("joined"), null=True, blank=True, help_text=_("When the invitation was accepted.")
    )
    gate = models.OneToOneField(Gate, on_delete=models.PROTECT, related_name="+", editable=False)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_is_lower_case"),
        ]

    def __str__(self) -> str:
        return f"user {self.pk}"

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name.split(" ", 1)[0]


@tracked
class RoleGrant(models.Model):
    """A right held from one instant to another. Some need a second granter before they count (domain.md section 2)."""

    append_only = False

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="role_grants", help_text=_("Who holds it."))
    role = models.CharField(
        max_length=24, choices=[(role.value, ROLE_WORDS[role]) for role in Role], help_text=_("Code of the right.")
    )
    needs_second = models.BooleanField(default=False, help_text=_("True where a second granter must agree first."))
    granted_at = models.DateTimeField()
    granted_by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        help_text=_("Empty only for the first two administrators and the demo's people."),
    )
    seconded_at = models.DateTimeField(null=True, blank=True)
    seconded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "role"], condition=Q(ended_at__isnull=True), name="one_open_grant_per_user_and_role"
            ),
            models.CheckConstraint(
                condition=Q(granted_by__isnull=True) | ~Q(granted_by=F("user")), name="nobody_grants_herself_a_right"
            ),
            models.CheckConstraint(
                condition=Q(seconded_by__isnull=True) | (~Q(seconded_by=F("user")) & ~Q(seconded_by=F("granted_by"))),
                name="the_second_granter_is_someone_else",
            ),
            models.CheckConstraint(condition=both_or_neither("ended_at", "ended_by"), name="grant_ended_at_has_its_by"),
        ]
        indexes = [models.Index(fields=["role"], condition=Q(ended_at__isnull=True), name="open_grants_by_role")]

    def __str__(self) -> str:
        return f"grant {self.pk}"
