#!/usr/bin/env python
"""Django's command line. Commands that change the schema run as the database's owner, everything else as the application."""

import os
import sys

# What only the owner may do; the application's role is neither owner nor superuser.
OWNER_COMMANDS = {"migrate", "pgtrigger"}


def main() -> None:
    """Run the command that the arguments name."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if len(sys.argv) > 1 and sys.argv[1] in OWNER_COMMANDS and os.environ.get("MIGRATE_DATABASE_URL"):
        os.environ["DATABASE_URL"] = os.environ["MIGRATE_DATABASE_URL"]
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
