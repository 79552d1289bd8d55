"""The words that no text to a mother may hold: whoever picks up her telephone learns nothing (domain.md section 6)."""

import re

# Stems: each stands for whatever begins with it.
FORBIDDEN = (
    "alongside", "antenatal", "babies", "baby", "birth", "bereave", "bump", "caseload", "child", "clinic", "consent",
    "counsel", "doctor", "due date", "feeding", "health", "hospital", "hsc", "infant", "labour", "lay-worker",
    "lay worker", "loss", "matern", "medic", "mentor", "midwi", "miscarr", "moments", "mother", "mum", "newborn", "nhs",
    "nurs", "participant", "patient", "postnatal", "pregnan", "programme", "recruit", "research",
    "safeguard", "scan", "scheme", "social work", "stillb", "study", "support", "survey", "terminat", "toddler", "trial",
    "trimester", "twin", "ultrasound", "volunteer", "ward",
)  # fmt: skip
_PATTERN = re.compile(r"\b(?:" + "|".join(re.escape(stem) for stem in FORBIDDEN) + ")", re.IGNORECASE)


def gives_away(text: str) -> bool:
    """Return whether ``text`` holds a word that would tell another reader anything, or an address to look at."""
    return bool(_PATTERN.search(text)) or "http" in text.casefold() or "www." in text.casefold()
