"""Messages in the app, and the demo's mailbox."""

from django.conf import settings
from django.contrib import messages as notices
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from outbox.forms import QuietDayForm, WishesForm
from outbox.queries import messages as queries
from outbox.queries.wishes import kinds_told, quiet_days_of, wishes_of
from outbox.services import messages, wishes
from people.access import SignedInRequest, requires
from people.rules.local_time import local_date
from people.rules.permissions import MAILBOX_READ, MESSAGES_READ


@requires(MESSAGES_READ)
@require_http_methods(["GET", "HEAD", "POST"])
def message_list(request: SignedInRequest) -> HttpResponse:
    """A person's own messages, newest first; a POST marks as read what she was shown and all before it."""
    if request.method == "POST":
        messages.mark_read(user_id=request.user.pk, newest_id=_key(request.POST.get("newest", "")), now=timezone.now())
        return redirect("message-list")
    before_id = _key(request.GET.get("before", ""))
    rows, next_id = queries.messages_of(request.user, before_id=before_id)
    return render(request, "outbox/message_list.html", {"rows": rows, "next_id": next_id, "first": before_id is None})


@requires(MESSAGES_READ)
@require_http_methods(["GET", "HEAD", "POST"])
def wishes_edit(request: SignedInRequest) -> HttpResponse:
    """What a person is told and how, what she cannot switch off and why, and her quiet days."""
    now = timezone.now()
    kinds = kinds_told(request.user)
    form = WishesForm(
        request.POST or None,
        kinds=[kind for kind in kinds if kind.can_wait],
        off=wishes_of([request.user.pk])[request.user.pk].off,
    )
    if request.method == "POST" and form.is_valid():
        wishes.change(user=request.user, wanted=form.wanted, by=request.user, now=now)
        notices.success(request, _("Saved. It holds from now on."))
        return redirect("wishes")
    context = {
        "form": form,
        "always": [kind for kind in kinds if kind.always],
        "quiet_days": quiet_days_of(request.user, since_on=local_date(now)),
    }
    return render(request, "outbox/wishes.html", context)


@requires(MESSAGES_READ)
@require_http_methods(["GET", "HEAD", "POST"])
def quiet_day_add(request: SignedInRequest) -> HttpResponse:
    """One more day on which nothing that can wait is sent to her."""
    form = QuietDayForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            wishes.keep_quiet(user=request.user, on=form.cleaned_data["on"], by=request.user, now=timezone.now())
        except wishes.QuietDayIsPast:
            form.add_error("on", _("Choose today or a day to come."))
        else:
            notices.success(request, _("Kept quiet."))
            return redirect("wishes")
    return render(request, "outbox/quiet_day.html", {"form": form, "back_href": reverse("wishes")})


@requires(MESSAGES_READ)
@require_POST
def quiet_day_end(request: SignedInRequest, pk: int) -> HttpResponse:
    """The day is one like any other again."""
    if not wishes.end_quiet(user=request.user, quiet_day_id=pk, now=timezone.now()):
        raise Http404
    notices.success(request, _("That day is one like any other again."))
    return redirect("wishes")


@requires(MAILBOX_READ)
@require_safe
def mailbox(request: SignedInRequest) -> HttpResponse:
    """Every e-mail of the demo, newest first. It does not exist elsewhere."""
    if not settings.DEMO:
        raise Http404
    return render(request, "outbox/mailbox.html", {"letters": queries.letters_in(settings.EMAIL_FILE_PATH)})


def _key(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
