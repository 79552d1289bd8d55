"""What works without JavaScript, and with the keyboard alone: the log, a change of plan, registering a mother."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from playwright.sync_api import Browser, Page

from mentoring.models import Contact, LayWorker, Mother, PlanChange
from people.rules.local_time import local_date
from tests.conftest import NOW
from tests.factories import make_contact, make_lay_worker, make_midwife, make_mother
from tests.journeys.conftest import Visitor, visitor_at

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def lay_worker(settings: Any) -> Iterator[LayWorker]:
    settings.SECOND_FACTOR_REQUIRED = False
    with time_machine.travel(NOW, tick=False):
        yield make_lay_worker(supervisor=make_midwife(), name="Lee Layworker", now=NOW - timedelta(days=60))


@pytest.fixture
def mother(lay_worker: LayWorker) -> Mother:
    """Return a mother who has been reached before: what she said last time is offered again."""
    mother = make_mother(
        paired_with=lay_worker,
        starts_on=local_date(NOW) - timedelta(days=14),
        name_to_use="Zia",
        now=NOW - timedelta(days=14),
    )
    make_contact(mother=mother, lay_worker=lay_worker, happened_at=NOW - timedelta(days=14), role_explained=True)
    return mother


class Plain(Visitor):
    """Someone in a browser that runs no script: nothing can look at the page but through what it says."""

    def troubles(self) -> list[str]:
        return []


@pytest.fixture
def plain(browser: Browser, live_server: Any, lay_worker: LayWorker) -> Iterator[Plain]:
    visitor = visitor_at(browser, live_server.url, "phone", java_script_enabled=False)
    plain = Plain(visitor.context, live_server.url, "phone")
    yield plain.signs_in(lay_worker.user)  # type: ignore[misc]  # itself
    visitor.context.close()


def test_a_log_is_saved_without_javascript_reached_or_not(plain: Plain, mother: Mother) -> None:
    plain.opens("/today/").taps("Log Zia", "link").taps("No answer").taps("Save")
    plain.sees("Saved: no answer. Still due 23 October.")
    plain.taps("Log Zia", "link").taps("Yes, by phone").taps("Save")
    plain.sees("There is a problem", "Say how many minutes it took", "Say whether anything worried you")
    plain.marks("How many minutes?", "20").marks("Did anything worry you?", "No").taps("Save")
    plain.sees("Fortnight of 23 October: done. Next due 6 November.")
    assert list(Contact.objects.order_by("pk").values_list("outcome", flat=True)) == ["reached", "no_answer", "reached"]


def test_a_change_of_plan_is_shown_and_saved_without_javascript(plain: Plain, mother: Mother) -> None:
    plain.opens(f"/mothers/{mother.programme_code}/").taps("Fewer, more, pause").taps("Fewer or more contacts")
    plain.marks("Another number of days").marks("She asked me").taps("Show what will move")
    plain.sees("Enter every how many days").types(every_days="21").taps("Show what will move")
    plain.sees("What will move", "Next due: Friday 23 October, then 13 November, 4 December")
    assert not PlanChange.objects.filter(kind="rhythm").exists()
    plain.taps("Save").sees("The plan has changed. Next due 23 October.")
    assert PlanChange.objects.filter(kind="rhythm").count() == 1


def test_a_mother_is_registered_and_paired_without_javascript(plain: Plain, lay_worker: LayWorker) -> None:
    plain.signs_in(lay_worker.supervisor.user).opens("/mothers/new/").types(first_name="Zia")
    plain.taps("Register her").sees("Enter her family name", "Choose where she lives")
    assert plain.page.input_value('[name="first_name"]') == "Zia"
    plain.types(family_name="Invented", starts_on_0="20", starts_on_1="10", starts_on_2="2026")
    plain.types(edd_0="1", edd_1="5", edd_2="2027", phone_1="07700 900123")
    plain.page.select_option('[name="locality"]', label="Riverside")
    plain.marks("She says it is safe to", "ring").marks("Was she alone when you asked?", "Yes").taps("Register her")
    plain.sees("Find a lay-worker for Zia").marks("Lee Layworker").taps("Pair them")
    assert Mother.objects.get().pairings.get().lay_worker == lay_worker


def reaches(page: Page, words: str) -> None:
    """When she presses Tab until what has the focus says ``words``."""
    for _press in range(60):
        page.keyboard.press("Tab")
        said = page.evaluate(
            "() => { const on = document.activeElement; return [on.innerText, on.labels?.[0]?.innerText] }"
        )
        if words in [" ".join((text or "").split()) for text in said]:
            return
    raise AssertionError(f"no Tab leads to {words!r} on {page.url}")


def test_the_keyboard_alone_reaches_the_log_and_sends_it(
    browser: Browser, live_server: Any, lay_worker: LayWorker, mother: Mother
) -> None:
    visitor = visitor_at(browser, live_server.url, "desktop").signs_in(lay_worker.user).opens("/today/")
    page = visitor.page
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.innerText").strip() == "Skip to main content"
    for words in ("Log Zia", "Yes, by phone"):
        reaches(page, words)
        with page.expect_navigation():
            page.keyboard.press("Enter")
    reaches(page, "10")
    page.keyboard.press("ArrowRight")
    reaches(page, "No")
    page.keyboard.press("Space")
    reaches(page, "Save")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    visitor.sees("Fortnight of 23 October: done.").context.close()
    said = Contact.objects.latest("pk")
    assert (said.minutes, said.present, said.concern) == (20, [], "none")
