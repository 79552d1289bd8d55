"""A real Chromium on a real server: given, when, then, on a telephone and on a desktop, with axe as a step."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page

ROOT = Path(__file__).resolve().parent.parent.parent
SIZES = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 900}}
PICTURES = ROOT / "docs" / "pictures"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(params=list(SIZES))
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Visitor:
    """One person at one browser window."""

    def __init__(self, context: BrowserContext, base: str, size: str) -> None:
        self.page: Page = context.new_page()
        self.base = base
        self.size = size
        self.context = context

    def signs_in(self, user) -> "Visitor":
        """Given a person signed in: by session, the door itself has tests of its own."""
        client = Client()
        client.force_login(user)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        self.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": self.base}])
        return self

    def opens(self, path: str) -> "Visitor":
        self.page.goto(self.base + path)
        self.is_well()
        return self

    def sees(self, text: str) -> "Visitor":
        assert text in self.page.inner_text("body"), (
            f"{text!r} is not on {self.page.url}:\n{self.page.inner_text('main')}"
        )
        return self

    def does_not_see(self, text: str) -> "Visitor":
        assert text not in self.page.inner_text("body")
        return self

    def taps(self, name: str, role: str = "button") -> "Visitor":
        self.page.get_by_role(role, name=name).first.click()
        self.page.wait_for_load_state()
        self.is_well()
        return self

    def is_well(self) -> None:
        """axe finds nothing, nothing scrolls sideways, one h1."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("async () => (await axe.run()).violations.map(v => v.id + ': ' + v.nodes[0].html)")
        assert found == [], f"{self.page.url}: {found}"
        wide = self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        assert not wide, f"{self.page.url} scrolls sideways at {self.size}"
        assert self.page.locator("h1").count() == 1

    def keeps_picture(self, name: str) -> None:
        if os.environ.get("ALONGSIDE_PICTURES"):
            PICTURES.mkdir(exist_ok=True)
            self.page.screenshot(path=PICTURES / f"{name}-{self.size}.png")


@pytest.fixture
def visitor(browser: Browser, size: str, live_server, settings) -> Iterator[Visitor]:
    settings.SECOND_FACTOR_REQUIRED = False
    settings.ALLOWED_HOSTS = ["*"]
    context = browser.new_context(viewport=SIZES[size], locale="en-GB", timezone_id="Europe/London", bypass_csp=True)
    context.set_default_timeout(15_000)
    yield Visitor(context, live_server.url, size)
    context.close()
