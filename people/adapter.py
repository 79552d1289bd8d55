"""Where django-allauth meets this house: no open sign-up, letters through the outbox, sign-ins to the access log."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest
from django.utils import timezone

from people.models import User
from people.services import letters


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
