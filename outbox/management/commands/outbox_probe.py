"""How many messages stand in each status, as JSON; or send one through the whole outbox and see what becomes of it."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from outbox.queries.messages import counts_by_status, status_of
from outbox.services.letters import write_test_reminder


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", metavar="EMAIL", help="queue a test reminder to this user, print its reference")
        parser.add_argument("--status", metavar="REFERENCE", help="print the status of the message with this reference")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["to"]:
            said: dict[str, Any] = {"reference": write_test_reminder(email=options["to"], now=timezone.now())}
        elif options["status"]:
            said = {"status": status_of(options["status"])}
        else:
            said = counts_by_status()
        self.stdout.write(json.dumps(said))
