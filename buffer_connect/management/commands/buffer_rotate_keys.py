"""Seal with the first of ENCRYPTION_KEYS what another one has sealed, while the site runs."""

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError

from buffer_connect.flows.reseal import KINDS, Tally, Unopened, reseal
from buffer_connect.flows.status import Key, keys
from buffer_connect.management.progress import ProgressLine

# Of the rows that do not open so many are named for each error; all with --verbosity 2.
NAMED = 20
AGAIN = "What is done is done: run it again, and it goes on from there."
LEFT = (
    "Rows are left that another key has sealed. Restart every process that has the old settings, "
    "then run it again."
)


class Command(BaseCommand):
    help = (
        "Seals with the first key of ENCRYPTION_KEYS what another one has sealed: tokens, "
        "revocations that Buffer is owed, unfinished connects. The site goes on meanwhile. The "
        "exit code is 0 when no row needs another key any more."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="open everything and write nothing; the exit code is 0 when all of it opens",
        )
        parser.add_argument(
            "--batch-size",
            type=int,
            default=500,
            metavar="ROWS",
            help="rows that are read at once (default: %(default)s)",
        )

    def handle(self, *, dry_run: bool, batch_size: int, verbosity: int, **options: Any) -> None:
        if batch_size < 1:
            raise CommandError("--batch-size takes a positive number.")
        try:
            self._show("before", keys())
            tally = self._reseal(batch_size, dry_run=dry_run)
            after = () if dry_run else keys()
        except ImproperlyConfigured as error:
            raise CommandError(f"Nothing was changed. {error}") from error
        except (DatabaseError, KeyboardInterrupt) as error:
            raise CommandError(f"Stopped by {type(error).__name__}. {AGAIN}") from error
        self._tell(tally, dry_run=dry_run)
        self._show("after", after)
        self._name(tally.unopened, most=None if verbosity > 1 else NAMED)
        if tally.unopened:
            raise CommandError(_told(tally.unopened))
        if any(key.is_used for key in after if not key.seals):
            raise CommandError(LEFT)
        done = "All of it opens." if dry_run else "No row needs another key any more."
        self.stdout.write(self.style.SUCCESS(done))

    def _reseal(self, batch: int, *, dry_run: bool) -> Tally:
        line = ProgressLine(self.stdout)

        def show(tally: Tally) -> None:
            line.show(tally.seen, tally.total)

        try:
            return reseal(batch=batch, dry_run=dry_run, on_row=show)
        finally:
            line.wipe()

    def _show(self, when: str, held: Iterable[Key]) -> None:
        for key in held:
            self.stdout.write(f"{when:<17}{key}")

    def _tell(self, tally: Tally, *, dry_run: bool) -> None:
        rows = ", ".join(f"{kind.name}s {tally.resealed[kind.name]}" for kind in KINDS)
        self.stdout.write(f"{'to be re-sealed' if dry_run else 're-sealed':<17}{rows}")
        if tally.overtaken:
            self.stdout.write(f"{'overtaken':<17}{tally.overtaken}, others changed them meanwhile")

    def _name(self, unopened: Iterable[Unopened], *, most: int | None) -> None:
        rows: dict[str, list[Unopened]] = {}
        for row in unopened:
            rows.setdefault(row.error, []).append(row)
        for error, those in rows.items():
            for row in those[:most]:
                self.stderr.write(f"{'left alone':<17}{row.kind} {row.uid}  {error}")
            if most and len(those) > most:
                told = f"{len(those) - most} more  {error}  (--verbosity 2 names them)"
                self.stderr.write(f"{'left alone':<17}{told}")


def _told(unopened: Iterable[Unopened]) -> str:
    counts = Counter(row.error for row in unopened)
    causes = ", ".join(f"{error} {count}" for error, count in sorted(counts.items()))
    return (
        f"Some rows do not open and were left alone: {causes}. Keep every key in ENCRYPTION_KEYS "
        "until they do."
    )
