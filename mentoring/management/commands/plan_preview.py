"""Plans from standard input, with every planned contact and its status on a day (domain.md section 4)."""

from mentoring.management.commands._json_cases import CasesCommand
from mentoring.rules.preview import plan_preview


class Command(CasesCommand):
    help = __doc__
    answer = staticmethod(plan_preview)
