"""What every page's frame needs: navigation by right, the demo's banner, who is signed in."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext

from mentoring.navigation import ENTRIES as PROGRAMME
from outbox.navigation import ENTRIES as MESSAGES
from people.access import roles_of
from people.kept_forms import owner_token
from people.models import User
from people.navigation import ENTRIES as ACCOUNTS
from people.rules.permissions import MAILBOX_READ
from trial.navigation import ENTRIES as TRIAL


def page(request: HttpRequest) -> dict[str, Any]:
    """Return ``nav`` (a list of href, text, current), ``demo`` with ``mailbox_href``, and of whoever has signed in
    ``signed_in_as``, ``form_owner`` and ``help_href``.
    """
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return {"nav": [], "demo": settings.DEMO}
    roles = roles_of(user)
    nav = []
    for entry in [*PROGRAMME, *TRIAL, *MESSAGES, *ACCOUNTS]:
        if roles & entry.permission.roles:
            href = reverse(entry.url)
            nav.append({"href": href, "text": gettext(entry.text), "current": request.path == href})
    return {
        "nav": nav,
        "demo": settings.DEMO,
        "mailbox_href": reverse("mailbox") if settings.DEMO and roles & MAILBOX_READ.roles else "",
        "signed_in_as": user,
        "form_owner": owner_token(user.pk),
        "help_href": reverse("help"),
    }
