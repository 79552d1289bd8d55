"""The glossary has every word of the protocol's list, and what it says lives in the code does live there."""

import re
from importlib import import_module
from pathlib import Path

import pytest

GLOSSARY = (Path(__file__).resolve().parent.parent.parent / "docs" / "glossary.md").read_text()
ROWS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in GLOSSARY.splitlines() if line.startswith("| ")][1:]
# The protocol's own list of words, section 11.
WORDS = [
    "mother",
    "participant",
    "lay-worker",
    "midwife",
    "coordinator",
    "assessor",
    "pairing",
    "allocation",
    "arm",
    "locality",
    "cadence",
    "planned contact",
    "window",
    "attempt",
    "contact",
    "appointment",
    "pause",
    "cover",
    "introduction",
    "duty",
    "reminder",
    "alert",
    "message",
    "concern",
    "review",
    "supervision",
]


def test_every_word_of_the_protocol_stands_in_the_glossary_once() -> None:
    listed = [row[0] for row in ROWS]
    assert [word for word in WORDS if word not in listed] == []
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([a-z_]+(?:\.\w+)+)`", GLOSSARY))))
def test_what_the_glossary_names_is_there(path: str) -> None:
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for name in parts[length:]:
            found = (
                found.__dataclass_fields__[name]
                if name in getattr(found, "__dataclass_fields__", {})
                else getattr(found, name)
            )
        return
    pytest.fail(f"{path} is not there")
