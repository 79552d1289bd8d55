"""Keeps personal data out of log lines: e-mail addresses, telephone numbers and request bodies are masked."""

import logging
import re

_MASKS = (
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "[e-mail]"),
    (re.compile(r"(?<![\w-])\+?\d[\d ()]{8,}\d(?![\w-])"), "[number]"),
)


def masked(text: str) -> str:
    """Return ``text`` with e-mail addresses and telephone numbers replaced by a word."""
    for pattern, word in _MASKS:
        text = pattern.sub(word, text)
    return text


class NoPersonalData(logging.Filter):
    """Masks the message after its arguments are filled in, and drops the local values that a traceback would not show."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = masked(record.getMessage())
        record.args = None
        record.__dict__.pop("request", None)
        return True
