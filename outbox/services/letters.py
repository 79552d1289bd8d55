"""Letters that are not about a mother: an invitation, a new password, a test. Links are made on hand-over, never stored."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from outbox.models import Message
from outbox.rules.registry import Kind, Words, register
from outbox.rules.transitions import LEASED
from people.models import User
from people.rules.local_time import local_date

TEST_REMINDER = "test_reminder"
DAYS = {"invitation": 7, "password_reset": 1, TEST_REMINDER: 1}


def write(*, kind: str, user: User, now: datetime) -> None:
    """A letter of this kind to ``user`` waits; asked for again on one day, the same row starts afresh, whatever it was.

    Only one that a worker holds is left to go.
    """
    expires_at = now + timedelta(days=DAYS[kind])
    message, is_new = Message.objects.get_or_create(
        kind=kind,
        recipient_user=user,
        channel=Message.Channel.EMAIL,
        nominal_on=local_date(now),
        subject=None,
        defaults={"due_at": now, "expires_at": expires_at, "status_at": now, "created_at": now},
    )
    if not is_new:
        Message.objects.filter(pk=message.pk).exclude(status__in=LEASED).update(
            status=Message.Status.QUEUED, status_at=now, due_at=now, expires_at=expires_at, tries=0, why=""
        )


def write_test_reminder(*, email: str, now: datetime) -> str:
    """A reminder that asks for nothing waits for this user, to go the way of a real one; returns its reference.

    Raises User.DoesNotExist.
    """
    user = User.objects.get(email=email, is_active=True)
    write(kind=TEST_REMINDER, user=user, now=now)
    written = Message.objects.filter(kind=TEST_REMINDER, recipient_user=user, nominal_on=local_date(now))
    return str(written.exclude(status=Message.Status.CANCELLED).values_list("reference", flat=True).get())


def _path(user: User) -> str:
    token = default_token_generator.make_token(user)
    return reverse("account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(user), "key": token})


def _invitations(messages: Sequence[Message]) -> list[Words]:
    return [
        Words(
            subject=_("Your invitation to Alongside"),
            body=_("You are invited to sign in to Alongside. Choose a password here; the link works for three days."),
            path=_path(message.recipient_user),  # type: ignore[arg-type]  # a letter has a user
            why=_("You get this because an administrator of the programme invited you."),
        )
        for message in messages
    ]


def _resets(messages: Sequence[Message]) -> list[Words]:
    return [
        Words(
            subject=_("A new password for Alongside"),
            body=_("Choose a new password here. If you did not ask for this, leave the link alone: nothing changes."),
            path=_path(message.recipient_user),  # type: ignore[arg-type]  # a letter has a user
            why=_("You get this because someone asked for a new password with your e-mail address."),
        )
        for message in messages
    ]


def _tests(messages: Sequence[Message]) -> list[Words]:
    return [
        Words(
            subject=_("Test reminder"),
            body=_("Reminders from Alongside reach you. There is nothing to do."),
            path=reverse("home"),
            why=_("You get this because someone who runs Alongside is testing its reminders."),
        )
        for _message in messages
    ]


def _always(messages: Sequence[Message], now: datetime) -> list[str | None]:
    return [None] * len(messages)


def register_kinds() -> None:
    """These letters can be sent, at any hour: somebody is waiting for them."""
    register(Kind("invitation", gettext_noop("Invitation"), _invitations, _always, any_hour=True))
    register(Kind("password_reset", gettext_noop("New password"), _resets, _always, any_hour=True))
    register(Kind(TEST_REMINDER, gettext_noop("Test reminder"), _tests, _always, any_hour=True))
