"""Taking an export: on record with who, why and which bytes before the first of them leaves."""

import hashlib
import io
from datetime import datetime, timedelta
from typing import Any

import pytest

from mentoring.models import Export
from mentoring.rules.refusals import Refused
from mentoring.services import exports
from people.models import AccessLog
from people.rules.local_time import local_date
from people.rules.roles import Role
from tests.factories import NOW, make_contact, make_lay_worker, make_mother, make_user
from tests.factories.rows import everything

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=3)


def clock() -> datetime:
    return LATER


@pytest.fixture
def coordinator() -> Any:
    lena = make_lay_worker(now=NOW - timedelta(days=100))
    begun = NOW - timedelta(days=60)
    mother = make_mother(paired_with=lena, starts_on=local_date(begun), now=begun)
    for day in range(1, 30):
        make_contact(mother=mother, lay_worker=lena, happened_at=NOW - timedelta(days=day), now=NOW)
    return make_user(Role.COORDINATOR)


def ask(by: Any, **given: Any) -> Export:
    return exports.ask(**{"dataset": "contacts", "reason": "For the committee", "by": by, "now": NOW} | given)


def test_an_export_is_on_record_with_who_why_how_many_rows_and_which_bytes(coordinator: Any) -> None:
    export, file = ask(coordinator, reason=" For the committee ", request_id="r-1"), io.BytesIO()
    assert (export.rows, export.sha256, export.finished_at) == (None, "", None)
    exports.write(export=export, target=file, clock=clock)
    kept = Export.objects.get()
    assert (kept.dataset, kept.format, kept.reason) == ("contacts", "csv", "For the committee")
    assert (kept.asked_by, kept.asked_at, kept.finished_at) == (coordinator, NOW, LATER)
    assert (kept.rows, kept.sha256) == (29, hashlib.sha256(file.getvalue()).hexdigest())
    line = AccessLog.objects.get(kind="export_taken")
    assert (line.by, line.at, line.request_id) == (coordinator, NOW, "r-1")
    assert line.detail == {"dataset": "contacts", "format": "csv", "export": kept.pk}


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.COORDINATOR])
def test_whoever_is_no_coordinator_takes_nothing(role: Role) -> None:
    by = make_user(role)
    before = everything()
    with pytest.raises(Refused, match="no_right"):
        ask(by)
    assert everything() == before


@pytest.mark.parametrize("given", [{"reason": ""}, {"reason": " \n"}, {"dataset": "participants"}])
def test_without_a_reason_or_a_data_set_nothing_is_taken(coordinator: Any, given: dict[str, str]) -> None:
    before = everything()
    with pytest.raises(Refused):
        ask(coordinator, **given)
    assert everything() == before


def test_one_that_is_broken_off_stays_on_record_as_such(coordinator: Any) -> None:
    class Full(io.BytesIO):
        def write(self, piece: Any) -> int:
            raise OSError("No space left on device")

    export = ask(coordinator)
    with pytest.raises(OSError):
        exports.write(export=export, target=Full(), clock=clock)
    kept = Export.objects.get()
    assert (kept.rows, kept.finished_at) == (None, None)
    assert AccessLog.objects.filter(kind="export_taken").count() == 1


def test_the_first_byte_leaves_after_the_record_is_complete_and_none_is_missing(
    coordinator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "CHUNK", 1000)
    export, file = ask(coordinator), io.BytesIO()
    pieces = exports.chunks(export=export, clock=clock)
    first = next(pieces)
    assert Export.objects.get().sha256
    rest = list(pieces)
    assert len(rest) > 1 and max(map(len, [first, *rest])) == 1000
    exports.write(export=ask(coordinator), target=file, clock=clock)
    assert b"".join([first, *rest]) == file.getvalue()
