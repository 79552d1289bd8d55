"""Locks on gate rows, always in id order: exclusive for a loss, pause or transfer, shared for a hand-over."""

from collections.abc import Iterable

from django.db import connection

from people.models import Gate


def lock_exclusively(gate_ids: Iterable[int]) -> None:
    """No message of these people is handed over until this transaction ends; waits for one already in a carrier's hands."""
    list(Gate.objects.select_for_update(no_key=True).filter(pk__in=list(gate_ids)).order_by("pk").values_list("pk"))


def lock_shared(gate_ids: Iterable[int]) -> None:
    """Nobody changes what these people may be sent until this transaction ends; other hand-overs go on beside it."""
    ids = sorted(set(gate_ids))
    with connection.cursor() as cursor:
        # Django has no FOR SHARE.
        cursor.execute("SELECT id FROM people_gate WHERE id = ANY(%s) ORDER BY id FOR SHARE", [ids])
