"""Read attempts and contacts from a spreadsheet saved as CSV: all of it, or nothing and every problem by line and column."""

from typing import Any

from django.utils import timezone

from mentoring.management.commands._imports import ImportCommand
from mentoring.services.imports import contacts


class Command(ImportCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        self.run(
            options["file"],
            options["by"],
            lambda file, by: contacts.load(
                file=file,
                options=contacts.Options(options["update"]),
                dry_run=options["dry_run"],
                by=by,
                now=timezone.now(),
            ),
        )
