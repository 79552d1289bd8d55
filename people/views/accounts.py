"""The administrator's pages: people, their rights, localities; the data-protection officer's: the access log."""

from contextlib import suppress
from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from people.access import SignedInRequest, requires
from people.forms.accounts import GrantForm, InviteForm, LocalityForm
from people.queries import accounts as queries
from people.rules.permissions import ACCESS_LOG_READ, LOCALITY_MANAGE, USER_MANAGE
from people.rules.roles import GrantRefused, Role
from people.services import localities, roles, users
from people.services.users import AccountRefused


def _key(text: str) -> int | None:
    """Return the row's key that an address or a form holds, or none."""
    return int(text) if text.isdecimal() and len(text) < 19 else None


def _before(text: str) -> tuple[datetime, int] | None:
    """Return the line that a page of the log goes on before, or none where ``text`` names none."""
    at, _sep, key = text.partition("_")
    with suppress(ValueError):
        instant = datetime.fromisoformat(at.replace(" ", "+"))
        number = _key(key)
        if instant.tzinfo is not None and number is not None:
            return instant, number
    return None


def refusal_words(code: str) -> str:
    """Return in plain words why a right may not be given."""
    return {
        "held_already": _("She has this right already, or it waits for a second person."),
        "assessor_must_be_blind": _(
            "An assessor must never have held another right: she has, and may know who is who."
        ),
        "was_an_assessor": _("She is or was an assessor, and must learn nothing more."),
        "recruiter_must_not_know": _("A recruiter must not know who has mentoring: another right of hers shows it."),
        "is_a_recruiter": _("She is a recruiter, and this right would show her who has mentoring."),
        "own_right": _("Nobody changes her own rights. Ask another administrator."),
        "needs_someone_else": _("A second administrator must agree, not the one who gave it."),
    }[code]


@requires(USER_MANAGE)
@require_safe
def user_list(request: SignedInRequest) -> HttpResponse:
    """Everybody with an account, by e-mail, with search."""
    search = request.GET.get("search", "").strip()
    rows, next_after = queries.users_page(search=search, after=_key(request.GET.get("after", "")))
    shown = [
        {
            "pk": user.pk,
            "name": user.name,
            "email": user.email,
            "is_active": user.is_active,
            "roles": [
                _("%(right)s (not agreed yet)") % {"right": grant.get_role_display()}
                if grant.needs_second and grant.seconded_at is None
                else grant.get_role_display()
                for grant in user.role_grants.all()
                if grant.ended_at is None
            ],
        }
        for user in rows
    ]
    return render(request, "people/user_list.html", {"rows": shown, "search": search, "next_after": next_after})


@requires(USER_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def user_invite(request: SignedInRequest) -> HttpResponse:
    """Invite a person by e-mail."""
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = users.invite(**form.cleaned_data, by=request.user, now=timezone.now())
        except AccountRefused as refused:
            form.add_error("email", refused.message)
        else:
            messages.success(request, _("Invited. Now give the rights this person needs."))
            return redirect("user-detail", user.pk)
    return render(request, "people/form.html", {"form": form, "title": _("Invite a person"), "back_href": "/users/"})


@requires(USER_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def user_detail(request: SignedInRequest, pk: int) -> HttpResponse:
    """One person's account: her rights, and giving another."""
    user = queries.user_with(pk)
    if user is None:
        raise Http404
    form = GrantForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            roles.grant(user=user, role=Role(form.cleaned_data["role"]), by=request.user, now=timezone.now())
        except GrantRefused as refused:
            form.add_error("role", refusal_words(refused.code))
        else:
            messages.success(request, _("The right is given, or waits for a second administrator."))
            return redirect("user-detail", pk)
    grants = [
        {
            "pk": grant.pk,
            "label": grant.get_role_display(),
            "granted_at": grant.granted_at,
            "granted_by": grant.granted_by.name if grant.granted_by else "",
            "waits": grant.needs_second and grant.seconded_at is None and grant.ended_at is None,
            "may_second": grant.granted_by_id != request.user.pk,
            "ended_at": grant.ended_at,
        }
        for grant in queries.grants_of(user)
    ]
    context = {
        "form": form,
        "person": user,
        "grants": grants,
        "is_self": user.pk == request.user.pk,
        "may_invite_again": not user.has_usable_password(),
        "back_href": "/users/",
    }
    return render(request, "people/user_detail.html", context)


@requires(USER_MANAGE)
@require_POST
def user_act(request: SignedInRequest, pk: int, act: str) -> HttpResponse:
    """Second or end a right, switch an account off or on, or send another invitation."""
    user = queries.user_with(pk)
    if user is None:
        raise Http404
    now = timezone.now()
    try:
        if act in {"second", "end"}:
            key = _key(request.POST.get("grant", ""))
            grant = queries.grant_of(user, key) if key is not None else None
            if grant is None:
                raise Http404
            (roles.second if act == "second" else roles.end)(grant=grant, by=request.user, now=now)
        elif act in {"switch-off", "switch-on"}:
            users.switch(user=user, active=act == "switch-on", by=request.user, now=now)
        elif act == "invite-again":
            users.invite_again(user=user, by=request.user, now=now)
        else:
            raise Http404
    except GrantRefused as refused:
        messages.error(request, refusal_words(refused.code))
    except AccountRefused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, _("Done."))
    return redirect("user-detail", pk)


@requires(LOCALITY_MANAGE)
@require_safe
def locality_list(request: SignedInRequest) -> HttpResponse:
    """Every locality."""
    return render(request, "people/locality_list.html", {"rows": queries.localities()})


@requires(LOCALITY_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def locality_edit(request: SignedInRequest, pk: int | None = None) -> HttpResponse:
    """Add or change a locality."""
    locality = queries.locality_with(pk) if pk is not None else None
    if pk is not None and locality is None:
        raise Http404
    initial = {"name": locality.name, "is_active": locality.is_active} if locality else {"is_active": True}
    form = LocalityForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            localities.save(locality=locality, **form.cleaned_data)
        except AccountRefused as refused:
            form.add_error("name", refused.message)
        else:
            messages.success(request, _("Saved."))
            return redirect("locality-list")
    title = _("Change a locality") if locality else _("Add a locality")
    return render(request, "people/form.html", {"form": form, "title": title, "back_href": "/localities/"})


@requires(ACCESS_LOG_READ)
@require_safe
def access_log(request: SignedInRequest) -> HttpResponse:
    """The access log, newest first: all of it, of one kind, of one user, or about one person."""
    kind = request.GET.get("kind", "")
    who, about = _key(request.GET.get("who", "")), _key(request.GET.get("about", ""))
    rows, last = queries.log_page(kind=kind, who=who, about=about, before=_before(request.GET.get("before", "")))
    context = {
        "rows": rows,
        "kinds": queries.log_kinds(),
        "kind": kind,
        "people": queries.user_names(),
        "who": who,
        "about": about,
        "next_before": f"{last.at.isoformat()}_{last.pk}" if last else "",
    }
    return render(request, "people/access_log.html", context)
