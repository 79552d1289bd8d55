"""Documents made from the code are written, or with --check compared. Asks no database and no clock."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation

from config.management.documents import DOCUMENTS


class Command(BaseCommand):
    help = "Write docs/generated/ from the code; with --check say what is stale and change nothing."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="exit 1 where a document is stale; change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        folder = settings.BASE_DIR / "docs" / "generated"
        with translation.override(settings.LANGUAGE_CODE):
            made = {name: make() for name, make in DOCUMENTS.items()}
        there = {path.name: path.read_text() for path in folder.glob("*")}
        stale = sorted(name for name in made | there if made.get(name) != there.get(name))
        if options["check"]:
            if stale:
                raise CommandError(f"Stale in docs/generated: {', '.join(stale)}. script/fix makes them again.")
            return
        folder.mkdir(parents=True, exist_ok=True)
        for name in stale:
            if name in made:
                (folder / name).write_text(made[name])
            else:
                (folder / name).unlink()
