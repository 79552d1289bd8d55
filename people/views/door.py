"""Coming in: an invitation accepted, where a person lands, a locked session, a form that waited."""

from datetime import datetime
from urllib.parse import quote

from allauth.account.authentication import get_authentication_records
from allauth.account.views import PasswordResetFromKeyView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_safe

from people import kept_forms
from people.access import SignedInRequest, requires, roles_of
from people.rules.permissions import ANYONE_SIGNED_IN
from people.rules.roles import Role

# The first right that a person holds, in this order, says where she lands.
LANDINGS = (
    (Role.LAY_WORKER, "today"),
    (Role.MIDWIFE, "caseload"),
    (Role.COORDINATOR, "export-new"),
    (Role.LEAD, "protocol"),
    (Role.ADMINISTRATOR, "user-list"),
    (Role.DPO, "access-log"),
)


class PasswordFromKey(PasswordResetFromKeyView):
    """Where a letter's link leads: to a new password, and for one who never had any, to accepting her invitation."""

    def get_template_names(self) -> list[str]:
        if self.reset_user is not None and self.reset_user.joined_at is None:
            return ["people/invitation.html"]
        return list(super().get_template_names())


password_from_key = PasswordFromKey.as_view()
password_from_key.public = True  # type: ignore[attr-defined]  # the key in the letter's link is what lets her in


@requires(ANYONE_SIGNED_IN)
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """To the first page of a person's work; those whose work has no page yet are told so."""
    if kept_forms.waiting_for(request) is not None:
        return redirect("kept-form")
    held = roles_of(request.user)  # type: ignore[arg-type]  # signed in
    for role, name in LANDINGS:
        if role in held:
            return redirect(name)
    return render(request, "people/home.html")


@requires(ANYONE_SIGNED_IN)
@require_safe
def help_page(request: SignedInRequest) -> HttpResponse:
    """How to do the main things of her work, for each right she holds, then what everyone needs."""
    held = roles_of(request.user)
    sections = [f"people/help/{role.value}.html" for role, _name in LANDINGS if role in held]
    return render(request, "people/help.html", {"sections": sections})


@requires(ANYONE_SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def kept_form(request: HttpRequest) -> HttpResponse:
    """What was typed before the session was locked or ended, to send or to throw away."""
    if request.method == "POST":
        kept_forms.forget(request)
        return redirect("home")
    kept = kept_forms.waiting_for(request)
    if kept is None:
        return redirect("home")
    return render(request, "people/kept_form.html", {"kept": kept})


@require_safe
def unlock(request: HttpRequest) -> HttpResponse:
    """A locked session opens once its owner has shown again that it is she."""
    if not request.user.is_authenticated:
        return redirect("account_login")
    session = request.session
    locked_at = session.get("locked_at")
    wanted = request.GET.get("next", "/")
    target = wanted if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) else "/"
    if locked_at is not None:
        since = datetime.fromisoformat(locked_at).timestamp()
        if not any(record.get("at", 0) > since for record in get_authentication_records(request, request.user)):
            here = f"{reverse('unlock')}?next={target}"
            return render(request, "people/unlock.html", {"here": quote(here)})
        del session["locked_at"]
        session["seen_at"] = timezone.now().isoformat()
    return redirect("kept-form" if kept_forms.waiting_for(request) else target)


unlock.public = True  # type: ignore[attr-defined]  # it asks for the session itself, locked as that is
