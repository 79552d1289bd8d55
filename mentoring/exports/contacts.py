"""The ``contacts`` data set: one row an attempt, safe by its column list. No arm, name, number, address or free text."""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from io import RawIOBase
from typing import Any

from django.db import connection, transaction

VERSION = 1


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, what an analyst reads about it, its type, and the SQL expression it comes from."""

    name: str
    label: str
    type: str
    sql: str


# Codes are stored codes; a text cell can hold nothing that a spreadsheet would take for a formula.
COLUMNS = (
    Column("mother", "Mother, keyed hash", "id", "m.hash"),
    Column("lay_worker", "Lay-worker, cluster code", "id", "w.hash"),
    Column("attempt", "Number of the attempt for this mother, from 1", "integer",
           "row_number() OVER (PARTITION BY c.mother_id ORDER BY c.happened_at, c.entered_at, c.id)"),
    Column("day", "Days from registration to the attempt", "days",
           "c.happened_on - (mo.registered_at AT TIME ZONE 'Europe/London')::date"),
    Column("phase", "antenatal, or postnatal from the recorded birth on", "code",
           "CASE WHEN b.born_on IS NOT NULL AND c.happened_on >= b.born_on THEN 'postnatal' ELSE 'antenatal' END"),
    Column("mode", "How the attempt was made", "code", "c.mode"),
    Column("outcome", "What came of it", "code", "c.outcome"),
    Column("reached", "1 if it reached her", "0/1", "(c.outcome = 'reached')::int"),
    Column("completed", "1 if it fulfils a planned contact by its mode", "0/1", "c.completed::int"),
    Column("two_way", "1 if she took part", "0/1",
           "(c.outcome IN ('reached', 'declined_today', 'she_rearranged'))::int"),
    Column("initiated_by", "Who started it", "code", "c.initiated_by"),
    Column("minutes", "Minutes", "minutes", "c.minutes"),
    Column("planned_number", "Number of the planned contact it fulfils, from 0", "integer", "p.number"),
    Column("planned_day", "Days from registration to that due date", "days",
           "p.due_on - (mo.registered_at AT TIME ZONE 'Europe/London')::date"),
    Column("engagement", "Engagement as the lay-worker felt it, 1 to 5", "1-5", "c.engagement"),
    Column("influence_asked", "1 if helping or hindering was asked about", "0/1", "c.influence_asked::int"),
    Column("helped", "Number of kinds of people who helped", "integer", "cardinality(c.helped_by)"),
    Column("hindered", "Number of kinds of people who hindered", "integer", "cardinality(c.hindered_by)"),
    Column("interpreter", "1 if an interpreter was there", "0/1", "c.interpreter::int"),
    Column("late_entry_hours", "Whole hours from the attempt to its entry", "hours",
           "floor(extract(epoch FROM c.entered_at - c.happened_at) / 3600)::int"),
    Column("voided", "1 if the entry was taken back", "0/1", "(c.voided_at IS NOT NULL)::int"),
)  # fmt: skip

QUERY = """
COPY (
    SELECT {columns}
    FROM mentoring_contact c
    JOIN mentoring_mother mo ON mo.id = c.mother_id
    JOIN unnest({mothers}::bigint[], {mother_hashes}::text[]) AS m(id, hash) ON m.id = c.mother_id
    JOIN unnest({workers}::bigint[], {worker_hashes}::text[]) AS w(id, hash) ON w.id = c.lay_worker_id
    LEFT JOIN mentoring_plannedcontact p ON p.fulfilled_by_id = c.id
    LEFT JOIN (
        SELECT pr.person_id, min(baby.born_on) AS born_on
        FROM people_baby baby JOIN people_pregnancy pr ON pr.id = baby.pregnancy_id GROUP BY pr.person_id
    ) b ON b.person_id = mo.person_id
    ORDER BY c.id
) TO STDOUT WITH (FORMAT csv, HEADER true)
"""


def pseudonym(key: str, what: str, row_id: int) -> str:
    """Return the keyed hash of a row: the same for the same key, nothing to guess the row from without it."""
    digest = hmac.new(key.encode(), f"programme:{what}:{row_id}".encode(), hashlib.sha256).hexdigest()
    return f"{what[0].upper()}{digest[:16]}"


def _hashes(key: str, what: str, table: str) -> tuple[list[int], list[str]]:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT id FROM "{table}" ORDER BY id')  # noqa: S608 - a name from this module
        ids = [row[0] for row in cursor.fetchall()]
    return ids, [pseudonym(key, what, row_id) for row_id in ids]


class _Counting:
    """Passes bytes on, and keeps their hash and the number of lines."""

    def __init__(self, target: Any) -> None:
        self.target = target
        self.sha256 = hashlib.sha256()
        self.lines = 0

    def write(self, chunk: bytes) -> int:
        self.sha256.update(chunk)
        self.lines += chunk.count(b"\n")
        self.target.write(chunk)
        return len(chunk)


def copy_to(target: RawIOBase | Any, *, key: str) -> tuple[int, str]:
    """Write the data set as CSV to ``target`` from one snapshot; return its rows and the SHA-256 of its bytes.

    Streams: memory does not grow with the rows, but by one hash for each mother. The key stays out of the query text.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            if not connection.in_atomic_block or len(connection.savepoint_ids) == 0:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        mothers, mother_hashes = _hashes(key, "mother", "mentoring_mother")
        workers, worker_hashes = _hashes(key, "worker", "mentoring_layworker")
        counting = _Counting(target)
        with connection.cursor() as cursor:
            raw = cursor.cursor
            filled = QUERY.format(
                columns=", ".join(f'{column.sql} AS "{column.name}"' for column in COLUMNS),
                mothers=_literal(raw, mothers),
                mother_hashes=_literal(raw, mother_hashes),
                workers=_literal(raw, workers),
                worker_hashes=_literal(raw, worker_hashes),
            )
            raw.copy_expert(filled, counting)
    return counting.lines - 1, counting.sha256.hexdigest()


def _literal(cursor: Any, values: list[Any]) -> str:
    text: str = cursor.mogrify("%s", (values,)).decode()
    return text


def names() -> Iterable[str]:
    """Return the names of the columns in order."""
    return (column.name for column in COLUMNS)
