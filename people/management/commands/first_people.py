"""Make the first two granters, once: script/manage first_people ONE@example.org "One Name" TWO@example.org "Two Name"."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from people.services import users


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("people", nargs=4, metavar="EMAIL NAME", help="two e-mail addresses, each with a name")

    def handle(self, *args: Any, **options: Any) -> None:
        one, one_name, two, two_name = options["people"]
        try:
            users.make_first(people=[(one, one_name), (two, two_name)], now=timezone.now())
        except users.AccountRefused as refused:
            raise CommandError(refused.message) from refused
        self.stdout.write("Both are administrators. Their invitations are in the outbox.")
