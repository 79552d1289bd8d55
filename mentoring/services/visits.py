"""A lay-worker alone at a mother's home: begun, longer by one tap, ended; overdue, others are told step by step."""

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from mentoring.models import Alert, LayWorker, Mother, Visit
from mentoring.queries.rota import unwatched_from, watching
from mentoring.rules import alerts as rules
from mentoring.rules.refusals import Refused
from mentoring.services import alerts
from outbox.models import Message
from outbox.services import messages
from people.models import User
from people.rules.local_time import LOCAL, local_date

LONGEST = timedelta(hours=4)
CHANNELS = (Message.Channel.EMAIL, Message.Channel.IN_APP)
ARE_YOU_WELL = "visit_overdue"


@transaction.atomic
def begin(
    *, mother: Mother, lay_worker: LayWorker, expected_end_at: datetime, client_id: UUID, by: User, now: datetime
) -> Visit:
    """She is at the mother's home until ``expected_end_at``, at most four hours on; the same ``client_id`` is one visit.

    Raises Refused where nobody would notice (no rota, no tick), and where another visit of hers has not been ended.
    """
    known = Visit.objects.filter(client_id=client_id).first()
    if known is not None:
        return known
    if not watching(now=now).somebody:
        raise Refused(
            "nobody_watches", _("Nobody is watching now. Do not rely on this page: tell someone where you are.")
        )
    if not now < expected_end_at <= now + LONGEST:
        raise Refused("expected_when", _("Say when you expect to be out, within the next four hours."))
    from_at = unwatched_from(now=now, until=expected_end_at + rules.VISIT_WATCHED_AFTER)
    if from_at is not None:
        said = _("Nobody is watching from %(time)s on. Do not rely on this page: tell someone where you are.")
        raise Refused("nobody_watches", said % {"time": f"{from_at.astimezone(LOCAL):%H:%M}"})
    try:
        with transaction.atomic():
            return Visit.objects.create(
                client_id=client_id,
                mother=mother,
                lay_worker=lay_worker,
                started_at=now,
                started_by=by,
                expected_end_at=expected_end_at,
                expected_end_by=by,
            )
    except IntegrityError as error:
        raise Refused("another_visit", _("Your last visit has not been ended. End it first.")) from error


@transaction.atomic
def extend(*, visit: Visit, by: User, now: datetime, seen_end_at: datetime | None = None) -> Visit:
    """She is well and needs thirty minutes more, from now or from the expected end, whichever is later.

    ``seen_end_at``: the expected end that she saw when she tapped; where it has moved since, a second tap adds nothing.
    """
    locked = _locked(visit)
    if seen_end_at is not None and seen_end_at != locked.expected_end_at:
        return locked
    locked.expected_end_at = max(locked.expected_end_at, now) + rules.VISIT_MORE
    locked.expected_end_by, locked.asked_at = by, None
    locked.save(update_fields=["expected_end_at", "expected_end_by", "asked_at"])
    _she_is_well(locked, by, now)
    return locked


@transaction.atomic
def end(*, visit: Visit, by: User, now: datetime) -> Visit:
    """She is out and well; what was raised about it is closed. Again changes nothing."""
    locked = Visit.objects.select_for_update(no_key=True, of=("self",)).get(pk=visit.pk)
    if locked.ended_at is not None:
        return locked
    locked.ended_at, locked.ended_by = now, by
    locked.save(update_fields=["ended_at", "ended_by"])
    _she_is_well(locked, by, now)
    return locked


def watch(*, now: datetime) -> int:
    """Visits past their expected end: 15 minutes on she is asked, 30 minutes on an alert is raised. Returns how many moved.

    Safe to run twice at once; one that fails stops no other. From there the alert passes on by itself: the second, then
    the written procedure.
    """
    return alerts.each(_late(now).order_by("expected_end_at").values_list("pk", flat=True), partial(_watch, now=now))


def _late(now: datetime) -> QuerySet[Visit]:
    return Visit.objects.filter(ended_at__isnull=True, expected_end_at__lte=now - rules.VISIT_ASKED_AFTER)


def _watch(pk: int, *, now: datetime) -> int:
    visit = (
        _late(now)
        .select_for_update(no_key=True, skip_locked=True, of=("self",))
        .select_related("mother", "lay_worker__supervisor")
        .filter(pk=pk)
        .first()
    )
    if visit is None:
        return 0
    moved = 0
    if visit.asked_at is None:
        visit.asked_at = now
        visit.save(update_fields=["asked_at"])
        _ask(visit, now)
        moved += 1
    # One that was dealt with comes again only after she has asked for more time: she alone can end the visit.
    is_known = Alert.objects.filter(visit=visit, raised_at__gte=visit.expected_end_at).exists()
    if now >= visit.expected_end_at + rules.VISIT_ALERT_AFTER and not is_known:
        alerts.raise_alert(kind=rules.OVERDUE_VISIT, mother=visit.mother, visit=visit, by=None, now=now)
        moved += 1
    return moved


def _locked(visit: Visit) -> Visit:
    locked = Visit.objects.select_for_update(no_key=True, of=("self",)).get(pk=visit.pk)
    if locked.ended_at is not None:
        raise Refused("visit_ended", _("This visit has been ended."))
    return locked


def _she_is_well(visit: Visit, by: User, now: datetime) -> None:
    Alert.objects.filter(visit=visit, closed_at__isnull=True).update(
        closed_at=now, closed_by=by, outcome=Alert.Outcome.FALSE_ALARM
    )


def _ask(visit: Visit, now: datetime) -> None:
    messages.queue_many(
        [
            messages.New(
                kind=ARE_YOU_WELL,
                subject_id=visit.mother.person_id,
                about=f"visit:{visit.pk}:{int(visit.expected_end_at.timestamp())}",
                recipient_user_id=visit.lay_worker.user_id,
                channel=channel,
                nominal_on=local_date(now),
                due_at=now,
                expires_at=now + timedelta(hours=2),
                detail={"visit": visit.pk},
            )
            for channel in CHANNELS
        ],
        now=now,
    )
