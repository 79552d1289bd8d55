"""Take a data set as a file: script/manage export contacts --format csv --to PATH --by EMAIL --reason TEXT."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from mentoring.management.commands._words import saying_no_row
from mentoring.rules.refusals import Refused
from mentoring.services import exports
from people.queries.accounts import user_by_email


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("dataset", choices=["contacts"])
        parser.add_argument("--format", choices=["csv"], required=True)
        parser.add_argument("--to", type=Path, required=True, metavar="PATH")
        parser.add_argument("--by", required=True, metavar="EMAIL")
        parser.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        user = user_by_email(options["by"])
        if user is None:
            raise CommandError("Nobody has this e-mail address.")
        to: Path = options["to"]
        if to.is_dir():
            raise CommandError("--to is a folder: name a file in it.")
        part = to.with_name(to.name + ".part")
        try:
            with part.open("wb") as file, saying_no_row():
                export = exports.ask(dataset=options["dataset"], reason=options["reason"], by=user, now=timezone.now())
                exports.write(export=export, target=file, clock=timezone.now)
            part.replace(to)
        except Refused as refused:
            raise CommandError(refused.message) from refused
        except OSError as error:
            raise CommandError(f"The file cannot be written: {error.strerror}.") from error
        finally:
            # No half of a file is left, whatever stopped it.
            part.unlink(missing_ok=True)
        self.stdout.write(f"{export.rows} rows, SHA-256 {export.sha256}")
