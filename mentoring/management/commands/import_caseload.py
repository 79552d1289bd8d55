"""Read a caseload from a spreadsheet saved as CSV: all of it, or nothing and every problem by line and column."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from mentoring.management.commands._imports import ImportCommand
from mentoring.management.commands._words import day
from mentoring.services.imports import caseload


class Command(ImportCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--create-localities", action="store_true", help="make localities not yet known")
        parser.add_argument(
            "--records-from",
            metavar="DATE",
            help="the day from which contacts were written down (today unless given)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        typed = options["records_from"]
        records_from = day("--records-from", typed) if typed else None
        chosen = caseload.Options(records_from, options["create_localities"], options["update"])
        self.run(
            options["file"],
            options["by"],
            lambda file, by: caseload.load(
                file=file, options=chosen, dry_run=options["dry_run"], by=by, now=timezone.now()
            ),
        )
