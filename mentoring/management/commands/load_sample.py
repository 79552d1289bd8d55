"""An invented cohort that looks like the real one; the same seed gives the same rows."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from mentoring.management.commands._words import day
from mentoring.services import sample


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--mothers", type=int, required=True)
        parser.add_argument("--seed", type=int, required=True)
        parser.add_argument("--on", required=True, metavar="DATE", help="the day up to which they have a past")
        parser.add_argument(
            "--sign-ins", action="store_true", help="also the demo's sign-ins, with their known password"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["mothers"] < 1:
            raise CommandError("--mothers must be at least 1.")
        on = day("--on", options["on"])
        try:
            made = sample.load(
                mothers=options["mothers"],
                seed=options["seed"],
                on=on,
                now=timezone.now(),
                sign_ins=settings.DEMO or options["sign_ins"],
            )
        except sample.NotYet as error:
            raise CommandError("--on lies in the future: their past cannot.") from error
        except sample.NotEmpty as error:
            raise CommandError("There are people here already: a sample is loaded into an empty database.") from error
        self.stdout.write(f"{made} mothers, invented with seed {options['seed']} for {on.isoformat()}.")
