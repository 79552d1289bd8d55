"""The contacts data set: a row an attempt, nothing that says who, the same bytes for the same data, memory flat."""

import csv
import io
import re
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, models

from mentoring.exports import contacts as dataset
from mentoring.models import Contact, LayWorker, Mother, PlannedContact
from mentoring.services import appointments, contacts, mothers, plans
from people.models import Baby, User
from people.rules.local_time import local_date
from tests.factories import (
    NOW,
    make_contact,
    make_lay_worker,
    make_locality,
    make_mother,
)
from tests.factories.rows import _models

pytestmark = pytest.mark.django_db
KEY = "a key of these tests"
TODAY = local_date(NOW)
CELL = re.compile(r"-?\d+|[a-z][a-z_]*|[MW][0-9a-f]{16}|")


class Sink:
    """Where an export is written: keeps the bytes and how large the pieces were; ``does`` happens before each."""

    def __init__(self, does: Any = lambda: None) -> None:
        self.pieces: list[bytes] = []
        self.does = does

    def write(self, piece: bytes) -> int:
        self.does()
        self.pieces.append(bytes(piece))
        return len(piece)


def taken(key: str = KEY) -> bytes:
    sink = Sink()
    dataset.copy_to(sink, key=key)
    return b"".join(sink.pieces)


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


@pytest.fixture
def lena() -> LayWorker:
    return make_lay_worker(now=NOW - timedelta(days=100))


@pytest.fixture
def ada(lena: LayWorker) -> Mother:
    """Registered and paired on 15 July 2026, 100 days before NOW."""
    begun = NOW - timedelta(days=100)
    return make_mother(paired_with=lena, starts_on=local_date(begun), edd=date(2026, 10, 20), now=begun)


def test_every_attempt_is_a_row_with_its_columns(ada: Mother, lena: LayWorker) -> None:
    at = NOW - timedelta(days=86, hours=2)
    make_contact(mother=ada, lay_worker=lena, happened_at=at - timedelta(days=1), outcome="no_answer", now=at)
    make_contact(
        mother=ada, lay_worker=lena, happened_at=at, mode="home_visit", minutes=45, present=("partner",), engagement=4,
        influence_asked=True, helped_by=("partner", "friend"), hindered_by=("her_mother",), interpreter=True,
        now=at + timedelta(hours=49, minutes=59),
    )  # fmt: skip
    plans.change(
        mother=ada,
        request=plans.Birth(date(2026, 10, 18), ("", "")),
        asked_by="she_to_lay_worker",
        by=lena.user,
        now=NOW,
    )
    late = make_contact(
        mother=ada, lay_worker=lena, happened_at=datetime(2026, 10, 17, 23, 30, tzinfo=UTC), outcome="declined_today",
        initiated_by="mother", now=NOW,
    )  # fmt: skip
    contacts.void(contact=late, reason="Wrong", by=lena.user, now=NOW)
    content = taken()
    assert content.decode().splitlines()[0].split(",") == [
        "mother", "lay_worker", "attempt", "day", "phase", "mode", "outcome", "reached", "completed", "two_way",
        "initiated_by", "minutes", "planned_number", "planned_day", "engagement", "influence_asked", "helped", "hindered",
        "interpreter", "late_entry_hours", "voided",
    ]  # fmt: skip
    found = rows(content)
    who = {"mother": dataset.pseudonym(KEY, "mother", ada.pk), "lay_worker": dataset.pseudonym(KEY, "worker", lena.pk)}
    plain = dict.fromkeys(found[0], "") | who | {"influence_asked": "0", "helped": "0", "hindered": "0", "voided": "0"}
    assert found == [
        plain | {
            "attempt": "1", "day": "13", "phase": "antenatal", "mode": "phone", "outcome": "no_answer", "reached": "0",
            "completed": "0", "two_way": "0", "initiated_by": "lay_worker", "late_entry_hours": "24",
        },
        plain | {
            "attempt": "2", "day": "14", "phase": "antenatal", "mode": "home_visit", "outcome": "reached", "reached": "1",
            "completed": "1", "two_way": "1", "initiated_by": "lay_worker", "minutes": "45", "planned_number": "1",
            "planned_day": "14", "engagement": "4", "influence_asked": "1", "helped": "2", "hindered": "1",
            "interpreter": "1", "late_entry_hours": "49",
        },
        # 00:30 local on the day of the birth.
        plain | {
            "attempt": "3", "day": "95", "phase": "postnatal", "mode": "phone", "outcome": "declined_today", "reached": "0",
            "completed": "0", "two_way": "1", "initiated_by": "mother", "late_entry_hours": "131", "voided": "1",
        },
    ]  # fmt: skip


