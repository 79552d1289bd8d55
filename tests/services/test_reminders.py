"""What waits in the outbox is what the plan says now, however it came to be so, and what went is what the preview says."""

import os
import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from django.db import transaction

from mentoring.models import Appointment, Contact, ContactPlan, Cover, Mother, Pairing
from mentoring.rules import reminders as rules
from mentoring.rules.plan import HOLD_KINDS
from mentoring.rules.preview import reminder_preview
from mentoring.rules.refusals import Refused
from mentoring.services import appointments, contacts, mothers, pairings, plans, reminders
from outbox.models import Message
from outbox.rules.transitions import WAITING
from outbox.services import wishes
from outbox.services.messages import become
from people.rules.local_time import LOCAL, end_of, local_date, local_instant
from tests.factories import NOW, make_contact, make_lay_worker, make_midwife, make_mother, safe_sheet

pytestmark = pytest.mark.django_db
TODAY = local_date(NOW)
ROUNDS = 10 if "HYPOTHESIS_PROFILE" in os.environ else 1
NUMBERS = (mothers.Number("07700 900123", safe_to_call=True, safe_to_text=True),)
TALKS = (("phone", "reached"), ("home_visit", "reached"))
TRIES = (("phone", "no_answer"), ("home_visit", "not_in"), ("phone", "voicemail_left"))


def days(number: int) -> timedelta:
    return timedelta(days=number)


def waiting(now: datetime) -> set[tuple[Any, ...]]:
    """Return what waits of the plan's reminders and is still of use, each as all that it says."""
    rows = Message.objects.filter(kind__in=reminders.KINDS, status__in=WAITING, expires_at__gt=now)
    found = list(
        rows.values_list(
            "kind", "subject", "subject_due_on", "about", "recipient_user", "recipient_person", "channel", "nominal_on",
            "due_at", "expires_at",
        )
    )  # fmt: skip
    assert len(found) == len(set(found))
    return set(found)


def planned_afresh(now: datetime) -> set[tuple[Any, ...]]:
    """Return what would wait had nothing that waits ever been written; changes nothing."""
    with transaction.atomic():
        Message.objects.filter(kind__in=reminders.KINDS, status__in=WAITING).update(status="cancelled")
        reminders.refresh_for(mother_ids=list(Mother.objects.values_list("pk", flat=True)), now=now)
        found = waiting(now)
        transaction.set_rollback(True)
    return found


def send_until(until: datetime, since: datetime) -> None:
    """What falls due from ``since`` up to ``until`` goes at its time where it is still wanted, a top-up each night."""
    now = since
    while True:
        queued = Message.objects.filter(kind__in=[*reminders.KINDS, rules.NEW_PAIRING], status="queued")
        due_at = queued.order_by("due_at").values_list("due_at", flat=True).first()
        night = end_of(local_date(now))
        if min(due_at or until, until) > night:
            now = night
            reminders.top_up(now=now)
        elif due_at is None or due_at > until:
            return
        else:
            now = max(now, due_at)
            send(list(queued.filter(due_at__lte=now)), now)


def send(some: list[Message], now: datetime) -> None:
    """Each is asked again and goes, as the hand-over does it, or it is on record why not."""
    first = [message for message in some if message.kind == rules.NEW_PAIRING]
    rest = [message for message in some if message.kind != rules.NEW_PAIRING]
    reasons = [*reminders.why_no_new_pairing(first, now), *reminders.why_not_wanted(rest, now)]
    for message, why in zip([*first, *rest], reasons, strict=True):
        row = Message.objects.filter(pk=message.pk)
        if message.expires_at <= now:
            become(row, Message.Status.EXPIRED, now=now)
        elif why is not None:
            become(row, Message.Status.CANCELLED, now=now, why=why)
        else:
            row.update(status="sent", status_at=now, sent_at=now)


