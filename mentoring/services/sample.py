"""An invented cohort, made by the services that make the real one, so that no row could not have come from a page."""

import random
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial

from django.db import transaction

from mentoring.models import Duty, LayWorker, Midwife, Mother, Pairing
from mentoring.rules.changes import UNSET
from mentoring.rules.duties import SUPERVISION_DAYS
from mentoring.rules.refusals import Refused
from mentoring.services import (
    appointments,
    bulk,
    contacts,
    duties,
    mothers,
    pairings,
    plans,
    protocol,
    reminders,
    rota,
    staff,
)
from outbox.services import delivery
from people.models import Locality, RoleGrant, User
from people.rules.local_time import local_date, local_instant
from people.rules.roles import Role

PASSWORD = "alongside-demo"  # noqa: S105 - printed by the demo, refused by production
SIGN_INS = (
    ("layworker", "Lena Layworker", Role.LAY_WORKER),
    ("midwife", "Mina Midwife", Role.MIDWIFE),
    ("lead", "Lotte Lead", Role.LEAD),
    ("recruiter", "Rea Recruiter", Role.RECRUITER),
    ("coordinator", "Cora Coordinator", Role.COORDINATOR),
    ("statistician", "Stella Statistician", Role.STATISTICIAN),
    ("assessor", "Asta Assessor", Role.ASSESSOR),
    ("dpo", "Dana Dataprotection", Role.DPO),
    ("admin", "Alma Administrator", Role.ADMINISTRATOR),
)
LOCALITIES = ("Examplehill", "Sampleside", "Testwater", "Mockfield")
FIRST_NAMES = ("Aoife", "Bríd", "Chloe", "Dervla", "Ewa", "Fatima", "Grace", "Hana", "Ita", "Jess", "Kayla", "Lucia")
FAMILY_NAMES = ("Invented", "Example", "Sample", "Pretend", "Madeup", "Imagined", "Fictional", "Notreal")
LANGUAGES = ("English", "English", "English", "English", "Polish", "Romanian", "Arabic")
LAY_WORKERS, MIDWIVES = 11, 2
ROTA_WEEKS = 12
# Introduced before the first attempt: most, not all.
INTRODUCED = 0.9
# How she takes to it: keeps in touch throughout, fades, asks for less, pauses, stops, is hard to reach.
COURSES = ("full", "full", "full", "fades", "less", "pauses", "stops", "hard")
# What is typed and when: an entry of the log, or a change.
Act = tuple[datetime, contacts.Entry | Callable[[], object]]
HOW = {"text_no_reply": "text", "not_in": "home_visit"}
NOT_REACHED = ("no_answer", "no_answer", "no_answer", "voicemail_left", "not_in", "someone_else", "text_no_reply")


class NotEmpty(Exception):
    """There are people here: a sample would stand among real ones."""


class NotYet(Exception):
    """A past that ends on a day to come would hold entries that no page takes."""


def is_empty() -> bool:
    """Return whether nobody has an account yet."""
    return not User.objects.exists()


@transaction.atomic
def load(*, mothers: int, seed: int, on: date, now: datetime, sign_ins: bool) -> int:
    """Eleven lay-workers, two midwives and as many mothers as asked, with their past up to ``on``; returns how many.

    The same seed and day give the same rows, at whatever hour; nothing has happened yet on ``on`` itself. All or
    nothing. Raises NotEmpty, and NotYet for a day after today.
    """
    if on > local_date(now):
        raise NotYet
    if not is_empty():
        raise NotEmpty
    return _Cohort(seed=seed, on=on, sign_ins=sign_ins).make(mothers)


