"""How many messages stand in each status, as JSON."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from outbox.queries.messages import counts_by_status


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(json.dumps(counts_by_status()))
