"""One run: a programme with texts that are due, processes that send them, faults and changes dealt by chance, a verdict."""

import random
import signal
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from datetime import time as time_of_day

from django.db import connection, transaction

from benchmarks.world import World
from mentoring.models import Appointment, Mother, Pairing, PlannedContact
from mentoring.services import bulk, losses, mothers, pairings, plans, reminders
from mentoring.services.mothers import Number, Registration, Sheet
from outbox.models import Message
from outbox.services import delivery
from people.models import SafeContact, SafeTime
from people.rules.local_time import local_date, local_instant
from tests.faults.clock import Clock
from tests.faults.house import House, ask
from tests.faults.verdict import SETTLED, Fate, Verdict, verdict

BEGINS, SOME_END, ALL_END = time_of_day(17), time_of_day(17, 15), time_of_day(19)
# A tick knows the time at which it began, and its last text is with the carrier so many seconds later at the most.
LONGEST_TICK_SECONDS = delivery.SECONDS_A_TICK + 5
ONE_IN = {"whose hours end early": 20, "whose text is forbidden": 8}
DECK = {"a worker killed": 12, "a beat killed": 2, "the broker flushed": 2, "the broker away": 1, "PostgreSQL restarted": 1,
        "PostgreSQL crashed": 1}  # fmt: skip
SHORT_DECK = {"a worker killed": 2, "the broker flushed": 1, "PostgreSQL restarted": 1}


class Texted(World):
    """A programme whose mothers all want texts and have a visit due tomorrow."""

    def registration(self, number: int, starts_on: date) -> Registration:
        return replace(
            super().registration(number, starts_on),
            numbers=(Number(f"+4477009{number:05}", safe_to_call=True, safe_to_text=True),),
            sheet=Sheet(asked_on=self.today, was_alone=True, texts_opted_in=True),
        )

    def new(self, number: int) -> bulk.New:
        """Return one mother to be written, of a plan that has a contact due tomorrow."""
        one = super().new(number)
        starts_on = self.today + timedelta(days=1 - 14 * (1 + number % 10))
        assert one.paired is not None
        paired = replace(one.paired, starts_on=starts_on, offered_from=starts_on)
        return bulk.New(self.registration(number, starts_on), self.state(starts_on), paired)