class _Cohort:
    def __init__(self, *, seed: int, on: date, sign_ins: bool) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self.on = on
        self.now = local_instant(on, time(0))
        self.sign_ins = sign_ins
        self.begun = local_instant(on - timedelta(days=700), time(9))

    def make(self, count: int) -> int:
        version = protocol.in_force(now=self.begun)
        self.most = version.mothers_per_lay_worker
        self.localities = [Locality.objects.create(name=name) for name in LOCALITIES]
        midwives = [self._midwife(number) for number in range(MIDWIVES)]
        self.lay_workers = [
            self._lay_worker(number, midwives[number % MIDWIVES], self.localities[number % len(self.localities)])
            for number in range(LAY_WORKERS)
        ]
        self.load = [0] * LAY_WORKERS
        if self.sign_ins:
            for name, full_name, role in SIGN_INS:
                if role not in {Role.LAY_WORKER, Role.MIDWIFE}:
                    self._user(name, full_name, role)
        self.made: list[int] = []
        for number in range(count):
            self._mother(number)
        self._watch(midwives)
        reminders.refresh_for(mother_ids=self.made, now=self.now)
        for channel in reminders.CHANNELS:
            # Of a past that nobody lived no message was sent.
            delivery.expire(channel=channel, now=self.now)
        return count

    def _watch(self, midwives: list[Midwife]) -> None:
        """The two midwives take turns in the rota, and have seen to what was due before this week."""
        for week in range(ROTA_WEEKS):
            starts_on = self.on + timedelta(days=7 * week)
            on_duty, second = midwives[week % 2].user, midwives[(week + 1) % 2].user
            rota.name(
                on_duty=on_duty,
                second=second,
                starts_at=local_instant(starts_on, time(0)),
                ends_at=local_instant(starts_on + timedelta(days=7), time(0)),
                by=on_duty,
                now=self.now,
            )
        for number, lay_worker in enumerate(self.lay_workers):
            # One by one, as people are met: all on one day, they would all be due on one day for ever.
            met_at = self.now - timedelta(days=1 + number * SUPERVISION_DAYS // LAY_WORKERS)
            met = duties.raise_now(
                kind=Duty.Kind.SUPERVISION_DUE,
                lay_worker=lay_worker,
                owner=lay_worker.supervisor,
                due_on=local_date(met_at),
                by=None,
                now=met_at,
            )
            duties.close(duty=met, outcome=Duty.Outcome.DONE, by=lay_worker.supervisor.user, now=met_at)
        duties.sweep(now=self.now)
        for duty in Duty.objects.filter(closed_at__isnull=True, due_on__lt=self.on).exclude(kind=Duty.Kind.WAITING):
            by = duty.owner.user if duty.owner is not None else midwives[0].user
            duties.close(duty=duty, outcome=Duty.Outcome.DONE, by=by, now=self.now)

    def _user(self, name: str, full_name: str, role: Role) -> User:
        password = PASSWORD if self.sign_ins else None
        user = User.objects.create_user(
            email=f"{name}@example.org", password=password, name=full_name, joined_at=self.begun
        )
        RoleGrant.objects.create(user=user, role=role.value, granted_at=self.begun)
        return user

    def _midwife(self, number: int) -> Midwife:
        name, full_name = ("midwife", "Mina Midwife") if number == 0 else (f"midwife{number + 1}", "Marta Midwife")
        user = self._user(name, full_name, Role.MIDWIFE)
        User.objects.filter(pk=user.pk).update(phone="+442890000100")
        return staff.make_midwife(user=user, by=None, now=self.begun)

    def _lay_worker(self, number: int, supervisor: Midwife, locality: Locality) -> LayWorker:
        name, full_name = (
            ("layworker", "Lena Layworker")
            if number == 0
            else (f"layworker{number + 1}", f"Lay-worker Number{number + 1}")
        )
        languages = ["English"] if number % 3 else ["English", LANGUAGES[4 + number % 3]]
        return staff.make_lay_worker(
            user=self._user(name, full_name, Role.LAY_WORKER),
            supervisor=supervisor,
            locality=locality,
            languages=languages,
            weekly_hours=Decimal(6 + number % 4),
            by=None,
            now=self.begun,
        )

    def _mother(self, number: int) -> None:
        chance = self.chance
        place = 0 if number % 5 == 0 else chance.randrange(LAY_WORKERS)
        if self.load[place] >= self.most:
            place = min(range(LAY_WORKERS), key=lambda other: self.load[other])
        lay_worker = self.lay_workers[place]
        midwife = lay_worker.supervisor.user
        starts_on = self.on - timedelta(
            days=chance.choice((3, 10, 24, 60, 100, 160, 220, 300, 380)) + chance.randrange(14)
        )
        edd = starts_on + timedelta(days=chance.randrange(150, 210))
        first = FIRST_NAMES[number % len(FIRST_NAMES)]
        safe = chance.random() < 0.9
        numbers = (mothers.Number(f"07700 900{100 + number % 900:03d}", safe, safe and chance.random() < 0.5),)
        sheet = mothers.Sheet(
            asked_on=starts_on,
            was_alone=chance.random() < 0.9,
            if_someone_else_answers="Say you are a friend from the group." if chance.random() < 0.4 else "",
            what_to_do="Ring twice and wait." if chance.random() < 0.3 else "",
            lives_with=tuple(chance.sample(("partner", "her_mother", "other_family"), chance.randrange(0, 2))),
            texts_opted_in=numbers[0].safe_to_text,
            hours=(mothers.Hours((1, 2, 3, 4, 5), time(9), time(19)),) if chance.random() < 0.3 else (),
        )
        mother = mothers.register(
            registration=mothers.Registration(
                first_name=first,
                family_name=FAMILY_NAMES[chance.randrange(len(FAMILY_NAMES))],
                name_to_use=first,
                starts_on=starts_on,
                edd=edd,
                locality_id=lay_worker.locality_id,
                date_of_birth=date(1998 + chance.randrange(9), 1 + chance.randrange(12), 1 + chance.randrange(28)),
                address=f"{1 + number} Madeup Street",
                language=chance.choice(LANGUAGES),
                numbers=numbers,
                sheet=sheet,
                programme_code=f"M-{seed_code(chance)}",
                midwife_id=lay_worker.supervisor_id,
            ),
            by=midwife,
            now=local_instant(starts_on, time(10, chance.randrange(60))),
        )
        self.made.append(mother.pk)
        paired_on = starts_on + timedelta(days=chance.choice((0, 0, 1, 2, 5, 12)))
        if number % 12 != 7 and self.load[place] < self.most and paired_on < self.on:
            self.load[place] += 1
            pairings.pair(
                mother=mother,
                lay_worker=lay_worker,
                by=midwife,
                now=local_instant(paired_on, time(11)),
                starts_on=paired_on,
            )
            self._live(mother, lay_worker, self._course(mother, lay_worker, paired_on, edd))
        asked_again_on = self.on - timedelta(days=chance.randrange(1, 70))
        if asked_again_on > starts_on:
            mothers.renew_safe_contact(
                mother=mother,
                sheet=replace(sheet, asked_on=asked_again_on),
                numbers=numbers,
                by=midwife,
                now=local_instant(asked_again_on, time(14)),
            )

    def _course(self, mother: Mother, lay_worker: LayWorker, paired_on: date, edd: date) -> list[Act]:
        """Return what happens with her, each with the instant at which it is typed."""
        chance = self.chance
        course = chance.choice(COURSES)
        born_on = edd + timedelta(days=chance.randrange(-20, 9))
        birth_known_on = born_on + timedelta(days=chance.randrange(1, 9))
        birth = plans.Birth(born_on, ("",) * (2 if chance.random() < 0.04 else 1))
        turns_on = paired_on + timedelta(days=chance.randrange(50, 90))
        turned = False
        acts: list[Act] = self._introduction(mother, lay_worker, paired_on)
        on = paired_on + timedelta(days=chance.randrange(2, 5))
        due_on, every_days = mother.starts_on, 14
        failures_first = chance.choice((0, 0, 1, 1, 2, 3))

        def change(request: plans.Request, on: date) -> None:
            acts.append(
                (
                    local_instant(on, time(8)),
                    lambda: plans.change(
                        mother=mother,
                        request=request,
                        asked_by="she_to_lay_worker",
                        by=lay_worker.user,
                        now=local_instant(on, time(8)),
                    ),
                )
            )

        if birth_known_on < self.on and (course != "stops" or birth_known_on < turns_on):
            change(birth, birth_known_on)
        while on < self.on:
            if not turned and on >= turns_on:
                turned = True
                if course == "less":
                    every_days = 28
                    change(plans.Rhythm(every_days), on)
                elif course == "pauses":
                    until_on = on + timedelta(days=chance.choice((28, 42)))
                    change(plans.PauseFor(None, UNSET if (until_on - on).days == 28 else None), on)
                    if (until_on - on).days != 28 and until_on < self.on:
                        change(plans.Resume(), until_on)
                    on, due_on = until_on + timedelta(days=1), until_on
                    continue
                elif course == "stops":
                    change(plans.Hold("ended"), on)
                    acts.append((local_instant(on, time(9)), partial(self._part, mother, on)))
                    return acts
            fade = min(0.6, (on - paired_on).days / 500) if course == "fades" else 0.0
            missing = {"hard": 0.6}.get(course, 0.08) + fade
            if failures_first > 0:
                failures_first -= 1
                acts += self._entry(on, reached=False)
                on += timedelta(days=chance.randrange(1, 4))
                continue
            if chance.random() < 0.25:
                acts += self._entry(on - timedelta(days=1), reached=False)
            if chance.random() >= missing:
                acts += self._entry(on, reached=True)
            elif chance.random() < 0.5:
                acts += self._entry(on, reached=False)
            while due_on < on + timedelta(days=every_days // 2):
                due_on += timedelta(days=every_days)
            on = due_on + timedelta(days=chance.randrange(-3, 4))
        if chance.random() < 0.3:
            starts_at = local_instant(self.on + timedelta(days=chance.randrange(1, 9)), time(10 + chance.randrange(7)))
            acts.append(
                (
                    self.now,
                    lambda: appointments.agree(
                        mother=mother,
                        starts_at=starts_at,
                        mode="home_visit",
                        place="her home",
                        by=lay_worker.user,
                        now=self.now,
                    ),
                )
            )
        return acts

    def _introduction(self, mother: Mother, lay_worker: LayWorker, paired_on: date) -> list[Act]:
        # Chance of its own: what follows is drawn as if nobody had been introduced.
        chance = random.Random(mother.programme_code)  # noqa: S311 - repeatable, not secret
        introduced_on = paired_on + timedelta(days=chance.randrange(1, 4))
        if introduced_on >= self.on or chance.random() >= INTRODUCED:
            return []
        at = local_instant(introduced_on, time(7))
        how = chance.choice(Pairing.IntroducedHow.values)
        by = lay_worker.supervisor.user
        introduce = partial(pairings.introduce_now, mother_id=mother.pk, on=introduced_on, how=how, by=by, now=at)
        return [(at, introduce)]

    def _part(self, mother: Mother, on: date) -> None:
        pairing = mother.pairings.get(ended_at__isnull=True)
        by = pairing.lay_worker.supervisor.user
        pairings.end(pairing=pairing, reason="ended", by=by, now=local_instant(on, time(9)))

    def _entry(self, on: date, *, reached: bool) -> list[Act]:
        chance = self.chance
        late_days = chance.choice((0, 0, 0, 0, 0, 0, 1, 3))
        happened_at = local_instant(on, time(9 + chance.randrange(9), chance.randrange(60)))
        outcome = "reached" if reached else chance.choice(NOT_REACHED)
        modes = ("phone", "phone", "home_visit", "video", "met_elsewhere")
        mode = chance.choice(modes) if reached else HOW.get(outcome, "phone")
        entry = contacts.Entry(
            client_id=uuid.UUID(int=chance.getrandbits(128), version=4),
            happened_at=happened_at,
            mode=mode,
            outcome=outcome,
            minutes=chance.choice((10, 15, 20, 30, 45, 60)) if reached else None,
            present=() if reached else None,
            concern="none" if reached else "",
            influence_asked=reached and chance.random() < 0.5,
            topics=tuple(sorted(chance.sample(("feeding", "sleep", "mood", "money", "appointments"), 2)))
            if reached
            else (),
            engagement=chance.randrange(2, 6) if reached else None,
            travel_minutes=chance.choice((10, 20, 30)) if reached and mode == "home_visit" else None,
            feeling=chance.randrange(2, 6) if chance.random() < 0.3 else None,
        )
        return [(min(happened_at + timedelta(days=late_days, minutes=30), self.now), entry)]

    def _live(self, mother: Mother, lay_worker: LayWorker, acts: list[Act]) -> None:
        """Everything in the order in which it was typed: a change counts what the log held by then, no more."""
        entries: list[bulk.Logged] = []
        for at, act in sorted(acts, key=lambda one: one[0]):
            if isinstance(act, contacts.Entry):
                entries.append(bulk.Logged(mother, lay_worker, act, lay_worker.user, at))
                continue
            self._log(mother, entries)
            entries = []
            self._try(act)
        self._log(mother, entries)

    def _log(self, mother: Mother, entries: list[bulk.Logged]) -> None:
        if entries:
            bulk.record_many(entries)
            bulk.refulfil_many(mother_ids=[mother.pk])

    def _try(self, act: Callable[[], object]) -> None:
        """A cohort drawn by chance asks for things that the rules refuse; so do people."""
        try:
            with transaction.atomic():
                act()
        except Refused:
            return


def seed_code(chance: random.Random) -> str:
    """Return a programme code drawn by ``chance``, in the alphabet of real ones."""
    return "".join(chance.choice(mothers.CODE_ALPHABET) for _place in range(6))
