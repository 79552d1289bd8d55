"""Whether a reply asks for silence. One word alone, however it is written; anything longer is read by a midwife."""

import re

# Why a text that waited did not go.
STOPPED = "stop"
STOP_WORDS = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit"})
NO_LETTER = re.compile(r"[\W\d_]+")


def is_stop(text: str) -> bool:
    """Return whether ``text`` is one of the words that silence at once, spaces, signs and case aside."""
    return NO_LETTER.sub("", text).casefold() in STOP_WORDS
