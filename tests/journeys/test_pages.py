"""The first pages of lay-worker and midwife, as a sample cohort fills them."""

from datetime import UTC, datetime

import pytest

from mentoring.services import sample
from people.models import User
from people.rules.local_time import local_date

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def cohort() -> None:
    now = datetime.now(UTC)
    sample.load(mothers=14, seed=1, on=local_date(now), now=now, sign_ins=True)


def test_a_lay_worker_sees_her_day_and_a_midwife_her_caseload(cohort, visitor):
    visitor.signs_in(User.objects.get(email="layworker@example.org")).opens("/today/")
    visitor.keeps_picture("today")
    visitor.page.locator("a[href^='/mothers/']").first.click()
    visitor.page.wait_for_load_state()
    visitor.is_well()
    visitor.keeps_picture("mother")
    visitor.signs_in(User.objects.get(email="midwife@example.org")).opens("/caseload/")
    visitor.keeps_picture("caseload")
    for path in ("/awaiting/", "/mothers/new/", "/messages/"):
        visitor.opens(path)
    visitor.keeps_picture("messages")
