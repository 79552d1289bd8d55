"""Messages in the app, and the demo's mailbox."""

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from outbox.queries import messages as queries
from outbox.services import messages
from people.access import SignedInRequest, requires
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


@requires(MAILBOX_READ)
@require_safe
def mailbox(request: SignedInRequest) -> HttpResponse:
    """Every e-mail of the demo, newest first. It does not exist elsewhere."""
    if not settings.DEMO:
        raise Http404
    return render(request, "outbox/mailbox.html", {"letters": queries.letters_in(settings.EMAIL_FILE_PATH)})


def _key(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
