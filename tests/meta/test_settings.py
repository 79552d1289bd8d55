"""With which settings production starts, and with which it refuses to, in a clear line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCTION = {
    "SECRET_KEY": "s" * 60, "EXPORT_KEY": "e" * 60, "ALLOWED_HOSTS": "alongside.example.org",
    "DATABASE_URL": "postgres:///none", "PATH": os.environ["PATH"],
}  # fmt: skip
NOTIFY = {"TEXT_CARRIER": "notify", "NOTIFY_API_KEY": "k", "NOTIFY_TEMPLATE_ID": "t", "NOTIFY_CALLBACK_TOKEN": "c" * 20}
TWILIO = {"TEXT_CARRIER": "twilio", "TWILIO_ACCOUNT_SID": "a", "TWILIO_AUTH_TOKEN": "t", "TWILIO_FROM": "+447700900999"}


def started(**settings: str) -> str:
    """Return nothing where the settings are taken, else the last line that was said."""
    done = subprocess.run(
        [sys.executable, "-c", "import config.settings"],
        cwd=ROOT,
        env=PRODUCTION | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    "chosen", [{}, {"TEXT_CARRIER": "none"}, NOTIFY, TWILIO], ids=["unset", "none", "notify", "twilio"]
)
def test_production_starts_without_a_carrier_of_texts_and_with_one_that_has_its_keys(chosen: dict[str, str]) -> None:
    assert started(**chosen) == ""


@pytest.mark.parametrize(
    ("chosen", "missing"), [(chosen, name) for chosen in (NOTIFY, TWILIO) for name in chosen if name != "TEXT_CARRIER"]
)
def test_production_refuses_to_start_with_a_carrier_that_lacks_a_key(chosen: dict[str, str], missing: str) -> None:
    said = started(**(chosen | {missing: ""}))
    assert f"{missing} must be set, because TEXT_CARRIER is {chosen['TEXT_CARRIER']}." in said


def test_production_refuses_a_carrier_that_there_is_not_and_the_demos_mailbox() -> None:
    for chosen in ("pigeon", "mailbox"):
        assert "TEXT_CARRIER must be none, notify or twilio." in started(TEXT_CARRIER=chosen)


def test_production_refuses_a_token_that_can_be_guessed() -> None:
    assert "at least 20 characters" in started(**(NOTIFY | {"NOTIFY_CALLBACK_TOKEN": "short"}))
