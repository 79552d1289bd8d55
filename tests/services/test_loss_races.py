"""Messages on their way while a loss, a transfer, a pause or a withdrawn permission is recorded (issue 3, must show 4).

Real threads on real connections. A carrier notes the instant at which it took each message; the change notes that of its
commit. What the change forbids and was taken after that is a violation, whatever the tables say.
"""

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import time, timedelta
from itertools import count
from time import monotonic, sleep
from typing import Any

import pytest
from django.db import connection, transaction

from mentoring.models import Appointment, LayWorker, Mother, PlannedContact, ProtocolVersion
from mentoring.rules import changes
from mentoring.services import bulk, contacts, losses, mothers, pairings, plans, reminders
from mentoring.services.mothers import Number, Registration
from outbox.models import Message
from outbox.rules.registry import Words
from outbox.services import delivery
from people.models import SafeContact, SafeTime, User
from people.rules.local_time import local_date, local_instant
from people.services import gates
from tests.factories import NOW, make_lay_worker, make_locality, make_mother, safe_sheet
from tests.services.post import Recording
from tests.services.test_contacts import entry

pytestmark = pytest.mark.django_db(transaction=True)
TODAY = local_date(NOW)
DAY = timedelta(days=1)
TRIALS = 250
# Queries of the longest, a loss.
LONGEST_CHANGE = 80
CHANGES = ["a loss", "a transfer", "a pause", "a withdrawn permission"]


class Noting:
    """A carrier that takes up to ``ms`` milliseconds, and notes when it took what."""

    def __init__(self, *, batch: int = 1, ms: float = 2) -> None:
        self.batch, self.ms = batch, ms
        self.taken: dict[int, float] = {}

    def hand_over(self, message: Message, words: Words) -> None:
        sleep(random.random() * self.ms / 1000)
        self.taken[message.pk] = monotonic()

    def was_accepted(self, message: Message) -> bool | None:
        return None


@dataclass
class World:
    """Mothers who are each reminded of today, by e-mail and in the app, and told of tomorrow's call by text."""

    lay_worker: LayWorker
    other: LayWorker
    by: User
    mothers: list[Mother]
    messages: dict[int, list[Message]] = field(default_factory=dict)


def make_world(size: int) -> World:
    version = ProtocolVersion.objects.create(
        antenatal_every_days=14, postnatal_every_days=14, mothers_per_lay_worker=size, made_at=NOW, reason="room"
    )
    lay_worker = make_lay_worker()
    other = make_lay_worker(supervisor=lay_worker.supervisor)
    starts_on = TODAY + 2 * DAY - 14 * 4 * DAY
    state = changes.start(starts_on=starts_on, edd=starts_on + 196 * DAY, antenatal_every=14, postnatal_every=14)
    sheet = safe_sheet(texts_opted_in=True)
    new = [
        bulk.New(
            Registration(
                first_name=f"Ada{number}",
                family_name="Invented",
                name_to_use=f"Ada{number}",
                starts_on=starts_on,
                edd=state.edd,  # type: ignore[arg-type]  # given above
                locality_id=make_locality().pk,
                numbers=(Number(f"+4477009{number:05}", safe_to_call=True, safe_to_text=True),),
                sheet=sheet,
            ),
            state,
            bulk.Paired(lay_worker.pk, lay_worker.supervisor_id, starts_on, starts_on),
        )
        for number in range(size)
    ]
    by = lay_worker.supervisor.user
    made = bulk.register_many(new, version=version, midwife_id=lay_worker.supervisor_id, by=by, now=NOW - DAY)
    hers = list(Mother.objects.filter(pk__in=[one.pk for one in made]).select_related("person").order_by("pk"))
    # Her hours of this Friday are nearly over: a text about tomorrow is due in them, and just now.
    SafeTime.objects.bulk_create(
        SafeTime(safe_contact=sheet, weekdays=[5], from_time=time(9), to_time=time(11, 40))
        for sheet in SafeContact.objects.filter(person__mother__in=hers)
    )
    rows = PlannedContact.objects.filter(opens_on__lte=TODAY, closes_on__gt=TODAY + DAY, withdrawn_at__isnull=True)
    row_of = {row.mother_id: row for row in rows}
    Appointment.objects.bulk_create(
        Appointment(
            mother=mother,
            lay_worker=lay_worker,
            planned_contact=row_of[mother.pk],
            starts_at=local_instant(TODAY + DAY, time(14)),
            mode="phone",
            agreed_at=NOW,
            agreed_by=by,
        )
        for mother in hers
    )
    reminders.refresh_for(mother_ids=[mother.pk for mother in hers], now=NOW)
    world = World(lay_worker, other, by, hers)
    due = Message.objects.filter(
        status="queued", due_at__lte=NOW, kind__in=["contact_coming_up", "appointment_tomorrow"]
    )
    kept = list(due.order_by("pk"))
    Message.objects.filter(status="queued").exclude(pk__in=[one.pk for one in kept]).update(status="cancelled")
    by_person: dict[int, list[Message]] = {}
    for message in kept:
        by_person.setdefault(message.subject_id or 0, []).append(message)
    world.messages = {mother.pk: by_person[mother.person_id] for mother in hers}
    assert {tuple(sorted(one.channel for one in some)) for some in world.messages.values()} == {
        ("email", "in_app", "text")
    }
    return world