def test_there_is_a_row_for_each_attempt_of_twins_and_of_windows_taken_out(ada: Mother, lena: LayWorker) -> None:
    for day in range(10, 40, 5):
        make_contact(mother=ada, lay_worker=lena, happened_at=NOW - timedelta(days=day), now=NOW)
    plans.change(mother=ada, request=plans.Rhythm(28), asked_by="midwife", by=lena.user, now=NOW)
    plans.change(mother=ada, request=plans.Birth(TODAY, ("", "", "")), asked_by="midwife", by=lena.user, now=NOW)
    assert len(rows(taken())) == Contact.objects.count() == 6
    assert PlannedContact.objects.filter(withdrawn_at__isnull=False).exists()


def test_attempts_from_before_she_was_registered_are_days_below_nought(lena: LayWorker) -> None:
    mother = make_mother(paired_with=lena, starts_on=TODAY - timedelta(days=40), now=NOW)
    make_contact(mother=mother, lay_worker=lena, happened_at=NOW - timedelta(days=30), now=NOW)
    assert rows(taken())[0]["day"] == "-30"


def _texts(model: type[models.Model]) -> Iterator[models.Field]:  # type: ignore[type-arg]  # of any value
    for field in model._meta.concrete_fields:
        if isinstance(field, models.CharField | models.TextField) and not field.choices:
            yield field


def _planted(ada: Mother, lena: LayWorker) -> set[str]:
    """Fill every text of every table that bears on a contact with a formula of its own; return them."""
    at = NOW - timedelta(days=20)
    entry = contacts.Entry(
        uuid4(), at, "home_visit", "reached", minutes=20, present=("friend",), concern="routine", language="=lang()",
        interpreter=False, travel_minutes=10, travel_miles=Decimal("7.5"), topics=("mood",), offered="=offered()",
        taken_up=True, note='=note(";\n"),+44 7700 900999', feeling=2,
    )  # fmt: skip
    recorded = contacts.record(mother=ada, lay_worker=lena, entry=entry, by=lena.user, now=NOW)
    contacts.correct(
        contact=recorded.contact, entry=contacts.Entry(**{**_fields(entry), "note": "=note2()"}), reason="=reason()",
        by=lena.user, now=NOW,
    )  # fmt: skip
    contacts.void(contact=recorded.contact, reason="=void()", by=lena.user, now=NOW)
    appointments.agree(
        mother=ada, starts_at=NOW + timedelta(days=1), mode="home_visit", place="=place()", by=lena.user, now=NOW
    )
    mothers.renew_safe_contact(
        mother=ada, sheet=mothers.Sheet(TODAY, True, "=if_else()", "=seen()", "=what_to_do()", ("hostel",)),
        numbers=(mothers.Number("07700 900888", True),), by=lena.user, now=NOW,
    )  # fmt: skip
    plans.change(mother=ada, request=plans.Birth(TODAY, ("=baby()",)), asked_by="midwife", by=lena.user, now=NOW)
    type(ada.person).objects.filter(pk=ada.person_id).update(
        first_name="=first()", family_name="@family", name_to_use="+use", address="-address\t1", language="\t=tab()",
        locality=make_locality("=locality()"),
    )  # fmt: skip
    User.objects.filter(pk=lena.user_id).update(email="=user()@example.org", name="=name()", phone="+447700900777")
    LayWorker.objects.filter(pk=lena.pk).update(languages=["=speaks()"])
    Mother.objects.filter(pk=ada.pk).update(programme_code="=code()")
    found = {"=lang()", "=speaks()", "hostel", "friend", "mood", "7.5"}
    for model in _models():
        for field in _texts(model):
            values = model._default_manager.exclude(**{field.name: ""}).values_list(field.name, flat=True)
            found |= {str(value) for value in values if value is not None}
    return found


def _fields(entry: contacts.Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in contacts.Entry.__dataclass_fields__}


def test_no_text_of_any_table_is_in_the_file_nor_a_date_nor_an_id(ada: Mother, lena: LayWorker) -> None:
    planted = _planted(ada, lena)
    assert {"=offered()", "=note2()", "=reason()", "=void()", "=place()", "=what_to_do()", "=baby()", "+447700900888",
            "@family", "=locality()", "=code()", "=user()@example.org"} <= planted  # fmt: skip
    content = taken().decode()
    assert len(rows(content.encode())) == 1
    for text in planted | {"=note(", "900999", "900777"}:
        assert text not in content, text
    assert not re.search(r"\d{4}-\d\d|\d\d:\d\d|[0-9a-f]{8}-", content)


