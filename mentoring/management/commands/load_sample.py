"""An invented cohort that looks like the real one; the same seed gives the same rows."""

from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from mentoring.services import sample


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--mothers", type=int, required=True)
        parser.add_argument("--seed", type=int, required=True)
        parser.add_argument("--on", type=date.fromisoformat, required=True, help="the day that is today, ISO")
        parser.add_argument(
            "--sign-ins", action="store_true", help="also the demo's sign-ins, with their known password"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["mothers"] < 1:
            raise CommandError("--mothers must be at least 1.")
        on: date = options["on"]
        now: datetime = timezone.now()
        try:
            made = sample.load(
                mothers=options["mothers"],
                seed=options["seed"],
                on=on,
                now=now,
                sign_ins=settings.DEMO or options["sign_ins"],
            )
        except sample.NotEmpty as error:
            raise CommandError("There are people here already: a sample is loaded into an empty database.") from error
        self.stdout.write(f"{made} mothers, invented with seed {options['seed']} for {on.isoformat()}.")
