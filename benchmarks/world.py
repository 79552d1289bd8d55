"""An invented programme of any size, written at once: mothers with whole plans, eighteen to a lay-worker, and a past."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from allauth.mfa.models import Authenticator
from django.db import connection, transaction

from mentoring.models import LayWorker, Midwife, Mother, PlannedContact, ProtocolVersion
from mentoring.rules import changes
from mentoring.services import bulk, protocol, staff
from mentoring.services.mothers import Number, Registration, Sheet
from people.models import AccessLog, Locality, RoleGrant, User
from people.rules.local_time import local_date
from people.rules.roles import Role

WITH_ONE, WITH_A_MIDWIFE, AT_ONCE = 18, 6, 500
ROWS_A_MOTHER = 41
DAYS_BACK = 560

# Most windows that have closed were kept; each has its entry. The entry's id follows from the window's.
ENTRIES = """
INSERT INTO mentoring_contact (
    client_id, client_digest, mother_id, lay_worker_id, happened_at, happened_on, entered_at, entered_by_id, mode,
    initiated_by, outcome, completed, influence_asked, helped_by, hindered_by, minutes, present, concern, language, topics,
    offered, note, please_ring_me, voided_reason
)
SELECT md5('entry' || p.id)::uuid, '', p.mother_id, p.lay_worker_id, p.due_on + time '10:00', p.due_on,
    p.due_on + time '12:00', w.user_id, 'phone', 'lay_worker', CASE WHEN p.id %% 4 = 0 THEN 'no_answer' ELSE 'reached' END,
    p.id %% 4 <> 0, false, '{}', '{}', CASE WHEN p.id %% 4 <> 0 THEN 20 END, CASE WHEN p.id %% 4 <> 0 THEN '{}'::text[] END,
    CASE WHEN p.id %% 4 = 0 THEN '' ELSE 'none' END, '', '{}', '', 'An invented note of a few words.', false, ''
FROM mentoring_plannedcontact p JOIN mentoring_layworker w ON w.id = p.lay_worker_id
WHERE p.id > %s AND p.closes_on <= %s
"""
MADE = """
UPDATE mentoring_plannedcontact p SET made_on = c.happened_on, fulfilled_by_id = c.id
FROM mentoring_contact c WHERE c.client_id = md5('entry' || p.id)::uuid AND c.completed AND p.id > %s
"""
# Mentoring that has ended is a hold without end: after some years most plans are held.
ENDED = """
INSERT INTO mentoring_pause (plan_id, kind, from_on, recorded_at)
SELECT p.id, 'ended', %s, %s FROM mentoring_contactplan p JOIN mentoring_pairing t ON t.mother_id = p.mother_id
WHERE t.lay_worker_id %% 3 = 0 AND NOT EXISTS (SELECT FROM mentoring_pause h WHERE h.plan_id = p.id)
"""
READS = """
INSERT INTO people_accesslog (at, kind, by_id, about_person_id, request_id, detail)
SELECT %s::timestamptz - n * interval '1 second', 'contact_details_read', %s, n %% 1000, '', '{}'
FROM generate_series(1, %s) n
"""


class World:
    """Grows to so many planned contacts, most of those that closed with an entry, and as many lines of the access log."""

    def __init__(self, *, now: datetime) -> None:
        self.now, self.today = now, local_date(now)
        self.version: ProtocolVersion = protocol.in_force(now=now)
        self.locality = Locality.objects.create(name="Benchmarkside")
        self.midwives: list[Midwife] = []
        self.lay_workers: list[LayWorker] = []
        self.mothers = 0

    def user(self, name: str, role: Role) -> User:
        """Return a new user with this right, and a second factor, as everyone has outside the demo."""
        user = User.objects.create_user(email=f"{name}@example.org", name=name, joined_at=self.now)
        RoleGrant.objects.create(user=user, role=role.value, granted_at=self.now)
        Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={"secret": "invented"})
        return user

    def grow(self, rows: int) -> None:
        """There are at least ``rows`` planned contacts."""
        before = PlannedContact.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        lines = AccessLog.objects.count()
        while self.mothers * ROWS_A_MOTHER < rows:
            with transaction.atomic():
                some = min(AT_ONCE, rows // ROWS_A_MOTHER - self.mothers + 1)
                new = [self.new(self.mothers + place) for place in range(some)]
                bulk.register_many(new, version=self.version, midwife_id=None, by=None, now=self.now)
                self.mothers += some
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(ENTRIES, [before, self.today])
            cursor.execute(MADE, [before])
            cursor.execute(ENDED, [self.today, self.now])
            cursor.execute(READS, [self.now, self.midwives[0].user_id, rows - lines])

    def new(self, number: int) -> bulk.New:
        """Return one mother to be written, with the lay-worker who has room."""
        if number // WITH_ONE == len(self.lay_workers):
            self.lay_workers.append(self.lay_worker())
        with_her = self.lay_workers[number // WITH_ONE]
        starts_on = self.today - timedelta(days=number * 7 % DAYS_BACK)
        paired = bulk.Paired(with_her.pk, with_her.supervisor_id, starts_on, starts_on)
        return bulk.New(self.registration(number, starts_on), self.state(starts_on), paired)

    def registration(self, number: int, starts_on: date) -> Registration:
        """Return what is asked when a mother is registered."""
        return Registration(
            first_name=f"Ada{number}",
            family_name="Invented",
            name_to_use=f"Ada{number}",
            starts_on=starts_on,
            edd=starts_on + timedelta(days=196),
            locality_id=self.locality.pk,
            numbers=(Number(f"+4477{number:08}", safe_to_call=True),),
            sheet=Sheet(asked_on=self.today, was_alone=True, what_to_do="Ring twice, then wait."),
            programme_code=f"M-B{number:07}",
        )

    def state(self, starts_on: date) -> changes.PlanState:
        """Return a plan as the programme makes it: every two weeks, 41 planned contacts."""
        return changes.start(
            starts_on=starts_on, edd=starts_on + timedelta(days=196), antenatal_every=14, postnatal_every=14
        )

    def lay_worker(self) -> LayWorker:
        """Return one more lay-worker, and a midwife who supervises her where the last has enough."""
        if len(self.lay_workers) // WITH_A_MIDWIFE == len(self.midwives):
            user = self.user(f"midwife{len(self.midwives)}", Role.MIDWIFE)
            self.midwives.append(staff.make_midwife(user=user, by=None, now=self.now))
        return staff.make_lay_worker(
            user=self.user(f"layworker{len(self.lay_workers)}", Role.LAY_WORKER),
            supervisor=self.midwives[-1],
            locality=self.locality,
            languages=["English"],
            weekly_hours=Decimal(8),
            by=None,
            now=self.now,
        )

    @property
    def busy(self) -> LayWorker:
        """One lay-worker among the others whose mothers' plans are not held."""
        middle = self.lay_workers[len(self.lay_workers) // 2 :]
        return next(one for one in middle if one.pk % 3)

    def mothers_of(self, lay_worker: LayWorker) -> list[Mother]:
        """Return the mothers with this lay-worker."""
        return list(Mother.objects.filter(pairings__lay_worker=lay_worker).order_by("pk"))
