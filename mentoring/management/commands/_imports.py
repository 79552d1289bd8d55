"""What both import commands have in common: who asks, how a report is told, and the exit status."""

from pathlib import Path
from typing import BinaryIO, Protocol

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mentoring.management.commands._words import saying_no_row
from mentoring.rules.permissions import IMPORT_RUN
from mentoring.services.imports.report import Report, sentences
from people.access import may
from people.queries.accounts import user_by_email


class Load(Protocol):
    def __call__(self, file: BinaryIO, by: object) -> Report: ...


class ImportCommand(BaseCommand):
    """Exit status 0 where the file is in, or would be; 1 with every problem on standard error."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.csv")
        parser.add_argument("--dry-run", action="store_true", help="say what it would do, and change nothing")
        parser.add_argument("--update", action="store_true", help="apply differences too")
        parser.add_argument("--by", metavar="EMAIL", help="who asks; without it nobody is named")

    def run(self, path: Path, email: str | None, load: Load) -> None:
        by = user_by_email(email) if email else None
        if email and (by is None or not may(by, IMPORT_RUN)):
            raise CommandError("--by: nobody of this address may import.")
        try:
            with path.open("rb") as file, saying_no_row():
                report = load(file, by)
        except OSError as error:
            raise CommandError(f"The file cannot be read: {error.strerror}.") from error
        for sentence in sentences(report.warnings):
            self.stderr.write(f"warning: {sentence}")
        for sentence in sentences(report.differences):
            self.stdout.write(sentence)
        if report.problems:
            for sentence in sentences(report.problems):
                self.stderr.write(sentence)
            count = len(report.problems)
            raise CommandError(f"{count} problem{'' if count == 1 else 's'}: nothing was changed.")
        for name in report.localities:
            self.stdout.write(f"new locality: {name}")
        verb = "would be " if report.dry_run else ""
        self.stdout.write(
            f"{report.lines} lines: {report.added} {verb}added, {report.changed} {verb}changed,"
            f" {report.unchanged} as they were."
        )
