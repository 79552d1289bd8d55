"""The invented cohort: the same for the same seed, like the real one, and nothing in it that a page would refuse."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from mentoring.models import (
    Appointment,
    Contact,
    ContactPlan,
    LayWorker,
    Midwife,
    Mother,
    Pairing,
    Pause,
    PlanChange,
    PlannedContact,
)
from mentoring.queries.caseload import awaiting
from mentoring.rules import changes
from mentoring.rules.plan import planned_contacts
from mentoring.services import bulk, pairings, reminders, sample
from outbox.models import Message
from people.models import Baby, RoleGrant, SafeContact, User
from people.rules.local_time import local_date
from tests.factories import make_user
from tests.factories.rows import everything, shapes

pytestmark = pytest.mark.django_db
ON = date(2026, 11, 20)
BEGINS = datetime(2026, 11, 20, tzinfo=UTC)


def load(mothers: int, *, seed: int = 1, now: datetime = BEGINS, sign_ins: bool = False) -> int:
    return sample.load(mothers=mothers, seed=seed, on=ON, now=now, sign_ins=sign_ins)


def test_the_same_seed_gives_the_same_rows_at_whatever_hour() -> None:
    def made(**given: Any) -> tuple[dict[str, list[str]], list[UUID]]:
        with transaction.atomic():
            load(16, **given)
            found = shapes(), list(Contact.objects.order_by("pk").values_list("client_id", flat=True))
            transaction.set_rollback(True)
        return found

    first = made()
    assert len(first[1]) > 50 and len(set(first[0]["Mother"])) == 16
    assert made(now=BEGINS + timedelta(hours=23)) == first
    assert made(now=BEGINS + timedelta(days=400)) == first
    other = made(seed=2)
    assert other[0]["Contact"] != first[0]["Contact"] and not set(other[1]) & set(first[1])


def test_it_looks_like_the_real_one() -> None:
    assert load(120) == 120
    assert (LayWorker.objects.count(), Midwife.objects.count(), Mother.objects.count()) == (11, 2, 120)
    log: dict[int, list[Contact]] = defaultdict(list)
    for contact in Contact.objects.order_by("happened_at"):
        log[contact.mother_id].append(contact)

    # Attempts that often fail before the first success, and some who were never reached.
    before_first = [
        next((place for place, contact in enumerate(entries) if contact.outcome == "reached"), None)
        for entries in log.values()
    ]
    assert sum(1 for failed in before_first if failed) >= 30
    assert max(failed or 0 for failed in before_first) >= 3
    assert len({contact.outcome for entries in log.values() for contact in entries}) >= 5

    # Waits for a lay-worker: before the pairing, and still.
    for_midwives = [
        row["programme_code"]
        for midwife in Midwife.objects.all()
        for row in awaiting(midwife.user, now=BEGINS, on=ON).rows
    ]
    assert 5 <= len(for_midwives) <= 24
    waited = [
        (pairing.starts_on - pairing.mother.starts_on).days for pairing in Pairing.objects.select_related("mother")
    ]
    assert min(waited) == 0 and max(waited) >= 5
    assert max(Pairing.objects.filter(lay_worker=lay_worker).count() for lay_worker in LayWorker.objects.all()) <= 18

    # Births before and after the due date, and women whose baby is still to come.
    born = [
        (baby.born_on - baby.pregnancy.edd).days for baby in Baby.objects.filter(order=1).select_related("pregnancy")
    ]
    assert len(born) >= 20 and min(born) < -7 and max(born) > 0 and len(born) < 110

    # Late entries.
    late = [
        contact
        for entries in log.values()
        for contact in entries
        if contact.entered_at - contact.happened_at > timedelta(days=1)
    ]
    assert len(late) >= 30

    # Asks for less, pauses (open ones and for 28 days), stops.
    kinds = [change.kind for change in PlanChange.objects.all()]
    assert {kinds.count(kind) > 0 for kind in ("rhythm", "pause", "hold", "birth", "resume")} == {True}
    assert {pause.kind for pause in Pause.objects.all()} == {"pause", "ended"}
    assert {
        (pause.until_on - pause.from_on).days for pause in Pause.objects.filter(kind="pause", until_on__isnull=False)
    } >= {28}
    stopped = Pairing.objects.filter(ended_at__isnull=False)
    assert stopped.exists() and set(stopped.values_list("end_reason", flat=True)) == {"ended"}
    for pairing in stopped:
        assert pairing.ended_at is not None
        assert not [contact for contact in log[pairing.mother_id] if contact.happened_at > pairing.ended_at]

    # Full engagement, engagement that fades, and women who are hard to reach.
    def share(mother: Mother, first: int, last: int) -> float | None:
        days = ON - timedelta(days=last), ON - timedelta(days=first)
        rows = PlannedContact.objects.filter(
            mother=mother, withdrawn_at__isnull=True, cut=False, closes_on__gt=days[0], closes_on__lte=days[1]
        )
        closed = rows.count()
        return rows.filter(made_on__isnull=False).count() / closed if closed >= 6 else None

    long_ones = [
        (share(mother, 180, 360), share(mother, 0, 120))
        for mother in Mother.objects.filter(
            starts_on__lt=ON - timedelta(days=250), pairings__isnull=False, pairings__ended_at__isnull=True
        )
    ]
    both = [(early, lately) for early, lately in long_ones if early is not None and lately is not None]
    assert sum(early > 0.6 and lately > 0.8 for early, lately in both) >= 4
    assert sum(lately < early - 0.25 for early, lately in both) >= 2
    assert sum(early < 0.6 and lately < 0.6 for early, lately in both) >= 2


def test_there_is_nothing_in_it_that_a_page_would_refuse() -> None:
    # By this seed two would be paired on a day that has not come yet.
    load(40, seed=8)
    assert Contact.objects.exists()
    for contact in Contact.objects.select_related("mother", "lay_worker"):
        assert contact.happened_at < contact.entered_at <= BEGINS
        assert pairings.was_with(
            mother=contact.mother,
            lay_worker=contact.lay_worker,
            at=contact.happened_at,
            now=contact.entered_at,
            late_days=7,
        )
        assert contact.happened_on >= contact.mother.starts_on
        assert contact.entered_by_id == contact.lay_worker.user_id
        if contact.outcome == "reached":
            assert contact.minutes and contact.present is not None and contact.concern
    for instant in (
        *Mother.objects.values_list("registered_at", flat=True), *Pairing.objects.values_list("made_at", flat=True),
        *PlanChange.objects.values_list("at", flat=True), *Appointment.objects.values_list("agreed_at", flat=True),
    ):  # fmt: skip
        assert instant <= BEGINS
    for sheet in SafeContact.objects.select_related("person__mother"):
        assert sheet.asked_on is not None and sheet.person.mother.starts_on <= sheet.asked_on < ON
    for plan in ContactPlan.objects.all():
        standing = plan.planned_contacts.filter(withdrawn_at__isnull=True).order_by("due_on")
        wanted = planned_contacts(changes.from_json(plan.state).plan)
        assert [(row.number, row.due_on, row.opens_on, row.closes_on) for row in standing] == [
            (window.number, window.due_on, window.opens_on, window.closes_on) for window in wanted
        ]
    everyone = list(Mother.objects.values_list("pk", flat=True))
    assert bulk.refulfil_many(mother_ids=everyone) == 0
    assert reminders.refresh_for(mother_ids=everyone, now=BEGINS) == 0
    assert not Message.objects.filter(status="queued", expires_at__lte=BEGINS).exists()
    assert Message.objects.filter(status="queued").exists() and not Message.objects.filter(status="sent").exists()


def test_a_change_counts_what_the_log_held_when_it_was_made() -> None:
    load(40)
    late = 0
    for change in PlanChange.objects.exclude(kind="start").select_related("plan"):
        old, new = changes.from_json(change.old), changes.from_json(change.new)
        known = Contact.objects.filter(mother=change.plan.mother_id, completed=True)
        late += known.filter(happened_at__lt=change.at, entered_at__gt=change.at).count()
        made = list(known.filter(entered_at__lt=change.at).values_list("happened_on", flat=True))
        if change.kind == "rhythm":
            assert changes.change_rhythm(old, on=change.on, every_days=28, made=made) == new
        elif change.kind == "hold":
            assert changes.hold(old, on=change.on, kind="ended", made=made) == new
        elif change.kind == "birth":
            assert changes.record_birth(old, on=change.on, born_on=new.born_on, made=made) == new  # type: ignore[arg-type]  # a birth has its day
    assert late > 0, "none was entered late enough to tell"


def test_the_demos_people_are_there_where_they_are_asked_for() -> None:
    load(1)
    assert User.objects.count() == 13 and not any(user.has_usable_password() for user in User.objects.all())
    with pytest.raises(sample.NotEmpty):
        load(1)


def test_the_sign_ins_hold_one_right_each_with_the_password_that_the_demo_prints() -> None:
    load(1, sign_ins=True)
    for name, _full_name, role in sample.SIGN_INS:
        user = User.objects.get(email=f"{name}@example.org")
        assert user.check_password("alongside-demo")
        assert list(RoleGrant.objects.filter(user=user).values_list("role", flat=True)) == [role]


def test_a_past_that_ends_in_the_future_and_a_place_with_people_are_refused() -> None:
    before = everything()
    with pytest.raises(sample.NotYet):
        load(1, now=BEGINS - timedelta(minutes=1))
    assert everything() == before
    make_user()
    assert not sample.is_empty()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"--mothers": "0"}, "--mothers must be at least 1."),
        ({"--on": "soon"}, "--on is not a date: write 2026-11-09."),
        ({"--on": "2999-01-01"}, "--on lies in the future: their past cannot."),
    ],
)
def test_what_the_command_cannot_do_is_one_line(given: dict[str, str], said: str) -> None:
    words = {"--mothers": "1", "--seed": "1", "--on": "2026-01-01"} | given
    with pytest.raises(CommandError) as refused:
        call_command("load_sample", *[word for pair in words.items() for word in pair])
    assert str(refused.value) == said and not Mother.objects.exists()


def test_the_command_says_what_it_made(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("load_sample", "--mothers", "2", "--seed", "7", "--on", "2026-01-01")
    assert capsys.readouterr().out == "2 mothers, invented with seed 7 for 2026-01-01.\n"
    assert max(local_date(mother.registered_at) for mother in Mother.objects.all()) < date(2026, 1, 1)
    with pytest.raises(CommandError, match="There are people here already"):
        call_command("load_sample", "--mothers", "2", "--seed", "7", "--on", "2026-01-01")