class Life:
    """One mother whose life is drawn by chance, written by the services at a ``now`` that moves on."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.midwife = make_midwife()
        self.workers = [make_lay_worker(supervisor=self.midwife) for _ in range(2)]
        self.starts_on = TODAY - days(self.chance.choice((0, 0, 3, 40)))
        self.now = local_instant(TODAY, time(7))
        self.mother = make_mother(
            starts_on=self.starts_on,
            edd=self.starts_on + days(self.chance.choice((60, 90, 200))),
            numbers=NUMBERS,
            sheet=safe_sheet(texts_opted_in=True, hours=self.hours()),
            now=self.now,
        )
        self.acts = [getattr(self, name) for name in dir(self) if name.startswith("act_")]

    def hours(self) -> tuple[mothers.Hours, ...]:
        return self.chance.choice(
            (
                (),
                (mothers.Hours((6,), time(10), time(12)),),
                (mothers.Hours((1, 3, 5, 7), time(9), time(11)), mothers.Hours((2, 4), time(15), time(20))),
            )
        )

    def wait(self) -> None:
        """Time goes by, and what falls due goes."""
        before = self.now
        self.now += timedelta(hours=self.chance.choice((1, 5, 24, 60, 150)), minutes=self.chance.randrange(60))
        send_until(self.now, before)
        reminders.top_up(now=self.now)

    def act(self) -> str:
        act = self.chance.choice(self.acts)
        try:
            act()
        except Refused:
            return f"{act.__name__} refused"
        return str(act.__name__)

    @property
    def today(self) -> date:
        return local_date(self.now)

    def first(self, rows: Any) -> Any:
        """Return the first row; where there is none, the act is refused."""
        found = rows.order_by("pk").first()
        if found is None:
            raise Refused("none", "")
        return found

    def pairing(self) -> Pairing:
        found = Pairing.objects.filter(mother=self.mother, ended_at__isnull=True).select_related("mother")
        return self.first(found)  # type: ignore[no-any-return]  # a pairing

    def change(self, request: plans.Request) -> None:
        plans.change(mother=self.mother, request=request, asked_by="midwife", by=self.midwife.user, now=self.now)

    def act_rhythm(self) -> None:
        self.change(plans.Rhythm(self.chance.choice((7, 14, 28))))

    def act_pause(self) -> None:
        ahead = self.today + days(self.chance.randrange(20))
        self.change(plans.PauseFor(ahead, self.chance.choice((None, ahead + days(self.chance.randrange(1, 20))))))

    def act_resume(self) -> None:
        self.change(plans.Resume())

    def act_hold(self) -> None:
        self.change(plans.Hold(self.chance.choice(HOLD_KINDS)))

    def act_undo(self) -> None:
        self.change(plans.UndoHold())

    act_undo_too = act_resume_too = act_undo

    def act_birth(self) -> None:
        self.change(plans.Birth(max(self.starts_on, self.today - days(self.chance.randrange(3)))))

    def act_due_date(self) -> None:
        self.change(plans.DueDate(self.starts_on + days(self.chance.randrange(60, 200))))

    def act_pair(self) -> None:
        pairings.pair(
            mother=self.mother, lay_worker=self.chance.choice(self.workers), by=self.midwife.user, now=self.now
        )

    act_pair_too = act_pair

    def act_introduce(self) -> None:
        pairings.introduce(pairing=self.pairing(), on=self.today, how="clinic", by=self.midwife.user, now=self.now)

    def act_end(self) -> None:
        pairings.end(pairing=self.pairing(), reason="moved", by=self.midwife.user, now=self.now)

    def act_cover(self) -> None:
        begins = self.today + days(self.chance.randrange(9))
        other = next(worker for worker in self.workers if worker.pk != self.pairing().lay_worker_id)
        pairings.arrange_cover(
            mother=self.mother, lay_worker=other, starts_on=begins, ends_on=begins + days(self.chance.randrange(1, 9)),
            by=self.midwife.user, now=self.now,
        )  # fmt: skip

    def act_cancel_cover(self) -> None:
        covers = Cover.objects.filter(mother=self.mother, cancelled_at__isnull=True, ends_on__gt=self.today)
        pairings.cancel_cover(cover=self.first(covers), by=self.midwife.user, now=self.now)

    def act_agree(self) -> None:
        starts_at = local_instant(self.today + days(self.chance.randrange(1, 20)), time(self.chance.randrange(8, 20)))
        appointments.agree(mother=self.mother, starts_at=starts_at, mode="phone", by=self.midwife.user, now=self.now)

    act_agree_too = act_agree

    def act_call_off(self) -> None:
        agreed = self.first(Appointment.objects.filter(mother=self.mother, withdrawn_at__isnull=True))
        appointments.call_off(appointment=agreed, by=self.midwife.user, now=self.now)

    def act_log(self) -> None:
        worker = self.pairing().lay_worker
        mode, outcome = self.chance.choice((*TALKS, *TRIES))
        happened_at = max(self.now - days(self.chance.choice((0, 0, 2))), local_instant(self.starts_on, time(0)))
        make_contact(
            mother=self.mother, lay_worker=worker, happened_at=happened_at, now=self.now, mode=mode, outcome=outcome
        )

    act_log_too = act_log

    def act_correct(self) -> None:
        contact = self.first(Contact.objects.filter(mother=self.mother, voided_at__isnull=True))
        mode, outcome = self.chance.choice([one for one in (*TALKS, *TRIES) if one != (contact.mode, contact.outcome)])
        told = {"minutes": 20, "present": (), "concern": "none"} if outcome == "reached" else {}
        entry = contacts.Entry(contact.client_id, contact.happened_at, mode, outcome, **told)  # type: ignore[arg-type]  # the arguments are of several types
        contacts.correct(contact=contact, entry=entry, reason="wrong", by=contact.entered_by, now=self.now)

    def act_void(self) -> None:
        contact = self.first(Contact.objects.filter(mother=self.mother, voided_at__isnull=True))
        contacts.void(contact=contact, reason="wrong", by=contact.entered_by, now=self.now)

    def act_renew(self) -> None:
        asked_on = self.today - days(self.chance.choice((0, 5, 80)))
        sheet = safe_sheet(asked_on=asked_on, texts_opted_in=self.chance.random() < 0.8, hours=self.hours())
        mothers.renew_safe_contact(mother=self.mother, sheet=sheet, numbers=NUMBERS, by=self.midwife.user, now=self.now)

    def act_suspend(self) -> None:
        mothers.suspend_safe_contact(mother=self.mother, by=self.midwife.user, now=self.now)

    def act_quiet(self) -> None:
        user = self.chance.choice(self.workers).user
        on = self.today + days(self.chance.randrange(1, 12))
        wishes.keep_quiet(user=user, on=on, by=user, now=self.now)

    def act_end_quiet(self) -> None:
        user = self.chance.choice(self.workers).user
        wishes.end_quiet(user=user, quiet_day_id=self.first(user.quiet_days.filter(on__gt=self.today)).pk, now=self.now)

    def act_wish(self) -> None:
        user, kind = self.chance.choice(self.workers).user, self.chance.choice(reminders.KINDS)
        off = self.chance.choice((("email",), ("in_app",), ()))
        wanted = {(kind, channel): channel not in off for channel in ("email", "in_app")}
        if not wishes.change(user=user, wanted=wanted, by=user, now=self.now):
            raise Refused("none", "")


@pytest.mark.parametrize("seed", range(8 * ROUNDS))
def test_any_sequence_of_changes_leaves_what_planning_afresh_would(seed: int) -> None:
    life = Life(seed)
    met: set[str] = set()
    for _step in range(40):
        life.wait()
        done = life.act()
        met.add(done)
        assert waiting(life.now) == planned_afresh(life.now), (done, life.now)
        assert reminders.top_up(now=life.now) == 0, done
    assert len(met) > 12


def test_topping_up_twice_is_once_and_what_has_gone_is_not_written_again() -> None:
    lay_worker = make_lay_worker(now=NOW - days(60))
    mother = make_mother(paired_with=lay_worker, starts_on=TODAY - days(1), numbers=NUMBERS)
    now = NOW + days(40)
    assert reminders.top_up(now=now) > 0
    stood = waiting(now)
    assert reminders.top_up(now=now) == 0
    assert waiting(now) == stood
    send(list(Message.objects.filter(status="queued", due_at__lte=now, kind__in=reminders.KINDS)), now)
    went = set(Message.objects.filter(status="sent").values_list("pk", flat=True))
    assert went
    assert reminders.top_up(now=now) == 0
    entry = make_contact(mother=mother, lay_worker=lay_worker, happened_at=now)
    contacts.void(contact=entry, reason="wrong", by=lay_worker.user, now=now)
    assert set(Message.objects.filter(status="sent").values_list("pk", flat=True)) == went
    again = Message.objects.filter(status__in=WAITING, kind__in=reminders.KINDS, due_at__lte=now)
    assert not again.exists()


def entries(life: Life, until_on: date) -> Iterator[tuple[datetime, str, str]]:
    chance, on = life.chance, TODAY + days(life.chance.randrange(6))
    keenness = chance.choice((0, 0.4, 0.8))
    while on < until_on:
        at = local_instant(on, time(chance.randrange(8, 20), chance.randrange(60)))
        yield (at, *chance.choice(TALKS if chance.random() < keenness else TRIES))
        on += days(chance.choice((1, 7, 13, 14, 16)))


def preview_case(life: Life, **said: Any) -> dict[str, Any]:
    """Return her life as the preview takes it, read from her rows."""
    plan = ContactPlan.objects.get(mother=life.mother)
    logged = Contact.objects.filter(mother=life.mother).order_by("happened_at")
    agreed = Appointment.objects.filter(mother=life.mother, withdrawn_at__isnull=True).select_related("planned_contact")
    return {
        "case": {
            "edd": plan.edd.isoformat(),
            "born_on": plan.born_on and plan.born_on.isoformat(),
            "cadences": [
                [row.first_due_on.isoformat(), row.every_days, row.last_due_on and row.last_due_on.isoformat()]
                for row in plan.cadences.filter(withdrawn_at__isnull=True).order_by("first_due_on")
            ],
            "pauses": [
                [row.from_on.isoformat(), row.until_on and row.until_on.isoformat()]
                for row in plan.pauses.filter(withdrawn_at__isnull=True).order_by("from_on")
            ],
            "offered_from": Mother.objects.get(pk=life.mother.pk).offered_from.isoformat(),  # type: ignore[union-attr]  # it is there: made above
            "contacts": [row.happened_on.isoformat() for row in logged if row.completed],
            "on": TODAY.isoformat(),
        },
        "appointments": [
            {
                "at": row.starts_at.astimezone(LOCAL).strftime("%Y-%m-%dT%H:%M"),
                "number": row.planned_contact and row.planned_contact.number,
            }
            for row in agreed
        ],
        "attempts": [
            {"at": row.happened_at.astimezone(LOCAL).strftime("%Y-%m-%dT%H:%M"), "outcome": row.outcome}
            for row in logged
        ],
        "channels": {"lay_worker": ["email", "in_app"], "mother": ["text"]},
        **said,
    }


@pytest.mark.parametrize("seed", range(8 * ROUNDS))
def test_what_went_at_its_time_is_what_the_preview_says_of_the_life(seed: int) -> None:
    """Plan and times agreed are made at the start, as the preview knows them; the rest is known from its day on."""
    life = Life(1000 + seed)
    chance, until_on = life.chance, TODAY + days(75)
    hours = life.hours()
    asked_on = TODAY - days(chance.choice((0, 40, 80)))
    mothers.renew_safe_contact(
        mother=life.mother, sheet=safe_sheet(asked_on=asked_on, texts_opted_in=True, hours=hours), numbers=NUMBERS,
        by=life.midwife.user, now=life.now,
    )  # fmt: skip
    if chance.random() < 0.5:
        life.act_pause()
    paired_at = local_instant(TODAY, time(8))
    worker = life.workers[0]
    pairing = pairings.pair(mother=life.mother, lay_worker=worker, by=life.midwife.user, now=paired_at)
    times = [local_instant(TODAY + days(chance.randrange(1, 70)), time(chance.randrange(8, 20))) for _ in range(6)]
    for starts_at in times:
        appointments.agree(
            mother=life.mother,
            lay_worker=worker,
            starts_at=starts_at,
            mode="phone",
            by=life.midwife.user,
            now=paired_at,
        )

    introduced_on = TODAY + days(chance.randrange(6)) if chance.random() < 0.5 else None
    born_on = life.mother.person.pregnancy.edd - days(chance.randrange(30)) if chance.random() < 0.5 else None
    steps: list[tuple[datetime, Any]] = [(at, (mode, outcome)) for at, mode, outcome in entries(life, until_on)]
    if introduced_on is not None:
        steps.append((max(local_instant(introduced_on, time(0)), paired_at), "introduced"))
    if born_on is not None and TODAY < born_on < until_on:
        steps.append((local_instant(born_on, time(0)), "born"))
    now = paired_at
    for at, step in sorted(steps, key=lambda one: one[0]):
        # A contact of the very minute counts: the message asks after it.
        send_until(at - timedelta(seconds=1), now)
        now = at
        if step == "introduced":
            pairings.introduce(pairing=pairing, on=local_date(at), how="clinic", by=life.midwife.user, now=at)
        elif step == "born":
            life.now = at
            life.change(plans.Birth(local_date(at)))
        else:
            mode, outcome = step
            make_contact(mother=life.mother, lay_worker=worker, happened_at=at, mode=mode, outcome=outcome)
    send_until(local_instant(until_on, time(0)) - timedelta(seconds=1), now)
    went = [
        (
            message.kind,
            "mother" if message.recipient_user_id is None else "lay_worker",
            message.channel,
            message.subject_due_on and message.subject_due_on.isoformat(),
            message.due_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            message.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        for message in Message.objects.filter(status="sent")
        if message.due_at < local_instant(until_on, time(0))
    ]
    case = preview_case(
        life, paired_on=TODAY.isoformat(), introduced_on=introduced_on and introduced_on.isoformat(),
        safe_times=[
            {"weekdays": list(safe.weekdays), "from": f"{safe.from_time:%H:%M}", "to": f"{safe.to_time:%H:%M}"}
            for safe in hours
        ],
        safe_contact_asked_on=asked_on.isoformat(),
        **{"from": TODAY.isoformat(), "to": until_on.isoformat()},
    )  # fmt: skip
    [said] = reminder_preview([case])
    keys = ("kind", "recipient", "channel", "subject_due_on", "due_utc", "expires_utc")
    assert sorted(went, key=str) == sorted((tuple(row[key] for key in keys) for row in said), key=str)
    assert len(went) > 3
