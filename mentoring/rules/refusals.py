"""What the programme's rules refuse, as facts: a code for tests and logs, a sentence in plain words for the page."""


class Refused(Exception):
    """A change that may not happen now. ``code`` is stable; ``message`` is shown to the person who asked."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
