"""Sequences of changes from standard input, with the planned contacts that stand at the end (domain.md section 4)."""

from mentoring.management.commands._json_cases import CasesCommand
from mentoring.rules.preview import plan_changes


class Command(CasesCommand):
    help = __doc__
    answer = staticmethod(plan_changes)
