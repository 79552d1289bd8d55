"""The messages that cases from standard input give, each as it stood with what was known at its time (domain.md section 7)."""

from mentoring.management.commands._json_cases import CasesCommand
from mentoring.rules.preview import reminder_preview


class Command(CasesCommand):
    help = __doc__
    answer = staticmethod(reminder_preview)