def test_every_cell_is_a_number_a_code_or_a_hash_so_that_none_is_a_formula(ada: Mother, lena: LayWorker) -> None:
    _planted(ada, lena)
    make_contact(mother=ada, lay_worker=lena, happened_at=NOW - timedelta(days=10), now=NOW)
    for record in csv.reader(io.StringIO(taken().decode())):
        for cell in record:
            assert CELL.fullmatch(cell), cell


def test_every_column_of_codes_comes_from_a_field_that_has_a_list_of_them() -> None:
    for column in dataset.COLUMNS:
        if column.type == "code" and column.name != "phase":
            field = Contact._meta.get_field(column.sql.removeprefix("c."))
            assert field.choices and all(CELL.fullmatch(str(code)) for code, _label in field.choices), column.name
        assert column.label and column.type in {"id", "integer", "days", "code", "0/1", "minutes", "1-5", "hours"}


def test_ids_need_the_key_and_are_the_same_in_every_export(ada: Mother, lena: LayWorker) -> None:
    for day in (20, 10):
        make_contact(mother=ada, lay_worker=lena, happened_at=NOW - timedelta(days=day), now=NOW)
    first, other = rows(taken()), rows(taken("another key"))
    assert first[0]["mother"] == first[1]["mother"] and first == rows(taken())
    for name in ("mother", "lay_worker"):
        assert first[0][name] != other[0][name]
    assert first[0]["mother"][1:] != first[0]["lay_worker"][1:]


def test_the_same_data_give_the_same_bytes_and_their_hash(ada: Mother, lena: LayWorker) -> None:
    for day in range(20, 0, -1):
        make_contact(mother=ada, lay_worker=lena, happened_at=NOW - timedelta(days=day), now=NOW)
    assert taken() == taken()
    one, two = Sink(), Sink()
    assert dataset.copy_to(one, key=KEY) == dataset.copy_to(two, key=KEY)
    # A row moved within the table (as an update does) is not another row.
    Contact.objects.order_by("pk").first().save(update_fields=["note"])  # type: ignore[union-attr]  # it is there: made above
    assert taken() == b"".join(one.pieces)


def test_without_attempts_the_file_is_its_header(ada: Mother) -> None:
    sink = Sink()
    count, _hash = dataset.copy_to(sink, key=KEY)
    assert count == 0 and b"".join(sink.pieces).decode().strip().split(",") == list(dataset.names())


def test_it_leaves_in_pieces_that_do_not_grow_with_the_rows(ada: Mother, lena: LayWorker) -> None:
    Contact.objects.bulk_create(
        Contact(
            client_id=uuid4(), mother=ada, lay_worker=lena, happened_at=NOW - timedelta(minutes=minute), happened_on=TODAY,
            entered_at=NOW, entered_by=lena.user, mode="phone", outcome="no_answer",
        )
        for minute in range(3000)
    )  # fmt: skip
    sink = Sink()
    count, _hash = dataset.copy_to(sink, key=KEY)
    assert count == 3000 and len(sink.pieces) > 10
    assert max(map(len, sink.pieces)) <= 64 * 1024


@pytest.mark.django_db(transaction=True)
def test_what_is_logged_meanwhile_is_not_in_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    lena = make_lay_worker(now=NOW - timedelta(days=100))
    ada = make_mother(paired_with=lena, starts_on=TODAY - timedelta(days=40), now=NOW - timedelta(days=40))
    make_contact(mother=ada, lay_worker=lena, happened_at=NOW - timedelta(days=30), now=NOW)
    hashes = dataset._hashes

    def hashed(key: str, what: str, table: str) -> Any:
        found = hashes(key, what, table)
        if what == "mother":
            other = threading.Thread(target=log)
            other.start()
            other.join()
        return found

    def log() -> None:
        make_contact(mother=ada, lay_worker=lena, happened_at=NOW - timedelta(days=20), now=NOW)
        connection.close()

    monkeypatch.setattr(dataset, "_hashes", hashed)
    assert len(rows(taken())) == 1
    monkeypatch.undo()
    assert len(rows(taken())) == 2 and Baby.objects.count() == 0
