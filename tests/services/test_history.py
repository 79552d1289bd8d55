"""Every path that writes leaves who, why and which request in the history that triggers keep."""

from datetime import timedelta

import pghistory
import pytest
from django.apps import apps  # the models of history are made by pghistory, not by a module

from mentoring.services import contacts, pairings, plans
from tests.conftest import NOW
from tests.factories import make_contact, make_lay_worker, make_mother, make_user

pytestmark = pytest.mark.django_db


def history_of(name, **fields):
    return apps.get_model("mentoring", f"{name}Event").objects.filter(**fields)


def test_each_service_that_writes_leaves_who_and_why_on_every_row_it_wrote():
    by = make_user("midwife")
    with pghistory.context(user=by.pk, why="a test", request="r-1"):
        lay_worker = make_lay_worker()
        mother = make_mother(paired_with=lay_worker, starts_on=NOW.date() - timedelta(days=30), by=by)
        contact = make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW - timedelta(hours=2), now=NOW)
        contacts.void(contact=contact, reason="Wrong", by=lay_worker.user, now=NOW)
        plans.change(mother=mother, request=plans.PauseFor(), asked_by="midwife", by=by, now=NOW)
        plans.change(mother=mother, request=plans.Resume(), asked_by="midwife", by=by, now=NOW + timedelta(days=3))
        pairings.end(pairing=mother.pairings.get(), reason="moved", by=by, now=NOW)
    for name in ("Mother", "Pairing", "Contact", "ContactPlan", "Cadence", "Pause", "PlanChange"):
        rows = list(history_of(name))
        assert rows, name
        for row in rows:
            assert (row.pgh_context or {}).get("user") == by.pk, name
            assert row.pgh_context["why"] == "a test"
            assert row.pgh_context["request"] == "r-1"


def test_an_update_keeps_a_row_for_each_state_that_was():
    lay_worker = make_lay_worker()
    mother = make_mother(paired_with=lay_worker, starts_on=NOW.date() - timedelta(days=30))
    contact = make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW - timedelta(hours=2), now=NOW)
    contacts.void(contact=contact, reason="Wrong", by=lay_worker.user, now=NOW)
    labels = list(
        history_of("Contact", pgh_obj=contact.pk).order_by("pgh_id").values_list("pgh_label", "voided_reason")
    )
    assert labels == [("insert", ""), ("update", "Wrong")]


def test_a_password_is_in_no_history():
    fields = {field.name for field in apps.get_model("people", "UserEvent")._meta.fields}
    assert "password" not in fields and "email" in fields
