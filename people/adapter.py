"""Where django-allauth meets this house: no open sign-up, letters through the outbox, sign-ins to the access log."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef
from django.http import HttpRequest
from django.utils import timezone

from people.access import grants_in_force, remember_roles
from people.models import RoleGrant, User
from people.services import letters

# Recovery codes alone are none: the sign-in asks for a code only of those who have one of these.
SECOND_FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Nothing is sent from a page: the outbox writes the letter when it hands it over."""
        letters.ask_for(template=template_prefix.rsplit("/", 1)[-1], user=context.get("user"), now=timezone.now())


class MfaAdapter(DefaultMFAAdapter):
    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        entity = super().get_public_key_credential_rp_entity()
        return {**entity, "name": "Alongside"}

    def _user_label(self, user: User) -> str:
        return user.email


class Backend(AuthenticationBackend):
    """Sign-in by e-mail, as allauth does it; whoever is signed in comes with her rights, in one query a request."""

    def get_user(self, user_id: int) -> User | None:
        """Return the user with her rights in force, and whether she has a second factor; none where she is switched off."""
        held = RoleGrant.objects.filter(grants_in_force(), user=OuterRef("pk")).values("role")
        factors = Authenticator.objects.filter(user=OuterRef("pk"), type__in=SECOND_FACTORS)
        user = (
            User.objects.filter(pk=user_id)
            .annotate(held=ArraySubquery(held), has_second_factor=Exists(factors))
            .first()
        )
        if user is None or not self.user_can_authenticate(user):
            return None
        remember_roles(user, user.held)
        return user
