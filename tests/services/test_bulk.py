"""Many at once is row for row what one by one gives: mothers, plans, pairings, windows made, messages."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from mentoring.models import Contact, LayWorker, PlannedContact
from mentoring.rules import changes
from mentoring.services import bulk, contacts, duties, mothers, pairings, plans, protocol, reminders
from mentoring.services.mothers import Number, Registration, Sheet
from people.rules.local_time import local_date
from tests.factories import NOW, make_contact, make_lay_worker, make_locality, make_midwife, make_mother
from tests.factories.rows import shapes

pytestmark = pytest.mark.django_db
TODAY = local_date(NOW)


def registration(number: int, **fields: Any) -> Registration:
    values: dict[str, Any] = {
        "first_name": f"Ada{number}",
        "family_name": f"Invented{number}",
        "name_to_use": "",
        "starts_on": TODAY - timedelta(days=100),
        "edd": TODAY + timedelta(days=90),
        "locality_id": make_locality().pk,
        "programme_code": f"B-{number}",
    }
    return Registration(**(values | fields))


def cohort(lay_worker: LayWorker) -> list[tuple[Registration, LayWorker | None, date | None]]:
    """All that a caseload may hold: births before and after, rhythms of her own, no lay-worker, no number, plans over."""
    numbers = (Number("+447700900201", True, True, False), Number("+447700900202"))
    full = {
        "name_to_use": "Fifi", "date_of_birth": date(2004, 5, 11), "address": "1 Madeup Street", "language": "Polish",
        "interpreter_needed": True, "numbers": numbers,
        "sheet": Sheet(TODAY - timedelta(days=9), True, "A friend", "withheld", "Ring twice", ("partner",), True, True),
    }  # fmt: skip
    other = make_lay_worker()
    started = TODAY - timedelta(days=100)
    return [
        (registration(1), None, None),
        (registration(2, **full), lay_worker, started),
        (registration(3, every_days=28, numbers=numbers[:1]), lay_worker, TODAY),
        (registration(4, born_on=TODAY - timedelta(days=20)), other, started + timedelta(days=30)),
        (registration(5, born_on=TODAY, every_days=7), other, TODAY - timedelta(days=1)),
        (registration(6, starts_on=TODAY, edd=TODAY + timedelta(days=308)), lay_worker, TODAY),
        (registration(7, starts_on=TODAY - timedelta(days=900), edd=TODAY - timedelta(days=700)), other, TODAY),
        (registration(8, midwife_id=make_midwife().pk), None, None),
    ]


@pytest.mark.parametrize("intervals", [(14, 14), (14, 28)])
def test_registering_many_gives_the_rows_of_registering_and_pairing_one_by_one(intervals: tuple[int, int]) -> None:
    by = make_midwife()
    antenatal, postnatal = intervals
    if intervals != (14, 14):
        protocol.change(
            antenatal_every_days=antenatal, postnatal_every_days=postnatal, mothers_per_lay_worker=18, reason="Tried",
            by=by.user, now=NOW,
        )  # fmt: skip
    version = protocol.in_force(now=NOW)
    wanted = cohort(make_lay_worker())
    with transaction.atomic():
        for one, lay_worker, paired_on in wanted:
            mother = mothers.register(registration=one, by=by.user, now=NOW)
            if lay_worker is not None:
                pairings.pair(
                    mother=mother, lay_worker=lay_worker, by=by.user, now=NOW, starts_on=paired_on, announced=False
                )
        one_by_one = shapes()
        transaction.set_rollback(True)
    new = [
        bulk.New(
            one,
            changes.start(
                starts_on=one.starts_on, edd=one.edd, antenatal_every=antenatal, postnatal_every=postnatal,
                born_on=one.born_on, every_days=one.every_days,
            ),
            bulk.Paired(lay_worker.pk, lay_worker.supervisor_id, paired_on, paired_on)
            if lay_worker is not None and paired_on is not None
            else None,
        )
        for one, lay_worker, paired_on in wanted
    ]  # fmt: skip
    made = bulk.register_many(new, version=version, midwife_id=by.pk, by=by.user, now=NOW)
    reminders.refresh_for(mother_ids=[mother.pk for mother in made], now=NOW)
    duties.refresh_for(mother_ids=[mother.pk for mother in made], now=NOW)
    at_once = shapes()
    for table in one_by_one:
        assert at_once[table] == one_by_one[table], table
    assert len(at_once["Mother"]) == 8 and at_once["Message"] and len(at_once["Baby"]) == 2


def test_many_more_mothers_take_not_one_statement_more() -> None:
    lay_worker, version = make_lay_worker(), protocol.in_force(now=NOW)

    def statements(first: int, count: int) -> int:
        new = [
            bulk.New(
                one,
                changes.start(starts_on=one.starts_on, edd=one.edd, antenatal_every=14, postnatal_every=14),
                bulk.Paired(lay_worker.pk, lay_worker.supervisor_id, TODAY, TODAY),
            )
            for one in (
                registration(number, numbers=(Number("+447700900202"),)) for number in range(first, first + count)
            )
        ]
        with CaptureQueriesContext(connection) as asked:
            made = bulk.register_many(new, version=version, midwife_id=None, by=None, now=NOW)
            reminders.refresh_for(mother_ids=[mother.pk for mother in made], now=NOW)
        return len(asked)

    assert statements(1, 1) == statements(2, 40)


def _without_digest(rows: list[str]) -> list[str]:
    """The digest is of what was sent, the client id with it, which is by chance."""
    return [re.sub(r"'client_digest': '[0-9a-f]{64}'", "", row) for row in rows]


def test_recording_many_gives_the_entries_windows_and_messages_of_recording_one_by_one() -> None:
    lay_worker = make_lay_worker(now=NOW - timedelta(days=300))
    women = [
        make_mother(
            paired_with=lay_worker,
            starts_on=TODAY - timedelta(days=100 + number),
            now=NOW - timedelta(days=100 - number),
        )
        for number in range(3)
    ]
    plans.change(
        mother=women[1], request=plans.PauseFor(), asked_by="midwife", by=lay_worker.user, now=NOW - timedelta(days=50)
    )
    # Two in one window, one on the day a window opens, one long ago, one today; none for the last.
    days = {0: (0, 3, 45, 62, 90, 100), 1: (5, 51, 52), 2: ()}
    with transaction.atomic():
        for number, ago in days.items():
            for back in ago:
                make_contact(
                    mother=women[number],
                    lay_worker=lay_worker,
                    happened_at=NOW - timedelta(days=back, hours=1),
                    now=NOW,
                )
        one_by_one = shapes()
        transaction.set_rollback(True)
    bulk.record_many(
        [
            bulk.Logged(
                women[number],
                lay_worker,
                contacts.Entry(
                    uuid4(),
                    NOW - timedelta(days=back, hours=1),
                    "phone",
                    "reached",
                    minutes=20,
                    present=(),
                    concern="none",
                ),
                lay_worker.user,
                NOW,
            )
            for number, ago in days.items()
            for back in ago
        ]
    )
    keys = [mother.pk for mother in women]
    assert bulk.refulfil_many(mother_ids=keys) > 0
    reminders.refresh_for(
        mother_ids=[number for number, mother in zip(keys, women, strict=True) if mother.contacts.exists()],
        now=NOW,
        waiting=False,
    )
    at_once = shapes()
    assert at_once["PlannedContact"] == one_by_one["PlannedContact"]
    assert _without_digest(at_once["Contact"]) == _without_digest(one_by_one["Contact"])
    assert [row for row in at_once["Message"] if "'queued'" in row] == [
        row for row in one_by_one["Message"] if "'queued'" in row
    ]
    assert bulk.refulfil_many(mother_ids=keys) == 0


def test_a_window_loses_a_contact_that_no_longer_counts_and_gets_the_next() -> None:
    lay_worker = make_lay_worker(now=NOW - timedelta(days=300))
    mother = make_mother(paired_with=lay_worker, starts_on=TODAY - timedelta(days=100), now=NOW - timedelta(days=100))
    first, second, elsewhere = (
        make_contact(mother=mother, lay_worker=lay_worker, happened_at=at, now=NOW)
        for at in (
            datetime(2026, 10, 9, 9, tzinfo=UTC), datetime(2026, 10, 9, 10, tzinfo=UTC), datetime(2026, 9, 24, 9, tzinfo=UTC),
        )
    )  # fmt: skip
    made = PlannedContact.objects.filter(fulfilled_by=first)
    window = made.get()
    Contact.objects.filter(pk__in=[first.pk, elsewhere.pk]).update(
        voided_at=NOW, voided_by=lay_worker.user, voided_reason="Wrong"
    )
    assert bulk.refulfil_many(mother_ids=[mother.pk]) == 2
    window.refresh_from_db()
    assert (window.fulfilled_by_id, window.made_on) == (second.pk, date(2026, 10, 9))
    assert not PlannedContact.objects.filter(fulfilled_by__in=[first, elsewhere]).exists()
