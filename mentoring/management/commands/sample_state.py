"""Whether there is anybody here yet, as JSON: the demo loads its cohort into an empty database alone."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from mentoring.services import sample


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(json.dumps({"empty": sample.is_empty()}))
