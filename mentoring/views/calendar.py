"""The calendar of a member of staff: her page, and the address that her telephone reads it from."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from mentoring.exports.calendar import calendar_of
from mentoring.queries import calendar as queries
from mentoring.rules.permissions import CALENDAR_KEEP
from mentoring.rules.refusals import Refused
from mentoring.services import calendar_feeds
from people.access import SignedInRequest, for_machines, requires


@requires(CALENDAR_KEEP)
@require_http_methods(["GET", "HEAD", "POST"])
def calendar(request: SignedInRequest) -> HttpResponse:
    """Her secret address: made, shown this once, revoked."""
    address = ""
    if request.method == "POST":
        now = timezone.now()
        if request.POST.get("act") == "revoke":
            calendar_feeds.revoke(user=request.user, by=request.user, now=now)
            messages.success(request, _("The address opens nothing any more."))
            return redirect("calendar")
        try:
            token = calendar_feeds.make(user=request.user, by=request.user, now=now)
        except Refused as refused:
            messages.error(request, refused.message)
            return redirect("calendar")
        address = settings.SITE_URL + reverse("calendar-feed", args=[token])
    context = {
        "allowed": queries.feeds_are_allowed(),
        "since": queries.feed_since(request.user),
        "address": address,
        "back_href": reverse("wishes"),
    }
    return render(request, "mentoring/calendar.html", context)


@for_machines
@require_safe
def calendar_feed(request: HttpRequest, token: str) -> HttpResponseBase:
    """The calendar that a secret address opens; whatever is wrong with it, 404. Machines read this: no sign-in."""
    user = queries.holder_of(calendar_feeds.hash_of(token))
    if user is None:
        raise Http404
    body = calendar_of(queries.events_of(user, now=timezone.now()))
    response = HttpResponse(body, content_type="text/calendar; charset=utf-8")
    etag = quote_etag(calendar_feeds.hash_of(body.decode()))
    response["ETag"] = etag
    return get_conditional_response(request, etag=etag, response=response) or response