def act(world: World, what: str, mother: Mother) -> Callable[[], float]:
    """Return a change of ``mother``, to be run beside the carrier; it returns the instant of its commit."""
    pairing = mother.pairings.get()

    def change() -> None:
        if what == "a loss":
            losses.record(mother=mother, kind="stillbirth", by=world.by, now=NOW)
        elif what == "a transfer":
            pairings.end(pairing=pairing, reason="moved", by=world.by, now=NOW)
            pairings.pair(mother=mother, lay_worker=world.other, by=world.by, now=NOW)
        elif what == "a pause":
            plans.change(mother=mother, request=plans.PauseFor(), asked_by="midwife", by=world.by, now=NOW)
        else:
            mothers.suspend_safe_contact(mother=mother, by=world.by, now=NOW)

    def run() -> float:
        committed: list[float] = []
        with transaction.atomic():
            change()
            transaction.on_commit(lambda: committed.append(monotonic()))
        return committed[0]

    return run


def forbidden(what: str, some: list[Message]) -> list[int]:
    """Return what the change forbids: all that is about the contact, or to her alone."""
    return [one.pk for one in some if what != "a withdrawn permission" or one.channel == "text"]


def trials(world: World, what: str, *, most: int, until: int | None = None) -> list[int]:
    """Run one interleaving a mother; return the messages that were taken after the commit that forbade them.

    Two threads meet at a barrier before each: one hands her messages over, the text and those to her lay-worker in a lot
    each, the other makes the change. By chance the change begins a while after them, or they begin when it has come to
    one of its queries. Ends early once ``until`` were found.
    """
    ready, done = threading.Barrier(2), threading.Barrier(2)
    acts = [act(world, what, mother) for mother in world.mothers[:most]]
    carrier, committed, broken = Noting(), dict[int, float](), []
    goes = threading.Event()
    found: list[int] = []
    unmade: list[int] = []

    def both(step: Callable[[int, Mother], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                for place, mother in enumerate(world.mothers[:most]):
                    ready.wait(30)
                    if until is not None and len(found) >= until:
                        break
                    step(place, mother)
                    done.wait(30)
                    goes.clear()
            except Exception as error:
                broken.append(error)
                ready.abort()
                done.abort()
            finally:
                connection.close()

        return run

    def send(place: int, mother: Mother) -> None:
        assert goes.wait(30)
        hers = world.messages[mother.pk]
        lots = [[one.pk for one in hers if (one.channel == "text") is to_her] for to_her in (True, False)]
        random.shuffle(lots)
        for lot in lots:
            try:
                delivery.hand_over(message_ids=lot, carrier=carrier, now=NOW)
            except delivery.CannotBeMade:
                # Without the lock what it says can be gone between the question and the words.
                unmade.extend(lot)

    def make_the_change(place: int, mother: Mother) -> None:
        starts_at = random.choice([0, random.randrange(1, LONGEST_CHANGE)])
        asked = count(1)

        def counting(execute: Any, *args: Any) -> Any:
            if next(asked) == starts_at:
                goes.set()
            return execute(*args)

        if starts_at == 0:
            goes.set()
            sleep(random.random() * 0.02)
        with connection.execute_wrapper(counting):
            committed[mother.pk] = acts[place]()
        goes.set()

    def look(mother: Mother) -> None:
        for pk in forbidden(what, world.messages[mother.pk]):
            if carrier.taken.get(pk, 0) > committed[mother.pk]:
                found.append(pk)

    def change_and_look(place: int, mother: Mother) -> None:
        make_the_change(place, mother)
        if place:
            look(world.mothers[place - 1])

    Message.objects.filter(pk__in=[one.pk for some in world.messages.values() for one in some]).update(
        status="handing_over", lease_until=NOW + DAY
    )
    threads = [threading.Thread(target=both(send)), threading.Thread(target=both(change_and_look))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert not any(thread.is_alive() for thread in threads)
    assert broken == []
    if len(committed) == most:
        look(world.mothers[most - 1])
    taken, never = set(carrier.taken), 0
    for mother_id in committed:
        for pk in forbidden(what, world.messages[mother_id]):
            never += pk not in taken
    if until is None:
        assert unmade == []
        # Both came first often enough for the trials to have tried anything.
        assert 0 < never < sum(len(forbidden(what, world.messages[mother_id])) for mother_id in committed)
    return found


@pytest.mark.parametrize("what", CHANGES)
def test_in_a_thousand_interleavings_nothing_forbidden_leaves_after_the_commit(what: str) -> None:
    """Two hundred and fifty of each kind of change."""
    world = make_world(TRIALS)
    assert trials(world, what, most=TRIALS) == []
    standing = Message.objects.filter(pk__in=[one.pk for some in world.messages.values() for one in some])
    assert set(standing.values_list("status", flat=True)) == {"sent", "cancelled"}


@pytest.mark.parametrize("what", CHANGES)
def test_without_the_lock_the_same_trials_find_one_that_leaves_after_it(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(TRIALS)
    monkeypatch.setattr(gates, "lock_exclusively", lambda gate_ids: None)
    assert trials(world, what, most=TRIALS, until=1) != []


def test_while_five_hundred_messages_are_sent_each_change_stops_what_it_forbids_and_nothing_else() -> None:
    """As the ticks send them: the post one by one, in the app by fifties, and changes of forty mothers meanwhile."""
    world = make_world(170)
    all_of_them = [one for some in world.messages.values() for one in some]
    assert len(all_of_them) > 500
    carriers = {"email": Noting(), "in_app": Noting(batch=50, ms=0.5), "text": Noting()}
    changed = random.sample(world.mothers, 40)
    acts = [
        (CHANGES[place % 4], mother, act(world, CHANGES[place % 4], mother)) for place, mother in enumerate(changed)
    ]
    committed: dict[int, float] = {}
    broken: list[Exception] = []
    begun = threading.Event()

    def send(channel: str) -> None:
        begun.set()
        while Message.objects.filter(channel=channel, status="queued", due_at__lte=NOW, pk__in=wanted).exists():
            delivery.deliver_due(now=NOW, carriers={channel: carriers[channel]})

    def change() -> None:
        begun.wait(10)
        for _what, mother, run in acts:
            sleep(random.random() * 0.05)
            committed[mother.pk] = run()

    def kept(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            except Exception as error:
                broken.append(error)
            finally:
                connection.close()

        return run

    wanted = [one.pk for one in all_of_them]
    threads = [threading.Thread(target=kept(lambda channel=channel: send(channel))) for channel in carriers]
    threads.append(threading.Thread(target=kept(change)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert broken == [] and not any(thread.is_alive() for thread in threads)
    taken = {pk: at for carrier in carriers.values() for pk, at in carrier.taken.items()}
    after = [
        pk
        for what, mother, _run in acts
        for pk in forbidden(what, world.messages[mother.pk])
        if taken.get(pk, 0) > committed[mother.pk]
    ]
    assert after == []
    may_stay = {pk for what, mother, _run in acts for pk in forbidden(what, world.messages[mother.pk])}
    assert set(wanted) - set(taken) <= may_stay


@pytest.fixture
def hanging() -> Iterator[tuple[Recording, threading.Event, threading.Event]]:
    in_hand, let_go = threading.Event(), threading.Event()

    def hangs(message: Message) -> None:
        in_hand.set()
        assert let_go.wait(30)

    yield Recording(does=hangs), in_hand, let_go
    let_go.set()


def test_a_lay_worker_logs_within_a_second_while_a_carrier_hangs_with_a_message_about_her(
    hanging: tuple[Recording, threading.Event, threading.Event],
) -> None:
    carrier, in_hand, let_go = hanging
    world = make_world(1)
    [mother] = world.mothers
    message = next(one for one in world.messages[mother.pk] if one.channel == "email")
    Message.objects.filter(pk=message.pk).update(status="handing_over", lease_until=NOW + DAY)

    def send() -> None:
        try:
            delivery.hand_over(message_ids=[message.pk], carrier=carrier, now=NOW)
        finally:
            connection.close()

    thread = threading.Thread(target=send)
    thread.start()
    try:
        assert in_hand.wait(20)
        began = monotonic()
        one = entry(happened_at=NOW - timedelta(hours=1), concern="today", please_ring_me=True)
        recorded = contacts.record(
            mother=mother, lay_worker=world.lay_worker, entry=one, by=world.lay_worker.user, now=NOW
        )
        took = monotonic() - began
        assert thread.is_alive(), "the carrier did not hang"
    finally:
        let_go.set()
        thread.join(20)
    assert took < 1
    assert recorded.is_new and carrier.given == [message.pk]


def test_two_phones_recording_one_loss_at_once_record_it_once() -> None:
    from tests.services.races import at_once

    lay_worker = make_lay_worker()
    mother: Any = make_mother(paired_with=lay_worker)
    results = at_once(*[lambda: losses.record(mother=mother, kind="stillbirth", by=lay_worker.user, now=NOW)] * 5)
    assert not any(isinstance(result, Exception) for result in results), results
    assert {result.pk for result in results} == {results[0].pk}