class Run:
    """Deals by its seed alone; what then meets what is up to the machine."""

    def __init__(self, stands: House, carrier: str, chosen: Namespace) -> None:
        self.house, self.carrier, self.chosen = stands, carrier, chosen
        self.chance = random.Random(chosen.seed)
        self.day = local_date(datetime.now().astimezone())
        self.happened: Counter[str] = Counter()
        self.forbidden: dict[str, float] = {}
        self.early: set[str] = set()
        self.took = 0.0

    def go(self) -> Verdict:
        """Return what came of it."""
        self._write(local_instant(self.day, time_of_day(12)))
        self.clock = Clock(time.time(), local_instant(self.day, BEGINS), self.chosen.speed)
        self.house.environment |= self.clock.environment()
        for number in range(2):
            self.house.start(f"beat {number}", "celery", "-A", "tests.faults.app", "beat", "--loglevel", "WARNING")
        for number in range(self.chosen.workers):
            self.house.start(
                f"worker {number}", "celery", "-A", "tests.faults.app", "worker", "--pool", "solo",
                "--hostname", f"worker{number}@faults", "--without-mingle", "--without-gossip", "--loglevel", "WARNING",
            )  # fmt: skip
        while self._waiting() == self.chosen.reminders and not self._is_late():
            time.sleep(0.1)
        began = time.time()
        self._deal()
        while self._waiting() and not self._is_late():
            time.sleep(0.2)
        self.took = time.time() - began
        for name in self.house.commands:
            self.house.kill(name)
        return verdict(self._fates())

    def report(self, told: Verdict) -> list[str]:
        """Return the lines to be printed."""
        why = Counter(Message.objects.filter(channel="text").values_list("status", "why"))
        return [
            f"faults      {_listed(self.happened)}",
            f"forbidden   {len(self.forbidden)} while it ran, {len(self.early)} with hours that end early;"
            f" {told.withheld} of them did not go",
            f"standing    {_listed(Counter({' '.join(filter(None, key)): count for key, count in why.items()}))}",
            f"throughput  {told.sent / self.took:.1f}/s: {told.sent} in {self.took:.0f} s",
            f"lost {told.lost}  doubled {told.doubled}  stale {told.stale}  needing a person {told.needs_a_person}",
        ]

    def _write(self, now: datetime) -> None:
        """Every mother has a text about tomorrow's visit in the outbox, and nobody has anything else."""
        world = self.world = Texted(now=now)
        visit_at = local_instant(self.day + timedelta(days=1), time_of_day(14))
        for start in range(0, self.chosen.reminders, 500):
            with transaction.atomic():
                numbers = range(start, min(start + 500, self.chosen.reminders))
                made = bulk.register_many(
                    [world.new(number) for number in numbers], version=world.version, midwife_id=None, by=None, now=now
                )
                rows = PlannedContact.objects.filter(mother__in=made, due_on=visit_at.date(), withdrawn_at__isnull=True)
                Appointment.objects.bulk_create(
                    Appointment(
                        mother_id=row.mother_id, lay_worker_id=row.lay_worker_id, planned_contact=row, mode="home_visit",
                        starts_at=visit_at, agreed_at=now, agreed_by=world.midwives[0].user,
                    )
                    for row in rows
                )  # fmt: skip
                early = [made[place].person_id for place in range(0, len(made), ONE_IN["whose hours end early"])]
                SafeTime.objects.bulk_create(
                    SafeTime(
                        safe_contact=sheet, weekdays=[1, 2, 3, 4, 5, 6, 7], from_time=time_of_day(9), to_time=SOME_END
                    )
                    for sheet in SafeContact.objects.filter(person__in=early)
                )
                reminders.refresh_for(mother_ids=[mother.pk for mother in made], now=now)
                self.early |= {
                    str(one) for one in _texts().filter(subject__in=early).values_list("reference", flat=True)
                }
        self.house.as_owner("DELETE FROM outbox_message WHERE channel <> 'text'; ANALYZE")
        assert self._waiting() == self.chosen.reminders, self._waiting()

    def _waiting(self) -> int:
        return _texts().exclude(status__in=SETTLED).count()

    def _is_late(self) -> bool:
        return self.clock.now() >= local_instant(self.day, ALL_END) - timedelta(minutes=5)

    def _deal(self) -> None:
        """Faults in an order of chance, over and over while texts wait, and changes between them."""
        deck: list[str] = []
        changes = self.chosen.reminders // ONE_IN["whose text is forbidden"]
        rounds = 0
        while self._waiting() > self.chosen.reminders // 20 and not self._is_late():
            if not deck and not (self.chosen.short and rounds):
                rounds += 1
                deck = list(Counter(SHORT_DECK if self.chosen.short else DECK).elements())
                self.chance.shuffle(deck)
            for _time in range(self.chance.randrange(1, 6)):
                time.sleep(self.chance.uniform(0, 0.4 if self.chosen.short else 2))
                if changes:
                    changes -= self._forbid_one()
            if deck:
                what = deck.pop()
                self._fail(what)
                self.happened[what] += 1

    def _fail(self, what: str) -> None:
        away = self.chance.uniform(0, 1 if self.chosen.short else 5)
        match what:
            case "a worker killed":
                name = f"worker {self.chance.randrange(self.chosen.workers)}"
                self.house.kill(name)
                self.house.start(name)
            case "a beat killed":
                name = f"beat {self.chance.randrange(2)}"
                self.house.kill(name)
                self.house.start(name)
            case "the broker flushed":
                self.house.flush_broker()
            case "the broker away":
                self.house.stop_broker(away)
            case _:
                connection.close()
                crash = what.endswith("crashed")
                self.house.restart_postgres(lambda: time.sleep(away), number=signal.SIGQUIT if crash else signal.SIGINT)

    def _forbid_one(self) -> bool:
        """One of the texts next in line, or anywhere, is forbidden by what a person does; returns whether one waited."""
        waiting = list(
            _texts().exclude(status__in=SETTLED).order_by("due_at", "id").values_list("reference", "subject")
        )
        if not waiting:
            return False
        reference, person_id = self.chance.choice(waiting[:12] if self.chance.random() < 0.7 else waiting)
        mother = Mother.objects.select_related("person").get(person=person_id)
        what, forbid = self.chance.choice(list(self._changes().items()))
        if str(reference) in self.forbidden:
            return False
        forbid(mother)
        self.forbidden[str(reference)] = time.time()
        self.happened[what] += 1
        return True

    def _changes(self) -> dict[str, Callable[[Mother], object]]:
        now, by = self.clock.now(), self.world.midwives[0].user

        def transfer(mother: Mother) -> None:
            pairing = Pairing.objects.get(mother=mother, ended_at__isnull=True)
            pairings.end(pairing=pairing, reason="moved", by=by, now=now)

        return {
            "a loss": lambda mother: losses.record(mother=mother, kind="stillbirth", by=by, now=now),
            "a pause": lambda mother: plans.change(
                mother=mother, request=plans.PauseFor(), asked_by="mother", by=by, now=now
            ),
            "a permission withdrawn": lambda mother: mothers.suspend_safe_contact(mother=mother, by=by, now=now),
            "a transfer": transfer,
        }

    def _fates(self) -> list[Fate]:
        times: dict[str, list[float]] = ask(f"{self.carrier}/times")
        early_end = self.clock.seconds_at(local_instant(self.day, SOME_END))
        over = early_end < time.time()
        fates = []
        for reference, status in _texts().values_list("reference", "status"):
            key = str(reference)
            ends = [self.forbidden[key]] if key in self.forbidden else []
            if key in self.early and over:
                ends.append(early_end + LONGEST_TICK_SECONDS)
            fates.append(Fate(status, times.get(key, []), min(ends, default=None)))
        return fates


def _texts():  # type: ignore[no-untyped-def]  # a queryset of messages
    return Message.objects.filter(channel="text")


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} x {what}" for what, count in sorted(counts.items()))
