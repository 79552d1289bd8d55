"""The help page: the part of each right that a person holds and no other, a link to it on every page, plain words."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.test import Client

from people.rules.roles import Role
from people.views.door import LANDINGS
from tests.factories import make_user

pytestmark = pytest.mark.django_db
HEADINGS = {
    Role.LAY_WORKER: "For lay-workers",
    Role.MIDWIFE: "For midwives",
    Role.LEAD: "For the programme lead",
    Role.COORDINATOR: "For trial coordinators",
    Role.ADMINISTRATOR: "For administrators",
    Role.DPO: "For the data-protection officer",
}
LONGEST_SENTENCE = 30


@pytest.fixture(autouse=True)
def _without_second_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_REQUIRED = False


def help_of(*roles: Role) -> str:
    client = Client()
    client.force_login(make_user(*roles))
    return client.get("/help/").content.decode()


@pytest.mark.parametrize("role", sorted(Role))
def test_each_reads_the_part_of_her_right_and_no_other(role: Role) -> None:
    page = help_of(role)
    assert [held for held, heading in HEADINGS.items() if heading in page] == [
        held for held in HEADINGS if held == role
    ]
    assert ("not part of this version yet" in page) is (role not in HEADINGS)
    assert "For everyone" in page


def test_two_rights_are_two_parts_on_one_page() -> None:
    page = help_of(Role.ADMINISTRATOR, Role.LEAD)
    assert page.index("For the programme lead") < page.index("For administrators")
    assert page.count("<h1") == 1


def test_every_right_with_pages_of_its_own_has_help_and_a_guide() -> None:
    guides = {path.stem for path in (project.BASE_DIR / "docs" / "guides").glob("*.md")}
    for role, _landing in LANDINGS:
        assert role in HEADINGS
        assert role.value.replace("_", "-") in guides


def test_every_page_has_a_link_to_it_once_someone_has_signed_in() -> None:
    assert 'href="/help/"' in help_of(Role.ASSESSOR)
    assert 'href="/help/"' not in Client().get("/accounts/login/").content.decode()


@pytest.mark.parametrize(
    "part", sorted((project.BASE_DIR / "templates" / "people" / "help").glob("*.html")), ids=lambda path: path.stem
)
def test_help_is_in_short_sentences(part: Path) -> None:
    for words in re.findall(r'{% translate "(.*?)" %}', part.read_text()):
        for sentence in re.split(r"[.:;?!] ?", words):
            assert len(sentence.split()) <= LONGEST_SENTENCE, sentence
