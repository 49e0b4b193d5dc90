"""Seal with the first of ENCRYPTION_KEYS what another one has sealed, while the site runs."""

from argparse import ArgumentParser
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.management.base import CommandError

from buffer_connect.flows.reseal import KINDS, Tally, Unopened, reseal
from buffer_connect.flows.status import Key, keys
from buffer_connect.management.failures import NOTHING, CommandWithoutTraceback, stopping
from buffer_connect.management.progress import ProgressLine

# Of the rows that do not open so many are named for each error; all with --verbosity 2.
NAMED = 20
# So many rows are held at once, with their tokens.
BATCH_SIZES = range(1, 10_001)
AGAIN = "What is done is done: run it again, and it goes on from there."
LEFT = (
    "Rows are left that another key has sealed. Restart every process that has the old settings, "
    "then run it again."
)


class Command(CommandWithoutTraceback):
    help = (
        "Seals with the first key of ENCRYPTION_KEYS what another one has sealed: tokens, "
        "revocations that Buffer is owed, unfinished connects. The site goes on meanwhile. The "
        "exit code is 0 when no row needs another key any more."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="open all that is sealed, with whichever key, and write nothing; the exit code is 0 "
            "when all of it opens",
        )
        parser.add_argument(
            "--batch-size",
            type=int,
            default=500,
            metavar="ROWS",
            help="rows that are read at once, 1 to 10000 (default: %(default)s)",
        )

    def handle(self, *, dry_run: bool, batch_size: int, verbosity: int, **options: Any) -> None:
        if batch_size not in BATCH_SIZES:
            raise CommandError("--batch-size takes a number from 1 to 10000.")
        most = NAMED if verbosity < 2 else None
        with stopping(NOTHING):
            self._show("before", keys())
        with stopping(NOTHING if dry_run else AGAIN):
            tally = self._reseal(batch_size, most, dry_run=dry_run)
            after = () if dry_run else keys()
        self._tell(tally, most, dry_run=dry_run)
        self._show("after", after)
        if tally.unopened:
            raise CommandError(_told(tally.unopened))
        if any(key.is_used for key in after if not key.seals):
            raise CommandError(LEFT)
        done = "All of it opens." if dry_run else "No row needs another key any more."
        self.stdout.write(self.style.SUCCESS(done))

    def _reseal(self, batch: int, most: int | None, *, dry_run: bool) -> Tally:
        line = ProgressLine(self.stdout)

        def show(tally: Tally, unopened: Unopened | None) -> None:
            if unopened and (most is None or tally.unopened[unopened.error] <= most):
                line.wipe()
                told = f"{unopened.kind} {unopened.uid}  {unopened.error}"
                self.stderr.write(f"{'left alone':<17}{told}")
            line.show(tally.seen, tally.total)

        try:
            return reseal(batch=batch, dry_run=dry_run, on_row=show)
        finally:
            line.wipe()

    def _show(self, when: str, held: Iterable[Key]) -> None:
        for key in held:
            self.stdout.write(f"{when:<17}{key}")

    def _tell(self, tally: Tally, most: int | None, *, dry_run: bool) -> None:
        rows = ", ".join(f"{kind.name}s {tally.resealed[kind.name]}" for kind in KINDS)
        self.stdout.write(f"{'to be re-sealed' if dry_run else 're-sealed':<17}{rows}")
        if tally.overtaken:
            self.stdout.write(f"{'overtaken':<17}{tally.overtaken}, others changed them meanwhile")
        for error, count in tally.unopened.items():
            if most is not None and count > most:
                told = f"{count - most} more  {error}  (--verbosity 2 names them)"
                self.stderr.write(f"{'left alone':<17}{told}")


def _told(unopened: Mapping[str, int]) -> str:
    causes = ", ".join(f"{error} {count}" for error, count in sorted(unopened.items()))
    return (
        f"Some rows do not open and were left alone: {causes}. Keep every key in ENCRYPTION_KEYS "
        "until they do."
    )
