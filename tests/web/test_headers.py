"""What every answer carries: nothing is kept, framed or fetched from elsewhere, and pages go compressed."""

import gzip

import pytest

from mentoring.services import exports
from people.rules.roles import Role
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def coordinator(client, settings):
    settings.SECOND_FACTOR_REQUIRED = False
    user = make_user(Role.COORDINATOR)
    client.force_login(user)
    return user


@pytest.mark.parametrize("path", ["/accounts/login/", "/trial/exports/", "/today/", "/nowhere/"])
def test_every_page_has_its_headers_also_those_that_refuse(client, coordinator, path):
    answer = client.get(path)
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "http" not in policy
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "geolocation=()" in answer["Permissions-Policy"]
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Request-Id"]


def test_a_page_goes_compressed_to_a_browser_that_can_read_it(client, coordinator):
    plain = client.get("/trial/exports/")
    assert "Content-Encoding" not in plain
    packed = client.get("/trial/exports/", headers={"accept-encoding": "gzip"})
    assert packed["Content-Encoding"] == "gzip"
    assert b"<h1" in gzip.decompress(packed.content)
    assert len(packed.content) < len(plain.content) / 2


def test_an_export_is_sent_as_it_is(client, coordinator, monkeypatch):
    monkeypatch.setattr(exports, "chunks", lambda **asked: iter([b"mother,lay_worker\n" * 100]))
    form = {"dataset": "contacts", "reason": "a test"}
    answer = client.post("/trial/exports/", form, headers={"accept-encoding": "gzip"})
    assert "Content-Encoding" not in answer
    assert b"".join(answer.streaming_content) == b"mother,lay_worker\n" * 100
