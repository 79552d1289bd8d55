"""What the preview commands share: JSON cases in on standard input, JSON alone out, a bad case by name and field."""

import json
import sys
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand

from mentoring.rules.preview import BadCase


class CasesCommand(BaseCommand):
    """Reads cases, writes results; exit status 2 and one line on standard error for a bad case."""

    requires_system_checks: list[str] = []
    answer: Callable[[object], list[Any]]

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            cases = json.load(sys.stdin)
        except (ValueError, RecursionError) as error:
            self._refuse(f"standard input is not JSON: {error}")
        try:
            results = type(self).answer(cases)
        except BadCase as error:
            self._refuse(str(error))
        # In one piece: json.dump writes value by value in Python, three times as long as the planning itself.
        sys.stdout.write(json.dumps(results) + "\n")

    def _refuse(self, message: str) -> None:
        self.stderr.write(message)
        sys.exit(2)
