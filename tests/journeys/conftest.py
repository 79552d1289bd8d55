"""A real Chromium on a real server: given, when, then, on a telephone and on a desktop, with axe as a step."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page

from people.models import User

ROOT = Path(__file__).resolve().parent.parent.parent
SIZES = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 900}}
PICTURES = ROOT / "docs" / "pictures"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
TITLE_ENDS = " – Alongside"
# What must be true of every page; returns what is not.
LOOK = """async (titleEnds) => {
  const found = (await axe.run({resultTypes: ['violations']})).violations.map(
    (violation) => `${violation.id}: ${violation.nodes[0].html}`)
  if (document.documentElement.scrollWidth > window.innerWidth) found.push('scrolls sideways')
  const headings = document.querySelectorAll('h1').length
  if (headings !== 1) found.push(`has ${headings} h1`)
  const title = document.title.replace(/^Error: /, '')
  if (!title.endsWith(titleEnds) || title.length === titleEnds.length) found.push(`is titled "${document.title}"`)
  return found
}"""
FORMS = "main form[method=post]:has(input:not([type=hidden]), select, textarea)"
# The last form that asks for something, its boxes emptied.
SEND_EMPTY = """(forms) => {
  const form = [...document.querySelectorAll(forms)].at(-1)
  const boxes = form.querySelectorAll('input:not([type=hidden], [type=radio], [type=checkbox]), textarea')
  for (const box of boxes) box.value = ''
  form.querySelector('button[type=submit], button:not([type])').click()
}"""


@pytest.fixture(params=list(SIZES))
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Visitor:
    """One person at one browser window. ``taps_made`` counts what she tapped since she opened a page."""

    def __init__(self, context: BrowserContext, base: str, size: str) -> None:
        context.set_default_timeout(15_000)
        context.add_init_script(path=AXE)
        self.context = context
        self.base = base
        self.size = size
        self.taps_made = 0
        self.refused: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("pageerror", lambda error: self.refused.append(str(error)))
        self.page.on("console", lambda said: "Content Security" in said.text and self.refused.append(said.text))
        self.page.on(
            "response",
            lambda answer: "/static/" in answer.url and answer.status >= 400 and self.refused.append(answer.url),
        )

    def signs_in(self, user: User) -> "Visitor":
        """Given a person signed in: by session, the door itself has tests of its own."""
        client = Client()
        client.force_login(user)
        cookie = client.cookies[django_settings.SESSION_COOKIE_NAME]
        self.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": self.base}])
        return self

    def opens(self, path: str) -> "Visitor":
        self.taps_made = 0
        self.page.goto(self.base + path)
        self.is_well()
        return self

    def taps(self, name: str, role: Any = "button") -> "Visitor":
        """When she taps what leads to another page."""
        self.taps_made += 1
        with self.page.expect_navigation():
            self.page.get_by_role(role, name=name, exact=True).first.click()
        self.is_well()
        return self

    def marks(self, *path: str) -> "Visitor":
        """When she marks an answer: the question, where several have such an answer, and the answer."""
        self.taps_made += 1
        *question, answer = path
        within = self.page.get_by_role("group", name=question[0]) if question else self.page
        within.get_by_label(answer, exact=True).first.check()
        return self

    def types(self, **boxes: str) -> "Visitor":
        """When she types into the boxes with these names."""
        for name, text in boxes.items():
            self.page.fill(f'[name="{name}"]', text)
        return self

    def sees(self, *texts: str) -> "Visitor":
        said = self.page.inner_text("main")
        for text in texts:
            assert text in said, f"{text!r} is not on {self.page.url}:\n{said}"
        return self

    def does_not_see(self, *texts: str) -> "Visitor":
        said = self.page.inner_text("main")
        for text in texts:
            assert text not in said, f"{text!r} is on {self.page.url}"
        return self

    def is_well(self) -> None:
        """axe finds nothing, nothing scrolls sideways, one h1, a title, no script or style refused."""
        assert self.troubles() == []

    def troubles(self) -> list[str]:
        """Return what is wrong with the page she is on, each with its address."""
        found = [*self.page.evaluate(LOOK, TITLE_ENDS), *self.refused]
        self.refused.clear()
        return [f"{self.page.url.removeprefix(self.base)} ({self.size}): {trouble}" for trouble in found]

    def sends_empty(self) -> list[str]:
        """Send the page's form with nothing typed; return what is wrong with how it says so."""
        page = self.page
        if page.locator(FORMS).count() == 0:
            return [f"{page.url} holds no form"]
        with page.expect_navigation():
            page.evaluate(SEND_EMPTY, FORMS)
        found = self.troubles()
        if not page.title().startswith("Error: "):
            found.append(f"{page.url} is titled {page.title()!r} after an empty form")
        links = page.locator(".nhsuk-error-summary a")
        if links.count() == 0:
            found.append(f"{page.url} names nothing that is missing")
        for link in links.all():
            link.click()
            if not page.evaluate("() => document.activeElement.matches('main :is(input, select, textarea)')"):
                found.append(f"{page.url}: {link.inner_text()!r} leads to no control")
        return found

    def keeps_picture(self, name: str) -> None:
        """The picture of this name and size is taken anew where the README shows it and script/pictures asks for it."""
        picture = PICTURES / f"{name}-{self.size}.png"
        if os.environ.get("ALONGSIDE_PICTURES") and picture.exists():
            self.page.screenshot(path=picture)


def visitor_at(browser: Browser, base: str, size: str, **options: Any) -> Visitor:
    """Return someone at a window of this size, in a browser that remembers nothing."""
    context = browser.new_context(
        **({"viewport": SIZES[size], "locale": "en-GB", "timezone_id": "Europe/London"} | options)
    )
    return Visitor(context, base, size)


@pytest.fixture
def visitor(browser: Browser, size: str, live_server: Any, settings: Any) -> Iterator[Visitor]:
    settings.SECOND_FACTOR_REQUIRED = False
    someone = visitor_at(browser, live_server.url, size)
    yield someone
    someone.context.close()
