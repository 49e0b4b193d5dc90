"""Print a new entry for ENCRYPTION_KEYS."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from buffer_connect.models.keys import new_entry
from buffer_connect.sealing import InvalidKeys, generate_entry


class Command(BaseCommand):
    help = (
        "Prints a new entry for ENCRYPTION_KEYS. Keep it secret, apart from the database and its "
        "backups: without it no stored token can be read."
    )
    # It is needed before the settings are right.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--kid",
            help="id of the key (default: the year and month, with a letter when that is taken)",
        )

    def handle(self, *, kid: str | None, **options: Any) -> None:
        try:
            entry = new_entry(datetime.now(UTC)) if kid is None else generate_entry(kid)
        except InvalidKeys as error:
            raise CommandError(str(error)) from error
        self.stdout.write(entry)
