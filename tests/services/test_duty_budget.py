"""At most eight new duties a week for forty mothers (domain.md section 7): the sample cohort, lived on day by day."""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from uuid import UUID

import pytest

from mentoring.models import Contact, ContactPlan, Duty, LayWorker, Mother, Pairing, PlannedContact
from mentoring.queries.statuses import held_plans
from mentoring.rules.refusals import Refused
from mentoring.services import bulk, contacts, duties, mothers, pairings, plans, sample
from people.models import Baby, Locality, SafeContact
from people.rules.local_time import local_date, local_instant
from tests.factories import safe_sheet

pytestmark = pytest.mark.django_db
BEGINS = date(2026, 9, 7)
# As many as eleven lay-workers are there for; the budget is of forty.
MOTHERS, OF, BUDGET, WEEKS = 120, 40, 8, 8


class Programme:
    """What people do from day to day, by chance that repeats: those of the sample, and who comes after them."""

    def __init__(self) -> None:
        self.chance = random.Random(3)
        sample.load(mothers=MOTHERS, seed=1, on=BEGINS, now=local_instant(BEGINS, time(0)), sign_ins=False)
        # By mother: how she takes to it, as the sample draws it; from when she wants less; when her baby will be known.
        self.course: dict[int, str] = {}
        self.turns_on: dict[int, date] = {}
        self.known_on: dict[int, date] = {}
        self.tries_on: dict[int, date] = {}
        self.pairs_on: dict[Mother, date] = {}
        for mother in Mother.objects.order_by("pk").select_related("person__pregnancy"):
            self._draw(mother)
        for mother in Mother.objects.filter(pairings=None).order_by("pk").select_related("midwife"):
            # Those whom the sample leaves waiting are paired one by one, as someone has room.
            self.pairs_on[mother] = BEGINS + timedelta(days=self.chance.randrange(1, 7 * WEEKS))

    def _draw(self, mother: Mother) -> None:
        self.course[mother.pk] = self.chance.choice(sample.COURSES)
        self.turns_on[mother.pk] = mother.starts_on + timedelta(days=self.chance.randrange(50, 90))
        self.known_on[mother.pk] = mother.person.pregnancy.edd + timedelta(days=self.chance.randrange(-19, 18))

    def lives(self, on: date) -> None:
        """One day: someone may come, the log is written, changes are asked for, the tick sweeps, midwives act."""
        if on.isoweekday() in (2, 4, 5) and on.toordinal() // 7 % 2:
            self._someone_comes(on)
        for mother in [mother for mother, pairs_on in self.pairs_on.items() if pairs_on == on]:
            self._pair(mother, local_instant(on, time(11)))
        logged = [self._logged(row, outcome, on) for row, outcome in self._attempts(on)]
        bulk.record_many(logged)
        bulk.refulfil_many(mother_ids=[one.mother.pk for one in logged])
        self._changes(on)
        self._trial_office_asks_again(on)
        duties.sweep(now=local_instant(on, time(18)))
        if on.isoweekday() <= 5:
            self._midwives_act(on)

    def _someone_comes(self, on: date) -> None:
        """Three more women a fortnight: a hundred and twenty who stay a year and a half. Paired after the sample's waits."""
        now = local_instant(on, time(9))
        lay_worker = self.chance.choice(list(LayWorker.objects.order_by("pk").select_related("supervisor__user")))
        mother = mothers.register(
            registration=mothers.Registration(
                first_name="Newly", family_name="Invented", name_to_use="Newly", starts_on=on,
                edd=on + timedelta(days=self.chance.randrange(150, 210)), locality_id=Locality.objects.earliest("pk").pk,
                sheet=safe_sheet(asked_on=on), midwife_id=lay_worker.supervisor_id,
            ),
            by=lay_worker.supervisor.user, now=now,
        )  # fmt: skip
        self._draw(mother)

    def _attempts(self, on: date) -> Iterator[tuple[Pairing, str]]:
        """Yield who is tried today and what comes of it: within three days of the due date, again after a failure."""
        due = {
            row.mother_id: row
            for row in PlannedContact.objects.filter(
                withdrawn_at=None,
                made_on=None,
                opens_on__lte=on,
                closes_on__gt=on,
                # What was due before, the sample has tried or let go.
                due_on__range=(BEGINS - timedelta(days=3), on + timedelta(days=3)),
            )
        }
        for pairing in (
            Pairing.objects.filter(ended_at=None, starts_on__lt=on)
            .select_related("mother", "lay_worker__user")
            .order_by("pk")
        ):
            row = due.get(pairing.mother_id)
            if row is None or on < self.tries_on.get(pairing.mother_id, row.due_on + timedelta(days=row.pk % 5 - 2)):
                continue
            fade = min(0.6, (on - pairing.starts_on).days / 500) if self.course[pairing.mother_id] == "fades" else 0.0
            missing = {"hard": 0.6}.get(self.course[pairing.mother_id], 0.08) + fade
            reached = self.chance.random() >= missing and self.chance.random() < 0.8
            # After a failure again within the window, for those who are not given up for it.
            again = 2 if self.chance.random() < 0.7 else 9
            self.tries_on[pairing.mother_id] = on + timedelta(days=again)
            if reached:
                del self.tries_on[pairing.mother_id]
            yield pairing, "reached" if reached else self.chance.choice(sample.NOT_REACHED)

    def _logged(self, pairing: Pairing, outcome: str, on: date) -> bulk.Logged:
        reached = outcome == "reached"
        at = local_instant(on, time(9 + self.chance.randrange(8)))
        entry = contacts.Entry(
            client_id=UUID(int=self.chance.getrandbits(128), version=4), happened_at=at,
            mode="phone" if reached else sample.HOW.get(outcome, "phone"), outcome=outcome,
            minutes=20 if reached else None, present=() if reached else None, concern="none" if reached else "",
            feeling=self.chance.randrange(2, 6) if self.chance.random() < 0.3 else None,
        )  # fmt: skip
        return bulk.Logged(pairing.mother, pairing.lay_worker, entry, pairing.lay_worker.user, at)

    def _changes(self, on: date) -> None:
        born = set(Baby.objects.values_list("pregnancy__person__mother", flat=True))
        for pairing in Pairing.objects.filter(ended_at=None).select_related(
            "mother__person", "lay_worker__user", "mother__midwife"
        ):
            mother = pairing.mother
            if on >= self.known_on[mother.pk] and mother.pk not in born:
                self._asks(pairing, plans.Birth(on - timedelta(days=self.chance.randrange(1, 9))), on)
            if on == self.turns_on[mother.pk] and self.course[mother.pk] == "less":
                self._asks(pairing, plans.Rhythm(28), on)
            if on == self.turns_on[mother.pk] and self.course[mother.pk] == "pauses":
                self._asks(pairing, plans.PauseFor(None, self.chance.choice((on + timedelta(days=29), None))), on)
            if on == self.turns_on[mother.pk] and self.course[mother.pk] == "stops":
                self._asks(pairing, plans.Hold("ended"), on)
                pairings.end(
                    pairing=pairing, reason="ended", by=pairing.lay_worker.user, now=local_instant(on, time(17))
                )

    def _trial_office_asks_again(self, on: date) -> None:
        """On its schedule of ten weeks, as in the sample; one in three it does not get hold of alone (section 6)."""
        for sheet in SafeContact.objects.filter(asked_on=on - timedelta(days=70)).order_by("pk"):
            if self.chance.random() < 2 / 3:
                SafeContact.objects.filter(pk=sheet.pk).update(asked_on=on)

    def _asks(self, pairing: Pairing, request: plans.Request, on: date) -> None:
        try:
            plans.change(
                mother=pairing.mother, request=request, asked_by="she_to_lay_worker", by=pairing.lay_worker.user,
                now=local_instant(on, time(17)),
            )  # fmt: skip
        except Refused:
            return

    def _midwives_act(self, on: date) -> None:
        """What is due by tomorrow is done today, as the page says to do it; what can wait, waits."""
        now = local_instant(on, time(19))
        due = Duty.objects.filter(closed_at=None, due_on__lte=on + timedelta(days=1)).order_by("pk")
        due = due.exclude(kind="waiting")  # Nothing but a pairing ends a wait.
        for duty in due.select_related("mother__person", "owner__user"):
            by = duty.owner.user  # type: ignore[union-attr]  # it is there: made above
            if duty.kind == "introduce":
                pairings.introduce_now(mother_id=duty.mother_id, on=on, how="clinic", by=by, now=now)
            elif duty.kind == "safe_contact_reask":
                assert duty.mother is not None
                SafeContact.objects.filter(person=duty.mother.person_id).update(asked_on=on)
                duties.settle(mother=duty.mother, kind=duty.kind, outcome="done", by=by, now=now)
            else:
                duties.close(duty=duty, outcome="she_said_no" if duty.kind == "re_offer" else "done", by=by, now=now)

    def _pair(self, mother: Mother, now: datetime) -> None:
        for lay_worker in (
            LayWorker.objects.filter(supervisor=mother.midwife).order_by("pk").select_related("supervisor__user")
        ):
            try:
                pairings.pair(mother=mother, lay_worker=lay_worker, by=lay_worker.supervisor.user, now=now)
            except Refused:
                continue
            return


def test_forty_mothers_give_their_midwives_at_most_eight_new_duties_a_week() -> None:
    programme = Programme()
    for number in range(7 * WEEKS):
        programme.lives(BEGINS + timedelta(days=number))

    assert Contact.objects.filter(happened_on__gte=BEGINS).count() > 3 * MOTHERS, "they lived"
    going = ContactPlan.objects.filter(closed_at=None).exclude(pk__in=held_plans().values("plan")).count()
    weeks: Counter[int] = Counter()
    of_kind: Counter[str] = Counter()
    new = Duty.objects.filter(raised_at__gte=local_instant(BEGINS, time(1)))
    for kind, raised_at in new.values_list("kind", "raised_at"):
        weeks[(local_date(raised_at) - BEGINS).days // 7] += 1
        of_kind[kind] += 1
    per_forty = {week: round(weeks[week] * OF / going, 1) for week in range(WEEKS)}
    said = f"{per_forty} new a week for {OF} of {going} mothers; in all {dict(of_kind)}"
    assert max(per_forty.values()) <= BUDGET, said
    assert len(of_kind) >= 9, said
